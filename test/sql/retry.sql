-- runs in: own
--
-- retry.sql: an error that its reporter sends again could be stored and
-- counted twice, or another error be taken for it

\set ECHO none
\set QUIET 1
begin;
select no_plan();

create function pg_temp.send(service text, id text, at timestamptz default null, message text default 'it broke')
returns text
language plpgsql as $$
declare
  got constant uuid := homeostasis.ingest(jsonb_build_object('service', service, 'error_id', id,
    'error_message', message, 'timestamp', at));
begin
  return (select format('%s stored, %s counted', count(*),
            (select sum(error_count) from homeostasis.issues i where i.service_id = e.service_id))
          from homeostasis.errors e where event_id = got
            and service_id = (select s.id from homeostasis.services s where s.name = send.service)
          group by service_id);
end
$$;

-- The first and the second time, as distances from now; null: none is given.
select is(array[pg_temp.send('s' || n, 'one', now() + first), pg_temp.send('s' || n, 'one', now() + second)],
  '{"1 stored, 1 counted", "1 stored, 1 counted"}',
  format('an error that came with %s is the one that comes with %s',
    coalesce(first::text, 'no time'), coalesce(second::text, 'no time')))
from (values
  (1, null::interval, null::interval), (2, '0', '0'), (3, '-1 hour', null), (4, null, '-1 hour'),
  (5, '-23 hours', '1 minute'), (6, '23 hours', '-23 hours'), (7, '-23 hours', '23 hours'),
  (8, '-25 hours', null), (9, '-10 days', '-5 days'), (10, null, '-10 days'), (11, '-29 days', '23 hours'),
  (12, '-10 years', null), (13, '10 years', '-10 years'), (14, '-47 hours', '-1 hour')) v (n, first, second);

select is(pg_temp.send('again', 'two'), '1 stored, 1 counted', 'an error is stored');
select is(pg_temp.send('again', 'two', null, 'quite another message'), '1 stored, 1 counted',
  'the same id is the same error, whatever it says');
select is(pg_temp.send('again', 'three'), '1 stored, 2 counted', 'another id is another error');
select is(pg_temp.send('another', 'two'), '1 stored, 1 counted', 'so is the same id of another service');

-- Later than retries are looked for, the key of errors knows it.
select pg_temp.send('late', 'four', now() - interval '1 hour');
update homeostasis.errors e set received_at = received_at - interval '25 hours'
  from homeostasis.services s where s.id = e.service_id and s.name = 'late';
select is(pg_temp.send('late', 'four', now() - interval '1 hour'), '1 stored, 1 counted',
  'one with the id and the time of another is that one, however long ago it came');
select is(pg_temp.send('late', 'four', now() - interval '1 hour'), '1 stored, 1 counted', 'and so is the next');
select is((select count(*) from homeostasis.rejected_events), 0::bigint, 'it is not a fault');

-- In a batch ------------------------------------------------------------------

select is((select count(distinct id) from homeostasis.ingest((
    select jsonb_agg(jsonb_build_object('service', 'batch', 'error_id', 'e' || n % 10, 'error_message', 'it broke',
                                        'timestamp', now() - n * interval '40 minutes'))
    from generate_series(1, 100) n)) id), 10::bigint, 'each of a batch has its id');
select is(format('%s stored, %s counted', count(*), (select sum(error_count) from homeostasis.issues i
    where i.service_id = e.service_id)), '10 stored, 10 counted', 'and is stored once')
from homeostasis.errors e where service_id = (select id from homeostasis.services where name = 'batch')
group by service_id;
select is((select count(*) from homeostasis.errors where service_id = (select id from homeostasis.services where name = 'batch')
             and "timestamp" > now() - interval '6 hours 50 minutes'), 10::bigint, 'as it came first');
select homeostasis.ingest((select jsonb_agg(jsonb_build_object('service', 'no id', 'error_message', 'it broke'))
                           from generate_series(1, 50) n));
select is((select sum(error_count) from homeostasis.issues
           where service_id = (select id from homeostasis.services where name = 'no id')), 50::numeric,
  'errors without an id of the reporter''s are all their own');

-- A day later -----------------------------------------------------------------

update homeostasis.errors set received_at = received_at - interval '23 hours 59 minutes'
  where service_id in (select id from homeostasis.services where name in ('again', 's9'));
update homeostasis.late_event_ids set received_at = received_at - interval '23 hours 59 minutes'
  where service_id in (select id from homeostasis.services where name = 's9');
select is(pg_temp.send('again', 'two'), '1 stored, 2 counted', 'nearly a day later it is still the same');
select is(pg_temp.send('s9', 'one'), '1 stored, 1 counted', 'also one that was old then');
update homeostasis.errors set received_at = received_at - interval '2 minutes'
  where service_id in (select id from homeostasis.services where name in ('again', 's9'));
update homeostasis.late_event_ids set received_at = received_at - interval '2 minutes'
  where service_id in (select id from homeostasis.services where name = 's9');
select is(pg_temp.send('again', 'two'), '2 stored, 3 counted', 'a day later it is another one');
select is(pg_temp.send('s9', 'one'), '2 stored, 2 counted', 'also one that was old then');

update homeostasis.errors set received_at = received_at - interval '25 hours'
  where service_id = (select id from homeostasis.services where name = 's2');
select is(pg_temp.send('s2', 'one', now()), '1 stored, 1 counted', 'with the same id and time, it is the same for ever');

select is(done, 1::bigint, 'what is no longer needed for that is deleted')
from homeostasis.maintain() where task = 'late event ids deleted';
select is((select count(*) from homeostasis.late_event_ids), 3::bigint, 'and what is needed is kept');

select * from finish();
rollback;
