-- runs in: own
--
-- deployment.sql: something unapproved could be deployed, or a patch that does
-- not help could stay

\set ECHO none
\set QUIET 1
begin;
\ir ../lib/healing.sql
select no_plan();

-- Forth -----------------------------------------------------------------------------

select throws_ok(format('select homeostasis.deploy(%s)', fixture.patch(state)), 'HO002', null,
  'a patch that is ' || state || ' cannot be deployed')
from unnest(array['planning', 'proposed', 'validating', 'validated', 'deploying', 'deployed']) state;

select fixture.patch('approved') as patch_id \gset
update homeostasis.policies set observe_window = '3 minutes', settle_time = '7 seconds', recurrence_limit = 2
  where name = 'small_and_reversible';
select homeostasis.deploy(:patch_id) as deployment_id \gset
select is(d.status || ' ' || d.observe_window || ' ' || d.settle_time || ' ' || d.recurrence_limit || ' ' || d.object,
  'pending 00:03:00 00:00:07 2 public.orders', 'the deployment takes its terms from the policy')
from homeostasis.deployments d where id = :deployment_id;
select is(j.payload, jsonb_build_object('database', 'shop', 'run_as', 'pg_database_owner', 'transactional', true,
    'statements', p.apply_sql, 'digest', homeostasis.statements_digest(p.apply_sql)),
  'the operator gets the approved statements and their digest, nothing else')
from homeostasis.jobs j join homeostasis.patches p on p.id = j.patch_id
where j.deployment_id = :deployment_id;
select fixture.answer('apply', '{"ok": true, "steps": [
  {"statement": "create table orders_2", "status": "done", "duration_ms": 2.5},
  {"statement": "grant", "status": "done", "duration_ms": 1, "error": null}]}') as job_id \gset
select results_eq(
  format('select direction, step, statement, status, duration_ms, error from homeostasis.deployment_steps where deployment_id = %s order by step', :deployment_id),
  $$values ('apply', 1, 'create table orders_2', 'done', 2.5::float8, null::jsonb), ('apply', 2, 'grant', 'done', 1, null)$$,
  'each step is recorded');
select ok(status = 'observing' and observe_from = applied_at + interval '7 seconds'
    and observe_until = applied_at + interval '3 minutes 7 seconds'
    and abs(extract(epoch from clock_timestamp() - applied_at)) < 60,
  'then the issue is watched, after a time in which what was under way settles')
from (select status, date_trunc('second', applied_at) as applied_at, date_trunc('second', observe_from) as observe_from,
        date_trunc('second', observe_until) as observe_until from homeostasis.deployments where id = :deployment_id) d;
update homeostasis.policies set observe_window = '5 minutes', settle_time = '2 seconds', recurrence_limit = 1
  where name = 'small_and_reversible';

-- Without a policy the defaults hold.
update homeostasis.policies set enabled = false;
select homeostasis.deploy(fixture.patch('approved')) as deployment_id \gset
select is(d.observe_window || ' ' || d.settle_time || ' ' || d.recurrence_limit, '00:05:00 00:00:02 1',
  'without a policy there is a watch, too') from homeostasis.deployments d where id = :deployment_id;
update homeostasis.policies set enabled = true;

-- A part without a transaction is undone when the rest fails.
select fixture.patch('deploying', '{"transactional": false}') as patch_id \gset
select fixture.answer('apply', '{"ok": false, "steps": [{"statement": "create index concurrently", "status": "failed"}],
  "error": {"sqlstate": "23505", "message": "could not create unique index"}}') as job_id \gset
select is(fixture.status(:patch_id) || ' ' || fixture.deployment_status(:patch_id), 'rolling_back rolling_back',
  'a change that failed halfway outside a transaction is undone');
select fixture.answer('undo', fixture.applied()) as job_id \gset
select is(fixture.status(:patch_id) || ': ' || fixture.reason(:patch_id), 'rolled_back: could not create unique index',
  'with the reason of the failure');
select fixture.patch('deploying', '{"transactional": false}') as patch_id \gset
select fixture.answer('apply', '{"ok": false, "steps": [{"statement": "create index concurrently", "status": "failed"}],
  "error": {"sqlstate": "42P07", "message": "relation \"i\" already exists"}}') as job_id \gset
