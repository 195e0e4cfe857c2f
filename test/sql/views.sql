-- runs in: own
--
-- views.sql: what people are told about an issue could be wrong

\set ECHO none
\set QUIET 1
begin;
\ir ../lib/healing.sql
select no_plan();

create function pg_temp.step_of(issue bigint) returns text
language sql as $$ select next_step from homeostasis.overview o where o.issue = step_of.issue $$;

create function pg_temp.step_of_patch(patch bigint) returns text
language sql as $$
  select regexp_replace(o.next_step, format('\m%s\M(?!:)', o.patch), 'N') from homeostasis.overview o where o.patch = step_of_patch.patch
$$;

-- overview: each state ----------------------------------------------------------------

select is(pg_temp.step_of_patch(fixture.patch(state)), said, 'a patch that is ' || state)
from (values
  ('planning', 'patch N is being planned'),
  ('proposed', 'patch N will be tried in a dry run'),
  ('validating', 'patch N is being tried in a dry run'),
  ('validated', 'waiting for approval: select homeostasis.approve(N)'),
  ('approved', 'patch N will be applied'),
  ('deploying', 'patch N is being applied'),
  ('rolling_back', 'patch N is being undone'),
  ('healed', 'nothing: it is healed')) s (state, said);
select matches(pg_temp.step_of_patch(fixture.patch('deployed')),
  '^patch N is watched until \d\d:\d\d:\d\d, errors since the change: 0$', 'a patch that is deployed');

update homeostasis.services set mode = 'observe';
select is(pg_temp.step_of_patch(fixture.patch('approved')), 'waiting for deployment: select homeostasis.deploy(N)',
  'an approved patch in mode observe waits for deploy()');
select fixture.issue() as issue_id \gset
select is(pg_temp.step_of(:issue_id), format('to heal it: select homeostasis.heal(%s)', :issue_id),
  'an issue in mode observe waits for heal()');
update homeostasis.services set mode = 'suggest';
select is(pg_temp.step_of(:issue_id), 'a patch will be planned', 'in mode suggest it does not');
select fixture.patch('planning', issue => :issue_id) as patch_id \gset
select fixture.answer('plan', '{"ok": false, "refusal": "it has no siblings"}') as job_id \gset
select is(pg_temp.step_of(:issue_id),
  format('patch %s is refused (it has no siblings); to try again: select homeostasis.heal(%s)', :patch_id, :issue_id),
  'a futile patch is explained');

select is(pg_temp.step_of(fixture.issue(null)), 'advice: create it', 'advice is shown');
select is(pg_temp.step_of(fixture.issue('not_loaded')),
  'the diagnosis names template "not_loaded", which is not there', 'a missing template is named');
select fixture.issue() as issue_id \gset
delete from homeostasis.analysis where issue_id = :issue_id;
select matches(pg_temp.step_of(:issue_id), '^no rule knows this error', 'an unknown error asks for a rule');
update homeostasis.issues set status = 'muted', muted_until = '2040-01-01' where id = :issue_id;
select is(pg_temp.step_of(:issue_id), 'nothing: it is muted until 2040-01-01 00:00', 'a muted issue');
update homeostasis.issues set status = 'resolved' where id = :issue_id;
select is(pg_temp.step_of(:issue_id), 'nothing: it was resolved', 'a resolved issue');

select is(count(*), (select count(*) from homeostasis.issues), 'every issue has one line') from homeostasis.overview;
select is_empty('select issue from homeostasis.overview where next_step is null', 'and a next step');

-- pending_approvals ---------------------------------------------------------------------

