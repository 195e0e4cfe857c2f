-- issue.sql: the state machine of an issue, and what people do with issues.
--
-- Which issue a fingerprint belongs to changes only under a SHARE ROW
-- EXCLUSIVE lock on issue_fingerprints.  Writers of events hold ROW EXCLUSIVE
-- there from before they look until they commit, so none of them counts for
-- an issue that is being taken apart.

create function homeostasis.issue_successors(status text) returns text[]
language sql immutable
set search_path = pg_catalog, pg_temp
return case status
  when 'open' then array['healing', 'resolved', 'muted']
  when 'healing' then array['open', 'healed']
  when 'healed' then array['regressed', 'resolved']
  when 'resolved' then array['regressed', 'open']
  when 'muted' then array['open', 'resolved']
  when 'regressed' then array['healing', 'resolved', 'muted', 'healed']
end;

comment on function homeostasis.issue_successors(text) is
  'The states that may follow a state of an issue';

create trigger check_transition before update of status on homeostasis.issues
  for each row when (old.status is distinct from new.status)
  execute function homeostasis.check_transition('issue');

create function homeostasis.lock_issue(issue_id bigint) returns homeostasis.issues
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  issue homeostasis.issues;
begin
  select i.* into issue from homeostasis.issues i where i.id = issue_id for no key update;
  if not found then
    raise exception 'there is no issue %', issue_id
      using errcode = 'HO005', hint = 'The issues are in homeostasis.issues.';
  end if;
  return issue;
end
$$;

comment on function homeostasis.lock_issue(bigint) is
  'The issue with this id, locked until the transaction ends, or an error';

create function homeostasis.move_issue(issue_id bigint, new_status text,
  new_muted_until timestamptz default null)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  issue constant homeostasis.issues := homeostasis.lock_issue(issue_id);
begin
  update homeostasis.issues i
    set status = new_status, muted_until = new_muted_until, status_changed_at = now()
    where i.service_id = issue.service_id and i.id = issue.id;
end
$$;

comment on function homeostasis.move_issue(bigint, text, timestamptz) is
  'Moves an issue to a state that a person asked for';

create function homeostasis.resolve(issue_id bigint) returns void
language sql security definer
set search_path = pg_catalog, pg_temp
as $$
  select homeostasis.move_issue(issue_id, 'resolved')
$$;

comment on function homeostasis.resolve(bigint) is
  'Says that an issue is over; if it occurs again it has regressed';
grant execute on function homeostasis.resolve(bigint) to homeostasis_operator;

create function homeostasis.mute(issue_id bigint, until timestamptz default null) returns void
language sql security definer
set search_path = pg_catalog, pg_temp
as $$
  select homeostasis.move_issue(issue_id, 'muted', until)
$$;

comment on function homeostasis.mute(bigint, timestamptz) is
  'Lets an issue be counted without being healed, until a time or until unmute()';
grant execute on function homeostasis.mute(bigint, timestamptz) to homeostasis_operator;

create function homeostasis.unmute(issue_id bigint) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  issue constant homeostasis.issues := homeostasis.lock_issue(issue_id);
begin
  if issue.status <> 'muted' then
    raise exception 'issue % is not muted: it is "%"', issue_id, issue.status
      using errcode = 'HO002', hint = 'Only a muted issue can be unmuted.';
  end if;
  perform homeostasis.move_issue(issue_id, 'open');
end
$$;

comment on function homeostasis.unmute(bigint) is 'Opens a muted issue again';
grant execute on function homeostasis.unmute(bigint) to homeostasis_operator;

create function homeostasis.assign(issue_id bigint, assignee text) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  issue constant homeostasis.issues := homeostasis.lock_issue(issue_id);
begin
  update homeostasis.issues i set assignee = assign.assignee
    where i.service_id = issue.service_id and i.id = issue.id;
  perform homeostasis.audit_append('assigned', 'issue', issue.service_id, issue.id::text,
    jsonb_build_object('from', issue.assignee, 'to', assign.assignee));
end
$$;

comment on function homeostasis.assign(bigint, text) is
  'Says who looks after an issue; null: nobody';
grant execute on function homeostasis.assign(bigint, text) to homeostasis_operator;

-- Merge and split -----------------------------------------------------------

