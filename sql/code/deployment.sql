-- deployment.sql: the state machine of a deployment: a patch on its way into
-- its database, the watch afterwards, and the way back.

create function homeostasis.deployment_successors(status text) returns text[]
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select case status
    when 'pending' then array['in_progress', 'failed']
    when 'in_progress' then array['observing', 'rolling_back', 'failed']
    when 'observing' then array['healed', 'rolling_back']
    when 'healed' then array['rolling_back']
    when 'rolling_back' then array['rolled_back', 'failed']
    else array[]::text[]
  end
$$;

comment on function homeostasis.deployment_successors(text) is
  'The states that may follow a state of a deployment';

create trigger check_transition before update of status on homeostasis.deployments
  for each row when (old.status is distinct from new.status)
  execute function homeostasis.check_transition('deployment');

create function homeostasis.move_deployment(deployment homeostasis.deployments, new_status text)
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  update homeostasis.deployments d
    set status = new_status,
        finished_at = case when new_status in ('healed', 'rolled_back', 'failed')
                        then clock_timestamp() end
    where d.service_id = deployment.service_id and d.id = deployment.id
$$;

comment on function homeostasis.move_deployment(homeostasis.deployments, text) is
  'Moves a deployment to a state';

create function homeostasis.latest_deployment(patch homeostasis.patches)
returns homeostasis.deployments
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select d
  from homeostasis.deployments d
  where d.service_id = patch.service_id and d.patch_id = patch.id
  order by d.id desc
  limit 1
$$;

comment on function homeostasis.latest_deployment(homeostasis.patches) is
  'The last deployment of a patch, or null';

-- Forth ---------------------------------------------------------------------

create function homeostasis.begin_deployment(patch homeostasis.patches) returns bigint
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  deployment_id bigint;
begin
  perform homeostasis.check_digest(patch);
  if not exists (select from homeostasis.approvals a
                 where a.service_id = patch.service_id and a.patch_id = patch.id
                   and a.decision = 'approved' and a.digest = patch.digest) then
    raise exception 'patch % was not approved as it is', patch.id
      using errcode = 'insufficient_privilege',
            hint = 'Its approval is for other statements: reject the patch and heal the issue again.';
  end if;
  insert into homeostasis.deployments (service_id, patch_id, issue_id, object, observe_window,
                                       settle_time, recurrence_limit, fingerprints)
    select patch.service_id, patch.id, patch.issue_id, patch.object,
           coalesce(p.observe_window, interval '5 minutes'),
           coalesce(p.settle_time, interval '2 seconds'),
           coalesce(p.recurrence_limit, 1),
           array(select f.fingerprint from homeostasis.issue_fingerprints f
                 where f.service_id = patch.service_id and f.issue_id = patch.issue_id)
      from homeostasis.policy_for(patch.service_id, patch.class) p
    returning id into deployment_id;
  perform homeostasis.enqueue_job(patch, 'apply',
    jsonb_build_object('statements', patch.apply_sql,
      'digest', homeostasis.statements_digest(patch.apply_sql)),
    deployment_id => deployment_id);
  perform homeostasis.move_patch(patch, 'deploying');
  return deployment_id;
end
$$;

comment on function homeostasis.begin_deployment(homeostasis.patches) is
  'Sends a locked patch on its way if an approval is for its very statements; returns the deployment''s id';

create function homeostasis.deploy(patch_id bigint) returns bigint
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  patch constant homeostasis.patches := homeostasis.lock_patch(patch_id);
begin
  if patch.status <> 'approved' then
    perform homeostasis.refuse_patch(patch, 'deployed',
      case when patch.status = 'validated'
             then format('Approve it first: select homeostasis.approve(%s);', patch_id)
           else 'Only a patch that is "approved" can be deployed.' end);
  end if;
  return homeostasis.begin_deployment(patch);
end
$$;

comment on function homeostasis.deploy(bigint) is
  'Deploys an approved patch; returns the deployment''s id. advance() does it by itself unless the mode is observe';
grant execute on function homeostasis.deploy(bigint) to homeostasis_operator;

