-- views.sql: what people look at.

create function homeostasis.patch_step(patch homeostasis.patches,
  deployment homeostasis.deployments)
returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select case patch.status
    when 'planning' then format('patch %s is being planned', patch.id)
    when 'proposed' then
      case when patch.automatic and homeostasis.service_mode(patch.service_id) = 'observe'
        then 'nothing more is done in mode observe'
        else format('patch %s will be tried in a dry run', patch.id) end
    when 'validating' then format('patch %s is being tried in a dry run', patch.id)
    when 'validated' then
      format('waiting for approval: select homeostasis.approve(%s)', patch.id)
    when 'approved' then
      case when homeostasis.service_mode(patch.service_id) = 'observe'
        then format('waiting for deployment: select homeostasis.deploy(%s)', patch.id)
        else format('patch %s will be applied', patch.id) end
    when 'deploying' then format('patch %s is being applied', patch.id)
    when 'deployed' then format('patch %s is watched until %s, errors since the change: %s', patch.id,
      to_char(deployment.observe_until, 'HH24:MI:SS'), deployment.recurrences)
    when 'rolling_back' then format('patch %s is being undone', patch.id)
  end
$$;

comment on function homeostasis.patch_step(homeostasis.patches, homeostasis.deployments) is
  'What happens next to a patch that works on its issue, in words; null: nothing';
grant execute on function homeostasis.patch_step(homeostasis.patches, homeostasis.deployments)
  to homeostasis_reader;

create function homeostasis.open_step(issue homeostasis.issues, analysis homeostasis.analysis,
  patch homeostasis.patches)
returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when analysis.id is null then
      'no rule knows this error: write one, homeostasis.explain_match() helps'
    when analysis.template is null or s.database_name is null then
      'advice: ' || analysis.suggestion
    when not exists (select from homeostasis.patch_templates t where t.name = analysis.template) then
      format('the diagnosis names template "%s", which is not there', analysis.template)
    when homeostasis.was_tried(analysis) then
      format('patch %s is %s (%s); to try again: select homeostasis.heal(%s)',
             patch.id, replace(patch.status, '_', ' '), patch.status_reason, issue.id)
    when not homeostasis.rule_is_on(analysis) then
      format('rule "%s", which diagnosed it, is off or gone; to heal it all the same: select homeostasis.heal(%s)',
             analysis.rule_id, issue.id)
    when homeostasis.service_mode(issue.service_id) = 'observe' then
      format('to heal it: select homeostasis.heal(%s)', issue.id)
    when not homeostasis.may_start_healing() then
      format('waits for the limit of healings an hour; at once: select homeostasis.heal(%s)', issue.id)
    else 'a patch will be planned'
  end
  from homeostasis.services s
  where s.id = issue.service_id
$$;

comment on function homeostasis.open_step(homeostasis.issues, homeostasis.analysis, homeostasis.patches) is
  'What happens next to an issue that nothing works on, in words';
grant execute
  on function homeostasis.open_step(homeostasis.issues, homeostasis.analysis, homeostasis.patches)
  to homeostasis_reader;

create function homeostasis.next_step(issue homeostasis.issues, analysis homeostasis.analysis,
  patch homeostasis.patches, deployment homeostasis.deployments)
returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when issue.status = 'resolved' then 'nothing: it was resolved'
    when issue.status = 'muted' then
      coalesce('nothing: it is muted until ' || to_char(issue.muted_until, 'YYYY-MM-DD HH24:MI'),
               'nothing: it is muted')
    when homeostasis.is_active_patch(patch.status) then
      homeostasis.patch_step(patch, deployment)
    when issue.status = 'healed' then 'nothing: it is healed'
    else homeostasis.open_step(issue, analysis, patch)
  end
$$;

comment on function homeostasis.next_step(homeostasis.issues, homeostasis.analysis,
  homeostasis.patches, homeostasis.deployments) is
  'What happens next to an issue, or what a person can do, in words';
grant execute on function homeostasis.next_step(homeostasis.issues, homeostasis.analysis,
  homeostasis.patches, homeostasis.deployments) to homeostasis_reader;

