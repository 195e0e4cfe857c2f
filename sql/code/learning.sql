-- learning.sql: a rule's confidence follows what became of its patches.
--
-- The confidence that its author gave is taken for the mean of a Beta
-- distribution that has seen homeostasis.rule_prior_weight patches; each patch
-- that ends is another observation, and the learned confidence is the mean
-- with these:
--
--   (weight * confidence + successes) / (weight + successes + failures)
--
-- A patch counts once, by the last thing that is known of it: a failure takes
-- its successes back.  Dry runs alone never lift a rule above what its author
-- thinks of it; a change that healed can.  A policy goes by the confidence
-- among other things, and all of them must hold, so a rule that is trusted
-- more is not asked for less proof.
--
-- Matching has the confidence in its compiled rules.  A change of at least
-- learning_step() gives the rule a new revision, so that this rule, and no
-- other, is compiled again; less is not worth that.

create function homeostasis.outcome_weight(outcome text) returns numeric
language sql immutable
set search_path = pg_catalog, pg_temp
return case outcome
  when 'healed' then 1
  when 'validated' then 0.25
  when 'rejected' then -1
  when 'rolled_back' then -1
  else 0
end;

create function homeostasis.learning_step() returns numeric
language sql immutable
set search_path = pg_catalog, pg_temp
return 0.01;

create function homeostasis.rule_conditions(rule homeostasis.rules) returns uuid
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select md5(jsonb_strip_nulls(to_jsonb(rule) - array['id', 'pack', 'description', 'root_cause',
    'suggestion', 'category', 'severity', 'confidence', 'priority', 'template', 'tags', 'examples',
    'counter_examples', 'enabled', 'disabled_reason', 'shipped', 'modified', 'updated_at',
    'revision'])::text)::uuid
$$;

comment on function homeostasis.outcome_weight(text) is
  'For how many patches an outcome counts: as a success, or if it is negative as a failure';
comment on function homeostasis.learning_step() is
  'Matching follows the learned confidence of a rule when they are at least so far apart';
comment on function homeostasis.rule_conditions(homeostasis.rules) is
  'Hash of what decides which errors a rule matches: all of its conditions and patterns';

-- Outcomes ------------------------------------------------------------------

create function homeostasis.note_patch() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if homeostasis.is_restoring() then
    return null;
  end if;
  insert into homeostasis.rule_outcomes (service_id, patch_id, outcome, rule_id, conditions,
                                         genuine, learned)
    select new.service_id, new.id, 'begun', r.id, homeostasis.rule_conditions(r),
           coalesce(e.genuine, false), true
    from homeostasis.analysis a
    join homeostasis.rules r on r.id = a.rule_id
    left join homeostasis.errors e
      on e.service_id = a.service_id and e.event_id = a.error_id
        and e."timestamp" = a.error_timestamp
    where a.service_id = new.service_id and a.id = new.analysis_id and a.source = 'rule'
    on conflict do nothing;
  return null;
end
$$;

create function homeostasis.note_outcome(service_id bigint, patch_id bigint, outcome text)
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  insert into homeostasis.rule_outcomes (service_id, patch_id, outcome, rule_id, conditions, genuine)
    select b.service_id, b.patch_id, note_outcome.outcome, b.rule_id, b.conditions, b.genuine
    from homeostasis.rule_outcomes b
    where b.service_id = note_outcome.service_id and b.patch_id = note_outcome.patch_id
      and b.outcome = 'begun'
    on conflict do nothing
$$;

create function homeostasis.note_patch_status() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  outcome text;
begin
  outcome := case
    when new.status = 'healed' then 'healed'
    -- Nothing was in place before that of a change that could not be made.
    when new.status = 'rolling_back' and old.status in ('deployed', 'healed') then 'rolled_back'
    when new.status = 'validated'
      and (select v.strength from homeostasis.validations v
           where v.service_id = new.service_id and v.patch_id = new.id
           order by v.id desc limit 1) = 'reproduced' then 'validated'
  end;
  if outcome is not null then
    perform homeostasis.note_outcome(new.service_id, new.id, outcome);
  end if;
  return null;
end
$$;

