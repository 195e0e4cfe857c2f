-- runs in: own
--
-- audit.sql: a change of state could miss the audit log, or the log could be
-- altered unnoticed

\set ECHO none
\set QUIET 1
begin;
\ir ../lib/healing.sql
select no_plan();

create function pg_temp.entries(kind text, object text) returns text[]
language sql as $$
  select array_agg(action order by id) from homeostasis.audit_log
  where object_type = kind and object_id = object
$$;

-- What is logged --------------------------------------------------------------

select is(count(*), 0::bigint, 'the installation leaves no entries: a restored log would collide with them')
from homeostasis.audit_log where object_type <> 'template' or object_id not like 'fixture%';

select fixture.patch('healed') as patch_id \gset
select is(pg_temp.entries('patch', :'patch_id'),
  '{proposed,validating,validated,approved,deploying,deployed,healed}', 'every state of a patch is logged');
select is(pg_temp.entries('issue', issue_id::text), '{healing,healed}', 'every state of an issue is logged')
from homeostasis.patches where id = :patch_id;
select is(pg_temp.entries('validation', id::text), '{running,passed}', 'every state of a validation is logged')
from homeostasis.validations where patch_id = :patch_id;
select is(pg_temp.entries('deployment', id::text), '{in_progress,observing,healed}',
  'every state of a deployment is logged')
from homeostasis.deployments where patch_id = :patch_id;

select is(l.detail - 'digest', jsonb_build_object('from', 'validated', 'to', 'approved', 'issue', p.issue_id,
    'reason', 'approved by ' || session_user), 'an entry says from, to, and why')
from homeostasis.audit_log l join homeostasis.patches p on p.id = :patch_id
where l.object_type = 'patch' and l.object_id = :'patch_id' and l.action = 'approved';
select is(l.detail ->> 'digest', p.digest::text, 'and for which bytes')
from homeostasis.audit_log l join homeostasis.patches p on p.id = :patch_id
where l.object_type = 'patch' and l.object_id = :'patch_id' and l.action = 'approved';
select is(array_agg(distinct actor), array[session_user::text], 'and who') from homeostasis.audit_log;

insert into homeostasis.policies (name, decision) values ('mine', 'ask');
update homeostasis.policies set max_table_bytes = 5 where name = 'mine';
update homeostasis.policies set max_table_bytes = 5 where name = 'mine';
delete from homeostasis.policies where name = 'mine';
select is(pg_temp.entries('policy', 'mine'), '{insert,update,delete}',
  'DML on policies is logged, unless it changes nothing');
select is(detail, '{"old": {"max_table_bytes": 1073741824}, "new": {"max_table_bytes": 5}}',
  'an update is logged as its difference')
from homeostasis.audit_log where object_type = 'policy' and action = 'update';

update homeostasis.patch_templates set plan = 'select 2' where name = 'fixture_schema';
select is(pg_temp.entries('template', 'fixture_schema'), '{insert,update}', 'DML on templates is logged');

insert into homeostasis.rule_packs (name, description, version) values ('fixture', 'x', '1');
select is(pg_temp.entries('rule pack', 'fixture'), '{insert}', 'DML on rule packs is logged');

insert into homeostasis.rules (id, pack, description, root_cause, suggestion, confidence)
  select 'fixture.' || lpad(n::text, 3, '0'), 'fixture', 'x', 'x', 'x', 1 from generate_series(1, 150) n;