-- The functions that the three above and the views call as their caller.
grant execute on function
    homeostasis.best_analysis(bigint, bigint, text), homeostasis.is_active_patch(text),
    homeostasis.patch_successors(text), homeostasis.was_tried(homeostasis.analysis),
    homeostasis.rule_is_on(homeostasis.analysis),
    homeostasis.service_mode(bigint), homeostasis.setting(text), homeostasis.may_start_healing(),
    homeostasis.latest_deployment(homeostasis.patches)
  to homeostasis_reader;

create view homeostasis.overview as
select i.id as issue, s.name as service, i.status, i.title, i.error_count, i.first_seen,
       i.last_seen, homeostasis.spike_words(i.service_id, i.id) as spike,
       homeostasis.counted_words(i) as flood, a.rule_id as rule, a.root_cause as cause, p.id as patch,
       p.status as patch_status, homeostasis.next_step(i, a, p, d) as next_step
from homeostasis.issues i
join homeostasis.services s on s.id = i.service_id
left join lateral homeostasis.best_analysis(i.service_id, i.id, null) a on true
left join lateral (
  select p.* from homeostasis.patches p
  where p.service_id = i.service_id and p.issue_id = i.id order by p.id desc limit 1) p on true
left join lateral homeostasis.latest_deployment(p) d on true
order by i.last_seen desc;

comment on view homeostasis.overview is
  'Every issue, what it is caused by, how far its healing is, and what happens next; the latest first';
comment on column homeostasis.overview.spike is
  'Whether it occurs far more often than it used to, in words; see spikes';
comment on column homeostasis.overview.flood is
  'How much of error_count was counted without being stored whole, and why, in words';

create view homeostasis.pending_approvals as
select p.id as patch, p.issue_id as issue, s.name as service, i.title, p.database_name as database,
       p.class, p.object, p.run_as, p.explanation, p.apply_sql, p.undo_sql,
       v.strength, p.status_reason as evidence, v.strongest_lock, v.duration_ms,
       v.rows_touched, v.table_bytes, a.rule_id as rule, a.confidence_score as confidence,
       e.origin, d.policy, d.reasons, p.updated_at as waiting_since
from homeostasis.patches p
join homeostasis.services s on s.id = p.service_id
join homeostasis.issues i on i.service_id = p.service_id and i.id = p.issue_id
join homeostasis.analysis a on a.service_id = p.service_id and a.id = p.analysis_id
left join homeostasis.errors e
  on e.service_id = a.service_id and e.event_id = a.error_id and e."timestamp" = a.error_timestamp
left join lateral (
  select v.* from homeostasis.validations v
  where v.service_id = p.service_id and v.patch_id = p.id order by v.id desc limit 1) v on true
cross join lateral homeostasis.decide(p.id) d
where p.status = 'validated'
order by p.updated_at;

comment on view homeostasis.pending_approvals is
  'Patches that wait for a person: what they do, what the dry run showed, and why no policy approved them. select homeostasis.approve(patch) or reject(patch, reason)';

create view homeostasis.healing_history as
select p.id as patch, p.issue_id as issue, s.name as service, i.title, a.rule_id as rule,
       p.template, p.class, p.object, p.status, p.status_reason, p.created_by, p.automatic,
       decided.decided_by, decided.reason as decision_reason, p.created_at, decided.decided_at,
       d.applied_at, d.finished_at, d.recurrences,
       case when d.status = 'healed' then d.applied_at - e."timestamp" end as time_to_heal
from homeostasis.patches p
join homeostasis.services s on s.id = p.service_id
left join homeostasis.issues i on i.service_id = p.service_id and i.id = p.issue_id
left join homeostasis.analysis a on a.service_id = p.service_id and a.id = p.analysis_id
left join homeostasis.errors e
  on e.service_id = a.service_id and e.event_id = a.error_id and e."timestamp" = a.error_timestamp
left join lateral (
  select v.* from homeostasis.approvals v
  where v.service_id = p.service_id and v.patch_id = p.id order by v.id desc limit 1) decided
  on true
left join lateral homeostasis.latest_deployment(p) d on true
order by p.id desc;

comment on view homeostasis.healing_history is
  'Every patch there was, who decided about it and what became of it; the latest first';
comment on column homeostasis.healing_history.time_to_heal is
  'From the error that was diagnosed to the change that ended it; null unless healed';
