\set cart random(1, 5000)
begin;
select id, customer_id, promotion_code from carts where id = :cart;
update carts set updated_at = now() where id = :cart;
commit;
