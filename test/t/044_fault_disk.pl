# 044_fault_disk.pl: reported events could be lost when a disk is full, or the
# server could fail to come back when there is room again

use strict;
use warnings;

use HomeostasisCluster;
use HomeostasisFaults;
use HomeostasisLoad;
use Test::More;

$ENV{HOMEOSTASIS_SMALL_DISKS}
  or plan skip_all => 'nobody may mount a small disk here: run the tests as root';

my %settings = (
    'homeostasis.payloads_per_issue_per_minute' => 0,
    'homeostasis.overflow_timeout'              => '50ms');

# The journal's disk has room for fewer segments than the journal may have.
{
    my $node = new_cluster('journal', %settings, -start => 0, 'homeostasis.journal_limit' => '16MB');
    my $directory = $node->data_dir . '/homeostasis';

    mkdir $directory;
    on_small_disk("$directory/journal", 'journal');
    $node->start;
    $node->safe_psql('postgres', 'create extension homeostasis');

    my $large = sub { sprintf ', "detail": "%s"', join '', map { sprintf '%08x', rand 2**32 } 1 .. 1900 };
    my $load = start_load($node, 'large', event => $large, ways => ['report_batch']);

    wait_for_load($load, 20);
    hold_lock($node, 'homeostasis.journal_positions', sub {
        wait_for_value($node, 'select failures > 0 from homeostasis.stat_journal', 't');
    });
    wait_for_load($load, 50);
    stop_load($load);
    like(load_errors($load), qr/could not write to the journal of events: No space left on device/,
        'whoever reports is told that the disk under the journal is full');
    my $figure = reckon_load($node, $load, 'with the disk under the journal full for a while');
    cmp_ok($figure->{sent}, '>', $figure->{acknowledged}, 'what found no room was refused');
    is(check_indexes($node), '', 'tables and indexes are whole');
    $node->stop;
}

# Everything is on one disk, and there is no byte left for tables or WAL.
{
    my $node = new_cluster('data', %settings, -start => 0, 'homeostasis.journal_limit' => '16MB',
        'max_wal_size' => '48MB', 'min_wal_size' => '32MB');
    my $disk = on_small_disk($node->data_dir, 'data');

    $node->start;
    $node->safe_psql('postgres', 'create extension homeostasis');

    my $load = start_load($node, 'small', event => sub { sprintf ', "detail": "%s"', 'x' x 3000 });

    wait_for_load($load, 50);
    fill_disk($disk, sub {
        # Either tables cannot grow, or the server ends for want of WAL.
        wait_for_log($node, qr/No space left on device/);
    });
    # In the latter case, it may have been unable to come back.
    start_again($node);
    wait_for_load($load, 100);
    stop_load($load);
    reckon_load($node, $load, 'with the disk under the data full for a while');
    is(check_indexes($node), '', 'tables and indexes are whole');
    $node->stop;
}

done_testing();
