-- runs in: own
--
-- checkup.sql: trouble that raises no error yet could go unnoticed, or a
-- patch for it be called healed while it is still there

\set ECHO none
\set QUIET 1
begin;
\ir ../lib/healing.sql
select no_plan();

-- As checkup() sees it.
create function fixture.found(type text) returns text
language sql security definer as $$
  select string_agg(f ->> 'error_message', '; ' order by f ->> 'error_message')
  from homeostasis.findings() f where f ->> 'error_type' = type
$$;
alter function fixture.found(text) owner to homeostasis_owner;

select is_empty('select * from homeostasis.checkup()', 'a healthy database has no findings');
select is(count(*), 0::bigint, 'and nothing is stored') from homeostasis.errors;

-- Invalid indexes -----------------------------------------------------------------

create table public.orders (id integer, customer integer);
create index orders_id on public.orders (id);
create index orders_customer on public.orders (customer);
update pg_index set indisvalid = false where indexrelid = 'public.orders_customer'::regclass;
-- This transaction holds the lock of somebody who builds an index.
select is(fixture.found('invalid_index'), null, 'an index that is being built is not reported');
commit;
begin;
select is(fixture.found('invalid_index'), 'index "orders_customer" of table "orders" is invalid',
  'an index that a failed build left behind is reported');

-- Sequences -----------------------------------------------------------------------

create table public.ticket (id integer primary key);
create sequence public.ticket_number as bigint owned by public.ticket.id;
create sequence public.round maxvalue 100 cycle;
create sequence public.small maxvalue 100;
create sequence public.secret maxvalue 100;
grant select on public.ticket_number, public.round, public.small to homeostasis_owner;
select setval('public.round', 99), setval('public.secret', 99) \g /dev/null
select setval('public.small', 90), setval('public.ticket_number', 1932735282) \g /dev/null
select is(fixture.found('sequence_near_end'), null, 'nine tenths of a sequence are not near its end');
select setval('public.small', 92), setval('public.ticket_number', 1932735290) \g /dev/null
select is(fixture.found('sequence_near_end'),
  'sequence "small" has 8 values left; sequence "ticket_number" has 214748357 values left',
  'more than nine tenths are; the column''s type counts, one that cycles does not');

-- Wraparound ----------------------------------------------------------------------

update pg_database set datfrozenxid = (((txid_current() - 400010000) % 4294967296 + 4294967296) % 4294967296)::text::xid
  where datname = current_database();
select matches(fixture.found('wraparound_near'), format('^database "%s" has not been frozen for 4000\d+ transactions$', current_database()),
  'a database that autovacuum did not freeze in time is reported');

-- As errors -----------------------------------------------------------------------

create temporary table reported as select * from homeostasis.checkup();
select set_eq('select error_type from reported', array['invalid_index', 'sequence_near_end', 'wraparound_near'],
  'checkup() returns what it found');
select is(array_agg(array[e.error_type, e.sqlstate, e.level, e.schema_name, e.table_name, e.constraint_name, s.database_name::text]
    order by e.error_type, e.table_name),
  array[array['invalid_index', 'HO104', 'warning', 'public', 'orders', 'orders_customer', current_database()::text],
        array['sequence_near_end', 'HO105', 'warning', 'public', 'small', null, current_database()::text],
        array['sequence_near_end', 'HO105', 'warning', 'public', 'ticket_number', null, current_database()::text],
        array['wraparound_near', 'HO101', 'warning', null, null, null, current_database()::text]],
  'and stores it as errors of the database, with their place')
from homeostasis.errors e join homeostasis.services s on s.id = e.service_id where e.origin = 'checkup';
select setval('public.small', 93) \g /dev/null
select homeostasis.checkup() \g /dev/null
select is(count(*) || ' ' || min(i.error_count), '4 2', 'the same finding is the same issue the next time')
from homeostasis.issues i;

select is(done, 4::bigint, 'maintain() does a checkup, too') from homeostasis.maintain() where task = 'checkup findings';

-- Healed only when it is gone --------------------------------------------------------

create function pg_temp.patch_of(type text, undo text) returns bigint
language plpgsql as $$
declare
  issue homeostasis.issues;
begin
  select i.* into issue from homeostasis.issues i where error_type = type and status in ('open', 'regressed');
  insert into homeostasis.analysis (service_id, issue_id, error_id, error_timestamp, source, confidence_score,
                                    root_cause, suggestion, template)
    values (issue.service_id, issue.id, issue.sample_event_id, issue.sample_timestamp, 'rule', 0.9, 'x', 'x',
            'fixture_schema');
  return fixture.patch('deployed', undo::jsonb, '{"replayable": false}', issue => issue.id);
end
$$;
update homeostasis.services set mode = 'observe';
select pg_temp.patch_of('invalid_index', '{}') as patch_id \gset
select fixture.advance() \g /dev/null
select is(fixture.status(:patch_id), 'deployed', 'a patch for a finding is watched, too');
select fixture.pass_time(:patch_id) \g /dev/null
select fixture.advance() \g /dev/null
select is(fixture.status(:patch_id) || ': ' || fixture.reason(:patch_id),
  'rolling_back: a checkup still finds it after the change', 'and undone if the finding is still there');
select fixture.answer('undo', fixture.applied()) as job_id \gset
select pg_temp.patch_of('invalid_index', '{}') as patch_id \gset
drop index public.orders_customer;
select fixture.pass_time(:patch_id) \g /dev/null
select fixture.advance() \g /dev/null
select is(fixture.status(:patch_id), 'healed', 'healed when it is gone');

select * from finish();
rollback;
