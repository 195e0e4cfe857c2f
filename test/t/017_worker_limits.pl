# 017_worker_limits.pl: a lock that somebody keeps, a statement that does not
# end, or a setting of the database could keep the workers from their work

use strict;
use warnings;

use HomeostasisCluster;
use Test::More;

my $node = new_cluster('limits');
my $problem = q{select last_error from homeostasis.stat_workers where kind = 'healer'};
my $state = q{select state from homeostasis.stat_workers where kind = 'healer'};

poll_until($node, $state, 'idle', 'the healer works');

my $holder = $node->background_psql('postgres');
$holder->query_safe('begin; lock table homeostasis.patches');
poll_until($node, $problem, 'canceling statement due to lock timeout',
    'a turn does not wait for ever for a lock');
$holder->query_safe('rollback');
$holder->quit;
poll_until($node, $state, 'idle', 'and the next one succeeds');

$node->safe_psql('postgres', q{
    alter function homeostasis.advance_states(integer) rename to advance_states_later;
    create function homeostasis.advance_states(max_moves integer default 1)
      returns integer language sql as 'select pg_sleep(3600); select 0'});
poll_until($node, $problem, 'canceling statement due to statement timeout',
    'a turn that does not end is ended', 90);
$node->safe_psql('postgres', q{
    drop function homeostasis.advance_states(integer);
    alter function homeostasis.advance_states_later(integer) rename to advance_states});
poll_until($node, $state, 'idle', 'and the next one succeeds');

# Whatever sessions of the database begin with.
$node->safe_psql('postgres', q{
    alter database postgres set default_transaction_read_only = on;
    alter database postgres set statement_timeout = '1ms';
    alter database postgres set session_replication_role = replica});
$node->restart;
$node->psql('postgres', 'select * from in_spite_of_settings');
poll_until($node, q{
    set statement_timeout = 0;
    select count(*) from homeostasis.issues where title like '%in_spite_of_settings%'},
    '1', 'the workers write in a database that is read-only for others');

$node->stop;
done_testing();
