\set customer random(1, 20000)
insert into sessions (id, customer_id) values (uuid_generate_v4(), :customer);
