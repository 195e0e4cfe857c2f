-- runs in: own
--
-- pack.sql: a shipped rule could miss what the software prints, take what is
-- another's, or be impossible to load

\set ECHO none
\set QUIET 1
begin;
select no_plan();

-- The names of packs are no paths.
select throws_like(format('select homeostasis.installed_pack(%L)', name),
  'there is no rule pack "%" among those that are installed', format('%L is no pack', name))
  from unnest(array['no_such', '../rules/python', '/etc/passwd', 'python.json', '', 'Python', 'postgresql']) name;

select results_eq('select p.pack, p.loaded, p.updated, p.removed, p.kept from homeostasis.load_packs() p order by p.pack collate "C"',
  'select a.name, a.rules, 0, 0, 0 from homeostasis.available_packs a order by a.name collate "C"', 'all packs are loaded');
select is(sum(p.loaded + p.updated + p.removed), 0::bigint, 'and the second time nothing changes') from homeostasis.load_packs() p;
select is(bool_and(loaded and current), true, 'which can be seen') from homeostasis.available_packs;

select is_empty('select * from homeostasis.lint_rules()',
  'each rule wins all of its examples, and matches none of its counter-examples, with all packs loaded');
select is_empty($$
  select r.id from homeostasis.rules r
  where r.pack <> 'postgresql' and (jsonb_array_length(r.examples) < 2 or jsonb_array_length(r.counter_examples) < 1)$$,
  'each has two examples and a counter-example');
select is_empty($$
  select r.pack, r.id from homeostasis.rules r where r.pack <> 'postgresql' and r.id not like r.pack || '-%'$$,
  'and the name of its pack');
select is_empty($$
  select name from unnest(array['python', 'javascript', 'typescript', 'java', 'go', 'rust', 'c', 'csharp', 'ruby', 'php']) name
  where (select count(*) from homeostasis.rules r where r.pack = name) < 25$$, 'there are 25 rules for each language');

-- A rule for a language holds for those that run on it, and types may have packages.
create function pg_temp.winner(event jsonb) returns text language sql as $$ select rule_id from homeostasis.match(event) $$;
select is(pg_temp.winner('{"language": "typescript", "error_type": "TypeError", "error_message": "Cannot read properties of undefined (reading ''map'')"}'),
  pg_temp.winner('{"language": "javascript", "error_type": "TypeError", "error_message": "Cannot read properties of undefined (reading ''map'')"}'),
  'TypeScript has the errors of JavaScript');
select isnt(pg_temp.winner('{"language": "javascript", "error_type": "TypeError", "error_message": "Cannot read properties of undefined (reading ''map'')"}'),
  null, 'which are known');

select is(homeostasis.unload_rules('python') > 25, true, 'a pack can be unloaded');
select is(loaded, false, 'which can be seen, too') from homeostasis.available_packs where name = 'python';

select finish();
rollback;
