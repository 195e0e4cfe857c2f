-- description: Freezes the tables that keep the transaction ids from advancing
-- class: maintenance
-- reversible: unneeded
-- explain: no
--
-- The ten oldest tables of the database are frozen, which disturbs nobody but
-- reads much.  It would be in vain while somebody still sees the old
-- transactions, so who does is named first.  The database's owner may vacuum
-- all its tables.
with
counter as
(
  select coalesce($1 #>> '{event,metadata,counter}', 'transactions') as name,
         current_setting('autovacuum_freeze_max_age')::bigint as due
),
-- What cannot be frozen for the sake of somebody: sessions, slots and
-- prepared transactions, the oldest first.
holders as
(
  select age, who
  from
  (
    select greatest(age(backend_xid), age(backend_xmin)) as age,
           format('session %s of role %I, whose transaction began at %s', pid, usename, xact_start) as who
    from pg_stat_activity
    where pid <> pg_backend_pid() and backend_type <> 'walsender'
    union all
    select greatest(age(xmin), age(catalog_xmin)),
           format('replication slot %I, which is %s', slot_name,
             case when active then 'active' else 'not in use' end)
    from pg_replication_slots
    union all
    select age(transaction), format('transaction %L, prepared at %s', gid, prepared)
    from pg_prepared_xacts
  ) as all_holders
  where age is not null
  order by age desc
  limit 1
),
oldest as
(
  select format('%I.%I', n.nspname, c.relname) as name,
         greatest(o.age, toast.age) as age,
         pg_total_relation_size(c.oid) as bytes
  from counter
  cross join pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  left join pg_class t on t.oid = c.reltoastrelid
  cross join lateral
    (select case counter.name when 'multixacts' then mxid_age(c.relminmxid)
                              else age(c.relfrozenxid) end) as o (age)
  cross join lateral
    (select case counter.name when 'multixacts' then mxid_age(t.relminmxid)
                              else age(t.relfrozenxid) end) as toast (age)
  where c.relkind in ('r', 'm') and not c.relisshared and c.relpersistence <> 't'
  order by greatest(o.age, toast.age) desc, c.oid
  limit 10
),
doubt as
(
  select case
    when c.name = 'transactions' and h.age > least(c.due, (select max(age) from oldest) / 2)
      then format('freezing is in vain until it ends: %s holds back %s transactions', h.who, h.age)
  end as reason
  from counter c
  left join holders h on true
)
select
  case when d.reason is null then
    (select array_agg(format('vacuum (freeze) %s', name) order by age desc, name) from oldest)
  end as apply,
  null::text[] as undo,
  pg_get_userbyid(b.datdba) as run_as,
  'database.' || b.datname as object,
  format('The oldest rows of database %I are from before %s %s. This freezes the %s tables that hold'
    ' them, up to %s; more are left for the next time if that is not enough.', b.datname,
    (select max(age) from oldest), c.name, (select count(*) from oldest),
    (select pg_size_pretty(sum(bytes)) from oldest)) as explanation,
  false as transactional,
  jsonb_build_object(
    'tables', (select jsonb_agg(jsonb_build_object('table', name, 'age', age, 'bytes', bytes)
                                order by age desc, name) from oldest)) as evidence,
  d.reason as refusal
from pg_database b
cross join counter c
cross join doubt d
where b.datname = current_database()
