# 200_agent_tail.pl: an error in a log file could get lost, or be stored twice,
# because the file was rotated, copied, truncated or compressed, because the
# agent or the database was stopped, or because a line is not what it should be

use strict;
use warnings;

use AgentTail;
use File::Copy;
use HomeostasisCluster;
use IPC::Run ();
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $node = new_cluster('main');

agent_setup($node);

# Options --------------------------------------------------------------------

refused([], qr/no command was given/, 'no command');
refused(['watch'], qr/there is no command "watch"/, 'an unknown command');
refused(['tail'], qr/no files were given/, 'a command without files');
refused([ 'tail', '--format=xml', 'x' ], qr/--format=xml: must be one of auto, text, json, logfmt, csvlog, jsonlog, journal/, 'an unknown format');
refused([ 'tail', '--level=info', 'x' ], qr/must be warning, error, fatal or panic/, 'a level below warning');
refused([ 'tail', '--spool-limit=12', 'x' ], qr/with one of the units kB, MB, GB, TB/, 'a size without a unit');
refused([ 'tail', '--batch-timeout=1year', 'x' ], qr/units ms, s, min, h/, 'a time with an unknown unit');
refused([ 'tail', '-e', 'x', 'x' ], qr/must be KEY=VALUE/, 'an environment that is no pair');

# Rotation -------------------------------------------------------------------

my $log = "$logs/app.log";
append($log, errors_for('rotated', 20));
start_agent('rotated', '--service=rotated', $log);
all_stored('rotated', 'what is in a file is reported');

is($node->safe_psql('postgres', q{select distinct environment ->> 'host', metadata ->> 'log_file' = '} . $log . q{', level, message ~ '^boom id-'
    from homeostasis.errors where environment ? 'host'}), 'test|t|error|t', 'an event tells host and file, and has its message alone');

append($log, errors_for('rotated', 20));
rename $log, "$log.1" or die $!;
append("$log.1", errors_for('rotated', 20));
append($log, errors_for('rotated', 20));
append("$log.1", errors_for('rotated', 5));
all_stored('rotated', 'a file is followed when it is renamed, and so is the one in its place');

# The writer has the file open to append, as copytruncate needs.
for my $round (1 .. 5)
{
    append($log, errors_for('rotated', 30));
    copy($log, "$log.1") or die $!;
    truncate $log, 0 or die $!;
    append($log, errors_for('rotated', $round % 2 ? 3 : 60));
    all_stored('rotated', "a file may be copied and truncated (round $round)");
}

truncate $log, 0 or die $!;
append($log, errors_for('rotated', 10));
all_stored('rotated', 'a file may be truncated');

unlink $log or die $!;
append($log, errors_for('rotated', 10));
all_stored('rotated', 'a file may be removed and made again');

# While the agent is away.
end_agent('KILL');
append($log, errors_for('rotated', 20));
rename $log, "$log.1" or die $!;
append($log, errors_for('rotated', 20));
start_agent('rotated', '--service=rotated', $log);
all_stored('rotated', 'a file is found again that was renamed while the agent was away');

end_agent('KILL');
append($log, errors_for('rotated', 20));
copy($log, "$log.1") or die $!;
truncate $log, 0 or die $!;
append($log, errors_for('rotated', 60));
start_agent('rotated', '--service=rotated', $log);
all_stored('rotated', 'a copy is found that was made while the agent was away, before the file was truncated');

end_agent('KILL');
append($log, errors_for('rotated', 20));
unlink "$log.1";
rename $log, "$log.1" or die $!;
gzip("$log.1");
append($log, errors_for('rotated', 20));
start_agent('rotated', '--service=rotated', $log);
all_stored('rotated', 'what was compressed before it was read is read');
end_agent();

