-- template.sql: how patch templates get into their table.
--
-- A template is a file of SQL: a header of comments "-- key: value", then one
-- query that plans the patch.  docs/templates.md says what the query is given
-- and what it returns.

create function homeostasis.check_plan(plan text) returns text
language c immutable strict
as 'MODULE_PATHNAME', 'homeo_check_plan';

create function homeostasis.check_template() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  problem text;
begin
  begin
    problem := homeostasis.check_plan(new.plan);
  exception when syntax_error then
    problem := sqlerrm;
  end;
  if problem is not null then
    raise exception 'patch template "%" has an invalid plan: %', new.name, problem
      using errcode = 'HO003', column = 'plan',
            hint = 'A plan is one query over $1 and $2 that reads catalogs and changes nothing.';
  end if;
  return new;
end
$$;

create trigger check_template before insert or update on homeostasis.patch_templates
  for each row execute function homeostasis.check_template();
create trigger keep_modified before update on homeostasis.patch_templates
  for each row when (old.shipped and old is distinct from new and old.modified = new.modified)
  execute function homeostasis.keep_modified();
create trigger restore_modified before insert on homeostasis.patch_templates
  for each row when (new.modified and new.shipped)
  execute function homeostasis.restore_modified('name');

-- The header of a template as an object; raises with the key at fault.
create function homeostasis.template_header(name text, body text) returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  header jsonb := '{}';
  line text;
  pair text[];
  problem text;
begin
  foreach line in array string_to_array(replace(coalesce(body, ''), e'\r\n', e'\n'), e'\n') loop
    pair := regexp_match(line, '^-- ([a-z_]+): *(.*?) *$');
    exit when pair is null;
    problem := case
      when pair[1] not in ('description', 'class', 'reversible', 'effect', 'explain')
        then 'is not a key of the header'
      when header ? pair[1] then 'is given twice'
      when pair[2] = '' then 'is empty'
      when pair[1] = 'reversible' and pair[2] not in ('yes', 'no', 'unneeded')
        then format('must be yes, no or unneeded, not "%s"', pair[2])
      when pair[1] = 'effect' and pair[2] not in ('at once', 'new sessions')
        then format('must be "at once" or "new sessions", not "%s"', pair[2])
      when pair[1] = 'explain' and pair[2] not in ('yes', 'no')
        then format('must be yes or no, not "%s"', pair[2])
      when pair[1] = 'class' and pair[2] not in
          ('data', 'privilege', 'index', 'schema', 'rewrite', 'maintenance', 'session')
        then format('may not be "%s"', pair[2])
    end;
    exit when problem is not null;
    header := header || jsonb_build_object(pair[1], pair[2]);
  end loop;
  if problem is null and not header ?& array['description', 'class', 'reversible'] then
    pair := array(select k from unnest(array['description', 'class', 'reversible']) k
                  where not header ? k limit 1);
    problem := 'is missing';
  end if;
  if problem is not null then
    raise exception 'patch template "%": key "%" %', name, pair[1], problem
      using errcode = 'HO003',
            hint = 'The first lines are "-- description: ...", "-- class: data|privilege|index|schema|rewrite|maintenance|session", "-- reversible: yes|no|unneeded" and perhaps "-- effect: at once|new sessions" and "-- explain: yes|no".';
  end if;
  return header;
end
$$;

create function homeostasis.load_template(name text, body text, shipped boolean default false)
returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  header constant jsonb := homeostasis.template_header(name, body);
  old homeostasis.patch_templates;
begin
  if name !~ '^[a-z][a-z0-9_]*$' then
    raise exception 'patch template "%" has an invalid name', name
      using errcode = 'HO003',
            hint = 'Use small letters, digits and underscores, beginning with a letter.';
  end if;
  select * into old from homeostasis.patch_templates t where t.name = load_template.name;
  if found and old.shipped and not load_template.shipped then
    raise exception 'patch template "%" came with the extension', name
      using errcode = 'HO003',
            hint = 'Load yours under another name, or update the row in homeostasis.patch_templates: an edited template is kept.';
  end if;
  -- An update of the extension leaves alone what was edited here.
  if found and old.modified then
    return;
  end if;
  insert into homeostasis.patch_templates as t
      (name, description, class, reversible, effect, explain, plan, shipped)
    values (load_template.name, header ->> 'description', header ->> 'class',
      header ->> 'reversible', coalesce(header ->> 'effect', 'at once'),
      coalesce(header ->> 'explain' = 'yes', false), body, load_template.shipped)
    on conflict on constraint patch_templates_pkey do update
      set description = excluded.description, class = excluded.class,
          reversible = excluded.reversible, effect = excluded.effect,
          explain = excluded.explain, plan = excluded.plan, shipped = excluded.shipped, modified = true;
  -- What says itself whether the row is modified is believed; this was no edit.
  update homeostasis.patch_templates t set modified = false
    where t.name = load_template.name and t.modified;
end
$$;

comment on function homeostasis.check_plan(text) is
  'Says what is wrong with the plan of a patch template, or null; it is parsed, not run';
comment on function homeostasis.check_template() is
  'Trigger of patch_templates: refuses a plan that is not one query';
comment on function homeostasis.template_header(text, text) is
  'The keys and values that a patch template begins with';
comment on function homeostasis.load_template(text, text, boolean) is
  'Loads a patch template from the text of its file, or replaces it. Only the extension passes shipped => true';
comment on trigger check_template on homeostasis.patch_templates is 'See check_template()';
comment on trigger keep_modified on homeostasis.patch_templates is 'See keep_modified()';
comment on trigger restore_modified on homeostasis.patch_templates is 'See restore_modified()';

grant execute on function homeostasis.load_template(text, text, boolean) to homeostasis_admin;
