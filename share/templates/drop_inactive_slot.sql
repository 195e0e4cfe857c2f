-- description: Drops a replication slot that nobody uses and that holds back WAL
-- class: maintenance
-- reversible: no
-- explain: no
--
-- Where a slot stood cannot be brought back: its standby or subscriber has to
-- be built anew.  So a person decides, always: a dry run cannot try it, and
-- what was not reproduced no policy approves.  The statement looks again and
-- drops nothing if the slot was used since the plan was made.
with
-- The columns that versions have differ: inactive_since and synced are of 17.
target as
(
  select s.slot_name, s.slot_type, s.active, s.restart_lsn, s.wal_status,
         coalesce((to_jsonb(s) ->> 'synced')::boolean, false) as synced,
         (to_jsonb(s) ->> 'inactive_since')::timestamptz as inactive_since,
         pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn) as held
  from pg_replication_slots s
  where s.slot_name = $1 #>> '{event,metadata,slot}' and not s.temporary
    -- Only a checkup may name a slot: whoever raises an error could name any.
    and $1 #>> '{event,role}' is null
    and $1 #>> '{event,sqlstate}' = 'HO102'
),
-- A slot has no owner; who may drop it is a superuser or has REPLICATION.
-- The superuser that initdb made is always there.
dropper as
(
  select rolname from pg_roles where oid = 10
),
doubt as
(
  select case
    when t.active
      then format('slot %I is in use: its consumer is slow, not gone', t.slot_name)
    when t.synced
      then format('slot %I is kept in step with one of the primary: drop it there', t.slot_name)
    when t.restart_lsn is null or t.wal_status = 'lost'
      then format('slot %I holds back no WAL any more', t.slot_name)
    when t.restart_lsn::text is distinct from $1 #>> '{event,metadata,restart_lsn}'
      then format('slot %I has moved since it was found: somebody uses it', t.slot_name)
    when t.held <= 2 * pg_size_bytes(current_setting('max_wal_size'))
      then format('slot %I holds back only %s by now', t.slot_name, pg_size_pretty(t.held))
    when t.inactive_since > now() - interval '1 hour'
      then format('slot %I was in use at %s: its consumer may come back', t.slot_name, t.inactive_since)
  end as reason
  from target t
)
select
  case when d.reason is null then
    array[format('select pg_drop_replication_slot(slot_name) from pg_replication_slots'
      ' where slot_name = %L and not active and restart_lsn = %L', t.slot_name, t.restart_lsn)]
  end as apply,
  null::text[] as undo,
  r.rolname as run_as,
  'slot.' || t.slot_name as object,
  format('Nobody uses %s replication slot %I, and it holds back %s of WAL. If its consumer is gone for'
    ' good, the slot can be dropped; a consumer that comes back must be built anew. If it may come'
    ' back, reject this and give it time, or bound what slots may keep by max_slot_wal_keep_size.',
    t.slot_type, t.slot_name, pg_size_pretty(t.held)) as explanation,
  true as transactional,
  jsonb_build_object('slot', t.slot_name, 'wal_bytes', t.held, 'restart_lsn', t.restart_lsn,
    'inactive_since', t.inactive_since) as evidence,
  d.reason as refusal
from target t
cross join dropper r
cross join doubt d
