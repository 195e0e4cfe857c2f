-- worker.sql: the background workers as a view, and their work in a session.

create function homeostasis.worker_status(
  out kind text, out number integer, out pid integer, out database_id oid, out state text,
  out started_at timestamptz, out last_turn_at timestamptz, out turns bigint,
  out errors bigint, out last_error_at timestamptz, out last_error text, out memory_bytes bigint)
returns setof record
language c volatile strict parallel restricted
as 'MODULE_PATHNAME', 'homeo_worker_stat';

comment on function homeostasis.worker_status() is
  'One row for each worker of the extension that runs; see stat_workers';

create view homeostasis.stat_workers as
  select s.kind, s.number, s.pid, d.datname as database, s.state, s.started_at, s.last_turn_at,
         s.turns, s.errors, s.last_error_at, s.last_error, s.memory_bytes
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