create function homeostasis.record_steps(job homeostasis.jobs, result jsonb) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  insert into homeostasis.deployment_steps (service_id, deployment_id, direction, step, statement,
                                            status, duration_ms, error)
    select job.service_id, job.deployment_id, job.kind, s.ordinality, s.value ->> 'statement',
           s.value ->> 'status', (s.value ->> 'duration_ms')::double precision,
           nullif(s.value -> 'error', 'null')
    from jsonb_array_elements(coalesce(nullif(result -> 'steps', 'null'), '[]'))
      with ordinality s
  on conflict (service_id, deployment_id, direction, step) do update
    set status = excluded.status, duration_ms = excluded.duration_ms, error = excluded.error,
        finished_at = now()
$$;

comment on function homeostasis.record_steps(homeostasis.jobs, jsonb) is
  'Stores what became of each statement of a deployment or of its undo';

create function homeostasis.may_have_left(job homeostasis.jobs, result jsonb) returns boolean
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when (job.payload ->> 'transactional')::boolean then false
    when result -> 'steps' is null then job.lost > 0
    -- What is there belongs to somebody else: the undo must not drop it.
    when result #>> '{error,sqlstate}' = '42P07' then false
    else result #>> '{steps,0,status}' <> 'skipped'
  end
$$;

comment on function homeostasis.may_have_left(homeostasis.jobs, jsonb) is
  'Whether a change that failed may have left something, as an index that was not built to its end: outside a transaction, when it failed halfway or its runner was lost';

create function homeostasis.with_leftovers(reason text, result jsonb) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select concat_ws('; ', reason, 'invalid and to be dropped: '
    || (select string_agg(i, ', ' order by i)
        from jsonb_array_elements_text(nullif(result -> 'invalid_indexes', 'null')) i))
$$;

comment on function homeostasis.with_leftovers(text, jsonb) is
  'A reason with the invalid indexes that the operator found on the tables of a patch when it had run outside a transaction';

create function homeostasis.conclude_apply(job homeostasis.jobs, result jsonb) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  patch constant homeostasis.patches := homeostasis.lock_patch(job.patch_id);
  deployment constant homeostasis.deployments := homeostasis.latest_deployment(patch);
  problem text;
begin
  perform homeostasis.record_steps(job, result);
  if (result ->> 'ok')::boolean then
    update homeostasis.deployments d
      set status = 'observing',
          applied_at = clock_timestamp(),
          observe_from = clock_timestamp() + d.settle_time,
          observe_until = clock_timestamp() + d.settle_time + d.observe_window
      where d.service_id = deployment.service_id and d.id = deployment.id;
    perform homeostasis.move_patch(patch, 'deployed',
      homeostasis.with_leftovers(format('watched for %s', deployment.observe_window), result));
    return;
  end if;
  problem := homeostasis.job_problem(job, result);
  if patch.undo_sql is not null and homeostasis.may_have_left(job, result) then
    perform homeostasis.begin_rollback(patch, deployment, problem);
  else
    perform homeostasis.move_deployment(deployment, 'failed');
    perform homeostasis.move_patch(patch, 'failed', homeostasis.with_leftovers(problem, result));
  end if;
end
$$;

comment on function homeostasis.conclude_apply(homeostasis.jobs, jsonb) is
  'A change was applied: begins the watch. It was not: fails, or undoes the part that has no transaction to undo it';

-- Back ----------------------------------------------------------------------

