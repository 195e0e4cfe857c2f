-- analyze.sql: what is stored, analysed again when the rules have changed.
--
-- analyze() makes a list of issues, and shares of it; analyze_step() takes a
-- few issues of one share, matches the latest error of each with the rules as
-- they are now, and writes down what they say if that is something else.
-- Workers call it again and again, the healer does where there are none, and
-- so may anybody.
--
-- Nobody waits for it.  Matching holds no lock but that of the share; what has
-- changed is written at the end, with each issue locked just so that it does
-- not go meanwhile, which neither writers of events nor the healer mind.

create function homeostasis.analysis_run_successors(status text) returns text[]
language sql immutable
set search_path = pg_catalog, pg_temp
return case status when 'running' then array['done', 'cancelled'] else array[]::text[] end;

comment on function homeostasis.analysis_run_successors(text) is
  'The states that may follow a state of an analysis run';

create trigger check_transition before update of status on homeostasis.analysis_runs
  for each row when (old.status is distinct from new.status)
  execute function homeostasis.check_transition('analysis_run');

create function homeostasis.analysis_share_size() returns integer
language sql immutable
set search_path = pg_catalog, pg_temp
return 1000;

comment on function homeostasis.analysis_share_size() is
  'How many issues a share of an analysis run has at most: enough for its rules to stay compiled, so few that shares can be distributed evenly';

create function homeostasis.wake_healer() returns void
language c strict volatile
set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'homeo_wake_healer';

comment on function homeostasis.wake_healer() is
  'Has the healer look for work when this transaction commits';

create function homeostasis.make_shares(run homeostasis.analysis_runs) returns bigint
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  made bigint;
begin
  insert into homeostasis.analysis_shares (run_id, number, language, service_ids, issue_ids,
                                           issues_total)
    select run.id, row_number() over (order by p.of_language desc, p.language, p.part), p.language,
           p.service_ids, p.issue_ids, cardinality(p.issue_ids)
    from (select l.language, l.part, max(l.of_language) as of_language,
                 array_agg(l.service_id order by l.service_id, l.id) as service_ids,
                 array_agg(l.id order by l.service_id, l.id) as issue_ids
          from (select i.language, i.service_id, i.id,
                       (row_number() over by_key - 1) / homeostasis.analysis_share_size() as part,
                       count(*) over (partition by i.language) as of_language
                from homeostasis.issues i
                where run.since is null or i.last_seen >= run.since
                window by_key as (partition by i.language order by i.service_id, i.id)) l
          group by l.language, l.part) p;
  get diagnostics made = row_count;
  return made;
end
$$;

comment on function homeostasis.make_shares(homeostasis.analysis_runs) is
  'Lists the issues of an analysis run, in shares of one language each; returns how many shares';

create function homeostasis.finish_analysis(run_id bigint) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  update homeostasis.analysis_runs r
    set status = 'done', finished_at = clock_timestamp()
    where r.id = finish_analysis.run_id and r.status = 'running'
      and not exists (select from homeostasis.analysis_shares s
                      where s.run_id = r.id and s.issues_done < s.issues_total)
$$;

comment on function homeostasis.finish_analysis(bigint) is
  'Calls an analysis run done if all its issues have been looked at';

-- Begin and end -------------------------------------------------------------

create function homeostasis.analyze(since timestamptz default null) returns bigint
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  run homeostasis.analysis_runs;
begin
  -- Again, if the other one ends just then.
  loop
    insert into homeostasis.analysis_runs (since, requested_by)
      values ("analyze".since, homeostasis.actor())
      on conflict do nothing
      returning * into run;
    exit when found;
    select r.* into run from homeostasis.analysis_runs r where r.status = 'running';
    if found then
      raise notice 'analysis run % is under way already, of %', run.id,
          coalesce('issues that occurred since ' || run.since, 'all issues')
        using hint = format('Wait for it, or end it: select homeostasis.cancel_analysis(%s);', run.id);
      return run.id;
    end if;
  end loop;
  perform homeostasis.make_shares(run);
  perform homeostasis.finish_analysis(run.id);
  perform homeostasis.wake_healer();
  perform homeostasis.audit_append('running', 'analysis run', null, run.id::text,
    jsonb_build_object('since', run.since));
  return run.id;
end
$$;

create function homeostasis.analyze(since interval) returns bigint
language sql security definer
set search_path = pg_catalog, pg_temp
as $$
  select homeostasis.analyze(now() - "analyze".since)
$$;

