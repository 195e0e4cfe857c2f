-- runs in: own
--
-- maintain.sql: a table could grow for ever, or something be deleted that is
-- still needed or referred to

\set ECHO none
\set QUIET 1
begin;
\ir ../lib/healing.sql
select homeostasis.create_partitions(3) \g /dev/null
select no_plan();

create function pg_temp.done(wanted text) returns bigint
language sql as $$ select m.done from homeostasis.maintain() m where m.task = wanted $$;

-- So many days pass, for a patch and everything around it.
create function pg_temp.age(patch bigint, days integer) returns void
language plpgsql as $$
declare
  ago constant interval := make_interval(days => days);
begin
  perform set_config('session_replication_role', 'replica', true);
  update homeostasis.patches set created_at = created_at - ago, updated_at = updated_at - ago where id = patch;
  update homeostasis.analysis a set created_at = a.created_at - ago, known_since = a.known_since - ago from homeostasis.patches p
    where p.id = patch and a.issue_id = p.issue_id;
  update homeostasis.issues i set first_seen = first_seen - ago, last_seen = last_seen - ago
    from homeostasis.patches p where p.id = patch and i.id = p.issue_id;
  perform set_config('session_replication_role', 'origin', true);
end $$;

create function pg_temp.left_of(patch bigint, issue bigint) returns text
language sql as $$
  select concat_ws(' ',
    (select 'issue' from homeostasis.issues where id = issue),
    (select 'fingerprint' from homeostasis.issue_fingerprints where issue_id = issue),
    (select 'analysis' from homeostasis.analysis where issue_id = issue),
    (select 'patch' from homeostasis.patches where id = patch),
    (select count(*) || ' jobs' from homeostasis.jobs where patch_id = patch having count(*) > 0),
    (select 'validation' from homeostasis.validations where patch_id = patch),
    (select 'approval' from homeostasis.approvals where patch_id = patch),
    (select 'deployment' from homeostasis.deployments where patch_id = patch),
    (select 'step' from homeostasis.deployment_steps s join homeostasis.deployments d on d.id = s.deployment_id
     where d.patch_id = patch limit 1))
$$;

-- Nothing moves by itself.
update homeostasis.services set mode = 'observe' where id = fixture.service();

create temporary table made (name text primary key, patch bigint, issue bigint);

create function pg_temp.make(name text, status text, days integer) returns void
language plpgsql as $$
declare
  made_patch constant bigint := fixture.patch(case status when 'rejected' then 'validated' else status end);
begin
  if status = 'rejected' then
    perform homeostasis.reject(made_patch, 'no');
  end if;
  perform pg_temp.age(made_patch, days);
  insert into made select make.name, p.id, p.issue_id from homeostasis.patches p where p.id = made_patch;
end $$;

select pg_temp.make('healed', 'healed', 400);
select pg_temp.make('rejected', 'rejected', 400);
select pg_temp.make('deployed', 'deployed', 400);
select pg_temp.make('validated', 'validated', 400);
select pg_temp.make('assigned', 'healed', 400);
select homeostasis.assign(issue, 'me') from made where name = 'assigned' \g /dev/null
select pg_temp.make('muted', 'rejected', 400);
select homeostasis.mute(issue) from made where name = 'muted' \g /dev/null
select pg_temp.make('young', 'healed', 300);
select pg_temp.make('recurring', 'rejected', 400);
update homeostasis.issues set last_seen = now() where id = (select issue from made where name = 'recurring');
create temporary table audited as select count(*) as n from homeostasis.audit_log;

select is(pg_temp.left_of(patch, issue), 'issue fingerprint analysis patch 3 jobs validation approval deployment step',
  'a healed patch has all that can hang on one') from made where name = 'healed';
select is(pg_temp.done('patches deleted'), 2::bigint, 'finished patches go when their time is over');
select is(string_agg(name, ' ' order by name), 'healed rejected', 'with all that hangs on them, and their issues')
from made where pg_temp.left_of(patch, issue) = '';
select is(string_agg(name, ' ' order by name), 'assigned deployed muted recurring validated young',
  'but nothing that works, that somebody looks after, or that is young, and no verdict on what recurs')
from made where pg_temp.left_of(patch, issue) ~ 'issue fingerprint analysis patch .*validation';
select is((select count(*) from homeostasis.audit_log) >= n, true, 'the audit log keeps its entries') from audited;
select is_empty('select * from homeostasis.audit_verify()', 'and is whole');

