-- runs in: own
--
-- advance.sql: something that should move by itself could stay, or something
-- move that should wait for a person

\set ECHO none
\set QUIET 1
begin;
\ir ../lib/healing.sql
select homeostasis.create_partitions(3) \g /dev/null
select no_plan();

create function pg_temp.mode(mode text) returns void
language sql as $$ update homeostasis.services s set mode = mode.mode where id = fixture.service() $$;

create function pg_temp.latest_patch(issue bigint) returns bigint
language sql as $$ select max(id) from homeostasis.patches where issue_id = issue $$;

create function pg_temp.issue_is(issue bigint) returns text
language sql as $$ select status from homeostasis.issues where id = issue $$;

-- observe ---------------------------------------------------------------------------

select pg_temp.mode('observe') \g /dev/null
select fixture.issue() as issue_id \gset
select is(fixture.advance(), 0, 'in mode observe nothing is healed by itself');
select homeostasis.heal(:issue_id) as patch_id \gset
select fixture.answer('plan', fixture.plan()) as job_id \gset
select is(fixture.advance(), 1, 'but what a person asked for goes on');
select is(fixture.status(:patch_id), 'validating', 'to its dry run');
select fixture.answer('validate', fixture.proof()) as job_id \gset
select is(fixture.advance(), 0, 'then it waits for a person');
select homeostasis.approve(:patch_id) \g /dev/null
select is(fixture.advance(), 0, 'and for a person to deploy it');

-- suggest ---------------------------------------------------------------------------

select pg_temp.mode('suggest') \g /dev/null
select is(fixture.advance() || ' ' || fixture.status(:patch_id), '1 deploying',
  'in mode suggest what is approved is deployed');
select fixture.issue() as issue_id \gset
select is(fixture.advance(), 1, 'in mode suggest healing begins by itself');
select pg_temp.latest_patch(:issue_id) as patch_id \gset
select ok(automatic, 'and is marked so') from homeostasis.patches where id = :patch_id;
select is(pg_temp.issue_is(:issue_id), 'healing', 'the issue shows it');
select is(fixture.advance(), 0, 'it begins once');
select fixture.answer('plan', fixture.plan()) as job_id \gset
select fixture.advance() \g /dev/null
select fixture.answer('validate', fixture.proof()) as job_id \gset
select is(fixture.advance() || ' ' || fixture.status(:patch_id), '0 validated', 'then a person is asked');

-- An automatic patch stops where observe finds it.
select fixture.issue() as issue_id \gset
select fixture.advance() \g /dev/null
select fixture.answer('plan', fixture.plan()) as job_id \gset
select pg_temp.mode('observe') \g /dev/null
select is(fixture.advance() || ' ' || fixture.status(pg_temp.latest_patch(:issue_id)), '0 proposed',
  'a patch nobody asked for goes no further in mode observe');

-- auto ------------------------------------------------------------------------------

select pg_temp.mode('auto') \g /dev/null
select fixture.advance() \g /dev/null
select is(fixture.status(:patch_id), 'deploying', 'in mode auto a policy approves and the patch is deployed');
select is(decided_by || ': ' || policy, 'policy small_and_reversible: small_and_reversible', 'in the policy''s name')
from homeostasis.approvals where patch_id = :patch_id;
select is(p.policy, 'small_and_reversible', 'the patch shows it') from homeostasis.patches p where id = :patch_id;

select fixture.issue('fixture_privilege') as issue_id \gset
select fixture.advance() \g /dev/null
select fixture.answer('plan', fixture.plan()) as job_id \gset
select fixture.advance() \g /dev/null
select fixture.answer('validate', fixture.proof()) as job_id \gset
select is(fixture.advance() || ' ' || fixture.status(pg_temp.latest_patch(:issue_id)), '0 validated',
  'a grant waits for a person under mode auto');

select pg_temp.latest_patch(:issue_id) as patch_id \gset
create function pg_temp.asked(patch bigint) returns integer
language sql as $$ select decisions from homeostasis.policy_waits where patch_id = patch $$;
create function pg_temp.is_due(patch bigint) returns boolean
language sql as $$ select exists (select from homeostasis.apply_policy_candidates() c where c.object_id = patch) $$;
select is(pg_temp.asked(:patch_id), 1, 'its policy was asked once');
select fixture.advance() from generate_series(1, 3) \g /dev/null
select is(pg_temp.asked(:patch_id), 1, 'and is not asked again at once');
select ok(not pg_temp.is_due(:patch_id), 'nor is the patch looked at');
update homeostasis.policy_waits set decisions = 20, retry_at = now() where patch_id = :patch_id;
select fixture.advance() \g /dev/null
select ok(decisions = 21 and retry_at between now() + interval '10 seconds' and now() + interval '1 minute',
  'but within the minute: an hourly limit may have room again')
