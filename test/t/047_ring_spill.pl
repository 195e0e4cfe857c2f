# 047_ring_spill.pl: errors of the server could be dropped for want of room in the
# ring while they come faster than they are stored, though there is a journal

use strict;
use warnings;

use HomeostasisCluster;
use Test::More;

my $node = new_cluster('main', 'homeostasis.ring_size' => '1MB', 'homeostasis.payloads_per_issue_per_minute' => 0);
my $of_ring = '(used_bytes - journal_bytes) / ring_bytes::float8';
my $errors = 0;

# A worker that does nothing for a while, as on a machine with too much to do.
my $worker = worker_pid($node, 'homeostasis ingest');
kill 'STOP', $worker;
while ($node->safe_psql('postgres', "select $of_ring < 0.85 from homeostasis.stat_intake") eq 't')
{
    $node->psql('postgres', join('', map { "select 'late $_ " . 'x' x 900 . "'::int;\n" } 1 .. 20), on_error_stop => 0);
    $errors += 20;
}
kill 'CONT', $worker;
poll_until($node, q{select count(*) from homeostasis.errors where message like '%"late %'}, $errors, 'what filled the ring is stored');
cmp_ok($node->safe_psql('postgres', 'select spilled from homeostasis.stat_journal'), '>', 0, 'most of it by way of the journal');
is($node->safe_psql('postgres', q{select failed_batches || ' ' || dropped_full from homeostasis.stat_intake}),
    '0 0', 'no batch failed, and nothing was dropped');

$node->stop;
done_testing();
