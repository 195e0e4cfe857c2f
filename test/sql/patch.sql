-- runs in: own
--
-- patch.sql: a patch could take a way that its state machine does not have, or
-- be changed after it was proposed

\set ECHO none
\set QUIET 1
begin;
\ir ../lib/healing.sql
select no_plan();

-- Every pair of states, not only the ones that somebody thought of.
create function pg_temp.states(table_name text) returns setof text
language sql as $$
  select m[1]
  from pg_constraint c,
       regexp_matches(pg_get_constraintdef(c.oid), '''([a-z_]+)''::text', 'g') m
  where c.conrelid = ('homeostasis.' || table_name)::regclass and c.contype = 'c'
    and c.conname = table_name || '_status_check'
$$;

-- Puts one row of a table into a state without its trigger, then asks for
-- another state; says whether the machine let it go.
create function pg_temp.may_go(table_name text, old_status text, new_status text)
returns boolean
language plpgsql as $$
begin
  set local session_replication_role = replica;
  execute format('update homeostasis.%I set status = %L', table_name, old_status);
  set local session_replication_role = origin;
  execute format('update homeostasis.%I set status = %L', table_name, new_status);
  return true;
exception when sqlstate 'HO002' then
  set local session_replication_role = origin;
  return false;
end
$$;

create temporary table legal (table_name text, old_status text, new_status text);
insert into legal
select t.table_name, t.old_status, unnest(string_to_array(t.next, ' '))
from (values
  ('patches', 'planning', 'refused proposed failed superseded'),
  ('patches', 'proposed', 'validating superseded rejected'),
  ('patches', 'validating', 'validated invalid superseded'),
  ('patches', 'validated', 'approved rejected superseded'),
  ('patches', 'approved', 'deploying superseded rejected'),
  ('patches', 'deploying', 'deployed rolling_back failed'),
  ('patches', 'deployed', 'healed rolling_back'),
  ('patches', 'healed', 'rolling_back'),
  ('patches', 'rolling_back', 'rolled_back failed'),
  ('validations', 'pending', 'running failed'),
  ('validations', 'running', 'passed failed pending'),
  ('deployments', 'pending', 'in_progress failed'),
  ('deployments', 'in_progress', 'observing rolling_back failed'),
  ('deployments', 'observing', 'healed rolling_back'),
  ('deployments', 'healed', 'rolling_back'),
  ('deployments', 'rolling_back', 'rolled_back failed'),
  ('jobs', 'pending', 'running cancelled'),
  ('jobs', 'running', 'done failed pending cancelled')
) t (table_name, old_status, next);

-- One row of each.
select fixture.patch('deployed') as patch_id \gset

select bag_eq(
  format('select %L::text, o, n from pg_temp.states(%1$L) o, pg_temp.states(%1$L) n
          where o <> n and pg_temp.may_go(%1$L, o, n)', t),
  format('select * from legal where table_name = %L', t),
  t || ' go the legal ways and no other')
from unnest(array['patches', 'validations', 'deployments', 'jobs']) t;

set local session_replication_role = replica;
update homeostasis.patches set status = 'healed';
update homeostasis.jobs set status = 'done';
set local session_replication_role = origin;

select throws_ok('update homeostasis.patches set status = ''approved''', 'HO002',
  format('patch %s cannot go from "healed" to "approved"', :patch_id),
  'the error names the object, its id, and both states');

create function pg_temp.hint_of(command text) returns text
language plpgsql as $$
declare
  hint text;
begin
  execute command;
  return null;
exception when others then
  get stacked diagnostics hint = pg_exception_hint;
  return hint;
end
$$;

select is(pg_temp.hint_of('update homeostasis.patches set status = ''approved'''),
  'From "healed" it can become: rolling_back.', 'the hint lists the legal successors');
select is(pg_temp.hint_of('update homeostasis.jobs set status = ''pending'''),
  '"done" is final.', 'the hint says when there is none');

-- What is active is what the unique index covers.
select set_eq(
  'select s from pg_temp.states(''patches'') s where homeostasis.is_active_patch(s)',
  $$select m[1] from regexp_matches(
      pg_get_indexdef('homeostasis.patches_one_active_per_issue_key'::regclass),
      '''([a-z_]+)''::text', 'g') m$$,
  'is_active_patch() and the unique index mean the same states');

-- Freezing --------------------------------------------------------------------

select fixture.patch('planning') as patch_id \gset
select lives_ok(format('update homeostasis.patches set run_as = ''pg_database_owner'' where id = %s', :patch_id),
  'a patch may be written while it is planned');
select fixture.answer('plan', fixture.plan()) as job_id \gset

select throws_ok(format('update homeostasis.patches set %s where id = %s', change, :patch_id),
  'HO006', null, change || ' is refused after the proposal')
from unnest(array[
  'apply_sql = array[''drop table orders'']', 'apply_sql = null', 'undo_sql = null',
  'run_as = ''postgres''', 'database_name = ''template1''', 'transactional = false',
  'class = ''data''', 'object = ''x''', 'digest = ''\x00''', 'template = ''x''',
  'analysis_id = analysis_id + 1', 'kind = ''edit''']) change;

