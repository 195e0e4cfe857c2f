# 023_intake_once.pl: an error could be stored twice or never, or be counted
# wrongly, when workers end or many write at once

use strict;
use warnings;

use HomeostasisCluster;
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;

# A row for each error: rows are counted here.
my $node = new_cluster('main', 'homeostasis.overflow_timeout' => '60s',
    'homeostasis.payloads_per_issue_per_minute' => 0, 'homeostasis.log_templates' => 0);

# Errors, and three ways of counting them.
my $counts = q{
select concat_ws(' ', (select count(*) from homeostasis.errors),
  (select count(distinct event_id) from homeostasis.errors),
  (select coalesce(sum(error_count), 0) from homeostasis.issues),
  (select coalesce(sum(error_count), 0) from homeostasis.issue_counts))};

sub ingest_pid
{
    return worker_pid($node, 'homeostasis ingest');
}

# Starts psql with a script; what it prints comes with finish().
my $scripts = 0;

sub start_psql
{
    my ($script) = @_;
    my $file = $node->basedir . '/script' . ++$scripts;
    my %session = (out => '');

    append_to_file($file, $script);
    $session{run} = IPC::Run::start(
        [ 'psql', '-XqAt', '-d', $node->connstr('postgres'), '-f', $file ],
        '<', \undef, '>', \$session{out}, '2>&1');
    return \%session;
}

# Many writers at once -------------------------------------------------------

$node->safe_psql('postgres', <<'SQL');
create function event(service text, n int) returns jsonb language sql as $$
  select jsonb_build_object('service', service, 'error_message', 'animal ' || chr(97 + n % 5) || ' is out',
                            'error_id', service || n, 'timestamp', date_trunc('hour', now()))
$$;
create procedure report_many(service text, n int) language plpgsql as $$
begin
  for i in 1 .. n loop
    perform homeostasis.report(event(service, i));
    perform homeostasis.report_batch(jsonb_agg(event(service, j))) from generate_series(n + i * 3, n + i * 3 + 2) j;
    commit;
  end loop;
end $$;
create procedure ingest_many(service text, n int, first int) language plpgsql as $$
begin
  for i in 1 .. n loop
    -- In any order: that must not end in a deadlock.
    perform homeostasis.ingest(jsonb_agg(event(service, first + i * 10 + j) order by random()))
      from generate_series(0, 9) j;
    perform homeostasis.ingest(event(service, first + 500000 + i));
    commit;
  end loop;
end $$;
SQL
my @sessions = map { start_psql($_) } (
    "call report_many('zoo', 200)", "call ingest_many('zoo', 100, 1000000)",
    "call ingest_many('zoo', 100, 1000000)", "call ingest_many('zoo', 100, 2000000)",
    "call report_many('farm', 100)",
    join '', map { "select $_/0;\n" } 1 .. 300);
$_->{run}->finish foreach @sessions;
# 200 * 4, 100 * 11 once though two did it, as many of another, 100 * 4, 300.
my $events = 800 + 1100 + 1100 + 400 + 300;
poll_until($node, q{select count(*) from homeostasis.errors}, $events, 'many writers store all their errors, each once');
is(join('', map { $_->{out} =~ /(deadlock)/ ? $1 : '' } @sessions), '', 'and do not deadlock');
is($node->safe_psql('postgres', q{
    select concat_ws(' ', sum(i.error_count),
      (select sum(error_count) from homeostasis.issue_counts), count(*))
    from homeostasis.issues i}), "$events $events 11", 'and their counts are exact, by issue and by minute');
is($node->safe_psql('postgres', q{
    select count(*) from homeostasis.issues i
    join lateral (select count(*) as n, min("timestamp") as first, max("timestamp") as last from homeostasis.errors e
                  join homeostasis.issue_fingerprints f using (service_id, fingerprint)
                  where f.service_id = i.service_id and f.issue_id = i.id) e on true
    where (i.error_count, i.first_seen, i.last_seen) is distinct from (e.n, e.first, e.last)}),
    '0', 'for each issue');

# A worker that ends, again and again ----------------------------------------

my $before = $node->safe_psql('postgres', $counts);
my $load = start_psql("call report_many('storm', 1500)");
foreach my $round (1 .. 3)
{
    my $pid = ingest_pid();

    $node->safe_psql('postgres', "select pg_terminate_backend($pid)");
    wait_gone($pid);
}
$load->{run}->finish;
poll_until($node, q{select count(*) from homeostasis.errors e join homeostasis.services s on s.id = e.service_id
                    where s.name = 'storm'}, '6000',
    'what is reported while workers are terminated is stored');
my ($rows, undef, $issues, $minutes) = split / /, $node->safe_psql('postgres', $counts);
is("$issues $minutes", "$rows $rows", 'and counted once');

# A worker that ended after it had committed a batch, before it gave the space
# in the ring back: the next one must not store it again.
set_conf($node, 'homeostasis.workers' => 'off');
$node->reload;
wait_for_value($node, q{select count(*) from pg_stat_activity where backend_type = 'homeostasis ingest'}, '0');
my $report = q{
    set homeostasis.durability = memory;
    select homeostasis.report('{"service": "dying", "error_message": "same size"}'::jsonb)};
