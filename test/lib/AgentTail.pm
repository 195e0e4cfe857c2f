# AgentTail.pm: runs `homeostasis-agent tail` on files, and compares what was
# written into them with what the database has
#
# Used by test/t/20*_agent_*.pl.  One agent runs at a time; a test that dies
# does not leave it behind.
#
#   agent_setup($node);
#   append("$logs/a.log", errors_for('shop', 20));
#   start_agent('state', '--service=shop', "$logs/a.log");
#   all_stored('shop', 'what is in a file is reported');
#   end_agent();

package AgentTail;

use strict;
use warnings;

use Exporter 'import';
use HomeostasisCluster;
use IPC::Run ();
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

our @EXPORT = qw(
  $base
  $logs
  %expected
  agent_setup
  agent_connstr
  agent_pid
  start_agent
  end_agent
  refused
  said
  wait_said
  wait_spooled
  append
  errors_for
  written
  all_stored
  gzip
);

our ($base, $logs);
our %expected;

my ($node, $connstr);
my $pid;
my $next = 0;
my %offset;

# agent_setup(node[, database]): where agents report to
sub agent_setup
{
    my ($database) = @_[ 1 .. $#_ ];

    ($node) = @_;
    $database //= 'postgres';
    $connstr = $node->connstr($database);
    $base //= PostgreSQL::Test::Utils::tempdir();
    $logs = "$base/logs";
    -d $logs or mkdir $logs or die "$logs: $!";
    return;
}

sub agent_connstr
{
    return $connstr;
}

sub agent_pid
{
    return $pid;
}

# start_agent(state, argument...): starts an agent; what it says goes to a file
# that said() reads.
sub start_agent
{
    my ($state, @arguments) = @_;

    $offset{$state} = -s "$base/$state.said" // 0;
    $pid = fork() // die "fork: $!";
    if ($pid == 0)
    {
        open STDERR, '>>', "$base/$state.said" or die $!;
        exec('homeostasis-agent', 'tail', '--dbname', $connstr, '--batch-timeout=50ms', '--poll-interval=20ms',
            '--host=test', "--state-dir=$base/$state", @arguments)
          or POSIX::_exit(127);
    }
    return;
}

# end_agent([signal]): returns its status
sub end_agent
{
    my ($signal) = @_;

    return 0 unless $pid;
    kill $signal // 'TERM', $pid;
    waitpid $pid, 0;
    undef $pid;
    return $?;
}

END
{
    my $status = $?;
    end_agent('KILL');
    $? = $status;
}

# refused([argument...], regexp, what): a usage error
sub refused
{
    my ($arguments, $wanted, $what) = @_;
    my ($out, $err) = ('', '');

    IPC::Run::run([ 'homeostasis-agent', @$arguments ], '<', '/dev/null', '>', \$out, '2>', \$err);
    is($? >> 8, 2, "$what ends with status 2");
    like($err, $wanted, "... and says what is wrong");
    return;
}

# said(state): by the agent that was started last with it
sub said
{
    my ($state) = @_;

    return -e "$base/$state.said" ? substr(slurp_file("$base/$state.said"), $offset{$state} // 0) : '';
}

# wait_said(state, regexp, what)
sub wait_said
{
    my ($state, $wanted, $what) = @_;
    my $end = time() + 60;

    while (said($state) !~ /$wanted/)
    {
        if (time() > $end)
        {
            fail($what);
            diag(said($state));
            return;
        }
        usleep(20_000);
    }
    pass($what);
    return;
}

# wait_spooled(state, events, what): until so many are in the spool
sub wait_spooled
{
    my ($state, $events, $what) = @_;
    my $end   = time() + 60;
    my $found = -1;

    while ($found != $events && time() < $end)
    {
        usleep(20_000);
        $found = 0;
        $found += /-(\d+)\.gz$/ ? $1 : 0 foreach glob("$base/$state/spool/*.gz");
    }
    is($found, $events, $what);
    return;
}

# append(file, line...)
sub append
{
    my ($file, @lines) = @_;

    open my $handle, '>>', $file or die "$file: $!";
    print $handle map { "$_\n" } @lines;
    close $handle or die "$file: $!";
    return;
}

# errors_for(service, count): lines that are errors, with and without a time;
# each has an id of its own.
sub errors_for
{
    my ($service, $count) = @_;
    my @lines;

    for (1 .. $count)
    {
        my $id = sprintf 'id-%06d', ++$next;
        my ($s, $us) = split /\./, sprintf '%.6f', time();

        $expected{$service}{$id} = 1;
        push @lines, ($next % 2
              ? POSIX::strftime('%Y-%m-%dT%H:%M:%S', gmtime $s) . ".${us}Z ERROR boom $id"
              : "ERROR boom $id");
        push @lines, 'INFO nothing happened' if $next % 5 == 0;
    }
    return @lines;
}

# How many errors were made so far, for all services.
sub written
{
    return $next;
}

# all_stored(service, what): all ids of a service are stored once, and nothing
# else is.
sub all_stored
{
    my ($service, $what) = @_;
    my $count = keys %{ $expected{$service} };
    my $list  = "select count(*), count(distinct substring(e.message from 'id-\\d+'))
        from homeostasis.errors e join homeostasis.services s on s.id = e.service_id
        where s.name = '$service'";
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    poll_until($node, $list, "$count|$count", $what) and return;
    my $stored = $node->safe_psql('postgres', "
        select substring(e.message from 'id-\\d+'), count(*)
        from homeostasis.errors e join homeostasis.services s on s.id = e.service_id
        where s.name = '$service' group by 1");
    my %stored = map { split /\|/ } split /\n/, $stored;
    diag('lost: ' . join ' ', grep { !$stored{$_} } sort keys %{ $expected{$service} });
    diag('twice: ' . join ' ', grep { $stored{$_} > 1 } sort keys %stored);
    return;
}

sub gzip
{
    my ($file) = @_;

    system_or_bail('gzip', $file);
    return;
}

1;
