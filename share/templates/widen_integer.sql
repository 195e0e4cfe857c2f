-- description: Makes an integer key a bigint, with its sequence and the columns that reference it
-- class: rewrite
-- reversible: yes
-- explain: no
--
-- The column is the one that uses the exhausted sequence, or is inferred from
-- the statement: a message about an integer out of range does not name it.
-- Every table concerned is rewritten under an exclusive lock, so a person
-- decides when.  The undo fails, and changes nothing, once a value that only
-- a bigint can hold has been stored.
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
-- hold a privilege to write to the table; a checkup has no role.
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
-- Sequences, and the columns that own them or take their default from them.
counters as
(
  select d.objid as seqrelid, d.refobjid as relid, d.refobjsubid as attnum
  from pg_depend d
  where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass
    and d.deptype in ('a', 'i') and d.objid in (select seqrelid from pg_sequence)
  union
  select d.refobjid, a.adrelid, a.adnum
  from pg_depend d
  join pg_attrdef a on a.oid = d.objid
  where d.classid = 'pg_attrdef'::regclass and d.refclassid = 'pg_class'::regclass
    and d.refobjid in (select seqrelid from pg_sequence)
),
exhausted as
(
  select c.oid, rank() over (order by p.place nulls last) as rank
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  join pg_sequence s on s.seqrelid = c.oid
  left join path p on p.nspname = n.nspname
  where c.relname = $1 #>> '{captures,sequence}'
    and coalesce($1 #>> '{captures,limit}' in (s.seqmax::text, s.seqmin::text),
                 -- A checkup says where the sequence is, not where it ends.
                 n.nspname = $1 #>> '{event,schema_name}')
),
-- Else: the table that the statement writes to.
written as
(
  select parse_ident(m[1]) as name
  from statement s
  cross join regexp_match(s.text,
    '\m(?:insert\s+into|update(?:\s+only)?|merge\s+into(?:\s+only)?|copy)\s+'
    '((?:"(?:[^"]|"")+"|[[:alpha:]_][\w$]*)(?:\s*\.\s*(?:"(?:[^"]|"")+"|[[:alpha:]_][\w$]*))?)', 'i')
    as m
  where $1 #>> '{captures,sequence}' is null
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
-- Integer columns of that table, and what speaks for each of them.
suspects as
(
  select a.attrelid as relid, a.attnum,
         -- COPY names the column in its context, other statements may.
         coalesce(
           a.attname = (regexp_match($1 #>> '{event,context}', 'COPY \S+, line \d+, column ([^:]+)'))[1],
           (select text from statement) ~* ('\m' || regexp_replace(a.attname, '(\W)', '\\\1', 'g') || '\M')) as named,
         exists (select from pg_constraint f
                 join pg_attribute r on r.attrelid = f.confrelid
                  and r.attnum = f.confkey[array_position(f.conkey, a.attnum)]
                 where f.contype = 'f' and f.conrelid = a.attrelid
                   and a.attnum = any (f.conkey) and r.atttypid = 'int8'::regtype) as references_bigint,
         exists (select from counters k
                 join pg_sequence s on s.seqrelid = k.seqrelid
                 where k.relid = a.attrelid and k.attnum = a.attnum
                   and s.seqtypid = 'int8'::regtype) as counts_bigint
  from pg_attribute a
  where a.attrelid = (select relid from ancestors order by height desc limit 1)
    and a.attnum > 0 and not a.attisdropped
    and a.atttypid = case when 'smallint' in ($1 #>> '{captures,type}', $1 #>> '{captures,kind}')
                          then 'int2'::regtype else 'int4'::regtype end
),
-- First a foreign key that can bring in a bigint, or a column that was left to
-- a bigint sequence; then whatever the statement names.
likely as
(
  select relid, attnum,
         rank() over (order by references_bigint and (named or not any_named)
                               or counts_bigint and not named desc,
                               named desc) as rank
  from (select *, bool_or(named) over () as any_named from suspects) as s
),
roots as
(
  select k.relid, k.attnum
  from exhausted e
  join counters k on k.seqrelid = e.oid
  where e.rank = 1
  union
  select relid, attnum from likely where rank = 1
),
-- With every foreign key that follows, and those that follow it.
family as
(
  select relid, attnum from roots
  union
  select f.conrelid, f.conkey[array_position(f.confkey, m.attnum::int2)]
  from family m
  join pg_constraint f on f.contype = 'f' and f.confrelid = m.relid
    and m.attnum = any (f.confkey) and f.conparentid = 0
),
columns as
(
  select c.oid as relid, n.nspname, c.relname, pg_get_userbyid(c.relowner) as owner,
         format('%I.%I', n.nspname, c.relname) as table_name,
         a.attname, a.attnum, a.attinhcount, a.atttypid,
         format_type(a.atttypid, a.atttypmod) as type,
         row_number() over (order by m.relid not in (select relid from roots), c.oid, a.attnum) as place
  from family m
  join pg_class c on c.oid = m.relid
  join pg_namespace n on n.oid = c.relnamespace
  join pg_attribute a on a.attrelid = m.relid and a.attnum = m.attnum
  where a.atttypid in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
),
tables as
(
  select relid, table_name, min(place) as place,
         string_agg(format('alter column %I type bigint', attname), ', ' order by place) as widen,
         string_agg(format('alter column %I type %s', attname, type), ', ' order by place) as narrow
  from columns
  where atttypid <> 'int8'::regtype
  group by relid, table_name
),
-- The sequence of an identity column changes its type with the column.
sequences as
(
  select distinct format('%I.%I', n.nspname, s.relname) as name, q.seqtypid::regtype as type,
         pg_get_userbyid(s.relowner) as owner,
         -- A limit that is not that of its type stays unless it is lifted.
         case when l.text <> '' and q.seqincrement > 0 then ' no maxvalue'
              when l.text <> '' then ' no minvalue' else '' end as lift,
         l.text as limit
  from columns c
  join counters k on k.relid = c.relid and k.attnum = c.attnum
  join pg_sequence q on q.seqrelid = k.seqrelid
  cross join lateral
    (select case
       when q.seqincrement > 0 and q.seqmax < case q.seqtypid
           when 'int2'::regtype then 32767 when 'int4'::regtype then 2147483647
           else 9223372036854775807 end then ' maxvalue ' || q.seqmax
       when q.seqincrement < 0 and q.seqmin > case q.seqtypid
           when 'int2'::regtype then -32768 when 'int4'::regtype then -2147483648
           else -9223372036854775808 end then ' minvalue ' || q.seqmin
       else '' end as text) as l
  join pg_class s on s.oid = k.seqrelid
  join pg_namespace n on n.oid = s.relnamespace
  join pg_attribute a on a.attrelid = c.relid and a.attnum = c.attnum
  where (q.seqtypid <> 'int8'::regtype and (a.attidentity = '' or c.atttypid = 'int8'::regtype))
     or l.text <> ''
),
-- A column's children have it, too, and are altered with it.
tree as
(
  select relid, attname from columns where atttypid <> 'int8'::regtype
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
    when exists (select from columns c
                 where (c.relid, c.attnum) in (select relid, attnum from roots)
                   and not exists (select from raiser r
                                   where has_any_column_privilege(r.oid, c.relid, 'insert, update')
                                      or pg_has_role(r.oid, c.owner, 'usage')))
      and $1 ->> 'origin' is distinct from 'checkup'
      then format('the role that raised the error may not write to %s',
        (select string_agg(distinct table_name, ', ') from columns
         where (relid, attnum) in (select relid, attnum from roots)))
    when (select count(*) from exhausted where rank = 1) > 1
      then format('there are several sequences called %I at this limit', $1 #>> '{captures,sequence}')
    when (select count(*) from likely where rank = 1) > 1
      then format('several integer columns may be meant: %s',
        (select string_agg(format('%I', attname), ', ' order by attnum) from columns
         where (relid, attnum) in (select relid, attnum from roots)))
    when not exists (select from tables) and not exists (select from sequences)
      then 'the columns concerned are bigint already'
    when case when $1 #>> '{captures,value}' ~ '^-?\d+$'
              then abs(($1 #>> '{captures,value}')::numeric) > 9223372036854775807 end
      then 'the value does not fit into a bigint either'
    when (select count(distinct owner)
          from (select owner from columns union select owner from sequences) as o) > 1
      then format('the tables belong to different owners: %s',
        (select string_agg(table_name || ' to ' || owner, ', ' order by place) from columns))
    when $1 #>> '{captures,sequence}' is null
      and $1 #>> '{event,context}' ~ '(^|\n)(SQL statement|SQL function|PL/pgSQL function)'
      then 'it failed in a function that the statement called, which may have computed or written elsewhere'
    when exists (select from columns where attinhcount > 0)
      then format('a column is inherited: %s',
        (select string_agg(table_name || '.' || quote_ident(attname), ', ') from columns
         where attinhcount > 0))
    when exists (select from columns c
                 join pg_partitioned_table p on p.partrelid = c.relid
                 where c.attnum = any (p.partattrs::int2[]) and c.atttypid <> 'int8'::regtype)
      then 'a column is the key by which its table is partitioned, whose type cannot be altered'
    when exists (select from columns c join pg_class t on t.oid = c.relid where t.reloftype <> 0)
      then 'a table is made of a type, whose attributes would have to be altered'
    when exists (select from tree t
                 join pg_class c on c.oid = t.relid
                 where pg_get_userbyid(c.relowner) not in (select owner from columns))
      then 'tables that inherit a column belong to another owner'
    when u.names is not null
      then format('a column is used by %s, which would have to be created again', u.names)
  end as reason
  from users u
)
select
  case when d.reason is null then
    array(select format('alter table %s %s', table_name, widen) from tables order by place)
    || array(select format('alter sequence %s as bigint%s', name, lift) from sequences order by name)
  end as apply,
  case when d.reason is null then
    array(select format('alter sequence %s as %s%s', name, type, "limit") from sequences order by name)
    || array(select format('alter table %s %s', table_name, narrow) from tables order by place desc)
  end as undo,
  c.owner as run_as,
  c.nspname || '.' || c.relname as object,
  format('Values of %s.%I outgrow type %s; this makes it bigint, and with it %s. %s of tables'
    ' are rewritten under an exclusive lock.', c.table_name, c.attname, c.type,
    coalesce((select string_agg(format('%s.%I', o.table_name, o.attname), ', ' order by o.place)
              from columns o where o.place > 1 and o.atttypid <> 'int8'::regtype),
             'no other column'),
    pg_size_pretty((select coalesce(sum(pg_total_relation_size(relid)), 0) from tables))) as explanation,
  true as transactional,
  jsonb_build_object(
    'columns', (select jsonb_agg(format('%s.%I', table_name, attname) order by place) from columns),
    'sequences', (select coalesce(jsonb_agg(name order by name), '[]') from sequences),
    'bytes', (select coalesce(sum(pg_total_relation_size(relid)), 0) from tables)) as evidence,
  d.reason as refusal
from columns c
cross join doubt d
where c.place = 1
