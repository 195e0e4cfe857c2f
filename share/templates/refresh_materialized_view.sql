-- description: Fills a materialized view that was created or left without data
-- class: maintenance
-- reversible: yes
-- explain: no
with
-- Who raised the error: names and text in it are of his making, so he must
-- hold a privilege to read the view.
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
-- The message gives the bare name: a schema in the statement decides which
-- view it is, else the path does, else there may be only one of that name.
named as
(
  select c.oid, n.nspname, c.relname, pg_get_userbyid(c.relowner) as owner,
         format('%I.%I', n.nspname, c.relname) as name,
         rank() over (order by
           strpos(lower($1 #>> '{event,statement}'), lower(n.nspname || '.' || c.relname)) = 0,
           p.place nulls last) as rank
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  left join path p on p.nspname = n.nspname
  where c.relname = $1 #>> '{captures,name}'
    and c.relkind = 'm'
    and not c.relispopulated
),
target as
(
  select *, count(*) over () as namesakes from named where rank = 1
),
doubt as
(
  select case
    when not exists (select from raiser r
                     where has_any_column_privilege(r.oid, t.oid, 'select')
                        or pg_has_role(r.oid, t.owner, 'usage'))
      then format('the role that raised the error may not read %s', t.name)
    when t.namesakes > 1
      then format('there are several empty materialized views called %I', t.relname)
  end as reason
  from target t
  limit 1
)
select
  case when d.reason is null then array[format('refresh materialized view %s', name)] end as apply,
  case when d.reason is null
       then array[format('refresh materialized view %s with no data', name)] end as undo,
  owner as run_as,
  nspname || '.' || relname as object,
  format('%s has never been filled, or was emptied WITH NO DATA; this runs its query once.', name)
    as explanation,
  true as transactional,
  null::jsonb as evidence,
  d.reason as refusal
from target
cross join doubt d
limit 1
