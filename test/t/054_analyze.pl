# 054_analyze.pl: an analysis could hold up who stores errors, be lost or done
# twice when its workers or the server end, take the places of those who heal,
# or touch what it should not

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('analyze', 'homeostasis.mode' => 'suggest', 'max_worker_processes' => 12);
my $running = q{(select max(run) from homeostasis.progress_analysis)};
my $analysts = q{select count(*) from pg_stat_activity where backend_type = 'homeostasis analyst'};

sub sql { return $node->safe_psql('postgres', shift) }

# A column of the progress of the latest run.
sub progress
{
    my ($column) = @_;

    return sql("select $column from homeostasis.progress_analysis where run = $running");
}

# Rules that know what happened to one kind of thing each.
sub rule
{
    my ($kind) = @_;

    sql(qq{
        insert into homeostasis.rules (id, pack, description, root_cause, suggestion, confidence, pattern)
          values ('p.$kind', 'p', 'd', 'c', 's', 0.9, '^the $kind \\w+ is broken\$')});
    return;
}

# Shares of 150 issues, which take two steps.
sql(q{
    create or replace function homeostasis.analysis_share_size() returns integer
      language sql immutable set search_path = pg_catalog, pg_temp return 150;
    insert into homeostasis.rule_packs (name, description, version) values ('p', 'd', '1');
    create function word(n integer) returns text language sql as $$
      select translate(n::text, '0123456789', 'abcdefghij') $$;
    select homeostasis.ingest((select jsonb_agg(jsonb_build_object('service', 'shop', 'language', l.name, 'error_type', 'Broken',
        'error_message', format('the %s %s is broken', l.kind, word(n)), 'stack_trace', jsonb_build_array(word(n) || ' in ' || l.kind)))
      from (values ('python', 'cup'), ('go', 'plate'), ('java', 'fork')) l (name, kind), generate_series(1, 400) n))});
is(sql('select count(*) from homeostasis.issues'), '1200', 'there are issues');

# --------------------------------------------------------------------------
# A pack that is loaded later changes the issues that it should, under load
# --------------------------------------------------------------------------

my ($out, $err) = ('', '');
my $load = IPC::Run::start([
    'psql', '-XqAt', '-d', $node->connstr('postgres'), '-v', 'ON_ERROR_STOP=1' ],
    '<', \join('', map { qq{
        select homeostasis.ingest((select jsonb_agg(jsonb_build_object('service', 'shop', 'language', 'python',
          'error_type', 'Broken', 'error_message', format('the cup %s is broken', word(n)), 'stack_trace',
          jsonb_build_array(word(n) || ' in cup'))) from generate_series(1, 400) n)) is null;
        select count(homeostasis.report('{"service": "shop", "error_message": "more"}')) from generate_series(1, 100);
      } } 1 .. 20), '>', \$out, '2>', \$err);

rule('cup');
sql('select homeostasis.analyze()');
poll_until($node, "select phase from homeostasis.progress_analysis where run = $running", 'done',
    'an analysis is done by workers');
$load->finish;
is($err, '', 'while errors are stored');
is(progress(q{format('%s %s %s %s %s', issues_total >= 1200, changed, unexplained >= 800, skipped, failed)}), 't 400 t 0 0',
    'it changes what the new rule knows');
is(sql(q{select count(*), count(distinct issue_id), min(rule_id) from homeostasis.analysis}), '400|400|p.cup', 'each once');
is(sql(q{
    select count(*) from homeostasis.analysis a join homeostasis.issues i on i.id = a.issue_id
    where i.title !~ '^the cup'}), '0', 'and nothing else');
poll_until($node, intake_waiting(), '0', 'all errors are stored');
is(sql(q{select sum(error_count) from homeostasis.issues where title like 'the cup%'}), 400 * 21, 'all that came meanwhile');
poll_until($node, $analysts, '0', 'the workers end');
is(sql(q{select count(*) from homeostasis.stat_workers where kind = 'analyst' and errors > 0}), '0', 'without an error');

# --------------------------------------------------------------------------
# Several at once, and crashes
# --------------------------------------------------------------------------

# From here on what is written takes its time, so that something can happen.
sql(q{
    create function slowly() returns trigger language plpgsql as $$
      begin perform pg_catalog.pg_sleep(0.03); return new; end $$;
    create trigger slowly before insert on homeostasis.analysis
      for each row when (new.rule_id like 'p.%') execute function slowly()});

sub under_way
{
    wait_for_value($node, "select phase, issues_done > 0 from homeostasis.progress_analysis where run = $running", 'analysing|t');
    return;
}

rule('plate');
my @runs = map { sql('select homeostasis.analyze()') } 1 .. 3;
is($runs[1] . ' ' . $runs[2], "$runs[0] $runs[0]", 'who asks again gets the run that is under way');
poll_until($node, $analysts, '2', 'two workers work on it');
under_way();
kill_worker($node, 'homeostasis analyst');
poll_until($node, "select phase from homeostasis.progress_analysis where run = $runs[0]", 'done', 'a run goes on after a crash', 90);
is(sql(q{select count(*), count(distinct issue_id) from homeostasis.analysis where rule_id = 'p.plate'}), '400|400',
    'nothing is missing, and nothing there twice');
