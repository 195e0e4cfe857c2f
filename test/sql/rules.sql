-- runs in: own
--
-- rules.sql: a rule that can't work could be stored, a pack be loaded in part,
-- or an edit of a shipped rule be lost

\set ECHO none
\set QUIET 1
begin;
\ir ../lib/rules.sql
select no_plan();

-- What is refused, with the column and the place.
create function pg_temp.refusal(columns jsonb) returns text
language plpgsql as $$
declare
  state text;
  column_at_fault text;
begin
  perform pg_temp.add_rule('bad', columns);
  delete from homeostasis.rules where id = 'bad';
  return null;
exception when others then
  get stacked diagnostics state = returned_sqlstate, column_at_fault = column_name;
  return state || ' ' || column_at_fault || ': ' || sqlerrm;
end
$$;
select is(pg_temp.refusal('{"pattern": "a(b"}'),
  'HO003 pattern: rule "bad" has an invalid pattern: missing closing parenthesis at offset 3',
  'an open parenthesis');
select is(pg_temp.refusal('{"detail_pattern": "größe(b"}'),
  'HO003 detail_pattern: rule "bad" has an invalid detail_pattern: missing closing parenthesis at offset 7',
  'the offset counts characters');
select matches(pg_temp.refusal('{"context_pattern": "(?<a>x)(?<a>y)"}'), '^HO003 context_pattern: .* at offset \d+$', 'a name twice');
select matches(pg_temp.refusal('{"statement_pattern": "\\"}'), '^HO003 statement_pattern: .* at offset 1$', 'a lone backslash');
select is(pg_temp.refusal(jsonb_build_object('pattern', repeat('a', 8192))), null, 'a pattern of 8,192 bytes is taken');
select matches(pg_temp.refusal(jsonb_build_object('pattern', repeat('a', 8193))), '^HO003 pattern: .* longer than 8192 bytes$',
  'a longer one is not');
select matches(pg_temp.refusal(jsonb_build_object('pattern', repeat('(', 4000))), '^HO003 pattern: .*nested', 'too deep');
select matches(pg_temp.refusal('{"sqlstates": ["2350"]}'), '^HO003 sqlstates: .*"2350"$', 'a SQLSTATE of four characters');
select matches(pg_temp.refusal('{"sqlstates": ["2350a"]}'), '^HO003 sqlstates: ', 'a SQLSTATE in small letters');
select matches(pg_temp.refusal('{"sqlstates": [null]}'), '^HO003 sqlstates: ', 'null among SQLSTATEs');
select matches(pg_temp.refusal('{"sqlstates": []}'), '^HO003 sqlstates: .*empty$', 'no SQLSTATE at all');
select is(pg_temp.refusal('{"service": ""}'), 'HO003 service: rule "bad" has an invalid service: there is no name in it',
  'a service without a name');
select is(pg_temp.refusal('{"framework": " /4.2"}'),
  'HO003 framework: rule "bad" has an invalid framework: there is no name in it', 'a version without a framework');
select is(pg_temp.refusal('{"platform": "Linux 6.1", "framework": "Next.js"}'), null, 'a platform may have a version');
select matches(pg_temp.refusal('{"template": "no_such"}'), '^HO003 template: rules "bad" has a template that is not in homeostasis.patch_templates: "no_such"', 'a template that is not there');
select matches(pg_temp.refusal('{"examples": {}}'), '^HO003 examples: ', 'examples that are no array');
select is(pg_temp.refusal('{"pattern": "(?<=a)b|\\1?()", "sqlstates": ["23505", "40"]}'), null, 'a good rule is taken');
select pg_temp.add_rule('a', '{"pattern": "a"}');
select throws_ok($$update homeostasis.rules set pattern = '*' where id = 'a'$$, 'HO003', null, 'an update is checked as well');
update homeostasis.rules set description = 'e' where id = 'a';
select is(updated_at, now(), 'an update sets updated_at') from homeostasis.rules where id = 'a';
select is(modified, false, 'only shipped rules are marked as modified') from homeostasis.rules where id = 'a';
delete from homeostasis.rules;