-- A word without a type would fit both of the others.
create function homeostasis.analyze(since text) returns bigint
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  at timestamptz;
begin
  begin
    at := now() - since::interval;
  exception when invalid_datetime_format or datetime_field_overflow or interval_field_overflow then
    begin
      at := since::timestamptz;
    exception when invalid_datetime_format or datetime_field_overflow then
      raise exception 'since is neither a length of time nor a time: "%"', since
        using errcode = 'HO007', hint = 'Write for instance ''7 days'' or ''2026-03-01 12:00''.';
    end;
  end;
  return homeostasis.analyze(at);
end
$$;

create function homeostasis.cancel_analysis(run_id bigint) returns boolean
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  run homeostasis.analysis_runs;
begin
  select r.* into run from homeostasis.analysis_runs r
    where r.id = cancel_analysis.run_id for no key update;
  if not found then
    raise exception 'there is no analysis run %', run_id
      using errcode = 'HO005', hint = 'They are in homeostasis.progress_analysis.';
  end if;
  if run.status <> 'running' then
    return false;
  end if;
  update homeostasis.analysis_runs r set status = 'cancelled', finished_at = clock_timestamp()
    where r.id = run.id;
  perform homeostasis.audit_append('cancelled', 'analysis run', null, run.id::text, '{}');
  return true;
end
$$;

comment on function homeostasis.analyze(timestamptz) is
  'Analyses all issues, or those that occurred since a time, with the rules as they are now, in the background; returns the number of the run, or of the one that is under way. See progress_analysis';
comment on function homeostasis.analyze(interval) is
  'The same for issues that occurred within so long, such as interval ''7 days''';
comment on function homeostasis.analyze(text) is
  'The same for a length of time or a time that is written without a type: ''7 days'', ''2026-03-01''';
comment on function homeostasis.cancel_analysis(bigint) is
  'Ends an analysis run before it is through. What it has found stays, and steps that are just being written still come. False: it had ended already';

-- One issue -----------------------------------------------------------------

create function homeostasis.is_beyond_diagnosis(issue homeostasis.issues) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select issue.status in ('healing', 'healed')
    or exists (select from homeostasis.patches p
               where p.service_id = issue.service_id and p.issue_id = issue.id
                 and homeostasis.is_active_patch(p.status))
    or coalesce((select a.source = 'person' from homeostasis.analysis a
                 where a.service_id = issue.service_id and a.issue_id = issue.id
                 order by a.created_at desc, a.id desc limit 1), false)
$$;

comment on function homeostasis.is_beyond_diagnosis(homeostasis.issues) is
  'Whether an issue keeps its diagnosis whatever rules say now: a patch works on it or has healed it, or the last diagnosis is a person''s';

-- A claim ends with its session; it keeps others away, and no lock does.
create function homeostasis.next_share(run_id bigint) returns homeostasis.analysis_shares
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  with session as materialized (
    select a.pid, a.backend_start, a.pid = pg_backend_pid() as is_me
    from pg_stat_activity a
  ), claimed as materialized (
    select s.number, s.language, s.claimed_at, c.is_me, s.issues_done < s.issues_total as is_open
    from homeostasis.analysis_shares s
    join session c on c.pid = s.claimed_pid and c.backend_start = s.claimed_start
    where s.run_id = next_share.run_id
  )
  select s
  from homeostasis.analysis_shares s
  where s.run_id = next_share.run_id and s.issues_done < s.issues_total
    and not exists (select from claimed c where c.number = s.number and not c.is_me)
  order by exists (select from claimed c where c.number = s.number) desc,
           s.language = (select c.language from claimed c where c.is_me
                         order by c.claimed_at desc limit 1) desc nulls last,
           exists (select from claimed c
                   where c.language = s.language and not c.is_me and c.is_open),
           s.number
  limit 1
  for update of s skip locked
$$;

comment on function homeostasis.next_share(bigint) is
  'Locks the share that this session had, or one that no other session has, best one of the language that it had last, or of one that nobody has; or null';

-- Steps ---------------------------------------------------------------------

create function homeostasis.analyze_share(share homeostasis.analysis_shares, most integer)
returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  until constant timestamptz := clock_timestamp() + interval '500 milliseconds';
  looked integer := 0;
  not_known integer := 0;
  left_alone integer := 0;
  broken integer := 0;
  problem text;
  answers homeostasis.analysis[] := '{}';
  written integer := 0;
  seen record;
  answer homeostasis.analysis;
