# 052_missing_index.pl: a statement with parameters that runs into its timeout
# gets the index it lacks, with the evidence of an index that hypopg imagines.

use strict;
use warnings;

use HomeostasisCluster;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('index', 'homeostasis.mode' => 'suggest',
    'homeostasis.healer_interval' => '100ms');

# time_out(database): a driver's statement, whose parameters are not told.
# It waits for every row that it looks at, so that no machine is fast enough.
sub time_out
{
    my ($database) = @_;
    my $script = PostgreSQL::Test::Utils::tempdir() . '/select.sql';

    append_to_file($script, "\\set id 7\n"
          . "select count(*) from \"Orders\" o\n"
          . "where o.customer = :id and kept(o.note) limit :id;\n");
    local $ENV{PGOPTIONS} = '-c statement_timeout=2s';
    run_command([ 'pgbench', '--no-vacuum', '--transactions=1',
            '--protocol=extended', "--file=$script",
            '--host', $node->host, '--port', $node->port,
            '--username=app', $database ]);
    return;
}

# patch(database): the patch that comes of it
sub patch
{
    my ($database) = @_;
    my $row = wait_for_value($node, qq{
        select to_jsonb(p) from homeostasis.patches p
        where p.database_name = '$database'
          and p.status not in ('planning', 'proposed', 'validating')},
        qr/^\{/);

    return decode_json($row);
}

$node->safe_psql('postgres', 'create role app login');
foreach my $database ('shop', 'bare')
{
    $node->safe_psql('postgres', "create database $database owner app");
    $node->safe_psql($database, q{
        create function kept(note text) returns boolean language plpgsql cost 0.0001
          as 'begin perform pg_sleep(0.1); return note is not null; end';
        create table "Orders" (id int, customer bigint, note text);
        insert into "Orders" select i, i % 100000, 'x' from generate_series(1, 200000) i;
        analyze "Orders"}, extra_params => [ '-U', 'app' ]);
}
$node->safe_psql('shop', 'create extension hypopg');

time_out('shop');
my $patch = patch('shop');
is($patch->{status}, 'validated', 'the patch is proposed')
  or diag($patch->{status_reason});
is_deeply($patch->{apply_sql},
    ['create index concurrently "Orders_customer_idx" on public."Orders" (customer)'],
    'it is the index that the statement lacks, parameters or not');
my $hypothetical = $patch->{plan_evidence}{hypothetical_index};
ok($hypothetical->{used}, 'the planner would use the index');
cmp_ok($hypothetical->{cost_with}, '<', $hypothetical->{cost_without} / 100,
    'and expects a hundredth of the cost');

$node->safe_psql('postgres', "select homeostasis.approve($patch->{id}, 'a test')");
poll_until($node,
    "select status from homeostasis.patches where id = $patch->{id}",
    'deployed', 'the index is created outside of a transaction');
is($node->safe_psql('shop', q{
    select indisvalid from pg_index where indexrelid = '"Orders_customer_idx"'::regclass}),
    't', 'and valid');
is($node->safe_psql('shop', 'select count(*) from hypopg()'), '0',
    'nothing imagined is left');

time_out('bare');
$patch = patch('bare');
is($patch->{status}, 'validated', 'without hypopg the patch is proposed, too')
  or diag($patch->{status_reason});
ok(!exists $patch->{plan_evidence}{hypothetical_index},
    'without evidence of that kind');

$node->stop;
done_testing();
