-- runs in: own
--
-- quota.sql: what a service reports could fill the disk in spite of its
-- quota, or be counted wrongly because of it

\set ECHO none
\set QUIET 1
begin;
select no_plan();

create function pg_temp.report(service text, message text, times integer, keys jsonb default '{}')
returns void
language sql as $$
  select homeostasis.ingest(jsonb_build_object('service', service, 'error_message', message) || keys)
  from generate_series(1, times)
$$;

create function pg_temp.batch(service text, message text, times integer, keys jsonb default '{}')
returns void
language sql as $$
  select homeostasis.ingest((select jsonb_agg(jsonb_build_object('service', service, 'error_message', message) || keys)
                             from generate_series(1, times)))
$$;

-- What is known of an issue: its count, by its rows, by its minutes; how much
-- was only counted.
create function pg_temp.of(title text) returns text
language sql as $$
  select concat_ws(' ', i.error_count,
    (select sum(e.occurrences) from homeostasis.issue_fingerprints f
     join homeostasis.errors e on e.service_id = f.service_id and e.fingerprint = f.fingerprint
     where f.service_id = i.service_id and f.issue_id = i.id),
    (select sum(c.error_count) from homeostasis.issue_counts c
     where c.service_id = i.service_id and c.issue_id = i.id),
    i.counted_only, i.counted_by)
  from homeostasis.issues i where i.title = of.title
$$;

create function pg_temp.rows_of(title text) returns bigint
language sql as $$
  select count(*) from homeostasis.issues i
  join homeostasis.issue_fingerprints f on f.service_id = i.service_id and f.issue_id = i.id
  join homeostasis.errors e on e.service_id = f.service_id and e.fingerprint = f.fingerprint
  where i.title = rows_of.title
$$;

-- Services, and their quota. The clock may step into another minute.
select pg_temp.report('shop', 'first', 1), pg_temp.report('free', 'first', 1) \g /dev/null
set local role homeostasis_operator;
update homeostasis.services set payloads_per_minute = 10 where name = 'shop';
reset role;
select is(payloads_per_minute, 10, 'an operator sets a quota') from homeostasis.services where name = 'shop';
select throws_ok('update homeostasis.services set payloads_per_minute = -1', 'HO003', null, 'of 0 or more');

select pg_temp.report('shop', 'one by one', 100) \g /dev/null
select is(split_part(pg_temp.of('one by one'), ' ', n), '100', 'what comes one by one is counted exactly ' || how)
from (values (1, 'for the issue'), (2, 'by its rows'), (3, 'by its minutes')) v (n, how);
select cmp_ok(pg_temp.rows_of('one by one'), '<=', 22::bigint, 'but not stored each time');
select cmp_ok(pg_temp.rows_of('one by one'), '>=', 9::bigint, 'only beyond the quota');
select is(counted_only, 100 - pg_temp.rows_of('one by one'), 'the issue says how many were only counted')
from homeostasis.issues where title = 'one by one';
select is(counted_by, 'service', 'by which limit') from homeostasis.issues where title = 'one by one';
select ok(counted_since between first_seen and last_seen and counted_until = last_seen, 'and since when')
from homeostasis.issues where title = 'one by one';
select ok(exists (select from homeostasis.errors e where e.service_id = i.service_id and e.event_id = i.sample_event_id
                    and e."timestamp" = i.sample_timestamp), 'its sample is a row')
from homeostasis.issues i where title = 'one by one';
select matches(flood, '^[89]\d of 100 were only counted since .*: beyond the quota of the service$', 'overview says it in words')
from homeostasis.overview where title = 'one by one';

select pg_temp.batch('shop', 'many at once', 500) \g /dev/null
select matches(pg_temp.of('many at once'), '^500 500 500 4\d\d service$', 'a batch is counted as exactly');
select cmp_ok(pg_temp.rows_of('many at once'), '<=', 12::bigint, 'and stored as little');
select cmp_ok(pg_temp.rows_of('many at once'), '>=', 1::bigint, 'but an issue has a row, whatever others have taken');
select pg_temp.batch('shop', 'many at once', 500) \g /dev/null
select matches(pg_temp.of('many at once'), '^1000 1000 1000 9\d\d service$', 'so is what comes after it');

select pg_temp.batch('free', 'of others', 100) \g /dev/null
select is(pg_temp.of('of others'), '100 100 100 0', 'the quota of a service is not that of another');
select is(pg_temp.rows_of('of others'), 100::bigint, 'which is stored whole');
select is(flood, null, 'overview says nothing about it') from homeostasis.overview where title = 'of others';

-- Each release and minute of an issue keeps its own counts, which split() relies on.
select pg_temp.report('shop', 'released', 20, jsonb_build_object('release', r)) from unnest(array['1', '2']) r \g /dev/null
select results_eq($$select c.release, sum(c.error_count), sum(r.n) from homeostasis.issue_counts c
    join homeostasis.issues i on i.service_id = c.service_id and i.id = c.issue_id
    join lateral (select sum(e.occurrences) as n from homeostasis.issue_fingerprints f
      join homeostasis.errors e on e.service_id = f.service_id and e.fingerprint = f.fingerprint
      where f.issue_id = i.id and e.release = c.release and date_trunc('minute', e."timestamp") = c.minute) r on true
    where i.title = 'released' group by 1 order by 1$$,
  $$values ('1', 20::numeric, 20::numeric), ('2', 20, 20)$$, 'releases are counted apart');
