# RuleFuzz.pm: random rules, and errors that they may match
#
# A pattern is made together with a text that it is meant to match, so that most
# events come close to some rule; whether one matches, the tests ask PCRE2.  Some
# patterns are those of the packs, with a character changed.  All comes from
# Perl's rand(): the same seed gives the same rules.  Used by test/t/05*_fuzz.pl.
#
#   my $fuzz = RuleFuzz->new(42);
#   my ($rule, $sample) = $fuzz->rule('name');     # keys are columns of
#                                                  # homeostasis.rules
#   my $event = $fuzz->event($rule, $sample);      # as homeostasis.match() takes it

package RuleFuzz;

use strict;
use warnings;
use utf8;

use HomeostasisCluster;
use JSON::PP;
use PostgreSQL::Test::Utils;

# Words with letters that have other cases in other scripts, words that nearly all
# errors have, and some that are parts of others.
my @words = (
    qw(error key Key risk task kiosk user users lost invalid not ok s k ks a
      x 42 1 timeout 0x7f), 'Straße', 'STRASSE', "\x{212a}elvin", 'kelvin', "le\x{17f}s", 'less', 'naïve', 'NAÏVE',
    'Σίσυφος', 'σίσυφοσ', 'İstanbul', 'ıstanbul', '日本', "\x{1f600}", "e\x{301}", 'connection refused', 'could not',
    'no such file', 'Kioskbesitzer', 'misskicks');

# Most rules share few languages, so that many are to be told apart by their patterns.
my @languages = (('python') x 6, ('java') x 3, qw(kotlin javascript typescript c c++ sql fsharp csharp));
my @types = qw(KeyError Lost java.lang.Lost a::b::KeyError error unique_violation);
my @sqlstates = qw(23505 23503 42P01 40001 HO003);
my @services = qw(shop default other database/postgres);
my @frameworks = ('django', 'Django 4.2', 'rails/v7', 'celery', 'Rails 7', 'spring-boot 3', 'spring-boot');
my @platforms = ('linux', 'Linux 6.1', 'windows', 'linux@6.1');
my @names = qw(items orders);

sub new
{
    my ($class, $seed) = @_;

    srand $seed;
    return bless { known => known() }, $class;
}

