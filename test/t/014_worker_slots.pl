# 014_worker_slots.pl: without free worker slots the log says so once, nothing
# else suffers, and the workers start when there is room.

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;

# The launcher takes the only slot; the logical replication launcher, which
# needs one too, is switched off.
my $node = new_cluster(
    'slots',
    'max_worker_processes'            => 1,
    'max_logical_replication_workers' => 0);

sub complaints
{
    my $count = () = slurp_file($node->logfile) =~
      /homeostasis cannot start its workers/g;
    return $count;
}

poll_until($node, q{
    select state from homeostasis.stat_workers where kind = 'launcher'},
    'idle', 'the launcher runs in the only slot');

# It has tried several times when its state has changed several times.
for my $try (1 .. 3)
{
    my $now = $node->safe_psql('postgres', 'select clock_timestamp()');
    wait_for_value($node, qq{
        select state_change > '$now'::timestamptz from pg_stat_activity
        where backend_type = 'homeostasis launcher'}, 't');
}
is(complaints(), 1, 'that there is no room for the workers is said once');
like(slurp_file($node->logfile), qr/HINT:.*max_worker_processes/,
    'with a hint that names the setting');
is($node->safe_psql('postgres', 'select 1'), '1', 'sessions are served');

# The operator needs a slot too: the session that asked gets an answer.
my $result = $node->safe_psql('postgres', q{
    call homeostasis.run_job('plan', 'postgres', '{}', null)});
like($result, qr/max_worker_processes/,
    'a job that finds no slot says which setting to raise');
like($result, qr/"interrupted": true/, 'and can be tried again');

set_conf($node, 'max_worker_processes' => 8);
$node->restart;
poll_until($node, 'select count(*) from homeostasis.stat_workers', '3',
    'with the default of max_worker_processes all workers start');
is(complaints(), 1, 'and nothing more is said');

$node->stop;
done_testing();
