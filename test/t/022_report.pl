# 022_report.pl: a reported error could be lost with its transaction, be
# dropped in silence, or be damaged on its way through the ring

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;

# Without a journal, so that the ring is all there is.
my $node = new_cluster('main', 'homeostasis.journal_limit' => 0,
    'homeostasis.ring_size' => '1MB', 'homeostasis.overflow_timeout' => '200ms');

sub stored
{
    my ($where) = @_;

    return "select count(*) from homeostasis.errors where $where";
}

# Whatever becomes of the transaction ----------------------------------------

$node->psql('postgres', <<'SQL', on_error_stop => 0);
begin;
select homeostasis.report('{"error_message": "rolled back"}'::jsonb);
rollback;
begin transaction read only;
select homeostasis.report('{"error_message": "read only"}'::jsonb);
commit;
begin;
select 1/0;
select homeostasis.report('{"error_message": "in a failed transaction"}'::jsonb);
rollback;
do $$
begin
  perform 'x'::int;
exception when others then
  perform homeostasis.report(error_type => 'caught', error_message => sqlerrm, sqlstate => sqlstate,
                             service => 'till', stack_trace => array['a', 'b'], metadata => '{"n": 1}');
  raise;
end $$;
select homeostasis.report_batch('[{"error_message": "batch 1"}, {"error_message": 2}, {"error_message": "batch 3"}]');
SQL
poll_until($node, stored(q{message = 'rolled back'}), '1', 'report() survives a rollback');
poll_until($node, stored(q{message = 'read only'}), '1', 'report() works in a read-only transaction');
is($node->safe_psql('postgres', stored(q{message = 'in a failed transaction'})), '0',
    'a statement that the server refuses to run reports nothing');
poll_until($node, <<'SQL', 'caught|22P02|report|till|{"n": 1}|a,b', 'report() with named arguments reports from an exception block');
select concat_ws('|', error_type, sqlstate, origin, s.name, metadata, replace(k.stack, e'\n', ','))
from homeostasis.errors e join homeostasis.services s on s.id = e.service_id
join homeostasis.stacks k using (service_id, stack_hash) where error_type = 'caught'
SQL
poll_until($node, stored(q{message ~ '^batch'}), '2', 'the good ones of a batch are stored');
poll_until($node,
    q{select concat_ws('|', origin, field, reason, event) from homeostasis.rejected_events},
    'report|error_message|must be a string|{"error_message": 2}',
    'the bad one reaches rejected_events');
is($node->safe_psql('postgres', q{
    begin;
    select string_agg((id is null)::text, ',') from homeostasis.report_batch(
      '[{"error_message": "x"}, {"error_message": 2}, {"error_message": "y", "error_id": "2"}]') id;
    rollback}), 'false,true,false', 'and has no id');

# A rolled-back batch leaves its refusals, too.
poll_until($node, 'select count(*) from homeostasis.rejected_events', '2',
    'a refusal survives a rollback as an event does');

# Through the ring, many times around, in all sizes --------------------------

$node->safe_psql('postgres', <<'SQL');
create function send(sender int, n int) returns void language plpgsql as $$
begin
  for i in 1 .. n loop
    perform homeostasis.report(jsonb_build_object('service', 'wrap', 'error_id', sender || '/' || i,
        'error_message', m, 'detail', md5(m), 'metadata', jsonb_build_object('size', length(m)),
        'stack_trace', jsonb_build_array('frame ' || m)))
      from (select left(repeat(md5(sender || ' ' || i), 513), (i * 7919 * sender) % 16384) as m) x;
  end loop;
end $$;
SQL
set_conf($node, 'homeostasis.overflow_timeout' => '60s');
$node->reload;
my @senders = map {
    IPC::Run::start([ 'psql', '-XqAt', '-d', $node->connstr('postgres'), '-c', "select send($_, 500)" ])
} 1 .. 4;
$_->finish foreach @senders;
poll_until($node, stored(q{service_id = (select id from homeostasis.services where name = 'wrap')}),
    '2000', 'four sessions report through a small ring, waiting for room');
