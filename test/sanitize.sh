#!/bin/bash
#
# sanitize.sh: tests on a server whose use of memory is watched
#
# usage: test/sanitize.sh              called by `make sanitize`
#
#   WITH=sanitizers   AddressSanitizer and UndefinedBehaviorSanitizer: all
#                     tests that need a server (the default)
#   WITH=valgrind     memcheck, which also sees memory that was never written:
#                     a few tests, because it is fifty times slower
#   T='pattern...'    chooses test files
#
# The distribution's server cannot be watched, so one is built from its source
# package, with assertions: once for a version, in build/sanitize/WITH/server
# (SERVER_SOURCE=DIR names an unpacked source to use instead).  The tests run
# from a copy of the checkout beside it, where the module is built with the
# server's flags.  Each process writes what is found into a file of its own,
# outside of the tests' sight; any finding fails the run, and is kept in
# build/log/WITH.

set -eu
. "$(dirname "$0")/lib/common.sh"
. "$top/test/lib/source.sh"

with=${WITH:-sanitizers}
work=$build/sanitize/$with
source_hint='name an unpacked source in SERVER_SOURCE'
options='--enable-cassert --enable-tap-tests --with-lz4 --with-openssl
--with-uuid=e2fs --without-readline --without-icu'

# What a run without T= is about under valgrind.
few='test/sql/event.sql test/sql/match.sql test/sql/partition.sql
test/isolation/specs/advance_twice.spec test/t/022_operator_once.pl
test/t/028_intake_bytes.pl'

flags()
{
  case $with in
    sanitizers)
      # Without the option gcc follows variables through pgcrypto for minutes.
      echo -Og -g -fno-var-tracking -fno-omit-frame-pointer \
        -fsanitize=address,undefined
      ;;
    valgrind) echo -Og -g -fno-omit-frame-pointer -DUSE_VALGRIND ;;
    *) die "WITH is sanitizers or valgrind, not $with" ;;
  esac
}

# Configures, builds and installs the server, in the way of nobody.
build_server()
{
  (
    cd "$1" &&
      nice ./configure --quiet --prefix="$work/server" $options \
        CFLAGS="$(flags)" &&
      nice make -s -j2 && nice make -s -j2 -C contrib &&
      make -s install && make -s -C contrib install
  ) > "$work/build.log" 2>&1 || {
    tail -n 30 "$work/build.log" >&2
    die "the server could not be built: see $work/build.log"
  }
}

# valgrind_programs: the server starts under valgrind from now on, but for the
# moments in which initdb fills a new data directory.
valgrind_programs()
{
  local bin=$work/server/bin
  cp "$1/src/tools/valgrind.supp" "$work/server"
  mv "$bin/postgres" "$bin/postgres.watched"
  cat > "$bin/postgres" << 'SH'
#!/bin/sh
# Starts the server under valgrind; test/sanitize.sh says more.
self=$(dirname "$(readlink -f "$0")")/postgres.watched
case ${1-} in
  --boot | --single | --check | --describe-config | -C | -V | --version) exec "$self" "$@" ;;
esac
exec valgrind --quiet --leak-check=no --error-limit=no --num-callers=30 \
  --suppressions="$HOMEOSTASIS_SUPPRESSIONS" --gen-suppressions=no \
  --log-file="$HOMEOSTASIS_FINDINGS/%p" "$self" "$@"
SH
  chmod 755 "$bin/postgres"
}

# The extensions that tests use and that are no part of the server; those in C
# belong to the same version of it.
borrow_extensions()
{
  local from to name
  from=$("$PG_CONFIG" --sharedir)/extension
  to=$("$work/server/bin/pg_config" --sharedir)/extension
  for name in pgtap hypopg pg_cron; do
    [ ! -e "$from/$name.control" ] || cp "$from/$name"* "$to"
    [ ! -e "$("$PG_CONFIG" --pkglibdir)/$name.so" ] ||
      cp "$("$PG_CONFIG" --pkglibdir)/$name.so" \
        "$("$work/server/bin/pg_config" --pkglibdir)"
  done
}

