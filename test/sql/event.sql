-- runs in: own
--
-- event.sql: an event that breaks the schema could be stored, or be refused
-- without a word about why

\set ECHO none
\set QUIET 1
begin;
select no_plan();

-- What a single event is refused with.
create function pg_temp.refusal(event jsonb) returns text
language plpgsql as $$
begin
  perform homeostasis.ingest(event);
  return 'stored';
exception when sqlstate 'HO001' then
  return sqlerrm;
end
$$;

-- An event with one more key, or another value for one.
create function pg_temp.event(changes jsonb) returns jsonb
language sql as $$
  select '{"error_message": "it broke", "service": "shop"}'::jsonb || changes
$$;

-- The stored row of an event with these changes.
create function pg_temp.stored(changes jsonb) returns homeostasis.errors
language plpgsql as $$
declare
  id constant uuid := homeostasis.ingest(pg_temp.event(changes));
  e homeostasis.errors;
begin
  select * into strict e from homeostasis.errors where event_id = id;
  return e;
end
$$;

create function pg_temp.nested(levels integer) returns jsonb
language sql as $$
  select (repeat('{"a": ', levels) || '1' || repeat('}', levels))::jsonb
$$;

select throws_ok(
  format('select homeostasis.%s(%L)', f, '[1, 2'), '22P02', null,
  f || '() refuses what is not JSON')
from unnest(array['report', 'report_batch', 'ingest']) f;

select is(pg_temp.refusal(event), refusal, 'refused: ' || left(event::text, 60))
from (values
  ('"a string"'::jsonb, 'event must be an object'),
  ('17', 'event must be an object'),
  ('null', 'event must be an object'),
  ('{}', 'event field "error_message" is missing'),
  ('{"error_message": null}', 'event field "error_message" is missing'),
  (pg_temp.event('{"error_message": 1}'), 'event field "error_message" must be a string'),
  (pg_temp.event('{"error_message": {}}'), 'event field "error_message" must be a string'),
  (pg_temp.event('{"language": ["c"]}'), 'event field "language" must be a string'),
  (pg_temp.event('{"statement": false}'), 'event field "statement" must be a string'),
  (pg_temp.event('{"stack_trace": 1}'),
   'event field "stack_trace" must be an array of strings or a string'),
  (pg_temp.event('{"stack_trace": {}}'),
   'event field "stack_trace" must be an array of strings or a string'),
  (pg_temp.event('{"stack_trace": ["a", 1]}'),
   'event field "stack_trace" must be an array of strings or a string'),
  (pg_temp.event('{"stack_trace": [["a"]]}'),
   'event field "stack_trace" must be an array of strings or a string'),
  (pg_temp.event('{"environment": "prod"}'), 'event field "environment" must be an object'),
  (pg_temp.event('{"metadata": []}'), 'event field "metadata" must be an object'),
  (pg_temp.event('{"normalized_classification": 1}'),
   'event field "normalized_classification" must be an object'),
  (pg_temp.event('{"level": "debug"}'),
   'event field "level" must be warning, error, fatal or panic'),
  (pg_temp.event('{"level": 3}'), 'event field "level" must be warning, error, fatal or panic'),
  (pg_temp.event('{"sqlstate": "2350"}'),
   'event field "sqlstate" must be a string of five digits or capital letters'),
  (pg_temp.event('{"sqlstate": "2350x"}'),
   'event field "sqlstate" must be a string of five digits or capital letters'),
  (pg_temp.event('{"sqlstate": 23505}'),
   'event field "sqlstate" must be a string of five digits or capital letters'),
  (pg_temp.event('{"error_id": 17}'), 'event field "error_id" must be a string'),
  (pg_temp.event('{"error_id": ""}'), 'event field "error_id" must have 1 to 200 bytes'),
  (pg_temp.event(jsonb_build_object('error_id', repeat('x', 201))),
   'event field "error_id" must have 1 to 200 bytes'),
  (pg_temp.event(jsonb_build_object('service', repeat('x', 201))),
   'event field "service" has 201 bytes, more than 200'),
  (pg_temp.event(jsonb_build_object('language', repeat('x', 65))),
   'event field "language" has 65 bytes, more than 64'),
  (pg_temp.event('{"colour": "red"}'), 'event field "colour" is not a key of an event'),
  (pg_temp.event('{"session_role": "root"}'),
   'event field "session_role" is not a key of an event'),
  (pg_temp.event('{"origin": "server_log"}'), 'event field "origin" is not a key of an event'),
  (pg_temp.event(jsonb_build_object(repeat('é', 5000), 1)),
   'event field "' || repeat('é', 31) || '" is not a key of an event'),
  (pg_temp.event(jsonb_build_object('metadata', pg_temp.nested(33))),
   'event field "metadata" is nested deeper than 32 levels'),
  (pg_temp.event(jsonb_build_object('environment', jsonb_build_object('a', repeat('x', 65536)))),
   'event field "environment" has 65545 bytes, more than 65536')
) as v (event, refusal);

