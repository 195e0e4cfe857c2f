-- counts.sql: minutes of issue_counts become hours, and hours days.
--
-- Until their hour may be counted as one, ten minutes are, because whoever asks
-- for the commonest issues of today waits until all of these are summed up.
--
-- A row says itself how many minutes it counts.  Hours and days are those of
-- UTC, so each row lies within one of the next size, whatever the zone of the
-- session.  An error that comes late is counted in its minute again, which
-- the next call adds to the hour or day.

create function homeostasis.minutes_before(wider integer) returns timestamptz
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select date_bin(wider * interval '1 minute', now() - greatest(
      make_interval(hours => coalesce(current_setting('homeostasis.minute_counts_hours', true)::integer, 1)),
      coalesce(current_setting('homeostasis.spike_history', true), '1h')::interval
        + homeostasis.spike_window() + interval '1 minute'),
    timestamptz '2000-01-01 00:00+00')
$$;

comment on function homeostasis.minutes_before(integer) is
  'Before which time all may be counted as so many minutes, 10, 60 or 1440: what homeostasis.minute_counts_hours says, and the usual rates of issues need';

create function homeostasis.roll_counts(wider integer, before timestamptz, most integer)
returns bigint
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  rolled bigint;
begin
  -- merge() and split() move counts meanwhile, or afterwards; those who count
  -- go on.
  lock table homeostasis.issue_fingerprints in row exclusive mode;
  with old as materialized (
    select c.ctid as place from homeostasis.issue_counts c
    where c.minute < before and c.minutes < wider
    order by c.service_id, c.issue_id, c.minute, c.release limit most
    for update skip locked
  ), gone as (
    delete from homeostasis.issue_counts c
    where c.ctid = any (array(select o.place from old o))
    returning c.service_id, c.issue_id, c.minute, c.release, c.error_count
  ), added as (
    insert into homeostasis.issue_counts as c
        (service_id, issue_id, minute, release, error_count, minutes)
      select g.service_id, g.issue_id,
             date_bin(wider * interval '1 minute', g.minute, timestamptz '2000-01-01 00:00+00') as start,
             g.release, sum(g.error_count), wider
      from gone g
      group by g.service_id, g.issue_id, start, g.release
      order by g.service_id, g.issue_id, start, g.release
      on conflict (service_id, issue_id, minute, release) do update
        set error_count = c.error_count + excluded.error_count,
            minutes = greatest(c.minutes, excluded.minutes)
  )
  select count(*) into rolled from gone;
  return rolled;
exception when lock_not_available or deadlock_detected then
  return 0;
end
$$;

comment on function homeostasis.roll_counts(integer, timestamptz, integer) is
  'Adds counts from before a time to those of so many minutes, 10, 60 or 1440; returns how many rows it took. Sums stay exact';

create function homeostasis.roll_minutes() returns bigint
language sql volatile
set search_path = pg_catalog, pg_temp
set lock_timeout = '500ms'
as $$
  select sum(homeostasis.roll_counts(wider, homeostasis.minutes_before(wider), homeostasis.most_at_once()))::bigint
  from unnest(array[60, 10]) wider
$$;

comment on function homeostasis.roll_minutes() is
  'Counts minutes that are old enough as hours, or as ten minutes, at most so many of either as maintain() does; returns how many rows';

create function homeostasis.fold_counts(service_id bigint, issue_id bigint) returns bigint
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  folded bigint;
begin
  with within as materialized (
    select distinct on (c.minute, c.release) c.minute, c.release, c.error_count,
           w.minute as start
    from homeostasis.issue_counts c
    join homeostasis.issue_counts w
      on w.service_id = c.service_id and w.issue_id = c.issue_id and w.release = c.release
      and w.minutes > c.minutes and w.minute <= c.minute
      and c.minute < w.minute + w.minutes * interval '1 minute'
    where c.service_id = fold_counts.service_id and c.issue_id = fold_counts.issue_id
      and w.minutes > 1
    order by c.minute, c.release, w.minutes desc
  ), gone as (
    delete from homeostasis.issue_counts c using within i
    where c.service_id = fold_counts.service_id and c.issue_id = fold_counts.issue_id
      and c.minute = i.minute and c.release = i.release
  ), added as (
    update homeostasis.issue_counts c set error_count = c.error_count + i.n
    from (select start, release, sum(error_count) as n from within group by 1, 2) i
    where c.service_id = fold_counts.service_id and c.issue_id = fold_counts.issue_id
      and c.minute = i.start and c.release = i.release
  )
  select count(*) into folded from within;
  return folded;
end
$$;

comment on function homeostasis.fold_counts(bigint, bigint) is
  'Adds the counts of an issue that lie within an hour or day that is counted as one to that; returns how many. Only after lock_grouping()';
