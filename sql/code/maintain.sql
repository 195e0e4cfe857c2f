-- maintain.sql: what has to be done from time to time.

-- Nothing refers to a row that goes: what hangs on a patch goes before it, a
-- patch before its diagnosis, both before their issue, an issue before its
-- service.  No foreign key says so, because growing tables have none.

create function homeostasis.is_looked_after(issue homeostasis.issues) returns boolean
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select issue.status in ('healing', 'muted') or issue.assignee is not null
$$;

comment on function homeostasis.is_looked_after(homeostasis.issues) is
  'Whether an issue, and what belongs to it, is kept however old it is: it is being healed, muted or assigned';

create function homeostasis.old_patches(before timestamptz, issues_before timestamptz,
  most integer)
returns table (service_id bigint, patch_id bigint)
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  -- Of an issue that still occurs, the last patch of each template that came
  -- to nothing stays, so that advance() does not forget what a person rejected.
  select p.service_id, p.id
  from homeostasis.patches p
  left join homeostasis.issues i on i.service_id = p.service_id and i.id = p.issue_id
  where not homeostasis.is_active_patch(p.status) and p.updated_at < before
    and not coalesce(homeostasis.is_looked_after(i), false)
    and (i.last_seen is null or i.last_seen < issues_before
         or p.status not in ('refused', 'invalid', 'rejected', 'rolled_back', 'failed')
         or exists (select from homeostasis.futile_patches f
                    where f.service_id = p.service_id and f.issue_id = p.issue_id
                      and f.template is not distinct from p.template
                      and f.ended_at > p.updated_at))
  order by p.service_id, p.id
  limit most
  for update of p skip locked
$$;

comment on function homeostasis.old_patches(timestamptz, timestamptz, integer) is
  'Locks patches that ended before a time and may be deleted: not those of issues that somebody looks after, nor what keeps a template from being tried again on an issue that occurred since the second time';

create function homeostasis.delete_old_patches(before timestamptz, issues_before timestamptz,
  most integer)
returns bigint
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  service_ids bigint[];
  patch_ids bigint[];
begin
  select array_agg(o.service_id), array_agg(o.patch_id) into service_ids, patch_ids
    from homeostasis.old_patches(before, issues_before, most) o;
  delete from homeostasis.jobs j
    using unnest(service_ids, patch_ids) o (service_id, id)
    where j.service_id = o.service_id and j.patch_id = o.id;
  delete from homeostasis.deployment_steps s
    using unnest(service_ids, patch_ids) o (service_id, id), homeostasis.deployments d
    where d.service_id = o.service_id and d.patch_id = o.id
      and s.service_id = d.service_id and s.deployment_id = d.id;
  delete from homeostasis.deployments d
    using unnest(service_ids, patch_ids) o (service_id, id)
    where d.service_id = o.service_id and d.patch_id = o.id;
  delete from homeostasis.approvals a
    using unnest(service_ids, patch_ids) o (service_id, id)
    where a.service_id = o.service_id and a.patch_id = o.id;
  delete from homeostasis.validations v
    using unnest(service_ids, patch_ids) o (service_id, id)
    where v.service_id = o.service_id and v.patch_id = o.id;
  delete from homeostasis.patches p
    using unnest(service_ids, patch_ids) o (service_id, id)
    where p.service_id = o.service_id and p.id = o.id;
  return coalesce(cardinality(patch_ids), 0);
end
$$;

comment on function homeostasis.delete_old_patches(timestamptz, timestamptz, integer) is
  'Deletes patches that ended before a time, with their jobs, validations, approvals and deployments; returns how many. See old_patches() for those that are kept';

create function homeostasis.delete_old_analysis(before timestamptz, most integer)
returns bigint
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  deleted bigint;
begin
  delete from homeostasis.analysis a
    where a.ctid = any (array(
      select o.ctid
      from homeostasis.analysis o
      left join homeostasis.issues i on i.service_id = o.service_id and i.id = o.issue_id
      where o.created_at < before
        and not coalesce(homeostasis.is_looked_after(i), false)
        and not exists (select from homeostasis.patches p
                        where p.service_id = o.service_id and p.issue_id = o.issue_id
                          and p.analysis_id = o.id)
        and (i.id is null
             or exists (select from homeostasis.analysis l
                        where l.service_id = o.service_id and l.issue_id = o.issue_id
                          and l.template is not distinct from o.template
                          and (l.error_timestamp, l.created_at, l.id)
                            > (o.error_timestamp, o.created_at, o.id)))
      limit most));
  get diagnostics deleted = row_count;
  return deleted;
end
$$;

comment on function homeostasis.delete_old_analysis(timestamptz, integer) is
  'Deletes diagnoses made before a time to which no patch refers and which a later one of the same template has replaced; returns how many';

