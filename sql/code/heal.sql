-- heal.sql: from a diagnosis to a proposed patch.

create function homeostasis.best_analysis(service_id bigint, issue_id bigint, template text)
returns homeostasis.analysis
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select a
  from homeostasis.analysis a
  where a.service_id = best_analysis.service_id and a.issue_id = best_analysis.issue_id
    -- What a source said before it said something else does not hold any more.
    and (a.template = best_analysis.template
      or not exists (select from homeostasis.analysis later
        where later.service_id = a.service_id and later.issue_id = a.issue_id
          and later.source = a.source
          and (later.created_at, later.id) > (a.created_at, a.id)))
  order by (a.template = best_analysis.template) is true desc,
           (a.template is not null) desc, a.created_at desc, a.id desc
  limit 1
$$;

comment on function homeostasis.best_analysis(bigint, bigint, text) is
  'The diagnosis to heal an issue by: the last that names the template wanted; else, of the last one of each source, one that names a template, the last of them; or null';

create function homeostasis.rule_is_on(analysis homeostasis.analysis) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select analysis.source <> 'rule'
    or exists (select from homeostasis.rules r where r.id = analysis.rule_id and r.enabled)
$$;

comment on function homeostasis.rule_is_on(homeostasis.analysis) is
  'Whether the rule that a diagnosis comes from is there and enabled; true if no rule made it';

create function homeostasis.check_healable(issue homeostasis.issues) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  service homeostasis.services;
  active homeostasis.patches;
begin
  select p.* into active from homeostasis.patches p
    where p.service_id = issue.service_id and p.issue_id = issue.id
      and homeostasis.is_active_patch(p.status);
  if found then
    raise exception 'patch % works on issue % already: it is "%"',
        active.id, issue.id, active.status
      using errcode = 'HO006',
            hint = 'Wait for it, reject it or roll it back.';
  end if;
  if issue.status not in ('open', 'regressed') then
    raise exception 'issue % cannot be healed: it is "%"', issue.id, issue.status
      using errcode = 'HO002',
            hint = 'Only an issue that is "open" or "regressed" can be healed.';
  end if;
  select s.* into service from homeostasis.services s where s.id = issue.service_id;
  if service.database_name is null then
    raise exception 'issue % cannot be healed: service "%" is not a database',
        issue.id, service.name
      using errcode = 'HO006',
            hint = 'SQL patches heal databases; follow the advice in homeostasis.analysis.';
  end if;
end
$$;

comment on function homeostasis.check_healable(homeostasis.issues) is
  'Raises an error that says why an issue cannot be healed, if it cannot';

create function homeostasis.choose_template(issue homeostasis.issues,
  analysis homeostasis.analysis, wanted text)
returns homeostasis.patch_templates
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  chosen homeostasis.patch_templates;
begin
  if analysis.id is null then
    raise exception 'issue % has no diagnosis', issue.id
      using errcode = 'HO006',
            hint = 'Write a rule for it: homeostasis.explain_match() shows what each rule lacks.';
  end if;
  if coalesce(wanted, analysis.template) is null then
    raise exception 'the diagnosis of issue % comes with advice, not with a patch', issue.id
      using errcode = 'HO006',
            detail = analysis.root_cause, hint = analysis.suggestion;
  end if;
  select t.* into chosen from homeostasis.patch_templates t
    where t.name = coalesce(wanted, analysis.template);
  if not found then
    raise exception 'there is no template "%"', coalesce(wanted, analysis.template)
      using errcode = 'HO005',
            hint = 'The templates are in homeostasis.patch_templates.';
  end if;
  return chosen;
end
$$;

comment on function homeostasis.choose_template(homeostasis.issues, homeostasis.analysis, text) is
  'The template that turns a diagnosis into SQL, or an error that says what is missing';

create function homeostasis.analysed_event(service_id bigint, analysis_id bigint) returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object(
    'event', homeostasis.event_of(e.service_id, e.event_id, e."timestamp"),
    'origin', e.origin, 'genuine', e.genuine, 'session_role', e.session_role_name, 'truncated', e.truncated)
  from homeostasis.analysis a
  join homeostasis.errors e
    on e.service_id = a.service_id and e.event_id = a.error_id and e."timestamp" = a.error_timestamp
  where a.service_id = analysed_event.service_id and a.id = analysis_id
$$;

comment on function homeostasis.analysed_event(bigint, bigint) is
  'The error that a diagnosis is about, as jobs get it: event, origin, whether it is genuine, who had logged in, truncated columns; null when retention removed it';

create function homeostasis.begin_healing(issue_id bigint, template text, automatic boolean)
returns bigint
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  issue constant homeostasis.issues := homeostasis.lock_issue(issue_id);
  analysis homeostasis.analysis;
  chosen homeostasis.patch_templates;
  event jsonb;
  patch homeostasis.patches;
