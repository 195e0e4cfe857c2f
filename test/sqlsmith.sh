#!/bin/bash
#
# sqlsmith.sh: random queries against a server with the module
#
# usage: test/sqlsmith.sh [SECONDS]        called by `make sqlsmith`
#
# sqlsmith makes up queries from what it finds in the catalogs, most of them
# wrong.  It does so in a private cluster that has some issues already, as an
# operator in the home database and as an ordinary user in another one.  At
# the end no process may have crashed or ended, every error must have come
# from the ring into the tables, and health() must have nothing to say.  What
# a run that failed has left is kept in build/log/sqlsmith.

set -eu
. "$(dirname "$0")/lib/common.sh"

# Some issues, with and without a patch; then both sqlsmiths can begin.
prepare()
{
  psql -qX -v ON_ERROR_STOP=1 << 'SQL' 2> "$out/prepare.err" || {
create role smith_operator login in role homeostasis_operator;
create role smith_user login;
create database shop owner smith_user;
\connect shop smith_user
create table orders (id serial primary key, note varchar(10),
                     placed_at date not null default current_date);
insert into orders (id, note) values (1, 'imported'), (2, 'imported');
create table parts (day date, n int) partition by range (day);
create table parts_20260101 partition of parts
  for values from ('2026-01-01') to ('2026-01-02');
create function boom() returns int language plpgsql as
  $$ begin raise 'boom' using errcode = 'XX000'; end $$;
\set ON_ERROR_STOP 0
\o /dev/null
insert into orders (note) values ('new');
insert into parts values ('2026-01-02', 1);
select boom();
SQL
    cat "$out/prepare.err" >&2
    die 'the cluster could not be prepared'
  }
  wait_until "select count(*) >= 2 from homeostasis.patches"
}

# wait_until QUERY: until it gives true, for two minutes at most
wait_until()
{
  local tries
  for tries in $(seq 1200); do
    [ "$(psql -qXAt -c "$1")" != t ] || return 0
    sleep 0.1
  done
  die "waited two minutes for: $1"
}

workers()
{
  psql -qXAt -c "select kind, number, pid from homeostasis.stat_workers
    where kind <> 'operator' order by 1, 2"
}

# smith DATABASE ROLE: queries until the time is over, which is how it must end
smith()
{
  local status=0
  timeout "$seconds" sqlsmith --verbose \
    --target="host=$PGHOST port=$PGPORT dbname=$1 user=$2" \
    > "$out/$2.out" 2> "$out/$2.err" || status=$?
  [ "$status" = 124 ] || {
    echo "sqlsmith as $2 ended by itself, with status $status:"
    tail -n 5 "$out/$2.err"
    return 1
  } >> "$out/complaints"
}

# What the module says about itself, if anything, and what it has lost.
examine()
{
  psql -qXAt << 'SQL'
select format('health(): %s: %s: %s', h."check", h.status, h.detail)
from homeostasis.health() h where h.status <> 'ok';
select 'not stored: ' || to_jsonb(i)::text from homeostasis.stat_intake i
where captured <> stored + duplicate + rejected + excluded
   or stored <> (select count(*) from homeostasis.errors e
                 where e.origin in ('server_log', 'report'))
   or failed_batches > 0;
select 'a worker failed: ' || to_jsonb(w)::text from homeostasis.stat_workers w
where w.errors > 0;
SQL
}

# Every error in the log was captured, or counted as dropped.
compare_with_log()
{
  local logged counted
  logged=$(grep -cE ' smith_[a-z]+@[a-z]+ (ERROR|FATAL): ' "$PGHOST/log" || true)
  counted=$(psql -qXAt -c "
    select count(*) + (select sum(dropped_full + dropped_too_large + dropped_nested)
                       from homeostasis.stat_intake)
    from homeostasis.errors e
    where e.origin = 'server_log' and e.session_role_name like 'smith\_%'")
  echo "errors in the log: $logged, stored or dropped: $counted" > "$out/errors"
  [ "$logged" = "$counted" ] || cat "$out/errors"
}

inside()
{
  local before status=0
  out=$build/log/sqlsmith
  rm -rf "$out"
  mkdir -p "$out"
  : > "$out/complaints"
  prepare
  before=$(workers)

  smith postgres smith_operator &
  smith shop smith_user || true
  wait

  wait_until 'select used_bytes = 0 from homeostasis.stat_intake'
  {
    grep -E 'terminated by signal|PANIC:|TRAP:|exited with exit code [^01]' \
      "$PGHOST/log" || true
    grep -E 'background worker "homeostasis (launcher|ingest|healer).*exited' \
      "$PGHOST/log" || true
    [ "$before" = "$(workers)" ] || echo 'a worker is another one than before'
    examine
    compare_with_log
  } >> "$out/complaints" 2>&1

  cat "$out/errors" "$out/complaints"
  if [ -s "$out/complaints" ]; then
    cp "$PGHOST/log" "$out/server.log"
    echo "what the run left is kept in $out"
    status=1
  else
    rm -rf "$out"
    echo 'the module is as healthy as before'
  fi
  return "$status"
}

if [ "${1-}" = --inside ]; then
  seconds=$2
  inside
else
  exec "$top/test/cluster.sh" run fsync=off -- \
    "$top/test/sqlsmith.sh" --inside "${1:-60}"
fi
