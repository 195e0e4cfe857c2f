-- match_reference.sql: what homeostasis.match() has to answer, said in the plainest way.
--
-- Each enabled rule is tried by itself, its conditions in SQL and its patterns by
-- PCRE2 alone, as docs/rules.md has it.  Only the literal characters of a pattern,
-- which count for its rank, are taken from explain_match(); that there are not more
-- of them than in a text that matches is checked.  Used by test/t/058_match_fuzz.pl,
-- which puts events into fuzz.events.

create schema fuzz;

create table fuzz.events (n integer, event jsonb);

create function fuzz.pcre2(pattern text, subject text, lines boolean default false) returns text
language c immutable
as 'rule_fuzz', 'rule_fuzz_match';

-- The groups of a pattern on a text; nothing is asked of a pattern that is null.
create function fuzz.groups(pattern text, subject text, lines boolean default false) returns text
language sql immutable
as $$
  select case when pattern is null then '{}' when subject is not null then fuzz.pcre2(pattern, subject, lines) end
$$;

-- The name of a framework or a platform, with its version behind one blank.
create function fuzz.name(given text) returns text
language sql immutable
as $$
  select regexp_replace(lower(btrim(given)), '^(.+?)[ /@=:,(-]+v?(?=[0-9])', '\1 ')
$$;

