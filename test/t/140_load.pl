# 140_load.pl: under load, a kill -9 of any worker, or the extension dropped
# and created again, leaves exact counts, no duplicates, and a service that
# goes on.

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('load', 'homeostasis.mode' => 'auto',
    'homeostasis.payloads_per_issue_per_minute' => 20);
my $script = $node->basedir . '/load.sql';
my $stop = $node->basedir . '/stop';

$node->safe_psql('postgres', q{
    create table part (day date, x int) partition by range (day);
    create table part_1 partition of part
      for values from ('2026-01-01') to ('2026-02-01');
    create table part_2 partition of part
      for values from ('2026-02-01') to ('2026-03-01');
});

# Six problems by the server, one by a reporter; a session is short, so that
# a restart of the server is soon behind it.
append_to_file($script, join '', map { qq{
select * from missing_a where x = $_;
select 1 / 0;
insert into part values ('2027-05-$_', $_);
select 'x$_'::int;
select homeostasis.report(error_type => 'Load', error_message => 'load $_', language => 'python', service => 'shop');
begin; select homeostasis.report(error_type => 'Load', error_message => 'undone $_', language => 'python', service => 'shop'); select nothing_$_ from pg_class; rollback;
select pg_sleep(0.005);
} } 10 .. 29);

my @children;
foreach my $number (1 .. 2)
{
    my $pid = fork();

    die "cannot fork: $!" if !defined $pid;
    if ($pid == 0)
    {
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', '/dev/null';
        system('psql', '-qX', '-d', $node->connstr('postgres'), '-f', $script)
          while !-e $stop && kill 0, getppid();
        # Without the tests' own clean-up.
        require POSIX;
        POSIX::_exit(0);
    }
    push @children, $pid;
}

# exact(what): waits until everything was stored, then compares the counts.
sub exact
{
    my ($what) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    poll_until($node, q{
        select count(*) from (
          select i.id
          from homeostasis.issues i
          left join (select service_id, issue_id, sum(error_count) as counted
                     from homeostasis.issue_counts group by 1, 2) c
            on c.service_id = i.service_id and c.issue_id = i.id
          left join (select f.service_id, f.issue_id, sum(e.occurrences) as stored
                     from homeostasis.errors e
                     join homeostasis.issue_fingerprints f using (service_id, fingerprint)
                     group by 1, 2) e
            on e.service_id = i.service_id and e.issue_id = i.id
          where (i.error_count, i.error_count) is distinct from (c.counted, e.stored)) wrong},
        '0', "every issue counts what is stored: $what");
    is($node->safe_psql('postgres', q{
        select count(*) - count(distinct event_id) from homeostasis.errors}),
        '0', "no event is stored twice: $what");
    is($node->safe_psql('postgres', q{
        select count(*) from homeostasis.errors e
        where not exists (select from homeostasis.issue_fingerprints f
                          where f.service_id = e.service_id
                            and f.fingerprint = e.fingerprint)}),
        '0', "every error belongs to an issue: $what");
    is($node->safe_psql('postgres', q{
        select count(*) from homeostasis.rejected_events}), '0',
        "nothing was rejected: $what");
    return;
}

my $growing = 'select count(*) from homeostasis.errors';
wait_for_value($node, "select ($growing) > 50", 't');

foreach my $kind ('ingest', 'healer', 'launcher')
{
    my $before;

    kill_worker($node, "homeostasis $kind");
    $before = wait_for_value($node, $growing, qr/^\d+$/);
    poll_until($node, "select ($growing) > $before", 't',
        "errors are stored again after kill -9 of the $kind");
    exact("after kill -9 of the $kind");
}

# An operator at work: killed in the middle of a dry run that takes its time.
$node->safe_psql('postgres', q{
    create function slow() returns trigger language plpgsql as
      $$ begin perform pg_sleep(1); return new; end $$;
    create table late (day date, x int) partition by range (day);
    create trigger slow before insert on late for each statement execute function slow();
    create table late_1 partition of late
      for values from ('2026-01-01') to ('2026-02-01');
    create table late_2 partition of late
      for values from ('2026-02-01') to ('2026-03-01');
});
$node->psql('postgres', q{insert into late values ('2026-03-15', 1)});
wait_for_value($node,
    q{select count(*) from pg_stat_activity
      where backend_type = 'homeostasis operator' and query = 'validate'}, 1);
kill_worker($node, 'homeostasis operator');
poll_until($node,
    q{select status from homeostasis.patches where object = 'public.late'},
    qr/^(validated|deployed|healed)$/,
    'a dry run whose operator was killed is made again');
exact('after kill -9 of an operator');
is($node->safe_psql('postgres', 'select * from homeostasis.audit_verify()'),
    '', 'the audit log is whole after four crashes');

# Dropped and created while errors come in.
foreach my $time (1 .. 4)
{
    is($node->psql('postgres',
            q{set lock_timeout = '20s'; drop extension homeostasis}), 0,
        "drop extension under load, $time");
    is($node->psql('postgres',
            q{set lock_timeout = '20s'; create extension homeostasis}), 0,
        "create extension under load, $time");
}
poll_until($node, "select ($growing) > 20", 't',
    'errors are stored in the extension created anew');
poll_until($node, q{
    select count(*) > 0 from homeostasis.patches where object = 'public.part'},
    't', 'and healed');

append_to_file($stop, 'stop');
waitpid($_, 0) foreach @children;
wait_for_value($node,
    intake_waiting(), '0');
exact('after all');

$node->stop;
done_testing();
