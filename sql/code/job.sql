-- job.sql: the state machine of a job, work that is claimed, done outside of
-- any transaction here, and answered.
--
-- The healer claims a job in one transaction, has it run, and stores the
-- answer in another.  While the lease lasts nobody else runs it; a runner that
-- never answers costs the job one attempt.

create function homeostasis.job_successors(status text) returns text[]
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select case status
    when 'pending' then array['running', 'cancelled']
    when 'running' then array['done', 'failed', 'pending', 'cancelled']
    else array[]::text[]
  end
$$;

comment on function homeostasis.job_successors(text) is 'The states that may follow a state of a job';

create trigger check_transition before update of status on homeostasis.jobs
  for each row when (old.status is distinct from new.status)
  execute function homeostasis.check_transition('job');

create function homeostasis.enqueue_job(patch homeostasis.patches, kind text, payload jsonb,
  validation_id bigint default null, deployment_id bigint default null)
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  insert into homeostasis.jobs (service_id, runner, kind, patch_id, validation_id, deployment_id,
                                payload)
    values (patch.service_id, 'operator', kind, patch.id, validation_id, deployment_id,
            jsonb_build_object('database', patch.database_name)
            || case when kind = 'plan' then '{}'
                 else jsonb_build_object('run_as', patch.run_as,
                                         'transactional', patch.transactional) end
            || payload)
$$;

comment on function homeostasis.enqueue_job(homeostasis.patches, text, jsonb, bigint, bigint) is
  'Puts work on a patch into the queue of the operator';

create function homeostasis.cancel_jobs(patch homeostasis.patches) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  update homeostasis.jobs j
    set status = 'cancelled', lease_until = null, finished_at = clock_timestamp()
    where j.service_id = patch.service_id and j.patch_id = patch.id
      and j.status in ('pending', 'running')
$$;

comment on function homeostasis.cancel_jobs(homeostasis.patches) is
  'Takes the work on a patch out of the queue; what runs already is not waited for and its answer ignored';

-- Claiming ------------------------------------------------------------------

create function homeostasis.job_time_limit(kind text, payload jsonb) returns interval
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when kind = 'validate' then
      (jsonb_array_length(payload -> 'apply')
       + jsonb_array_length(coalesce(nullif(payload -> 'undo', 'null'), '[]')) + 2)
      * (homeostasis.limit_of('dry_run_statement_timeout')
         + homeostasis.limit_of('dry_run_lock_timeout'))
    when kind in ('apply', 'undo') then
      jsonb_array_length(payload -> 'statements')
      * (homeostasis.limit_of('deploy_statement_timeout')
         + homeostasis.limit_of('deploy_lock_timeout'))
    else interval '0'
  end + interval '1 minute'
$$;

comment on function homeostasis.job_time_limit(text, jsonb) is
  'How long a job may run by the settings that bound its statements, and a minute to begin and to answer';

create function homeostasis.limit_of(setting_name text) returns interval
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select case when homeostasis.setting(setting_name) in ('0', '-1') then interval '1 day'
           else homeostasis.setting(setting_name)::interval end
$$;

comment on function homeostasis.limit_of(text) is
  'A timeout setting as an interval; a day when it is switched off';

create function homeostasis.start_work(job homeostasis.jobs) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  update homeostasis.validations v set status = 'running'
    where v.service_id = job.service_id and v.id = job.validation_id and v.status = 'pending';
  update homeostasis.deployments d set status = 'in_progress'
    where d.service_id = job.service_id and d.id = job.deployment_id and d.status = 'pending';
end
$$;

comment on function homeostasis.start_work(homeostasis.jobs) is
  'Shows in the validation or deployment that its job is running';

create function homeostasis.next_job(runner text) returns homeostasis.jobs
language sql
set search_path = pg_catalog, pg_temp
as $$
  select j
  from homeostasis.jobs j
  where j.runner = next_job.runner and j.status = 'pending' and j.run_after <= now()
  order by j.run_after, j.id
  limit 1
  for update skip locked
$$;

comment on function homeostasis.next_job(text) is
  'Locks and returns the next job for a kind of runner that nobody else has locked, or null';

