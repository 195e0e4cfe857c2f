# 162_storage.pl: the workers could take more memory than they may, hide what
# they use, or leave tables that they update to grow

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main', 'homeostasis.mode' => 'observe', 'homeostasis.batch_size' => 10_000,
    'homeostasis.memory_limit' => '32MB', 'homeostasis.ring_size' => '256MB', 'homeostasis.durability' => 'memory',
    'homeostasis.overflow_timeout' => '30s', 'dynamic_shared_memory_type' => 'mmap');

my $stored = 'select sum(stored) from homeostasis.stat_intake';

# ingest(column): what stat_workers says of the ingest worker
sub ingest
{
    my ($column) = @_;

    return $node->safe_psql('postgres', "select $column from homeostasis.stat_workers where kind = 'ingest'");
}

# backlog(n, event): so many events are there before the worker takes the first
sub backlog
{
    my ($n, $event) = @_;
    my $wanted = $node->safe_psql('postgres', $stored) + $n;
    my $pid = worker_pid($node, 'homeostasis ingest');

    kill 'STOP', $pid or die "cannot stop $pid";
    my $done = eval {
        $node->safe_psql('postgres', "select count(homeostasis.report($event)) from generate_series(1, $n) i");
        1;
    };
    kill 'CONT', $pid;
    die $@ unless $done;
    poll_until($node, $stored, $wanted, "$n errors are stored", 180);
    return;
}

# Memory -------------------------------------------------------------------------------

is(ingest('memory_share_bytes'), 16 * 1024 * 1024, 'the limit is shared by the ingest worker and the healer');
is($node->safe_psql('postgres', q{select string_agg(kind, ' ') from homeostasis.stat_workers
    where memory_share_bytes is null and kind <> 'compiler'}),
    'launcher', 'and by no others');

# 150 kB each, each with a stack of its own, which the worker remembers.
backlog(600, q{jsonb_build_object('service', 's', 'error_type', 'Large', 'error_message', repeat('large ', 2000),
    'metadata', jsonb_build_object('a', repeat(i::text || 'm', 12000)), 'environment', jsonb_build_object('a', repeat(i::text || 'e', 12000)),
    'stack_trace', repeat('  File "a.py", line ' || i || e', in f\n', 1500))});
cmp_ok(ingest('memory_peak_bytes'), '<=', ingest('memory_share_bytes'), 'the worker stays within its share');
cmp_ok(ingest('early_batches'), '>', 0, 'for which it stores smaller batches');
note('peak ' . ingest('memory_peak_bytes') . ' of ' . ingest('memory_share_bytes') . ', early ' . ingest('early_batches'));

# Many small ones: what each takes besides its text counts as well.
backlog(30_000, q{jsonb_build_object('service', 's', 'error_type', 'Small', 'error_message', 'small')});
cmp_ok(ingest('memory_peak_bytes'), '<=', ingest('memory_share_bytes'), 'so it does with many small ones');
is($node->safe_psql('postgres', 'select sum(rejected) + sum(failed_batches) + sum(dropped_full) from homeostasis.stat_intake'), '0',
    'no error was lost for it');
note('peak ' . ingest('memory_peak_bytes') . ' of ' . ingest('memory_share_bytes') . ', early ' . ingest('early_batches'));

# With room for all there is no reason to.
$node->safe_psql('postgres', q{alter system set homeostasis.memory_limit = '4GB'});
$node->reload;
poll_until($node, q{select memory_share_bytes from homeostasis.stat_workers where kind = 'ingest'}, 2 * 1024**3, 'the limit can be raised');
my $early = ingest('early_batches');
backlog(5000, q{jsonb_build_object('service', 's', 'error_type', 'Small', 'error_message', 'small')});
is(ingest('early_batches'), $early, 'then batches are as large as they can be');

# What else a worker uses -----------------------------------------------------------------

is(ingest(q{user_ms > 0 and system_ms > 0 and wal_bytes > 1000000 and blocks_read > 0 and blocks_written >= 0}), 't',
    'what the ingest worker has used is shown');
my $used = ingest('wal_bytes');
backlog(100, q{jsonb_build_object('service', 's', 'error_type', 'Small', 'error_message', 'small')});
cmp_ok(ingest('wal_bytes'), '>', $used, 'and grows with what it does');
is($node->safe_psql('postgres', q{select count(*) from homeostasis.stat_workers where user_ms + system_ms > 0 and memory_bytes > 0}),
    '3', 'of the other workers, too');

# Updates in place -----------------------------------------------------------------------------

for my $n (1 .. 60)
{
    $node->safe_psql('postgres', q{
      select count(homeostasis.report(jsonb_build_object('service', 's', 'error_type', 'Often' || i, 'error_message', 'often')))
      from generate_series(1, 5) i;
      set homeostasis.durability = 'journal';
      select homeostasis.report(jsonb_build_object('service', 's', 'error_type', 'Often', 'error_message', 'often'))});
    wait_for_value($node, intake_waiting(), '0');
}
poll_until($node, qq{
    select string_agg(relname, ' ' order by relname) from pg_stat_user_tables
    where schemaname = 'homeostasis' and relname in ('issue_counts', 'intake_positions', 'journal_positions')
      and n_tup_upd >= 30 and n_tup_hot_upd >= 0.9 * n_tup_upd}, 'intake_positions issue_counts journal_positions',
    'rows of counts and positions are updated without new index entries');
is($node->safe_psql('postgres', q{
    select string_agg(relname, ' ') from pg_class
    where oid in ('homeostasis.intake_positions'::regclass, 'homeostasis.journal_positions'::regclass)
      and pg_relation_size(oid) > 2 * 8192}), '', 'tables of positions stay as small as they are');
is($node->safe_psql('postgres', q{
    select count(*) from homeostasis.partitions() p join pg_class c on c.oid = p.relation
    where not c.reloptions @> array['autovacuum_vacuum_insert_scale_factor=0.5', 'autovacuum_freeze_min_age=0']
      or c.reloptions is null}), '0', 'partitions of errors are vacuumed as tables that only grow');

$node->stop;
done_testing();