# Builds the server unless the one that is there is of this kind.
provide_server()
{
  local key
  key=$(echo "$("$PG_CONFIG" --version)" $options $(flags) ${SERVER_SOURCE-})
  [ "$(cat "$work/version" 2> /dev/null)" != "$key" ] || return 0
  rm -rf "$work"
  mkdir -p "$work/source"
  if [ -n "${SERVER_SOURCE-}" ]; then
    cp -R "$SERVER_SOURCE/." "$work/source"
  else
    unpack_source "$work/source" 1
  fi
  echo "building a server with $(flags): this takes minutes"
  build_server "$work/source"
  [ "$with" != valgrind ] || valgrind_programs "$work/source"
  borrow_extensions
  rm -rf "$work/source"
  echo "$key" > "$work/version"
}

# Copies the checkout, but for what was built and where it came from.
provide_checkout()
{
  mkdir -p "$work/checkout"
  find "$work/checkout" -mindepth 1 -maxdepth 1 ! -name build \
    -exec rm -rf {} +
  tar -C "$top" -cf - --exclude=./build --exclude=./.git --exclude='./*.so' . |
    tar -C "$work/checkout" -xf - --no-same-owner
}

# The kinds of tests that T names files of; without T, all that need a server.
kinds()
{
  local kind folder pattern
  for kind in isolation sql tap; do
    folder=test/$kind/
    [ $kind != tap ] || folder=test/t/
    for pattern in ${T:-$folder}; do
      case $pattern in
        "$folder"*)
          echo $kind
          break
          ;;
      esac
    done
  done
}

run_tests()
{
  local kind status=0
  for kind in $(kinds); do
    echo "== make test-$kind, $with"
    make -C "$work/checkout" -s --no-print-directory \
      PG_CONFIG="$work/server/bin/pg_config" T="${T-}" "test-$kind" ||
      status=$?
  done
  return "$status"
}

main()
{
  local status=0 kept=$build/log/$with
  # What make tells the commands it runs is not meant for the ones here.
  unset MAKELEVEL MAKEFLAGS MFLAGS MAKEOVERRIDES
  [ "$with" != valgrind ] || : "${T:=$few}"
  flags > /dev/null
  # Small programs leave it to their end to free what they have.
  export ASAN_OPTIONS=detect_leaks=0
  provide_server
  provide_checkout

  HOMEOSTASIS_FINDINGS=$(mktemp -d "${TMPDIR:-/tmp}/homeostasis-findings.XXXXXX")
  export HOMEOSTASIS_FINDINGS
  trap 'rm -rf "$HOMEOSTASIS_FINDINGS"' EXIT
  chmod 1777 "$HOMEOSTASIS_FINDINGS"
  # For tests that measure memory or count system calls.
  export HOMEOSTASIS_WATCHED=$with
  export PG_TEST_TIMEOUT_DEFAULT=600
  case $with in
    sanitizers)
      # A process that is found out crashes, so that its tests fail too.  The
      # runtime of gcc tells undefined behaviour only to the server's log; in
      # the module it is made a signal, which the other runtime reports.
      ASAN_OPTIONS+=:detect_stack_use_after_return=0:abort_on_error=1
      ASAN_OPTIONS+=:handle_sigill=1:log_path=$HOMEOSTASIS_FINDINGS/asan
      export COPT=-fsanitize-undefined-trap-on-error
      ;;
    valgrind)
      HOMEOSTASIS_SUPPRESSIONS=$HOMEOSTASIS_FINDINGS/.suppressions
      export HOMEOSTASIS_SUPPRESSIONS
      cp "$work/server/valgrind.supp" "$HOMEOSTASIS_SUPPRESSIONS"
      chmod 644 "$HOMEOSTASIS_SUPPRESSIONS"
      ;;
  esac
  run_tests || status=$?

  # Valgrind makes a file for each process that it watched.
  find "$HOMEOSTASIS_FINDINGS" -type f -empty -delete
  rm -rf "$kept"
  if [ -n "$(ls "$HOMEOSTASIS_FINDINGS")" ]; then
    mkdir -p "$kept"
    cp "$HOMEOSTASIS_FINDINGS"/* "$kept"
    head -n 40 "$kept"/*
    echo "findings of $(ls "$kept" | wc -l) processes are kept in $kept"
    status=1
  elif [ "$status" = 0 ]; then
    echo "$with found nothing"
  fi
  exit "$status"
}

main