# A pattern that the rotated files match, too: each is read once.
start_agent('glob', '--service=glob', "$logs/many/*");
mkdir "$logs/many" or die $!;
my $many = "$logs/many/m.log";
for my $round (1 .. 4)
{
    append($many, errors_for('glob', 20));
    all_stored('glob', "a file that a pattern finds is read (round $round)");
    append($many, errors_for('glob', 20));
    for my $old (reverse 1 .. 3)
    {
        rename "$many.$old.gz", "$many." . ($old + 1) . '.gz' if -e "$many.$old.gz";
    }
    if ($round % 2)
    {
        rename $many, "$many.1" or die $!;
    }
    else
    {
        copy($many, "$many.1") or die $!;
        truncate $many, 0 or die $!;
    }
    append($many, errors_for('glob', 20));
    all_stored('glob', "... and so is what was rotated (round $round)");
    gzip("$many.1");
}
append($many, errors_for('glob', 5));
all_stored('glob', 'compressed files are not read again');
end_agent();
append($many, errors_for('glob', 5));
start_agent('glob', '--service=glob', "$logs/many/*");
all_stored('glob', '... and not by the next run either');
end_agent();

# A symbolic link that leads to the file of the day.
append("$logs/day1", errors_for('link', 10));
symlink "$logs/day1", "$logs/current" or die $!;
start_agent('link', '--service=link', "$logs/current");
all_stored('link', 'a symbolic link is followed');
append("$logs/day1", errors_for('link', 10));
append("$logs/day2", errors_for('link', 10));
symlink "$logs/day2", "$logs/next" or die $!;
rename "$logs/next", "$logs/current" or die $!;
append("$logs/day1", errors_for('link', 10));
all_stored('link', '... to another file, while the first one is still written to');
end_agent();

# A writer, and an agent that is killed again and again ------------------------

my $busy = "$logs/busy.log";
append($busy, errors_for('killed', 1));
for my $round (1 .. 12)
{
    start_agent('killed', '--service=killed', '--batch-size=7', "$busy*");
    my $until = time() + 0.05 + rand 0.4;
    while (time() < $until)
    {
        append($busy, errors_for('killed', 1 + int rand 20));
        if (rand() < 0.1)
        {
            # Compressed late, as logrotate's delaycompress does.
            rename "$busy.$_.gz", "$busy." . ($_ + 1) . '.gz' foreach grep { -e "$busy.$_.gz" } reverse 2 .. 99;
            if (-e "$busy.1")
            {
                rename "$busy.1", "$busy.2" or die $!;
                gzip("$busy.2");
            }
            if (rand() < 0.5)
            {
                rename $busy, "$busy.1" or die $!;
            }
            else
            {
                copy($busy, "$busy.1") or die $!;
                truncate $busy, 0 or die $!;
            }
        }
        usleep(5_000);
    }
    end_agent('KILL');
    append($busy, errors_for('killed', 3));
}
start_agent('killed', '--service=killed', "$busy*");
all_stored('killed', 'no line is lost or stored twice when the agent is killed at any moment');
end_agent();

# A database that is away ------------------------------------------------------

my $away = "$logs/away.log";
append($away, errors_for('away', 20));
start_agent('away', '--service=away', $away);
all_stored('away', 'the database takes events');
$node->stop;
append($away, errors_for('away', 200));
wait_said('away', qr/trying again/, 'that the database is away is said');
append($away, errors_for('away', 200));
wait_spooled('away', 400, 'meanwhile events go to the spool');
unlink $away or die $!;
end_agent('KILL');
append($away, errors_for('away', 50));
start_agent('away', '--service=away', $away);
wait_said('away', qr/trying again/, 'the next run says so, too');
append($away, errors_for('away', 50));
is(end_agent(), 0, 'an agent can be ended while the database is away');
start_agent('away', '--service=away', $away);
$node->start;
all_stored('away', 'what came while the database was away is stored once');
wait_said('away', qr/takes events again/, 'and that it is back is said');
is(scalar(my @left = glob("$base/away/spool/*.gz")), 0, 'the spool is empty then');
end_agent();

