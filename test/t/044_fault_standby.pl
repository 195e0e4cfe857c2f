# 044_fault_standby.pl: the promotion of a standby could lose more than what the
# primary had not stored, or store events twice

use strict;
use warnings;

use HomeostasisCluster;
use HomeostasisFaults;
use HomeostasisLoad;
use PostgreSQL::Test::Cluster;
use Test::More;

my $primary = new_cluster('primary', -streaming => 1, 'homeostasis.payloads_per_issue_per_minute' => 0);
$primary->backup('base');

my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

# What is reported on the standby waits there, in its own journal.
my $there = start_load($standby, 'there', ways => [ 'report', 'report_batch' ]);
my $here = start_load($primary, 'here');

wait_for_load($there, 100);
wait_for_load($here, 100);
is($standby->safe_psql('postgres', q{select count(*) from homeostasis.services where name = 'there'}), '0',
    'what is reported on a standby is not stored before its promotion');
cmp_ok($standby->safe_psql('postgres', 'select sum(journal_bytes) from homeostasis.stat_intake'), '>', 0, 'it waits in its journal');

# The primary fails with some of its events in its journal only.
my $holder = $primary->background_psql('postgres');
$holder->query_safe('begin; lock table homeostasis.journal_positions');
wait_for_load($here, 100);
$primary->stop('immediate');
stop_load($here);
eval { $holder->quit };
$standby->promote;
wait_for_load($there, 100);
stop_load($there);
reckon_load($standby, $there, 'after the promotion');

# What the standby has of the other load is part of it, and counted as that.
my $figure = reckon($standby, $here);
note("$figure->{lost} of $figure->{acknowledged} events were in the primary's journal only");
cmp_ok($figure->{lost}, '>', 0, "the standby does not have what was in the primary's journal only");
is(join(' ', @{$figure}{qw(twice invented issues minutes)}), '0 0 0 0', 'of what the primary stored, all counts are exact');

# Brought back as it was, the primary still has these.
$primary->start;
reckon_load($primary, $here, 'in the primary that failed');
is(check_indexes($_), '', $_->name . ': tables and indexes are whole') foreach $primary, $standby;

$_->stop foreach $primary, $standby;
done_testing();
