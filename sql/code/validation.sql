-- validation.sql: the state machine of a validation, one attempt to prove a
-- patch by a dry run, and what its result is worth.

create function homeostasis.validation_successors(status text) returns text[]
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select case status
    when 'pending' then array['running', 'failed']
    when 'running' then array['passed', 'failed', 'pending']
    else array[]::text[]
  end
$$;

comment on function homeostasis.validation_successors(text) is
  'The states that may follow a state of a validation';

create trigger check_transition before update of status on homeostasis.validations
  for each row when (old.status is distinct from new.status)
  execute function homeostasis.check_transition('validation');

create function homeostasis.request_validation(patch homeostasis.patches) returns bigint
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  validation_id bigint;
begin
  insert into homeostasis.validations (service_id, patch_id) values (patch.service_id, patch.id)
    returning id into validation_id;
  perform homeostasis.enqueue_job(patch, 'validate',
    coalesce(homeostasis.analysed_event(patch.service_id, patch.analysis_id), '{}')
      || jsonb_build_object('apply', patch.apply_sql, 'undo', patch.undo_sql),
    validation_id => validation_id);
  perform homeostasis.move_patch(patch, 'validating');
  return validation_id;
end
$$;

comment on function homeostasis.request_validation(homeostasis.patches) is
  'Asks for the dry run of a locked patch that is proposed; returns the validation''s id';

create function homeostasis.proof_strength(result jsonb, captured_sqlstate text) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when not coalesce((result ->> 'applied')::boolean, false) then 'none'
    when coalesce((result ->> 'replayable')::boolean, false)
      and result #>> '{before,sqlstate}' = captured_sqlstate
      and coalesce((result #>> '{after,ok}')::boolean, false) then 'reproduced'
    else 'applied'
  end
$$;

comment on function homeostasis.proof_strength(jsonb, text) is
  'What the result of a dry run proves: reproduced (failed as captured before, succeeded after), applied or none';

create function homeostasis.conclude_validation(job homeostasis.jobs, result jsonb) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  patch constant homeostasis.patches := homeostasis.lock_patch(job.patch_id);
  passed constant boolean := coalesce((result ->> 'ok')::boolean, false);
  proof constant text := homeostasis.proof_strength(result, job.payload #>> '{event,sqlstate}');
  problem text;
begin
  if not passed then
    problem := coalesce(result ->> 'failure', result #>> '{error,message}',
                        'the dry run gave no reason');
  end if;
  update homeostasis.validations v
    set status = case when passed then 'passed' else 'failed' end,
        strength = case when passed then proof end,
        replayable = (result ->> 'replayable')::boolean,
        replay_note = result ->> 'replay_note',
        before = nullif(result -> 'before', 'null'),
        after = nullif(result -> 'after', 'null'),
        undo_checked = (result ->> 'undo_checked')::boolean,
        strongest_lock = result ->> 'strongest_lock',
        locks = nullif(result -> 'locks', 'null'),
        duration_ms = (result ->> 'duration_ms')::double precision,
        rows_touched = (result ->> 'rows')::bigint,
        wal_bytes = (result ->> 'wal_bytes')::bigint,
        table_bytes = (result ->> 'table_bytes')::bigint,
        failure = problem,
        finished_at = clock_timestamp()
    where v.service_id = job.service_id and v.id = job.validation_id;
  perform homeostasis.move_patch(patch,
    case when passed then 'validated' else 'invalid' end,
    coalesce(problem, case proof
      when 'reproduced' then 'the failure was reproduced and did not recur with the change'
      when 'applied' then coalesce('the change applies; ' || (result ->> 'replay_note'),
                                   'the change applies; the failure was not reproduced')
      else coalesce('not tried: ' || (result ->> 'replay_note'), 'the change was not tried') end));
end
$$;

comment on function homeostasis.conclude_validation(homeostasis.jobs, jsonb) is
  'Stores the result of a dry run and moves its patch to validated or invalid';
