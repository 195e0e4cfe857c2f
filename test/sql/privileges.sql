-- runs in: own
--
-- privileges.sql: somebody could do more than their role says, or make the
-- workers run code of theirs (RELIABILITY 31, 32)

\set ECHO none
\set QUIET 1
begin;
\ir ../lib/healing.sql
select no_plan();

-- Who owns, who may ----------------------------------------------------------------------

select is_empty($$select c.oid::regclass from pg_class c
    where c.relnamespace = 'homeostasis'::regnamespace and c.relowner <> 'homeostasis_owner'::regrole$$,
  'every relation belongs to homeostasis_owner');
select is_empty($$select p.oid::regprocedure from pg_proc p
    where p.pronamespace = 'homeostasis'::regnamespace and p.proowner <> 'homeostasis_owner'::regrole$$,
  'every function belongs to homeostasis_owner');
select ok(not rolsuper and not rolcanlogin and not rolcreaterole and not rolcreatedb and not rolreplication and not rolbypassrls,
  rolname || ' has no attributes') from pg_roles where rolname ~ '^homeostasis_';
select is_empty($$select * from pg_auth_members where roleid = 'homeostasis_owner'::regrole$$,
  'nobody is a member of homeostasis_owner');
select is(array_agg(roleid::regrole::text), '{pg_monitor}', 'homeostasis_owner reads statistics, nothing else')
from pg_auth_members where member = 'homeostasis_owner'::regrole;

select is_empty($$
    select c.oid::regclass::text, a.privilege_type from pg_class c, aclexplode(c.relacl) a
    where c.relnamespace = 'homeostasis'::regnamespace and a.grantee = 0
    union all
    select p.oid::regprocedure::text, a.privilege_type
    from pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
    where p.pronamespace = 'homeostasis'::regnamespace and a.grantee = 0
    union all
    select nspname, a.privilege_type from pg_namespace, aclexplode(nspacl) a
    where nspname = 'homeostasis' and a.grantee = 0$$,
  'PUBLIC has nothing');

create function pg_temp.granted(role text) returns setof text
language sql as $$
  select p.proname || case when p.prosecdef then '' else ' (as the caller)' end
  from pg_proc p, aclexplode(p.proacl) a
  where p.pronamespace = 'homeostasis'::regnamespace and a.grantee = role::regrole
$$;
select set_eq('select pg_temp.granted(''homeostasis_reporter'')',
  array['ingest', 'report (as the caller)', 'report_batch (as the caller)', 'report_batch (as the caller)'],
  'reporters may report');
select set_eq('select pg_temp.granted(''homeostasis_operator'')',
  array['heal', 'approve', 'reject', 'deploy', 'rollback', 'advance_states', 'advance (as the caller)', 'checkup',
        'resolve', 'mute', 'unmute', 'assign', 'merge', 'split', 'diagnose', 'analyze', 'analyze', 'analyze',
        'analyze_step', 'cancel_analysis', 'warm_caches'],
  'operators may heal and decide');
select set_eq('select pg_temp.granted(''homeostasis_admin'')',
  array['replace_pack', 'load_rules', 'load_rules (as the caller)', 'rule_files (as the caller)', 'rule_file (as the caller)',
        'is_foreign (as the caller)', 'file_pack_name (as the caller)', 'unload_rules', 'load_pack (as the caller)', 'load_packs (as the caller)', 'load_template', 'maintain'],
  'administrators may load');
-- As their caller, readers can read what the tables would show them anyway.
select set_eq($$select f from pg_temp.granted('homeostasis_reader') f where f !~ 'as the caller'$$,
  array['audit_head', 'audit_verify', 'decide', 'health', 'setting', 'explain_match', 'lint_rules', 'rules_ready',
        'analysis_sessions', 'unmatched'],
  'readers may look');

select set_eq($$
    select a.grantee::regrole::text, c.relname::text, a.privilege_type
    from pg_class c, aclexplode(c.relacl) a
    where c.relnamespace = 'homeostasis'::regnamespace and a.grantee <> c.relowner
      and a.privilege_type <> 'SELECT'$$,
  $$select 'homeostasis_admin', t, p
    from unnest(array['rule_packs', 'rules', 'patch_templates', 'policies', 'service_classes']) t,
         unnest(array['INSERT', 'UPDATE', 'DELETE']) p
    union all select 'homeostasis_reporter', 'intake', 'INSERT'$$,
  'only administrators write to tables, and only to the configuration; reporters may copy into a view');