begin
  perform homeostasis.check_healable(issue);
  analysis := homeostasis.best_analysis(issue.service_id, issue.id, template);
  chosen := homeostasis.choose_template(issue, analysis, template);
  event := homeostasis.analysed_event(issue.service_id, analysis.id);
  if event is null then
    raise exception 'the error that issue % was diagnosed by is not stored any more', issue.id
      using errcode = 'HO006',
            hint = 'Retention removed it; the next occurrence can be healed.';
  end if;
  insert into homeostasis.patches (service_id, issue_id, analysis_id, kind, template, class,
                                   reversible, effect, database_name, created_by, automatic)
    select issue.service_id, issue.id, analysis.id, 'sql', chosen.name, chosen.class,
           chosen.reversible, chosen.effect, s.database_name, homeostasis.actor(), begin_healing.automatic
      from homeostasis.services s where s.id = issue.service_id
    returning * into patch;
  perform homeostasis.enqueue_job(patch, 'plan', event || jsonb_build_object(
    'captures', analysis.captures,
    'template', jsonb_build_object('name', chosen.name, 'plan', chosen.plan,
                                   'explain', chosen.explain)));
  perform homeostasis.move_issue(issue.id, 'healing');
  return patch.id;
end
$$;

comment on function homeostasis.begin_healing(bigint, text, boolean) is
  'Begins a patch for an issue and asks the operator to plan it; returns the patch''s id';

create function homeostasis.heal(issue_id bigint, template text default null) returns bigint
language sql security definer
set search_path = pg_catalog, pg_temp
as $$
  select homeostasis.begin_healing(issue_id, template, false)
$$;

comment on function homeostasis.heal(bigint, text) is
  'Begins to heal an issue by the template its diagnosis names, or another; returns the id of the patch that is being planned';
grant execute on function homeostasis.heal(bigint, text) to homeostasis_operator;

-- The plan's answer ---------------------------------------------------------

create function homeostasis.is_statement_list(value jsonb) returns boolean
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(jsonb_typeof(value) = 'array' and jsonb_array_length(value) > 0
    and not jsonb_path_exists(value, '$[*] ? (@.type() != "string" || @ like_regex "^\\s*$")'),
    false)
$$;

comment on function homeostasis.is_statement_list(jsonb) is
  'Whether a value is an array of statements: strings, at least one, none of them blank';

create function homeostasis.plan_problem(plan jsonb) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when jsonb_typeof(plan) is distinct from 'object' then 'there is no plan'
    when not homeostasis.is_statement_list(plan -> 'apply')
      then 'apply is not an array of statements'
    when coalesce(plan -> 'undo', 'null') <> 'null'
      and not homeostasis.is_statement_list(plan -> 'undo')
      then 'undo is not an array of statements'
    when coalesce(plan ->> 'run_as', '') = '' then 'run_as names no role'
    when coalesce(jsonb_typeof(plan -> 'transactional'), 'null') not in ('boolean', 'null')
      then 'transactional is not true or false'
  end
$$;

comment on function homeostasis.plan_problem(jsonb) is
  'What is wrong with a plan that a template made, or null';

create function homeostasis.statements_of(value jsonb) returns text[]
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select array_agg(s.value order by s.ordinality)
  from jsonb_array_elements_text(nullif(value, 'null')) with ordinality s
$$;

comment on function homeostasis.statements_of(jsonb) is
  'The statements of a JSON array, in order; null for null';

create function homeostasis.propose(patch homeostasis.patches, plan jsonb) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  policy constant homeostasis.policies :=
    homeostasis.policy_for(patch.service_id, patch.class);
begin
  if policy.decision = 'refuse' then
    perform homeostasis.move_patch(patch, 'refused',
      format('policy "%s" refuses class "%s"', policy.name, patch.class));
    return;
  end if;
  update homeostasis.patches p
    set apply_sql = homeostasis.statements_of(plan -> 'apply'),
        undo_sql = homeostasis.statements_of(plan -> 'undo'),
        run_as = coalesce(policy.run_as, (plan ->> 'run_as')::name),
        object = coalesce(plan ->> 'object', format('issue %s', patch.issue_id)),
        transactional = coalesce((plan ->> 'transactional')::boolean, true),
        explanation = plan ->> 'explanation',
        plan_evidence = nullif(plan -> 'evidence', 'null')
    where p.service_id = patch.service_id and p.id = patch.id;
  perform homeostasis.move_patch(patch, 'proposed');
end
$$;

comment on function homeostasis.propose(homeostasis.patches, jsonb) is
  'Takes a plan into its patch, which is proposed with it, or refused by a policy';

create function homeostasis.conclude_plan(job homeostasis.jobs, result jsonb) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  patch constant homeostasis.patches := homeostasis.lock_patch(job.patch_id);
  problem text;
begin
  if not coalesce((result ->> 'ok')::boolean, false) then
    if result ->> 'refusal' is not null then
      perform homeostasis.move_patch(patch, 'refused', result ->> 'refusal');
    else
      perform homeostasis.move_patch(patch, 'failed',
        'it could not be planned: ' || homeostasis.job_problem(job, result));
    end if;
    return;
  end if;
  problem := homeostasis.plan_problem(result -> 'plan');
  if problem is not null then
    perform homeostasis.move_patch(patch, 'failed',
      format('template "%s" made a plan that cannot be used: %s', patch.template, problem));
  else
    perform homeostasis.propose(patch, result -> 'plan');
  end if;
end
$$;

comment on function homeostasis.conclude_plan(homeostasis.jobs, jsonb) is
  'A change was planned: its patch is proposed. It was not: refused, with the template''s reason, or failed';
