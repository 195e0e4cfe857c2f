# 165_clock.pl: a clock that is set back or forth could make the workers wait
# for hours, or lose what comes meanwhile

use strict;
use warnings;

use HomeostasisCluster;
use HomeostasisFaults;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('clock', -start => 0, 'homeostasis.mode' => 'auto');

with_clock($node);
start_again($node);
$node->safe_psql('postgres', q{
    create extension homeostasis;
    update homeostasis.policies
      set observe_window = '1 second', settle_time = '0' where shipped;
    create role app login;
    grant create on schema public to app});

my $holder = $node->background_psql('postgres');

foreach my $hours (-3, 3)
{
    my $name = $hours < 0 ? 'back' : 'forth';
    my $what = "the clock is set $name";

    # A worker that has failed waits before it tries again.
    $holder->query_safe('begin; lock table homeostasis.patches');
    wait_for_value($node, q{
        select state from homeostasis.stat_workers where kind = 'healer'}, 'backing off');
    my $before = time();
    set_clock($node, $hours * 3600);
    $holder->query_safe('rollback');
    poll_until($node, qq{
        select abs(extract(epoch from state_change) - $before) > 9000
        from pg_stat_activity where backend_type = 'homeostasis healer'}, 't',
        "$what, and the healer goes on");

    # Enough of them to fill several batches, which gather for a while.
    $node->psql('postgres', join('', map { "select '$name $_'::int;\n" } 1 .. 300), on_error_stop => 0);
    poll_until($node, qq{select count(*) from homeostasis.errors where message like '%"$name %'},
        '300', "$what: all errors are stored");
    $node->psql('postgres', qq{
        create table $name (day date) partition by range (day);
        create table ${name}_1 partition of $name for values from ('2026-01-01') to ('2026-02-01');
        create table ${name}_2 partition of $name for values from ('2026-02-01') to ('2026-03-01');
        insert into $name values ('2026-03-15')}, extra_params => [ '-U', 'app' ]);
    poll_until($node, qq{select status from homeostasis.patches where object = 'public.$name'},
        'healed', "$what: what fails is healed");
}
$holder->quit;
is($node->safe_psql('postgres', 'select max(attempts) from homeostasis.jobs'), '1',
    'no job was taken from who ran it');
is($node->safe_psql('postgres', 'select * from homeostasis.audit_verify()'), '',
    'the audit log is whole');

$node->stop;
done_testing();
