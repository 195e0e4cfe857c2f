-- runs in: own
--
-- lint.sql: what is wrong with a rule could go unseen, or what is right be called wrong

\set ECHO none
\set QUIET 1
begin;
\ir ../lib/rules.sql
select no_plan();

-- What examples show.
select pg_temp.add_rule('good', '{"pattern": "good", "examples": [{"message": "good one"}, {"sql": "select 1"}]}');
select pg_temp.add_rule('liar', '{"pattern": "truth", "examples": [{"message": "lies"}]}');
select pg_temp.add_rule('weak', '{"pattern": "goo", "examples": [{"message": "goo"}, {"message": "good"}]}');
select pg_temp.add_rule('shade', '{"pattern": "goo", "language": "java", "examples": [{"message": "goods"}]}');
select pg_temp.add_rule('shader', '{"pattern": "goods?", "language": "java"}');
select pg_temp.add_rule('empty', '{"detail_pattern": "x*"}');
select pg_temp.add_rule('empty2', '{"detail_pattern": "x*"}');
select pg_temp.add_rule('broad', '{"pattern": "broad", "counter_examples": [{"message": "narrow"}, {"message": "not so broad"}]}');
select pg_temp.add_rule('state', '{"sqlstates": ["23505"], "table_name": "t", "examples": [{"message": "m", "sqlstate": "23505"}]}');
select pg_temp.add_rule('printed', '{"text_pattern": "^PrintError: ink$", "error_type": "PrintError", "examples": [{"text": "PrintError: ink"}, {"message": "ink"}, {"message": "toner"}]}');
select pg_temp.add_rule('stacked', '{"frame_pattern": "^b$", "error_type": "S", "examples": [{"message": "m", "stack_trace": ["a", "b"]}]}');
select pg_temp.add_rule('even', '{"pattern": "even\\d", "examples": [{"message": "even1"}]}');
select pg_temp.add_rule('level', '{"pattern": "ven1", "examples": [{"message": "ven1"}]}');
select pg_temp.add_rule('off', '{"pattern": "truth", "enabled": false, "examples": [{"message": "lies"}]}');
select results_eq(
  'select * from homeostasis.lint_rules() order by 1, 2, 3',
  $$values ('broad', 'matches its own counter-example', 'counter-example 2'),
           ('empty', 'matches the empty string', 'detail_pattern'),
           ('empty2', 'has the same conditions as another rule', 'empty'),
           ('empty2', 'matches the empty string', 'detail_pattern'),
           ('even', 'ties with another rule', 'example 1: only the id decides between it and level'),
           ('liar', 'does not match its own example', 'example 1: column pattern doesn''t match'),
           ('printed', 'does not match its own example', 'example 3: column text_pattern doesn''t match'),
           ('shade', 'is outranked on its own example', 'example 1: shader wins'),
           ('shade', 'is shadowed by another rule', 'shader outranks it on each of its examples'),
           ('weak', 'is outranked on its own example', 'example 2: good wins')$$,
  'what is dubious about rules is found, and nothing else');
savepoint places;
delete from homeostasis.rules;
select pg_temp.add_rule('a', '{"pattern": "gone", "examples": [{"message": "gone"}]}');
select pg_temp.add_rule('b', '{"pattern": "gone", "framework": "django", "examples": [{"message": "gone"},
  {"message": "gone", "framework": "flask"}]}');
select pg_temp.add_rule('c', '{"pattern": "gone", "framework": "Django"}');
select pg_temp.add_rule('d', '{"pattern": "gone", "service": "s", "priority": 1, "examples": [{"message": "gone", "platform": "x"}],
  "counter_examples": [{"message": "gone"}, {"message": "gone", "service": "t"}]}');
select pg_temp.add_rule('e', '{"pattern": "gone", "platform": "linux", "examples": [{"message": "gone", "service": "s"}]}');
select results_eq(
  'select * from homeostasis.lint_rules() order by 1, 2, 3',
  $$values ('b', 'does not match its own example', 'example 2: the event doesn''t meet the condition in column framework'),
           ('b', 'ties with another rule', 'example 1: only the id decides between it and c'),
           ('c', 'has the same conditions as another rule', 'b'),
           ('d', 'matches its own counter-example', 'counter-example 1'),
           ('e', 'is outranked on its own example', 'example 1: d wins'),
           ('e', 'is shadowed by another rule', 'd outranks it on each of its examples')$$,
  'rules for other services, frameworks and platforms are told apart');
rollback to places;
insert into homeostasis.rule_packs (name, description, version) values ('mine', 'd', '1');
update homeostasis.rules set pack = 'mine' where id in ('liar', 'empty2', 'broad', 'even');
select results_eq('select rule_id from homeostasis.lint_rules(''mine'') order by 1',
  $$values ('broad'), ('empty2'), ('empty2'), ('even'), ('liar')$$, 'or about those of one pack');
