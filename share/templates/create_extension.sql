-- description: Creates the extension that provides what a statement found missing
-- class: schema
-- reversible: yes
-- explain: no
--
-- Which extension it is the rule says, by the name of the group that took
-- part in its match: extension_pg_trgm stands for pg_trgm, extension_uuid_ossp
-- for uuid-ossp.  Only a trusted extension is proposed: it is created with the
-- rights of the database's owner.
with
wanted as
(
  select substr(key, length('extension_') + 1) as word
  from jsonb_each_text($1 -> 'captures') as capture (key, value)
  where key like 'extension\_%' and value <> ''
),
available as
(
  select a.name, v.trusted, v.schema as fixed_schema,
         (select array_agg(r order by r)
          from unnest(v.requires) as r
          where r not in (select extname from pg_extension)) as missing
  from wanted w
  join pg_available_extensions a on translate(a.name, '-', '_') = w.word
  join pg_available_extension_versions v on v.name = a.name and v.version = a.default_version
),
installed as
(
  select e.extname as name, n.nspname
  from wanted w
  join pg_extension e on translate(e.extname, '-', '_') = w.word
  join pg_namespace n on n.oid = e.extnamespace
),
owner as
(
  select datname, pg_get_userbyid(datdba) as name from pg_database where datname = current_database()
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
-- Where the statement looks for it: the schema it names, else the first of
-- its path in which the owner may create.  The extension's script runs as a
-- superuser with that schema in its path, so nobody else may own it or create
-- in it: he could put there what the script then calls.
target as
(
  select n.nspname
  from pg_namespace n
  cross join owner o
  left join path p on p.nspname = n.nspname
  where has_schema_privilege(o.name, n.oid, 'create')
    and n.nspname not like 'pg\_%'
    and not exists
      (select from (select n.nspowner
                    union all
                    select grantee from aclexplode(n.nspacl) where privilege_type = 'CREATE') as m (oid)
       left join pg_roles r on r.oid = m.oid
       where (r.rolsuper or r.rolname in (o.name, 'pg_database_owner')) is not true)
    and case when $1 #>> '{captures,schema}' <> '' then n.nspname = $1 #>> '{captures,schema}'
             else p.place is not null end
  order by p.place
  limit 1
),
doubt as
(
  select case
    when i.name is not null
      then format('extension %I is installed in schema %I, which the statement does not look into:'
        ' name the schema or add it to the search_path', i.name, i.nspname)
    when a.name is null
      then format('extension %s is not available on this server: install its package first', w.word)
    when not a.trusted
      then format('extension %I is not trusted: a superuser has to create it', a.name)
    when a.missing is not null
      then format('extension %I needs %s first', a.name, array_to_string(a.missing, ', '))
    when t.nspname is null and a.fixed_schema is null
      then format('%I, who owns the database, may not create objects in a schema of the'
        ' statement''s search_path, or others may, too', o.name)
  end as reason
  from wanted w
  left join available a on true
  left join installed i on true
  cross join owner o
  left join target t on true
)
select
  case when d.reason is null then
    array[format('create extension %I with schema %I', a.name, coalesce(a.fixed_schema, t.nspname))]
  end as apply,
  case when d.reason is null then array[format('drop extension %I', a.name)] end as undo,
  o.name as run_as,
  'extension.' || coalesce(a.name, w.word) as object,
  format('The statement uses what extension %s provides; it is available on this server, but'
    ' not created in database %I.', coalesce(a.name, w.word), o.datname) as explanation,
  true as transactional,
  jsonb_build_object('extension', a.name, 'trusted', a.trusted) as evidence,
  d.reason as refusal
from wanted w
cross join owner o
cross join doubt d
left join available a on true
left join target t on true
