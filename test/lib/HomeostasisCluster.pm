# HomeostasisCluster.pm: clusters with Homeostasis for the tests in test/t
#
# PostgreSQL::Test::Cluster does the work; this adds what every test of the
# extension needs.  Used by test/t/*.pl, which test/run-tap.sh runs from the
# private installation.
#
#   use HomeostasisCluster;
#   use Test::More;
#
#   my $node = new_cluster('main', 'homeostasis.mode' => 'auto');
#   poll_until($node, q{select count(*) from homeostasis.issues}, '1',
#       'the error became an issue');
#
# Nothing here sleeps for a fixed time: it polls, and on a time-out it says
# what it waited for and what it saw last.

package HomeostasisCluster;

use strict;
use warnings;

use Carp;
use Exporter 'import';
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test2::API qw(test2_add_callback_context_release);
use Test::More;
use Time::HiRes qw(time usleep);

our @EXPORT = qw(
  new_cluster
  set_conf
  switch_workers
  poll_until
  wait_for_value
  intake_waiting
  worker_pid
  worker_pids
  kill_worker
  validated_patch
  kill_backend
  refused_login
  wait_gone
  checkout
);

# What a test that gives no deadline waits for, in seconds.  Generous: it is
# spent only where something is broken.
our $deadline_default = $ENV{PG_TEST_TIMEOUT_DEFAULT} || 60;

my $poll_interval_us = 50_000;

# Where one failure says it all, the rest of a test is not waited for.
if ($ENV{HOMEOSTASIS_FIRST_FAILURE})
{
    my $ended = 0;

    test2_add_callback_context_release(sub {
        my ($context) = @_;

        return if $ended || $context->hub->is_passing;
        $ended = 1;
        $context->throw('the first failure is enough');
    });
}

# The superuser is "postgres" everywhere, whoever runs the tests.
$ENV{PGUSER} = 'postgres';

# The directory that holds the checkout, for tests that read its files.
sub checkout
{
    return $ENV{HOMEOSTASIS_CHECKOUT};
}

