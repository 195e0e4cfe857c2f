-- reference.sql: prints docs/reference.md from the catalogs of a database in
-- which the extension is installed, so that the manual and COMMENT ON cannot
-- differ.  `make docs` runs it; a test compares its output with the file.

\set QUIET on
\pset format unaligned
\pset tuples_only on
\pset fieldsep ' '
\pset footer off
set search_path = pg_catalog;

-- Markdown table cells may hold neither a bar nor a line break.
create function pg_temp.cell(content text) returns text
language sql immutable
return replace(replace(coalesce(nullif(content, ''), '–'), '|', '\|'), E'\n', ' ');

-- Who may use an object, from its access list; the owner goes without saying.
create function pg_temp.grantees(acl aclitem[]) returns text
language sql stable
return coalesce((
  select string_agg(distinct format('`%s`', grantee::regrole), ', ' order by format('`%s`', grantee::regrole))
  from aclexplode(acl)
  where grantee <> 0 and grantee::regrole::text <> 'homeostasis_owner'), '–');

\echo '# Reference'
\echo
\echo 'This page is printed from the catalogs by `make docs`: the texts are those of `COMMENT ON` and of `pg_settings`,'
\echo 'so `\\d+`, `\\df+` and `\\dconfig+ homeostasis.*` show the same in psql.'
\echo
\echo '## Settings'
\echo
\echo '| setting | default | unit | change needs | meaning |'
\echo '| --- | --- | --- | --- | --- |'
select format('| `%s` | `%s` | %s | %s | %s |',
  name,
  coalesce(nullif(boot_val, ''), ' '),
  coalesce(unit, '–'),
  case context
    when 'postmaster' then 'restart'
    when 'sighup' then 'reload'
    when 'superuser' then 'superuser, `set`'
    else '`set`'
  end,
  pg_temp.cell(concat_ws(' ', rtrim(short_desc, '.') || '.', extra_desc,
    case when vartype = 'enum' then format('One of %s.', array_to_string(enumvals, ', ')) end,
    case when vartype in ('integer', 'real') then format('From %s to %s.', min_val, max_val) end)))
from pg_settings
where name like 'homeostasis.%'
order by name;

\echo
\echo '## Roles'
\echo
\echo '| role | member of |'
\echo '| --- | --- |'
select format('| `%s` | %s |', r.rolname,
  pg_temp.cell(string_agg('`' || m.roleid::regrole || '`', ', ' order by m.roleid::regrole::text)))
from pg_roles r
left join pg_auth_members m on m.member = r.oid
where r.rolname like 'homeostasis\_%'
group by r.rolname
order by r.rolname;

\echo
\echo '## Functions'
select format(E'\n### `%s(%s)`\n\n%s\n\n%s. Execute: %s.', p.proname,
  pg_get_function_arguments(p.oid),
  coalesce(obj_description(p.oid, 'pg_proc'), 'NOT DOCUMENTED'),
  case p.prokind when 'p' then 'A procedure: `call` it'
    else format('Returns `%s`', pg_get_function_result(p.oid)) end,
  pg_temp.grantees(p.proacl))
from pg_proc p
where p.pronamespace = 'homeostasis'::regnamespace
  and p.prorettype <> 'trigger'::regtype
  and pg_temp.grantees(p.proacl) <> '–'
order by p.proname, pg_get_function_identity_arguments(p.oid);

\echo
\echo '## Views'
select format(E'\n### `%s`\n\n%s\n\nSelect: %s.\n\n| column | type |\n| --- | --- |\n%s', c.relname,
  coalesce(obj_description(c.oid, 'pg_class'), 'NOT DOCUMENTED'), pg_temp.grantees(c.relacl),
  (select string_agg(format('| `%s` | %s |%s', a.attname, format_type(a.atttypid, a.atttypmod), ''), E'\n' order by a.attnum)
   from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped))
from pg_class c
where c.relnamespace = 'homeostasis'::regnamespace and c.relkind = 'v'
order by c.relname;

\echo
\echo '## Tables'
select format(E'\n### `%s`\n\n%s\n\n| column | type | meaning |\n| --- | --- | --- |\n%s', c.relname,
  coalesce(obj_description(c.oid, 'pg_class'), 'NOT DOCUMENTED'),
  (select string_agg(format('| `%s` | %s | %s |', a.attname, format_type(a.atttypid, a.atttypmod),
     pg_temp.cell(col_description(c.oid, a.attnum))), E'\n' order by a.attnum)
   from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped))
from pg_class c
where c.relnamespace = 'homeostasis'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
order by c.relname;

\echo
\echo '## Functions of the extension''s own'
\echo
\echo 'Nobody is granted these; triggers, workers and the functions above call them.'
\echo
\echo '| function | meaning |'
\echo '| --- | --- |'
select format('| `%s(%s)` | %s |', p.proname, pg_get_function_identity_arguments(p.oid),
  pg_temp.cell(coalesce(obj_description(p.oid, 'pg_proc'), 'NOT DOCUMENTED')))
from pg_proc p
where p.pronamespace = 'homeostasis'::regnamespace
  and (p.prorettype = 'trigger'::regtype or pg_temp.grantees(p.proacl) = '–')
order by p.proname, pg_get_function_identity_arguments(p.oid);
