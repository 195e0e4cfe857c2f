-- worker.sql: the background workers as a view, and their work in a session.

create function homeostasis.worker_status(
  out kind text, out number integer, out pid integer, out database_id oid, out state text,
  out started_at timestamptz, out last_turn_at timestamptz, out turns bigint,
  out errors bigint, out last_error_at timestamptz, out last_error text, out memory_bytes bigint,
  out memory_peak_bytes bigint, out memory_share_bytes bigint, out early_batches bigint,
  out user_ms double precision, out system_ms double precision, out blocks_read bigint,
  out blocks_written bigint, out wal_bytes bigint)
returns setof record
language c volatile strict parallel restricted
as 'MODULE_PATHNAME', 'homeo_worker_stat';

comment on function homeostasis.worker_status() is
  'One row for each worker of the extension that runs; see stat_workers';

create view homeostasis.stat_workers as
  select s.kind, s.number, s.pid, d.datname as database, s.state, s.started_at, s.last_turn_at,
         s.turns, s.errors, s.last_error_at, s.last_error, s.memory_bytes,
         s.memory_peak_bytes, s.memory_share_bytes, s.early_batches, s.user_ms, s.system_ms,
         s.blocks_read, s.blocks_written, s.wal_bytes
  from homeostasis.worker_status() s
  left join pg_catalog.pg_database d on d.oid = s.database_id;

comment on view homeostasis.stat_workers is
  'One row for each worker that runs, in all databases of the server';
comment on column homeostasis.stat_workers.state is
  'starting, waiting for database, waiting for extension, idle, working, backing off, switched off';
comment on column homeostasis.stat_workers.turns is
  'Transactions since the server started, those that failed included';
comment on column homeostasis.stat_workers.errors is 'Turns that failed since the server started';
comment on column homeostasis.stat_workers.memory_bytes is
  'Memory that the worker had allocated after its last turn';
comment on column homeostasis.stat_workers.memory_peak_bytes is
  'The most that it had allocated in a turn since started_at';
comment on column homeostasis.stat_workers.memory_share_bytes is
  'Its share of homeostasis.memory_limit; null: it has none';
comment on column homeostasis.stat_workers.early_batches is
  'Batches since started_at that were smaller than they could be, so that the worker stays within its share';
comment on column homeostasis.stat_workers.user_ms is
  'Processor time that the process has used itself, up to the end of its last turn';
comment on column homeostasis.stat_workers.system_ms is
  'Processor time that the kernel has used for it';
comment on column homeostasis.stat_workers.blocks_read is
  'Blocks of 8 kB that it has read since started_at, from disk or the kernel''s cache; temporary files included';
comment on column homeostasis.stat_workers.blocks_written is
  'Blocks that it has written itself; most are written by the checkpointer';
comment on column homeostasis.stat_workers.wal_bytes is
  'Bytes of write-ahead log that it has made since started_at';

create procedure homeostasis.advance()
language c
as 'MODULE_PATHNAME', 'homeo_advance';

comment on procedure homeostasis.advance() is
  'Does the work of the ingest worker, if there is none, and of the healer now, until nothing is left to do; not in a transaction block';
grant execute on procedure homeostasis.advance() to homeostasis_operator;

create procedure homeostasis.run_job(kind text, database name, payload jsonb,
  inout result jsonb default null)
language c
as 'MODULE_PATHNAME', 'homeo_run_job';

comment on procedure homeostasis.run_job(text, name, jsonb, jsonb) is
  'Has an operator run one job that is in no queue and returns its result: for those who write templates. Superusers only';

create function homeostasis.workers_since() returns timestamptz
language c stable strict parallel safe
as 'MODULE_PATHNAME', 'homeo_worker_since';

comment on function homeostasis.workers_since() is
  'When the server started, or started again after a crash: no worker from before exists any more';
grant execute on function homeostasis.worker_status(), homeostasis.workers_since()
  to homeostasis_reader;
