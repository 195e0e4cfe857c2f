-- description: Adds a label to an enum type
-- class: schema
-- reversible: no
-- explain: no
--
-- A label cannot be taken away again, so what looks like a misspelling of one
-- that exists is refused.
with
-- Who raised the error: names and text in it are of his making, so he must
-- own the type or hold a privilege to write to a column of it.
raiser as
(
  select oid from pg_roles where rolname = $1 ->> 'raiser'
),
-- The failing session's search path: quoted or folded names.
path as
(
  select case when m[1] in ('$user', '"$user"') then $1 #>> '{event,role}'
              when m[1] like '"%' then replace(substr(m[1], 2, length(m[1]) - 2), '""', '"')
              else lower(m[1]) end as nspname,
         place
  from regexp_matches($1 #>> '{event,search_path}', '("(?:[^"]|"")+"|[^",\s]+)', 'g')
    with ordinality as part (m, place)
),
-- The message gives the type as SQL would, with a schema where it needs one.
named as
(
  select parse_ident($1 #>> '{captures,type}') as name, $1 #>> '{captures,label}' as label
),
target as
(
  select t.oid, t.typarray, n.nspname, t.typname, pg_get_userbyid(t.typowner) as owner,
         format('%I.%I', n.nspname, t.typname) as name, w.label
  from named w
  join pg_type t on t.typname = w.name[cardinality(w.name)] and t.typtype = 'e'
  join pg_namespace n on n.oid = t.typnamespace
  left join path p on p.nspname = n.nspname
  where case when cardinality(w.name) = 2 then n.nspname = w.name[1] else p.place is not null end
  order by p.place
  limit 1
),
-- A label that differs only in case, blanks and punctuation, or in one letter
-- more, less or exchanged.
alike as
(
  select e.enumlabel
  from target t
  join pg_enum e on e.enumtypid = t.oid
  cross join lateral (select lower(regexp_replace(e.enumlabel, '\W|_', '', 'g')) as old,
                             lower(regexp_replace(t.label, '\W|_', '', 'g')) as new) as w
  where old = new
     or length(old) > 3
        and regexp_replace(old, '\D', '', 'g') = regexp_replace(new, '\D', '', 'g')
        and exists
        (select from generate_series(1, greatest(length(old), length(new))) as i
         where overlay(old placing '' from i for 1) = overlay(new placing '' from i for 1)
            or overlay(old placing '' from i for 1) = new
            or overlay(new placing '' from i for 1) = old)
  limit 1
),
doubt as
(
  select case
    when not exists (select from raiser r
                     where pg_has_role(r.oid, t.owner, 'usage')
                        or exists (select from pg_attribute a
                                   where a.atttypid in (t.oid, t.typarray) and not a.attisdropped
                                     and has_column_privilege(r.oid, a.attrelid, a.attnum, 'insert, update')))
      then format('the role that raised the error may not write to a column of type %s', t.name)
    when btrim(t.label) = '' then 'an empty label is hardly meant'
    when octet_length(t.label) > 63 then 'a label may have 63 bytes at most'
    when a.enumlabel is not null
      then format('%L looks like a misspelling of %L', t.label, a.enumlabel)
  end as reason
  from target t
  left join alike a on true
)
select
  case when d.reason is null then array[format('alter type %s add value %L', t.name, t.label)] end as apply,
  null::text[] as undo,
  t.owner as run_as,
  t.nspname || '.' || t.typname as object,
  format('A statement uses the value %L, which enum %s does not have; it has %s. A value that is added'
    ' cannot be removed.', t.label, t.name,
    (select string_agg(quote_literal(enumlabel), ', ' order by enumsortorder)
     from pg_enum where enumtypid = t.oid)) as explanation,
  true as transactional,
  jsonb_build_object('type', t.name, 'label', t.label) as evidence,
  d.reason as refusal
from target t
cross join doubt d
