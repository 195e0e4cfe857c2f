# HomeostasisLoad.pm: a steady load of events whose ids are known, and the
# reckoning of what became of them
#
# Used by the tests of faults in test/t and by test/soak.pl.
#
#   my $load = start_load($node, 'storm');
#   wait_for_load($load, 200);
#   ... a fault ...
#   stop_load($load);
#   reckon_load($node, $load, 'after the fault');
#
# Each client is a process that runs psql again and again, so that it goes on
# when its session or the server has ended.  What psql prints is an id that was
# acknowledged, or an empty line for an event that was dropped; what it was told
# to send but says nothing about may be stored or not.

package HomeostasisLoad;

use strict;
use warnings;

use Carp;
use Digest::MD5 qw(md5_hex);
use Exporter 'import';
use HomeostasisCluster;
use IPC::Run ();
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

our @EXPORT = qw(
  start_load
  wait_for_load
  acknowledged
  stop_load
  load_errors
  reckon
  reckon_load
  discrepancies
  check_indexes
);

# Between two scripts of a client; what one of them has.
my $pause_us = 20_000;
my $statements_per_script = 12;

my $loads = 0;
my %running;

# A test that dies leaves none behind; prove would wait for them.
END
{
    my $status = $?;

    stop_load($_) foreach grep { $_->{parent} == $$ } values %running;
    $? = $status;
}

# The id of a client's n-th event.
sub event_id
{
    my ($load, $client, $n) = @_;
    my $hex = md5_hex("$load->{name}/$client/$n");

    return join '-', unpack 'A8 A4 A4 A4 A12', $hex;
}

# Of some types, so that each ingest worker has its share, and of new issues
# from time to time.
sub event
{
    my ($load, $client, $n) = @_;
    my $more = $load->{event} ? $load->{event}->($n) : '';

    return sprintf '{"service": "%s", "error_id": "%s", "error_type": "Type%s", "error_message": "%s %d"%s}',
      $load->{service}, event_id($load, $client, $n), chr(65 + $n % 13),
      ('rare ' x int($n / 500)) . 'number', $n, $more;
}

# Statements from the n-th event on, by one of the ways to report; returns the
# number of the next.
sub script
{
    my ($load, $client, $n, $script) = @_;

    $$script = '';
    foreach my $i (1 .. $statements_per_script)
    {
        my $way = $load->{ways}[$i % @{ $load->{ways} }];
        my $most = $way eq 'report' ? 1 : 4;
        my $events = join ', ', map { event($load, $client, $n++) } 1 .. $most;

        $events = "[$events]" if $most > 1;
        $$script .= "select homeostasis.$way('$events'::jsonb);\n";
    }
    return $n;
}

sub run_client
{
    my ($load, $client) = @_;
    my $n = 0;

    # A test that ended in the middle is nobody's parent any more.
    until (-e $load->{stop} || getppid() != $load->{parent})
    {
        my $next = script($load, $client, $n, \my $script);

        append_to_file("$load->{base}.sent.$client", "$n $next\n");
        eval {
            IPC::Run::run([ 'psql', '-XqAt', '-d', $load->{connection} ],
                '<', \$script, '>>', "$load->{base}.out.$client", '2>>', "$load->{base}.err.$client");
        };
        $n = $next;
        usleep($pause_us);
    }
    return;
}

# start_load(node, service, option => value, ...): begins.
#
#   clients => 2             how many sessions at a time
#   ways => [...]            functions to report by, in turn: report,
#                            report_batch, ingest
#   settings => '-c ...'     of these sessions
#   event => sub { my ($n) = @_; ... }   more of each event, as JSON
sub start_load
{
    my ($node, $service, %option) = @_;
    my $load = {
        clients => 2,
        ways => [ 'report', 'report_batch', 'report', 'report', 'ingest' ],
        settings => '',
        %option,
        parent => $$,
        service => $service,
        name => $service . ++$loads
    };

    $load->{base} = $node->basedir . "/load.$load->{name}";
    $load->{stop} = "$load->{base}.stop";
    $load->{connection} = $node->connstr('postgres') . " application_name='load $service' connect_timeout=30";
    foreach my $client (1 .. $load->{clients})
    {
        my $pid = fork() // croak "fork: $!";

        if ($pid == 0)
        {
            local $ENV{PGOPTIONS} = $load->{settings};

            eval { run_client($load, $client) };
            # Nothing of the test's own is to be done here.
            POSIX::_exit($@ ? 1 : 0);
        }
        push @{ $load->{pids} }, $pid;
    }
    $running{ $load->{name} } = $load;
    return $load;
}

# A file of each client, in one piece.
sub read_files
{
    my ($load, $kind) = @_;

    return map { -e $_ ? slurp_file($_) : '' } map { "$load->{base}.$kind.$_" } 1 .. $load->{clients};
}

# How many events were acknowledged up to now.
sub acknowledged
{
    my ($load) = @_;
    my $n = 0;

    $n += () = /^[0-9a-f-]{36}$/mg foreach read_files($load, 'out');
    return $n;
}

