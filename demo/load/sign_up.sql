insert into customers (email, name, city) values (md5(random()::text) || '@example.com', 'Kim Novak', 'Porto');
