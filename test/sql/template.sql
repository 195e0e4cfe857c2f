-- runs in: own
--
-- template.sql: a template without a header, or with more than one query,
-- could be loaded, or an edit of a shipped one be lost

\set ECHO none
\set QUIET 1
begin;
select no_plan();

select lives_ok($$select homeostasis.load_template('t', e'-- description: Does things\n-- class: data\n-- reversible: yes\n-- explain: yes\n--\n-- class: not a header any more\nselect 1')$$,
  'a template');
select results_eq($$select description, class, reversible, explain, shipped, modified, plan like '-- description%select 1' from homeostasis.patch_templates where name = 't'$$,
  $$values ('Does things', 'data', 'yes', true, false, false, true)$$, 'its header becomes columns, its text stays whole');
select lives_ok($$select homeostasis.load_template('t', e'-- reversible: no\r\n-- class: index\r\n-- description: New  \r\nselect $1, $2')$$,
  'the same name again');
select results_eq($$select description, class, reversible, explain, modified from homeostasis.patch_templates where name = 't'$$,
  $$values ('New', 'index', 'no', false, false)$$, 'is replaced');
select homeostasis.load_template('u', e'-- description: d\n-- class: data\n-- reversible: unneeded\n-- effect: new sessions\nselect 1');
select is(reversible || ', ' || effect, 'unneeded, new sessions', 'a template may say that it needs no undo, and whom it reaches')
from homeostasis.patch_templates where name = 'u';
select homeostasis.load_template('u', e'-- description: d\n-- class: data\n-- reversible: unneeded\nselect 1');
select is(effect, 'at once', 'if it does not say, everybody') from homeostasis.patch_templates where name = 'u';

create temporary table bad (body text, message text);
insert into bad values
  (e'-- description: d\n-- class: data\nselect 1', 'patch template "b": key "reversible" is missing'),
  ('select 1', 'patch template "b": key "description" is missing'),
  ('', 'patch template "b": key "description" is missing'),
  (e'-- description: d\n-- class: magic\n-- reversible: yes\nselect 1', 'patch template "b": key "class" may not be "magic"'),
  (e'-- description: d\n-- class: data\n-- reversible: maybe\nselect 1', 'patch template "b": key "reversible" must be yes, no or unneeded, not "maybe"'),
  (e'-- description: d\n-- class: data\n-- reversible: yes\n-- explain: 1\nselect 1', 'patch template "b": key "explain" must be yes or no, not "1"'),
  (e'-- description: d\n-- class: data\n-- reversible: yes\n-- effect: soon\nselect 1', 'patch template "b": key "effect" must be "at once" or "new sessions", not "soon"'),
  (e'-- description: d\n-- description: e\nselect 1', 'patch template "b": key "description" is given twice'),
  (e'-- description:\nselect 1', 'patch template "b": key "description" is empty'),
  (e'-- description: d\n-- author: me\nselect 1', 'patch template "b": key "author" is not a key of the header');
insert into bad
  select e'-- description: d\n-- class: data\n-- reversible: yes\n' || query, 'patch template "b" has an invalid plan: ' || problem
  from (values
    ('', 'it must be one query'),
    ('select 1; select 2', 'it must be one query'),
    ('drop table t', 'it must be a query: SELECT, VALUES or WITH'),
    ('delete from t returning 1', 'it must be a query: SELECT, VALUES or WITH'),
    ('with d as (delete from t returning 1) select * from d', 'it changes data'),
    ('select (with i as (insert into t values (1) returning 1) select 1)', 'it changes data'),
    ('select 1 into t', 'SELECT INTO creates a table'),
    ('select * from (select 1 from t for update) s', 'it locks rows'),
    ('select $3', 'it has parameters other than $1 and $2'),
    ('select (select $0)', 'it has parameters other than $1 and $2'),
    ('selec 1', 'syntax error at or near "selec"')) q (query, problem);
select throws_ok(format('select homeostasis.load_template(''b'', %L)', body), 'HO003', message, message) from bad;
select throws_ok($$select homeostasis.load_template('B b', e'-- description: d\n-- class: data\n-- reversible: yes\nselect 1')$$, 'HO003',
  'patch template "B b" has an invalid name', 'a bad name');
select throws_ok($$update homeostasis.patch_templates set plan = 'drop table t' where name = 't'$$, 'HO003', null, 'plain DML is checked as well');
select is_empty($$select from homeostasis.patch_templates where name = 'b'$$, 'nothing bad was stored');
select lives_ok($$select homeostasis.load_template('c', e'-- description: d\n-- class: data\n-- reversible: yes\nwith recursive x as (select 1 union all select 2) table x union values (1), (2)')$$,
  'any form of query is taken');

-- What is shipped.
create temporary table body as select e'-- description: d%s\n-- class: data\n-- reversible: yes\nselect 1'::text as t;
grant select on body to homeostasis_owner;
set local role homeostasis_owner;
select homeostasis.load_template('s', format(t, 1), shipped => true) from body;
select homeostasis.load_template('s', format(t, 2), shipped => true) from body;
reset role;
select results_eq($$select description, shipped, modified from homeostasis.patch_templates where name = 's'$$,
  $$values ('d2', true, false)$$, 'an update replaces a shipped template');
insert into homeostasis.rules (id, pack, description, root_cause, suggestion, confidence, template)
  values ('uses.s', 'postgresql', 'd', 'c', 's', 1, 's');
select throws_ok(format($$select homeostasis.load_template('s', %L)$$, (select t from body)), 'HO003',
  'patch template "s" came with the extension', 'a user does not replace it');
create role template_admin in role homeostasis_admin;
set local role template_admin;
update homeostasis.patch_templates set plan = plan || ' limit 1' where name = 's';
reset role;
select is(modified, true, 'an edited one is marked') from homeostasis.patch_templates where name = 's';
set local role homeostasis_owner;
select homeostasis.load_template('s', format(t, 3), shipped => true) from body;
reset role;
select results_eq($$select description, modified, plan like '%limit 1' from homeostasis.patch_templates where name = 's'$$,
  $$values ('d2', true, true)$$, 'an update leaves it alone');
create temporary table dumped as select * from homeostasis.patch_templates where name = 's';
set local session_replication_role = replica;
update homeostasis.patch_templates set modified = false, description = 'as shipped' where name = 's';
set local session_replication_role = origin;
insert into homeostasis.patch_templates select * from dumped;
select results_eq($$select description, modified from homeostasis.patch_templates where name = 's'$$,
  $$values ('d2', true)$$, 'a restored edit replaces the shipped one, rules that use it notwithstanding');
insert into homeostasis.rules (id, pack, description, root_cause, suggestion, confidence, template)
  values ('uses.c', 'postgresql', 'd', 'c', 's', 1, 'c');
select throws_ok($$delete from homeostasis.patch_templates where name = 'c'$$, 'HO003', null,
  'a template that a rule uses cannot be deleted');

select * from finish();
rollback;