from homeostasis.policy_waits where patch_id = :patch_id;
update homeostasis.policies set min_confidence = 0.7 where name = 'small_and_reversible';
select ok(pg_temp.is_due(:patch_id), 'at once when a policy changes');
select fixture.advance() \g /dev/null
select is(pg_temp.asked(:patch_id) || ' ' || pg_temp.is_due(:patch_id), '1 false', 'and then again after a second, later after more');
select pg_temp.mode('suggest') \g /dev/null
select ok(not pg_temp.is_due(:patch_id), 'no policy is asked in mode suggest');
update homeostasis.policy_waits set basis = 'another' where patch_id = :patch_id;
select pg_temp.mode('auto') \g /dev/null
select ok(pg_temp.is_due(:patch_id), 'and at once in mode auto');
select fixture.advance() \g /dev/null

insert into homeostasis.policies (name, decision, priority, classes) values ('never', 'refuse', 5, '{privilege}');
select is(fixture.advance() || ' ' || fixture.status(pg_temp.latest_patch(:issue_id)), '1 rejected',
  'a policy that refuses now rejects what was validated before');
delete from homeostasis.policies where name = 'never';

-- Not again ---------------------------------------------------------------------------

select is(fixture.advance(), 0, 'a rejected patch is not planned again');
select fixture.diagnose(:issue_id, 'fixture_schema') as analysis_id \gset
select is(fixture.advance(), 1, 'another template is tried');
select fixture.answer('plan', '{"ok": false, "refusal": "no"}') as job_id \gset
select is(fixture.advance(), 0, 'until it was refused, too');
select fixture.diagnose(:issue_id, 'fixture_schema') as analysis_id \gset
select is(fixture.advance(), 1, 'a new diagnosis is a new chance');

select pg_temp.mode('suggest') \g /dev/null
select homeostasis.reject(fixture.patch('validated', issue => i), 'no') from fixture.issue() i \g /dev/null
select is(fixture.advance(), 0, 'what a person rejected stays rejected');

-- Only by what holds still ---------------------------------------------------------------

insert into homeostasis.rule_packs (name, description, version) values ('fixture', 'd', '1');
insert into homeostasis.rules (id, pack, description, root_cause, suggestion, confidence, error_type)
  values ('fixture', 'fixture', 'd', 'c', 's', 0.9, 'of_no_error');
select fixture.issue() as issue_id \gset
update homeostasis.rules set enabled = false where id = 'fixture';
select is(fixture.advance(), 0, 'a rule that was switched off heals nothing by itself');
select is(homeostasis.next_step(i, homeostasis.best_analysis(i.service_id, i.id, null), null, null),
  format('rule "fixture", which diagnosed it, is off or gone; to heal it all the same: select homeostasis.heal(%s)', i.id),
  'and the issue says so')
from homeostasis.issues i where i.id = :issue_id;
update homeostasis.rules set enabled = true where id = 'fixture';
select is(fixture.advance(), 1, 'it does again when it is on');

select fixture.issue() as issue_id \gset
select fixture.diagnose(:issue_id, null) as analysis_id \gset
select is(fixture.advance(), 0, 'what a rule said before it said something else heals nothing by itself');
select throws_ok(format('select homeostasis.heal(%s)', :issue_id), 'HO006',
  format('the diagnosis of issue %s comes with advice, not with a patch', :issue_id), 'nor when a person asks for healing');
select lives_ok(format('select homeostasis.heal(%s, ''fixture_schema'')', :issue_id),
  'but a person can name the template');
delete from homeostasis.rules where id = 'fixture';
delete from homeostasis.rule_packs where name = 'fixture';

-- What is not healed --------------------------------------------------------------------

select fixture.issue(null) as issue_id \gset
select is(fixture.advance(), 0, 'advice is not a patch');
select throws_ok(format('select homeostasis.heal(%s)', :issue_id), 'HO006',
  format('the diagnosis of issue %s comes with advice, not with a patch', :issue_id), 'and heal() says so');
select throws_ok(format('select homeostasis.heal(%s, ''unheard_of'')', :issue_id), 'HO005',
  'there is no template "unheard_of"', 'heal() refuses a template that is not there');
select lives_ok(format('select homeostasis.heal(%s, ''fixture_schema'')', :issue_id),
  'a person can choose the template');
select fixture.issue('not_loaded') as issue_id \gset
select is(fixture.advance(), 0, 'a template that is not there is not tried');

