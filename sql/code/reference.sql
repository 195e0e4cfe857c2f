-- reference.sql: references between tables of configuration.
--
-- Triggers, and not foreign keys: pg_restore --jobs fills these tables in any
-- order, and what an extension's foreign keys would need first it does not
-- know.  So nothing is checked while a dump is restored; it was in order when
-- it was made.

create function homeostasis.require_referenced() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  content constant jsonb := to_jsonb(new);
  value constant text := content ->> tg_argv[0];
  known bigint;
begin
  if value is null or homeostasis.is_restoring() then
    return null;
  end if;
  -- Locked, as by a foreign key, so that it stays until this commits.
  execute format('select from homeostasis.%I where %I = %L for key share', tg_argv[1], tg_argv[2], value);
  get diagnostics known = row_count;
  if known = 0 then
    raise exception '% "%" has a % that is not in homeostasis.%: "%"', tg_table_name,
        coalesce(content ->> 'id', content ->> 'name'), tg_argv[0], tg_argv[1], value
      using errcode = 'HO003', column = tg_argv[0],
            hint = format('Insert that into homeostasis.%s first, or name one that is there.', tg_argv[1]);
  end if;
  return null;
end
$$;

create function homeostasis.follow_referenced() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op = 'DELETE' then
    execute format('delete from homeostasis.%I where %I = %L', tg_argv[0], tg_argv[1], to_jsonb(old) ->> tg_argv[2]);
  else
    execute format('update homeostasis.%1$I set %2$I = %3$L where %2$I = %4$L', tg_argv[0], tg_argv[1],
      to_jsonb(new) ->> tg_argv[2], to_jsonb(old) ->> tg_argv[2]);
  end if;
  return null;
end
$$;

create function homeostasis.keep_referenced() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  value constant text := to_jsonb(old) ->> tg_argv[2];
  users bigint;
begin
  execute format('select from homeostasis.%I where %I = %L', tg_argv[0], tg_argv[1], value);
  get diagnostics users = row_count;
  if users > 0 then
    raise exception '"%" cannot be deleted from %: % rows of homeostasis.% name it', value, tg_table_name,
        users, tg_argv[0]
      using errcode = 'HO003',
            hint = format('Delete those first, or change their %s.', tg_argv[1]);
  end if;
  return null;
end
$$;

create trigger require_pack after insert or update of pack on homeostasis.rules
  for each row execute function homeostasis.require_referenced('pack', 'rule_packs', 'name');
create trigger require_template after insert or update of template on homeostasis.rules
  for each row execute function homeostasis.require_referenced('template', 'patch_templates', 'name');
create trigger require_service after insert or update of service_id on homeostasis.policies
  for each row execute function homeostasis.require_referenced('service_id', 'services', 'id');
create trigger follow_pack after delete or update of name on homeostasis.rule_packs
  for each row execute function homeostasis.follow_referenced('rules', 'pack', 'name');
create trigger follow_template after update of name on homeostasis.patch_templates
  for each row execute function homeostasis.follow_referenced('rules', 'template', 'name');
create trigger keep_template after delete on homeostasis.patch_templates
  for each row execute function homeostasis.keep_referenced('rules', 'template', 'name');
create trigger follow_service after delete on homeostasis.services
  for each row execute function homeostasis.follow_referenced('policies', 'service_id', 'id');

comment on function homeostasis.require_referenced() is
  'Trigger: refuses a row that names what does not exist; arguments: its column, the other table, and the key there';
comment on function homeostasis.follow_referenced() is
  'Trigger: what refers to a row goes with it, or follows its new key; arguments: the other table, its column, and the key here';
comment on function homeostasis.keep_referenced() is
  'Trigger: refuses to delete what another table refers to; arguments: that table, its column, and the key here';
