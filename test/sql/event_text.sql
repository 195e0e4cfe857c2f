-- runs in: own
--
-- event_text.sql: an event could become another one because it came as text and
-- not as jsonb, which is read by other code

\set ECHO none
\set QUIET 1
begin;
set local client_min_messages = warning;
select no_plan();

-- What is stored now, or refused, without what differs each time.
create function pg_temp.taken(given text) returns jsonb
language sql as $$
  select jsonb_build_array(
    (select jsonb_agg(to_jsonb(e) - 'received_at' - 'event_id' - 'timestamp'
       || jsonb_build_object('id', case when given ~ 'error_id' then e.event_id end,
                             'at', case when e."timestamp" <> e.received_at then e."timestamp" end,
                             'stack', k.stack, 'service', s.name))
     from homeostasis.errors e
     left join homeostasis.stacks k using (service_id, stack_hash)
     join homeostasis.services s on s.id = e.service_id),
    (select jsonb_agg(jsonb_build_array(r.field, r.reason)) from homeostasis.rejected_events r))
$$;
create function pg_temp.forget() returns void
language sql as $$
  delete from homeostasis.errors;
  delete from homeostasis.rejected_events;
$$;
create function pg_temp.as_text(given text) returns jsonb
language plpgsql as $$
begin
  perform pg_temp.forget();
  insert into homeostasis.intake values (given);
  return pg_temp.taken(given);
end $$;
create function pg_temp.as_jsonb(given text) returns jsonb
language plpgsql as $$
begin
  perform pg_temp.forget();
  perform homeostasis.ingest(jsonb_build_array(given::jsonb));
  return pg_temp.taken(given);
end $$;

create temporary table texts (number serial, given text);
copy texts (given) from stdin with (format csv, quote e'\x01', delimiter e'\x02');
{"error_message":"plain"}
{"error_message":""}
{}
 {  "error_message" :  "blanks" , "service"	: "s" }  
{"error_message":"escapes \" \\ \n \t \r \b \f","stack_trace":"a\nb"}
{"error_message":"slash \/ and \u00e9 and \ud83d\ude00"}
{"error_message":"é and 😀","service":"größe","environment":{"é":"ü"}}
{"error\u005fmessage":"an escape in a key"}
{"error_message":"all","service":"s","language":"python","error_type":"ValueError","sqlstate":"23505","detail":"d","hint":"h","context":"c","statement":"select 1","stack_trace":"at a\nat b","database":"d","role":"r","application_name":"a","search_path":"p","schema_name":"s","table_name":"t","column_name":"c","constraint_name":"k","datatype_name":"y","release":"1.0","environment":{"a":1},"normalized_classification":{"b":2},"metadata":{"c":3},"level":"fatal"}
{"error_message":"twice","error_message":"the last one"}
{"error_message":"twice","level":"fatal","level":null}
{"error_message":"twice","level":"wrong","level":"panic"}
{"error_message":"nothing","service":null,"metadata":null,"stack_trace":null,"unknown":null}
{"error_message":null}
{"error_message":"unknown key","unknown":1}
{"error_message":"the role is known","session_role_name":"x"}
{"error_message":3}
{"error_message":["a"]}
{"error_message":{"a":1}}
{"error_message":"level","level":"wrong"}
{"error_message":"level","level":2}
{"error_message":"state","sqlstate":"2350"}
{"error_message":"id","error_id":"0190a0b0-0000-7000-8000-000000000001"}
{"error_message":"id","error_id":"anything"}
{"error_message":"id","error_id":""}
{"error_message":"id","error_id":7}
{"error_message":"time","timestamp":"no time"}
{"error_message":"time","timestamp":true}
{"error_message":"lines","stack_trace":["at a","at b"]}
{"error_message":"lines","stack_trace":["","","at a","","at \"b\"\n  at c",""]}
{"error_message":"lines","stack_trace":[ ]}
{"error_message":"lines","stack_trace":[""]}
{"error_message":"lines","stack_trace":["at a",1]}
{"error_message":"lines","stack_trace":["at a",["b"]]}
{"error_message":"lines","stack_trace":{"a":1}}
{"error_message":"no object","environment":"x"}
{"error_message":"no object","environment":[1]}
{"error_message":"no object","metadata":7}
{"error_message":"values","metadata":{"a":1,"b":-2,"c":0,"d":0.5,"e":1.50,"f":true,"g":false,"h":null,"i":[],"j":{},"k":[1,"x",{"l":[null]}],"m":""}}
{"error_message":"numbers","metadata":{"a":-0,"b":-0.0,"c":1e3,"d":1E-3,"e":123456789012345678901234567890123456789.5,"f":-0.25}}
{"error_message":"strings","metadata":{"a\"\\b":"c\nd\te","s\/":"\u0041"}}
{"error_message":"keys","metadata":{"bb":1,"a":2,"bb":3,"a":{"x":1,"x":2}}}
{"error_message":"secret","metadata":{"password":"canary","nested":[{"token":"canary"}]},"environment":{"pass\u0077ord":"canary"}}
{"error_message":"password=canary","stack_trace":["at a(password='canary')"]}
\.
insert into texts (given) values
  (format('{"error_message":"now","timestamp":"%s"}', to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))),
  (format('{"error_message":"now","timestamp":%s}', floor(extract(epoch from now())))),
  (format('{"error_message":"long","metadata":{"a":"%s"}}', repeat('x', 65000))),
  (format('{"error_message":"too long","metadata":{"a":"%s"}}', repeat('x', 66000))),
  (format('{"error_message":"%s"}', repeat('long é', 4000))),
  (format('{"error_message":"name","service":"%s"}', repeat('s', 201))),
  (format('{"error_message":"stack","stack_trace":[%s"end"]}', repeat('"  at a frame (of some file:1)",', 4000))),
  (format('{"error_message":"deep","metadata":%s1%s}', repeat('{"a":', 32), repeat('}', 32))),
  (format('{"error_message":"deeper","metadata":%s1%s}', repeat('{"a":', 33), repeat('}', 33))),
  (format('{"error_message":"deeper","metadata":{"a":%s%s}}', repeat('[', 32), repeat(']', 32))),
  (format('{"error_message":"many keys"%s}', (select string_agg(format(',"%s":null', i), '') from generate_series(1, 40) i)));

