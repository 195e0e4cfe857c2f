-- runs in: own
--
-- policy.sql: something could be approved without a person that should not be

\set ECHO none
\set QUIET 1
begin;
\ir ../lib/healing.sql
select no_plan();

update homeostasis.services set mode = 'auto' where id = fixture.service();

create function pg_temp.decision(patch_id bigint) returns text
language sql as $$
  select d.decision || ' ' || coalesce(d.policy, '-') || ': ' || array_to_string(d.reasons, '; ')
  from homeostasis.decide(patch_id) d
$$;

-- Each obstacle alone ------------------------------------------------------------

select fixture.patch('validated') as patch_id \gset
select matches(pg_temp.decision(:patch_id), '^approve small_and_reversible: the mode is "auto"; the failure was reproduced',
  'in mode auto a small, reversible, reproduced change is approved, with reasons');

select is(pg_temp.decision(fixture.patch('validated', issue => fixture.issue('fixture_privilege'))),
  'ask ask_a_person: policy "ask_a_person" leaves class "privilege" to a person',
  'a grant waits for a person under mode auto');

select is(pg_temp.decision(fixture.patch('validated', proof => '{"replayable": false, "replay_note": "it had parameters"}')),
  'ask small_and_reversible: the failure was not reproduced', 'no reproduced failure: a person');
select is(pg_temp.decision(fixture.patch('validated', proof => '{"before": {"ok": true, "rows": 1}}')),
  'ask small_and_reversible: the failure was not reproduced', 'the failure did not occur in the dry run: a person');
select is(pg_temp.decision(fixture.patch('validated', proof => '{"before": {"sqlstate": "42501"}}')),
  'ask small_and_reversible: the failure was not reproduced', 'another failure occurred in the dry run: a person');
select is(pg_temp.decision(fixture.patch('validated', proof => '{"applied": false}')),
  'ask small_and_reversible: the failure was not reproduced', 'not applied in the dry run: a person');

select is(pg_temp.decision(fixture.patch('validated', issue => fixture.issue(origin => o))),
  'ask small_and_reversible: the error was reported, not raised by the server',
  'an error of origin ' || o || ' is never healed by policy')
from unnest(array['report', 'ingest']) o;
select matches(pg_temp.decision(fixture.patch('validated', issue => fixture.issue(origin => 'checkup'))),
  '^approve', 'what a checkup found may be');

select fixture.issue() as issue_id \gset
select fixture.patch('validated', issue => :issue_id) as forged \gset
update homeostasis.errors e set genuine = false
  from homeostasis.analysis a where a.issue_id = :issue_id and e.event_id = a.error_id;
select is(pg_temp.decision(:forged),
  'ask small_and_reversible: a function, an extension or another server raised the error, not the server itself',
  'RAISE, which can name any error and object: a person');

select fixture.issue() as issue_id \gset
select fixture.patch('validated', issue => :issue_id) as forgotten \gset
delete from homeostasis.errors e using homeostasis.analysis a
  where a.issue_id = :issue_id and e.event_id = a.error_id;
select is(pg_temp.decision(:forgotten),
  'ask small_and_reversible: the error it is for is not stored any more', 'an unknown origin: a person');

select is(pg_temp.decision(fixture.patch('validated', '{"undo": null}')),
  'ask small_and_reversible: it cannot be undone', 'no undo: a person');
select matches(pg_temp.decision(fixture.patch('validated', '{"undo": null}', issue => fixture.issue('fixture_unneeded'))),
  '^approve .*; it need not be undone: to leave it does no harm;', 'unless the template says that none is needed');
select fixture.patch('validated', '{"undo": null}', issue => fixture.issue('fixture_unneeded')) as unneeded \gset
update homeostasis.patch_templates set reversible = 'no' where name = 'fixture_unneeded';
select matches(pg_temp.decision(:unneeded), '^approve ', 'what it said when the patch was begun counts');
select is(pg_temp.decision(fixture.patch('validated', '{"undo": null}', issue => fixture.issue('fixture_unneeded'))),
  'ask small_and_reversible: it cannot be undone', 'for later patches, what it says then');
select is(pg_temp.decision(fixture.patch('validated', issue => fixture.issue(confidence => 0.79))),
  'ask small_and_reversible: the confidence of the diagnosis is 0.790, the policy wants 0.800', 'little confidence: a person');
select is(pg_temp.decision(fixture.patch('validated', proof => '{"table_bytes": 1073741825}')),
  'ask small_and_reversible: the relation has 1024 MB, the policy allows 1024 MB', 'a byte too large: a person');
select is(pg_temp.decision(fixture.patch('validated', '{"run_as": "postgres"}')),
  'ask small_and_reversible: it runs as postgres, a superuser', 'runs as a superuser: a person');
select is(pg_temp.decision(fixture.patch('validated', '{"run_as": "nobody at all"}')),
  'ask small_and_reversible: it runs as nobody at all', 'runs as a role that is not there: a person');
select is(pg_temp.decision(fixture.patch('proposed')),
  'ask small_and_reversible: it was not validated', 'not validated: a person');

update homeostasis.policies set max_lock = 'ShareRowExclusiveLock' where name = 'small_and_reversible';
select is(pg_temp.decision(:patch_id),
  'ask small_and_reversible: its strongest lock is AccessExclusiveLock, the policy allows ShareRowExclusiveLock',
  'a lock too strong: a person');
