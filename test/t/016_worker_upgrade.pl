# 016_worker_upgrade.pl: pg_upgrade works with the module in
# shared_preload_libraries of both clusters: no worker runs, no connection but
# pg_upgrade's own, and everything is there afterwards.

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;

# At this level the server logs which background workers it starts.
my $old = new_cluster('old', 'log_min_messages' => 'debug1');
my $new = new_cluster('new', -start => 0, 'log_min_messages' => 'debug1');

$old->psql('postgres', 'select * from before_the_upgrade');
wait_for_value($old, q{
    select count(*) from homeostasis.issues
    where title like '%before_the_upgrade%'}, 1);
my $rules = $old->safe_psql('postgres',
    'select count(*) from homeostasis.rules');
$old->stop;

my $bindir = $old->config_data('--bindir');

# pg_upgrade writes its logs into the current directory or the new cluster.
chdir $PostgreSQL::Test::Utils::tmp_check;
command_ok(
    [
        'pg_upgrade', '--no-sync', '--retain',
        '-d', $old->data_dir, '-D', $new->data_dir,
        '-b', $bindir, '-B', $bindir,
        '-s', $new->host, '-p', $old->port, '-P', $new->port,
        '-U', 'postgres'
    ],
    'pg_upgrade succeeds with the module preloaded');

my ($log) = glob $new->data_dir . '/pg_upgrade_output.d/*/log/pg_upgrade_server.log';
my $messages = slurp_file($log);
like($messages, qr/database system is ready/, 'the log of its servers is kept');
unlike($messages, qr/background worker.*homeostasis/,
    'no worker of homeostasis is started meanwhile');

$new->start;
poll_until($new, q{
    select string_agg(kind || ' ' || state, ',' order by kind)
    from homeostasis.stat_workers},
    'healer idle,ingest idle,launcher idle',
    'the workers run in the new cluster');
is($new->safe_psql('postgres', q{
    select count(*) from homeostasis.issues
    where title like '%before_the_upgrade%'}), '1', 'the issues are there');
is($new->safe_psql('postgres', 'select count(*) from homeostasis.rules'),
    $rules, 'the rules are there');
$new->psql('postgres', 'select * from after_the_upgrade');
poll_until($new, q{
    select count(*) from homeostasis.issues
    where title like '%after_the_upgrade%'}, '1',
    'new errors are stored after the upgrade');

$new->stop;
done_testing();
