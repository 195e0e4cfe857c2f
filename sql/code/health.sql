-- health.sql: is it well, and what to do if not.
--
-- Each check_*() returns rows of (name, status, detail, hint); health() puts
-- them together.  They run as homeostasis_owner, who sees all activity.

create function homeostasis.check_installation()
returns table ("check" text, status text, detail text, hint text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'home database',
         case when current_database() = homeostasis.setting('database') then 'ok' else 'warning' end,
         format('the workers serve database "%s"', homeostasis.setting('database')),
         case when current_database() <> homeostasis.setting('database')
           then format('Set homeostasis.database to %s and restart, or work in that database.',
                       current_database()) end
  union all
  select 'version',
         case when e.extversion = a.default_version then 'ok' else 'warning' end,
         format('the extension is version %s, the installed files %s', e.extversion, a.default_version),
         case when e.extversion <> a.default_version
           then 'Run: alter extension homeostasis update;' end
  from pg_extension e join pg_available_extensions a on a.name = e.extname
  where e.extname = 'homeostasis'
$$;

comment on function homeostasis.check_installation() is
  'health(): the database and the version';

create function homeostasis.check_workers()
returns table ("check" text, status text, detail text, hint text)
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  select w.kind || ' worker',
         case when s.state is null then 'warning'
              when s.state in ('starting', 'idle', 'working') then 'ok'
              else 'warning' end,
         coalesce(s.state || coalesce('; last error: ' || s.last_error, ''), 'it does not run'),
         case when homeostasis.setting('workers') = 'off'
                then 'homeostasis.workers is off: switch it on, or schedule homeostasis.advance().'
              when s.state is null
                then 'See the server''s log; max_worker_processes may be used up.'
              when s.state = 'waiting for extension'
                then 'It looks for it once a second: ask again.' end
  from (values ('launcher'), ('ingest'), ('healer')) w (kind)
  left join lateral (
    select s.state, s.last_error from homeostasis.stat_workers s where s.kind = w.kind
    order by s.number limit 1) s on true
$$;

comment on function homeostasis.check_workers() is 'health(): whether each worker runs';

create function homeostasis.check_intake()
returns table ("check" text, status text, detail text, hint text)
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  select 'capture',
         case when homeostasis.setting('capture') = 'on' then 'ok' else 'warning' end,
         'errors of the server are '
           || case when homeostasis.setting('capture') = 'on' then 'captured' else 'not captured' end,
         case when homeostasis.setting('capture') <> 'on' then 'Set homeostasis.capture to on.' end
  union all
  select 'ring',
         case when i.dropped_full > 0 or i.used_bytes - i.journal_bytes > 0.5 * i.ring_bytes then 'warning' else 'ok' end,
         format('%s of %s used, %s events dropped since the server started',
                pg_size_pretty(i.used_bytes - i.journal_bytes), pg_size_pretty(i.ring_bytes), i.dropped_full),
         case when i.dropped_full > 0 or i.used_bytes - i.journal_bytes > 0.5 * i.ring_bytes
           then 'Errors come faster than they are stored: raise homeostasis.ring_size, or exclude some from capture.' end
  from homeostasis.stat_intake i
  union all
  select 'backlog',
         case when i.lag > interval '10 seconds' then 'warning' else 'ok' end,
         format('the tables are %s behind', date_trunc('second', i.lag)),
         case when i.lag > interval '10 seconds'
           then 'The ingest worker is not keeping up or waits for a lock: see homeostasis.stat_workers and pg_stat_activity.' end
  from homeostasis.stat_intake i
  union all
  select 'rejected events',
         case when count(*) > 0 then 'warning' else 'ok' end,
         format('%s within the last hour', count(*)),
         case when count(*) > 0
           then 'homeostasis.rejected_events has the field and the reason of each.' end
  from homeostasis.rejected_events r where r.received_at > now() - interval '1 hour'
  union all
  select 'partitions',
         case when p.ahead then 'ok' else 'warning' end,
         case when p.ahead then 'there is one for tomorrow' else 'there is none for tomorrow' end,
         case when not p.ahead then 'Run: select * from homeostasis.maintain();' end
  from (select homeostasis.partition_of((now() at time zone 'UTC')::date + 1)
               is not null as ahead) p
$$;

comment on function homeostasis.check_intake() is
  'health(): the way of an error into the tables';

create function homeostasis.check_healing()
returns table ("check" text, status text, detail text, hint text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'mode', 'ok', format('"%s" unless a service has its own', homeostasis.setting('mode')), null
  union all
  select 'approvals',
         case when min(p.updated_at) < now() - interval '1 day' then 'warning' else 'ok' end,
         format('%s patches wait for a person', count(*))
           || coalesce(', the oldest since ' || to_char(min(p.updated_at), 'YYYY-MM-DD HH24:MI'), ''),
         case when count(*) > 0 then 'They are in homeostasis.pending_approvals.' end
  from homeostasis.patches p where p.status = 'validated'
  union all
  select 'jobs',
         case when min(j.run_after) < now() - interval '1 minute' then 'warning' else 'ok' end,
         format('%s wait to be run', count(*)),
         case when min(j.run_after) < now() - interval '1 minute'
           then 'Nobody runs them: see the healer worker, or call homeostasis.advance().' end
  from homeostasis.jobs j where j.status = 'pending'
  union all
  select 'moves',
         case when count(*) > 0 then 'warning' else 'ok' end,
         coalesce(string_agg(format('%s of object %s fails: %s', f.step, f.object_id, f.error), '; '
                             order by f.failed_at), 'none fails'),
         case when count(*) > 0
           then 'They are tried again: homeostasis.advance_failures says when.' end
  from homeostasis.advance_failures f
  union all
  select 'failed patches',
         case when count(*) > 0 then 'warning' else 'ok' end,
         format('%s within the last day', count(*)),
         case when count(*) > 0
           then 'A change or its undo could not be made: see homeostasis.healing_history.' end
  from homeostasis.patches p where p.status = 'failed' and p.updated_at > now() - interval '1 day'
$$;

create function homeostasis.check_rules()
returns table ("check" text, status text, detail text, hint text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'rules',
         case when count(*) > 0 then 'warning' else 'ok' end,
         coalesce(string_agg(format('%s was disabled: %s', r.id, r.disabled_reason), '; '
                             order by r.id), 'none had to be disabled'),
         case when count(*) > 0
           then 'Mend their patterns and set enabled again: homeostasis.stat_rules counts what they cost.' end
  from homeostasis.rules r where not r.enabled and r.disabled_reason is not null
  union all
  select 'compiled rules',
         case when s.generation is null or s.problem is not null then 'warning' else 'ok' end,
         coalesce(s.problem,
                  case when s.generation is not null then format('%s rules are shared, %s', s.rules, pg_size_pretty(s.bytes)) end,
                  'no rules are shared; each process makes its own, in a tenth of a second for 2,000 rules'),
         case when s.generation is null
                then 'They are a second after the server''s start or a change. If they never are: '
                       'see the server''s log, and the compiler in homeostasis.stat_workers.'
              when s.problem is not null
                then 'Rules match as well, but slower with thousands of them.' end
  from (select) one
  left join homeostasis.stat_ruleset s on true
$$;

comment on function homeostasis.check_rules() is 'health(): rules that cost too much, and whether they are compiled';

comment on function homeostasis.check_healing() is
  'health(): what waits, and what fails';

create function homeostasis.health()
returns table ("check" text, status text, detail text, hint text)
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  select * from homeostasis.check_installation() union all
  select * from homeostasis.check_workers() union all
  select * from homeostasis.check_intake() union all
  select * from homeostasis.check_rules() union all
  select * from homeostasis.check_healing()
$$;

comment on function homeostasis.health() is
  'One row a check: ok or warning, what was seen, and what to do';
grant execute on function homeostasis.health() to homeostasis_reader;
