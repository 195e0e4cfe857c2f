# HomeostasisFaults.pm: what may happen to a server, for tests that let it
# happen under a load of HomeostasisLoad.pm
#
# Each fault is a function of a node; when it returns, the server is up and
# the fault is over.  Used by the tests of faults in test/t and by test/soak.pl.

package HomeostasisFaults;

use strict;
use warnings;

use Carp;
use Exporter 'import';
use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

# What servers are started with, by their name; see with_clock().
my %environment;

our @EXPORT = qw(
  start_again
  wait_for_log
  wait_untried
  while_crashing
  kill_session
  kill_each_worker
  kill_postmaster
  stop_and_start
  hold_lock
  on_small_disk
  fill_disk
  with_clock
  set_clock
  with_disk
  set_disk
);

# Starts a server unless it runs, perhaps one of which processes are still
# ending, with the clock and the disk that it was given.
sub start_again
{
    my ($node) = @_;
    my $end = time() + $HomeostasisCluster::deadline_default;
    my $own = $environment{ $node->name } // {};
    local @ENV{ keys %$own } = values %$own;

    # It may have ended without the test's doing.
    $node->_update_pid(-1);
    return if defined $node->{_pid};
    until ($node->start(fail_ok => 1))
    {
        time() < $end or croak 'the server does not start again';
        usleep(100_000);
    }
    return;
}

# wait_for_log(node, pattern): until the server's log has it
sub wait_for_log
{
    my ($node, $pattern) = @_;
    my $end = time() + $HomeostasisCluster::deadline_default;

    until (slurp_file($node->logfile) =~ $pattern)
    {
        time() < $end or croak "the log does not have $pattern";
        usleep(50_000);
    }
    return;
}

