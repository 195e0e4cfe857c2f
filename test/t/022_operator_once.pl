# 022_operator_once.pl: whatever ends in the middle of a deployment, the patch
# is made exactly once, and its record says so.

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('once', 'homeostasis.mode' => 'suggest',
    'homeostasis.deploy_lock_timeout' => '60s');

$node->safe_psql('postgres', 'create role app login');
$node->safe_psql('postgres', 'create database shop owner app');
$node->safe_psql('shop', q{
    set role app;
    create schema app;
    create table app.counted (n int);
    insert into app.counted values (0)});

# A template whose patch shows how often it was made, and waits for a lock.
$node->safe_psql('postgres', q{
    select homeostasis.load_template('count_up', $t$-- description: Counts
-- class: data
-- reversible: no
-- explain: no
select array['update app.counted set n = n + 1'] as apply,
       null::text[] as undo, 'app'::name as run_as,
       'app.counted ' || ($1 #>> '{event,error_message}') as object,
       'counts' as explanation, true as transactional,
       null::jsonb as evidence, null::text as refusal
$t$)});

# approved(name): a patch that waits in its operator for the lock of the
# session that is returned with its id
sub approved
{
    my ($name) = @_;
    my $patch = validated_patch($node, 'shop', 'app', $name, 'count_up');
    my $lock = $node->background_psql('shop');
    $lock->query_safe('begin; lock table app.counted in share mode');
    $node->safe_psql('postgres', "select homeostasis.approve($patch)");
    wait_for_value($node, q{
        select count(*) from pg_stat_activity
        where backend_type = 'homeostasis operator'
          and wait_event_type = 'Lock'}, 1);
    return ($patch, $lock);
}

sub count
{
    return $node->safe_psql('shop', 'select n from app.counted');
}

my $status = 'select status from homeostasis.patches where id =';

# The whole way, undisturbed.
my ($patch, $lock) = approved('undisturbed');
poll_until($node, q{
    select count(*) from pg_stat_activity
    where backend_type = 'homeostasis operator' and wait_event_type = 'Lock'
      and clock_timestamp() - xact_start > interval '4 seconds'},
    '1', 'a patch waits for its lock as long as it may, which workers may not');
$lock->query_safe('rollback');
$lock->quit;
poll_until($node, "$status $patch", 'deployed', 'a patch is deployed');
is(count(), '1', 'and was made once');

# Committed, but the server crashes before that is known in the home database:
# a session keeps the patch's row, so the result cannot be stored.
($patch, $lock) = approved('committed');
my $keeper = $node->background_psql('postgres');
$keeper->query_safe(
    "begin; select from homeostasis.patches where id = $patch for update");
$lock->query_safe('rollback');
$lock->quit;
wait_for_value($node, 'select n from app.counted', 2, undef, 'shop');
is($node->safe_psql('postgres', "$status $patch"), 'deploying',
    'the patch is made, and nobody knows it');
kill_worker($node, 'homeostasis healer');
eval { $keeper->quit };
poll_until($node, "$status $patch", 'deployed',
    'after the crash the patch is known to be made');
is(count(), '2', 'and was not made again');
is($node->safe_psql('postgres', "
    select attempts || ' ' || (result ->> 'recovered') from homeostasis.jobs
    where patch_id = $patch and kind = 'apply'"), '1 true',
    'its job says how that is known');

# Not committed: the operator is killed, then the healer terminated.
foreach my $case (
    [ 'killed',     'homeostasis operator', 'KILL' ],
    [ 'terminated', 'homeostasis healer',   'TERM' ])
{
    my ($name, $worker, $signal) = @$case;
    my $before = count();

    ($patch, $lock) = approved($name);
    kill_worker($node, $worker, $signal);
    eval { $lock->query('rollback'); $lock->quit };
    wait_for_value($node, 'select count(*) from homeostasis.stat_workers', 3);
    is(count(), $before,
        "a patch is not made when its $worker is $name before the commit");
    wait_for_value($node, "
        select status from homeostasis.jobs
        where patch_id = $patch and kind = 'apply'", 'pending');
    $node->safe_psql('postgres', "
        update homeostasis.jobs set run_after = now()
        where patch_id = $patch and kind = 'apply' and status = 'pending'");
    poll_until($node, "$status $patch", 'deployed',
        "it is deployed by another attempt when the $worker was $name");
    is(count(), $before + 1, 'and was made once');
}

# Withdrawn while it waits for its lock.
my $before = count();
($patch, $lock) = approved('withdrawn');
$node->safe_psql('postgres', "
    update homeostasis.jobs set status = 'cancelled'
    where patch_id = $patch and status = 'running'");
$lock->query_safe('rollback');
$lock->quit;
poll_until($node, q{
    select count(*) from homeostasis.stat_workers where kind = 'operator'},
    '0', 'the operator of a job that was withdrawn ends');
is(count(), $before, 'and its patch was not made');

$node->stop;
done_testing();
