# 037_role_dropped.pl: a role that is dropped while a patch waits to run as it
# could stop the healing of everything else

use strict;
use warnings;

use HomeostasisCluster;
use Test::More;

my $node = new_cluster('dropped', 'homeostasis.mode' => 'suggest');

foreach my $role ('gone', 'there')
{
    $node->safe_psql('postgres', qq{
        create role $role login;
        select homeostasis.load_template('as_$role', \$t\$-- description: Does nothing
-- class: data
-- reversible: no
-- explain: no
select array['select 1'] as apply, null::text[] as undo, '$role'::name as run_as,
       'object of $role' as object, 'does nothing' as explanation,
       true as transactional, null::jsonb as evidence, null::text as refusal
\$t\$)});
}
my $lost = validated_patch($node, 'postgres', 'gone', 'role is going', 'as_gone');
my $sound = validated_patch($node, 'postgres', 'there', 'role stays', 'as_there');

$node->safe_psql('postgres', 'drop role gone');
$node->safe_psql('postgres', "select homeostasis.approve($lost)");
poll_until($node, "select status || ': ' || status_reason from homeostasis.patches where id = $lost",
    'failed: role "gone" does not exist', 'the patch fails, and says why');
$node->restart;
$node->safe_psql('postgres', "select homeostasis.approve($sound)");
poll_until($node, "select status from homeostasis.patches where id = $sound",
    qr/^(deployed|healed)$/, 'another one is deployed');
is($node->safe_psql('postgres', 'select sum(errors) from homeostasis.stat_workers'), '0',
    'no turn of a worker has failed');
is($node->safe_psql('postgres', "
    select attempts from homeostasis.jobs where patch_id = $lost and kind = 'apply'"), '1',
    'and nobody tries again');

# Errors of a role that is no more still have a place.
$node->safe_psql('postgres', 'create role fleeting login');
$node->safe_psql('postgres', 'alter system set homeostasis.workers = off');
$node->reload;
wait_for_value($node, 'select count(*) from homeostasis.stat_workers', 1);
$node->psql('postgres', 'select * from seen_by_fleeting', extra_params => [ '-U', 'fleeting' ]);
$node->safe_psql('postgres', 'drop role fleeting');
$node->safe_psql('postgres', 'alter system reset homeostasis.workers');
$node->reload;
poll_until($node, q{
    select concat_ws(' ', role_name, session_role_name) from homeostasis.errors
    where message like '%seen_by_fleeting%'}, 'fleeting',
    'an error of a role that was dropped meanwhile is stored');

$node->stop;
done_testing();
