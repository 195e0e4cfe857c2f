-- runs in: own
--
-- load.sql: rules of others could be loaded in part, twice, or with another
-- meaning, or be refused without a reason

\set ECHO none
\set QUIET 1
begin;
\ir ../lib/rules.sql
select no_plan();

-- Our own form.
create temporary table own as select $${
  "name": "shop", "description": "d", "version": "1", "language": "sql",
  "rules": [
    {"id": "shop-a", "description": "d", "root_cause": "c", "suggestion": "s", "confidence": 0.9, "pattern": "alpha"},
    {"id": "shop-b", "description": "d", "root_cause": "c", "suggestion": "s", "confidence": 0.8, "text_pattern": "beta"}
  ]}$$::jsonb as j;
select results_eq('select l.* from own, homeostasis.load_rules(j) l order by 1',
  $$values ('shop-a', 'inserted', null, 'shop'), ('shop-b', 'inserted', null, 'shop')$$, 'a pack of ours is loaded, and each rule reported');
select results_eq('select l.rule_id, l.action from own, homeostasis.load_rules(j) l order by 1',
  $$values ('shop-a', 'unchanged'), ('shop-b', 'unchanged')$$, 'the same again changes nothing, and says so');
create temporary table revisions as select id, revision from homeostasis.rules;
select count(*) from own, homeostasis.load_rules(j) \g /dev/null
select results_eq('select id, revision from homeostasis.rules order by 1', 'select * from revisions order by 1', 'nor is a row written');
select results_eq($$select l.rule_id, l.action from own,
    homeostasis.load_rules(jsonb_set(j #- '{rules,0}', '{rules,0,text_pattern}', '"gamma"')) l order by 1$$,
  $$values ('shop-a', 'removed'), ('shop-b', 'updated')$$, 'what has changed is updated, what is left out is removed');
select results_eq($$select l.rule_id, l.action, l.pack from own, homeostasis.load_rules(j #- '{rules,1}', 'other') l$$,
  $$values ('shop-a', 'inserted', 'other')$$, 'the name of the pack may be given');
select results_eq($$select l.rule_id, l.action from own, homeostasis.load_rules(j::text) l order by 1$$,
  $$values ('shop-a', 'refused'), ('shop-b', 'refused')$$, 'a text that is JSON is no path');
select matches(l.reason, '^rule "shop-a": key "id" is used by pack "other" already\. Begin the ids', 'an id that another pack has is refused')
  from own, homeostasis.load_rules(j) l where l.rule_id = 'shop-a';

-- Theirs.
create function pg_temp.theirs(rule jsonb, pack text default 'shop/errors') returns setof homeostasis.rules
language plpgsql as $$
begin
  perform homeostasis.load_rules(jsonb_build_object('name', 'Theirs', 'rules', jsonb_build_array(
    '{"id": "theirs", "type": "T", "pattern": "p", "description": "d", "severity": "high"}'::jsonb || rule)), pack);
  return query select * from homeostasis.rules r where r.pack = theirs.pack order by r.id;
end
$$;
select results_eq($$select pattern, text_pattern, description, root_cause, suggestion, category, severity, confidence, language, tags
    from pg_temp.theirs('{}')$$,
  $$values (null, 'p', 'd', 'd', 'Its author suggests nothing.', 'general', 'high', 0.500, null, array['T'])$$,
  'the pattern is one of the printed text, and what is missing is filled in');
create temporary table word (given jsonb, column_name text, value text);
insert into word values
  ('{"confidence": "high"}', 'confidence', '0.900'), ('{"confidence": "medium"}', 'confidence', '0.700'),
  ('{"confidence": "low"}', 'confidence', '0.400'), ('{"confidence": 0.85}', 'confidence', '0.850'),
  ('{"severity": "error"}', 'severity', 'high'), ('{"severity": "warning"}', 'severity', 'medium'), ('{"severity": "info"}', 'severity', 'low'),
  ('{"tags": ["a", "b", "a"], "type": "T"}', 'tags', '["a", "b", "T"]'), ('{"category": "c"}', 'category', 'c'),
  ('{"suggestion": "s", "fix_suggestions": ["x"]}', 'suggestion', 's'), ('{"fix_suggestions": ["x", "y"]}', 'suggestion', e'x\ny'),
  ('{"fix_strategy": "z"}', 'suggestion', 'z'), ('{"root_cause": "r"}', 'root_cause', 'r'), ('{"language": "go"}', 'language', 'go'),
  ('{"pattern": ["a", "b|c"]}', 'text_pattern', '(?:a)|(?:b|c)'), ('{"enabled": false}', 'enabled', 'false'),
  ('{"examples": ["one", "two"]}', 'examples', '[{"text": "one"}, {"text": "two"}]');
select is(to_jsonb(t) ->> w.column_name, w.value, w.given::text) from word w, pg_temp.theirs(w.given) t;
select is((select language from pg_temp.theirs('{}', name)), language, format('%s is about %s', name, language))
  from (values ('python/a', 'python'), ('a/python', 'python'), ('rust', 'rust'), ('pythonic/a', null), ('django/a', null)) v (name, language);
select homeostasis.unload_rules(name) from homeostasis.rule_packs where name not in ('postgresql', 'test') \g /dev/null

select results_eq($$select id, language, text_pattern, suggestion, examples
    from pg_temp.theirs('{"suggestion": "s", "language_specific_patterns": {"go": "g", "java": "j"}, "language_specific_suggestions": {"go": "t"},
      "examples": {"go": {"message": "m", "exception_type": "E", "stack": ["f"]}}}')$$,
  $$values ('theirs', null, 'p', 's', '[{"language": "go", "message": "m", "error_type": "E", "stack_trace": ["f"]}]'::jsonb),
           ('theirs:go', 'go', 'g', 't', '[{"language": "go", "message": "m", "error_type": "E", "stack_trace": ["f"]}]'),
           ('theirs:java', 'java', 'j', 's', '[]')$$,
  'patterns for languages become rules for them');
select results_eq($$select id, text_pattern from pg_temp.theirs('{"pattern": {"go": "g", "java": "j"}}')$$,
  $$values ('theirs:go', 'g'), ('theirs:java', 'j')$$, 'also where there is none for all of them');

-- Ids of others.
select results_eq($$select id from pg_temp.theirs('{}', 'their/second pack')$$, $$values ('their_second_pack:theirs')$$ , 'an id of another pack gets the name of its own') where exists (select from pg_temp.theirs('{}'));
select results_eq($$select l.rule_id, l.action from homeostasis.load_rules('{"name": "Theirs", "rules": [
    {"id": "theirs", "type": "T", "pattern": "p", "description": "d", "severity": "high"}]}'::jsonb, 'their/second pack') l$$,
  $$values ('their_second_pack:theirs', 'unchanged')$$, 'and keeps it');
select homeostasis.unload_rules('shop/errors') \g /dev/null
select results_eq($$select l.rule_id, l.action from homeostasis.load_rules('{"name": "Theirs", "rules": [
    {"id": "theirs", "type": "T", "pattern": "p", "description": "d", "severity": "high"}]}'::jsonb, 'their/second pack') l$$,
  $$values ('their_second_pack:theirs', 'unchanged')$$, 'also when the other is gone');
select results_eq($$select l.rule_id, l.action from homeostasis.load_rules('{"name": "Twice", "rules": [
    {"id": "x", "type": "T", "pattern": "p", "description": "d", "severity": "high"},
    {"id": "x", "type": "T", "pattern": "q", "description": "d", "severity": "high"}]}'::jsonb) l order by 1$$,
  $$values ('x', 'inserted'), ('x.2', 'inserted')$$, 'an id that is there twice gets a number');

