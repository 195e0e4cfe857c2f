# 059_load_fuzz.pl: a file of rules that is broken in some way nobody thought of could end the server's process, be
# loaded in part, or be refused without a word about where it is broken
#
# Packs of share/rules and test/data/rules are damaged at random: as JSON, keys
# and values, and as bytes.  Whatever load_rules() makes of one, either its rules
# are afterwards those that it names, or nothing has changed and each refusal
# names a rule, a key or the file.  The same seed gives the same files.
#
#   make test-tap T=test/t/059_load_fuzz.pl FUZZ_SECONDS=600 FUZZ_SEED=7

use strict;
use warnings;

use HomeostasisCluster;
use JSON::PP;
use PostgreSQL::Test::Utils;
use RuleFuzz;
use Storable qw(dclone);
use Test::More;
use Time::HiRes qw(time);

my $json = JSON::PP->new->ascii->canonical->allow_nonref->max_depth(100_000);
my $seconds = $ENV{FUZZ_SECONDS} // 8;
my $seed = $ENV{FUZZ_SEED} // 1;
my $node = new_cluster('load_fuzz');
my $folder = $node->basedir . '/rules';
my @packs = map { [ decode_json(slurp_file($_)), $_ =~ /data/ ] } sort glob(checkout() . '/share/rules/*.json'),
  grep { !/broken/ } glob(checkout() . '/test/data/rules/*/*.json');

sub one { return RuleFuzz::one(@_); }
sub chance { return RuleFuzz::chance(@_); }

srand $seed;
mkdir $folder or die "mkdir $folder: $!";

# Errors that a reader may get; others would be mistakes of the loader.
my $expected = qr/^(?:HO003|22\w{3}|54\w{3}|23\w{3})$/;

$node->safe_psql('postgres', q{
create schema fuzz;

-- All that a file may change.
create function fuzz.state(of_pack text default null) returns text language sql as $$
  select md5(concat(
    (select string_agg((to_jsonb(r) - array['updated_at', 'revision'])::text, ' ' order by r.id) from homeostasis.rules r
     where of_pack is null or r.pack = of_pack),
    (select string_agg((to_jsonb(p) - 'loaded_at')::text, ' ' order by p.name) from homeostasis.rule_packs p
     where of_pack is null or p.name = of_pack)))
$$;

-- The rules of a pack that was loaded, one a line, and those that the loader says it has.
create function fuzz.mismatch(report jsonb, of_pack text) returns text language sql as $$
  select nullif(concat_ws(', ',
    (select 'said but missing: ' || string_agg(x.rule_id, ' ')
     from jsonb_to_recordset(report) x (rule_id text, action text, pack text)
     where x.pack = of_pack and x.action <> 'removed'
       and not exists (select from homeostasis.rules r where r.id = x.rule_id and r.pack = of_pack)),
    (select 'there but unsaid: ' || string_agg(r.id, ' ')
     from homeostasis.rules r
     where r.pack = of_pack
       and not exists (select from jsonb_to_recordset(report) x (rule_id text, action text, pack text)
                       where x.pack = of_pack and x.rule_id = r.id and x.action <> 'removed'))), '')
$$;

-- Loads it, and returns what was refused and with which words, and what is wrong with that.
create function fuzz.attempt(given text, inline boolean) returns table (outcome text, problem text) language plpgsql as $$
declare
  before constant text := fuzz.state();
  report jsonb;
  state text;
  words text;
  hint text;
begin
  begin
    if inline then
      select coalesce(jsonb_agg(l), '[]') into report from homeostasis.load_rules(pg_read_file(given)) l;
    else
      select coalesce(jsonb_agg(l), '[]') into report from homeostasis.load_rules(given) l;
    end if;
  exception when others then
    get stacked diagnostics state = returned_sqlstate, words = message_text, hint = pg_exception_hint;
    outcome := format('%s %s. %s', state, words, hint);
    if fuzz.state() <> before then
      problem := 'an error left something behind';
    end if;
    return next;
    return;
  end;

  return query
    select 'refused ' || string_agg(distinct concat_ws(' ', x.rule_id, x.reason), ' '),
      case when bool_or(x.reason is null) then 'no reason is given'
           when bool_or(x.action <> 'refused') then 'a pack was refused in part' end
    from jsonb_to_recordset(report) x (rule_id text, action text, reason text, pack text)
    group by x.pack
    having bool_or(x.action = 'refused');
  return query
    select 'loaded', fuzz.mismatch(report, x.pack)
    from jsonb_to_recordset(report) x (rule_id text, action text, reason text, pack text)
    group by x.pack
    having not bool_or(x.action = 'refused');
  if not jsonb_path_exists(report, '$[*] ? (@.action != "refused" && @.action != "unchanged")') and fuzz.state() <> before
    and jsonb_path_exists(report, '$[*] ? (@.action == "refused")') then
    return query select 'refused', 'but something has changed';
  end if;
end
$$;
});

