-- runs in: own
--
-- ingest.sql: errors could be counted wrongly, grouped wrongly, or be stored
-- with a secret in them; one bad event could keep others from being stored

\set ECHO none
\set QUIET 1
begin;
select no_plan();

create function pg_temp.sql_error(message text, detail text, constraint_name text default null)
returns jsonb
language sql as $$
  select jsonb_build_object('error_message', message, 'detail', detail, 'sqlstate', '23505',
    'schema_name', 'public', 'table_name', 'orders', 'constraint_name', constraint_name,
    'service', 'shop')
$$;

create function pg_temp.issue_of(event_id uuid) returns homeostasis.issues
language sql as $$
  select i.* from homeostasis.errors e
  join homeostasis.issue_fingerprints f using (service_id, fingerprint)
  join homeostasis.issues i on i.service_id = f.service_id and i.id = f.issue_id
  where e.event_id = issue_of.event_id
$$;

-- Grouping ------------------------------------------------------------------

select homeostasis.ingest(pg_temp.sql_error(
  'duplicate key value violates unique constraint "orders_pkey"', 'Key (id)=(17) already exists.',
  'orders_pkey')) as first \gset
select homeostasis.ingest(pg_temp.sql_error(
  'duplicate key value violates unique constraint "orders_pkey"', 'Key (id)=(18) already exists.',
  'orders_pkey')) as second \gset
select homeostasis.ingest(pg_temp.sql_error(
  'duplicate key value violates unique constraint "orders_code_key"', 'Key (code)=(x) already exists.',
  'orders_code_key')) as third \gset
select is((pg_temp.issue_of(:'second')).id, (pg_temp.issue_of(:'first')).id,
  'the same problem with another literal is the same issue');
select isnt((pg_temp.issue_of(:'third')).id, (pg_temp.issue_of(:'first')).id,
  'another constraint is another issue');
select is((pg_temp.issue_of(:'first')).error_count, 2::bigint, 'an issue counts its errors');
select is((pg_temp.issue_of(:'first')).title,
  'duplicate key value violates unique constraint "orders_pkey"', 'and has a title');
select is((pg_temp.issue_of(:'first')).sample_event_id, :'second', 'and its latest error as a sample');

select homeostasis.ingest(jsonb_build_object('error_message', repeat('é', 300) || e'\nsecond line',
  'service', 'shop')) as long \gset
select is((pg_temp.issue_of(:'long')).title, repeat('é', 100),
  'a title is one line of 200 bytes of whole characters');
select homeostasis.ingest('{"error_message": "", "error_type": "KeyError", "service": "shop"}') as empty \gset
select is((pg_temp.issue_of(:'empty')).title, 'KeyError', 'an error without a message is titled by its type');

-- Ids of errors that come one after the other are beside each other in the primary key.
select is(count(*) filter (where e.event_id::text !~ '^.{14}7.{4}[89ab]'
    or to_timestamp(('x0000' || translate(left(e.event_id::text, 13), '-', ''))::bit(64)::bigint / 1000.0)
       not between e.received_at - interval '1 millisecond' and e.received_at),
  0::bigint, 'an id that is made begins with the time') from homeostasis.errors e;

-- An error that names no object is a problem of its statement.
create function pg_temp.nameless(sqlstate text, message text, statement text) returns bigint
language plpgsql as $$
declare
  event_id uuid;
begin
  select homeostasis.ingest(jsonb_build_object('service', 'nameless', 'sqlstate', sqlstate,
    'error_message', message, 'statement', statement)) into event_id;
  return (pg_temp.issue_of(event_id)).id;
end
$$;

select is(pg_temp.nameless(sqlstate, message, 'insert into a values (2), (3)'),
    pg_temp.nameless(sqlstate, message, 'INSERT INTO a VALUES (1) -- x'), sqlstate || ': other values')
from (values ('22001', 'value too long for type character varying(10)'),
  ('22003', 'integer out of range'), ('42P10', 'there is no unique or exclusion constraint'),
  ('57014', 'canceling statement due to statement timeout'),
  ('42P01', 'relation "x" does not exist')) e (sqlstate, message);
select is(pg_temp.nameless(sqlstate, message, 'insert into b values (1)')
    = pg_temp.nameless(sqlstate, message, 'insert into a values (1)'), sqlstate = '42P01',
  sqlstate || ': another table')