select fixture.issue() as issue_id \gset
delete from homeostasis.analysis where issue_id = :issue_id;
select is(fixture.advance(), 0, 'without a diagnosis nothing is healed');
select throws_ok(format('select homeostasis.heal(%s)', :issue_id), 'HO006',
  format('issue %s has no diagnosis', :issue_id), 'and heal() says so');
select throws_ok('select homeostasis.heal(-1)', 'HO005', 'there is no issue -1', 'heal() names an issue that is not there');

select fixture.issue() as issue_id \gset
update homeostasis.issues set status = 'muted', muted_until = now() + interval '1 hour' where id = :issue_id;
select is(fixture.advance(), 0, 'a muted issue is left alone');
select throws_ok(format('select homeostasis.heal(%s)', :issue_id), 'HO002',
  format('issue %s cannot be healed: it is "muted"', :issue_id), 'also by heal()');
update homeostasis.issues set muted_until = now() - interval '1 second' where id = :issue_id;
select is(fixture.advance(), 2, 'until its time is over: then it opens and is healed');
select is(muted_until, null, 'and is muted no more') from homeostasis.issues where id = :issue_id;

insert into homeostasis.services (name) values ('shop/web');
select fixture.issue() as issue_id \gset
update homeostasis.issues set service_id = (select id from homeostasis.services where name = 'shop/web') where id = :issue_id;
update homeostasis.analysis set service_id = (select id from homeostasis.services where name = 'shop/web') where issue_id = :issue_id;
select is(fixture.advance(), 0, 'a service that is not a database is not healed with SQL');
select throws_ok(format('select homeostasis.heal(%s)', :issue_id), 'HO006', null, 'and heal() says so');

-- Diagnosed again ------------------------------------------------------------------------

insert into homeostasis.rule_packs (name, description, version) values ('p', 'd', '1');
select homeostasis.ingest('{"service": "shop/app", "error_message": "the kettle is empty"}') \g /dev/null
select id as issue_id from homeostasis.issues where title = 'the kettle is empty' \gset
select is(homeostasis.diagnose(:issue_id), null, 'an issue that no rule knows has no diagnosis');
insert into homeostasis.rules (id, pack, description, root_cause, suggestion, confidence, pattern)
  values ('p.kettle', 'p', 'd', 'no water', 'fill it', 0.9, 'the (?<vessel>\w+) is empty');
select homeostasis.diagnose(:issue_id) as analysis_id \gset
select is(concat_ws('|', rule_id, root_cause, suggestion, captures, source), 'p.kettle|no water|fill it|{"vessel": "kettle"}|rule',
  'a rule that is written later diagnoses it')
from homeostasis.analysis where id = :analysis_id and issue_id = :issue_id;
select is(homeostasis.diagnose(:issue_id), null, 'once');
update homeostasis.rules set suggestion = 'fill it slowly', confidence = 0.8 where id = 'p.kettle';
select isnt(homeostasis.diagnose(:issue_id), null, 'a rule that says something else makes another diagnosis');
select is((homeostasis.best_analysis(i.service_id, i.id, null)).suggestion, 'fill it slowly', 'which goes before the older one')
from homeostasis.issues i where i.id = :issue_id;
delete from homeostasis.rules where id = 'p.kettle';
select is(homeostasis.diagnose(:issue_id), null, 'when no rule matches any more the diagnosis stays');
delete from homeostasis.errors where message = 'the kettle is empty';
select throws_ok(format('select homeostasis.diagnose(%s)', :issue_id), 'HO006', null, 'without its error it cannot be diagnosed');
select throws_ok('select homeostasis.diagnose(-1)', 'HO005', 'there is no issue -1', 'nor one that is not there');

-- Which diagnosis -------------------------------------------------------------------------

select fixture.issue('fixture_schema', 0.9) as issue_id \gset
select fixture.diagnose(:issue_id, null, 0.99) as analysis_id \gset
update homeostasis.analysis set source = 'llm' where id = :analysis_id;
select is((homeostasis.best_analysis(fixture.service(), :issue_id, null)).template, 'fixture_schema',
  'a diagnosis with a template goes before better advice of another source');
select fixture.diagnose(:issue_id, 'fixture_privilege', 0.5) as analysis_id \gset
select is((homeostasis.best_analysis(fixture.service(), :issue_id, null)).template, 'fixture_privilege',
  'the diagnosis of the latest error goes before older ones');
insert into homeostasis.analysis (service_id, issue_id, error_id, error_timestamp, source, confidence_score,
                                  root_cause, suggestion, template)
  select service_id, issue_id, error_id, error_timestamp, 'person', 0.6, 'x', 'x', 'fixture_schema'
  from homeostasis.analysis where id = :analysis_id;