create function homeostasis.note_rejection() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if not homeostasis.is_restoring() then
    perform homeostasis.note_outcome(new.service_id, new.patch_id, 'rejected');
  end if;
  return null;
end
$$;

create trigger note_patch after insert on homeostasis.patches
  for each row execute function homeostasis.note_patch();
create trigger note_patch_status after update of status on homeostasis.patches
  for each row when (old.status is distinct from new.status)
  execute function homeostasis.note_patch_status();
-- A policy that refuses a class of changes says nothing about a rule.
create trigger note_rejection after insert on homeostasis.approvals
  for each row when (new.decision = 'rejected' and new.policy is null)
  execute function homeostasis.note_rejection();

comment on function homeostasis.note_patch() is
  'Trigger of patches: notes which rule a patch comes from, as the rule is now';
comment on function homeostasis.note_outcome(bigint, bigint, text) is
  'Notes what became of a patch, if it comes from a rule, once';
comment on function homeostasis.note_patch_status() is
  'Trigger of patches: notes what a change of status says about the rule that a patch comes from';
comment on function homeostasis.note_rejection() is
  'Trigger of approvals: notes that a person rejected a patch';

-- What they say -------------------------------------------------------------

create function homeostasis.rule_evidence(rule homeostasis.rules,
  out successes numeric, out failures numeric, out heals bigint)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(sum(p.success) filter (where p.failure = 0), 0), coalesce(sum(p.failure), 0),
         count(*) filter (where p.failure = 0 and p.healed)
  from (select greatest(max(homeostasis.outcome_weight(o.outcome)), 0) as success,
               greatest(max(-homeostasis.outcome_weight(o.outcome)), 0) as failure,
               bool_or(o.outcome = 'healed') as healed
        from homeostasis.rule_outcomes o
        where o.rule_id = rule.id and o.genuine
          and o.conditions = homeostasis.rule_conditions(rule)
        group by o.service_id, o.patch_id) p
$$;

create function homeostasis.learned_confidence(confidence numeric, successes numeric,
  failures numeric, heals bigint)
returns numeric
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  weight constant numeric := homeostasis.setting('rule_prior_weight')::numeric;
  mean constant numeric := round((weight * confidence + successes) / (weight + successes + failures), 3);
begin
  return case when heals > 0 then mean else least(mean, confidence) end;
end
$$;

create function homeostasis.rule_confidence(rule_id text) returns numeric
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select case when l.rule_id is null then r.confidence
           else homeostasis.learned_confidence(r.confidence, l.successes, l.failures, l.heals) end
  from homeostasis.rules r
  left join homeostasis.rule_learning l on l.rule_id = r.id
  where r.id = rule_confidence.rule_id
$$;

comment on function homeostasis.rule_evidence(homeostasis.rules) is
  'What became of the patches that a rule, with the conditions that it has now, led to: the weights of those that did good and of those that did not, and how many healed';
comment on function homeostasis.learned_confidence(numeric, numeric, numeric, bigint) is
  'The confidence that an author gave and what was learned since, as one number';
comment on function homeostasis.rule_confidence(text) is
  'The confidence that a rule deserves by all that is known now; null: there is no such rule';

-- Learning ------------------------------------------------------------------

-- Whoever calls it has written the rule, or locks it here: the rule first,
-- then what was learned of it, last the audit log.
create function homeostasis.store_learning(rule homeostasis.rules, matched numeric) returns numeric
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  evidence record;
  exact numeric := rule.confidence;
begin
  select * into evidence from homeostasis.rule_evidence(rule);
  if evidence.successes = 0 and evidence.failures = 0 then
    delete from homeostasis.rule_learning l where l.rule_id = rule.id;
    return exact;
  end if;
  exact := homeostasis.learned_confidence(rule.confidence, evidence.successes, evidence.failures,
                                          evidence.heals);
  if abs(exact - matched) < homeostasis.learning_step() then
    exact := matched;
  end if;
  insert into homeostasis.rule_learning as l (rule_id, successes, failures, heals, confidence)
    values (rule.id, evidence.successes, evidence.failures, evidence.heals, exact)
    on conflict on constraint rule_learning_pkey do update
      set successes = excluded.successes, failures = excluded.failures, heals = excluded.heals,
          confidence = excluded.confidence, updated_at = excluded.updated_at;
  return exact;