select is_empty($$
    select 'job' from homeostasis.jobs j where not exists (select from homeostasis.patches p where p.id = j.patch_id)
    union all
    select 'validation' from homeostasis.validations v where not exists (select from homeostasis.patches p where p.id = v.patch_id)
    union all
    select 'approval' from homeostasis.approvals a where not exists (select from homeostasis.patches p where p.id = a.patch_id)
    union all
    select 'deployment' from homeostasis.deployments d where not exists (select from homeostasis.patches p where p.id = d.patch_id)
    union all
    select 'step' from homeostasis.deployment_steps s where not exists (select from homeostasis.deployments d where d.id = s.deployment_id)
    union all
    select 'patch' from homeostasis.patches p where not exists (select from homeostasis.analysis a where a.id = p.analysis_id)
    union all
    select 'patch of an issue' from homeostasis.patches p where not exists (select from homeostasis.issues i where i.id = p.issue_id)
    union all
    select 'analysis' from homeostasis.analysis a where not exists (select from homeostasis.issues i where i.id = a.issue_id)$$,
  'nothing refers to what is gone');

-- A verdict stays as long as its issue recurs, but one is enough.
select ok(homeostasis.was_tried(homeostasis.best_analysis(fixture.service(), issue, null)),
  'what was rejected is not tried again, however long ago') from made where name = 'recurring';
insert into homeostasis.patches (service_id, issue_id, analysis_id, kind, status, template)
  select p.service_id, p.issue_id, p.analysis_id, 'sql', 'refused', p.template
  from homeostasis.patches p join made m on m.patch = p.id and m.name = 'recurring';
select is(pg_temp.done('patches deleted'), 1::bigint, 'a later verdict replaces it');
select is(pg_temp.left_of(patch, issue), 'issue fingerprint analysis', 'and the patch goes') from made where name = 'recurring';

-- Diagnoses ---------------------------------------------------------------------

select fixture.issue() as issue_id \gset
select fixture.diagnose(:issue_id, 'fixture_schema') as second \gset
select fixture.diagnose(:issue_id, null) as advice \gset
update homeostasis.analysis set created_at = now() - interval '400 days' where issue_id = :issue_id;
select is(pg_temp.done('diagnoses deleted'), 1::bigint, 'a diagnosis goes that a later one has replaced');
select results_eq(format('select id from homeostasis.analysis where issue_id = %s order by id', :issue_id),
  format('values (%s::bigint), (%s)', :second, :advice), 'the latest of each template stays');

-- Batches -------------------------------------------------------------------------

select pg_temp.make('one', 'rejected', 400);
select pg_temp.make('two', 'rejected', 400);
select is(homeostasis.delete_old_patches(now() - interval '365 days', now() - interval '30 days', 1), 1::bigint,
  'no more are deleted at once than may be');
select is(homeostasis.delete_old_patches(now() - interval '365 days', now() - interval '30 days', 10), 1::bigint,
  'the others are next');

-- Services ------------------------------------------------------------------------

insert into homeostasis.services (name, mode, description, created_at)
select v.name, v.mode, v.description, now() - v.days * interval '1 day'
from (values ('idle', null, null, 40), ('new', null, null, 20), ('configured', 'observe', null, 40),
             ('described', null, 'x', 40), ('with a policy', null, null, 40), ('busy', null, null, 40))
  v (name, mode, description, days);
insert into homeostasis.policies (name, decision, service_id)
  select 'special', 'ask', id from homeostasis.services where name = 'with a policy';
select homeostasis.ingest('{"service": "busy", "error_message": "x"}') \g /dev/null
select is(pg_temp.done('services deleted'), 1::bigint, 'services of which nothing is left go');
select results_eq($$select name from homeostasis.services where kind = 'application' order by 1$$,
  $$values ('busy'), ('configured'), ('described'), ('new'), ('with a policy')$$,
  'but none that anybody configured or that has an error');
select is(action, 'delete', 'the audit log has it') from homeostasis.audit_log
where object_type = 'service' order by id desc limit 1;

-- Positions in the journal ---------------------------------------------------------------

insert into homeostasis.journal_positions (epoch, consumer, positions, stored_at)
  values (1, 0, '{}', now() - interval '500 days'), (2, 0, '{}', now() - interval '300 days'),
         (3, 0, '{}', now() - interval '400 days'), (3, 1, '{}', now() - interval '400 days');
select is(pg_temp.done('journal positions deleted'), 3::bigint, 'positions of long ago go');
update homeostasis.journal_positions set stored_at = now() - interval '500 days';
select is(pg_temp.done('journal positions deleted'), 0::bigint, 'but not the last ones');

-- Waits for policies ----------------------------------------------------------------

insert into homeostasis.policy_waits (service_id, patch_id, basis, decisions, retry_at)
  select fixture.service(), v.id, '', 1, now()
  from (values (-1), ((select patch from made where name = 'validated'))) v (id);
select is(pg_temp.done('policy waits deleted'), 1::bigint, 'a wait goes whose patch was decided about');

select * from finish();
rollback;
