-- maintain.sql: what has to be done from time to time.

create function homeostasis.delete_old_issues(before timestamptz, most integer) returns bigint
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  deleted bigint;
begin
  -- Nobody may be about to count for an issue that goes.
  perform homeostasis.lock_grouping();
  with old as (
    select i.service_id, i.id from homeostasis.issues i
    where i.last_seen < before and i.status <> 'muted' and i.assignee is null
      and not exists (select from homeostasis.patches p
                      where p.service_id = i.service_id and p.issue_id = i.id)
    order by i.service_id, i.id limit most
  ), fingerprints as (
    delete from homeostasis.issue_fingerprints f using old
    where f.service_id = old.service_id and f.issue_id = old.id
  ), diagnoses as (
    delete from homeostasis.analysis a using old
    where a.service_id = old.service_id and a.issue_id = old.id
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
  'Deletes issues that did not occur since a time and that no patch and no person refers to; returns how many';

create function homeostasis.maintain() returns table (task text, done bigint)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '500ms'
as $$
declare
  most constant integer := 50000;
  retention constant interval := make_interval(days => coalesce(
    current_setting('homeostasis.retention_days', true)::integer, 30));
  ahead constant integer := coalesce(
    current_setting('homeostasis.partitions_ahead', true)::integer, 3);
  before constant timestamptz := now() - retention;
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
                              where o.last_seen < before - interval '2 days' limit most));
  get diagnostics done = row_count;
  return next;

  task := 'issue counts deleted';
  delete from homeostasis.issue_counts c
    where c.ctid = any (array(select o.ctid from homeostasis.issue_counts o
                              where o.minute < before limit most));
  get diagnostics done = row_count;
  return next;

  task := 'rejected events deleted';
  delete from homeostasis.rejected_events r
    where r.ctid = any (array(select o.ctid from homeostasis.rejected_events o
                              where o.received_at < before limit most));
  get diagnostics done = row_count;
  return next;

  task := 'jobs deleted';
  delete from homeostasis.jobs j
    where j.ctid = any (array(select o.ctid from homeostasis.jobs o
                              where o.status in ('done', 'failed', 'cancelled')
                                and o.finished_at < before limit most));
  get diagnostics done = row_count;
  return next;

  task := 'failed moves deleted';
  delete from homeostasis.advance_failures f where f.failed_at < before;
  get diagnostics done = row_count;
  return next;

  task := 'checkup findings';
  done := (select count(*) from homeostasis.checkup());
  return next;

  -- Last, because whoever reads or stores errors waits for these locks until
  -- the end of the transaction; in the order in which writers take them.
  task := 'partitions dropped';
  done := homeostasis.drop_partitions((before at time zone 'UTC')::date);
  return next;

  task := 'issues deleted';
  done := homeostasis.delete_old_issues(before, most);
  return next;
end
$$;

comment on function homeostasis.maintain() is
  'Creates partitions ahead, removes what is older than homeostasis.retention_days, does a checkup(); a worker or pg_cron calls it, and it says what it did';
grant execute on function homeostasis.maintain() to homeostasis_admin;
