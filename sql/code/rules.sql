-- rules.sql: how rules get into the table and what is refused there.
--
-- Rules are edited with plain DML.  Triggers check each row, tell every
-- process that the rules have changed, and remember which shipped rows were
-- edited here.

create function homeostasis.check_rule() returns trigger
language c security definer
set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'homeo_check_rule';

create function homeostasis.invalidate_rules() returns trigger
language c
as 'MODULE_PATHNAME', 'homeo_invalidate_rules';

-- Shared by the tables that hold shipped rows; the argument is their key.
create function homeostasis.keep_modified() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  new.modified := true;
  return new;
end
$$;

-- A restored dump brings an edited row, and the shipped one is there already:
-- it becomes the edited one, because other rows may refer to it.
create function homeostasis.restore_modified() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  columns constant text := (select string_agg(quote_ident(attname), ', ')
                            from pg_attribute
                            where attrelid = tg_relid and attnum > 0 and not attisdropped);
  restored bigint;
begin
  execute format('update homeostasis.%1$I t set (%2$s) ='
      ' (select %2$s from jsonb_populate_record(null::homeostasis.%1$I, $1))'
      ' where t.shipped and t.%3$I = $1 ->> %3$L', tg_table_name, columns, tg_argv[0])
    using to_jsonb(new);
  get diagnostics restored = row_count;
  return case when restored = 0 then new end;
end
$$;

create function homeostasis.touch_rule() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  new.updated_at := now();
  if new.enabled then
    new.disabled_reason := null;
  end if;
  return new;
end
$$;

create function homeostasis.write_revision() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  new.revision := nextval('homeostasis.rule_revisions');
  return new;
end
$$;

-- Triggers of one kind fire in the order of their names.
create trigger check_rule before insert or update on homeostasis.rules
  for each row execute function homeostasis.check_rule();
create trigger keep_modified before update on homeostasis.rules
  for each row when (old.shipped and old is distinct from new and old.modified = new.modified)
  execute function homeostasis.keep_modified();
create trigger restore_modified before insert on homeostasis.rules
  for each row when (new.modified and new.shipped)
  execute function homeostasis.restore_modified('id');
create trigger touch_rule before update on homeostasis.rules
  for each row when (old is distinct from new and old.updated_at = new.updated_at)
  execute function homeostasis.touch_rule();
create trigger write_revision before insert or update on homeostasis.rules
  for each row execute function homeostasis.write_revision();
create trigger announce_rules
  before insert or update or delete or truncate on homeostasis.rules
  for each statement execute function homeostasis.invalidate_rules();
create trigger invalidate_rules
  after insert or update or delete or truncate on homeostasis.rules
  for each statement execute function homeostasis.invalidate_rules();
-- Replicated rows must be noticed, too, and their numbers are another server's.
alter table homeostasis.rules enable always trigger announce_rules;
alter table homeostasis.rules enable always trigger invalidate_rules;
alter table homeostasis.rules enable always trigger write_revision;

