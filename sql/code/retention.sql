-- retention.sql: how long the errors of each service are kept.
--
-- A partition that no service needs any more is dropped, which costs nothing.
-- From one that some still need, the errors of the others are deleted, so
-- many in a call.

create function homeostasis.retention_days() returns integer
language sql stable
set search_path = pg_catalog, pg_temp
return coalesce(current_setting('homeostasis.retention_days', true)::integer, 30);

comment on function homeostasis.retention_days() is
  'Days that errors of services are kept whose class names none';

create function homeostasis.kept_since() returns table (service_id bigint, since timestamptz)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select s.id,
         now() - make_interval(days => coalesce(c.retention_days, homeostasis.retention_days()))
  from homeostasis.services s
  join homeostasis.service_classes c on c.name = s.class
$$;

comment on function homeostasis.kept_since() is
  'For each service the time from which on its errors, counts, stacks and issues are kept';

create function homeostasis.delete_expired_errors(most integer) returns bigint
language plpgsql
set search_path = pg_catalog, pg_temp
-- What was deleted leaves statistics that promise more of it.
set enable_seqscan = off
as $$
declare
  partition record;
  expired bigint[];
  n bigint;
  deleted bigint := 0;
begin
  for partition in
    select p.name, p.relation, p.day
    from homeostasis.partitions() p,
         (select min((k.since at time zone 'UTC')::date) as first_kept,
                 max((k.since at time zone 'UTC')::date) as all_kept
          from homeostasis.kept_since() k) k
    where p.day >= k.first_kept and p.day < k.all_kept
    order by p.day
  loop
    expired := array(select k.service_id from homeostasis.kept_since() k
                     where partition.day < (k.since at time zone 'UTC')::date);
    begin
      execute format('delete from only homeostasis.%1$I e where e.ctid = any (array('
                     ' select o.ctid from only homeostasis.%1$I o'
                     ' where o.service_id = any ($1) limit $2))', partition.name)
        using expired, most - deleted;
      get diagnostics n = row_count;
      -- Others may be in its place once more.
      if n > 0 and homeostasis.is_compact(partition.relation) then
        execute format('comment on table homeostasis.%I is null', partition.name);
      end if;
      deleted := deleted + n;
    exception when lock_not_available or deadlock_detected then
      null;
    end;
    exit when deleted >= most;
  end loop;
  return deleted;
end
$$;

comment on function homeostasis.delete_expired_errors(integer) is
  'Deletes errors that are older than the class of their service says, at most so many, from partitions that others still need; returns how many';

create trigger keep_modified before update on homeostasis.service_classes
  for each row when (old.shipped and old is distinct from new and old.modified = new.modified)
  execute function homeostasis.keep_modified();
create trigger restore_modified before insert on homeostasis.service_classes
  for each row when (new.modified and new.shipped)
  execute function homeostasis.restore_modified('name');
