-- pack.sql: the rule packs that were installed with the extension.
--
-- That of PostgreSQL is loaded when the extension is created.  The others, for
-- languages, frameworks and infrastructure, are files, because nobody needs all
-- of them; once loaded they are like anybody's own.

create function homeostasis.installed_packs() returns setof text
language c strict volatile rows 30
set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'homeo_installed_packs';

create function homeostasis.installed_pack(name text) returns text
language c strict volatile
set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'homeo_installed_pack';

create function homeostasis.load_pack(name text) returns jsonb
language sql volatile
set search_path = pg_catalog, pg_temp
begin atomic
  select jsonb_build_object('pack', load_pack.name,
    'loaded', count(*) filter (where r.action = 'inserted'),
    'updated', count(*) filter (where r.action = 'updated'),
    'unchanged', count(*) filter (where r.action = 'unchanged'),
    'removed', count(*) filter (where r.action = 'removed'),
    'kept', count(*) filter (where r.action = 'kept'))
  from homeostasis.replace_pack(homeostasis.installed_pack(load_pack.name)::jsonb) r;
end;

create function homeostasis.load_packs()
returns table (pack text, loaded integer, updated integer, removed integer, kept integer)
language sql volatile rows 30
set search_path = pg_catalog, pg_temp
begin atomic
  select p.name, (r.report ->> 'loaded')::integer, (r.report ->> 'updated')::integer,
    (r.report ->> 'removed')::integer, (r.report ->> 'kept')::integer
  from (select i.name from homeostasis.installed_packs() i (name) order by 1 offset 0) p
  cross join lateral (select homeostasis.load_pack(p.name) as report offset 0) r;
end;

create view homeostasis.available_packs as
  select i.name, i.pack ->> 'description' as description, i.pack ->> 'language' as language,
    jsonb_array_length(i.pack -> 'rules') as rules,
    p.name is not null as loaded, p.version is not distinct from i.pack ->> 'version' as current
  from (select n.name, homeostasis.installed_pack(n.name)::jsonb as pack
        from homeostasis.installed_packs() n (name) offset 0) i
  left join homeostasis.rule_packs p on p.name = i.name
  order by i.name;

comment on function homeostasis.installed_packs() is
  'Names of the rule packs that were installed as files; available_packs is easier to read';
comment on function homeostasis.installed_pack(text) is
  'The JSON of a rule pack that was installed as a file; raises an error if there is none of that name';
comment on function homeostasis.load_pack(text) is
  'Loads one of available_packs, or what has changed in it; returns how many rules were loaded, updated, unchanged, removed, and kept because they were edited here';
comment on function homeostasis.load_packs() is
  'Loads all of available_packs, and says for each how many rules were loaded, updated, removed, and kept as they were edited here';
comment on view homeostasis.available_packs is
  'Rule packs that were installed with the extension, to be loaded by load_pack()';
comment on column homeostasis.available_packs.name is 'Name for load_pack()';
comment on column homeostasis.available_packs.description is 'What the rules are about';
comment on column homeostasis.available_packs.language is
  'Language that nearly all of its rules ask for; null: none';
comment on column homeostasis.available_packs.rules is 'How many rules it has';
comment on column homeostasis.available_packs.loaded is 'Its rules are in homeostasis.rules';
comment on column homeostasis.available_packs.current is 'They are of the same version as the file';

grant execute on function homeostasis.installed_packs(), homeostasis.installed_pack(text)
  to homeostasis_reader;
grant execute on function homeostasis.load_pack(text), homeostasis.load_packs() to homeostasis_admin;
