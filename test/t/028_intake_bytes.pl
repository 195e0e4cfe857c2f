# 028_intake_bytes.pl: a damaged record could crash the worker that reads it,
# or stop it

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main');

# A record with a bit of everything, as it waits for a lock.
my $holder = $node->background_psql('postgres');
$holder->query_safe('begin');
$holder->query_safe(q{select homeostasis.ingest('{"service": "shop", "error_message": "sample €"}')});
$node->safe_psql('postgres', <<'SQL');
select homeostasis.report('{"service": "shop", "error_message": "sample €", "language": "python", "sqlstate": "23505",
  "stack_trace": ["  File \"a.py\", line 3, in f"], "metadata": {"a": [1, "é"]}, "detail": "d", "table_name": "t",
  "release": "1", "context": "SQL function \"f\""}'::jsonb)
SQL
wait_for_value($node, 'select count(*) from homeostasis.deferred_events', '1');
$node->safe_psql('postgres', 'create table sample as select record from homeostasis.deferred_events');
$holder->query_safe('rollback');
$holder->quit;
poll_until($node, q{select count(*) from homeostasis.errors where message = 'sample €'}, '1', 'the record is read as it is');

# Now cut at every byte, every byte changed in some ways, and bytes of chance.
$node->safe_psql('postgres', <<'SQL');
create table damaged as
  select substring(record from 1 for n) as record from sample, generate_series(0, length(record) - 1) n
  union all
  select set_byte(record, n, (get_byte(record, n) # mask)) from sample,
    generate_series(0, length(record) - 1) n, unnest(array[1, 128, 255]) mask
  union all
  select record || '\x00'::bytea from sample
  union all
  select record || record from sample
  union all
  select decode(string_agg(md5(seed || ' ' || n), ''), 'hex') from generate_series(1, 50) seed, generate_series(1, 20) n
    group by seed;
insert into homeostasis.deferred_events (reason, record) select 'damaged', record from damaged;
SQL
# A worker looks there when it begins, or has put something there.
kill_worker($node, 'homeostasis ingest', 'TERM');
poll_until($node, 'select count(*) from homeostasis.deferred_events', '0', 'damaged records are taken');
is($node->safe_psql('postgres', q{
    select (select sum(stored + duplicate + rejected + excluded) from homeostasis.stat_intake) - 1 - count(*) from damaged}), '0',
    'each of them is stored, known already, or refused');
# One of the bits says that the message is the reason of a refusal.
is($node->safe_psql('postgres', q{
    select count(*) from homeostasis.rejected_events where reason !~ '^its record (is|has|ends) '
      and reason !~ 'violates check constraint' and reason <> 'sample €'}), '0', 'with a reason') or diag(
    $node->safe_psql('postgres', 'select distinct reason from homeostasis.rejected_events'));
cmp_ok($node->safe_psql('postgres', q{select count(*) from homeostasis.rejected_events}), '>', 300, 'many of them refused');
is($node->safe_psql('postgres', q{select sum(errors) from homeostasis.stat_workers where kind = 'ingest'}), '0',
    'the worker had no error of its own');

# Whatever got through is text of this database.
is($node->safe_psql('postgres', q{select count(*) from homeostasis.errors e where e::text::bytea is null}), '0',
    'what was stored can be read');
command_ok([ 'pg_dump', '-f', $node->basedir . '/dump.sql', '-d', $node->connstr('postgres') ], 'and dumped');
$node->psql('postgres', "select 'after all'::int");
poll_until($node, q{select count(*) from homeostasis.errors where message ~ 'after all'}, '1', 'errors are stored as before');
unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC|TRAP/, 'nothing has crashed');

$node->stop;
done_testing();