-- What an event's environment names under a key, or under its plural: with a version, and without.
create function fuzz.environment_names(event jsonb, key text) returns text[]
language sql immutable
as $$
  select array_agg(n.name)
  from unnest(array[key, key || 's']) k (key)
  cross join lateral (select event #> array['environment', k.key]) g (given)
  cross join lateral jsonb_array_elements(case jsonb_typeof(g.given) when 'array' then g.given
                                          else jsonb_build_array(g.given) end) e
  cross join lateral (values (fuzz.name(e.value #>> '{}')),
    (substring(fuzz.name(e.value #>> '{}') from '^(.+?)[ /@=:,(-]+v?[0-9]'))) n (name)
  where jsonb_typeof(e.value) = 'string' and n.name is not null
$$;

-- The languages that rules may ask for where an event has this one.
create function fuzz.languages(language text) returns text[]
language sql immutable
as $$
  select array[language, case when language = 'typescript' then 'javascript'
    when language in ('kotlin', 'scala', 'groovy', 'clojure') then 'java'
    when language in ('cpp', 'c++') then 'c'
    when language in ('fsharp', 'vb') then 'csharp' end]
$$;

-- An error as its software prints it.
create function fuzz.printed(event jsonb) returns text
language sql immutable
as $$
  select case when coalesce(t.error_type, 'error') = 'error' or starts_with(t.message, t.error_type || ': ') then t.message
              when t.message = '' then t.error_type
              else t.error_type || ': ' || t.message end
  from (select event ->> 'error_type', event ->> 'error_message') t (error_type, message)
$$;

-- Rules that may win, as far as their conditions go, patterns aside.
create function fuzz.candidates()
returns table (n integer, r homeostasis.rules)
language sql volatile
as $$
  with given as materialized
  (
    select e.n, fuzz.languages(e.event ->> 'language') as languages, e.event ->> 'sqlstate' as sqlstate,
           array[e.event ->> 'error_type', regexp_replace(e.event ->> 'error_type', '^.*[.:\\/$]', '')] as types,
           e.event ->> 'table_name' as table_name, e.event ->> 'constraint_name' as constraint_name,
           coalesce(e.event ->> 'service', 'default') as service,
           fuzz.environment_names(e.event, 'framework') as frameworks,
           fuzz.environment_names(e.event, 'platform') as platforms
    from fuzz.events e
  )
  select g.n, r
  from given g
  join homeostasis.rules r
    on r.enabled
   and (r.language is null or r.language = any (g.languages))
   and (r.sqlstates is null or g.sqlstate = any (r.sqlstates) or left(g.sqlstate, 2) = any (r.sqlstates))
   and (r.error_type is null or r.error_type = any (g.types))
   and (r.table_name is null or r.table_name = g.table_name)
   and (r.constraint_name is null or r.constraint_name = g.constraint_name)
   and (r.service is null or r.service = g.service)
   and (r.framework is null or fuzz.name(r.framework) = any (g.frameworks))
   and (r.platform is null or fuzz.name(r.platform) = any (g.platforms))
$$;

-- The points of a rule, without those for literal characters.
create function fuzz.points(r homeostasis.rules) returns bigint
language sql stable
as $$
  select 10 * num_nonnulls(r.language, r.error_type, r.table_name, r.constraint_name, r.service, r.framework, r.platform,
      r.pattern, r.text_pattern, r.detail_pattern, r.context_pattern, r.statement_pattern)
    + 5 * num_nonnulls(r.frame_pattern)
    + case when r.sqlstates is null then 0
           when exists (select from unnest(r.sqlstates) s where length(s) = 2) then 5 else 10 end
$$;

-- Where it looks: the better, the more.
create function fuzz.place(r homeostasis.rules) returns integer
language sql stable
as $$
  select case when num_nonnulls(r.error_type, r.sqlstates, r.table_name, r.constraint_name) > 0 then 4
              when num_nonnulls(r.pattern, r.detail_pattern, r.context_pattern, r.statement_pattern) > 0 then 3
              when r.text_pattern is not null then 2
              when r.frame_pattern is not null then 1 else 0 end
$$;

-- The enabled rules in the order in which they win.
create function fuzz.ranking()
returns table (r homeostasis.rules, rank bigint, rank_given integer, literals bigint)
language sql volatile
as $$
  select r, row_number() over (order by x.specificity desc, fuzz.place(r) desc, r.confidence desc, r.priority desc,
           r.id collate "C"),
         x.rank, x.specificity - fuzz.points(r)
  from homeostasis.rules r
  left join homeostasis.explain_match('{"error_message": ""}', true) x on x.rule_id = r.id
  where r.enabled
$$;

-- What each event is matched by, one a row; decided is false where PCRE2 ran into a limit.
create function fuzz.answers()
returns table (n integer, rank bigint, id text, root_cause text, confidence numeric, captures jsonb, literals bigint,
  decided boolean, characters bigint)
language sql volatile
as $$
  with ranking as materialized (select * from fuzz.ranking()),
  candidate as materialized
  (
    select c.n, e.event, k.rank, k.literals, k.r
    from fuzz.candidates() c
    join fuzz.events e on e.n = c.n
    join ranking k on (k.r).id = (c.r).id
  ),
  trial as materialized
  (
    select c.*, t.found, length(t.message || t.printed || concat(t.detail, t.context, t.statement)) as characters
    from candidate c
    cross join lateral
    (
      select v.*, array[
        fuzz.groups((c.r).pattern, v.message), fuzz.groups((c.r).text_pattern, v.printed),
        fuzz.groups((c.r).detail_pattern, v.detail), fuzz.groups((c.r).context_pattern, v.context),
        fuzz.groups((c.r).statement_pattern, v.statement), fuzz.groups((c.r).frame_pattern, v.stack, true)] as found
      from (select c.event ->> 'error_message', fuzz.printed(c.event), c.event ->> 'detail', c.event ->> 'context',
              c.event ->> 'statement',
              case jsonb_typeof(c.event -> 'stack_trace')
                when 'array' then (select string_agg(s.line, e'\n' order by s.place)
                                   from jsonb_array_elements_text(c.event -> 'stack_trace') with ordinality s (line, place))
                else c.event ->> 'stack_trace' end) v (message, printed, detail, context, statement, stack)
    ) t
  )
  select t.n, t.rank, (t.r).id, (t.r).root_cause, (t.r).confidence,
         case when t.found @> '{limit}' then null
              else t.found[6]::jsonb || t.found[5]::jsonb || t.found[4]::jsonb || t.found[3]::jsonb
                || t.found[2]::jsonb || t.found[1]::jsonb end,
         t.literals, not t.found @> '{limit}', t.characters
  from trial t
  where array_position(t.found, null) is null
$$;

-- Where match() says something else; and what is wrong with the order of the rules.
create function fuzz.differences() returns setof text
language sql volatile
as $$
  with answer as materialized (select * from fuzz.answers()),
  wanted as
  (
    select distinct on (a.n) a.* from answer a order by a.n, a.rank
  ),
  given as materialized
  (
    select e.n, e.event, m.rule_id, m.root_cause, m.confidence, m.captures
    from fuzz.events e
    left join lateral homeostasis.match(e.event) m on true
  )
  select format('%s: %s instead of %s', g.event, to_jsonb(g) - array['n', 'event'],
      to_jsonb(w) - array['n', 'literals', 'decided', 'characters'])
    from given g
    left join wanted w on w.n = g.n
    where (g.rule_id, g.root_cause, g.confidence, g.captures) is distinct from (w.id, w.root_cause, w.confidence, w.captures)
      and w.decided is not false
      and not exists (select from homeostasis.explain_match(g.event, true) x where x.outcome = 'limit')
  union all
  select format('explain_match() has rule %s at rank %s, not at %s', (k.r).id, k.rank_given, k.rank)
    from fuzz.ranking() k where k.rank is distinct from k.rank_given
  union all
  select distinct format('rule %s is said to have %s literal characters, and matches a text of %s', a.id, a.literals, a.characters)
    from answer a where a.decided and a.literals not between 0 and a.characters
$$;

-- Rules as the generator made them, without those that PCRE2 refuses.
create function fuzz.sound(rules jsonb) returns jsonb
language sql stable
as $$
  select coalesce(jsonb_agg(r.value), '[]')
  from jsonb_array_elements(rules) r
  where not exists (select from jsonb_each_text(r.value) p
                    where p.key ~ 'pattern' and homeostasis.pattern_problem(p.value) is not null)
$$;

create function fuzz.put(rules jsonb) returns void
language sql volatile
as $$
  insert into homeostasis.rules (id, pack, description, suggestion, language, sqlstates, error_type, table_name,
      constraint_name, service, framework, platform, pattern, text_pattern, detail_pattern, context_pattern,
      statement_pattern, frame_pattern, priority, confidence, root_cause)
    select n.id, 'fuzz', n.description, n.suggestion, n.language, n.sqlstates, n.error_type, n.table_name,
      n.constraint_name, n.service, n.framework, n.platform, n.pattern, n.text_pattern, n.detail_pattern,
      n.context_pattern, n.statement_pattern, n.frame_pattern, n.priority, n.confidence, n.root_cause
    from jsonb_populate_recordset(null::homeostasis.rules, fuzz.sound(rules)) n
    on conflict do nothing
$$;

-- Rules that are there become others.
create function fuzz.change(rules jsonb) returns void
language sql volatile
as $$
  update homeostasis.rules r
    set language = n.language, sqlstates = n.sqlstates, error_type = n.error_type, service = n.service,
        framework = n.framework, platform = n.platform, pattern = n.pattern, text_pattern = n.text_pattern,
        priority = n.priority, confidence = n.confidence, root_cause = n.root_cause || ', changed'
    from jsonb_populate_recordset(null::homeostasis.rules, fuzz.sound(rules)) n
    where r.id = n.id
$$;

-- A pack as a whole; returns what was refused.
create function fuzz.load(pack text, rules jsonb) returns text
language sql volatile
as $$
  select string_agg(l.reason, e'\n')
  from homeostasis.load_rules(jsonb_build_object('name', pack, 'description', 'd', 'version', '1',
    'rules', fuzz.sound(rules))) l
  where l.action = 'refused'
$$;
