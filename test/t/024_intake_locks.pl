# 024_intake_locks.pl: a transaction that stays open could keep the errors of
# others from being stored

use strict;
use warnings;

use HomeostasisCluster;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main');

sub count_of
{
    my ($message) = @_;

    return "select coalesce(sum(error_count), 0) from homeostasis.issues where title = '$message'";
}

sub report
{
    my ($message, $n) = @_;

    $node->safe_psql('postgres', qq{
      select homeostasis.report('{"service": "shop", "error_message": "$message"}'::jsonb)
      from generate_series(1, $n)});
    return;
}

# An open transaction that has counted for an issue.
report('flood', 1);
report('fire', 1);
poll_until($node, count_of('flood'), '1', 'an issue is there');
poll_until($node, count_of('fire'), '1', 'and another one');
my $open = $node->background_psql('postgres');
$open->query_safe('begin');
$open->query_safe(q{select homeostasis.ingest('{"service": "shop", "error_message": "flood"}')});
$open->query_safe(q{select homeostasis.ingest('{"service": "shop", "error_message": "a new issue"}')});
$open->query_safe(q{select homeostasis.ingest('{"service": "a new service", "error_message": "x"}')});

report('flood', 30);
report('fire', 20);
report('a new issue', 10);
report('drought', 5);
$node->safe_psql('postgres', q{select homeostasis.report('{"service": "a new service", "error_message": "x"}'::jsonb)});
$node->psql('postgres', q{select 'captured'::int});
poll_until($node, count_of('fire'), '21', 'other issues are counted while a transaction holds one');
poll_until($node, count_of('drought'), '5', 'and new ones made');
poll_until($node, count_of('invalid input syntax for type integer: "captured"'), '1',
    'errors of the server, too');
poll_until($node, 'select used_bytes from homeostasis.stat_intake', '0', 'the ring is emptied');
poll_until($node, 'select count(*) from homeostasis.deferred_events', '41', 'what needs the lock waits in a table');
poll_until($node, 'select deferred >= 41 from homeostasis.stat_intake', 't', 'and is counted as deferred');
is($node->safe_psql('postgres', 'select count(*) from homeostasis.rejected_events'), '0', 'nothing is refused');
is($node->safe_psql('postgres', count_of('flood')), '1', 'nor counted yet');

$open->query_safe('commit');
poll_until($node, count_of('flood'), '32', 'when the transaction ends, it is counted');
poll_until($node, count_of('a new issue'), '11', 'one issue is made of what both have seen');
poll_until($node, q{select count(*) from homeostasis.errors e join homeostasis.services s on s.id = e.service_id
                    where s.name = 'a new service'}, '2', 'and one service');
is($node->safe_psql('postgres', 'select count(*) from homeostasis.deferred_events'), '0', 'nothing waits any more');

# The same, but the worker ends meanwhile, and the transaction rolls back.
$open->query_safe('begin');
$open->query_safe(q{select homeostasis.ingest('{"service": "shop", "error_message": "flood"}')});
report('flood', 3);
poll_until($node, 'select count(*) from homeostasis.deferred_events', '3', 'again it waits');
kill_worker($node, 'homeostasis ingest', 'TERM');
worker_pid($node, 'homeostasis ingest');
$open->query_safe('rollback');
poll_until($node, count_of('flood'), '35', 'another worker takes it up');

# Whoever has the tables for himself makes everything wait, and loses nothing.
$open->query_safe('begin');
$open->query_safe('lock table homeostasis.errors in share row exclusive mode');
report('flood', 7);
poll_until($node, 'select count(*) from homeostasis.deferred_events', '7', 'a locked table is waited for as well');
$open->query_safe('commit');
poll_until($node, count_of('flood'), '42', 'until it is free');
$open->quit;

# What was set aside is stored while events come without a pause.
my $stop = $node->basedir . '/stop';
my $busy = IPC::Run::start([ 'bash', '-c', qq{
    until [ -e '$stop' ]; do
      echo "select count(homeostasis.report('Steady', 'event ' || i, service => 'steady')) from generate_series(1, 500) i;" || break
    done | psql -XqAt -d '} . $node->connstr('postgres') . q{'} ], '>', '/dev/null');
my $stored = 'select sum(error_count) from homeostasis.issues join homeostasis.services s on s.id = service_id where s.name = \'steady\'';
my $before = wait_for_value($node, $stored, qr/^\d{4}/);
$open = $node->background_psql('postgres');
$open->query_safe('begin');
$open->query_safe(q{select homeostasis.ingest('{"service": "shop", "error_message": "flood"}')});
report('flood', 2);
wait_for_value($node, 'select count(*) from homeostasis.deferred_events', '2');
$open->query_safe('commit');
$open->quit;
poll_until($node, count_of('flood'), '45', 'what was set aside is stored while the worker has no time to spare');
append_to_file($stop, '');
$busy->finish;
cmp_ok($node->safe_psql('postgres', $stored), '>', $before, 'and so is what comes in');

# A secret must not wait in the open.
my $holder = $node->background_psql('postgres');
$holder->query_safe('begin');
$holder->query_safe(q{select homeostasis.ingest('{"service": "shop", "error_message": "leak", "statement": "x"}')});
$node->safe_psql('postgres', q{select homeostasis.report('{"service": "shop", "error_message": "leak",
  "statement": "alter role x password ''canary1''"}'::jsonb)});
poll_until($node, 'select count(*) from homeostasis.deferred_events', '1', 'an error with a secret waits');
is($node->safe_psql('postgres', q{select count(*) from homeostasis.deferred_events where position('canary' in encode(record, 'escape')) > 0}),
    '0', 'without the secret');
$holder->query_safe('rollback');
$holder->quit;
poll_until($node, q{select statement from homeostasis.errors where message = 'leak'}, q{alter role x password '***'},
    'and is stored without it');

is($node->safe_psql('postgres', q{
    select concat_ws(' ', sum(error_count), (select count(*) from homeostasis.errors)) from homeostasis.issues}),
    join(' ', ($node->safe_psql('postgres', 'select count(*) from homeostasis.errors')) x 2),
    'in the end all counts are exact');

$node->stop;
done_testing();