# A spool without room.
my $full = "$logs/full.log";
append($full, errors_for('full', 1));
start_agent('full', '--service=full', '--spool-limit=8kB', '--batch-size=20', $full);
all_stored('full', 'the database takes events');
$node->stop;
append($full, errors_for('full', 3000));
wait_said('full', qr/the spool is full/, 'that the spool is full is said');
my $size = 0;
$size += -s $_ foreach glob("$base/full/spool/*.gz");
cmp_ok($size, '<=', 8192, 'its limit is kept');
append($full, errors_for('full', 3000));
$node->start;
all_stored('full', 'what found no room was read later');
end_agent();
like(said('full'), qr/spool full [1-9]\d* times/, 'it is counted');
like(said('full'), qr/has room again/, 'and that there is room again is said');
like(said('full'), qr/ 0 bytes lost/, 'nothing was lost');

# What is truncated without a copy, and was not read, is lost, and said.
start_agent('full', '--service=full', '--spool-limit=1kB', '--batch-size=20', $full);
$node->stop;
my $before = written();
append($full, errors_for('full', 3000));
delete $expected{full}{ sprintf 'id-%06d', $_ } foreach $before + 1 .. written();
wait_said('full', qr/the spool is full/, 'the spool is full again');
truncate $full, 0 or die $!;
wait_said('full', qr/was truncated or removed before it was read: \d+ bytes/, 'what is lost is said');
end_agent('KILL');
$node->start;

# Any bytes --------------------------------------------------------------------

my $odd = "$logs/odd.log";
append($odd, "ERROR nul \0 and \xff\xfe and \xed\xa0\x80 id-a", 'ERROR ' . 'x' x 30_000_000, 'ERROR after id-b');
start_agent('odd', '--service=odd', $odd);
poll_until($node, q{select count(*) from homeostasis.errors e join homeostasis.services s on s.id = e.service_id where s.name = 'odd'},
    '3', 'odd bytes and a line of 30 MB do not stop the agent');
is($node->safe_psql('postgres', q{select message from homeostasis.errors where message like 'nul %'}),
    'nul \x00 and \xFF\xFE and \xED\xA0\x80 id-a', 'bytes that are no characters are written out');
is($node->safe_psql('postgres', q{select metadata ->> 'log_cut' from homeostasis.errors where message like 'xxx%'}),
    'true', 'a record that was cut is marked');
like(said('odd'), qr/a record of 30000007 bytes at byte \d+ of \S+ was cut/, 'and it is said');
my ($peak) = slurp_file("/proc/" . agent_pid() . "/status") =~ /VmHWM:\s+(\d+)/;
cmp_ok($peak, '<', 40_000, 'memory does not grow with the line');
my $second = IPC::Run::run([ 'homeostasis-agent', 'tail', "--state-dir=$base/odd", $odd ], '2>', "$base/second.said",
    IPC::Run::timeout(60));
ok(!$second, 'a second agent cannot use the same state');
end_agent();

# Formats ----------------------------------------------------------------------

my $formats = "$logs/formats";
mkdir $formats or die $!;
append("$formats/a.json", '{"time":"' . POSIX::strftime('%Y-%m-%dT%H:%M:%SZ', gmtime) . '","level":50,"msg":"no id-json","err":{"type":"TypeError","stack":"TypeError: x\\n    at f (/a.js:1:2)"},"n":1}',
    '{"level":"info","msg":"no error id-x"}', 'panic: boom id-crash', '', 'goroutine 1 [running]:', 'main.main()', "\t/a.go:1");