is($node->safe_psql('postgres', <<'SQL'), '0', 'and every text comes out as it went in');
select count(*) from homeostasis.errors e join homeostasis.stacks k using (service_id, stack_hash)
where e.service_id = (select id from homeostasis.services where name = 'wrap')
  and (md5(message) <> detail or length(message)::text <> metadata ->> 'size' or k.stack <> 'frame ' || message)
SQL
cmp_ok($node->safe_psql('postgres', 'select captured_bytes from homeostasis.stat_intake'), '>',
    5 * 1024 * 1024, 'the ring went round several times');
is($node->safe_psql('postgres', 'select used_bytes from homeostasis.stat_intake'), '0', 'and is empty');

# Records of one size that divides the ring's: in each lap a record begins where
# one of the lap before did.  What is left of that must not be taken for it.
switch_workers($node, 'off');
my $used = $node->safe_psql('postgres', q{
    select homeostasis.report(jsonb_build_object('service', 'laps', 'error_message', 'x', 'hint', 'x'));
    select used_bytes from homeostasis.stat_intake});
$used =~ s/.*\n//;
my $padding = 1024 - $used + 1;
switch_workers($node, 'on');
set_conf($node, 'homeostasis.batch_timeout' => '0');
$node->reload;
my @lappers = map {
    IPC::Run::start([ 'psql', '-Xqo', '/dev/null', '-d', $node->connstr('postgres'), '-c', qq{
      select homeostasis.report(jsonb_build_object('service', 'laps', 'error_message', 'x', 'hint', repeat('x', $padding)))
      from generate_series(1, 5000)} ])
} 1 .. 4;
$_->finish foreach @lappers;
poll_until($node, 'select used_bytes from homeostasis.stat_intake', '0', 'a ring in which records fall on records is emptied');
is($node->safe_psql('postgres', stored(q{service_id = (select id from homeostasis.services where name = 'laps')})),
    '20001', 'and each record came out once');
is($node->safe_psql('postgres', 'select duplicate from homeostasis.stat_intake'), '0', 'none twice');

# A full ring ----------------------------------------------------------------

set_conf($node, 'homeostasis.overflow_timeout' => '200ms');
$node->reload;
switch_workers($node, 'off');
$node->safe_psql('postgres', <<'SQL');
create function fill() returns table (n int, code text, message text, hint text) language plpgsql as $$
begin
  for i in 1 .. 100000 loop
    n := i - 1;
    perform homeostasis.report(jsonb_build_object('service', 'full', 'error_message', repeat('x', 8000)));
  end loop;
exception when others then
  get stacked diagnostics code = returned_sqlstate, message = message_text, hint = pg_exception_hint;
  return next;
end $$;
SQL
my ($n, $code, $message, $hint) = split /\|/, $node->safe_psql('postgres', 'select * from fill()');
is("$code $message", '53400 the ring of events is full', 'report() says when there is no room');
like($hint, qr/homeostasis\.ring_size/, 'and what to do about it');
cmp_ok($n, '>', 100, 'after it took what there was room for');

# Small ones fill the last gap.  What is kept for the server's own errors is
# not theirs, and the complaint about it is none of these.
$node->psql('postgres', q{select homeostasis.report('{"error_message": "small"}'::jsonb) from generate_series(1, 10000)});
my $before = $node->safe_psql('postgres', 'select captured from homeostasis.stat_intake');
$node->psql('postgres', q{select homeostasis.report('{"error_message": "no room"}'::jsonb);} x 3, on_error_stop => 0);
is($node->safe_psql('postgres', "select captured - $before from homeostasis.stat_intake"), '0',
    'a report that finds no room leaves no trace in the ring');
$node->psql('postgres', "select 'has room'::int;" x 7, on_error_stop => 0);
is($node->safe_psql('postgres', "select captured - $before from homeostasis.stat_intake"), '7',
    'reports cannot take the room that errors of the server need');

# Errors of the server fill that, too; then they drop.
$node->psql('postgres', "select repeat('x', 8000)::int;" x 500, on_error_stop => 0);
$node->psql('postgres', "select 'fill'::int;" x 50, on_error_stop => 0);
my $dropped = $node->safe_psql('postgres', 'select dropped_full from homeostasis.stat_intake');
my $small = $node->safe_psql('postgres', 'select captured from homeostasis.stat_intake');
$node->psql('postgres', "select 'dropped'::int;" x 7, on_error_stop => 0);
is($node->safe_psql('postgres', "select dropped_full - $dropped from homeostasis.stat_intake"), '7',
    'an error for which there is no room is counted');
