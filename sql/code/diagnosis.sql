-- diagnosis.sql: what the rules of today say about an issue that is stored.
--
-- Intake diagnoses an issue that is new or came back; diagnose() and analyze()
-- do it again when the rules have changed.  They only add to analysis, and
-- only what is not there yet.

create function homeostasis.latest_diagnosis(service_id bigint, issue_id bigint)
returns homeostasis.analysis
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select a from homeostasis.analysis a
  where a.service_id = latest_diagnosis.service_id and a.issue_id = latest_diagnosis.issue_id
    and a.source = 'rule'
  order by a.created_at desc, a.id desc limit 1
$$;

comment on function homeostasis.latest_diagnosis(bigint, bigint) is
  'What a rule said last about an issue, or null';

create function homeostasis.rule_answer(issue homeostasis.issues, event jsonb)
returns homeostasis.analysis
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  answer homeostasis.analysis;
begin
  select m.rule_id, m.confidence, m.root_cause, m.suggestion, m.template, m.captures
    into answer.rule_id, answer.confidence_score, answer.root_cause, answer.suggestion,
         answer.template, answer.captures
    from homeostasis.match(event) m;
  answer.service_id := issue.service_id;
  answer.issue_id := issue.id;
  answer.error_id := issue.sample_event_id;
  answer.error_timestamp := issue.sample_timestamp;
  answer.source := 'rule';
  return answer;
end
$$;

comment on function homeostasis.rule_answer(homeostasis.issues, jsonb) is
  'What the rules say now about the latest error of an issue, as a row that is not stored; its rule_id is null when none matches';

create function homeostasis.says_else(previous homeostasis.analysis, answer homeostasis.analysis)
returns boolean
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select (previous.rule_id, previous.confidence_score, previous.root_cause, previous.suggestion,
          previous.template, previous.captures)
    is distinct from
      (answer.rule_id, answer.confidence_score, answer.root_cause, answer.suggestion,
       answer.template, answer.captures)
$$;

comment on function homeostasis.says_else(homeostasis.analysis, homeostasis.analysis) is
  'Whether a diagnosis differs from the one before in anything that it says';

create function homeostasis.add_diagnoses(answers homeostasis.analysis[]) returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  added integer;
begin
  -- In the order in which everybody locks issues, and no stronger than keeps
  -- them from being merged or deleted; one that just is has no use for it.
  with held as materialized (
    select i.service_id, i.id
    from homeostasis.issues i
    where (i.service_id, i.id) in (select a.service_id, a.issue_id from unnest(answers) a)
      and not homeostasis.is_beyond_diagnosis(i)
    order by i.service_id, i.id
    for key share of i skip locked
  )
  insert into homeostasis.analysis (service_id, issue_id, error_id, error_timestamp, source,
      rule_id, confidence_score, root_cause, suggestion, template, captures, known_since)
    select a.service_id, a.issue_id, a.error_id, a.error_timestamp, a.source, a.rule_id,
           a.confidence_score, a.root_cause, a.suggestion, a.template, a.captures,
           coalesce(homeostasis.known_since(a), clock_timestamp())
    from held h
    join unnest(answers) a on a.service_id = h.service_id and a.issue_id = h.id
    where homeostasis.says_else(homeostasis.latest_diagnosis(a.service_id, a.issue_id), a);
  get diagnostics added = row_count;
  return added;
end
$$;

comment on function homeostasis.add_diagnoses(homeostasis.analysis[]) is
  'Stores what the rules say of issues whose diagnosis may change and does not say so yet; returns of how many';

create function homeostasis.known_since(answer homeostasis.analysis) returns timestamptz
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select a.known_since from homeostasis.analysis a
  where a.service_id = answer.service_id and a.issue_id = answer.issue_id
    and a.template is not distinct from answer.template and a.captures = answer.captures
  order by a.created_at desc, a.id desc limit 1
$$;

comment on function homeostasis.known_since(homeostasis.analysis) is
  'known_since of the last diagnosis of an issue that leads to the same patch, because it names the same template and captures; null: there is none';

create function homeostasis.diagnose(issue_id bigint) returns bigint
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  issue constant homeostasis.issues := homeostasis.lock_issue(issue_id);
  event constant jsonb := homeostasis.event_of(issue.service_id, issue.sample_event_id,
                                               issue.sample_timestamp);
  answer homeostasis.analysis;
  new_id bigint;
begin
  if event is null then
    raise exception 'the latest error of issue % is not stored any more', issue.id
      using errcode = 'HO006',
            hint = 'Retention removed it; the next occurrence can be diagnosed.';
  end if;
  answer := homeostasis.rule_answer(issue, event);
  if answer.rule_id is null
    or not homeostasis.says_else(homeostasis.latest_diagnosis(issue.service_id, issue.id), answer)
  then
    return null;
  end if;
  insert into homeostasis.analysis (service_id, issue_id, error_id, error_timestamp, source,
      rule_id, confidence_score, root_cause, suggestion, template, captures, known_since)
    values (answer.service_id, answer.issue_id, answer.error_id, answer.error_timestamp,
      answer.source, answer.rule_id, answer.confidence_score, answer.root_cause,
      answer.suggestion, answer.template, answer.captures,
      coalesce(homeostasis.known_since(answer), clock_timestamp()))
    returning id into new_id;
  return new_id;
end
$$;

comment on function homeostasis.diagnose(bigint) is
  'Diagnoses an issue again, by its latest error and the rules as they are now; returns the id of the new row of analysis, or null: no rule matches, or it says what the diagnosis before said';
grant execute on function homeostasis.diagnose(bigint) to homeostasis_operator;
