-- runs in: own
--
-- learning.sql: a rule could be trusted for what it does not deserve, or in
-- spite of what became of its patches, or by who made its errors up

\set ECHO none
\set QUIET 1
begin;
\ir ../lib/healing.sql
select homeostasis.create_partitions(3) \g /dev/null
select no_plan();

insert into homeostasis.rule_packs (name, description, version) values ('p', 'd', '1');
insert into homeostasis.rules (id, pack, description, root_cause, suggestion, confidence, pattern, template)
  values ('fixture', 'p', 'd', 'c', 's', 0.8, 'no partition of', 'fixture_schema'),
         ('p.rival', 'p', 'd', 'c', 's', 0.79, 'for the riva', null);
update homeostasis.services set mode = 'suggest' where id = fixture.service();

create function pg_temp.learn() returns integer
language plpgsql as $$
declare
  n integer := 0;
  c record;
begin
  for c in select * from homeostasis.learn_candidates() loop
    n := n + homeostasis.learn(c.service_id, c.object_id)::integer;
  end loop;
  return n;
end
$$;
create function pg_temp.confidence() returns numeric
language sql as $$ select homeostasis.rule_confidence('fixture') $$;
create function pg_temp.outcomes(patch bigint) returns text
language sql as $$
  select string_agg(o.outcome, ' ' order by o.at, o.outcome) from homeostasis.rule_outcomes o where o.patch_id = patch
$$;
-- A patch of the rule that comes to this.
create function pg_temp.patch(state text, origin text default 'server_log', proof jsonb default '{}') returns bigint
language sql as $$
  select fixture.patch(state, proof => proof, issue => fixture.issue(origin => origin))
$$;
create function pg_temp.forget() returns void
language plpgsql as $$
begin
  delete from homeostasis.rule_outcomes where rule_id = 'fixture';
  perform homeostasis.learn_rule('fixture');
end
$$;
create function pg_temp.reject(patch bigint) returns void
language sql as $$ select homeostasis.reject(patch, 'no') $$;

-- What is noted -----------------------------------------------------------------------------------

select is(pg_temp.confidence(), 0.8, 'a rule begins with what its author thinks of it');
select pg_temp.patch('healed') as patch \gset
select is(pg_temp.outcomes(:patch), 'begun validated healed', 'the states of a patch are noted with it');
select fixture.advance() \g /dev/null
select is(pg_temp.learn(), 0, 'and advance() learns from them');
select is(pg_temp.confidence(), round((10 * 0.8 + 1) / 11, 3), 'what healed raises the confidence, once a patch');
select is(confidence || ' ' || learned_confidence || ' ' || heals || rollbacks || rejections, '0.800 0.818 100',
  'which stat_rules shows beside the author''s')
from homeostasis.stat_rules where rule_id = 'fixture';

select homeostasis.rollback(:patch, 'no') \g /dev/null
select is(pg_temp.outcomes(:patch), 'begun validated healed rolled_back', 'so is that it was taken back');
select pg_temp.learn() \g /dev/null
select is(pg_temp.confidence(), round((10 * 0.8) / 11, 3), 'which takes back the good that it did, too');
select fixture.answer('undo', fixture.applied()) \g /dev/null
select is(pg_temp.learn(), 0, 'the end of the way back says nothing more');
select homeostasis.note_outcome(service_id, id, 'rolled_back') from homeostasis.patches where id = :patch \g /dev/null
select is(pg_temp.learn(), 0, 'nothing is noted twice');

select pg_temp.forget() \g /dev/null
select is(pg_temp.confidence(), 0.8, 'without outcomes the author''s word holds');
select pg_temp.patch('validated') as patch \gset
select pg_temp.reject(:patch) \g /dev/null
select pg_temp.learn() \g /dev/null
select is(pg_temp.confidence(), round((10 * 0.8) / 11, 3), 'what a person rejects lowers it');
select is(rejections, 1::bigint, 'and is counted') from homeostasis.stat_rules where rule_id = 'fixture';

