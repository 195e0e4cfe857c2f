# 015_worker_standby.pl: on a standby nothing runs; after the promotion the
# workers start by themselves.

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = new_cluster('primary', -streaming => 1);
$primary->backup('base');

my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

$primary->psql('postgres', 'select * from on_the_primary');
wait_for_value($primary, q{
    select count(*) from homeostasis.issues
    where title like '%on_the_primary%'}, 1);
poll_until($standby, q{
    select count(*) from homeostasis.issues
    where title like '%on_the_primary%'}, '1',
    'the tables are replicated');
is($standby->safe_psql('postgres', q{
    select count(*) from pg_stat_activity
    where backend_type like 'homeostasis %'}), '0',
    'no worker runs on a standby');
$standby->psql('postgres', 'select * from on_the_standby');
$standby->psql('postgres', 'call homeostasis.advance()', stderr => \my $stderr);
like($stderr, qr/recovery|read-only/,
    'advance() on a standby says why it cannot work');

$primary->stop;
$standby->promote;
poll_until($standby, q{
    select string_agg(kind || ' ' || state, ',' order by kind)
    from homeostasis.stat_workers},
    'healer idle,ingest idle,launcher idle',
    'the workers start after the promotion');
poll_until($standby, q{
    select count(*) from homeostasis.issues
    where title like '%on_the_standby%'}, '1',
    'what was captured on the standby is stored after the promotion');

$standby->stop;
done_testing();
