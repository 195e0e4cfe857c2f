-- description: Gives a NOT NULL column the default that its name and type make obvious
-- class: schema
-- reversible: yes
-- explain: no
--
-- A default helps a statement that leaves the column out, not one that stores
-- null explicitly.
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
-- The column that was null; in a partition, and where it gets its default: a
-- row that is inserted through the partitioned table takes that one's.
ancestors as
(
  select c.oid as relid, 0 as height
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = $1 #>> '{event,schema_name}' and n.nspname !~ '^pg_temp'
    and c.relname = $1 #>> '{event,table_name}'
  union all
  select i.inhparent, a.height + 1
  from ancestors a
  join pg_class c on c.oid = a.relid and c.relispartition
  join pg_inherits i on i.inhrelid = a.relid
  -- A statement that names the partition does not see its parents.
  where (select text from statement) !~* ('\m' || regexp_replace(c.relname, '(\W)', '\\\1', 'g') || '\M')
),
target as
(
  select c.oid, n.nspname, c.relname, pg_get_userbyid(c.relowner) as owner,
         format('%I.%I', n.nspname, c.relname) as name,
         a.attname, a.attnum, a.atttypid, a.atthasdef, a.attidentity,
         lower(a.attname) as word
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  join pg_attribute a on a.attrelid = c.oid and a.attname = $1 #>> '{event,column_name}'
  where c.oid = (select relid from ancestors order by height desc limit 1)
),
-- What the column is called and of what type it is; null: not obvious.
obvious as
(
  select t.*,
         case
           when t.atttypid in ('timestamptz'::regtype, 'timestamp'::regtype)
             and t.word ~ '^(created|inserted|updated|modified|added|recorded|registered|logged)(_?(at|on|date|time|ts))?$'
             then 'now()'
           when t.atttypid = 'date'::regtype
             and t.word ~ '^(created|inserted|updated|modified|added|recorded|registered)(_?(at|on|date))?$'
             then 'current_date'
           when t.atttypid = 'bool'::regtype and t.word ~ '(^|_)(active|enabled|visible)$' then 'true'
           when t.atttypid = 'bool'::regtype
             and t.word ~ '(^(is|has|was)_|deleted|archived|disabled|hidden|locked|blocked|banned|verified|confirmed|processed|sent|read|done|paid|shipped)'
             then 'false'
           when t.atttypid in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
             and t.word ~ '(^|_)(count|counter|attempts|retries|views|hits|likes|failures|lock_version)$'
             then '0'
           when t.atttypid = 'uuid'::regtype and (t.word in ('id', 'uuid', 'guid') or k.is_key)
             then 'gen_random_uuid()'
           when t.atttypid in ('jsonb'::regtype, 'json'::regtype)
             and t.word ~ '^(meta|metadata|data|attributes|properties|settings|options|preferences|extra|payload)$'
             then '''{}'''
           when y.typcategory = 'A' and t.word ~ '^(tags|labels|roles|flags)$' then '''{}'''
           when s.name is not null then format('nextval(%L)', s.name)
         end as expression
  from target t
  join pg_type y on y.oid = t.atttypid
  cross join lateral
    (select exists (select from pg_index i
                    where i.indrelid = t.oid and i.indisprimary
                      and i.indkey::text = t.attnum::text) as is_key) as k
  -- A serial column that has lost its default still owns its sequence.
  left join lateral
    (select format('%I.%I', n.nspname, c.relname) as name
     from pg_depend d
     join pg_class c on c.oid = d.objid and c.relkind = 'S'
     join pg_namespace n on n.oid = c.relnamespace
     where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass
       and d.refobjid = t.oid and d.refobjsubid = t.attnum and d.deptype = 'a'
     limit 1) as s on true
),
-- The columns that an INSERT lists, or none.
insertion as
(
  select s.text,
         (select array_agg((parse_ident(c[1]))[1])
          from regexp_matches(m[1], '("(?:[^"]|"")+"|[[:alpha:]_][\w$]*)', 'g') as c) as columns
  from statement s
  left join regexp_match(s.text,
    '\minto\s+(?:"(?:[^"]|"")+"|[[:alpha:]_][\w$]*)(?:\s*\.\s*(?:"(?:[^"]|"")+"|[[:alpha:]_][\w$]*))?\s*'
    '(?:as\s+(?:"(?:[^"]|"")+"|[[:alpha:]_][\w$]*)\s*)?\(((?:"(?:[^"]|"")*"|[^"()])*)\)', 'i') as m on true
),
doubt as
(
  select case
    when not exists (select from raiser r
                     where has_any_column_privilege(r.oid, o.oid, 'insert, update')
                        or pg_has_role(r.oid, o.owner, 'usage'))
      then format('the role that raised the error may not write to %s', o.name)
    when i.text ~* '^\s*update\M'
      or o.attname = any (i.columns)
      then format('the statement stores null in %I itself: a default would not be used', o.attname)
    when o.atthasdef or o.attidentity <> ''
      then format('%I has a default already, so the statement stores null in it itself', o.attname)
    when exists (select from pg_constraint f
                 where f.contype = 'f' and f.conrelid = o.oid and o.attnum = any (f.conkey))
      then format('%I references another table: which row is for the statement to say', o.attname)
    when o.expression is null
      then format('no default is obvious for a column called %I of type %s', o.attname,
        o.atttypid::regtype)
  end as reason
  from obvious o
  cross join insertion i
)
select
  case when d.reason is null then
    array[format('alter table only %s alter column %I set default %s', o.name, o.attname, o.expression)]
  end as apply,
  case when d.reason is null then
    array[format('alter table only %s alter column %I drop default', o.name, o.attname)]
  end as undo,
  o.owner as run_as,
  o.nspname || '.' || o.relname as object,
  format('%s.%I is NOT NULL and has no default, and the statement leaves it out; %s is what a column'
    ' of this name and type is usually given.', o.name, o.attname, o.expression) as explanation,
  true as transactional,
  jsonb_build_object('column', o.attname, 'type', o.atttypid::regtype, 'default', o.expression) as evidence,
  d.reason as refusal
from obvious o
cross join doubt d
