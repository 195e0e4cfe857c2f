-- load.sql: loading rules, with a report of what became of each.

create function homeostasis.rule_files(path text) returns setof text
language c strict volatile
set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'homeo_rule_files';

create function homeostasis.rule_file(path text) returns text
language c strict volatile
set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'homeo_rule_file';

-- Why a rule of a pack cannot be one; null: it can.  It is inserted on trial,
-- so nothing is checked here that is not checked there.
create function homeostasis.rule_refusal(rule jsonb, place bigint) returns text
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  trial constant text := 'trial:' || gen_random_uuid();
  remedy text;
begin
  if jsonb_typeof(rule) <> 'object' then
    return 'it is not an object. Each element of rules is an object with a key id.';
  end if;
  perform homeostasis.check_pack_rule(rule, place);
  insert into homeostasis.rule_packs (name, description, version) values (trial, trial, trial);
  insert into homeostasis.rules
    select t.* from jsonb_populate_record(null::homeostasis.rules,
      '{"category": "general", "severity": "medium", "priority": 0, "tags": [], "examples": [],
        "counter_examples": [], "enabled": false, "shipped": false, "modified": false}'::jsonb
      || rule || jsonb_build_object('id', trial, 'pack', trial, 'updated_at', now(), 'revision', 0)) t;
  raise exception using errcode = 'HOTRY', message = 'on trial';
exception
  when sqlstate 'HOTRY' then
    return null;
  when sqlstate 'HO003' or integrity_constraint_violation or data_exception or program_limit_exceeded then
    get stacked diagnostics remedy = pg_exception_hint;
    return replace(sqlerrm, trial, coalesce(rule ->> 'id', '')) || coalesce('. ' || nullif(remedy, ''), '');
end
$$;

-- For each rule of a pack why it cannot be one, or null.
create function homeostasis.pack_refusals(pack jsonb) returns text[]
language sql
set search_path = pg_catalog, pg_temp
as $$
  select array_agg(coalesce(r.refusal,
      case when r.occurrences > 1
        then format('rule "%s": key "id" is used twice in the pack. Give each rule an id of its own.', r.id) end,
      (select format('rule "%s": key "id" is used by pack "%s" already. Begin the ids of a pack with the pack''s name.',
         o.id, o.pack)
       from homeostasis.rules o where o.id = r.id and o.pack <> pack_refusals.pack ->> 'name'))
    order by r.place)
  from (select r.place, r.rule ->> 'id' as id, homeostasis.rule_refusal(r.rule, r.place) as refusal,
          count(*) over (partition by r.rule -> 'id') as occurrences
        from jsonb_array_elements(pack -> 'rules') with ordinality r (rule, place)) r
$$;

-- A pack as replace_pack() takes it, and what became of each rule.  Nothing is
-- loaded when one of them is refused.
create function homeostasis.load_rules(rules jsonb, pack_name text default null)
returns table (rule_id text, action text, reason text, pack text)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  name constant text := coalesce(pack_name, rules ->> 'name');
  wanted jsonb := rules;
  refusals text[];
begin
  if homeostasis.is_foreign(rules) then
    if name is null then
      raise exception 'key "name" of the rules is missing'
        using errcode = 'HO003', hint = 'Give them a name, in the file or as the second argument.';
    end if;
    wanted := homeostasis.foreign_pack(rules, name);
  elsif jsonb_typeof(rules) = 'object' and pack_name is not null then
    wanted := rules || jsonb_build_object('name', pack_name);
  end if;

  begin
    return query select r.rule_id, r.action, null::text, name from homeostasis.replace_pack(wanted) r;
    return;
  exception
    when sqlstate 'HO003' or integrity_constraint_violation or data_exception or program_limit_exceeded then
      if jsonb_typeof(wanted -> 'rules') = 'array' then
        refusals := homeostasis.pack_refusals(wanted);
      end if;
      -- It is not about rules.
      if array_remove(refusals, null) is not distinct from '{}' or refusals is null then
        raise;
      end if;
  end;
  return query
    select coalesce(r.rule ->> 'id', 'number ' || r.place), 'refused',
      coalesce(refusals[r.place], format('nothing of the pack was loaded, because %s of its rules cannot be: mend those',
        cardinality(array_remove(refusals, null)))), name
    from jsonb_array_elements(wanted -> 'rules') with ordinality r (rule, place)
    order by refusals[r.place] is null, r.place;
