-- foreign.sql: rules as other collections write them.
--
-- The commonest form in the wild is a JSON file with a name and an array of
-- rules, whose pattern is meant for the text that the software prints, whose
-- confidence is a word and whose examples are strings.  It is turned into a
-- pack as we write it, and then checked and loaded like one.  Keys that say
-- nothing about errors are passed over.

-- Whether a file is written like that: our packs have none of these keys, no
-- words for confidence, no strings as examples.
create function homeostasis.is_foreign(rules jsonb) returns boolean
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select
    from jsonb_array_elements(case jsonb_typeof(rules -> 'rules')
                              when 'array' then rules -> 'rules' else '[]' end) r
    where jsonb_typeof(r) = 'object'
      and (r ?| array['type', 'reliability', 'criticality', 'complexity', 'rule_type', 'source',
             'dependencies', 'metadata', 'subcategory', 'fix_commands', 'fix_suggestions',
             'fix_strategy', 'healing_options', 'applicable_languages', 'language_specific_patterns']
        or jsonb_typeof(r -> 'confidence') = 'string'
        or jsonb_typeof(r -> 'pattern') in ('array', 'object')
        or jsonb_typeof(r -> 'examples') = 'object'
        or r -> 'examples' @? '$[*] ? (@.type() == "string")'))
$$;