is($node->safe_psql('postgres', "select captured - $small from homeostasis.stat_intake"), '0',
    'as that, and as nothing else');
like($node->safe_psql('postgres', "set statement_timeout = '100ms'; select 1"), qr/1/, 'the server goes on');
{
    my ($stdout, $stderr);
    set_conf($node, 'homeostasis.overflow_timeout' => '60s');
    $node->reload;
    wait_for_value($node, 'show homeostasis.overflow_timeout', '1min');
    $node->psql('postgres',
        q{set statement_timeout = '200ms'; select homeostasis.report('{"error_message": "x"}'::jsonb)},
        stderr => \$stderr);
    like($stderr, qr/canceling statement due to statement timeout/, 'waiting for room can be cancelled');
}
switch_workers($node, 'on');
poll_until($node, stored(q{service_id = (select id from homeostasis.services where name = 'full')}), $n,
    'all that was taken is stored when there are workers again');
poll_until($node, 'select used_bytes from homeostasis.stat_intake', '0', 'and the ring is empty again');
is($node->safe_psql('postgres', stored(q{message like '%"dropped"%'})), '0', 'what was counted as dropped is not there');
is($node->safe_psql('postgres', stored(q{message like '%"has room"%'})), '7', 'but what there was room for is');
is($node->safe_psql('postgres', stored(q{message like '%ring of events%'})), '0', 'and no complaint about the ring');
$node->psql('postgres', "select 'again'::int");
poll_until($node, stored(q{message like '%"again"%'}), '1', 'and errors are captured again');

$node->stop;

# Ids that nobody gave --------------------------------------------------------

$node->start;
$node->psql('postgres', q{select 'numbered'::int; select homeostasis.report('{"error_message": "numbered"}'::jsonb)}, on_error_stop => 0);
wait_for_value($node, stored(q{message ~ 'numbered'}), '2');
is($node->safe_psql('postgres', q{
    select count(*) from homeostasis.errors e, replace(e.event_id::text, '-', '') id
    where e.message ~ 'numbered' and id ~ '^.{12}7.{3}[89ab]'
      and extract(epoch from e.received_at) * 1000 - ('x' || left(id, 12))::bit(48)::bigint between 0 and 1}), '2',
    'are in the order of time');
is($node->safe_psql('postgres', q{
    select count(distinct homeostasis.report('{"error_message": "many"}'::jsonb)) from generate_series(1, 2000)}), '2000',
    'and differ');
$node->stop;

# What stat_intake says of batches ---------------------------------------------

$node->start;
my $worker = worker_pid($node, 'homeostasis ingest');
kill 'STOP', $worker;
$node->safe_psql('postgres', q{
    select count(*) from homeostasis.report_batch((select jsonb_agg('{"error_message": "many"}'::jsonb) from generate_series(1, 300)))});
kill 'CONT', $worker;
poll_until($node, 'select last_batch, largest_batch, rate between 4 and 5 from homeostasis.stat_intake', '300|300|t',
    'so many were stored together, which in a minute are five a second');
$node->safe_psql('postgres', q{select homeostasis.report('{"error_message": "one"}'::jsonb)});
poll_until($node, 'select last_batch, largest_batch from homeostasis.stat_intake', '1|300', 'the largest batch is remembered');
$node->stop;

# Without shared_preload_libraries -------------------------------------------

set_conf($node, shared_preload_libraries => '');
$node->start;
{
    my ($stdout, $stderr);
    $node->psql('postgres', q{select homeostasis.report('{"error_message": "x"}'::jsonb)}, stderr => \$stderr);
    like($stderr, qr/homeostasis is not in shared_preload_libraries.*HINT:.*restart/s,
        'report() says that the library is not preloaded');
    is($node->safe_psql('postgres',
            q{select count(*) from homeostasis.ingest('{"error_message": "not preloaded"}')}), '1',
        'ingest() needs no shared memory');
}
$node->stop;
done_testing();
