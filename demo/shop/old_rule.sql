-- old_rule.sql: a rule that was right last year.  Run as dba.
--
-- It claims every text that is too long for a varchar(n), and says which
-- column that must have been.

insert into homeostasis.rule_packs (name, description, version)
values ('shop', 'What this shop has learned', '1');

insert into homeostasis.rules
  (id, pack, description, root_cause, suggestion, confidence, priority, language, error_type,
   sqlstates, pattern, template)
values
  ('shop.phone_too_short', 'shop', 'A phone number does not fit',
   'Phone numbers with a country code do not fit into customers.phone.',
   'Widen customers.phone.', 0.95, 100, 'sql', 'string_data_right_truncation',
   array['22001'], '^value too long for type character varying\(\d+\)$', 'shop_widen_phone');
