# 036_same_message.pl: errors with the same message, which names no table,
# could be taken for one problem: one table's could roll back the cure of
# another's, or be taken for cured with it

use strict;
use warnings;

use HomeostasisCluster;
use Test::More;

my $node = new_cluster('same', 'homeostasis.mode' => 'observe');

$node->safe_psql('postgres', q{
    create role shop login;
    create schema authorization shop;
    update homeostasis.policies
      set observe_window = '1 hour', settle_time = '0', max_lock = 'AccessExclusiveLock',
          classes = null, priority = 1
      where name = 'small_and_reversible';
    set role shop;
    create table shop.orders (id int, note varchar(10), item text);
    create table shop.parcels (id int, note varchar(10), item text);
    create function shop.both(t text) returns void language plpgsql as $$
    begin
      if t = 'orders' then
        insert into shop.orders (note) values (repeat('x', 11));
      else
        insert into shop.parcels (note) values (repeat('x', 11));
      end if;
    end $$});

sub as_shop
{
    my (@statements) = @_;

    foreach my $sql (@statements)
    {
        $node->psql('postgres', $sql, extra_params => [ '-U', 'shop' ]);
    }
    return;
}

# issues(sqlstate): how often each issue of it occurred
sub issues
{
    my ($sqlstate) = @_;

    return qq{
        select string_agg(error_count::text, ' ' order by first_seen)
        from homeostasis.issues where sqlstate = '$sqlstate'};
}

as_shop(
    q{insert into shop.orders (id, note) values (1, 'hello, world')},
    q{insert into shop.orders (id, note) values (22, 'a note that is longer') -- again},
    q{insert into shop.orders (id, note) values (1, 'x'), (2, 'and another long one')},
    q{insert into shop.parcels (id, note) values (1, 'hello, world')},
    q{select shop.both('orders')}, q{select shop.both('orders')},
    q{select shop.both('parcels')});
poll_until($node, issues('22001'), '3 1 2 1',
    'a value that is too long is a problem of its statement, whatever the values');
as_shop(q{insert into shop.orders (id) values (3000000000)},
    q{insert into shop.parcels (id) values (3000000000)},
    q{insert into shop.parcels (id) values (-4000000000)});
poll_until($node, issues('22003'), '1 2', 'so is one that is out of range');
as_shop(q{insert into shop.orders values (1) on conflict (id) do nothing},
    q{insert into shop.parcels values (1) on conflict (id) do nothing});
poll_until($node, issues('42P10'), '1 1', 'so is ON CONFLICT without an index');
as_shop(q{set statement_timeout = '10ms'; select pg_sleep(1) from (values (1)) orders},
    q{set statement_timeout = '10ms'; select pg_sleep(2) from (values (7)) orders},
    q{set statement_timeout = '10ms'; select pg_sleep(1) from (values (1)) parcels});
poll_until($node, issues('57014'), '2 1', 'so is a statement that takes too long');

# One is healed while the other goes on.
my $issue = $node->safe_psql('postgres', q{
    select id from homeostasis.issues where sqlstate = '22001' and error_count = 3});
$node->safe_psql('postgres', qq{
    update homeostasis.services set mode = 'suggest' where kind = 'database';
    select homeostasis.heal($issue)});
my $patch = "select status from homeostasis.patches where issue_id = $issue";
wait_for_value($node, $patch, 'validated');
$node->safe_psql('postgres', qq{
    select homeostasis.approve(id) from homeostasis.patches where issue_id = $issue});
wait_for_value($node, $patch, 'deployed');
as_shop(q{insert into shop.parcels (id, note) values (1, 'hello, world, too')});
poll_until($node, issues('22001'), '3 2 2 1', 'the other table fails on');
$node->safe_psql('postgres', 'call homeostasis.advance()');
is($node->safe_psql('postgres', qq{
    select p.status, d.recurrences
    from homeostasis.patches p
    join homeostasis.deployments d on d.service_id = p.service_id and d.patch_id = p.id
    where p.issue_id = $issue}),
    'deployed|0', 'which does not roll the patch back');
is($node->psql('postgres', q{insert into shop.orders (note) values ('hello, world')},
        extra_params => [ '-U', 'shop' ]),
    0, 'and the patch heals');

$node->stop;
done_testing();
