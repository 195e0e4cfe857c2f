-- advance.sql: the healer's loop.  Whatever can move without a person moves.
--
-- A step NAME is a pair of functions: NAME_candidates() finds, without a
-- lock, what could move; NAME(service, object) locks one of them, looks
-- again and moves it.  So any number of sessions can advance at once.  One
-- call of advance_states() makes one move: a transaction that makes one move
-- takes its locks in the order of patch.sql, and one that fails fails alone.
-- The candidates are looked for every second: PL/pgSQL keeps their plans.

create function homeostasis.advance_steps() returns setof text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  values ('expire_lease'), ('unmute_issue'), ('supersede_patch'), ('watch_deployment'),
    ('watch_healed'), ('learn'), ('start_deployment'), ('apply_policy'), ('start_validation'),
    ('start_healing'), ('store_drops'), ('watch_rates'), ('merge_log_issues'),
    ('continue_analysis')
$$;

comment on function homeostasis.advance_steps() is
  'The steps of advance_states(), in the order in which they are tried';

-- Lost runners --------------------------------------------------------------

create function homeostasis.is_lost(job homeostasis.jobs) returns boolean
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  select job.status = 'running'
    and (job.lease_until <= now()
         or job.runner = 'operator'
            and not exists (select from pg_stat_activity a
                            where a.pid = job.claimed_pid and a.backend_start = job.claimed_start))
$$;

comment on function homeostasis.is_lost(homeostasis.jobs) is
  'Whether a job''s lease has ended, or the session that waits for its operator is gone';

create function homeostasis.expire_lease_candidates()
returns table (service_id bigint, object_id bigint)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
    select j.service_id, j.id from homeostasis.jobs j
    where j.status = 'running' and homeostasis.is_lost(j);
end
$$;

comment on function homeostasis.expire_lease_candidates() is 'Jobs whose runner is lost';

create function homeostasis.expire_lease(service_id bigint, job_id bigint) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  job constant homeostasis.jobs := homeostasis.lock_running_job(job_id);
begin
  if not coalesce(homeostasis.is_lost(job), false) then
    return false;
  end if;
  perform homeostasis.lose_job(job, format('%s, which ran it, never answered', job.claimed_by));
  return (select j.status <> 'running' from homeostasis.jobs j
          where j.service_id = job.service_id and j.id = job.id);
end
$$;

comment on function homeostasis.expire_lease(bigint, bigint) is
  'Takes a job from a runner that is lost';

-- Issues --------------------------------------------------------------------

create function homeostasis.unmute_issue_candidates()
returns table (service_id bigint, object_id bigint)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
    select i.service_id, i.id from homeostasis.issues i
    where i.status = 'muted' and i.muted_until <= now();
end
$$;

comment on function homeostasis.unmute_issue_candidates() is 'Issues that were muted until now';

create function homeostasis.unmute_issue(service_id bigint, issue_id bigint) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  issue constant homeostasis.issues := homeostasis.lock_issue(issue_id);
begin
  if issue.status <> 'muted' or coalesce(issue.muted_until > now(), true) then
    return false;
  end if;
  perform homeostasis.move_issue(issue_id, 'open');
  return true;
end
$$;

comment on function homeostasis.unmute_issue(bigint, bigint) is 'Opens a muted issue again';

create function homeostasis.supersede_patch_candidates()
returns table (service_id bigint, object_id bigint)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
    select p.service_id, p.id
    from homeostasis.patches p
    where p.status in ('planning', 'proposed', 'validating', 'validated', 'approved')
      and not exists (select from homeostasis.issues i
                      where i.service_id = p.service_id and i.id = p.issue_id
                        and i.status = 'healing');
end
$$;

comment on function homeostasis.supersede_patch_candidates() is
  'Patches that are not deployed yet, of issues that are not being healed any more';

create function homeostasis.supersede_patch(service_id bigint, patch_id bigint) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  patch constant homeostasis.patches := homeostasis.lock_patch(patch_id);
  issue_status text;