-- A string, or those of an array, one a line; null for anything else.
create function homeostasis.foreign_lines(value jsonb) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select case jsonb_typeof(value)
    when 'string' then nullif(value #>> '{}', '')
    when 'array' then (select string_agg(e.v #>> '{}', e'\n' order by e.n)
                       from jsonb_array_elements(value) with ordinality e (v, n)
                       where jsonb_typeof(e.v) = 'string')
    end
$$;

-- The language that a file says it is about: the pack's own, or one of these
-- as its category or as a folder in its name.
create function homeostasis.foreign_language(rules jsonb, pack_name text) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(rules ->> 'language',
    (select l.name
     from unnest(array['python', 'java', 'javascript', 'typescript', 'go', 'ruby', 'php', 'csharp', 'fsharp',
            'c', 'cpp', 'rust', 'swift', 'objc', 'kotlin', 'scala', 'groovy', 'clojure', 'elixir', 'erlang',
            'haskell', 'dart', 'r', 'perl', 'lua', 'julia', 'nim', 'zig', 'crystal', 'matlab', 'bash',
            'powershell']) with ordinality l (name, place)
     where l.name = any (string_to_array(pack_name, '/') || (rules ->> 'category'))
     order by l.place
     limit 1))
$$;

-- An example: a string is what the software prints, an object has its parts
-- under one of some names.
create function homeostasis.foreign_example(example jsonb, language text) returns jsonb
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when jsonb_typeof(example) = 'string' then jsonb_build_object('text', example)
    when jsonb_typeof(example) = 'object' and not example ?| array['sql', 'text']
      then jsonb_strip_nulls(jsonb_build_object(
        'message', coalesce(example ->> 'message', example ->> 'error_message'),
        'error_type', coalesce(example ->> 'error_type', example ->> 'exception_type',
          example ->> 'exception_class', example ->> 'type', example ->> 'name'),
        'stack_trace', coalesce(example -> 'stack_trace', example -> 'traceback', example -> 'stack'),
        'language', foreign_example.language))
    else example end
$$;

create function homeostasis.foreign_examples(rule jsonb, for_language text) returns jsonb
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select case jsonb_typeof(rule -> 'examples')
    when 'array' then
      case when for_language is null then
        (select coalesce(jsonb_agg(homeostasis.foreign_example(e.v, null) order by e.n), '[]')
         from jsonb_array_elements(rule -> 'examples') with ordinality e (v, n))
      else '[]' end
    when 'object' then
      (select coalesce(jsonb_agg(homeostasis.foreign_example(e.value, e.key) order by e.key), '[]')
       from jsonb_each(rule -> 'examples') e
       where for_language is null or e.key = for_language)
    else coalesce(rule -> 'examples', '[]') end
$$;

-- The patterns of a rule: one for any language, a list of which is one pattern
-- of alternatives, and those for one language each.
create function homeostasis.foreign_patterns(rule jsonb)
returns table (language text, pattern jsonb)
language sql immutable rows 2
set search_path = pg_catalog, pg_temp
as $$
  select null, case jsonb_typeof(rule -> 'pattern')
      when 'array' then to_jsonb((select string_agg(format('(?:%s)', p.v), '|' order by p.n)
                                  from jsonb_array_elements_text(rule -> 'pattern') with ordinality p (v, n)))
      else rule -> 'pattern' end
    where jsonb_typeof(rule -> 'pattern') is distinct from 'object'
  union all
  select p.key, p.value
    from unnest(array['pattern', 'language_specific_patterns']) k (key)
    cross join lateral jsonb_each(case jsonb_typeof(rule -> k.key)
                                  when 'object' then rule -> k.key else '{}' end) p
$$;

-- A rule as we write it, and one more for each language that has a pattern of
-- its own.
create function homeostasis.foreign_rules(rule jsonb, pack_language text) returns setof jsonb
language sql immutable rows 2
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_strip_nulls(jsonb_build_object(
    'id', case when p.language is null then rule -> 'id'
               else to_jsonb((rule ->> 'id') || ':' || p.language) end,
    'text_pattern', p.pattern,
    'language', coalesce(p.language, rule ->> 'language', pack_language),
    'description', coalesce(rule -> 'description', rule -> 'name', rule -> 'id'),
    'root_cause', coalesce(rule -> 'root_cause', to_jsonb(coalesce(rule ->> 'description', rule ->> 'name'))),
    'suggestion', coalesce(rule #> array['language_specific_suggestions', p.language],
      rule -> 'suggestion',
      to_jsonb(coalesce(homeostasis.foreign_lines(rule -> 'fix_suggestions'),
        homeostasis.foreign_lines(rule -> 'fix_strategy'), homeostasis.foreign_lines(rule -> 'fix_commands'),
        'Its author suggests nothing.'))),
    'category', rule -> 'category',
    'severity', case rule ->> 'severity' when 'error' then '"high"' when 'warning' then '"medium"'
                  when 'info' then '"low"' else rule -> 'severity' end,
    'confidence', case rule ->> 'confidence' when 'high' then '0.9' when 'medium' then '0.7'
                    when 'low' then '0.4' else coalesce(rule -> 'confidence', '0.5') end,
    'tags', (select coalesce(jsonb_agg(t.tag order by t.n), '[]')
             from (select v.tag, min(v.n) as n
                   from string_to_table(concat_ws(e'\n', homeostasis.foreign_lines(rule -> 'tags'), rule ->> 'type',
                          homeostasis.foreign_lines(rule -> 'framework'), homeostasis.foreign_lines(rule -> 'platform')),
                          e'\n') with ordinality v (tag, n)
                   group by v.tag) t),
    'examples', homeostasis.foreign_examples(rule, p.language),
    'enabled', rule -> 'enabled'))
  from homeostasis.foreign_patterns(rule) p
$$;

-- The file as a pack of that name.  An id that the file has twice gets a
-- number, and one that another pack has the name of its own pack; an id that
-- was given so before stays.
create function homeostasis.foreign_pack(rules jsonb, pack_name text) returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with given as
  (
    select f.rule, r.place, f.seat,
           (f.rule ->> 'id') || coalesce('.' || nullif(row_number() over (
             partition by f.rule -> 'id' order by r.place, f.seat), 1), '') as id
    from jsonb_array_elements(rules -> 'rules') with ordinality r (rule, place)
    cross join lateral homeostasis.foreign_rules(case jsonb_typeof(r.rule) when 'object' then r.rule else '{}' end,
      homeostasis.foreign_language(rules, pack_name)) with ordinality f (rule, seat)
  ),
  named as
  (
    select g.*, regexp_replace(pack_name, '[^A-Za-z0-9_.-]', '_', 'g') || ':' || g.id as long_id
    from given g
  )
  select jsonb_build_object('name', pack_name,
    'description', coalesce(rules ->> 'description', rules ->> 'name', pack_name),
    'version', coalesce(rules ->> 'version', '1'),
    'rules', coalesce(jsonb_agg(n.rule
        || case when jsonb_typeof(n.rule -> 'id') = 'string'
             then jsonb_build_object('id', case
               when long_one.pack = pack_name or short_one.pack <> pack_name then n.long_id else n.id end)
             else '{}' end
      order by n.place, n.seat), '[]'))
  from named n
  left join homeostasis.rules long_one on long_one.id = n.long_id
  left join homeostasis.rules short_one on short_one.id = n.id
$$;

comment on function homeostasis.is_foreign(jsonb) is
  'Whether a file of rules is written as other collections write them, and has to be turned into a pack';
comment on function homeostasis.foreign_lines(jsonb) is
  'A JSON string, or the strings of an array, one a line';
comment on function homeostasis.foreign_language(jsonb, text) is
  'The language of a file of rules, if it or its folder says so';
comment on function homeostasis.foreign_example(jsonb, text) is
  'An example of a foreign rule as homeostasis.rules has it';
comment on function homeostasis.foreign_examples(jsonb, text) is
  'The examples of a foreign rule as homeostasis.rules has them; those for one language, if that is given';
comment on function homeostasis.foreign_patterns(jsonb) is
  'The pattern of a foreign rule for any language, and those for one language each';
comment on function homeostasis.foreign_rules(jsonb, text) is
  'A foreign rule as a pack of ours has it, and one more for each language that has a pattern of its own';
comment on function homeostasis.foreign_pack(jsonb, text) is
  'A file of foreign rules as a pack of ours';
