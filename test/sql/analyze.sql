-- runs in: own
--
-- analyze.sql: what is stored could keep the diagnosis of rules that are gone,
-- or get one twice, or one that is in the way of a patch or of a person

\set ECHO none
\set QUIET 1
begin;
\ir ../lib/healing.sql
select homeostasis.create_partitions(3) \g /dev/null
set local client_min_messages = warning;
select no_plan();

create function pg_temp.report(language text, message text, error_type text default 'Boom') returns bigint
language plpgsql as $$
begin
  perform homeostasis.ingest(jsonb_build_object('service', 'shop/' || language, 'language', language,
    'error_type', error_type, 'error_message', message));
  return (select i.id from homeostasis.issues i where i.title = message);
end
$$;
create function pg_temp.rule(id text, pattern text, template text default null, confidence numeric default 0.9,
  suggestion text default 's')
returns void
language sql as $$
  insert into homeostasis.rules (id, pack, description, root_cause, suggestion, confidence, pattern, template)
    values (id, 'p', 'd', 'c', suggestion, confidence, pattern, template)
$$;
create function pg_temp.diagnoses(issue bigint) returns text
language sql as $$
  select string_agg(concat_ws(' ', a.rule_id, a.source, a.confidence_score), ', ' order by a.created_at, a.id)
  from homeostasis.analysis a where a.issue_id = issue
$$;
-- All steps of a run; how many there were.
create function pg_temp.steps(run bigint, most integer default 100) returns integer
language plpgsql as $$
declare
  n integer := 0;
begin
  while homeostasis.analyze_step(run, most) > 0 loop n := n + 1; end loop;
  return n;
end
$$;
create function pg_temp.analyze() returns bigint
language plpgsql as $$
declare
  run constant bigint := homeostasis.analyze();
begin
  perform pg_temp.steps(run);
  return run;
end
$$;
create function pg_temp.progress(run bigint) returns text
language sql as $$
  select concat_ws(' ', phase, issues_done || '/' || issues_total, 'changed', changed, 'unexplained', unexplained,
                   'skipped', skipped, 'failed', failed)
  from homeostasis.progress_analysis p where p.run = progress.run
$$;
insert into homeostasis.rule_packs (name, description, version) values ('p', 'd', '1');

-- What a rule that was written later explains -----------------------------------------------------

select is(pg_temp.progress(homeostasis.analyze()), 'done 0/0 changed 0 unexplained 0 skipped 0 failed 0',
  'where nothing is stored an analysis is done at once');
select pg_temp.report('python', 'the kettle is empty') as kettle \gset
select pg_temp.report('go', 'the pot is full') as pot \gset
select pg_temp.report('go', 'something else') as other \gset
select is(pg_temp.diagnoses(:kettle), null, 'no rule knows it');
select pg_temp.rule('p.empty', '^the (?<what>\w+) is empty$') \g /dev/null
select homeostasis.analyze() as run \gset
select is(homeostasis.analyze('1 hour'), :run::bigint, 'who asks for another analysis gets the one that is under way');
select is(phase || ' ' || languages_done || '/' || languages_total, 'waiting 0/2', 'its progress is shown')
from homeostasis.progress_analysis where run = :run;
select is(homeostasis.analyze_step(:run, 1), 1, 'a step looks at as many issues as it is told');
select is(phase || ' ' || workers, 'analysing 1', 'and shows who does it')
from homeostasis.progress_analysis where run = :run;
select ok(estimated_end >= started_at, 'and when it will be done') from homeostasis.progress_analysis where run = :run;
select is(pg_temp.steps(:run, 1), 2, 'until all have been looked at');
select is(pg_temp.progress(:run), 'done 3/3 changed 1 unexplained 2 skipped 0 failed 0', 'what came of it is shown');
select is(pg_temp.diagnoses(:kettle), 'p.empty rule 0.900', 'the rule diagnoses what it matches');
select is(captures, '{"what": "kettle"}', 'with its captures') from homeostasis.analysis where issue_id = :kettle;
select is(pg_temp.diagnoses(:pot), null, 'and nothing else');
select is(homeostasis.analyze_step(:run), 0, 'a run that is done has no more steps');

select is(pg_temp.progress(pg_temp.analyze()), 'done 3/3 changed 0 unexplained 2 skipped 0 failed 0',
  'what says the same is not written again');