select is(fixture.status(:patch_id), 'failed', 'unless what it was to create is there: the undo would drop another''s');
select fixture.patch('deploying', '{"transactional": false, "undo": null}') as patch_id \gset
select fixture.answer('apply', '{"ok": false, "steps": [{"statement": "vacuum", "status": "failed"}],
  "error": {"sqlstate": "53100", "message": "disk full"}}') as job_id \gset
select is(fixture.status(:patch_id), 'failed', 'or fails, without an undo');

-- Back ------------------------------------------------------------------------------

select fixture.patch('deployed') as patch_id \gset
select fixture.patch('deployed') as unwanted \gset
select lives_ok(format('select homeostasis.rollback(%s)', :unwanted), 'a patch can be rolled back without a reason');
select is(d.rollback_reason, 'rolled back by ' || session_user, 'then the deployment says who did')
from homeostasis.deployments d where d.patch_id = :unwanted;
select homeostasis.rollback(:patch_id, 'it made things worse') as deployment_id \gset
select is(j.kind || ' ' || (j.payload ->> 'statements'), 'undo ["drop table orders_2"]', 'the operator gets the undo')
from homeostasis.jobs j where j.deployment_id = :deployment_id order by id desc limit 1;
select fixture.answer('undo', fixture.applied()) as job_id \gset
select is(fixture.status(:patch_id) || ' ' || fixture.deployment_status(:patch_id) || ' ' || fixture.issue_status(:patch_id),
  'rolled_back rolled_back open', 'after the undo the issue is open again');
select is(fixture.reason(:patch_id), 'it made things worse', 'with the reason');
select is(count(*), 1::bigint, 'the undo''s steps are recorded beside the others')
from homeostasis.deployment_steps where deployment_id = :deployment_id and direction = 'undo';

select fixture.patch('healed') as patch_id \gset
select homeostasis.rollback(:patch_id, 'no longer wanted') as deployment_id \gset
select fixture.answer('undo', fixture.applied()) as job_id \gset
select is(fixture.status(:patch_id) || ' ' || fixture.issue_status(:patch_id), 'rolled_back regressed',
  'a healed patch can be undone; its issue has regressed then');

select fixture.patch('deployed') as patch_id \gset
select homeostasis.rollback(:patch_id, 'x') as deployment_id \gset
select fixture.answer('undo', fixture.broken('42501')) as job_id \gset
select is(fixture.status(:patch_id) || ': ' || fixture.reason(:patch_id), 'failed: the undo failed: fixture',
  'an undo that fails leaves the patch failed');

select fixture.patch('deployed', '{"undo": null}') as patch_id \gset
select throws_ok(format('select homeostasis.rollback(%s, ''x'')', :patch_id), 'HO006',
  format('patch %s cannot be rolled back: it has no undo', :patch_id), 'without an undo there is no way back');
select is(fixture.status(:patch_id), 'deployed', 'and nothing changes');

-- What needs no undo is not said to be rolled back either.
select fixture.patch('deployed', '{"undo": null}', issue => fixture.issue('fixture_unneeded')) as patch_id \gset
prepare go_back as select homeostasis.rollback(:patch_id, 'x');
select throws_ok('go_back', 'HO006', format('patch %s cannot be rolled back: it has no undo', :patch_id),
  'a change that needs no undo has none');
select fixture.occur(p.issue_id, d.applied_at + interval '3 seconds') as event
from homeostasis.patches p join homeostasis.deployments d on d.patch_id = p.id where p.id = :patch_id \gset
select fixture.advance() \g /dev/null
select is(fixture.status(:patch_id) || ' ' || fixture.deployment_status(:patch_id) || ' ' || fixture.issue_status(:patch_id)
    || ': ' || fixture.reason(:patch_id),
  'failed failed open: the failure recurred 1 times after the change; what it did stays and does no harm',
  'one that did not help has failed, its issue opens again, and the reason says what is left');

