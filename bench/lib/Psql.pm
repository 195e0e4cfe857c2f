# Psql.pm: a connection to PostgreSQL through a psql that stays open.
#
# For the demo and the benchmarks, which have to run where no database driver
# for Perl is installed.  Statements are given as text, values of a result
# come back as text, NULL as undef.

package Psql;

use strict;
use warnings;

use Carp qw(croak);
use IO::Select;
use IPC::Open3;
use Symbol qw(gensym);
use Time::HiRes qw(time);

# None of these occurs in what is queried here.
my ($FIELD, $RECORD, $NULL, $END) = ("\x1f", "\x1e", "\x1c", "\x1d");

# new(user => ..., database => ..., host => ..., port => ..., timeout => ...):
# what is left out comes from the environment, as for any client; timeout is
# in seconds and for one query.  Dies when the server can't be reached.
sub new
{
  my ($class, %option) = @_;
  my $self = bless { timeout => $option{timeout} // 120, buffer => '' }, $class;

  my @command = (
    'psql', '--no-psqlrc', '--quiet', '--no-align', '--tuples-only',
    "--field-separator=$FIELD", "--record-separator=$RECORD", "--pset=null=$NULL");
  push @command, "--username=$option{user}" if defined $option{user};
  push @command, "--host=$option{host}" if defined $option{host};
  push @command, "--port=$option{port}" if defined $option{port};
  push @command, $option{database} if defined $option{database};

  local $ENV{PGCLIENTENCODING} = 'UTF8';
  local $ENV{PGAPPNAME} = $option{name} // 'psql';
  $self->{error} = gensym;
  $self->{pid} = open3($self->{in}, $self->{out}, $self->{error}, @command);
  binmode $self->{in}, ':encoding(UTF-8)';
  $self->{in}->autoflush(1);
  $self->query('select 1');
  return $self;
}

# query(sql): the rows, as a reference to an array of references to arrays.
# Of several statements only one may return rows.  Dies with the server's
# message.
sub query
{
  my ($self, $sql) = @_;

  $self->send($sql);
  return $self->receive;
}

# send(sql) and receive(): the two halves of query, for when there is
# something else to do in between.
sub send
{
  my ($self, $sql) = @_;

  croak 'the connection is closed' unless $self->{pid};
  local $SIG{PIPE} = 'IGNORE';
  $sql =~ s/[;\s]+\z//;
  print { $self->{in} } "$sql\n;\n\\echo $END :SQLSTATE :LAST_ERROR_MESSAGE\n";
  return;
}

sub receive
{
  my ($self) = @_;
  my $deadline = time + $self->{timeout};
  my $wait = IO::Select->new($self->{out}, $self->{error});

  while (index($self->{buffer}, $END) < 0 || $self->{buffer} !~ /\n\z/)
  {
    my $left = $deadline - time;
    if ($left <= 0)
    {
      kill 'TERM', $self->{pid};
      $self->close;
      croak "no answer from psql within $self->{timeout} seconds";
    }
    $self->_read($_) for $wait->can_read($left);
  }
  my ($text, $sqlstate, $message) = $self->{buffer} =~ /\A(.*)$END (\S+) ?(.*)\n\z/s;
  $self->{buffer} = '';
  utf8::decode($_) for $text, $message;

  # psql knows the SQLSTATE of the last statement only; what it wrote to
  # standard error tells whether one before it failed.
  $self->_read($_) for IO::Select->new($self->{error})->can_read(0);
  my $said = delete $self->{messages} // '';
  ($message) = $said =~ /^ERROR: +(.*)/m if $sqlstate eq '00000';
  croak $message . ($sqlstate eq '00000' ? '' : " ($sqlstate)") if $message;

  return [] if $text eq '';
  chomp $text;
  return [
    map {
      [ map { $_ eq $NULL ? undef : $_ } $_ eq '' ? '' : split /$FIELD/, $_, -1 ]
    } $text eq '' ? '' : split /$RECORD/, $text, -1
  ];
}

sub _read
{
  my ($self, $handle) = @_;
  my $chunk;
  my $bytes = sysread $handle, $chunk, 65536;

  return if !defined $bytes && $!{EINTR};
  if (!$bytes)
  {
    my $said = ($self->{messages} // '') =~ s/\s+\z//r;
    $self->close;
    croak 'psql has ended' . ($said eq '' ? '' : ": $said");
  }
  if ($handle == $self->{error})
  {
    $self->{messages} .= $chunk;
  }
  else
  {
    $self->{buffer} .= $chunk;
  }
  return;
}

# row(sql): the values of the first row; value(sql): the first of them.
sub row
{
  my ($self, $sql) = @_;
  my $rows = $self->query($sql);
  return @$rows ? @{ $rows->[0] } : ();
}

sub value
{
  my ($self, $sql) = @_;
  return ($self->row($sql))[0];
}

sub close
{
  my ($self) = @_;

  return unless $self->{pid};
  close $self->{in};
  close $self->{out};
  close $self->{error};
  waitpid delete $self->{pid}, 0;
  return;
}

sub DESTROY
{
  my ($self) = @_;
  local ($@, $!, $?);
  $self->close;
  return;
}

# quote(text): as an SQL literal.
sub quote
{
  my ($text) = @_;
  return 'null' unless defined $text;
  return "'" . ($text =~ s/'/''/gr) . "'" if $text !~ /\\/;
  return "E'" . ($text =~ s/(['\\])/$1$1/gr) . "'";
}

1;
