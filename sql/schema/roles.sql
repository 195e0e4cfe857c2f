-- roles.sql: the schema and the five roles everything else is granted to.
--
-- Roles belong to the cluster, so they may be there already from another
-- database or an earlier installation; one that could do more than its name
-- says is somebody else's and is refused.  The schema must be new: a schema
-- planted beforehand would let its owner replace what the workers run.

create schema homeostasis;

comment on schema homeostasis is
  'Errors, their diagnoses, and the patches that heal them; everything in it belongs to homeostasis_owner';

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
                  where rolname = wanted
                    and (rolsuper or rolcanlogin or rolcreaterole or rolcreatedb
                         or rolreplication or rolbypassrls)) then
      raise exception 'role "%" exists already and has attributes of its own', wanted
        using errcode = 'duplicate_object',
              hint = 'Rename that role; the extension needs the name for a role that only holds privileges.';
    end if;
  end loop;
end
$$;

-- Whoever is a member of the owner could replace every function the workers
-- call, and whatever the owner is a member of, the workers would be too.
do $$
begin
  if exists (select from pg_catalog.pg_auth_members
             where roleid = 'homeostasis_owner'::pg_catalog.regrole) then
    raise exception 'role "homeostasis_owner" has members'
      using errcode = 'invalid_grant_operation',
            hint = 'Revoke it from them: nobody may act as the owner of the extension.';
  end if;
  if exists (select from pg_catalog.pg_auth_members
             where member = 'homeostasis_owner'::pg_catalog.regrole
               and roleid <> 'pg_monitor'::pg_catalog.regrole) then
    raise exception 'role "homeostasis_owner" is a member of other roles'
      using errcode = 'invalid_grant_operation',
            hint = 'Revoke them from it: it needs pg_monitor and nothing else.';
  end if;
end
$$;

-- A reader of statistics, never of user data: templates look for their
-- evidence in catalogs and activity views as this role.
grant pg_monitor to homeostasis_owner;
grant homeostasis_reporter, homeostasis_reader to homeostasis_operator;
grant homeostasis_operator to homeostasis_admin;

comment on role homeostasis_owner is 'Owns schema homeostasis; nobody logs in as it or is a member of it';
comment on role homeostasis_reporter is 'May report errors to homeostasis, nothing else';
comment on role homeostasis_reader is 'May read what homeostasis stored: statements and messages of every database';
comment on role homeostasis_operator is 'May heal, approve, reject, deploy and roll back';
comment on role homeostasis_admin is 'May edit rules, templates and policies: decides which SQL runs as the owners of objects';