-- What is refused: all of the file, with a reason for each.
create temporary table before as select * from homeostasis.rules;
create temporary table refused as select * from homeostasis.load_rules('{"name": "Bad", "rules": [
    {"id": "b1", "type": "T", "pattern": "(", "description": "d", "severity": "high"},
    {"id": "b2", "type": "T", "pattern": "fine", "description": "d", "severity": "high"},
    {"id": "b 3", "type": "T", "pattern": "p", "description": "d", "severity": "high"},
    {"id": "b4", "type": "T", "pattern": "p", "description": "d", "severity": "deadly"},
    {"id": "b5", "type": "T", "pattern": "p", "description": "d", "severity": "high", "confidence": "sure"},
    {"id": "b6", "type": "T", "pattern": "p", "severity": "high", "confidence": 7, "description": 5},
    {"type": "T", "pattern": "p", "description": "d", "severity": "high"},
    "b8"]}'::jsonb);
select is(array_agg(distinct action), '{refused}', 'one bad rule, and nothing of the file is loaded') from refused;
select results_eq('select * from homeostasis.rules order by id', 'select * from before order by id', 'no rule has changed');
select matches(r.reason, e.reason, e.id || ' has its reason') from (values
    ('b1', '^rule "b1" has an invalid text_pattern: missing closing parenthesis at offset 1\. Patterns are'),
    ('b2', '^nothing of the pack was loaded, because 7 of its rules cannot be: mend those$'),
    ('b 3', '^rule "b 3": key "id" is not an identifier\. Use at most'),
    ('b4', '^rule "b4": key "severity" may not be "deadly"\. Severities are'),
    ('b5', '^rule "b5": key "confidence" must be of type number, not string\. '),
    ('b6', '^rule "b6": key "description" must be of type string, not number\. '),
    ('number 7', '^rule "number 7": key "id" is missing\. Every rule has'),
    ('number 8', 'key "id" is missing')) e (id, reason)
  left join refused r on r.rule_id = e.id;
select throws_ok($$select homeostasis.load_rules('{"rules": [{"type": "T"}]}'::jsonb)$$, 'HO003', 'key "name" of the rules is missing', 'a pack without a name');
select throws_ok($$select homeostasis.load_rules('[]'::jsonb)$$, 'HO003', 'a rule pack must be a JSON object', 'no pack at all');
select throws_ok($$select homeostasis.load_rules('{"name": "a", "description": "d", "rules": []}'::jsonb)$$, 'HO003',
  'key "version" of the rule pack is missing', 'a pack of ours that lacks a key');

-- Who may.
create role load_admin in role homeostasis_admin;
create role load_operator in role homeostasis_operator;
set local role load_admin;
select lives_ok($$select homeostasis.load_rules('{"name": "mine", "rules": [{"id": "mine", "type": "T", "pattern": "p", "description": "d", "severity": "high"}]}'::jsonb)$$,
  'an administrator may load rules');
select throws_ok($$select homeostasis.load_rules('/etc/passwd'::text)$$, '42501', 'permission denied to load rules from a file', 'but not read files');
select throws_ok($$select homeostasis.rule_file('/etc/passwd')$$, '42501', 'permission denied to load rules from a file', 'nor in another way');
set local role load_operator;
select throws_ok($$select homeostasis.load_rules('{}'::jsonb)$$, '42501', null, 'an operator may not load rules');
reset role;

select * from finish();
rollback;