# A small pack: some of the rules of one.
sub sample
{
    my ($pack, $foreign) = @{ one(@packs) };
    my %part = %$pack;

    $part{rules} = [ map { one(@{ $pack->{rules} }) } 1 .. 1 + rand 5 ] if !$foreign || chance(50);
    $part{name} = one('fuzz-one', 'fuzz-two') if !$foreign;
    return $json->decode($json->encode(\%part));
}

sub deep
{
    my ($n) = @_;
    my $value = 1;

    $value = chance(50) ? [$value] : { deep => $value } foreach 1 .. $n;
    return $value;
}

# A value that nobody expects there.
sub odd_value
{
    return one(
        sub { undef }, sub { JSON::PP::true }, sub { 0 }, sub { -1 }, sub { 1.5 }, sub { '' }, sub { "\x{0}" },
        sub { 99999999999999999999 }, sub { 0.12345678901234567 }, sub { "\x{d800}" }, sub { "\x{1f600}\n'\"\\" },
        sub { 'x' x one(129, 1000, 9000, 100_000) }, sub { [] }, sub { {} }, sub { [ undef, 1, 'x', [], {} ] },
        sub { [ ('x') x 1000 ] }, sub { +{ map { $_ => $_ } 1 .. 100 } }, sub { deep(one(3, 100, 1000)) },
        sub { one('high', 'low', 'error', '42', '23505', '2350', '(', '[a', '(?<n>a)(?<n>b)', '(a+)+b', '\\C', '(?C', 'a{70000}') },
        sub { [ '23505', one('4', '4200', "\x{0}", 'ABCDE') ] }, sub { [ { message => undef }, { text => [] }, { sql => 1 } ] })->();
}

# All places in a value: references of what holds them, and the key.
sub places
{
    no warnings 'recursion';
    my ($value) = @_;

    return map { ([ $value, $_ ], places($value->{$_})) } sort keys %$value if ref $value eq 'HASH';
    return map { ([ $value, $_ ], places($value->[$_])) } 0 .. $#$value if ref $value eq 'ARRAY';
    return;
}

sub set
{
    my ($place, $value) = @_;

    ref $place->[0] eq 'HASH' ? $place->[0]{ $place->[1] } = $value : $place->[0][ $place->[1] ] = $value;
    return;
}

my @keys = qw(id name rules pack shipped revision modified type reliability pattern confidence examples enabled tags
  severity priority sqlstates service framework template language_specific_patterns fix_suggestions metadata unheard);

# A change of the JSON, which stays JSON.
sub change_value
{
    my ($pack) = @_;
    my @places = places($pack);
    my $place = one(@places) or return;
    my $holder = $place->[0];
    my $kind = int rand 6;

    if ($kind == 0 && ref $holder eq 'HASH') { delete $holder->{ $place->[1] }; }
    elsif ($kind == 0) { splice @$holder, $place->[1], 1; }
    elsif ($kind == 1 && ref $holder eq 'HASH') { $holder->{ one(@keys) } = odd_value(); }
    elsif ($kind == 1) { push @$holder, chance(50) ? odd_value() : $holder->[0]; }
    elsif ($kind == 2) { set($place, dclone(one(@places)->[0])); }

    else { set($place, odd_value()); }
    return;
}

