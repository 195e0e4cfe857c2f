-- description: Grants on a table or sequence what its siblings grant to the same role
-- class: privilege
-- reversible: yes
-- explain: no
--
-- A privilege is proposed when the role holds it, by itself or through a role
-- it inherits from, on at least two and on most of the other tables (or
-- sequences) of the same owner in the same schema, and the statement may need
-- it; and USAGE on the sequence of a table into which the role may insert.
with
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
-- relation it is, else the path does, else there may be only one of that name.
named as
(
  select c.oid, n.nspname, c.relname, c.relkind, c.relowner, c.relacl, c.relnamespace,
         c.relispartition, c.relrowsecurity,
         rank() over (order by
           strpos(lower($1 #>> '{event,statement}'), lower(n.nspname || '.' || c.relname)) = 0,
           p.place nulls last) as rank
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  left join path p on p.nspname = n.nspname
  where c.relname = $1 #>> '{captures,name}'
    and case $1 #>> '{captures,kind}'
          when 'table' then c.relkind in ('r', 'p')
          when 'sequence' then c.relkind = 'S'
          when 'view' then c.relkind = 'v'
          when 'materialized view' then c.relkind = 'm' end
    and n.nspname not in ('pg_catalog', 'information_schema')
),
target as
(
  select *, format('%I.%I', nspname, relname) as name from named where rank = 1
),
siblings as
(
  select c.oid, c.relacl, c.relrowsecurity
  from target t
  join pg_class c on c.relnamespace = t.relnamespace and c.relowner = t.relowner
    and c.oid <> t.oid and not c.relispartition
    and (c.relkind = t.relkind or c.relkind in ('r', 'p') and t.relkind in ('r', 'p'))
),
-- The role and those whose privileges it has.
self as
(
  select r.oid, r.rolname
  from pg_roles me
  join pg_roles r on pg_has_role(me.oid, r.oid, 'usage')
  where me.rolname = $1 #>> '{event,role}'
),
held as
(
  select a.grantee, a.privilege_type, count(distinct s.oid) as siblings
  from siblings s
  cross join aclexplode(s.relacl) as a
  group by a.grantee, a.privilege_type
  having count(distinct s.oid) >= 2
     and 2 * count(distinct s.oid) > (select count(*) from siblings)
  union
  select a.grantee, 'USAGE', 0
  from target t
  join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = t.oid
    and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i')
  join pg_class c on c.oid = d.refobjid and c.relowner = t.relowner
  cross join aclexplode(c.relacl) as a
  where t.relkind = 'S' and a.privilege_type = 'INSERT'
),
-- What the statement, or one in a function that it called, does to tables: the
-- message does not say which privilege it lacked.  Most of them read as well.
deeds as
(
  select upper(m[1]) as deed
  from regexp_matches(concat_ws(' ', $1 #>> '{event,statement}', $1 #>> '{event,context}'),
    '\m(insert|update|delete|truncate|merge|copy|references|trigger)\M', 'gi') as m
),
needed as
(
  select privilege
  from unnest(array['SELECT', 'USAGE', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'])
    as privilege
  cross join target t
  where privilege in ('SELECT', 'USAGE') or t.relkind = 'S'
     or privilege in (select deed from deeds)
     or privilege in ('INSERT', 'UPDATE', 'DELETE') and 'MERGE' in (select deed from deeds)
     or privilege = 'INSERT' and 'COPY' in (select deed from deeds)
),
lacking as
(
  select self.rolname as grantee, h.privilege_type as privilege, max(h.siblings) as siblings
  from target t
  cross join held h
  join self on self.oid = h.grantee
  join needed n on n.privilege = h.privilege_type
  where h.grantee <> t.relowner
    and not exists (select from aclexplode(t.relacl) as a
                    where a.grantee = h.grantee and a.privilege_type = h.privilege_type)
  group by self.rolname, h.privilege_type
),
grants as
(
  select grantee, string_agg(lower(privilege), ', ' order by privilege) as privileges
  from lacking
  group by grantee
),
doubt as
(
  select case
    when $1 #>> '{event,role}' is distinct from $1 ->> 'raiser'
      then format('%I is not the role that raised the error: it lacks the privilege in a function perhaps,'
        ' whose owner has to see to it', $1 #>> '{event,role}')
    when (select count(*) from target) > 1
      then format('there are several relations called %I', $1 #>> '{captures,name}')
    when (select relispartition from target)
      then format('%s is a partition: its rows are read and written through its table',
        (select name from target))
    when exists (select from target t
                 join pg_attribute a on a.attrelid = t.oid
                 cross join aclexplode(a.attacl) as p
                 join self on self.oid = p.grantee)
      then format('role %I holds privileges on columns of %s: that it does not on others may be meant',
        $1 #>> '{event,role}', (select name from target))
    when not (select relrowsecurity from target)
      and exists (select from siblings s
                  cross join aclexplode(s.relacl) as p
                  join self on self.oid = p.grantee
                  where s.relrowsecurity)
      then format('policies choose the rows of siblings that the role may see; %s has none',
        (select name from target))
    when not exists (select from grants)
      then format('role %I holds no privilege on most of the siblings of %s that it lacks on it',
        $1 #>> '{event,role}', (select name from target))
  end as reason
)
select
  case when d.reason is null then
    (select array_agg(format('grant %s on %s %s to %I', g.privileges,
              case t.relkind when 'S' then 'sequence' else 'table' end, t.name, g.grantee)
              order by g.grantee)
     from grants g) end as apply,
  case when d.reason is null then
    (select array_agg(format('revoke %s on %s %s from %I', g.privileges,
              case t.relkind when 'S' then 'sequence' else 'table' end, t.name, g.grantee)
              order by g.grantee)
     from grants g) end as undo,
  pg_get_userbyid(t.relowner) as run_as,
  t.nspname || '.' || t.relname as object,
  format('Role %I holds on %s what it lacks on %s; the grant was probably forgotten.',
    $1 #>> '{event,role}',
    case when exists (select from lacking where siblings = 0) then 'its table'
         else 'most of its siblings' end, t.name) as explanation,
  true as transactional,
  jsonb_build_object(
    'siblings', (select count(*) from siblings),
    'held_on', (select jsonb_object_agg(grantee || ': ' || privilege, siblings) from lacking)) as evidence,
  d.reason as refusal
from target t
cross join doubt d
limit 1
