-- runs in: own
--
-- job.sql: work could be lost, done twice, or its answer believed twice

\set ECHO none
\set QUIET 1
select pg_current_xact_id() as committed_xid \gset
begin;
select pg_current_xact_id() as aborted_xid \gset
rollback;
begin;
\ir ../lib/healing.sql
select no_plan();

create function pg_temp.claim() returns bigint
language sql as $$ select id from homeostasis.claim_job('operator', interval '5 minutes') $$;

create function pg_temp.claim_latest(kind text) returns bigint
language sql as $$
  select fixture.prefer_latest(kind);
  select id from homeostasis.claim_job('operator', interval '5 minutes');
$$;

-- Claiming ------------------------------------------------------------------------

select is(pg_temp.claim(), null, 'without work there is nothing to claim');

select fixture.patch('planning') as patch_id \gset
select is(count(*), 0::bigint, 'an agent does not get the operator''s work')
from homeostasis.claim_job('agent', interval '1 minute');
create temporary table claimed as select * from homeostasis.claim_job('operator', interval '5 minutes');
select is(kind || ' ' || database, 'plan shop', 'a claim says what to do where') from claimed;
select is(payload - 'event', '{"database": "shop", "captures": {}, "origin": "server_log", "genuine": true,
    "session_role": null, "truncated": null, "template": {"name": "fixture_schema", "plan": "select 1", "explain": false}}',
  'the plan''s payload has what the contract with the operator says') from claimed;
select ok(payload -> 'event' ? 'error_id', 'and the event') from claimed;
select ok(status = 'running' and attempts = 1 and lease_until > now() + interval '4 minutes'
    and claimed_by like session_user || ', process %', 'the job shows who has it and for how long')
from homeostasis.jobs where patch_id = :patch_id;
select is(pg_temp.claim(), null, 'what is claimed cannot be claimed again');

-- Answers ----------------------------------------------------------------------------

select id as job_id from claimed \gset
select ok(homeostasis.complete_job(:job_id, fixture.plan()), 'an answer is taken');
select is(fixture.status(:patch_id), 'proposed', 'and moves the patch');
select ok(not homeostasis.complete_job(:job_id, '{"ok": false, "refusal": "x"}'), 'a second answer is ignored');
select is(fixture.status(:patch_id), 'proposed', 'and moves nothing');
select throws_ok('select homeostasis.complete_job(-1, ''{}'')', 'HO005', 'there is no job -1',
  'an answer to no job is an error');

select fixture.patch('planning') as patch_id \gset
select fixture.answer('plan', '{"ok": false, "refusal": "the table has no siblings"}') as job_id \gset
select is(fixture.status(:patch_id) || ': ' || fixture.reason(:patch_id), 'refused: the table has no siblings',
  'a template can refuse');
select is(fixture.issue_status(:patch_id), 'open', 'then the issue opens again');

select is(fixture.status(p) || ': ' || fixture.reason(p),
    'failed: template "fixture_schema" made a plan that cannot be used: ' || problem,
    'a plan is checked: ' || problem)
from (values
  ('{"apply": []}', 'apply is not an array of statements'),
  ('{"apply": "drop table x"}', 'apply is not an array of statements'),
  ('{"apply": ["select 1", null]}', 'apply is not an array of statements'),
  ('{"apply": ["select 1", " "]}', 'apply is not an array of statements'),
  ('{"undo": [1]}', 'undo is not an array of statements'),
  ('{"run_as": null}', 'run_as names no role'),
  ('{"transactional": "no"}', 'transactional is not true or false')) v (plan, problem)
cross join lateral fixture.patch('proposed', v.plan::jsonb) p;

-- Retries ------------------------------------------------------------------------------

select fixture.patch('planning') as patch_id \gset
select fixture.answer('plan', fixture.broken('57P01')) as job_id \gset
select is(status || ' ' || (run_after - clock_timestamp() > interval '5 seconds')::text, 'pending true',
  'a plan that broke down is tried again, later')
from homeostasis.jobs where id = :job_id;
select is(pg_temp.claim(), null, 'not before its time');
select is(fixture.status(:patch_id), 'planning', 'meanwhile the patch waits');
select fixture.answer('plan', fixture.broken('57P01')) as job_id \gset
select fixture.answer('plan', fixture.broken('57P01')) as job_id \gset
select is(status || ' ' || attempts, 'failed 3', 'three attempts, no more') from homeostasis.jobs where id = :job_id;
select is(fixture.status(:patch_id) || ': ' || fixture.reason(:patch_id), 'failed: it could not be planned: fixture',
  'then the patch fails, with the reason');

