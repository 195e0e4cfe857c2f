-- runs in: own
--
-- match.sql: a wrong rule could win, a right one be missed, a change of the
-- rules not be seen, or a pattern take the server's time

\set ECHO none
\set QUIET 1
begin;
\ir ../lib/rules.sql
select no_plan();

-- A change of the rules is seen by the transaction that makes it, and what is
-- rolled back is forgotten.
select is(pg_temp.winner_for('first'), null, 'no rules, no diagnosis');
select pg_temp.add_rule('a', '{"pattern": "first"}');
select is(pg_temp.winner_for('first'), 'a', 'an inserted rule is seen at once');
update homeostasis.rules set pattern = 'second' where id = 'a';
select is(pg_temp.winner_for('first'), null, 'an updated rule no longer matches the old text');
select is(pg_temp.winner_for('second'), 'a', 'an updated rule matches the new text');
savepoint edit;
update homeostasis.rules set pattern = 'third' where id = 'a';
select is(pg_temp.winner_for('third'), 'a', 'the edit is seen before it is rolled back');
rollback to edit;
select is(pg_temp.winner_for('third'), null, 'an edit that is rolled back is forgotten');
select is(pg_temp.winner_for('second'), 'a', 'the old answer is back');
savepoint edit;
truncate homeostasis.rules;
select is(pg_temp.winner_for('second'), null, 'TRUNCATE is seen');
rollback to edit;
update homeostasis.rules set enabled = false;
select is(pg_temp.winner_for('second'), null, 'a rule that is switched off does not match');
delete from homeostasis.rules;

do $$
begin
  perform pg_temp.add_rule('a', '{"pattern": "first"}');
  if pg_temp.winner_for('first') is distinct from 'a' then
    raise 'not seen within a function';
  end if;
  delete from homeostasis.rules;
  if pg_temp.winner_for('first') is not null then
    raise 'deletion not seen within a function';
  end if;
end
$$;
select pass('changes are seen from one statement of a function to the next');

