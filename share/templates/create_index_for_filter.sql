-- description: Creates an index for the largest sequential scan that looks for equal values
-- class: index
-- reversible: yes
-- explain: yes
--
-- The plan of the statement tells: among the sequential scans whose filter is
-- a conjunction with terms of the form column = constant, the most expensive
-- one gets an index on those columns.
with
-- Who raised the error: names and text in it are of his making, so he must
-- hold a privilege to read the table.
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
-- Sequential scans with a filter; without its literals, a filter shows whether
-- it is a conjunction.
scans as
(
  select scan ->> 'Schema' as nspname, scan ->> 'Relation Name' as relname,
         (scan ->> 'Total Cost')::numeric as cost, (scan ->> 'Plan Rows')::numeric as rows,
         scan ->> 'Filter' as filter,
         regexp_replace(scan ->> 'Filter', '''(?:[^'']|'''')*''', '''''', 'g') as terms
  from jsonb_path_query($2, 'strict $.** ? (@."Node Type" == "Seq Scan" && exists (@.Filter))') as scan
),
equalities as
(
  select s.*, term.place,
         (parse_ident(coalesce(term.m[1], term.m[2])))[1] as attname, term.m[1] is not null as as_text
  from scans s
  cross join regexp_matches(s.terms,
    -- (column = constant) or ((column)::text = constant), perhaps with an
    -- alias; a query that is run before stands there as $0 or (InitPlan 1)
    '\((?:\((?:[^\s()."]+\.|"(?:[^"]|"")+"\.)?([^\s()."]+|"(?:[^"]|"")+")\)::text'
    '|(?:[^\s()."]+\.|"(?:[^"]|"")+"\.)?([^\s()."]+|"(?:[^"]|"")+"))'
    ' = (?:''''|\$\d|\(InitPlan \d|-?\d|true|false|ANY \((?:''|\$|\(InitPlan \d))', 'g')
    with ordinality as term (m, place)
  where s.terms !~ '\mOR\M'
),
candidates as
(
  select c.oid, n.nspname, c.relname, c.relispartition, pg_get_userbyid(c.relowner) as owner,
         format('%I.%I', n.nspname, c.relname) as name,
         c.reltuples, pg_relation_size(c.oid) as bytes,
         e.cost, e.rows, e.filter, e.place, a.attname, a.attnum
  from equalities e
  join pg_class c on c.relname = e.relname and c.relkind in ('r', 'm')
  join pg_namespace n on n.oid = c.relnamespace
  left join path p on p.nspname = n.nspname
  join pg_attribute a on a.attrelid = c.oid and a.attname = e.attname and a.attnum > 0
    and not a.attisdropped
  join pg_type y on y.oid = a.atttypid
  cross join lateral (select coalesce(nullif(y.typbasetype, 0), y.oid) as oid) as base
  where case when e.nspname is not null then n.nspname = e.nspname else p.place is not null end
    -- Another type than varchar is computed to become text: its index is no help.
    and (not e.as_text or base.oid = 'varchar'::regtype)
    and exists
      (select from pg_opclass o
       join pg_am m on m.oid = o.opcmethod and m.amname = 'btree'
       where o.opcdefault
         and o.opcintype in (base.oid,
           case when base.oid = 'varchar'::regtype then 'text'::regtype end,
           case when y.typtype = 'e' then 'anyenum'::regtype end,
           case when y.typcategory = 'A' then 'anyarray'::regtype end))
),
target as
(
  select oid, nspname, relname, name, owner, relispartition, reltuples, bytes, cost, rows, filter,
         (array_agg(attname order by place))[1:3] as columns,
         array_agg(attnum) as attnums
  from candidates
  group by oid, nspname, relname, name, owner, relispartition, reltuples, bytes, cost, rows, filter
  order by cost desc, oid
  limit 1
),
index_name as
(
  select left(t.relname || '_' || array_to_string(t.columns, '_'), 55) || '_idx' as name
  from target t
),
doubt as
(
  select case
    when $2 is null
      then 'the statement could not be explained'
    when t.oid is null
      then 'its plan has no sequential scan that compares a column with a constant'
    when not exists (select from raiser r
                     where has_any_column_privilege(r.oid, t.oid, 'select')
                        or pg_has_role(r.oid, t.owner, 'usage'))
      then format('the role that raised the error may not read %s', t.name)
    when t.relispartition
      then format('%s is a partition: the index belongs to the partitioned table', t.name)
    when t.bytes < 1024 * 1024
      then format('%s has only %s: reading it is not what takes the time', t.name, pg_size_pretty(t.bytes))
    when t.reltuples > 0 and t.rows > 0.1 * t.reltuples
      then format('%s of %s rows of %s are expected to match: an index would not help',
        t.rows, t.reltuples, t.name)
    when exists (select from pg_index i
                 where i.indrelid = t.oid and i.indisvalid and i.indpred is null
                   and i.indkey[0] = any (t.attnums))
      then format('%s has an index on such a column, and the planner did not use it: ANALYZE may help',
        t.name)
    when exists (select from pg_class c
                 join pg_namespace s on s.oid = c.relnamespace
                 where s.nspname = t.nspname and c.relname = n.name)
      or octet_length(n.name) > 63
      then format('the name %I for an index is taken or too long', n.name)
  end as reason
  from (values (1)) as one
  left join target t on true
  left join index_name n on true
)
select
  case when d.reason is null then
    array[format('create index concurrently %I on %s (%s)', n.name, t.name,
      (select string_agg(format('%I', c), ', ' order by place)
       from unnest(t.columns) with ordinality as u (c, place)))]
  end as apply,
  case when d.reason is null then
    array[format('drop index concurrently if exists %I.%I', t.nspname, n.name)]
  end as undo,
  t.owner as run_as,
  t.nspname || '.' || t.relname as object,
  format('The statement reads all %s of %s to find rows with %s; an index finds them directly.',
    pg_size_pretty(t.bytes), t.name, t.filter) as explanation,
  false as transactional,
  jsonb_build_object('filter', t.filter, 'scan_cost', t.cost, 'rows_expected', t.rows,
    'table_rows', t.reltuples, 'table_bytes', t.bytes) as evidence,
  d.reason as refusal
from doubt d
left join target t on true
left join index_name n on true
