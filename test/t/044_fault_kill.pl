# 044_fault_kill.pl: reported events could be lost, or be stored or counted twice,
# when any process of the server ends under load

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
my $load = start_load($node, 'storm');

wait_for_load($load, 50);
kill_session($node, 'load %');
wait_for_load($load, 50);
note('killed: ' . join ', ', kill_each_worker($node));
wait_for_load($load, 50);
kill_postmaster($node);
wait_for_load($load, 50);
wait_untried($node);
stop_and_start($node, 'immediate');
wait_for_load($load, 50);
stop_load($load);
reckon_load($node, $load, 'after the end of each kind of process');
is(check_indexes($node), '', 'tables and indexes are whole');
is($node->safe_psql('postgres', 'select lost + damaged from homeostasis.stat_journal'), '0', 'and the journal is');

$node->stop;
done_testing();
