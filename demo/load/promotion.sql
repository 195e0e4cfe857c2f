\set cart random(1, 5000)
select code from promotions order by starts_at desc limit 1 \gset
update carts set promotion_code = :code where id = :cart;