update homeostasis.rules set suggestion = 'fill it', confidence = 0.8 where id = 'p.empty';
select is(pg_temp.progress(pg_temp.analyze()), 'done 3/3 changed 1 unexplained 2 skipped 0 failed 0',
  'a rule that says something else makes another diagnosis');
select is(pg_temp.diagnoses(:kettle), 'p.empty rule 0.900, p.empty rule 0.800', 'beside the older one');
delete from homeostasis.rules where id = 'p.empty';
select is(pg_temp.progress(pg_temp.analyze()), 'done 3/3 changed 0 unexplained 3 skipped 0 failed 0',
  'an issue that no rule matches any more is counted');
select is(pg_temp.diagnoses(:kettle), 'p.empty rule 0.900, p.empty rule 0.800', 'and keeps its diagnosis');

-- Since when --------------------------------------------------------------------------------------

insert into homeostasis.rules (id, pack, description, root_cause, suggestion, confidence, service)
  select 'p.placed', 'p', 'd', 'c', 's', 0.9, s.name from homeostasis.services s
  join homeostasis.issues i on i.service_id = s.id where i.id = :kettle;
select is(split_part(pg_temp.progress(pg_temp.analyze()), ' unexplained', 1), 'done 3/3 changed 1', 'a rule for a service finds its issues');
update homeostasis.rules set service = 'nobody', confidence = 0.8 where id = 'p.placed';
select is(split_part(pg_temp.progress(pg_temp.analyze()), ' unexplained', 1), 'done 3/3 changed 0', 'and no others');
delete from homeostasis.rules where id = 'p.placed';
update homeostasis.issues set last_seen = now() - interval '3 days' where id = :pot;
create function pg_temp.total(run bigint) returns bigint
language sql as $$ select issues_total from homeostasis.progress_analysis p where p.run = total.run $$;
select is(pg_temp.total(homeostasis.analyze(interval '1 day')), 2::bigint, 'an interval leaves out what did not occur since');
select homeostasis.cancel_analysis(homeostasis.running_analysis()) \g /dev/null
select is(pg_temp.total(homeostasis.analyze(now() - interval '1 day')), 2::bigint, 'so does a time');
select homeostasis.cancel_analysis(homeostasis.running_analysis()) \g /dev/null
select is(pg_temp.total(homeostasis.analyze('4 days')), 3::bigint, 'a word may be an interval');
select homeostasis.cancel_analysis(homeostasis.running_analysis()) \g /dev/null
select is(pg_temp.total(homeostasis.analyze('2020-01-01')), 3::bigint, 'or a time');
select throws_ok($$ select homeostasis.analyze('nonsense') $$, 'HO007',
  'since is neither a length of time nor a time: "nonsense"', 'any other is refused');

-- Cancelled ---------------------------------------------------------------------------------------

select homeostasis.running_analysis() as run \gset
select pg_temp.rule('p.full', '^the (?<what>\w+) is full$') \g /dev/null
select is(homeostasis.cancel_analysis(:run), true, 'an analysis can be cancelled');
select is(homeostasis.analyze_step(:run), 0, 'then nothing more is looked at');
select is(pg_temp.diagnoses(:pot), null, 'or written');
select is(pg_temp.progress(:run), 'cancelled 0/3 changed 0 unexplained 0 skipped 0 failed 0', 'and it says so');
select is(homeostasis.cancel_analysis(:run), false, 'but not twice');
select throws_ok('select homeostasis.cancel_analysis(-1)', 'HO005', 'there is no analysis run -1', 'nor one that is not there');
select throws_ok('select homeostasis.analyze_step(-1)', 'HO005', 'there is no analysis run -1', 'which has no steps either');
select throws_ok('select homeostasis.analyze_step(1, 0)', 'HO007', null, 'a step of no issues is refused');
select throws_ok(format('update homeostasis.analysis_runs set status = ''running'' where id = %s', :run), 'HO002', null,
  'what was cancelled does not run again');
select ok(count(*) = 2, 'begin and end are in the audit log') from homeostasis.audit_log
where object_type = 'analysis run' and object_id = :'run';

-- Left alone --------------------------------------------------------------------------------------

update homeostasis.issues set status = 'healing' where id = :pot;
select is(pg_temp.progress(pg_temp.analyze()), 'done 3/3 changed 0 unexplained 2 skipped 1 failed 0',
  'an issue that is being healed is left alone');