begin
  for seen in
    select l.id, i as issue,
           case when not homeostasis.is_beyond_diagnosis(i)
             then homeostasis.event_of(i.service_id, i.sample_event_id, i.sample_timestamp) end as event,
           homeostasis.latest_diagnosis(l.service_id, l.id) as previous
    from unnest(share.service_ids[share.issues_done + 1 : share.issues_done + most],
                share.issue_ids[share.issues_done + 1 : share.issues_done + most])
      with ordinality l (service_id, id, place)
    left join homeostasis.issues i on i.service_id = l.service_id and i.id = l.id
    order by l.place
  loop
    looked := looked + 1;
    if seen.event is null then
      left_alone := left_alone + 1;
    else
      begin
        answer := homeostasis.rule_answer(seen.issue, seen.event);
        if answer.rule_id is null then
          not_known := not_known + 1;
        elsif homeostasis.says_else(seen.previous, answer) then
          answers := answers || answer;
        end if;
      exception when others then
        -- A lock, memory or a disk is nothing that the issue is to blame for.
        if sqlstate ~ '^(40|53|55|57|58)' then
          raise;
        end if;
        broken := broken + 1;
        problem := format('issue %s: %s', seen.id, sqlerrm);
      end;
    end if;
    exit when clock_timestamp() > until;
  end loop;

  -- Without a lock: who cancels would wait for steps that follow each other
  -- without a gap.  So what is just being written may still come.
  if not exists (select from homeostasis.analysis_runs r
                 where r.id = share.run_id and r.status = 'running') then
    return 0;
  end if;
  if cardinality(answers) > 0 then
    written := homeostasis.add_diagnoses(answers);
  end if;
  update homeostasis.analysis_shares s
    set issues_done = s.issues_done + looked,
        changed = s.changed + written,
        unexplained = s.unexplained + not_known,
        skipped = s.skipped + left_alone + cardinality(answers) - written,
        failed = s.failed + broken,
        last_error = coalesce(problem, s.last_error),
        claimed_pid = pg_backend_pid(),
        claimed_start = (select a.backend_start from pg_stat_activity a
                         where a.pid = pg_backend_pid()),
        claimed_at = clock_timestamp()
    where s.run_id = share.run_id and s.number = share.number;
  return looked;
end
$$;

comment on function homeostasis.analyze_share(homeostasis.analysis_shares, integer) is
  'Analyses the next issues of a locked share, at most so many and not for much longer than half a second; returns how many it looked at, 0 when the run was cancelled';

create function homeostasis.analyze_step(run_id bigint, most integer default 100) returns integer
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  run homeostasis.analysis_runs;
  share homeostasis.analysis_shares;
begin
  if coalesce(most, 0) not between 1 and 10000 then
    raise exception 'most must be from 1 to 10000, not %', coalesce(most::text, 'null')
      using errcode = 'HO007', hint = 'It is how many issues are looked at in this call; 100 is the default.';
  end if;
  select r.* into run from homeostasis.analysis_runs r where r.id = analyze_step.run_id;
  if not found then
    raise exception 'there is no analysis run %', run_id
      using errcode = 'HO005', hint = 'They are in homeostasis.progress_analysis.';
  end if;
  if run.status <> 'running' then
    return 0;
  end if;
  share := homeostasis.next_share(run.id);
  if share.run_id is null then
    perform homeostasis.finish_analysis(run.id);
    return 0;
  end if;
  return homeostasis.analyze_share(share, most);
end
$$;

comment on function homeostasis.analyze_step(bigint, integer) is
  'Does some of an analysis run now: looks at so many issues at most and returns at how many; 0: nothing is left for this session to do. Commit after each call';

create function homeostasis.running_analysis() returns bigint
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select r.id from homeostasis.analysis_runs r where r.status = 'running'
$$;

comment on function homeostasis.running_analysis() is 'The analysis run that is under way, or null';

-- Who does it ---------------------------------------------------------------

create function homeostasis.wanted_analysts() returns integer
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  -- Two places stay free for the operators, which heal meanwhile.
  select greatest(0, least(homeostasis.setting('analyze_workers')::bigint,
      (select count(*) from homeostasis.analysis_shares s
       where s.run_id = r.id and s.issues_done < s.issues_total),
      (select current_setting('max_worker_processes')::bigint - 2
         - count(*) filter (where a.backend_type <> 'homeostasis analyst')
       from pg_stat_activity a
       where a.backend_type <> all (array['client backend', 'standalone backend', 'startup',
         'autovacuum launcher', 'autovacuum worker', 'background writer', 'checkpointer',
         'walwriter', 'walsender', 'walreceiver', 'walsummarizer', 'archiver', 'logger',
         'slotsync worker', 'io worker']))))::integer
  from (select homeostasis.running_analysis() as id) r
  where r.id is not null
$$;

comment on function homeostasis.wanted_analysts() is
  'How many workers shall work on the analysis run that is under way: homeostasis.analyze_workers, no more than there are shares, and so that two of max_worker_processes stay free for healing; null: there is none';

create function homeostasis.continue_analysis_candidates()
returns table (service_id bigint, object_id bigint)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  run constant bigint := homeostasis.running_analysis();
begin
  if run is not null
    and not exists (select from pg_stat_activity a
                    where a.backend_type = 'homeostasis analyst'
                      and a.datname = current_database()) then
    return query select 0::bigint, run;
  end if;
