# 012_worker_extension.pl: the workers wait quietly without the extension, take
# up work when it appears, and never mistake another schema for it.

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('extension', -extension => 0);
my $healer = worker_pid($node, 'homeostasis healer');
my $ingest = worker_pid($node, 'homeostasis ingest');
$node->psql('postgres', 'select * from before_the_extension');

# A schema of the same name that is not the extension's: whoever made it must
# not get his functions run.
$node->safe_psql('postgres', q{
    create role mallory superuser;
    create table public.trace (who text);
    create schema homeostasis authorization mallory;
    create function homeostasis.advance_states() returns integer
      language sql as $$insert into public.trace values (session_user) returning 1$$;
    create function homeostasis.maintain() returns integer
      language sql as $$insert into public.trace values (session_user) returning 1$$;
});
# The state of a waiting worker changes each time it looks for the extension.
my $planted = $node->safe_psql('postgres', 'select clock_timestamp()');
wait_for_value($node, qq{
    select bool_and(state_change > '$planted'::timestamptz)
    from pg_stat_activity where pid in ($healer, $ingest)}, 't');
is($node->safe_psql('postgres', 'select count(*) from public.trace'), '0',
    'the workers run nothing in a foreign schema called homeostasis');
$node->safe_psql('postgres', 'drop schema homeostasis cascade');

my $log_before = slurp_file($node->logfile);
unlike($log_before, qr/homeostasis.*(ERROR|FATAL)|(ERROR|FATAL).*homeostasis\./,
    'waiting for the extension is not logged as an error');

$node->safe_psql('postgres', 'create extension homeostasis');
poll_until($node, q{
    select string_agg(kind || ' ' || state, ',' order by kind)
    from homeostasis.stat_workers where kind <> 'launcher'},
    'healer idle,ingest idle',
    'the workers take up work when the extension appears', 5);
poll_until($node, q{
    select count(*) from homeostasis.issues
    where title like '%before_the_extension%'}, '1',
    'what was captured before the extension existed is stored');
is(worker_pid($node, 'homeostasis healer'), $healer,
    'the healer did not have to start anew');
is(worker_pid($node, 'homeostasis ingest'), $ingest,
    'the ingest worker did not have to start anew');

# Dropped, created, dropped... under load: each time in bounded time, and
# nothing of it is an error of a worker.
for my $time (1 .. 5)
{
    $node->safe_psql('postgres',
        q{set lock_timeout = '10s'; drop extension homeostasis cascade});
    $node->psql('postgres', "select * from dropped_$time");
    $node->safe_psql('postgres', 'create extension homeostasis');
    $node->psql('postgres', "select * from created_$time");
}
pass('drop extension and create extension do not wait for the workers');
poll_until($node, q{
    select count(*) from homeostasis.issues where title like '%created_5%'},
    '1', 'errors are stored in the extension created anew');

# A transaction that has dropped the extension and stays open: the workers do
# not queue up behind it, and go on when it is rolled back.
my $session = $node->background_psql('postgres');
$session->query_safe('begin; drop extension homeostasis');
$node->psql('postgres', 'select * from while_dropped');
is($node->safe_psql('postgres', q{
    select count(*) from pg_stat_activity
    where backend_type like 'homeostasis %' and wait_event_type = 'Lock'}),
    '0', 'no worker waits for a lock of an open DROP EXTENSION');
$session->query_safe('rollback');
$session->quit;
poll_until($node, q{
    select count(*) from homeostasis.issues where title like '%while_dropped%'},
    '1', 'the workers go on after the drop was rolled back');

unlike(slurp_file($node->logfile),
    qr/(ERROR|FATAL|PANIC|WARNING):(?!.*(does not exist|terminating)).*homeostasis/,
    'nothing of all this is logged as a problem of homeostasis');

# The owner's role turned into a superuser: the workers refuse to be one.
$node->safe_psql('postgres', 'alter role homeostasis_owner superuser');
poll_until($node, q{
    select count(*) from homeostasis.stat_workers
    where kind = 'healer' and last_error like '%is a superuser%'}, '1',
    'the workers refuse to work as a superuser');
wait_for_value($node, q{
    select errors >= 3 from homeostasis.stat_workers where kind = 'healer'},
    't');
# The compiler may be among them, which ends when it has nothing to do.
my %said;
$said{$_}++ foreach slurp_file($node->logfile) =~ /\[(\d+)\] ERROR:  role "homeostasis_owner" is a superuser/g;
is($said{ worker_pid($node, 'homeostasis healer') }, 1, 'an error that goes on is logged once');
is_deeply([ grep { $said{$_} > 1 } keys %said ], [], 'by each worker');
$node->safe_psql('postgres', 'alter role homeostasis_owner nosuperuser');
poll_until($node, q{
    select state from homeostasis.stat_workers where kind = 'healer'}, 'idle',
    'they go on when the role is an ordinary one again');

# The schema is no longer the extension's: it may be anybody's.
$node->safe_psql('postgres',
    'alter extension homeostasis drop schema homeostasis');
$node->psql('postgres', 'select * from wake_the_ingest_worker');
poll_until($node, q{
    select string_agg(state, ',') from homeostasis.stat_workers
    where kind <> 'launcher'}, 'waiting for extension,waiting for extension',
    'the workers leave a schema alone that the extension does not own');
$node->safe_psql('postgres',
    'alter extension homeostasis add schema homeostasis');
poll_until($node, q{
    select string_agg(state, ',') from homeostasis.stat_workers
    where kind <> 'launcher'}, 'idle,idle',
    'they go on when it is the extension\'s again');

$node->stop;
done_testing();
