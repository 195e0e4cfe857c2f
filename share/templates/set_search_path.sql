-- description: Adds to a role's search_path the one schema that holds the relation
-- class: privilege
-- reversible: yes
-- effect: new sessions
-- explain: no
--
-- Sessions that are open already keep the path they have.  Whoever owns a
-- schema in a role's path can make the role run what he puts there, and
-- anybody can make a relation of the missing name: a person decides.
with
-- The failing session's search path: quoted or folded names.
path as
(
  select case when m[1] like '"%' then replace(substr(m[1], 2, length(m[1]) - 2), '""', '"')
              else lower(m[1]) end as nspname,
         place
  from regexp_matches($1 #>> '{event,search_path}', '("(?:[^"]|"")+"|[^",\s]+)', 'g')
    with ordinality as part (m, place)
  -- Where the session found what it had temporary; that goes without saying.
  where m[1] <> 'pg_temp' or place > 1
),
-- The path that a session of the role begins with, unless postgresql.conf says
-- otherwise; another was set by the session itself, and would be again.
initial as
(
  select array_agg(case when m[1] like '"%' then replace(substr(m[1], 2, length(m[1]) - 2), '""', '"')
                        else lower(m[1]) end order by place) as path
  from coalesce(
    (select substr(line, length('search_path=') + 1)
     from pg_db_role_setting s
     cross join unnest(s.setconfig) as line
     where line like 'search_path=%'
       and s.setrole in (0, (select oid from pg_roles where rolname = $1 #>> '{event,role}'))
       and s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
     order by s.setrole <> 0 desc, s.setdatabase <> 0 desc
     limit 1),
    (select boot_val from pg_settings where name = 'search_path')) as setting
  cross join regexp_matches(setting, '("(?:[^"]|"")+"|[^",\s]+)', 'g') with ordinality as part (m, place)
),
self as
(
  select oid, rolname, rolsuper, rolcanlogin from pg_roles where rolname = $1 #>> '{event,role}'
),
-- Where a relation of that name is, and may be used.
homes as
(
  select n.nspname, c.oid
  from self s
  join pg_class c on c.relname = $1 #>> '{captures,name}'
    and c.relkind in ('r', 'p', 'v', 'm', 'f')
  join pg_namespace n on n.oid = c.relnamespace
  where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and has_schema_privilege(s.oid, n.oid, 'usage')
    and has_table_privilege(s.oid, c.oid, 'select, insert, update, delete')
),
-- What is set for the role in this database now.
former as
(
  select substr(setting, length('search_path=') + 1) as value
  from self s
  join pg_db_role_setting d on d.setrole = s.oid
   and d.setdatabase = (select oid from pg_database where datname = current_database())
  cross join unnest(d.setconfig) as setting
  where setting like 'search_path=%'
),
former_schemas as
(
  select case when m[1] like '"%' then replace(substr(m[1], 2, length(m[1]) - 2), '""', '"')
              else lower(m[1]) end as nspname,
         place
  from former f
  cross join regexp_matches(f.value, '("(?:[^"]|"")+"|[^",\s]+)', 'g') with ordinality as part (m, place)
),
former_path as
(
  select string_agg(format('%I', nspname), ', ' order by place) as list from former_schemas
),
doubt as
(
  select case
    when s.rolname is distinct from $1 ->> 'raiser'
      then format('%I is not the role that raised the error: the path of its functions is set by them',
        s.rolname)
    when s.rolsuper then 'the role is a superuser: its settings are its own business'
    when not s.rolcanlogin
      then format('%I cannot log in: only the path of the role that logs in can be set', s.rolname)
    when (select count(*) from homes) > 1
      then format('%I is to be found in several schemas: %s', $1 #>> '{captures,name}',
        (select string_agg(format('%I', nspname), ', ' order by nspname) from homes))
    when exists (select from homes h join path p on p.nspname = h.nspname)
      then 'the relation is in the search_path by now'
    when exists (select from homes h join former_schemas f on f.nspname = h.nspname)
      then format('the search_path of %I has the schema by now: sessions that began before have to connect'
        ' again', s.rolname)
    when (select array_agg(nspname order by place) from path) is distinct from (select path from initial)
      then format('the search_path was set by the session itself, or in postgresql.conf, and not for role %I'
        ' or the database: it has to be changed there', s.rolname)
  end as reason
  from self s
)
select
  case when d.reason is null then
    array[format('alter role %I in database %I set search_path to %s', s.rolname, current_database(),
      concat_ws(', ', (select string_agg(format('%I', nspname), ', ' order by place) from path),
        format('%I', h.nspname)))]
  end as apply,
  case when d.reason is null then
    array[case when f.list is null
               then format('alter role %I in database %I reset search_path', s.rolname, current_database())
               else format('alter role %I in database %I set search_path to %s', s.rolname,
                      current_database(), f.list) end]
  end as undo,
  s.rolname as run_as,
  h.nspname || '.' || ($1 #>> '{captures,name}') as object,
  format('%I is in schema %I, which role %I may use but does not search. New sessions of the role will;'
    ' those that are open keep their path until they connect again.',
    $1 #>> '{captures,name}', h.nspname, s.rolname) as explanation,
  true as transactional,
  jsonb_build_object('schema', h.nspname, 'search_path', $1 #>> '{event,search_path}') as evidence,
  d.reason as refusal
from homes h
cross join self s
cross join doubt d
cross join former_path f
limit 1
