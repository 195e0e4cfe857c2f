-- runs in: own
--
-- match_cache.sql: an answer of the cache could be that of another event, of
-- other rules, or one that was never certain

\set ECHO none
\set QUIET 1
begin;
\ir ../lib/rules.sql
select no_plan();

-- Where the answer for an event is: local, shared or no.  Of all rules, because
-- without a candidate there would be no row.
create function pg_temp.cached(event jsonb) returns text
language sql as $$
  select string_agg(distinct coalesce(cached, 'no'), ',') from homeostasis.explain_match(event, true)
$$;
create function pg_temp.message(message text) returns jsonb
language sql as $$ select jsonb_build_object('error_message', message) $$;
create function pg_temp.counted(rule text) returns text
language sql as $$
  select format('%s candidates, %s trials, %s wins', candidates, trials, wins)
  from homeostasis.stat_rules where rule_id = rule
$$;

-- What is known is not asked again.
select pg_temp.add_rule('first', '{"pattern": "first (?<what>\\w+)", "template": "create_extension"}');
select is(pg_temp.cached(pg_temp.message('first one')), 'no', 'nothing is known of a new event');
create temporary table answer as select * from homeostasis.match(pg_temp.message('first one'));
select is(pg_temp.cached(pg_temp.message('first one')), 'local', 'what was matched is known');
select results_eq($$select * from homeostasis.match(pg_temp.message('first one'))$$, 'select * from answer',
  'the answer is the same, captures and all');
select is(captures, '{"what": "one"}', 'and was right') from answer;
select is(pg_temp.counted('first'), '1 candidates, 1 trials, 2 wins', 'stat_rules counts what the cache says as a win, and nothing else');
select is(pg_temp.winner_for('second'), null, 'no rule matches');
select is(pg_temp.cached(pg_temp.message('second')), 'local', 'which is known, too');
select is(pg_temp.winner_for('second'), null, 'and as before');
select is(pg_temp.cached(pg_temp.message('first two')), 'no', 'another text is another event');

-- Another identity for each set of rules; an old one is found again.
select pg_temp.add_rule('better', '{"pattern": "^first", "confidence": 1, "priority": 9}');
select is(pg_temp.cached(pg_temp.message('first one')), 'no', 'a new rule makes all unknown');
savepoint edit;
update homeostasis.rules set pattern = 'second' where id = 'better';
select is(pg_temp.winner_for('first one') || ' ' || pg_temp.winner_for('second'), 'first better', 'an edit is seen in spite of the cache');
savepoint inner_edit;
delete from homeostasis.rules where id = 'first';
select is(pg_temp.winner_for('first one'), null, 'a deletion within a savepoint is seen');
rollback to inner_edit;
select is(pg_temp.cached(pg_temp.message('first one')), 'local', 'what was known before the savepoint is known again');
select is(pg_temp.winner_for('first one'), 'first', 'and true');
rollback to edit;
delete from homeostasis.rules where id = 'better';
select is(pg_temp.cached(pg_temp.message('first one')), 'local', 'with the rules that there were before, what was known of them is');
update homeostasis.rules set suggestion = 'another';
select is(pg_temp.cached(pg_temp.message('first one')), 'no', 'a change of any column makes all unknown');
select is(suggestion, 'another', 'and is seen') from homeostasis.match(pg_temp.message('first one'));
update homeostasis.rules set enabled = false;
select is(pg_temp.winner_for('first one'), null, 'a rule that is disabled does not win');
update homeostasis.rules set enabled = true;
select is(pg_temp.winner_for('first one'), 'first', 'until it is enabled');
truncate homeostasis.rules;
select is(pg_temp.winner_for('first one'), null, 'TRUNCATE is seen');

-- Whatever rules can see is in the key, each with its length.
select pg_temp.add_rule('any', '{}');
create temporary table field (name text);
insert into field values ('language'), ('error_type'), ('sqlstate'), ('error_message'), ('detail'), ('context'), ('statement'),
  ('schema_name'), ('table_name'), ('column_name'), ('constraint_name'), ('datatype_name');
