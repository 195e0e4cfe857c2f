# 027_partition_races.pl: partitions that come and go could stop writers, or
# writers them

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main');

sub start_psql
{
    my ($sql) = @_;
    my %session = (out => '');

    $session{run} = IPC::Run::start(
        [ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-c', $sql ],
        '<', \undef, '>', \$session{out}, '2>&1');
    return \%session;
}

my $partitions = q{select count(*) from pg_inherits where inhparent = 'homeostasis.errors'::regclass};
my $old_day = q{(now() at time zone 'UTC')::date - 45};

$node->safe_psql('postgres', <<'SQL');
create procedure ingest_days(service text, n int) language plpgsql as $$
begin
  for i in 1 .. n loop
    perform homeostasis.ingest(jsonb_agg(jsonb_build_object('service', service, 'error_message', 'x',
        'timestamp', now() - j * interval '1 day') order by random()))
      from generate_series(0, 29) j;
    commit;
  end loop;
end $$;
SQL

# All at once: the same days from several writers, maintain(), and drops.
my @sessions = map { start_psql("call ingest_days('shop', 10)") } 1 .. 4;
push @sessions, map { start_psql('do $$ begin for i in 1 .. 20 loop perform homeostasis.maintain(); commit; end loop; end $$') } 1 .. 2;
push @sessions, start_psql(qq{
  do \$\$ begin
    for i in 1 .. 20 loop
      perform homeostasis.create_partition($old_day - i % 3);
      commit;
      perform homeostasis.drop_partitions(($old_day) + 1);
      commit;
    end loop;
  end \$\$});
$_->{run}->finish foreach @sessions;
is(join('', map { $_->{out} } @sessions), '', 'writers and maintain() get along');
is($node->safe_psql('postgres', q{select concat_ws(' ', count(*), (select sum(error_count) from homeostasis.issues
      where title = 'x')) from homeostasis.errors where message = 'x'}), '1200 1200', 'and every error is there');

# A long transaction with an ingest() in it, and what is too old.
$node->safe_psql('postgres', 'select homeostasis.create_partitions(3)');
$node->safe_psql('postgres', "select homeostasis.create_partition($old_day)");
my $before = $node->safe_psql('postgres', $partitions);
my $long = $node->background_psql('postgres');
$long->query_safe('begin');
$long->query_safe(q{select homeostasis.ingest('{"error_message": "long"}')});
is($node->safe_psql('postgres', q{select done from homeostasis.maintain() where task = 'partitions dropped'}), '0',
    'maintain() does not wait for a long transaction');
is($node->safe_psql('postgres', $partitions), $before, 'and drops nothing that is in use');
$node->psql('postgres', q{select 'meanwhile'::int});
poll_until($node, q{select count(*) from homeostasis.errors where message ~ 'meanwhile'}, '1', 'errors are stored meanwhile');
$long->query_safe('commit');
is($node->safe_psql('postgres', q{select done from homeostasis.maintain() where task = 'partitions dropped'}), '1',
    'the next time it can');
is($node->safe_psql('postgres', $partitions), $before - 1, 'and does');

# A reader must not be disturbed by a day that is added.
$long->query_safe('begin');
$long->query_safe('select count(*) from homeostasis.errors');
$node->safe_psql('postgres', "set lock_timeout = '10s'; select homeostasis.create_partition($old_day)");
is($node->safe_psql('postgres', $partitions), $before, 'a partition is added while somebody reads');
$long->query_safe('commit');
$long->quit;

# An old snapshot keeps deleted rows, for hours perhaps, but no partition.
$node->safe_psql('postgres', qq{
  select homeostasis.ingest(jsonb_agg(jsonb_build_object('service', 'shop', 'error_message', 'old',
      'metadata', jsonb_build_object('n', n)))) from generate_series(1, 2000) n;
  update homeostasis.errors set "timestamp" = "timestamp" - interval '45 days' where message = 'old'});
my $size = q{select sum(pg_total_relation_size(inhrelid)) from pg_inherits
    where inhparent = 'homeostasis.errors'::regclass};
my $bytes = $node->safe_psql('postgres', $size);
my $old = $node->background_psql('postgres');
$old->query_safe('begin isolation level repeatable read; select count(*) from pg_class');
$node->safe_psql('postgres', 'select homeostasis.maintain()');
cmp_ok($node->safe_psql('postgres', $size), '<', $bytes - 500_000,
    'retention frees space while somebody holds an old snapshot');
$old->quit;

# Two maintain() at a time: the second one leaves it to the first.
my $first = $node->background_psql('postgres');
$first->query_safe('begin');
$first->query_safe('select homeostasis.maintain()');
is($node->safe_psql('postgres', 'select count(*) from homeostasis.maintain()'), '0', 'maintain() runs once at a time');
$first->query_safe('commit');
$first->quit;
isnt($node->safe_psql('postgres', 'select count(*) from homeostasis.maintain()'), '0', 'and then again');

# Nothing made a partition in time: whoever needs it makes it.
set_conf($node, 'homeostasis.workers' => 'off');
$node->reload;
wait_for_value($node, q{select count(*) from pg_stat_activity where backend_type ~ 'homeostasis (ingest|healer)'}, '0');
$node->safe_psql('postgres', q{select homeostasis.drop_partitions('2100-01-01')});
is($node->safe_psql('postgres', $partitions), '0', 'there is no partition');
$node->psql('postgres', q{select 'homeless'::int});
set_conf($node, 'homeostasis.workers' => 'on');
$node->reload;
poll_until($node, q{select count(*) from homeostasis.errors where message ~ 'homeless'}, '1',
    'the worker makes the one it needs');
is($node->safe_psql('postgres', 'select count(*) from homeostasis.rejected_events'), '0', 'and nothing was refused');

$node->stop;
done_testing();
