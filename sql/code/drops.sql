-- drops.sql: events that were dropped on their way in become an issue of the
-- extension's own service, homeostasis.
--
-- They are counted in shared memory, because what drops them cannot write (see
-- src/intake/drops.c).  A step of advance_states() stores what was added since
-- the last time, and how much that is, in one transaction: exactly once, as
-- long as the server is up.

create function homeostasis.drop_stat(
  out place integer,
  out cause text,
  out of_database boolean,
  out database oid,
  out service text,
  out others boolean,
  out level text,
  out epoch bigint,
  out dropped bigint,
  out first_at timestamptz,
  out last_at timestamptz)
returns setof record
language c volatile parallel restricted
set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'homeo_drop_stat';

comment on function homeostasis.drop_stat() is
  'What is counted of dropped events, by its place in shared memory; see stat_drops';
grant execute on function homeostasis.drop_stat() to homeostasis_reader;

create function homeostasis.drops()
returns table (service text, level text, cause text, dropped bigint, stored bigint,
  first_at timestamptz, last_at timestamptz, epoch bigint, place integer)
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  select case when d.others and d.level is null then '(unknown)'
              when d.others then '(others)'
              when not d.of_database then coalesce(d.service, 'default')
              else coalesce(s.name, 'database/' || coalesce(b.datname, d.database::text)) end,
         d.level, d.cause, d.dropped, coalesce(p.stored, 0), d.first_at, d.last_at, d.epoch, d.place
  from homeostasis.drop_stat() d
  left join pg_database b
    on d.of_database and case when d.database is null then b.datname = current_database()
                              else b.oid = d.database end
  left join homeostasis.services s on s.kind = 'database' and s.database_name = b.datname
  left join homeostasis.drop_positions p on p.epoch = d.epoch and p.place = d.place
$$;

comment on function homeostasis.drops() is
  'What is counted of dropped events, with the names of their services and how many are stored';
grant execute on function homeostasis.drops() to homeostasis_reader;

create view homeostasis.stat_drops as
select d.service, d.level, d.cause, sum(d.dropped)::bigint as dropped,
       sum(d.stored)::bigint as stored, min(d.first_at) as first_at, max(d.last_at) as last_at
from homeostasis.drops() d
group by d.service, d.level, d.cause
order by 4 desc;

comment on view homeostasis.stat_drops is
  'Events that were dropped on their way in, since the server started. Each is also counted by an issue of service homeostasis';
comment on column homeostasis.stat_drops.service is
  'Whose events; (others) of services that there was no place to count apart, (unknown) of what was lost in the journal';
comment on column homeostasis.stat_drops.level is 'Null: not known';
comment on column homeostasis.stat_drops.cause is
  'ring full, journal full: there was no room, and capturing or overflow_policy = drop does not wait; timeout: report() waited for homeostasis.overflow_timeout and raised an error; journal failed: it could not be written; too large; nested: raised while another error was captured; corrupt: lost in a damaged journal';
comment on column homeostasis.stat_drops.dropped is 'How many';
comment on column homeostasis.stat_drops.stored is 'How many of them are counted by an issue already';
comment on column homeostasis.stat_drops.first_at is 'When the first one was dropped';
comment on column homeostasis.stat_drops.last_at is 'When the last one was dropped';

create function homeostasis.drop_event(cause text, service text, level text, dropped bigint)
returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object(
    'service', 'homeostasis', 'language', 'sql', 'sqlstate', 'HO106',
    'error_type', 'events_dropped', 'level', case cause when 'timeout' then 'warning' else 'error' end,
    'error_message', format('events of %s are %s: %s',
      case service when '(unknown)' then 'unknown services' when '(others)' then 'other services'
        else 'service ' || service end,
      case cause when 'timeout' then 'refused' when 'corrupt' then 'lost' else 'dropped' end,
      case cause
        when 'ring full' then 'the ring is full'
        when 'journal full' then 'the journal is full'
        when 'journal failed' then 'the journal cannot be written'
        when 'timeout' then 'there was no room within homeostasis.overflow_timeout'
        when 'too large' then 'they are too large'
        when 'nested' then 'another error was being captured'
        when 'corrupt' then 'the journal is damaged' end),
    'hint', case
      when cause in ('ring full', 'timeout', 'nested')
        then 'See homeostasis.health() for whether events are being stored; report less at a time, or raise homeostasis.ring_size or journal_limit.'
      when cause = 'journal full'
        then 'See homeostasis.health() for whether events are being stored; raise homeostasis.journal_limit.'
      when cause in ('journal failed', 'corrupt') then 'The server''s log says why; see to its disk.'
      when cause = 'too large' then 'Report less of each; raise homeostasis.ring_size.' end,
    -- The place of the problem, which tells the services apart.
    'constraint_name', left(service, 60),
    'metadata', jsonb_build_object('service', service, 'cause', cause, 'level', level,
      'dropped', dropped))
$$;

comment on function homeostasis.drop_event(text, text, text, bigint) is
  'So many dropped events of a service as one event';

create function homeostasis.store_drops_candidates()
returns table (service_id bigint, object_id bigint)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  -- Not more often: they may be dropped without end.
  return query
    select 0::bigint, 0::bigint
    from homeostasis.drop_stat() d
    left join homeostasis.drop_positions p on p.epoch = d.epoch and p.place = d.place
    where d.dropped > coalesce(p.stored, 0)
      and coalesce(p.stored_at, '-infinity') <= now() - interval '10 seconds'
    limit 1;
end
$$;

comment on function homeostasis.store_drops_candidates() is
  'Whether events were dropped that no issue counts yet, and whose like were not stored in the ten seconds before';

create function homeostasis.store_drops(service_id bigint, object_id bigint) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '500ms'
as $$
declare
  d record;
  news integer;
begin
  begin
    lock table homeostasis.drop_positions in share row exclusive mode nowait;
  exception when lock_not_available then
    -- Somebody else stores them.
    return false;
  end;
  for d in
    select * from homeostasis.drops() o where o.dropped > o.stored order by o.place
  loop
    news := least(d.dropped - d.stored, 2147483647);
    perform homeostasis.ingest_own(
      homeostasis.drop_event(d.cause, d.service, d.level, news), news);
    insert into homeostasis.drop_positions as p (epoch, place, stored)
      values (d.epoch, d.place, d.stored + news)
      on conflict on constraint drop_positions_pkey do update
        set stored = excluded.stored, stored_at = now();
  end loop;
  delete from homeostasis.drop_positions p
    where p.epoch <> (select t.epoch from homeostasis.drop_stat() t limit 1);
  -- Nothing that is being healed was moved.
  return false;
end
$$;

comment on function homeostasis.store_drops(bigint, bigint) is
  'Stores what was dropped and is not counted by an issue yet; returns false, as a step that moves nothing';