create function homeostasis.lock_grouping() returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  lock table homeostasis.issue_fingerprints in share row exclusive mode;
end
$$;

comment on function homeostasis.lock_grouping() is
  'Keeps events from being counted until the transaction ends';

create function homeostasis.check_regroupable(issue homeostasis.issues) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  active bigint;
begin
  select p.id into active from homeostasis.patches p
    where p.service_id = issue.service_id and p.issue_id = issue.id
      and homeostasis.is_active_patch(p.status)
    limit 1;
  if found then
    raise exception 'issue % cannot be regrouped while patch % works on it', issue.id, active
      using errcode = 'HO006',
            hint = 'Reject the patch, or wait until it has healed the issue or was rolled back.';
  end if;
end
$$;

comment on function homeostasis.check_regroupable(homeostasis.issues) is
  'Raises an error if a patch works on the issue';

create function homeostasis.merge(into_issue bigint, from_issue bigint) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  target homeostasis.issues;
  source homeostasis.issues;
begin
  if into_issue = from_issue then
    raise exception 'issue % cannot be merged into itself', into_issue
      using errcode = 'HO007', hint = 'Name two issues.';
  end if;
  perform homeostasis.lock_grouping();
  perform homeostasis.lock_issue(id)
    from (select unnest(array[least(into_issue, from_issue),
                              greatest(into_issue, from_issue)]) as id) ordered;
  target := homeostasis.lock_issue(into_issue);
  source := homeostasis.lock_issue(from_issue);
  -- It goes, so nobody may just be adding a diagnosis to it; see analyze.sql.
  perform from homeostasis.issues i where i.id = from_issue for update;
  if target.service_id <> source.service_id then
    raise exception 'issues % and % are of different services', into_issue, from_issue
      using errcode = 'HO007',
            hint = 'A patch heals one service, so an issue has one.';
  end if;
  perform homeostasis.check_regroupable(source);
  perform homeostasis.check_regroupable(target);

  update homeostasis.issue_fingerprints set issue_id = into_issue
    where service_id = source.service_id and issue_id = from_issue;
  insert into homeostasis.issue_counts as c
      (service_id, issue_id, minute, release, error_count, minutes)
    select service_id, into_issue, minute, release, error_count, minutes
    from homeostasis.issue_counts
    where service_id = source.service_id and issue_id = from_issue
    order by service_id, minute, release
    on conflict (service_id, issue_id, minute, release) do update
      set error_count = c.error_count + excluded.error_count,
          minutes = greatest(c.minutes, excluded.minutes);
  delete from homeostasis.issue_counts
    where service_id = source.service_id and issue_id = from_issue;
  update homeostasis.analysis set issue_id = into_issue
    where service_id = source.service_id and issue_id = from_issue;
  update homeostasis.patches set issue_id = into_issue
    where service_id = source.service_id and issue_id = from_issue;
  update homeostasis.deployments set issue_id = into_issue
    where service_id = source.service_id and issue_id = from_issue;
  update homeostasis.spikes s
    set issue_id = into_issue, ended_at = coalesce(s.ended_at, now()),
        end_reason = coalesce(s.end_reason, 'the issue was merged')
    where s.service_id = source.service_id and s.issue_id = from_issue;
  update homeostasis.issues i
    set error_count = i.error_count + source.error_count,
        counted_only = i.counted_only + source.counted_only,
        counted_since = least(i.counted_since, source.counted_since),
        counted_until = greatest(i.counted_until, source.counted_until),
        counted_by = coalesce(i.counted_by, source.counted_by),
        first_seen = least(i.first_seen, source.first_seen),
        last_seen = greatest(i.last_seen, source.last_seen),
        last_active = greatest(i.last_active, source.last_active)
    where i.service_id = target.service_id and i.id = into_issue;
  delete from homeostasis.issues
    where service_id = source.service_id and id = from_issue;
  perform homeostasis.audit_append('merged', 'issue', target.service_id, into_issue::text,
    jsonb_build_object('from', to_jsonb(source)));
end
$$;

comment on function homeostasis.merge(bigint, bigint) is
  'Makes one issue of two: the second''s fingerprints, counts, diagnoses and patches become the first''s, and the second goes';
grant execute on function homeostasis.merge(bigint, bigint) to homeostasis_operator;

