-- description: Widens a varchar(n) column that a value did not fit into
-- class: schema
-- reversible: yes
-- explain: no
--
-- The message names the type, not the column: it is the only column of that
-- type in the table that the statement writes to, or the only one that the
-- statement names.  A wider varchar needs no rewrite of the table.  The undo
-- fails, and changes nothing, once the column holds a longer value.
with recursive
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
-- hold a privilege to write to the table.
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
-- The table that the statement writes to.
written as
(
  select parse_ident(m[1]) as name
  from statement s
  cross join regexp_match(s.text,
    '\m(?:insert\s+into|update(?:\s+only)?|merge\s+into(?:\s+only)?|copy)\s+'
    '((?:"(?:[^"]|"")+"|[[:alpha:]_][\w$]*)(?:\s*\.\s*(?:"(?:[^"]|"")+"|[[:alpha:]_][\w$]*))?)', 'i')
    as m
),
target as
(
  select c.oid
  from written w
  join pg_class c on c.relname = w.name[cardinality(w.name)] and c.relkind in ('r', 'p')
  join pg_namespace n on n.oid = c.relnamespace
  left join path p on p.nspname = n.nspname
  where case when cardinality(w.name) = 2 then n.nspname = w.name[1] else p.place is not null end
  order by p.place
  limit 1
),
-- A column of a partition is altered at the topmost partitioned table.
ancestors as
(
  select oid as relid, 0 as height from target
  union all
  select i.inhparent, a.height + 1
  from ancestors a
  join pg_class c on c.oid = a.relid and c.relispartition
  join pg_inherits i on i.inhrelid = a.relid
),
columns as
(
  select c.oid as relid, n.nspname, c.relname, pg_get_userbyid(c.relowner) as owner,
         format('%I.%I', n.nspname, c.relname) as table_name,
         a.attname, a.attnum, a.attinhcount,
         -- COPY names the column in its context, other statements may.
         coalesce(
           a.attname = (regexp_match($1 #>> '{event,context}', 'COPY \S+, line \d+, column ([^:]+)'))[1],
           (select text from statement) ~* ('\m' || regexp_replace(a.attname, '(\W)', '\\\1', 'g') || '\M')) as named
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  where c.oid = (select relid from ancestors order by height desc limit 1)
    and format_type(a.atttypid, a.atttypmod) = format('character varying(%s)', $1 #>> '{captures,length}')
),
candidates as
(
  select c.*, count(*) over () as rivals
  from columns c
  where c.named or not exists (select from columns where named)
),
-- Doubled until the longest literal of the statement fits.
width as
(
  select (regexp_match($1 #>> '{captures,length}', '^\d+$'))[1]::bigint as old,
         (select max(length(m[1]))
          from regexp_matches($1 #>> '{event,statement}',
            '"(?:[^"]|"")*"|''((?:[^'']|'''')*)''', 'g') as m) as needed
),
wider as
(
  select w.old, least(min(w.old * (2 ^ k.k)::bigint), 10485760) as new
  from width w
  cross join generate_series(1, 24) as k (k)
  where w.old * (2 ^ k.k)::bigint >= coalesce(w.needed, 0) or k.k = 24
  group by w.old
),
-- A column's children have it, too, and are altered with it.
tree as
(
  select relid, attname from candidates
  union
  select i.inhrelid, t.attname
  from tree t
  join pg_inherits i on i.inhparent = t.relid
),
-- What the server does not bring along when the type of a column changes, as
-- it does indexes, constraints and statistics.
users as
(
  select string_agg(distinct case
           when d.classid = 'pg_rewrite'::regclass
             then (select ev_class::regclass::text from pg_rewrite where oid = d.objid)
           when g.attnum is not null
             then pg_describe_object('pg_class'::regclass, g.attrelid, g.attnum)
           else pg_describe_object(d.classid, d.objid, 0) end, ', ') as names
  from tree t
  join pg_attribute a on a.attrelid = t.relid and a.attname = t.attname
  join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = t.relid
    and d.refobjsubid = a.attnum
  -- Generated columns: how a column is computed itself does not stand in the way.
  left join pg_attrdef f on d.classid = 'pg_attrdef'::regclass and f.oid = d.objid
  left join pg_attribute g on g.attrelid = f.adrelid and g.attnum = f.adnum
    and g.attgenerated <> '' and g.attnum <> a.attnum
  where g.attnum is not null
     or d.classid in ('pg_rewrite'::regclass, 'pg_trigger'::regclass, 'pg_policy'::regclass,
                      'pg_proc'::regclass, 'pg_publication_rel'::regclass)
),
doubt as
(
  select case
    when not exists (select from raiser r
                     where has_any_column_privilege(r.oid, c.relid, 'insert, update')
                        or pg_has_role(r.oid, c.owner, 'usage'))
      then format('the role that raised the error may not write to %s', c.table_name)
    when ($1 #>> '{event,context}') ~ '^PL/pgSQL function .* (at assignment|during statement block)'
      then 'the value did not fit into a variable of a function'
    when $1 #>> '{event,context}' ~ '(^|\n)(SQL statement|SQL function|PL/pgSQL function)'
      then 'it failed in a function that the statement called, which may have written elsewhere'
    when c.rivals > 1
      then (select format('%s has several columns of type varchar(%s): %s', c.table_name, w.old,
              string_agg(quote_ident(o.attname), ', ')) from candidates o)
    when c.attinhcount > 0
      then format('column %I of %s is inherited', c.attname, c.table_name)
    when exists (select from pg_class where oid = c.relid and reloftype <> 0)
      then format('%s is made of a type, whose attribute would have to be altered', c.table_name)
    when exists (select from tree t
                 join pg_partitioned_table p on p.partrelid = t.relid
                 join pg_attribute a on a.attrelid = t.relid and a.attname = t.attname
                 where a.attnum = any (p.partattrs::int2[]))
      then format('%s is partitioned by %I, whose type cannot be altered', c.table_name, c.attname)
    when exists (select from tree t join pg_class o on o.oid = t.relid
                 where pg_get_userbyid(o.relowner) <> c.owner)
      then format('tables that inherit from %s belong to another owner', c.table_name)
    when u.names is not null
      then format('column %I of %s is used by %s, which would have to be created again', c.attname,
        c.table_name, u.names)
    when w.new <= w.old then 'the column is as wide as varchar can be'
  end as reason
  from candidates c
  cross join users u
  cross join wider w
  limit 1
)
select
  case when d.reason is null then
    array[format('alter table %s alter column %I type varchar(%s)', c.table_name, c.attname, w.new)]
  end as apply,
  case when d.reason is null then
    array[format('alter table %s alter column %I type varchar(%s)', c.table_name, c.attname, w.old)]
  end as undo,
  c.owner as run_as,
  c.nspname || '.' || c.relname as object,
  format('A value is longer than the %s characters of %s.%I; this allows %s.', w.old, c.table_name,
    c.attname, w.new) as explanation,
  true as transactional,
  jsonb_build_object('column', c.attname, 'old', w.old, 'new', w.new) as evidence,
  d.reason as refusal
from candidates c
cross join wider w
cross join doubt d
limit 1
