-- spikes.sql: an issue that occurs far more often than it used to.
--
-- The errors of an issue in a minute are compared with those in the minutes
-- before: how far they are above the median, in units of the median distance
-- from it (the modified z-score of Iglewicz and Hoaglin, How to Detect and
-- Handle Outliers, 1993; 1.4826 times that distance estimates the standard
-- deviation).  Both stand still whatever a few bursts did.  Where nearly all
-- minutes are alike that distance is 0, so it counts as no less than the
-- square root of the median, which is what errors that come at random would
-- have.  Below homeostasis.spike_min_rate nothing is a spike; an issue that
-- has no history, because it is new, is one from there on.
--
-- A step of advance_states() looks each ten seconds, at the issues that
-- occurred in the last minutes and are above homeostasis.spike_min_rate.  The
-- minute that is not over counts with what it has, so a flood is seen before
-- its first minute ends.

create function homeostasis.spike_window() returns interval
language sql immutable
set search_path = pg_catalog, pg_temp
return interval '2 minutes';

comment on function homeostasis.spike_window() is
  'How far before the minute that it is the rate of late may be; errors that are stored later than that are not told';

create function homeostasis.rates_of_late(min_rate bigint)
returns table (service_id bigint, issue_id bigint, rate bigint)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select m.service_id, m.issue_id, max(m.n)::bigint
  from (select c.service_id, c.issue_id, c.minute, sum(c.error_count) as n
        from homeostasis.issue_counts c
        where c.minutes = 1 and c.minute >= date_trunc('minute', now()) - homeostasis.spike_window()
          and c.minute <= now()
        group by c.service_id, c.issue_id, c.minute
        having sum(c.error_count) >= min_rate) m
  group by m.service_id, m.issue_id
$$;

comment on function homeostasis.rates_of_late(bigint) is
  'The issues that had so many errors in one of the last minutes, and the most they had in one';

create function homeostasis.usual_rate(service_id bigint, issue_id bigint,
  out usual numeric, out bar numeric)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with history as materialized (
    select coalesce(sum(c.error_count), 0)::float8 as n
    from (select date_trunc('minute', now()) - homeostasis.spike_window() as until,
                 homeostasis.setting('spike_history')::interval as length) w
    cross join lateral generate_series(w.until - w.length, w.until - interval '1 minute',
                                       interval '1 minute') g (minute)
    left join homeostasis.issue_counts c
      on c.service_id = usual_rate.service_id and c.issue_id = usual_rate.issue_id
        and c.minute = g.minute and c.minutes = 1
    group by g.minute
  ), middle as (
    select percentile_cont(0.5) within group (order by h.n) as median from history h
  ), spread as (
    select m.median, percentile_cont(0.5) within group (order by abs(h.n - m.median)) as distance
    from history h cross join middle m group by m.median
  )
  select round(s.median::numeric, 1),
         round(greatest(homeostasis.setting('spike_min_rate')::float8,
           s.median + homeostasis.setting('spike_deviations')::float8
             * greatest(1.4826 * s.distance, sqrt(s.median)))::numeric, 1)
  from spread s
$$;

comment on function homeostasis.usual_rate(bigint, bigint) is
  'The median of an issue''s errors a minute before the last minutes, and the rate from which on it is a spike';

create function homeostasis.tell_spike(kind text, spike homeostasis.spikes) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  -- Cut, so that a payload fits the 8000 bytes that there are, whatever
  -- escapes the texts need.
  select pg_notify('homeostasis', jsonb_build_object('kind', tell_spike.kind,
    'service', left(s.name, 200), 'issue', i.id, 'title', left(i.title, 200), 'level', i.level,
    'rate', case tell_spike.kind when 'spike' then spike.rate else spike.peak_rate end,
    'usual_rate', spike.usual_rate, 'new', spike.is_new, 'since', spike.began_at,
    'until', spike.ended_at, 'reason', spike.end_reason)::text)
  from homeostasis.issues i join homeostasis.services s on s.id = i.service_id
  where i.service_id = spike.service_id and i.id = spike.issue_id
$$;

comment on function homeostasis.tell_spike(text, homeostasis.spikes) is
  'Tells those who listen on channel homeostasis about the begin (spike) or end (spike end) of a spike, when the transaction commits';

create function homeostasis.begin_spikes() returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
set work_mem = '32MB'
as $$
declare
  min_rate constant bigint := homeostasis.setting('spike_min_rate');
  seen record;
  spike homeostasis.spikes;
  begun integer := 0;
begin
  for seen in
    select r.service_id, r.issue_id, r.rate, i.first_seen
    from homeostasis.rates_of_late(min_rate) r
    join homeostasis.issues i on i.service_id = r.service_id and i.id = r.issue_id
    where i.status <> 'muted'
      and not exists (select from homeostasis.spikes o
                      where o.service_id = r.service_id and o.issue_id = r.issue_id
                        and o.ended_at is null)
    order by r.rate desc, r.issue_id limit 1000
  loop
    insert into homeostasis.spikes (service_id, issue_id, began_at, is_new, rate, peak_rate,
                                    usual_rate, bar)
      select seen.service_id, seen.issue_id,
             (select min(m.minute)
              from (select c.minute from homeostasis.issue_counts c
                    where c.service_id = seen.service_id and c.issue_id = seen.issue_id
                      and c.minute >= date_trunc('minute', now()) - homeostasis.spike_window()
                      and c.minute <= now()
                    group by c.minute having sum(c.error_count) >= u.bar) m),
             seen.first_seen >= date_trunc('minute', now()) - homeostasis.spike_window(),
             seen.rate, seen.rate, u.usual, u.bar
      from homeostasis.usual_rate(seen.service_id, seen.issue_id) u
      where seen.rate >= u.bar
      on conflict do nothing
      returning * into spike;
    if spike.id is not null then
      perform homeostasis.tell_spike('spike', spike);
      begun := begun + 1;
      exit when begun = 100;
    end if;
  end loop;
  return begun;
