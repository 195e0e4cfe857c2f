-- runs in: own
--
-- retention.sql: errors could be kept longer than their class says, or go
-- before, or a class be lost or forged

\set ECHO none
\set QUIET 1
begin;
select no_plan();

create function pg_temp.done(wanted text) returns bigint
language sql as $$ select m.done from homeostasis.maintain() m where m.task = wanted $$;
create function pg_temp.report(service text, days integer, n integer default 1) returns void
language sql as $$
  select homeostasis.ingest(jsonb_agg(jsonb_build_object('service', service, 'error_message', 'late',
    'stack_trace', jsonb_build_array(service || ' ' || days),
    'timestamp', now() - make_interval(days => days)))) from generate_series(1, n)
$$;
create function pg_temp.left_of(table_name text) returns text
language plpgsql as $$
declare
  result text;
begin
  execute format('select string_agg(name || ''='' || n, '' '' order by name)
    from (select s.name, count(*) as n from homeostasis.%I t join homeostasis.services s on s.id = t.service_id
          group by 1) x', table_name) into result;
  return result;
end
$$;
-- So many days pass for what is stored of a service.
create function pg_temp.age(service text, days integer) returns void
language plpgsql as $$
declare
  ago constant interval := make_interval(days => days);
  the_service constant bigint := (select id from homeostasis.services where name = service);
begin
  perform homeostasis.create_partition((e."timestamp" at time zone 'UTC')::date - days)
    from homeostasis.errors e where e.service_id = the_service;
  update homeostasis.errors e set "timestamp" = e."timestamp" - ago where e.service_id = the_service;
  update homeostasis.issue_counts e set minute = e.minute - ago where e.service_id = the_service;
  update homeostasis.stacks e set last_seen = e.last_seen - ago where e.service_id = the_service;
  update homeostasis.issues e set first_seen = e.first_seen - ago, last_seen = e.last_seen - ago
    where e.service_id = the_service;
end
$$;

-- Classes ---------------------------------------------------------------------------------

select results_eq($$ select name, retention_days, shipped from homeostasis.service_classes order by name $$,
  $$ values ('brief', 7, true), ('lasting', 180, true), ('standard', null, true) $$, 'classes come with the extension');
select pg_temp.report('shop', 10);
select pg_temp.report('crawler', 10, 5);
select pg_temp.report('billing', 10);
select is(string_agg(distinct class, ' '), 'standard', 'a new service is standard')
from homeostasis.services where kind = 'application';
create role retention_admin;
grant homeostasis_admin to retention_admin;
set local role retention_admin;
select lives_ok($$ update homeostasis.services set class = 'brief' where name = 'crawler' $$, 'an administrator changes that');
select throws_ok($$ update homeostasis.services set class = 'nonsense' where name = 'crawler' $$, '23503', null,
  'to a class that there is');
select throws_ok($$ delete from homeostasis.service_classes where name = 'brief' $$, 'HO006', null,
  'what came with the extension cannot be deleted');
insert into homeostasis.service_classes (name, retention_days, shipped) values ('mine', 90, true);
select ok(not shipped, 'nor another class passed off as such') from homeostasis.service_classes where name = 'mine';
update homeostasis.service_classes set retention_days = 6 where name = 'brief';
select ok(modified, 'a change is remembered') from homeostasis.service_classes where name = 'brief';
update homeostasis.services set class = 'mine' where name = 'billing';
reset role;
select results_eq($$ select action, object_type, object_id from homeostasis.audit_log order by id desc limit 3 $$,
  $$ values ('update', 'service', 'billing'), ('update', 'service class', 'brief'), ('insert', 'service class', 'mine') $$,
  'changes of classes are audited');
select is((select extcondition[array_position(extconfig, 'homeostasis.service_classes'::regclass)]
    from pg_extension where extname = 'homeostasis'), 'where not shipped or modified',
  'what was changed here is dumped');

-- Shorter than others -------------------------------------------------------------------------

select is(pg_temp.left_of('errors'), 'billing=1 crawler=5 shop=1', 'all are there');
select is(homeostasis.delete_expired_errors(3), 3::bigint, 'what is older than the class says goes, at most so many at once');
select is(pg_temp.done('errors deleted'), 2::bigint, 'and the rest in the next call');
select is(pg_temp.left_of('errors'), 'billing=1 shop=1', 'from a partition that others need');
select is(pg_temp.left_of('issue_counts'), 'billing=1 shop=1', 'with its counts');
select is(pg_temp.left_of('stacks'), 'billing=1 shop=1', 'its stacks');
select is(pg_temp.left_of('issues'), 'billing=1 shop=1', 'and its issues');
select is(pg_temp.done('errors deleted'), 0::bigint, 'once');

-- Longer ---------------------------------------------------------------------------------------

select pg_temp.age('shop', 30);
select pg_temp.age('billing', 30);
select is(pg_temp.done('partitions dropped'), 0::bigint, 'a partition stays as long as one class needs it');
select is(pg_temp.left_of('errors'), 'billing=1', 'without the errors of others');
select is(pg_temp.left_of('issue_counts'), 'billing=1', 'or their counts');
select is(pg_temp.left_of('stacks'), 'billing=1', 'stacks');
select is(pg_temp.left_of('issues'), 'billing=1', 'and issues');
select is(count(*), 1::bigint, 'a service with a class of its own stays') from homeostasis.services where name = 'billing';
select pg_temp.age('billing', 60);
select cmp_ok(pg_temp.done('partitions dropped'), '>', 0::bigint, 'then the partition is dropped');
select is(concat(pg_temp.left_of('errors'), pg_temp.left_of('issue_counts'), pg_temp.left_of('issues')), '',
  'with what the last class kept');
select is(count(*), 0::bigint, 'and no partition is left that no class needs')
from homeostasis.partitions() p
where p.day < (now() at time zone 'UTC')::date - 90;

update homeostasis.services set created_at = now() - interval '1 year';
select is(pg_temp.done('services deleted'), 1::bigint, 'services of which nothing is left go');
select results_eq($$ select name, class from homeostasis.services where kind = 'application' order by 1 $$,
  $$ values ('billing', 'mine'), ('crawler', 'brief') $$, 'but not those that somebody gave a class');

-- Compact again ------------------------------------------------------------------------------------

select homeostasis.create_partition((now() at time zone 'UTC')::date - 10) \g /dev/null
select pg_temp.report('shop', 10);
select pg_temp.report('crawler', 10);
select format('comment on table homeostasis.%I is ''Compact since 2026-01-01''',
  homeostasis.partition_name((now() at time zone 'UTC')::date - 10)) \gexec
select ok(homeostasis.is_compact(p.relation), 'a partition is compact')
from homeostasis.partitions() p where p.day = (now() at time zone 'UTC')::date - 10;
select is(homeostasis.delete_expired_errors(10), 1::bigint, 'rows of it are deleted');
select ok(not homeostasis.is_compact(p.relation), 'then it is not any more')
from homeostasis.partitions() p where p.day = (now() at time zone 'UTC')::date - 10;

select * from finish();
rollback;
