# 120_secrets.pl: a secret in a statement that fails, or in what a service
# reports, is nowhere afterwards: in no table, no activity, no line of the log
# that the workers wrote.

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;

# The server's own log would show every failed statement as it is written;
# here it shows what the workers write.
my $node = new_cluster(
    'secrets',
    'homeostasis.mode'        => 'auto',
    'log_min_error_statement' => 'panic',
    'log_error_verbosity'     => 'terse',
    'log_line_prefix'         => '%b: ');
my $secret = 0;
my @secrets;

# canary(): a word that is nowhere else
sub canary
{
    push @secrets, sprintf('Canary%dSecret', ++$secret);
    return $secrets[-1];
}

# The rest of each statement fails after the secret was read.
my @statements = (
    [ 'alter role', 'alter role nobody_here password %1$s' ],
    [ 'create role', 'create role postgres login encrypted password %1$s' ],
    [ 'user mapping',
        'create user mapping for current_user server none options (user %2$s, password %1$s)' ],
    [ 'subscription',
        'create subscription none connection $$host=none.invalid user=x password=%3$s$$ publication p' ],
    [ 'uri', q{select 1/0, 'postgresql://app:%3$s@db.example/shop'} ],
    [ 'bearer', q{select 1/0, 'Authorization: Bearer %3$sabcdefghijklmnop.0123'} ],
    [ 'key', q{select 1/0, 'api_key=%3$s0123456789abcdef'} ],
    [ 'do block', 'do $d$ begin execute $e$alter role nobody_here password %1$s$e$; end $d$' ],
    [ 'error text', 'do $d$ begin raise exception $m$cannot log in with password=%3$s$m$; end $d$' ]);

foreach my $statement (@statements)
{
    my ($what, $sql) = @$statement;
    my $word = canary();

    no warnings 'redundant';
    $sql = sprintf $sql, "'$word'", q{'app'}, $word;
    # What became of the same texts before is remembered.
    isnt($node->psql('postgres', $sql), 0, "it fails: $what") foreach 1, 2;
}

# The card's digits, as they are typed.
push @secrets, '4111111111111111', '4111 1111 1111 1111', '4111-1111-1111-1111';
$node->psql('postgres', "select 1/0, '$_'")
  foreach '4111111111111111', '4111 1111 1111 1111', '4111-1111-1111-1111';

# Reported: in the message, the stack, and the JSON around it.
my @words = map { canary() } 1 .. 5;
$node->safe_psql('postgres', qq{
    select homeostasis.report(jsonb_build_object('language', 'python',
      'service', 'shop', 'error_type', 'X',
      'error_message', 'login failed: password=$words[0]',
      'stack_trace', jsonb_build_array('Traceback (most recent call last):',
        '  File "a.py", line 1, in f', 'X: postgresql://u:$words[1]\@h/d'),
      'environment', '{"DB_PASSWORD": "$words[2]", "a": {"token": "$words[3]"}}'::jsonb,
      'metadata', '{"header": "Authorization: Bearer $words[4]abcdefghijk"}'::jsonb));
    select homeostasis.report_batch('[{"language": "sql", "password": "x",
      "error_message": "password=@{[ canary() ]}"}]');
});

my $expected = 2 * @statements + 3 + 1;
wait_for_value($node, 'select count(*) from homeostasis.errors', $expected);
wait_for_value($node, 'select count(*) from homeostasis.rejected_events', 1);
wait_for_value($node, q{
    select count(*) from homeostasis.jobs where status in ('pending', 'running')},
    0);

my $rows = $node->safe_psql('postgres', q{
    select string_agg(format('select %L, t::text from homeostasis.%I t',
      c.relname, c.relname), ' union all ')
    from pg_class c
    where c.relnamespace = 'homeostasis'::regnamespace and c.relkind in ('r', 'p', 'v')
      and not c.relispartition});
# What waits on disk, packed: of a word that is nowhere else no part is left out.
# Of what was reported it is there until the segment ends, and at a shutdown it
# takes what was captured as well.
sub journal
{
    return join '', map { slurp_file($_) } glob($node->data_dir . '/homeostasis/journal/*');
}

my $journal = journal();
like($journal, qr/login failed: password=/, 'what was reported is in the journal');
my %place = (
    'the journal'                => $journal,
    'the tables and views'       => $node->safe_psql('postgres', $rows),
    'the bytes of waiting events' => $node->safe_psql('postgres',
        q{select encode(record, 'escape') from homeostasis.deferred_events}),
    'pg_stat_activity' => $node->safe_psql('postgres',
        q{select * from pg_stat_activity where backend_type like 'homeostasis %'}),
    'the workers\' log' => join "\n",
    grep { /^homeostasis / } split /\n/, slurp_file($node->logfile));

like($place{'the tables and views'}, qr/alter role nobody_here/,
    'the statements are there');
foreach my $where (sort keys %place)
{
    my @found = grep { index($place{$where}, $_) >= 0 } @secrets;

    is("@found", '', "no secret is in $where");
    foreach my $word (@found)
    {
        my $at = index($place{$where}, $word);
        diag(substr($place{$where}, $at > 200 ? $at - 200 : 0, 300));
    }
}

set_conf($node, 'homeostasis.workers' => 'off');
$node->reload;
wait_for_value($node, q{select count(*) from pg_stat_activity where backend_type = 'homeostasis ingest'}, 0);
my $word = canary();
$node->psql('postgres', "alter role nobody_at_all password '$word'");
$node->stop('fast');
$journal = journal();
like($journal, qr/nobody_at_all/, 'a captured error is in the journal after a shutdown');
is(index($journal, $word), -1, 'without its secret');
done_testing();