end
$$;

-- The name of a pack that a file of foreign rules is: its folder and its own.
create function homeostasis.file_pack_name(path text) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select concat_ws('/', nullif(split_part(path, '/', -2), ''),
    regexp_replace(split_part(path, '/', -1), '\.json$', ''))
$$;

-- A file of the server, or all *.json of a folder: each is loaded as a whole or
-- not at all.  Runs as its caller, who must be allowed to read files.
create function homeostasis.load_rules(file text, pack_name text default null)
returns table (rule_id text, action text, reason text, pack text)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  given text := file;
  path text;
  name text;
  rules jsonb;
  problem text;
  remedy text;
begin
  -- Some editors write a byte order mark before the text.
  if getdatabaseencoding() = 'UTF8' then
    given := ltrim(given, chr(65279));
  end if;
  -- psql gives a string for :'pack', and no path begins like that.
  if given ~ '^\s*[{\[]' then
    return query select * from homeostasis.load_rules(given::jsonb, pack_name);
    return;
  end if;
  for path in select f.path from homeostasis.rule_files(file) f (path) order by f.path collate "C" loop
    name := case when path = file then pack_name
                 when pack_name is not null then pack_name || '/' || homeostasis.file_pack_name(path) end;
    begin
      rules := homeostasis.rule_file(path);
      if name is null and homeostasis.is_foreign(rules) then
        name := homeostasis.file_pack_name(path);
      end if;
      return query select * from homeostasis.load_rules(rules, name);
    exception
      when sqlstate 'HO003' or data_exception or program_limit_exceeded then
        get stacked diagnostics remedy = pg_exception_hint, problem = pg_exception_detail;
        return query select null::text, 'refused',
          concat_ws('. ', format('file "%s": %s', path, sqlerrm), rtrim(nullif(problem, ''), '.'),
            coalesce(nullif(remedy, ''), 'Give a file with JSON in UTF-8.')),
          coalesce(name, homeostasis.file_pack_name(path));
    end;
  end loop;
end
$$;

comment on function homeostasis.rule_files(text) is
  'The file of that path, or all *.json of the folder and those in it; for roles with the privileges of pg_read_server_files';
comment on function homeostasis.rule_file(text) is
  'What is in a file of rules, UTF-8; for roles with the privileges of pg_read_server_files';
comment on function homeostasis.rule_refusal(jsonb, bigint) is
  'Why a rule of a pack is refused, with the key at fault and the remedy; null: it is not';
comment on function homeostasis.pack_refusals(jsonb) is
  'For each rule of a pack why it is refused, or null';
comment on function homeostasis.file_pack_name(text) is
  'The name of the pack that a file of foreign rules becomes: its folder and its own without the ending';
comment on function homeostasis.load_rules(jsonb, text) is
  'Loads a rule pack, or rules as other collections write them, all of it or nothing, under its own name or the one given, and says what became of each rule: inserted, updated, unchanged, removed, kept because it was edited here, or refused, and why. The same rules again change nothing';
comment on function homeostasis.load_rules(text, text) is
  'Loads a file of the server, or each *.json of a folder, as load_rules(jsonb) does; for roles with the privileges of pg_read_server_files. A file of foreign rules becomes a pack with the name of its folder and its own; the name given goes before these, or is that of the one file. A text that begins with a brace is not a path but the rules themselves';

grant execute on function homeostasis.load_rules(jsonb, text), homeostasis.load_rules(text, text),
  homeostasis.rule_files(text), homeostasis.rule_file(text), homeostasis.is_foreign(jsonb),
  homeostasis.file_pack_name(text)
  to homeostasis_admin;