select is(homeostasis.lock_rank('NewLock') > homeostasis.lock_rank('AccessExclusiveLock'), true,
  'a lock that is not known is the strongest');
update homeostasis.policies set max_lock = 'AccessExclusiveLock' where name = 'small_and_reversible';

-- Limits in turn lifted ------------------------------------------------------------

update homeostasis.policies set allow_superuser = true, require_reversible = false
  where name = 'small_and_reversible';
select matches(pg_temp.decision(fixture.patch('validated', '{"run_as": "postgres", "undo": null}')),
  '^approve', 'a policy can allow superusers and changes without an undo');

-- Modes ------------------------------------------------------------------------------

update homeostasis.services set mode = 'suggest' where id = fixture.service();
select is(pg_temp.decision(:patch_id), 'ask small_and_reversible: the mode is "suggest"', 'mode suggest: a person');
update homeostasis.services set mode = null where id = fixture.service();
select is(homeostasis.service_mode(fixture.service()), current_setting('homeostasis.mode'),
  'without a mode of its own a service follows the setting');
select fixture.service() as service_id \gset
set local role homeostasis_reader;
select lives_ok(format('select homeostasis.service_mode(%s)', :service_id), 'who may only read can see the mode');
reset role;
select throws_ok('set homeostasis.mode = ''auto''', '55P02', null, 'a session cannot set the mode for itself');
update homeostasis.services set mode = 'auto' where id = fixture.service();

-- Which policy -------------------------------------------------------------------------

insert into homeostasis.policies (name, decision, priority, classes) values ('first', 'ask', 1, '{schema}');
select matches(pg_temp.decision(:patch_id), '^ask first:', 'a higher priority is asked first');
update homeostasis.policies set enabled = false where name = 'first';
select matches(pg_temp.decision(:patch_id), '^approve', 'a disabled policy is not asked');
insert into homeostasis.policies (name, decision, service_id) values ('zz_own', 'ask', fixture.service());
select matches(pg_temp.decision(:patch_id), '^ask zz_own:', 'a policy of the service goes before one of all services');
delete from homeostasis.policies where name = 'zz_own';
insert into homeostasis.services (name) values ('another');
insert into homeostasis.policies (name, decision, service_id, priority)
  select 'other', 'ask', id, 9 from homeostasis.services where name = 'another';
select matches(pg_temp.decision(:patch_id), '^approve', 'a policy of another service is not asked');
update homeostasis.policies set enabled = false where shipped;
select is(pg_temp.decision(:patch_id), 'ask -: no policy covers class "schema"', 'no policy: a person');
update homeostasis.policies set enabled = true where shipped;

insert into homeostasis.policies (name, decision, priority, classes) values ('never', 'refuse', 5, '{schema}');
select is(pg_temp.decision(:patch_id), 'refuse never: policy "never" refuses class "schema"', 'a policy can refuse');
select throws_ok(format('select homeostasis.approve(%s)', :patch_id), 'HO008', null, 'then a person cannot approve either');
select is(fixture.status(fixture.patch('proposed')), 'refused', 'and nothing more is planned');
delete from homeostasis.policies where name = 'never';

update homeostasis.policies set run_as = 'pg_monitor' where name = 'small_and_reversible';
select fixture.patch('proposed') as patch_of_monitor \gset
select is(run_as, 'pg_monitor', 'a policy can name the role to run as')
from homeostasis.patches where id = :patch_of_monitor;
update homeostasis.policies set run_as = null where name = 'small_and_reversible';

-- Rate limits ----------------------------------------------------------------------------

-- Nothing but what these tests need moves by itself from here on.
update homeostasis.services set mode = 'suggest' where id = fixture.service();
select fixture.patch('validated', '{"object": "public.busy"}') from generate_series(1, 4) \g /dev/null
create temporary table busy as
  select id from homeostasis.patches where object = 'public.busy';
insert into homeostasis.approvals (service_id, patch_id, decision, decided_by, policy, reason, decided_at)
  select fixture.service(), id, 'approved', 'policy x', 'x', 'x', now() - age
  from (select id, row_number() over (order by id) as n from busy) b
  join (values (1, interval '61 minutes'), (2, '59 minutes'), (3, '1 minute')) a (n, age) using (n);
update homeostasis.services set mode = 'auto' where id = fixture.service();
select matches(pg_temp.decision(max(id)), '^approve', 'two approvals of an object within the hour leave room for a third')
from busy;
update homeostasis.approvals set decided_at = now() where decided_at < now() - interval '1 hour';
select is(pg_temp.decision(max(id)),
  'ask small_and_reversible: policies approved 3 of 3 patches an hour for public.busy',
  'the third of an object within the hour is the last')
from busy;
update homeostasis.approvals set policy = null;
select matches(pg_temp.decision(max(id)), '^approve', 'approvals of people do not count') from busy;
with other as (
  insert into homeostasis.patches (service_id, issue_id, analysis_id, kind, status, object)
    select fixture.service(), -n, 1, 'sql', 'rejected', 'public.t' || n from generate_series(1, 20) n
    returning id)
insert into homeostasis.approvals (service_id, patch_id, decision, decided_by, policy, reason)
  select fixture.service(), id, 'approved', 'policy x', 'x', 'x' from other;
select is(pg_temp.decision(max(id)),
  'ask small_and_reversible: policies approved 20 of 20 patches an hour in all',
  'there is a limit for all objects together') from busy;

select * from finish();
rollback;