-- replace_pack(): all of a pack.
create function pg_temp.load(pack jsonb, shipped boolean default false) returns jsonb
language sql as $$
  select jsonb_build_object('pack', pack ->> 'name',
    'loaded', count(*) filter (where action = 'inserted'), 'updated', count(*) filter (where action = 'updated'),
    'unchanged', count(*) filter (where action = 'unchanged'), 'removed', count(*) filter (where action = 'removed'),
    'kept', count(*) filter (where action = 'kept'))
  from homeostasis.replace_pack(pack, shipped)
$$;
create temporary table pack as select $${
  "name": "p", "description": "d", "version": "1", "language": "sql",
  "rules": [
    {"id": "p.a", "description": "d", "root_cause": "c", "suggestion": "s", "confidence": 0.9, "pattern": "alpha"},
    {"id": "p.b", "description": "d", "root_cause": "c", "suggestion": "s", "confidence": 0.8, "pattern": "beta",
     "language": "python", "sqlstates": ["23505"], "priority": 3, "tags": ["x"], "severity": "high", "enabled": false,
     "examples": [{"sql": "select 1"}]}
  ]}$$::jsonb as j;
select is(pg_temp.load(j), '{"pack": "p", "loaded": 2, "updated": 0, "unchanged": 0, "removed": 0, "kept": 0}', 'a new pack') from pack;
select results_eq(
  $$select id, language, sqlstates, priority, tags, severity, category, enabled, shipped, modified, examples
    from homeostasis.rules order by id$$,
  $$values ('p.a', 'sql', null::text[], 0, '{}'::text[], 'medium', 'general', true, false, false, '[]'::jsonb),
           ('p.b', 'python', '{23505}', 3, '{x}', 'high', 'general', false, false, false, '[{"sql": "select 1"}]')$$,
  'defaults are filled in, a rule''s language goes before the pack''s');