end
$$;

create function homeostasis.learn_rule(rule_id text) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  rule homeostasis.rules;
  before numeric;
  after numeric;
begin
  select r.* into rule from homeostasis.rules r where r.id = learn_rule.rule_id for no key update;
  if not found then
    return false;
  end if;
  before := coalesce((select l.confidence from homeostasis.rule_learning l
                      where l.rule_id = rule.id), rule.confidence);
  after := homeostasis.store_learning(rule, before);
  if after = before then
    return false;
  end if;
  -- As it is: what its author wrote has not changed, but its revision does.
  update homeostasis.rules r set revision = r.revision where r.id = rule.id;
  perform homeostasis.audit_append('learned', 'rule', null, rule.id,
    jsonb_build_object('from', before, 'to', after, 'author', rule.confidence));
  return true;
end
$$;

create function homeostasis.relearn_rules() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if homeostasis.is_restoring() then
    return null;
  end if;
  perform homeostasis.store_learning(r, null)
    from changed c
    join homeostasis.rules r on r.id = c.id
    where exists (select from homeostasis.rule_outcomes o where o.rule_id = c.id);
  return null;
end
$$;

create trigger relearn_insert after insert on homeostasis.rules
  referencing new table as changed
  for each statement execute function homeostasis.relearn_rules();
create trigger relearn_update after update on homeostasis.rules
  referencing new table as changed
  for each statement execute function homeostasis.relearn_rules();

comment on function homeostasis.store_learning(homeostasis.rules, numeric) is
  'Adds up what became of the patches of a locked rule, whose second argument is the confidence that matching goes by, null if it has to look anyway; returns the one that it goes by from now on';
comment on function homeostasis.learn_rule(text) is
  'Lets the confidence of a rule follow what became of its patches; whether matching goes by another one now';
comment on function homeostasis.relearn_rules() is
  'Trigger of rules: what was learned goes with the conditions, and starts from the confidence, that a rule has now';

create function homeostasis.learn_candidates()
returns table (service_id bigint, object_id bigint)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
    select distinct o.service_id, o.patch_id from homeostasis.rule_outcomes o where not o.learned;
end
$$;

create function homeostasis.learn(service_id bigint, patch_id bigint) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  rule text;
begin
  with taken as (
    update homeostasis.rule_outcomes o set learned = true
      where o.service_id = learn.service_id and o.patch_id = learn.patch_id and not o.learned
      returning o.rule_id)
  select max(t.rule_id) into rule from taken t;
  if rule is null then
    return false;
  end if;
  perform homeostasis.learn_rule(rule);
  return true;
end
$$;

create function homeostasis.forget_outcomes(before timestamptz, most integer) returns bigint
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  rule text;
  rules text[];
  forgotten bigint;
begin
  with gone as (
    delete from homeostasis.rule_outcomes o
      where (o.service_id, o.patch_id) in (
        select l.service_id, l.patch_id from homeostasis.rule_outcomes l
        where l.at < before
          and not exists (select from homeostasis.rule_outcomes n
                          where n.service_id = l.service_id and n.patch_id = l.patch_id
                            and n.at >= before)
          and not exists (select from homeostasis.patches p
                          where p.service_id = l.service_id and p.id = l.patch_id
                            and homeostasis.is_active_patch(p.status))
        limit most)
      returning o.rule_id)
  select count(*), array_agg(distinct g.rule_id order by g.rule_id) into forgotten, rules from gone g;
  foreach rule in array coalesce(rules, '{}') loop
    perform homeostasis.learn_rule(rule);
  end loop;
  return forgotten;
end
$$;

comment on function homeostasis.learn_candidates() is
  'Patches that something became of which their rules have not learned';
comment on function homeostasis.learn(bigint, bigint) is
  'Lets a rule learn what became of a patch';
comment on function homeostasis.forget_outcomes(timestamptz, integer) is
  'Deletes outcomes of patches that ended before a time, and lets their rules forget them; returns how many';

grant execute on function homeostasis.rule_confidence(text),
  homeostasis.learned_confidence(numeric, numeric, numeric, bigint) to homeostasis_reader;
