-- description: Ends a session that does nothing in its transaction while others wait for it
-- class: session
-- reversible: no
-- explain: no
--
-- What the session has done in its open transaction is lost, so a person
-- decides.  The statement looks again: a session that has woken up meanwhile,
-- or another one with the same process id, is left alone.  It runs as the
-- role of that session, which may end its own.
with
target as
(
  select a.pid, a.usename, a.backend_start, a.state_change, a.application_name, a.query,
         r.rolsuper,
         (select count(*) from pg_stat_activity b where a.pid = any (pg_blocking_pids(b.pid))) as blocked
  from pg_stat_activity a
  join pg_roles r on r.rolname = a.usename
  where a.pid::text = $1 #>> '{event,metadata,pid}'
    and a.backend_start = ($1 #>> '{event,metadata,backend_start}')::timestamptz
    and a.state in ('idle in transaction', 'idle in transaction (aborted)')
),
doubt as
(
  select case
    when t.rolsuper then 'the session belongs to a superuser'
    when t.blocked = 0 then 'nobody waits for the session any more'
  end as reason
  from target t
)
select
  case when d.reason is null then
    array[format('select pg_terminate_backend(pid) from pg_stat_activity'
      ' where pid = %s and backend_start = %L and state_change = %L',
      t.pid, t.backend_start, t.state_change)]
  end as apply,
  null::text[] as undo,
  t.usename as run_as,
  'session.' || t.usename as object,
  format('Session %s of role %I (%s) has been idle in its transaction since %s and %s sessions wait'
    ' for its locks. Ending it rolls its transaction back. Its last statement: %s', t.pid, t.usename,
    t.application_name, t.state_change, t.blocked, left(t.query, 200)) as explanation,
  true as transactional,
  jsonb_build_object('pid', t.pid, 'blocked', t.blocked, 'idle_since', t.state_change) as evidence,
  d.reason as refusal
from target t
cross join doubt d