select is(pg_temp.as_text(given), pg_temp.as_jsonb(given), left(given, 60)) from texts order by number;
select pg_temp.as_text(given) from texts where given ~ 'secret' \gset
select isnt(:'as_text' ~ 'plain', true, 'each is looked at alone');
select is(:'as_text' ~ 'canary', false, 'secrets are hidden in both');
select is((select count(*) from texts where (pg_temp.as_text(given) -> 0) <> 'null'), 31::bigint, 'most are stored');

-- What is no JSON is none for either.
create function pg_temp.refused(given text) returns boolean
language plpgsql as $$
begin
  perform pg_temp.forget();
  insert into homeostasis.intake values (given);
  return (select reason from homeostasis.rejected_events) ~ 'is not JSON' and not exists (select from homeostasis.errors);
end $$;
select ok(pg_temp.refused(given), format('no JSON: %s', given))
from (values
  ('{"error_message":"a"} x'), ('{"error_message":"a"}}'), ('{"error_message":"a",}'), ('{"error_message":"a"'), ('{"error_message":"a'),
  ('{"error_message":"a\'), ('{"error_message":"\x"}'), (e'{"error_message":"a\nb"}'), (e'{"error_message":"a\n"}'), (e'{"error_message":"a","metadata":{"a":"b\n"}}'),
  ('{"error_message" "a"}'), ('{error_message:"a"}'), ('{"error_message":"a" "service":"b"}'), ('{,"error_message":"a"}'),
  ('{"error_message":"a","metadata":{"a":01}}'), ('{"error_message":"a","metadata":{"a":1.}}'), ('{"error_message":"a","metadata":{"a":.5}}'),
  ('{"error_message":"a","metadata":{"a":-}}'), ('{"error_message":"a","metadata":{"a":1.2.3}}'), ('{"error_message":"a","metadata":{"a":1x}}'),
  ('{"error_message":"a","metadata":{"a":tru}}'), ('{"error_message":"a","metadata":{"a":truex}}'), ('{"error_message":"a","metadata":{"a":1,}}'),
  ('{"error_message":"a","metadata":{"a"}}'), ('{"error_message":"a","metadata":[1}}'), ('{"error_message":"a","metadata":{1:2}}'),
  ('{"error_message":"a","stack_trace":["a",]}'), ('{"error_message":"a","stack_trace":["a" "b"]}'), ('{"error_message":"a","stack_trace":["a"}'),
  ('{"error_message":"a","service":nullx}'), ('{"error_message":"a","service":nul}'), ('{"error_message":"\u0000"}'),
  ('{"error_message":"a","metadata":{"a":1e999999}}')
) v (given);

select * from finish();
rollback;
