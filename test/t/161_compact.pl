# 161_compact.pl: an old partition of errors that is stored anew could lose
# errors, keep others from being stored or read, or be left half-done

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main', 'homeostasis.compact_after_days' => 0, 'homeostasis.mode' => 'observe',
    'homeostasis.overflow_timeout' => '10s');

# reported(days, n, message): so many errors of that many days ago, stored
sub reported
{
    my ($days, $n, $message) = @_;
    my $count = "select count(*) from homeostasis.errors where message like '$message %'";
    my $wanted = $node->safe_psql('postgres', $count) + $n;

    $node->safe_psql('postgres', qq{
      select count(homeostasis.report(jsonb_build_object('service', 's' || i % 3, 'error_type', 'E' || i % 7,
        'error_message', '$message ' || i, 'timestamp', now() - interval '$days days' + i % 2 * interval '1 microsecond',
        'statement', repeat('select a_column from a_table where ', 20), 'metadata', jsonb_build_object('i', i))))
      from generate_series(1, $n) i});
    wait_for_value($node, $count, $wanted, 120);
    return;
}

# What is stored of what was reported, all of it.
sub contents
{
    return $node->safe_psql('postgres', q{
      select count(*), md5(string_agg(e::text, ',' order by e::text)) from homeostasis.errors e
      where origin = 'report'});
}

sub partition
{
    my ($days) = @_;

    return $node->safe_psql('postgres',
        "select homeostasis.partition_name((now() at time zone 'UTC')::date - $days)");
}

# Which files the tables have: another one after each time it is stored anew.
sub file
{
    my ($days) = @_;

    return $node->safe_psql('postgres', "select pg_relation_filenode('homeostasis." . partition($days) . "')");
}

my $maintain = q{select done from homeostasis.maintain() where task = 'partitions made compact'};

sub set_to
{
    my ($setting, $value) = @_;

    $node->safe_psql('postgres', "alter system set homeostasis.$setting = '$value'");
    $node->reload;
    wait_for_value($node, "show homeostasis.$setting", $value);
    return;
}

# In parts, whose entries come between each other in the indexes.
reported(5, 999, 'old') for 1 .. 3;
reported(1, 10, 'yesterday');
reported(0, 10, 'today');
my $before = contents();
my $size = "select pg_table_size('homeostasis.%s'), pg_indexes_size('homeostasis.%s')";
my ($heap, $indexes) = split /\|/, $node->safe_psql('postgres', $size =~ s/%s/partition(5)/ger);
my $shape = q{
  select c.relname, pg_get_indexdef(i.indexrelid), pg_get_constraintdef(k.oid), exists (select from pg_inherits h where h.inhrelid = c.oid)
  from pg_index i join pg_class c on c.oid = i.indexrelid left join pg_constraint k on k.conindid = c.oid
  where i.indrelid = 'homeostasis.} . partition(5) . q{'::regclass
  union all
  select c.relname, pg_get_expr(c.relpartbound, c.oid), c.relowner::regrole::text || c.reloptions::text, null from pg_class c
  where c.oid = 'homeostasis.} . partition(5) . q{'::regclass
  union all
  select conname, pg_get_constraintdef(oid), null, null from pg_constraint
  where contype = 'c' and conrelid = 'homeostasis.} . partition(5) . q{'::regclass
  order by 1};
my $shape_before = $node->safe_psql('postgres', $shape);
my $leftover = q{select count(*) from pg_class where relnamespace = 'homeostasis'::regnamespace and relname like '%compact%'};

# Not -----------------------------------------------------------------------------

is($node->safe_psql('postgres', $maintain), '0', 'nothing is stored anew when that is switched off');
set_to('compact_after_days', 1);
set_to('compact_limit', '8kB');
is($node->safe_psql('postgres', $maintain), '0', 'nor what is larger than the limit');
set_to('compact_limit', '1GB');

# Others hold the table.
my $reader = $node->background_psql('postgres');
$reader->query_safe('begin');
$reader->query_safe('select count(*) from homeostasis.errors');
is($node->safe_psql('postgres', $maintain), '0', 'nor while a transaction reads errors');
is($node->safe_psql('postgres', $leftover), '0', 'of which nothing is left');
$reader->query_safe('commit');

