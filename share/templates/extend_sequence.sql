-- description: Lifts the limit that a sequence was given below that of its type
-- class: schema
-- reversible: yes
-- explain: no
--
-- The undo fails, and changes nothing, once the sequence is past its old limit.
with
-- Who raised the error: names and text in it are of his making, so he must
-- hold a privilege to use the sequence, or to insert where it counts an
-- identity.
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
-- The message gives the bare name and the limit.
named as
(
  select n.nspname, c.relname, pg_get_userbyid(c.relowner) as owner,
         format('%I.%I', n.nspname, c.relname) as name, s.*,
         case s.seqtypid when 'int2'::regtype then 32767
                         when 'int4'::regtype then 2147483647
                         else 9223372036854775807 end as type_limit,
         rank() over (order by
           strpos(lower($1 #>> '{event,statement}'), lower(n.nspname || '.' || c.relname)) = 0,
           p.place nulls last) as rank
  from pg_sequence s
  join pg_class c on c.oid = s.seqrelid
  join pg_namespace n on n.oid = c.relnamespace
  left join path p on p.nspname = n.nspname
  where c.relname = $1 #>> '{captures,sequence}'
    and case $1 #>> '{captures,bound}'
          when 'maximum' then s.seqmax::text = $1 #>> '{captures,limit}'
          else s.seqmin::text = $1 #>> '{captures,limit}' end
),
target as
(
  select *, count(*) over () as namesakes,
         case when seqincrement > 0 then seqmax >= type_limit
              else -seqmin >= type_limit end as at_type_limit
  from named
  where rank = 1
),
doubt as
(
  select case
    when not exists (select from raiser r
                     where has_sequence_privilege(r.oid, t.seqrelid, 'usage, update')
                        or pg_has_role(r.oid, t.owner, 'usage')
                        or exists (select from pg_depend
                                   where classid = 'pg_class'::regclass and objid = t.seqrelid
                                     and refclassid = 'pg_class'::regclass and deptype = 'i'
                                     and has_any_column_privilege(r.oid, refobjid, 'insert')))
      then format('the role that raised the error may not use sequence %s', t.name)
    when t.namesakes > 1
      then format('there are several sequences called %I with this limit', t.relname)
    when t.at_type_limit
      then format('%s is at the limit of its type %s', t.name, t.seqtypid::regtype)
  end as reason
  from target t
  limit 1
)
select
  case when d.reason is null then
    array[format('alter sequence %s %s', t.name,
      case when t.seqincrement > 0 then 'no maxvalue' else 'no minvalue' end)] end as apply,
  case when d.reason is null then
    array[format('alter sequence %s %s', t.name,
      case when t.seqincrement > 0 then 'maxvalue ' || t.seqmax
           else 'minvalue ' || t.seqmin end)] end as undo,
  t.owner as run_as,
  t.nspname || '.' || t.relname as object,
  format('Sequence %s was created with the limit %s, which is reached; its type %s goes further.',
    t.name, $1 #>> '{captures,limit}', t.seqtypid::regtype) as explanation,
  true as transactional,
  jsonb_build_object('limit', $1 #>> '{captures,limit}', 'type', t.seqtypid::regtype) as evidence,
  d.reason as refusal
from target t
cross join doubt d
limit 1
