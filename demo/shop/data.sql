-- data.sql: the shop's data.  Run as shop_owner in database shop.
--
-- Random, but the same in every run.

do $$ begin perform setseed(0.42); end $$;

insert into shop.products (sku, name, category, price_cents, stock)
select 'SKU-' || lpad(n::text, 6, '0'),
       (array['Oak', 'Linen', 'Copper', 'Paper', 'Wool', 'Glass', 'Cork', 'Clay'])[1 + n % 8]
         || ' ' || noun.name || ' no. ' || n,
       noun.category,
       (199 + random() * 20000)::integer,
       (random() * 500)::integer
from generate_series(1, 2000) as n
cross join lateral (
  select (array['desk', 'cushion', 'kettle', 'lamp', 'blanket', 'vase', 'stool', 'mug'])[1 + n / 8 % 8],
         (array['office', 'living', 'kitchen', 'living', 'living', 'living', 'office', 'kitchen'])[1 + n / 8 % 8]
) as noun (name, category);

-- The bulk import that gives its own ids and leaves the sequence at 1.
insert into shop.customers (id, email, name, city, phone, created_at)
select n,
       'customer' || n || '@example.com',
       (array['Ada', 'Bela', 'Chidi', 'Dana', 'Emre', 'Fumi', 'Goran', 'Hana', 'Ines', 'Jonas'])[1 + n % 10]
         || ' '
         || (array['Alvarez', 'Bauer', 'Costa', 'Dubois', 'Eriksen', 'Ferrari', 'Gupta'])[1 + n / 10 % 7],
       (array['Lisbon', 'Graz', 'Lagos', 'Osaka', 'Bergen', 'Lyon', 'Leeds', 'Quito'])[1 + n / 70 % 8],
       '+99 555 ' || lpad((n * 7919 % 1000000)::text, 6, '0'),
       now() - random() * interval '700 days'
from generate_series(1, 20000) as n;

insert into shop.promotions (code, percent, starts_at) values
  ('WELCOME', 10, now() - interval '300 days'),
  ('SUMMER15', 15, now() - interval '120 days'),
  ('LASTCALL', 20, now() - interval '30 days');

insert into shop.carts (customer_id, promotion_code, updated_at)
select 1 + (random() * 19999)::integer,
       case when random() < 0.2 then 'LASTCALL' end,
       now() - random() * interval '3 days'
from generate_series(1, 5000);

-- Orders of the six months for which there are partitions.
insert into shop.orders (customer_id, total_cents, status, placed_at)
select 1 + (random() * 19999)::integer,
       (500 + random() * 40000)::integer,
       (array['paid', 'sent', 'sent', 'sent', 'sent', 'returned'])[1 + (random() * 5)::integer],
       month.start + random() * (month.start + interval '1 month' - month.start)
from generate_series(1, 30000) as n
cross join lateral (
  select date_trunc('month', now()) - interval '1 month' * (1 + n % 6)
) as month (start);

insert into shop.order_items (order_id, product_id, quantity, price_cents)
select o.id, p.id, 1 + (random() * 3)::integer, p.price_cents
from shop.orders o
cross join generate_series(1, 2) as line
join shop.products p on p.id = 1 + (o.id * 31 + line * 977) % 2000
where line = 1 or o.id % 2 = 0;

insert into shop.payments (order_id, method, amount_cents, paid_at)
select o.id,
       (array['card', 'card', 'paypal', 'invoice'])[1 + (o.id % 4)]::shop.payment_method,
       o.total_cents,
       o.placed_at + interval '2 minutes'
from shop.orders o
where o.status <> 'returned';

insert into shop.reviews (product_id, customer_id, stars, body, written_at)
select 1 + (random() * 1999)::integer,
       1 + (random() * 19999)::integer,
       1 + (random() * 4)::integer,
       (array['As described.', 'Would buy again.', 'Smaller than I thought.', 'A present; well received.'])[1 + n % 4],
       now() - random() * interval '180 days'
from generate_series(1, 8000) as n;

refresh materialized view shop.best_sellers;
analyze shop.customers, shop.products, shop.carts, shop.orders, shop.order_items,
  shop.payments, shop.reviews, shop.best_sellers;