# An older snapshot, which does not see what came since.
my $old = $node->background_psql('postgres');
$old->query_safe('begin isolation level repeatable read');
$old->query_safe('select 1');
reported(5, 1, 'since');
is($old->query_safe($maintain), '0', 'nor by a transaction that would not see all errors');
$old->query_safe('rollback');
$before = contents();

# Half-way ---------------------------------------------------------------------------

# The healer would do it again after the crash.
set_to('workers', 'off');
my ($file, @recent) = map { file($_) } 5, 1, 0;
my $half = $node->background_psql('postgres');
my ($done, $tries) = ('', 0);
until ($done eq '1' || $tries++ == 60)
{
    # The ingest worker or autovacuum may be there for longer than it waits.
    $half->query_safe('rollback') if $tries > 1;
    $half->query_safe('begin');
    $done = $half->query_safe($maintain);
}
is($done, '1', 'it is done');
my $pid = $half->query_safe('select pg_backend_pid()');
kill_backend($pid);
wait_for_value($node, 'select 1', '1');
eval { $half->quit };
is(contents(), $before, 'a process that is killed before it commits has changed nothing');
is(file(5), $file, 'the partition is the old one');
is($node->safe_psql('postgres', $leftover), '0', 'and nothing is left of the new one');
set_to('compact_after_days', 0);
set_to('workers', 'on');
wait_for_value($node, q{select count(*) from homeostasis.stat_workers where kind = 'healer' and turns > 0}, '1');
set_to('compact_after_days', 1);

# Meanwhile ----------------------------------------------------------------------------

my $copier = $node->background_psql('postgres');
$copier->query_safe('begin');
$copier->query_safe('set local role homeostasis_owner');
is($copier->query_safe(q{select homeostasis.build_compact((now() at time zone 'UTC')::date - 5)}), 't', 'while rows are copied');
is(contents(), $before, 'errors can be read');
is($node->safe_psql('postgres', q{
    set role homeostasis_owner;
    set lock_timeout = '100ms';
    select homeostasis.build_compact((now() at time zone 'UTC')::date - 5)}), 'f', 'nobody else copies them');
reported(0, 3, 'current');
pass('errors of today are stored');
$node->safe_psql('postgres', q{select homeostasis.report(jsonb_build_object('service', 's1', 'error_message', 'late 1',
    'timestamp', now() - interval '5 days'))});
poll_until($node, 'select count(*) from homeostasis.deferred_events', '1', 'a late error waits in a table');
reported(0, 3, 'behind');
pass('and keeps nobody waiting');
is($copier->query_safe(q{select homeostasis.use_compact((now() at time zone 'UTC')::date - 5)}), 't', 'the copy is put in place');
$copier->query_safe('commit');
$copier->quit;
poll_until($node, q{select count(*) from homeostasis.errors where message = 'late 1'}, '1', 'then the late error is stored');
$node->safe_psql('postgres', q{delete from homeostasis.errors where message ~ '^(late|current|behind) '});
is(contents(), $before, 'no error was lost or changed');

# Done ------------------------------------------------------------------------------------

is($node->safe_psql('postgres', $shape), $shape_before, 'the new partition is like the old one, with the names of its indexes');
my ($new_heap, $new_indexes) = split /\|/, $node->safe_psql('postgres', $size =~ s/%s/partition(5)/ger);
cmp_ok($new_indexes, '<', $indexes, 'its indexes are smaller');
cmp_ok($new_heap, '<', 0.9 * $heap, 'and its long values');
note("table $heap -> $new_heap, indexes $indexes -> $new_indexes");
isnt(file(5), $file, 'it was stored anew');
$file = file(5);
is($node->safe_psql('postgres', $maintain), '0', 'which is done once');
is(file(5), $file, 'and not again');
is_deeply([ map { file($_) } 1, 0 ], \@recent, 'neither today nor yesterday is touched');

# Whoever has a snapshot sees what he saw ------------------------------------------------------

