# Shop.pm: the shop's database, its customers, and what goes wrong in it.

package Shop;

use strict;
use warnings;

use FindBin;
use POSIX ();

my $here = $FindBin::Bin;

# Transactions a second of each feature; pgbench spaces them at random.  What
# always works has one pgbench with several clients, what will fail has one
# of its own, because pgbench ends a client at its first error.
my @ALWAYS = ([ 'browse', 6 ], [ 'basket', 3 ], [ 'my_orders', 2 ]);
my $ALWAYS_RATE = 120;
my @FEATURES = (
  [ 'checkout', 6, 'simple' ],
  [ 'sign_up', 5, 'simple' ],
  [ 'sign_in', 8, 'simple' ],
  # Bound parameters are not in the statement that the server logs.
  [ 'promotion', 6, 'extended' ],
  [ 'best_sellers', 7, 'simple' ],
  [ 'review', 5, 'simple' ],
);

# new(directory): nothing happens yet; output of the load goes there.
sub new
{
  my ($class, $directory) = @_;
  return bless { log => "$directory/load.log", pids => [] }, $class;
}

# create: roles, database, tables and data.  Dies with psql's message.
sub create
{
  my ($self) = @_;

  $self->_run_file('roles', 'postgres', 'postgres');
  $self->_run_file($_, 'shop', 'shop_owner') for qw(schema data);
  return;
}

sub _run_file
{
  my ($self, $file, $database, $user) = @_;

  my $pid = open my $pipe, '-|';
  defined $pid or die "cannot fork: $!\n";
  if ($pid == 0)
  {
    $ENV{PGCLIENTENCODING} = 'UTF8';
    open STDERR, '>&', \*STDOUT
      and exec 'psql', '--no-psqlrc', '--quiet', '--set=ON_ERROR_STOP=1', "--username=$user",
      "--dbname=$database", "--file=$here/shop/$file.sql";
    POSIX::_exit(127);
  }
  local $/ = undef;
  my $output = readline $pipe;
  close $pipe;
  die "$file.sql failed:\n$output" if $? != 0;
  return;
}

# start_load: customers come in.
sub start_load
{
  my ($self) = @_;

  $self->_start($ALWAYS_RATE, 'simple', 4, @ALWAYS);
  $self->_start($_->[1], $_->[2], 1, [ $_->[0], 1 ]) for @FEATURES;
  return;
}

sub _start
{
  my ($self, $rate, $protocol, $clients, @scripts) = @_;
  my @command = (
    "$here/load/again", 'pgbench', '--no-vacuum', "--protocol=$protocol",
    "--client=$clients", "--rate=$rate", '--time=600',
    map { "--file=$here/load/$_->[0].sql\@$_->[1]" } @scripts);

  my $pid = fork // die "cannot fork: $!\n";
  if ($pid == 0)
  {
    $SIG{$_} = 'DEFAULT' for qw(HUP INT TERM);
    $ENV{PGUSER} = 'shop_app';
    $ENV{PGDATABASE} = 'shop';
    $ENV{PGAPPNAME} = 'shop';
    open STDIN, '<', '/dev/null' and open STDOUT, '>>', $self->{log} and open STDERR, '>&', \*STDOUT
      and exec { $command[0] } @command;
    POSIX::_exit(127);
  }
  push @{ $self->{pids} }, $pid;
  return;
}

# stop_load: the customers leave.
sub stop_load
{
  my ($self) = @_;

  kill 'TERM', @{ $self->{pids} };
  waitpid $_, 0 for @{ $self->{pids} };
  $self->{pids} = [];
  return;
}

# The three things that happen while it runs; each returns what to say.

sub launch_promotion
{
  my ($self, $owner) = @_;
  $owner->query(q{insert into shop.promotions (code, percent, starts_at) values ('BLACKFRIDAY', 25, now())});
  return 'marketing starts promotion BLACKFRIDAY: eleven letters';
}

sub restore_best_sellers
{
  my ($self, $owner) = @_;
  $owner->query('refresh materialized view shop.best_sellers with no data');
  return 'best_sellers comes back from a restore without its data';
}

sub deploy_reviews
{
  my ($self, $owner) = @_;
  $owner->query(q{
    begin;
    create table shop.reviews_new (like shop.reviews including all);
    insert into shop.reviews_new overriding system value select * from shop.reviews;
    select setval(pg_get_serial_sequence('shop.reviews_new', 'id'), max(id)) from shop.reviews;
    drop table shop.reviews;
    alter table shop.reviews_new rename to reviews;
    commit});
  return 'release 2.1 rebuilds table reviews and forgets its grants';
}

1;
