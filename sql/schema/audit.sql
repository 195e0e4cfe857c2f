-- audit.sql: an append-only log in which each row hashes the one before.

create table homeostasis.audit_log
(
  id bigint primary key,
  at timestamptz not null,
  actor text not null,
  action text not null,
  object_type text not null,
  service_id bigint,
  object_id text,
  detail jsonb not null,
  previous_hash bytea not null,
  hash bytea not null
);

create index audit_log_object_idx on homeostasis.audit_log (object_type, object_id, id);

-- The row comes with the first entry of the log, not with the installation:
-- a restored dump brings its own.
create table homeostasis.audit_heads
(
  one boolean primary key default true check (one),
  last_id bigint not null,
  hash bytea not null
);

comment on table homeostasis.audit_log is
  'Every change of state and of configuration, append-only; each row''s hash covers the row before. audit_verify() checks it';
comment on column homeostasis.audit_log.id is 'Without gaps: 1, 2, 3 and so on';
comment on column homeostasis.audit_log.actor is
  'The role that logged in, or homeostasis worker';
comment on column homeostasis.audit_log.object_id is
  'The id of what changed, or its name where it is known by a name';
comment on column homeostasis.audit_log.previous_hash is
  'hash of the row before; 32 zero bytes in the first row';
comment on column homeostasis.audit_log.hash is
  'SHA-256 over previous_hash and the UTF-8 text of a JSON array of the other columns; see audit_hash()';
comment on table homeostasis.audit_heads is
  'One row: where the log ends, so that a missing tail is noticed. Its lock puts the entries in order';
comment on column homeostasis.audit_heads.hash is 'Hash of the last row of audit_log';
comment on column homeostasis.audit_heads.last_id is 'id of the last row of audit_log';
comment on column homeostasis.audit_heads.one is 'Always true: the table has one row';
comment on column homeostasis.audit_log.action is
  'The state something moved to, or insert, update, delete';
comment on column homeostasis.audit_log.at is 'When the row was written';
comment on column homeostasis.audit_log.object_type is
  'issue, patch, deployment, policy, rule and so on; object_id is its id';