create function homeostasis.delete_old_issues(before timestamptz, most integer) returns bigint
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  deleted bigint;
begin
  -- Nobody may be about to count for an issue that goes.  A person may be
  -- about to heal it: such a one is locked, or has changed its status.
  perform homeostasis.lock_grouping();
  with old as materialized (
    select i.service_id, i.id from homeostasis.issues i
    left join homeostasis.kept_since() k using (service_id)
    where i.last_seen < coalesce(k.since, before) and not homeostasis.is_looked_after(i)
      and not exists (select from homeostasis.patches p
                      where p.service_id = i.service_id and p.issue_id = i.id)
    order by i.service_id, i.id limit most
    for update of i skip locked
  ), fingerprints as (
    delete from homeostasis.issue_fingerprints f using old
    where f.service_id = old.service_id and f.issue_id = old.id
  ), counts as (
    delete from homeostasis.issue_counts c using old
    where c.service_id = old.service_id and c.issue_id = old.id
  ), diagnoses as (
    delete from homeostasis.analysis a using old
    where a.service_id = old.service_id and a.issue_id = old.id
  ), spikes as (
    delete from homeostasis.spikes s using old
    where s.service_id = old.service_id and s.issue_id = old.id
  ), gone as (
    delete from homeostasis.issues i using old
    where i.service_id = old.service_id and i.id = old.id
    returning 1
  )
  select count(*) into deleted from gone;
  return deleted;
exception when lock_not_available or deadlock_detected then
  return 0;
end
$$;

comment on function homeostasis.delete_old_issues(timestamptz, integer) is
  'Deletes issues that did not occur since kept_since(), or a time if they have no service, with their fingerprints, counts, spikes and diagnoses, unless a patch refers to them or somebody looks after them; returns how many';

create function homeostasis.idle_services(before timestamptz) returns setof bigint
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select s.id
  from homeostasis.services s
  where s.kind = 'application' and s.created_at < before
    and s.mode is null and s.class = 'standard' and s.description is null
    and not exists (select from homeostasis.policies p where p.service_id = s.id)
    and not exists (select from homeostasis.issues i where i.service_id = s.id)
    and not exists (select from homeostasis.patches p where p.service_id = s.id)
    and not exists (select from homeostasis.analysis a where a.service_id = s.id)
    and not exists (select from homeostasis.issue_counts c where c.service_id = s.id)
    and not exists (select from homeostasis.stacks k where k.service_id = s.id)
    and not exists (select from homeostasis.errors e where e.service_id = s.id)
$$;

comment on function homeostasis.idle_services(timestamptz) is
  'Services that a report made before a time, that nobody configured and of which nothing is left';

create function homeostasis.lock_services(before timestamptz) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (select from homeostasis.idle_services(before)) then
    return false;
  end if;
  -- Whoever has looked for a service may be about to store an error of it.
  lock table homeostasis.services in access exclusive mode;
  return true;
exception when lock_not_available or deadlock_detected then
  return false;
end
$$;

comment on function homeostasis.lock_services(timestamptz) is
  'Keeps everybody from services until the transaction ends, if some may be deleted; whether it could';

create function homeostasis.delete_idle_services(before timestamptz, most integer)
returns bigint
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  deleted bigint;
begin
  delete from homeostasis.services s
    where s.id = any (array(select * from homeostasis.idle_services(before) limit most));
  get diagnostics deleted = row_count;
  if deleted > 0 then
    delete from homeostasis.log_templates t
      where not exists (select from homeostasis.services s where s.id = t.service_id);
  end if;
  return deleted;
end
$$;

comment on function homeostasis.delete_idle_services(timestamptz, integer) is
  'Deletes idle services; returns how many. Only after lock_services()';

create function homeostasis.most_at_once() returns integer
language sql immutable
set search_path = pg_catalog, pg_temp
return 50000;

comment on function homeostasis.most_at_once() is
  'How many rows of a kind maintain() deletes or adds up in one call: who has more to do calls it again soon';

create function homeostasis.maintain() returns table (task text, done bigint)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '500ms'
as $$
declare
  most constant integer := homeostasis.most_at_once();
  ahead constant integer := coalesce(
    current_setting('homeostasis.partitions_ahead', true)::integer, 3);
  today constant timestamptz := date_trunc('day', now(), 'UTC');
  hours_before constant timestamptz := least(homeostasis.minutes_before(1440),
    today - make_interval(days => coalesce(
      current_setting('homeostasis.hour_counts_days', true)::integer, 14)));
  before constant timestamptz := now() - make_interval(days => homeostasis.retention_days());
  before_all constant timestamptz := coalesce(
    (select min(k.since) from homeostasis.kept_since() k), before);
  before_any constant timestamptz := greatest(before,
    (select max(k.since) from homeostasis.kept_since() k));
  history_before constant timestamptz := least(before, before_all, now() - make_interval(
    days => coalesce(current_setting('homeostasis.history_days', true)::integer, 365)));
  services_locked boolean;
  compact_day date;
  compact_built boolean;