end
$$;

comment on function homeostasis.continue_analysis_candidates() is
  'The analysis run that is under way, if no worker works on it';

create function homeostasis.continue_analysis(service_id bigint, run_id bigint) returns boolean
language sql
set search_path = pg_catalog, pg_temp
as $$
  select homeostasis.analyze_step(continue_analysis.run_id) > 0
$$;

comment on function homeostasis.continue_analysis(bigint, bigint) is
  'Does some of an analysis run for which there is no worker';

-- How far it is -------------------------------------------------------------

create function homeostasis.analysis_sessions(run_id bigint) returns bigint
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  select count(distinct a.pid)
  from homeostasis.analysis_shares s
  join pg_stat_activity a on a.pid = s.claimed_pid and a.backend_start = s.claimed_start
  where s.run_id = analysis_sessions.run_id
    and s.claimed_at > clock_timestamp() - interval '10 seconds'
$$;

comment on function homeostasis.analysis_sessions(bigint) is
  'How many sessions have done some of an analysis run within the last ten seconds';
grant execute on function homeostasis.analysis_sessions(bigint) to homeostasis_reader;

create view homeostasis.progress_analysis as
  select r.id as run,
         case when r.status <> 'running' then r.status
              when w.workers > 0 then 'analysing' else 'waiting' end as phase,
         r.since, s.languages_total, s.languages_done, s.issues_total, s.issues_done,
         s.changed, s.unexplained, s.skipped, s.failed, w.workers, r.requested_by, r.started_at,
         r.finished_at,
         case when r.status = 'running' and s.issues_done > 0
           then clock_timestamp() + (clock_timestamp() - r.started_at)
                  * ((s.issues_total - s.issues_done) / s.issues_done::double precision)
         end as estimated_end,
         s.last_error
  from homeostasis.analysis_runs r
  cross join lateral (
    select count(distinct p.language) as languages_total,
           count(distinct p.language) - count(distinct p.language)
             filter (where p.issues_done < p.issues_total) as languages_done,
           coalesce(sum(p.issues_total), 0) as issues_total,
           coalesce(sum(p.issues_done), 0) as issues_done, coalesce(sum(p.changed), 0) as changed,
           coalesce(sum(p.unexplained), 0) as unexplained, coalesce(sum(p.skipped), 0) as skipped,
           coalesce(sum(p.failed), 0) as failed,
           (array_agg(p.last_error order by p.claimed_at desc)
              filter (where p.last_error is not null))[1] as last_error
    from homeostasis.analysis_shares p where p.run_id = r.id) s
  cross join lateral (
    select case when r.status = 'running' then homeostasis.analysis_sessions(r.id) else 0 end
      as workers) w
  order by r.status <> 'running', r.id desc;

comment on view homeostasis.progress_analysis is
  'How far the analysis run is that is under way, and what came of earlier ones; see analyze()';
comment on column homeostasis.progress_analysis.phase is
  'analysing; waiting: no session has done any of it yet, or of late; done; cancelled';
comment on column homeostasis.progress_analysis.issues_done is 'Issues that have been looked at';
comment on column homeostasis.progress_analysis.changed is 'Issues that got a new row of analysis';
comment on column homeostasis.progress_analysis.unexplained is
  'Issues that no rule matches; they keep the diagnosis they had, if any';
comment on column homeostasis.progress_analysis.skipped is
  'Issues that were left alone: they are being healed or were, a person diagnosed them, their errors are not stored any more, or they are gone';
comment on column homeostasis.progress_analysis.failed is 'Issues that raised an error; last_error is one of these';
comment on column homeostasis.progress_analysis.workers is
  'Sessions that have done some of it within the last ten seconds';
comment on column homeostasis.progress_analysis.estimated_end is
  'When it will be done if the rest takes as long as what is done has taken';

create function homeostasis.delete_old_analyses(before timestamptz) returns bigint
language sql
set search_path = pg_catalog, pg_temp
as $$
  with gone as (
    delete from homeostasis.analysis_runs r where r.finished_at < before returning r.id
  ), shares as (
    delete from homeostasis.analysis_shares s using gone g where s.run_id = g.id
  )
  select count(*) from gone
$$;

comment on function homeostasis.delete_old_analyses(timestamptz) is
  'Deletes analysis runs that ended before a time; returns how many';

grant execute on function homeostasis.analyze(timestamptz), homeostasis.analyze(interval),
  homeostasis.analyze(text), homeostasis.analyze_step(bigint, integer),
  homeostasis.cancel_analysis(bigint) to homeostasis_operator;
