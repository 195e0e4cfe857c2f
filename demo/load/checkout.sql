\set customer random(1, 20000)
\set product random(1, 2000)
\set total random(500, 40000)
insert into orders (customer_id, total_cents, placed_at) values (:customer, :total, now()) returning id as order_id \gset
insert into order_items (order_id, product_id, quantity, price_cents) values (:order_id, :product, 1, :total);
insert into payments (order_id, method, amount_cents) values (:order_id, 'card', :total);