select set_eq($$
    select c.relname || '.' || t.attname, a.privilege_type
    from pg_attribute t join pg_class c on c.oid = t.attrelid, aclexplode(t.attacl) a
    where c.relnamespace = 'homeostasis'::regnamespace and a.grantee = 'homeostasis_admin'::regrole$$,
  $$values ('services.name', 'UPDATE'), ('services.mode', 'UPDATE'), ('services.class', 'UPDATE'), ('services.description', 'UPDATE')$$,
  'and to a service''s name, mode and class');
select set_eq($$
    select c.relname || '.' || t.attname, a.privilege_type
    from pg_attribute t join pg_class c on c.oid = t.attrelid, aclexplode(t.attacl) a
    where c.relnamespace = 'homeostasis'::regnamespace and a.grantee = 'homeostasis_operator'::regrole$$,
  $$values ('services.payloads_per_minute', 'UPDATE')$$, 'operators to its quota only');

-- Fixed paths (RELIABILITY 32) -------------------------------------------------------------

select is_empty($$select p.oid::regprocedure from pg_proc p
    where p.pronamespace = 'homeostasis'::regnamespace
      and (p.prosecdef or p.prolang <> (select oid from pg_language where lanname = 'c'))
      and 'search_path=pg_catalog, pg_temp' <> all (coalesce(p.proconfig, '{}'))$$,
  'every function has a fixed search_path');

create schema planted;
create table planted.caught (what text);
create function planted.caught(what text) returns void
language plpgsql security definer as $$ begin insert into planted.caught values (what); end $$;
create function planted.now() returns timestamptz
language plpgsql as $$ begin perform planted.caught('now'); return pg_catalog.now(); end $$;
create function planted.format(text, variadic text[]) returns text
language plpgsql as $$ begin perform planted.caught('format'); return ''; end $$;
create function planted.text_is(text, text) returns boolean
language plpgsql as $$ begin perform planted.caught('='); return true; end $$;
create operator planted.= (leftarg = text, rightarg = text, function = planted.text_is);
create table planted.pg_roles (rolname text, rolsuper boolean);
grant usage on schema planted to public;

create role planted_operator;
grant homeostasis_operator to planted_operator;
select fixture.patch('validated') as patch_id \gset
select fixture.issue() as issue_id \gset
-- So that match() has to read the rules, as their owner.
insert into homeostasis.rules (id, pack, description, root_cause, suggestion, confidence, pattern)
  select 'planted', min(name), 'd', 'c', 's', 1, '^planted' from homeostasis.rule_packs;
insert into homeostasis.rule_learning (rule_id, successes, failures, heals, confidence) values ('planted', 1, 0, 0, 1);
set local search_path = planted, pg_catalog, pg_temp, public;
set local role planted_operator;
select rule_id as matched from homeostasis.match('{"error_message": "planted"}') \gset
select current_user as matched_by, current_setting('search_path') as matched_in \gset
select homeostasis.heal(:issue_id) \g /dev/null
select homeostasis.approve(:patch_id) \g /dev/null
select homeostasis.deploy(:patch_id) \g /dev/null
select homeostasis.advance_states(10) \g /dev/null
select count(*) from homeostasis.overview \g /dev/null
select homeostasis.decide(:patch_id) \g /dev/null
reset role;
reset search_path;
select is_empty('select * from planted.caught', 'planted functions and operators are not called');
select is(:'matched'::text, 'planted'::text, 'whoever matches an event matches with all rules');
delete from homeostasis.rules where id = 'planted';
delete from homeostasis.rule_learning where rule_id = 'planted';
select is(:'matched_by'::text, 'planted_operator'::text, 'is who he was then');
select is(:'matched_in'::text, 'planted, pg_catalog, pg_temp, public'::text, 'in his own search_path');

-- Attacks on each table (RELIABILITY 31) -------------------------------------------------------

create function public.fixture_attack() returns trigger
language plpgsql as $$ begin return new; end $$;
grant execute on function public.fixture_attack() to public;
grant create on schema public to public;
create role planted_user;
create role planted_admin;
grant homeostasis_admin to planted_admin;

-- The attacks, of those that the current role can be made of, that succeed.
create function fixture.attacks_that_work() returns setof text
language plpgsql as $$
declare
  attack text;
