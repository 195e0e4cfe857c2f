-- policy.sql: what may happen without a person, and why.

create function homeostasis.setting(name text) returns text
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  -- Without the library any user could set a parameter of that name.  Who
  -- may read what modes and limits decide need not be able to see this one.
  if current_setting('shared_preload_libraries') !~ '(^|[/", ])homeostasis(\.so)?([", ]|$)' then
    raise exception 'the settings of homeostasis are not there'
      using errcode = 'object_not_in_prerequisite_state',
            hint = 'Add homeostasis to shared_preload_libraries and restart the server.';
  end if;
  return current_setting('homeostasis.' || name);
end
$$;

comment on function homeostasis.setting(text) is
  'A setting of homeostasis, by its name without the prefix, as SHOW prints it';

create function homeostasis.service_mode(service_id bigint) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce((select s.mode from homeostasis.services s where s.id = service_id),
                  homeostasis.setting('mode'))
$$;

comment on function homeostasis.service_mode(bigint) is
  'observe, suggest or auto: the service''s own mode, else the setting homeostasis.mode';

create function homeostasis.lock_rank(mode text) returns integer
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(array_position(array['AccessShareLock', 'RowShareLock', 'RowExclusiveLock',
    'ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock',
    'AccessExclusiveLock'], mode), case when mode is null then 0 else 9 end)
$$;

comment on function homeostasis.lock_rank(text) is
  'Strength of a table lock by its name in pg_locks: 1 to 8; 0 for none, 9 for a name that is not known';

create function homeostasis.policy_for(service_id bigint, class text)
returns homeostasis.policies
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select p
  from homeostasis.policies p
  where p.enabled
    and (p.service_id is null or p.service_id = policy_for.service_id)
    and (p.classes is null or class = any (p.classes))
  order by p.priority desc, p.service_id nulls last, p.name
  limit 1
$$;

comment on function homeostasis.policy_for(bigint, text) is
  'The policy that covers a class of patches of a service, or null';

create function homeostasis.policy_approvals(service_id bigint, object text) returns bigint
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select count(*)
  from homeostasis.approvals a
  join homeostasis.patches p on p.service_id = a.service_id and p.id = a.patch_id
  where a.policy is not null and a.decision = 'approved'
    and a.decided_at > now() - interval '1 hour'
    and (policy_approvals.object is null
         or p.object = policy_approvals.object and p.service_id = policy_approvals.service_id)
$$;

comment on function homeostasis.policy_approvals(bigint, text) is
  'How many patches policies approved within the last hour, for one object of a service or (object null) in all';