from (values ('22001', 'value too long for type character varying(10)'),
  ('22003', 'integer out of range'), ('42P10', 'there is no unique or exclusion constraint'),
  ('57014', 'canceling statement due to statement timeout'),
  ('42P01', 'relation "x" does not exist')) e (sqlstate, message);

-- Counting ------------------------------------------------------------------

create function pg_temp.counts(of_service text)
returns table (title text, error_count bigint, by_minute bigint, stored bigint)
language sql as $$
  select i.title, i.error_count,
    (select sum(c.error_count) from homeostasis.issue_counts c
     where c.service_id = i.service_id and c.issue_id = i.id)::bigint,
    (select count(*) from homeostasis.errors e
     join homeostasis.issue_fingerprints f using (service_id, fingerprint)
     where f.service_id = i.service_id and f.issue_id = i.id)
  from homeostasis.issues i
  where i.service_id = (select id from homeostasis.services where name = of_service)
  order by i.title
$$;

create function pg_temp.event(service text, message text, id text, at timestamptz default now())
returns jsonb
language sql as $$
  select jsonb_build_object('service', service, 'error_message', message, 'error_id', id,
    'timestamp', at)
$$;

select is((select count(*) from homeostasis.ingest(
    (select jsonb_agg(pg_temp.event('counting', 'disk ' || chr(97 + n % 3) || ' is lame', 'e' || n % 500))
     from generate_series(1, 1000) n)) as id where id is not null),
  1000::bigint, 'an event that was there before has its id, too');
select results_eq(
  $$ select sum(error_count)::bigint, sum(by_minute)::bigint, sum(stored)::bigint
     from pg_temp.counts('counting') $$,
  $$ values (500::bigint, 500::bigint, 500::bigint) $$,
  'one id and time is counted once in a batch');
select homeostasis.ingest((select jsonb_agg(pg_temp.event('counting', 'disk a is lame', 'e' || n))
  from generate_series(0, 999) n));
select results_eq(
  $$ select sum(error_count)::bigint, sum(by_minute)::bigint, sum(stored)::bigint
     from pg_temp.counts('counting') $$,
  $$ values (1000::bigint, 1000::bigint, 1000::bigint) $$,
  'and once over several batches');
select homeostasis.ingest(pg_temp.event('counting', 'disk a is lame', 'e1', now() - interval '1 hour'));
select results_eq($$ select sum(error_count)::bigint from pg_temp.counts('counting') $$,
  $$ values (1000::bigint) $$, 'and once whatever its time'); -- see retry.sql

select homeostasis.ingest(jsonb_build_array(
  pg_temp.event('minutes', 'late', 'a', date_trunc('hour', now())),
  pg_temp.event('minutes', 'late', 'b', date_trunc('hour', now()) + interval '59.9 s'),
  pg_temp.event('minutes', 'late', 'c', date_trunc('hour', now()) - interval '0.1 s'),
  pg_temp.event('minutes', 'late', 'd', date_trunc('hour', now())) || '{"release": "2"}'));
select results_eq($$
    select c.minute - date_trunc('hour', now()), c.release, c.error_count
    from homeostasis.issue_counts c join homeostasis.services s on s.id = c.service_id
    where s.name = 'minutes' order by 1, 2 $$,
  $$ values (interval '-1 minute', '', 1::bigint), ('0', '', 2), ('0', '2', 1) $$,
  'counts are by minute and release');
select is(i.first_seen, date_trunc('hour', now()) - interval '0.1 s',
  'first_seen is the earliest, in whatever order they come')
from homeostasis.issues i where i.title = 'late';
select is(i.last_seen, date_trunc('hour', now()) + interval '59.9 s', 'and last_seen the latest')
from homeostasis.issues i where i.title = 'late';
select homeostasis.ingest(pg_temp.event('minutes', 'late', 'e', now() - interval '3 hours'));
select is(i.last_seen, date_trunc('hour', now()) + interval '59.9 s', 'which never goes back')
from homeostasis.issues i where i.title = 'late';
select is(i.first_seen, now() - interval '3 hours', 'while first_seen may')
from homeostasis.issues i where i.title = 'late';

