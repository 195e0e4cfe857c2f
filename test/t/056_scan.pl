# 056_scan.pl: a rule could be missed when Vectorscan looks for the literals of its pattern

use strict;
use warnings;

use HomeostasisCluster;
use Test::More;

my $node = new_cluster('scan');

sub value { return $node->safe_psql('postgres', $_[0]); }

# 20 rules of each kind, so that they are many with the same condition.
my %pattern = (
    plain       => [ '^plain {i}: \d+$',                         'plain {i}: 42' ],
    lookaround  => [ '(?<=after )looked{i}(?! before)',          'after looked{i}' ],
    back        => [ '^([a-z]+)-{i} again \g{1}-{i}$',         'twice-{i} again twice-{i}' ],
    recursion   => [ '^r{i}(\((?:[^()]|(?1))*\))$',              'r{i}((a)(b(c)))' ],
    conditional => [ '^(<)?c{i}(?(1)>)$',                        '<c{i}>' ],
    nothing     => [ '^[x-z](?:{i})?$',                          'x{i}' ],
    ignoring    => [ '(?i)^ÄHNLICH{i} und STRASSE$',             'ähnlich{i} und straße' =~ s/ß/ss/r ],
    ascii       => [ '(?i)^ignored{i} by all$',                   'IGNORED{i} By All' ],
    kelvin      => [ '(?i)^unmark{i} it$',                        "unmar\xe2\x84\xaa{i} it" ],
    longs       => [ '(?i)^the strongest{i} wins$',               "the stronge\xc5\xbft{i} wins" ],
    unicode     => [ '^\p{Greek}+ {i}$',                         'αβγ {i}' ],
    newline     => [ '^first{i}$(?s).*last',                     'first{i}' ],
    dot         => [ '^dot{i}.end$',                             'dot{i}üend' ],
    far         => [ "type{i} '([^']*)'\\. The '([^']+)' while '([^']+)'", "type{i} 'A'. The '" . 'b' x 100 . "' while 'A'" ],
    either      => [ '^(?:left{i}|right{i})$',                   'right{i}' ],
    long        => [ '^long{i}[a-f]{1,900}(?:x{1,40}y){1,30}$',  'long{i}abcxxxy' ]);
$pattern{newline}[0] = '(?m)^first{i}$';
$pattern{newline}[1] = 'zeroth' . "\n" . 'first{i}';

value(q{insert into homeostasis.rule_packs (name, description, version) values ('test', 'd', '1')});
foreach my $name (sort keys %pattern)
{
    foreach my $i (1 .. 20)
    {
        my ($pattern, $example) = map { s/\{i\}/$i/gr } @{ $pattern{$name} };

        value(qq{insert into homeostasis.rules (id, pack, description, root_cause, suggestion, confidence, error_type,
                pattern, examples)
            values ('scan-$name-$i', 'test', 'd', 'c', 's', 1, 'Scan$name', \$p\$$pattern\$p\$,
                jsonb_build_array(jsonb_build_object('message', \$m\$$example\$m\$)))});
    }
}
is(value(q{select * from homeostasis.lint_rules() where rule_id like 'scan%' order by 1 limit 3}), '',
    'each rule wins its example before patterns are compiled');
is(value(q{select count(*) from homeostasis.load_packs() where loaded = 0}), '0', 'all packs are loaded');
like(value(q{select homeostasis.rules_ready('10 minutes')}), qr/^\d+$/, 'and compiled');
cmp_ok(value('select scanned_patterns from homeostasis.stat_ruleset'), '>', 1000, 'most patterns are scanned for');
is(value('select problem from homeostasis.stat_ruleset'), '', 'nothing went wrong');
is(value(q{select * from homeostasis.lint_rules() order by 1 limit 3}), '', 'and each rule wins its examples then');

$node->stop;
done_testing();
