# 026_intake_restore.pl: errors and issues could be missing from a dump, or a
# restored database be unable to go on from them

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main');

# Everything that intake keeps, in a form that can be compared.
my $contents = q{
select string_agg(t || ' ' || n || ' ' || h, e'\n' order by t) from (
  select 'errors' as t, count(*) as n, md5(string_agg(e::text, ',' order by e::text)) as h from homeostasis.errors e
  union all select 'stacks', count(*), md5(string_agg(e::text, ',' order by e::text)) from homeostasis.stacks e
  union all select 'issues', count(*), md5(string_agg(e::text, ',' order by e::text)) from homeostasis.issues e
  union all select 'fingerprints', count(*), md5(string_agg(e::text, ',' order by e::text)) from homeostasis.issue_fingerprints e
  union all select 'counts', count(*), md5(string_agg(e::text, ',' order by e::text)) from homeostasis.issue_counts e
  union all select 'services', count(*), md5(string_agg(e::text, ',' order by e::text)) from homeostasis.services e
  union all select 'rejected', count(*), md5(string_agg(e::text, ',' order by e::text)) from homeostasis.rejected_events e) x};

$node->safe_psql('postgres', q{
  select homeostasis.ingest(jsonb_agg(jsonb_build_object('service', 'shop ' || n % 3, 'error_message', 'animal ' || chr(97 + n % 5),
    'stack_trace', jsonb_build_array('frame ' || n % 4), 'timestamp', now() - n * interval '6 hours',
    'metadata', jsonb_build_object('n', n))) || '[{"bad": 1}]')
  from generate_series(1, 40) n});
set_conf($node, 'homeostasis.workers' => 'off', 'homeostasis.capture' => 'off');
$node->reload;
wait_for_value($node, q{select count(*) from pg_stat_activity where backend_type ~ 'homeostasis (ingest|healer)'}, '0');
my $expected = $node->safe_psql('postgres', $contents);
like($expected, qr/errors 40 /, 'there is something to dump');

my $dump = $node->basedir . '/dump.sql';
$node->command_ok([ 'pg_dump', '-f', $dump, '-d', $node->connstr('postgres') ], 'the home database is dumped');

# Into another database, as an administrator would do before a change.
$node->safe_psql('postgres', 'create database copy');
$node->command_ok([ 'psql', '-qX', '-v', 'ON_ERROR_STOP=1', '-f', $dump, '-d', $node->connstr('copy') ],
    'and restored without an error');
is($node->safe_psql('copy', $contents), $expected, 'with every row');
is($node->safe_psql('copy', q{
    select string_agg(distinct pg_get_userbyid(relowner), ',') from pg_class
    where relnamespace = 'homeostasis'::regnamespace and relkind in ('r', 'p')}), 'homeostasis_owner',
    'and its owner');
is($node->safe_psql('copy', q{
    select count(*) from pg_inherits where inhparent = 'homeostasis.errors'::regclass}),
    $node->safe_psql('postgres', q{
    select count(*) from pg_inherits where inhparent = 'homeostasis.errors'::regclass}), 'and partitions');
is($node->safe_psql('copy', q{
    select count(*) from pg_depend d join pg_inherits i on i.inhrelid = d.objid
    where d.classid = 'pg_class'::regclass and d.deptype = 'e' and i.inhparent = 'homeostasis.errors'::regclass}), '0',
    'which do not belong to the extension there either');

# It goes on there.
$node->safe_psql('copy', q{select homeostasis.ingest('[
  {"service": "shop 1", "error_message": "animal a"}, {"service": "shop 1", "error_message": "a new animal"},
  {"service": "a new shop", "error_message": "animal a"}, {"bad": 2}]')});
is($node->safe_psql('copy', q{select concat_ws(' ',
      (select count(*) from homeostasis.errors), (select count(*) from homeostasis.rejected_events),
      (select count(*) - count(distinct id) from homeostasis.issues))}), '43 2 0',
    'new errors get ids that nothing has');
is($node->safe_psql('copy', q{select count(*) from homeostasis.maintain()}) > 0, 1, 'and it can be maintained');

# A dump of a dump, as directory and in parallel.
my $directory = $node->basedir . '/dump.d';
my $again = $node->safe_psql('copy', $contents);
$node->command_ok([ 'pg_dump', '-Fd', '-j2', '-f', $directory, '-d', $node->connstr('copy') ], 'it can be dumped again');
$node->safe_psql('postgres', 'create database copy2');
$node->command_ok([ 'pg_restore', '-j2', '-e', '-d', $node->connstr('copy2'), $directory ], 'and restored in parallel');
is($node->safe_psql('copy2', $contents), $again, 'with every row');

# The home database itself, replaced by its dump.
$node->safe_psql('copy', 'drop database postgres');
$node->safe_psql('copy', 'create database postgres');
$node->command_ok([ 'psql', '-qX', '-v', 'ON_ERROR_STOP=1', '-f', $dump, '-d', $node->connstr('postgres') ],
    'the home database is restored while the workers are off');
is($node->safe_psql('postgres', $contents), $expected, 'with every row');
set_conf($node, 'homeostasis.workers' => 'on', 'homeostasis.capture' => 'on');
$node->reload;
poll_until($node, q{select count(*) from pg_stat_activity where backend_type = 'homeostasis ingest'}, '1',
    'the workers take it up');
$node->psql('postgres', "select 'restored'::int");
poll_until($node, q{select count(*) from homeostasis.errors where message ~ 'restored'}, '1',
    'and store errors there');

$node->stop;
done_testing();
