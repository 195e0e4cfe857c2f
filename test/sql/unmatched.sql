-- runs in: own
--
-- unmatched.sql: what no rule explains could be overlooked, miscounted, or
-- explained by a pattern that matches nothing, or everything

\set ECHO none
\set QUIET 1
begin;
select homeostasis.create_partitions(3) \g /dev/null
select no_plan();

create function pg_temp.report(message text, n integer default 1, language text default 'python',
  error_type text default 'ShopError', more jsonb default '{}')
returns void
language sql as $$
  select homeostasis.ingest(jsonb_agg(jsonb_build_object('service', 'shop/' || language, 'language', language,
    'error_type', error_type, 'error_message', message) || more))
  from generate_series(1, n)
$$;
-- What becomes of messages: the pattern of each group, or the reason that there is none.
create function pg_temp.patterns(variadic messages text[]) returns text
language sql as $$
  select string_agg(coalesce(p.pattern, p.reason), ' AND ' order by p.members[1])
  from homeostasis.propose_patterns(messages, array_fill(null::text, array[cardinality(messages)])) p
$$;

-- Patterns ----------------------------------------------------------------------------------------

select is(pg_temp.patterns('the kettle is empty'), '^the kettle is empty$', 'what does not vary is quoted');
select is(pg_temp.patterns('cannot divide (a+b) by {x} [a|b]? a*b^c$ \d'),
  '^cannot divide \(a\+b\) by \{x\} \[a\|b\]\? a\*b\^c\$ \\d$', 'whatever it is');
select is(pg_temp.patterns('order 17 of "ann b." failed after 3 tries'),
  '^order [-+]?\d[\d.,]* of "[^"]*" failed after [-+]?\d[\d.,]* tries$', 'numbers and quoted values vary');
select is(pg_temp.patterns('cannot open /var/lib/shop/a.txt for ann@example.com'), '^cannot open \S+ for \S+$', 'so do paths and addresses');
select is(pg_temp.patterns('user ann is not there', 'user bob is not there'), '^user \S+ is not there$',
  'words that differ from message to message vary, too');
select is(pg_temp.patterns('key=ann, is not valid here', 'key=bob, is not valid here'), '^key=\S*, is not valid here$',
  'only as far as they differ');
select is(pg_temp.patterns('no table "ann" was found', 'no table "bob" was found'), '^no table "[^"]*" was found$', 'quotes are kept');
select is(pg_temp.patterns('user ann is not there', 'the disk of ann is full', 'user bob is not there'),
  '^user \S+ is not there$ AND ^the disk of ann is full$', 'what says something else is another group');
select is(pg_temp.patterns(E'the kettle is empty\nat home\nin the kitchen'), '^the kettle is empty', 'only the first line counts');
select is(pg_temp.patterns('wrong sizes 1, 2, 3, 4 given'), '^wrong sizes .+? given$', 'where a class is too narrow a looser one is taken');
select is(pg_temp.patterns(E'wrong  number\tof things'), 'wrong\s+number\s+of\s+things', 'also for blanks');
select is(pg_temp.patterns('4711'), 'hardly anything in the message stays the same: a rule has to go by other conditions',
  'what varies as a whole has no pattern');
select is(pg_temp.patterns(''), 'hardly anything in the message stays the same: a rule has to go by other conditions', 'nor has nothing');
select is(pg_temp.patterns('größe 17 ist größer als erlaubt'), '^größe [-+]?\d[\d.,]* ist größer als erlaubt$', 'any language will do');
select ok(pg_temp.patterns('the ' || repeat('very ', 2000) || 'long story') not like '%$', 'a long message is cut');
select throws_ok($$ select * from homeostasis.propose_patterns('{a,b}', '{x}') $$, 'HO007', null, 'there is one SQLSTATE for each message');

-- Whatever they are, they match what they are for, and not nothing.
create temporary table message (place serial, m text);
insert into message (m) values ('one (two'), ('[three'), ('\E \Q weird'), ('tab' || e'\t' || 'and 5% of {7}'), ('<n> is literally there'),
  ('"unclosed quote at 17'), ('it''s ann''s "kettle" at 10:20:30'), ('C:\Program Files\shop\a.dll could not be loaded'),
  ('2026-03-01 12:00:00 UTC: too late'), ('10.0.0.1:5432 refused the connection'), ('deadbeefdeadbeef01 is no such object'),
  ('550e8400-e29b-41d4-a716-446655440000 was lost'), ('« ann » est inconnu ici'), ('took 15ms, 3 GB of memory, 7 times'),
  (e'first line of many 17\r\nsecond'), (repeat('abc 12 ', 200)), ('ends with a blank '), (' begins with one'), ('100% of only 5%'), ('x' || repeat('y', 5000));
