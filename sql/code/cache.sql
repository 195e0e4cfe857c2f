-- cache.sql: what is known already of the rules and of events.

create function homeostasis.cache_counters()
returns table (cache text, level text, hits bigint, misses bigint, evictions bigint,
  not_kept bigint, entries bigint, bytes bigint, max_entries bigint, max_bytes bigint)
language c
as 'MODULE_PATHNAME', 'homeo_cache_counters';

create view homeostasis.stat_cache as
  select * from homeostasis.cache_counters();

create function homeostasis.warm_match(event jsonb) returns boolean
language c strict
set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'homeo_warm_match';

create function homeostasis.commonest_issues(most integer, beyond integer) returns setof homeostasis.issues
language sql stable rows 100
set search_path = pg_catalog, pg_temp
as $$
  select i.*
  from (
    select c.service_id, c.issue_id, sum(c.error_count) as errors
    from homeostasis.issue_counts c
    where c.minutes in (1, 10, 60) and c.minute >= now() - interval '1 day'
    group by c.service_id, c.issue_id
    order by errors desc
    limit most offset beyond) c
  join homeostasis.issues i on i.service_id = c.service_id and i.id = c.issue_id
  order by c.errors desc
$$;

create function homeostasis.warm_caches(most integer default 1000,
  most_milliseconds integer default null, beyond integer default 0)
returns table (what text, entries bigint)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  until constant timestamptz := clock_timestamp() + most_milliseconds * interval '1 ms';
  issue homeostasis.issues;
  event jsonb;
  seen bigint := 0;
begin
  if most is null or most < 0 or beyond is null or beyond < 0 then
    raise exception 'most and beyond must be 0 or more'
      using errcode = 'HO007',
            hint = 'They say of how many issues the latest error is matched, and how many are left out before these.';
  end if;
  -- One at least, however slow the machine is, so that calls come to an end.
  for issue in select * from homeostasis.commonest_issues(most, beyond) loop
    event := homeostasis.event_of(issue.service_id, issue.sample_event_id, issue.sample_timestamp);
    if event is not null then
      perform homeostasis.warm_match(event);
    end if;
    seen := seen + 1;
    exit when clock_timestamp() >= until;
  end loop;
  return query select 'issues', seen;
  return query select s.cache || ', ' || s.level, s.entries from homeostasis.stat_cache s;
end
$$;

comment on function homeostasis.cache_counters() is
  'What is counted about caches; see stat_cache';
comment on view homeostasis.stat_cache is
  'How well the caches of the rule engine do, in all processes of the server and since it started: what the rules said of events (match) and compiled patterns (patterns), in each process (local) and shared by all';
comment on column homeostasis.stat_cache.cache is
  'match: what the rules said of an event; patterns: patterns compiled by PCRE2';
comment on column homeostasis.stat_cache.level is
  'local: each process has one, and what is there now is summed up; shared: all have it together, and what the local one lacks is looked for there';
comment on column homeostasis.stat_cache.hits is 'Times that what was wanted was there';
comment on column homeostasis.stat_cache.misses is 'Times that it was not';
comment on column homeostasis.stat_cache.evictions is 'Entries that made room for others';
comment on column homeostasis.stat_cache.not_kept is
  'Entries that were too long to be kept, or were written by another process at that moment';
comment on column homeostasis.stat_cache.entries is
  'Entries that are there now; those of rules that have changed are never asked for, and make room';
comment on column homeostasis.stat_cache.bytes is 'Memory that they take';
comment on column homeostasis.stat_cache.max_entries is
  'How many there may be, of a local cache in each process; null: the cache is switched off';
comment on column homeostasis.stat_cache.max_bytes is
  'Memory that the cache takes when it is full, of a local cache in each process; null: no limit but that on entries';
comment on function homeostasis.warm_match(jsonb) is
  'Matches an event even if it is known what the rules say of it, so that the caches have that and the patterns; true if a rule matches. Counts nothing in stat_rules';
comment on function homeostasis.commonest_issues(integer, integer) is
  'So many of the issues that occurred most often within a day, the commonest first, beyond so many that are left out';
comment on function homeostasis.warm_caches(integer, integer, integer) is
  'Matches the latest error of the commonest issues, so that what the rules say of them is in the shared cache, and the patterns are compiled in this session; stops after so many issues or milliseconds, and leaves out so many at the beginning. Returns how many issues that were, and how many entries stat_cache has then. Ingest workers do it when they first have nothing to store; pg_cron may';

grant execute on function homeostasis.cache_counters() to homeostasis_reader;
grant execute on function homeostasis.warm_caches(integer, integer, integer) to homeostasis_operator;
