-- description: Replaces a btree index whose values are too long by a hash index
-- class: index
-- reversible: yes
-- explain: no
--
-- A hash index stores 4 bytes a value, whatever its length, and serves
-- equality only.  A unique index is left alone: a hash index cannot be
-- unique, and an index on an md5 expression does not serve ON CONFLICT (column).
-- The undo fails, and changes nothing, once a long value has been stored.
with
-- Who raised the error: names and text in it are of his making, so he must
-- hold a privilege to write to the table or one above it.
raiser as
(
  select oid from pg_roles where rolname = $1 ->> 'raiser'
),
target as
(
  select c.oid, n.nspname, c.relname, t.relname as table_name, t.oid as relid,
         pg_get_userbyid(t.relowner) as owner, c.relkind,
         format('%I.%I', n.nspname, c.relname) as name,
         format('%I.%I', tn.nspname, t.relname) as full_table_name,
         i.indisunique, i.indnatts, i.indkey[0] as attnum, a.attname,
         pg_get_expr(i.indpred, i.indrelid) as predicate,
         pg_get_indexdef(c.oid) as definition, pg_table_size(t.oid) as bytes,
         array(select classid::regclass || ' ' || objid
               from pg_depend
               where refclassid = 'pg_class'::regclass and refobjid = c.oid) as dependents,
         i.indisclustered or i.indisreplident as special, c.reltablespace <> 0 as placed,
         obj_description(c.oid, 'pg_class') as comment,
         (select format(' collate %I.%I', ln.nspname, l.collname)
          from pg_collation l
          join pg_namespace ln on ln.oid = l.collnamespace
          where l.oid = i.indcollation[0] and l.oid <> a.attcollation) as collation
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  join pg_index i on i.indexrelid = c.oid
  join pg_class t on t.oid = i.indrelid
  join pg_namespace tn on tn.oid = t.relnamespace
  left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0] and a.attnum > 0
  where n.nspname = $1 #>> '{event,schema_name}'
    and c.relname = $1 #>> '{captures,index}'
    and t.relname = $1 #>> '{event,table_name}'
),
doubt as
(
  select case
    when not exists (select from raiser r
                     where exists (select from pg_partition_ancestors(t.relid) as a (relid)
                                   where has_any_column_privilege(r.oid, a.relid, 'insert, update'))
                        or has_any_column_privilege(r.oid, t.relid, 'insert, update')
                        or pg_has_role(r.oid, t.owner, 'usage'))
      then format('the role that raised the error may not write to %s', t.full_table_name)
    when t.relkind <> 'i' or exists (select from pg_inherits where inhrelid = t.oid)
      then format('%s is part of the index of a partitioned table', t.name)
    when t.indisunique
      then format('%s is unique, which a hash index cannot be: a unique index on md5(%I) may do, or a'
        ' CHECK on the length', t.name, t.attname)
    when t.indnatts > 1
      then format('%s has several columns, a hash index has one', t.name)
    when t.attname is null
      then format('%s is on an expression', t.name)
    when t.placed
      then format('%s is in a tablespace of its own, which its definition does not tell', t.name)
    when t.special or t.comment is not null or t.dependents <> '{}'
      then format('%s is the table''s replica identity or cluster order, or something depends on it',
        t.name)
  end as reason
  from target t
)
select
  case when d.reason is null then array[
    format('drop index %s', t.name),
    format('create index %I on %s using hash (%I%s)%s', t.relname, t.full_table_name, t.attname,
      t.collation, ' where ' || t.predicate)]
  end as apply,
  case when d.reason is null then array[format('drop index %s', t.name), t.definition] end as undo,
  t.owner as run_as,
  t.nspname || '.' || t.table_name as object,
  format('%s indexes whole values of %I, and a value is longer than a btree can hold. A hash index'
    ' takes values of any length, but serves only comparisons by =; ranges and ORDER BY on %I will'
    ' no longer use an index.', t.name, t.attname, t.attname) as explanation,
  true as transactional,
  jsonb_build_object('definition', t.definition, 'table_bytes', t.bytes) as evidence,
  d.reason as refusal
from target t
cross join doubt d