update homeostasis.patches set status = 'rejected' where status = 'validated';
select fixture.patch('validated') as patch_id \gset
select is(to_jsonb(p) - array['issue', 'title', 'waiting_since', 'rule', 'duration_ms', 'rows_touched', 'evidence', 'database'],
  jsonb_build_object('patch', :patch_id, 'service', 'database/shop', 'class', 'schema', 'object', 'public.orders',
    'run_as', 'pg_database_owner', 'explanation', 'adds the partition', 'strength', 'reproduced',
    'strongest_lock', 'AccessExclusiveLock', 'table_bytes', 65536, 'confidence', 0.950, 'origin', 'server_log',
    'policy', 'small_and_reversible', 'reasons', array['the mode is "suggest"'],
    'apply_sql', array['create table orders_2 partition of orders for values from (1) to (2)'],
    'undo_sql', array['drop table orders_2']),
  'pending_approvals says what a patch does, what proves it, and why nobody approved it')
from homeostasis.pending_approvals p;
select homeostasis.approve(:patch_id) \g /dev/null
select is_empty('select * from homeostasis.pending_approvals', 'and forgets it once it is decided');

-- healing_history -----------------------------------------------------------------------

select fixture.patch('healed') as patch_id \gset
select is(array[service, template, status, decided_by, decision_reason, recurrences::text, (time_to_heal is not null)::text],
  array['database/shop', 'fixture_schema', 'healed', session_user::text, 'approved by ' || session_user, '0', 'true'],
  'healing_history tells the story of a patch')
from homeostasis.healing_history where patch = :patch_id;
select is(count(*), (select count(*) from homeostasis.patches), 'of each') from homeostasis.healing_history;

-- Readers see all of it.
set local role homeostasis_reader;
select set_eq(format('select count(*) >= 0 from homeostasis.%I', v), array[true], v || ' is there for readers')
from unnest(array['overview', 'pending_approvals', 'healing_history', 'health()']) v
where v <> 'health()';
select * from homeostasis.health() \g /dev/null
reset role;

-- health() ------------------------------------------------------------------------------

create function pg_temp.health(name text) returns text
language sql as $$
  select h.status || ': ' || h.detail || coalesce(' ' || h.hint, '') from homeostasis.health() h where h."check" = name
$$;

select is_empty('select * from homeostasis.health() where status not in (''ok'', ''warning'')', 'health() says ok or warning');
select matches(pg_temp.health('home database'), format('^warning: .* Set homeostasis.database to %s', current_database()),
  'health() notices that this is not the home database');
select is(pg_temp.health('mode'), 'ok: "suggest" unless a service has its own', 'health() shows the mode');
select matches(pg_temp.health('launcher worker'), '^ok: ', 'health() shows the workers');
select is(pg_temp.health('rejected events'), 'ok: 0 within the last hour', 'no rejected events');
insert into homeostasis.rejected_events (origin, field, reason, event) values ('report', 'x', 'x', 'x');
select matches(pg_temp.health('rejected events'), '^warning: 1 within', 'health() counts rejected events');
select matches(pg_temp.health('approvals'), '^ok: 0 patches', 'nothing waits for approval');
select fixture.patch('validated') as patch_id \gset
select matches(pg_temp.health('approvals'), '^ok: 1 patches', 'something does');
alter table homeostasis.patches disable trigger keep_patch;
update homeostasis.patches set updated_at = now() - interval '2 days' where id = :patch_id;
alter table homeostasis.patches enable trigger keep_patch;
select matches(pg_temp.health('approvals'), '^warning: 1 patches', 'for too long');
update homeostasis.jobs set run_after = now() - interval '2 minutes' where status = 'pending';
select matches(pg_temp.health('jobs'), '^warning: ', 'health() notices that nobody runs the jobs');
insert into homeostasis.advance_failures values (1, 'start_healing', 7, 1, 'oh', now(), now());
select matches(pg_temp.health('moves'), '^warning: start_healing of object 7 fails: oh', 'health() shows what fails');
select matches(pg_temp.health('failed patches'), '^ok', 'no patch failed');
select fixture.patch('deploying') as patch_id \gset
select fixture.answer('apply', fixture.broken('42P07')) as job_id \gset
select matches(pg_temp.health('failed patches'), '^warning: 1 ', 'health() counts failed patches');

select * from finish();
rollback;