select is((homeostasis.best_analysis(fixture.service(), :issue_id, null)).template, 'fixture_schema',
  'of the same error the most confident');
select is((homeostasis.best_analysis(fixture.service(), :issue_id, 'fixture_privilege')).template, 'fixture_privilege',
  'one that names the template wanted goes before all');
delete from homeostasis.issues where id = :issue_id;

-- Limits ------------------------------------------------------------------------------------

update homeostasis.patches set automatic = true, created_at = now() - interval '59 minutes'
  where id in (select id from homeostasis.patches where not automatic order by id limit
    20 - (select count(*) from homeostasis.patches where automatic and status <> 'refused'));
insert into homeostasis.patches (service_id, issue_id, analysis_id, kind, status, automatic)
  select fixture.service(), -n, 1, 'sql', 'rejected', true
  from generate_series(1, 20 - (select count(*)::integer from homeostasis.patches
                                where automatic and status <> 'refused')) n;
select fixture.issue() as issue_id \gset
select is(fixture.advance(), 0, 'no more than max_healings_per_hour begin by themselves');
select lives_ok(format('select homeostasis.heal(%s)', :issue_id), 'a person is not limited');
select fixture.issue() as issue_id \gset
update homeostasis.patches set created_at = now() - interval '61 minutes'
  where id = (select min(id) from homeostasis.patches where automatic and status <> 'refused');
select is(fixture.advance() || ' ' || pg_temp.issue_is(:issue_id), '1 healing', 'an hour later there is room');

-- Somebody stepped in -------------------------------------------------------------------------

select fixture.patch(state) as patch_id, state as was
into temporary table stepped
from unnest(array['planning', 'proposed', 'validating', 'validated', 'approved']) state;
update homeostasis.issues i set status = 'open' from homeostasis.patches p, stepped s
  where p.id = s.patch_id and i.id = p.issue_id;
update homeostasis.issues i set status = 'resolved' from homeostasis.patches p, stepped s
  where p.id = s.patch_id and i.id = p.issue_id;
select fixture.advance() \g /dev/null
select is(fixture.status(patch_id) || ': ' || fixture.reason(patch_id), 'superseded: the issue is "resolved"',
  'a patch that is ' || was || ' is dropped when its issue is resolved') from stepped;
select fixture.patch('validated') as patch_id \gset
delete from homeostasis.issues where id = (select issue_id from homeostasis.patches where id = :patch_id);
select fixture.advance() \g /dev/null
select is(fixture.status(:patch_id) || ': ' || fixture.reason(:patch_id), 'superseded: the issue is gone',
  'also when it was merged into another');

-- One bad move --------------------------------------------------------------------------------

select fixture.patch('proposed') as bad \gset
select fixture.patch('proposed') as good \gset
create function pg_temp.break() returns trigger language plpgsql as $$ begin raise exception 'fixture'; end $$;
do $$ begin
  execute format('create trigger break before insert on homeostasis.validations for each row
    when (new.patch_id = %s) execute function pg_temp.break()', (select max(id) - 1 from homeostasis.patches));
end $$;
set local client_min_messages = error;
select fixture.advance() \g /dev/null
select is(fixture.status(:bad) || ' ' || fixture.status(:good), 'proposed validating',
  'a move that fails does not stop the others');
select is(step || ' ' || failures || ' ' || error, 'start_validation 1 fixture', 'and is on record')
from homeostasis.advance_failures where object_id = :bad;
select fixture.advance() \g /dev/null
select is(failures, 1, 'it is put off') from homeostasis.advance_failures where object_id = :bad;
update homeostasis.advance_failures set retry_at = now() - interval '1 second';
select fixture.advance() \g /dev/null
select ok(failures = 2 and retry_at > failed_at + interval '1.9 seconds', 'longer each time')
from homeostasis.advance_failures where object_id = :bad;
drop trigger break on homeostasis.validations;
update homeostasis.advance_failures set retry_at = now() - interval '1 second';
select fixture.advance() \g /dev/null
select is(fixture.status(:bad), 'validating', 'and made when it can be made');
select is(count(*), 0::bigint, 'then the record is gone') from homeostasis.advance_failures;

-- In all of this the books were kept.
select is_empty('select * from homeostasis.audit_verify()', 'the audit log is whole');
select is_empty('select id from homeostasis.issues i where status = ''healing'' and not exists (
    select from homeostasis.patches p where p.issue_id = i.id and homeostasis.is_active_patch(p.status))',
  'no issue is left healing without a patch');

select * from finish();
rollback;
