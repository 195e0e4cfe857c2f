-- rules.sql: what the tests of rules share
--
-- Included by test/sql/*.sql with \ir, inside a transaction.  Takes the
-- shipped rules away, so that only those of the test are there.

truncate homeostasis.rules;
insert into homeostasis.rule_packs (name, description, version) values ('test', 'test', '1');

-- A rule with these columns.
create function pg_temp.add_rule(id text, columns jsonb default '{}') returns void
language sql as $$
  insert into homeostasis.rules
  select (jsonb_populate_record(null::homeostasis.rules,
    '{"pack": "test", "description": "d", "root_cause": "c", "suggestion": "s", "category": "general",
      "severity": "medium", "confidence": 0.5, "priority": 0, "tags": [], "examples": [], "counter_examples": [],
      "enabled": true, "shipped": false, "modified": false, "updated_at": "2024-01-01", "revision": 0}'
    || columns || jsonb_build_object('id', add_rule.id))).*
$$;

-- The id of the rule that wins; null when none matches.
create function pg_temp.winner(event jsonb) returns text
language sql as $$ select rule_id from homeostasis.match(event) $$;

create function pg_temp.winner_for(message text) returns text
language sql as $$ select pg_temp.winner(jsonb_build_object('error_message', message)) $$;

-- What became of one rule.
create function pg_temp.outcome(rule text, event jsonb) returns text
language sql as $$ select outcome from homeostasis.explain_match(event, true, rule) $$;

-- Rules that the message is scanned for: so many that are found by nothing
-- but their pattern, which has no part that a text must contain.
create function pg_temp.add_crowd() returns void
language sql as $$
  select pg_temp.add_rule('crowd' || n, jsonb_build_object('pattern', format('(?i)crowded %s', n)))
  from generate_series(1, 300) n
$$;
