# 046_journal_extension.pl: what was stored before the extension was dropped could
# be stored again after it was created anew, and what waited could be lost

use strict;
use warnings;

use HomeostasisCluster;
use HomeostasisFaults;
use Test::More;

my $node = new_cluster('main', 'homeostasis.ingest_workers' => 2, 'max_worker_processes' => 16);
my $services = q{
    select string_agg(s.name || ' ' || n, ', ' order by s.name)
    from (select service_id, sum(error_count) as n from homeostasis.issues group by 1) i
    join homeostasis.services s on s.id = i.service_id where s.name <> 'postgres'};
my $waiting = intake_waiting();

# report(service): 260 events of 26 types, so for both workers
sub report
{
    my ($service) = @_;

    $node->safe_psql('postgres', qq{
        select count(*) from homeostasis.report_batch((
          select jsonb_agg(jsonb_build_object('service', '$service', 'error_type', 'Type' || chr(65 + i % 26), 'error_message', 'x'))
          from generate_series(1, 260) i))});
    return;
}

report('before');
poll_until($node, $services, 'before 260', 'events are stored');
wait_for_value($node, $waiting, '0');
switch_workers($node, 'off');
report('waiting');

# A drop that is rolled back changes nothing.
$node->safe_psql('postgres', 'begin; drop extension homeostasis cascade; rollback');
stop_and_start($node, 'immediate');
is($node->safe_psql('postgres', $services), 'before 260', 'a drop that was rolled back loses no table');

$node->safe_psql('postgres', 'drop extension homeostasis cascade');
stop_and_start($node, 'immediate');
$node->safe_psql('postgres', 'create extension homeostasis');
report('after');
switch_workers($node, 'on');
poll_until($node, $services, 'after 260, waiting 260', 'created anew, the extension stores what waited, and not what was stored before');
wait_for_value($node, $waiting, '0');

# And again, with a life in which nothing was stored.
$node->safe_psql('postgres', 'drop extension homeostasis cascade');
stop_and_start($node, 'immediate');
stop_and_start($node, 'immediate');
$node->safe_psql('postgres', 'create extension homeostasis');
report('again');
poll_until($node, $services, 'again 260', 'so it does the next time');

$node->stop;
done_testing();