# new_cluster(name, setting => value, ...): a cluster that is initialised and
# started, with the library preloaded, the home database "postgres" and the
# extension created there.  Words with a leading dash are not settings:
#
#   -extension => 0         do not create the extension
#   -start => 0             do not even start the server
#   -streaming => 1         allow a standby to follow
#   -initdb => [...]        more arguments for initdb
#
# $HOMEOSTASIS_SETTINGS, "setting=value ...", holds for all clusters that do
# not say otherwise.
sub new_cluster
{
    my ($name, %settings) = @_;
    my %option = (
        extension => 1,
        start     => 1,
        streaming => 0,
        initdb    => []);

    foreach my $key (grep { /^-/ } keys %settings)
    {
        my $word = substr($key, 1);

        exists $option{$word} or croak "new_cluster has no option $key";
        $option{$word} = delete $settings{$key};
    }

    my $node = PostgreSQL::Test::Cluster->new($name);
    $node->init(
        allows_streaming => $option{streaming},
        extra            => [
            '--username=postgres', '--encoding=UTF8',
            '--locale=C.UTF-8', @{ $option{initdb} }
        ]);

    # What the framework sets is meant for its own tests: a crash must be
    # recovered from here, and logged statements drown everything else.
    %settings = (
        'restart_after_crash'      => 'on',
        'log_statement'            => 'none',
        'max_connections'          => 100,
        'shared_buffers'           => '32MB',
        'shared_preload_libraries' => 'homeostasis',
        'homeostasis.database'     => 'postgres',
        (map { split /=/, $_, 2 } split ' ', $ENV{HOMEOSTASIS_SETTINGS} // ''),
        %settings);
    set_conf($node, %settings);

    $node->start if $option{start};
    $node->safe_psql('postgres', 'create extension homeostasis')
      if $option{start} && $option{extension};
    return $node;
}

# set_conf(node, setting => value, ...): append to postgresql.conf.  The
# caller reloads or restarts.
sub set_conf
{
    my ($node, %settings) = @_;

    foreach my $key (sort keys %settings)
    {
        (my $value = $settings{$key}) =~ s/'/''/g;
        $node->append_conf('postgresql.conf', "$key = '$value'");
    }
    return;
}

# switch_workers(node, 'on' or 'off'): and waits until they are there, or gone.
sub switch_workers
{
    my ($node, $state) = @_;

    set_conf($node, 'homeostasis.workers' => $state);
    $node->reload;
    wait_for_value($node, q{
        select count(*) > 0 from pg_stat_activity
        where backend_type in ('homeostasis ingest', 'homeostasis healer')},
        $state eq 'on' ? 't' : 'f');
    return;
}

# One look at the query's result: its rows as psql prints them, or, in
# parentheses, why there is none.
sub look
{
    my ($node, $sql, $database) = @_;
    my ($stdout, $stderr) = ('', '');

    # Where no server answers, psql may end before the query is written to it,
    # of which IPC::Run dies.
    my $status = eval {
        $node->psql(
            $database, $sql,
            stdout => \$stdout,
            stderr => \$stderr)
    };

    return $stdout if defined $status && $status == 0;
    return '(psql failed: ' . ($stderr || $@) . ')';
}

# Polls until the result is the expected string or matches the expected
# qr//; returns (1 or 0, the last result).  Errors count as a result that
# is not the expected one, so a server that is just restarting is waited for.
sub poll
{
    my ($node, $sql, $expected, $deadline, $database) = @_;
    my $end = time() + ($deadline // $deadline_default);
    my $last;

    while (1)
    {
        $last = look($node, $sql, $database // 'postgres');
        my $met =
          ref $expected eq 'Regexp'
          ? $last =~ $expected
          : $last eq $expected;

        return (1, $last) if $met;
        return (0, $last) if time() >= $end;
        usleep($poll_interval_us);
    }
}

sub explanation
{
    my ($sql, $expected, $last, $deadline) = @_;

    return sprintf "waited %s s for the query\n  %s\nto give\n  %s\n"
      . "but it gave last\n  %s\n",
      $deadline // $deadline_default, $sql, $expected, $last;
}

# poll_until(node, sql, expected, what[, deadline_s[, database]]): a test that
# passes as soon as the query's result is the expected one.
sub poll_until
{
    my ($node, $sql, $expected, $what, $deadline, $database) = @_;
    my ($met, $last) = poll($node, $sql, $expected, $deadline, $database);
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    ok($met, $what)
      or diag(explanation($sql, $expected, $last, $deadline));
    return $met;
}

# intake_waiting(): a query for what is not stored yet, 0 if nothing is: bytes in
# the rings and the journal, and events that wait for a lock in a table.
sub intake_waiting
{
    return q{
        select (select coalesce(sum(used_bytes), 0) from homeostasis.stat_intake)
             + (select count(*) from homeostasis.deferred_events)};
}

# wait_for_value: the same for what a test needs before it can begin; dies
# when the time is over.  Returns the result.
sub wait_for_value
{
    my ($node, $sql, $expected, $deadline, $database) = @_;
    my ($met, $last) = poll($node, $sql, $expected, $deadline, $database);

    $met or croak explanation($sql, $expected, $last, $deadline);
    return $last;
}

# validated_patch(node, database, role, name, template): the id of a patch that a
# template makes for an error called name, raised in that database by that
# role, once it is validated.  The error cannot be replayed, so nothing
# disproves the patch.  The cluster's mode is suggest.
sub validated_patch
{
    my ($node, $database, $role, $name, $template) = @_;

    $node->psql($database, "do \$\$begin raise '$name'; end\$\$",
        extra_params => [ '-U', $role ]);
    my $issue = wait_for_value($node,
        "select id from homeostasis.issues where title like '%$name%'",
        qr/^\d+$/);
    $node->safe_psql('postgres', "
        insert into homeostasis.analysis (service_id, issue_id, error_id,
          error_timestamp, source, confidence_score, root_cause, suggestion,
          template)
        select service_id, id, sample_event_id, sample_timestamp, 'person', 1,
          'test', 'test', '$template'
        from homeostasis.issues where id = $issue");

    # The healer begins by itself.
    wait_for_value($node, "
        select status from homeostasis.patches
        where issue_id = $issue and template = '$template'", 'validated');
    return $node->safe_psql('postgres', "
        select id from homeostasis.patches
        where issue_id = $issue and template = '$template'");
}

# The pids of the processes with this backend_type (a LIKE pattern), in
# order of their start.
sub worker_pids
{
    my ($node, $backend_type) = @_;
    my $pids = $node->safe_psql('postgres', <<"SQL");
select pid from pg_stat_activity
where backend_type like '$backend_type' order by backend_start, pid
SQL

    return split /\n/, $pids;
}

# worker_pid(node, backend_type[, deadline_s]): waits until there is one, and
# dies when there is none in time.
sub worker_pid
{
    my ($node, $backend_type, $deadline) = @_;

    return wait_for_value($node, <<"SQL", qr/^\d+$/, $deadline);
select pid from pg_stat_activity
where backend_type like '$backend_type' order by backend_start, pid limit 1
SQL
}

# wait_gone(pid[, deadline_s]): until the process no longer exists; a killed
# one stays visible for up to two seconds.
sub wait_gone
{
    my ($pid, $deadline) = @_;
    my $end = time() + ($deadline // $deadline_default);

    while (kill 0, $pid)
    {
        time() < $end
          or croak sprintf 'process %d is still there after %s s',
          $pid, $deadline // $deadline_default;
        usleep($poll_interval_us);
    }
    return;
}

# kill_backend(pid[, signal]): send the signal, KILL unless told otherwise,
# and wait until the process is gone.
sub kill_backend
{
    my ($pid, $signal) = @_;

    kill($signal // 'KILL', $pid) == 1
      or croak "process $pid was gone before it could be killed";
    wait_gone($pid);
    return;
}

# refused_login(node, database, argument...): what psql says when it cannot
# connect.  Nothing is written to it: it may be gone before it would read that.
sub refused_login
{
    my ($node, $database, @arguments) = @_;
    my $stderr = '';

    IPC::Run::run([ 'psql', '-XAtq', '-d', $node->connstr($database), @arguments, '-c', 'select 1' ],
        '<', '/dev/null', '2>', \$stderr)
      and croak "psql could connect to $database";
    return $stderr;
}

# kill_worker(node, backend_type[, signal]): the first one of that type, which
# must exist or appear; returns the pid it had.
sub kill_worker
{
    my ($node, $backend_type, $signal) = @_;
    my $pid = worker_pid($node, $backend_type);

    kill_backend($pid, $signal);
    return $pid;
}

1;
