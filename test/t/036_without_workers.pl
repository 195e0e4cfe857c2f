# 036_without_workers.pl: without its workers the extension could neither store
# errors nor heal anything, although a schedule calls its functions

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main', 'homeostasis.workers' => 'off', 'homeostasis.mode' => 'auto');

poll_until($node, q{select string_agg(state, ' ') from homeostasis.stat_workers where pid is not null},
    'switched off', 'no worker works');
$node->safe_psql('postgres', q{
    update homeostasis.policies
      set observe_window = '100 milliseconds', settle_time = '0', allow_superuser = true where shipped;
    create table part (day date) partition by range (day);
    create table part_1 partition of part for values from ('2026-01-01') to ('2026-02-01');
    create table part_2 partition of part for values from ('2026-02-01') to ('2026-03-01')});
$node->psql('postgres', q{insert into part values ('2026-03-15')});
$node->psql('postgres', q{select homeostasis.report('{"error_message": "told"}')});
is($node->safe_psql('postgres', 'select count(*) from homeostasis.errors'), '0', 'errors wait in memory');

# Somebody who may have it done, and may not do any of it himself.
$node->safe_psql('postgres', 'create role ann login in role homeostasis_operator');
$node->safe_psql('postgres', 'call homeostasis.advance()', extra_params => [ '-U', 'ann' ]);
is($node->safe_psql('postgres', q{select string_agg(origin, ' ' order by origin) from homeostasis.errors}),
    'report server_log', 'advance() stores them');
is($node->safe_psql('postgres', 'select used_bytes, captured - stored from homeostasis.stat_intake'), '0|0', 'all of them, once');
is($node->psql('postgres', q{insert into part values ('2026-03-16')}), 0, 'and deploys what mends the cause');

# A second later there is nothing left to watch for.
my $healed = 0;
for (my $try = 0; $try < 100 && !$healed; $try++)
{
    $node->safe_psql('postgres', 'call homeostasis.advance(); select pg_sleep(0.1)');
    $healed = $node->safe_psql('postgres', q{select count(*) from homeostasis.issues where status = 'healed'});
}
is($healed, '1', 'and sees that it is healed');

# What comes back is seen, too.
my $made = $node->safe_psql('postgres', q{
    select string_agg(inhrelid::regclass::text, ', ') from pg_inherits
    where inhparent = 'part'::regclass and inhrelid::regclass::text not in ('part_1', 'part_2')});
$node->safe_psql('postgres', "drop table $made");
$node->psql('postgres', q{insert into part values ('2026-03-15')});
$node->safe_psql('postgres', 'call homeostasis.advance()');
is($node->safe_psql('postgres', q{select error_count from homeostasis.issues where sqlstate = '23514'}), '2',
    'a recurrence is stored');

# More than one batch, and what another transaction holds up.
my $holder = $node->background_psql('postgres');
$holder->query_safe(q{begin; select from homeostasis.issues where title = 'told' for update});
$node->safe_psql('postgres', q{
    select count(*) from (select homeostasis.report('{"error_message": "told"}') from generate_series(1, 10)) r;
    select count(*) from (select homeostasis.report('{"error_message": "more"}') from generate_series(1, 2500)) r});
$node->safe_psql('postgres', 'call homeostasis.advance()');
is($node->safe_psql('postgres', q{select count(*) from homeostasis.errors where message = 'more'}), '2500',
    'several batches are stored by one call');
is($node->safe_psql('postgres', 'select count(*) from homeostasis.deferred_events'), '10', 'what is locked is set aside');
$holder->query_safe('commit');
$holder->quit;
$node->safe_psql('postgres', 'call homeostasis.advance()');
is($node->safe_psql('postgres', q{select error_count from homeostasis.issues where title = 'told'}), '11',
    'and stored by the next call');

# Somebody else does it: two at a time, and the worker itself.
my @sessions = map { $node->background_psql('postgres') } 1 .. 3;
$node->psql('postgres', "select 'x$_'::int") foreach 1 .. 5;
$_->{stdin} .= "call homeostasis.advance();\n" foreach @sessions;
$_->{run}->pump_nb foreach @sessions;
set_conf($node, 'homeostasis.workers' => 'on');
$node->reload;
$_->quit foreach @sessions;
poll_until($node, q{select count(*) from homeostasis.errors where message ~ '"x[1-5]"'}, '5',
    'calls at the same time, and a worker, store each error once');
is($node->safe_psql('postgres', 'select used_bytes, captured - stored from homeostasis.stat_intake'), '0|0',
    'and nothing else');
poll_until($node, q{select string_agg(kind, ' ' order by kind) from homeostasis.stat_workers where pid is not null},
    'healer ingest launcher', 'the workers are there again');

# No room for another process.
set_conf($node, 'homeostasis.workers' => 'off', 'max_worker_processes' => 1, 'max_logical_replication_workers' => 0);
$node->restart;
poll_until($node, q{select string_agg(state, ' ') from homeostasis.stat_workers where pid is not null}, 'switched off', 'in one slot');
$node->psql('postgres', q{select 'crowded'::int});
my $stderr;
is($node->psql('postgres', 'call homeostasis.advance()', stderr => \$stderr), 0, 'without a free slot the rest is done');
like($stderr, qr/WARNING: .*captured errors wait in memory.*\n.*HINT: .*max_worker_processes/, 'and the caller is told');
set_conf($node, 'max_worker_processes' => 8);

$node->stop;
done_testing();
