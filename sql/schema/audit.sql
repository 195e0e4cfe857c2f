-- audit.sql: an append-only log in which each row hashes the one before.

create table homeostasis.audit_log
(
  id bigint primary key,
  at timestamptz not null,
  actor text not null,
  action text not null,
  object_type text not null,
  service_id bigint,
  object_id bigint,
  detail jsonb not null,
  previous_hash bytea not null,
  hash bytea not null
);

create index audit_log_object_idx on homeostasis.audit_log (object_type, object_id, id);

comment on table homeostasis.audit_log is
  'Every change of state, append-only; each row''s hash covers the row before. audit_verify() checks it';