create function homeostasis.trust_checks(patch homeostasis.patches, policy homeostasis.policies)
returns table (holds boolean, fact text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select c.holds, c.fact
  from (select v.* from homeostasis.validations v
        where v.service_id = patch.service_id and v.patch_id = patch.id
        order by v.id desc limit 1) v
  right join (values (true)) one on true
  left join homeostasis.analysis a
    on a.service_id = patch.service_id and a.id = patch.analysis_id
  left join homeostasis.errors e
    on e.service_id = a.service_id and e.event_id = a.error_id
      and e."timestamp" = a.error_timestamp
  -- What was learned since can only make it less.
  cross join lateral (select least(a.confidence_score,
    case a.source when 'rule' then homeostasis.rule_confidence(a.rule_id) end) as confidence) sure
  cross join lateral (values
    (coalesce(v.status = 'passed' and v.strength = 'reproduced', false),
     case when v.id is null then 'it was not validated'
          when v.strength = 'reproduced' then 'the failure was reproduced and the change mends it'
          else 'the failure was not reproduced' end),
    (coalesce(e.genuine, false),
     case when e.origin is null then 'the error it is for is not stored any more'
          when e.origin = 'checkup' then 'a checkup found it'
          when e.genuine then 'the server itself raised the error'
          when e.origin = 'server_log'
            then 'a function, an extension or another server raised the error, not the server itself'
          else 'the error was reported, not raised by the server' end),
    (policy.allow_superuser
       or coalesce((select not r.rolsuper from pg_roles r where r.rolname = patch.run_as), false),
     format('it runs as %s', coalesce(patch.run_as, 'nobody')
       || case when (select r.rolsuper from pg_roles r where r.rolname = patch.run_as)
               then ', a superuser' else '' end)),
    (patch.undo_sql is not null or patch.reversible is not distinct from 'unneeded'
       or not policy.require_reversible,
     case when patch.undo_sql is not null then 'it can be undone'
          when patch.reversible = 'unneeded' then 'it need not be undone: to leave it does no harm'
          else 'it cannot be undone' end),
    (coalesce(sure.confidence >= policy.min_confidence, false),
     format('the confidence of the diagnosis is %s, the policy wants %s',
            sure.confidence, policy.min_confidence)),
    (homeostasis.lock_rank(v.strongest_lock) <= homeostasis.lock_rank(policy.max_lock),
     format('its strongest lock is %s, the policy allows %s',
            coalesce(v.strongest_lock, 'none'), policy.max_lock)),
    (coalesce(v.table_bytes, 0) <= policy.max_table_bytes,
     format('the relation has %s, the policy allows %s',
            pg_size_pretty(coalesce(v.table_bytes, 0)), pg_size_pretty(policy.max_table_bytes)))
  ) c (holds, fact)
$$;

comment on function homeostasis.trust_checks(homeostasis.patches, homeostasis.policies) is
  'What a policy looks at before it approves a patch: each fact, and whether it is within the limits';

create function homeostasis.rate_checks(patch homeostasis.patches)
returns table (holds boolean, fact text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select r.done < r.allowed,
         format('policies approved %s of %s patches an hour %s', r.done, r.allowed, r.what)
  from (values
    (homeostasis.policy_approvals(null, null),
     homeostasis.setting('max_healings_per_hour')::bigint, 'in all'),
    (homeostasis.policy_approvals(patch.service_id, patch.object),
     homeostasis.setting('max_healings_per_object_per_hour')::bigint,
     'for ' || patch.object)
  ) r (done, allowed, what)
$$;

comment on function homeostasis.rate_checks(homeostasis.patches) is
  'Whether the hourly limits leave room to approve a patch without a person';

create function homeostasis.decide(patch_id bigint)
returns table (decision text, policy text, reasons text[])
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  patch homeostasis.patches;
  covering homeostasis.policies;
  mode text;
  facts text[];
  obstacles text[];
begin
  select p.* into patch from homeostasis.patches p where p.id = patch_id;
  if not found then
    raise exception 'there is no patch %', patch_id
      using errcode = 'HO005', hint = 'The patches are in homeostasis.patches.';
  end if;
  mode := homeostasis.service_mode(patch.service_id);
  covering := homeostasis.policy_for(patch.service_id, patch.class);
  policy := covering.name;
  if covering.name is null then
    decision := 'ask';
    reasons := array[format('no policy covers class "%s"', patch.class)];
  elsif covering.decision <> 'approve' then
    decision := covering.decision;
    reasons := array[format(case decision
      when 'ask' then 'policy "%s" leaves class "%s" to a person'
      else 'policy "%s" refuses class "%s"' end, covering.name, patch.class)];
  else
    select array_agg(c.fact), array_agg(c.fact) filter (where not c.holds)
      into facts, obstacles
      from (values (mode = 'auto', format('the mode is "%s"', mode))
            union all
            select * from homeostasis.trust_checks(patch, covering)
            union all
            select * from homeostasis.rate_checks(patch)) c (holds, fact);
    decision := case when obstacles is null then 'approve' else 'ask' end;
    reasons := coalesce(obstacles, facts);
  end if;
  return next;
end
$$;

comment on function homeostasis.decide(bigint) is
  'What becomes of a patch without a person: approve, ask or refuse; the policy that says so; and its reasons';
grant execute on function homeostasis.decide(bigint) to homeostasis_reader;

-- See keep_modified() for what is done with edited policies that were shipped.
create trigger keep_modified before update on homeostasis.policies
  for each row when (old.shipped and old is distinct from new and old.modified = new.modified)
  execute function homeostasis.keep_modified();
create trigger restore_modified before insert on homeostasis.policies
  for each row when (new.modified and new.shipped)
  execute function homeostasis.restore_modified('name');
