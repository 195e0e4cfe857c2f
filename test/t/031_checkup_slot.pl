# 031_checkup_slot.pl: a slot that holds back WAL could go unnoticed, or one be
# dropped that somebody still needs

use strict;
use warnings;

use HomeostasisCluster;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster(
    'main',
    -streaming     => 1,
    # What a finding leads to is tried by hand below.
    'homeostasis.mode' => 'observe',
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

# What the template makes of it --------------------------------------------------

# run_job(kind, field => value, ...): its result
sub run_job
{
    my ($kind, %payload) = @_;
    (my $json = encode_json(\%payload)) =~ s/'/''/g;

    return decode_json($node->safe_psql('postgres',
            "call homeostasis.run_job('$kind', 'postgres', '$json', null)"));
}

# planned(slot, changes): the statement, or why there is none
sub planned
{
    my ($slot, %changes) = @_;
    my $event = $node->safe_psql('postgres', qq{
        select jsonb_build_object('sqlstate', 'HO102', 'metadata', jsonb_build_object(
          'slot', '$slot', 'restart_lsn', (select restart_lsn from pg_replication_slots where slot_name = '$slot')))});
    my %event = (%{ decode_json($event) }, %changes);
    my $template = $node->safe_psql('postgres',
        q{select to_jsonb(t) from homeostasis.patch_templates t where name = 'drop_inactive_slot'});
    my $result = run_job('plan', event => \%event, origin => 'checkup', template => decode_json($template));

    return $result->{plan}{apply}[0] // $result->{refusal} // encode_json($result);
}

if ($node->pg_version >= 17)
{
    note('from version 17 on a slot must have been unused for an hour');
    done_testing();
    exit;
}
my $drop = planned('forgotten');
like($drop, qr/^select pg_drop_replication_slot/, 'a slot that nobody uses can be dropped');
is(planned('forgotten', role => 'postgres'), 'nothing to change was found',
    'but not because somebody raised an error that names it');
is(planned('forgotten', sqlstate => 'HO101'), 'nothing to change was found', 'or for another reason');

my $slots = q{select string_agg(slot_name, ' ' order by slot_name) from pg_replication_slots};
my $dry = run_job('validate', apply => [$drop], run_as => 'postgres', event => {});
ok($dry->{ok} && !$dry->{applied}, 'no dry run tries that: a rollback would not bring it back');
is($node->safe_psql('postgres', $slots), 'forgotten', 'the slot is there');

# Its consumer comes back, and reads nothing yet.
my $reader = IPC::Run::start([ 'pg_receivewal', '-d', $node->connstr('postgres'), '--slot=forgotten',
        '-D', PostgreSQL::Test::Utils::tempdir() ], '>', \my $out, '2>', \my $errors);
wait_for_value($node, q{select active from pg_replication_slots where slot_name = 'forgotten'}, 't');
is(planned('forgotten'), 'slot forgotten is in use: its consumer is slow, not gone', 'a slot that is in use stays');
$node->safe_psql('postgres', $drop);
is($node->safe_psql('postgres', $slots), 'forgotten',
    'also when the statement was made before');
$reader->signal('INT');
$reader->finish;

# A new slot holds back what was written since the last checkpoint.
$node->safe_psql('postgres', 'checkpoint');
$node->safe_psql('postgres', q{select pg_create_physical_replication_slot('young', true)});
like(planned('young'), qr/^slot young holds back only /, 'a slot that holds back little stays');
$node->safe_psql('postgres', q{select pg_create_physical_replication_slot('unused')});
is(planned('unused'), 'slot unused holds back no WAL any more', 'and one that holds back none');

done_testing();
