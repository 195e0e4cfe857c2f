-- checkup.sql: trouble that raises no error yet.
--
-- Each find_*() returns what it found as events, in the form that report()
-- takes; checkup() stores them as errors of origin checkup, so that rules
-- diagnose them and patches heal them like any other.  SQLSTATEs HO101 to
-- HO105 are theirs; HO106 is that of drops.sql.  Indexes and sequences are those of this database, the
-- rest is seen in the whole cluster.  A finding keeps its message, but for
-- numbers, until it is mended: it is the same issue each time.

create function homeostasis.finding(sqlstate text, error_type text, database name,
  message text, hint text, metadata jsonb, place jsonb default '{}')
returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object('sqlstate', sqlstate, 'error_type', error_type, 'language', 'sql',
    'level', 'warning', 'database', database, 'error_message', message, 'hint', hint,
    'metadata', metadata) || place
$$;

comment on function homeostasis.finding(text, text, name, text, text, jsonb, jsonb) is
  'One thing that a checkup found, as an event';

create function homeostasis.find_wraparound() returns setof jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select homeostasis.finding('HO101', 'wraparound_near', d.datname,
    format('database "%s" has not been frozen for %s %s', d.datname, a.age, a.what),
    'The server stops taking commands that write at about two thousand million.',
    jsonb_build_object('counter', a.what, 'age', a.age, 'limit', a.due))
  from pg_database d
  cross join lateral (values
    ('transactions', age(d.datfrozenxid)::bigint,
     current_setting('autovacuum_freeze_max_age')::bigint),
    ('multixacts', mxid_age(d.datminmxid)::bigint,
     current_setting('autovacuum_multixact_freeze_max_age')::bigint)) a (what, age, due)
  where d.datallowconn and a.age > least(2 * a.due, 1500000000)
$$;

comment on function homeostasis.find_wraparound() is
  'Databases whose oldest row autovacuum should have frozen long ago';

create function homeostasis.find_held_wal() returns setof jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select homeostasis.finding('HO102', 'slot_holds_wal',
    coalesce(s.database, current_database()),
    format('replication slot "%s" holds back %s of WAL', s.slot_name, pg_size_pretty(w.held)),
    'Let its consumer catch up, or drop the slot if it has none.',
    jsonb_build_object('slot', s.slot_name, 'slot_type', s.slot_type, 'active', s.active,
      'restart_lsn', s.restart_lsn, 'wal_bytes', w.held, 'wal_status', s.wal_status),
    jsonb_build_object('constraint_name', s.slot_name))
  from pg_replication_slots s
  cross join lateral (
    select pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn) as held) w
  where not s.temporary
    and w.held > 2 * pg_size_bytes(current_setting('max_wal_size'))
$$;

comment on function homeostasis.find_held_wal() is
  'Replication slots that keep more than twice max_wal_size of WAL from being removed';

create function homeostasis.find_blockers(idle interval default '1 minute')
returns setof jsonb
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  select homeostasis.finding('HO103', 'idle_in_transaction_blocker', a.datname,
    format('a session of role "%s" is idle in a transaction and blocks %s others',
           a.usename, count(*)),
    'End it with pg_terminate_backend(), and set idle_in_transaction_session_timeout.',
    jsonb_build_object('pid', a.pid, 'backend_start', a.backend_start, 'role', a.usename,
      'application', a.application_name, 'idle_since', a.state_change, 'blocked', count(*)))
  from pg_stat_activity a
  join pg_stat_activity b on a.pid = any (pg_blocking_pids(b.pid))
  where a.state in ('idle in transaction', 'idle in transaction (aborted)')
    and a.state_change <= now() - idle
    and b.wait_event_type = 'Lock'
  group by a.datname, a.usename, a.pid, a.backend_start, a.application_name, a.state_change
$$;

comment on function homeostasis.find_blockers(interval) is
  'Sessions that have done nothing in their transaction for a time while others wait for them';

