# 038_drops.pl: what was dropped on its way in could be told by nobody, be told
# of the wrong service, or be counted twice or never by the issue that tells it

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;

# Without a journal, so that the ring is all there is.
my $node = new_cluster(
    'main',
    'homeostasis.journal_limit'   => 0,
    'homeostasis.ring_size'       => '1MB',
    'homeostasis.overflow_policy' => 'drop');

$node->safe_psql('postgres', 'create database elsewhere');

my $counts = q{
    select string_agg(concat_ws(' ', service, level, cause, dropped), ', ' order by service, level, cause)
    from homeostasis.stat_drops};
my $counted = q{
    select coalesce(sum(i.error_count), 0) from homeostasis.issues i
    join homeostasis.services s on s.id = i.service_id and s.kind = 'extension'};
my $all = '(select sum(dropped) from homeostasis.stat_drops)';

# fail(database, times): errors that fill the ring, 8 kB each
sub fail_often
{
    my ($database, $times) = @_;

    my $sql = 'select 1/0 /* ' . ('x' x 7900) . " */;\n";

    $node->psql($database, $sql x $times, on_error_stop => 0);
    return;
}

# stopped(what happens): while the ingest worker stands still
sub stopped
{
    my ($happen) = @_;
    my $pid = worker_pid($node, 'homeostasis ingest');

    kill('STOP', $pid) == 1 or die "could not stop $pid";
    my $died = eval { $happen->(); 1 } ? undef : $@;
    kill 'CONT', $pid;
    die $died if defined $died;
    return;
}

# captured, dropped: what became of the errors of the server
sub rings
{
    return split /\|/, $node->safe_psql('postgres', 'select sum(captured), sum(dropped_full) from homeostasis.stat_intake');
}

is($node->safe_psql('postgres', 'select count(*) from homeostasis.stat_drops'), '0', 'at first nothing was dropped');

stopped(sub {
    fail_often('postgres', 300);
    my ($captured, $dropped) = rings();
    cmp_ok($dropped, '>', 100, 'a ring that nobody empties is full');
    is($captured + $dropped, '300', 'whatever did not fit was dropped');
    is($node->safe_psql('postgres', $counts), "database/postgres error ring full $dropped", 'and is counted by service and cause');

    fail_often('elsewhere', 20);
    is($node->safe_psql('postgres', q{
        select count(*) filter (where r is null) from (
          select homeostasis.report('{"service": "shop", "error_message": "x"}') as r from generate_series(1, 7)) r}),
        '7', 'report() drops, too');
    $node->safe_psql('postgres', q{
        select homeostasis.report('{"service": "shop", "level": "fatal", "error_message": "x"}');
        select homeostasis.report_batch('[{"error_message": "x"}, {"service": "till", "error_message": "y"}]')});
    is($node->safe_psql('postgres', "$counts where first_at <= last_at"),
        "database/elsewhere error ring full 20, database/postgres error ring full $dropped, default error ring full 1, "
          . 'shop error ring full 7, shop fatal ring full 1, till error ring full 1', 'each by its own service and level');
    is($node->safe_psql('postgres', "select $all = (select sum(dropped_full) from homeostasis.stat_intake)"), 't',
        'all that stat_intake counts');

    # Others who do not fit into the table take no database's place.
    $node->safe_psql('postgres', q{
        select homeostasis.report(jsonb_build_object('service', 'made up ' || n, 'error_message', 'x'))
        from generate_series(1, 2000) n});
    $node->safe_psql('postgres', 'create database later');
    fail_often('later', 3);
    is($node->safe_psql('postgres', "$counts where service ~ 'later'"), 'database/later error ring full 3', 'a database has its place');
    is($node->safe_psql('postgres', q{
        select sum(dropped), sum(dropped) filter (where service = '(others)') > 1000 from homeostasis.stat_drops
        where service ~ 'made up|others'}), '2000|t', 'and what has none is counted with the others');
});

# As an issue ----------------------------------------------------------------