update homeostasis.issues set status = 'healed' where id = :pot;
select is(pg_temp.progress(pg_temp.analyze()), 'done 3/3 changed 0 unexplained 2 skipped 1 failed 0', 'so is one that was');
update homeostasis.issues set status = 'resolved' where id = :pot;
insert into homeostasis.analysis (service_id, issue_id, error_id, error_timestamp, source, confidence_score, root_cause, suggestion)
  select service_id, id, sample_event_id, sample_timestamp, 'person', 1, 'c', 's' from homeostasis.issues where id = :pot;
select is(pg_temp.progress(pg_temp.analyze()), 'done 3/3 changed 0 unexplained 2 skipped 1 failed 0',
  'and one that a person diagnosed');
delete from homeostasis.analysis where issue_id = :pot;
select is(pg_temp.progress(pg_temp.analyze()), 'done 3/3 changed 1 unexplained 2 skipped 0 failed 0',
  'one that was resolved is not: its history has a cause');
delete from homeostasis.analysis where issue_id = :pot;
update homeostasis.errors set environment = '[1]' where message = 'the pot is full';
select is(pg_temp.progress(pg_temp.analyze()), 'done 3/3 changed 0 unexplained 2 skipped 0 failed 1',
  'an issue that cannot be matched does not keep the others from it');
select ok(last_error like format('issue %s: %%', :pot), 'and is named')
from homeostasis.progress_analysis order by run desc limit 1;
delete from homeostasis.errors where message = 'the pot is full';
select is(pg_temp.progress(pg_temp.analyze()), 'done 3/3 changed 0 unexplained 2 skipped 1 failed 0',
  'one whose error is gone is left alone');
select homeostasis.analyze() as run \gset
delete from homeostasis.issues where id = :other;
select pg_temp.steps(:run) \g /dev/null
select is(pg_temp.progress(:run), 'done 3/3 changed 0 unexplained 1 skipped 2 failed 0', 'one that is gone as well');

-- A diagnosis in other words is no new chance -----------------------------------------------------

select pg_temp.rule('p.part', 'no partition of relation "(?<table>\w+)" found for row', 'fixture_schema', 0.9) \g /dev/null
update homeostasis.rules set language = 'sql', sqlstates = '{23514}', error_type = 'check_violation',
  statement_pattern = 'insert into orders values' where id = 'p.part';
update homeostasis.services set mode = 'suggest' where id = fixture.service();
select fixture.issue() as issue \gset
update homeostasis.issues i set (sample_event_id, sample_timestamp) =
    (select a.error_id, a.error_timestamp from homeostasis.analysis a where a.issue_id = i.id)
  where id = :issue;
delete from homeostasis.analysis where issue_id = :issue;
select pg_temp.analyze() \g /dev/null
select is(pg_temp.diagnoses(:issue), 'p.part rule 0.900', 'a rule with a template diagnoses it');
select is(fixture.advance(), 1, 'and it is healed by that');
select max(id) as patch from homeostasis.patches \gset
select fixture.answer('plan', fixture.plan()) \g /dev/null
select fixture.advance() \g /dev/null
select fixture.answer('validate', fixture.proof()) \g /dev/null

-- In flight.
update homeostasis.rules set suggestion = 'another' where id = 'p.part';
select to_jsonb(p) - 'updated_at' as before from homeostasis.patches p where id = :patch \gset
select pg_temp.analyze() \g /dev/null
select is(pg_temp.diagnoses(:issue), 'p.part rule 0.900', 'while a patch is in flight its issue keeps its diagnosis');
select is(to_jsonb(p) - 'updated_at', :'before'::jsonb, 'and the patch is what it was') from homeostasis.patches p where id = :patch;

select homeostasis.reject(:patch, 'no') \g /dev/null
select fixture.advance() \g /dev/null
select pg_temp.analyze() \g /dev/null
select is(count(*), 2::bigint, 'afterwards it gets the new one') from homeostasis.analysis where issue_id = :issue;
select is(fixture.advance(), 0, 'but what a person rejected is not tried again for other words');
update homeostasis.rules set confidence = 0.7 where id = 'p.part';
select homeostasis.diagnose(:issue) \g /dev/null
select is(fixture.advance(), 0, 'nor for another confidence, nor by diagnose()');
update homeostasis.rules set template = 'fixture_unneeded' where id = 'p.part';
select pg_temp.analyze() \g /dev/null
select is(fixture.advance(), 1, 'another template is a new chance');
select fixture.answer('plan', '{"ok": false, "refusal": "no"}') \g /dev/null
update homeostasis.rules set template = 'fixture_schema' where id = 'p.part';
select pg_temp.analyze() \g /dev/null
select is(fixture.advance(), 0, 'and what was rejected stays so when the rule names it again');