select fixture.patch('validating') as patch_id \gset
select fixture.answer('validate', fixture.broken('08006')) as job_id \gset
select is(v.status, 'pending', 'a dry run that broke down is pending again')
from homeostasis.validations v where patch_id = :patch_id;
select fixture.answer('validate', '{"ok": false, "applied": true, "failure": "the failure recurred with the change"}') as job_id \gset
select is(fixture.status(:patch_id) || ': ' || fixture.reason(:patch_id), 'invalid: the failure recurred with the change',
  'a disproved patch is invalid at once');

select fixture.patch('deploying') as patch_id \gset
select fixture.answer('apply', fixture.broken('55P03')) as job_id \gset
select is(fixture.status(:patch_id), 'deploying', 'a change that did not get its lock is tried again');
select fixture.answer('apply', fixture.broken('42P07')) as job_id \gset
select is(fixture.status(:patch_id) || ' ' || fixture.deployment_status(:patch_id), 'failed failed',
  'a change that cannot be applied fails at once');

select fixture.patch('deploying', '{"transactional": false}') as patch_id \gset
select fixture.answer('apply', fixture.broken('55P03')) as job_id \gset
select is(fixture.status(:patch_id), 'failed', 'outside a transaction nothing is tried again');

select fixture.patch('planning') as patch_id \gset
select fixture.answer('plan', fixture.broken('42703')) as job_id \gset
select is(fixture.status(:patch_id) || ': ' || fixture.reason(:patch_id), 'failed: it could not be planned: fixture',
  'an error that will not go away is not tried again');

-- Lost runners ---------------------------------------------------------------------------

create function pg_temp.lose(job_id bigint) returns void
language sql as $$
  update homeostasis.jobs set lease_until = now() - interval '1 second' where id = job_id;
  select fixture.advance();
$$;

select fixture.patch('deploying') as patch_id \gset
select pg_temp.claim_latest('apply') as job_id \gset
select ok(lease_until > now() + interval '1 hour',
  'a change is leased for as long as its statements may run')
from homeostasis.jobs where id = :job_id;
select fixture.advance() \g /dev/null
select is(status, 'running', 'while the lease lasts the job is left alone') from homeostasis.jobs where id = :job_id;
select pg_temp.lose(:job_id) \g /dev/null
select is(status || ' ' || lost, 'pending 0', 'after it the job is free again') from homeostasis.jobs where id = :job_id;
select ok(not homeostasis.complete_job(:job_id, fixture.applied()), 'the late answer of the lost runner is ignored');

-- What became of the transaction that a lost runner was about to commit.
select fixture.patch('deploying') as patch_id \gset
select pg_temp.claim_latest('apply') as job_id \gset
select ok(homeostasis.note_commit(:job_id, :'committed_xid'), 'the transaction of a change is noted before it commits');
select pg_temp.lose(:job_id) \g /dev/null
select is(fixture.status(:patch_id) || ' ' || fixture.deployment_status(:patch_id), 'deployed observing',
  'a lost change that was committed is not made twice');
select is(result ->> 'recovered', 'true', 'and the job says how that is known') from homeostasis.jobs where id = :job_id;

select fixture.patch('deploying') as patch_id \gset
select pg_temp.claim_latest('apply') as job_id \gset
select homeostasis.note_commit(:job_id, :'aborted_xid') \g /dev/null
select pg_temp.lose(:job_id) \g /dev/null
select is(status, 'pending', 'one that was rolled back is made again') from homeostasis.jobs where id = :job_id;
update homeostasis.jobs set run_after = now() where id = :job_id;
select pg_temp.claim_latest('apply') as job_id \gset
select is(commit_xid, null, 'with a transaction of its own') from homeostasis.jobs where id = :job_id;
select homeostasis.note_commit(:job_id, pg_current_xact_id()) \g /dev/null
select pg_temp.lose(:job_id) \g /dev/null
select is(status, 'running', 'one that is being committed is waited for') from homeostasis.jobs where id = :job_id;
update homeostasis.jobs set claimed_pid = 0 where id = :job_id;
select ok(not homeostasis.note_commit(:job_id, pg_current_xact_id()),
  'nobody but who has claimed a job may have it committed');

