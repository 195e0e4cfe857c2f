-- runs in: own
--
-- check.sql: a person who writes a row with a wrong value could be told no
-- more than the name of a constraint

\set ECHO none
\set QUIET 1
begin;
select no_plan();

insert into homeostasis.rule_packs (name, description, version) values ('mine', 'x', '1');

-- What is said about a row; null: nothing.
create function pg_temp.refusal(relation text, given jsonb) returns text
language plpgsql as $$
declare
  code text;
  field text;
  remedy text;
  columns constant text := (select string_agg(quote_ident(k), ', ') from jsonb_object_keys(given) k);
begin
  execute format('insert into homeostasis.%I (%s)'
    ' select %2$s from jsonb_populate_record(null::homeostasis.%1$I, $1)', relation, columns)
    using given;
  raise exception using errcode = 'XX000', message = 'accepted';
exception when others then
  get stacked diagnostics code = returned_sqlstate, field = column_name, remedy = pg_exception_hint;
  return format('%s %s: %s [%s]', code, field, sqlerrm, remedy);
end
$$;

select is(pg_temp.refusal(relation, usual || given), 'HO003 ' || expected, expected)
from (values
  ('policies', '{"name": "p", "decision": "ask"}'::jsonb),
  ('services', '{"name": "s"}'),
  ('rules', '{"id": "r", "pack": "mine", "description": "d", "root_cause": "c", "suggestion": "s",
     "confidence": 0.5}'),
  ('patch_templates', '{"name": "t", "description": "d", "class": "data", "reversible": "yes",
     "plan": "select 1"}')) u (relation, usual)
join (values
  ('policies', '{"decision": "maybe"}'::jsonb,
   'decision: policy "p": "decision" may not be "maybe" [A policy decides to approve, ask or refuse.]'),
  ('policies', '{"decision": null}',
   'decision: policy "p": "decision" is missing [approve: without a person, if the limits of the row hold; ask: a person decides; refuse: never.]'),
  ('policies', '{"name": "My policy"}',
   'name: policy "My policy": "name" may not be "My policy" [Use small letters, digits and underscores, beginning with a letter.]'),
  ('policies', '{"classes": ["index", "other"]}',
   'classes: policy "p": "classes" may not be "["index", "other"]" [Classes are data, privilege, index, schema, rewrite, maintenance and session; null covers every class.]'),
  ('policies', '{"min_confidence": 1.5}',
   'min_confidence: policy "p": "min_confidence" may not be "1.500" [Give a number from 0 to 1.]'),
  ('policies', '{"observe_window": "0"}',
   'observe_window: policy "p": "observe_window" may not be "00:00:00" [Give an interval longer than 0, such as ''5 minutes''.]'),
  ('services', '{"mode": "off"}',
   'mode: service "s": "mode" may not be "off" [Modes are observe, suggest and auto; null follows the setting homeostasis.mode.]'),
  ('services', '{"kind": "database"}',
   'database_name: service "s": "kind" and "database_name" do not fit together [A service of kind database has a database_name, one of kind application has none.]'),
  ('services', '{"name": ""}',
   'name: service "": "name" may not be "" [A name has 1 to 200 characters.]'),
  ('rules', '{"id": "a rule"}',
   'id: rule "a rule": "id" may not be "a rule" [Use at most 128 letters, digits, and the characters _ . : -]'),
  ('rules', '{"severity": "fatal"}',
   'severity: rule "r": "severity" may not be "fatal" [Severities are low, medium, high and critical.]'),
  ('rules', '{"examples": {}}',
   'examples: rule "r": "examples" may not be "{}" [Give an array of objects, or an empty one.]'),
  ('rules', '{"root_cause": null}',
   'root_cause: rule "r": "root_cause" is missing [Why the error happens, for people.]'),
  ('rules', '{"pattern": ""}',
   'pattern: rule "r" has an invalid pattern: it is empty, and would match everything [Use null for a rule without this condition.]'),
  ('patch_templates', '{"reversible": "maybe"}',
   'reversible: patch template "t": "reversible" may not be "maybe" [Write yes, no, or unneeded, as docs/templates.md explains.]'),
  ('patch_templates', '{"class": "other"}',
   'class: patch template "t": "class" may not be "other" [Classes are data, privilege, index, schema, rewrite, maintenance and session.]')
) c (relation, given, expected) using (relation);

-- The usual rows were not refused for another reason.
select is(pg_temp.refusal('policies', '{"name": "p", "decision": "ask", "max_lock": "ShareLock", "classes": null}'),
  'XX000 : accepted []', 'a row that is right is accepted');
select throws_ok($$update homeostasis.policies set max_lock = 'Mutex' where name = 'ask_a_person'$$,
  'HO003', 'policy "ask_a_person": "max_lock" may not be "Mutex"', 'an update is checked as well');

select is((select array_agg(c.conname::text)
           from pg_constraint c
           join pg_trigger t on t.tgrelid = c.conrelid and t.tgname = 'check_row'
           where c.contype = 'c' and obj_description(c.oid, 'pg_constraint') is null),
  null, 'each constraint of these tables says what to write instead');

select * from finish();
rollback;
