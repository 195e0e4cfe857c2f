# 039_spikes.pl: nobody could be told that errors come in floods, or be told of
# it again and again

use strict;
use warnings;

use HomeostasisCluster;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main', 'homeostasis.spike_min_rate' => 20);
my $listener = $node->background_psql('postgres');
$listener->query_safe('listen homeostasis');
my @heard;

# heard(condition, what): waits until something like that was told
sub heard
{
    my ($condition, $what) = @_;

    foreach my $try (1 .. 600)
    {
        my $out = $listener->query('select pg_sleep(0.1)');

        push @heard, decode_json($1) while $out =~ /Asynchronous notification "homeostasis" with payload "(.*)" received/g;
        last if grep { $condition->($_) } @heard;
    }
    my ($found) = grep { $condition->($_) } @heard;
    ok($found, $what) or diag(encode_json(\@heard));
    return $found // {};
}

$node->psql('postgres', "select 1/0;\n" x 100, on_error_stop => 0);
$node->psql('postgres', "select 'few'::int;\n" x 5, on_error_stop => 0);
my $told = heard(sub { $_[0]{kind} eq 'spike' }, 'a flood is told to those who listen');
is($told->{title}, 'division by zero', 'which issue it is');
is($told->{service}, 'database/postgres', 'of which service');
is($told->{issue}, $node->safe_psql('postgres', q{select id from homeostasis.issues where title = 'division by zero'}), 'by its number');
cmp_ok($told->{rate}, '>=', 20, 'how many came in a minute');
is($told->{usual_rate}, 0, 'and how many used to');
ok($told->{new}, 'that it is new');
like($told->{since}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:00/, 'and since when');
is($node->safe_psql('postgres', q{select string_agg(title, ', ') from homeostasis.overview where spike ~ 'usually 0'}),
    'division by zero', 'overview shows it');

# Half an hour of it, as far as anybody can tell, and then silence.
my $look = q{update homeostasis.spike_watch set looked_at = looked_at - interval '1 minute'};
$node->psql('postgres', "select 1/0;\n" x 300, on_error_stop => 0);
$node->safe_psql('postgres', $look) foreach 1 .. 3;
poll_until($node, q{select max(peak_rate) >= 300 from homeostasis.spikes}, 't', 'its peak is noted');
$node->safe_psql('postgres', q{update homeostasis.issue_counts set minute = minute - interval '5 minutes'});
$node->safe_psql('postgres', $look);
my $over = heard(sub { $_[0]{kind} eq 'spike end' }, 'its end is told');
is($over->{reason}, 'the rate fell', 'and why');
cmp_ok($over->{rate}, '>=', 300, 'how high it was');
is(scalar(grep { $_->{kind} eq 'spike' } @heard), 1, 'that it had begun was told once');
is($node->safe_psql('postgres', q{select count(*), count(ended_at) from homeostasis.spikes}), '1|1', 'it is noted as one');
is($node->safe_psql('postgres', q{select count(*) from homeostasis.overview where spike is not null}), '0', 'and overview does not show it any more');

# Minutes that nobody needs any more do not wait for the next hour.
$node->safe_psql('postgres', q{update homeostasis.issue_counts set minute = date_trunc('minute', now()) - interval '3 hours'
    where ctid = (select max(ctid) from homeostasis.issue_counts)});
poll_until($node, q{select count(*) filter (where minutes = 60), count(*) filter (where minute < homeostasis.minutes_before(10) and minutes = 1)
    from homeostasis.issue_counts}, '1|0', 'what the usual rate is not taken from any more becomes an hour');

# Whoever drives the extension by a schedule is told as well.
set_conf($node, 'homeostasis.workers' => 'off');
$node->reload;
poll_until($node, q{select count(*) from pg_stat_activity where backend_type ~ '^homeostasis (ingest|healer)'}, '0', 'without workers');
$node->safe_psql('postgres', $look);
$node->psql('postgres', "select no_such_column;\n" x 50, on_error_stop => 0);
$node->safe_psql('postgres', 'call homeostasis.advance()');
heard(sub { $_[0]{title} =~ /no_such_column/ }, 'advance() tells it');

# What is usual is looked up in minutes.
set_conf($node, 'homeostasis.spike_history' => '600min');
$node->reload;
poll_until($node, q{select homeostasis.minutes_before(10) between now() - interval '10 hours 13 minutes' and now() - interval '10 hours 3 minutes'},
    't', 'minutes are kept for as long as the usual rate is taken from them');

$listener->quit;
$node->stop;
done_testing();
