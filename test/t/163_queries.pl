# 163_queries.pl: a query of docs/queries.md could fail, be wrong, or read
# errors or counts that it does not ask for

use strict;
use warnings;

use HomeostasisCluster;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

use lib checkout() . '/bench/lib';
use Queries qw(queries with_values);

my $node = new_cluster('main', 'homeostasis.mode' => 'observe');
my $id = '0b4c8b5e-3f0f-4f0e-9d3e-1f2b6a7c8d90';
my $from = $node->safe_psql('postgres', q{select date_trunc('day', now(), 'UTC') - interval '5 days'});
my $until = $node->safe_psql('postgres', qq{select timestamptz '$from' + interval '1 day'});

# ingest(service, type, message, [time, ...], key => value, ...)
sub ingest
{
    my ($service, $type, $message, $times, %more) = @_;
    my $event = encode_json({ service => $service, error_type => $type, error_message => $message, %more });

    $node->safe_psql('postgres', qq{
      select homeostasis.ingest(jsonb_build_object('timestamp', t) || \$event\$$event\$event\$) from (values ($_)) v (t)})
      foreach @$times;
    return;
}

my $day = "timestamptz '$from'";
my $stack = "at billing.js:1\nat cart.js:2";
ingest('shop', 'Timeout', 'no answer from billing for customer 100001', [ "$day + '10:00'" ], stack_trace => $stack);
ingest('shop', 'Timeout', 'no answer from billing for customer 100002', [ "$day + '10:01'" ], release => '2.0',
    environment => { host => 'web-7' }, error_id => $id, stack_trace => $stack);
ingest('shop', 'Timeout', 'no answer from billing for customer 100003', [ "$day + '13:00'" ], metadata => { customer => 100003 },
    stack_trace => $stack);
ingest('shop', 'KeyError', 'cart_id is missing', [ "$day + '11:00'", "$day - interval '15 days'" ]);
ingest('mail', 'Bounce', 'mailbox is full', [ "$day + '12:00'", "$day + '12:00:30'", 'now()', 'now()', 'now()' ]);
ingest('archive', 'Odd', 'once in a while', [ "$day - interval '20 days'" ]);
# Counts become hours and days.
$node->safe_psql('postgres', 'select * from homeostasis.maintain()');

my ($timeout) = $node->safe_psql('postgres', q{select id from homeostasis.issues where error_type = 'Timeout'});
my %value = (
    service => 'shop', issue => $timeout, id => $id, from => $from, until => $until, release => '2.0', words => 'Cart_',
    text => 'customer 100002', tag => '{"host": "web-7"}');

# The columns that are looked at, and what is in them.
my $one = 'no answer from billing for customer 10000';
my %expected = (
    'Latest errors of a service' => [ 'message', "${one}3", 'cart_id is missing', "${one}2", "${one}1", 'cart_id is missing' ],
    'An error by its id' => [ 'message, stack', "${one}2|$stack" ],
    "An issue's history by day" => [ qq{day - $day, errors}, '00:00:00|3' ],
    "An issue's history by hour" => [ qq{hour - $day, errors}, '10:00:00|2', '13:00:00|1' ],
    'Commonest issues of a day' => [ 'service, title, errors', "shop|${one}1|3", 'mail|mailbox is full|2', 'shop|cart_id is missing|1' ],
    'Commonest issues of a day, of a service' => [ 'title, errors', "${one}1|3", 'cart_id is missing|1' ],
    'Commonest issues of the last minutes' => [ 'service, title, errors', 'mail|mailbox is full|3' ],
    'Issues of a release' => [ 'issue, errors', "$timeout|1" ],
    'Issues by message' => [ 'service, title, error_count', 'shop|cart_id is missing|2' ],
    'Errors by message' => [ qq{"timestamp" - $day, message}, '11:00:00|cart_id is missing', '-15 days|cart_id is missing' ],
    "An issue's errors with a text" => [ 'message', "${one}2" ],
    "An issue's errors with a tag" => [ 'message, environment', qq(${one}2|{"host": "web-7"}) ],
);

