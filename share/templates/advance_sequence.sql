-- description: Moves a sequence past the highest key in its column
-- class: data
-- reversible: unneeded
-- explain: no
--
-- Keys that were inserted by hand, copied or restored do not move the
-- sequence that the default takes its numbers from.  An undo is not
-- needed: to put the sequence back would only make the failure return, for
-- every row, and to leave it where it is skips numbers at most.
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
-- hold a privilege to insert into the table.
raiser as
(
  select oid from pg_roles where rolname = $1 ->> 'raiser'
),
-- The index that refused the row.
refusing as
(
  select i.indrelid, i.indkey::int2[] as attnums
  from pg_index i
  join pg_class c on c.oid = i.indexrelid
  join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = $1 #>> '{event,schema_name}' and n.nspname !~ '^pg_temp'
    and c.relname = $1 #>> '{event,constraint_name}'
    and i.indisunique
),
-- Its table; a default that counts belongs to the topmost partitioned table.
ancestors as
(
  select indrelid as relid, 0 as height from refusing
  union all
  select i.inhparent, a.height + 1
  from ancestors a
  join pg_class c on c.oid = a.relid and c.relispartition
  join pg_inherits i on i.inhrelid = a.relid
),
-- Key columns that take their value from a sequence: by a default that
-- mentions it or as an identity, whose sequence depends on the column.
counted as
(
  select t.oid as relid, n.nspname, t.relname, pg_get_userbyid(t.relowner) as owner,
         a.attname, s.seqrelid, s.seqincrement, pg_get_expr(d.adbin, d.adrelid) as expression,
         -- setval() takes a bigint.
         case when coalesce(nullif(y.typbasetype, 0), y.oid)
                   in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) then ''
              else '::bigint' end as conversion,
         format('%I.%I', n.nspname, t.relname) as table_name,
         format('%I.%I', sn.nspname, sc.relname) as sequence_name,
         pg_get_userbyid(sc.relowner) as sequence_owner
  from refusing r
  join pg_attribute k on k.attrelid = r.indrelid and k.attnum = any (r.attnums)
  join pg_class t on t.oid = (select relid from ancestors order by height desc limit 1)
  join pg_namespace n on n.oid = t.relnamespace
  join pg_attribute a on a.attrelid = t.oid and a.attname = k.attname
  join pg_type y on y.oid = a.atttypid
  left join pg_attrdef d on d.adrelid = t.oid and d.adnum = a.attnum
  join pg_sequence s on
    exists (select from pg_depend
            where classid = 'pg_attrdef'::regclass and objid = d.oid
              and refclassid = 'pg_class'::regclass and refobjid = s.seqrelid)
    or exists (select from pg_depend
               where classid = 'pg_class'::regclass and objid = s.seqrelid
                 and refclassid = 'pg_class'::regclass and refobjid = t.oid
                 and refobjsubid = a.attnum and deptype = 'i')
  join pg_class sc on sc.oid = s.seqrelid
  join pg_namespace sn on sn.oid = sc.relnamespace
),
-- What the statement says about the key: a list of columns, or none.
insertion as
(
  select (select array_agg((parse_ident(c[1]))[1])
          from regexp_matches(m[1], '("(?:[^"]|"")+"|[[:alpha:]_][\w$]*)', 'g') as c) as columns,
         s.text ~* '\minsert\s+into\M' as inserts,
         s.text ~* '\mdefault\M' as defaults
  from statement s
  left join regexp_match(s.text,
    '\minto\s+(?:"(?:[^"]|"")+"|[[:alpha:]_][\w$]*)(?:\s*\.\s*(?:"(?:[^"]|"")+"|[[:alpha:]_][\w$]*))?\s*'
    '(?:as\s+(?:"(?:[^"]|"")+"|[[:alpha:]_][\w$]*)\s*)?\(((?:"(?:[^"]|"")*"|[^"()])*)\)', 'i') as m on true
),
doubt as
(
  select case
    when not exists (select from raiser r
                     where has_any_column_privilege(r.oid, c.relid, 'insert')
                        or pg_has_role(r.oid, c.owner, 'usage'))
      then format('the role that raised the error may not insert into %s', c.table_name)
    when (select count(*) from counted) > 1
      then 'more than one column of the key takes its value from a sequence'
    when c.owner <> c.sequence_owner
      then format('%s and its sequence %s have different owners', c.table_name, c.sequence_name)
    when c.expression !~ '^\(?nextval\(''(?:[^'']|'''')*''::regclass\)\)?(?:::[\w ."]+)?$'
      then format('the default of %I makes something else of the numbers of %s: %s', c.attname,
        c.sequence_name, c.expression)
    when i.inserts and not i.defaults and (i.columns is null or c.attname = any (i.columns))
      then format('the statement gives a value for %I itself, so its sequence is not to blame',
        c.attname)
  end as reason
  from counted c
  cross join insertion i
  limit 1
)
select
  case when d.reason is null then array[
    format('lock table %s in share row exclusive mode', c.table_name),
    format('select setval(%L, %s(%I)%s) from %s having %s(%I) %s (select last_value from %s)',
      c.sequence_name, f.extreme, c.attname, c.conversion, c.table_name,
      f.extreme, c.attname, f.beyond, c.sequence_name)]
  end as apply,
  null::text[] as undo,
  c.owner as run_as,
  c.nspname || '.' || c.relname as object,
  format('Sequence %s gives out keys that %s.%I holds already; this moves it past the last of'
    ' them. Nothing has to be undone: numbers are skipped, no row changes.',
    c.sequence_name, c.table_name, c.attname) as explanation,
  true as transactional,
  jsonb_build_object('sequence', c.sequence_name, 'column', c.attname,
    'key', $1 #>> '{captures,value}') as evidence,
  d.reason as refusal
from counted c
cross join lateral
  (values (case when c.seqincrement > 0 then 'max' else 'min' end,
           case when c.seqincrement > 0 then '>=' else '<=' end)) as f (extreme, beyond)
cross join doubt d
limit 1
