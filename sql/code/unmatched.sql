-- unmatched.sql: what no rule explains, and rules that would.

create function homeostasis.propose_patterns(messages text[], sqlstates text[])
returns table (members integer[], wording text, pattern text, reason text)
language c strict volatile
set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'homeo_propose_patterns';

comment on function homeostasis.propose_patterns(text[], text[]) is
  'Groups messages that say the same, and proposes a pattern for each group that matches all of them, or says why there is none; members count from 1. Give the commonest first';

create function homeostasis.unmatched_issues(since timestamptz, most integer)
returns table (service_id bigint, issue_id bigint, language text, error_type text, sqlstate text,
  message text, errors bigint, first_seen timestamptz, last_seen timestamptz)
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  with unknown as (
    select i.*
    from homeostasis.issues i
    where i.last_seen >= since and i.status <> 'muted'
      and not exists (select from homeostasis.analysis a
                      where a.service_id = i.service_id and a.issue_id = i.id and a.source = 'rule')
    order by i.error_count desc, i.last_seen desc, i.id
    limit most
  )
  select u.service_id, u.id, u.language, u.error_type, e.sqlstate, coalesce(e.message, u.title),
         coalesce(c.errors, 0)::bigint, u.first_seen, u.last_seen
  from unknown u
  left join homeostasis.errors e
    on e.service_id = u.service_id and e.event_id = u.sample_event_id
      and e."timestamp" = u.sample_timestamp
  left join lateral (
    select sum(k.error_count) as errors
    from homeostasis.issue_counts k
    where k.service_id = u.service_id and k.issue_id = u.id and k.minute >= since) c on true
$$;

comment on function homeostasis.unmatched_issues(timestamptz, integer) is
  'Issues that occurred since a time and that no rule explained, the commonest of all time if there are more than so many, with their latest message and how many errors they had since';

create function homeostasis.propose_rule(language text, error_type text, sqlstates text[],
  wording text, pattern text, issues bigint, errors bigint, examples jsonb)
returns jsonb
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_strip_nulls(jsonb_build_object(
    'id', format('proposed.%s.%s',
                 trim('-' from left(regexp_replace(error_type, '[^A-Za-z0-9]+', '-', 'g'), 60)),
                 left(md5(concat_ws(e'\n', language, error_type, pattern)), 8)),
    'description', left(wording, 200),
    'root_cause', format('Not known yet: %s issues with %s errors looked like this when the rule was proposed.',
                         issues, errors),
    'suggestion', 'Find out why it happens, and write here what one does about it.',
    'confidence', 0.5,
    'language', nullif(language, 'unknown'),
    'sqlstates', to_jsonb(sqlstates),
    'error_type', case when sqlstates is null then nullif(error_type, 'unknown') end,
    'pattern', pattern,
    'examples', examples))
  where pattern is not null
$$;

comment on function homeostasis.propose_rule(text, text, text[], text, text, bigint, bigint, jsonb) is
  'A rule as packs have them, for a pattern that was proposed; null without a pattern';

create function homeostasis.unmatched(since interval default '7 days', most integer default 100)
returns table (language text, error_type text, message text, issues bigint, errors bigint,
  first_seen timestamptz, last_seen timestamptz, example_issue bigint, example text,
  proposed_pattern text, reason text, proposed_rule jsonb)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  -- Counts are of hours, and older ones of days.
  since_time constant timestamptz := date_trunc(
    case when since > make_interval(days => coalesce(
                current_setting('homeostasis.hour_counts_days', true)::integer, 14))
      then 'day' else 'hour' end, now() - since, 'UTC');
begin
  if since is null or coalesce(most, 0) < 1 then
    raise exception 'since may not be null, and most must be at least 1'
      using errcode = 'HO007', hint = 'The defaults are interval ''7 days'' and 100.';
  end if;
  return query
    with issue as materialized (
      select u.*, row_number() over (partition by u.language, u.error_type
                                     order by u.errors desc, u.issue_id) as place
      from homeostasis.unmatched_issues(since_time, 5000) u
    ), kind as (
      select i.language, i.error_type, array_agg(i.message order by i.place) as messages,
             array_agg(i.sqlstate order by i.place) as sqlstates
      from issue i group by i.language, i.error_type
    ), proposal as (
      select k.language, k.error_type, p.wording, p.pattern, p.reason, p.ordinality, p.members
      from kind k
      cross join lateral homeostasis.propose_patterns(k.messages, k.sqlstates)
        with ordinality p (members, wording, pattern, reason, ordinality)
    ), summary as (
      select p.language, p.error_type, p.wording, p.pattern, p.reason, p.ordinality,
             count(*) as issues, sum(i.errors)::bigint as errors, min(i.first_seen) as first_seen,
             max(i.last_seen) as last_seen,
             (array_agg(i.issue_id order by i.place))[1] as example_issue,
             (array_agg(i.message order by i.place))[1] as example,
             case when count(i.sqlstate) = count(*)
               then array_agg(distinct i.sqlstate order by i.sqlstate) end as sqlstates,
             jsonb_agg(jsonb_strip_nulls(jsonb_build_object('message', left(i.message, 1000),
                                                            'sqlstate', i.sqlstate)) order by i.place)
               filter (where m.number <= 3) as examples
      from proposal p
      cross join lateral unnest(p.members) with ordinality m (place, number)
      join issue i on i.language = p.language and i.error_type = p.error_type
        and i.place = m.place
      group by p.language, p.error_type, p.wording, p.pattern, p.reason, p.ordinality
    )
    select s.language, s.error_type, s.wording, s.issues, s.errors, s.first_seen, s.last_seen,
           s.example_issue, left(s.example, 1000), s.pattern, s.reason,
           homeostasis.propose_rule(s.language, s.error_type, s.sqlstates, s.wording, s.pattern,
                                    s.issues, s.errors, s.examples)
    from summary s
    order by s.errors desc, s.issues desc, s.language, s.error_type, s.ordinality
    limit most;
end
$$;

comment on function homeostasis.unmatched(interval, integer) is
  'Issues that occurred within a time and that no rule explained, in groups of one language, type and wording, the commonest first, each with an example and, if there is a pattern for it, a rule to load. Counts are exact, from the whole hour on in which the time begins, or the day if it is longer than homeostasis.hour_counts_days; of more than 5000 issues the commonest are looked at';
grant execute on function homeostasis.unmatched(interval, integer) to homeostasis_reader;
