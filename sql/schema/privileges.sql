-- privileges.sql: the last statements of an installation or an update.
--
-- Everything belongs to homeostasis_owner, a role that nobody can log in as;
-- SECURITY DEFINER functions and the workers therefore run as that role and
-- never as a superuser.  Nothing is granted to PUBLIC.

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