is(progress('issues_done = issues_total and changed = 400'), 't', 'as its progress says');

rule('fork');
sql('select homeostasis.analyze()');
under_way();
$node->stop('immediate');
$node->start;
is(progress('issues_done < issues_total'), 't', 'the server ends before an analysis does');
poll_until($node, "select phase from homeostasis.progress_analysis where run = $running", 'done',
    'and the run goes on when it has started again', 90);
is(progress(q{format('%s %s %s %s', changed, unexplained >= 1, skipped, failed)}), '400 t 0 0', 'as its progress says');
is(sql('select count(*) - count(distinct revision) from homeostasis.rules'), '0', 'no crash makes two rules have one revision');
is(sql(q{select count(*), count(distinct issue_id) from homeostasis.analysis where rule_id = 'p.fork'}), '400|400',
    'nothing is missing or there twice');

# An orderly end does not wait for it.
sql(q{update homeostasis.rules set suggestion = 'once more' where id = 'p.fork'});
sql('select homeostasis.analyze()');
under_way();
$node->restart;
poll_until($node, "select phase, changed from homeostasis.progress_analysis where run = $running", 'done|400',
    'nor does an orderly shutdown lose it', 90);

# --------------------------------------------------------------------------
# Cancelled
# --------------------------------------------------------------------------

my $another = q{select count(*) from homeostasis.analysis where suggestion = 'another'};

sql(q{update homeostasis.rules set suggestion = 'another' where pack = 'p'});
sql('select homeostasis.analyze()');
under_way();
is(sql("select homeostasis.cancel_analysis($running)"), 't', 'a run is cancelled while workers are at it');
poll_until($node, $analysts, '0', 'they end');
my $written = sql($another);
cmp_ok($written, '<', 1200, 'before they are through');
is(progress("phase || ' ' || (changed = $written) || ' ' || (issues_done < issues_total)"), 'cancelled true true', 'as its progress says');
sql('drop trigger slowly on homeostasis.analysis');

# --------------------------------------------------------------------------
# A patch in flight
# --------------------------------------------------------------------------

sql(q{
    create table part (day date) partition by range (day);
    create table part_1 partition of part for values from ('2026-01-01') to ('2026-02-01');
    create table part_2 partition of part for values from ('2026-02-01') to ('2026-03-01')});
$node->psql('postgres', q{insert into part values ('2026-03-15')});
my $patch = wait_for_value($node, q{select id from homeostasis.patches where status = 'validated'}, qr/^\d+$/);
my $known = sql(qq{select a.rule_id from homeostasis.analysis a join homeostasis.patches p on p.analysis_id = a.id where p.id = $patch});
my $before = sql(qq{select to_jsonb(p) - 'updated_at' from homeostasis.patches p where id = $patch});
sql(qq{update homeostasis.rules set suggestion = 'another' where id = '$known'; select homeostasis.analyze()});
wait_for_value($node, "select phase from homeostasis.progress_analysis where run = $running", 'done');
is(sql(qq{select to_jsonb(p) - 'updated_at' from homeostasis.patches p where id = $patch}), $before, 'a patch in flight stays what it was');
is(progress('skipped'), '1', 'its issue is left alone');
sql("select homeostasis.approve($patch)");
wait_for_value($node, qq{select status from homeostasis.patches where id = $patch}, 'deployed');
is($node->psql('postgres', q{insert into part values ('2026-03-16')}), 0, 'and goes on to heal');

# --------------------------------------------------------------------------
# No room, and no workers
# --------------------------------------------------------------------------

sub complete
{
    my ($word, $what) = @_;

    sql(qq{update homeostasis.rules set suggestion = '$word' where id = 'p.cup'; select homeostasis.analyze()});
    poll_until($node, "select phase, changed from homeostasis.progress_analysis where run = $running", 'done|400', $what, 120);
    return;
}

# The launcher, an ingest worker and the healer, the server's own launcher of
# logical replication, and two that heal.
set_conf($node, 'max_worker_processes' => 6);
$node->restart;
wait_for_value($node, q{select count(*) from homeostasis.stat_workers where state = 'idle'}, qr/^[3-9]/);
is(sql('select homeostasis.wanted_analysts() is null'), 't', 'nothing is wanted before');
is(sql('begin; select null from homeostasis.analyze(); select homeostasis.wanted_analysts(); rollback'), "\n0",
    'and nobody where the last places are for those who heal');
complete('no room', 'where there is no room for workers the healer does it');
is(sql(q{select count(*) from homeostasis.stat_workers where kind = 'analyst'}), '0', 'and none is started');

set_conf($node, 'max_worker_processes' => 12, 'homeostasis.analyze_workers' => 0);
$node->restart;
complete('nobody', 'so it does where none are wanted');

switch_workers($node, 'off');
sql(q{update homeostasis.rules set suggestion = 'off' where id = 'p.cup'});
sql('select homeostasis.analyze()');
sql('call homeostasis.advance()');
is(progress(q{phase || ' ' || changed}), 'done 400', 'without workers advance() does it');

$node->stop;
done_testing();
