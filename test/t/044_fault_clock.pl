# 044_fault_clock.pl: a clock that is set by a day could have events lost, or
# counted for a minute in which none of them happened

use strict;
use warnings;

use HomeostasisCluster;
use HomeostasisFaults;
use HomeostasisLoad;
use Test::More;

my $node = new_cluster('main', -start => 0, 'homeostasis.payloads_per_issue_per_minute' => 0);
my $day = 24 * 3600;

with_clock($node);
start_again($node);
$node->safe_psql('postgres', 'create extension homeostasis');

my $load = start_load($node, 'clock');

wait_for_load($load, 50);
foreach my $offset (-$day, $day)
{
    set_clock($node, $offset);
    wait_for_load($load, 100);
    # What the journal has of another day is stored all the same.
    stop_and_start($node, 'immediate', sub { set_clock($node, 0) });
    wait_for_load($load, 50);
}
stop_load($load);
reckon_load($node, $load, 'with a clock that is a day wrong each way');
is($node->safe_psql('postgres', q{
    select string_agg(distinct (("timestamp" at time zone 'UTC')::date - (now() at time zone 'UTC')::date)::text, ' ') ~ ' '
    from homeostasis.errors}), 't', 'these are events of several days');
is(check_indexes($node), '', 'tables and indexes are whole');

$node->stop;
done_testing();