select is(pg_temp.load(j), '{"pack": "p", "loaded": 0, "updated": 0, "unchanged": 2, "removed": 0, "kept": 0}', 'the same again') from pack;
select is(pg_temp.load(jsonb_set(jsonb_set(j #- '{rules,1}', '{rules,0,pattern}', '"gamma"'), '{version}', '"2"')),
  '{"pack": "p", "loaded": 0, "updated": 1, "unchanged": 0, "removed": 1, "kept": 0}', 'one changed, one left out') from pack;
select results_eq('select id, pattern from homeostasis.rules', $$values ('p.a', 'gamma')$$, 'the pack is what was given');
select is(version, '2', 'its version, too') from homeostasis.rule_packs where name = 'p';

-- or nothing of it, and the error names the rule and the key.
create function pg_temp.load_error(pack jsonb) returns text
language plpgsql as $$
declare
  hint text;
  state text;
begin
  perform homeostasis.replace_pack(pack);
  return null;
exception when others then
  get stacked diagnostics hint = pg_exception_hint, state = returned_sqlstate;
  return case when hint = '' then 'no hint! ' else '' end || state || ' ' || sqlerrm;
end
$$;
create temporary table broken (change text[], value jsonb, message text);
insert into broken values
  ('{rules,1,pattern}', '"(?<"', '^HO003 rule "p\.b" has an invalid pattern: .* at offset \d+$'),
  ('{rules,1,framework}', '["django"]', '^HO003 rule "p\.b": key "framework" must be of type string, not array$'),
  ('{rules,1,platform}', '{"name": "linux"}', '^HO003 rule "p\.b": key "platform" must be of type string, not object$'),
  ('{rules,1,service}', '""', '^HO003 rule "p\.b" has an invalid service: there is no name in it$'),
  ('{rules,1,color}', '"red"', '^HO003 rule "p\.b": key "color" is not a key of a rule$'),
  ('{rules,1,pattern}', '["a"]', '^HO003 rule "p\.b": key "pattern" must be of type string, not array$'),
  ('{rules,1,confidence}', '"high"', '^HO003 rule "p\.b": key "confidence" must be of type number, not string$'),
  ('{rules,1,confidence}', '1.5', '^HO003 rule "p\.b": key "confidence" must lie between 0 and 1$'),
  ('{rules,1,priority}', '0.5', '^HO003 rule "p\.b": key "priority" must be an integer'),
  ('{rules,1,priority}', '1e30', '^HO003 rule "p\.b": key "priority" must be an integer'),
  ('{rules,1,severity}', '"fatal"', '^HO003 rule "p\.b": key "severity" may not be "fatal"$'),
  ('{rules,1,tags}', '[1]', '^HO003 rule "p\.b": key "tags" must be an array of strings$'),
  ('{rules,1,sqlstates}', '["x"]', '^HO003 rule "p\.b" has invalid sqlstates: "x"$'),
  ('{rules,1,template}', '"no_such"', '^HO003 rules "p\.b" has a template that is not in'),
  ('{rules,1,examples}', '["x"]', '^HO003 rule "p\.b": key "examples" must be an array of objects'),
  ('{rules,1,examples}', '[{"setup": "x"}]', '^HO003 rule "p\.b": key "examples" must be an array of objects'),
  ('{rules,1,id}', '"p.a"', '^HO003 rule "p\.a": key "id" is used twice in the pack$'),
  ('{rules,1,id}', '"p b"', '^HO003 rule "p b": key "id" is not an identifier$'),
  ('{rules,1,root_cause}', 'null', '^HO003 rule "p\.b": key "root_cause" must be of type string, not null$'),
  ('{rules,1}', '{"id": "p.b"}', '^HO003 rule "p\.b": key "description" is missing$'),
  ('{rules,1}', '"x"', '^HO003 rule number 2 of the pack must be an object$'),
  ('{rules,1,id}', '7', '^HO003 rule "7": key "id" must be of type string, not number$'),
  ('{rules}', '{}', '^HO003 key "rules" of the rule pack must be of type array, not object$'),
  ('{name}', '7', '^HO003 key "name" of the rule pack must be of type string, not number$'),
  ('{author}', '"me"', '^HO003 key "author" is not a key of a rule pack$');
create temporary table before as select * from homeostasis.rules;
select matches(pg_temp.load_error(jsonb_set(j, change, value)), message, array_to_string(change, '.') || ' ' || value) from broken, pack;
select is(pg_temp.load_error(j - 'version'), 'HO003 key "version" of the rule pack is missing', 'a key of the pack that is missing') from pack;
select is(pg_temp.load_error('[]'), 'HO003 a rule pack must be a JSON object', 'a pack that is an array');
select is(pg_temp.load_error(null), 'HO003 a rule pack must be a JSON object', 'null');
select results_eq('select * from homeostasis.rules', 'select * from before', 'none of them changed a rule');

select pg_temp.add_rule('p.b');
select is(pg_temp.load_error(j), 'HO003 rule "p.b": key "id" is used by pack "test" already', 'a rule of another pack is not taken over') from pack;
delete from homeostasis.rules where id = 'p.b';

-- unload_rules()
select is(homeostasis.unload_rules('p'), 1::bigint, 'unload_rules() says how many');
select is_empty('select from homeostasis.rules', 'they are gone');
select throws_ok($$select homeostasis.unload_rules('p')$$, 'HO005', 'there is no rule pack "p"', 'a pack that is not there');
select throws_ok($$select homeostasis.unload_rules('postgresql')$$, 'HO003', 'rule pack "postgresql" came with the extension', 'a shipped pack stays');
select is(pg_temp.load_error(jsonb_set(j, '{name}', '"postgresql"')),
  'HO003 there is a rule pack "postgresql" already, which came with the extension', 'a shipped pack is not replaced') from pack;

create role pack_admin in role homeostasis_admin;
set session authorization pack_admin;
select throws_ok($$select homeostasis.replace_pack('{"name": "false flag", "description": "d", "version": "1", "rules": []}', true)$$,
  'HO008', 'only the extension itself can ship rules', 'an administrator cannot pass rules off as shipped');
select lives_ok($$select homeostasis.replace_pack('{"name": "own flag", "description": "d", "version": "1", "rules": []}')$$,
  'but load them as his own');
reset session authorization;

-- What is shipped may be edited; the edit survives an update and a restore.
create function pg_temp.ship(version text) returns jsonb
language sql as $$
  select pg_temp.load(
    replace(jsonb_set(j, '{name}', '"shipped"')::text, 'p.', 's' || '.')::jsonb
      || jsonb_build_object('version', version), shipped => true)
  from pack
$$;
grant select on pack to homeostasis_owner;
set local role homeostasis_owner;
select pg_temp.ship('1');
reset role;
create role rule_admin in role homeostasis_admin;
set local role rule_admin;
update homeostasis.rules set confidence = 0.1 where id = 's.a';
select is(modified, true, 'an edited shipped rule is marked') from homeostasis.rules where id = 's.a';
select is(modified, false, 'the others are not') from homeostasis.rules where id = 's.b';
reset role;
update pack set j = jsonb_set(j, '{rules}', (j -> 'rules') #- '{1}' || $$[{"id": "p.c", "description": "d", "root_cause": "c",
  "suggestion": "s", "confidence": 0.9}]$$);
update pack set j = jsonb_set(j, '{rules,0,pattern}', '"delta"');
set local role homeostasis_owner;
select is(pg_temp.ship('2'), '{"pack": "shipped", "loaded": 1, "updated": 0, "unchanged": 0, "removed": 1, "kept": 1}',
  'an update leaves the edited rule alone');
reset role;
select results_eq('select id, pattern, confidence, modified from homeostasis.rules order by id',
  $$values ('s.a', 'alpha', 0.100, true), ('s.c', null, 0.900, false)$$, 'and brings and takes the others');
create temporary table dumped as select * from homeostasis.rules where not shipped or modified;
set local role homeostasis_owner;
delete from homeostasis.rules;
update homeostasis.rule_packs set loaded_at = now() where name = 'shipped';
select pg_temp.ship('2');
reset role;
select is(confidence, 0.900, 'a new installation has the rule as it was shipped') from homeostasis.rules where id = 's.a';
insert into homeostasis.rules select * from dumped;
select is(confidence, 0.100, 'a restored edit replaces it') from homeostasis.rules where id = 's.a';
select is(count(*), 2::bigint, 'and nothing else') from homeostasis.rules;

-- Who may.
set local role rule_admin;
select lives_ok($$insert into homeostasis.rules (id, pack, description, root_cause, suggestion, confidence) values
  ('mine', 'test', 'd', 'c', 's', 1)$$, 'an admin may add a rule');
select lives_ok($$select homeostasis.load_rules(j || '{"name": "q", "rules": []}') from (select '{"description": "d", "version": "1"}'::jsonb j) x$$,
  'and load a pack');
select lives_ok($$select homeostasis.unload_rules('q')$$, 'and unload it');
select throws_ok('truncate homeostasis.rules', '42501', null, 'but not truncate the table');
select throws_ok('create trigger evil before insert on homeostasis.rules execute function suppress_redundant_updates_trigger()',
  '42501', null, 'nor put a trigger on it');
reset role;
create role rule_operator in role homeostasis_operator;
set local role rule_operator;
select throws_ok($$select homeostasis.load_rules('{}')$$, '42501', null, 'an operator may not load rules');
select throws_ok($$update homeostasis.rules set confidence = 1$$, '42501', null, 'nor edit them');
reset role;

select * from finish();
rollback;