poll_until($node, 'select bool_and(stored = dropped) from homeostasis.stat_drops', 't', 'what was dropped is stored', 90);
is($node->safe_psql('postgres', "select $all = ($counted)"), 't', 'each once, as issues of the extension\'s own service');
is($node->safe_psql('postgres', q{
    select i.title || ': ' || i.error_count || ' ' || i.level || ' ' || i.sqlstate
    from homeostasis.issues i join homeostasis.services s on s.id = i.service_id and s.name = 'homeostasis'
    where i.title ~ 'service shop'}), 'events of service shop are dropped: the ring is full: 8 error HO106',
    'of which one tells service and cause');
is($node->safe_psql('postgres', q{select e.genuine, e.origin, e.metadata ->> 'service' from homeostasis.errors e where e.message ~ 'service till'}),
    't|checkup|till', 'it is genuine');
my ($issues, $services) = split /\|/, $node->safe_psql('postgres', q{
    select (select count(*) from homeostasis.issues i join homeostasis.services s on s.id = i.service_id and s.kind = 'extension'),
           count(distinct service) from homeostasis.stat_drops});
is($issues, $services, 'each service has an issue');
my $before = $node->safe_psql('postgres', $counted);
kill_worker($node, 'homeostasis healer', 'TERM');
wait_for_value($node, q{select turns > 3 from homeostasis.stat_workers where kind = 'healer'}, 't');
is($node->safe_psql('postgres', $counted), $before, 'nothing is stored again');

# A transaction that fails stores nothing, and loses nothing.
my ($dropped, $stored) = (0, 0);
set_conf($node, 'homeostasis.workers' => 'off');
$node->reload;
poll_until($node, q{select count(*) from pg_stat_activity where backend_type ~ '^homeostasis (ingest|healer)'}, '0', 'without workers');
fail_often('postgres', 300);
$dropped = $node->safe_psql('postgres', "select $all - $before");
cmp_ok($dropped, '>', 100, 'events are dropped again');
$node->safe_psql('postgres', 'begin; select homeostasis.store_drops(0, 0); rollback');
is($node->safe_psql('postgres', $counted), $before, 'what is rolled back is not stored');
my $holder = $node->background_psql('postgres');
$holder->query_safe('begin; select homeostasis.store_drops(0, 0)');
$node->safe_psql('postgres', 'select homeostasis.store_drops(0, 0)');
is($node->safe_psql('postgres', $counted), $before, 'two who store it at the same time do not wait for each other');
$holder->query_safe('rollback');
$holder->quit;
$node->safe_psql('postgres', 'select homeostasis.store_drops(0, 0)') foreach 1 .. 2;
is($node->safe_psql('postgres', "select ($counted) - $before"), $dropped, 'then it is stored once');

# Whoever drives the extension by a schedule has it as well.
fail_often('postgres', 100);
$node->safe_psql('postgres', q{update homeostasis.drop_positions set stored_at = stored_at - interval '1 minute'});
$node->safe_psql('postgres', 'call homeostasis.advance()');
is($node->safe_psql('postgres', "select $all = ($counted)"), 't', 'advance() stores it');

# Whoever waits is told, and counted as well.
set_conf($node, 'homeostasis.overflow_policy' => 'wait', 'homeostasis.overflow_timeout' => 0);
$node->reload;
wait_for_value($node, 'show homeostasis.overflow_policy', 'wait');
fail_often('postgres', 300);
my ($status, $stdout, $stderr) = $node->psql('postgres', q{select homeostasis.report('{"service": "patient", "error_message": "x"}')});
like($stderr, qr/ERROR: .*ring of events is full/, 'a report that waited in vain is refused');
is($node->safe_psql('postgres', "$counts where cause = 'timeout'"), '(others) error timeout 1', 'and counted');

# A crash makes the counts anew; what is stored stays, and no more.
$before = $node->safe_psql('postgres', $counted);
$node->stop('immediate');
$node->start;
is($node->safe_psql('postgres', 'select count(*) from homeostasis.stat_drops'), '0', 'another life of the server begins to count');
fail_often('postgres', 300);
$node->safe_psql('postgres', 'select homeostasis.store_drops(0, 0)');
is($node->safe_psql('postgres', "select $all = ($counted) - $before"), 't', 'and adds to what is stored');
is($node->safe_psql('postgres', 'select count(distinct epoch) from homeostasis.drop_positions'), '1', 'whose places are forgotten');

$node->stop;
done_testing();
