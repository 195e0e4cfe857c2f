# 013_worker_database.pl: the workers are in nobody's way who drops, renames,
# copies or moves a database, and come back to their own.

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = new_cluster(
    'database', -extension => 0,
    'homeostasis.database' => 'home');
my $in_home = q{
    select count(*) from pg_stat_activity
    where backend_type in ('homeostasis healer', 'homeostasis ingest')
      and datname = 'home'};

# timed(what, sql): runs it outside of the home database, as a superuser, and
# tests that it succeeds within five seconds.
sub timed
{
    my ($what, $sql) = @_;
    my $begin = time();
    my $status = $node->psql('postgres', $sql, stderr => \my $stderr);

    ok($status == 0 && time() - $begin < 5, $what)
      or diag(sprintf '%.1f s, %s', time() - $begin, $stderr);
    return;
}

# Without its home database the launcher waits, and says so once.
poll_until($node, q{
    select count(*) from pg_stat_activity
    where backend_type like 'homeostasis %'}, '1',
    'only the launcher runs while the home database does not exist');
$node->safe_psql('postgres', 'create database home');
poll_until($node, $in_home, '2',
    'the workers start when the home database appears', 5);
$node->safe_psql('home', 'create extension homeostasis');
my $said = () = slurp_file($node->logfile) =~
  /homeostasis waits: its database "home" does not exist yet/g;
is($said, 1, 'that the home database is missing is said once');

# Any other database: every process must take part in the barrier.
$node->safe_psql('postgres', 'create database other');
timed('drop database of another database does not wait for the workers',
    'drop database other');

for my $time (1 .. 5)
{
    $node->safe_psql('postgres', "create database copy_$time");
}
pass('create database in a loop is not blocked by the workers');
$node->safe_psql('postgres', "drop database copy_$_") for 1 .. 5;

# The home database itself.
wait_for_value($node, $in_home, 2);
timed('create database from the home database as template is not blocked',
    'create database twin template home');
poll_until($node, $in_home, '2', 'the workers return after the copy', 5);
is($node->safe_psql('postgres', q{
    select count(*) from pg_stat_activity
    where backend_type like 'homeostasis %' and datname = 'twin'}), '0',
    'no worker goes to the copy');
$node->safe_psql('postgres', 'drop database twin');

timed('alter database rename of the home database is not blocked',
    'alter database home rename to away');
is($node->safe_psql('postgres', q{
    select count(*) from pg_stat_activity
    where backend_type like 'homeostasis %' and datname = 'away'}), '0',
    'no worker stays in the renamed database');
timed('renaming it back is not blocked', 'alter database away rename to home');
poll_until($node, $in_home, '2', 'the workers return after the renaming', 5);

# In a transaction that goes on, they stay away until its end.
my $session = $node->background_psql('postgres');
$session->query_safe('begin; alter database home rename to away');
my $asked = $node->safe_psql('postgres', 'select clock_timestamp()');
wait_for_value($node, qq{
    select state_change > '$asked'::timestamptz + interval '2 seconds'
    from pg_stat_activity where backend_type = 'homeostasis launcher'}, 't');
is($node->safe_psql('postgres', q{
    select count(*) from pg_stat_activity
    where backend_type in ('homeostasis healer', 'homeostasis ingest')}), '0',
    'the workers stay away while the renaming is not committed');
$session->query_safe('rollback');
poll_until($node, $in_home, '2',
    'they return when the renaming was rolled back', 5);

# A backend that dies while it keeps the workers away.
$session->query_safe('begin; alter database home rename to away');
my $pid = $session->query_safe('select pg_backend_pid()');
$node->safe_psql('postgres', "select pg_terminate_backend($pid)");
poll_until($node, $in_home, '2',
    'they return when the session that kept them away was terminated', 5);
eval { $session->quit };

# A statement that fails, and one of somebody who may not.
my $stranger = $node->background_psql('home');
my $status = $node->psql('postgres', 'drop database home',
    stderr => \my $stderr);
like($stderr, qr/is being accessed by other users/,
    'drop database still fails for others than the workers');
unlike($stderr, qr/There are [2-9] other sessions/,
    'the workers are not among those who are in the way');
$stranger->quit;
poll_until($node, $in_home, '2',
    'the workers return after a drop database that failed', 5);

$node->safe_psql('postgres', 'create role nobody login');
my $workers = join ' ', worker_pids($node, 'homeostasis %');
foreach my $sql ('drop database home', 'alter database home rename to mine',
    'create database mine template home')
{
    $node->psql('postgres', $sql, extra_params => [ '-U', 'nobody' ],
        stderr => \$stderr);
    like($stderr, qr/permission denied|must be owner/,
        "a stranger may not: $sql");
}
is(join(' ', worker_pids($node, 'homeostasis %')), $workers,
    'who may not drop the home database cannot chase the workers away');

# A worker that is in the middle of a long turn is terminated.
$node->safe_psql('home', q{
    create or replace function homeostasis.advance_states(max_moves integer default 1)
    returns integer language sql as 'select pg_sleep(25); select 0'});
wait_for_value($node, q{
    select count(*) from pg_stat_activity
    where backend_type = 'homeostasis healer' and wait_event = 'PgSleep'}, 1);
timed('a worker in a long turn does not block drop database',
    'drop database home');

poll_until($node, q{
    select count(*) from pg_stat_activity
    where backend_type like 'homeostasis %'}, '1',
    'the workers are gone with the home database');
$node->safe_psql('postgres', 'create database home');
$node->safe_psql('home', 'create extension homeostasis');
poll_until($node, $in_home, '2', 'they work in a new one of that name', 5);
$node->psql('postgres', 'select * from in_the_new_one');
poll_until($node, q{
    select count(*) from homeostasis.issues
    where title like '%in_the_new_one%'}, '1',
    'errors are stored in the new home database', 30, 'home');

# A home database that is a template, or closed, is left alone: it would be
# copied, and connections to it are not wanted.
$node->safe_psql('postgres', 'alter system set homeostasis.workers = off');
$node->reload;
wait_for_value($node, $in_home, 0);
$node->safe_psql('postgres', 'alter database home is_template true');
$node->safe_psql('postgres', 'alter system reset homeostasis.workers');
$node->reload;
$node->safe_psql('postgres', 'create database copy template home');
is($node->safe_psql('postgres', $in_home), '0',
    'the workers stay out of a template database');
like(slurp_file($node->logfile), qr/its database "home" is a template/,
    'the log says why');
$node->safe_psql('postgres',
    'alter database home is_template false; alter database home allow_connections false');
is($node->safe_psql('postgres', $in_home), '0',
    'the workers stay out of a database that allows no connections');
$node->safe_psql('postgres', 'alter database home allow_connections true');
poll_until($node, $in_home, '2', 'they enter it when it allows them', 5);

unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal/,
    'no process crashed in all this');

$node->stop;
done_testing();