# wait_for_load(load, n[, deadline_s]): until n events more are acknowledged
sub wait_for_load
{
    my ($load, $more, $deadline) = @_;
    my $wanted = acknowledged($load) + $more;
    my $end = time() + ($deadline // $HomeostasisCluster::deadline_default);

    while (acknowledged($load) < $wanted)
    {
        time() < $end
          or croak "the load came to " . acknowledged($load) . " events, waited for $wanted; it said\n"
          . substr(load_errors($load), -1000);
        usleep(50_000);
    }
    return;
}

# Ends the clients when they have come to the end of what they are sending.
sub stop_load
{
    my ($load) = @_;

    append_to_file($load->{stop}, '') unless -e $load->{stop};
    waitpid($_, 0) foreach splice @{ $load->{pids} };
    delete $running{ $load->{name} };
    return;
}

# What its sessions were told, beside ids.
sub load_errors
{
    my ($load) = @_;

    return join '', read_files($load, 'err');
}

# What the load knows: acknowledged ids, those that were sent, and how many were
# dropped.
sub own_figures
{
    my ($load) = @_;
    my (%acknowledged, %sent);
    my $dropped = 0;

    foreach (read_files($load, 'out'))
    {
        foreach my $line (split /\n/)
        {
            $line eq '' ? $dropped++ : ($acknowledged{$line} = 1);
        }
    }
    my $client = 0;
    foreach (read_files($load, 'sent'))
    {
        $client++;
        while (/^(\d+) (\d+)$/mg)
        {
            $sent{ event_id($load, $client, $_) } = 1 foreach $1 .. $2 - 1;
        }
    }
    return (\%acknowledged, \%sent, $dropped);
}

# Issues, and minutes of them, that count something else than there are rows.
sub miscounted
{
    my ($node, $service, $rows) = @_;
    my $rows_of_service = qq{
        (select f.issue_id, e."timestamp" from ($rows) e
         join homeostasis.services s on s.id = e.service_id and s.name = '$service'
         join homeostasis.issue_fingerprints f using (service_id, fingerprint))};
    my $in_service = qq{service_id = (select id from homeostasis.services where name = '$service')};

    # Where a day has hours in place of minutes, as one that is over has, that is
    # what can be compared.
    my $counts = qq{
        (select *, date_trunc('day', minute, 'UTC') as day from homeostasis.issue_counts where $in_service)};
    my $bin = q{date_bin(coalesce(w.minutes, 1) * interval '1 minute', minute, timestamptz '2000-01-01 00:00+00')};

    return split /\|/, $node->safe_psql('postgres', qq{
        with wide as (select issue_id, day, max(minutes) as minutes from $counts c group by 1, 2)
        select
          (select count(*) from (select id, error_count, first_seen, last_seen from homeostasis.issues where $in_service) i
           full join (select issue_id as id, count(*) as n, min("timestamp") as first, max("timestamp") as last
                      from $rows_of_service r group by 1) r using (id)
           where (error_count, first_seen, last_seen) is distinct from (n, first, last)),
          (select count(*) from (select issue_id, $bin as start, sum(error_count) as error_count
                                 from $counts c join wide w using (issue_id, day) group by 1, 2) c
           full join (select issue_id, $bin as start, count(*) as n
                      from (select r.*, "timestamp" as minute, date_trunc('day', "timestamp", 'UTC') as day
                            from $rows_of_service r) r left join wide w using (issue_id, day) group by 1, 2) r using (issue_id, start)
           where error_count is distinct from n)});
}

# reckon(node, load[, rows]): waits until nothing waits, and compares.  rows is
# what has the rows if it is not homeostasis.errors alone.  Returns a hash of
# figures; discrepancies() says which of them must be 0.
sub reckon
{
    my ($node, $load, $rows) = @_;
    my ($acknowledged, $sent, $dropped) = own_figures($load);
    my (%stored, %figure);

    $rows //= 'select * from homeostasis.errors';
    wait_for_value($node, intake_waiting(), '0');
    $stored{$_}++ foreach split /\n/, $node->safe_psql('postgres', qq{
        select e.event_id from ($rows) e join homeostasis.services s on s.id = e.service_id
        where s.name = '$load->{service}'});
    %figure = (
        sent => scalar keys %$sent,
        acknowledged => scalar keys %$acknowledged,
        dropped => $dropped,
        stored => scalar keys %stored,
        unknown => scalar(grep { $stored{$_} } grep { !$acknowledged->{$_} } keys %$sent),
        lost => scalar(grep { !$stored{$_} } keys %$acknowledged),
        twice => scalar(grep { $_ > 1 } values %stored),
        invented => scalar(grep { !$sent->{$_} } keys %stored),
        rejected => $node->safe_psql('postgres', 'select count(*) from homeostasis.rejected_events'));
    ($figure{issues}, $figure{minutes}) = miscounted($node, $load->{service}, $rows);
    return \%figure;
}

# Those that are wrong, in words; none: ''.
sub discrepancies
{
    my ($figure) = @_;

    return join ', ', map { "$figure->{$_} $_" } grep { $figure->{$_} != 0 } qw(lost twice invented rejected issues minutes);
}

# reckon_load(node, load, what[, rows]): the tests of that
sub reckon_load
{
    my ($node, $load, $what, $rows) = @_;
    my $figure = reckon($node, $load, $rows);
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    note(sprintf '%s: %d sent, %d acknowledged, %d stored (%d of them without an answer), %d dropped',
        $what, @{$figure}{qw(sent acknowledged stored unknown dropped)});
    cmp_ok($figure->{acknowledged}, '>', 0, "$what: events were acknowledged");
    is(discrepancies($figure), '', "$what: these are stored, once, and counted exactly");
    return $figure;
}

# What pg_amcheck has to say about tables and indexes; '' if nothing.
sub check_indexes
{
    my ($node) = @_;
    my $output = '';

    IPC::Run::run([ 'pg_amcheck', '--install-missing', '--heapallindexed', '-h', $node->host, '-p', $node->port, 'postgres' ],
        '<', \undef, '>&', \$output)
      and return '';
    return $output || 'pg_amcheck failed';
}

1;