begin
  select i.status into issue_status from homeostasis.issues i
    where i.service_id = patch.service_id and i.id = patch.issue_id;
  if issue_status = 'healing'
    or not 'superseded' = any (homeostasis.patch_successors(patch.status)) then
    return false;
  end if;
  perform homeostasis.move_patch(patch, 'superseded',
    coalesce('the issue is "' || issue_status || '"', 'the issue is gone'));
  return true;
end
$$;

comment on function homeostasis.supersede_patch(bigint, bigint) is
  'Drops a patch whose issue somebody resolved, muted or merged';

-- The watch -----------------------------------------------------------------

create function homeostasis.is_stored(until timestamptz) returns boolean
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  select bool_and(s.used_bytes = 0 or s.last_received_at > until)
  from homeostasis.intake_stat() s
$$;

comment on function homeostasis.is_stored(timestamptz) is
  'Whether every error that was captured until then is in the tables: silence means nothing while the ring is not emptied';

create function homeostasis.is_observed(deployment homeostasis.deployments) returns boolean
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  select deployment.observe_until <= now() and homeostasis.is_stored(deployment.observe_until)
$$;

comment on function homeostasis.is_observed(homeostasis.deployments) is
  'Whether the observation of a deployment is over and all errors of it have been stored';

create function homeostasis.watch_deployment_candidates()
returns table (service_id bigint, object_id bigint)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
    select d.service_id, d.patch_id from homeostasis.deployments d
    where d.status = 'observing'
      and (homeostasis.is_observed(d) or homeostasis.count_recurrences(d) <> d.recurrences);
end
$$;

comment on function homeostasis.watch_deployment_candidates() is
  'Patches under observation with news: an error came, or the time is over';

create function homeostasis.is_finding(patch homeostasis.patches) returns boolean
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  select coalesce((select a.event ->> 'origin' = 'checkup'
                          and homeostasis.is_still_found(a.event -> 'event')
                   from homeostasis.analysed_event(patch.service_id, patch.analysis_id) a (event)),
                  false)
$$;

comment on function homeostasis.is_finding(homeostasis.patches) is
  'Whether a patch is for something that checkups find, and that one would find now: it raises no errors that could be counted';

create function homeostasis.watch_deployment(service_id bigint, patch_id bigint) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  patch constant homeostasis.patches := homeostasis.lock_patch(patch_id);
  deployment constant homeostasis.deployments := homeostasis.latest_deployment(patch);
  over constant boolean := homeostasis.is_observed(deployment);
  recurred bigint;
  problem text;
begin
  if deployment.status is distinct from 'observing' then
    return false;
  end if;
  recurred := homeostasis.count_recurrences(deployment);
  update homeostasis.deployments d set recurrences = recurred
    where d.service_id = deployment.service_id and d.id = deployment.id
      and d.recurrences <> recurred;
  if recurred >= deployment.recurrence_limit then
    problem := format('the failure recurred %s times after the change', recurred);
  elsif over and homeostasis.is_finding(patch) then
    problem := 'a checkup still finds it after the change';
  end if;
  if problem is not null then
    perform homeostasis.begin_rollback(patch, deployment, problem);
    return true;
  elsif over then
    perform homeostasis.move_deployment(deployment, 'healed');
    perform homeostasis.move_patch(patch, 'healed',
      format(case patch.effect
               when 'new sessions' then 'the failure did not recur for %s in sessions that began since'
               else 'the failure did not recur for %s' end, deployment.observe_window));
    return true;
  end if;
  return false;
end
$$;

comment on function homeostasis.watch_deployment(bigint, bigint) is
  'Rolls a patch back when its failure recurred too often, calls it healed when the time is over';

create function homeostasis.watch_healed_candidates()
returns table (service_id bigint, object_id bigint)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
    select d.service_id, d.patch_id
    from homeostasis.deployments d
    where d.status = 'healed' and d.finished_at > now() - interval '1 hour'
      and homeostasis.count_recurrences(d) >= d.recurrence_limit
      and not exists (select from homeostasis.patches p
                      where p.service_id = d.service_id and p.issue_id = d.issue_id
                        and homeostasis.is_active_patch(p.status));
