# 044_fault_tables.pl: a partition that somebody detaches, or a table that is
# locked for long, could cost events or have them counted twice

use strict;
use warnings;

use HomeostasisCluster;
use HomeostasisFaults;
use HomeostasisLoad;
use Test::More;

my $node = new_cluster('main', 'homeostasis.payloads_per_issue_per_minute' => 0);
my $load = start_load($node, 'tables');
# ingest() waits for whoever holds the table, report() doesn't.
my $reporting = start_load($node, 'reporting', ways => [ 'report', 'report_batch' ]);

# Most partitions are those of the days to come.
wait_for_load($load, 50);
my $partition = $node->safe_psql('postgres', q{
    select p.tableoid::regclass from homeostasis.errors p group by p.tableoid order by count(*) desc limit 1});
$node->safe_psql('postgres', "alter table homeostasis.errors detach partition $partition");
poll_until($node, q{select homeostasis.partition_of((now() at time zone 'UTC')::date)}, "${partition}_2",
    'the day of a partition that was detached has another one as soon as an event comes');
wait_for_load($load, 100);
hold_lock($node, 'homeostasis.issues', sub {
    wait_for_load($reporting, 200);
    cmp_ok($node->safe_psql('postgres', 'select sum(journal_bytes) from homeostasis.stat_intake'), '>', 0,
        'while issues is locked, events wait in the journal');
});
wait_for_load($load, 50);
stop_load($_) foreach $load, $reporting;
foreach ($load, $reporting)
{
    reckon_load($node, $_, "$_->{service}: with a partition detached, and issues locked for long",
        "select * from homeostasis.errors union all select * from $partition");
}
is(check_indexes($node), '', 'tables and indexes are whole');

$node->stop;
done_testing();
