# 044_fault_restart.pl: a server that is restarted again and again could lose
# reported events, store them twice, or never come to store them

use strict;
use warnings;

use HomeostasisCluster;
use HomeostasisFaults;
use HomeostasisLoad;
use Test::More;

my $node = new_cluster(
    'main',
    'homeostasis.ingest_workers'                => 2,
    'homeostasis.payloads_per_issue_per_minute' => 0,
    'max_worker_processes'                      => 16);
my $load = start_load($node, 'restarted');

foreach my $round (1 .. 8)
{
    wait_for_load($load, 20);
    stop_and_start($node, $round % 2 ? 'immediate' : 'fast', sub {
        # So what an earlier life left is for others.
        set_conf($node, 'homeostasis.ingest_workers' => 1 + $round % 3);
    });
}
stop_load($load);
reckon_load($node, $load, 'with a restart every few seconds');
is(check_indexes($node), '', 'tables and indexes are whole');

$node->stop;
done_testing();
