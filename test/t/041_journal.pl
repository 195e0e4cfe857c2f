# 041_journal.pl: an event that report() has acknowledged could be lost, or be
# stored twice, when the server ends in whatever way before it is stored

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main', 'homeostasis.workers' => 'off', 'homeostasis.journal_limit' => '4MB');
my $reported = 0;

# report(name, n): reports n events in one call, a block for each of their
# issues, and returns how many were acknowledged
sub report
{
    my ($name, $n, $settings) = @_;

    return $node->safe_psql('postgres', join('', map { "set homeostasis.$_;" } @{ $settings // [] }) . qq{
        select count(*) from homeostasis.report_batch((
          select jsonb_agg(jsonb_build_object('service', '$name', 'error_id', '$name/' || i,
            'timestamp', date_trunc('second', now()), 'error_message', 'number ' || i, 'detail', md5(i::text)))
          from generate_series(1, $n) i)) id where id is not null});
}

# What is stored of them: rows, events, and what their issues count.
sub stored
{
    my ($name) = @_;

    return qq{
        select concat_ws(' ', count(*), count(distinct e.detail),
          (select coalesce(sum(i.error_count), 0) from homeostasis.issues i where i.service_id = s.id))
        from homeostasis.services s left join homeostasis.errors e on e.service_id = s.id
        where s.name = '$name' group by s.id};
}

sub journal_files
{
    return sort glob($node->data_dir . '/homeostasis/journal/*');
}

# journal(expression): of stat_journal
sub journal
{
    my ($expression) = @_;

    return $node->safe_psql('postgres', "select $expression from homeostasis.stat_journal");
}

# The end of the server ------------------------------------------------------

foreach my $end ('immediate', 'fast', 'smart', 'kill')
{
    is(report($end, 300), '300', "$end: events are acknowledged while nobody stores them");
    is($node->safe_psql('postgres', 'select sum(journal_bytes) > 0 from homeostasis.stat_intake'), 't',
        "$end: and wait in the journal");
    if ($end eq 'kill')
    {
        my ($pid) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
        $node->kill9;
        wait_gone($pid);
        $node->start;
    }
    else
    {
        $node->stop($end);
        $node->start;
    }
    switch_workers($node, 'on');
    poll_until($node, stored($end), '300 300 300', "$end: the next life of the server stores them, once");
    poll_until($node, intake_waiting(), '0', "$end: then none waits");
    switch_workers($node, 'off');
}

# A worker that is killed takes all processes with it, and may have stored a
# part.
switch_workers($node, 'on');
{
    my $holder = $node->background_psql('postgres');
    $holder->query_safe(q{begin; lock table homeostasis.issues});
    is(report('midway', 5000), '5000', 'events are acknowledged while the worker has to wait');
    wait_for_value($node, q{
        select count(*) > 0 from pg_stat_activity where backend_type = 'homeostasis ingest' and wait_event_type = 'Lock'}, 't');
    my $pid = worker_pid($node, 'homeostasis ingest');
    kill 'KILL', $pid;
    $holder->{run}->kill_kill if exists $holder->{run};
    eval { $holder->quit };
    wait_for_value($node, 'select 1', '1');
    poll_until($node, stored('midway'), '5000 5000 5000', 'they are stored once after kill -9 of it');
}
foreach my $round (1 .. 3)
{
    my $name = "again$round";
    report($name, 20000);
    wait_for_value($node, "select count(*) > 0 from homeostasis.services s join homeostasis.errors e on e.service_id = s.id where s.name = '$name'", 't');
    $node->stop('immediate');
    $node->start;
    poll_until($node, stored($name), '20000 20000 20000', "$name: an immediate stop while they are being stored loses none, and stores none twice");
}
is($node->safe_psql('postgres', 'select count(*) from homeostasis.rejected_events'), '0', 'none was rejected');
wait_for_value($node, intake_waiting(), '0');
$node->stop('fast');
is(scalar(my @left = journal_files()), 0, 'a shutdown with everything stored leaves no journal behind');

# Another number of workers --------------------------------------------------

set_conf($node, 'homeostasis.workers' => 'off', 'homeostasis.ingest_workers' => 3, 'max_worker_processes' => 16);
$node->start;
$node->safe_psql('postgres', q{
    select count(*) from homeostasis.report_batch((
      select jsonb_agg(jsonb_build_object('service', 'shared', 'error_type', 'Type' || chr(65 + i % 26), 'error_message', 'number ' || i, 'detail', md5(i::text)))
      from generate_series(1, 3000) i))});
is($node->safe_psql('postgres', 'select count(*) from homeostasis.stat_intake where captured > 100'), '3', 'issues are shared out to the workers');
$node->stop('immediate');
set_conf($node, 'homeostasis.workers' => 'on', 'homeostasis.ingest_workers' => 2);
$node->start;
poll_until($node, stored('shared'), '3000 3000 3000', 'fewer workers store what was meant for more');
$node->safe_psql('postgres', q{
    select count(*) from homeostasis.report_batch((
      select jsonb_agg(jsonb_build_object('service', 'shared', 'error_type', 'Type' || chr(65 + i % 26), 'error_message', 'number ' || i, 'detail', md5(i::text)))
      from generate_series(3001, 6000) i))});
poll_until($node, 'select count(*) from homeostasis.stat_intake where stored > 100', '2', 'both work');
poll_until($node, stored('shared'), '6000 6000 6000', 'all is stored once');
$node->stop('immediate');
set_conf($node, 'homeostasis.ingest_workers' => 5);
$node->start;
$node->safe_psql('postgres', q{select homeostasis.report('{"service": "shared", "error_message": "last", "detail": "last"}'::jsonb)});
poll_until($node, stored('shared'), '6001 6001 6001', 'more workers do not store again what fewer have stored');
$node->stop('immediate');
set_conf($node, 'homeostasis.workers' => 'off', 'homeostasis.ingest_workers' => 1);
$node->start;

# A full journal -------------------------------------------------------------

set_conf($node, 'homeostasis.overflow_timeout' => '100ms');
$node->reload;
$node->safe_psql('postgres', <<'SQL');
create function fill(service text) returns table (n int, code text, message text, hint text) language plpgsql as $$
begin
  for i in 1 .. 100000 loop
    n := i - 1;
    perform homeostasis.report(jsonb_build_object('service', service, 'error_message', 'number ' || i,
      'detail', (select string_agg(md5(i::text || k), '') from generate_series(1, 200) k)));
  end loop;
exception when others then
  get stacked diagnostics code = returned_sqlstate, message = message_text, hint = pg_exception_hint;
  return next;
end $$;
SQL
my ($n, $code, $message, $hint) = split /\|/, $node->safe_psql('postgres', q{select * from fill('full')});
is("$code $message", '53400 the journal of events is full', 'report() says when the journal is full');
like($hint, qr/homeostasis\.journal_limit/, 'and what to do about it');
cmp_ok($n, '>', 100, 'after it took what there was room for');
cmp_ok(journal('segments * segment_bytes'), '<=', 4 * 1024 * 1024, 'the journal is no larger than its limit');
my $dropped = $node->safe_psql('postgres', 'select sum(dropped_full) from homeostasis.stat_intake');
set_conf($node, 'homeostasis.overflow_policy' => 'drop');
$node->reload;
wait_for_value($node, 'show homeostasis.overflow_policy', 'drop');
my $refused = $node->safe_psql('postgres', q{
    select count(homeostasis.report(jsonb_build_object('service', 'dropped', 'error_message', i || repeat('x', 16000),
        'detail', (select string_agg(md5(i::text || k), '') from generate_series(1, 200) k)))), count(*)
    from generate_series(1, 50) i});
my ($taken) = split /\|/, $refused;
cmp_ok($taken, '<', 50, 'where events are to be dropped, their ids are null');
is($node->safe_psql('postgres', "select sum(dropped_full) - $dropped from homeostasis.stat_intake"), 50 - $taken, 'and they are counted');
is($node->safe_psql('postgres', q{select cause, dropped from homeostasis.stat_drops where service = 'dropped'}),
    'journal full|' . (50 - $taken), 'with their cause');
set_conf($node, 'homeostasis.overflow_policy' => 'wait', 'homeostasis.overflow_timeout' => '60s');
$node->reload;
wait_for_value($node, 'show homeostasis.overflow_timeout', '1min');
{
    my $waiting = IPC::Run::start([ 'psql', '-XqAt', '-d', $node->connstr('postgres'), '-c', q{
        select count(homeostasis.report(jsonb_build_object('service', 'waiting', 'error_message', 'x', 'detail', i || repeat('x', 4000))))
        from generate_series(1, 1000) i} ], '>', \my $out, '2>', \my $err);
    wait_for_value($node, q{select count(*) from pg_stat_activity where query like '%waiting%' and wait_event_type = 'Extension'}, '1');
    switch_workers($node, 'on');
    $waiting->finish;
    is($out, "1000\n", 'whoever waits for room goes on when there is some') or diag($err);
}
poll_until($node, stored('full'), "$n $n $n", 'all that was taken is stored');
poll_until($node, stored('waiting'), '1000 1000 1000', 'so is what had to wait');
poll_until($node, 'select segments <= 2 from homeostasis.stat_journal', 't', 'and the space is given back');

# Durability -----------------------------------------------------------------

set_conf($node, 'homeostasis.journal_flush_interval' => '60s');
$node->reload;
wait_for_value($node, 'show homeostasis.journal_flush_interval', '1min');
switch_workers($node, 'off');
report('journal', 10, ['durability = journal']);
report('journal2', 10, ['durability = journal']);
is(journal('written_position > flushed_position'), 't', 'with durability = journal, what is reported is flushed later');
report('sync', 10, ['durability = sync']);
is(journal('written_position = flushed_position'), 't', 'with sync, before it is acknowledged');
set_conf($node, 'homeostasis.journal_flush_interval' => '10ms');
$node->reload;
wait_for_value($node, 'show homeostasis.journal_flush_interval', '10ms');
report('soon', 10, ['durability = journal']);
poll_until($node, 'select written_position = flushed_position from homeostasis.stat_journal', 't', 'later is soon');
report('memory', 10, ['durability = memory']);
is($node->safe_psql('postgres', 'select sum(used_bytes - journal_bytes) > 0 from homeostasis.stat_intake'), 't', 'with memory, it waits in the ring');
$node->stop('immediate');
$node->start;
switch_workers($node, 'on');
poll_until($node, stored($_), '10 10 10', "$_: stored") foreach 'journal', 'journal2', 'sync', 'soon';
is($node->safe_psql('postgres', q{select count(*) from homeostasis.services where name = 'memory'}), '0', 'and is lost with it');

# Captured errors wait in memory; they go into the journal when nothing can be
# stored for long, and at a shutdown.
$node->stop;
set_conf($node, 'homeostasis.ring_size' => '1MB', 'homeostasis.payloads_per_issue_per_minute' => 0);
$node->start;
{
    my $holder = $node->background_psql('postgres');
    $holder->query_safe(q{begin; lock table homeostasis.intake_positions});
    foreach my $round (1 .. 15)
    {
        my $errors = join '', map { "select '$round/$_ " . 'x' x 900 . "'::int;\n" } 1 .. 200;
        $node->psql('postgres', $errors, on_error_stop => 0);
        wait_for_value($node, 'select used_bytes - journal_bytes < 0.5 * ring_bytes from homeostasis.stat_intake', 't');
    }
    cmp_ok(journal('spilled'), '>', 1000, 'a ring from which nothing can be stored is spilled');
    is($node->safe_psql('postgres', 'select sum(dropped_full) from homeostasis.stat_intake'), '0', 'so that it takes more than it holds');
    $node->stop('immediate');
    eval { $holder->quit };
}
$node->start;
poll_until($node, q{select count(*) > 1000 and count(*) = count(distinct statement) from homeostasis.errors where message like 'invalid input syntax for type integer: "%xxx%'}, 't',
    'what was spilled survives an immediate stop');
# Who held a lock would be ended first, and they would be stored after all.
$node->safe_psql('postgres', 'revoke insert on homeostasis.intake_positions from homeostasis_owner');
$node->psql('postgres', join('', map { "select 'late $_'::int;\n" } 1 .. 100), on_error_stop => 0);
$node->stop('fast');
set_conf($node, 'homeostasis.workers' => 'off');
$node->start;
$node->safe_psql('postgres', 'grant insert on homeostasis.intake_positions to homeostasis_owner');
switch_workers($node, 'on');
poll_until($node, q{select count(*) || ' ' || count(distinct statement) from homeostasis.errors where message like '%"late %'}, '100 100',
    'so does, at a shutdown, what waited in the ring');

# What another life has left is stored without a pause: one after each batch
# would make these take five minutes.
set_conf($node, 'homeostasis.workers' => 'off', 'homeostasis.batch_size' => 1, 'homeostasis.ring_size' => '64MB');
$node->restart;
report("long $_", 40) foreach 1 .. 15;
$node->stop('immediate');
set_conf($node, 'homeostasis.workers' => 'on');
$node->start;
poll_until($node, q{select count(*) from homeostasis.errors e join homeostasis.services s on s.id = e.service_id
    where s.name like 'long %'}, '600', 'a long journal is stored at one go', 90);
$node->stop;

done_testing();
