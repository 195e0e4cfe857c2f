# 022_copy.pl: a file of events that is copied as the manual says could be
# damaged on its way, be stored in part, or hold others up

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main');
my $file = $node->basedir . '/events.jsonl';

$node->safe_psql('postgres', 'create role copyist login; grant homeostasis_reporter to copyist');

# The command as it is in the manual, for this file.
my ($command) = slurp_file(checkout() . '/docs/intake.md') =~ /^(\\copy homeostasis\.intake .*)$/m;
$command =~ s/'events\.jsonl'/'$file'/ or die 'the manual has no such command';

sub write_file
{
    my (@lines) = @_;

    open my $handle, '>', $file or die "$file: $!\n";
    print $handle map { "$_\n" } @lines;
    close $handle;
    return;
}

sub copy
{
    my ($script) = @_;
    my ($stdout, $stderr) = ('', '');

    $node->psql('postgres', $script, stdout => \$stdout, stderr => \$stderr, on_error_stop => 0,
        extra_params => [ '-U', 'copyist' ]);
    $stderr =~ s/^psql:[^:]*:\d+: //mg;
    return $stdout . $stderr;
}

sub messages
{
    my ($service) = @_;

    return $node->safe_psql('postgres', qq{
        select string_agg(message, '|' order by message) from homeostasis.errors e
        join homeostasis.services s on s.id = e.service_id where s.name = '$service'});
}

# Whatever JSON holds --------------------------------------------------------

write_file(
    '{"service": "file", "error_message": "a \"b\" \\\\ c\td\ne, \'f\'; \u00e9 $1 %s \\\\."}',
    qq({"service": "file", "error_message": "caf\xc3\xa9"}), '',
    '{"service": "file", "error_message": "cut', '\.x', '{"service": "file", "error_message": "last"}');
like(copy("$command\n"), qr/NOTICE:  2 of \d events were refused\nHINT:  homeostasis\.rejected_events says why/,
    'who copies hears of what was refused');
is(messages('file'), qq(a "b" \\ c\td\ne, 'f'; \xc3\xa9 \$1 %s \\.|caf\xc3\xa9|last), 'the others are as they were written');
is($node->safe_psql('postgres', 'select string_agg(event, e\'\n\' order by id) from homeostasis.rejected_events'),
    qq({"service": "file", "error_message": "cut\n\\.x), 'and so is what was refused');

# All or nothing -------------------------------------------------------------

write_file(map { qq({"service": "undone", "error_message": "x", "error_id": "$_"}) } 1 .. 3000);
copy("begin;\n$command\nrollback;\n");
is(messages('undone'), '', 'what is rolled back is not stored');
my $stderr = copy("$command\n");
is($stderr, '', 'it can be repeated');
is($node->safe_psql('postgres', q{select sum(error_count) from homeostasis.issues where title = 'x'}), '3000',
    'then each is stored, at once');
copy("$command\n");
is($node->safe_psql('postgres', q{
    select concat_ws(' ', count(*), count(distinct event_id)) from homeostasis.errors where message = 'x'}), '3000 3000',
    'even after it was done, because the events have ids');

write_file(qq({"service": "bytes", "error_message": "good"}), qq({"service": "bytes", "error_message": "\xff"}));
like(copy("$command\n"), qr/ERROR:  invalid byte sequence/, 'the server refuses bytes that are no characters');
is(messages('bytes'), '', 'and then nothing is stored');

# 300 MB of blank rows, of which nothing may stay.
my ($before, $after) = split /\n/, $node->safe_psql('postgres', q{
    create function peak() returns int language sql as $$
      select (regexp_match(pg_read_file('/proc/' || pg_backend_pid() || '/status'), 'VmHWM:\s+(\d+)'))[1]::int $$;
    insert into homeostasis.intake select repeat(' ', 1000) from generate_series(1, 1000);
    select peak();
    insert into homeostasis.intake select repeat(' ', 1000) from generate_series(1, 300000);
    select peak()});
cmp_ok($after - $before, '<', 64 * 1024, 'rows leave nothing in memory (kB)');

# Beside others --------------------------------------------------------------

# One copies and does not commit; errors of the same issue are not lost.
my $holder = $node->background_psql('postgres');
$holder->query_safe(q{begin; insert into homeostasis.intake values ('{"service": "beside", "error_message": "y"}')});
$node->safe_psql('postgres', q{select homeostasis.report('{"service": "beside", "error_message": "y"}'::jsonb)});
$node->psql('postgres', q{select 'beside'::int});
poll_until($node, q{select count(*) from homeostasis.errors where message ~ '"beside"'}, '1',
    'a COPY that stays open does not hold up what does not concern it');
$holder->query_safe('commit');
$holder->quit;
poll_until($node, q{select error_count from homeostasis.issues where title = 'y'}, '2', 'nor lose what does');

$node->stop;
done_testing();