create function homeostasis.begin_rollback(patch homeostasis.patches,
  deployment homeostasis.deployments, reason text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  update homeostasis.deployments d
    set status = 'rolling_back', rollback_reason = reason, finished_at = null
    where d.service_id = deployment.service_id and d.id = deployment.id;
  perform homeostasis.move_patch(patch, 'rolling_back', reason);
  if patch.undo_sql is null then
    perform homeostasis.move_deployment(deployment, 'failed');
    -- What is still there was not rolled back, whether it does harm or not.
    perform homeostasis.move_patch(patch, 'failed', reason
      || case when patch.reversible = 'unneeded' then '; what it did stays and does no harm'
              else '; it has no undo' end);
    return;
  end if;
  perform homeostasis.check_digest(patch);
  perform homeostasis.enqueue_job(patch, 'undo',
    jsonb_build_object('statements', patch.undo_sql,
      'digest', homeostasis.statements_digest(patch.undo_sql)),
    deployment_id => deployment.id);
end
$$;

comment on function homeostasis.begin_rollback(homeostasis.patches, homeostasis.deployments, text) is
  'Sends a locked, deployed patch on its way back; one without an undo fails, and what it did stays in its database';

create function homeostasis.rollback(patch_id bigint, reason text default null) returns bigint
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  patch constant homeostasis.patches := homeostasis.lock_patch(patch_id);
  deployment constant homeostasis.deployments := homeostasis.latest_deployment(patch);
begin
  if patch.status not in ('deployed', 'healed') then
    perform homeostasis.refuse_patch(patch, 'rolled back',
      'Only a patch that is "deployed" or "healed" can be rolled back.');
  end if;
  if patch.undo_sql is null then
    raise exception 'patch % cannot be rolled back: it has no undo', patch_id
      using errcode = 'HO006',
            hint = case when patch.reversible = 'unneeded'
              then 'To leave what it did does no harm: there is nothing to undo.'
              else 'Its statements are in homeostasis.patches.apply_sql; what they did must be undone by hand.'
            end;
  end if;
  if exists (select from homeostasis.patches p
             where p.service_id = patch.service_id and p.issue_id = patch.issue_id
               and p.id <> patch.id and homeostasis.is_active_patch(p.status)) then
    raise exception 'patch % cannot be rolled back while another patch works on its issue', patch_id
      using errcode = 'HO006',
            hint = format('See homeostasis.patches for issue %s.', patch.issue_id);
  end if;
  perform homeostasis.begin_rollback(patch, deployment,
    coalesce(nullif(reason, ''), 'rolled back by ' || homeostasis.actor()));
  return deployment.id;
end
$$;

comment on function homeostasis.rollback(bigint, text) is
  'Undoes a deployed or healed patch; returns the deployment''s id';
grant execute on function homeostasis.rollback(bigint, text) to homeostasis_operator;

create function homeostasis.conclude_undo(job homeostasis.jobs, result jsonb) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  patch constant homeostasis.patches := homeostasis.lock_patch(job.patch_id);
  deployment constant homeostasis.deployments := homeostasis.latest_deployment(patch);
begin
  perform homeostasis.record_steps(job, result);
  if (result ->> 'ok')::boolean then
    perform homeostasis.move_deployment(deployment, 'rolled_back');
    perform homeostasis.move_patch(patch, 'rolled_back',
      homeostasis.with_leftovers(deployment.rollback_reason, result));
  else
    perform homeostasis.move_deployment(deployment, 'failed');
    perform homeostasis.move_patch(patch, 'failed',
      homeostasis.with_leftovers('the undo failed: ' || homeostasis.job_problem(job, result), result));
  end if;
end
$$;

comment on function homeostasis.conclude_undo(homeostasis.jobs, jsonb) is
  'A change was undone, or could not be';

-- The watch -----------------------------------------------------------------

create function homeostasis.patch_effect(deployment homeostasis.deployments) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select p.effect from homeostasis.patches p
  where p.service_id = deployment.service_id and p.id = deployment.patch_id
$$;

comment on function homeostasis.patch_effect(homeostasis.deployments) is
  'Whether the patch of a deployment takes effect at once or in new sessions';

create function homeostasis.count_recurrences(deployment homeostasis.deployments) returns bigint
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select count(*)
  from (select from homeostasis.errors e
        where e.service_id = deployment.service_id
          and e.fingerprint = any (deployment.fingerprints)
          and e."timestamp" > deployment.observe_from
          and e."timestamp" <= deployment.observe_until
          and not (coalesce(e.session_start <= deployment.applied_at, false)
                   and homeostasis.patch_effect(deployment) = 'new sessions')
        limit 1000) e
$$;

comment on function homeostasis.count_recurrences(homeostasis.deployments) is
  'Errors of the issue within the observation of a deployment, counted up to 1000; without those of sessions that a change for new sessions did not reach';
