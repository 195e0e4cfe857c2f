-- roles.sql: the schema and the five roles everything else is granted to.
--
-- Roles belong to the cluster, so they may be there already from another
-- database or an earlier installation; one that can log in or is a superuser
-- is somebody else's and is refused.  The schema must be new: a schema planted
-- beforehand would let its owner replace what the workers run.

create schema homeostasis;

do $$
declare
  wanted text;
begin
  foreach wanted in array array['homeostasis_owner', 'homeostasis_reporter',
    'homeostasis_reader', 'homeostasis_operator', 'homeostasis_admin']
  loop
    if not exists (select from pg_catalog.pg_roles where rolname = wanted) then
      execute pg_catalog.format('create role %I nologin', wanted);
    elsif exists (select from pg_catalog.pg_roles
                  where rolname = wanted and (rolsuper or rolcanlogin)) then
      raise exception 'role "%" exists already and can log in or is a superuser', wanted
        using errcode = 'duplicate_object',
              hint = 'Rename that role; the extension needs the name for a group role.';
    end if;
  end loop;
end
$$;

-- A reader of statistics, never of user data: templates look for their
-- evidence in catalogs and activity views as this role.
grant pg_monitor to homeostasis_owner;
grant homeostasis_reporter, homeostasis_reader to homeostasis_operator;
grant homeostasis_operator to homeostasis_admin;