select is(pg_temp.refusal(pg_temp.event(jsonb_build_object('timestamp', t))),
  'event field "timestamp" must be an ISO 8601 date and time or a number of seconds since 1970',
  'refused: timestamp ' || t::text)
from jsonb_array_elements(
  '["yesterday", "now", "infinity", "", "2026", "2026-01-01", "2026-02-30T00:00:00Z",
    "2026-13-01T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z",
    "2026-01-01T00:00:00+16:00", "2026-01-01T00:00:00Zjunk", "2026-01-01T00:00:00.Z",
    "0000-01-01T00:00:00Z", "x2026-01-01T00:00:00Z", -1, 1e300, 1e20, true, {}, []]') t;

select throws_ok($$ select homeostasis.ingest('{"error_message": "x", "colour": 1}') $$,
  'HO001', 'event field "colour" is not a key of an event',
  'the field is named before the event is stored');
select throws_ok(format('select homeostasis.%s(null::jsonb)', f), 'HO007', null, 'null does not crash the server: ' || f)
from unnest(array['report', 'report_batch', 'ingest', 'ingest_checkup']) f;
select throws_ok($$ select homeostasis.report('{"error_message": "x", "colour": 1}'::jsonb) $$,
  'HO001', 'event field "colour" is not a key of an event',
  'report() checks an event as ingest() does');
select throws_ok($$ select homeostasis.report_batch('{"error_message": "x"}') $$,
  'HO001', 'events must be a JSON array of objects', 'report_batch() wants an array');

-- What is accepted ----------------------------------------------------------

select is(
  extract(epoch from (pg_temp.stored(jsonb_build_object('timestamp', v.given)))."timestamp"
    - date_trunc('hour', now())),
  v.seconds::numeric, 'accepted: timestamp ' || v.form)
from (select date_trunc('hour', now()) at time zone 'UTC' as h) t,
lateral (values
  ('with Z', to_jsonb(to_char(h, 'YYYY-MM-DD"T"HH24:MI:SS"Z"')), 0.0),
  ('with a blank and no zone, which is UTC', to_jsonb(to_char(h, 'YYYY-MM-DD HH24:MI')), 0),
  ('with microseconds', to_jsonb(to_char(h, 'YYYY-MM-DD"T"HH24:MI:SS".123456Z"')), 0.123456),
  ('with more digits than there are microseconds',
   to_jsonb(to_char(h, 'YYYY-MM-DD"T"HH24:MI:SS",123456789z"')), 0.123456),
  ('with an offset', to_jsonb(to_char(h + interval '2 hours', 'YYYY-MM-DD"T"HH24:MI:SS"+02:00"')), 0),
  ('with a short offset', to_jsonb(to_char(h - interval '3 hours', 'YYYY-MM-DD HH24:MI:SS"-03"')), 0),
  ('with a leap second', to_jsonb(to_char(h, 'YYYY-MM-DD"T"HH24:MI"":60Z"')), 60),
  ('in seconds', to_jsonb(extract(epoch from h) + 0.25), 0.25),
  ('in milliseconds', to_jsonb(trunc(extract(epoch from h) * 1000 + 250)), 0.25),
  ('in microseconds', to_jsonb(trunc(extract(epoch from h) * 1000000 + 250)), 0.00025),
  ('in nanoseconds', to_jsonb(trunc(extract(epoch from h) * 1000000000)), 0)
) as v (form, given, seconds);

select is((pg_temp.stored('{"error_id": "123E4567-e89b-12d3-a456-426614174000"}')).event_id,
  '123e4567-e89b-12d3-a456-426614174000', 'a uuid is kept as error_id');
select is((pg_temp.stored('{"error_id": "fc6d8c0c43fc4630ad850ee518f1b9d0"}')).event_id,
  'fc6d8c0c-43fc-4630-ad85-0ee518f1b9d0', 'a uuid may come without hyphens');
select is((pg_temp.stored('{"error_id": "request 17"}')).event_id,
  '3f0b9ef0-d16e-5638-aab3-b9013028c757',
  'another string becomes the version 5 uuid that is documented');
