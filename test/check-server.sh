#!/bin/bash
#
# check-server.sh: PostgreSQL's own regression tests beside the module
#
# usage: test/check-server.sh          called by `make check-server`
#
# PostgreSQL's regression tests run twice in private clusters: in a bare one,
# which is the yardstick, and in one that preloads the module and has the
# extension in its home database, another one than that of the tests.  The
# module must not add a difference, no process may die, and every error the
# tests raise on purpose must get from the ring into the tables.
#
# The tests come from the source package of the installed version, which apt
# fetches from where this machine gets its packages (REGRESS_SOURCE=DIR names a
# src/test/regress to use instead).  Root is not needed.  What was fetched
# stays in build/check-server; so do the results of a run that failed.

set -eu
. "$(dirname "$0")/lib/common.sh"
. "$top/test/lib/source.sh"

work=$build/check-server
source_hint='name its src/test/regress in REGRESS_SOURCE'

# Puts the tests into $work/regress, once for a version.
provide_tests()
{
  local key
  key=$("$PG_CONFIG" --version)${REGRESS_SOURCE:+ of $REGRESS_SOURCE}
  [ "$(cat "$work/version" 2> /dev/null)" != "$key" ] || return 0
  rm -rf "$work"
  mkdir -p "$work/regress"
  if [ -n "${REGRESS_SOURCE-}" ]; then
    cp -R "$REGRESS_SOURCE/." "$work/regress"
  else
    unpack_source "$work/regress" 4 '*/src/test/regress/*'
  fi
  [ -r "$work/regress/parallel_schedule" ] ||
    die "these are no regression tests: $work/regress"
  printf 'MODULES = regress\nwith_llvm = no\nPGXS = %s\ninclude $(PGXS)\n' \
    "$("$PG_CONFIG" --pgxs)" > "$work/regress/Makefile"
  MAKEFLAGS= make -s -C "$work/regress" -f Makefile regress.so > "$work/make.log" 2>&1 || {
    cat "$work/make.log" >&2
    die "regress.c could not be compiled"
  }
  echo "$key" > "$work/version"
}

# inside KIND DIR: run the tests in the cluster of the environment.  The server
# reads their data and writes their results, so DIR is the server user's.
# Failed tests are no failure here: the two runs are compared.
inside()
{
  local kind=$1 dir=$2 library
  use_private
  mkdir "$dir/lib"
  cp "$work/regress/regress.so" "$dir/lib"
  for library in autoinc refint; do
    [ ! -e "$PG_PKGLIBDIR/$library.so" ] ||
      cp "$PG_PKGLIBDIR/$library.so" "$dir/lib"
  done
  cp -R "$work/regress" "$dir/tests"
  hand_over "$dir"
  as_server_user "$PG_PKGLIBDIR/pgxs/src/test/regress/pg_regress" \
    --host="$PGHOST" --port="$PGPORT" --user=postgres \
    --bindir="$PG_BINDIR" --dlpath="$dir/lib" --inputdir="$dir/tests" \
    --outputdir="$dir" --dbname=regression --max-concurrent-tests=20 \
    --schedule="$dir/tests/parallel_schedule" > "$dir/run.out" 2>&1 || true
  ls "$dir"/results/*.out > /dev/null 2>&1 || {
    cat "$dir/run.out" >&2
    die "the regression tests did not run"
  }
  psql -qXAt -c "select 'yes'" > "$dir/alive" 2>&1 || true
  [ "$kind" = bare ] || module_kept_up > "$dir/intake" 2>&1 || true
  cp "$PGHOST/log" "$dir/server.log"
}

# module_kept_up: waits until the ring is empty; prints what was lost, if
# anything was
module_kept_up()
{
  psql -qXAt -v ON_ERROR_STOP=1 -d postgres <<'SQL'
do $$
begin
  for tries in 1 .. 1200 loop
    if (select used_bytes = 0 from homeostasis.stat_intake) then
      return;
    end if;
    perform pg_sleep(0.1);
    commit;
  end loop;
  raise exception 'the ring is not empty after two minutes';
end $$;
select 'captured: ' || captured || ', stored as: '
       || (select sum(occurrences) from homeostasis.errors) from homeostasis.stat_intake;
select 'lost: ' || to_jsonb(s)::text from homeostasis.stat_intake s
where dropped_full + dropped_too_large + dropped_nested + rejected + failed_batches > 0;
select 'rejected: ' || to_jsonb(r)::text from homeostasis.rejected_events r;
select 'failed: ' || to_jsonb(w)::text from homeostasis.stat_workers w where errors > 0;
SQL
}

# failed_tests DIR: their names, one a line.  pg_regress words its lines in
# another way since version 16.
failed_tests()
{
  sed -nE -e 's/^(test)? +([a-z0-9_.]+) +\.\.\. FAILED.*/\2/p' \
    -e 's/^not ok [0-9]+ +[-+] +([a-z0-9_.]+) .*/\1/p' \
    "$1/run.out" | sort -u
}

# complain WORD...: something is wrong, and the rest is checked nevertheless
complain()
{
  echo "$*"
  status=1
}

compare()
{
  local name
  for name in $(failed_tests "$out/module"); do
    if ! failed_tests "$out/bare" | grep -qxF "$name" ||
      ! cmp -s "$out/bare/results/$name.out" "$out/module/results/$name.out"
    then
      complain "another result beside the module: $name"
      diff -U2 "$out/bare/results/$name.out" "$out/module/results/$name.out" |
        head -n 60 || true
    fi
  done
  for name in bare module; do
    [ "$(cat "$out/$name/alive")" = yes ] ||
      complain "the $name server does not answer after the tests"
    ! grep -nE 'terminated by signal|PANIC:|TRAP:|exited with exit code [^01]' \
      "$out/$name/server.log" || complain "a process of the $name server died"
  done
  ! grep -nE 'background worker "homeostasis.*exited' \
    "$out/module/server.log" || complain "a worker of the module died"
  cat "$out/module/intake"
  ! grep -qvE '^captured: ' "$out/module/intake" ||
    complain "the module did not keep up with the errors"
}

main()
{
  local kind
  provide_tests
  status=0
  out=$(mktemp -d "${TMPDIR:-/tmp}/homeostasis-check.XXXXXX")
  chmod 755 "$out"
  trap 'rm -rf "$out"' EXIT
  for kind in bare module; do
    mkdir "$out/$kind"
    echo "== the regression tests, $kind"
    "$top/test/cluster.sh" run $([ $kind = module ] || echo --bare) \
      fsync=off max_prepared_transactions=2 max_worker_processes=16 -- \
      "$top/test/check-server.sh" inside "$kind" "$out/$kind"
    echo "differences from PostgreSQL's expectation:" \
      $(failed_tests "$out/$kind")
  done
  compare
  rm -rf "$work/failed"
  if [ "$status" = 0 ]; then
    echo "the module makes no difference to PostgreSQL's tests"
  else
    cp -R "$out" "$work/failed"
    echo "the results are kept in $work/failed"
  fi
  exit "$status"
}

case ${1-} in
  inside) inside "$2" "$3" ;;
  '') main ;;
  *) die "usage: test/check-server.sh" ;;
esac