-- Every condition that is not null must hold.
create temporary table condition (name text, rule jsonb, yes jsonb, no jsonb);
insert into condition values
  ('language', '{"language": "sql"}', '{"language": "sql"}', '{"language": "python"}'),
  ('error_type', '{"error_type": "KeyError"}', '{"error_type": "KeyError"}', '{"error_type": "keyerror"}'),
  ('schema_name', '{"schema_name": "s"}', '{"schema_name": "s"}', '{"schema_name": "ss"}'),
  ('table_name', '{"table_name": "t"}', '{"table_name": "t"}', '{}'),
  ('column_name', '{"column_name": "c"}', '{"column_name": "c"}', '{"column_name": "d"}'),
  ('constraint_name', '{"constraint_name": "k"}', '{"constraint_name": "k"}', '{"constraint_name": ""}'),
  ('datatype_name', '{"datatype_name": "d"}', '{"datatype_name": "d"}', '{"datatype_name": "e"}'),
  ('service', '{"service": "shop"}', '{"service": "shop"}', '{"service": "Shop"}'),
  ('the default service', '{"service": "default"}', '{}', '{"service": "shop"}'),
  ('framework', '{"framework": "Ruby on Rails"}', '{"environment": {"framework": "ruby on rails 7.1"}}', '{"environment": {"framework": "ruby"}}'),
  ('framework with a version', '{"framework": "Django"}', '{"environment": {"framework": "django/4.2"}}', '{"environment": {"platform": "django"}}'),
  ('framework without an environment', '{"framework": "Next.js"}', '{"environment": {"framework": " next.JS v14 ", "a": 1}}', '{}'),
  ('framework that is no text', '{"framework": "flask"}', '{"environment": {"framework": "Flask@3"}}', '{"environment": {"framework": {"flask": 3}}}'),
  ('a service, not a part of its name', '{"service": "shop"}', '{"service": "shop"}', '{"service": "shop 2"}'),
  ('framework with v', '{"framework": "vue"}', '{"environment": {"framework": "Vue (v3.4)"}}', '{"environment": {"framework": "Vue2"}}'),
  ('framework with a name behind it', '{"framework": "django"}', '{"environment": {"framework": "Django, 5"}}', '{"environment": {"framework": "Django/rest"}}'),
  ('framework with its version', '{"framework": " Django 4.2"}', '{"environment": {"framework": "django/v4.2"}}',
    '{"environment": {"framework": "django 4.1"}}'),
  ('a framework of several', '{"framework": "celery"}',
    '{"environment": {"framework": ["Django 4.2", 7, null, ["x"], "Celery 5"]}}',
    '{"environment": {"framework": ["Django 4.2", 7, null, ["celery"]]}}'),
  ('frameworks', '{"framework": "django"}',
    '{"environment": {"framework": "celery", "frameworks": ["flask 3", "django"]}}',
    '{"environment": {"frameworks": {"django": "4.2"}, "django": "django"}}'),
  ('a line is no framework', '{"framework": "django"}', '{"environment": {"framework": "django"}}',
    '{"environment": {"framework": "flask\ndjango"}}'),
  ('a platform of several', '{"platform": "kubernetes"}', '{"environment": {"platform": ["Linux 6.1", "Kubernetes-v1.29"]}}',
    '{"environment": {"platform": ["Linux 6.1", "kube"]}}'),
  ('platforms', '{"platform": "linux"}', '{"environment": {"platforms": "linux"}}', '{"environment": {"platforms": "win"}}'),
  ('service, framework and platform', '{"service": "s", "framework": "f", "platform": "p"}',
    '{"service": "s", "environment": {"framework": "f 1", "platform": "p 1"}}',
    '{"service": "s", "environment": {"framework": "f 1", "platform": "q 1"}}'),
  ('platform', '{"platform": "linux"}', '{"environment": {"platform": "Linux-6.1.0"}}', '{"environment": {"platform": "darwin"}}'),
  ('framework and language', '{"framework": "django", "language": "python"}', '{"language": "python", "environment": {"framework": "Django"}}', '{"language": "ruby", "environment": {"framework": "Django"}}'),
  ('a SQLSTATE', '{"sqlstates": ["23505", "40001"]}', '{"sqlstate": "40001"}', '{"sqlstate": "40P01"}'),
  ('a class', '{"sqlstates": ["23505", "40"]}', '{"sqlstate": "40P01"}', '{"sqlstate": "23503"}'),
  ('any SQLSTATE', '{"sqlstates": ["23505"]}', '{"sqlstate": "23505"}', '{}'),
  ('pattern', '{"pattern": "^m$"}', '{}', '{"error_message": "n"}'),
  ('text_pattern', '{"text_pattern": "^t: m$"}', '{"error_type": "t"}', '{"error_type": "u"}'),
  ('frame_pattern', '{"frame_pattern": "^f$"}', '{"stack_trace": ["e", "f", "g"]}', '{"stack_trace": ["e", "g"]}'),
  ('frame_pattern without a stack', '{"frame_pattern": "^"}', '{"stack_trace": ["e"]}', '{}'),
  ('detail_pattern', '{"detail_pattern": "d"}', '{"detail": "d"}', '{"detail": "e"}'),
  ('detail_pattern without a detail', '{"detail_pattern": "^"}', '{"detail": "d"}', '{}'),
  ('context_pattern', '{"context_pattern": "c"}', '{"context": "c"}', '{"context": "d"}'),
  ('statement_pattern', '{"statement_pattern": "s"}', '{"statement": "s"}', '{"statement": "t"}'),
  ('two conditions', '{"table_name": "t", "pattern": "m"}', '{"table_name": "t"}', '{"table_name": "u"}'),
  ('two patterns', '{"pattern": "m", "detail_pattern": "d"}', '{"detail": "d"}', '{"detail": "e"}'),
  ('nothing', '{}', '{}', null);

create function pg_temp.conditions() returns setof text
language plpgsql as $$
declare
  c record;
begin
  for c in select * from condition loop
    delete from homeostasis.rules;
    perform pg_temp.add_rule('a', c.rule);
    return next is(pg_temp.winner('{"error_message": "m"}' || c.yes), 'a', c.name || ' is met');
    if c.no is not null then
      return next is(pg_temp.winner('{"error_message": "m"}' || c.no), null, c.name || ' is not met');
    end if;
  end loop;
  delete from homeostasis.rules;
end
$$;
select pg_temp.conditions();

-- Also of many rules, each with a condition of its own, and why not.
select pg_temp.add_rule(column_name || n, jsonb_build_object(column_name, column_name || n, 'error_type', null))
  from unnest(array['service', 'framework', 'platform']) column_name, generate_series(1, 40) n;
select is(string_agg(x.rule_id, ' ' order by x.rule_id), 'framework11 framework7 platform3 service12', 'of many the right ones are candidates')
  from homeostasis.explain_match('{"error_message": "m", "service": "service12",
    "environment": {"frameworks": ["Framework7 1.0", "framework11"], "platform": "PLATFORM3"}}') x;
select is(string_agg(x.reason, ', ' order by x.rule_id), 'the event doesn''t meet the condition in column framework, '
    || 'the event doesn''t meet the condition in column platform, the event doesn''t meet the condition in column service',
  'explain_match() says which condition is not met')
  from homeostasis.explain_match('{"error_message": "m", "service": "x", "environment": {"framework": "x", "platform": "x"}}', true) x
  where x.rule_id in ('service12', 'framework7', 'platform3');
delete from homeostasis.rules;

