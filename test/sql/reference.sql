-- runs in: own
--
-- reference.sql: configuration could refer to what is not there

\set ECHO none
\set QUIET 1
begin;
select no_plan();

create function pg_temp.add_rule(id text, pack text, template text default null) returns void
language sql as $$
  insert into homeostasis.rules (id, pack, description, root_cause, suggestion, confidence, pattern, template)
    values (id, pack, 'd', 'c', 's', 0.5, 'x', template)
$$;
insert into homeostasis.rule_packs (name, description, version) values ('mine', 'd', '1'), ('other', 'd', '1');
insert into homeostasis.patch_templates (name, description, class, reversible, plan)
  values ('plan', 'd', 'data', 'no', 'select 1');
insert into homeostasis.services (name) values ('shop');

select throws_ok($$select pg_temp.add_rule('r', 'nowhere')$$, 'HO003',
  'rules "r" has a pack that is not in homeostasis.rule_packs: "nowhere"', 'a rule needs its pack');
select throws_ok($$select pg_temp.add_rule('r', 'mine', 'nothing')$$, 'HO003',
  'rules "r" has a template that is not in homeostasis.patch_templates: "nothing"', 'and its template');
select throws_ok($$insert into homeostasis.policies (name, decision, service_id) values ('p', 'ask', 0)$$, 'HO003',
  'policies "p" has a service_id that is not in homeostasis.services: "0"', 'a policy needs its service');
select lives_ok($$select pg_temp.add_rule('a', 'mine', 'plan'), pg_temp.add_rule('b', 'mine'), pg_temp.add_rule('c', 'other')$$,
  'what is there can be named');
select throws_ok($$update homeostasis.rules set pack = 'nowhere' where id = 'a'$$, 'HO003', null, 'nor can it be changed to what is not');
select throws_ok($$delete from homeostasis.patch_templates where name = 'plan'$$, 'HO003',
  '"plan" cannot be deleted from patch_templates: 1 rows of homeostasis.rules name it', 'a template in use stays');

update homeostasis.rule_packs set name = 'ours' where name = 'mine';
update homeostasis.patch_templates set name = 'scheme' where name = 'plan';
select results_eq($$select id, pack, template from homeostasis.rules where pack in ('mine', 'ours', 'other') order by id$$,
  $$values ('a', 'ours', 'scheme'), ('b', 'ours', null), ('c', 'other', null)$$, 'rules follow a new name');
delete from homeostasis.rule_packs where name = 'ours';
select results_eq($$select id from homeostasis.rules where pack in ('mine', 'ours', 'other')$$, $$values ('c')$$,
  'the rules of a pack go with it');
select lives_ok($$delete from homeostasis.patch_templates where name = 'scheme'$$, 'a template that nothing names can go');
insert into homeostasis.policies (name, decision, service_id)
  select 'of_shop', 'ask', id from homeostasis.services where name = 'shop';
delete from homeostasis.services where name = 'shop';
select is_empty($$select from homeostasis.policies where name = 'of_shop'$$, 'the policies of a service go with it');

select * from finish();
rollback;
