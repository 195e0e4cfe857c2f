# 017_worker_settings.pl: settings that ALTER DATABASE stores could stop the
# workers, or let a patch be made as another role than the approved one.

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('settings', 'homeostasis.mode' => 'suggest');

$node->safe_psql('postgres', q{
    create role app login;
    create role bystander;
    create database shop owner app});
$node->safe_psql('shop', q{
    set role app;
    create schema app;
    create table app.item (i int)});

# What this version of the server does not know is left out.
my @settings = split /\n/, $node->safe_psql('postgres', q{
    select format('alter database %I set %s = %L', d.datname, s.name, s.value)
    from (values ('check_function_bodies', 'off'),
                 ('default_transaction_read_only', 'on'),
                 ('restrict_nonsystem_relation_kind', 'view'),
                 ('role', 'bystander'),
                 ('search_path', 'nowhere'),
                 ('transaction_timeout', '300ms')) as s (name, value)
    cross join pg_database d
    where d.datname in ('postgres', 'shop')
      and current_setting(s.name, true) is not null});
$node->safe_psql('template1', "$_") foreach @settings;

# Sessions of this test are to be without them.
$ENV{PGOPTIONS} = '-c role=none -c default_transaction_read_only=off'
  . ' -c restrict_nonsystem_relation_kind= -c search_path=public';
$ENV{PGOPTIONS} .= ' -c transaction_timeout=0'
  if grep { /transaction_timeout/ } @settings;
$node->restart;

# A turn of the healer that waits for a lock is longer than the time limit.
my $holder = $node->background_psql('postgres');
$holder->query_safe('begin; lock table homeostasis.issues in access exclusive mode');
wait_for_value($node, q{
    select count(*) > 0 from pg_stat_activity
    where backend_type like 'homeostasis %' and wait_event_type = 'Lock'
      and now() - xact_start > '500 milliseconds'}, 't');
$holder->query_safe('rollback');
$holder->quit;

$node->safe_psql('postgres', q{
    select homeostasis.load_template('build', $t$-- description: Builds
-- class: index
-- reversible: yes
select array['create index concurrently item_idx on app.item (i)'] as apply,
       array['drop index concurrently if exists app.item_idx'] as undo,
       'app'::name as run_as, 'app.item' as object, 'builds' as explanation,
       false as transactional, null::jsonb as evidence, null::text as refusal
$t$)});
my $patch = validated_patch($node, 'shop', 'app', 'slow', 'build');

$holder = $node->background_psql('shop');
$holder->query_safe('begin; lock table app.item in row exclusive mode');
$node->safe_psql('postgres', "select homeostasis.approve($patch)");
wait_for_value($node, q{
    select count(*) from pg_stat_activity
    where backend_type = 'homeostasis operator' and wait_event_type = 'Lock'
      and now() - xact_start > '500 milliseconds'}, 1);
$holder->query_safe('rollback');
$holder->quit;
poll_until($node,
    "select status from homeostasis.patches where id = $patch", 'deployed',
    'a patch is made as its role, whatever the database sets');
unlike(slurp_file($node->logfile), qr/due to transaction timeout/,
    'no worker is ended by transaction_timeout');

$node->stop;
done_testing();