select pg_temp.batch('shop', 'long ago', 30, jsonb_build_object('timestamp', now() - interval '2 days')) \g /dev/null
select matches(pg_temp.of('long ago'), '^30 30 30 \d+ service$', 'another time does not make another quota, nor another count');
select cmp_ok(pg_temp.rows_of('long ago'), '<=', 11::bigint, 'of rows');

-- The minute of a quota is that in which the server receives, whatever the
-- reporter says; this one must not end meanwhile.
create function pg_temp.rows_when_used_up() returns bigint
language plpgsql as $$
declare
  minute timestamptz;
begin
  for try in 1 .. 5 loop
    minute := date_trunc('minute', clock_timestamp());
    perform pg_temp.batch('shop', 'used up', 20);
    perform pg_temp.batch('shop', 'try ' || chr(64 + try), 30,
      jsonb_build_object('timestamp', now() - interval '1 day'));
    if minute = date_trunc('minute', clock_timestamp()) then
      return pg_temp.rows_of('try ' || chr(64 + try));
    end if;
  end loop;
end
$$;
select is(pg_temp.rows_when_used_up(), 1::bigint, 'nor does it in a minute in which the quota is used up');

-- What is over, or is being healed, is told by its rows.
select pg_temp.report('shop', 'over', 1) \g /dev/null
select homeostasis.resolve(id) from homeostasis.issues where title = 'over' \g /dev/null
update homeostasis.issues set status_changed_at = clock_timestamp() where title = 'over';
select pg_temp.report('shop', 'over', 1) \g /dev/null
select is(status || ' ' || pg_temp.of('over') || ' ' || pg_temp.rows_of('over'), 'regressed 2 2 2 0 2',
  'an issue that was over is not taken for it because it is only counted') from homeostasis.issues where title = 'over';

-- Reported again.
select pg_temp.batch('shop', 'retried', 5) \g /dev/null
select homeostasis.ingest(e) from (select jsonb_agg(jsonb_build_object('service', 'shop', 'error_message', 'retried',
    'error_id', 'id ' || n)) as e from generate_series(1, 50) n) b, generate_series(1, 3) \g /dev/null
select matches(pg_temp.of('retried'), '^55 55 55 \d+ service$', 'what was only counted is counted once, however often it is reported');
select homeostasis.ingest(jsonb_build_object('service', 'shop', 'error_message', 'retried', 'error_id', 'id ' || n,
    'timestamp', now() - interval '1 hour')) from generate_series(1, 50) n \g /dev/null
select matches(pg_temp.of('retried'), '^55 55 55 \d+ service$', 'also one by one, with other times');

-- Merged and split.
select homeostasis.merge((select id from homeostasis.issues where title = 'many at once'),
  (select id from homeostasis.issues where title = 'one by one')) \g /dev/null
select matches(pg_temp.of('many at once'), '^1100 1100 1100 1\d\d\d service$', 'merged issues add up');
select homeostasis.split(i.id, array[(select f.fingerprint from homeostasis.issue_fingerprints f
    where f.service_id = i.service_id and f.issue_id = i.id
    order by (select min(e."timestamp") from homeostasis.errors e where e.fingerprint = f.fingerprint) limit 1)])
from homeostasis.issues i where title = 'many at once' \g /dev/null
select matches(pg_temp.of('one by one'), '^100 100 100 [789]\d service$', 'and can be split again');
select matches(pg_temp.of('many at once'), '^1000 1000 1000 9\d\d service$', 'each with its own');

-- 0 is no quota, null the setting's.
update homeostasis.services set payloads_per_minute = 0 where name = 'shop';
select pg_temp.batch('shop', 'again', 50) \g /dev/null
select is(pg_temp.rows_of('again'), 50::bigint, 'a quota of 0 stores everything');

-- The name of the extension's own service.
select throws_ok($$select homeostasis.ingest('{"service": "homeostasis", "error_message": "x"}')$$, 'HO001', null,
  'nobody reports for the extension');
select homeostasis.ingest_own('{"service": "homeostasis", "error_message": "own"}', 7) \g /dev/null
select is(pg_temp.of('own') || ' ' || (select kind from homeostasis.services where name = 'homeostasis'),
  '7 7 7 0 extension', 'which has a service of its own, whose events stand for several');
select throws_ok($$select homeostasis.ingest('{"service": "homeostasis", "error_message": "x"}')$$, 'HO001',
  'event field "service" is the name of the extension''s own service', 'also when it is there');
update homeostasis.services set payloads_per_minute = 1 where kind = 'extension';
select homeostasis.ingest_own('{"service": "homeostasis", "error_message": "own"}', 1) from generate_series(1, 5) \g /dev/null
select is(pg_temp.of('own') || ' ' || pg_temp.rows_of('own'), '12 12 12 0 6', 'no quota is for these');

select * from finish();
rollback;
