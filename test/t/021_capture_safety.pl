# 021_capture_safety.pl: capturing an error could hang, crash or take down the
# server that raised it

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;

sub count_of
{
    my ($message) = @_;

    return "select count(*) from homeostasis.errors where message = '$message'";
}

sub add_test_functions
{
    my ($node) = @_;

    $node->safe_psql('postgres', <<'SQL');
create function hook_calls() returns bigint language c as 'homeostasis_test', 'homeostasis_test_hook_calls';
create function raise_in_hook() returns void language c as 'homeostasis_test', 'homeostasis_test_raise_in_hook';
create function raise_holding(text) returns void language c as 'homeostasis_test', 'homeostasis_test_raise_holding';
create function warn_at_exit() returns void language c as 'homeostasis_test', 'homeostasis_test_warn_at_exit';
create function panic() returns void language c as 'homeostasis_test', 'homeostasis_test_panic';
create function exhaust_memory() returns void language c as 'homeostasis_test', 'homeostasis_test_exhaust_memory';
SQL
    return;
}

my $node = new_cluster('main');
add_test_functions($node);

# Row 1: the hook runs while the failing backend still holds its locks.
foreach my $lock ('AddinShmemInit', 'ProcArray', 'XidGen', 'SInvalWrite', 'LockManager', 'BufferMapping')
{
    my ($stdout, $stderr, $timed_out);
    my $status = $node->psql('postgres', "select raise_holding('$lock')",
        stdout => \$stdout, stderr => \$stderr, timeout => 30, timed_out => \$timed_out);

    ok(!$timed_out && $stderr =~ /raised while holding $lock/,
        "row 1: an error under $lock comes back to its client");
    if ($timed_out)
    {
        # Nobody could connect any more, and nothing but this ends it.
        $node->stop('immediate');
        BAIL_OUT("a backend hangs with $lock held");
    }
    poll_until($node, count_of("raised while holding $lock"), '1', "row 1: and is captured");
}

# The hook needs memory, or what needs memory: an allocation would fail, and
# fail again while that failure is reported.
{
    my ($stdout, $stderr);
    $node->psql('postgres', "select exhaust_memory();\nselect 'alive after all';",
        stdout => \$stdout, stderr => \$stderr, on_error_stop => 0);
    like($stderr, qr/out of memory/, 'out of memory is reported');
    like($stdout, qr/alive after all/, 'and the session goes on');
    poll_until($node,
        "select concat_ws('|', sqlstate, statement) from homeostasis.errors where message = 'out of memory'",
        '53200|select exhaust_memory();', 'and it is captured with its statement');
}

# Row 2: an error while an error is being reported.
{
    my ($stdout, $stderr);
    $node->psql('postgres', "select raise_in_hook();\nselect 2/0;\nselect 'alive after all';\nselect 'x'::int",
        stdout => \$stdout, stderr => \$stderr, on_error_stop => 0);
    like($stdout, qr/alive after all/, 'row 2: a session survives an error inside a log hook');
    poll_until($node, count_of('raised inside a log hook'), '1', 'row 2: that error is captured');
    poll_until($node, count_of('division by zero'), '1', 'row 2: so is the one it interrupted');
    poll_until($node, count_of('invalid input syntax for type integer: "x"'), '1',
        'row 2: and what comes later in the session');
}

# And an error while ours captures one: it is told by the count of what was
# dropped, and nothing waits for a capture that was left half done.
{
    my $clocked = new_cluster('clocked', -start => 0);
    {
        local $ENV{LD_PRELOAD} = $clocked->config_data('--pkglibdir') . '/set_clock.so';
        $clocked->start;
    }
    $clocked->safe_psql('postgres', q{
        create extension homeostasis;
        create function raise_in_capture() returns void language c
          as 'homeostasis_test', 'homeostasis_test_raise_in_capture'});
    my ($stdout, $stderr);
    $clocked->psql('postgres', "select raise_in_capture();\nselect 'alive after all'",
        stdout => \$stdout, stderr => \$stderr, on_error_stop => 0);
    like($stderr, qr/raised inside a capture/, 'row 2: an error interrupts the capture of another');
    like($stdout, qr/alive after all/, 'row 2: and the session goes on');
    is($clocked->safe_psql('postgres', 'select sum(dropped_nested) from homeostasis.stat_intake'),
        '1', 'row 2: what could not be captured meanwhile is counted');
    is($clocked->safe_psql('postgres', 'select service, level, cause, dropped from homeostasis.stat_drops'),
        'database/postgres|error|nested|1', 'row 2: of its database');
    $clocked->psql('postgres', 'select 1 / 0');
    poll_until($clocked, count_of('division by zero'), '1', 'row 2: other sessions go on');
    $clocked->stop;
}

# Row 4: before there is a session, after it, and with everything logged.
set_conf($node,
    log_min_messages => 'debug5', log_connections => 'on', log_disconnections => 'on',
    log_statement => 'all', log_duration => 'on', max_connections => 5,
    superuser_reserved_connections => 1, max_wal_senders => 0, 'homeostasis.capture_level' => 'warning');
$node->restart;
$node->safe_psql('postgres', 'create role joe login');
{
    my @sessions = map { $node->background_psql('postgres', on_error_die => 0) } 1 .. 4;

    like(refused_login($node, 'postgres', '-U', 'joe'), qr/remaining connection slots/, 'row 4: a login is refused for want of a slot');
    my @more = map { $node->background_psql('postgres', on_error_die => 0) } 1;
    like(refused_login($node, 'postgres'), qr/too many clients/, 'row 4: another before it has become a process of the server');
    $_->quit foreach @sessions, @more;
}
poll_until($node, q{select count(*) from homeostasis.errors where sqlstate = '53300' and message ~ 'remaining'},
    '1', 'row 4: the first is captured');