-- The order in which rules win, one criterion at a time.
create temporary table duel (name text, winner jsonb, loser jsonb);
insert into duel values
  ('a condition more', '{"pattern": "mess", "table_name": "t"}', '{"pattern": "mess", "confidence": 1}'),
  ('a longer literal', '{"pattern": "mes+ag", "priority": 0}', '{"pattern": "mess", "priority": 9}'),
  ('literals, not wildcards', '{"pattern": "mess"}', '{"pattern": "m.*.*.*.*"}'),
  ('what an alternative lacks does not count', '{"pattern": "mes"}', '{"pattern": "me|message"}'),
  ('what may be absent does not count', '{"pattern": "mess"}', '{"pattern": "mes(?:sage)?"}'),
  ('lookaround does not count', '{"pattern": "mess"}', '{"pattern": "(?=message)mes"}'),
  ('a repeat counts', '{"pattern": "mes{2}a"}', '{"pattern": "messa?"}'),
  ('a lazy repeat counts', '{"pattern": "m.+?s{2,}?age"}', '{"pattern": "m.*ssa"}'),
  ('a service more', '{"pattern": "mess", "service": "s"}', '{"pattern": "mess", "confidence": 1}'),
  ('a framework more', '{"pattern": "mess", "framework": "f"}', '{"pattern": "message", "confidence": 1}'),
  ('a platform more', '{"pattern": "mess", "platform": "p"}', '{"pattern": "message", "confidence": 1}'),
  ('what it is, not where', '{"table_name": "t"}', '{"framework": "f", "confidence": 1}'),
  ('the message, not where', '{"pattern": "m.*"}', '{"service": "s", "priority": 1}'),
  ('a code, not a class', '{"sqlstates": ["23505"]}', '{"sqlstates": ["23"], "confidence": 1}'),
  ('a class, not nothing', '{"sqlstates": ["23"]}', '{"confidence": 1}'),
  ('then confidence', '{"confidence": 0.6, "priority": -1}', '{"confidence": 0.5, "priority": 1}'),
  ('then priority', '{"priority": 2}', '{"priority": 1}'),
  ('then the id', '{}', '{}');

create function pg_temp.duels() returns setof text
language plpgsql as $$
declare
  d record;
  event constant jsonb := '{"error_message": "message", "table_name": "t", "sqlstate": "23505", "service": "s",
    "environment": {"framework": "f", "platform": "p"}}';
begin
  for d in select * from duel loop
    delete from homeostasis.rules;
    perform pg_temp.add_rule('loser', d.loser);
    perform pg_temp.add_rule('champion', d.winner);
    return next is(pg_temp.winner(event), 'champion', 'first ' || d.name);
    return next is(pg_temp.outcome('loser', event), 'won', 'the other matches, too: ' || d.name);
    delete from homeostasis.rules;
    if d.winner <> d.loser then
      perform pg_temp.add_rule('aaa', d.loser);
      perform pg_temp.add_rule('champion', d.winner);
      return next is(pg_temp.winner(event), 'champion', 'whatever the ids: ' || d.name);
    end if;
  end loop;
  delete from homeostasis.rules;
end
$$;
select pg_temp.duels();

-- A better rule whose pattern PCRE2 refuses doesn't win.
select pg_temp.add_rule('better', '{"pattern": "(?<!not )permitted"}');
select pg_temp.add_rule('worse', '{"pattern": "permit"}');
select is(pg_temp.winner_for('not permitted'), 'worse', 'the best that matches wins, not the best');
select results_eq(
  $$select rule_id, outcome from homeostasis.explain_match('{"error_message": "not permitted"}')$$,
  $$values ('better', 'refused'), ('worse', 'won')$$,
  'explain_match() says what became of the candidates, best first');
select results_eq(
  $$select rule_id, outcome, reason from homeostasis.explain_match('{"error_message": "permitted"}')$$,
  $$values ('better', 'won', 'the first in rank that matches'),
           ('worse', 'outranked', 'better is more specific: 19 to 16')$$,
  'explain_match() says why a rule lost');
select pg_temp.add_rule('crowd' || n, jsonb_build_object('pattern', 'crowded ' || n)) from generate_series(1, 300) n \g /dev/null
select is(count(*), 0::bigint, 'without every_rule only candidates are shown')
  from homeostasis.explain_match('{"error_message": "x"}');
select is(count(*), 302::bigint, 'with every_rule all are shown')
  from homeostasis.explain_match('{"error_message": "x"}', true);
delete from homeostasis.rules;

-- Named groups.
select pg_temp.add_rule('a', $${
  "pattern": "relation \"(?<table>[^\"]+)\"(?: of (?<schema>\\w+))?(?<dup>1)?",
  "detail_pattern": "Key \\((?<column>.+?)\\)=\\((?<value>.*)\\)(?<table>.)",
  "context_pattern": "(?J)(?:(?<line>x)|(?<line>y))",
  "statement_pattern": "(?i)^(?<verb>[A-Z]+)"}$$);
