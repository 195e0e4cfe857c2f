-- report.sql: events from SQL, outside the caller's transaction.
--
-- Those in C look up no names, so they go without a search_path of their own,
-- which a call would take two microseconds to set.

create function homeostasis.report(event jsonb) returns uuid
language c volatile parallel restricted
as 'MODULE_PATHNAME', 'homeo_report';

comment on function homeostasis.report(jsonb) is
  'Reports an error, and returns its id. It is stored even if the transaction is rolled back or read-only, a moment later. Raises an error that names the field if the event is not well formed, and one if there is no room for it';
grant execute on function homeostasis.report(jsonb) to homeostasis_reporter;

create function homeostasis.report(
  error_type text,
  error_message text,
  language text default null,
  service text default null,
  stack_trace text[] default null,
  level text default null,
  sqlstate text default null,
  detail text default null,
  hint text default null,
  context text default null,
  statement text default null,
  schema_name text default null,
  table_name text default null,
  column_name text default null,
  constraint_name text default null,
  datatype_name text default null,
  release text default null,
  environment jsonb default null,
  normalized_classification jsonb default null,
  metadata jsonb default null,
  application_name text default null,
  error_id text default null,
  "timestamp" timestamptz default null)
returns uuid
language sql volatile parallel restricted
set search_path = pg_catalog, pg_temp
as $$
  select homeostasis.report(jsonb_build_object(
    'error_type', error_type, 'error_message', error_message, 'language', language,
    'service', service, 'stack_trace', stack_trace, 'level', level, 'sqlstate', sqlstate,
    'detail', detail, 'hint', hint, 'context', context, 'statement', statement,
    'schema_name', schema_name, 'table_name', table_name, 'column_name', column_name,
    'constraint_name', constraint_name, 'datatype_name', datatype_name,
    'release', release, 'environment', environment,
    'normalized_classification', normalized_classification, 'metadata', metadata,
    'application_name', application_name, 'error_id', error_id, 'timestamp', "timestamp"))
$$;

comment on function homeostasis.report(text, text, text, text, text[], text, text, text, text, text, text, text, text, text, text, text, text, jsonb, jsonb, jsonb, text, text, timestamptz) is
  'The same with named arguments: homeostasis.report(error_type => ''...'', error_message => sqlerrm, sqlstate => sqlstate)';
grant execute on function homeostasis.report(text, text, text, text, text[], text, text, text, text, text, text, text, text, text, text, text, text, jsonb, jsonb, jsonb, text, text, timestamptz)
  to homeostasis_reporter;

create function homeostasis.report_batch(events jsonb) returns setof uuid
language c volatile parallel restricted
as 'MODULE_PATHNAME', 'homeo_report_batch';

comment on function homeostasis.report_batch(jsonb) is
  'Reports an array of errors like report(), and returns their ids in order. One that is not well formed goes to rejected_events and has null for its id; the others are stored';
grant execute on function homeostasis.report_batch(jsonb) to homeostasis_reporter;

create function homeostasis.report_batch(body bytea, encoding text) returns setof uuid
language c volatile parallel restricted
as 'MODULE_PATHNAME', 'homeo_report_body';

comment on function homeostasis.report_batch(bytea, text) is
  'The same for a body of UTF-8: a JSON array of errors, or one a line (blank lines do not count), compressed as encoding says with gzip, zlib, lz4 (frames) or zstd, or identity if it is not. A body that is damaged, or larger than homeostasis.decompressed_limit, is refused before any of it is taken; a line that is not JSON goes to rejected_events like an error that is not well formed';
grant execute on function homeostasis.report_batch(bytea, text) to homeostasis_reporter;
