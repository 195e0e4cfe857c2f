# 058_match_fuzz.pl: a rule could win, or lose, only because rules are not tried one by one but
# found through parts of patterns, a scan, indexes of conditions, an image that is shared, changes
# beside it, or a cache
#
# Random rules come and go, and random events are matched in sessions of every
# kind.  Each time all enabled rules are tried on each event in the plainest way
# (test/lib/match_reference.sql).  The same seed makes the same rules and events.
#
#   make test-tap T=test/t/058_match_fuzz.pl FUZZ_SECONDS=600 FUZZ_SEED=7

use strict;
use warnings;

use HomeostasisCluster;
use JSON::PP;
use PostgreSQL::Test::Utils;
use RuleFuzz;
use Test::More;
use Time::HiRes qw(time);

my $json = JSON::PP->new->ascii->canonical;
my $seconds = $ENV{FUZZ_SECONDS} // 12;
my $seed = $ENV{FUZZ_SEED} // 1;
my $fuzz = RuleFuzz->new($seed);
my $node = new_cluster('match_fuzz', 'homeostasis.max_limit_hits_per_hour' => '0');
my %known;    # by id: a rule and a sample
my $number = 0;

$node->safe_psql('postgres', slurp_file(checkout() . '/test/lib/match_reference.sql'));
$node->safe_psql('postgres', q{
    update homeostasis.rules set enabled = false;
    insert into homeostasis.rule_packs (name, description, version) values ('fuzz', 'd', '1')});

sub literal { return '$fuzz$' . $json->encode($_[0]) . '$fuzz$'; }

# So many new rules, or rules with the ids given.
sub rules
{
    my (@ids) = @_;

    return literal([ map {
        $known{$_} = [ $fuzz->rule($_) ];
        $known{$_}[0];
    } @ids ]);
}

sub new_ids { return map { 'fuzz-' . ++$number } 1 .. $_[0]; }

sub some_ids
{
    my ($n) = @_;
    my @ids = sort keys %known;

    return @ids ? map { RuleFuzz::one(@ids) } 1 .. $n : ();
}

sub list { return join ', ', map { "'$_'" } @_, 'none'; }

# A change of the rules, in one of the ways in which they are changed.
sub change
{
    my $kind = int rand 8;

    return 'select fuzz.put(' . rules(new_ids(one_of(1, 5, 30))) . ')' if $kind < 3;
    return 'select fuzz.change(' . rules(some_ids(8)) . ')' if $kind == 3;
    return 'delete from homeostasis.rules where id in (' . list(some_ids(8)) . ')' if $kind == 4;
    return 'update homeostasis.rules set enabled = not enabled where id in (' . list(some_ids(8)) . ')' if $kind == 5;
    return "update homeostasis.rules set priority = priority + 1, confidence = 0.7 where id in (" . list(some_ids(5)) . ')'
      if $kind == 6;
    my $pack = one_of('one', 'two');
    return "select fuzz.load('fuzz-$pack', " . rules(map { "$pack-$_" } grep { RuleFuzz::chance(70) } 1 .. 40) . ')';
}

sub one_of { return RuleFuzz::one(@_); }

# Events: each is close to a rule, though that may be gone by now.
sub events
{
    my ($n) = @_;
    my @events = map { $fuzz->event(@{ $known{$_} }) } some_ids($n);

    return 'truncate fuzz.events; insert into fuzz.events select n, event from jsonb_array_elements('
      . literal(\@events) . ') with ordinality e (event, n)';
}

my ($compared, $failed) = (0, 0);

# Do all answers agree, in a session that is in this state?
sub compare
{
    my ($session, $state) = @_;
    my $differences = $session->query_safe('select * from fuzz.differences() limit 5');

    $compared++;
    return if $differences eq '';
    $failed++;
    fail("$state: match() and the reference agree, seed $seed");
    diag($differences);
    return;
}

# The time for a session is that for each of its queries.
sub session
{
    my $session = $node->background_psql('postgres', on_error_die => 1);

    $session->set_query_timer_restart;
    return $session;
}

my $writer = session();
my $reader = session();
my $end = time() + $seconds;

$writer->query_safe('select fuzz.put(' . rules(new_ids(300)) . ')');
for (my $round = 1; $round <= 3 || (time() < $end && $failed < 5); $round++)
{
    $writer->query_safe(change()) foreach 1 .. 1 + rand 4;
    if (keys %known > 500)
    {
        my @old = grep { RuleFuzz::chance(40) } sort keys %known;

        $writer->query_safe('delete from homeostasis.rules where id in (' . list(@old) . ')');
        delete @known{@old};
    }
    $writer->query_safe(events(40));

    # As they are now: with what was compiled before, and changes beside it.
    compare($writer, "round $round, who wrote the rules");
    compare($reader, "round $round, another session");

    # In a transaction, a part of which is taken back, as may be the rest.
    $writer->query_safe('begin; ' . change());
    compare($writer, "round $round, in a transaction") if RuleFuzz::chance(50);
    $writer->query_safe('savepoint s; ' . change());
    compare($writer, "round $round, in a part of a transaction");
    $writer->query_safe('rollback to s');
    compare($writer, "round $round, when that part is taken back");
    compare($reader, "round $round, beside a transaction");
    $writer->query_safe(one_of('commit', 'rollback'));
    compare($writer, "round $round, after the transaction") if RuleFuzz::chance(50);

    # All compiled.
    if (RuleFuzz::chance(60))
    {
        $writer->query_safe(q{select homeostasis.rules_ready('1 minute')});
        compare($writer, "round $round, compiled");
        my $new = session();

        compare($new, "round $round, compiled, a new session");
        $new->quit;
        $writer->query_safe(events(40));
        compare($reader, "round $round, compiled, other events");
    }
}
is($failed, 0, "match() and the reference agree, seed $seed");
(defined $ENV{FUZZ_SECONDS} ? \&diag : \&note)->("$compared times 40 events were compared");
cmp_ok($node->safe_psql('postgres', 'select coalesce(scanned_patterns, 0) from homeostasis.stat_ruleset'), '>', 20,
    'patterns were scanned for');
cmp_ok($node->safe_psql('postgres', 'select count(*) from fuzz.answers()'), '>', 10, 'rules match events');

$writer->quit;
$reader->quit;
$node->stop;
done_testing();