-- Raises with the name of the rule and of the key at fault.
create function homeostasis.refuse_rule(rule text, key text, problem text, remedy text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception 'rule "%": key "%" %', rule, key, problem
    using errcode = 'HO003', hint = remedy, column = key;
end
$$;

-- Checks what one rule of a pack looks like; what its values mean is checked
-- when it is inserted.
create function homeostasis.check_pack_rule(rule jsonb, place bigint) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  name constant text := coalesce(rule ->> 'id', 'number ' || place);
  types constant jsonb := jsonb_build_object(
    'id', 'string', 'description', 'string', 'root_cause', 'string', 'suggestion', 'string',
    'category', 'string', 'severity', 'string', 'confidence', 'number', 'priority', 'number',
    'language', 'string', 'sqlstates', 'array', 'error_type', 'string', 'schema_name', 'string',
    'table_name', 'string', 'column_name', 'string', 'constraint_name', 'string',
    'datatype_name', 'string', 'service', 'string', 'framework', 'string',
    'platform', 'string', 'pattern', 'string', 'text_pattern', 'string',
    'detail_pattern', 'string', 'context_pattern', 'string', 'statement_pattern', 'string',
    'frame_pattern', 'string', 'template', 'string',
    'tags', 'array', 'examples', 'array', 'counter_examples', 'array', 'enabled', 'boolean');
  field record;
begin
  for field in
    select k.key, types ->> k.key as wanted, jsonb_typeof(k.value) as given, k.value
    from jsonb_each(rule) k
  loop
    if field.wanted is null then
      perform homeostasis.refuse_rule(name, field.key, 'is not a key of a rule',
        'Keys are ' || (select string_agg(t, ', ' order by t) from jsonb_object_keys(types) t) || '.');
    elsif field.given <> field.wanted then
      perform homeostasis.refuse_rule(name, field.key,
        format('must be of type %s, not %s', field.wanted, field.given),
        case when field.wanted = 'string' and field.given = 'array'
          then 'Give one text; where several apply, write a rule for each.'
          else 'Leave the key out where it does not apply.' end);
    elsif field.key in ('sqlstates', 'tags') and exists
        (select from jsonb_array_elements(field.value) e where jsonb_typeof(e) <> 'string') then
      perform homeostasis.refuse_rule(name, field.key, 'must be an array of strings',
        'Write for instance ["23505", "40"].');
    end if;
  end loop;

  for field in
    select k as key
    from unnest(array['id', 'description', 'root_cause', 'suggestion', 'confidence']) k
    where not rule ? k
  loop
    perform homeostasis.refuse_rule(name, field.key, 'is missing',
      'Every rule has id, description, root_cause, suggestion and confidence.');
  end loop;

  if rule ->> 'id' !~ '^[A-Za-z0-9_.:-]{1,128}$' then
    perform homeostasis.refuse_rule(name, 'id', 'is not an identifier',
      'Use at most 128 letters, digits, and the characters _ . : -');
  end if;
  if (rule ->> 'confidence')::numeric not between 0 and 1 then
    perform homeostasis.refuse_rule(name, 'confidence', 'must lie between 0 and 1',
      'Give 0.9 for a cause that is nearly certain.');
  end if;
  if (rule ->> 'priority')::numeric not between -1000000 and 1000000
      or (rule ->> 'priority')::numeric % 1 <> 0 then
    perform homeostasis.refuse_rule(name, 'priority', 'must be an integer within a million of 0',
      'Rules have priority 0 unless they say otherwise.');
  end if;
  if rule ->> 'severity' not in ('low', 'medium', 'high', 'critical') then
    perform homeostasis.refuse_rule(name, 'severity', format('may not be "%s"', rule ->> 'severity'),
      'Severities are low, medium, high and critical.');
  end if;
  for field in
    select k as key, e as value
    from unnest(array['examples', 'counter_examples']) k
    cross join lateral jsonb_array_elements(rule -> k) e
  loop
    if jsonb_typeof(field.value) <> 'object' or not field.value ?| array['sql', 'message', 'text'] then
      perform homeostasis.refuse_rule(name, field.key, 'must be an array of objects with sql, message or text',
        'An example is the SQL that provokes the error, its message as the software words it, or all of the text that the software prints.');
    end if;
  end loop;
end
$$;

-- Checks a pack without its rules.
create function homeostasis.check_pack(pack jsonb) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  field record;
begin
  if pack is null or jsonb_typeof(pack) <> 'object' then
    raise exception 'a rule pack must be a JSON object'
      using errcode = 'HO003',
            hint = 'Give an object with the keys name, description, version and rules.';
  end if;
  for field in
    select k.key, case k.key when 'rules' then 'array' else 'string' end as wanted,
           jsonb_typeof(pack -> k.key) as given, k.known
    from (select unnest(array['name', 'description', 'version', 'rules']) as key, true as known
          union select key, key = 'language' from jsonb_object_keys(pack) key
          where key not in ('name', 'description', 'version', 'rules')) k
  loop
    if not field.known then
      raise exception 'key "%" is not a key of a rule pack', field.key
        using errcode = 'HO003',
              hint = 'Keys are name, description, version, language and rules.';
    elsif field.given is distinct from field.wanted then
      raise exception 'key "%" of the rule pack %', field.key,
          case when field.given is null then 'is missing'
               else format('must be of type %s, not %s', field.wanted, field.given) end
        using errcode = 'HO003',
              hint = 'A pack has the keys name, description, version, rules, and perhaps language.';
    end if;
  end loop;
  for field in
    select r.value, r.ordinality
    from jsonb_array_elements(pack -> 'rules') with ordinality r
  loop
    if jsonb_typeof(field.value) <> 'object' then
      raise exception 'rule number % of the pack must be an object', field.ordinality
        using errcode = 'HO003', hint = 'Each element of rules is an object with a key id.';
    end if;
    perform homeostasis.check_pack_rule(field.value, field.ordinality);
  end loop;
end
$$;

-- What a rule says, without what the table adds.
create function homeostasis.rule_content(rule homeostasis.rules) returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select to_jsonb(rule) - array['updated_at', 'modified', 'disabled_reason', 'revision']
$$;

-- Makes a pack's rules those given; raises an error about the first that cannot
-- be one.
create function homeostasis.replace_pack(pack jsonb, shipped boolean default false)
returns table (rule_id text, action text)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  pack_name constant text := pack ->> 'name';
  wanted homeostasis.rules[];
  clash record;
begin
  -- An update replaces what is shipped and pg_dump leaves it out.
  if replace_pack.shipped
    and not (select r.rolsuper from pg_roles r where r.rolname = session_user) then
    raise exception 'only the extension itself can ship rules'
      using errcode = 'HO008',
            hint = 'Load the pack without shipped => true.';
  end if;
  perform homeostasis.check_pack(pack);

  -- The row type's defaults are not known to jsonb_populate_record().
  select coalesce(array_agg(jsonb_populate_record(null::homeostasis.rules,
           jsonb_build_object('category', 'general', 'severity', 'medium', 'priority', 0,
             'language', pack -> 'language', 'tags', '[]'::jsonb, 'examples', '[]'::jsonb,
             'counter_examples', '[]'::jsonb,
             'enabled', true)
           || r.value
           || jsonb_build_object('pack', pack_name, 'shipped', replace_pack.shipped,
             'modified', false, 'updated_at', now(), 'revision', 0))), '{}')
    into wanted
    from jsonb_array_elements(pack -> 'rules') r;

  select p.name into clash
    from homeostasis.rule_packs p
    where p.name = pack_name and p.shipped <> replace_pack.shipped;
  if found then
    raise exception 'there is a rule pack "%" already, which % with the extension', pack_name,
        case when replace_pack.shipped then 'did not come' else 'came' end
      using errcode = 'HO003', hint = 'Give one of them another name.';
  end if;
  select w.id into clash from unnest(wanted) w group by w.id having count(*) > 1;
  if found then
    perform homeostasis.refuse_rule(clash.id, 'id', 'is used twice in the pack',
      'Give each rule an id of its own.');
  end if;
  select w.id, r.pack into clash
    from unnest(wanted) w
    join homeostasis.rules r on r.id = w.id and r.pack <> pack_name;
  if found then
    perform homeostasis.refuse_rule(clash.id, 'id', format('is used by pack "%s" already', clash.pack),
      'Begin the ids of a pack with the pack''s name.');
  end if;

  insert into homeostasis.rule_packs as p (name, description, version, shipped)
    values (pack_name, pack ->> 'description', pack ->> 'version', replace_pack.shipped)
    on conflict (name) do update
      set description = excluded.description, version = excluded.version, loaded_at = now();

  return query
    select coalesce(w.id, r.id),
           case when r.modified then 'kept'
                when r.id is null then 'inserted'
                when w.id is null then 'removed'
                when homeostasis.rule_content(r) <> homeostasis.rule_content(w) then 'updated'
                else 'unchanged' end
    from unnest(wanted) w
    full join (select * from homeostasis.rules o where o.pack = pack_name) r on r.id = w.id;

  -- Replaced, not updated: an update of a shipped rule counts as an edit.
  delete from homeostasis.rules r
    where r.pack = pack_name and not r.modified
      and not exists (select from unnest(wanted) w
                      where w.id = r.id
                        and homeostasis.rule_content(w) = homeostasis.rule_content(r));
  insert into homeostasis.rules
    select w.* from unnest(wanted) w
    where not exists (select from homeostasis.rules r where r.id = w.id);
end
$$;

create function homeostasis.unload_rules(pack text) returns bigint
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  removed bigint;
begin
  perform from homeostasis.rule_packs p where p.name = unload_rules.pack and p.shipped;
  if found then
    raise exception 'rule pack "%" came with the extension', pack
      using errcode = 'HO003',
            hint = format('Switch its rules off: update homeostasis.rules set enabled = false where pack = %L.', pack);
  end if;
  select count(*) into removed from homeostasis.rules r where r.pack = unload_rules.pack;
  delete from homeostasis.rule_packs p where p.name = unload_rules.pack;
  if not found then
    raise exception 'there is no rule pack "%"', pack
      using errcode = 'HO005',
            hint = 'See homeostasis.rule_packs for the packs that are loaded.';
  end if;
  return removed;
end
$$;

comment on function homeostasis.check_rule() is
  'Trigger of rules: refuses patterns that PCRE2 does not compile, with the offset, SQLSTATEs that are none, and templates that do not exist';
comment on function homeostasis.invalidate_rules() is
  'Trigger of rules: makes every process read the rules again, this one at once, the others when the transaction commits';
comment on function homeostasis.keep_modified() is
  'Trigger of tables with shipped rows: marks a shipped row that is edited';
comment on function homeostasis.restore_modified() is
  'Trigger of tables with shipped rows: an edited row from a dump replaces the shipped one; its argument is the key column';
comment on function homeostasis.touch_rule() is 'Trigger of rules: sets updated_at, clears disabled_reason of a rule that is enabled';
comment on function homeostasis.refuse_rule(text, text, text, text) is
  'Raises the error about a rule of a pack and the key at fault';
comment on function homeostasis.check_pack_rule(jsonb, bigint) is
  'Refuses a rule of a pack that lacks a key, has an unknown one or one of the wrong type';
comment on function homeostasis.check_pack(jsonb) is
  'Refuses a rule pack that lacks a key, has an unknown one or one of the wrong type';
comment on function homeostasis.rule_content(homeostasis.rules) is
  'What the author of a rule wrote; two rules with the same content are the same';
comment on function homeostasis.replace_pack(jsonb, boolean) is
  'Adds, updates and removes rules until the pack''s are those given, all of them or none, and says what became of each; shipped rules that were edited here are kept. Raises an error about the first rule that cannot be one; load_rules() reports all of them. shipped => true is for the extension''s own script, which a superuser runs';
comment on function homeostasis.unload_rules(text) is
  'Removes a rule pack and its rules; returns how many rules';
comment on function homeostasis.write_revision() is
  'Trigger of rules: gives each version of a rule a number of its own';
comment on trigger check_rule on homeostasis.rules is 'See check_rule()';
comment on trigger announce_rules on homeostasis.rules is 'See invalidate_rules()';
comment on trigger invalidate_rules on homeostasis.rules is 'See invalidate_rules()';
comment on trigger keep_modified on homeostasis.rules is 'See keep_modified()';
comment on trigger restore_modified on homeostasis.rules is 'See restore_modified()';
comment on trigger touch_rule on homeostasis.rules is 'See touch_rule()';
comment on trigger write_revision on homeostasis.rules is 'See write_revision()';

grant execute on function homeostasis.replace_pack(jsonb, boolean) to homeostasis_admin;
grant execute on function homeostasis.unload_rules(text) to homeostasis_admin;