select is_empty($$
    select p.pattern, m.m
    from homeostasis.propose_patterns((select array_agg(m order by place) from message),
                                      (select array_agg(null::text) from message)) p
    cross join lateral unnest(p.members) u (place)
    join message m using (place)
    where p.pattern is not null
      and (not homeostasis.pattern_matches(p.pattern, m.m) or homeostasis.pattern_matches(p.pattern, ''))$$,
  'every pattern matches its messages and not the empty string');
select is(count(*), 0::bigint, 'each has one') from homeostasis.propose_patterns((select array_agg(m order by place) from message),
  (select array_agg(null::text) from message)) where pattern is null;

-- Groups ------------------------------------------------------------------------------------------

select is_empty('select * from homeostasis.unmatched()', 'where nothing is stored there is nothing to explain');
select pg_temp.report('user ann is not there', 3);
select pg_temp.report('user bob is not there', 4);
select pg_temp.report('user bob is not there', 1, 'go');
select pg_temp.report('the disk is full', 5);
select pg_temp.report('the disk is full', 2, error_type => 'DiskError');
select results_eq($$ select language, error_type, message, issues, errors from homeostasis.unmatched() $$,
  $$ values ('python', 'ShopError', 'user <*> is not there', 2::bigint, 7::bigint), ('python', 'ShopError', 'the disk is full', 1, 5),
            ('python', 'DiskError', 'the disk is full', 1, 2), ('go', 'ShopError', 'user bob is not there', 1, 1) $$,
  'issues are grouped by language, type and wording, the commonest first');
select is(example, 'user bob is not there', 'with an example of the commonest') from homeostasis.unmatched() limit 1;
select is(example_issue, (select id from homeostasis.issues where title = 'user bob is not there' and language = 'python'), 'and its issue')
from homeostasis.unmatched() limit 1;
select is(count(*), 2::bigint, 'as many as are asked for') from homeostasis.unmatched(most => 2);
select throws_ok('select * from homeostasis.unmatched(most => 0)', 'HO007', null, 'but not none');
select throws_ok('select * from homeostasis.unmatched(null)', 'HO007', null, 'nor of no time');

update homeostasis.issue_counts c set minute = minute - interval '10 days'
  from homeostasis.issues i where i.id = c.issue_id and i.title = 'user ann is not there';
select is(errors, 4::bigint, 'errors from before are not counted') from homeostasis.unmatched() where message like 'user <*>%';
select is(errors, 7::bigint, 'unless they are asked for') from homeostasis.unmatched('20 days') where message like 'user <*>%';
update homeostasis.issues set last_seen = now() - interval '10 days' where title = 'user ann is not there';
select is(max(issues), 1::bigint, 'issues from before are left out') from homeostasis.unmatched();
update homeostasis.issues set last_seen = now() where title = 'user ann is not there';
select homeostasis.mute(id) from homeostasis.issues where error_type = 'DiskError' \g /dev/null
select is(count(*), 3::bigint, 'so are those that were muted') from homeostasis.unmatched();

-- Rules of them -----------------------------------------------------------------------------------

select pg_temp.report('no kettle 17', 2, 'sql', 'undefined_kettle', '{"sqlstate": "ZZ017"}');
select is(proposed_rule -> 'sqlstates' || coalesce(proposed_rule -> 'error_type', '[]'), '["ZZ017"]', 'a rule for errors of PostgreSQL goes by their SQLSTATE')
from homeostasis.unmatched() where message like 'no kettle%';
select is(proposed_rule ->> 'error_type', 'ShopError', 'another one by the type of the error') from homeostasis.unmatched() where language = 'go';
select is(string_agg(distinct action, ' ') || ' ' || count(*), 'inserted 4', 'the proposed rules can be loaded as a pack')
from homeostasis.load_rules(jsonb_build_object('name', 'proposed', 'description', 'd', 'version', '1',
    'rules', (select jsonb_agg(proposed_rule) from homeostasis.unmatched())));
select is_empty($$ select * from homeostasis.lint_rules() where rule_id like 'proposed.%' $$, 'and nothing is dubious about them');
do $$
declare
  run constant bigint := homeostasis.analyze();
begin
  while homeostasis.analyze_step(run) > 0 loop null; end loop;
end $$;
select is_empty('select * from homeostasis.unmatched()', 'then nothing is unexplained');
select is(count(*), 5::bigint, 'each issue has a diagnosis') from homeostasis.analysis where rule_id like 'proposed.%';

create role unmatched_reader;
grant homeostasis_reader to unmatched_reader;
set local role unmatched_reader;
select lives_ok('select * from homeostasis.unmatched()', 'a reader may ask');
reset role;

select * from finish();
rollback;
