# 057_log_templates.pl: lines of logs that are reported without a type are one
# issue if the same statement of a program wrote them, whatever process stores
# them, after a restart and a crash, and with what was rolled back.

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('log_templates', 'homeostasis.mode' => 'observe');

# A query that gives lines of a service to report() or ingest().
sub lines
{
    my ($function, $service, $line, @words) = @_;
    my $list = join ',', @words;

    return "select count(*) from unnest('{$list}'::text[]) w"
      . " cross join lateral homeostasis.$function(jsonb_build_object("
      . "'service', '$service', 'error_message', format('$line', w)))";
}

sub report
{
    $node->safe_psql('postgres', lines('report', @_));
    wait_for_value($node, intake_waiting(), '0');
    return;
}

# What there is of a service: issues with their counts, and templates.
sub issues
{
    my ($service) = @_;

    return "
        select string_agg(i.error_count::text, ' ' order by i.error_count)
        from homeostasis.issues i join homeostasis.services s on s.id = i.service_id
        where s.name = '$service'";
}

sub templates
{
    my ($service) = @_;

    return $node->safe_psql('postgres', "
        select string_agg(template, '; ' order by template)
        from homeostasis.log_templates t join homeostasis.services s on s.id = t.service_id
        where s.name = '$service'");
}

sub stat_of
{
    my ($column) = @_;

    return $node->safe_psql('postgres', "select $column from homeostasis.stat_log_templates");
}

my $login = 'login of user %s failed';

# Words that turn out to be values, in batches of their own.
report('shop', $login, 'anna');
report('shop', $login, 'bert');
report('shop', 'cannot open %s', '/etc/motd', '/etc/fstab');
is($node->safe_psql('postgres', issues('shop')), '1 1 2', 'another word is another issue at first');
report('shop', $login, 'clara');
report('shop', $login, 'dmitri');
poll_until($node, issues('shop'), '2 4', 'four words are values: their issues are merged');
is(templates('shop'), 'cannot open <path>; login of user <*> failed', 'and so are their templates');
is( $node->safe_psql('postgres', q{
        select sum(c.error_count) from homeostasis.issue_counts c
        join homeostasis.issues i on i.id = c.issue_id where i.error_count = 4}),
    '4', 'their counts by minute, too');
is($node->safe_psql('postgres', 'select count(*) from homeostasis.log_merges'),
    '0', 'nothing is left to be merged');
report('shop', $login, 'emil', 'friedrich', 'emil');
is($node->safe_psql('postgres', issues('shop')), '2 7', 'any word is one of it now');

# All in one batch.
$node->safe_psql('postgres', "
    select count(*) from homeostasis.ingest((select jsonb_agg(jsonb_build_object(
        'service', 'batch', 'error_message', 'job ' || w || ' has ended early'))
        from unnest('{north,south,east,west}'::text[]) w))");
is($node->safe_psql('postgres', issues('batch')), '4',
    'lines of one batch are told what the last of them has shown');
is( $node->safe_psql('postgres', q{
        select count(*) from homeostasis.audit_log a join homeostasis.services s on s.id = a.service_id
        where s.name = 'batch' and a.action = 'merged'}), '0', 'so nothing has to be merged');

# Whose lines they are, and what else they are.
report('other', $login, 'anna');
is(templates('other'), 'login of user anna failed', 'another service has its own templates');
$node->safe_psql('postgres', q{
    select homeostasis.report(jsonb_build_object('service', 'shop',
        'error_type', 'LoginError', 'error_message', 'login of user zoe failed'))});
$node->safe_psql('postgres', q{
    select homeostasis.report(jsonb_build_object('service', 'shop',
        'error_message', e'login of user zoe failed\nand so did all others'))});
poll_until($node, issues('shop'), '1 1 2 7',
    'what has a type, or more lines, is not grouped by templates');
report('secret', 'login with password=%s failed', 'hunter2');
unlike(templates('secret') . $node->safe_psql('postgres', 'select title from homeostasis.issues'),
    qr/hunter2/, 'a template has no secret');

# What is rolled back is no template in the table, until somebody stores.
my $before = templates('shop');
$node->safe_psql('postgres', 'begin; '
      . lines('ingest', 'shop', 'disk %s is full', 'sda') . '; rollback');
is(templates('shop'), $before, 'a template of a transaction that is rolled back');
isnt(stat_of('unsaved'), '0', 'is known to be unsaved');
$node->safe_psql('postgres', 'begin; savepoint a; '
      . lines('ingest', 'shop', 'fan %s is slow', 'one') . '; rollback to a; commit');
is(templates('shop'), $before, 'and so is one of a part of a transaction');
report('shop', 'cannot open %s', '/etc/hosts');
is(templates('shop'),
    'cannot open <path>; disk sda is full; fan one is slow; login of user <*> failed',
    'both are saved with the next line');
is(stat_of('unsaved'), '0', 'then nothing is unsaved');

# While somebody holds what merging needs, and stores all the same.
my $session = $node->background_psql('postgres');
$session->query_safe('begin; lock table homeostasis.issue_fingerprints in row exclusive mode');
report('late', $login, 'anna');
report('late', $login, 'bert', 'clara');
report('late', $login, 'dmitri');
wait_for_value($node, 'select count(*) > 0 from homeostasis.advance_failures', 't');
like($node->safe_psql('postgres', issues('late')), qr/^1 1 2$/, 'what cannot be merged yet');
report('late', $login, 'emil');
like($node->safe_psql('postgres', issues('late')), qr/^1 1 3$/, 'keeps nobody from storing');
$session->query_safe('commit');
$session->quit;
poll_until($node, issues('late'), '5', 'and is merged later');

# A restart, and a crash.
my $known = templates('shop');
$node->restart;
report('shop', $login, 'gustav');
is($node->safe_psql('postgres', issues('shop')), '1 1 3 8',
    'after a restart a line has its template');
is(stat_of('learned'), '0', 'which was not learned again');
is(templates('shop'), $known, 'all are as they were');
kill_worker($node, 'homeostasis ingest', 'KILL');
wait_for_value($node, 'select 1', '1');
report('shop', $login, 'herta');
is(stat_of('learned'), '0', 'nor after a crash');
is($node->safe_psql('postgres', issues('shop')), '1 1 3 9', 'and is counted for its issue');

# Logs of programs, shared out to two workers; each line says which it is.
$node->append_conf('postgresql.conf', 'homeostasis.ingest_workers = 2');
$node->restart;
my $logs = checkout() . '/test/data/logs';
my @programs = map { m{([^/]+)[.]csv$} } glob "$logs/*.csv";
cmp_ok(scalar @programs, '>=', 10, 'there are logs of many programs');
foreach my $program (@programs)
{
    $node->safe_psql('postgres', "
        create temporary table lines (n integer generated always as identity, message text, template text);
        \\copy lines (message, template) from '$logs/$program.csv' (format csv, header)
        select count(homeostasis.report(jsonb_build_object('service', '$program',
            'error_message', message, 'metadata', jsonb_build_object('template', template))))
        from lines");
}
wait_for_value($node, intake_waiting(), '0', 180);
wait_for_value($node, 'select count(*) from homeostasis.log_merges', '0', 180);

# A line is grouped rightly if its issue has all lines of its template, and no
# others.
my $accuracy = $node->safe_psql('postgres', q{
    with grouped as (
        select s.name as program, f.issue_id, e.metadata ->> 'template' as template
        from homeostasis.errors e
        join homeostasis.services s on s.id = e.service_id
        join homeostasis.issue_fingerprints f
          on f.service_id = e.service_id and f.fingerprint = e.fingerprint
        where e.metadata ? 'template'
    ), counted as (
        select program, issue_id, template, count(*) as n,
               sum(count(*)) over (partition by program, issue_id) as of_issue,
               sum(count(*)) over (partition by program, template) as of_template
        from grouped group by 1, 2, 3
    )
    select program || ' ' || round(coalesce(sum(n) filter (where n = of_issue and n = of_template), 0)
                                   / sum(n), 3)
    from counted group by program order by program});
note $accuracy;
my @parts = map { (split ' ')[1] } split /\n/, $accuracy;
my $sum = 0;
$sum += $_ foreach @parts;
is(scalar @parts, scalar @programs, 'all programs have issues');
cmp_ok($sum / @parts, '>=', 0.95, 'the mean part of lines that are grouped rightly');
is( $node->safe_psql('postgres', q{
        select count(*) from homeostasis.errors e where e.metadata ? 'template'
    }), $node->safe_psql('postgres', q{
        select sum(i.error_count) from homeostasis.issues i
        join homeostasis.services s on s.id = i.service_id
        where exists (select from homeostasis.errors e
                      where e.service_id = s.id and e.metadata ? 'template')
    }), 'each line is counted once');

# Room for a few, and for none.
$node->append_conf('postgresql.conf', 'homeostasis.log_templates = 3');
$node->restart;
report('small', 'this is line %s', 'one');
is($node->safe_psql('postgres', 'select templates from homeostasis.stat_log_templates'),
    '3', 'the ones used least make room');
report('small', 'that was %s of a kind, though not many', 'two');
report('small', 'no %s', 'three', 'four');
cmp_ok(stat_of('forgotten'), '>', 0, 'what made room is counted');
report('small', 'the %s end', 'very');
poll_until($node, 'select count(*) from homeostasis.log_templates', '3', 'and is deleted');
$node->append_conf('postgresql.conf', 'homeostasis.log_templates = 0');
$node->restart;
report('none', $login, 'anna', 'bert', 'clara', 'dmitri');
is($node->safe_psql('postgres', issues('none')), '1 1 1 1', 'without templates words alone decide');
is(stat_of('capacity'), '0', 'there is room for none');

$node->stop;
done_testing();
