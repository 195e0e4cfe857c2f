-- runs in: own
--
-- issue.sql: an issue could take a way that its state machine does not have,
-- or lose errors when it is merged or split

\set ECHO none
\set QUIET 1
begin;
select no_plan();

create temporary table legal (old_status text, new_status text);
insert into legal
select m.old_status, unnest(string_to_array(m.next, ' '))
from (values
  ('open', 'healing resolved muted'),
  ('healing', 'open healed'),
  ('healed', 'regressed resolved'),
  ('resolved', 'regressed open'),
  ('muted', 'open resolved'),
  ('regressed', 'healing resolved muted healed')) as m (old_status, next);

select homeostasis.ingest('{"error_message": "flood", "service": "shop"}');
-- ingest() puts the log off to the end of the transaction: here, it is at once.
set constraints all immediate;

-- Puts the issue into a state without its trigger, then asks for another
-- state; says whether the machine let it go.
create function pg_temp.may_go(old_status text, new_status text) returns boolean
language plpgsql as $$
begin
  set local session_replication_role = replica;
  update homeostasis.issues set status = old_status where title = 'flood';
  set local session_replication_role = origin;
  update homeostasis.issues set status = new_status where title = 'flood';
  return true;
exception when sqlstate 'HO002' then
  set local session_replication_role = origin;
  return false;
end
$$;

select is(pg_temp.may_go(s1, s2),
  s1 = s2 or exists (select from legal where old_status = s1 and new_status = s2),
  format('from %s to %s', s1, s2))
from unnest(array['open', 'healing', 'healed', 'resolved', 'muted', 'regressed']) s1,
     unnest(array['open', 'healing', 'healed', 'resolved', 'muted', 'regressed']) s2;

-- What people do ------------------------------------------------------------

create function pg_temp.flood() returns homeostasis.issues
language sql as $$ select * from homeostasis.issues where title = 'flood' $$;

set local session_replication_role = replica;
update homeostasis.issues set status = 'open', status_changed_at = '2000-01-01';
set local session_replication_role = origin;
select id as flood from homeostasis.issues where title = 'flood' \gset
select coalesce(max(id), 0) as audited from homeostasis.audit_log \gset

select homeostasis.mute(:flood, now() + interval '1 day');
select is(row(i.status, i.muted_until, i.status_changed_at)::text,
  row('muted', now() + interval '1 day', now())::text, 'mute() mutes until a time')
from pg_temp.flood() i;
select homeostasis.unmute(:flood);
select is(row(i.status, i.muted_until)::text, '(open,)', 'unmute() opens it') from pg_temp.flood() i;
select throws_ok(format('select homeostasis.unmute(%s)', :flood), 'HO002', null,
  'what is not muted cannot be unmuted');
select homeostasis.resolve(:flood);
select is(i.status, 'resolved', 'resolve() resolves') from pg_temp.flood() i;
select throws_ok(format('select homeostasis.mute(%s)', :flood), 'HO002', null,
  'a resolved issue cannot be muted');
select throws_ok('select homeostasis.resolve(0)', 'HO005', 'there is no issue 0',
  'an issue that is not there is an error');