# A change of the bytes.
sub change_bytes
{
    my ($text) = @_;
    my $at = int rand length $text;
    my $kind = int rand 7;

    if ($kind == 0) { substr $text, $at, 1, chr int rand 256; }
    elsif ($kind == 1) { substr $text, $at, 1 + rand 20, ''; }
    elsif ($kind == 2) { $text = substr $text, 0, $at; }
    elsif ($kind == 3) { substr $text, $at, 0, one("\xff", "\x00", "\xc3", "\xed\xa0\x80", '\\u0000', '\\ud800', '[' x 5000, '"', ',', "\xef\xbb\xbf"); }
    elsif ($kind == 4) { my $value = $json->encode(one(undef, 1, 'x', [], {})); $text =~ s/("\w+":)/chance(6) ? "$1$value,$1" : $1/ge; }
    elsif ($kind == 5) { substr $text, $at, 0, substr $text, rand(length $text), 50; }
    else { $text =~ s/(?<=[0-9])/one('', '', '', '0', 'e5', '.5', 'e400')/ge; }
    return $text;
}

sub damaged
{
    my $pack = sample();

    change_value($pack) foreach 1 .. rand 3;
    my $text = $json->encode($pack);
    $text = change_bytes($text) if chance(35) && length $text;
    $text = one("\xef\xbb\xbf$text", '', ' ', 'null', '[]', '{}', '{"rules": []}', '[' x 100_000, '{"a":' x 50_000) if chance(2);
    return $text;
}

sub write_file
{
    my ($path, $text) = @_;

    open my $handle, '>', $path or die "$path: $!";
    binmode $handle;
    print $handle $text;
    close $handle or die "$path: $!";
    return;
}

my $session = $node->background_psql('postgres', on_error_die => 1);
$session->set_query_timer_restart;
my %count;
my $end = time() + $seconds;
my $failed = 0;

for (my $n = 1; $n <= 50 || (time() < $end && $failed < 10); $n++)
{
    my $text = damaged();
    my $path = "$folder/f.json";
    my $how = int rand 3;

    write_file($path, $text);
    # A file beside it, which is whole, and another pack.
    if ($how == 0)
    {
        write_file("$folder/g.json", $json->encode({ name => 'whole', description => 'd', version => '1',
            rules => [ map { +{ id => "whole-$_", description => "$n", root_cause => 'c', suggestion => 's',
                confidence => 0.5, pattern => "whole $_" } } 1 .. 2 ] }));
    }
    my $target = $how == 0 ? $folder : $path;
    my $inline = $how == 2 ? 'true' : 'false';
    my $answer = $session->query_safe("select outcome, '#' || problem from fuzz.attempt('$target', $inline)");
    my $problem;

    foreach my $line (split /\n(?=loaded|refused|\w{5} )/, $answer)
    {
        my ($outcome, $what) = $line =~ /^(.*?)(?:\|(#.*)?)?$/s;
        my ($state) = $outcome =~ /^(\w{5}) /;

        $outcome =~ /^(loaded|refused|\w{5})/;
        $count{$1}++;
        $problem = $what if defined $what && $what ne '';
        # What does not begin like JSON is taken for a path.
        next if $how == 2 && $outcome =~ /^\w{5} could not open file "/;
        $problem //= "an error that is none of the file's" if defined $state && $outcome !~ /^refused/ && $state !~ $expected;
        $problem //= 'the place is not named'
          if $outcome !~ /^loaded/ && $how != 2 && $outcome !~ /rule "|number \d|key "|file "/;
    }
    if ($how == 0)
    {
        unlink "$folder/g.json";
        $problem //= 'the file beside it was not loaded'
          if $session->query_safe("select count(*) from homeostasis.rules where pack = 'whole' and description = '$n'") ne '2';
    }
    next unless defined $problem;
    $failed++;
    fail("file $n of seed $seed: $problem");
    diag(substr $answer, 0, 1000);
    diag(substr $text, 0, 3000);
}
is($failed, 0, "files are loaded or refused as a whole, seed $seed");
(defined $ENV{FUZZ_SECONDS} ? \&diag : \&note)->(join ', ', map { "$_ $count{$_}" } sort keys %count);
cmp_ok($count{loaded} // 0, '>', 5, 'some were loaded');
cmp_ok($count{refused} // 0, '>', 5, 'some were refused');
$session->quit;
unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC/, 'no process of the server ended');

$node->stop;
done_testing();