begin
  -- One at a time; the other one does the work.  Not by an advisory lock, which
  -- anybody could take and keep.
  begin
    lock table homeostasis.advance_failures in share update exclusive mode nowait;
  exception when lock_not_available then
    return;
  end;

  task := 'partitions created';
  done := homeostasis.create_partitions(ahead);
  return next;

  task := 'stacks deleted';
  -- last_seen is up to a day behind; see store_stacks in store_rows.c.
  delete from homeostasis.stacks s
    where s.ctid = any (array(select o.ctid from homeostasis.stacks o
                              left join homeostasis.kept_since() k using (service_id)
                              where o.last_seen < coalesce(k.since, before) - interval '2 days'
                              limit most));
  get diagnostics done = row_count;
  return next;

  task := 'errors deleted';
  done := homeostasis.delete_expired_errors(most);
  return next;

  task := 'issue counts deleted';
  delete from homeostasis.issue_counts c
    where c.ctid = any (array(select o.ctid from homeostasis.issue_counts o
                              left join homeostasis.kept_since() k using (service_id)
                              where o.minutes in (1, 10, 60, 1440) and o.minute < before_any
                                and o.minute + o.minutes * interval '1 minute'
                                  <= coalesce(k.since, before)
                              limit most));
  get diagnostics done = row_count;
  return next;

  task := 'rejected events deleted';
  delete from homeostasis.rejected_events r
    where r.ctid = any (array(select o.ctid from homeostasis.rejected_events o
                              where o.received_at < before limit most));
  get diagnostics done = row_count;
  return next;

  task := 'late event ids deleted';
  delete from homeostasis.late_event_ids l
    where l.ctid = any (array(select o.ctid from homeostasis.late_event_ids o
                              where o.received_at < now() - interval '24 hours' limit most));
  get diagnostics done = row_count;
  return next;

  task := 'spikes deleted';
  delete from homeostasis.spikes s
    where (s.service_id, s.id) in (select o.service_id, o.id from homeostasis.spikes o
                                   where o.ended_at < before limit most);
  get diagnostics done = row_count;
  return next;

  task := 'jobs deleted';
  delete from homeostasis.jobs j
    where j.ctid = any (array(select o.ctid from homeostasis.jobs o
                              where o.status in ('done', 'failed', 'cancelled')
                                and o.finished_at < before limit most));
  get diagnostics done = row_count;
  return next;

  -- What waits in a journal is from the last lives of the server.
  task := 'journal positions deleted';
  delete from homeostasis.journal_positions p
    where p.stored_at < history_before
      and p.epoch <> (select l.epoch from homeostasis.journal_positions l
                      order by l.stored_at desc limit 1);
  get diagnostics done = row_count;
  return next;

  task := 'failed moves deleted';
  delete from homeostasis.advance_failures f where f.failed_at < before;
  get diagnostics done = row_count;
  return next;

  task := 'patches deleted';
  done := homeostasis.delete_old_patches(history_before, before_all, most);
  return next;

  task := 'diagnoses deleted';
  done := homeostasis.delete_old_analysis(history_before, most);
  return next;

  task := 'outcomes forgotten';
  done := homeostasis.forget_outcomes(history_before, most);
  return next;

  task := 'analyses deleted';
  done := homeostasis.delete_old_analyses(before);
  return next;

  task := 'policy waits deleted';
  delete from homeostasis.policy_waits w
    where not exists (select from homeostasis.patches p
                      where p.service_id = w.service_id and p.id = w.patch_id
                        and p.status = 'validated');
  get diagnostics done = row_count;
  return next;

  task := 'rules disabled';
  done := homeostasis.disable_costly_rules();
  return next;

  task := 'checkup findings';
  done := (select count(*) from homeostasis.checkup());
  return next;

  -- Without keeping anybody from reading errors.
  compact_day := homeostasis.compactable((before_all at time zone 'UTC')::date);
  compact_built := homeostasis.build_compact(compact_day);
  -- Writers of that day who come from here on wait for us and hold what we wait
  -- for.  After a second of that the server would end one of us, so there is none.
  perform set_config('lock_timeout', '100ms', true);

  -- Last, because whoever reads or stores errors waits for these locks until
  -- the end of the transaction; in the order in which writers take them.
  services_locked := homeostasis.lock_services(before);

  task := 'partitions dropped';
  done := homeostasis.drop_partitions((before_all at time zone 'UTC')::date);
  return next;

  task := 'partitions made compact';
  done := 0;
  if compact_built then
    done := homeostasis.use_compact(compact_day)::integer;
  end if;
  return next;

  task := 'minutes counted as hours';
  done := homeostasis.roll_minutes();
  return next;

  task := 'hours counted as days';
  done := homeostasis.roll_counts(1440, hours_before, most);
  return next;

  task := 'issues deleted';
  done := homeostasis.delete_old_issues(before, most);
  return next;

  task := 'services deleted';
  done := 0;
  if services_locked then
    done := homeostasis.delete_idle_services(before, most);
  end if;
  return next;
end
$$;

comment on function homeostasis.maintain() is
  'Creates partitions ahead, removes what is older than homeostasis.retention_days, the class of its service or homeostasis.history_days says, counts old minutes as hours and days, makes an old partition compact, disables rules that cost too much, does a checkup(); a worker or pg_cron calls it, and it says what it did';
grant execute on function homeostasis.maintain() to homeostasis_admin;
