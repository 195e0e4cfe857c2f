# Intake.pm: what benchmarks of intake share: a cluster with one ingest worker,
# events to report, and how long the worker takes to store them.

package Intake;

use strict;
use warnings;

use Exporter qw(import);
use JSON::PP ();
use POSIX ();
use Time::HiRes qw(sleep time);

use Cluster;
use Events qw(event);
use Files qw(make_table);
use Psql;

our @EXPORT_OK = qw(cpu drain drained make_batches make_events start wait_until wal);

# No checkpoint comes between.
my %SETTINGS = (
  checkpoint_timeout => '1h', max_wal_size => '32GB', shared_buffers => '1GB',
  fsync => 'on', synchronous_commit => 'on', 'homeostasis.mode' => 'observe', 'homeostasis.ingest_workers' => 1,
  'homeostasis.max_issues_per_service' => 1_000_000,
);

# Diagnoses what the generator makes.
my $RULE = <<'SQL';
insert into homeostasis.rule_packs (name, description, version) values ('bench', 'For the benchmark', '1');
insert into homeostasis.rules (id, pack, description, root_cause, suggestion, confidence, pattern)
  values ('bench.late', 'bench', 'An answer came late', 'The service needs longer than its callers wait.',
          'Look at what the service waits for.', 0.9, '^could not finish (?<step>\w+) of (?<part>\w+)')
SQL

# start(setting => value, ...): a cluster, and a connection to it.
sub start
{
  my $cluster = Cluster->new([], %SETTINGS, @_);
  my $psql = $cluster->psql(name => 'bench', timeout => 600);

  $psql->query($RULE);
  return ($cluster, $psql);
}

# make_batches(cluster, psql, table, calls, size): a table (id, value) of that many
# arguments of report_batch(), of size events each, of issues at random.
sub make_batches
{
  my ($cluster, $psql, $table, $calls, $size) = @_;

  make_events($cluster, $psql, $table, map { [ map { event(int rand $Events::ISSUES) } 1 .. $size ] } 1 .. $calls);
  return;
}

# make_events(cluster, psql, table, events, ...): the same with given events, a
# reference to an array for each call.
sub make_events
{
  my ($cluster, $psql, $table, @calls) = @_;
  my $json = JSON::PP->new->canonical;

  make_table($cluster, $psql, $table, 'jsonb', map { $json->encode($_) } @calls);
  return;
}

# wait_until(seconds, why, code): until it returns true; dies with why.
sub wait_until
{
  my ($seconds, $why, $condition) = @_;
  my $deadline = time + $seconds;

  until ($condition->())
  {
    die "$why within $seconds s\n" if time > $deadline;
    sleep 0.05;
  }
  return;
}

# Those of all ingest workers; they may just be starting.
sub worker_pids
{
  my ($psql) = @_;
  my @pids;

  wait_until(60, 'the ingest workers did not start', sub {
    @pids = map { $_->[0] } @{ $psql->query(<<'SQL') };
select pid from homeostasis.stat_workers where kind = 'ingest' and pid is not null
SQL
    return @pids == $psql->value('show homeostasis.ingest_workers');
  });
  return @pids;
}

# drained(psql): waits until everything that was reported is stored.
sub drained
{
  my ($psql) = @_;
  wait_until(120, 'not all errors were taken', sub {
    return $psql->value('select sum(used_bytes) from homeostasis.stat_intake') == 0;
  });
  return;
}

# Runs code while the ingest workers are stopped, waiting for nothing.
sub while_stopped
{
  my ($psql, $code) = @_;
  my @pids = worker_pids($psql);

  drained($psql);
  kill('STOP', @pids) == @pids or die "cannot stop the workers @pids: $!\n";
  my $done = eval { $code->(); 1 };
  my $why = $@;
  kill 'CONT', @pids;
  die $why unless $done;
  return;
}

# wal(psql): how much write-ahead log there is, in bytes.
sub wal
{
  my ($psql) = @_;
  return $psql->value("select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')");
}

# cpu(pid, ...): the processor time of processes so far, in seconds.
sub cpu
{
  my $ticks = 0;

  for my $pid (@_)
  {
    open my $file, '<', "/proc/$pid/stat" or die "/proc/$pid/stat: $!\n";
    # Behind the name, in which there may be blanks.
    my @fields = split ' ', <$file> =~ s/^.*\)//r;
    $ticks += $fields[11] + $fields[12];
  }
  return $ticks / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

# drain(psql, table, errors): reports a table of batches, that many errors,
# while the workers are stopped, then lets them store everything.  Returns
# seconds, bytes of WAL and seconds of processor time.
sub drain
{
  my ($psql, $table, $errors) = @_;
  my $before = $psql->value('select clock_timestamp()');
  my ($stored, $start, $wal, $cpu);
  my @pids = worker_pids($psql);

  while_stopped($psql, sub {
    $psql->query("select count(*) from $table, homeostasis.report_batch(value)");
    $stored = $psql->value('select sum(stored) from homeostasis.stat_intake');
    $wal = wal($psql);
    $cpu = cpu(@pids);
    $start = time;
  });
  wait_until(120, 'not all errors were stored', sub {
    return $psql->value('select sum(stored + rejected) from homeostasis.stat_intake') >= $stored + $errors;
  });
  my $end = $psql->value('select extract(epoch from max(last_stored_at)) from homeostasis.stat_intake');
  $wal = wal($psql) - $wal;
  $cpu = cpu(@pids) - $cpu;
  my $rows = $psql->value(
    "select count(*) from homeostasis.errors where received_at >= '$before' and \"timestamp\" >= '$before'");
  die "$rows rows were stored for $errors errors\n" unless $rows == $errors;
  return ($end - $start, $wal, $cpu);
}

1;
