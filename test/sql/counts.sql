-- runs in: own
--
-- counts.sql: an error could be counted twice, or not any more, when minutes
-- become hours and hours days

\set ECHO none
\set QUIET 1
begin;
select no_plan();

-- Days are those of UTC, whatever the session has, even where hours differ.
set local timezone = 'Asia/Kolkata';

create function pg_temp.done(wanted text) returns bigint
language sql as $$ select m.done from homeostasis.maintain() m where m.task = wanted $$;
create function pg_temp.day(ago integer) returns timestamptz
language sql as $$ select date_trunc('day', now(), 'UTC') - make_interval(days => ago) $$;
create function pg_temp.report(message text, at timestamptz, release text default null) returns void
language sql as $$
  select homeostasis.ingest(jsonb_strip_nulls(jsonb_build_object('service', 's', 'error_message', message,
    'timestamp', at, 'release', release)))
$$;
create function pg_temp.issue(title text) returns bigint
language sql as $$ select id from homeostasis.issues i where i.title = issue.title $$;
create function pg_temp.counts(issue bigint) returns table (ago text, minutes integer, release text, n bigint)
language sql as $$
  select (pg_temp.day(0) - c.minute)::text, c.minutes, c.release, c.error_count
  from homeostasis.issue_counts c where c.issue_id = issue order by c.minute, c.release
$$;
create function pg_temp.is_exact(what text) returns text
language sql as $$
  select is(string_agg(format('%s: %s of %s', i.title, coalesce(c.n, 0), i.error_count), ', ')
      filter (where c.n is distinct from i.error_count), null, what)
  from homeostasis.issues i
  left join (select service_id, issue_id, sum(error_count) as n from homeostasis.issue_counts group by 1, 2) c
    on c.service_id = i.service_id and c.issue_id = i.id
$$;

-- Minutes ----------------------------------------------------------------------------------

select pg_temp.report('apples', pg_temp.day(4) + at)
from unnest(array['00:00', '00:00:59', '00:59', '01:00', '01:30', '23:59:59']::interval[]) at;
select pg_temp.report('apples', pg_temp.day(4) + '01:31', '2.0');
select pg_temp.report('apples', homeostasis.minutes_before(10) + at)
from unnest(array['-1 second', '0', '1 minute']::interval[]) at;
select is((select count(*) from pg_temp.counts(pg_temp.issue('apples'))), 9::bigint, 'each minute has its count');
select is(homeostasis.roll_counts(60, pg_temp.day(3), 2), 2::bigint, 'at most so many are taken at once');
select pg_temp.is_exact('and no error is lost meanwhile');
select is(pg_temp.done('minutes counted as hours'), 5::bigint, 'maintain() takes the rest');
select results_eq('select ago, minutes, release, n from pg_temp.counts(pg_temp.issue(''apples'')) limit 4',
  $$ values ('4 days', 60, '', 3::bigint), ('3 days 23:00:00', 60, '', 2), ('3 days 23:00:00', 60, '2.0', 1),
            ('3 days 01:00:00', 60, '', 1) $$,
  'minutes that are old enough become hours of UTC');
select results_eq('select minute, minutes, error_count from homeostasis.issue_counts where minute > pg_temp.day(3) order by minute',
  $$ select homeostasis.minutes_before(10) - w * interval '1 minute', w, 1::bigint
     from (select case homeostasis.minutes_before(60) when homeostasis.minutes_before(10) then 60 else 10 end) c (w)
     union all values (homeostasis.minutes_before(10), 1, 1::bigint), (homeostasis.minutes_before(10) + '1 minute', 1, 1::bigint)
     order by 1 $$,
  'even today''s, or ten minutes of an hour that is not over, but not those of late');
select ok(homeostasis.minutes_before(10) between now() - interval '73 minutes' and now() - interval '63 minutes',
  'which the usual rate of an issue is taken from');
select is(homeostasis.roll_counts(60, homeostasis.minutes_before(10), 100) > 0, homeostasis.minutes_before(10) > homeostasis.minutes_before(60),
  'ten minutes become part of their hour');
select pg_temp.is_exact('and sums are the same');
select pg_temp.is_exact('sums are unchanged');
select is(pg_temp.done('minutes counted as hours'), 0::bigint, 'once');

-- Late errors ---------------------------------------------------------------------------------

select pg_temp.report('apples', pg_temp.day(4) + '00:00');
select pg_temp.report('apples', pg_temp.day(4) + '00:42');
select results_eq('select ago, minutes, n from pg_temp.counts(pg_temp.issue(''apples'')) limit 2',
  $$ values ('4 days', 60, 4::bigint), ('3 days 23:18:00', 1, 1) $$,
  'a late error is added to its hour, or has a minute of its own');