create temporary table probe as
  select name, '{"language": "x", "error_type": "x", "error_message": "x"}'::jsonb || jsonb_build_object(name, '4200' || n) as event
  from field, generate_series(1, 2) n;
select is_empty($$
    select name from probe p
    where pg_temp.cached(p.event) <> 'no' or pg_temp.winner(p.event) <> 'any' or pg_temp.cached(p.event) <> 'local'$$,
  'two events that differ in any field are two');
select is(pg_temp.winner('{"error_message": "where", "service": "a", "environment": {"framework": "a", "platform": "a"}}'), 'any', 'no rule asks where');
select is(pg_temp.cached('{"error_message": "where", "service": "b", "environment": {"framework": "b", "platform": "b"}}'), 'local',
  'so it is the same event wherever it happens');
create temporary table place_asked as
  select c.name, c.name = a.name as own, jsonb_build_object('error_message', 'asked ' || c.name || a.name)
      || case c.name when 'service' then '{"service": "%s"}' else jsonb_build_object('environment', jsonb_build_object(c.name, '%s')) end as event,
    a.name as asked
  from unnest(array['service', 'framework', 'platform']) c (name), unnest(array['service', 'framework', 'platform']) a (name);
create function pg_temp.asked() returns setof text
language plpgsql as $$
declare
  p record;
begin
  for p in select * from place_asked loop
      perform pg_temp.add_rule('asks', jsonb_build_object(p.asked, 'one'));
      return next is(pg_temp.winner(replace(p.event::text, '%s', 'one')::jsonb), case when p.own then 'asks' else 'any' end,
        format('a rule that asks for a %s: %s', p.asked, p.name));
      return next is(pg_temp.cached(replace(p.event::text, '%s', 'two')::jsonb), case when p.own then 'no' else 'local' end,
        'another one is another event only if it is asked for');
      return next is(pg_temp.winner(replace(p.event::text, '%s', 'two')::jsonb), 'any', 'and has its own answer');
      delete from homeostasis.rules where id = 'asks';
  end loop;
end
$$;
select pg_temp.asked();
select is(pg_temp.winner('{"error_message": "m", "detail": "ab", "context": "c"}'), 'any', 'texts that are next to each other');
select is(pg_temp.cached('{"error_message": "m", "detail": "a", "context": "bc"}'), 'no', 'are not the same when they are cut elsewhere');
select is(pg_temp.cached('{"error_message": "m", "detail": "abc"}'), 'no', 'nor as one');
select is(pg_temp.cached('{"error_message": "m", "context": "ab", "statement": "c"}'), 'no', 'nor in other fields');

delete from homeostasis.rules;

-- What a limit has a part in is never kept.
select pg_temp.add_rule('hostile', '{"pattern": "(a+)+$|\\Rx", "confidence": 1}');
select pg_temp.add_rule('modest', '{"pattern": "(?:a|b)", "confidence": 0.1}');
select is(pg_temp.winner_for(repeat('a', 40) || 'b'), 'modest', 'a pattern runs into a limit, another one wins');
select is(pg_temp.cached(pg_temp.message(repeat('a', 40) || 'b')), 'no', 'that is not kept');
select pg_temp.winner_for(repeat('a', 40) || 'b') \g /dev/null
select is(limit_hits, 2::bigint, 'so the pattern is tried again') from homeostasis.stat_rules where rule_id = 'hostile';
select is(pg_temp.winner_for('b'), 'modest', 'no pattern runs into a limit');
select is(pg_temp.cached(pg_temp.message('b')), 'local', 'that is kept');
delete from homeostasis.rules;

