-- ingest.sql: events into the tables, and how that goes.

create function homeostasis.ingest(events jsonb) returns setof uuid
language c volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'homeo_ingest';

comment on function homeostasis.ingest(jsonb) is
  'Stores an error, or an array of them, in the caller''s transaction, and returns their ids in order. Of an array, one that is not well formed goes to rejected_events and has null for its id. Locks the issues it adds to until the transaction ends, so end it soon';
grant execute on function homeostasis.ingest(jsonb) to homeostasis_reporter;

create function homeostasis.ingest_checkup(events jsonb) returns setof uuid
language c volatile parallel unsafe
set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'homeo_ingest_checkup';

comment on function homeostasis.ingest_checkup(jsonb) is
  'The same for what a checkup finds: the events are those of the databases they name';

create function homeostasis.intake_stat(
  out consumer integer,
  out ring_bytes bigint,
  out used_bytes bigint,
  out captured bigint,
  out captured_bytes bigint,
  out dropped_full bigint,
  out dropped_too_large bigint,
  out dropped_nested bigint,
  out batches bigint,
  out stored bigint,
  out counted bigint,
  out duplicate bigint,
  out rejected bigint,
  out deferred bigint,
  out excluded bigint,
  out failed_batches bigint,
  out last_received_at timestamptz,
  out last_stored_at timestamptz)
returns setof record
language c volatile parallel restricted
set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'homeo_intake_stat';

comment on function homeostasis.intake_stat() is 'What is counted about the ring; see stat_intake';
grant execute on function homeostasis.intake_stat() to homeostasis_reader;

create view homeostasis.stat_intake as
  select s.*,
         case when s.used_bytes = 0 then interval '0'
              else clock_timestamp() - coalesce(s.last_received_at, pg_postmaster_start_time())
         end as lag
  from homeostasis.intake_stat() s;

comment on view homeostasis.stat_intake is
  'How errors come in: the ring in shared memory and the worker that empties it, since the server started';
comment on column homeostasis.stat_intake.used_bytes is 'Bytes of the ring that wait to be stored';
comment on column homeostasis.stat_intake.captured is
  'Events that went into the ring: captured from the server''s errors, or reported';
comment on column homeostasis.stat_intake.dropped_full is
  'Events for which there was no room: lost if captured, an error for the caller if reported';
comment on column homeostasis.stat_intake.dropped_too_large is 'Events larger than a record may be';
comment on column homeostasis.stat_intake.dropped_nested is
  'Errors raised while another one was being captured';
comment on column homeostasis.stat_intake.counted is
  'Events of a flood that are not stored but in the occurrences of a row of errors; see homeostasis.payloads_per_issue_per_minute';
comment on column homeostasis.stat_intake.duplicate is 'Events that were stored before';
comment on column homeostasis.stat_intake.rejected is 'Events that went to rejected_events';
comment on column homeostasis.stat_intake.deferred is
  'Times that an event was set aside because another transaction held a lock; see deferred_events';
comment on column homeostasis.stat_intake.excluded is
  'Events of a background process in a database or role that is excluded from capture';
comment on column homeostasis.stat_intake.failed_batches is
  'Batches that were rolled back and tried again; stat_workers has the last error';
comment on column homeostasis.stat_intake.lag is
  'How far behind the tables are: the age of the last event taken while others wait, else 0';
grant select on homeostasis.stat_intake to homeostasis_reader;
