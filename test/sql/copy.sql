-- runs in: own
--
-- copy.sql: a bad row could fail a COPY or be lost without a word, a statement
-- could store the rows of another one, or of one that was rolled back

\set ECHO none
\set QUIET 1
begin;
set local client_min_messages = warning;
select no_plan();

create function pg_temp.messages(of_service text) returns text
language sql as $$
  select string_agg(e.message, ' ' order by e.message)
  from homeostasis.errors e join homeostasis.services s on s.id = e.service_id
  where s.name = of_service
$$;
create function pg_temp.line(service text, message text) returns text
language sql as $$
  select jsonb_build_object('service', service, 'error_message', message)::text
$$;

-- Good and bad --------------------------------------------------------------

copy homeostasis.intake from stdin with (format csv, quote e'\x01', delimiter e'\x02');
{"service": "copied", "error_message": "one, with a \"quote\", a \\ and a \u00e9"}

{"service": "copied", "error_message": "cut
{"service": "copied", "error_message": 3}
no JSON, and password=canary
   
[]
{"service": "copied", "error_message": "two"}
\.
select is(pg_temp.messages('copied'), e'one, with a "quote", a \\ and a \u00e9 two',
  'good rows are stored as they were written');
select results_eq($$
    select origin, coalesce(field, '-'), reason, event from homeostasis.rejected_events order by id $$,
  $$ values
    ('ingest', '-', 'row 3 is not JSON: Token ""cut" is invalid.', '{"service": "copied", "error_message": "cut'),
    ('ingest', 'error_message', 'must be a string', '{"service": "copied", "error_message": 3}'),
    ('ingest', '-', 'row 5 is not JSON: Token "no" is invalid.', 'no JSON, and password=***'),
    ('ingest', '-', 'must be an object', '[]') $$,
  'bad ones are kept, with the reason and without their secrets');
select is(row(origin, session_role_name, backend_pid)::text, row('ingest', session_user, pg_backend_pid())::text,
  'who copied is known')
from homeostasis.errors where message = 'two';

insert into homeostasis.intake values (pg_temp.line('inserted', 'a')), (null), (pg_temp.line('inserted', 'b'));
select is(pg_temp.messages('inserted'), 'a b', 'INSERT does the same');
select is((select count(*) from homeostasis.intake), 0::bigint, 'the view itself shows nothing');
select throws_ok('delete from homeostasis.intake', '55000', null, 'and nothing can be deleted from it');

-- Batches -------------------------------------------------------------------

insert into homeostasis.intake
  select case when n % 100 = 0 then 'bad ' || n else pg_temp.line('batches', 'n') end from generate_series(1, 2500) n;
select is((select sum(error_count) from homeostasis.issues i join homeostasis.services s on s.id = i.service_id
           where s.name = 'batches'), 2475::numeric, 'more than a batch is stored, each once');
select is((select count(*) from homeostasis.rejected_events where reason like 'row ' || substr(event, 5) || ' is not JSON%'),
  25::bigint, 'and bad ones are kept as they were, with their number in the statement');
insert into homeostasis.intake select pg_temp.line('large', repeat('x', 3000000) || n) from generate_series(1, 20) n;
select is((select count(*) from homeostasis.errors e join homeostasis.services s on s.id = e.service_id
           where s.name = 'large'), 20::bigint, 'so is much text');

-- Statements inside statements ----------------------------------------------

create function pg_temp.inner(n integer) returns text
language plpgsql as $$
begin
  insert into homeostasis.intake values (pg_temp.line('inner', 'i' || n));
  if n = 2 then
    raise 'it ends here';
  end if;
  return pg_temp.messages('inner');
exception when raise_exception then
  return 'rolled back';
end
$$;
create temporary table seen as with outer_one as (
    insert into homeostasis.intake
    select pg_temp.line('outer', 'o' || n || ' ' || pg_temp.inner(n)) from generate_series(1, 3) n
    returning event), other as (
    insert into homeostasis.intake values (pg_temp.line('other', 'p')) returning event)
  select (select count(*) from outer_one) as n, (select count(*) from other) as m;
select is(pg_temp.messages('inner'), 'i1 i3', 'a statement inside another one stores its rows, unless it is rolled back');
select is(pg_temp.messages('outer'), 'o1 i1 o2 rolled back o3 i1 i3', 'at once, and the outer one stores its own');
select is(pg_temp.messages('other'), 'p', 'and so does one beside it');
select is(row(n, m)::text, '(3,1)', 'RETURNING gives the rows back') from seen;

create function pg_temp.fails() returns void
language plpgsql as $$
begin
  insert into homeostasis.intake select pg_temp.line('failed', 'f' || 1 / (1500 - n)) from generate_series(1, 2000) n;
exception when division_by_zero then
  null;
end
$$;
select pg_temp.fails();
select is(pg_temp.messages('failed'), null, 'of a statement that fails, nothing is stored');
insert into homeostasis.intake values (pg_temp.line('after', 'a'));
select is(pg_temp.messages('after'), 'a', 'and the next one is none the worse');
select is(pg_temp.messages('failed'), null, 'nor does it store what was left');

-- Who may -------------------------------------------------------------------

select throws_ok('select homeostasis.copy_row()', '39P01', null, 'a trigger is nothing to call');
create role copy_reporter in role homeostasis_reporter;
create role copy_stranger;
grant usage on schema homeostasis to copy_stranger;
set local role copy_reporter;
select lives_ok($$ insert into homeostasis.intake values ('{"error_message": "allowed", "service": "allowed"}') $$,
  'a reporter may');
select throws_ok('create trigger t instead of insert on homeostasis.intake for each row execute function homeostasis.copy_row()',
  '42501', null, 'but not change what happens then');
set local role copy_stranger;
select throws_ok($$ insert into homeostasis.intake values ('{"error_message": "x"}') $$, '42501', null, 'a stranger may not');
reset role;
select is(pg_temp.messages('allowed'), 'allowed', 'the reporter''s is stored');

select * from finish();
rollback;
