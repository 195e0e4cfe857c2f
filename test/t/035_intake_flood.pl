# 035_intake_flood.pl: a flood of one error could fill the disk and take the
# processors; or its counts, or what is rare in it, could be lost

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main', 'homeostasis.payloads_per_issue_per_minute' => 5);

# gather(what happens): while nothing is stored, so that it becomes one batch.
sub gather
{
    my ($happen) = @_;

    set_conf($node, 'homeostasis.workers' => 'off');
    $node->reload;
    poll_until($node, q{select count(*) from pg_stat_activity where backend_type ~ '^homeostasis (ingest|healer)'},
        '0', 'nothing is stored for a while');
    $happen->();
    set_conf($node, 'homeostasis.workers' => 'on');
    $node->reload;
    # What waits for a lock goes on waiting.
    poll_until($node, 'select used_bytes from homeostasis.stat_intake', '0', 'then all of it');
    return;
}

sub fail_often
{
    my ($times, $sql) = @_;

    $node->psql('postgres', "$sql;\n" x $times, on_error_stop => 0);
    return;
}

# of(issue's title): what is known of its errors
sub of
{
    my ($title) = @_;

    return split /\|/, $node->safe_psql('postgres', qq{
        select i.error_count, sum(e.occurrences), count(*), count(distinct e.backend_pid),
               i.sample_event_id = (array_agg(e.event_id order by e."timestamp" desc))[1],
               i.last_seen = max(e."timestamp"), i.first_seen = min(e."timestamp"),
               i.error_count = (select sum(c.error_count) from homeostasis.issue_counts c
                                where c.service_id = i.service_id and c.issue_id = i.id),
               i.id
        from homeostasis.issues i
        join homeostasis.issue_fingerprints f on f.service_id = i.service_id and f.issue_id = i.id
        join homeostasis.errors e on e.service_id = f.service_id and e.fingerprint = f.fingerprint
        where i.title = '$title' group by i.service_id, i.id});
}

# A minute may end on the way, so each number of rows has two bounds.
gather(sub {
    fail_often(200, 'select 1/0');
    fail_often(1, 'select 1/0') foreach 1 .. 20;
    fail_often(3, q{select 'rare'::int});
    $node->safe_psql('postgres', q{
        select homeostasis.report_batch(jsonb_agg(jsonb_build_object('error_message', 'told', 'error_type', 'T')))
        from generate_series(1, 50)});
});
my ($count, $occurrences, $rows, $sessions, $sample, $last, $first, $minutes, $id) = of('division by zero');
is($count, '220', 'each error of a flood is counted for its issue');
is($occurrences, '220', 'and by the rows that stand for it');
cmp_ok($rows, '>=', 25, 'as many are stored whole as the setting allows, and the first of each session');
cmp_ok($rows, '<=', 32, 'but no more');
is($sessions, '21', 'no session is hidden by another');
is($sample, 't', 'the sample is the latest');
is($last . $first, 'tt', 'which is stored, like the first');
is($minutes, 't', 'the counts of the minutes are exact');
is($node->safe_psql('postgres', q{select string_agg(occurrences::text, ',') from homeostasis.errors where message ~ 'rare'}),
    '1,1,1', 'what is rare is stored as it was, in the same batch');
is($node->safe_psql('postgres', q{select count(*) from homeostasis.errors where message = 'told' and occurrences = 1}),
    '50', 'so is what was reported, however often');
is($node->safe_psql('postgres', q{
    select captured = stored + counted and counted > 150 from homeostasis.stat_intake}), 't',
    'stat_intake tells those that are counted only');

# Two problems of one issue, told apart again.
gather(sub { fail_often(100, q{select 'x'::date}); fail_often(30, q{select no_such_column}); });
my $into = (of('column "no_such_column" does not exist'))[8];
my $other = (of('invalid input syntax for type date: "x"'))[8];
my $fingerprint = $node->safe_psql('postgres', "select fingerprint from homeostasis.issue_fingerprints where issue_id = $other");
$node->safe_psql('postgres', "select homeostasis.merge($into, $other)");
is((of('column "no_such_column" does not exist'))[0], '130', 'merged issues add up');
$node->safe_psql('postgres', "select homeostasis.split($into, array['$fingerprint'::uuid])");
is(join('|', (of('column "no_such_column" does not exist'))[ 0, 1, 7 ]), '30|30|t', 'and can be split again');
is(join('|', (of('invalid input syntax for type date: "x"'))[ 0, 1, 7 ]), '100|100|t', 'each with its own');

# A batch that is held up by a lock on its issue is taken apart and set aside.
my $holder = $node->background_psql('postgres');
$holder->query_safe("begin; select from homeostasis.issues where id = $id for update");
my $deferred = $node->safe_psql('postgres', 'select deferred from homeostasis.stat_intake');
gather(sub { fail_often(100, 'select 1/0'); fail_often(1, q{select 'meanwhile'::int}) });
poll_until($node, q{select count(*) from homeostasis.errors where message ~ 'meanwhile'}, '1',
    'others are stored while an issue is locked');
$holder->query_safe('commit');
$holder->quit;
poll_until($node, q{select count(*) from homeostasis.deferred_events}, '0', 'then the flood is');
is(join('|', (of('division by zero'))[ 0, 1, 5, 7 ]), '320|320|t|t', 'and its counts are exact');

set_conf($node, 'homeostasis.payloads_per_issue_per_minute' => 0);
gather(sub { fail_often(100, 'select 1/0') });
$node->psql('postgres', 'select 1/0');
poll_until($node, q{select sum(occurrences) from homeostasis.errors where message = 'division by zero'}, '421',
    'without a limit they are counted as exactly');
is($node->safe_psql('postgres', q{
    select count(*) from (select occurrences from homeostasis.errors where message = 'division by zero'
                          order by "timestamp" desc limit 101) e where occurrences = 1}), '101',
    'and each of them is stored whole');

$node->stop;
done_testing();
