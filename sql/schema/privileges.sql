-- privileges.sql: the last statements of an installation or an update.
--
-- Everything belongs to homeostasis_owner, a role that nobody can log in as;
-- SECURITY DEFINER functions and the workers therefore run as that role and
-- never as a superuser.  Only an owner can put triggers, rules or defaults on
-- a table, so nobody can make them run something else.  Nothing is granted to
-- PUBLIC; sql/code/*.sql grant their functions, this file grants the tables.

alter schema homeostasis owner to homeostasis_owner;

do $$
declare
  object record;
begin
  for object in
    select case c.relkind when 'S' then 'sequence' when 'v' then 'view' else 'table' end as kind,
           c.oid::pg_catalog.regclass::text as name
    from pg_catalog.pg_class c
    where c.relnamespace = 'homeostasis'::pg_catalog.regnamespace
      and c.relkind in ('r', 'p', 'v', 'S')
      and not exists (select from pg_catalog.pg_depend d
                      where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                        and d.objid = c.oid and c.relkind = 'S' and d.deptype in ('a', 'i'))
  loop
    execute pg_catalog.format('alter %s %s owner to homeostasis_owner', object.kind, object.name);
  end loop;
  for object in
    select t.oid::pg_catalog.regtype::text as name
    from pg_catalog.pg_type t
    left join pg_catalog.pg_class c on c.oid = t.typrelid
    where t.typnamespace = 'homeostasis'::pg_catalog.regnamespace
      and (t.typtype in ('d', 'e', 'r') or t.typtype = 'c' and c.relkind = 'c')
  loop
    execute pg_catalog.format('alter type %s owner to homeostasis_owner', object.name);
  end loop;
  for object in
    select case p.prokind when 'p' then 'procedure' else 'function' end as kind,
           p.oid::pg_catalog.regprocedure::text as name
    from pg_catalog.pg_proc p
    where p.pronamespace = 'homeostasis'::pg_catalog.regnamespace
  loop
    execute pg_catalog.format('alter %s %s owner to homeostasis_owner', object.kind, object.name);
    execute pg_catalog.format('revoke all on %s %s from public', object.kind, object.name);
  end loop;
end
$$;

grant usage on schema homeostasis
  to homeostasis_reporter, homeostasis_reader, homeostasis_operator, homeostasis_admin;
grant select on all tables in schema homeostasis to homeostasis_reader;
grant insert, update, delete
  on homeostasis.rule_packs, homeostasis.rules, homeostasis.patch_templates, homeostasis.policies,
    homeostasis.service_classes
  to homeostasis_admin;
grant update (name, mode, class, description) on homeostasis.services to homeostasis_admin;
grant update (payloads_per_minute) on homeostasis.services to homeostasis_operator;

-- What pg_dump saves: every row but those that create extension brings itself,
-- and not how far the shared memory of this server was read.
do $$
declare
  relation record;
begin
  for relation in
    select c.oid,
           case
             when c.relname in ('intake_positions', 'journal_positions', 'drop_positions',
                                'spike_watch') then 'where false'
             when c.relkind = 'S' then ''
             when exists (select from pg_catalog.pg_attribute a
                          where a.attrelid = c.oid and a.attname = 'modified')
               then 'where not shipped or modified'
             when exists (select from pg_catalog.pg_attribute a
                          where a.attrelid = c.oid and a.attname = 'shipped')
               then 'where not shipped'
             else ''
           end as filter
    from pg_catalog.pg_class c
    where c.relnamespace = 'homeostasis'::pg_catalog.regnamespace and c.relkind in ('r', 'S')
  loop
    perform pg_catalog.pg_extension_config_dump(relation.oid, relation.filter);
  end loop;
end
$$;

-- With wal_level minimal, a sequence that was used by the transaction that made
-- it gives out numbers again after a crash; one that is set last does not.
do $$
declare
  name text;
begin
  for name in
    select c.oid::pg_catalog.regclass::text from pg_catalog.pg_class c
    where c.relnamespace = 'homeostasis'::pg_catalog.regnamespace and c.relkind = 'S'
  loop
    execute pg_catalog.format('select pg_catalog.setval(%L, last_value, is_called) from %s', name, name);
  end loop;
end
$$;
