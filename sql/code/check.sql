-- check.sql: says of a row that a person wrote which field is wrong, and what
-- it may be.
--
-- The limits of a column are its table's CHECK and NOT NULL constraints.  The
-- comment on a CHECK constraint says what to write instead; that on a column,
-- what belongs there.  So a new constraint needs a comment, and nothing else.

create function homeostasis.check_row() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  content constant jsonb := to_jsonb(new);
  owner constant text := format('%s "%s"', tg_argv[0], coalesce(content ->> tg_argv[1], ''));
  field record;
  holds boolean;
begin
  select a.attname, col_description(a.attrelid, a.attnum) as remedy into field
    from pg_attribute a
    where a.attrelid = tg_relid and a.attnum > 0 and a.attnotnull and not a.attisdropped
      and content -> a.attname = 'null'
    order by a.attnum limit 1;
  if found then
    raise exception '%: "%" is missing', owner, field.attname
      using errcode = 'HO003', column = field.attname,
            hint = coalesce(field.remedy || '.', 'Give it a value.');
  end if;
  -- Nearly always they all hold, and to ask for each takes a statement.
  execute (select format('select %s from (select ($1::%s).*) r',
             coalesce(string_agg(format('(%s) is not false', pg_get_expr(c.conbin, c.conrelid)), ' and '), 'true'),
             tg_relid::regclass)
           from pg_constraint c where c.conrelid = tg_relid and c.contype = 'c')
    into holds using new;
  if holds then
    return new;
  end if;
  for field in
    select c.conname, pg_get_expr(c.conbin, c.conrelid) as condition,
           obj_description(c.oid, 'pg_constraint') as remedy, p.attname, p.columns, p.wrong
    from pg_constraint c
    cross join lateral (
      select min(a.attname) as attname, string_agg(format('"%s"', a.attname), ' and ' order by a.attnum) as columns,
             case when count(*) > 1 then 'do not fit together'
                  else format('may not be "%s"', min(content ->> a.attname)) end as wrong
      from pg_attribute a where a.attrelid = c.conrelid and a.attnum = any (c.conkey)) p
    where c.conrelid = tg_relid and c.contype = 'c'
    order by c.conname
  loop
    execute format('select %s from (select ($1::%s).*) r', field.condition, tg_relid::regclass)
      into holds using new;
    if not holds then
      raise exception '%: % %', owner, field.columns, field.wrong
        using errcode = 'HO003', column = field.attname, constraint = field.conname,
              hint = field.remedy;
    end if;
  end loop;
  return new;
end
$$;

comment on function homeostasis.check_row() is
  'Trigger of tables that people write: refuses what their CHECK and NOT NULL constraints would, with the field and the remedy; arguments: kind of row, key column';

create trigger check_row before insert or update on homeostasis.policies
  for each row execute function homeostasis.check_row('policy', 'name');
create trigger check_row before insert or update on homeostasis.services
  for each row execute function homeostasis.check_row('service', 'name');
create trigger check_row before insert or update on homeostasis.rules
  for each row execute function homeostasis.check_row('rule', 'id');
create trigger check_row before insert or update on homeostasis.patch_templates
  for each row execute function homeostasis.check_row('patch template', 'name');

comment on constraint policies_name_check on homeostasis.policies is
  'Use small letters, digits and underscores, beginning with a letter.';
comment on constraint policies_classes_check on homeostasis.policies is
  'Classes are data, privilege, index, schema, rewrite, maintenance and session; null covers every class.';
comment on constraint policies_decision_check on homeostasis.policies is
  'A policy decides to approve, ask or refuse.';
comment on constraint policies_max_lock_check on homeostasis.policies is
  'Name a lock of tables as pg_locks.mode does, from AccessShareLock to AccessExclusiveLock.';
comment on constraint policies_max_table_bytes_check on homeostasis.policies is
  'Give a number of bytes, 0 or more; pg_size_bytes(''1 GB'') is one.';
comment on constraint policies_min_confidence_check on homeostasis.policies is
  'Give a number from 0 to 1.';
comment on constraint policies_observe_window_check on homeostasis.policies is
  'Give an interval longer than 0, such as ''5 minutes''.';
comment on constraint policies_settle_time_check on homeostasis.policies is
  'Give an interval of 0 or longer, such as ''2 seconds''.';
comment on constraint policies_recurrence_limit_check on homeostasis.policies is
  'Give how many errors roll a change back, 1 or more.';
comment on constraint services_name_check on homeostasis.services is
  'A name has 1 to 200 characters.';
comment on constraint services_kind_check on homeostasis.services is
  'A service is a database or an application; only the extension itself is an extension.';
comment on constraint services_payloads_per_minute_check on homeostasis.services is
  'Give a number, 0 to store everything; null follows homeostasis.payloads_per_service_per_minute.';
comment on constraint services_mode_check on homeostasis.services is
  'Modes are observe, suggest and auto; null follows the setting homeostasis.mode.';
comment on constraint services_check on homeostasis.services is
  'A service of kind database has a database_name, one of kind application has none.';
comment on constraint rules_id_check on homeostasis.rules is
  'Use at most 128 letters, digits, and the characters _ . : -';
comment on constraint rules_severity_check on homeostasis.rules is
  'Severities are low, medium, high and critical.';
comment on constraint rules_confidence_check on homeostasis.rules is
  'Give a number from 0 to 1, such as 0.9 for a cause that is nearly certain.';
comment on constraint rules_examples_check on homeostasis.rules is
  'Give an array of objects, or an empty one.';
comment on constraint rules_counter_examples_check on homeostasis.rules is
  'Give an array of objects, or an empty one.';
comment on constraint patch_templates_name_check on homeostasis.patch_templates is
  'Use small letters, digits and underscores, beginning with a letter.';
comment on constraint patch_templates_class_check on homeostasis.patch_templates is
  'Classes are data, privilege, index, schema, rewrite, maintenance and session.';
comment on constraint patch_templates_reversible_check on homeostasis.patch_templates is
  'Write yes, no, or unneeded, as docs/templates.md explains.';
comment on constraint patch_templates_effect_check on homeostasis.patch_templates is
  'Write at once, or new sessions if those of today go on as before.';