select pg_temp.forget() \g /dev/null
select pg_temp.patch('validated') as patch \gset
insert into homeostasis.policies (name, decision, priority, classes) values ('never', 'refuse', 5, '{schema}');
update homeostasis.services set mode = 'auto' where id = fixture.service();
select fixture.advance() \g /dev/null
update homeostasis.services set mode = 'suggest' where id = fixture.service();
delete from homeostasis.policies where name = 'never';
select is(fixture.status(:patch) || ' ' || pg_temp.outcomes(:patch), 'rejected begun validated',
  'what a policy refuses says nothing about the rule');

-- What is not learned -----------------------------------------------------------------------------

select pg_temp.forget() \g /dev/null
select pg_temp.patch('validated') from generate_series(1, 20) \g /dev/null
select pg_temp.learn() \g /dev/null
select is(successes, 5.00, 'dry runs that reproduced the failure count a little')
from homeostasis.rule_learning where rule_id = 'fixture';
select is(pg_temp.confidence(), 0.8, 'but alone they do not lift a rule above what its author thinks of it');
select pg_temp.patch('healed') \g /dev/null
select pg_temp.learn() \g /dev/null
select is(pg_temp.confidence(), round((10 * 0.8 + 6) / 16, 3), 'with a change that healed they do');

select pg_temp.forget() \g /dev/null
select pg_temp.patch('validated', proof => '{"replayable": false}') as patch \gset
select is(pg_temp.outcomes(:patch), 'begun', 'a dry run that reproduced nothing says nothing');
select pg_temp.patch('healed', 'report') as patch \gset
select is(pg_temp.outcomes(:patch), 'begun validated healed', 'what became of a patch for an error that may be made up is noted');
select pg_temp.reject(pg_temp.patch('validated', 'report')) \g /dev/null
select pg_temp.learn() \g /dev/null
select is(pg_temp.confidence(), 0.8, 'but nothing is learned from it');

-- Versions of the rule ----------------------------------------------------------------------------

select pg_temp.forget() \g /dev/null
select pg_temp.reject(pg_temp.patch('validated')) from generate_series(1, 3) \g /dev/null
select pg_temp.learn() \g /dev/null
select is(pg_temp.confidence(), round(8 / 13.0, 3), 'several count for more');
update homeostasis.rules set suggestion = 'other words' where id = 'fixture';
select is(pg_temp.confidence(), round(8 / 13.0, 3), 'other words change nothing');
update homeostasis.rules set confidence = 0.9 where id = 'fixture';
select is((select confidence from homeostasis.rule_learning where rule_id = 'fixture'), round(9 / 13.0, 3),
  'what was learned counts against another confidence of its author, at once');
update homeostasis.rules set confidence = 0.8 where id = 'fixture';
update homeostasis.rules set pattern = 'no partition' where id = 'fixture';
select is(pg_temp.confidence(), 0.8, 'with another pattern it is another rule');
select is(learned_confidence, null, 'of which nothing is known') from homeostasis.stat_rules where rule_id = 'fixture';
update homeostasis.rules set pattern = 'no partition of' where id = 'fixture';
select is(pg_temp.confidence(), round(8 / 13.0, 3), 'with the pattern comes back what was learned of it');
create temporary table kept as select * from homeostasis.rules where id = 'fixture';
delete from homeostasis.rules where id = 'fixture';
insert into homeostasis.rules select * from kept;
select is(pg_temp.confidence(), round(8 / 13.0, 3), 'so it does when a pack is loaded again');

-- How matching follows ----------------------------------------------------------------------------

create function pg_temp.matched() returns text
language sql as $$
  select rule_id || ' ' || confidence from homeostasis.match('{"language": "sql", "error_type": "x", "sqlstate": "23514",
    "error_message": "no partition of what is for the riva of it"}')
