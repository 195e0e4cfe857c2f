-- ruleset.sql: the compiled rules that all processes share.

create function homeostasis.ruleset_status(
  out database_id oid, out generation bigint, out rules bigint, out patterns bigint, out scanned_patterns bigint,
  out bytes bigint, out published_at timestamptz, out compile_ms double precision, out problem text)
returns setof record
language c volatile strict parallel restricted
as 'MODULE_PATHNAME', 'homeo_ruleset_status';

create view homeostasis.stat_ruleset as
  select s.generation, s.rules, s.patterns, s.scanned_patterns, s.bytes, s.published_at, s.compile_ms, s.problem
  from homeostasis.ruleset_status() s
  where s.database_id is null
    or s.database_id = (select d.oid from pg_catalog.pg_database d where d.datname = current_database());

create function homeostasis.rules_ready(timeout interval default '1 minute') returns bigint
language c strict volatile security definer
set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'homeo_rules_ready';

comment on function homeostasis.ruleset_status() is
  'The compiled rules in shared memory, of whatever database they are; see stat_ruleset';
comment on view homeostasis.stat_ruleset is
  'The compiled rules of this database that all processes share; only nulls, and perhaps a problem, while there are none. Rules that have changed since are matched beside them';
comment on column homeostasis.stat_ruleset.generation is
  'Number of these compiled rules since the server started; each time rules were compiled it is another one';
comment on column homeostasis.stat_ruleset.rules is 'Rules that were enabled';
comment on column homeostasis.stat_ruleset.patterns is 'Their patterns; the same one counts once';
comment on column homeostasis.stat_ruleset.scanned_patterns is
  'Those that one scan with Vectorscan looks for; the others are searched for by their literal parts, or tried';
comment on column homeostasis.stat_ruleset.bytes is 'Shared memory that they take';
comment on column homeostasis.stat_ruleset.compile_ms is
  'Time it took to compile them; null when an earlier life of the server had stored them';
comment on column homeostasis.stat_ruleset.problem is
  'Why there is no scan, or nothing shared; matching is right all the same, but slower with thousands of rules';
comment on function homeostasis.rules_ready(interval) is
  'Waits until the shared compiled rules are just those that are committed, and returns their generation; null when the time is over. Nobody needs to wait to be matched by a new rule: it is for measurements and tests';

grant execute on function homeostasis.rules_ready(interval) to homeostasis_reader;