append("$formats/b.log", 'level=error msg="a \\"quoted\\" id-logfmt" user=7', 'level=info msg=fine');
my $now = POSIX::strftime('%Y-%m-%d %H:%M:%S', gmtime);
append("$formats/c.csv", qq{$now.123 UTC,"app","shop",17,"[local]",65.1,1,"INSERT",$now UTC,3/4,0,ERROR,23505,"duplicate ""key""\nid-csvlog","Key (id)=(1) exists.",,,,,"insert into t\nvalues (1)",,,"psql","client backend",,0},
    qq{$now.124 UTC,"app","shop",17,"[local]",65.1,2,"SELECT",$now UTC,3/4,0,LOG,00000,"nothing",,,,,,,,,"psql","client backend",,0});
append("$formats/d.json", qq({"timestamp":"$now.125 UTC","user":"app","dbname":"shop","pid":17,"session_id":"65.1","error_severity":"FATAL","state_code":"53300","message":"too many id-jsonlog","backend_type":"client backend"}));
append("$formats/e.export", '__CURSOR=s=1;i=2', '__REALTIME_TIMESTAMP=' . int(time() * 1e6), 'PRIORITY=3', '_SYSTEMD_UNIT=till.service',
    "MESSAGE\n" . pack('Q<', 21) . "broken\nand id-journal", '', '__CURSOR=s=1;i=3', 'PRIORITY=6', 'MESSAGE=fine', '');
append("$formats/f.log", 'WARNING not bad enough id-warning', 'INFO fine', 'Traceback (most recent call last):', '  File "a.py", line 1, in f', 'ValueError: bad id-python');
start_agent('formats', '--service=formats', "$formats/*");
poll_until($node, q{select string_agg(concat_ws('/', substring(e.message from 'id-\w+'), e.error_type, e.language, e.level, e.sqlstate, e.database_name), ' ' order by substring(e.message from 'id-\w+') collate "C")
    from homeostasis.errors e join homeostasis.services s on s.id = e.service_id where s.name = 'formats'},
    'id-crash/panic/go/panic id-csvlog/unique_violation/sql/error/23505/shop id-journal/error/unknown/error'
    . ' id-json/TypeError/javascript/error id-jsonlog/too_many_connections/sql/fatal/53300/shop'
    . ' id-logfmt/error/unknown/error id-python/ValueError/python/error',
    'each format is recognised and read');
end_agent();

append("$base/odd/state", 'x');
start_agent('odd', '--service=odd', $odd);
wait_said('odd', qr/state is damaged and was renamed/, 'a damaged state is said');
poll_until($node, q{select count(*) from homeostasis.errors e join homeostasis.services s on s.id = e.service_id where s.name = 'odd' and e.message like 'nul %'},
    qr/^[12]$/, 'and the agent goes on');
end_agent();

# A pooler that gives each transaction another session --------------------------

SKIP:
{
    my $bouncer = (grep { -x } map { "$_/pgbouncer" } split(/:/, $ENV{PATH}), '/usr/sbin')[0];

    skip 'pgbouncer is not installed', 1 unless $bouncer;
    my $port = PostgreSQL::Test::Cluster::get_free_port();

    append("$base/bouncer.ini", '[databases]', 'postgres = host=' . $node->host . ' port=' . $node->port . ' user=postgres pool_size=2',
        '[pgbouncer]', 'listen_addr =', "unix_socket_dir = $base", "listen_port = $port", 'auth_type = any',
        'pool_mode = transaction', 'server_idle_timeout = 1', "logfile = $base/bouncer.log");
    my $pooler = fork() // die "fork: $!";
    if ($pooler == 0)
    {
        exec($bouncer, '-q', "$base/bouncer.ini") or POSIX::_exit(127);
    }
    append("$logs/pooled.log", errors_for('pooled', 200));
    start_agent('pooled', '--service=pooled', '--batch-size=5', "--dbname=host=$base port=$port dbname=postgres user=postgres", "$logs/pooled.log");
    all_stored('pooled', 'events are reported through PgBouncer in transaction mode');
    end_agent();
    kill 'TERM', $pooler;
    waitpid $pooler, 0;
}

done_testing();