select is(pg_temp.done('minutes counted as hours'), 1::bigint, 'which becomes part of the hour');
select results_eq('select ago, minutes, n from pg_temp.counts(pg_temp.issue(''apples'')) limit 2',
  $$ values ('4 days', 60, 5::bigint), ('3 days 23:00:00', 60, 2) $$, 'that was there before');
select pg_temp.is_exact('sums are unchanged again');

-- Days ------------------------------------------------------------------------------------------

select pg_temp.report('pears', pg_temp.day(16) + at)
from unnest(array['00:00', '00:30', '05:00', '23:59']::interval[]) at;
select pg_temp.report('pears', pg_temp.day(14) + '05:00');
select ok(homeostasis.roll_counts(60, pg_temp.day(3), 100) > 0, 'minutes become hours');
select is(homeostasis.roll_counts(1440, pg_temp.day(14), 100), 3::bigint, 'hours become days');
select results_eq('select ago, minutes, n from pg_temp.counts(pg_temp.issue(''pears''))',
  $$ values ('16 days', 1440, 4::bigint), ('13 days 19:00:00', 60, 1) $$, 'when they are old enough');
select pg_temp.report('pears', pg_temp.day(16) + '00:00');
select pg_temp.report('pears', pg_temp.day(16) + '00:30');
select pg_temp.done('hours counted as days') \g /dev/null
select results_eq('select ago, minutes, n from pg_temp.counts(pg_temp.issue(''pears''))',
  $$ values ('16 days', 1440, 6::bigint), ('13 days 19:00:00', 60, 1) $$, 'late errors reach them too');
select pg_temp.is_exact('days are as exact');

-- merge() and split() -----------------------------------------------------------------------------

select pg_temp.report('plums', pg_temp.day(16) + '00:00');
select pg_temp.report('plums', pg_temp.day(16) + '07:07');
select pg_temp.report('plums', pg_temp.day(4) + '00:42');
select pg_temp.report('plums', pg_temp.day(0));
select homeostasis.merge(pg_temp.issue('pears'), pg_temp.issue('plums'));
select pg_temp.is_exact('merging adds minutes to hours and days');
select results_eq('select ago, minutes, n from pg_temp.counts(pg_temp.issue(''pears'')) limit 1',
  $$ values ('16 days', 1440, 7::bigint) $$, 'and what is a day stays one');
-- Somebody raised the settings: what has become hours or days stays such.
select homeostasis.split(pg_temp.issue('pears'), array(select f.fingerprint from homeostasis.issue_fingerprints f
  join homeostasis.errors e using (service_id, fingerprint) where e.message = 'plums' limit 1)) as split_off \gset
select results_eq(format('select ago, minutes, n from pg_temp.counts(%s)', :split_off),
  $$ values ('16 days', 1440, 2::bigint), ('3 days 23:18:00', 1, 1), ('00:00:00', 1, 1) $$,
  'splitting takes each error from where it is counted');
select results_eq('select ago, minutes, n from pg_temp.counts(pg_temp.issue(''pears''))',
  $$ values ('16 days', 1440, 6::bigint), ('13 days 19:00:00', 60, 1) $$, 'and leaves the others there');
select pg_temp.is_exact('splitting is exact');
select is(first_seen, pg_temp.day(16), 'and knows when the first was') from homeostasis.issues where id = :split_off;
select pg_temp.done('minutes counted as hours') \g /dev/null
select pg_temp.done('hours counted as days') \g /dev/null
select pg_temp.is_exact('all of it stays so');
select is(count(*), 0::bigint, 'nothing remains of minutes that are old') from homeostasis.issue_counts
where minute < homeostasis.minutes_before(10) and minutes = 1 or minute < homeostasis.minutes_before(60) and minutes < 60;

-- Retention -----------------------------------------------------------------------------------------

update homeostasis.issue_counts set minute = pg_temp.day(30)
where issue_id = pg_temp.issue('pears') and minute = pg_temp.day(16);
select is(pg_temp.done('issue counts deleted'), case when now() < pg_temp.day(0) then 1 else 0 end::bigint,
  'a day is kept until all of it is old enough');
update homeostasis.issue_counts set minute = pg_temp.day(31)
where issue_id = pg_temp.issue('pears') and minute = pg_temp.day(30);
select is(pg_temp.done('issue counts deleted'), 1::bigint, 'and then goes');

select * from finish();
rollback;