# Patterns of the packs, each with a text that it matches.
sub known
{
    my @known;

    foreach my $file (sort glob checkout() . '/share/rules/*.json')
    {
        foreach my $rule (@{ decode_json(slurp_file($file))->{rules} })
        {
            foreach my $kind (grep { defined $rule->{$_} } qw(pattern text_pattern))
            {
                my @texts = grep { defined && !ref } map { $_->{message} // $_->{text} } @{ $rule->{examples} };

                push @known, [ $rule->{$kind}, @texts ] if @texts;
            }
        }
    }
    return \@known;
}

sub one { return $_[ rand @_ ]; }

# True in so many of a hundred cases.
sub chance { return rand(100) < $_[0]; }

sub quote { return join '', map { /[A-Za-z0-9_ ]|[^\x00-\x7f]/ ? $_ : "\\$_" } split //, $_[0]; }

# A word as it stands in a pattern, in one of the ways to write it.
sub literal
{
    my ($self, $word) = @_;

    return "\\Q$word\\E" if chance(4);
    return join '', map { sprintf '\\x{%x}', ord } split //, $word if chance(2);
    my $pattern = quote($word);
    $pattern =~ s/ /\\ /g if $self->{extended};
    return $pattern;
}

sub word
{
    my ($self) = @_;
    my $word = chance(80) ? one(@words) : join '', map { one('a' .. 'f', 0 .. 9) } 1 .. 1 + rand 6;

    return ($self->literal($word), $word);
}

sub class
{
    return @{ one(
        [ '[a-f]',      'c' ], [ '[^x]', 'k' ], [ '\d', '7' ], [ '\w', 'k' ], [ '\s', ' ' ], [ '\S', 'ß' ],
        [ '.',          's' ], [ '\p{L}', 'Σ' ], [ '[[:alpha:]]', 'z' ], [ '\X', "e\x{301}" ], [ '\R', "\n" ],
        [ '[\]k-]',     ']' ], [ '[]a]', ']' ], [ '\p{Lu}', 'K' ], [ '[^\W_]', 'S' ], [ '\h', ' ' ], [ '\N', '(' ],
        [ '[\Qa]\E]',  'a' ], [ '[\x{212a}k]', 'k' ], [ '\D', '-' ], [ '[(|)]', '|' ])};
}

# So many alternatives; the text is that of one of them.
sub alternatives
{
    my ($self, $depth, $n) = @_;
    my @all = map { [ chance(2) ? ('', '') : $self->sequence($depth) ] } 1 .. $n;

    return (join('|', map { $_->[0] } @all), one(@all)->[1]);
}

sub several
{
    return chance(93) ? 2 + int rand 4 : one(8, 30, 63, 64, 65, 70);
}

# A group of any kind.  Groups are numbered in the order of their parentheses.
sub group
{
    my ($self, $depth) = @_;
    my $kind = one(qw(capture named plain plain atomic flags reset));
    my $number;

    if ($kind eq 'capture' || $kind eq 'named')
    {
        $number = ++$self->{groups};
        $self->{texts}{$number} = undef;
    }
    my ($inner, $text) = $self->alternatives($depth - 1, chance(50) ? 1 : several());
    $self->{texts}{$number} = $text if defined $number;
    return ("($inner)", $text) if $kind eq 'capture';
    return ('(?' . one('<', 'P<') . "g$number>$inner)", $text) if $kind eq 'named';
    return ("(?>$inner)", $text) if $kind eq 'atomic';
    return ('(?' . one('i', 'i', 's', 'm', '-i', 'i-s') . ":$inner)", $text) if $kind eq 'flags';
    return ("(?:$inner)", $text);
}

# What consumes nothing, or goes back to what was there before.
sub oddity
{
    my ($self, $depth) = @_;
    my ($pattern, $text) = $self->word;
    my @known = grep { defined $self->{texts}{$_} } keys %{ $self->{texts} };
    @known = sort { $a <=> $b } @known;

    return ("(?=$pattern)$pattern", $text) if chance(12);
    return ("$pattern(?<=$pattern)", $text) if chance(12);
    return ('(?!' . quote(one(@words)) . "zz)", '') if chance(10);
    return ('(?<!' . quote(one(@words)) . 'z)', '') if chance(10);
    return (one('\b', '\B', '(?#comment)', '\K', '(?C7)', '^', '$', '\A', '\z', '\Z', '(?m)', '(?s)'), '') if chance(25);
    return ('(*' . one('PRUNE', 'SKIP', 'COMMIT', 'THEN', 'ACCEPT', 'MARK:k', 'SKIP:k') . ')', '') if chance(8);
    return ("(?:$pattern|(*FAIL))", $text) if chance(5);
    return ("(?(DEFINE)(?<d" . ++$self->{groups} . ">$pattern))", '') if chance(5);
    if (@known)
    {
        my $number = one(@known);

        return (one("\\g{$number}", "\\g{$number}", "(?i:\\g{$number})"), $self->{texts}{$number}) if chance(60);
        return ("(?$number)", $self->{texts}{$number}) if chance(40);
        return ("(?($number)$pattern|z)", $text);
    }
    return ($pattern, $text);
}

sub quantifier
{
    my ($pattern, $text) = @_;
    my $least = int rand 4;
    my $n = $least + int rand 2;
    my $repeat = one('?', '*', '+', "{$least}", "{$least,}", "{$least,5}");

    $n = one(0, 1) if $repeat eq '?';
    $n ||= 1 if $repeat eq '+';
    $n = $least if $repeat eq "{$least}";
    return ("(?:$pattern)$repeat" . one('', '', '?', '+'), $text x $n);
}

sub sequence
{
    my ($self, $depth) = @_;
    my ($pattern, $text) = ('', '');

    foreach (1 .. 1 + rand 3)
    {
        my @piece =
            $depth > 0 && chance(30) ? $self->group($depth)
          : chance(60) ? $self->word
          : chance(50) ? class()
          :              $self->oddity($depth);

        # Repeats of repeats could take for ever.
        @piece = quantifier(@piece) if length $piece[0] < 12 && $piece[0] !~ /[*+{]/ && chance(15);
        $pattern .= $piece[0];
        $text .= $piece[1];
        if (chance(25))
        {
            $pattern .= $self->{extended} ? '\ ' : ' ';
            $text .= ' ';
        }
    }
    return ($pattern, $text);
}

# A pattern of a pack, and a text that it may match.
sub known_pattern
{
    my ($self) = @_;
    my ($pattern, @texts) = @{ one(@{ $self->{known} }) };

    substr $pattern, rand(length $pattern), one(0, 1, 1), one('', 'k', 'S', '|', '(', ')', '?', '*', '+', '[', ']', '\\', '.', ' ', '^')
      if chance(60);
    $pattern = '(?i)' . $pattern if chance(15);
    return ($pattern, one(@texts));
}

# pattern(): a pattern, and a text that it may match
sub pattern
{
    my ($self) = @_;
    return $self->known_pattern if chance(15);
    my $flags = chance(35) ? '(?' . one('i', 'i', 'i', 's', 'm', 'x', 'xx', 'ix', 'im') . ')' : '';
    $flags = one('(*UTF)', '(*UCP)', '(*CRLF)', '(*ANYCRLF)', '(*NO_START_OPT)') . $flags if chance(3);

    local $self->{extended} = $flags =~ /x/;
    local $self->{groups} = 0;
    local $self->{texts} = {};
    my $n = chance(75) ? 1 : several();
    my ($pattern, $text) = $self->alternatives($n > 5 ? 0 : one(0, 0, 1, 2), $n);
    if (chance(20))
    {
        $pattern = chance(50) ? "^(?:$pattern)" : "(?:$pattern)\$";
    }
    $pattern = "\\G$pattern" if chance(1);
    $pattern =~ s/\\ / # (comment|\n\\ /  if $self->{extended} && chance(30);
    return ("$flags$pattern", $text);
}

# A text in other cases, those of other scripts among them.
sub recase
{
    my ($text) = @_;

    return join '', map {
            !chance(30) ? $_
          : /[kK]/ && chance(60) ? "\x{212a}"
          : /[sS]/ && chance(60) ? "\x{17f}"
          : chance(50) ? uc
          : lc
    } split //, $text;
}

# A text that is nearly the given one.
sub bend
{
    my ($self, $text) = @_;

    return $text if chance(45);
    $text = recase($text) if chance(40);
    substr $text, rand(length $text), 1, chance(50) ? '' : one(@words) if length $text && chance(25);
    $text = one(@words) . " $text" if chance(25);
    $text .= ' ' . one(@words) if chance(25);
    $text = ('y' x one(255, 256, 300, 700)) . "\n$text" if chance(3);
    $text .= "\n" if chance(5);
    return $text;
}

# rule(id): a rule, with samples of the texts that its patterns are for
sub rule
{
    my ($self, $id) = @_;
    my %rule = (
        id => $id, description => 'd', root_cause => "cause of $id", suggestion => 's',
        confidence => one(0.5, 0.5, 0.9, 1), priority => one(0, 0, 0, 1, -1));
    my %sample;

    $rule{language} = one(@languages) if chance(60);
    $rule{error_type} = one(@types) if chance(12);
    $rule{sqlstates} = [ map { chance(30) ? substr one(@sqlstates), 0, 2 : one(@sqlstates) } 1 .. 1 + rand 3 ] if chance(8);
    $rule{service} = one(@services) if chance(8);
    $rule{framework} = one(@frameworks) if chance(10);
    $rule{platform} = one(@platforms) if chance(6);
    $rule{table_name} = one(@names) if chance(3);
    $rule{constraint_name} = one(@names) if chance(2);
    my @kinds = grep { chance(5) } qw(detail_pattern context_pattern statement_pattern frame_pattern);
    unshift @kinds, chance(65) ? 'pattern' : 'text_pattern' if chance(97);
    push @kinds, 'text_pattern' if chance(5) && !grep { $_ eq 'text_pattern' } @kinds;
    foreach my $kind (@kinds)
    {
        ($rule{$kind}, $sample{$kind}) = $self->pattern;
        if ($kind eq 'text_pattern' && $rule{$kind} !~ /^(?:\(\*|\(\?[a-z]+\))/ && chance(40))
        {
            my $type = one(@types);

            $rule{$kind} = quote($type) . ": $rule{$kind}";
            $sample{$kind} = "$type: $sample{$kind}";
        }
        delete $rule{$kind} if $rule{$kind} eq '';
    }
    return (\%rule, \%sample);
}

sub environment
{
    my ($self, $rule) = @_;
    my %environment;

    foreach my $key (qw(framework platform))
    {
        my @all = $key eq 'framework' ? @frameworks : @platforms;
        my $name = defined $rule->{$key} && chance(85) ? $rule->{$key} : one(@all);

        next unless defined $rule->{$key} || chance(15);
        $name = one($name, uc $name, " $name ", "$name 9.1", "$name/v2") if chance(50);
        $environment{$key} = $name if chance(50);
        $environment{$key} = [ one(@all), $name, 7 ] if !exists $environment{$key} && chance(50);
        $environment{"${key}s"} = [ $name, one(@all) ] if !exists $environment{$key};
    }
    return %environment ? \%environment : undef;
}

# event(rule, sample): what the rule may match
sub event
{
    my ($self, $rule, $sample) = @_;
    my %base = (javascript => 'typescript', java => 'kotlin', c => 'c++', csharp => 'fsharp');
    my %event;
    my $pick = sub {
        my ($key, @all) = @_;

        return if !defined $rule->{$key} && chance(60);
        $event{$key} = defined $rule->{$key} && chance(92) ? $rule->{$key} : one(@all);
    };

    $pick->('language', @languages);
    $event{language} = $base{ $event{language} } // $event{language} if defined $event{language} && chance(20);
    $pick->('error_type', @types);
    $event{error_type} = one('java.lang.', 'a::', 'a\\b\\', 'x$') . $event{error_type} if defined $event{error_type} && chance(20);
    $pick->('service', @services);
    $pick->('table_name', @names);
    $pick->('constraint_name', @names);
    if ($rule->{sqlstates} || chance(15))
    {
        my $code = $rule->{sqlstates} && chance(90) ? one(@{ $rule->{sqlstates} }) : one(@sqlstates);

        $event{sqlstate} = length $code == 2 ? one("${code}000", "${code}505", "${code}P01") : $code;
    }
    my %field = (pattern => 'error_message', text_pattern => 'error_message', detail_pattern => 'detail',
        context_pattern => 'context', statement_pattern => 'statement', frame_pattern => 'stack_trace');
    foreach my $kind (sort keys %$sample)
    {
        my $field = $field{$kind};

        $event{$field} = $self->bend($sample->{$kind}) unless exists $event{$field} && chance(50);
    }
    $event{error_message} //= $self->bend(one(@words));
    # What is printed may be what the type and the message are together.
    if (defined $sample->{text_pattern} && $sample->{text_pattern} =~ /^(\S+): (.+)/s && chance(50))
    {
        @event{qw(error_type error_message)} = ($1, $2);
    }
    if (defined $event{stack_trace} && chance(50))
    {
        $event{stack_trace} = [ 'at one', $event{stack_trace}, 'at two' ];
    }
    my $environment = $self->environment($rule);
    $event{environment} = $environment if defined $environment;
    foreach my $key (grep { !ref $event{$_} } keys %event)
    {
        # An empty text is none, but for the message.
        delete $event{$key} if $event{$key} eq '' && $key ne 'error_message';
    }
    return \%event;
}

1;