end
$$;

comment on function homeostasis.begin_spikes() is
  'Notes and tells new spikes of issues that are not muted, at most a hundred; returns how many';

create function homeostasis.end_spikes() returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  spike homeostasis.spikes;
  state record;
  ended integer := 0;
begin
  for spike in
    select s.* from homeostasis.spikes s where s.ended_at is null
    order by s.service_id, s.id for update skip locked
  loop
    select i.status as issue_status, u.bar,
           coalesce((select max(m.n)
                     from (select sum(c.error_count) as n from homeostasis.issue_counts c
                           where c.service_id = spike.service_id and c.issue_id = spike.issue_id
                             and c.minute >= date_trunc('minute', now()) - homeostasis.spike_window()
                             and c.minute <= now()
                           group by c.minute) m), 0)::bigint as rate
      into state
      from homeostasis.usual_rate(spike.service_id, spike.issue_id) u
      left join homeostasis.issues i
        on i.service_id = spike.service_id and i.id = spike.issue_id;
    spike.end_reason := case
      when state.issue_status is null then 'the issue is gone'
      when state.issue_status = 'muted' then 'the issue was muted'
      -- Half of it, so that what goes up and down around it is one spike.
      when state.rate < spike.bar / 2 then 'the rate fell'
      when state.bar > spike.bar and state.rate < state.bar
        then 'the rate has become the usual one' end;
    if spike.end_reason is null then
      update homeostasis.spikes s set peak_rate = state.rate
        where s.service_id = spike.service_id and s.id = spike.id and s.peak_rate < state.rate;
      continue;
    end if;
    update homeostasis.spikes s set ended_at = now(), end_reason = spike.end_reason
      where s.service_id = spike.service_id and s.id = spike.id
      returning * into spike;
    if state.issue_status <> 'muted' then
      perform homeostasis.tell_spike('spike end', spike);
    end if;
    ended := ended + 1;
  end loop;
  return ended;
end
$$;

comment on function homeostasis.end_spikes() is
  'Notes the peaks of spikes that go on; notes and tells those that are over, and returns how many';

create function homeostasis.watch_rates_candidates()
returns table (service_id bigint, object_id bigint)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
    select 0::bigint, 0::bigint
    where not exists (select from homeostasis.spike_watch w
                      where w.looked_at > now() - interval '10 seconds')
      and (exists (select from homeostasis.spikes s where s.ended_at is null)
           or exists (select from homeostasis.issue_counts c
                      where c.minutes = 1
                        and c.minute >= date_trunc('minute', now()) - homeostasis.spike_window()));
end
$$;

comment on function homeostasis.watch_rates_candidates() is
  'Whether it is time to look for spikes, and there may be one';

create function homeostasis.watch_rates(service_id bigint, object_id bigint) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  -- One at a time; the other one does the work.
  if not exists (select from homeostasis.spike_watch w for update skip locked) then
    return false;
  end if;
  update homeostasis.spike_watch w set looked_at = now();
  perform homeostasis.end_spikes();
  if homeostasis.setting('spike_min_rate')::bigint > 0 then
    perform homeostasis.begin_spikes();
  end if;
  -- Nothing that is being healed was moved.
  return false;
end
$$;

comment on function homeostasis.watch_rates(bigint, bigint) is
  'Looks which issues have a spike, and which have none any more; returns false, as a step that moves nothing';

create function homeostasis.spike_words(service_id bigint, issue_id bigint) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select format('since %s: up to %s errors a minute, usually %s', to_char(s.began_at, 'HH24:MI'),
                s.peak_rate, trim_scale(s.usual_rate))
  from homeostasis.spikes s
  where s.service_id = spike_words.service_id and s.issue_id = spike_words.issue_id
    and s.ended_at is null
$$;

comment on function homeostasis.spike_words(bigint, bigint) is
  'The spike that an issue has now, in words; null: none';
grant execute on function homeostasis.spike_words(bigint, bigint) to homeostasis_reader;

create function homeostasis.counted_words(issue homeostasis.issues) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select format('%s of %s were only counted since %s, the last at %s: %s', issue.counted_only,
                issue.error_count, to_char(issue.counted_since, 'YYYY-MM-DD HH24:MI'),
                to_char(issue.counted_until, 'YYYY-MM-DD HH24:MI'),
                case issue.counted_by
                  when 'issue' then 'beyond homeostasis.payloads_per_issue_per_minute'
                  else 'beyond the quota of the service' end)
  where issue.counted_only > 0
$$;

comment on function homeostasis.counted_words(homeostasis.issues) is
  'How much of an issue was counted without being stored whole, and why, in words; null: nothing';
grant execute on function homeostasis.counted_words(homeostasis.issues) to homeostasis_reader;