create function homeostasis.move_counts(service_id bigint, from_issue bigint, into_issue bigint)
returns bigint
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  moved bigint;
begin
  -- After that, one row at most counts what happened at a time.
  perform homeostasis.fold_counts(service_id, from_issue);
  with found as (
    select date_trunc('minute', e."timestamp") as minute, coalesce(e.release, '') as release,
           sum(e.occurrences) as n
    from homeostasis.issue_fingerprints f
    join homeostasis.errors e
      on e.service_id = f.service_id and e.fingerprint = f.fingerprint
    where f.service_id = move_counts.service_id and f.issue_id = into_issue
    group by 1, 2
  ), placed as (
    select coalesce(counted.minute, f.minute) as minute, coalesce(counted.minutes, 1) as minutes,
           f.release, f.n
    from found f
    left join lateral (
      select c.minute, c.minutes from homeostasis.issue_counts c
      where c.service_id = move_counts.service_id and c.issue_id = from_issue
        and c.release = f.release and c.minute <= f.minute
      order by c.minute desc limit 1) counted
      on f.minute < counted.minute + counted.minutes * interval '1 minute'
  ), occurred as (
    select p.minute, p.minutes, p.release, sum(p.n) as n from placed p group by 1, 2, 3
  ), added as (
    insert into homeostasis.issue_counts
        (service_id, issue_id, minute, release, error_count, minutes)
      select move_counts.service_id, into_issue, o.minute, o.release, o.n, o.minutes
      from occurred o
  ), taken as (
    update homeostasis.issue_counts c set error_count = c.error_count - o.n
    from occurred o
    where c.service_id = move_counts.service_id and c.issue_id = from_issue
      and c.minute = o.minute and c.release = o.release
  )
  select coalesce(sum(n), 0) into moved from occurred;
  delete from homeostasis.issue_counts c
    where c.service_id = move_counts.service_id and c.issue_id = from_issue
      and c.error_count = 0;
  return moved;
end
$$;

comment on function homeostasis.move_counts(bigint, bigint, bigint) is
  'Moves what the stored errors of an issue''s fingerprints amount to from another issue to it; returns how many errors these are';

create function homeostasis.move_counted(issue homeostasis.issues, into_issue bigint) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  moved bigint;
begin
  select coalesce(sum(e.occurrences - 1), 0) into moved
    from homeostasis.issue_fingerprints f
    join homeostasis.errors e on e.service_id = f.service_id and e.fingerprint = f.fingerprint
    where f.service_id = issue.service_id and f.issue_id = into_issue;
  -- What the extension counted itself, in stat_drops, is not among them.
  moved := least(moved, issue.counted_only);
  if moved = 0 then
    return;
  end if;
  update homeostasis.issues i
    set counted_only = moved, counted_since = issue.counted_since,
        counted_until = issue.counted_until, counted_by = issue.counted_by
    where i.service_id = issue.service_id and i.id = into_issue;
  update homeostasis.issues i set counted_only = i.counted_only - moved
    where i.service_id = issue.service_id and i.id = issue.id;
end
$$;

comment on function homeostasis.move_counted(homeostasis.issues, bigint) is
  'Says of an issue, and of the one that was split off it, how much of them was only counted';

create function homeostasis.split(issue_id bigint, fingerprints uuid[]) returns bigint
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  issue homeostasis.issues;
  sample homeostasis.errors;
  new_id bigint;
  all_of_them bigint;
  chosen bigint;
  moved bigint;