-- Shares ------------------------------------------------------------------------------------------

create or replace function homeostasis.analysis_share_size() returns integer language sql immutable return 3;
select pg_temp.report('python', 'python ' || repeat('x', n)) from generate_series(1, 7) n \g /dev/null
select homeostasis.analyze() as run \gset
select results_eq(format($$ select language, sum(issues_total)::int, max(issues_total) from homeostasis.analysis_shares
    where run_id = %s group by language order by min(number) $$, :run),
  $$ values ('python', 8, 3), ('go', 1, 1), ('sql', 1, 1) $$, 'a share has a limit, and the largest language comes first');
select is((select array_agg(i order by n) from homeostasis.analysis_shares s, unnest(issue_ids) with ordinality u (i, n)
           where run_id = :run and number = 1),
          (select array_agg(i order by i) from homeostasis.analysis_shares s, unnest(issue_ids) i where run_id = :run and number = 1),
  'issues are in order');
select homeostasis.analyze_step(:run, 2) from generate_series(1, 2) \g /dev/null
select is(string_agg(format('%s %s', number, issues_done), ', ' order by number), '1 3',
  'a session goes on with the share that it has')
from homeostasis.analysis_shares where run_id = :run and claimed_pid = pg_backend_pid();
select homeostasis.analyze_step(:run, 1) \g /dev/null
select is(language, 'python', 'then takes another of the same language')
from homeostasis.analysis_shares where run_id = :run order by claimed_at desc nulls last limit 1;

-- Shares of sessions that are there, and of one that is not.
update homeostasis.analysis_shares s set claimed_pid = a.pid, claimed_start = a.backend_start, claimed_at = now()
  from pg_stat_activity a where a.backend_type = 'checkpointer' and s.run_id = :run and s.number = 2;
update homeostasis.analysis_shares s set claimed_pid = 0, claimed_start = now(), claimed_at = now()
  where s.run_id = :run and s.number = 3;
select homeostasis.analyze_step(:run, 1) \g /dev/null
select is(issues_done, 1, 'the share of a session that is gone is taken') from homeostasis.analysis_shares where run_id = :run and number = 3;
select pg_temp.steps(:run) \g /dev/null
select is(string_agg(number::text, ' '), '2', 'that of one that is there is not')
from homeostasis.analysis_shares where run_id = :run and issues_done < issues_total;
select is(status, 'running', 'and without it the run is not done') from homeostasis.analysis_runs where id = :run;
update homeostasis.analysis_shares set claimed_pid = 0 where run_id = :run;
select fixture.advance() \g /dev/null
select is(status, 'done', 'advance() does what no worker does') from homeostasis.analysis_runs where id = :run;

-- How many workers --------------------------------------------------------------------------------

select is(homeostasis.wanted_analysts(), null, 'where nothing is to be analysed no worker is wanted');
select homeostasis.analyze() as run \gset
select is(homeostasis.wanted_analysts(), least(2, current_setting('max_worker_processes')::int - 2
    - (select count(*) from pg_stat_activity where backend_type ~ '^(homeostasis|logical replication launcher)'))::int,
  'two places for workers stay free');

-- Kept for a while, and by whom -------------------------------------------------------------------

select homeostasis.cancel_analysis(:run) \g /dev/null
update homeostasis.analysis_runs set finished_at = now() - interval '40 days' where id = :run;
select is(done, 1::bigint, 'a run that ended long ago is deleted') from homeostasis.maintain() where task = 'analyses deleted';
select is(count(*), 0::bigint, 'with its shares') from homeostasis.analysis_shares where run_id = :run;

create role analyze_operator;
grant homeostasis_operator to analyze_operator;
create role analyze_reader;
grant homeostasis_reader to analyze_reader;
set local role analyze_operator;
select lives_ok('select homeostasis.analyze()', 'an operator may analyse');
select lives_ok('select homeostasis.analyze_step(run), homeostasis.cancel_analysis(run) from homeostasis.progress_analysis limit 1',
  'do some of it, and cancel');
set local role analyze_reader;
select lives_ok('select * from homeostasis.progress_analysis', 'a reader may see how far it is');
select throws_ok('select homeostasis.analyze()', '42501', null, 'and no more');
reset role;

select * from finish();
rollback;
