-- description: Builds an invalid or corrupted index anew
-- class: index
-- reversible: no
-- explain: no
--
-- A corrupted index of up to 64 MB is rebuilt in a transaction, so that the
-- dry run can show that the statement succeeds afterwards; every other one
-- concurrently.  What REINDEX CONCURRENTLY itself left behind is dropped.
-- There is no undo, and it is not unneeded either: with a corrupted index goes
-- the only evidence of what corrupted it.
with
-- Who raised the error: names and text in it are of his making, so he must
-- hold a privilege on the table; a checkup has no role.
raiser as
(
  select oid from pg_roles where rolname = $1 ->> 'raiser'
),
-- The failing session's search path: quoted or folded names.
path as
(
  select case when m[1] in ('$user', '"$user"') then $1 #>> '{event,role}'
              when m[1] like '"%' then replace(substr(m[1], 2, length(m[1]) - 2), '""', '"')
              else lower(m[1]) end as nspname,
         place
  from regexp_matches($1 #>> '{event,search_path}', '("(?:[^"]|"")+"|[^",\s]+)', 'g')
    with ordinality as part (m, place)
),
named as
(
  select c.oid, t.oid as relid, n.nspname, t.relname as table_name, pg_get_userbyid(c.relowner) as owner,
         format('%I.%I', n.nspname, c.relname) as name, c.relkind, i.indisvalid, i.indisexclusion,
         c.relname ~ '_cc(new|old)\d*$' as leftover,
         $1 #>> '{event,sqlstate}' = 'XX002' as corrupted,
         pg_relation_size(c.oid) as bytes,
         rank() over (order by
           n.nspname = $1 #>> '{event,schema_name}' desc nulls last,
           strpos(lower($1 #>> '{event,statement}'), lower(t.relname)) = 0,
           p.place nulls last) as rank
  from pg_index i
  join pg_class c on c.oid = i.indexrelid
  join pg_class t on t.oid = i.indrelid
  join pg_namespace n on n.oid = c.relnamespace
  left join path p on p.nspname = n.nspname
  -- The name is as the server wrote it, or as a statement did: perhaps unfolded.
  where c.relname in ($1 #>> '{captures,index}', lower($1 #>> '{captures,index}'))
),
target as
(
  select *, count(*) over () as namesakes from named where rank = 1
),
doubt as
(
  select case
    when t.namesakes > 1
      then format('there are several indexes called %I', $1 #>> '{captures,index}')
    when t.nspname in ('pg_catalog', 'pg_toast')
      then format('%s belongs to the system: a superuser has to REINDEX it, perhaps in single-user'
        ' mode with ignore_system_indexes', t.name)
    when not exists (select from raiser r
                     where exists (select from pg_partition_ancestors(t.relid) as a (relid)
                                   where has_any_column_privilege(r.oid, a.relid, 'select, insert, update'))
                        or has_any_column_privilege(r.oid, t.relid, 'select, insert, update')
                        or pg_has_role(r.oid, t.owner, 'usage'))
      and $1 ->> 'origin' is distinct from 'checkup'
      then format('the role that raised the error may not use the table of %s', t.name)
    when t.indisvalid and not t.corrupted
      then format('index %s is valid by now', t.name)
    when t.relkind = 'I'
      then format('%s is the index of a partitioned table, invalid because a partition lacks its part',
        t.name)
    when exists (select from pg_stat_progress_create_index p where p.index_relid = t.oid)
      then format('index %s is being built at this moment', t.name)
  end as reason,
  case
    when t.leftover and not t.indisvalid then 'drop index concurrently if exists'
    when t.indisexclusion or t.corrupted and t.bytes <= 64 * 1024 * 1024 then 'reindex index'
    else 'reindex index concurrently'
  end as command
  from target t
  limit 1
)
select
  case when d.reason is null then array[format('%s %s', d.command, t.name)] end as apply,
  null::text[] as undo,
  t.owner as run_as,
  t.nspname || '.' || t.table_name as object,
  case when t.corrupted
       then format('Index %s contradicts itself or its table; it is built anew from the table.', t.name)
       when t.leftover
       then format('Index %s is what a REINDEX CONCURRENTLY left when it failed; it serves no query.', t.name)
       else format('Index %s is invalid: writes maintain it, but no query may use it until it is built'
         ' anew.', t.name) end as explanation,
  d.command = 'reindex index' as transactional,
  jsonb_build_object('bytes', t.bytes, 'valid', t.indisvalid) as evidence,
  d.reason as refusal
from target t
cross join doubt d
limit 1
