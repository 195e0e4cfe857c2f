-- partition.sql: errors has one partition for each day, UTC.
--
-- A partition is made apart and then attached, which locks the parent only
-- against other changes of its shape: readers and writers go on.  That lock on
-- the parent, SHARE UPDATE EXCLUSIVE, is taken first by everybody who creates
-- or drops a partition, so two never race and never deadlock.  There is no
-- default partition: attaching would have to scan it.
--
-- Somebody may detach a partition by hand, to keep it for example.  It keeps its
-- name and is never touched here again; should more come for its day, there is
-- another partition, with _2 behind the name.

create function homeostasis.partition_name(day date) returns name
language sql immutable
set search_path = pg_catalog, pg_temp
return ('errors_' || to_char(day, 'YYYYMMDD'))::name;

comment on function homeostasis.partition_name(date) is
  'Name of the partition of homeostasis.errors for a day';

create function homeostasis.partition_options() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
-- Rows are only added, so a vacuum finds nothing to remove: it notes which
-- pages all can see, and freezes.  Done when the partition has grown by half,
-- it is done a dozen times a day instead of thirty; and what it freezes no
-- later vacuum has to read again.
return 'autovacuum_vacuum_insert_scale_factor = 0.5, autovacuum_vacuum_insert_threshold = 10000, '
  'autovacuum_freeze_min_age = 0';

comment on function homeostasis.partition_options() is
  'Storage parameters of the partitions of homeostasis.errors';

create function homeostasis.partitions() returns table (name name, relation oid, day date)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select c.relname, c.oid, to_date(substr(c.relname, 8, 8), 'YYYYMMDD')
  from pg_inherits i
  join pg_class c on c.oid = i.inhrelid
  where i.inhparent = 'homeostasis.errors'::regclass and c.relname ~ '^errors_[0-9]{8}(_[0-9]+)?$'
$$;

comment on function homeostasis.partitions() is
  'The partitions of homeostasis.errors that are for one day each';

create function homeostasis.partition_of(day date) returns regclass
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select p.relation::regclass from homeostasis.partitions() p where p.day = partition_of.day
$$;

comment on function homeostasis.partition_of(date) is
  'The partition of homeostasis.errors for a day; null if there is none';

create function homeostasis.create_partition(day date) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  name name := homeostasis.partition_name(day);
  number integer := 1;
begin
  if homeostasis.partition_of(day) is not null then
    return false;
  end if;
  lock table only homeostasis.errors in share update exclusive mode;
  if homeostasis.partition_of(day) is not null then
    return false;
  end if;
  while to_regclass(format('homeostasis.%I', name)) is not null loop
    number := number + 1;
    name := homeostasis.partition_name(day) || '_' || number;
  end loop;
  execute format('create table homeostasis.%I (like homeostasis.errors including all) with (%s)',
                 name, homeostasis.partition_options());
  -- A superuser may have called.
  execute format('alter table homeostasis.%I owner to homeostasis_owner', name);
  execute format('alter table homeostasis.errors attach partition homeostasis.%I for values from (%L) to (%L)',
                 name, day::timestamp at time zone 'UTC', (day + 1)::timestamp at time zone 'UTC');
  return true;
end
$$;

comment on function homeostasis.create_partition(date) is
  'Creates the partition of homeostasis.errors for a day unless it is there; true: created';

create function homeostasis.drop_partitions(before date) returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '100ms'
as $$
declare
  partition name;
  dropped integer := 0;
begin
  for partition in
    select p.name from homeostasis.partitions() p where p.day < before order by p.day
  loop
    -- Dropping needs the parent for itself.  Whoever holds it, a long
    -- transaction with an ingest() in it perhaps, is not waited for long,
    -- because everybody else would wait behind us; the next call tries again.
    begin
      lock table only homeostasis.errors in access exclusive mode;
      -- Somebody else may have been faster, or have detached it to keep it.
      if exists (select from pg_inherits i
                 where i.inhrelid = to_regclass(format('homeostasis.%I', partition))
                   and i.inhparent = 'homeostasis.errors'::regclass) then
        execute format('drop table homeostasis.%I', partition);
        dropped := dropped + 1;
      end if;
    exception when lock_not_available or deadlock_detected then
      exit;
    end;
  end loop;
  return dropped;
end
$$;

comment on function homeostasis.drop_partitions(date) is
  'Drops the partitions of homeostasis.errors for days before the given one, and returns how many';

create function homeostasis.create_partitions(ahead integer) returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '500ms'
as $$
declare
  today constant date := (now() at time zone 'UTC')::date;
  created integer := 0;
begin
  for day in 0 .. ahead loop
    -- Whoever has the table for himself may need it for long; the next call
    -- tries again, and an error that needs the partition before makes it.
    begin
      created := created + homeostasis.create_partition(today + day)::integer;
    exception when lock_not_available or deadlock_detected then
      exit;
    end;
  end loop;
  return created;
end
$$;

comment on function homeostasis.create_partitions(integer) is
  'Creates the partitions of homeostasis.errors for today and the given number of days ahead';
