-- compact.sql: a partition of errors that is some days old is stored anew.
--
-- Nothing is added to it any more, or hardly ever, so it can be put in order:
-- its rows by service, fingerprint and time, long values compressed, all
-- frozen, and its indexes built at once and full.  That is done into another
-- table, which then takes the partition's place.
--
-- Locks.  While rows are copied the partition may be read; whoever wants to
-- add a late event to it waits, or is put off by the ingest worker.  Only to
-- change the tables the parent is needed for itself, as it is to drop a
-- partition, so that is the last thing that maintain() does with it.  If it
-- can't be had soon the copy was for nothing, and the next call tries again.
-- Whoever waits for the partition has the parent already, so then nobody could
-- go on: the copy is given up at once, and the partition with it.
--
-- All is one transaction: what is ended half-way has not happened.  A comment
-- on the partition says that it was done.

create function homeostasis.copy_errors(source regclass, target regclass, most_ms integer)
returns bigint
language c strict
as 'MODULE_PATHNAME', 'homeo_compact_copy';

comment on function homeostasis.copy_errors(regclass, regclass, integer) is
  'Copies the rows of a partition of errors, in order and frozen, into a table that the same transaction made; returns how many. Raises an error if it takes longer';

create function homeostasis.is_compact(relation oid) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
return coalesce(obj_description(relation, 'pg_class') ~ '^(Compact since|Not made compact)', false);

comment on function homeostasis.is_compact(oid) is
  'Whether a partition of errors was made compact, or could not be in time, since rows were deleted from it';

create function homeostasis.compactable(first_kept date) returns date
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select p.day
  from homeostasis.partitions() p,
       coalesce(current_setting('homeostasis.compact_after_days', true)::integer, 2) days,
       pg_size_bytes(coalesce(current_setting('homeostasis.compact_limit', true), '1GB')) most
  where days > 0 and p.day >= first_kept and p.day < (now() at time zone 'UTC')::date - days
    and not homeostasis.is_compact(p.relation)
    and pg_relation_size(p.relation) > 0 and pg_table_size(p.relation) <= most
  order by p.day desc
  limit 1
$$;

comment on function homeostasis.compactable(date) is
  'The latest day before yesterday, of those that are kept, whose partition is to be made compact next; null: none';

create function homeostasis.build_indexes(relation name) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  definition text;
begin
  for definition in
    select case when k.oid is null
             then format('create %s index on homeostasis.%I%s',
                         case when i.indisunique then 'unique' end, relation,
                         substring(pg_get_indexdef(i.indexrelid) from ' USING .*'))
             else format('alter table homeostasis.%I add %s', relation, pg_get_constraintdef(k.oid))
           end
    from pg_index i
    left join pg_constraint k on k.conindid = i.indexrelid and k.conrelid = i.indrelid
    where i.indrelid = 'homeostasis.errors'::regclass
    order by i.indexrelid
  loop
    execute definition;
  end loop;
end
$$;

comment on function homeostasis.build_indexes(name) is
  'Builds the indexes that homeostasis.errors has on a table that is to become its partition';

create function homeostasis.is_waited_for(relation oid) returns boolean
language sql volatile
set search_path = pg_catalog, pg_temp
return exists (select from pg_locks l join pg_database d on d.oid = l.database
               where d.datname = current_database() and l.relation = is_waited_for.relation and not l.granted);

comment on function homeostasis.is_waited_for(oid) is
  'Whether somebody waits for a lock on a relation';

create function homeostasis.build_compact(day date) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
-- For the sort.
set work_mem = '64MB'
as $$
declare
  -- A part of what healer.c gives maintain().
  most_ms constant integer := 120000;
  partition constant regclass := homeostasis.partition_of(day);
  old constant name := (select relname from pg_class where oid = partition);
  new constant name := old || '_compact';
begin
  -- An older snapshot would not see what was added until we have the lock.
  if partition is null or current_setting('transaction_isolation') <> 'read committed' then
    return false;
  end if;
  begin
    execute format('lock table homeostasis.%I in share row exclusive mode', old);
    -- From here on nobody can detach it; somebody may have just before.
    if homeostasis.partition_of(day) is distinct from partition then
      return false;
    end if;
    execute format('create table homeostasis.%I (like homeostasis.errors including all excluding indexes,'
                   ' constraint of_day check ("timestamp" >= %L and "timestamp" < %L)) with (%s)',
                   new, day::timestamp at time zone 'UTC', (day + 1)::timestamp at time zone 'UTC',
                   homeostasis.partition_options());
    perform homeostasis.copy_errors(format('homeostasis.%I', old)::regclass,
                                    format('homeostasis.%I', new)::regclass, most_ms);
    perform homeostasis.build_indexes(new);
    execute format('analyze homeostasis.%I', new);
    if homeostasis.is_waited_for(partition) then
      raise lock_not_available;
    end if;
    return true;
  exception
    when lock_not_available or deadlock_detected then
      null;
    when program_limit_exceeded then
      raise warning 'could not make the errors of % compact: %', day, sqlerrm;
      execute format('comment on table homeostasis.%I is %L', old,
                     format('Not made compact on %s, because it took too long', current_date));
    when others then
      -- Whatever it is, a full disk perhaps: retention must go on.
      raise warning 'could not make the errors of % compact: %', day, sqlerrm;
  end;
  return false;
end
$$;

comment on function homeostasis.build_compact(date) is
  'Copies the partition of a day; whether there is a copy now, which the same transaction must use or drop';

create function homeostasis.use_compact(day date) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  old constant name := (select relname from pg_class where oid = homeostasis.partition_of(day));
  new constant name := old || '_compact';
  index name;
begin
  lock table only homeostasis.errors in access exclusive mode;
  execute format('drop table homeostasis.%I', old);
  execute format('alter table homeostasis.%I rename to %I', new, old);
  for index in
    select c.relname from pg_index i join pg_class c on c.oid = i.indexrelid
    where i.indrelid = format('homeostasis.%I', old)::regclass
  loop
    execute format('alter index homeostasis.%I rename to %I', index, replace(index, new, old));
  end loop;
  -- The constraint says that no row needs to be looked at.
  execute format('alter table homeostasis.errors attach partition homeostasis.%I for values from (%L) to (%L)',
                 old, day::timestamp at time zone 'UTC', (day + 1)::timestamp at time zone 'UTC');
  execute format('alter table homeostasis.%I drop constraint of_day', old);
  execute format('comment on table homeostasis.%I is %L', old, 'Compact since ' || current_date);
  return true;
exception
  when lock_not_available or deadlock_detected then
    execute format('drop table homeostasis.%I', new);
    return false;
  when others then
    raise warning 'could not make the errors of % compact: %', day, sqlerrm;
    execute format('drop table homeostasis.%I', new);
    return false;
end
$$;

comment on function homeostasis.use_compact(date) is
  'Puts the copy that build_compact() made in the place of its partition; false: others use errors, and the copy is dropped';