-- Captures of any length are right, and kept when they are short.
select pg_temp.add_rule('all', '{"pattern": "^(?<all>.*)$"}');
create function pg_temp.captured(n integer) returns text
language sql as $$
  select string_agg(case when captures ->> 'all' = repeat('é', n) then 'right' else 'wrong' end, ' ')
  from generate_series(1, 2), homeostasis.match(pg_temp.message(repeat('é', n)))
$$;
select is_empty($$select n from generate_series(1, 300) n where pg_temp.captured(n) <> 'right right'$$, 'captures of any length are right');
select is(pg_temp.cached(pg_temp.message(repeat('é', 200))), 'local', 'short ones are kept');
select is(pg_temp.cached(pg_temp.message(repeat('é', 300))), 'no', 'long ones are not');
select cmp_ok(not_kept, '>=', 1::bigint, 'which is counted') from homeostasis.stat_cache where cache = 'match' and level = 'shared';

-- The local cache has room for some; the shared one has the others.
select is_empty($$select n from generate_series(1, 2) turn, generate_series(1, 400) n
    where pg_temp.winner_for('event ' || n) is distinct from 'all'$$, 'more events than the local cache has room for');
create temporary table place as
  select pg_temp.cached(pg_temp.message('event ' || n)) as level, count(*) as events from generate_series(1, 400) n group by 1;
select cmp_ok((select events from place where level = 'local'), '<=', max_entries, 'no more are there than it has room for')
  from homeostasis.stat_cache where cache = 'match' and level = 'local';
select is((select events from place where level = 'shared'), 400 - (select events from place where level = 'local'), 'the others are shared');

-- The examples of the shipped rules: known or not, the answer is the same.
truncate homeostasis.rules;
select homeostasis.load_pack(name) from unnest(array['python', 'java', 'docker']) name \g /dev/null
create temporary table example as
  select row_number() over () as n, homeostasis.example_event(r, e) as event
  from homeostasis.rules r, jsonb_array_elements(r.examples || r.counter_examples) e where e ? 'message';
select cmp_ok(count(*), '>', 100::bigint, 'there are examples') from example;
create temporary table unknown as select n, m.* from example left join homeostasis.match(event) m on true;
select results_eq('select n, m.* from example left join homeostasis.match(event) m on true order by n', 'select * from unknown order by n',
  'what is known of an example is what was found out');
select is_empty('select n from example where homeostasis.warm_match(event) <> (select rule_id is not null from unknown u where u.n = example.n)',
  'warm_match() says whether a rule matches');

-- The view, and who may do what.
select results_eq('select cache, level from homeostasis.stat_cache',
  $$values ('match', 'local'), ('match', 'shared'), ('patterns', 'local')$$, 'stat_cache has one row a cache');
select is_empty($$select * from homeostasis.stat_cache
    where least(hits, misses, entries, bytes) <= 0 or least(evictions, not_kept) < 0 or bytes > max_bytes and level = 'shared'$$,
  'all of them were used');
select throws_ok('select homeostasis.warm_caches(-1)', 'HO007', null, 'warm_caches() refuses a negative number');
select throws_ok('select homeostasis.warm_caches(null)', 'HO007', null, 'and none');
select throws_ok('select homeostasis.warm_caches(1, beyond => -1)', 'HO007', null, 'of either kind');
select results_eq('select * from homeostasis.warm_caches(0) limit 1', $$values ('issues', 0::bigint)$$, 'none may be enough');
create role cache_reader in role homeostasis_reader;
create role cache_operator in role homeostasis_operator;
set local role cache_reader;
select lives_ok('select * from homeostasis.stat_cache', 'a reader may read stat_cache');
select throws_ok('select homeostasis.warm_caches()', '42501', null, 'but not warm the caches');
select throws_ok('select homeostasis.warm_match(''{"error_message": "m"}'')', '42501', null, 'nor by one event');
set local role cache_operator;
select lives_ok('select homeostasis.warm_caches()', 'an operator may');
reset role;

select * from finish();
rollback;
