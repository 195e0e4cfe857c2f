\set product random(1, 2000)
\set customer random(1, 20000)
\set stars random(1, 5)
insert into reviews (product_id, customer_id, stars, body) values (:product, :customer, :stars, 'Arrived on time.');