savepoint before;
select homeostasis.ingest(pg_temp.event('minutes', 'undone', 'f'));
rollback to before;
select is((select count(*) from homeostasis.issues where title = 'undone'), 0::bigint,
  'ingest() is part of the transaction');

-- Bad ones among good ones --------------------------------------------------

select results_eq(
  $$ select row_number() over (), id is null from homeostasis.ingest('[
       {"error_message": "good 1", "service": "mixed"}, {"error_message": 2}, 3, "four", null,
       [{"error_message": "five"}], {"error_message": "good 2", "service": "mixed"},
       {"error_message": "six", "colour": "red", "statement": "set password = ''hunter2''"}]') id $$,
  $$ values (1::bigint, false), (2, true), (3, true), (4, true), (5, true), (6, true),
            (7, false), (8, true) $$,
  'ids come in the order of the events, null for a refused one');
select results_eq(
  $$ select coalesce(field, '(event)'), reason, left(event, 24) from homeostasis.rejected_events order by id $$,
  $$ values ('error_message', 'must be a string', '{"error_message": 2}'),
    ('(event)', 'must be an object', '3'), ('(event)', 'must be an object', '"four"'),
    ('(event)', 'must be an object', 'null'),
    ('(event)', 'must be an object', '[{"error_message": "five'),
    ('colour', 'is not a key of an event', '{"colour": "red", "state') $$,
  'a refused event is kept with the field at fault and the reason');
select is((select sum(error_count)::bigint from pg_temp.counts('mixed')), 2::bigint,
  'the others are stored');
select throws_ok($$ select homeostasis.ingest('{"error_message": 2}') $$, 'HO001', null,
  'a single bad event is an error');
select is((select count(*) from homeostasis.ingest('[]')), 0::bigint, 'no events are no error');

-- An error that only the tables find: it must be found among its neighbours.
create function pg_temp.choke() returns trigger
language plpgsql as $$
begin
  if new.message like '%poison%' then
    raise exception 'I cannot swallow this' using errcode = 'data_exception', column = 'error_message';
  end if;
  return new;
end
$$;
create trigger choke before insert on homeostasis.errors
  for each row execute function pg_temp.choke();
delete from homeostasis.rejected_events;

select results_eq($$
  select array_agg(n order by n) filter (where id is null)
  from rows from (homeostasis.ingest(
    (select jsonb_agg(pg_temp.event('poisoned',
       case when n in (1, 317, 318, 1000) then 'poison' else 'food ' || n % 7 end, 'p' || n) order by n)
     from generate_series(1, 1000) n))) with ordinality as t (id, n) $$,
  $$ values (array[1, 317, 318, 1000]::bigint[]) $$,
  'each bad event of a batch is found');
select results_eq($$ select sum(error_count)::bigint, sum(by_minute)::bigint, sum(stored)::bigint
    from pg_temp.counts('poisoned') $$,
  $$ values (996::bigint, 996::bigint, 996::bigint) $$, 'and all others are stored and counted once');
select results_eq($$ select field, reason, event::jsonb ->> 'error_message', count(*)
    from homeostasis.rejected_events group by 1, 2, 3 $$,
  $$ values ('error_message', 'I cannot swallow this', 'poison', 4::bigint) $$,
  'a bad one is kept with what the server said');
select throws_ok($$ select homeostasis.ingest('{"error_message": "poison"}') $$, '22000',
  'I cannot swallow this', 'of a single event the error is the caller''s');

create function pg_temp.choke_on_lock() returns trigger
language plpgsql as $$
begin
  if new.message like '%locked%' then
    raise lock_not_available;
  end if;
  return new;
end
$$;
create trigger choke_on_lock before insert on homeostasis.errors
  for each row execute function pg_temp.choke_on_lock();
select throws_ok(
  $$ select homeostasis.ingest('[{"error_message": "fine"}, {"error_message": "locked"}]') $$,
  '55P03', null, 'what is not the event''s fault is not held against it');
drop trigger choke on homeostasis.errors;
drop trigger choke_on_lock on homeostasis.errors;

-- Services ------------------------------------------------------------------

insert into homeostasis.services (name, kind, database_name)
  values ('database/victim', 'database', 'victim');
select throws_ok(
  $$ select homeostasis.ingest('{"error_message": "x", "service": "database/victim", "statement": "drop table t"}') $$,
  'HO001', 'event field "service" is the name of a database',
  'a reporter cannot speak for a database, whose errors are replayed and healed');
