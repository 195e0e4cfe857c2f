-- description: Creates the unique index that an ON CONFLICT clause names
-- class: index
-- reversible: yes
-- explain: no
--
-- Plain columns only: an expression or a predicate from a captured statement
-- is text of whoever wrote it, and would run with the rights of the owner.
-- A table of up to 256 MB gets its index in a transaction, so that the dry run
-- tells whether there are duplicates; a larger one concurrently.
with
-- The statement without its comments and literals, which may say anything;
-- what follows a dollar quote counts as one.
statement as
(
  select regexp_replace($1 #>> '{event,statement}',
    '(?:("(?:[^"]|"")*"(?!"))'
    '|\m[eE]''(?:[^''\\]|\\.|'''')*(?:''(?!'')|$)|''(?:[^'']|'''')*(?:''(?!'')|$)'
    '|--[^\n]*(?=\n|$)|/\*.*(?:\*/|$)'
    '|(?<![\w$])\$(?:[[:alpha:]_]\w*)?\$.*$){1,1}?', '\1', 'g') as text
),
-- Who raised the error: names and text in it are of his making, so he must
-- hold a privilege to insert into the table.
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
-- The table that the statement writes to, and what it says after ON CONFLICT.
written as
(
  select parse_ident(t[1]) as name, c[1] as columns, c[2] as predicate
  from statement s
  cross join regexp_match(s.text,
    '\minsert\s+into\s+'
    '((?:"(?:[^"]|"")+"|[[:alpha:]_][\w$]*)(?:\s*\.\s*(?:"(?:[^"]|"")+"|[[:alpha:]_][\w$]*))?)', 'i')
    as t
  cross join regexp_match(s.text,
    '\mon\s+conflict\s*\(\s*((?:"(?:[^"]|"")+"|[[:alpha:]_][\w$]*)'
    '(?:\s*,\s*(?:"(?:[^"]|"")+"|[[:alpha:]_][\w$]*))*)\s*\)\s*(where\M)?', 'i') as c
),
target as
(
  select c.oid, n.nspname, c.relname, c.relkind, pg_get_userbyid(c.relowner) as owner,
         format('%I.%I', n.nspname, c.relname) as name, pg_table_size(c.oid) as bytes
  from written w
  join pg_class c on c.relname = w.name[cardinality(w.name)] and c.relkind in ('r', 'p')
  join pg_namespace n on n.oid = c.relnamespace
  left join path p on p.nspname = n.nspname
  where case when cardinality(w.name) = 2 then n.nspname = w.name[1] else p.place is not null end
  order by p.place
  limit 1
),
-- The columns, in the order in which the statement gives them.
wanted as
(
  select min(item.place) as place, a.attname, a.attnum, a.attgenerated
  from written w
  cross join regexp_matches(w.columns, '("(?:[^"]|"")+"|[[:alpha:]_][\w$]*)', 'g')
    with ordinality as item (m, place)
  left join pg_attribute a on a.attrelid = (select oid from target)
    and a.attname = (parse_ident(item.m[1]))[1] and a.attnum > 0 and not a.attisdropped
  group by a.attname, a.attnum, a.attgenerated
),
-- An index that was meant to serve, but never became valid.
invalid as
(
  select i.indexrelid::regclass::text as name
  from target t
  join pg_index i on i.indrelid = t.oid and i.indisunique and not i.indisvalid
  where (select array_agg(attnum order by attnum) from wanted)
      = (select array_agg(k order by k) from unnest(i.indkey::int2[]) as k)
  limit 1
),
-- A name as PostgreSQL itself would choose it.
chosen as
(
  select format('%I', candidate) as name, format('%I.%I', t.nspname, candidate) as full_name
  from target t
  cross join lateral
    (select left(t.relname || '_' || string_agg(attname, '_' order by place), 55) || '_key' as base
     from wanted) as b
  cross join lateral unnest(array[base, base || '1', base || '2', base || '3']) with ordinality
    as n (candidate, place)
  where not exists (select from pg_class c
                    join pg_namespace s on s.oid = c.relnamespace
                    where s.nspname = t.nspname and c.relname = candidate)
    and octet_length(candidate) <= 63
  order by n.place
  limit 1
),
doubt as
(
  select case
    when not exists (select from raiser r
                     where has_any_column_privilege(r.oid, t.oid, 'insert')
                        or pg_has_role(r.oid, t.owner, 'usage'))
      then format('the role that raised the error may not insert into %s', t.name)
    when w.columns is null
      then 'the ON CONFLICT clause does not name plain columns'
    when w.predicate is not null
      then 'the ON CONFLICT clause has a predicate: a partial unique index is for a person to write'
    when exists (select from wanted where attname is null)
      then 'a column of the ON CONFLICT clause is not one of the table'
    when exists (select from wanted where attgenerated = 'v')
      then (select format('column %I of %s is computed when it is read: it cannot be indexed', o.attname,
              t.name) from wanted o where o.attgenerated = 'v' limit 1)
    when exists (select from pg_partitioned_table p
                 where p.partrelid = t.oid
                   and exists (select from unnest(p.partattrs::int2[]) as k
                               where k not in (select attnum from wanted)))
      then format('%s is partitioned by what the ON CONFLICT clause does not name: no unique index can'
        ' span its partitions', t.name)
    when i.name is not null
      then format('index %s on these columns exists, but is invalid: remove the duplicates,'
        ' then REINDEX it', i.name)
    when n.name is null then 'no free name for an index was found'
  end as reason
  from target t
  left join written w on true
  left join invalid i on true
  left join chosen n on true
),
way as
(
  select case when t.relkind = 'p' or t.bytes <= 256 * 1024 * 1024 then '' else ' concurrently' end
    as concurrently
  from target t
)
select
  case when d.reason is null then
    array[format('create unique index%s %s on %s (%s)', w.concurrently, n.name, t.name,
      (select string_agg(format('%I', attname), ', ' order by place) from wanted))]
  end as apply,
  case when d.reason is null then
    array[format('drop index%s if exists %s', w.concurrently, n.full_name)]
  end as undo,
  t.owner as run_as,
  t.nspname || '.' || t.relname as object,
  format('ON CONFLICT needs a unique index on exactly these columns of %s: %s. There is none; if the'
    ' table holds duplicates, it cannot be created.', t.name,
    (select string_agg(format('%I', attname), ', ' order by place) from wanted)) as explanation,
  w.concurrently = '' as transactional,
  jsonb_build_object('table_bytes', t.bytes) as evidence,
  d.reason as refusal
from target t
cross join way w
cross join doubt d
left join chosen n on true
