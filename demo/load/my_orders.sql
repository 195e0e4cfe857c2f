\set customer random(1, 20000)
select o.id, o.status, o.total_cents, o.placed_at, count(i.id)
from orders o left join order_items i on i.order_id = o.id
where o.customer_id = :customer
group by o.id, o.status, o.total_cents, o.placed_at
order by o.placed_at desc limit 10;