$node->safe_psql('postgres', q{do $$ begin raise warning 'captured warning'; end $$});
poll_until($node, count_of('captured warning'), '1', 'row 4: debug5 and warnings are no trouble');
refused_login($node, 'postgres', '-U', 'nobody');
poll_until($node, count_of('role "nobody" does not exist'), '1', 'row 4: nor is a failed login');
my $written = -s $node->logfile;
$node->safe_psql('postgres', 'select warn_at_exit()');
ok($node->wait_for_log(qr{WARNING:  warned while ending}, $written), 'row 4: a session warns while it ends');
$node->psql('postgres', "select 'after the end'::int");
poll_until($node, q{select count(*) from homeostasis.errors where message ~ 'after the end'}, '1',
    'row 4: others go on');
is($node->safe_psql('postgres', count_of('warned while ending')), '0',
    'row 4: what ends is not captured any more');

# Captured before these were, the other would have been stored before them.
is($node->safe_psql('postgres', q{select count(*) from homeostasis.errors where message ~ 'too many clients'}),
    '0', 'row 4: what was no process of the server is not captured');
is($node->safe_psql('postgres', 'select 1'), '1', 'the server is up');
unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC/, 'and no process of it has crashed');

# A PANIC takes the ring with it, but neither what is stored nor what comes.
# Whether its own record is stored is a race between the ingest worker and the
# abort, so nothing is said about it.
{
    # The ingest worker's commits do not wait for the disk; this one does, for
    # all that are before it.
    $node->safe_psql('postgres', 'create table written_to_disk ()');
    my $started = $node->safe_psql('postgres', 'select pg_postmaster_start_time()');
    my ($stderr, $log) = ('', -s $node->logfile);

    $node->psql('postgres', 'select panic()', stderr => \$stderr);
    like($stderr, qr/PANIC:  raised a panic/, 'a panic ends the server');
    # Recovery takes a while, and until then nobody can connect.
    ok($node->poll_query_until('postgres', 'select not pg_is_in_recovery()'), 'which comes back');
    is($node->safe_psql('postgres', 'select pg_postmaster_start_time()'), $started, 'by itself');
    $node->psql('postgres', "select 'after the panic'::int");
    poll_until($node, q{select count(*) from homeostasis.errors where message ~ 'after the panic'}, '1',
        'and captures again');
    is($node->safe_psql('postgres', count_of('captured warning')), '1', 'what was stored before is there');
    my @ends = slurp_file($node->logfile, $log) =~ /LOG:.*(terminated by signal \d+)/g;
    is(scalar(@ends), 1, 'and no other process has crashed');
}
$node->stop;

# Row 3: the log collector has no shared memory; its own trouble must not
# become the server's.
{
    my $collector = new_cluster('collector',
        shared_preload_libraries => 'homeostasis,homeostasis_test',
        logging_collector => 'on', log_directory => 'pg_log',
        log_filename => 'a.log', log_rotation_size => '0', 'homeostasis.capture_level' => 'warning');
    my $directory = $collector->data_dir . '/pg_log';

    $collector->safe_psql('postgres', 'select pg_rotate_logfile()');
    rename($directory, "$directory.away") or die "rename: $!";
    set_conf($collector, log_filename => 'b.log');
    $collector->reload;
    $collector->safe_psql('postgres', 'select pg_rotate_logfile()');
    foreach my $n (1 .. 20)
    {
        $collector->psql('postgres', "select 'collector $n'::int");
    }
    poll_until($collector, q{select count(*) from homeostasis.errors where message like '%collector%'}, '20',
        'row 3: errors are captured while the log cannot be rotated');
    rename("$directory.away", $directory) or die "rename: $!";
    $collector->safe_psql('postgres', 'select pg_rotate_logfile()');
    is($collector->safe_psql('postgres', 'select 1'), '1', 'row 3: the server is up');
    $collector->stop;
    my $log = join '', map { slurp_file($_) } glob("$directory/*.log");
    like($log, qr/WARNING:  warned in the log collector/, 'row 3: though it had much to say');
    unlike($log, qr/terminated by signal|PANIC/, 'row 3: and its log collector never crashed');
}

# Row 5: other modules with a log hook, in any order.
foreach my $libraries (
    'homeostasis_test,homeostasis,pg_cron,pg_stat_statements',
    'pg_stat_statements,pg_cron,homeostasis,homeostasis_test')
{
    (my $name = $libraries) =~ s/,.*//;
    my $many = new_cluster($name, shared_preload_libraries => $libraries, 'cron.database_name' => 'postgres');

    add_test_functions($many);
    is($many->safe_psql('postgres', "select hook_calls()"), '0', "row 5: $libraries: no error yet");
    my ($stdout, $stderr);
    $many->psql('postgres', "select 1/0;\nselect 2/0;\nselect hook_calls();",
        stdout => \$stdout, stderr => \$stderr, on_error_stop => 0);
    is($stdout, '2', "row 5: $libraries: the other hook is called once an error");
    poll_until($many, count_of('division by zero'), '2', "row 5: $libraries: and so is ours");
    $many->psql('postgres', "select raise_in_hook();\nselect 'x'::int;\nselect 'alive after all';",
        stdout => \$stdout, on_error_stop => 0);
    like($stdout, qr/alive after all/, "row 5: $libraries: an error in the other hook is survived");
    poll_until($many, count_of('raised inside a log hook'), '1', "row 5: $libraries: and captured");
    $many->psql('postgres', 'select 3/0');
    poll_until($many, count_of('division by zero'), '3', "row 5: $libraries: and what comes later, too");
    $many->stop;
}

done_testing();
