-- patch.sql: the state machine of a patch.
--
-- Every other file moves a patch with move_patch(), which also moves the
-- issue when the patch is at its end.  Everybody takes row locks in the order
-- issue, patch, job, and last the end of the audit log, which every change of
-- a status takes; lock_patch() takes the first two.

create function homeostasis.patch_successors(status text) returns text[]
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select case status
    when 'planning' then array['refused', 'proposed', 'failed', 'superseded']
    when 'proposed' then array['validating', 'superseded', 'rejected']
    when 'validating' then array['validated', 'invalid', 'superseded']
    when 'validated' then array['approved', 'rejected', 'superseded']
    when 'approved' then array['deploying', 'superseded', 'rejected']
    when 'deploying' then array['deployed', 'rolling_back', 'failed']
    when 'deployed' then array['healed', 'rolling_back']
    when 'healed' then array['rolling_back']
    when 'rolling_back' then array['rolled_back', 'failed']
    else array[]::text[]
  end
$$;

comment on function homeostasis.patch_successors(text) is
  'The states that may follow a state of a patch';

create trigger check_transition before update of status on homeostasis.patches
  for each row when (old.status is distinct from new.status)
  execute function homeostasis.check_transition('patch');

create function homeostasis.statements_digest(statements text[]) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select encode(sha256(convert_to(array_to_string(statements, e'\x1f'), 'UTF8')), 'hex')
$$;

comment on function homeostasis.statements_digest(text[]) is
  'SHA-256, in hex, of statements joined by the character 1f: the operator runs no others';

create function homeostasis.patch_digest(database name, run_as name, apply text[], undo text[])
returns bytea
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select sha256(convert_to(jsonb_build_object(
    'database', database, 'run_as', run_as, 'apply', apply, 'undo', undo)::text, 'UTF8'))
$$;

comment on function homeostasis.patch_digest(name, name, text[], text[]) is
  'SHA-256 of what an approval is for: database, role, statements and their undo';

create function homeostasis.keep_patch() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if old.status <> 'planning'
    and (new.service_id, new.id, new.analysis_id, new.kind, new.template, new.class,
         new.reversible, new.effect, new.database_name, new.run_as, new.object, new.apply_sql, new.undo_sql,
         new.transactional, new.digest)
      is distinct from
        (old.service_id, old.id, old.analysis_id, old.kind, old.template, old.class,
         old.reversible, old.effect, old.database_name, old.run_as, old.object, old.apply_sql, old.undo_sql,
         old.transactional, old.digest)
  then
    raise exception 'patch % is "%": what it does cannot be changed any more', old.id, old.status
      using errcode = 'HO006',
            hint = 'Reject it and heal the issue again.';
  end if;
  if old.status = 'planning' then
    new.digest := homeostasis.patch_digest(new.database_name, new.run_as, new.apply_sql,
                                           new.undo_sql);
  end if;
  new.updated_at := clock_timestamp();
  return new;
end
$$;

comment on function homeostasis.keep_patch() is
  'Trigger of patches: freezes what a patch does once it is proposed; maintains digest and updated_at';

create trigger keep_patch before update on homeostasis.patches
  for each row execute function homeostasis.keep_patch();

create function homeostasis.lock_patch(patch_id bigint) returns homeostasis.patches
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  patch homeostasis.patches;
begin
  loop
    select p.* into patch from homeostasis.patches p where p.id = patch_id;
    if not found then
      raise exception 'there is no patch %', patch_id
        using errcode = 'HO005', hint = 'The patches are in homeostasis.patches.';
    end if;
    perform from homeostasis.issues i
      where i.service_id = patch.service_id and i.id = patch.issue_id for no key update;
    -- Unless the issue was merged into another while we waited for it.
    select p.* into patch from homeostasis.patches p
      where p.id = patch_id and p.issue_id = patch.issue_id for update;
    exit when found;
  end loop;
  return patch;
end
$$;

comment on function homeostasis.lock_patch(bigint) is
  'Locks the issue of a patch, then the patch, and returns it; an error if there is none';

create function homeostasis.is_active_patch(status text) returns boolean
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select status <> 'healed' and cardinality(homeostasis.patch_successors(status)) > 0
$$;

comment on function homeostasis.is_active_patch(text) is
  'Whether a patch in this state works on its issue; there can be one at a time';

