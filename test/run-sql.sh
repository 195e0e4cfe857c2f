#!/bin/bash
#
# run-sql.sh: the pgTAP tests, test/sql/*.sql, by pg_prove
#
# usage: test/run-sql.sh       T='test/sql/patch*' chooses files
#
# One cluster serves the run.  Each file gets a new database of its own, in
# which pgtap and the extension are there already.  The workers serve only the
# home database, so a file that needs them says so in its first line:
#
#   -- runs in: home
#
# Such files share the home database and run one at a time, while nothing
# else runs; they leave it as they found it.  (-- runs in: own is the
# default.)  Called by `make test-sql`.

set -eu
. "$(dirname "$0")/lib/common.sh"
. "$top/test/lib/choose.sh"

# Within the cluster: prepare the databases, run the files.
inside()
{
  local status=0
  psql -qX -v ON_ERROR_STOP=1 << 'SQL'
set client_min_messages = warning;
create extension homeostasis;
create extension pgtap;
create database homeostasis_template;
\connect homeostasis_template
set client_min_messages = warning;
create extension homeostasis;
create extension pgtap;
SQL
  HOMEOSTASIS_LOCK=$(mktemp)
  export HOMEOSTASIS_LOCK
  pg_prove --jobs 2 --psql-bin "$top/test/lib/psql-test" "$@" || status=$?
  rm -f "$HOMEOSTASIS_LOCK"

  if grep -E 'terminated by signal|PANIC:|TRAP:' "$PGHOST/log"; then
    echo 'the server crashed during the run (see above)'
    status=1
  fi
  if [ "$status" != 0 ]; then
    mkdir -p "$build/log"
    cp "$PGHOST/log" "$build/log/test-sql.log"
    echo "the server's log is kept as build/log/test-sql.log"
  fi
  return "$status"
}

if [ "${1-}" = --inside ]; then
  shift
  cd "$top"
  inside "$@"
else
  choose test/sql .sql
  exec "$top/test/cluster.sh" run --no-extension \
    fsync=off max_connections=50 -- \
    "$top/test/run-sql.sh" --inside "${files[@]}"
fi