select throws_ok(format('select homeostasis.rollback(%s, ''x'')', fixture.patch(state)), 'HO002', null,
  'a patch that is ' || state || ' cannot be rolled back')
from unnest(array['planning', 'validated', 'approved', 'deploying', 'rolling_back']) state;

select fixture.patch('healed') as patch_id \gset
update homeostasis.issues i set status = 'regressed' from homeostasis.patches p
  where p.id = :patch_id and i.id = p.issue_id;
select homeostasis.heal(issue_id) as second_id from homeostasis.patches where id = :patch_id \gset
select throws_ok(format('select homeostasis.rollback(%s, ''x'')', :patch_id), 'HO006', null,
  'an old patch is not undone while another works on its issue');

-- The watch -------------------------------------------------------------------------

select fixture.patch('deployed') as patch_id \gset
select issue_id from homeostasis.patches where id = :patch_id \gset
select fixture.advance() \g /dev/null
select is(fixture.status(:patch_id), 'deployed', 'before its time is over a patch is not called healed');
select fixture.occur(:issue_id, applied_at + interval '1 second') as event
from homeostasis.deployments where patch_id = :patch_id \gset
select fixture.advance() \g /dev/null
select is(fixture.status(:patch_id), 'deployed', 'an error of what was under way is not held against it');
select fixture.occur(:issue_id, applied_at + interval '3 seconds') as event
from homeostasis.deployments where patch_id = :patch_id \gset
update homeostasis.errors set session_start = '2001-01-01' where event_id = :'event';
select fixture.advance() \g /dev/null
select is(fixture.status(:patch_id) || ': ' || fixture.reason(:patch_id),
  'rolling_back: the failure recurred 1 times after the change', 'an error after that rolls it back, however old its session');
select is(recurrences, 1::bigint, 'and is counted') from homeostasis.deployments where patch_id = :patch_id;
select fixture.answer('undo', fixture.applied()) as job_id \gset
select is(fixture.issue_status(:patch_id), 'open', 'the issue opens again');

select fixture.patch('deployed') as patch_id \gset
select issue_id from homeostasis.patches where id = :patch_id \gset
update homeostasis.deployments set recurrence_limit = 3 where patch_id = :patch_id;
select fixture.occur(:issue_id, clock_timestamp() + n * interval '1 second') as event
from generate_series(10, 11) n \g /dev/null
select fixture.advance() \g /dev/null
select is(fixture.status(:patch_id) || ' ' || recurrences, 'deployed 2', 'fewer errors than the limit are counted only')
from homeostasis.deployments where patch_id = :patch_id;
select fixture.pass_time(:patch_id) \g /dev/null
select fixture.advance() \g /dev/null
select is(fixture.status(:patch_id) || ' ' || fixture.deployment_status(:patch_id) || ' ' || fixture.issue_status(:patch_id),
  'healed healed healed', 'silent through the window: healed');
select fixture.occur(:issue_id) as event \gset
select fixture.advance() \g /dev/null
select is(fixture.status(:patch_id), 'healed', 'an error after the window is another matter');

-- An error of the window that is stored after it.
select fixture.patch('healed') as patch_id \gset
select issue_id from homeostasis.patches where id = :patch_id \gset
select fixture.occur(:issue_id, observe_until - interval '1 second') as event
from homeostasis.deployments where patch_id = :patch_id \gset
select fixture.advance() \g /dev/null
select is(fixture.status(:patch_id), 'rolling_back', 'an error of the window that was stored late still counts');
select fixture.answer('undo', fixture.applied()) as job_id \gset

select fixture.patch('deployed', '{"undo": null}') as patch_id \gset
select issue_id from homeostasis.patches where id = :patch_id \gset
select fixture.occur(:issue_id, clock_timestamp() + interval '10 seconds') as event \gset
select fixture.advance() \g /dev/null
select is(fixture.status(:patch_id) || ' ' || fixture.deployment_status(:patch_id) || ' ' || fixture.issue_status(:patch_id),
  'failed failed open', 'a patch that does not help and has no undo fails, and its issue opens');
select is(fixture.reason(:patch_id), 'the failure recurred 1 times after the change; it has no undo', 'with the reason');

select * from finish();
rollback;
