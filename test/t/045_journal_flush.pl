# 045_journal_flush.pl: an event that was acknowledged as on disk could be lost
# with the power, when a flush fails or at any other time

use strict;
use warnings;

use HomeostasisCluster;
use HomeostasisFaults;
use HomeostasisLoad;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster(
    'main', -start => 0,
    'fsync'                                     => 'on',
    'homeostasis.journal_limit'                 => '8MB',
    'homeostasis.payloads_per_issue_per_minute' => 0);
my $durable = with_disk($node);

# lose_power(): what was not flushed of the journal is gone
sub lose_power
{
    my $journal = $node->data_dir . '/homeostasis/journal';

    $node->stop('immediate');
    unlink glob("$journal/*");
    foreach my $file (grep { /\/[0-9A-F]{8}$/ } glob("$durable/*"))
    {
        append_to_file($journal . substr($file, rindex($file, '/')), slurp_file($file));
    }
    unlink glob("$durable/*");
    start_again($node);
    return;
}

sub failures
{
    return $node->safe_psql('postgres', 'select failures from homeostasis.stat_journal');
}

start_again($node);
$node->safe_psql('postgres', 'create extension homeostasis');
switch_workers($node, 'off');

# Everything that was acknowledged waits in the journal when the power is lost.
my $load = start_load($node, 'sync', clients => 3, ways => [ 'report', 'report_batch' ],
    settings => '-c homeostasis.durability=sync');

wait_for_load($load, 100);
is(failures(), '0', 'as long as the disk is good, no flush fails');
set_disk($node, 'bad');
wait_for_value($node, 'select failures > 0 from homeostasis.stat_journal', 't');
set_disk($node, 'good');
wait_for_load($load, 100);
stop_load($load);
like(load_errors($load), qr/could not flush the journal of events: Input\/output error/,
    'whoever waits for a flush that fails is told');
like(load_errors($load), qr/Report them again with the same error_id and timestamp/, 'and what to do');

my ($lost) = glob("$durable/*.lost");
ok($lost, 'a segment was not flushed');
my $segment = $node->safe_psql('postgres', 'select written_position >> 32 from homeostasis.stat_journal');
cmp_ok($segment, '>', hex(substr($lost, -13, 8)), 'it is not written to any more');

lose_power();
switch_workers($node, 'on');
reckon_load($node, $load, 'after a loss of power behind flushes that failed');

# While they are being stored, and segments are given back.
my $later = start_load($node, 'later', clients => 3, ways => [ 'report', 'report_batch' ],
    settings => '-c homeostasis.durability=sync');

wait_for_load($later, 100);
stop_load($later);
lose_power();
reckon_load($node, $_, "$_->{service}: after another one while they are being stored") foreach $later, $load;

# No space for another segment.
set_disk($node, 'full');
hold_lock($node, 'homeostasis.journal_positions', sub {
    $node->psql('postgres', q{
        select count(homeostasis.report(jsonb_build_object('service', 'full', 'error_message', i::text,
          'detail', (select string_agg(md5(i::text || k), '') from generate_series(1, 400) k))))
        from generate_series(1, 400) i}, stderr => \my $stderr);
    like($stderr, qr/could not write to the journal of events: No space left on device/, 'a full disk is told');
    is($node->safe_psql('postgres', q{select cause, dropped from homeostasis.stat_drops where service = 'full'}),
        'journal failed|1', 'and what it cost');
});
set_disk($node, 'good');
is($node->safe_psql('postgres', q{select homeostasis.report('{"service": "full", "error_message": "x"}'::jsonb) is null}), 'f',
    'and with space again, events are taken');

$node->stop;
done_testing();