select is(captures,
  '{"table": "größer", "column": "id", "value": "1), (2", "line": "y", "verb": "insert"}'::jsonb,
  'groups of all patterns are merged, the first of a name stays, absent ones are left out')
  from homeostasis.match('{"error_message": "relation \"größer\" is gone",
    "detail": "Key (id)=(1), (2).", "context": "y", "statement": "insert into t"}');
select pg_temp.add_rule('b', '{"pattern": "^plain$"}');
select is(captures, '{}'::jsonb, 'without named groups captures is an empty object')
  from homeostasis.match('{"error_message": "plain"}');
select throws_ok($$insert into homeostasis.rules (id, pack, description, root_cause, suggestion,
  confidence, pattern) values ('c', 'test', 'd', 'c', 's', 1, '\C')$$, 'HO003',
  'rule "c" has an invalid pattern: using \C is disabled by the application at offset 2',
  '\C could split a character and is refused');
delete from homeostasis.rules;

-- Whatever PCRE2 takes is matched, also what Vectorscan can't do, or does in
-- its own way.
create temporary table hard (pattern text, message text);
insert into hard values
  ('(\w+) \1', 'the the'), ('(?<a>x)\k<a>', 'xx'), ('(?=a)b|c', 'c'), ('(?<=a)b', 'ab'),
  ('a(?!b)', 'ac'), ('(?<!a)b', 'cb'), ('(?>a+)b', 'aab'), ('a++b', 'aab'), ('a\Kb', 'ab'),
  ('(?|(a)|(b))\1', 'bb'), ('\R', e'\n'), ('\N', 'a'), ('\X', 'ä'), ('(?(?=a)ab|c)', 'c'),
  ('(a)?(?(1)b|c)', 'c'), ('\((?:[^()]++|(?R))*\)', '((a)(b))'), ('(?<x>a|b(?&x)c)', 'bac'),
  ('(*CRLF)a.b', e'a\nb'), ('(*UCP)\bé', 'é'), ('(*MARK:x)a', 'a'), ('(?U)a+b', 'aab'),
  ('(?n)(a)b', 'ab'), ('(?xx)[^ a]b', ' b'), ('(?x) a b # c', 'ab'), ('x{0}a', 'a'),
  ('(?i)Ა', 'ა'), ('(?i)k', e'\u212a'), ('(?i)ſ', 's'), ('(?i)ß', 'ẞ'), ('\p{Lu}', 'É'),
  ('\p{Georgian}', 'Ა'), ('[[:^digit:]]', 'é'), ('\Qa.b\E', 'a.b'), ('(?#c)a', 'a'), ('a\Z', e'a\n'),
  ('a$', e'a\n'), ('^$', ''), ('(?:)', ''), ('(?:)', 'a'), ('a*', ''), ('(?m)^b$', e'a\nb\nc'),
  ('(?s)a.b', e'a\nb'), ('\Aa', 'a'), ('\Ga', 'a'), ('[^\x00-\x7f]', 'é'), ('\x{e9}', 'é'),
  ('(a.{0,300}?){30}b', repeat('a', 30) || 'b'), ('a{1,1000}b{1,1000}', 'aabb'),
  ('(?:a|b|c|d|e){1,60}z', 'abcdez'), ('(?C1)a', 'a'), ('(?:(?:(?:(?:a))))', 'a'),
  ('\07|\x41|\o{102}|\cA|\e', 'B'), ('[]a]', ']'), ('[^]a]', 'b'), ('[a\]b]', ']'), ('a{,3}', 'a{,3}'),
  ('[a-z&&[b]]', 'b]'), ('\d{3,}?', '1234'), ('(?-i)a(?i)B|c', 'C'), ('(?i:a)B', 'AB');

create function pg_temp.hard_patterns() returns setof text
language plpgsql as $$
declare
  h record;
begin
  for h in select * from hard loop
    delete from homeostasis.rules where id = 'a';
    perform pg_temp.add_rule('a', jsonb_build_object('pattern', h.pattern));
    return next is(pg_temp.winner_for(h.message), 'a', format('%s matches %s', h.pattern, to_json(left(h.message, 20))));
  end loop;
end
$$;
select pg_temp.add_crowd();
select pg_temp.hard_patterns();

-- All of them against all texts: the way over the scan never loses a match.
delete from homeostasis.rules;
select pg_temp.add_rule('r' || row_number() over (), jsonb_build_object('pattern', pattern)) from hard;
select is_empty(
  $$select distinct m.rule_id, h.message
    from hard h, homeostasis.explain_match(jsonb_build_object('error_message', h.message), true) m
    where m.outcome = 'missed'$$,
  'the scan reports whatever PCRE2 finds');
select isnt(count(*), 0::bigint, 'and some patterns do match') from hard h
  where pg_temp.winner_for(h.message) is not null;