reported(6, 20, 'other');
$before = contents();
$old = $node->background_psql('postgres');
$old->query_safe('begin isolation level repeatable read');
$old->query_safe('select count(*) from pg_class');
poll_until($node, $maintain, '1', 'another partition is stored anew');
is($old->query_safe(q{select count(*) from homeostasis.errors where message like 'other %'}), '20',
    'a transaction that is older sees all its errors');
$old->query_safe('commit');
is(contents(), $before, 'and so do others');

# Whoever waits for it -----------------------------------------------------------------------------

# Holds errors, which the copy would need as well.
reported(7, 20, 'waited');
$node->safe_psql('postgres', q{
  create function public.wait(message text) returns integer language plpgsql immutable as $$
  begin
    perform pg_catalog.pg_advisory_lock_shared(1);
    perform pg_catalog.pg_advisory_unlock_shared(1);
    return 1;
  end $$;
  grant usage on schema public to homeostasis_owner;
  create index waiting on homeostasis.errors (public.wait(message));
});
$half = $node->background_psql('postgres');
$half->query_safe('select pg_advisory_lock(1)');
$copier = $node->background_psql('postgres');
$copier->query_safe('begin');
$copier->query_safe('set local role homeostasis_owner');
$pid = $copier->query_safe('select pg_backend_pid()');
$copier->query_until(qr/begun/, qq{\\echo begun\nselect homeostasis.build_compact((now() at time zone 'UTC')::date - 7);\n});
poll_until($node, "select wait_event_type from pg_stat_activity where pid = $pid and wait_event = 'advisory'", 'Lock',
    'while a partition is copied');
my $late = $node->background_psql('postgres');
$late->query_until(qr/begun/, q{\echo begun
select count(*) from homeostasis.ingest(jsonb_build_object('service', 's1', 'error_message', 'waited 21',
  'timestamp', now() - interval '7 days'));
});
poll_until($node, q{select count(*) from pg_locks where not granted and relation = 'homeostasis.} . partition(7) . q{'::regclass}, '1',
    'a session waits to store a late error');
$half->query_safe('select pg_advisory_unlock(1)');
poll_until($node, q{select count(*) from homeostasis.errors where message like 'waited %'}, '21',
    'it is stored although the transaction that copied goes on');
is($node->safe_psql('postgres', "select state from pg_stat_activity where pid = $pid"), 'idle in transaction', 'which has given up');
$copier->query_safe('commit');
$_->quit foreach $copier, $late, $half;
is($node->safe_psql('postgres', $leftover), '0', 'and of which nothing is left');
$node->safe_psql('postgres', 'drop index homeostasis.waiting; drop function public.wait');

# What was deleted --------------------------------------------------------------------------------

$node->safe_psql('postgres', q{
  insert into homeostasis.service_classes (name, retention_days) values ('short', 2);
  update homeostasis.services set class = 'short' where name in ('s0', 's1')});
is($node->safe_psql('postgres', q{select done > 0 from homeostasis.maintain() where task = 'errors deleted'}), 't',
    'errors of a class are deleted');
poll_until($node, $maintain, '0', 'until all partitions were stored anew');
my ($rest) = split /\|/, $node->safe_psql('postgres', $size =~ s/%s/partition(5)/ger);
cmp_ok($rest, '<', 0.6 * $new_heap, 'what was deleted from a partition frees its space');
is($node->safe_psql('postgres', q{select count(*) from homeostasis.errors e join homeostasis.services s on s.id = e.service_id
    where s.name = 's2' and message like 'old %'}), '999', 'and keeps what others need');

# Only the transaction that made a table may fill it.
$node->safe_psql('postgres', 'create table mine (like homeostasis.errors)');
my ($status, undef, $stderr) = $node->psql('postgres',
    q{select homeostasis.copy_errors('homeostasis.} . partition(5) . q{', 'mine', 1000)});
like($stderr, qr/was not made by this transaction/, 'rows are not written frozen into a table that is there');
($status, undef, $stderr) = $node->psql('postgres', q{begin; create table mine2 (like homeostasis.errors);
    select homeostasis.copy_errors('homeostasis.} . partition(5) . q{', 'mine2', 0)});
like($stderr, qr/takes longer/, 'copying ends when its time is over');

$node->stop;
done_testing();