end
$$;

comment on function homeostasis.watch_healed_candidates() is
  'Patches called healed before all errors of their observation had been stored';

create function homeostasis.watch_healed(service_id bigint, patch_id bigint) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  patch constant homeostasis.patches := homeostasis.lock_patch(patch_id);
  deployment constant homeostasis.deployments := homeostasis.latest_deployment(patch);
begin
  if deployment.status is distinct from 'healed' then
    return false;
  end if;
  perform homeostasis.begin_rollback(patch, deployment,
    'the failure had recurred within the observation, as errors that were stored late show');
  return true;
end
$$;

comment on function homeostasis.watch_healed(bigint, bigint) is
  'Rolls a patch back that was called healed too early';

-- Forward -------------------------------------------------------------------

create function homeostasis.start_deployment_candidates()
returns table (service_id bigint, object_id bigint)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
    select p.service_id, p.id from homeostasis.patches p
    where p.status = 'approved' and homeostasis.service_mode(p.service_id) <> 'observe';
end
$$;

comment on function homeostasis.start_deployment_candidates() is
  'Approved patches, unless the mode is observe: then a person calls deploy()';

create function homeostasis.start_deployment(service_id bigint, patch_id bigint) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  patch constant homeostasis.patches := homeostasis.lock_patch(patch_id);
begin
  if patch.status <> 'approved' then
    return false;
  end if;
  perform homeostasis.begin_deployment(patch);
  return true;
end
$$;

comment on function homeostasis.start_deployment(bigint, bigint) is 'Deploys an approved patch';

create function homeostasis.policy_basis() returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select md5(concat_ws(' ', homeostasis.setting('max_healings_per_hour'),
    homeostasis.setting('max_healings_per_object_per_hour'),
    (select string_agg(p::text, ' ' order by p.name) from homeostasis.policies p)))
$$;

comment on function homeostasis.policy_basis() is
  'Changes whenever a policy or a limit does that decide() goes by';

create function homeostasis.apply_policy_candidates()
returns table (service_id bigint, object_id bigint)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  current_basis text;
begin
  -- There may be many patches, and nothing new about any of them.
  if not exists (select from homeostasis.patches p where p.status = 'validated') then
    return;
  end if;
  current_basis := homeostasis.policy_basis();
  return query
    select p.service_id, p.id
    from homeostasis.patches p
    where p.status = 'validated' and homeostasis.service_mode(p.service_id) = 'auto'
      and not exists (select from homeostasis.policy_waits w
                      where w.service_id = p.service_id and w.patch_id = p.id
                        and w.basis = current_basis and w.retry_at > now())
    order by p.service_id, p.id;
end
$$;

comment on function homeostasis.apply_policy_candidates() is
  'Validated patches whose policy was not asked lately, or not since a policy or limit changed; there are none unless the mode is auto';

create function homeostasis.put_off_policy(service_id bigint, patch_id bigint) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  insert into homeostasis.policy_waits as w (service_id, patch_id, basis, decisions, retry_at)
    values (put_off_policy.service_id, put_off_policy.patch_id, homeostasis.policy_basis(), 1,
            now() + interval '1 second')
    on conflict on constraint policy_waits_pkey do update
      set basis = excluded.basis,
          decisions = case when w.basis = excluded.basis then w.decisions + 1 else 1 end,
          retry_at = now() + case when w.basis = excluded.basis
            then least(interval '1 second' * 2 ^ least(w.decisions, 6), interval '30 seconds')
            else interval '1 second' end
$$;

comment on function homeostasis.put_off_policy(bigint, bigint) is
  'Has the policy of a patch asked again after a second, later after up to half a minute, or when policies or limits change';

create function homeostasis.apply_policy(service_id bigint, patch_id bigint) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  patch homeostasis.patches;
  opinion record;