select throws_ok(
  $$ select homeostasis.ingest('{"error_message": "x", "service": "database/untroubled"}') $$,
  'HO001', 'event field "service" begins with "database/", as the names of databases do',
  'nor take the name that the service of a database will have');
select homeostasis.ingest('{"error_message": "from a database", "database": "victim"}') as told \gset
select is(s.name, 'default', 'nor by naming it as database')
from homeostasis.errors e join homeostasis.services s on s.id = e.service_id
where e.event_id = :'told';
select is((select count(*) from homeostasis.errors e join homeostasis.services s on s.id = e.service_id
           where s.kind = 'database'), 0::bigint, 'so it has no errors that were reported');
select homeostasis.ingest_checkup('{"error_message": "too old", "sqlstate": "HO101", "database": "victim"}') as checkup \gset
select is(row(s.name, e.origin)::text, '(database/victim,checkup)',
  'while what a checkup finds is the database''s')
from homeostasis.errors e join homeostasis.services s on s.id = e.service_id
where e.event_id = :'checkup';

-- What becomes of an issue that occurs again --------------------------------

create function pg_temp.again(title text, at timestamptz default clock_timestamp()) returns text
language plpgsql as $$
begin
  perform homeostasis.ingest(pg_temp.event('again', again.title, gen_random_uuid()::text, at));
  return (select i.status from homeostasis.issues i where i.title = again.title);
end
$$;
create function pg_temp.set_status(title text, status text, since timestamptz default now(),
  muted_until timestamptz default null)
returns void
language sql as $$
  set local session_replication_role = replica;
  update homeostasis.issues i
    set status = set_status.status, status_changed_at = since, muted_until = set_status.muted_until
    where i.title = set_status.title;
  set local session_replication_role = origin;
$$;

select is(pg_temp.again('flood'), 'open', 'a new issue is open');
select is(pg_temp.again('flood'), 'open', 'and stays it');
select pg_temp.set_status('flood', v.status) from (values ('resolved')) v (status);
select is(pg_temp.again('flood'), 'regressed', 'a resolved issue that occurs again has regressed');
select pg_temp.set_status('flood', 'healed');
select is(pg_temp.again('flood'), 'regressed', 'so has a healed one');
select pg_temp.set_status('flood', 'resolved');
select is(pg_temp.again('flood', now() - interval '1 minute'), 'resolved',
  'an error from before does not make an issue regress');
select pg_temp.set_status('flood', 'healing');
select is(pg_temp.again('flood'), 'healing', 'one that is being healed goes on being healed');
select pg_temp.set_status('flood', 'muted');
select is(pg_temp.again('flood'), 'muted', 'a muted one stays muted');
select pg_temp.set_status('flood', 'muted', now(), now() + interval '1 day');
select is(pg_temp.again('flood'), 'muted', 'until its time has come');
select pg_temp.set_status('flood', 'muted', now(), now() - interval '1 second');
select is(pg_temp.again('flood'), 'open', 'and then it opens');
select is(error_count, 9::bigint, 'whatever its status, it is counted')
from homeostasis.issues where title = 'flood';

create function pg_temp.written_to_indexes() returns bigint
language sql as $$
  select pg_stat_get_xact_tuples_updated(t) - pg_stat_get_xact_tuples_hot_updated(t)
  from (values ('homeostasis.issues'::regclass)) v (t)
$$;
select pg_temp.written_to_indexes() as before, pg_stat_get_xact_tuples_updated('homeostasis.issues'::regclass) as updates \gset
select pg_temp.again('flood') from generate_series(1, 3);
select is(row(pg_temp.written_to_indexes() - :before,
    pg_stat_get_xact_tuples_updated('homeostasis.issues'::regclass) - :updates)::text, '(0,3)',
  'an issue that occurs again is changed without writing to its indexes');
select pg_temp.again('flood', now() + interval '30 minutes');
select ok(last_seen = now() + interval '30 minutes' and last_active < last_seen, 'nor does what is indexed move at once')
from homeostasis.issues where title = 'flood';
select pg_temp.again('flood', now() + interval '3 hours');
select is(last_active, last_seen, 'but after an hour')
from homeostasis.issues where title = 'flood';

