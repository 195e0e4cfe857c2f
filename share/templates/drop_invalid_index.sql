-- description: Drops an invalid index that stands in the way of the one to be built
-- class: index
-- reversible: no
-- explain: no
--
-- A CREATE INDEX CONCURRENTLY that fails leaves its index behind, invalid: no
-- query uses it, every write maintains it, and its name is taken.
with
-- Who raised the error: names and text in it are of his making, so he must
-- have the rights of its owner.
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
target as
(
  select c.oid, n.nspname, t.relname as table_name, pg_get_userbyid(c.relowner) as owner,
         format('%I.%I', n.nspname, c.relname) as name, c.relkind, i.indisvalid,
         pg_get_indexdef(c.oid) as definition, pg_relation_size(c.oid) as bytes,
         rank() over (order by p.place nulls last) as rank
  from pg_index i
  join pg_class c on c.oid = i.indexrelid
  join pg_class t on t.oid = i.indrelid
  join pg_namespace n on n.oid = c.relnamespace
  left join path p on p.nspname = n.nspname
  where c.relname = $1 #>> '{captures,index}'
),
doubt as
(
  select case
    when not exists (select from raiser r
                     where pg_has_role(r.oid, t.owner, 'usage'))
      then format('the role that raised the error does not own %s', t.name)
    when t.indisvalid
      then format('index %s is valid: the name is taken by an index in use', t.name)
    when t.relkind = 'I'
      then format('%s is the index of a partitioned table, invalid because a partition lacks its part',
        t.name)
    when exists (select from pg_stat_progress_create_index p where p.index_relid = t.oid)
      then format('index %s is being built at this moment', t.name)
  end as reason
  from target t
  where t.rank = 1
)
select
  case when d.reason is null then array[format('drop index concurrently if exists %s', t.name)] end as apply,
  null::text[] as undo,
  t.owner as run_as,
  t.nspname || '.' || t.table_name as object,
  format('Index %s is what an earlier CREATE INDEX CONCURRENTLY left when it failed. It serves no'
    ' query; without it the statement can be repeated.', t.name) as explanation,
  false as transactional,
  jsonb_build_object('definition', t.definition, 'bytes', t.bytes) as evidence,
  d.reason as refusal
from target t
cross join doubt d
where t.rank = 1
limit 1