begin
  -- Without a lock, because most patches are left to a person.
  select d.* into opinion from homeostasis.decide(patch_id) d;
  if opinion.decision = 'ask' then
    perform homeostasis.put_off_policy(service_id, patch_id);
    return false;
  end if;
  patch := homeostasis.lock_patch(patch_id);
  if patch.status <> 'validated' then
    return false;
  end if;
  perform homeostasis.check_digest(patch);
  perform homeostasis.lock_audit();
  select d.* into opinion from homeostasis.decide(patch_id) d;
  if opinion.decision = 'ask' then
    return false;
  end if;
  perform homeostasis.record_decision(patch,
    case opinion.decision when 'approve' then 'approved' else 'rejected' end,
    array_to_string(opinion.reasons, '; '), opinion.policy);
  return true;
end
$$;

comment on function homeostasis.apply_policy(bigint, bigint) is
  'Lets its policy decide about a patch, one patch at a time for the sake of the hourly limits';

create function homeostasis.start_validation_candidates()
returns table (service_id bigint, object_id bigint)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
    select p.service_id, p.id from homeostasis.patches p
    where p.status = 'proposed'
      and (not p.automatic or homeostasis.service_mode(p.service_id) <> 'observe');
end
$$;

comment on function homeostasis.start_validation_candidates() is
  'Proposed patches; in mode observe only those a person asked for';

create function homeostasis.start_validation(service_id bigint, patch_id bigint) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  patch constant homeostasis.patches := homeostasis.lock_patch(patch_id);
begin
  if patch.status <> 'proposed' then
    return false;
  end if;
  perform homeostasis.request_validation(patch);
  return true;
end
$$;

comment on function homeostasis.start_validation(bigint, bigint) is
  'Has a proposed patch tried in a dry run';

create function homeostasis.may_start_healing() returns boolean
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return (select count(*) filter (where p.status <> 'refused') < l.most and count(*) < 10 * l.most
          from homeostasis.patches p
          where p.automatic and p.created_at > now() - interval '1 hour')
    from (select homeostasis.setting('max_healings_per_hour')::bigint) l (most);
end
$$;

comment on function homeostasis.may_start_healing() is
  'Whether the hourly limit leaves room for another patch that nobody asked for; refused ones count against ten times the limit, because a user can provoke them at will';

create view homeostasis.futile_patches as
  select p.service_id, p.issue_id, p.template, p.updated_at as ended_at
  from homeostasis.patches p
  where p.status in ('refused', 'invalid', 'rejected', 'rolled_back', 'failed');

comment on view homeostasis.futile_patches is
  'Patches that came to nothing: the same template is not tried again by itself for the same diagnosis';

create function homeostasis.was_tried(analysis homeostasis.analysis) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select exists (select from homeostasis.futile_patches f
    where f.service_id = analysis.service_id and f.issue_id = analysis.issue_id
      and f.template = analysis.template and f.ended_at > analysis.known_since)
$$;

comment on function homeostasis.was_tried(homeostasis.analysis) is
  'Whether a patch by this diagnosis'' template came to nothing since the diagnosis was made, in these words or others';

create function homeostasis.heals_unasked(analysis homeostasis.analysis) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select exists (select from homeostasis.patch_templates t where t.name = analysis.template)
    and homeostasis.rule_is_on(analysis) and not homeostasis.was_tried(analysis)
$$;

comment on function homeostasis.heals_unasked(homeostasis.analysis) is
  'Whether healing may begin by a diagnosis that nobody asked to heal by: its template is there, its rule is on, and it was not tried in vain';

