# 053_load_rules.pl: rules in files of the server could be read by those who may
# not, or loaded in part; and a whole collection of another project, if there is
# one in HOMEOSTASIS_RULE_COLLECTION, could lose rules on its way or matches in
# the scan.

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('load_rules');
my $samples = checkout() . '/test/data/rules';

sub load_report
{
    my ($path, @name) = @_;
    my $arguments = join ', ', map { "'$_'" } $path, @name;

    return $node->safe_psql('postgres', qq{
        select concat_ws(' ', action, rule_id, pack, reason) from homeostasis.load_rules($arguments)
        order by pack collate "C", rule_id collate "C"});
}

is(load_report("$samples/python/shop_errors.json"), <<'ROWS' =~ s/\n\z//r, 'a file becomes a pack with its folder\'s name and its own');
inserted shop_basket_gone python/shop_errors
inserted shop_basket_gone.2 python/shop_errors
inserted shop_price python/shop_errors
ROWS
is( $node->safe_psql('postgres', q{
        select rule_id, captures ->> 'who' from homeostasis.match(
          '{"language": "python", "error_type": "BasketGone", "error_message": "basket 17 of anna has expired"}')}),
    'shop_basket_gone|anna', 'its rules match what is printed');
is(load_report($samples) =~ s/\Q$samples\E/FOLDER/gr, <<'ROWS' =~ s/\n\z//r, 'a folder is loaded with all that is in it, each file or none of it');
refused broken/cut_off file "FOLDER/broken/cut_off.json": invalid input syntax for type json. The input string ended unexpectedly. Give a file with JSON in UTF-8.
refused broken severity broken/three_of_four rule "broken severity": key "id" is not an identifier. Use at most 128 letters, digits, and the characters _ . : -
refused broken_confidence broken/three_of_four rule "broken_confidence": key "confidence" must be of type number, not string. Leave the key out where it does not apply.
refused broken_good broken/three_of_four nothing of the pack was loaded, because 3 of its rules cannot be: mend those
refused broken_pattern broken/three_of_four rule "broken_pattern" has an invalid text_pattern: missing closing parenthesis at offset 5. Patterns are regular expressions of PCRE2; the offset counts characters.
unchanged shop_basket_gone python/shop_errors
unchanged shop_basket_gone.2 python/shop_errors
unchanged shop_price python/shop_errors
inserted shared_missing_key shared/missing_keys
inserted shared_missing_key:java shared/missing_keys
inserted shared_missing_key:python shared/missing_keys
inserted shared_missing_keys:shop_price shared/missing_keys
ROWS
is(load_report("$samples/shared", 'mine') =~ s/ .*//gr, join("\n", ('inserted') x 4), 'under another name they are others');
is($node->safe_psql('postgres', q{select string_agg(name, ' ' order by name collate "C") from homeostasis.rule_packs where name <> 'postgresql'}),
    'mine/shared/missing_keys python/shop_errors shared/missing_keys', 'which is put before those of folder and file');
is(load_report("$samples/shared/missing_keys.json", 'mine/shared/missing_keys') =~ s/ .*//gr, join("\n", ('unchanged') x 4),
    'and is that of a single file');

# Files that are deeper than the server's stack, and that begin with a byte order mark.
my $written = $node->basedir . '/rules';
my $rule = '{"id": "marked", "description": "d", "root_cause": "c", "suggestion": "s", "confidence": 1, "pattern": "marked"}';
my $marked = qq(\xef\xbb\xbf{"name": "marked", "description": "d", "version": "1", "rules": [$rule]});
mkdir $written or die "mkdir $written: $!";
append_to_file("$written/deep.json", '[' x 100_000);
append_to_file("$written/marked.json", $marked);
is(load_report($written) =~ s/\Q$written\E/FOLDER/gr =~ s/(exceeded\.).*/$1/r, <<'ROWS' =~ s/\n\z//r, 'what is too deep is refused, and the file beside it is loaded in spite of its mark');
inserted marked marked
refused rules/deep file "FOLDER/deep.json": stack depth limit exceeded.
ROWS
is($node->safe_psql('postgres', "select action from homeostasis.load_rules(\$\$$marked\$\$)"), 'unchanged',
    'as it is where the text is given');

# Who may read files.
$node->safe_psql('postgres', q{
    create role rule_admin in role homeostasis_admin;
    create role file_admin in role homeostasis_admin, pg_read_server_files});
my ($status, $out, $error) = $node->psql('postgres', "set role rule_admin; select homeostasis.load_rules('$samples')");
like($error, qr/permission denied to load rules from a file/, 'an administrator may not read the server\'s files');
is($node->safe_psql('postgres', "set role file_admin; select count(*) from homeostasis.load_rules('$samples/python')"), '3',
    'who has the privileges of pg_read_server_files may');
($status, $out, $error) = $node->psql('postgres', "select homeostasis.load_rules('$samples/none.json')");
like($error, qr/could not open file .*none\.json.*Give the path of a file or a folder/s, 'a file that is not there is said to be none');

# So many that a scan looks for the text that is printed, and one for messages.
$node->safe_psql('postgres', q{
    insert into homeostasis.rules (id, pack, description, root_cause, suggestion, confidence, text_pattern, pattern)
      select 'many' || n, 'python/shop_errors', 'd', 'c', 's', 1, format('Many%s: (?<what>\\w+)', n),
        case when n > 1500 then format('Lost %s$', n) end
      from generate_series(1, 3000) n;
    select homeostasis.rules_ready('5 minutes')});
is($node->safe_psql('postgres', 'select scanned_patterns >= 3000, problem from homeostasis.stat_ruleset'), 't|',
    'thousands of rules that have a printed text, or a message, are scanned for');
is( $node->safe_psql('postgres', q{
        select count(*) from generate_series(1, 3000, 29) n,
          homeostasis.match(jsonb_build_object('error_type', 'Many' || n, 'error_message', 'Lost ' || n)) m
        where m.rule_id = 'many' || n}),
    '104', 'and found by either');
is( $node->safe_psql('postgres', q{
        select max(n) from (select count(*) as n from homeostasis.explain_match('{"error_type": "Many7", "error_message": "Lost 7"}')
          union all select count(*) from homeostasis.explain_match('{"error_type": "Many2007", "error_message": "Lost 2007"}')) n}),
    '1', 'no other is tried');
$node->safe_psql('postgres', q{delete from homeostasis.rules where id like 'many%'});

# The collection of another project, as it stands.
SKIP:
{
    my $collection = $ENV{HOMEOSTASIS_RULE_COLLECTION} // '';
    -d $collection
      or skip 'no collection of rules in HOMEOSTASIS_RULE_COLLECTION', 8;

    $node->safe_psql('postgres', q{delete from homeostasis.rule_packs where name <> 'postgresql'});
    is($node->safe_psql('postgres', "select action, count(*) from homeostasis.load_rules('$collection') group by 1"),
        'inserted|4852', 'all of the collection is loaded: 4,833 rules, and 19 more for languages');
    is($node->safe_psql('postgres', "select action, count(*) from homeostasis.load_rules('$collection') group by 1"),
        'unchanged|4852', 'and once only');
    is( $node->safe_psql('postgres', q{
            select count(*) from homeostasis.rules r, jsonb_array_elements(r.examples) e where e ? 'text'}),
        '4793', 'with its examples');
    is( $node->safe_psql('postgres', q{
            select homeostasis.rules_ready('5 minutes') is null;
            select scanned_patterns > 3000, problem from homeostasis.stat_ruleset}),
        "f\nt|", 'and scanned for');
    $node->safe_psql('postgres', 'create table lint as select * from homeostasis.lint_rules()');
    is( $node->safe_psql('postgres', q{
            select count(*) from lint l
            join homeostasis.rules r on r.id = l.rule_id
            where l.problem = 'does not match its own example'
              and r.examples -> (substring(l.detail from '^example (\d+)')::integer - 1) ? 'text'}),
        '1263', 'of which the linter finds all that their rules do not match');
    is($node->safe_psql('postgres', q{select count(*) from lint where detail ~ 'Vectorscan'}),
        '0', 'and of those that they do match the scan misses none');
    is( $node->safe_psql('postgres', q{
            select count(*) from homeostasis.rules r
            cross join lateral (select homeostasis.example_event(r, e) as event from jsonb_array_elements(r.examples) e) e
            where r.pack ~ '/' and e.event is not null and homeostasis.pattern_matches(r.text_pattern, e.event ->> 'error_message')
              and not exists (select from homeostasis.match(e.event))}),
        '0', 'every example that matches gets a diagnosis');
    is( $node->safe_psql('postgres', q{
            select count(*) from (
              select e.event from homeostasis.rules r
              cross join lateral (select homeostasis.example_event(r, e) as event from jsonb_array_elements(r.examples) e) e
              where r.pack ~ '/' and hashtext(r.id) % 50 = 0) e
            cross join lateral homeostasis.explain_match(e.event, true) m
            where m.outcome = 'missed'}),
        '0', 'whatever rule it is');
}

$node->stop;
done_testing();