select is(digest, homeostasis.patch_digest(database_name, run_as, apply_sql, undo_sql),
  'the digest is the patch''s')
from homeostasis.patches where id = :patch_id;
select is(encode(digest, 'hex'),
  encode(sha256(convert_to('{"undo": ["drop table orders_2"], "apply": ["create table orders_2 partition of orders for values from (1) to (2)"], "run_as": "pg_database_owner", "database": "shop"}', 'UTF8')), 'hex'),
  'the digest is SHA-256 of the documented text')
from homeostasis.patches where id = :patch_id;
select isnt(homeostasis.patch_digest('a', 'b', array['c', 'd'], null),
  homeostasis.patch_digest('a', 'b', array['c'], array['d']),
  'a statement that moves into the undo changes the digest');
select is(homeostasis.statements_digest(array['a', 'b']),
  encode(sha256('\x611f62'::bytea), 'hex'), 'the operator''s digest joins by 1f');

select ok(updated_at > created_at, 'updated_at follows') from homeostasis.patches where id = :patch_id;

-- One patch an issue ------------------------------------------------------------

select throws_ok(format('select homeostasis.heal(%s)', issue_id), 'HO006',
  format('patch %s works on issue %s already: it is "proposed"', id, issue_id),
  'a second patch for the same issue is refused')
from homeostasis.patches where id = :patch_id;

-- Decisions ---------------------------------------------------------------------

select throws_ok(format('select homeostasis.approve(%s)', :patch_id), 'HO002', null,
  'a patch that was not validated cannot be approved');
select throws_ok('select homeostasis.approve(-1)', 'HO005', 'there is no patch -1',
  'an id that is not there is named');

select fixture.patch('validated') as patch_id \gset
select lives_ok(format('select homeostasis.approve(%s, ''looks right'')', :patch_id), 'a validated patch can be approved');
select is(fixture.status(:patch_id), 'approved', 'then it is approved');
select ok(a.decision = 'approved' and a.decided_by = session_user and a.policy is null
    and a.reason = 'looks right' and a.digest = p.digest,
  'the approval records who, why, and for which bytes')
from homeostasis.approvals a join homeostasis.patches p on p.id = a.patch_id
where p.id = :patch_id;
select throws_ok(format('select homeostasis.approve(%s)', :patch_id), 'HO002',
  format('patch %s cannot be approved: it is "approved"', :patch_id), 'it cannot be approved twice');

select fixture.patch('validated') as unwanted \gset
select lives_ok(format('select homeostasis.reject(%s)', :unwanted), 'a patch can be rejected without a reason');
select is(fixture.reason(:unwanted), 'rejected by ' || session_user, 'then status_reason says who did');
select lives_ok(format('select homeostasis.reject(%s, ''changed my mind'')', :patch_id),
  'an approval can be taken back before the deployment');
select is(fixture.issue_status(:patch_id), 'open', 'and its issue opens again');
select is(fixture.reason(:patch_id), 'changed my mind', 'status_reason has the reason');

select throws_ok(format('select homeostasis.approve(%s)', :patch_id), 'HO002', null,
  'a rejected patch cannot be approved');

-- A superuser can switch the trigger off; the digest still tells.
select fixture.patch('validated') as patch_id \gset
alter table homeostasis.patches disable trigger keep_patch;
update homeostasis.patches set apply_sql = array['drop table orders'] where id = :patch_id;
alter table homeostasis.patches enable trigger keep_patch;
select throws_ok(format('select homeostasis.approve(%s)', :patch_id), 'XX001',
  format('patch %s does not match its digest', :patch_id), 'altered statements cannot be approved');

select fixture.patch('approved') as patch_id \gset
alter table homeostasis.patches disable trigger keep_patch;
update homeostasis.patches
  set apply_sql = array['drop table orders'],
      digest = homeostasis.patch_digest(database_name, run_as, array['drop table orders'], undo_sql)
  where id = :patch_id;
alter table homeostasis.patches enable trigger keep_patch;
select throws_ok(format('select homeostasis.deploy(%s)', :patch_id), '42501',
  format('patch %s was not approved as it is', :patch_id),
  'altered statements are not deployed, even with a digest that fits them');

select * from finish();
rollback;