create function homeostasis.start_healing_candidates()
returns table (service_id bigint, object_id bigint)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  -- There may be a million issues: they are put in order first, and looked at
  -- closely only until enough are found.
  return query
    select i.service_id, i.id
    from (select o.service_id, o.id
          from homeostasis.issues o
          join homeostasis.services s on s.id = o.service_id
          where o.status in ('open', 'regressed')
            and s.database_name is not null and homeostasis.service_mode(s.id) <> 'observe'
            and (o.service_id, o.id) in (select a.service_id, a.issue_id
                                         from homeostasis.analysis a
                                         where a.template is not null)
            and not exists (select from homeostasis.advance_failures f
              where f.service_id = o.service_id and f.step = 'start_healing'
                and f.object_id = o.id and f.retry_at > now())
            and homeostasis.may_start_healing()
          order by o.error_count desc, o.id) i
    cross join lateral
      (select from homeostasis.analysis a
       join homeostasis.patch_templates t on t.name = a.template
       where a.service_id = i.service_id and a.issue_id = i.id
         and not exists (select from homeostasis.futile_patches f
           where f.service_id = a.service_id and f.issue_id = a.issue_id
             and f.template = a.template and f.ended_at > a.known_since)
       limit 1) untried
    cross join lateral homeostasis.best_analysis(i.service_id, i.id, null) best
    where homeostasis.heals_unasked(best)
    limit 10;
end
$$;

comment on function homeostasis.start_healing_candidates() is
  'Up to ten open issues whose diagnosis may heal them unasked, the most frequent first; none in mode observe';

create function homeostasis.start_healing(service_id bigint, issue_id bigint) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  issue constant homeostasis.issues := homeostasis.lock_issue(issue_id);
begin
  perform homeostasis.lock_audit();
  if issue.status not in ('open', 'regressed')
    or not homeostasis.may_start_healing()
    or not homeostasis.heals_unasked(homeostasis.best_analysis(issue.service_id, issue.id, null))
  then
    return false;
  end if;
  perform homeostasis.begin_healing(issue_id, null, true);
  return true;
end
$$;

comment on function homeostasis.start_healing(bigint, bigint) is
  'Begins to heal an issue that nobody asked to heal';

-- The loop ------------------------------------------------------------------

create function homeostasis.try_move(step text, service_id bigint, object_id bigint)
returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  moved boolean;
begin
  if exists (select from homeostasis.advance_failures f
             where f.service_id = try_move.service_id and f.step = try_move.step
               and f.object_id = try_move.object_id and f.retry_at > clock_timestamp()) then
    return false;
  end if;
  execute format('select homeostasis.%I($1, $2)', step) into moved using service_id, object_id;
  delete from homeostasis.advance_failures f
    where f.service_id = try_move.service_id and f.step = try_move.step
      and f.object_id = try_move.object_id;
  return moved;
exception when others then
  insert into homeostasis.advance_failures as f
      (service_id, step, object_id, failures, error, failed_at, retry_at)
    values (service_id, step, object_id, 1, sqlerrm, clock_timestamp(),
            clock_timestamp() + interval '1 second')
    on conflict on constraint advance_failures_pkey do update
      set failures = f.failures + 1, error = excluded.error, failed_at = excluded.failed_at,
          retry_at = excluded.failed_at
            + least(interval '1 second' * 2 ^ least(f.failures, 12), interval '1 hour');
  raise warning '% of object % failed and is tried again later: %', step, object_id, sqlerrm
    using errcode = sqlstate;
  return false;
end
$$;

comment on function homeostasis.try_move(text, bigint, bigint) is
  'Makes one move; an error is recorded, warned about, and puts the object off, longer each time';

create function homeostasis.advance_once() returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  step text;
  candidate record;
begin
  for step in select * from homeostasis.advance_steps() loop
    for candidate in
      execute format('select c.service_id, c.object_id from homeostasis.%I() c',
                     step || '_candidates')
    loop
      if homeostasis.try_move(step, candidate.service_id, candidate.object_id) then
        return true;
      end if;
    end loop;
  end loop;
  return false;
end
$$;

comment on function homeostasis.advance_once() is 'Makes the first move that can be made, if any';

create function homeostasis.advance_states(max_moves integer default 1) returns integer
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  moves integer := 0;
begin
  while moves < max_moves and homeostasis.advance_once() loop
    moves := moves + 1;
  end loop;
  return moves;
end
$$;

comment on function homeostasis.advance_states(integer) is
  'Moves issues, patches and deployments that can move without a person or an operator; returns how many moves it made, 0 when there is nothing to do. Commit after each call';
grant execute on function homeostasis.advance_states(integer) to homeostasis_operator;
