-- description: widen customers.phone
-- class: schema
-- reversible: yes
-- explain: no
--
-- Written after last year's incident, when foreign phone numbers did not fit.
select
  array['alter table shop.customers alter column phone type varchar(32)'] as apply,
  array['alter table shop.customers alter column phone type varchar(16)'] as undo,
  pg_get_userbyid(c.relowner) as run_as,
  'shop.customers' as object,
  'Phone numbers with a country code are longer than customers.phone' as explanation,
  true as transactional,
  null::jsonb as evidence,
  null::text as refusal
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid
where n.nspname = 'shop' and c.relname = 'customers'
  and a.attname = 'phone' and format_type(a.atttypid, a.atttypmod) = 'character varying(16)'
