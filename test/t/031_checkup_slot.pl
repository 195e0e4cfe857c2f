# 031_checkup_slot.pl: a slot that holds back WAL could go unnoticed

use strict;
use warnings;

use HomeostasisCluster;
use Test::More;

my $node = new_cluster(
    'main',
    -streaming     => 1,
    'wal_level'    => 'replica',
    'max_wal_size' => '32MB',
    'min_wal_size' => '32MB');

sub found
{
    my ($type) = @_;

    return $node->safe_psql('postgres', qq{
        select message from homeostasis.checkup() where error_type = '$type'});
}

is(found('slot_holds_wal'), '', 'there is no slot');
$node->safe_psql('postgres',
    q{select pg_create_physical_replication_slot('forgotten', true)});
is(found('slot_holds_wal'), '', 'a slot that holds little is not reported');
$node->safe_psql('postgres', q{
    do $$ begin
      for i in 1 .. 5 loop
        perform pg_logical_emit_message(false, 'x', 'x'), pg_switch_wal();
      end loop;
    end $$});
like(found('slot_holds_wal'),
    qr/^replication slot "forgotten" holds back \d+ MB of WAL$/,
    'a slot that holds more than twice max_wal_size is');
is( $node->safe_psql('postgres', q{
        select distinct metadata ->> 'slot', metadata ->> 'active', constraint_name
        from homeostasis.errors where error_type = 'slot_holds_wal'}),
    'forgotten|false|forgotten', 'with what a patch needs to know');

done_testing();
