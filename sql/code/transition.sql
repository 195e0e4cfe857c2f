-- transition.sql: one trigger function for every state machine.
--
-- A machine NAME is a table with columns id and status and a function
-- homeostasis.NAME_successors(status text) returns text[], the only place
-- that says which states follow a state.  Its table carries
--
--   create trigger check_transition before update of status
--     on homeostasis.TABLE for each row
--     when (old.status is distinct from new.status)
--     execute function homeostasis.check_transition('NAME');
--
-- Rows are inserted in any state, because a restored dump inserts them so.

create function homeostasis.check_transition() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  machine constant text := tg_argv[0];
  successors text[];
begin
  execute format('select homeostasis.%I($1)', machine || '_successors')
    into successors using old.status;
  if new.status = any (successors) then
    return new;
  end if;
  raise exception '% % cannot go from "%" to "%"', machine, old.id, old.status, new.status
    using errcode = 'HO002',
          hint = case when cardinality(successors) > 0
                   then format('From "%s" it can become: %s.', old.status,
                               array_to_string(successors, ', '))
                   else format('"%s" is final.', old.status) end;
end
$$;

comment on function homeostasis.check_transition() is
  'Trigger of every state machine: refuses a change of status that its NAME_successors() does not list, with SQLSTATE HO002';
