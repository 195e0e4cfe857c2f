-- lint.sql: what is dubious about rules.

-- Which rules match the examples of the enabled ones, best first.
create function homeostasis.rule_trials(pack text)
returns table (id text, example bigint, event jsonb, rule_id text, rank integer, specificity integer,
  place text, confidence numeric, priority integer)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select e.id, e.place, e.event, x.rule_id, x.rank, x.specificity, x.place, x.confidence, o.priority
  from (select r.id, n.ordinality as place, homeostasis.example_event(r, n.value) as event
        from homeostasis.rules r
        cross join jsonb_array_elements(r.examples) with ordinality n
        where r.enabled and (rule_trials.pack is null or r.pack = rule_trials.pack)) e
  left join lateral homeostasis.explain_match(e.event) x on x.outcome in ('won', 'outranked')
  left join homeostasis.rules o on o.id = x.rule_id
  where e.event is not null
$$;

-- The patterns of the enabled rules, by their columns.
create function homeostasis.rule_patterns(pack text)
returns table (id text, name text, pattern text, problem text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select r.id, p.name, p.pattern, homeostasis.pattern_problem(p.pattern)
  from homeostasis.rules r
  cross join lateral (values ('pattern', r.pattern), ('text_pattern', r.text_pattern),
    ('detail_pattern', r.detail_pattern), ('context_pattern', r.context_pattern),
    ('statement_pattern', r.statement_pattern), ('frame_pattern', r.frame_pattern)) p (name, pattern)
  where r.enabled and p.pattern is not null and (rule_patterns.pack is null or r.pack = rule_patterns.pack)
$$;

-- What examples show.
create function homeostasis.lint_examples(pack text)
returns table (rule_id text, problem text, detail text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with trial as materialized
  (
    select * from homeostasis.rule_trials(lint_examples.pack)
  ),
  own as materialized
  (
    select t.* from trial t where t.rule_id = t.id
  ),
  better as
  (
    select o.id, o.example, t.rule_id as better, t.rank,
           count(*) over (partition by o.id, t.rule_id) as examples,
           row_number() over (partition by o.id, o.example order by t.rank) as place
    from own o
    join trial t on t.id = o.id and t.example = o.example and t.rank < o.rank
  )
  select t.id, 'does not match its own example', format('example %s: %s', t.example, x.reason)
    from (select distinct on (t.id, t.example) t.id, t.example, t.event from trial t
          where not exists (select from own o where o.id = t.id and o.example = t.example)) t
    cross join lateral homeostasis.explain_match(t.event, true, t.id) x
  union all
  select b.id, 'is outranked on its own example', format('example %s: %s wins', b.example, b.better)
    from better b where b.place = 1
  union all
  select b.id, 'is shadowed by another rule',
         format('%s outranks it on each of its examples', (array_agg(b.better order by b.rank))[1])
    from better b
    where b.examples = (select count(*) from own o where o.id = b.id)
    group by b.id
  union all
  select o.id, 'ties with another rule',
         format('example %s: only the id decides between it and %s', o.example, t.rule_id)
    from own o
    join trial t on t.id = o.id and t.example = o.example and t.rule_id <> o.id
      and (t.specificity, t.place, t.confidence, t.priority) = (o.specificity, o.place, o.confidence, o.priority)
  union all
  select r.id, 'matches its own counter-example', format('counter-example %s', e.place)
    from homeostasis.rules r
    cross join jsonb_array_elements(r.counter_examples) with ordinality e (example, place)
    cross join lateral homeostasis.example_event(r, e.example) v (event)
    cross join lateral homeostasis.explain_match(v.event, true, r.id) x
    where r.enabled and v.event is not null and x.outcome in ('won', 'outranked', 'missed')
      and (lint_examples.pack is null or r.pack = lint_examples.pack)
$$;

-- What the rules themselves show, and what was counted of them.
create function homeostasis.lint_patterns(pack text)
returns table (rule_id text, problem text, detail text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with pattern as materialized
  (
    select * from homeostasis.rule_patterns(lint_patterns.pack)
  )
  select p.id, 'does not compile', format('%s: %s', p.name, p.problem)
    from pattern p where p.problem is not null
  union all
  select p.id, 'matches the empty string', p.name
    from pattern p where case when p.problem is null then homeostasis.pattern_matches(p.pattern, '') end
  union all
  select p.id, 'may backtrack catastrophically', format('%s: %s', p.name, homeostasis.pattern_risk(p.pattern))
    from pattern p where case when p.problem is null then homeostasis.pattern_risk(p.pattern) is not null end
  union all
  select s.rule_id, 'may backtrack catastrophically',
         format('it ran into homeostasis.match_limit %s times since the server started', s.limit_hits)
    from homeostasis.stat_rules s
    join homeostasis.rules r on r.id = s.rule_id and r.enabled
    where s.limit_hits > 0 and (lint_patterns.pack is null or s.pack = lint_patterns.pack)
  union all
  select d.id, 'has the same conditions as another rule', d.first
    from (select r.id, r.pack,
            min(r.id) over (partition by r.language, r.sqlstates, r.error_type, r.schema_name, r.table_name,
              r.column_name, r.constraint_name, r.datatype_name, r.service,
              lower(trim(r.framework) collate "C"), lower(trim(r.platform) collate "C"), r.pattern,
              r.text_pattern, r.detail_pattern, r.context_pattern, r.statement_pattern, r.frame_pattern) as first
          from homeostasis.rules r
          where r.enabled) d
    where d.id <> d.first and (lint_patterns.pack is null or d.pack = lint_patterns.pack)
$$;

create function homeostasis.lint_rules(pack text default null)
returns table (rule_id text, problem text, detail text)
language sql security definer
set search_path = pg_catalog, pg_temp
as $$
  select * from homeostasis.lint_patterns(lint_rules.pack)
  union all
  select * from homeostasis.lint_examples(lint_rules.pack)
$$;

comment on function homeostasis.rule_trials(text) is
  'Which rules match the examples of the enabled rules, or of those of one pack, and their rank; a row without a rule_id for an example that none matches';
comment on function homeostasis.rule_patterns(text) is
  'The patterns of the enabled rules, or of those of one pack, and why PCRE2 refuses them';
comment on function homeostasis.lint_examples(text) is
  'What is dubious about the enabled rules, or about those of one pack, as far as their examples show it';
comment on function homeostasis.lint_patterns(text) is
  'What is dubious about the enabled rules, or about those of one pack, as far as they show it themselves';
comment on function homeostasis.lint_rules(text) is
  'What is dubious about the enabled rules, or about those of one pack: patterns that do not compile, match the empty string or may backtrack without end; examples that they do not match, that others win or tie on; counter-examples that they match; rules that others shadow or repeat';

grant execute on function homeostasis.lint_rules(text) to homeostasis_reader;
