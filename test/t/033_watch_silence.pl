# 033_watch_silence.pl: is silence believed only when somebody listens?  A
# patch is not called healed while captured errors wait in the ring.

use strict;
use warnings;

use HomeostasisCluster;
use Test::More;

my $node = new_cluster('silence', 'homeostasis.mode' => 'auto');
my $patch = 'select status from homeostasis.patches where id = 1';

$node->safe_psql('postgres', q{
    update homeostasis.policies
      set observe_window = '6 seconds', settle_time = '0', allow_superuser = true where shipped;
    create table part (day date) partition by range (day);
    create table part_1 partition of part for values from ('2026-01-01') to ('2026-02-01');
    create table part_2 partition of part for values from ('2026-02-01') to ('2026-03-01');
});
$node->psql('postgres', q{insert into part values ('2026-03-05')});
wait_for_value($node, $patch, 'deployed');

# From here on nobody empties the ring.
set_conf($node, 'homeostasis.workers' => 'off');
$node->reload;
wait_for_value($node,
    q{select count(*) from homeostasis.stat_workers where kind <> 'launcher'}, '0');
$node->psql('postgres', 'select * from nowhere');
wait_for_value($node,
    q{select bool_and(observe_until < now()) from homeostasis.deployments}, 't');
# advance() would store them first.
$node->safe_psql('postgres', 'select homeostasis.advance_states()') foreach 1 .. 5;
is($node->safe_psql('postgres', $patch), 'deployed',
    'a patch is not called healed while captured errors wait to be stored');

set_conf($node, 'homeostasis.workers' => 'on');
$node->reload;
poll_until($node, $patch, 'healed', 'and is once they have been stored');

$node->stop;
done_testing();
