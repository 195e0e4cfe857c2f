-- runs in: own
--
-- spikes.sql: what is usual could be taken for a spike, a spike for usual, or
-- one be told more than once

\set ECHO none
\set QUIET 1
begin;
select no_plan();

-- An issue, and its errors in the minutes before this one, the latest last.
create function pg_temp.issue(given text, counts integer[]) returns bigint
language plpgsql as $$
declare
  issue homeostasis.issues;
  minutes integer := cardinality(counts);
begin
  perform homeostasis.ingest(jsonb_build_object('service', 'shop', 'error_message', given));
  select i.* into issue from homeostasis.issues i where i.title = given;
  update homeostasis.issues set first_seen = now() - make_interval(mins => minutes) where id = issue.id;
  delete from homeostasis.issue_counts where issue_id = issue.id;
  insert into homeostasis.issue_counts (service_id, issue_id, minute, release, error_count)
    select issue.service_id, issue.id, date_trunc('minute', now()) - make_interval(mins => minutes - n::integer), '', c
    from unnest(counts) with ordinality u (c, n) where c > 0;
  return issue.id;
end
$$;

create function pg_temp.look() returns void
language sql as $$
  update homeostasis.spike_watch set looked_at = '-infinity';
  select homeostasis.watch_rates(0, 0);
$$;

create function pg_temp.spiking() returns text
language sql as $$
  select string_agg(i.title, ', ' order by i.title) from homeostasis.spikes s
  join homeostasis.issues i on i.service_id = s.service_id and i.id = s.issue_id
  where s.ended_at is null
$$;

create function pg_temp.minutes(n integer, each integer) returns integer[]
language sql as $$ select array_fill(each, array[n]) $$;

-- All of these have 60 minutes of history before the two of late.
select pg_temp.issue('rare', pg_temp.minutes(60, 0) || array[59, 0]) as rare,
       pg_temp.issue('new', array[60]) as new,
       pg_temp.issue('always', pg_temp.minutes(60, 500) || array[530, 560]) as always,
       pg_temp.issue('more', pg_temp.minutes(60, 500) || array[500, 640]) as more,
       pg_temp.issue('restless', (select array_agg(case when n % 2 = 0 then 50 else 950 end) from generate_series(1, 60) n)
                                 || array[1500, 1000]) as restless,
       pg_temp.issue('bursts before', pg_temp.minutes(20, 5) || pg_temp.minutes(5, 100000) || pg_temp.minutes(35, 5) || array[0, 90]) as bursts,
       pg_temp.issue('long ago', pg_temp.minutes(30, 900) || array[1000] || pg_temp.minutes(30, 0)) as long_ago,
       pg_temp.issue('muted', array[5000]) as muted \gset
insert into homeostasis.issue_counts (service_id, issue_id, minute, release, error_count)
  select i.service_id, i.id, now() + interval '1 hour', 'of tomorrow', 100000 from homeostasis.issues i where id = :rare;
select homeostasis.mute(:muted) \g /dev/null

select is(pg_temp.spiking(), null, 'nobody has looked yet');
select pg_temp.look() \g /dev/null
select is(pg_temp.spiking(), 'bursts before, more, new', 'what is far above its own past is a spike: not what is usual, restless, rare, over or muted');
select is(array_agg(array[i.title, s.rate::text, trim_scale(s.usual_rate)::text, trim_scale(s.bar)::text, s.is_new::text] order by i.title),
  array[['bursts before', '90', '5', '60', 'false'], ['more', '640', '500', '634.2', 'false'], ['new', '60', '0', '60', 'true']],
  'a burst of the past does not hide one of today')
from homeostasis.spikes s join homeostasis.issues i on i.id = s.issue_id;
select is(s.began_at, date_trunc('minute', now()), 'it began in the minute that was above the bar')
from homeostasis.spikes s where s.issue_id = :more;
select is(spike, format('since %s: up to 640 errors a minute, usually 500', to_char(date_trunc('minute', now()), 'HH24:MI')), 'overview says so')
from homeostasis.overview where issue = :more;
select is(spike, null, 'and nothing about others') from homeostasis.overview where issue = :always;

-- Once.
select pg_temp.look() from generate_series(1, 3) \g /dev/null
select is(count(*), 3::bigint, 'a spike is noted once') from homeostasis.spikes;
update homeostasis.issue_counts set error_count = 9000 where issue_id = :more and minute = date_trunc('minute', now());
update homeostasis.issue_counts set error_count = error_count / 2 + 1 where issue_id = :new;
select pg_temp.look() \g /dev/null
select is(string_agg(s.peak_rate::text, ' ' order by s.peak_rate), '60 90 9000', 'with its peak') from homeostasis.spikes s;
select is(pg_temp.spiking(), 'bursts before, more, new', 'and goes on while it is not below half its bar');

-- The end.
update homeostasis.issue_counts set error_count = 29 where issue_id = :new;
select homeostasis.mute(:bursts) \g /dev/null
update homeostasis.issue_counts set error_count = 9000 where issue_id = :more;
select pg_temp.look() \g /dev/null
select is(string_agg(i.title || ': ' || s.end_reason, ', ' order by i.title),
  'bursts before: the issue was muted, more: the rate has become the usual one, new: the rate fell', 'and then ends')
from homeostasis.spikes s join homeostasis.issues i on i.id = s.issue_id where s.ended_at is not null;
select pg_temp.look() \g /dev/null
select is(pg_temp.spiking(), null, 'for good');
update homeostasis.issue_counts set error_count = 20000 where issue_id = :new;
select pg_temp.look() \g /dev/null
select is(count(*) filter (where issue_id = :new), 2::bigint, 'what rises again is another one') from homeostasis.spikes;

-- Merged, and gone.
select homeostasis.merge(:always, :new) \g /dev/null
select is(string_agg(issue_id || ' ' || end_reason, ', ' order by id), format('%s the rate fell, %1$s the issue was merged', :always),
  'the spikes of an issue that was merged are those of the other one') from homeostasis.spikes where issue_id in (:always, :new);

-- What is told fits. Escapes make a text six times as long.
select homeostasis.ingest(jsonb_build_object('service', repeat('"', 200), 'error_message', repeat(chr(4), 5000))) from generate_series(1, 70) \g /dev/null
select lives_ok('select pg_temp.look()', 'whatever texts are told of');

-- Switched off.
select is((homeostasis.usual_rate(0, 0)).bar, 60::numeric, 'what never occurred has the least bar');
select homeostasis.advance_states() \g /dev/null
select is_empty('select * from homeostasis.advance_failures', 'no step fails');
select is_empty('select * from homeostasis.watch_rates_candidates()', 'and it is not done again at once');

select * from finish();
rollback;