-- Diagnoses -----------------------------------------------------------------

insert into homeostasis.rule_packs (name, description, version) values ('t', 't', '1');
insert into homeostasis.rules (id, pack, description, root_cause, suggestion, confidence, pattern)
  values ('t-drought', 't', 't', 'no rain', 'wait', 0.5, '^drought in (?<place>\w+)');

create function pg_temp.diagnoses() returns bigint
language sql as $$ select count(*) from homeostasis.analysis where rule_id = 't-drought' $$;

select pg_temp.again('drought in spain');
select results_eq($$ select source, confidence_score, root_cause, suggestion, captures
    from homeostasis.analysis where rule_id = 't-drought' $$,
  $$ values ('rule', 0.5::numeric, 'no rain', 'wait', '{"place": "spain"}'::jsonb) $$,
  'a new issue is diagnosed');
select is(a.error_id, i.sample_event_id, 'by its error')
from homeostasis.analysis a join homeostasis.issues i on i.id = a.issue_id
where a.rule_id = 't-drought';
select pg_temp.again('drought in spain');
select is(pg_temp.diagnoses(), 1::bigint, 'its next error needs no diagnosis');
select pg_temp.set_status('drought in spain', 'resolved');
select pg_temp.again('drought in spain');
select is(pg_temp.diagnoses(), 2::bigint, 'one that came back is diagnosed again');

-- Secrets -------------------------------------------------------------------

select homeostasis.ingest(jsonb_build_array(e, e || '{"bad": 1}')) from (select jsonb_build_object(
  'service', 'leaky', 'error_type', 'Oops', 'error_message', 'cannot connect to postgresql://joe:canary1@db/x',
  'detail', 'password=canary2 host=x', 'hint', 'Authorization: Bearer canary3canary3canary3',
  'context', 'SQL statement "alter role joe password ''canary4''"',
  'statement', 'create role joe login password ''canary5''',
  'stack_trace', '["  File \"a.py\", line 3, in f", "    connect(password=''canary6'')"]'::jsonb,
  'environment', '{"PGPASSWORD": "canary7"}'::jsonb,
  'normalized_classification', '{"token": "canary8"}'::jsonb,
  'metadata', '{"headers": {"authorization": "Bearer canary9canary9canary9"}, "password": 123456789012}'::jsonb,
  'application_name', 'app password=canary10') as e) as v;
-- Only the statement says that a parameter is a secret.
select homeostasis.ingest(jsonb_build_object('service', 'leaky', 'error_message', 'x',
  'statement', 'insert into users (name, password) values ($1, $2)',
  'context', 'unnamed portal with parameters: $1 = ''joe'', $2 = ''canary11'''));
create temporary table leaks (place text);
do $$
declare
  t regclass;
begin
  for t in select oid from pg_class where relnamespace = 'homeostasis'::regnamespace and relkind in ('r', 'p')
  loop
    execute format('insert into leaks select %L from %s x where x::text ~ ''canary|123456789012''', t, t);
  end loop;
end
$$;
select is((select string_agg(place, ', ') from leaks), null, 'no secret of an event is in any table');
select ok(exists (select from homeostasis.errors where error_type = 'Oops')
  and exists (select from homeostasis.rejected_events where field = 'bad'),
  'though the event is, stored once and refused once');

-- Who may ------------------------------------------------------------------

create role intake_reporter;
create role intake_stranger;
grant homeostasis_reporter to intake_reporter;
set local role intake_reporter;
select lives_ok($$ select homeostasis.ingest('{"error_message": "allowed"}') $$, 'a reporter may ingest');
select throws_ok($$ select homeostasis.ingest_checkup('{"error_message": "x"}') $$, '42501', null,
  'but not speak for a database');
select throws_ok($$ select * from homeostasis.errors $$, '42501', null, 'nor read');
select throws_ok($$ insert into homeostasis.rejected_events (origin, reason, event) values ('', '', '') $$,
  '42501', null, 'nor write');
reset role;
set local role intake_stranger;
select throws_ok(format('select homeostasis.%s(%L)', f, '[]'), '42501', null, 'a stranger may not ' || f)
from unnest(array['report', 'report_batch', 'ingest']) f;
reset role;

select * from finish();
rollback;