select matches((pg_temp.stored('{}')).event_id::text, '^.{14}7.{4}[89ab]',
  'without error_id a version 7 uuid is made');

select is(row(e.error_type, e.language, e.level, e.origin, e.session_role_name)::text,
  row('error', 'unknown', 'error', 'ingest', session_user)::text,
  'what is left out has a default')
from pg_temp.stored('{}') e;
select is(row(e.error_type, e.language)::text, '(unique_violation,sql)',
  'an SQLSTATE says type and language')
from pg_temp.stored('{"sqlstate": "23505"}') e;
select is(e.error_type, 'ZZ999', 'an SQLSTATE without a name is its own')
from pg_temp.stored('{"sqlstate": "ZZ999"}') e;

select is(e.metadata, pg_temp.nested(32), 'an object may be nested 32 levels deep')
from pg_temp.stored(jsonb_build_object('metadata', pg_temp.nested(32))) e;

select is(to_jsonb(e) -> 'environment', '{"password": "***", "cpu": [1, 2.50]}'::jsonb,
  'an object is stored as it is, but for secrets')
from pg_temp.stored('{"environment": {"cpu": [1, 2.50], "password": "hunter2"}}') e;

-- Limits --------------------------------------------------------------------

select collect_tap(
  is(octet_length(e.message), 16383, 'a message is cut before the character that does not fit'),
  is(e.truncated, '{message}', 'and the column is named in truncated'))
from pg_temp.stored(jsonb_build_object('error_message', repeat('€', 5000000))) e;
select collect_tap(
  is(length(e.message), 16384, 'a message of 16 kB is not cut'),
  is(e.truncated, null, 'and not said to be'))
from pg_temp.stored(jsonb_build_object('error_message', repeat('x', 16384))) e;
select collect_tap(
  is(row(octet_length(detail), octet_length(hint), octet_length(context),
              octet_length(statement), octet_length(table_name))::text,
  '(8192,8192,8192,8192,256)', 'the other texts have their limits too'),
  is(truncated, '{detail,hint,context,statement,table_name}', 'which truncated lists'))
from repeat('abcdefg ', 5000) t,
     pg_temp.stored(jsonb_build_object('detail', t, 'hint', t, 'context', t, 'statement', t,
                                       'table_name', t)) e;

create function pg_temp.stack_of(e homeostasis.errors) returns text
language sql as $$
  select stack from homeostasis.stacks s
  where s.service_id = e.service_id and s.stack_hash = e.stack_hash
$$;

select is(pg_temp.stack_of(e), e'a\nb\nc', 'frames are lines')
from pg_temp.stored('{"stack_trace": ["a", "b", "c"]}') e;
select is(pg_temp.stack_of(e), e'a\nb', 'a stack may be one string')
from pg_temp.stored('{"stack_trace": "a\nb"}') e;
select is(e.stack_hash, null, 'an empty stack is none')
from pg_temp.stored('{"stack_trace": []}') e;
select collect_tap(
  ok(octet_length(s) <= 65536, '100,000 frames are cut to 64 kB'),
  matches(s, '^frame 1\nframe 2\n', 'keeping the first'),
  matches(s, '\nframe 99999\nframe 100000$', 'and the last'),
  matches(s, '\nframe \d+\n\[\.\.\.\]\nframe \d+\n', 'and only whole lines'),
  is(e.truncated, '{stack_trace}', 'which truncated says'))
from pg_temp.stored(jsonb_build_object('stack_trace',
       (select jsonb_agg('frame ' || n order by n) from generate_series(1, 100000) n))) e,
     pg_temp.stack_of(e) s;
select is(octet_length(pg_temp.stack_of(e)), 65536, 'one endless line is cut as well')
from pg_temp.stored(jsonb_build_object('stack_trace', repeat('x', 1000000))) e;

select throws_ok(
  format('select homeostasis.ingest(%L)',
         '{"error_message": "x", "metadata": ' || repeat('{"a":', 100000) || '1'
         || repeat('}', 100000) || '}'),
  '54001', null, 'JSON nested 100,000 deep is an error, not a crash');
select throws_ok($$ select homeostasis.ingest('{"error_message": "a\u0000b"}') $$,
  '22P05', null, 'JSON with a NUL is an error');

-- Times without a partition -------------------------------------------------

select collect_tap(
  is(e."timestamp", e.received_at, 'a time before retention becomes that of receipt'),
  is((e.metadata ->> 'reported_timestamp')::timestamptz, '2001-02-03 04:05:06+00',
          'and what was reported is kept in metadata'),
  is(e.metadata ->> 'a', 'b', 'beside the rest'))