create function homeostasis.find_invalid_indexes() returns setof jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select homeostasis.finding('HO104', 'invalid_index', current_database(),
    format('index "%s" of table "%s" is invalid', c.relname, t.relname),
    'It costs every write and serves no query: drop it or build it again.',
    jsonb_build_object('index', c.relname, 'size', pg_relation_size(c.oid)),
    jsonb_build_object('schema_name', n.nspname, 'table_name', t.relname,
      'constraint_name', c.relname))
  from pg_index i
  join pg_class c on c.oid = i.indexrelid and c.relkind = 'i'
  join pg_class t on t.oid = i.indrelid
  join pg_namespace n on n.oid = t.relnamespace
  where not i.indisvalid and i.indislive
    -- Nobody is building it: whoever does holds this lock on its table.
    and not exists (select from pg_locks l
                    where l.locktype = 'relation' and l.relation = t.oid
                      and l.database = (select d.oid from pg_database d
                                        where d.datname = current_database())
                      and l.mode in ('ShareUpdateExclusiveLock', 'ShareLock',
                                     'AccessExclusiveLock'))
$$;

comment on function homeostasis.find_invalid_indexes() is
  'Indexes that a CREATE INDEX CONCURRENTLY or REINDEX left behind when it failed';

create function homeostasis.find_ending_sequences() returns setof jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select homeostasis.finding('HO105', 'sequence_near_end', current_database(),
    format('sequence "%s" has %s values left', s.sequencename, e.last - s.last_value),
    'Make the column and its sequence bigint before the values run out.',
    jsonb_build_object('last_value', s.last_value, 'end', e.last, 'data_type', s.data_type,
      'column_table', a.attrelid::regclass, 'column', a.attname, 'column_type',
      format_type(a.atttypid, a.atttypmod)),
    jsonb_build_object('schema_name', s.schemaname, 'table_name', s.sequencename))
  from pg_sequences s
  join pg_namespace n on n.nspname = s.schemaname
  join pg_class c on c.relname = s.sequencename and c.relnamespace = n.oid and c.relkind = 'S'
  left join pg_depend d
    on d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype in ('a', 'i')
      and d.refclassid = 'pg_class'::regclass and d.refobjsubid > 0
  left join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
  cross join lateral (select least(s.max_value, case a.atttypid
    when 'smallint'::regtype then 32767 when 'integer'::regtype then 2147483647
    else s.max_value end) as last) e
  where s.increment_by > 0 and not s.cycle
    and s.last_value - s.min_value > 0.9 * (e.last::numeric - s.min_value)
$$;

comment on function homeostasis.find_ending_sequences() is
  'Sequences that have used nine tenths of their values, or of those their column can hold. Sees sequences that homeostasis_owner may read: grant select on them to it';

create function homeostasis.findings() returns setof jsonb
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  select homeostasis.find_wraparound() union all
  select homeostasis.find_held_wal() union all
  select homeostasis.find_blockers() union all
  select homeostasis.find_invalid_indexes() union all
  select homeostasis.find_ending_sequences()
$$;

comment on function homeostasis.findings() is 'All that a checkup finds now, as events';

create function homeostasis.is_still_found(event jsonb) returns boolean
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  select exists (select from homeostasis.findings() f (finding)
    where (f.finding ->> 'error_type', f.finding ->> 'database', f.finding ->> 'schema_name',
           f.finding ->> 'table_name', f.finding ->> 'constraint_name')
      is not distinct from
        (event ->> 'error_type', event ->> 'database', event ->> 'schema_name',
         event ->> 'table_name', event ->> 'constraint_name'))
$$;

comment on function homeostasis.is_still_found(jsonb) is
  'Whether a checkup would find again what an earlier one stored as this event';

create function homeostasis.checkup() returns table (error_type text, database name, message text)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  results jsonb[];
begin
  results := array(select homeostasis.findings());
  perform homeostasis.ingest_checkup(to_jsonb(results));
  return query
    select f ->> 'error_type', (f ->> 'database')::name, f ->> 'error_message'
    from unnest(results) f;
end
$$;

comment on function homeostasis.checkup() is
  'Looks for trouble that raises no error yet, stores it as errors of origin checkup, and returns it: wraparound, slots that hold WAL, idle transactions that block, invalid indexes, sequences near their end';
grant execute on function homeostasis.checkup() to homeostasis_operator;