delete from homeostasis.rules;

-- Hostile patterns end at a limit, are counted, and raise nothing.
set local statement_timeout = '60s';
-- The scan can tell that (a+)+$ doesn't match, but it can't read \R.
select pg_temp.add_rule('hostile', '{"pattern": "(a+)+$|\\Rx", "confidence": 1}');
select pg_temp.add_rule('modest', '{"pattern": "(?:a|b)", "confidence": 0.1}');
select is(pg_temp.winner_for(repeat('a', 5000) || 'b'), 'modest', 'the hostile rule does not win');
select is(pg_temp.outcome('hostile', jsonb_build_object('error_message', repeat('a', 40) || 'b')), 'limit',
  'it ends at the match limit');
select is(homeostasis.pattern_matches('(a+)+$', repeat('a', 40) || 'b'), null, '(a+)+$ ends at the match limit');
select is(limit_hits, 1::bigint, 'and is counted, by match() only')
  from homeostasis.stat_rules where rule_id = 'hostile';
-- A rule that goes on like that is disabled, and not in silence.
select is(homeostasis.disable_costly_rules(), 0::bigint, 'a few hits are forgiven');
select pg_temp.winner_for(repeat('a', 40) || 'b') from generate_series(1, 100) \g /dev/null
select is(homeostasis.disable_costly_rules(), 1::bigint, 'a rule that hits the limit too often is disabled');
select is(enabled || ': ' || disabled_reason, 'false: it ran into homeostasis.match_limit 100 times within an hour',
  'and says why') from homeostasis.rules where id = 'hostile';
select is(detail ->> 'reason', 'it ran into homeostasis.match_limit 100 times within an hour', 'so does the audit log')
from homeostasis.audit_log where action = 'disabled' and object_type = 'rule' and object_id = 'hostile';
select is(status, 'warning', 'health() shows it') from homeostasis.health() where "check" = 'rules' and detail ~ 'hostile';
select pg_temp.winner_for(repeat('a', 40) || 'b') from generate_series(1, 9) \g /dev/null
select is(limit_hits, 101::bigint, 'it is not tried any more') from homeostasis.stat_rules where rule_id = 'hostile';
update homeostasis.rules set enabled = true where id = 'hostile';
select is(disabled_reason, null, 'a person can enable it') from homeostasis.rules where id = 'hostile';
select is(homeostasis.disable_costly_rules(), 0::bigint, 'and then it counts anew');
select is(status, 'ok', 'health() is content') from homeostasis.health() where "check" = 'rules';
-- Nothing here takes many steps from one position; there are many positions.
select is(homeostasis.pattern_matches('(?:[a-z]+ )*[0-9]', repeat('a', 60000)), null,
  'a pattern that is slow from each position ends at the time limit');
select is(homeostasis.pattern_matches('^(?:a?){20}[a-z]*[a-z]*[0-9]', repeat('a', 60000)), null,
  'a pattern that is slow from one position ends at a limit');
select is(homeostasis.pattern_matches('(*NO_JIT)[a-z]*[a-z]*[0-9]', repeat(' ', 20000) || repeat('a', 40000)), null,
  'an interpreted pattern ends at a limit');
select is(homeostasis.pattern_matches('a.*b', repeat('a', 30000) || 'b'), true,
  'a long text that matches does match');
delete from homeostasis.rules;

-- The scanner, which it takes some rules to need, would compile this for a
-- minute, and nothing could stop it.
set local statement_timeout = '10s';
select pg_temp.add_crowd();
select pg_temp.add_rule('long', '{"pattern": "(a.{0,400}?){60}[b]"}');
select is(pg_temp.winner_for(repeat('a', 60) || 'b'), 'long', 'what the scanner takes long to compile is left to PCRE2');
reset statement_timeout;
delete from homeostasis.rules;

-- Long texts are cut at a character, and searched to the end without a gap.
select is(homeostasis.pattern_matches('z', repeat('a', 65535) || 'z'), true, 'the last byte within the limit');
select is(homeostasis.pattern_matches('z', repeat('a', 65536) || 'z'), false, 'the first byte beyond the limit');
select is(homeostasis.pattern_matches('^a+é?$', repeat('a', 65535) || 'é'), true, 'the cut does not split a character');
select is(homeostasis.pattern_matches('z', repeat('a', 1024 * 1024)), false, 'a megabyte');
select is_empty(
  $$select n from generate_series(0, 3000, 7) n
    where not homeostasis.pattern_matches('(?<=.)bé[0-9]\b', repeat('é', n + 1) || 'bé7' || repeat(' é', 1500))$$,
  'a match is found wherever it begins');
select is_empty(
  $$select n from generate_series(0, 3000, 7) n
    where not homeostasis.pattern_matches('(?m)^x$', repeat('é', n) || e'\nx\n' || repeat('é', 1500))$$,
  'and at whichever line');
