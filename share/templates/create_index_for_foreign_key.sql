-- description: Creates the index by which the referencing rows of a foreign key are found
-- class: index
-- reversible: yes
-- explain: no
--
-- Deleting or updating a referenced row makes the server look for the rows
-- that reference it, by a query that the error's context shows.
with
-- Who raised the error: names and text in it are of his making, so he must
-- hold a privilege to change referenced rows, or be the one as whom the server
-- looks for others: the owner.
raiser as
(
  select oid from pg_roles where rolname = $1 ->> 'raiser'
),
-- Table and columns from that query, in which every name is quoted.
query as
(
  select replace($1 #>> '{captures,schema}', '""', '"') as nspname,
         replace($1 #>> '{captures,table}', '""', '"') as relname,
         array(select replace(m[1], '""', '"')
               from regexp_matches($1 #>> '{captures,condition}',
                 '\$\d+(?:::[^ ]+)? OPERATOR\([^)]*\) "((?:[^"]|"")+)"', 'g') as m) as columns
),
target as
(
  select c.oid, n.nspname, c.relname, c.relkind, pg_get_userbyid(c.relowner) as owner,
         format('%I.%I', n.nspname, c.relname) as name, pg_table_size(c.oid) as bytes,
         f.conname, f.conkey, f.confrelid, f.confrelid::regclass::text as referenced,
         (select array_agg(a.attname order by k.place)
          from unnest(f.conkey) with ordinality as k (attnum, place)
          join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum) as columns
  from query q
  join pg_namespace n on n.nspname = q.nspname
  join pg_class c on c.relnamespace = n.oid and c.relname = q.relname
  join pg_constraint f on f.conrelid = c.oid and f.contype = 'f'
   and (select array_agg(a.attname::text order by a.attname)
        from pg_attribute a
        where a.attrelid = c.oid and a.attnum = any (f.conkey))
     = (select array_agg(w order by w) from unnest(q.columns) as w)
  order by f.oid
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
    when not exists (select from raiser r
                     where has_table_privilege(r.oid, t.confrelid, 'delete')
                        or has_any_column_privilege(r.oid, t.confrelid, 'update')
                        or pg_has_role(r.oid, t.owner, 'usage'))
      then format('the role that raised the error may neither delete from nor update %s', t.referenced)
    when exists (select from pg_index i
                 where i.indrelid = t.oid and i.indisvalid and i.indpred is null
                   and t.conkey <@ (i.indkey::int2[])[0:cardinality(t.conkey) - 1])
      then format('%s has an index on the columns of %I: what took the time lies elsewhere',
        t.name, t.conname)
    when exists (select from pg_class c
                 join pg_namespace s on s.oid = c.relnamespace
                 where s.nspname = t.nspname and c.relname = n.name)
      or octet_length(n.name) > 63
      then format('the name %I for an index is taken or too long', n.name)
  end as reason
  from target t
  cross join index_name n
),
way as
(
  select case when t.relkind = 'p' then '' else ' concurrently' end as concurrently from target t
)
select
  case when d.reason is null then
    array[format('create index%s %I on %s (%s)', w.concurrently, n.name, t.name,
      (select string_agg(format('%I', c), ', ' order by place)
       from unnest(t.columns) with ordinality as u (c, place)))]
  end as apply,
  case when d.reason is null then
    array[format('drop index%s if exists %I.%I', w.concurrently, t.nspname, n.name)]
  end as undo,
  t.owner as run_as,
  t.nspname || '.' || t.relname as object,
  format('For every row that is deleted from %s or gets another key, the server reads all %s of %s,'
    ' because the columns of its foreign key %I have no index.', t.referenced,
    pg_size_pretty(t.bytes), t.name, t.conname) as explanation,
  w.concurrently = '' as transactional,
  jsonb_build_object('constraint', t.conname, 'table_bytes', t.bytes) as evidence,
  d.reason as refusal
from target t
cross join index_name n
cross join way w
cross join doubt d
