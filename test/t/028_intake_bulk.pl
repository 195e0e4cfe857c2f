# 028_intake_bulk.pl: rows that go around the executor could go around what
# the owner of the table has asked for, or leave an index without them

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main', 'homeostasis.mode' => 'observe');

$node->safe_psql('postgres', 'create extension pg_walinspect');
$node->safe_psql('postgres', 'create extension amcheck');

$node->safe_psql('postgres', 'select homeostasis.create_partitions(3)');
my $today = $node->safe_psql('postgres', q{select homeostasis.partition_of((now() at time zone 'UTC')::date)});

# ingest(n, event): n errors in one batch, i is the number of each.  Returns how
# many records of WAL put one row into the partition of today, and how many put
# more.
sub ingest
{
    my ($n, $event) = @_;
    my $relation = $node->safe_psql('postgres', qq{select 'rel 1663/' || d.oid || '/' || pg_relation_filenode('$today') || ' '
        from pg_database d where d.datname = current_database()});
    my $from = $node->safe_psql('postgres', 'select pg_current_wal_insert_lsn()');
    $node->safe_psql('postgres', qq{
        select homeostasis.ingest(jsonb_agg(jsonb_build_object('service', 'shop') || $event)) from generate_series(1, $n) i});
    my $to = $node->safe_psql('postgres', 'select pg_current_wal_flush_lsn()');

    return split / /, $node->safe_psql('postgres', qq{
        select concat_ws(' ', count(*) filter (where record_type ~ '^INSERT'), count(*) filter (where record_type ~ '^MULTI_INSERT'))
        from pg_get_wal_records_info('$from', '$to') where resource_manager ~ '^Heap' and position('$relation' in block_ref) > 0});
}

# count(what): errors with that message
sub count
{
    my ($message) = @_;
    return $node->safe_psql('postgres', "select count(*) from homeostasis.errors where message ~ '^$message'");
}

# How ------------------------------------------------------------------------------------

my ($single, $many) = ingest(2000, q{jsonb_build_object('error_message', 'plain ' || i, 'error_type', 'T' || i % 7,
    'metadata', jsonb_build_object('n', i))});
is(count('plain'), '2000', 'a batch is stored');
is($single, '0', 'no row is inserted by itself');
cmp_ok($many, '<', 250, "but all of a page at once: $many records of WAL");
is($node->safe_psql('postgres', q{select count(*) from homeostasis.errors where message = 'plain ' || (metadata ->> 'n')}), '2000',
    'each with what is its own');

ingest(300, q{jsonb_build_object('error_message', 'days ' || i, 'timestamp', now() - i % 5 * interval '1 day')});
is($node->safe_psql('postgres', q{select string_agg(concat_ws(' ', n, there), ', ' order by day desc) from (
      select p.day, count(*) as n, bool_and((e.timestamp at time zone 'UTC')::date = p.day) as there
      from homeostasis.errors e join homeostasis.partitions() p on p.relation = e.tableoid
      where message ~ '^days' group by 1) d}),
    join(', ', ('60 t') x 5), 'the days of a batch go to their partitions');

ingest(20, q{jsonb_build_object('error_message', 'large ' || i, 'metadata',
    (select jsonb_object_agg('k' || k, md5(i * 1000 + k || 'x')) from generate_series(1, 500) k))});
is($node->safe_psql('postgres', q{select count(*), count(distinct metadata), bool_and(metadata ->> 'k7' = md5(
      right(message, -6)::int * 1000 + 7 || 'x')) from homeostasis.errors where message ~ '^large'}),
    '20|20|t', 'values too large for a page as well');

# What others have asked for -------------------------------------------------------------