begin
  for attack in
    select format(a.command, c.oid::regclass, (select quote_ident(attname) from pg_attribute
                                               where attrelid = c.oid and attnum = 1))
    from pg_class c cross join lateral (values
      ('create trigger attack before insert on %1$s for each row execute function public.fixture_attack()'),
      ('create constraint trigger attack after insert on %1$s deferrable for each row execute function public.fixture_attack()'),
      ('create rule attack as on insert to %1$s do instead nothing'),
      ('alter table %1$s alter %2$s set default null'),
      ('alter table %1$s enable row level security'),
      ('create policy attack on %1$s using (true)'),
      ('create index attack on %1$s (%2$s)'),
      ('alter table %1$s add check (true)'),
      ('alter table %1$s add attack integer'),
      ('alter table %1$s disable trigger all'),
      ('alter table %1$s owner to current_user'),
      (case c.relkind when 'p' then 'create table public.attack partition of %1$s default'
         else 'create table public.attack () inherits (%1$s)' end),
      ('truncate %1$s'),
      ('create view homeostasis.attack as select 1'),
      ('create table homeostasis.attack (x int)'),
      ('create function homeostasis.attack() returns int language sql as ''select 1'''),
      ('create operator homeostasis.= (leftarg = text, rightarg = text, function = texteq)'),
      ('create or replace function homeostasis.actor() returns text language sql as ''select 1'''),
      ('alter function homeostasis.approve(bigint, text) set search_path = public'),
      ('drop table %1$s')) a (command)
    where c.relnamespace = 'homeostasis'::regnamespace and c.relkind in ('r', 'p')
  loop
    begin
      execute attack;
      return next attack;
    exception
      when insufficient_privilege then null;
      -- What is wrong about the command itself is no defence.
      when others then
        return next attack || ': ' || sqlerrm;
    end;
  end loop;
end
$$;
grant usage on schema fixture to public;

create temporary table worked (role text, attack text);
grant insert on worked to public;
set local client_min_messages = error;
set local role planted_user;
insert into worked select current_user, fixture.attacks_that_work();
set local role planted_operator;
insert into worked select current_user, fixture.attacks_that_work();
set local role planted_admin;
insert into worked select current_user, fixture.attacks_that_work();
reset role;
select ok(not pg_has_role(role, 'homeostasis_owner', 'member'), role || ' cannot become the owner')
from unnest(array['planted_user', 'planted_operator', 'planted_admin']) role;
select is_empty('select role, attack from worked order by 1, 2',
  'nobody can put triggers, rules, defaults or policies on the tables');

-- What an operator cannot do directly ---------------------------------------------------------------

select fixture.patch('validated') as patch_id \gset
set local role planted_operator;
select throws_ok(command, '42501', null, 'an operator cannot: ' || command)
from unnest(array[
  format('update homeostasis.patches set status = ''approved'' where id = %s', :patch_id),
  format('insert into homeostasis.approvals (service_id, patch_id, decision, decided_by, reason) values (1, %s, ''approved'', ''x'', ''x'')', :patch_id),
  'insert into homeostasis.jobs (service_id, runner, kind, patch_id) values (1, ''operator'', ''apply'', 1)',
  'select homeostasis.complete_job(1, ''{"ok": true}'')', 'select homeostasis.claim_job(''operator'', ''1 minute'')',
  format('select homeostasis.record_decision(p, ''approved'', ''x'') from homeostasis.patches p where id = %s', :patch_id),
  format('select homeostasis.begin_deployment(p) from homeostasis.patches p where id = %s', :patch_id),
  'select homeostasis.audit_append(''x'', ''x'', 1, ''x'', ''{}'')',
  'insert into homeostasis.policies (name, decision) values (''x'', ''approve'')',
  'update homeostasis.services set mode = ''auto''',
  'update homeostasis.patch_templates set plan = ''select 1''',
  'insert into homeostasis.audit_log select * from homeostasis.audit_log',
  'select homeostasis.ingest_checkup(''[]'')']) command;
reset role;
set local role homeostasis_reporter;
select throws_ok(command, '42501', null, 'a reporter cannot: ' || command)
from unnest(array['select * from homeostasis.errors', 'select * from homeostasis.overview',
  'select homeostasis.heal(1)', 'select homeostasis.event_of(1, null, null)', 'select homeostasis.health()']) command;
reset role;
set local role homeostasis_reader;
select throws_ok(command, '42501', null, 'a reader cannot: ' || command)
from unnest(array['select homeostasis.approve(1)', 'select homeostasis.heal(1)', 'select homeostasis.report(''{}'')',
  'select homeostasis.advance_states()']) command;
reset role;
set local role planted_admin;
select lives_ok('insert into homeostasis.policies (name, decision) values (''mine'', ''ask'')', 'an administrator edits policies');
select lives_ok('update homeostasis.services set mode = ''observe''', 'and modes');
select throws_ok('update homeostasis.services set database_name = ''template1''', '42501', null, 'not which database a service is');
select throws_ok('update homeostasis.issues set status = ''open''', '42501', null, 'nor states');
reset role;

select * from finish();
rollback;