select is_empty(
  $$select n from generate_series(1, 3000) n where homeostasis.pattern_matches('x|(?:\G|y)b', repeat('a', n) || 'b')$$,
  '\G is the start of the text and nothing else');

-- Two thousand rules.
insert into homeostasis.rules (id, pack, description, root_cause, suggestion, confidence, pattern)
  select 'r' || n, 'test', 'd', 'c', 's', 0.5,
    format('(?i)error %s: (?<what>[a-z_]+) of object \d+ failed (?:at|in) line %s', n, n * 7)
  from generate_series(1, 2000) n;
select is_empty(
  $$select n from generate_series(1, 2000, 37) n
    where pg_temp.winner_for(format('Error %s: reading of object 5 failed in line %s', n, n * 7))
      is distinct from 'r' || n$$,
  'each of 2,000 rules is found');
select is(pg_temp.winner_for('error 2001: x of object 1 failed at line 14007'), null, 'and nothing else');
update homeostasis.rules set pattern = replace(pattern, 'object', 'thing') where id = 'r1000';
select is(pg_temp.winner_for('error 1000: x of thing 1 failed at line 7000'), 'r1000', 'one of them is edited');
select is(pg_temp.winner_for('error 1000: x of object 1 failed at line 7000'), null, 'its old text is forgotten');
select is(pg_temp.winner_for('error 999: x of object 1 failed at line 6993'), 'r999', 'the others are as before');
-- Many single edits: more than are compiled apart.
do $$
begin
  for n in 1 .. 40 loop
    update homeostasis.rules set pattern = replace(pattern, 'object', 'item') where id = 'r' || n;
    if pg_temp.winner_for(format('error %s: x of item 1 failed at line %s', n, n * 7))
        is distinct from 'r' || n then
      raise 'edit % was not seen', n;
    end if;
  end loop;
end
$$;
select is_empty(
  $$select n from generate_series(1, 60) n
    where pg_temp.winner_for(format('error %s: x of %s 1 failed at line %s', n,
        case when n <= 40 then 'item' else 'object' end, n * 7)) is distinct from 'r' || n$$,
  'forty edits in a row leave every rule as it should be');
delete from homeostasis.rules;

-- Many rules that share a condition, and have another or a pattern.
insert into homeostasis.rules (id, pack, description, root_cause, suggestion, confidence, sqlstates, language, pattern)
  select 's' || n, 'test', 'd', 'c', 's', 0.5, case n % 3 when 0 then array['42883'] when 1 then array['42883', '42704'] end,
    case n % 3 when 2 then 'sql' end, format('^function f%s\(', n)
  from generate_series(1, 60) n;
select pg_temp.add_rule('lone', '{"sqlstates": ["42704"], "pattern": "lone"}');
select is_empty(
  $$select n from generate_series(1, 60) n
    where pg_temp.winner(jsonb_build_object('sqlstate', '42883', 'language', 'sql', 'error_message', format('function f%s(int)', n)))
      is distinct from 's' || n$$,
  'rules that share a SQLSTATE are found');
select is(pg_temp.winner('{"sqlstate": "42704", "error_message": "function f4(int)"}'), 's4', 'by either of two SQLSTATEs');
select is(pg_temp.winner('{"sqlstate": "42704", "error_message": "function f3(int)"}'), null, 'not by another');
select is(pg_temp.winner('{"sqlstate": "42704", "error_message": "alone"}'), 'lone', 'nor does a rule beside them get lost');
select is(count(*), 1::bigint, 'only the one whose pattern was found is a candidate')
  from homeostasis.explain_match('{"sqlstate": "42883", "language": "sql", "error_message": "function f3(int)"}');
delete from homeostasis.rules where id not in ('s1', 'lone');
select is(pg_temp.winner('{"sqlstate": "42704", "error_message": "function f1(int)"}'), 's1', 'one that is left alone is found as well');
delete from homeostasis.rules;

-- The same condition in many rules.
insert into homeostasis.rules (id, pack, description, root_cause, suggestion, confidence, constraint_name, sqlstates)
  select 'k' || n, 'test', 'd', 'c', 's', 0.5, 'key' || n / 2, array['23505', '23'] from generate_series(2, 999) n;
select is(pg_temp.winner('{"error_message": "m", "sqlstate": "23505", "constraint_name": "key7"}'), 'k14',
  'rules without a pattern are found by a name');
select is(count(*), 2::bigint, 'and only those are candidates')
  from homeostasis.explain_match('{"error_message": "m", "sqlstate": "23505", "constraint_name": "key7"}');
delete from homeostasis.rules;

