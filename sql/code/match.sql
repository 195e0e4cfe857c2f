-- match.sql: which rule says most about an event, and why.

-- Without a role and a search_path of its own, which would take longer to set
-- than to find an answer that is known; what reads the rules sets both.
create function homeostasis.match(event jsonb)
returns table (rule_id text, confidence numeric, root_cause text, suggestion text,
  template text, captures jsonb)
language c strict rows 1
as 'MODULE_PATHNAME', 'homeo_match';

create function homeostasis.explain_match(event jsonb, every_rule boolean default false,
  only_rule text default null)
returns table (rank integer, rule_id text, outcome text, reason text, specificity integer,
  confidence numeric, microseconds double precision, place text, cached text)
language c security definer
set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'homeo_explain_match';

create function homeostasis.pattern_matches(pattern text, subject text) returns boolean
language c strict
set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'homeo_pattern_matches';

create function homeostasis.pattern_problem(pattern text) returns text
language c strict
set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'homeo_pattern_problem';

create function homeostasis.pattern_risk(pattern text) returns text
language c strict
set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'homeo_pattern_risk';

create function homeostasis.rule_counters()
returns table (rule_id text, candidates bigint, trials bigint, wins bigint, limit_hits bigint,
  microseconds double precision)
language c
as 'MODULE_PATHNAME', 'homeo_rule_counters';

create function homeostasis.take_limit_hits(most bigint)
returns table (rule_id text, hits bigint)
language c strict volatile
set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'homeo_take_limit_hits';

create function homeostasis.disable_costly_rules() returns bigint
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  most constant bigint := homeostasis.setting('max_limit_hits_per_hour')::bigint;
  costly record;
  disabled bigint := 0;
begin
  for costly in
    select h.rule_id, h.hits from homeostasis.take_limit_hits(most) h where most > 0
  loop
    update homeostasis.rules r
      set enabled = false,
          disabled_reason = format('it ran into homeostasis.match_limit %s times within an hour',
                                   costly.hits)
      where r.id = costly.rule_id and r.enabled;
    continue when not found;
    perform homeostasis.audit_append('disabled', 'rule', null, costly.rule_id,
      jsonb_build_object('reason', r.disabled_reason))
      from homeostasis.rules r where r.id = costly.rule_id;
    raise warning 'rule "%" is disabled: it ran into homeostasis.match_limit % times within an hour',
        costly.rule_id, costly.hits
      using hint = 'Mend its pattern and set enabled again.';
    disabled := disabled + 1;
  end loop;
  return disabled;
end
$$;

create view homeostasis.stat_rules as
  select r.id as rule_id, r.pack,
         coalesce(sum(c.candidates), 0)::bigint as candidates,
         coalesce(sum(c.trials), 0)::bigint as trials,
         coalesce(sum(c.wins), 0)::bigint as wins,
         coalesce(sum(c.limit_hits), 0)::bigint as limit_hits,
         sum(c.microseconds) / nullif(sum(c.trials), 0) as mean_microseconds,
         r.confidence, l.confidence as learned_confidence,
         coalesce(o.heals, 0) as heals, coalesce(o.rollbacks, 0) as rollbacks,
         coalesce(o.rejections, 0) as rejections
  from homeostasis.rules r
  left join homeostasis.rule_counters() c on c.rule_id = r.id
  left join homeostasis.rule_learning l on l.rule_id = r.id
  left join (select p.rule_id, count(*) filter (where p.outcome = 'healed') as heals,
                    count(*) filter (where p.outcome = 'rolled_back') as rollbacks,
                    count(*) filter (where p.outcome = 'rejected') as rejections
             from homeostasis.rule_outcomes p group by p.rule_id) o on o.rule_id = r.id
  group by r.id, r.pack, r.confidence, l.confidence, o.heals, o.rollbacks, o.rejections;

