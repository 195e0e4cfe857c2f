# 024_operator_alone.pl: an operator that ends in the middle of a change outside
# of a transaction could leave an invalid index, and a record that hides it.

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('alone', 'homeostasis.mode' => 'suggest');

$node->safe_psql('postgres', 'create role app login');
$node->safe_psql('postgres', 'create database shop owner app');
$node->safe_psql('shop', q{
    set role app;
    create schema app;
    create table app.item (i int);
    insert into app.item select generate_series(1, 100)});

# Templates that build an index beside the work of others, with a way back and
# without.
foreach my $case ([ 'build', q{array['drop index concurrently if exists app.item_idx']} ],
    [ 'rebuild', 'null::text[]' ])
{
    my ($name, $undo) = @$case;
    my $change = $name eq 'build' ?
      'create index concurrently item_idx on app.item (i)' :
      'reindex index concurrently app.item_idx';

    $node->safe_psql('postgres', qq{
        select homeostasis.load_template('$name', \$t\$-- description: Builds
-- class: index
-- reversible: yes
select array['$change'] as apply, $undo as undo, 'app'::name as run_as,
       'app.item ' || (\$1 #>> '{event,error_message}') as object,
       'builds' as explanation, false as transactional,
       null::jsonb as evidence, null::text as refusal
\$t\$)});
}

my $indexes = q{
    select string_agg(c.relname || ' ' || i.indisvalid, ', ' order by c.relname)
    from pg_index i join pg_class c on c.oid = i.indexrelid
    where i.indrelid = 'app.item'::regclass};

# approved(name, template): a patch whose operator waits, the index half built,
# for a session that is returned as well
sub approved
{
    my ($name, $template) = @_;
    my $patch = validated_patch($node, 'shop', 'app', $name, $template);
    my $holder = $node->background_psql('shop');
    $holder->query_safe('begin; lock table app.item in row exclusive mode');
    $node->safe_psql('postgres', "select homeostasis.approve($patch)");
    wait_for_value($node, q{
        select count(*) from pg_stat_activity
        where backend_type = 'homeostasis operator'
          and wait_event = 'virtualxid'}, 1);
    return ($patch, $holder);
}

my $status = 'select status from homeostasis.patches where id =';

foreach my $case (
    [ 'terminated',     'homeostasis operator', 'TERM' ],
    [ 'killed',         'homeostasis operator', 'KILL' ],
    [ 'without waiter', 'homeostasis healer',   'TERM' ])
{
    my ($name, $worker, $signal) = @$case;
    my ($patch, $holder) = approved($name, 'build');

    is($node->safe_psql('shop', $indexes), 'item_idx false',
        "an index is half built: $name");
    kill_worker($node, $worker, $signal);
    eval { $holder->query('rollback'); $holder->quit };
    poll_until($node, "$status $patch", 'rolled_back',
        "the change is undone: $worker $name");
    is($node->safe_psql('shop', $indexes), '',
        'no invalid index is left');
    like($node->safe_psql('postgres',
            "select status_reason from homeostasis.patches where id = $patch"),
        qr/an attempt that was lost may have done it already/,
        'and the patch says why');
    is($node->safe_psql('postgres', "
        select string_agg(kind || ' ' || status || ' ' || lost, ', ' order by id)
        from homeostasis.jobs where patch_id = $patch and kind in ('apply', 'undo')"),
        'apply failed 1, undo done 0', 'its jobs say what was done');
}

# The way back is lost as well.
my ($patch, $holder) = approved('both ways', 'build');
kill_worker($node, 'homeostasis operator', 'TERM');
wait_for_value($node, q{
    select count(*) from pg_stat_activity
    where backend_type = 'homeostasis operator'
      and wait_event = 'virtualxid'}, 1);
kill_worker($node, 'homeostasis operator', 'TERM');
my $undo = "select status || ' ' || lost from homeostasis.jobs
    where patch_id = $patch and kind = 'undo'";
poll_until($node, $undo, 'pending 1', 'an undo that was lost is going to be done again');
$holder->query_safe('rollback');
$holder->quit;
$node->safe_psql('postgres',
    "update homeostasis.jobs set run_after = now() where patch_id = $patch and status = 'pending'");
poll_until($node, "$status $patch", 'rolled_back', 'and is done in the end');
is($node->safe_psql('shop', $indexes), '', 'no invalid index is left');

# A change without a way back can be repeated.
$node->safe_psql('shop', 'set role app; create index item_idx on app.item (i)');
($patch, $holder) = approved('again', 'rebuild');
kill_worker($node, 'homeostasis operator', 'TERM');
$holder->query_safe('rollback');
$holder->quit;
poll_until($node, "select status || ' ' || lost from homeostasis.jobs
    where patch_id = $patch and kind = 'apply'", 'pending 1',
    'a lost change without an undo is going to be made again');
$node->safe_psql('postgres',
    "update homeostasis.jobs set run_after = now() where patch_id = $patch and status = 'pending'");
poll_until($node, "$status $patch", 'deployed', 'and is made');

# What its first attempt left is not hidden.
is($node->safe_psql('shop', $indexes), 'item_idx true, item_idx_ccnew false',
    'the lost attempt left an invalid index');
like($node->safe_psql('postgres',
        "select status_reason from homeostasis.patches where id = $patch"),
    qr/^watched for .*; invalid and to be dropped: app.item_idx_ccnew$/,
    'and the patch says so');

$node->stop;
done_testing();
