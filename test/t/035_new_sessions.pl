# 035_new_sessions.pl: a change that reaches new sessions only could be rolled
# back for the errors of old ones, or kept in spite of those of new ones

use strict;
use warnings;

use HomeostasisCluster;
use Test::More;

my $node = new_cluster('sessions', 'homeostasis.mode' => 'suggest',
    'homeostasis.healer_interval' => '100ms');

$node->safe_psql('postgres', q{
    update homeostasis.policies set observe_window = '1 hour', settle_time = '0';
    create role app login;
    create schema shop;
    create table shop.orders (id int);
    create schema crm;
    create table crm.customers (id int);
    grant usage on schema shop, crm to app;
    grant select on all tables in schema shop, crm to app});

# patch(table): the latest patch for its issue
sub patch
{
    my ($table, $column) = @_;

    return qq{
        select p.$column from homeostasis.patches p
        join homeostasis.issues i on i.id = p.issue_id
        where i.title like '%"$table"%' order by p.id desc limit 1};
}

# deploy(table): approves its patch
sub deploy
{
    my ($table) = @_;

    wait_for_value($node, patch($table, 'status'), 'validated');
    my $id = $node->safe_psql('postgres', patch($table, 'id'));
    $node->safe_psql('postgres', "select homeostasis.approve($id, 'a test')");
    wait_for_value($node, patch($table, 'status'), 'deployed');
    return;
}

# stored(table, number): when so many of its errors are
sub stored
{
    my ($table, $number) = @_;

    wait_for_value($node, qq{
        select count(*) from homeostasis.errors where message like '%"$table"%'},
        $number);
    return;
}

# An old session fails on and on -----------------------------------------------

my $old = $node->background_psql('postgres', on_error_stop => 0,
    extra_params => [ '-U', 'app' ]);
my $began = $old->query('select backend_start from pg_stat_activity where pid = pg_backend_pid()');

$old->query('select * from orders');
deploy('orders');
is($node->safe_psql('postgres', qq{
    select session_start = '$began' from homeostasis.errors where message like '%"orders"%'}),
    't', 'an error tells when its session began');

$old->query('select * from orders');
stored('orders', 2);
my $turns = $node->safe_psql('postgres',
    q{select turns from homeostasis.stat_workers where kind = 'healer'});
wait_for_value($node,
    qq{select turns > $turns + 5 from homeostasis.stat_workers where kind = 'healer'}, 't');
is($node->safe_psql('postgres', patch('orders', 'status')), 'deployed',
    'an error of a session that began before the change is not held against it');
is($node->safe_psql('postgres', 'select count(*) from orders', extra_params => [ '-U', 'app' ]),
    '0', 'a new session does not fail');

$node->safe_psql('postgres',
    'update homeostasis.deployments set observe_until = clock_timestamp()');
wait_for_value($node, patch('orders', 'status'), 'healed');
like($node->safe_psql('postgres', patch('orders', 'status_reason')),
    qr/in sessions that began since/, 'the patch is healed, and says whose errors count');

$old->query('select * from orders');
poll_until($node, patch('orders', "status || ': ' || p.status_reason"),
    qr/^refused: .*have to connect again/,
    'for errors that go on no second patch is made, but the reason told');
$old->quit;

# A new session fails as well --------------------------------------------------

$node->psql('postgres', 'select * from customers', extra_params => [ '-U', 'app' ]);
deploy('customers');
{
    local $ENV{PGOPTIONS} = '-c search_path=public';

    $node->psql('postgres', 'select * from customers', extra_params => [ '-U', 'app' ]);
}
poll_until($node, patch('customers', "status || ': ' || p.status_reason"),
    'rolled_back: the failure recurred 1 times after the change',
    'an error of a session that began after the change is held against it');

$node->stop;
done_testing();
