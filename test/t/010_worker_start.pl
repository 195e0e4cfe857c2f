# 010_worker_start.pl: workers start, show themselves, and disturb nobody
# while they have nothing to do.

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = new_cluster('start', 'max_worker_processes' => 8);

my @kinds = ('launcher', 'healer', 'ingest');

foreach my $kind (@kinds)
{
    poll_until($node,
        "select count(*) from pg_stat_activity
         where backend_type = 'homeostasis $kind'
           and application_name = 'homeostasis $kind'",
        '1', "pg_stat_activity shows the $kind by type and name");
}

poll_until($node, q{
    select string_agg(kind || ' ' || coalesce(database, '-'), ',' order by kind)
    from homeostasis.stat_workers},
    'healer postgres,ingest postgres,launcher -',
    'stat_workers shows every worker and its database');

poll_until($node, q{
    select bool_and(state = 'idle' and started_at <= now()
                    and (kind = 'launcher' or turns > 0 and memory_bytes > 0
                         and last_turn_at > started_at))
    from homeostasis.stat_workers}, 't',
    'stat_workers shows states by name, turns and memory');

is($node->safe_psql('postgres',
        q{select sum(errors) from homeostasis.stat_workers}), '0',
    'no turn fails while nothing happens');

# Sees an idle worker that keeps a snapshot or a transaction: one that is
# between two turns at this moment shows neither.
my $held = 0;
for my $look (1 .. 20)
{
    $held += $node->safe_psql('postgres', q{
        select count(*) from pg_stat_activity
        where backend_type like 'homeostasis %' and state = 'idle'
          and (xact_start is not null or backend_xmin is not null
               or backend_xid is not null)});
}
is($held, 0, 'an idle worker holds no transaction and no backend_xmin');

is($node->safe_psql('postgres', q{
    select count(*) from pg_stat_activity
    where backend_type like 'homeostasis %' and state like 'idle in%'}), '0',
    'no worker is idle in transaction');

is($node->safe_psql('postgres', q{
    select count(*) from pg_locks l join pg_stat_activity a using (pid)
    where a.backend_type like 'homeostasis %' and a.state = 'idle'}), '0',
    'an idle worker holds no lock');

# A turn is counted by the statistics system, or autovacuum would never look
# at the tables that the workers write.
$node->psql('postgres', 'select 1/0');
poll_until($node, q{
    select n_tup_ins > 0 from pg_stat_user_tables
    where schemaname = 'homeostasis' and relname = 'issues'}, 't',
    'autovacuum hears of what workers write');

# Reload: the workers leave and come back.
$node->safe_psql('postgres',
    'alter system set homeostasis.workers = off');
$node->reload;
poll_until($node, q{
    select string_agg(kind || ' ' || state, ',')
    from homeostasis.stat_workers}, 'launcher switched off',
    'homeostasis.workers = off makes the workers leave their database');
$node->safe_psql('postgres', 'alter system reset homeostasis.workers');
$node->reload;
poll_until($node, 'select count(*) from homeostasis.stat_workers', '3',
    'they come back when it is on again');

# A cancel has nothing to cancel in an idle worker.
my $healer = worker_pid($node, 'homeostasis healer');
$node->safe_psql('postgres', "select pg_cancel_backend($healer)") for 1 .. 5;
poll_until($node, q{
    select count(*) from homeostasis.stat_workers
    where kind = 'healer' and state = 'idle'}, '1', 'the healer is idle');
is(worker_pid($node, 'homeostasis healer'), $healer,
    'pg_cancel_backend does not end an idle worker');

# pg_terminate_backend ends a worker; the launcher, or the postmaster for the
# launcher, starts it again, and nobody else is ended with it.
foreach my $kind (@kinds)
{
    my $pid = worker_pid($node, "homeostasis $kind");
    my @others = grep { $_ ne $kind } @kinds;
    my %before = map { $_ => worker_pid($node, "homeostasis $_") } @others;

    $node->safe_psql('postgres', "select pg_terminate_backend($pid)");
    poll_until($node,
        "select count(*) from homeostasis.stat_workers
         where kind = '$kind' and pid <> $pid", '1',
        "a $kind that was terminated returns");
    is(worker_pid($node, "homeostasis $_"), $before{$_},
        "terminating the $kind leaves the $_ alone")
      foreach @others;
}

# A worker with nothing to do looks again after a minute; what comes meanwhile
# wakes it.  The first time that minute could be over by chance.
foreach my $what ('captured', 'reported', 'captured again', 'reported again')
{
    wait_for_value($node, q{select state from homeostasis.stat_workers where kind = 'ingest'}, 'idle');
    if ($what =~ /^captured/)
    {
        $node->psql('postgres', "select '$what'::int");
    }
    else
    {
        $node->safe_psql('postgres', "select homeostasis.report(jsonb_build_object('error_message', '\"$what\"'))");
    }
    poll_until($node, qq{select count(*) from homeostasis.errors where message like '%"$what"%'}, '1',
        "an idle worker stores at once what is $what", 15);
}

# Shutdown: a worker that waits, and one that is stuck in a turn, end at once.
my $blocker = $node->background_psql('postgres');
$blocker->query_safe('begin; lock table homeostasis.patches');
my $begin = time();
$node->stop('fast');
cmp_ok(time() - $begin, '<', 10, 'workers do not hold up a fast shutdown');
$blocker->{run}->finish;

done_testing();