-- A language that runs on another, a type with its package.
select pg_temp.add_rule('base', '{"language": "java", "error_type": "Refusal", "pattern": "refused by base"}');
select is(pg_temp.winner(jsonb_build_object('language', language, 'error_type', type, 'error_message', 'refused by base')),
    case when wins then 'base' end, concat_ws(' ', language, type))
  from (values ('java', 'Refusal', true), ('kotlin', 'a.b.Refusal', true), ('scala', 'Refusal', true), ('java', 'a.b$Refusal', true),
          ('java', 'a::Refusal', true), ('java', 'a\\b\\Refusal', true), ('javascript', 'Refusal', false), ('java', 'SelfRefusal', false),
          ('java', 'Refusal.Sub', false), ('java', '', false)) v (language, type, wins);
delete from homeostasis.rules where id = 'base';

-- The text that is printed, and the stack.
select pg_temp.add_rule('text', '{"text_pattern": "^KeyError: ''(?<key>\\w+)''$"}');
select is((select captures ->> 'key' from homeostasis.match(event)), key, 'printed: ' || event::text)
  from (values
    ('{"error_type": "KeyError", "error_message": "''a''"}'::jsonb, 'a'),
    ('{"error_message": "KeyError: ''b''"}', 'b'),
    ('{"error_type": "error", "error_message": "KeyError: ''c''"}', 'c'),
    ('{"error_type": "KeyError", "error_message": "KeyError: ''d''"}', 'd'),
    ('{"error_type": "IndexError", "error_message": "''a''"}', null),
    ('{"error_type": "my.KeyError", "error_message": "''a''"}', null),
    ('{"error_message": "''a''"}', null)) v (event, key);
select pg_temp.add_rule('type', '{"text_pattern": "^Interrupt$"}');
select is(pg_temp.winner('{"error_type": "Interrupt", "error_message": ""}'), 'type', 'a type without a message is printed alone');
update homeostasis.rules set pattern = '^''b' where id = 'text';
select is(pg_temp.winner('{"error_type": "KeyError", "error_message": "''a''"}'), null, 'a rule may have both patterns, and then both must match');
select is(pg_temp.winner('{"error_type": "KeyError", "error_message": "''b''"}'), 'text', 'as they do here');
delete from homeostasis.rules;
select pg_temp.add_rule('frame', '{"frame_pattern": "^\\s*at shop\\.(?<where>\\w+)$"}');
select is((select captures ->> 'where' from homeostasis.match(event)), place, 'stack: ' || event::text)
  from (values
    ('{"error_message": "m", "stack_trace": ["at a.b", "at shop.basket", "at c.d"]}'::jsonb, 'basket'),
    ('{"error_message": "m", "stack_trace": "at a.b\n  at shop.till\nat c.d"}', 'till'),
    ('{"error_message": "m", "stack_trace": ["at a.b", "look at shop.basket"]}', null),
    ('{"error_message": "at shop.basket"}', null)) v (event, place);
-- The same pattern for a message and for a frame: its lines count only there.
select pg_temp.add_rule('line', '{"pattern": "^\\s*at shop\\.(?<where>\\w+)$"}');
select is(pg_temp.winner('{"error_message": "x\nat shop.basket", "stack_trace": ["at a.b"]}'), null, 'a message has no lines');
select is(pg_temp.winner('{"error_message": "at shop.basket", "stack_trace": ["at shop.basket", "x"]}'), 'line', 'a message says more than a frame');
delete from homeostasis.rules;

-- Of rules that are as specific the one wins that looks at the better place.
create function pg_temp.place_duel(better jsonb, worse jsonb) returns text
language plpgsql as $$
declare
  event constant jsonb := '{"error_type": "Fault", "error_message": "message", "stack_trace": ["message"]}';
begin
  delete from homeostasis.rules;
  perform pg_temp.add_rule('zz', better || '{"confidence": 0.1}');
  perform pg_temp.add_rule('aa', worse || '{"confidence": 0.9}');
  return pg_temp.winner(event) || ': ' || (select reason from homeostasis.explain_match(event) where rule_id = 'aa');
end
$$;
select is(pg_temp.place_duel(better, worse), reason, 'a better place: ' || reason) from (values
  ('{"error_type": "Fault"}'::jsonb, '{"pattern": "^"}'::jsonb, 'zz: zz is as specific and looks at a better place: the type to the message'),
  ('{"error_type": "Fault"}', '{"text_pattern": "^"}', 'zz: zz is as specific and looks at a better place: the type to the printed text'),
  ('{"pattern": "mess"}', '{"text_pattern": "mess"}', 'zz: zz is as specific and looks at a better place: the message to the printed text'),
  ('{"text_pattern": "x?"}', '{"frame_pattern": "message"}', 'zz: zz is more specific: 10 to 5'),
  ('{"frame_pattern": "x?"}', '{}', 'zz: zz is more specific: 5 to 0')) v (better, worse, reason);
delete from homeostasis.rules;