# wait_untried(node): until the intake is past all at which a life ended before.
# A few crashes at the same event make it a rejected one, as they may where one
# fault follows the other faster than a slow machine stores.
sub wait_untried
{
    my ($node) = @_;
    my $end = time() + $HomeostasisCluster::deadline_default;

    # See HomeoAttemptNote: the last of its numbers is which try this is.
    foreach my $note (map { $node->data_dir . "/homeostasis/attempt.$_" } 0 .. 15)
    {
        while (-e $note)
        {
            my $tries = (unpack 'Q4', eval { slurp_file($note) } // '')[3];

            last if defined $tries && $tries < 2;
            time() < $end or croak 'the intake does not get past an event';
            usleep(50_000);
        }
    }
    return;
}

# while_crashing(node, code): waits for the next life of the shared memory, which
# the code is to bring about by the end of a process.  One that had just ended by
# itself cannot be killed, though a zombie takes the signal: then the code runs
# again, and finds another one.
sub while_crashing
{
    my ($node, $code) = @_;
    my $epoch = wait_for_value($node, 'select epoch from homeostasis.stat_journal', qr/^\d+$/);
    my $same = "select epoch = $epoch from homeostasis.stat_journal";
    my $end = time() + $HomeostasisCluster::deadline_default;
    my $begun;

    until ($begun)
    {
        time() < $end or croak 'no process that is killed makes the server crash';
        wait_untried($node);
        $code->();
        ($begun) = HomeostasisCluster::poll($node, $same, qr/^(?!t$)/, 5);
    }
    wait_for_value($node, $same, 'f');
    return;
}

# kill_session(node, name): kills one whose application_name is LIKE that; there
# will be another one when it is gone before
sub kill_session
{
    my ($node, $name) = @_;

    while_crashing($node, sub {
        my $killed = 0;

        while (!$killed)
        {
            my $pid = wait_for_value($node, qq{
                select pid from pg_stat_activity
                where application_name like '$name' and backend_type = 'client backend' limit 1}, qr/^\d+$/);
            $killed = kill 'KILL', $pid;
        }
    });
    return;
}

# Kills a worker of each kind, one after another; returns the kinds.
sub kill_each_worker
{
    my ($node) = @_;
    my @kinds = split /\n/, wait_for_value($node, q{
        select distinct backend_type from pg_stat_activity where backend_type like 'homeostasis %' order by 1},
        qr/ingest/);

    foreach my $kind (@kinds)
    {
        while_crashing($node, sub { kill 'KILL', worker_pid($node, $kind) });
    }
    return @kinds;
}

sub kill_postmaster
{
    my ($node) = @_;
    my ($pid) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;

    wait_untried($node);
    $node->kill9;
    wait_gone($pid);
    start_again($node);
    return;
}

# stop_and_start(node, mode[, code]): what the code does happens in between
sub stop_and_start
{
    my ($node, $mode, $code) = @_;

    $node->stop($mode);
    $code->() if $code;
    start_again($node);
    return;
}

# hold_lock(node, what, code): runs the code while a session has locked that
# table
sub hold_lock
{
    my ($node, $table, $code) = @_;
    my $holder = $node->background_psql('postgres');

    $holder->query_safe("begin; lock table $table");
    $code->();
    $holder->query_safe('rollback');
    $holder->quit;
    return;
}

# Disks that are full --------------------------------------------------------

# on_small_disk(directory, name): has a directory of a server that does not run on
# the disk called name; returns that.  $HOMEOSTASIS_SMALL_DISKS is set by
# test/run-tap.sh if there are such disks.
sub on_small_disk
{
    my ($directory, $name) = @_;
    my $disks = $ENV{HOMEOSTASIS_SMALL_DISKS};
    my $place = "$disks/$name/place";

    if (-d $directory)
    {
        system('mv', $directory, $place) == 0 or croak "mv $directory $place failed";
    }
    else
    {
        mkdir $place or croak "mkdir $place: $!";
    }
    symlink $place, $directory or croak "symlink $directory: $!";
    return "$disks/$name";
}

# fill_disk(disk, code): runs the code while it has no byte left
sub fill_disk
{
    my ($disk, $code) = @_;
    my $filler = "$disk/filler";
    my $written = 1;

    open my $handle, '>', $filler or croak "$filler: $!";
    $written = syswrite $handle, "\0" x 4096 while $written;
    close $handle;
    $code->();
    unlink $filler or croak "$filler: $!";
    return;
}

# Clocks ---------------------------------------------------------------------

# preload(node, module, setting => value, ...): from its next start on
sub preload
{
    my ($node, $module, %settings) = @_;
    my $own = $environment{ $node->name } //= {};
    my $file = $node->config_data('--pkglibdir') . "/$module.so";

    %$own = (%$own, %settings, LD_PRELOAD => join ' ', grep { defined } $own->{LD_PRELOAD}, $file);
    return;
}

# with_clock(node): gives a server that does not run a clock that can be set, see
# test/modules/set_clock.c
sub with_clock
{
    my ($node) = @_;

    set_clock($node, 0);
    preload($node, 'set_clock', HOMEOSTASIS_CLOCK => $node->basedir . '/clock');
    return;
}

# set_clock(node, seconds): by so many it differs from the true time from now on
sub set_clock
{
    my ($node, $offset) = @_;
    my $file = $node->basedir . '/clock';

    # In one piece, for whoever reads it meanwhile.
    append_to_file("$file.new", $offset);
    rename("$file.new", $file) or croak "rename: $!";
    return;
}

# Disks that fail ------------------------------------------------------------

# with_disk(node): gives it a disk under the journal that can fail, see
# test/modules/bad_disk.c; returns the directory of what is on it
sub with_disk
{
    my ($node) = @_;
    my $durable = $node->basedir . '/durable';

    mkdir $durable or croak "$durable: $!";
    set_disk($node, 'good');
    preload($node, 'bad_disk', HOMEOSTASIS_DISK => $node->basedir . '/disk', HOMEOSTASIS_DURABLE => $durable);
    return $durable;
}

# set_disk(node, state): good, full or bad
sub set_disk
{
    my ($node, $state) = @_;
    my $file = $node->basedir . '/disk';

    append_to_file("$file.new", $state);
    rename("$file.new", $file) or croak "rename: $!";
    return;
}

1;
