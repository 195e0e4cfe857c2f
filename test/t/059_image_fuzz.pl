# 059_image_fuzz.pl: a stored image of the rules whose checksum is right, but which another library has laid out or
# which was damaged before it was written, could end every process that matches
#
# The file is damaged at random, its checksum made anew, and a new session
# matches with it: it must refuse it, or find in it what it finds, and live.
# Databases of Vectorscan are left as they are: it trusts what is inside them.
# The same seed gives the same damage.
#
#   make test-tap T=test/t/059_image_fuzz.pl FUZZ_SECONDS=600 FUZZ_SEED=7

use strict;
use warnings;

use HomeostasisCluster;
use JSON::PP;
use PostgreSQL::Test::Utils;
use RuleFuzz;
use Test::More;
use Time::HiRes qw(time);

my $seconds = $ENV{FUZZ_SECONDS} // 8;
my $seed = $ENV{FUZZ_SEED} // 1;
my $json = JSON::PP->new->ascii->canonical;
my $fuzz = RuleFuzz->new($seed);
my $node = new_cluster('image_fuzz', 'homeostasis.match_cache_size' => '0');
my $stored = $node->data_dir . '/homeostasis/rules';
my (%known, @events);

$node->safe_psql('postgres', slurp_file(checkout() . '/test/lib/match_reference.sql'));
$node->safe_psql('postgres', q{
    create function fuzz.checksum(bytea) returns bytea language c as 'rule_fuzz', 'rule_fuzz_checksum';
    update homeostasis.rules set enabled = false;
    insert into homeostasis.rule_packs (name, description, version) values ('fuzz', 'd', '1')});
foreach my $i (1 .. 200)
{
    my ($rule, $sample) = $fuzz->rule("fuzz-$i");

    $known{$i} = $rule;
    push @events, $fuzz->event($rule, $sample);
}
$node->safe_psql('postgres', 'select fuzz.put($fuzz$' . $json->encode([ map { $known{$_} } sort keys %known ]) . '$fuzz$)');
$node->safe_psql('postgres', q{insert into fuzz.events select n, event from jsonb_array_elements($fuzz$}
      . $json->encode(\@events) . '$fuzz$) with ordinality e (event, n)');
$node->safe_psql('postgres', q{select homeostasis.rules_ready('1 minute')});
my $scanned = $node->safe_psql('postgres', 'select scanned_patterns from homeostasis.stat_ruleset');
$node->stop;
# Nobody shares an image then, nor stores another.
set_conf($node, 'homeostasis.workers' => 'off');
$node->start;

my $whole = slurp_file($stored);
my $session = $node->background_psql('postgres', on_error_die => 1);
$session->set_query_timer_restart;

# As image_file.c and image.h lay them out: the size of an image is in its header, scans are the fourth of its arrays.
my $header = length($whole) - unpack 'Q', substr $whole, 24, 8;
my ($scans, $n_scans) = unpack 'LL', substr $whole, $header + 36 + 3 * 8, 8;
my @left_alone;    # from, to

foreach my $i (0 .. $n_scans - 1)
{
    my ($kind, $database) = unpack 'lL', substr $whole, $header + $scans + 16 * $i, 8;
    my ($magic, $version, $length) = unpack 'LLL', substr $whole, $header + $database, 12;

    push @left_alone, [ $header + $database + 12, $header + $database + 12 + $length + 128 ];
}

sub one { return RuleFuzz::one(@_); }

# A place for so many bytes, where damage is looked for.
sub place
{
    my ($n) = @_;

    while (1)
    {
        # Near the beginning everything is an offset or a number of things.
        my $at = RuleFuzz::chance(15) ? 4 + int rand $header + 100 : 4 + int rand(length($whole) - 4 - $n);

        $at -= $at % 4 if RuleFuzz::chance(80);
        return $at unless grep { $at + $n > $_->[0] && $at < $_->[1] } @left_alone;
    }
}

sub damaged
{
    my $copy = $whole;
    my $size = length($whole) - $header;

    foreach (1 .. one(1, 1, 1, 3, 20))
    {
        if (RuleFuzz::chance(70))
        {
            my $at = place(4);
            my $value = unpack 'L', substr $copy, $at, 4;

            substr $copy, $at, 4, pack 'L', 0xffffffff & int one(0, 1, 0xffffffff, 0x7fffffff, $size, $size - 1, $size - 8, $value + 1,
                $value - 1, $value + 8, $value * 2, $value ^ 1 << rand 32, rand $size, rand 300, rand 2**32);
        }
        elsif (RuleFuzz::chance(70)) { substr $copy, place(1), 1, chr int rand 256; }
        else { substr $copy, place(8), 8, substr $copy, place(8), 8; }
    }
    return $copy;
}

sub write_stored
{
    my ($content) = @_;

    open my $handle, '>', $stored or die "$stored: $!";
    binmode $handle;
    print $handle $content;
    close $handle or die "$stored: $!";
    return;
}

# The file, with its checksum made anew over what the header says that it has.
sub store
{
    my ($content) = @_;

    write_stored($content);
    my $n = $header - 4 + unpack 'Q', substr $content, 24, 8;
    return if $n > length($content) - 4 || $n < 0;
    my $checksum = $session->query_safe("select encode(fuzz.checksum(pg_read_binary_file('homeostasis/rules', 4, $n)), 'hex')");
    substr $content, 0, 4, pack 'H*', $checksum;
    write_stored($content);
    return;
}

# What a new session finds.
my $look = q{
    select md5(string_agg(to_jsonb(m)::text, ' ' order by e.n))
      from fuzz.events e left join lateral homeostasis.match(e.event) m on true where e.n <= 40;
    select count(*) from (select event from fuzz.events order by n limit 3) e,
      homeostasis.explain_match(e.event, true) x};

store($whole);
is(slurp_file($stored), $whole, 'the checksum is made as it is made by who stores rules');
my $right = $node->safe_psql('postgres', $look);
my %count = (right => 0, wrong => 0, error => 0);
my $failed = 0;
my $end = time() + $seconds;

for (my $n = 1; $n <= 30 || (time() < $end && $failed < 5); $n++)
{
    my $content = damaged();
    my ($stdout, $stderr, $timed_out) = ('', '');

    store($content);
    my $status = $node->psql('postgres', $look, stdout => \$stdout, stderr => \$stderr, timeout => 60, timed_out => \$timed_out);
    $count{ $status ? 'error' : $stdout eq $right ? 'right' : 'wrong' }++;
    next if !$timed_out && $stderr !~ /connection|terminat/;
    $failed++;
    fail("damage $n of seed $seed: a session lives, and ends");
    diag($stderr);
    diag(join ', ', map { sprintf '%d: %02x for %02x', $_, ord substr($content, $_, 1), ord substr $whole, $_, 1 }
          grep { substr($content, $_, 1) ne substr $whole, $_, 1 } 4 .. length($whole) - 1);
    last if $timed_out;
    $node->poll_query_until('postgres', 'select true') or die 'the server did not come back';
    $session = $node->background_psql('postgres', on_error_die => 1);
    $session->set_query_timer_restart;
}
is($failed, 0, "no damage ends a session, seed $seed");
(defined $ENV{FUZZ_SECONDS} ? \&diag : \&note)->(join ', ', map { "$_ $count{$_}" } sort keys %count);
cmp_ok($scanned, '>', 20, 'there are patterns to be scanned for');
cmp_ok($count{right}, '>', $count{wrong}, 'most damage is refused, or does not matter');
$session->quit;

$node->stop;
done_testing();
