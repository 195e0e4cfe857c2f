# soak.pl: random faults under load, round after round
#
# usage: make soak [SOAK_MINUTES=10] [SOAK_SEED=n]
#
# Each round has a load of its own, some faults, and a reckoning of what was
# acknowledged against what is stored; the next one begins where it left the
# server.  Prints a line for each, and the seed, which gives the same faults in
# the same order.  Fails if one event is missing, is there twice or was counted
# wrongly, or an index is not as its table is.

use strict;
use warnings;

use HomeostasisCluster;
use HomeostasisFaults;
use HomeostasisLoad;
use Test::More;
use Time::HiRes qw(time);

my $seed = $ENV{SOAK_SEED} || time() % 1_000_000;
my $end = time() + 60 * ($ENV{SOAK_MINUTES} || 10);
my $faults_per_round = 3;
my $day = 24 * 3600;

srand(int $seed);
diag('SOAK_SEED=' . int $seed);

my $node = new_cluster(
    'soak', -start => 0,
    'homeostasis.ingest_workers'                => 2,
    'homeostasis.payloads_per_issue_per_minute' => 0,
    'homeostasis.journal_limit'                 => '16MB',
    'homeostasis.overflow_timeout'              => '200ms',
    'max_worker_processes'                      => 16);

with_clock($node);
with_disk($node);
start_again($node);
$node->safe_psql('postgres', 'create extension homeostasis');

my @tables = map { "homeostasis.$_" } qw(issues errors services issue_counts journal_positions);
my $load;

my %fault = (
    'session killed' => sub { kill_session($node, 'load %') },
    'workers killed' => sub { kill_each_worker($node) },
    'postmaster killed' => sub { kill_postmaster($node) },
    'immediate stop' => sub { stop_and_start($node, 'immediate') },
    'other workers' => sub {
        my $workers = 1 + int rand 4;
        stop_and_start($node, rand() < 0.5 ? 'fast' : 'immediate',
            sub { set_conf($node, 'homeostasis.ingest_workers' => $workers) });
    },
    'table locked' => sub {
        my $table = $tables[ rand @tables ];
        # Nothing is acknowledged while everybody waits: report() goes on.
        hold_lock($node, $table, sub { wait_for_load($load->[1], 50) });
    },
    'partition detached' => sub {
        my $partition = $node->safe_psql('postgres', q{
            select tableoid::regclass from homeostasis.errors group by 1 order by count(*) desc limit 1});
        $node->safe_psql('postgres', "alter table homeostasis.errors detach partition $partition") if $partition;
    },
    'clock set' => sub {
        set_clock($node, (-$day, $day)[ rand 2 ]);
        wait_for_load($load->[1], 50);
        set_clock($node, 0);
    },
    'disk full' => sub {
        set_disk($node, 'full');
        stop_and_start($node, 'immediate');
        set_disk($node, 'good');
    });

# The rows of all partitions, detached ones as well.
sub rows
{
    return $node->safe_psql('postgres', q{
        select string_agg('select * from ' || c.oid::regclass, ' union all ')
        from pg_class c
        where c.relnamespace = 'homeostasis'::regnamespace and c.relkind = 'r' and c.relname ~ '^errors_[0-9]'});
}

my $line = '%5s  %8s %8s %8s %8s  %-24s %s';

diag(sprintf $line, qw(round sent acked stored dropped wrong faults));
for (my $round = 1; time() < $end; $round++)
{
    my @names = sort keys %fault;
    my @chosen = map { $names[ rand @names ] } 1 .. $faults_per_round;

    $load = [
        start_load($node, "mixed$round"),
        start_load($node, "reports$round", ways => [ 'report', 'report_batch' ]) ];
    foreach my $name (@chosen)
    {
        wait_for_load($load->[1], 50);
        $fault{$name}->();
    }
    wait_for_load($load->[1], 50);
    foreach my $one (@$load)
    {
        stop_load($one);
        my $figure = reckon($node, $one, rows());
        my $wrong = discrepancies($figure);

        diag(sprintf $line, $round, @{$figure}{qw(sent acknowledged stored dropped)}, $wrong || '-', join ', ', @chosen);
        is($wrong, '', "round $round: nothing is wrong");
    }
    is(check_indexes($node), '', "round $round: tables and indexes are whole");
}
is($node->safe_psql('postgres', 'select * from homeostasis.audit_verify()'), '', 'the audit log is whole');

$node->stop;
done_testing();