$node->safe_psql('postgres', $report);
my $size = $node->safe_psql('postgres', 'select used_bytes from homeostasis.stat_intake');
$node->safe_psql('postgres', "$report from generate_series(2, 10)");
is($node->safe_psql('postgres', 'select used_bytes from homeostasis.stat_intake'), 10 * $size,
    'ten records wait');
$node->safe_psql('postgres', "update homeostasis.intake_positions set position = position + 4 * $size");
set_conf($node, 'homeostasis.workers' => 'on');
$node->reload;
poll_until($node, intake_waiting(), '0', 'a worker takes them');
poll_until($node, q{select count(*) from homeostasis.errors e join homeostasis.services s on s.id = e.service_id
                    where s.name = 'dying'}, '6', 'but those that the tables say are stored');

# A worker that is killed takes the server's shared memory with it.
$load = start_psql("call report_many('killed', 100000)");
wait_for_value($node, q{select count(*) > 500 from homeostasis.errors e join homeostasis.services s on s.id = e.service_id
                        where s.name = 'killed'}, 't');
my $epoch = $node->safe_psql('postgres', 'select epoch from homeostasis.intake_positions');
kill_backend(ingest_pid());
$load->{run}->finish;
wait_for_value($node, 'select 1', '1');
$node->psql('postgres', "select 'after the crash'::int");
poll_until($node, q{select count(*) from homeostasis.errors where message like '%after the crash%'}, '1',
    'after kill -9 errors are captured again');
isnt($node->safe_psql('postgres', 'select epoch from homeostasis.intake_positions'), $epoch,
    'by positions of another epoch');
is($node->safe_psql('postgres', q{select count(*) - count(distinct event_id) from homeostasis.errors e
      join homeostasis.services s on s.id = e.service_id where s.name = 'killed'}), '0',
    'what was stored is stored once');
($rows, undef, $issues, $minutes) = split / /, $node->safe_psql('postgres', $counts);
is("$issues $minutes", "$rows $rows", 'and counted once');

# Shutdown -------------------------------------------------------------------

# The worker takes none of them before it is told to end, and no other stores
# them when the server is there again.
my $worker = ingest_pid();
my $shutdowns = () = slurp_file($node->logfile) =~ /received fast shutdown request/g;
kill 'STOP', $worker;
$node->safe_psql('postgres', q{
  select count(*) from homeostasis.report_batch((
    select jsonb_agg(event('late', n)) from generate_series(1, 1000) n))});
my $waker = fork() // die "fork: $!";
if ($waker == 0)
{
    my $deadline = time + 60;
    until ((() = slurp_file($node->logfile) =~ /received fast shutdown request/g) > $shutdowns || time > $deadline)
    {
        select undef, undef, undef, 0.05;
    }
    kill 'CONT', $worker;
    POSIX::_exit(0);
}
$node->stop('fast');
waitpid $waker, 0;
set_conf($node, 'homeostasis.workers' => 'off');
$node->start;
is($node->safe_psql('postgres', q{select count(*) from homeostasis.errors e join homeostasis.services s on s.id = e.service_id
                                  where s.name = 'late'}), '1000', 'a shutdown stores what waits');
switch_workers($node, 'on');

# DROP EXTENSION and CREATE EXTENSION under load -----------------------------

# Reports and errors without end, whether the extension is there or not.
$load = start_psql(q{
set application_name = 'undaunted';
do $$
begin
  loop
    begin
      perform homeostasis.report('{"service": "undaunted", "error_message": "x"}'::jsonb);
    exception when others then
      null;
    end;
    perform pg_sleep(0.001);
  end loop;
end $$});
my $failing = start_psql("\\set ON_ERROR_STOP off\n" . join '', map { "select $_/0;\n" } 1 .. 5000);
foreach my $round (1 .. 3)
{
    my ($stdout, $stderr);
    my $status = $node->psql('postgres', 'drop extension homeostasis', stderr => \$stderr);

    is($status, 0, "round $round: the extension is dropped under load") or diag($stderr);
    is($node->safe_psql('postgres', q{select count(*) from pg_namespace where nspname = 'homeostasis'}), '0',
        "round $round: with all that belongs to it, partitions too");
    $node->safe_psql('postgres', 'create extension homeostasis');
    poll_until($node, 'select count(*) > 0 from homeostasis.errors', 't',
        "round $round: and when it is created again, errors are stored");
}
$node->safe_psql('postgres',
    q{select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'undaunted'});
$_->{run}->finish foreach $load, $failing;
poll_until($node, intake_waiting(), '0', 'the ring is emptied');
($rows, my $ids, $issues, $minutes) = split / /, $node->safe_psql('postgres', $counts);
is("$ids $issues $minutes", "$rows $rows $rows", 'and everything is there once');
my @signals = slurp_file($node->logfile) =~ /terminated by signal \d+[^\n]*/g;
is(scalar(grep { !/signal 9/ } @signals), 0, 'no process has crashed');

$node->stop;
done_testing();
