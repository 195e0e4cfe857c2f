-- log_template.sql: lines of logs that are one problem.
--
-- Which template a line has is found in shared memory, see log_template.c.
-- When templates turn out to be one, issues that were made for them meanwhile
-- are merged here, by advance().

create function homeostasis.log_template_stat(
  out templates bigint,
  out capacity bigint,
  out unsaved bigint,
  out learned bigint,
  out widened bigint,
  out merged bigint,
  out forgotten bigint)
returns record
language c volatile parallel restricted
set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'homeo_log_template_stat_sql';

comment on function homeostasis.log_template_stat() is
  'What is counted about templates of log lines; see stat_log_templates';
grant execute on function homeostasis.log_template_stat() to homeostasis_reader;

create view homeostasis.stat_log_templates as
  select * from homeostasis.log_template_stat();

comment on view homeostasis.stat_log_templates is
  'How many templates of log lines there are, and what became of them since the server started';
comment on column homeostasis.stat_log_templates.templates is 'Templates that are known now';
comment on column homeostasis.stat_log_templates.capacity is
  'homeostasis.log_templates: for so many there is room';
comment on column homeostasis.stat_log_templates.unsaved is
  'Changes that are not in log_templates yet; they are written with the next events';
comment on column homeostasis.stat_log_templates.learned is 'Templates that were made';
comment on column homeostasis.stat_log_templates.widened is
  'Times that a template got <*> in place of a word';
comment on column homeostasis.stat_log_templates.merged is
  'Templates that became one with another';
comment on column homeostasis.stat_log_templates.forgotten is
  'Templates that made room for others: if these are many, homeostasis.log_templates is small';

create function homeostasis.issue_of_fingerprint(service_id bigint, fingerprint uuid) returns bigint
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select f.issue_id from homeostasis.issue_fingerprints f
  where f.service_id = issue_of_fingerprint.service_id
    and f.fingerprint = issue_of_fingerprint.fingerprint
$$;

comment on function homeostasis.issue_of_fingerprint(bigint, uuid) is
  'The issue that errors with this fingerprint belong to, or null';

create function homeostasis.merge_log_issues_candidates()
returns table (service_id bigint, object_id bigint)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
    select m.service_id, m.id from homeostasis.log_merges m
    where not exists (select from homeostasis.patches p
      where p.service_id = m.service_id and homeostasis.is_active_patch(p.status)
        and p.issue_id in (homeostasis.issue_of_fingerprint(m.service_id, m.fingerprint),
                           homeostasis.issue_of_fingerprint(m.service_id, m.into_fingerprint)))
    order by m.service_id, m.id
    limit 100;
end
$$;

comment on function homeostasis.merge_log_issues_candidates() is
  'Templates of log lines whose issues are to be merged and have no patch that works on them';

create function homeostasis.merge_log_issues(service_id bigint, merge_id bigint) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '100ms'  -- whoever stores events waits behind this
as $$
declare
  wanted homeostasis.log_merges;
  from_issue bigint;
  into_issue bigint;
begin
  perform homeostasis.lock_grouping();
  delete from homeostasis.log_merges m
    where m.service_id = merge_log_issues.service_id and m.id = merge_id
    returning m.* into wanted;
  if not found then
    return false;
  end if;
  from_issue := homeostasis.issue_of_fingerprint(service_id, wanted.fingerprint);
  into_issue := homeostasis.issue_of_fingerprint(service_id, wanted.into_fingerprint);
  if into_issue is null then
    insert into homeostasis.issue_fingerprints
        (service_id, fingerprint, fingerprint_version, issue_id)
      select f.service_id, wanted.into_fingerprint, f.fingerprint_version, f.issue_id
      from homeostasis.issue_fingerprints f
      where f.service_id = wanted.service_id and f.fingerprint = wanted.fingerprint;
  elsif from_issue <> into_issue then
    perform homeostasis.merge(into_issue, from_issue);
  end if;
  return true;
end
$$;

comment on function homeostasis.merge_log_issues(bigint, bigint) is
  'Merges the issues of two templates of log lines that turned out to be one';
