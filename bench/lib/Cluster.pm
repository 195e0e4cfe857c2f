# Cluster.pm: private clusters for benchmarks, through test/cluster.sh.

package Cluster;

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);

use Psql;

my $script = abs_path(dirname(__FILE__) . '/../../test/cluster.sh');
my $number = 0;

# die_of_signals(): so that clusters are dropped.  A second signal, or one that
# a terminal sends to all processes, does not disturb that.
sub die_of_signals
{
  my @signals = qw(HUP INT TERM);

  for my $signal (@signals)
  {
    $SIG{$signal} = sub {
      $SIG{$_} = 'IGNORE' for @signals;
      die "interrupted\n";
    };
  }
  return;
}

# new(options, setting => value, ...): options, a reference to an array, are
# those of cluster.sh, such as '--bare'.  Dies when it does not start.
sub new
{
  my ($class, $options, %settings) = @_;
  my $directory = ($ENV{TMPDIR} // '/tmp') . "/homeostasis-bench.$$." . ++$number;
  my $self = bless { directory => $directory, process => $$, runs => {} }, $class;

  _run('start', @$options, $directory, map { "$_=$settings{$_}" } sort keys %settings);
  my $environment = _run('env', $directory);
  $self->{lc $1} = $2 =~ s/\\(.)/$1/gr while $environment =~ /^export (?:PG)?(\w+)=(.*)$/mg;
  return $self;
}

sub _run
{
  my @command = @_;

  open my $pipe, '-|', $script, @command or die "$script: $!\n";
  local $/ = undef;
  my $output = readline $pipe;
  close $pipe or die "cluster.sh @command failed\n";
  return $output // '';
}

# psql(name => value, ...): a connection, with the arguments of Psql->new.
sub psql
{
  my ($self, %option) = @_;
  local $ENV{PATH} = $self->{path};
  return Psql->new(host => $self->{host}, port => $self->{port}, user => $self->{user},
    database => $self->{database}, %option);
}

# pgbench(argument, ...): its output; dies when it fails.  start_pgbench does
# not wait and returns what finish_pgbench takes.  Those that still run when
# the cluster is dropped are ended.
sub pgbench
{
  my ($self, @arguments) = @_;
  return finish_pgbench($self->start_pgbench(@arguments));
}

sub start_pgbench
{
  my ($self, @arguments) = @_;
  local $ENV{PATH} = $self->{path};
  local @ENV{qw(PGHOST PGPORT PGUSER PGDATABASE)} = @$self{qw(host port user database)};

  my $pid = open my $pipe, '-|';
  defined $pid or die "cannot fork: $!\n";
  if ($pid == 0)
  {
    open STDERR, '>&', \*STDOUT;
    { exec { "pgbench" } "pgbench", @arguments; }
    require POSIX;
    POSIX::_exit(127);
  }
  return $self->{runs}{$pid} = { pipe => $pipe, pid => $pid, arguments => \@arguments, runs => $self->{runs} };
}

sub finish_pgbench
{
  my ($run) = @_;
  local $/ = undef;
  my $output = readline $run->{pipe};

  delete $run->{runs}{ $run->{pid} };
  close $run->{pipe} or die "pgbench @{ $run->{arguments} } failed:\n$output";
  return $output;
}

# Tells a pgbench to end; what it has done is lost.
sub end_pgbench
{
  my ($run) = @_;
  delete $run->{runs}{ $run->{pid} };
  kill 'TERM', $run->{pid};
  close $run->{pipe};
  return;
}

# log(): the path of the server's log.
sub log
{
  my ($self) = @_;
  return "$self->{directory}/log";
}

sub drop
{
  my ($self) = @_;
  my $directory = delete $self->{directory};

  end_pgbench($_) for values %{ $self->{runs} };
  _run('drop', $directory) if defined $directory;
  return;
}

# A forked child leaves the cluster alone.
sub DESTROY
{
  my ($self) = @_;
  local ($@, $!, $?);
  eval { $self->drop } if $self->{process} == $$;
  return;
}

1;