select fixture.patch('deploying') as patch_id \gset
select pg_temp.claim_latest('apply') as job_id \gset
select homeostasis.note_commit(:job_id, '4000000000000') \g /dev/null
select pg_temp.lose(:job_id) \g /dev/null
select is(fixture.status(:patch_id), 'failed', 'of a transaction that this server does not know nobody knows either');

select fixture.patch('deploying', '{"transactional": false}') as patch_id \gset
select pg_temp.claim_latest('apply') as job_id \gset
select pg_temp.lose(:job_id) \g /dev/null
select is(fixture.status(:patch_id) || ' ' || fixture.deployment_status(:patch_id), 'rolling_back rolling_back',
  'a lost change outside a transaction is not tried again but undone, for it may have left something');
select matches(fixture.reason(:patch_id), 'an attempt that was lost may have done it already',
  'and the reason says what nobody knows');
select pg_temp.claim_latest('undo') as job_id \gset
select pg_temp.lose(:job_id) \g /dev/null
select is(status || ' ' || lost, 'pending 1', 'a lost undo is done again') from homeostasis.jobs where id = :job_id;
select fixture.answer('undo', fixture.applied()) as job_id \gset
select is(fixture.status(:patch_id), 'rolled_back', 'until nothing of the change is left');

select fixture.patch('deploying', '{"transactional": false, "undo": null}') as patch_id \gset
select pg_temp.claim_latest('apply') as job_id \gset
select pg_temp.lose(:job_id) \g /dev/null
select is(status || ' ' || lost, 'pending 1', 'a lost change that has no undo is done again')
from homeostasis.jobs where id = :job_id;
select fixture.answer('apply', fixture.broken('42P07')) as job_id \gset
select is(fixture.status(:patch_id), 'failed', 'and fails if it cannot be');
select matches(fixture.reason(:patch_id), 'an attempt that was lost may have done it already',
  'which may be because it was done');

select fixture.patch('deploying', '{"transactional": false}') as patch_id \gset
select fixture.answer('apply', fixture.broken('53400') || '{"interrupted": true}') as job_id \gset
select is(status || ' ' || lost, 'pending 0', 'what found no place to begin has left nothing')
from homeostasis.jobs where id = :job_id;

select fixture.patch('deploying') as patch_id \gset
select fixture.answer('apply', fixture.broken('57P01') || '{"interrupted": true}') as job_id \gset
select is(status, 'pending', 'a change whose operator was terminated is made again')
from homeostasis.jobs where id = :job_id;
select fixture.answer('apply', fixture.broken('53400') || '{"interrupted": true}') as job_id \gset
select is(status, 'pending', 'and one that found no place to begin')
from homeostasis.jobs where id = :job_id;

select fixture.patch('validating') as patch_id \gset
select pg_temp.claim_latest('validate') as job_id \gset
select pg_temp.lose(:job_id) \g /dev/null
select is(status, 'pending', 'a lost dry run is pending again') from homeostasis.validations where patch_id = :patch_id;
update homeostasis.jobs set run_after = now(), max_attempts = 2 where id = :job_id;
select pg_temp.claim_latest('validate') as job_id \gset
select pg_temp.lose(:job_id) \g /dev/null
select is(fixture.status(:patch_id), 'invalid', 'a dry run that nobody answers leaves the patch invalid');
select matches(fixture.reason(:patch_id), 'never answered', 'with the reason');

select fixture.patch('planning') as patch_id \gset
select pg_temp.claim_latest('plan') as job_id \gset
update homeostasis.jobs set claimed_start = claimed_start - interval '1 second' where id = :job_id;
select fixture.advance() \g /dev/null
select is(status, 'pending', 'a job whose operator ended with the server is free at once')
from homeostasis.jobs where id = :job_id;

-- Cancelling -----------------------------------------------------------------------------

select fixture.patch('validating') as patch_id \gset
select pg_temp.claim_latest('validate') as job_id \gset
update homeostasis.issues i set status = 'open' from homeostasis.patches p
  where p.id = :patch_id and i.id = p.issue_id;
select fixture.advance() \g /dev/null
select is(fixture.status(:patch_id), 'superseded', 'a patch whose issue is not being healed is dropped');
select is(array_agg(status), '{done,cancelled}', 'and its job with it')
from (select status from homeostasis.jobs where patch_id = :patch_id order by id) j;
select ok(not homeostasis.complete_job(:job_id, fixture.proof()), 'the answer to a cancelled job is ignored');

select is(count(*), 0::bigint, 'only jobs that ended have an end')
from homeostasis.jobs where (status in ('pending', 'running')) = (finished_at is not null);

select * from finish();
rollback;
