# 035_service_quota.pl: the quota of a service could be that of each process
# that stores, or errors that are only counted be lost or counted twice

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster(
    'main',
    'homeostasis.ingest_workers'                     => 2,
    'homeostasis.log_templates'                      => 0,
    'homeostasis.payloads_per_service_per_minute'    => 100,
    'homeostasis.payloads_per_issue_per_minute'      => 0);

# of(service): its errors as its issues count them, as its rows do, as its
# minutes do; its rows; and the most rows that there may be
sub of
{
    my ($service) = @_;

    return split /\|/, $node->safe_psql('postgres', qq{
        select sum(i.error_count), (select sum(e.occurrences) from homeostasis.errors e where e.service_id = s.id),
               (select sum(c.error_count) from homeostasis.issue_counts c where c.service_id = s.id),
               (select count(*) from homeostasis.errors e where e.service_id = s.id),
               (select 100 * count(distinct date_trunc('minute', e.received_at)) from homeostasis.errors e where e.service_id = s.id)
                 + 2 * (select count(*) from homeostasis.issue_counts c where c.service_id = s.id)
        from homeostasis.services s join homeostasis.issues i on i.service_id = s.id
        where s.name = '$service' group by s.id});
}

my $letters = q{translate(n::text, '0123456789', 'abcdefghij')};

# Through the ring and the journal, by two workers: ten issues.
foreach my $time ('', ' again')
{
    $node->safe_psql('postgres', qq{
        select count(*) from homeostasis.report_batch((
          select jsonb_agg(jsonb_build_object('service', 'reported', 'error_message', $letters || ' failed', 'error_id', 'r' || n || ' ' || m))
          from generate_series(1, 10) n, generate_series(1, 300) m))});
    poll_until($node, q{
        select bool_and(used_bytes = 0) and not exists (select from homeostasis.deferred_events) from homeostasis.stat_intake},
        't', "all is stored$time");
}
my ($count, $occurrences, $minutes, $rows, $most) = of('reported');
is("$count $occurrences $minutes", '3000 3000 3000', 'what two workers store is counted exactly, once');
cmp_ok($rows, '<=', $most, 'and the quota is that of both');
cmp_ok($rows, '>=', 100, 'which is used up');
is($node->safe_psql('postgres', q{
    select sum(stored + counted + duplicate) = 6000 and sum(stored) = (select count(*) from homeostasis.errors)
    from homeostasis.stat_intake}), 't', 'stat_intake tells stored, counted and duplicate ones apart');

# Sessions that store in transactions of their own.
my @sessions = map { $node->background_psql('postgres') } 1 .. 4;
foreach my $round (1 .. 5)
{
    $_->query_safe(q{
        select count(*) from generate_series(1, 20) n,
          lateral homeostasis.ingest(jsonb_build_object('service', 'ingested', 'error_message', 'x' || left(n::text, 0))) i})
      foreach @sessions;
}
($count, $occurrences, $minutes, $rows, $most) = of('ingested');
is("$count $occurrences $minutes", '400 400 400', 'what sessions store is counted exactly');
cmp_ok($rows, '<=', $most, 'and the quota is that of all sessions');

# What is rolled back is not counted, also where it was only to be counted.
$sessions[0]->query_safe(q{
    begin;
    select count(*) from generate_series(1, 50) n,
      lateral homeostasis.ingest(jsonb_build_object('service', 'ingested', 'error_message', 'x' || left(n::text, 0))) i;
    rollback});
is(join(' ', (of('ingested'))[ 0 .. 2 ]), '400 400 400', 'a transaction that fails counts for nothing');

# An issue that a transaction holds is waited for, and counted when it ends.
$sessions[0]->query_safe(q{
    begin;
    select count(*) from generate_series(1, 50) n,
      lateral homeostasis.ingest(jsonb_build_object('service', 'ingested', 'error_message', 'x' || left(n::text, 0))) i});
$node->safe_psql('postgres', q{
    select count(*) from homeostasis.report_batch((
      select jsonb_agg(jsonb_build_object('service', 'ingested', 'error_message', 'x')) from generate_series(1, 200)))});
poll_until($node, 'select count(*) > 0 from homeostasis.deferred_events', 't', 'what a transaction holds up is set aside');
$sessions[0]->query_safe('commit');
poll_until($node, 'select count(*) from homeostasis.deferred_events', '0', 'then it is stored');
is(join(' ', (of('ingested'))[ 0 .. 2 ]), '650 650 650', 'each once');
$_->quit foreach @sessions;

# What the server raises: each session's first one is there to be seen.
$node->psql('postgres', "select 1/0;\n" x 300, on_error_stop => 0);
$node->psql('postgres', "select 1/0;\n" x 10, on_error_stop => 0) foreach 1 .. 5;
poll_until($node, q{select error_count from homeostasis.issues where title = 'division by zero'}, '350', 'errors of the server are counted');
is($node->safe_psql('postgres', q{select sum(occurrences), count(distinct backend_pid) from homeostasis.errors where message = 'division by zero'}),
    '350|6', 'and no session is hidden by another');

$node->stop;
done_testing();
