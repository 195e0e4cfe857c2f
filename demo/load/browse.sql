\set product random(1, 2000)
select id, name, price_cents, stock from products where id = :product;
select p.id, p.name from products p join products q on q.category = p.category
where q.id = :product order by p.price_cents limit 5;
