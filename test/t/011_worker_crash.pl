# 011_worker_crash.pl: kill -9 of any worker costs a crash recovery and nothing
# else: all workers come back and take up what was left.

use strict;
use warnings;

use HomeostasisCluster;
use Test::More;

my $node = new_cluster('crash');
my $since = 'select homeostasis.workers_since()';

foreach my $kind ('launcher', 'healer', 'ingest')
{
    wait_for_value($node, 'select count(*) from homeostasis.stat_workers', 3);
    my $before = $node->safe_psql('postgres', $since);

    kill_worker($node, "homeostasis $kind");

    wait_for_value($node, "$since > '$before'", 't');
    poll_until($node, q{
        select string_agg(kind, ',' order by kind)
        from homeostasis.stat_workers where state = 'idle'},
        'healer,ingest,launcher',
        "all workers return after kill -9 of the $kind");
    is($node->safe_psql('postgres',
            'select count(*) = 3 from pg_stat_activity
             where backend_type like \'homeostasis %\''), 't',
        "no second worker runs after kill -9 of the $kind");
}

# What the server captured before the crash is stored; what it captures
# afterwards too.
$node->psql('postgres', 'select * from before_the_crash');
wait_for_value($node, q{
    select count(*) from homeostasis.issues
    where title like '%before_the_crash%'}, 1);
kill_worker($node, 'homeostasis ingest');
wait_for_value($node, 'select 1', 1);
$node->psql('postgres', 'select * from after_the_crash');
poll_until($node, q{
    select count(*) from homeostasis.issues
    where title like '%before_the_crash%' or title like '%after_the_crash%'},
    '2', 'errors are stored again after a crash');

$node->stop;
done_testing();
