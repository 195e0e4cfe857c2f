-- healing.sql: what the tests of the healing machines share
--
-- Included by test/sql/*.sql with \ir.  Makes issues as intake would store
-- them and drives patches through their states with answers that the
-- operator could give, without an operator.

create schema fixture;

-- Errors of any time find a place.
create table fixture.errors partition of homeostasis.errors default;

insert into homeostasis.services (name, kind, database_name, language)
  values ('database/shop', 'database', 'shop', 'sql');

insert into homeostasis.patch_templates (name, description, class, reversible, plan) values
  ('fixture_schema', 'adds what is missing', 'schema', 'yes', 'select 1'),
  ('fixture_privilege', 'grants what is missing', 'privilege', 'yes', 'select 1'),
  ('fixture_unneeded', 'moves something forward', 'data', 'unneeded', 'select 1');

create function fixture.service() returns bigint
language sql as $$ select id from homeostasis.services where name = 'database/shop' $$;

-- One more occurrence of an issue.
create function fixture.occur(issue_id bigint, at timestamptz default clock_timestamp(),
  origin text default 'server_log')
returns uuid
language plpgsql as $$
declare
  event_id constant uuid := gen_random_uuid();
begin
  insert into homeostasis.errors (service_id, event_id, "timestamp", origin, genuine, fingerprint,
                                  level, language, error_type, sqlstate, message, statement)
    select fixture.service(), event_id, at, origin, origin in ('server_log', 'checkup'), f.fingerprint, 'error', 'sql', 'check_violation',
           '23514', 'no partition of relation "orders" found for row',
           'insert into orders values (1)'
      from homeostasis.issue_fingerprints f where f.issue_id = occur.issue_id;
  return event_id;
end
$$;

-- A diagnosis by rule "fixture" if the test has made that rule, else by a person.
create function fixture.diagnose(issue_id bigint, template text,
  confidence numeric default 0.95, origin text default 'server_log')
returns bigint
language plpgsql as $$
declare
  happened constant timestamptz := clock_timestamp();
  event_id constant uuid := fixture.occur(issue_id, happened, origin);
  rule constant text := (select r.id from homeostasis.rules r where r.id = 'fixture');
  analysis_id bigint;
begin
  insert into homeostasis.analysis (service_id, issue_id, error_id, error_timestamp, source,
                                    rule_id, confidence_score, root_cause, suggestion, template)
    values (fixture.service(), issue_id, event_id, happened,
            case when rule is null then 'person' else 'rule' end, rule, confidence,
            'a partition is missing', 'create it', template)
    returning id into analysis_id;
  return analysis_id;
end
$$;

create function fixture.issue(template text default 'fixture_schema',
  confidence numeric default 0.95, origin text default 'server_log')
returns bigint
language plpgsql as $$
declare
  issue_id bigint;
begin
  insert into homeostasis.issues (service_id, title, level, language, error_type, sqlstate,
                                  first_seen, last_seen, error_count, sample_event_id,
                                  sample_timestamp)
    values (fixture.service(), 'no partition', 'error', 'sql', 'check_violation', '23514',
            now(), now(), 1, gen_random_uuid(), now())
    returning id into issue_id;
  insert into homeostasis.issue_fingerprints
    values (fixture.service(), gen_random_uuid(), 1, issue_id);
  perform fixture.diagnose(issue_id, template, confidence, origin);
  return issue_id;
end
$$;

-- Answers ---------------------------------------------------------------------

create function fixture.plan(changes jsonb default '{}') returns jsonb
language sql as $$
  select jsonb_build_object('ok', true, 'plan', jsonb_build_object(
    'apply', array['create table orders_2 partition of orders for values from (1) to (2)'],
    'undo', array['drop table orders_2'], 'run_as', 'pg_database_owner', 'object', 'public.orders',
    'explanation', 'adds the partition', 'transactional', true,
    'evidence', jsonb_build_object('siblings', 12)) || changes)
$$;

create function fixture.proof(changes jsonb default '{}') returns jsonb
language sql as $$
  select jsonb_build_object('ok', true, 'applied', true, 'replayable', true,
    'before', jsonb_build_object('sqlstate', '23514', 'message', 'no partition'),
    'after', jsonb_build_object('ok', true, 'rows', 1), 'undo_checked', true,
    'strongest_lock', 'AccessExclusiveLock',
    'locks', jsonb_build_array(jsonb_build_object('relation', 'orders', 'mode', 'AccessExclusiveLock')),
    'duration_ms', 3.5, 'rows', 1, 'wal_bytes', 4096, 'table_bytes', 65536) || changes
$$;

create function fixture.applied() returns jsonb
language sql as $$
  select '{"ok": true, "steps": [{"statement": "create table", "status": "done", "duration_ms": 2}]}'::jsonb
$$;

create function fixture.broken(sqlstate text) returns jsonb
language sql as $$
  select jsonb_build_object('ok', false, 'error',
    jsonb_build_object('sqlstate', sqlstate, 'message', 'fixture'))
$$;

-- Puts the latest job of a kind that waits before all others.
create function fixture.prefer_latest(kind text) returns void
language sql as $$
  update homeostasis.jobs set run_after = '-infinity'
    where id = (select max(j.id) from homeostasis.jobs j
                where j.status = 'pending' and j.kind = prefer_latest.kind)
$$;

-- Claims the latest job of a kind and answers it.
create function fixture.answer(kind text, result jsonb) returns bigint
language plpgsql as $$
declare
  job record;
begin
  perform fixture.prefer_latest(kind);
  select * into job from homeostasis.claim_job('operator', interval '1 minute');
  if job.kind is distinct from answer.kind then
    raise exception 'the next job is % instead of %', job.kind, answer.kind;
  end if;
  perform homeostasis.complete_job(job.id, result);
  return job.id;
end
$$;

-- Ways ------------------------------------------------------------------------

-- Takes a new issue's patch the straight way up to a state.
create function fixture.patch(state text, plan jsonb default '{}', proof jsonb default '{}',
  issue bigint default fixture.issue())
returns bigint
language plpgsql as $$
declare
  patch_id constant bigint := homeostasis.heal(issue);
  locked homeostasis.patches;
begin
  if state = 'planning' then return patch_id; end if;
  perform fixture.answer('plan', fixture.plan(plan));
  if state = 'proposed' then return patch_id; end if;
  locked := homeostasis.lock_patch(patch_id);
  perform homeostasis.request_validation(locked);
  if state = 'validating' then return patch_id; end if;
  perform fixture.answer('validate', fixture.proof(proof));
  if state = 'validated' then return patch_id; end if;
  perform homeostasis.approve(patch_id);
  if state = 'approved' then return patch_id; end if;
  perform homeostasis.deploy(patch_id);
  if state = 'deploying' then return patch_id; end if;
  perform fixture.answer('apply', fixture.applied());
  if state = 'deployed' then return patch_id; end if;
  if state = 'rolling_back' then
    perform homeostasis.rollback(patch_id, 'fixture');
    return patch_id;
  end if;
  perform fixture.pass_time(patch_id);
  perform fixture.advance();
  return patch_id;
end
$$;

-- Moves the end of a deployment's observation into the past.
create function fixture.pass_time(patch_id bigint) returns void
language sql as $$
  update homeostasis.deployments d
    set applied_at = d.applied_at - interval '1 hour',
        observe_from = d.observe_from - interval '1 hour',
        observe_until = d.observe_until - interval '1 hour'
    where d.patch_id = pass_time.patch_id
$$;

create function fixture.advance() returns integer
language sql as $$ select homeostasis.advance_states(100) $$;

create function fixture.status(patch_id bigint) returns text
language sql as $$ select p.status from homeostasis.patches p where p.id = patch_id $$;

create function fixture.reason(patch_id bigint) returns text
language sql as $$ select p.status_reason from homeostasis.patches p where p.id = patch_id $$;

create function fixture.issue_status(patch_id bigint) returns text
language sql as $$
  select i.status from homeostasis.patches p
  join homeostasis.issues i on i.service_id = p.service_id and i.id = p.issue_id
  where p.id = patch_id
$$;

create function fixture.deployment_status(patch_id bigint) returns text
language sql as $$
  select d.status from homeostasis.deployments d where d.patch_id = deployment_status.patch_id
  order by d.id desc limit 1
$$;