create function homeostasis.claim_job(runner text, lease interval)
returns table (id bigint, service_id bigint, kind text, database name, payload jsonb)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  job constant homeostasis.jobs := homeostasis.next_job(runner);
begin
  if job.id is null then
    return;
  end if;
  update homeostasis.jobs j
    set status = 'running', attempts = j.attempts + 1, claimed_at = clock_timestamp(),
        lease_until = clock_timestamp()
          + greatest(lease, homeostasis.job_time_limit(j.kind, j.payload)),
        claimed_by = format('%s, process %s', homeostasis.actor(), pg_backend_pid()),
        claimed_pid = pg_backend_pid(), commit_xid = null,
        claimed_start = (select a.backend_start from pg_stat_activity a
                         where a.pid = pg_backend_pid())
    where j.service_id = job.service_id and j.id = job.id;
  perform homeostasis.start_work(job);
  return query select job.id, job.service_id, job.kind, (job.payload ->> 'database')::name,
                      job.payload;
end
$$;

comment on function homeostasis.claim_job(text, interval) is
  'Takes the next job for this kind of runner and leases it, for at least as long as its statements may run; no row: nothing to do';

create function homeostasis.note_commit(job_id bigint, xid xid8) returns boolean
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update homeostasis.jobs j set commit_xid = xid
    where j.id = job_id and j.status = 'running' and j.claimed_pid = pg_backend_pid();
  return found;
end
$$;

comment on function homeostasis.note_commit(bigint, xid8) is
  'Notes the transaction that is about to make the change of a running job; false: the job was withdrawn, the change must not be made';

-- Answering -----------------------------------------------------------------

create function homeostasis.is_transient(sqlstate text) returns boolean
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(sqlstate = '55P03' or sqlstate <> '57014'
                  and left(sqlstate, 2) in ('08', '40', '53', '57'), false)
$$;

comment on function homeostasis.is_transient(text) is
  'Whether an error may go away by itself: a lock that is held, a deadlock, a lack of resources, a server that restarts';