my @changes = (
    [ 'a column with a default', q{alter table homeostasis.errors add column shift text default 'night'},
        q{alter table homeostasis.errors drop column shift}, q{select bool_and(shift = 'night') from homeostasis.errors where message ~ '^change 0'} ],
    [ 'a trigger of the partition', q{create function later() returns trigger language plpgsql as
          $$ begin new.hint := 'set by a trigger'; return new; end $$;
          create trigger later before insert on TODAY for each row execute function later()},
        q{drop trigger later on TODAY}, q{select bool_and(hint = 'set by a trigger') from homeostasis.errors where message ~ '^change 1'} ],
    [ 'a trigger that sees all new rows', q{create table seen (n int); create function see() returns trigger language plpgsql as
          $$ begin insert into public.seen select count(*) from fresh; return null; end $$;
          grant all on seen to public;
          create trigger see after insert on homeostasis.errors referencing new table as fresh for each statement execute function see()},
        q{drop trigger see on homeostasis.errors}, q{select sum(n) = 10 from seen} ],
    [ 'a rule', q{create table copied (message text); grant all on copied to public;
          create rule copy as on insert to homeostasis.errors do also insert into public.copied values (new.message)},
        q{drop rule copy on homeostasis.errors}, q{select count(*) = 10 from copied} ],
    [ 'a constraint that may be violated until the end', q{alter table TODAY add constraint once unique (event_id) deferrable initially deferred},
        q{alter table TODAY drop constraint once}, q{select count(*) = 10 from TODAY where message ~ '^change 4'} ],
    [ 'a constraint that excludes', q{alter table TODAY add constraint apart exclude (event_id with =)},
        q{alter table TODAY drop constraint apart}, q{select count(*) = 10 from TODAY where message ~ '^change 5'} ],
    [ 'a policy that holds for the owner', q{alter table homeostasis.errors enable row level security, force row level security;
          create policy all_of_them on homeostasis.errors using (true) with check (message !~ 'refused')},
        q{drop policy all_of_them on homeostasis.errors;
          alter table homeostasis.errors disable row level security, no force row level security},
        q{select count(*) = 10 from homeostasis.errors where message ~ '^change 6'} ],
);
foreach my $i (0 .. $#changes)
{
    my ($what, $set, $reset, $query) = map { s/TODAY/$today/gr } @{ $changes[$i] };

    $node->safe_psql('postgres', $set);
    my ($alone, $together) = ingest(10, "jsonb_build_object('error_message', 'change $i ' || i)");
    is("$alone $together", '10 0', "$what needs the executor");
    is($node->safe_psql('postgres', $query), 't', 'which does it');
    $node->safe_psql('postgres', $reset);
}
(undef, $many) = ingest(10, q{jsonb_build_object('error_message', 'back ' || i)});
cmp_ok($many, '>', 0, 'without them, and with a column that was dropped, rows go in together again');

$node->safe_psql('postgres', q{alter table homeostasis.errors add constraint no_cats check (message !~ 'cat')});
ingest(9, q{jsonb_build_object('error_message', case i when 4 then 'a cat' else 'a dog' end)});
is(count('a dog') . count('a cat'), '80', 'a constraint of the owner keeps out what violates it');
is($node->safe_psql('postgres', q{select reason from homeostasis.rejected_events where event like '%a cat%'}),
    qq{new row for relation "@{[ $today =~ s/.*\.//r ]}" violates check constraint "no_cats"}, 'and no other');

# Indexes --------------------------------------------------------------------------------

$node->safe_psql('postgres', qq{
    create index on $today ((metadata ->> 'n'), lower(message)) where metadata ? 'n';
    create index on $today using gin (metadata);
    create index on $today using brin (received_at);
    create index on $today using hash (message)});
($single, $many) = ingest(1500, q{jsonb_build_object('error_message', 'Indexed ' || i)
    || case when i % 3 = 0 then jsonb_build_object('metadata', jsonb_build_object('n', i)) else '{}' end});
cmp_ok($many, '>', 0, 'other indexes need no executor');
is($node->safe_psql('postgres', qq{
    select count(bt_index_check(c.oid, true)) > 4 from pg_index i join pg_class c on c.oid = i.indexrelid
    where i.indrelid = '$today'::regclass and c.relam = (select oid from pg_am where amname = 'btree')}),
    't', 'every row has its entries');
foreach my $query (q{message = 'Indexed 1234'}, q{metadata @> '{"n": 999}' and message = 'Indexed 999'},
    q{metadata ? 'n' and metadata ->> 'n' = '1500' and lower(message) = 'indexed 1500'},
    q{received_at > now() - interval '1 hour' and message = 'Indexed 1'})
{
    is($node->safe_psql('postgres', "set enable_seqscan = off; select count(*) from $today where $query"), '1', "found: $query");
}

is($node->safe_psql('postgres', qq{
    begin;
    drop index @{[ $node->safe_psql('postgres', qq{select indexrelid::regclass from pg_index where indrelid = '$today'::regclass
      and indexrelid in (select oid from pg_class where relam = (select oid from pg_am where amname = 'gin'))}) ]};
    set local enable_seqscan = off;
    set local enable_bitmapscan = off;
    select count(*) from $today where metadata ? 'n' and metadata ->> 'n' is null;
    rollback}), '0', 'a partial index has no others');

# An id that is there already is looked for among the rows of others.
my $given = q{jsonb_build_object('error_message', 'given', 'error_id', md5(i::text)::uuid)};
ingest(50, $given);
ingest(60, $given);
is(count('given'), '60', 'an error that is reported again is stored once');

# A partition whose columns are in another order.
my $day = q{(now() at time zone 'UTC')::date - 9};
$node->safe_psql('postgres', qq{select homeostasis.create_partition($day)});
my $old = $node->safe_psql('postgres', "select homeostasis.partition_of($day)");
$node->safe_psql('postgres', qq{
    do \$\$
    begin
      execute (select format('create table homeostasis.turned (%s)', string_agg(part, ', ' order by place desc)) from (
          select attnum, format('%I %s%s', attname, format_type(atttypid, null), case when attnotnull then ' not null' else '' end)
          from pg_attribute where attrelid = 'homeostasis.errors'::regclass and attnum > 0 and not attisdropped
          union all
          select 0, format('constraint %I %s', conname, pg_get_constraintdef(oid))
          from pg_constraint where conrelid = 'homeostasis.errors'::regclass and contype = 'c') c (place, part));
      alter table homeostasis.turned owner to homeostasis_owner;
      alter table homeostasis.errors detach partition $old;
      execute format('alter table homeostasis.errors attach partition homeostasis.turned for values from (%L) to (%L)',
        ($day)::timestamp at time zone 'UTC', ($day + 1)::timestamp at time zone 'UTC');
    end
    \$\$});
ingest(40, qq{jsonb_build_object('error_message', 'turned ' || i, 'error_type', 'Turned', 'release', 'r' || i, 'timestamp', ($day)::timestamp at time zone 'UTC')});
is($node->safe_psql('postgres', q{select count(*) from homeostasis.turned where error_type = 'Turned' and language = 'unknown'
      and release = 'r' || right(message, -7) and origin = 'ingest'}), '40', 'columns are found by their names');

$node->stop;
done_testing();