from pg_temp.stored('{"timestamp": "2001-02-03T04:05:06Z", "metadata": {"a": "b"}}') e;
select collect_tap(
  is(e."timestamp", e.received_at, 'so does one in the far future'),
  is((e.metadata ->> 'reported_timestamp')::timestamptz, '2101-02-03 04:05:06+00',
          'with what was reported'))
from pg_temp.stored('{"timestamp": "2101-02-03T04:05:06Z", "metadata": {}}') e;
select is(e.metadata, v.expected, 'the mark is the last word about it: ' || v.given::text)
from (values ('{"reported_timestamp": "never"}'::jsonb, '{"reported_timestamp": "x"}'::jsonb),
             ('{"a": {}}', '{"a": {}, "reported_timestamp": "x"}'), ('{}', '{"reported_timestamp": "x"}'),
             ('{"a": [{"b": 1}], "z": {"y": {}}}', '{"a": [{"b": 1}], "z": {"y": {}}, "reported_timestamp": "x"}')) v (given, expected),
lateral (select case when (s.metadata ->> 'reported_timestamp')::timestamptz = '2001-02-03 04:05:06+00'
           then s.metadata || '{"reported_timestamp": "x"}' end as metadata
         from pg_temp.stored(jsonb_build_object('timestamp', '2001-02-03T04:05:06Z', 'metadata', v.given)) s) e;

-- Good, late and future ones together, in no order.
create temporary table skewed as
  select n, now() + o as reported
  from unnest(array['0', '-1 hour', '-20 days', '20 hours', '-40 days', '3 days', '-29 days', '50 years',
                    '-1 minute', '-26 years', '5 minutes']::interval[]) with ordinality t (o, n);
select is((select count(id) from homeostasis.ingest((
    select jsonb_agg(jsonb_build_object('service', 'skewed', 'error_message', 'tick', 'timestamp', reported,
                                        'metadata', jsonb_build_object('n', n)) order by n) from skewed)) id),
  11::bigint, 'no time makes a batch fail');
select results_eq($$
    select s.n, e."timestamp" = s.reported, e.metadata ? 'reported_timestamp',
      e.tableoid::regclass::text = 'homeostasis.' || homeostasis.partition_name((e."timestamp" at time zone 'UTC')::date)
    from homeostasis.errors e join skewed s on s.n = (e.metadata ->> 'n')::int
    where e.service_id = (select id from homeostasis.services where name = 'skewed') order by 1 $$,
  $$ select n, n not in (5, 6, 8, 10), n in (5, 6, 8, 10), true from generate_series(1::bigint, 11) n $$,
  'each is stored in a partition that is there, and marked if its time was moved');
select is((select count(*) from homeostasis.errors e where "timestamp" > received_at
             and service_id = (select id from homeostasis.services where name = 'skewed')), 2::bigint,
  'and those a little ahead can be told by their times');
select isnt(e."timestamp", e.received_at, 'a time within retention is kept')
from pg_temp.stored(jsonb_build_object('timestamp', now() - interval '29 days')) e;

-- Back and forth ------------------------------------------------------------

create function pg_temp.there_and_back(event jsonb) returns jsonb
language plpgsql as $$
declare
  e constant homeostasis.errors := pg_temp.stored(event);
begin
  return homeostasis.event_of(e.service_id, e.event_id, e."timestamp");
end
$$;

select is(pg_temp.there_and_back(v.event), v.event, 'event_of() gives back what was stored')
from (values (jsonb_build_object(
  'error_id', '123e4567-e89b-12d3-a456-426614174001', 'timestamp', now(),
  'service', 'shop', 'error_type', 'unique_violation', 'error_message', 'dup', 'language', 'sql',
  'stack_trace', '["a", "b"]'::jsonb, 'environment', '{"a": {"b": null}}'::jsonb,
  'normalized_classification', '{"c": 1}'::jsonb, 'metadata', '{"d": []}'::jsonb,
  'release', '1.2', 'sqlstate', '23505', 'detail', 'd', 'hint', 'h', 'context', 'c',
  'statement', 's', 'database', 'shop', 'role', 'r', 'application_name', 'a',
  'schema_name', 'sn', 'table_name', 'tn', 'column_name', 'cn', 'constraint_name', 'kn',
  'datatype_name', 'dn', 'search_path', 'sp', 'level', 'fatal'))) v (event);
select lives_ok($$
  select homeostasis.ingest(homeostasis.event_of(service_id, event_id, "timestamp"))
  from homeostasis.errors $$, 'every event that event_of() gives can be reported');

select * from finish();
rollback;