-- Many rules that have nothing but a printed text: found by their parts, and by a scan.
insert into homeostasis.rules (id, pack, description, root_cause, suggestion, confidence, text_pattern, pattern)
  select 't' || n, 'test', 'd', 'c', 's', 0.5, format('Fault%s: (?<what>\w+) of', n),
    case when n % 5 = 0 then format('of number %s$', n) end
  from generate_series(1, 2000) n;
select is_empty(
  $$select n from generate_series(1, 2000, 37) n
    where pg_temp.winner(jsonb_build_object('error_type', 'Fault' || n, 'error_message', format('loss of number %s', n))) is distinct from 't' || n$$,
  'each of 2,000 rules is found by its printed text, or by its message');
select is(count(*) < 10, true, 'and few others are tried')
  from homeostasis.explain_match('{"error_type": "Fault74", "error_message": "loss of number 74"}');
select is_empty($$select m.rule_id from generate_series(1, 2000, 131) n,
    homeostasis.explain_match(jsonb_build_object('error_type', 'Fault' || n, 'error_message', format('loss of number %s', n)), true) m
    where m.outcome = 'missed'$$, 'none is missed');
select is(pg_temp.winner('{"error_message": "Fault74: loss of number 74"}'), 't74', 'also where the message has the type');
select is(pg_temp.winner('{"error_message": "loss of number 74"}'), null, 'and nothing where it is not there');
delete from homeostasis.rules;

-- stat_rules
select pg_temp.add_rule('weak', '{"pattern": "goo"}');
select pg_temp.add_rule('good', '{"pattern": "good"}');
select pg_temp.add_rule('empty', '{"detail_pattern": "x*"}');
select pg_temp.winner_for('goody'), pg_temp.winner_for('goo') \g /dev/null
select results_eq(
  $$select rule_id, candidates, trials, wins, limit_hits, mean_microseconds > 0
    from homeostasis.stat_rules where rule_id in ('weak', 'empty') order by 1$$,
  $$values ('empty', 0::bigint, 0::bigint, 0::bigint, 0::bigint, null::boolean),
           ('weak', 2, 1, 1, 0, true)$$,
  'stat_rules counts candidates, trials and wins');

-- What is stored is diagnosed by the same conditions, with the name that the
-- service has then.
delete from homeostasis.rules;
select pg_temp.add_rule('patient', '{"service": "match shop", "framework": "Django", "platform": "linux"}');
create function pg_temp.diagnosed(message text, service text default 'match') returns text
language plpgsql as $$
declare
  stored uuid;
begin
  stored := homeostasis.ingest(jsonb_build_object('service', service, 'error_type', message, 'error_message', message,
    'environment', '{"framework": "django 5", "platform": "Linux"}'::jsonb));
  return (select a.rule_id from homeostasis.analysis a where a.error_id = stored);
end
$$;
select is(pg_temp.diagnosed('before'), null, 'the service has another name');
update homeostasis.services set name = 'match shop' where name = 'match';
insert into homeostasis.services (name) values ('match');
select is(rule_id, 'patient', 'a stored error has what rules ask for')
  from homeostasis.services s
  join homeostasis.errors e on e.service_id = s.id
  cross join homeostasis.match(homeostasis.event_of(s.id, e.event_id, e."timestamp"))
  where s.name = 'match shop';
select is(pg_temp.diagnosed('after'), null, 'another service has the old name');
select is(pg_temp.diagnosed('new', 'match shop'), 'patient', 'an error is diagnosed by them when it is stored');
select is(count(*), 1::bigint, 'an issue of the renamed service is diagnosed anew')
  from homeostasis.issues i join homeostasis.services s on s.id = i.service_id
  where s.name = 'match shop' and homeostasis.diagnose(i.id) is not null;

-- The event is checked as report() checks it.
select throws_ok($$select homeostasis.match('{"error_message": 1}')$$, 'HO001', null, 'a wrong type is refused');
select throws_ok($$select homeostasis.match('{"error_message": "m", "color": "red"}')$$, 'HO001', null, 'an unknown key is refused');
select throws_ok($$select homeostasis.match('[]')$$, 'HO001', null, 'an array is refused');
select throws_ok($$select * from homeostasis.explain_match(null)$$, 'HO007', null, 'explain_match() needs an event');
select is_empty('select * from homeostasis.match(null)', 'match(null) gives nothing');

-- Who may ask.
create role match_reader in role homeostasis_reader;
create role match_reporter in role homeostasis_reporter;
set local role match_reader;
select lives_ok($$select homeostasis.match('{"error_message": "m"}')$$, 'a reader may match');
select lives_ok('select * from homeostasis.stat_rules', 'a reader may read stat_rules');
set local role match_reporter;
select throws_ok($$select homeostasis.match('{"error_message": "m"}')$$, '42501', null, 'a reporter may not match');
reset role;

select * from finish();
rollback;
