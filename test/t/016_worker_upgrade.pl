# 016_worker_upgrade.pl: pg_upgrade works with the module in
# shared_preload_libraries of both clusters: no worker runs, no connection but
# pg_upgrade's own, and everything is there afterwards.

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $old = new_cluster('old');
my $new = new_cluster('new', -start => 0);

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
        'pg_upgrade', '--no-sync',
        '-d', $old->data_dir, '-D', $new->data_dir,
        '-b', $bindir, '-B', $bindir,
        '-s', $new->host, '-p', $old->port, '-P', $new->port,
        '-U', 'postgres'
    ],
    'pg_upgrade succeeds with the module preloaded');

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