update homeostasis.rules set confidence = 0.6 where id = 'even';
select is_empty($$select * from homeostasis.lint_rules() where problem ~ 'ties'$$, 'more confidence is no tie');
delete from homeostasis.rules;

-- A pattern that was stored without its trigger, or for another PCRE2.
set local session_replication_role = replica;
select pg_temp.add_rule('torn', '{"pattern": "a(b", "text_pattern": "(?<"}');
set local session_replication_role = origin;
select results_eq('select * from homeostasis.lint_patterns(null) order by 1, 2, 3',
  $$values ('torn', 'does not compile', 'pattern: missing closing parenthesis at offset 3'),
           ('torn', 'does not compile', 'text_pattern: subpattern name expected at offset 3')$$, 'what does not compile is found');
delete from homeostasis.rules;

-- Backtracking, from the pattern alone.
create temporary table pattern (source text, at integer);
insert into pattern values
  ('(a+)+b', 0), ('x(?:a+)*$', 1), ('(?:\w+\s?)+:', 0), ('((a|b+)c?)*d', 0), ('(?:(?:a*))*b', 0), ('(.*,)*x', 0), ('(?:\s*(?:.*);)+x', 0),
  ('x(?i:A|a)*y', 1), ('(?:a|\w)+b', 0), ('é(a+)+b', 1), ('a{2,}(b+c?)+d', 5), ('(?:a{1,99}){1,99}b', 0), ('(?=(a+)+b)x', 3),
  ('.*.*x', 0), ('a.+.+b', 1), ('[a-z]*[a-z]*[0-9]', 0), ('[^,]+(?:x)?.*y', 0), ('(?:.*)\s*(?:\w*z)', 0), ('(?s).*[^x]*y', 4), ('[[:alpha:]]+\d?\w+!', 0);
select matches(homeostasis.pattern_risk(source), format('at offset %s$', at), source) from pattern;
select is(homeostasis.pattern_risk(source), null, source || ' is harmless')
  from unnest(array['', 'a+b', '(a+)+', '(ab+)*c', '(?:a|b)*c', '(?:[^"\\]|\\.)*"', '(?:\w+\.)*\w+', '(?>a+)+b', '(a++)+b', '(?:a+)++b', '(a+){2}b',
    '(?:a{1,9}){1,9}b', '.*.*', '.*x.*y', '\d+\.?\d* s', '\s*.*x', 'a*b*c', '[a-m]*[n-z]*1', '(a)\1+b', '(?<n>a+)(?&n)', '(?x) a + b',
    '\Q(a+)+\E', '[(a+)+]b', '(?#(a+)b', '\(a+\)+b', '.+?: .+', '(?(1)a|b)(a+)+b', '.*(?:a|b)', '[^\n]*\n[^\n]*x', '(?:[^)]*\))*x', '(?:.+\n)+x']) source;
select is(homeostasis.pattern_problem(repeat('a', 8193)), 'longer than 8192 bytes', 'a pattern of any length is not read');
select throws_ok($$select homeostasis.pattern_risk(repeat('a', 8193))$$, 'HO003', null, 'nor judged');
select throws_ok($$select homeostasis.pattern_risk('a(')$$, 'HO003', null, 'nor one that is none');
select matches(homeostasis.pattern_risk(repeat('(', 240) || '(?:a+)+' || repeat(')*', 240) || 'b'), 'offset \d+$', 'deep ones are');
select matches(homeostasis.pattern_risk(repeat('a?', 4000) || 'a+a+b'), 'offset 8000$', 'and long ones');
select pg_temp.add_rule('slow', '{"pattern": "(?:a|b)c|(a+)+\\Rx"}');
select results_eq('select * from homeostasis.lint_rules()',
  $$values ('slow', 'may backtrack catastrophically', 'pattern: a repeat within a repeat can take the same characters, at offset 9')$$, 'lint_rules() says where');
update homeostasis.rules set pattern = '(a|aa)+\Rx';
select pg_temp.winner_for(repeat('a', 60) || 'b') \g /dev/null
select matches(detail, '^it ran into homeostasis\.match_limit 1 times since the server started$', 'and what has run into the limit')
  from homeostasis.lint_rules() where problem = 'may backtrack catastrophically' and rule_id = 'slow' and detail !~ '^pattern';
delete from homeostasis.rules;

-- Who may ask.
create role lint_reader in role homeostasis_reader;
create role lint_reporter in role homeostasis_reporter;
set local role lint_reader;
select lives_ok('select homeostasis.lint_rules()', 'a reader may lint');
set local role lint_reporter;
select throws_ok('select homeostasis.lint_rules()', '42501', null, 'a reporter may not');
reset role;

select * from finish();
rollback;
