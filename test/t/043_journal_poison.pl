# 043_journal_poison.pl: an event at which the server crashes would be there
# again after each crash, and the server would never come up

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main', -start => 0, 'restart_after_crash' => 'on',
    'homeostasis.workers' => 'off', 'homeostasis.batch_size' => 1000);
local $ENV{LD_PRELOAD} = $node->config_data('--pkglibdir') . '/poison.so';
$node->start;
delete $ENV{LD_PRELOAD};
$node->safe_psql('postgres', q{
    create extension homeostasis;
    insert into homeostasis.rule_packs (name, description, version) values ('crowd', 'So many that messages are scanned', '1');
    insert into homeostasis.rules (id, pack, description, root_cause, suggestion, confidence, pattern)
      select 'crowd-' || n, 'crowd', 'd', 'c', 's', 1, '(?i)crowded ' || n from generate_series(1, 100) n});

# Blocks before and behind the one that has it, and harmless ones in that.
foreach my $block (1 .. 12)
{
    $node->safe_psql('postgres', qq{
        select count(*) from homeostasis.report_batch((
          select jsonb_agg(jsonb_build_object('service', 'poisoned', 'error_type', 'Block$block',
            'error_message', case when $block = 7 and i = 5 then 'deadly poison' else 'number ' || i end))
          from generate_series(1, 20) i))});
}
set_conf($node, 'homeostasis.workers' => 'on');
$node->reload;
my $stored = q{
    select count(*) from homeostasis.errors e join homeostasis.services s on s.id = e.service_id
    where s.name = 'poisoned'};
wait_for_value($node, q{select count(*) > 0 from homeostasis.rejected_events}, 't', 120);
wait_for_value($node, intake_waiting(), '0');
my $rejected = $node->safe_psql('postgres', 'select count(*) from homeostasis.rejected_events');
is($node->safe_psql('postgres', $stored) + $rejected, 240, 'each event is stored or in rejected_events');
cmp_ok($rejected, '<=', 20, 'where only the block is that has it');
is($node->safe_psql('postgres', q{
    select count(*) from homeostasis.rejected_events
    where event like '%deadly poison%' and reason = 'the server crashed each time that it was to be stored'}), '1',
    'with the reason, and what was reported');
my $crashes = () = slurp_file($node->logfile) =~ /was terminated by signal 11/g;
is($crashes, 4, 'the server crashed in a batch of the first life and of the next, and at the block alone in two more');
$node->safe_psql('postgres', q{select homeostasis.report('{"service": "later", "error_message": "x"}'::jsonb)});
poll_until($node, q{select count(*) from homeostasis.errors e join homeostasis.services s on s.id = e.service_id where s.name = 'later'}, '1',
    'and goes on');
is(join(' ', glob $node->data_dir . '/homeostasis/attempt.*'), '', 'and forgets it: no other event is taken for one that was tried');
$node->stop;

# As a life with two workers would leave it that was killed.
my $note = $node->data_dir . '/homeostasis/attempt.1';
append_to_file($note, pack 'Q4', 1, 0, 0, 3);
$node->start;
wait_for_value($node, intake_waiting(), '0');
worker_pid($node, 'homeostasis ingest');
is(join(' ', glob $node->data_dir . '/homeostasis/attempt.*'), '', 'nor what a worker noted that there is no more');
$node->stop;

done_testing();