select is(detail ->> 'count' || ' ' || jsonb_array_length(detail -> 'rules') || ' ' || (detail #>> '{rules,1}'),
  '150 100 fixture.002', 'DML on rules is logged once a statement')
from homeostasis.audit_log where object_type = 'rule';
delete from homeostasis.rules where id = 'fixture.007';
select is(detail, '{"count": 1, "rules": ["fixture.007"]}', 'with the rules it was about')
from homeostasis.audit_log where object_type = 'rule' and action = 'delete';

update homeostasis.services set mode = 'auto' where name = 'database/shop';
select is(detail #>> '{new,mode}', 'auto', 'a changed mode of a service is logged')
from homeostasis.audit_log where object_type = 'service';

-- The chain ---------------------------------------------------------------------

select is(array_agg(id order by id), array_agg(n order by n), 'ids have no gaps')
from (select id, row_number() over (order by id) as n from homeostasis.audit_log) l;
select is_empty('select * from homeostasis.audit_verify()', 'an untouched log is whole');
select is(hash, (select encode(hash, 'hex') from homeostasis.audit_log order by id desc limit 1),
  'audit_head() is the hash of the last row') from homeostasis.audit_head();

select throws_ok(command, '42501', null, command || ' is refused')
from unnest(array['update homeostasis.audit_log set actor = ''nobody''',
  'delete from homeostasis.audit_log', 'truncate homeostasis.audit_log',
  'delete from homeostasis.audit_heads', 'truncate homeostasis.audit_heads',
  'update homeostasis.audit_heads set last_id = 1',
  'set local session_replication_role = replica; delete from homeostasis.audit_log']) command;
set local role homeostasis_owner;
select throws_ok(command, '42501', null, command || ' is refused to the owner')
from unnest(array['update homeostasis.audit_log set actor = ''nobody''',
  'delete from homeostasis.audit_log', 'truncate homeostasis.audit_log']) command;
reset role;

-- Tampering: whoever can switch the trigger off is found out by the hashes.
alter table homeostasis.audit_log disable trigger all;
alter table homeostasis.audit_heads disable trigger all;

create function pg_temp.found_after(commands text) returns text
language plpgsql as $$
declare
  found text;
begin
  execute commands;
  select string_agg(v.id || ' ' || v.problem, '; ' order by v.id) into found
    from homeostasis.audit_verify() v;
  raise exception sqlstate '22000' using message = coalesce(found, 'nothing');
exception when sqlstate '22000' then
  return sqlerrm;
end
$$;

select is(pg_temp.found_after('update homeostasis.audit_log set actor = ''nobody'' where id = 3'),
  '3 its content is not what was written', 'changed content is found');
select is(pg_temp.found_after('update homeostasis.audit_log set detail = detail || ''{"reason": "x"}'' where id = 4'),
  '4 its content is not what was written', 'a changed reason is found');
select is(pg_temp.found_after('update homeostasis.audit_log set at = at + interval ''1 microsecond'' where id = 4'),
  '4 its content is not what was written', 'a changed time is found');
select is(pg_temp.found_after($$update homeostasis.audit_log l set actor = 'nobody' where id = 3;
    update homeostasis.audit_log l set hash = homeostasis.audit_hash(l) where id = 3$$),
  '4 the row before it is not the one it followed', 'changed content with a hash that fits is found');
select is(pg_temp.found_after('delete from homeostasis.audit_log where id = 3'),
  '4 1 rows are missing before this one', 'a missing row is found');
select is(pg_temp.found_after('delete from homeostasis.audit_log where id <= 2'),
  '3 2 rows are missing before this one', 'a missing beginning is found');
select is(pg_temp.found_after($$update homeostasis.audit_log set id = -3 where id = 3;
    update homeostasis.audit_log set id = 3 where id = 4; update homeostasis.audit_log set id = 4 where id = -3$$),
  '3 its content is not what was written; 4 its content is not what was written; '
  '5 the row before it is not the one it followed', 'reordered rows are found');
select is(pg_temp.found_after('delete from homeostasis.audit_log where id > 5'),
  format('5 the log ended at row %s', last_id), 'a cut tail is found') from homeostasis.audit_heads;
select is(pg_temp.found_after('delete from homeostasis.audit_log'),
  format('%s the log ended at row %1$s', last_id), 'an emptied log is found') from homeostasis.audit_heads;
select is(pg_temp.found_after('delete from homeostasis.audit_heads'),
  format('%s the record of where the log ends is missing', last_id), 'a removed end is found')
from homeostasis.audit_heads;
select is(pg_temp.found_after(format($$update homeostasis.audit_log l set actor = 'nobody' where id = %s;
    update homeostasis.audit_log l set hash = homeostasis.audit_hash(l) where id = %1$s$$, last_id)),
  format('%s it is not the row the log ended with', last_id), 'a changed last row with a hash that fits is found')
from homeostasis.audit_heads;
select is(pg_temp.found_after($$insert into homeostasis.audit_log
    select (l).* from (select l from homeostasis.audit_log l where false) x$$), 'nothing', 'the check itself finds nothing');

-- Shipped configuration -----------------------------------------------------------

insert into homeostasis.policies (name, description, decision, shipped, modified)
  values ('ask_a_person', 'from a dump', 'refuse', true, true);
select is(array_agg(description), '{from a dump}', 'a restored row takes the place of the shipped one')
from homeostasis.policies where name = 'ask_a_person';
update homeostasis.policies set enabled = false where name = 'small_and_reversible';
select ok(shipped and modified, 'an edited shipped policy is marked, so that a dump keeps it')
from homeostasis.policies where name = 'small_and_reversible';
select throws_ok('delete from homeostasis.policies where name = ''ask_a_person''', 'HO006',
  'policy "ask_a_person" came with the extension and cannot be deleted', 'a shipped policy cannot be deleted');
update homeostasis.policies set shipped = false where name = 'ask_a_person';
select ok(shipped, 'nor disowned') from homeostasis.policies where name = 'ask_a_person';
set local role homeostasis_admin;
insert into homeostasis.policies (name, decision, shipped) values ('planted', 'approve', true);
reset role;
select ok(not shipped, 'an administrator''s policy is not taken for a shipped one')
from homeostasis.policies where name = 'planted';
select is(pg_temp.entries('policy', 'planted'), '{insert}', 'and is logged');

select * from finish();
rollback;
