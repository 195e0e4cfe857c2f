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

create function homeostasis.ingest_own(event jsonb, occurrences integer) returns uuid
language c volatile parallel unsafe
set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'homeo_ingest_own';

comment on function homeostasis.ingest_own(jsonb, integer) is
  'The same for what happened to the extension itself, so often: an event of its own service';

create function homeostasis.intake_stat(
  out consumer integer,
  out ring_bytes bigint,
  out used_bytes bigint,
  out journal_bytes bigint,
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
  out last_batch bigint,
  out largest_batch bigint,
  out rate double precision,
  out last_received_at timestamptz,
  out last_stored_at timestamptz)
returns setof record
language c volatile parallel restricted
set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'homeo_intake_stat';

comment on function homeostasis.intake_stat() is 'What is counted about the rings; see stat_intake';
grant execute on function homeostasis.intake_stat() to homeostasis_reader;

create view homeostasis.stat_intake as
  select s.*,
         case when s.used_bytes = 0 then interval '0'
              else clock_timestamp() - coalesce(s.last_received_at, pg_postmaster_start_time())
         end as lag
  from homeostasis.intake_stat() s;

comment on view homeostasis.stat_intake is
  'How errors come in: each ingest worker and the ring in shared memory that it empties, since the server started. Of this server alone: a standby has its own';
comment on column homeostasis.stat_intake.used_bytes is
  'Bytes of the ring and of the journal that wait to be stored';
comment on column homeostasis.stat_intake.journal_bytes is 'Those of the journal, compressed';
comment on column homeostasis.stat_intake.captured is
  'Events that went into the ring or the journal: captured from the server''s errors, or reported';
comment on column homeostasis.stat_intake.dropped_full is
  'Events for which there was no room: lost if captured, an error for the caller if reported';
comment on column homeostasis.stat_intake.dropped_too_large is 'Events larger than a record may be';
comment on column homeostasis.stat_intake.dropped_nested is
  'Errors raised while another one was being captured';
comment on column homeostasis.stat_intake.counted is
  'Events of a flood that are not stored but in the occurrences of a row of errors; see homeostasis.payloads_per_issue_per_minute and services.payloads_per_minute';
comment on column homeostasis.stat_intake.duplicate is 'Events that were stored before';
comment on column homeostasis.stat_intake.rejected is 'Events that went to rejected_events';
comment on column homeostasis.stat_intake.deferred is
  'Times that an event was set aside because another transaction held a lock; see deferred_events';
comment on column homeostasis.stat_intake.excluded is
  'Events of a background process in a database or role that is excluded from capture';
comment on column homeostasis.stat_intake.failed_batches is
  'Batches that were rolled back and tried again; stat_workers has the last error';
comment on column homeostasis.stat_intake.last_batch is 'Events that were stored together last';
comment on column homeostasis.stat_intake.largest_batch is
  'Events in the largest batch; see homeostasis.batch_size, which a worker that is behind exceeds';
comment on column homeostasis.stat_intake.rate is
  'Events stored a second, over about the last minute';
comment on column homeostasis.stat_intake.lag is
  'How far behind the tables are: the age of the last event taken while others wait, else 0';
grant select on homeostasis.stat_intake to homeostasis_reader;

create function homeostasis.journal_stat(
  out epoch bigint,
  out limit_bytes bigint,
  out segment_bytes integer,
  out segments integer,
  out written_position bigint,
  out flushed_position bigint,
  out records bigint,
  out raw_bytes bigint,
  out block_bytes bigint,
  out spilled bigint,
  out flushes bigint,
  out failures bigint,
  out damaged bigint,
  out lost bigint)
returns record
language c volatile parallel restricted
set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'homeo_journal_stat';

comment on function homeostasis.journal_stat() is 'What is counted about the journal; see stat_journal';
grant execute on function homeostasis.journal_stat() to homeostasis_reader;

create view homeostasis.stat_journal as
  select s.* from homeostasis.journal_stat() s;

comment on view homeostasis.stat_journal is
  'The journal in which reported events wait on disk to be stored, since the server started. Of this server alone: what waits in it is not replicated';
comment on column homeostasis.stat_journal.epoch is 'Which life of the server this is';
comment on column homeostasis.stat_journal.limit_bytes is 'See homeostasis.journal_limit';
comment on column homeostasis.stat_journal.segment_bytes is 'Size of each of its files';
comment on column homeostasis.stat_journal.segments is 'Files there are';
comment on column homeostasis.stat_journal.written_position is
  'Where the next event will be: segment * 2^32 + offset';
comment on column homeostasis.stat_journal.flushed_position is
  'Everything before it survives a loss of power';
comment on column homeostasis.stat_journal.records is 'Events that were written';
comment on column homeostasis.stat_journal.raw_bytes is 'Bytes of these events';
comment on column homeostasis.stat_journal.block_bytes is 'Bytes that they take on disk, compressed';
comment on column homeostasis.stat_journal.spilled is
  'Those of them that had no room in memory, or were there at a shutdown';
comment on column homeostasis.stat_journal.flushes is 'Times that it was flushed to disk';
comment on column homeostasis.stat_journal.failures is
  'Times that it could not be written or flushed';
comment on column homeostasis.stat_journal.damaged is
  'Places that could not be read; the server''s log names each';
comment on column homeostasis.stat_journal.lost is
  'Events that are known to be missing; the server''s log says where';
grant select on homeostasis.stat_journal to homeostasis_reader;