select homeostasis.assign(:flood, 'noah');
select is(i.assignee, 'noah', 'assign() assigns') from pg_temp.flood() i;
select homeostasis.assign(:flood, null);
select is(i.assignee, null, 'and takes back') from pg_temp.flood() i;
select results_eq(
  format('select action from homeostasis.audit_log where object_type = ''issue'' and object_id = %L
          and id > %s order by id', :flood, :audited),
  $$ values ('muted'), ('open'), ('resolved'), ('assigned'), ('assigned') $$,
  'each of it is in the audit log');

-- Merge and split -----------------------------------------------------------

create function pg_temp.report(message text, n integer, release text default null) returns bigint
language plpgsql as $$
declare
  last_id uuid;
begin
  select id into last_id from homeostasis.ingest((
    select jsonb_agg(jsonb_build_object('error_message', message, 'service', 'zoo', 'release', release,
                                        'timestamp', now() - i * interval '1 minute'))
    from generate_series(1, n) i)) id limit 1;
  return (select f.issue_id from homeostasis.errors e
          join homeostasis.issue_fingerprints f using (service_id, fingerprint)
          where e.event_id = last_id);
end
$$;

-- What is counted about an issue, three ways.
create function pg_temp.counts(issue_id bigint) returns bigint[]
language sql as $$
  select array[i.error_count,
    (select coalesce(sum(c.error_count), 0) from homeostasis.issue_counts c
     where c.service_id = i.service_id and c.issue_id = i.id)::bigint,
    (select count(*) from homeostasis.errors e
     join homeostasis.issue_fingerprints f using (service_id, fingerprint)
     where f.service_id = i.service_id and f.issue_id = i.id)]
  from homeostasis.issues i where i.id = counts.issue_id
$$;

select pg_temp.report('the lion is out', 5) as lion \gset
select pg_temp.report('the tiger is out', 3) as tiger \gset
select pg_temp.report('the tiger is out', 2, '2.0') as tiger_again \gset
select is(:tiger_again::bigint, :tiger::bigint, 'the same animal is the same issue, in any release');
select isnt(:tiger::bigint, :lion::bigint, 'two animals are two issues');

insert into homeostasis.analysis (service_id, issue_id, error_id, error_timestamp, source,
    confidence_score, root_cause, suggestion)
  select service_id, id, sample_event_id, sample_timestamp, 'person', 1, 'hungry', 'feed'
  from homeostasis.issues where id = :tiger;
select homeostasis.merge(:lion, :tiger);
select is(pg_temp.counts(:lion), array[10, 10, 10]::bigint[], 'merge() adds the counts');
select is(count(*), 0::bigint, 'and the second issue is gone') from homeostasis.issues where id = :tiger;
select is(issue_id, :lion::bigint, 'its diagnosis is the first''s')
from homeostasis.analysis where root_cause = 'hungry';
select is(pg_temp.report('the tiger is out', 1), :lion::bigint, 'what occurs later belongs to the first');
select is(pg_temp.counts(:lion), array[11, 11, 11]::bigint[], 'and is counted there');

select homeostasis.split(:lion, array(
  select distinct e.fingerprint from homeostasis.errors e
  where e.message = 'the tiger is out')) as tiger2 \gset
select is(pg_temp.counts(:lion), array[5, 5, 5]::bigint[], 'split() takes the counts away');
select is(pg_temp.counts(:tiger2), array[6, 6, 6]::bigint[], 'and gives them to a new issue');
select is(row(title, status)::text, '("the tiger is out",open)', 'which has its own title')
from homeostasis.issues where id = :tiger2;
select is(pg_temp.report('the tiger is out', 1), :tiger2::bigint, 'what occurs later belongs to it');
select is(pg_temp.counts(:tiger2), array[7, 7, 7]::bigint[], 'and is counted there');
select is(pg_temp.report('the lion is out', 1), :lion::bigint, 'the first keeps the rest');

select throws_ok(format('select homeostasis.merge(%s, %s)', :lion, :lion), 'HO007', null,
  'an issue is not merged into itself');
select throws_ok(format('select homeostasis.merge(%s, %s)', :lion, :flood), 'HO007', null,
  'nor into one of another service');
select throws_ok(format('select homeostasis.split(%s, %L)', :lion, f), 'HO007', null,
  'split() wants some fingerprints of the issue: ' || why)
from (values ('all', array(select fingerprint from homeostasis.issue_fingerprints where issue_id = :lion)),
  ('none', '{}'), ('others', array[gen_random_uuid()])) v (why, f);

insert into homeostasis.patches (service_id, issue_id, analysis_id, kind, status)
  select service_id, id, 1, 'sql', 'validating' from homeostasis.issues where id = :tiger2;
select throws_ok(format('select homeostasis.merge(%s, %s)', :lion, :tiger2), 'HO006', null,
  'an issue that a patch works on is not merged');
select throws_ok(format('select homeostasis.merge(%s, %s)', :tiger2, :lion), 'HO006', null,
  'nor another one into it');
select throws_ok(format('select homeostasis.split(%s, %L)', :tiger2, '{}'), 'HO006', null,
  'nor is it split');

-- Who may ------------------------------------------------------------------

create role issue_operator;
create role issue_reader;
grant homeostasis_operator to issue_operator;
grant homeostasis_reader to issue_reader;
set local role issue_operator;
select lives_ok(format('select homeostasis.assign(%s, null)', :flood), 'an operator may');
reset role;
set local role issue_reader;
select throws_ok(call, '42501', null, 'a reader may not: ' || call)
from unnest(array['select homeostasis.resolve(1)', 'select homeostasis.mute(1)',
  'select homeostasis.unmute(1)', 'select homeostasis.assign(1, null)',
  'select homeostasis.merge(1, 2)', 'select homeostasis.split(1, null)',
  'update homeostasis.issues set status = ''open''']) call;
select lives_ok('select homeostasis.event_of(1, gen_random_uuid(), now())', 'but a reader may read');
reset role;

select * from finish();
rollback;
