# 022_retry.pl: an error that is reported again could be stored twice when it
# comes through the ring, by another way, or was set aside in between

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main');
my $event = q{'{"service": "shop", "error_message": "it broke", "error_id": "one"}'};
my $old = q{(now() - interval '3 days')};

# What there is of the service, when nothing waits any more.
my $there = q{
    select case when used_bytes = 0 and not exists (select from homeostasis.deferred_events)
      then concat_ws(' ', (select count(*) from homeostasis.errors), (select sum(error_count) from homeostasis.issues)) end
    from homeostasis.stat_intake};

sub duplicates
{
    return $node->safe_psql('postgres', 'select duplicate from homeostasis.stat_intake');
}

# By every way in, one after the other, each at its own time.
foreach my $way ("select homeostasis.report($event\::jsonb)", "select homeostasis.report_batch(('[' || $event || ']')::jsonb)",
    "select homeostasis.report_batch($event, 'identity')", "select homeostasis.ingest($event)",
    "insert into homeostasis.intake values ($event)",
    "select homeostasis.report($event\::jsonb || jsonb_build_object('timestamp', $old))")
{
    $node->safe_psql('postgres', $way);
    poll_until($node, $there, '1 1', "stored once: $way");
}
is(duplicates(), '3', 'those that came through the ring are counted as duplicates');
$node->restart;
$node->safe_psql('postgres', "select homeostasis.report($event\::jsonb)");
poll_until($node, "$there where duplicate = 1", '1 1', 'also after a restart');

# Set aside for a lock, and sent again meanwhile.
my $holder = $node->background_psql('postgres');
$holder->query_safe(q{begin; select homeostasis.ingest('{"service": "shop", "error_message": "it broke"}')});
my $second = $event =~ s/one/two/r;
$node->safe_psql('postgres', "select homeostasis.report($second\::jsonb)");
poll_until($node, 'select count(*) from homeostasis.deferred_events', '1', 'one is set aside');
$node->safe_psql('postgres', "select homeostasis.report($second\::jsonb || jsonb_build_object('timestamp', $old))");
poll_until($node, 'select count(*) from homeostasis.deferred_events', '2', 'and comes again');
$holder->query_safe('commit');
$holder->quit;
poll_until($node, $there, '3 3', 'and is stored once');

# Only the partitions of a few days are looked at.
$node->safe_psql('postgres', 'select homeostasis.create_partition(current_date - n) from generate_series(0, 29) n');
is($node->safe_psql('postgres', qq{
    begin;
    select count(*) from homeostasis.ingest($event);
    select count(*) <= 4 from pg_locks l join pg_class c on c.oid = l.relation
      where l.pid = pg_backend_pid() and c.relname ~ '^errors_[0-9]{8}\$';
    commit}), "1\nt", 'an id is looked for in the partitions of four days at most');

# Whatever the planner believes of a partition that was empty a moment ago.
my $tuples_read = 'select sum(idx_tup_read) from pg_stat_user_indexes';
my $before = $node->safe_psql('postgres', $tuples_read);
foreach (1 .. 4)
{
    $node->safe_psql('postgres', q{
        select count(*) from homeostasis.report_batch((
          select jsonb_agg(jsonb_build_object('service', 'shop', 'error_message', 'it broke', 'error_id', gen_random_uuid()))
          from generate_series(1, 1000)))});
    wait_for_value($node, intake_waiting(), '0');
}
$node->stop;
$node->start;
cmp_ok($node->safe_psql('postgres', $tuples_read) - $before, '<', 8 * 4000,
    'to look for an id does not take reading what else the service has reported');

$node->stop;
done_testing();