sub result
{
    my ($query, $columns, %values) = @_;

    return $node->safe_psql('postgres', "select $columns from (" . with_values($query, %value, %values) . ') q');
}

my @queries = queries();
is_deeply([ sort map { $_->{name} } @queries ], [ sort keys %expected ], 'each query of the document is tested, and each test is of one');
foreach my $query (@queries)
{
    my ($columns, @rows) = @{ $expected{ $query->{name} } };
    is(result($query, $columns), join("\n", @rows), $query->{name});
}

# Services with more issues than 50, and with one that is old -----------------------

$node->safe_psql('postgres', q{
  select homeostasis.ingest(jsonb_build_object('service', 'many', 'error_message', 'many of them', 'error_type',
    'Type' || translate(i::text, '0123456789', 'abcdefghij'), 'timestamp', now() - i * interval '7 hours' - n * interval '20 hours'))
  from generate_series(1, 60) i, generate_series(0, 3) n});
my ($latest) = @queries;
is(result($latest, 'message', service => 'archive'), 'once in a while', 'what a service had weeks ago is its latest');
is(result($latest, 'event_id, "timestamp"', service => 'many'), $node->safe_psql('postgres', q{
    select e.event_id, e."timestamp" from homeostasis.errors e join homeostasis.services s on s.id = e.service_id
    where s.name = 'many' order by e."timestamp" desc limit 50}), 'none of the latest is missing where there are many issues');

# Plans -----------------------------------------------------------------------------

# So many that it matters by what they are found.
$node->safe_psql('postgres', q{
  select homeostasis.ingest(jsonb_build_object('service', 'shop', 'error_message', 'one of many', 'error_type',
    'Kind' || chr(97 + i % 26), 'timestamp', now() - i * interval '3 minutes'))
  from generate_series(1, 12000) i});
$node->safe_psql('postgres', 'select * from homeostasis.maintain()');
$node->safe_psql('postgres', 'vacuum analyze');
# Of the first day and of this one there are fewer, depending on the hour; of
# few, a plan may read all.
my %full = map { $_ => 1 } split /\n/, $node->safe_psql('postgres', 
    'select tableoid::regclass::text from homeostasis.errors group by 1 having count(*) > 450');

# The nodes of a plan that read a table, with what they find their rows by.
sub reads
{
    my ($plan, $table) = @_;
    my @found = map { reads($_, $table) } @{ $plan->{Plans} // [] };
    my $name = $plan->{'Relation Name'} // '';

    if ($name =~ $table && ($name !~ /^errors_/ || $full{"homeostasis.$name"}))
    {
        my @conditions = map { $_->{'Index Cond'} // () } $plan, @{ $plan->{Plans} // [] };
        push @found, "$plan->{'Node Type'}: @conditions";
    }
    return @found;
}

foreach my $query (@queries)
{
    # A table of a few pages is read whole unless that is said to be dear.
    my $plan = decode_json($node->safe_psql('postgres',
        'set enable_seqscan = off; explain (format json) ' . with_values($query, %value)))->[0]{Plan};
    my $by_key = qr/service_id = .*(fingerprint|event_id) = /;
    my $by_count = qr/minutes = .*minute >= |service_id = .*issue_id = .*minute >= /;
    my @errors = reads($plan, qr/^errors/);
    my @counts = reads($plan, qr/^issue_counts/);

    is_deeply([ grep { $_ !~ $by_key } @errors ], [], "$query->{name}: errors are found by their keys");
    is_deeply([ grep { $_ !~ $by_count } @counts ], [], 'and counts by theirs');
    ok((@errors > 0) == ($query->{sql} =~ /homeostasis\.errors/) && (@counts > 0) == ($query->{sql} =~ /homeostasis\.issue_counts/),
        'as the plan says');
}

$node->stop;
done_testing();
