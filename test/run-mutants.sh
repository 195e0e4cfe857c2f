#!/bin/bash
#
# run-mutants.sh: takes one protection out at a time, and demands that its
# tests fail
#
# usage: test/run-mutants.sh       M='hook-* audit-chain' chooses mutants
#
# A mutant is a file test/mutants/NAME.patch: a line "Breaks: ..." (it may go
# on over more lines) that says in plain words what goes wrong without the
# protection, a line "Fails: ..." with the test files that must notice, perhaps
# behind variables that choose what they test (NAME=value), and a diff that
# takes the protection out.
#
# Works in a copy of what git tracks here, in a temporary directory.  First the
# tests must pass in it as it is; then each diff is applied, built, tested and
# taken back.  A test that does not end in time has noticed as well; what it
# leaves running is ended.  Fails unless every mutant is killed: a diff that
# does not apply or build any more is a failure, too.  MUTANT_SECONDS is the
# time limit of one test file.  Called by `make mutants`.

set -eu
. "$(dirname "$0")/lib/common.sh"

seconds=${MUTANT_SECONDS:-400}

# The files that $M names, without suffix; sets mutants.
choose_mutants()
{
  local pattern file
  mutants=()
  for pattern in ${M:-*}; do
    for file in "$top"/test/mutants/$pattern.patch; do
      [ -f "$file" ] || die "no mutant matches '$pattern'"
      mutants+=("$(basename "$file" .patch)")
    done
  done
}

# tests_of MUTANT: the test files that it names, one a line, each behind the
# variables it is run with
tests_of()
{
  local file=$work/mutants/$1.patch words word variables=
  grep -q '^Breaks: ' "$file" || die "$file: no line begins with \"Breaks: \""
  words=$(sed -n '/^diff /q; s/^Fails: //p' "$file")
  [ -n "$words" ] || die "$file: no line begins with \"Fails: \""
  for word in $words; do
    case $word in
      *=*) variables="$variables$word " ;;
      *)
        [ -f "$top/$word" ] ||
          die "mutant $1 names a test that is not there: $word"
        echo "$variables$word"
        ;;
    esac
  done
}

# build: like the checkout's own; its output is in $log
build()
{
  make -C "$tree" -s --no-print-directory private modules > "$log" 2>&1 \
    < /dev/null
}

# run_test TEST, as tests_of() prints it: sets result to passed, failed or
# hung, and took
run_test()
{
  local file=${1##* } variables=${1% *} kind status=0 start=$SECONDS
  [ "$variables" != "$file" ] || variables=
  kind=${file#test/}
  kind=${kind%%/*}
  [ "$kind" != t ] || kind=tap
  env $variables TMPDIR="$work/tmp" HOMEOSTASIS_FIRST_FAILURE=1 \
    timeout --kill-after=60 "$seconds" \
    make -C "$tree" -s --no-print-directory "test-$kind" T="$file" \
    PROVE_FLAGS=-v > "$log" 2>&1 < /dev/null || status=$?
  end_servers "$work/tmp"
  took=$((SECONDS - start))
  case $status in
    0) result=passed ;;
    124 | 137) result=hung ;;
    *) result=failed ;;
  esac
}

# The first assertion in the log that failed, else the first error.
first_failure()
{
  grep -m 1 -oE 'not ok [0-9]+ - .*|Failed test [0-9]+: .*' "$log" ||
    grep -m 1 -oE 'waited [0-9]+ s .*|(ERROR|FATAL|PANIC): .*|runtime error: .*' \
      "$log" || grep -m 1 -E 'FAILED|Dubious' "$log" || true
}

# keep NAME: the log of what went wrong
keep()
{
  mkdir -p "$build/log/mutants"
  cp "$log" "$build/log/mutants/$1"
}

# say MUTANT TEST RESULT TOOK [WHY]: a line of the table
say()
{
  printf '%-34s %-42s %-9s %4d s  %s\n' "$1" "$2" "$3" "$4" "${5-}"
  [ "$3" = killed ] || {
    survivors=$((survivors + 1))
    keep "$1.log"
  }
}

# prepare: the copy, which must build and pass
prepare()
{
  local tests test
  mkdir -m 1777 "$work/tmp"
  mkdir "$tree"
  cp -r "$top/test/mutants" "$work"
  git -C "$top" ls-files -z |
    tar -C "$top" --ignore-failed-read --null -T - -cf - |
    tar -C "$tree" -xf - --no-same-owner
  build || {
    cat "$log"
    die "the checkout itself does not build"
  }
  tests=$(for mutant in "${mutants[@]}"; do tests_of "$mutant"; done)
  readarray -t tests < <(sort -u <<< "$tests")
  for test in "${tests[@]}"; do
    run_test "$test"
    printf '%-34s %-42s %-9s %4d s\n' '(as it is)' "$test" "$result" "$took"
    [ "$result" = passed ] || {
      keep "$(basename "${test##* }").log"
      die "a test that does not pass shows nothing; see build/log/mutants"
    }
  done
}

# try MUTANT: applies it, builds, runs its tests, takes it back
try()
{
  local patch=$work/mutants/$1.patch test
  if ! git -C "$tree" apply "$patch" > "$log" 2>&1; then
    say "$1" - 'does not apply' 0 "$(head -n 1 "$log")"
    return
  fi
  if build; then
    while read -r test; do
      run_test "$test"
      case $result in
        passed) say "$1" "$test" survived "$took" ;;
        hung) say "$1" "$test" killed "$took" 'it did not end' ;;
        failed) say "$1" "$test" killed "$took" "$(first_failure)" ;;
      esac
    done < <(tests_of "$1")
  else
    say "$1" - 'does not build' 0 "$(grep -m 1 -E 'error' "$log")"
  fi
  git -C "$tree" apply -R "$patch"
}

finish()
{
  trap '' HUP INT TERM
  end_servers "$work"
  [ ! -x "$tree/test/private.sh" ] || "$tree/test/private.sh" remove
  rm -rf "$work"
}

# Bash reads a script while it runs it, and this one may be edited meanwhile: so
# all of it is in functions, and the last line is one.
main()
{
  local mutant
  choose_mutants
  work=$(mktemp -d /var/tmp/homeostasis-mutants.XXXXXX)
  tree=$work/tree
  log=$work/log
  survivors=0
  trap finish EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  chmod 755 "$work"
  rm -rf "$build/log/mutants"
  prepare
  for mutant in "${mutants[@]}"; do
    try "$mutant"
  done
  [ "$survivors" = 0 ] || die "not killed: $survivors; see build/log/mutants"
  echo "all ${#mutants[@]} mutants were killed"
}

main; exit
