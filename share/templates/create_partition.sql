-- description: Creates the partition that a row found missing, as its siblings are made
-- class: schema
-- reversible: yes
-- explain: no
--
-- In a range the step is inferred from the siblings, months of different length
-- and time zones included; the gap up to the row is filled and one partition
-- is added ahead, so that the error does not come back with the next row.
-- A list gets a partition for the value, a hash every remainder it lacks.
-- A partition is created as a table of its own and then attached, because
-- that locks the partitioned table against other DDL only.
with
-- Who raised the error: names and text in it are of his making, so he must
-- hold a privilege to write to the table or one above it.
raiser as
(
  select oid from pg_roles where rolname = $1 ->> 'raiser'
),
-- The table at which the row found no way on, and the value of its key.
parent as
(
  select c.oid, n.nspname, c.relname, pg_get_userbyid(c.relowner) as owner,
         p.partstrat as strategy, p.partnatts as keys,
         o.opcintype as type, t.typcategory as type_category, c.reltablespace,
         format('%I.%I', n.nspname, c.relname) as name,
         $1 #>> '{captures,value}' as value
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  join pg_partitioned_table p on p.partrelid = c.oid
  join pg_opclass o on o.oid = p.partclass[0]
  join pg_type t on t.oid = o.opcintype
  where n.nspname = $1 #>> '{event,schema_name}' and n.nspname !~ '^pg_temp'
    and c.relname = $1 #>> '{event,table_name}'
),
siblings as
(
  select n.nspname, c.relname, c.relkind, c.relpersistence, c.reltablespace,
         pg_get_expr(c.relpartbound, c.oid) as bound
  from parent p
  join pg_inherits i on i.inhparent = p.oid
  join pg_class c on c.oid = i.inhrelid
  join pg_namespace n on n.oid = c.relnamespace
),
-- What else they have in common: they are unlogged, or in one tablespace, which
-- the partitioned table may say as well.
kind as
(
  select case when bool_and(s.relpersistence = 'u') then ' unlogged' else '' end as unlogged,
         (select format(' tablespace %I', t.spcname) from pg_tablespace t
          where t.oid = coalesce(nullif(p.reltablespace, 0),
            case when min(s.reltablespace) = max(s.reltablespace) then min(s.reltablespace) end))
           as tablespace
  from parent p
  left join siblings s on s.bound <> 'DEFAULT'
  group by p.reltablespace
),
-- Bounds of the siblings of a range, as text; null is unbounded.
ranges as
(
  select s.nspname, s.relname,
         btrim(nullif(part[1], 'MINVALUE'), '''') as lower,
         btrim(nullif(part[2], 'MAXVALUE'), '''') as upper
  from parent p
  cross join siblings s
  cross join regexp_match(s.bound, '^FOR VALUES FROM \((.*)\) TO \((.*)\)$') as part
  where p.strategy = 'r' and p.keys = 1 and part is not null
),

-- Ranges of time.  Everything is reckoned in local time, because a month
-- begins at midnight somewhere: each zone that this database is set to is
-- tried, and the one in which the siblings are regular is taken.
zones as
(
  select name, min(place) as place
  from
  (
    select current_setting('TimeZone'), 1
    union all
    select 'UTC', 2
    union all
    select substr(setting, length('timezone=') + 1), 3
    from pg_db_role_setting s
    cross join unnest(s.setconfig) as setting
    where lower(setting) like 'timezone=%'
  ) as known (name, place)
  group by name
),
times as
(
  select z.name as zone, z.place, r.nspname, r.relname,
         case when p.type = 'timestamptz'::regtype
              then coalesce(r.lower, '-infinity')::timestamptz at time zone z.name
              else coalesce(r.lower, '-infinity')::timestamp end as lower,
         case when p.type = 'timestamptz'::regtype
              then coalesce(r.upper, 'infinity')::timestamptz at time zone z.name
              else coalesce(r.upper, 'infinity')::timestamp end as upper,
         case when p.type = 'timestamptz'::regtype
              then p.value::timestamptz at time zone z.name
              else p.value::timestamp end as value
  from parent p
  cross join ranges r
  cross join zones z
  where p.type in ('date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype)
    -- As DateStyle ISO writes it: any other order of day and month is a guess.
    and p.value ~ '^\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d(\.\d+)?([+-]\d\d(:\d\d)*)?)?$'
),
-- The step by which most siblings go, longer units of the calendar first.
time_step as
(
  select t.zone, step.length
  from times t
  cross join
  (
    select length, place
    from unnest(array['1 year', '6 months', '3 months', '1 month', '7 days',
      '1 day', '12 hours', '6 hours', '1 hour']::interval[])
      with ordinality as calendar (length, place)
    union
    select upper - lower, 100
    from times
    where isfinite(lower) and isfinite(upper)
  ) as step
  where isfinite(t.lower) and isfinite(t.upper)
  group by t.zone, t.place, step.length, step.place
  having 2 * count(*) filter (where t.lower + step.length = t.upper) > count(*)
  order by count(*) filter (where t.lower + step.length = t.upper) desc,
           t.place, step.place
  limit 1
),
-- The sibling from which the steps are counted: the nearest bounded one.
time_nearest as
(
  select t.*, s.length as step,
         case when t.value >= t.upper then t.upper else t.lower end as anchor
  from times t
  join time_step s on s.zone = t.zone
  where isfinite(t.lower) and isfinite(t.upper)
  order by case when t.value >= t.upper then t.value - t.upper else t.lower - t.value end
  limit 1
),
-- How many steps the row is away.  A month is 30 days to extract(epoch), so
-- the quotient is a guess that is searched around.
time_distance as
(
  select n.*, d.k
  from time_nearest n
  cross join lateral
    floor(extract(epoch from n.value - n.anchor) / extract(epoch from n.step)) as guess
  cross join lateral
  (
    select k
    from generate_series(guess::bigint - 9, guess::bigint + 9) as k
    where n.anchor + k * n.step <= n.value and n.value < n.anchor + (k + 1) * n.step
    limit 1
  ) as d
  where abs(guess) <= 110
),
-- From the anchor to one step beyond the row; for a row that lies before all
-- or in a gap, its own step only, cut short where the gap is narrower.
time_new as
(
  select d.nspname, d.relname, d.lower as sibling_lower, d.step, d.zone,
         case when k.k <> d.k then d.anchor + k.k * d.step
              else greatest(d.anchor + k.k * d.step, d.below) end as lower,
         case when k.k <> d.k then d.anchor + (k.k + 1) * d.step
              else least(d.anchor + (k.k + 1) * d.step, d.above) end as upper
  from
  (
    select n.*,
           (select max(t.upper) from times t where t.zone = n.zone and t.upper <= n.value) as below,
           (select min(t.lower) from times t where t.zone = n.zone and t.lower > n.value) as above
    from time_distance n
    where abs(n.k) <= 100
  ) as d
  cross join lateral
  (
    select k
    from generate_series(case when d.k < 0 or d.above is not null then d.k else 0 end,
                         case when d.k < 0 or d.above is not null then d.k else d.k + 1 end) as k
    limit 102
  ) as k
),
time_parts as
(
  select t.nspname,
         coalesce(
           (select replace(t.relname, to_char(t.sibling_lower, f.format), to_char(t.lower, f.format))
            from unnest(array['YYYY_MM_DD_HH24', 'YYYY-MM-DD-HH24', 'YYYYMMDD_HH24',
              'YYYYMMDDHH24', 'YYYY_MM_DD', 'YYYY-MM-DD', 'YYYYMMDD', 'YYYY_MM', 'YYYY-MM',
              'YYYYMM', 'YYYY"m"MM', 'YYYY"_q"Q', 'YYYY"q"Q', 'IYYY"_w"IW', 'IYYY"w"IW',
              'IYYY_IW', 'YYYY']) with ordinality as f (format, place)
            where strpos(t.relname, to_char(t.sibling_lower, f.format)) > 0
              and to_char(t.lower, f.format) <> to_char(t.lower + t.step, f.format)
            order by f.place
            limit 1),
           p.relname || to_char(t.lower, case when t.step < '1 day' then '_YYYYMMDDHH24MI'
                                              else '_YYYYMMDD' end)) as relname,
         format('from (%L) to (%L)',
           case p.type when 'date'::regtype then to_char(t.lower, 'YYYY-MM-DD')
                       when 'timestamp'::regtype then to_char(t.lower, 'YYYY-MM-DD HH24:MI:SS')
                       else replace(to_json(t.lower at time zone t.zone) #>> '{}', 'T', ' ') end,
           case p.type when 'date'::regtype then to_char(t.upper, 'YYYY-MM-DD')
                       when 'timestamp'::regtype then to_char(t.upper, 'YYYY-MM-DD HH24:MI:SS')
                       else replace(to_json(t.upper at time zone t.zone) #>> '{}', 'T', ' ') end) as bound,
         to_char(t.lower, 'YYYY-MM-DD HH24:MI:SS') as place,
         'steps of ' || t.step as how
  from parent p
  cross join time_new t
),

-- Ranges of whole numbers: the width that most siblings have.
numbers as
(
  select r.nspname, r.relname,
         coalesce(r.lower, '-infinity')::numeric as lower,
         coalesce(r.upper, 'infinity')::numeric as upper,
         p.value::numeric as value
  from parent p
  cross join ranges r
  where p.type in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
    and p.value ~ '^-?\d+$'
),
number_width as
(
  select upper - lower as width
  from numbers
  where upper - lower < 'infinity'
  group by upper - lower
  having 2 * count(*) > (select count(*) from numbers where upper - lower < 'infinity')
),
number_nearest as
(
  select n.*, w.width,
         case when n.value >= n.upper then n.upper else n.lower end as anchor
  from numbers n
  cross join number_width w
  where n.upper - n.lower < 'infinity'
  order by case when n.value >= n.upper then n.value - n.upper else n.lower - n.value end
  limit 1
),
number_new as
(
  select d.nspname, d.relname, d.lower as sibling_lower, d.width, d.value,
         case when k.k <> d.k then d.anchor + k.k * d.width
              else greatest(d.anchor + k.k * d.width, d.below) end as lower,
         case when k.k <> d.k then d.anchor + (k.k + 1) * d.width
              else least(d.anchor + (k.k + 1) * d.width, d.above) end as upper
  from
  (
    select n.*, floor((n.value - n.anchor) / n.width) as k,
           (select max(o.upper) from numbers o where o.upper <= n.value) as below,
           (select min(o.lower) from numbers o where o.lower > n.value) as above
    from number_nearest n
  ) as d
  cross join lateral
  (
    select k
    from generate_series(case when d.k < 0 or d.above is not null then d.k else 0 end,
                         case when d.k < 0 or d.above is not null then d.k else d.k + 1 end) as k
    limit 102
  ) as k
  where abs(d.k) <= 100
),
-- A bound is of the key's type: what lies beyond has no partition of its own.
number_limit as
(
  select case type when 'int2'::regtype then 32767
                   when 'int4'::regtype then 2147483647
                   else 9223372036854775807 end as most
  from parent
),
number_parts as
(
  select t.nspname,
         case when t.relname ~ ('_p?' || t.sibling_lower || '(_|$)')
              then regexp_replace(t.relname, '(_p?)' || t.sibling_lower || '(_|$)',
                                  '\1' || t.lower || '\2')
              when t.relname ~ '\D\d{1,9}$'
              then regexp_replace(t.relname, '\d+$', '')
                || substring(t.relname from '\d+$')::integer + div(t.lower - t.sibling_lower, t.width)
              else p.relname || '_' || t.lower end as relname,
         format('from (%L) to (%L)', t.lower, t.upper) as bound,
         to_char(t.lower, 'S0000000000000000000') as place,
         'steps of ' || t.width as how
  from parent p
  cross join number_new t
  cross join number_limit l
  where abs(t.lower) <= l.most and abs(t.upper) <= l.most
),

-- List: one value, one partition, if that is how the siblings have it.  A
-- value appears in a partition's name as its letters and digits.
lists as
(
  select s.nspname, s.relname,
         trim(both '_' from lower(regexp_replace(part[1], '\W+', '_', 'g'))) as word
  from parent p
  cross join siblings s
  cross join regexp_match(s.bound, '^FOR VALUES IN \((''(?:[^'']|'''')*''|\w+)\)$') as part
  where p.strategy = 'l' and s.bound <> 'DEFAULT'
),
list_parts as
(
  select l.nspname,
         -- As a word of the name: the table's own name may hold its letters, too.
         case when l.word <> '' and l.relname ~ ('[^[:alnum:]]' || l.word || '(?![[:alnum:]])')
              then regexp_replace(l.relname, '^(.*[^[:alnum:]])' || l.word || '(?![[:alnum:]])', '\1' || v.word)
              else p.relname || '_' || v.word end as relname,
         format('in (%L)', nullif(p.value, 'null')) as bound,
         ''::text as place,
         'one value each' as how
  from parent p
  cross join lateral (select * from lists order by word desc limit 1) as l
  cross join lateral
    (select coalesce(
       nullif(trim(both '_' from lower(regexp_replace(p.value, '\W+', '_', 'g'))), ''),
       left(md5(p.value), 8))) as v (word)
  where not exists (select from lists where word is null)
),

-- Hash: the remainders of the largest modulus that no sibling takes.
hashes as
(
  select s.nspname, s.relname, part[1]::integer as modulus, part[2]::integer as remainder
  from parent p
  cross join siblings s
  cross join regexp_match(s.bound, '\(modulus (\d+), remainder (\d+)\)') as part
  where p.strategy = 'h' and part is not null
),
hash_parts as
(
  select h.nspname,
         case when h.relname ~ ('\D' || h.remainder || '$')
              then regexp_replace(h.relname, '\d+$', '') || r.remainder
              else p.relname || '_' || r.remainder end as relname,
         format('with (modulus %s, remainder %s)', h.modulus, r.remainder) as bound,
         to_char(r.remainder, '0000000000') as place,
         'modulus ' || h.modulus as how
  from parent p
  cross join lateral
    (select * from hashes order by modulus desc, remainder limit 1) as h
  cross join lateral (select r from generate_series(0, h.modulus - 1) as r limit 1024) as r (remainder)
  where not exists (select from hashes o where r.remainder % o.modulus = o.remainder)
),

parts as
(
  select nspname, relname, format('%I.%I', nspname, relname) as name, bound, place, how
  from (select * from time_parts union all select * from number_parts
        union all select * from list_parts union all select * from hash_parts) as p
),
-- Why nothing is proposed, the most telling reason first.
doubt as
(
  select case
    when not exists (select from raiser r
                     where exists (select from pg_partition_ancestors(p.oid) as a (relid)
                                   where has_any_column_privilege(r.oid, a.relid, 'insert, update'))
                        or pg_has_role(r.oid, p.owner, 'usage'))
      then format('the role that raised the error may not write to %s', p.name)
    when p.strategy <> 'h' and p.keys > 1
      then format('the key of %s has %s columns; a step can be inferred for one only', p.name, p.keys)
    when not exists (select from siblings where bound <> 'DEFAULT')
      then format('%s has no partition to take as a model', p.name)
    when exists (select from siblings where relkind <> 'r')
      then format('partitions of %s are partitioned themselves or foreign', p.name)
    when p.strategy = 'r' and p.value = 'null'
      then format('a range has no place for a null key: only a default partition of %s takes it', p.name)
    when p.strategy = 'r' and p.type_category = 'D' and not exists (select from times)
      then format('the key %L is not written as DateStyle ISO writes it, or its type is not'
        ' date, timestamp or timestamptz', p.value)
    when p.strategy = 'r' and p.type_category not in ('D', 'N')
      then format('no step can be inferred for a key of type %s', p.type::regtype)
    when p.strategy = 'l' and p.value = 'null' and p.type_category = 'S'
      then 'the key may be null or the word "null": the message does not tell'
    when p.strategy = 'l' and p.value like '%...'
      then 'the server has cut the key short in its message'
    when p.strategy = 'l' and not exists (select from list_parts)
      then format('partitions of %s hold more than one value each: which of them takes %L'
        ' is for a person to say', p.name, p.value)
    when p.strategy = 'r' and not exists (select from time_step)
      and not exists (select from number_width)
      then format('partitions of %s follow no regular step', p.name)
    when exists (select from number_new n cross join number_limit l
                 where n.lower <= n.value and n.value < n.upper and greatest(abs(n.lower), abs(n.upper)) > l.most)
      then format('the next step of %s goes beyond its type %s', p.name, p.type::regtype)
    when not exists (select from parts)
      then format('%L is more than 100 steps away from the nearest partition of %s, or lies in one',
        p.value, p.name)
    when exists (select from parts t
                 join pg_class c on c.relname = t.relname
                 join pg_namespace n on n.oid = c.relnamespace and n.nspname = t.nspname)
      or exists (select from parts t group by t.relname having count(*) > 1)
      or exists (select from parts t where octet_length(t.relname) > 63)
      then 'the name a new partition would get is taken or too long'
    end as reason
  from parent p
)
select
  case when d.reason is null then
    (select array_agg(step order by t.place, number)
     from parts t
     cross join lateral
       (values
         (1, format('create%s table %s (like %s including all excluding identity)%s', k.unlogged, t.name,
               p.name, k.tablespace)),
         (2, format('alter table %s attach partition %s for values %s', p.name, t.name, t.bound))
       ) as steps (number, step)) end as apply,
  -- A partition that holds rows by now is not dropped: its first row makes the
  -- query fail, by a cast that says so, and with it the undo.
  case when d.reason is null then
    array[format('lock table %s in access exclusive mode', p.name)]
    || (select array_agg(step order by t.place desc, number)
        from parts t
        cross join lateral
          (values
            (1, format('select (''partition '' || tableoid::regclass || '' holds rows and stays'')::integer'
                       ' from %s limit 1', t.name)),
            -- What references the table keeps a partition from being dropped.
            (2, format('alter table %s detach partition %s', p.name, t.name)),
            (3, format('drop table %s', t.name))
          ) as steps (number, step)) end as undo,
  p.owner as run_as,
  p.nspname || '.' || p.relname as object,
  format('No partition of %s takes a row with key %s. Its partitions go by %s; this creates %s.',
    p.name, p.value, (select min(how) from parts),
    (select string_agg(t.name, ', ' order by t.place) from parts t)) as explanation,
  true as transactional,
  jsonb_build_object(
    'key', p.value,
    'siblings', (select count(*) from siblings),
    'new', (select jsonb_object_agg(t.relname, t.bound) from parts t)) as evidence,
  d.reason as refusal
from parent p
cross join kind k
cross join doubt d