begin
  perform homeostasis.lock_grouping();
  issue := homeostasis.lock_issue(issue_id);
  perform homeostasis.check_regroupable(issue);
  select count(*), count(*) filter (where f.fingerprint = any (fingerprints))
    into all_of_them, chosen
    from homeostasis.issue_fingerprints f
    where f.service_id = issue.service_id and f.issue_id = issue.id;
  if chosen = 0 or chosen = all_of_them
    or chosen <> (select count(distinct f) from unnest(fingerprints) f)
  then
    raise exception 'issue % has % fingerprints, of which % are named', issue_id,
        all_of_them, chosen
      using errcode = 'HO007',
            hint = 'Name some of its fingerprints in homeostasis.issue_fingerprints, not all and no others.';
  end if;

  new_id := nextval('homeostasis.issues_id_seq');
  update homeostasis.issue_fingerprints f set issue_id = new_id
    where f.service_id = issue.service_id and f.issue_id = issue.id
      and f.fingerprint = any (fingerprints);
  moved := homeostasis.move_counts(issue.service_id, issue.id, new_id);
  select e.* into sample
    from homeostasis.issue_fingerprints f
    join homeostasis.errors e
      on e.service_id = f.service_id and e.fingerprint = f.fingerprint
    where f.service_id = issue.service_id and f.issue_id = new_id
    order by e."timestamp" desc limit 1;
  insert into homeostasis.issues (service_id, id, title, level, language, error_type, sqlstate,
      first_seen, last_seen, last_active, error_count, sample_event_id, sample_timestamp)
    select issue.service_id, new_id,
           coalesce(left(split_part(sample.message, e'\n', 1), 200), issue.title),
           coalesce(sample.level, issue.level), coalesce(sample.language, issue.language),
           coalesce(sample.error_type, issue.error_type),
           case when sample.event_id is null then issue.sqlstate else sample.sqlstate end,
           coalesce((select min(e."timestamp")
                     from homeostasis.issue_fingerprints f
                     join homeostasis.errors e
                       on e.service_id = f.service_id and e.fingerprint = f.fingerprint
                     where f.service_id = issue.service_id and f.issue_id = new_id),
                    issue.first_seen),
           coalesce(sample."timestamp", issue.last_seen),
           coalesce(sample."timestamp", issue.last_seen), moved,
           coalesce(sample.event_id, issue.sample_event_id),
           coalesce(sample."timestamp", issue.sample_timestamp);
  update homeostasis.issues i set error_count = i.error_count - moved
    where i.service_id = issue.service_id and i.id = issue.id;
  perform homeostasis.move_counted(issue, new_id);
  perform homeostasis.audit_append('split', 'issue', issue.service_id, issue.id::text,
    jsonb_build_object('into', new_id, 'fingerprints', fingerprints));
  return new_id;
end
$$;

comment on function homeostasis.split(bigint, uuid[]) is
  'Takes some fingerprints out of an issue and makes another issue of them, whose id is returned; it counts the errors that are still stored';
grant execute on function homeostasis.split(bigint, uuid[]) to homeostasis_operator;

-- An error as an event ------------------------------------------------------

create function homeostasis.event_of(service_id bigint, event_id uuid, "timestamp" timestamptz)
returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_strip_nulls(jsonb_build_object(
      'error_id', e.event_id, 'timestamp', e."timestamp", 'service', s.name,
      'language', e.language, 'error_type', e.error_type, 'error_message', e.message,
      'level', e.level, 'release', e.release, 'sqlstate', e.sqlstate,
      'detail', e.detail, 'hint', e.hint, 'context', e.context, 'statement', e.statement,
      'database', coalesce(s.database_name, e.database_name), 'role', e.role_name,
      'application_name', e.application_name,
      -- Functions and, since PostgreSQL 17, maintenance put this one in place
      -- of the session's, which is not known then.
      'search_path', case e.search_path when 'pg_catalog, pg_temp' then '"$user", public'
                                        else e.search_path end,
      'schema_name', e.schema_name, 'table_name', e.table_name,
      'column_name', e.column_name, 'constraint_name', e.constraint_name,
      'datatype_name', e.datatype_name))
    || case when k.stack is null then '{}'
         else jsonb_build_object('stack_trace', string_to_array(k.stack, e'\n')) end
    || case when e.environment is null then '{}'
         else jsonb_build_object('environment', e.environment) end
    || case when e.classification is null then '{}'
         else jsonb_build_object('normalized_classification', e.classification) end
    || case when e.metadata is null then '{}'
         else jsonb_build_object('metadata', e.metadata) end
  from homeostasis.errors e
  join homeostasis.services s on s.id = e.service_id
  left join homeostasis.stacks k on k.service_id = e.service_id and k.stack_hash = e.stack_hash
  where e.service_id = event_of.service_id and e.event_id = event_of.event_id
    and e."timestamp" = event_of."timestamp"
$$;

comment on function homeostasis.event_of(bigint, uuid, timestamptz) is
  'A stored error in the form in which an event is reported, or null';
grant execute on function homeostasis.event_of(bigint, uuid, timestamptz) to homeostasis_reader;