-- The event that an example with a message, or with the text that is printed,
-- stands for; null for one with SQL.
create function homeostasis.example_event(rule homeostasis.rules, example jsonb) returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_strip_nulls(jsonb_build_object(
    'language', coalesce(example ->> 'language', rule.language, 'unknown'),
    'error_type', coalesce(example ->> 'error_type', rule.error_type),
    'sqlstate', example ->> 'sqlstate',
    'error_message', coalesce(example ->> 'message', example ->> 'text'),
    'detail', example ->> 'detail',
    'context', example ->> 'context',
    'statement', example ->> 'statement',
    'stack_trace', case when jsonb_typeof(example -> 'stack_trace') in ('string', 'array')
                     then example -> 'stack_trace' end,
    'schema_name', coalesce(example ->> 'schema_name', rule.schema_name),
    'table_name', coalesce(example ->> 'table_name', rule.table_name),
    'column_name', coalesce(example ->> 'column_name', rule.column_name),
    'constraint_name', coalesce(example ->> 'constraint_name', rule.constraint_name),
    'datatype_name', coalesce(example ->> 'datatype_name', rule.datatype_name),
    'service', coalesce(example ->> 'service', rule.service),
    'environment', nullif(jsonb_strip_nulls(jsonb_build_object(
      'framework', coalesce(example ->> 'framework', rule.framework),
      'platform', coalesce(example ->> 'platform', rule.platform))), '{}')))
  where example ?| array['message', 'text']
$$;

comment on function homeostasis.match(jsonb) is
  'The rule that says most about an event, with the named groups of its patterns; no row when none matches. Takes what report() takes';
comment on function homeostasis.explain_match(jsonb, boolean, text) is
  'What became of each rule when an event is matched, best first, and why. Rules that a condition or the scan leaves out are shown with every_rule; only_rule shows one. cached, the same in all rows, says where match() would have found the answer: local (this session), shared (memory of all), or null: nowhere';
comment on function homeostasis.pattern_matches(text, text) is
  'Whether a rule''s pattern matches a text; null when it runs into a limit';
comment on function homeostasis.pattern_problem(text) is
  'Why PCRE2 does not compile a pattern, with the offset; null: it does';
comment on function homeostasis.pattern_risk(text) is
  'Where the time that a pattern takes may explode with the length of a text, told from the pattern alone; null: nowhere';
comment on function homeostasis.rule_counters() is
  'Counters of rules in shared memory, since the server started; stat_rules is easier to read';
comment on function homeostasis.take_limit_hits(bigint) is
  'Rules that ran into a limit at least so many times within the current hour, and how many times; the hour of these begins anew';
comment on function homeostasis.disable_costly_rules() is
  'Disables rules that ran into homeostasis.match_limit more often within an hour than homeostasis.max_limit_hits_per_hour allows; returns how many';
comment on function homeostasis.example_event(homeostasis.rules, jsonb) is
  'The event that an example of a rule states';
comment on view homeostasis.stat_rules is
  'How often each rule was considered, tried and right, since the server started';
comment on column homeostasis.stat_rules.candidates is
  'Events whose text and conditions made the rule a candidate, without those of which it was known already what the rules say';
comment on column homeostasis.stat_rules.trials is
  'Times its patterns were tried; fewer than candidates when better rules win, fewer than wins when the same events come again';
comment on column homeostasis.stat_rules.wins is
  'Events that it diagnosed, with those of which that was known already: see stat_cache';
comment on column homeostasis.stat_rules.limit_hits is
  'Trials that a limit ended: see homeostasis.match_limit';
comment on column homeostasis.stat_rules.mean_microseconds is 'Mean time of a trial';
comment on column homeostasis.stat_rules.confidence is 'How sure its author is';
comment on column homeostasis.stat_rules.learned_confidence is
  'What matching goes by instead, since something became of its patches; null: nothing has';
comment on column homeostasis.stat_rules.heals is
  'Patches that healed, whatever conditions the rule had then; see rule_outcomes, also for the next two';
comment on column homeostasis.stat_rules.rollbacks is
  'Patches that were taken back, or should have been';
comment on column homeostasis.stat_rules.rejections is 'Patches that a person rejected';

grant execute on function homeostasis.match(jsonb), homeostasis.explain_match(jsonb, boolean, text),
  homeostasis.pattern_matches(text, text), homeostasis.pattern_problem(text), homeostasis.pattern_risk(text),
  homeostasis.rule_counters()
  to homeostasis_reader;
