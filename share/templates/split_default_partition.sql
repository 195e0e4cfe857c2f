-- description: Creates a partition whose rows are in the default partition, and moves them there
-- class: rewrite
-- reversible: yes
-- explain: no
--
-- The bounds are those of the CREATE TABLE ... PARTITION OF that failed, read
-- value by value: plain literals of well-known types, which are written down
-- anew.  The default partition is locked against everybody while its rows are
-- moved, so a person decides when.  The undo moves the rows back, and with
-- them those that have come since.
with
-- Who raised the error: the statement is of his making, and only who has the
-- rights of the owner may create a partition.
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
-- Nothing but the name, the parent and the bounds, whose values are literals
-- without escapes, numbers or words.
statement as
(
  select parse_ident(m[1])::name[] as part, parse_ident(m[2])::name[] as parent,
         case when m[3] is null then 'r' else 'l' end as strategy,
         coalesce(m[3], m[4] || ',' || m[5]) as list
  from (values ('(?:"(?:[^"]|"")+"|[[:alpha:]_][\w$]*)', '(?:''(?:[^''\\]|'''')*''|-?\d+(?:\.\d+)?|\w+)'))
    as lexis (word, value)
  cross join regexp_match($1 #>> '{event,statement}',
    format('^\s*create\s+table\s+(?:if\s+not\s+exists\s+)?(%1$s(?:\.%1$s)?)\s+partition\s+of\s+(%1$s(?:\.%1$s)?)'
      '\s+for\s+values\s+(?:in\s*\(((?:\s*%2$s\s*)(?:,\s*%2$s\s*)*)\)'
      '|from\s*\(\s*(%2$s)\s*\)\s*to\s*\(\s*(%2$s)\s*\))\s*;?\s*$', word, value), 'i') as m
  where m is not null
),
-- The partitioned table and its default partition, the one the error names.
target as
(
  select p.oid, n.nspname, p.relname, pg_get_userbyid(p.relowner) as owner,
         format('%I.%I', n.nspname, p.relname) as name,
         d.oid as default_oid, format('%I.%I', dn.nspname, d.relname) as default_name,
         pg_get_userbyid(d.relowner) as default_owner, d.relkind as default_kind,
         d.relhasrules, d.relforcerowsecurity, d.reltuples,
         t.partnatts, t.partstrat::text as strategy, a.attname, o.opcdefault,
         o.opcintype, coalesce(nullif(y.typbasetype, 0), y.oid) as type, y.typtype,
         t.partcollation[0] as collation, a.attcollation, s.spcname
  from pg_partitioned_table t
  join pg_class p on p.oid = t.partrelid
  join pg_namespace n on n.oid = p.relnamespace
  join pg_class d on d.oid = t.partdefid
  join pg_namespace dn on dn.oid = d.relnamespace
  join pg_opclass o on o.oid = t.partclass[0]
  left join pg_tablespace s on s.oid = p.reltablespace
  left join pg_attribute a on a.attrelid = p.oid and a.attnum = t.partattrs[0] and a.attnum > 0
  left join pg_type y on y.oid = a.atttypid
  where dn.nspname = $1 #>> '{event,schema_name}' and d.relname = $1 #>> '{event,table_name}'
),
-- Whether that is the table which the statement names, by schema or path.
meant as
(
  select n.nspname
  from target t
  cross join statement s
  join pg_class c on c.relname = s.parent[cardinality(s.parent)] and c.relkind = 'p'
  join pg_namespace n on n.oid = c.relnamespace
  left join path p on p.nspname = n.nspname
  where case when cardinality(s.parent) = 2 then n.nspname = s.parent[1] else p.place is not null end
  order by p.place
  limit 1
),
-- Where the new partition goes: the schema named, else the first of the path.
part as
(
  select n.oid as namespace, n.nspname, s.part[cardinality(s.part)] as relname,
         format('%I.%I', n.nspname, s.part[cardinality(s.part)]) as name
  from statement s
  join pg_namespace n on n.nspname !~ '^pg_'
  left join path p on p.nspname = n.nspname
  where case when cardinality(s.part) = 2 then n.nspname = s.part[1] else p.place is not null end
  order by p.place
  limit 1
),
-- The zone of a session of the role, unless it was set there.
zone as
(
  select coalesce(
    (select substr(line, length('timezone=') + 1)
     from pg_db_role_setting s
     cross join unnest(s.setconfig) as line
     where lower(line) like 'timezone=%'
       and s.setrole in (0, (select oid from raiser))
       and s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
     order by s.setrole <> 0 desc, s.setdatabase <> 0 desc
     limit 1),
    (select reset_val from pg_settings where name = 'TimeZone')) as name
),
-- The values one by one: as written, without quotes, and what kind it is.
literals as
(
  select v.place, v.m[1] as written,
         case when v.m[1] like '''%' then replace(substr(v.m[1], 2, length(v.m[1]) - 2), '''''', '''')
              else lower(v.m[1]) end as text,
         v.m[1] like '''%' as quoted,
         v.m[1] ~ '^-?\d' as number,
         lower(v.m[1]) in ('minvalue', 'maxvalue') and s.strategy = 'r' as unbounded
  from statement s
  cross join regexp_matches(s.list, '(''(?:[^'']|'''')*''|[^\s,]+)', 'g') with ordinality as v (m, place)
),
-- Whether each is written as its type is known to be, by one reading only.
checked as
(
  select l.*, t.opcintype,
         case
           when l.unbounded then true
           when t.opcintype in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
             then (l.quoted or l.number) and l.text ~ '^-?\d{1,19}$'
           when t.opcintype = 'numeric'::regtype
             then (l.quoted or l.number) and l.text ~ '^-?\d+(\.\d+)?$'
           when t.opcintype = 'date'::regtype
             then l.quoted and l.text ~ '^\d{4}-\d\d-\d\d$'
           when t.opcintype = 'timestamp'::regtype
             then l.quoted and l.text ~ '^\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?)?$'
           when t.opcintype = 'timestamptz'::regtype
             then l.quoted
              and l.text ~ '^\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?( ?([+-]\d\d(:?\d\d)?|Z))?)?$'
           when t.opcintype = 'uuid'::regtype
             then l.quoted and l.text ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
           when t.opcintype = 'bool'::regtype
             then l.text in ('true', 'false')
           when t.opcintype in ('text'::regtype, 'bpchar'::regtype) or t.typtype = 'e'
             then l.quoted
           else false
         end as plain
  from literals l
  cross join target t
),
-- As they are written into the patch: cast to the type and back, so that no
-- setting of a session gives them another meaning; null is unbounded.
bounds as
(
  select c.place, c.written,
         case
           when c.unbounded or not c.plain then null
           when c.opcintype in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'numeric'::regtype)
             then c.text::numeric::text
           when c.opcintype = 'date'::regtype then to_char(c.text::date, 'YYYY-MM-DD')
           when c.opcintype = 'timestamp'::regtype
             then to_char(c.text::timestamp, 'YYYY-MM-DD HH24:MI:SS.US')
           when c.opcintype = 'timestamptz'::regtype
             then to_char(case when c.text ~ '([+-]\d\d(:?\d\d)?|Z)$' and c.text ~ ':\d\d'
                               then c.text::timestamptz
                               else c.text::timestamp at time zone z.name end at time zone 'UTC',
                          'YYYY-MM-DD HH24:MI:SS.US') || '+00'
           when c.opcintype = 'uuid'::regtype then c.text::uuid::text
           else c.text
         end as value,
         -- The time of day it was meant to be, if no zone is written with it.
         case when c.plain and c.opcintype = 'timestamptz'::regtype and not c.unbounded
                and not (c.text ~ '([+-]\d\d(:?\d\d)?|Z)$' and c.text ~ ':\d\d')
              then c.text::timestamp::time end as local_time
  from checked c
  cross join zone z
),
-- The times of day at which the other partitions begin and end there.
sibling_times as
(
  select (m[1]::timestamptz at time zone z.name)::time as local_time
  from target t
  cross join zone z
  join pg_inherits i on i.inhparent = t.oid
  join pg_class c on c.oid = i.inhrelid
  cross join regexp_matches(pg_get_expr(c.relpartbound, c.oid), '''(\d{4}-\d\d-\d\d [^'']+)''', 'g') as m
  where t.opcintype = 'timestamptz'::regtype
),
clauses as
(
  select case s.strategy when 'l' then format('in (%s)', b.list)
              else format('from (%s) to (%s)', b.first, b.second) end as bound,
         case s.strategy when 'l' then format('%I in (%s)', t.attname, b.list)
              else concat_ws(' and ', format('%I is not null', t.attname),
                format('%I', t.attname) || ' >= ' || b.lower,
                format('%I', t.attname) || ' < ' || b.upper) end as condition
  from target t
  cross join statement s
  cross join
  (
    select string_agg(quote_literal(value), ', ' order by place) as list,
           max(coalesce(quote_literal(value), written)) filter (where place = 1) as first,
           max(coalesce(quote_literal(value), written)) filter (where place = 2) as second,
           max(quote_literal(value)) filter (where place = 1) as lower,
           max(quote_literal(value)) filter (where place = 2) as upper
    from bounds
  ) as b
  where t.attname is not null
),
columns as
(
  select string_agg(quote_ident(a.attname), ', ' order by a.attnum) as list,
         string_agg(quote_ident(a.attname), ', ' order by a.attnum)
           filter (where a.attgenerated <> '') as generated,
         -- From version 17 on, partitions have the identity of their table.
         case when bool_or(o.attidentity <> '') then ' overriding system value' else '' end as overriding
  from target t
  join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
  join pg_attribute o on o.attrelid = t.default_oid and o.attname = a.attname
),
doubt as
(
  select case
    when not exists (select from raiser r where pg_has_role(r.oid, t.owner, 'usage'))
      then format('the role that raised the error does not own %s', t.name)
    when t.default_owner <> t.owner
      then format('%s and its default partition %s have different owners', t.name, t.default_name)
    when t.partnatts > 1 or t.attname is null
      then format('the key of %s is not a single column', t.name)
    when s.list is null
      then 'the statement is not a plain CREATE TABLE ... PARTITION OF ... FOR VALUES with literal bounds'
    when m.nspname is distinct from t.nspname or s.parent[cardinality(s.parent)] <> t.relname
      then format('the statement is not about %s', t.name)
    when not t.opcdefault or t.collation <> t.attcollation
      then format('%s is partitioned by an order of its own', t.name)
    when t.strategy <> s.strategy
      then format('%s is not partitioned that way', t.name)
    when s.strategy = 'l' and exists (select from literals where not quoted and text = 'null')
      then 'rows whose key is null are for a person to move'
    when exists (select from checked where not plain)
      then format('the bound %s has several readings, or is of a type whose values are not read: %s',
        (select written from checked where not plain order by place limit 1), t.opcintype::regtype)
    when exists (select from bounds b where b.local_time is not null
                 and b.local_time not in (select local_time from sibling_times))
      and exists (select from sibling_times)
      then format('in time zone %s no partition of %s begins or ends at that time of day: write the'
        ' zone with the bounds', (select name from zone), t.name)
    when t.default_kind <> 'r'
      then format('default partition %s is partitioned itself or foreign', t.default_name)
    when exists (select from pg_constraint where contype = 'f' and confrelid = t.default_oid)
      then format('foreign keys reference %s: moved rows would count as deleted', t.name)
    when t.relhasrules
      or exists (select from pg_trigger
                 where tgrelid = t.default_oid and not tgisinternal and tgenabled <> 'D')
      then format('%s has triggers or rules, which moved rows would set off', t.default_name)
    when t.relforcerowsecurity
      then format('policies may hide rows of %s from its owner', t.default_name)
    when c.generated is not null
      then format('generated columns cannot be moved as they are: %s', c.generated)
    when t.reltuples > 10000000
      then format('%s holds about %s rows and would be locked while all of them are read: detach it,'
        ' create the partition, and move the rows in batches', t.default_name, t.reltuples::bigint)
    when p.name is null or not has_schema_privilege(t.owner, p.namespace, 'create')
      then format('%I may not create a table in the schema of the statement', t.owner)
    when exists (select from pg_class where relnamespace = p.namespace and relname = p.relname)
      then format('%s exists by now', p.name)
  end as reason
  from target t
  cross join columns c
  left join statement s on true
  left join meant m on true
  left join part p on true
)
select
  -- Locked in the order in which ATTACH PARTITION does it.
  case when d.reason is null then array[
    format('lock table only %s in share update exclusive mode', t.name),
    format('lock table %s in access exclusive mode', t.default_name),
    format('create table %s (like %s including all excluding identity)%s', p.name, t.name,
      ' tablespace ' || quote_ident(t.spcname)),
    format('with moved as (delete from %1$s where %2$s returning %3$s) insert into %4$s (%3$s) select %3$s from moved',
      t.default_name, l.condition, c.list, p.name),
    format('alter table %s attach partition %s for values %s', t.name, p.name, l.bound)]
  end as apply,
  case when d.reason is null then array[
    format('lock table only %s, %s, %s in access exclusive mode', t.name, t.default_name, p.name),
    format('alter table %s detach partition %s', t.name, p.name),
    format('with moved as (delete from %1$s returning %2$s) insert into %3$s (%2$s)%4$s select %2$s from moved',
      p.name, c.list, t.default_name, c.overriding),
    format('drop table %s', p.name)]
  end as undo,
  t.owner as run_as,
  t.nspname || '.' || t.relname as object,
  format('Rows of the new partition %s went to %s before it existed. This creates it for values %s and'
    ' moves them, while nobody can use %s (%s). The statement itself is not needed any more: its table'
    ' is there.', p.name, t.default_name, l.bound, t.default_name,
    pg_size_pretty(pg_table_size(t.default_oid))) as explanation,
  true as transactional,
  jsonb_build_object('default', t.default_name, 'bound', l.bound, 'rows', t.reltuples,
    'bytes', pg_table_size(t.default_oid)) as evidence,
  d.reason as refusal
from target t
cross join columns c
cross join doubt d
left join part p on true
left join clauses l on true