create function homeostasis.job_problem(job homeostasis.jobs, result jsonb) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(result ->> 'failure', result #>> '{error,message}', 'no reason was given')
    || case when job.lost > 0 and job.kind in ('apply', 'undo')
         then '; an attempt that was lost may have done it already' else '' end
$$;

comment on function homeostasis.job_problem(homeostasis.jobs, jsonb) is
  'Why a job failed, for people';

create function homeostasis.may_retry(job homeostasis.jobs, result jsonb) returns boolean
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select job.attempts < job.max_attempts
    and coalesce(not (result ->> 'ok')::boolean, true)
    and case
      when job.kind = 'plan' then
        homeostasis.is_transient(e.sqlstate) or coalesce(e.sqlstate = '57014', false)
      when job.kind = 'validate' then homeostasis.is_transient(e.sqlstate)
      else homeostasis.is_transient(e.sqlstate)
        and (job.kind = 'undo' or (job.payload ->> 'transactional')::boolean
             or coalesce((result ->> 'interrupted')::boolean, false))
    end
  from (values (result #>> '{error,sqlstate}')) e (sqlstate)
$$;

comment on function homeostasis.may_retry(homeostasis.jobs, jsonb) is
  'Whether a failed job is worth another attempt: it met a passing obstacle, and left nothing behind (one that was interrupted: it never began) or is an undo, which can be repeated';

create function homeostasis.retry_job(job homeostasis.jobs, result jsonb) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  update homeostasis.jobs j
    set status = 'pending', lease_until = null, result = retry_job.result,
        run_after = clock_timestamp() + least(interval '10 seconds' * 2 ^ (j.attempts - 1),
                                              interval '10 minutes')
    where j.service_id = job.service_id and j.id = job.id;
  update homeostasis.validations v set status = 'pending'
    where v.service_id = job.service_id and v.id = job.validation_id and v.status = 'running';
end
$$;

comment on function homeostasis.retry_job(homeostasis.jobs, jsonb) is
  'Puts a running job back into the queue; each attempt waits twice as long as the one before';

create function homeostasis.conclude_job(job homeostasis.jobs, result jsonb) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  update homeostasis.jobs j
    set status = case when coalesce((conclude_job.result ->> 'ok')::boolean, false)
                   then 'done' else 'failed' end,
        result = conclude_job.result, lease_until = null, finished_at = clock_timestamp()
    where j.service_id = job.service_id and j.id = job.id;
  case job.kind
    when 'plan' then perform homeostasis.conclude_plan(job, result);
    when 'validate' then perform homeostasis.conclude_validation(job, result);
    when 'apply' then perform homeostasis.conclude_apply(job, result);
    when 'undo' then perform homeostasis.conclude_undo(job, result);
  end case;
end
$$;

comment on function homeostasis.conclude_job(homeostasis.jobs, jsonb) is
  'Stores the last answer to a running job and moves what it was for';

create function homeostasis.lock_running_job(job_id bigint) returns homeostasis.jobs
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  job homeostasis.jobs;
begin
  select j.* into job from homeostasis.jobs j where j.id = job_id;
  if not found then
    raise exception 'there is no job %', job_id
      using errcode = 'HO005', hint = 'The jobs are in homeostasis.jobs.';
  end if;
  perform homeostasis.lock_patch(job.patch_id);
  select j.* into job from homeostasis.jobs j where j.id = job_id and j.status = 'running'
    for update;
  return job;
end
$$;

comment on function homeostasis.lock_running_job(bigint) is
  'Locks a job behind its patch and issue and returns it; null when it is not running';

create function homeostasis.is_repeatable(job homeostasis.jobs) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select job.kind in ('plan', 'validate', 'undo')
    or job.kind = 'apply' and (select p.undo_sql is null from homeostasis.patches p
                               where p.service_id = job.service_id and p.id = job.patch_id)
$$;

comment on function homeostasis.is_repeatable(homeostasis.jobs) is
  'Whether a job outside a transaction may be done again, although nobody knows what it has done: an undo, or a change without one, such as VACUUM, says "if exists". Any other change is undone instead';

create function homeostasis.job_fate(job homeostasis.jobs) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when job.kind in ('plan', 'validate') then 'not done'
    when not (job.payload ->> 'transactional')::boolean then
      case when homeostasis.is_repeatable(job) then 'perhaps done' else 'unknown' end
    when job.commit_xid is null then 'not done'
    -- Another server's, if this one was restored from a dump.
    when job.commit_xid > pg_current_xact_id() then 'unknown'
    else case pg_xact_status(job.commit_xid)
      when 'committed' then 'done' when 'aborted' then 'not done' when 'in progress' then 'under way'
      else 'unknown' end
  end
$$;

comment on function homeostasis.job_fate(homeostasis.jobs) is
  'What became of a job whose runner never answered: done, not done, perhaps done (and can be repeated), under way or unknown';

create function homeostasis.done_result(job homeostasis.jobs) returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object('ok', true, 'recovered', true, 'steps',
    (select jsonb_agg(jsonb_build_object('statement', s.value, 'status', 'done') order by s.ordinality)
     from jsonb_array_elements(job.payload -> 'statements') with ordinality s))
$$;

comment on function homeostasis.done_result(homeostasis.jobs) is
  'The answer of a job that is known to be done although its runner never answered';

create function homeostasis.lose_job(job homeostasis.jobs, problem text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  fate constant text := homeostasis.job_fate(job);
  lost_job homeostasis.jobs := job;
  result constant jsonb := jsonb_build_object('ok', false, 'error',
    jsonb_build_object('sqlstate', '08006', 'message', problem));
begin
  if fate = 'under way' then
    return;
  elsif fate = 'done' then
    perform homeostasis.conclude_job(job, homeostasis.done_result(job));
    return;
  elsif fate in ('unknown', 'perhaps done') then
    lost_job.lost := job.lost + 1;
    update homeostasis.jobs j set lost = lost_job.lost
      where j.service_id = job.service_id and j.id = job.id;
  end if;
  if fate in ('not done', 'perhaps done') and job.attempts < job.max_attempts then
    perform homeostasis.retry_job(lost_job, result);
  else
    perform homeostasis.conclude_job(lost_job, result);
  end if;
end
$$;

comment on function homeostasis.lose_job(homeostasis.jobs, text) is
  'A locked job''s runner never answered: concludes what is known to be done, tries again what is not or can be repeated, fails where nobody knows or the attempts are used up; what fails outside a transaction is undone';

create function homeostasis.complete_job(job_id bigint, result jsonb) returns boolean
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  job constant homeostasis.jobs := homeostasis.lock_running_job(job_id);
  never_began constant boolean := result #>> '{error,sqlstate}' like '53%';
begin
  if job.id is null then
    raise notice 'job % is not running any more: its result is ignored', job_id;
    return false;
  end if;
  if (result ->> 'interrupted')::boolean and not never_began then
    perform homeostasis.lose_job(job, result #>> '{error,message}');
  elsif homeostasis.may_retry(job, result) then
    perform homeostasis.retry_job(job, result);
  else
    perform homeostasis.conclude_job(job, result);
  end if;
  return true;
end
$$;

comment on function homeostasis.complete_job(bigint, jsonb) is
  'Stores the answer to a running job and moves patch, validation and deployment by it; false, with a notice, when the job is not running any more';