create function homeostasis.refuse_patch(patch homeostasis.patches, wanted text, hint text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception 'patch % cannot be %: it is "%"', patch.id, wanted, patch.status
    using errcode = 'HO002', hint = hint,
          detail = coalesce('Its reason: ' || nullif(patch.status_reason, ''), 'No reason is recorded.');
end
$$;

comment on function homeostasis.refuse_patch(homeostasis.patches, text, text) is
  'Raises the error for a wish that a patch''s state does not allow';

create function homeostasis.check_digest(patch homeostasis.patches) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if patch.digest is distinct from homeostasis.patch_digest(patch.database_name, patch.run_as,
                                                            patch.apply_sql, patch.undo_sql)
  then
    raise exception 'patch % does not match its digest', patch.id
      using errcode = 'data_corrupted',
            hint = 'Its statements were changed behind the back of the extension; see homeostasis.audit_log.';
  end if;
end
$$;

comment on function homeostasis.check_digest(homeostasis.patches) is
  'Raises an error when a patch is not the one its digest was computed for';

create function homeostasis.issue_status_after(patch_status text) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when patch_status in ('refused', 'invalid', 'rejected', 'superseded', 'rolled_back', 'failed')
      then 'open'
    when patch_status = 'healed' then 'healed'
  end
$$;

comment on function homeostasis.issue_status_after(text) is
  'What an issue that is being healed becomes when its patch gets this status; null: it stays. One that was healed by it regresses instead of opening';

create function homeostasis.move_patch(patch homeostasis.patches, new_status text,
  reason text default null)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  issue_status constant text := homeostasis.issue_status_after(new_status);
begin
  if issue_status is not null then
    perform homeostasis.cancel_jobs(patch);
  end if;
  update homeostasis.patches p
    set status = new_status, status_reason = reason
    where p.service_id = patch.service_id and p.id = patch.id;
  if issue_status is not null then
    update homeostasis.issues i
      set status = case i.status when 'healing' then issue_status else 'regressed' end,
          status_changed_at = now()
      where i.service_id = patch.service_id and i.id = patch.issue_id
        and (i.status = 'healing' or i.status = 'healed' and issue_status = 'open');
  end if;
end
$$;

comment on function homeostasis.move_patch(homeostasis.patches, text, text) is
  'Moves a locked patch to a state and says why; at its end cancels its jobs and moves its issue';

-- Decisions of people -------------------------------------------------------

create function homeostasis.record_decision(patch homeostasis.patches, decision text,
  reason text, policy text default null)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into homeostasis.approvals (service_id, patch_id, decision, decided_by, policy, reason,
                                     digest)
    values (patch.service_id, patch.id, decision,
            coalesce('policy ' || policy, homeostasis.actor()), policy, reason, patch.digest);
  update homeostasis.patches p set policy = record_decision.policy
    where p.service_id = patch.service_id and p.id = patch.id;
  perform homeostasis.move_patch(patch, decision, reason);
end
$$;

comment on function homeostasis.record_decision(homeostasis.patches, text, text, text) is
  'Approves or rejects a locked patch in the name of a policy or of who is logged in';

create function homeostasis.approve(patch_id bigint, reason text default null) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  patch constant homeostasis.patches := homeostasis.lock_patch(patch_id);
  opinion record;
begin
  if patch.status <> 'validated' then
    perform homeostasis.refuse_patch(patch, 'approved',
      case when patch.status = 'approved' then 'It is approved already.'
           when patch.status in ('planning', 'proposed', 'validating')
             then 'Wait for its validation: it can be approved once it is "validated".'
           else 'Only a patch that is "validated" can be approved.' end);
  end if;
  perform homeostasis.check_digest(patch);
  select d.decision, d.policy into opinion from homeostasis.decide(patch_id) d;
  if opinion.decision = 'refuse' then
    raise exception 'patch % cannot be approved: policy "%" refuses class "%"',
        patch_id, opinion.policy, patch.class
      using errcode = 'HO008',
            hint = 'An administrator can change the policy.';
  end if;
  perform homeostasis.record_decision(patch, 'approved',
    coalesce(nullif(reason, ''), 'approved by ' || homeostasis.actor()));
end
$$;

comment on function homeostasis.approve(bigint, text) is
  'Approves a validated patch, for exactly the statements it has now; it is deployed next';
grant execute on function homeostasis.approve(bigint, text) to homeostasis_operator;

create function homeostasis.reject(patch_id bigint, reason text default null) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  patch constant homeostasis.patches := homeostasis.lock_patch(patch_id);
begin
  if patch.status not in ('proposed', 'validated', 'approved') then
    perform homeostasis.refuse_patch(patch, 'rejected',
      case when patch.status in ('deployed', 'healed')
             then format('Undo it: select homeostasis.rollback(%s, ''reason'');', patch_id)
           else 'A patch that is "proposed", "validated" or "approved" can be rejected.' end);
  end if;
  perform homeostasis.record_decision(patch, 'rejected',
    coalesce(nullif(reason, ''), 'rejected by ' || homeostasis.actor()));
end
$$;

comment on function homeostasis.reject(bigint, text) is
  'Rejects a patch that was not deployed yet; its issue opens again and is not healed this way by itself';
grant execute on function homeostasis.reject(bigint, text) to homeostasis_operator;