$$;
select pg_temp.forget() \g /dev/null
update homeostasis.rules set pattern = 'no partiti' where id = 'fixture';
update homeostasis.rules set pattern = 'no partitio' where id = 'p.rival';
update homeostasis.rules set pattern = 'o partition' where id = 'fixture';
select is(pg_temp.matched(), 'fixture 0.800', 'of two rules that are as specific the more confident wins');
select revision as before from homeostasis.rules where id = 'fixture' \gset
select pg_temp.reject(pg_temp.patch('validated')) \g /dev/null
select is(pg_temp.matched(), 'fixture 0.800', 'an outcome alone changes nothing');
select pg_temp.learn() \g /dev/null
select is(pg_temp.matched(), 'p.rival 0.790', 'what was learned does');
select isnt(revision, :before::bigint, 'because the rule has another revision') from homeostasis.rules where id = 'fixture';
select is(modified, false, 'but was not edited') from homeostasis.rules where id = 'fixture';
select is(detail ->> 'from' || ' ' || (detail ->> 'to'), '0.800 0.727', 'the audit log says what was learned')
from homeostasis.audit_log where action = 'learned' and object_id = 'fixture' order by id desc limit 1;
select revision as before from homeostasis.rules where id = 'fixture' \gset
select pg_temp.patch('validated') \g /dev/null
select pg_temp.learn() \g /dev/null
select is(revision, :before::bigint, 'what hardly changes its confidence does not change its revision')
from homeostasis.rules where id = 'fixture';

-- A shipped rule stays what it was.
select id as shipped from homeostasis.rules where shipped and template is not null order by id limit 1 \gset
insert into homeostasis.rule_outcomes (service_id, patch_id, outcome, rule_id, conditions, genuine)
  select 1, -1, 'rejected', r.id, homeostasis.rule_conditions(r), true from homeostasis.rules r where r.id = :'shipped';
select is(homeostasis.learn_rule(:'shipped'), true, 'a shipped rule learns');
select is(modified, false, 'and is still as it was shipped') from homeostasis.rules where id = :'shipped';

-- What policies make of it ------------------------------------------------------------------------

update homeostasis.services set mode = 'auto' where id = fixture.service();
update homeostasis.policies set min_confidence = 0.75, max_table_bytes = 1073741824 where name = 'small_and_reversible';
select pg_temp.forget() \g /dev/null
select pg_temp.patch('validated') as patch \gset
select is(decision, 'approve', 'a policy approves what a rule it trusts led to') from homeostasis.decide(:patch);
select pg_temp.reject(pg_temp.patch('validated')) \g /dev/null
select pg_temp.learn() \g /dev/null
select is(decision || ': ' || reasons[1], 'ask: the confidence of the diagnosis is 0.733, the policy wants 0.750',
  'not any more when it has learned better since') from homeostasis.decide(:patch);
select pg_temp.forget() \g /dev/null
select pg_temp.patch('healed') from generate_series(1, 30) \g /dev/null
select pg_temp.learn() \g /dev/null
select cmp_ok(pg_temp.confidence(), '>', 0.9, 'a rule that has healed often is trusted more');
select pg_temp.patch('validated', proof => '{"replayable": false}') as unproved \gset
select pg_temp.patch('validated', proof => '{"strongest_lock": "AccessExclusiveLock", "table_bytes": 99999999999}') as large \gset
select pg_temp.patch('validated', 'report') as reported \gset
select is(string_agg(d.decision, ' '), 'ask ask ask', 'which takes the place of no proof, limit or person')
from unnest(array[:unproved, :large, :reported]) p cross join homeostasis.decide(p) d;

-- Forgotten in the end ----------------------------------------------------------------------------

select pg_temp.forget() \g /dev/null
select pg_temp.reject(pg_temp.patch('validated')) \g /dev/null
select pg_temp.learn() \g /dev/null
update homeostasis.rule_outcomes set at = at - interval '400 days' where rule_id = 'fixture';
select cmp_ok(done, '>', 0::bigint, 'outcomes of long ago are forgotten') from homeostasis.maintain() where task = 'outcomes forgotten';
select is(pg_temp.confidence(), 0.8, 'and the rule is what its author thinks of it');
select is(homeostasis.learn_rule('unheard of'), false, 'a rule that is not there learns nothing');

select * from finish();
rollback;
