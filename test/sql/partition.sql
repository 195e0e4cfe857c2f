-- runs in: own
--
-- partition.sql: errors could find no partition, or be kept for ever

\set ECHO none
\set QUIET 1
begin;
select no_plan();

create function pg_temp.partitions() returns setof text
language sql as $$
  select c.relname::text from pg_inherits i join pg_class c on c.oid = i.inhrelid
  where i.inhparent = 'homeostasis.errors'::regclass order by 1
$$;
create function pg_temp.today() returns date
language sql as $$ select (now() at time zone 'UTC')::date $$;
create function pg_temp.done(task text) returns bigint
language plpgsql as $$
begin
  return (select m.done from homeostasis.maintain() m where m.task = done.task);
end
$$;

select is_empty('select pg_temp.partitions()',
  'installing makes no partition, so that a dump can bring its own');

-- Created -------------------------------------------------------------------

set local timezone = 'Asia/Tokyo';
select homeostasis.ingest(jsonb_build_object('error_message', 'x', 'timestamp', t))
from unnest(array[pg_temp.today() - 2 + time '23:59:59.999999', pg_temp.today() - 1 + time '00:00']) d,
     to_char(d, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') t;
select is(array(select pg_temp.partitions()),
  array(select 'errors_' || to_char(pg_temp.today() - n, 'YYYYMMDD') from generate_series(2, 1, -1) n),
  'a day that is missing is made when an error comes, by UTC wherever the session is');
select results_eq(
  $$ select tableoid::regclass::text, count(*) from homeostasis.errors group by 1 order by 1 $$,
  $$ select 'homeostasis.errors_' || to_char(pg_temp.today() - n, 'YYYYMMDD'), 1::bigint
     from generate_series(2, 1, -1) n $$,
  'and the error is in it');

select is(pg_temp.done('partitions created'), 4::bigint, 'maintain() makes today''s and three more');
select is(pg_temp.done('partitions created'), 0::bigint, 'once');
select is((select count(*) from pg_temp.partitions()), 6::bigint, 'all are there');

select is((select count(*) from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'homeostasis.errors'::regclass
      and c.relowner = 'homeostasis_owner'::regrole), 6::bigint, 'they belong to homeostasis_owner');
select is((select count(*) from pg_depend d
    where d.refclassid = 'pg_extension'::regclass and d.deptype = 'e'
      and d.classid = 'pg_class'::regclass and d.objid in
        (select inhrelid from pg_inherits where inhparent = 'homeostasis.errors'::regclass)),
  0::bigint, 'and not to the extension');
select is((select count(*) from pg_index x
    where x.indrelid in (select inhrelid from pg_inherits where inhparent = 'homeostasis.errors'::regclass)
      and not exists (select from pg_inherits i where i.inhrelid = x.indexrelid)),
  0::bigint, 'their indexes are those of the parent');
select is((select count(*) from pg_class c
    where c.oid in (select inhrelid from pg_inherits where inhparent = 'homeostasis.errors'::regclass)
      and (select count(*) from pg_index where indrelid = c.oid)
        <> (select count(*) from pg_index where indrelid = 'homeostasis.errors'::regclass)),
  0::bigint, 'all of them');

-- Dropped, and what goes with them ------------------------------------------

select homeostasis.ingest(jsonb_build_array(
  jsonb_build_object('error_message', 'old', 'service', 's', 'timestamp', now() - interval '20 days',
                     'stack_trace', '["old"]'::jsonb),
  jsonb_build_object('error_message', 'new', 'service', 's', 'timestamp', now() - interval '4 days',
                     'stack_trace', '["new"]'::jsonb),
  jsonb_build_object('error_message', 'old but assigned', 'service', 's', 'timestamp', now() - interval '20 days'),
  jsonb_build_object('error_message', 'old but patched', 'service', 's', 'timestamp', now() - interval '20 days'),
  jsonb_build_object('error_message', 'old but muted', 'service', 's', 'timestamp', now() - interval '20 days'),
  jsonb_build_object('error_message', 'old, but occurred again', 'service', 's', 'timestamp', now() - interval '20 days'),
  jsonb_build_object('error_message', 'old, but occurred again', 'service', 's'),
  17));
create function pg_temp.issue(title text) returns bigint
language sql as $$ select id from homeostasis.issues i where i.title = issue.title $$;
select homeostasis.assign(pg_temp.issue('old but assigned'), 'me');
select homeostasis.mute(pg_temp.issue('old but muted'));
insert into homeostasis.patches (service_id, issue_id, analysis_id, kind, status)
  select service_id, id, 1, 'sql', 'refused' from homeostasis.issues where title = 'old but patched';
insert into homeostasis.analysis (service_id, issue_id, error_id, error_timestamp, source,
    confidence_score, root_cause, suggestion)
  select service_id, id, sample_event_id, sample_timestamp, 'person', 1, 'x', 'x'
  from homeostasis.issues where title in ('old', 'new');
update homeostasis.rejected_events set received_at = now() - interval '20 days';
insert into homeostasis.rejected_events (origin, reason, event) values ('report', 'new', 'new');
insert into homeostasis.jobs (service_id, patch_id, runner, kind, status, finished_at)
  select s.id, 1, 'operator', 'plan', v.status, v.finished_at from homeostasis.services s,
    (values ('done', now() - interval '20 days'), ('failed', now() - interval '20 days'),
            ('done', now()), ('pending', null)) v (status, finished_at)
  where s.name = 's';

select is(pg_temp.done('issues deleted'), 0::bigint, 'nothing goes before its time');

-- Twenty days pass: what is twenty days old becomes forty.
select homeostasis.create_partition(pg_temp.today() - 40);
update homeostasis.errors set "timestamp" = "timestamp" - interval '20 days'
  where "timestamp" < now() - interval '10 days';
update homeostasis.stacks set last_seen = last_seen - interval '20 days'
  where last_seen < now() - interval '10 days';
update homeostasis.issue_counts set minute = minute - interval '20 days'
  where minute < now() - interval '10 days';
update homeostasis.issues set first_seen = first_seen - interval '20 days'
  where first_seen < now() - interval '10 days';
update homeostasis.issues set last_seen = last_seen - interval '20 days'
  where last_seen < now() - interval '10 days';
update homeostasis.rejected_events set received_at = received_at - interval '20 days'
  where received_at < now() - interval '10 days';
update homeostasis.jobs set finished_at = finished_at - interval '20 days'
  where finished_at < now() - interval '10 days';
insert into homeostasis.advance_failures (service_id, step, object_id, failures, error, failed_at, retry_at)
  select s.id, 'unmute_issue', v.ago, 1, 'x', now() - v.ago * interval '1 day', now()
  from homeostasis.services s, (values (1), (40)) v (ago) where s.name = 's';

select results_eq($$ select task, done from homeostasis.maintain() $$,
  $$ values ('partitions created', 0::bigint), ('stacks deleted', 1),
            ('errors deleted', 0), ('issue counts deleted', 5),
            ('rejected events deleted', 1), ('late event ids deleted', 0),
            ('spikes deleted', 0), ('jobs deleted', 2), ('journal positions deleted', 0),
            ('failed moves deleted', 1), ('patches deleted', 0), ('diagnoses deleted', 0),
            ('outcomes forgotten', 0), ('analyses deleted', 0), ('policy waits deleted', 0), ('rules disabled', 0), ('checkup findings', 0),
            ('partitions dropped', 1), ('partitions made compact', 1), ('minutes counted as hours', 0),
            ('hours counted as days', 0), ('issues deleted', 1), ('services deleted', 0) $$,
  'what is older than retention goes');
select results_eq($$ select title from homeostasis.issues where service_id =
    (select id from homeostasis.services where name = 's') order by 1 $$,
  $$ values ('new'), ('old but assigned'), ('old but muted'), ('old but patched'),
            ('old, but occurred again') $$,
  'but no issue that occurred since, or that a person or a patch refers to');
select results_eq($$ select message from homeostasis.errors where "timestamp" < now() - interval '10 days' $$,
  $$ select '' where false $$, 'old errors are gone');
select results_eq('select stack from homeostasis.stacks', $$ values ('new') $$, 'old stacks too');
select results_eq('select reason from homeostasis.rejected_events', $$ values ('new') $$,
  'and old refusals');
select is((select count(*) from homeostasis.analysis a
    where not exists (select from homeostasis.issues i where i.id = a.issue_id)), 0::bigint,
  'no diagnosis is left of an issue that is gone');
select is((select count(*) from homeostasis.issue_fingerprints f
    where not exists (select from homeostasis.issues i where i.id = f.issue_id)), 0::bigint,
  'and no fingerprint');
select homeostasis.ingest(jsonb_build_object('error_message', 'old', 'service', 's'));
select isnt(pg_temp.issue('old'), null, 'a problem whose issue is gone makes a new one');

-- Detached by hand ----------------------------------------------------------

select homeostasis.create_partition('2001-02-03');
alter table homeostasis.errors detach partition homeostasis.errors_20010203;
select ok(homeostasis.create_partition('2001-02-03'), 'the day of a partition that was detached gets another one');
select ok(not homeostasis.create_partition('2001-02-03'), 'once');
select is(homeostasis.partition_of('2001-02-03')::text, 'homeostasis.errors_20010203_2', 'with a name of its own');
insert into homeostasis.errors_20010203 select * from homeostasis.errors limit 1;
select ok(homeostasis.build_compact('2001-02-03') and homeostasis.use_compact('2001-02-03'), 'which can be made compact');
select is((select count(*) from homeostasis.errors_20010203), 1::bigint, 'without what was detached being touched');
select is(homeostasis.partition_of('2001-02-03')::text, 'homeostasis.errors_20010203_2', 'nor its name taken');
select is(homeostasis.drop_partitions('2001-02-04'), 1, 'it goes in its time');
select has_table('homeostasis', 'errors_20010203', 'and what was detached stays');

-- Who may ------------------------------------------------------------------

create role partition_operator;
create role partition_admin;
grant homeostasis_operator to partition_operator;
grant homeostasis_admin to partition_admin;
set local role partition_operator;
select throws_ok('select homeostasis.maintain()', '42501', null, 'an operator may not');
reset role;
set local role partition_admin;
select lives_ok('select homeostasis.maintain()', 'an admin may');
select throws_ok($$ select homeostasis.drop_partitions('2100-01-01') $$, '42501', null,
  'but not drop partitions as he likes');
reset role;

select * from finish();
rollback;
