-- audit.sql: who did what, in a log that shows when it was altered.
--
-- audit_append() is the only writer.  It locks the one row of audit_heads,
-- which puts the entries of all sessions in order and is held until the end
-- of the transaction: whoever changes states takes its other row locks
-- first, then this one; see patch.sql.

create function homeostasis.actor() returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select case when exists (select from pg_stat_get_activity(pg_backend_pid())
                           where backend_type like 'homeostasis %')
           then 'homeostasis worker'
           else session_user::text
         end
$$;

comment on function homeostasis.actor() is
  'Who acts here, for the records: the role that logged in, or homeostasis worker';

create function homeostasis.audit_hash(entry homeostasis.audit_log) returns bytea
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select sha256(entry.previous_hash || convert_to(jsonb_build_array(
    entry.id,
    to_char(entry.at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'),
    entry.actor, entry.action, entry.object_type, entry.service_id, entry.object_id,
    entry.detail)::text, 'UTF8'))
$$;

comment on function homeostasis.audit_hash(homeostasis.audit_log) is
  'The hash a row of the audit log must have: SHA-256 over the hash before it and its own content as UTF-8';

create function homeostasis.lock_audit() returns homeostasis.audit_heads
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  head homeostasis.audit_heads;
begin
  insert into homeostasis.audit_heads (last_id, hash)
    values (0, decode(repeat('00', 32), 'hex')) on conflict do nothing;
  select h.* into strict head from homeostasis.audit_heads h for update;
  return head;
end
$$;

comment on function homeostasis.lock_audit() is
  'Locks the end of the audit log until the transaction ends: nobody else changes a state meanwhile, so that what is counted next stays true';

create function homeostasis.audit_append(action text, object_type text, service_id bigint,
  object_id text, detail jsonb)
returns bigint
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  head constant homeostasis.audit_heads := homeostasis.lock_audit();
  entry homeostasis.audit_log;
begin
  entry.id := head.last_id + 1;
  entry.at := clock_timestamp();
  entry.actor := homeostasis.actor();
  entry.action := action;
  entry.object_type := object_type;
  entry.service_id := service_id;
  entry.object_id := object_id;
  entry.detail := coalesce(detail, '{}');
  entry.previous_hash := head.hash;
  entry.hash := homeostasis.audit_hash(entry);
  insert into homeostasis.audit_log values (entry.*);
  update homeostasis.audit_heads set last_id = entry.id, hash = entry.hash;
  return entry.id;
end
$$;

comment on function homeostasis.audit_append(text, text, bigint, text, jsonb) is
  'Appends an entry to the audit log and returns its id; holds the end of the log until the transaction ends';

create function homeostasis.audit_head() returns table (last_id bigint, hash text)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select h.last_id, encode(h.hash, 'hex') from homeostasis.audit_heads h
$$;

comment on function homeostasis.audit_head() is
  'Where the audit log ends: store it elsewhere to notice even a log that was rewritten as a whole';
grant execute on function homeostasis.audit_head() to homeostasis_reader;

create function homeostasis.audit_verify() returns table (id bigint, problem text)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  with chain as (
    select l.id, l.previous_hash, l.hash, homeostasis.audit_hash(l) as true_hash,
           lag(l.id, 1, 0::bigint) over by_id as id_before,
           lag(l.hash, 1, decode(repeat('00', 32), 'hex')) over by_id as hash_before
    from homeostasis.audit_log l
    window by_id as (order by l.id)
  ), tail as (
    select last_value(c.id) over () as id, last_value(c.hash) over () as hash
    from (select id, hash from homeostasis.audit_log order by id desc limit 1) c
  ), problems as (
    select c.id,
           case when c.id <> c.id_before + 1
                  then format('%s rows are missing before this one', c.id - c.id_before - 1)
                when c.hash <> c.true_hash
                  then 'its content is not what was written'
                when c.previous_hash <> c.hash_before
                  then 'the row before it is not the one it followed'
           end as problem
    from chain c
    union all
    select coalesce(t.id, h.last_id),
           case when h.last_id is null
                  then 'the record of where the log ends is missing'
                when h.last_id is distinct from t.id
                  then format('the log ended at row %s', h.last_id)
                when h.hash <> t.hash
                  then 'it is not the row the log ended with'
           end
    from tail t full join homeostasis.audit_heads h on true
  )
  select p.id, p.problem from problems p where p.problem is not null order by p.id
$$;

comment on function homeostasis.audit_verify() is
  'Rows of the audit log that were changed, removed, moved or cut off, and what is wrong with them; no row: the log is whole';
grant execute on function homeostasis.audit_verify() to homeostasis_reader;

create function homeostasis.refuse_audit_change() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception 'the audit log is append-only: % is refused', tg_op
    using errcode = 'insufficient_privilege';
end
$$;

comment on function homeostasis.refuse_audit_change() is
  'Trigger: refuses to change or remove what the audit log holds, whoever asks';

create trigger refuse_change before update or delete or truncate on homeostasis.audit_log
  for each statement execute function homeostasis.refuse_audit_change();
create trigger refuse_removal before delete or truncate on homeostasis.audit_heads
  for each statement execute function homeostasis.refuse_audit_change();
create trigger refuse_rewinding before update on homeostasis.audit_heads
  for each row when (new.last_id is distinct from old.last_id + 1)
  execute function homeostasis.refuse_audit_change();
-- Also while session_replication_role is replica.
alter table homeostasis.audit_log enable always trigger refuse_change;
alter table homeostasis.audit_heads enable always trigger refuse_removal;
alter table homeostasis.audit_heads enable always trigger refuse_rewinding;

-- What is logged ------------------------------------------------------------

create function homeostasis.audit_status() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  content constant jsonb := to_jsonb(new);
begin
  perform homeostasis.audit_append(new.status, tg_argv[0], new.service_id, new.id::text,
    jsonb_strip_nulls(jsonb_build_object('from', old.status, 'to', new.status,
      'reason', coalesce(content -> 'status_reason', content -> 'rollback_reason',
                         content -> 'failure'),
      'issue', content -> 'issue_id', 'patch', content -> 'patch_id',
      'digest', content -> 'digest')));
  return null;
end
$$;

comment on function homeostasis.audit_status() is
  'Trigger of every state machine: logs a change of status; its argument names the kind of object';

-- Deferrable, because ingest() reopens issues in transactions of users, who
-- would hold the end of the log meanwhile.
create constraint trigger audit_status after update of status on homeostasis.issues
  deferrable initially immediate
  for each row when (old.status is distinct from new.status)
  execute function homeostasis.audit_status('issue');
create trigger audit_status after update of status on homeostasis.patches
  for each row when (old.status is distinct from new.status)
  execute function homeostasis.audit_status('patch');
create trigger audit_status after update of status on homeostasis.validations
  for each row when (old.status is distinct from new.status)
  execute function homeostasis.audit_status('validation');
create trigger audit_status after update of status on homeostasis.deployments
  for each row when (old.status is distinct from new.status)
  execute function homeostasis.audit_status('deployment');

create function homeostasis.is_restoring() returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select current_query() ~* '^\s*copy\s'
    and (session_user = 'homeostasis_owner'
         or (select rolsuper from pg_roles where rolname = session_user))
$$;

comment on function homeostasis.is_restoring() is
  'Whether rows come from a dump: a superuser copies them in. Their entries in the audit log come with them';

create function homeostasis.is_installing() returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select not exists (select from homeostasis.audit_heads)
    and (select r.rolsuper from pg_roles r where r.rolname = session_user)
$$;

comment on function homeostasis.is_installing() is
  'Whether a superuser is at work and nothing has been logged yet: what create extension ships is not, so that a dump''s log can be restored';

create function homeostasis.audit_row() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  content jsonb;
  changes jsonb;
begin
  if homeostasis.is_restoring() then
    return null;
  elsif tg_op = 'INSERT' then
    content := to_jsonb(new);
    if (content ->> 'shipped')::boolean and homeostasis.is_installing() then
      return null;
    end if;
    changes := jsonb_build_object('new', content);
  elsif tg_op = 'DELETE' then
    content := to_jsonb(old);
    changes := jsonb_build_object('old', content);
  elsif old is not distinct from new then
    return null;
  else
    content := to_jsonb(new);
    select jsonb_build_object('old', jsonb_object_agg(o.key, o.value),
                              'new', jsonb_object_agg(n.key, n.value))
      into changes
      from jsonb_each(to_jsonb(old)) o join jsonb_each(content) n using (key)
      where o.value is distinct from n.value;
  end if;
  perform homeostasis.audit_append(lower(tg_op), tg_argv[0], (content ->> 'service_id')::bigint,
    content ->> tg_argv[1], changes);
  return null;
end
$$;

comment on function homeostasis.audit_row() is
  'Trigger of configuration tables: logs what was inserted, changed or deleted; its arguments name the kind of object and the key column';

create trigger audit_row after insert or update or delete on homeostasis.policies
  for each row execute function homeostasis.audit_row('policy', 'name');
create trigger audit_row after insert or update or delete on homeostasis.service_classes
  for each row execute function homeostasis.audit_row('service class', 'name');
create trigger audit_row after insert or update or delete on homeostasis.patch_templates
  for each row execute function homeostasis.audit_row('template', 'name');
create trigger audit_row after insert or update or delete on homeostasis.rule_packs
  for each row execute function homeostasis.audit_row('rule pack', 'name');
create trigger audit_change after update of mode, class, database_name or delete on homeostasis.services
  for each row execute function homeostasis.audit_row('service', 'name');

create function homeostasis.audit_rules() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  changed_count bigint;
  changed_ids text[];
begin
  if homeostasis.is_restoring() then
    return null;
  end if;
  select count(*), (array_agg(c.id order by c.id))[:100] into changed_count, changed_ids
    from changed c
    where tg_op <> 'INSERT' or not c.shipped or not homeostasis.is_installing();
  if changed_count > 0 then
    perform homeostasis.audit_append(lower(tg_op), 'rule', null, changed_ids[1],
      jsonb_build_object('count', changed_count, 'rules', changed_ids));
  end if;
  return null;
end
$$;

comment on function homeostasis.audit_rules() is
  'Trigger of rules: one entry a statement, with the ids of the first hundred rules, because packs have thousands';

create trigger audit_insert after insert on homeostasis.rules
  referencing new table as changed
  for each statement execute function homeostasis.audit_rules();
create trigger audit_update after update on homeostasis.rules
  referencing new table as changed
  for each statement execute function homeostasis.audit_rules();
create trigger audit_delete after delete on homeostasis.rules
  referencing old table as changed
  for each statement execute function homeostasis.audit_rules();

-- What came with the extension ----------------------------------------------

create function homeostasis.guard_shipped() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  by_extension constant boolean := current_user = 'homeostasis_owner';
begin
  if tg_op = 'UPDATE' then
    new.shipped := case when by_extension then new.shipped else old.shipped end;
  elsif tg_op = 'INSERT' then
    -- A superuser creates the extension or restores a dump.
    new.shipped := new.shipped and (by_extension
      or (select r.rolsuper from pg_roles r where r.rolname = current_user));
  elsif old.shipped and not by_extension then
    raise exception '% "%" came with the extension and cannot be deleted',
        tg_argv[0], to_jsonb(old) ->> tg_argv[1]
      using errcode = 'HO006', hint = tg_argv[2];
  else
    return old;
  end if;
  return new;
end
$$;

comment on function homeostasis.guard_shipped() is
  'Trigger of configuration that is shipped: nobody else can delete it, disown it, or pass something else off as shipped; arguments: kind, key column, hint';

create trigger guard_shipped before insert or update or delete on homeostasis.policies
  for each row execute function homeostasis.guard_shipped('policy', 'name',
    'Set enabled to false instead.');
create trigger guard_shipped before insert or update or delete on homeostasis.service_classes
  for each row execute function homeostasis.guard_shipped('service class', 'name',
    'Set its retention_days instead.');
create trigger guard_shipped before insert or update or delete on homeostasis.patch_templates
  for each row execute function homeostasis.guard_shipped('template', 'name',
    'Disable the rules that name it instead.');
create trigger guard_shipped before insert or update or delete on homeostasis.rule_packs
  for each row execute function homeostasis.guard_shipped('rule pack', 'name',
    'Disable its rules instead.');
create trigger guard_shipped before insert or update or delete on homeostasis.rules
  for each row execute function homeostasis.guard_shipped('rule', 'id',
    'Set enabled to false instead.');
