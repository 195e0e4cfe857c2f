# 043_journal_once.pl: what a worker has stored of the journal could be counted
# again by the next life of the server or by another worker, and the journal
# could be given back too late, or before the commit that stored it is on disk

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;

# Most events leave no row of their own, by whose id a second time would be
# noticed.  The WAL is written by nobody but its writer, which the test stops.
my $node = new_cluster(
    'main',
    'homeostasis.workers'                       => 'off',
    'homeostasis.ingest_workers'                => 3,
    'homeostasis.journal_limit'                 => '4MB',
    'homeostasis.payloads_per_issue_per_minute' => 10,
    'max_worker_processes'                      => 16,
    'synchronous_commit'                        => 'off',
    'wal_buffers'                               => '32MB',
    'bgwriter_lru_maxpages'                     => 0);

# report(service, n): n events of 26 issues, in one call
sub report
{
    my ($service, $n) = @_;

    $node->safe_psql('postgres', qq{
        select count(*) from homeostasis.report_batch((
          select jsonb_agg(jsonb_build_object('service', '$service', 'error_type', 'Type' || chr(65 + i % 26), 'error_message', 'x'))
          from generate_series(1, $n) i))});
    return;
}

# report_large(service, n): n events of one issue, each in a block of 6 kB
sub report_large
{
    my ($service, $n) = @_;
    my ($stdout, $stderr) = ('', '');

    $node->psql('postgres', qq{
        select count(homeostasis.report(jsonb_build_object('service', '$service', 'error_message', 'x',
          'detail', (select string_agg(md5(i::text || k), '') from generate_series(1, 200) k))))
        from generate_series(1, $n) i}, stdout => \$stdout, stderr => \$stderr);
    return "$stdout$stderr";
}

sub counted
{
    my ($service) = @_;

    return qq{
        select coalesce(sum(i.error_count), 0) from homeostasis.issues i
        join homeostasis.services s on s.id = i.service_id where s.name = '$service'};
}

my $waiting = intake_waiting();
my $segments = 'select segments from homeostasis.stat_journal';

# Once -----------------------------------------------------------------------

report('many', 2600);
$node->safe_psql('postgres', q{
    select count(*) from homeostasis.report_batch((
      select jsonb_agg(jsonb_build_object('service', 'many', 'error_message', i)) from generate_series(1, 5) i))});
switch_workers($node, 'on');
wait_for_value($node, $waiting, '0');
is($node->safe_psql('postgres', counted('many')), '2600', 'each worker counts what is its own');
is($node->safe_psql('postgres', 'select count(*) from homeostasis.rejected_events'), '5', 'what is refused is refused once');
is($node->safe_psql('postgres', 'select sum(duplicate) from homeostasis.stat_intake'), '0', 'and no event comes to two workers');

$node->stop('immediate');
set_conf($node, 'homeostasis.ingest_workers' => 2);
$node->start;
report('many', 26);
wait_for_value($node, $waiting, '0');
is($node->safe_psql('postgres', counted('many')), '2626', 'the next life of the server does not count it again');
is($node->safe_psql('postgres', 'select count(*) from homeostasis.rejected_events'), '5', 'nor refuse it again');

# Two lives wait, and this worker has nothing of the second: it must not take what
# it stored of the first for that.
switch_workers($node, 'off');
my $one = q{select captured from homeostasis.stat_intake where consumer = 1};
my ($type) = grep {
    my $before = $node->safe_psql('postgres', $one);
    $node->safe_psql('postgres', qq{select homeostasis.report('{"service": "lives", "error_type": "$_", "error_message": "x"}'::jsonb)});
    $node->safe_psql('postgres', $one) > $before;
} map { "Type$_" } 'A' .. 'Z';
report('lives', 520);
$node->stop('immediate');
my %segment = map { $_ => scalar slurp_file($_) } glob($node->data_dir . '/homeostasis/journal/*');
$node->start;
$node->safe_psql('postgres', qq{
    select count(homeostasis.report(jsonb_build_object('service', 'lives', 'error_type', '$type', 'error_message', i::text)))
    from generate_series(1, 5) i});
switch_workers($node, 'on');
wait_for_value($node, $waiting, '0');
is($node->safe_psql('postgres', counted('lives')), '551', 'what two lives have left is stored');
$node->stop('immediate');
foreach my $file (keys %segment)
{
    unlink $file;
    append_to_file($file, $segment{$file});
}
# There may be room only when these are given back; but an idle worker sleeps
# longer than this.
set_conf($node, 'homeostasis.overflow_timeout' => '20s');
$node->start;
$node->safe_psql('postgres', q{select homeostasis.report('{"service": "after", "error_message": "x"}'::jsonb)});
poll_until($node, counted('after'), '1', 'and the next goes on');
wait_for_value($node, $waiting, '0');
is($node->safe_psql('postgres', counted('lives')), '551', 'it is not counted again when the first is there again');

# A worker with nothing to do ------------------------------------------------

is(report_large('large', 2000), '2000', 'more than the journal takes is reported while one of two workers has nothing to do');
wait_for_value($node, counted('large'), '2000');
poll_until($node, "$segments", qr/^[12]$/, 'and the space is given back');

# Not before it is on disk ---------------------------------------------------

switch_workers($node, 'off');
my $writer = $node->safe_psql('postgres', q{select pid from pg_stat_activity where backend_type = 'walwriter'});
kill 'STOP', $writer;
is(report_large('kept', 400), '400', 'several segments are reported while no WAL is written');
my $before = $node->safe_psql('postgres', $segments);
switch_workers($node, 'on');
wait_for_value($node, counted('kept'), '400');
wait_for_value($node, $waiting, '0');
cmp_ok($before, '>', 2, 'these are some segments');
$node->stop('immediate');
$node->start;
poll_until($node, counted('kept'), '400', 'an immediate stop before the commit is on disk loses none of them');

$node->stop;
done_testing();
