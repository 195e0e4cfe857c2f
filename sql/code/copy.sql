-- copy.sql: events by COPY, one a row, in the caller's transaction.

create view homeostasis.intake as
  select null::text as event where false;

comment on view homeostasis.intake is
  'Copy errors into it, one JSON object a row: \copy homeostasis.intake from ''events.jsonl'' with (format csv, quote e''\x01'', delimiter e''\x02''). They are stored in the caller''s transaction like those of ingest(); a row that is not well formed goes to rejected_events and does not fail the others. It shows nothing: see errors';
comment on column homeostasis.intake.event is 'An error as a JSON object; a row that is null or blank is none';

-- Rows are gathered in between, so the three belong together.

create function homeostasis.copy_statement() returns trigger
language c security definer
set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'homeo_copy_statement';

comment on function homeostasis.copy_statement() is
  'Trigger: begins to gather the events of a statement, and stores those that are left at its end';

create function homeostasis.copy_row() returns trigger
language c security definer
set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'homeo_copy_row';

comment on function homeostasis.copy_row() is
  'Trigger: takes an event of the statement, and stores what was gathered when that is a batch';

create trigger begin_copy before insert on homeostasis.intake
  for each statement execute function homeostasis.copy_statement();
create trigger copy_row instead of insert on homeostasis.intake
  for each row execute function homeostasis.copy_row();
create trigger end_copy after insert on homeostasis.intake
  for each statement execute function homeostasis.copy_statement();

grant insert on homeostasis.intake to homeostasis_reporter;
