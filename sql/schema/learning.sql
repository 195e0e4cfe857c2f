-- learning.sql: what became of the patches that rules led to, and what that
-- says about the rules.

create table homeostasis.rule_outcomes
(
  service_id bigint not null,
  patch_id bigint not null,
  outcome text not null
    check (outcome in ('begun', 'validated', 'healed', 'rejected', 'rolled_back')),
  rule_id text not null,
  conditions uuid not null,
  genuine boolean not null,
  at timestamptz not null default clock_timestamp(),
  learned boolean not null default false,
  primary key (service_id, patch_id, outcome)
);

create index rule_outcomes_rule_idx on homeostasis.rule_outcomes (rule_id);
create index rule_outcomes_at_idx on homeostasis.rule_outcomes (at);
create index rule_outcomes_new_idx on homeostasis.rule_outcomes (service_id, patch_id)
  where not learned;

-- Not columns of rules: those are what their author wrote, and a pack that is
-- loaded again replaces them.
create table homeostasis.rule_learning
(
  rule_id text primary key,
  successes numeric not null check (successes >= 0),
  failures numeric not null check (failures >= 0),
  heals bigint not null,
  confidence numeric(4, 3) not null check (confidence between 0 and 1),
  updated_at timestamptz not null default clock_timestamp()
);

comment on table homeostasis.rule_outcomes is
  'What became of each patch that a rule led to, written by the transaction that moved the patch; kept for homeostasis.history_days';
comment on column homeostasis.rule_outcomes.outcome is
  'begun; validated: its failure was reproduced and the change mends it; healed; rejected: by a person; rolled_back: it was in place and was taken back, or should have been';
comment on column homeostasis.rule_outcomes.rule_id is 'The rule of the diagnosis that the patch rests on';
comment on column homeostasis.rule_outcomes.conditions is
  'rule_conditions() of the rule when the patch was begun: another version of it is another rule to learn about';
comment on column homeostasis.rule_outcomes.genuine is
  'Whether the error that was diagnosed is genuine; from others nothing is learned, because anybody who may report errors can make them up';
comment on column homeostasis.rule_outcomes.at is 'When it came to this';
comment on column homeostasis.rule_outcomes.learned is 'Whether rule_learning has it';
comment on table homeostasis.rule_learning is
  'What outcomes say about a rule as it is now; no row: nothing yet';
comment on column homeostasis.rule_learning.rule_id is 'The rule';
comment on column homeostasis.rule_learning.successes is
  'Sum of the weights of its patches that did good; see outcome_weight()';
comment on column homeostasis.rule_learning.failures is 'The same of those that did not';
comment on column homeostasis.rule_learning.heals is 'How many of the successes were healed, and not only validated';
comment on column homeostasis.rule_learning.confidence is
  'What matching goes by in place of rules.confidence: the learned one, or one that is within learning_step() of it';
