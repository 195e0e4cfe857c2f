# 201_agent_safety.pl: an error in a log file could get lost, or be stored
# twice, because agent and server are killed at any moment, because the
# database takes an event in no form or lacks its characters, because the agent
# may not do what it must, or because it does not say so

use strict;
use warnings;

use AgentTail;
use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $node = new_cluster('main', 'homeostasis.durability' => 'sync', 'track_functions' => 'all');

agent_setup($node);

# Agent and server, killed again and again --------------------------------------

my $storm = "$logs/storm.log";
my @storm = ('--service=storm', '--batch-size=20', '--spool-limit=8kB', "$storm*");
my $largest = 0;
my $rotations = 0;
my $stored = q{select count(*) from homeostasis.errors e join homeostasis.services s on s.id = e.service_id where s.name = 'storm'};

# Grows for some tenths of a second.
sub grow
{
    my $until = time() + 0.1 + rand 0.3;

    while (time() < $until)
    {
        append($storm, errors_for('storm', 1 + int rand 10));
        if (rand() < 0.05)
        {
            rename $storm, "$storm." . ++$rotations or die $!;
        }
        usleep(5_000);
    }
    return;
}

append($storm, errors_for('storm', 1));
for my $round (1 .. 5)
{
    # Killed while the server takes events: some are sent again.
    my $before = $node->safe_psql('postgres', $stored);
    append($storm, errors_for('storm', 100));
    start_agent('storm', @storm);
    poll_until($node, "select ($stored) > $before", 't', "some events are stored (round $round)");
    end_agent('KILL');
    start_agent('storm', @storm);
    grow();
    $node->stop($round % 2 ? 'immediate' : 'fast');
    grow();
    end_agent('KILL');
    start_agent('storm', @storm);
    grow();
    my $size = 0;
    $size += -s $_ // 0 foreach glob("$base/storm/spool/*.gz");
    $largest = $size if $size > $largest;
    end_agent('KILL') if rand() < 0.5;
    $node->start;
    end_agent('KILL');
}
cmp_ok($largest, '<=', 8192, 'the spool keeps its limit while the server is away');
start_agent('storm', @storm);
for (1 .. 5)
{
    grow();
    $node->safe_psql('postgres', q{select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'homeostasis-agent'});
}
all_stored('storm', 'no line is lost or stored twice when agent, server and sessions are killed at any moment');
end_agent();

# What is compressed -----------------------------------------------------------

sub calls
{
    my ($arguments) = @_;

    return "select coalesce(pg_stat_get_function_calls('homeostasis.report_batch($arguments)'::regprocedure), 0)";
}

$node->safe_psql('postgres', 'select pg_stat_reset()');
my $packed = "$logs/packed.log";
append($packed, errors_for('packed', 200));
gzip($packed);
start_agent('packed', '--service=packed', '--once', "$packed.gz");
all_stored('packed', 'a file that is compressed is read');
wait_said('packed', qr/events reported/, 'to its end');
end_agent();
like(said('packed'), qr/which is compressed/, 'and that it is compressed is said');
poll_until($node, calls('bytea, text'), qr/^[1-9]/, 'a batch of it goes to the database compressed');
is($node->safe_psql('postgres', calls('jsonb')), '0', 'and in no other way');

# What is refused --------------------------------------------------------------

$node->append_conf('postgresql.conf', 'homeostasis.decompressed_limit = 64kB');
$node->reload;
my $large = "$logs/large.log";
append($large, errors_for('large', 3), 'ERROR too large', map({ "    at a.b(C.java:$_)" } 1 .. 20_000), errors_for('large', 3));
start_agent('large', '--service=large', $large);
all_stored('large', 'an event that the database takes in no form does not hold up others');
wait_said('large', qr/refuses an event, which is dropped: argument "body" has more than 64 kB/, 'that it is dropped is said, and why');
is(end_agent(), 0, 'the agent goes on');
like(said('large'), qr/ 6 events reported, 0 refused, 1 dropped/, 'and it is counted');
start_agent('large', '--service=large', '--once', $large);
wait_said('large', qr/ 0 events reported/, 'what was dropped is not sent again');
end_agent();

# What the database has no characters for ----------------------------------------

$node->safe_psql('postgres', q{create database latin encoding 'LATIN1' locale 'C' template template0});
$node->safe_psql('latin', 'create extension homeostasis');
agent_setup($node, 'latin');
my $latin = "$logs/latin.log";
# Long enough to be compressed; the last line waits for what may belong to it.
append($latin, "ERROR caf\xc3\xa9 id-a", 'ERROR ' . 'plain ' x 300 . 'id-c', "ERROR 5 \xe2\x82\xac id-b", 'INFO fine');
start_agent('latin', '--service=latin', $latin);
poll_until($node, q{select string_agg(substr(message, 1, 10), ',' order by substring(message from 'id-.'))
    from homeostasis.errors e join homeostasis.services s on s.id = e.service_id where s.name = 'latin'},
    "caf\xc3\xa9 id-a,5 \\xE2\\x82,plain plai", 'characters that the database lacks are written out');
end_agent();
like(said('latin'), qr/ 3 events reported, 0 refused, 0 dropped/, 'no event is lost for them');

# Written out, this name is longer than the database allows.
my $name = "\xd0\xbc" x 90;
append("$logs/name.log", 'ERROR refused');
start_agent('name', "--service=$name", "$logs/name.log");
wait_said('name', qr/the database refused 1 of 1 events: see homeostasis.rejected_events/, 'that an event is refused is said');
is(end_agent(), 0, 'the agent goes on');
like(said('name'), qr/ 0 events reported, 1 refused, 0 dropped/, 'and it is counted');
poll_until($node, q{select count(*) from homeostasis.rejected_events where reason ~ 'has 720 bytes, more than 200'}, '1',
    'the database has it where the agent says');
agent_setup($node);

# What the agent may not do ------------------------------------------------------

refused([ 'tail', '--dbname=hosst=x', 'x' ], qr/^homeostasis-agent tail: --dbname: invalid connection option "hosst"/, 'a wrong connection string');
refused([ 'tail', '--level' ], qr/^homeostasis-agent tail: option '--level' requires an argument/, 'an option without its value');
refused([ 'tail', '--lines=3', 'x' ], qr/^homeostasis-agent tail: unrecognized option '--lines=3'/, 'an unknown option');

my $hba = $node->data_dir . '/pg_hba.conf';
my $rest = slurp_file($hba);
open my $handle, '>', $hba or die $!;
print $handle "local all reporter scram-sha-256\n$rest";
close $handle or die $!;
$node->safe_psql('postgres', q{create role reporter login password 'right'});
$node->reload;

my $secret = "$logs/secret.log";
append($secret, errors_for('secret', 5));
chmod 0, $secret or die $!;
append("$logs/open.log", errors_for('open', 1));
start_agent('away', '--dbname=' . agent_connstr() . ' user=reporter password=wrong', $secret, "$logs/open.log", "$logs/missing.log");
wait_said('away', qr/password authentication failed for user "reporter" \(trying again\)/, 'a wrong password is said');
wait_said('away', qr/secret.log is not read: Permission denied/, 'so is a file that may not be read')
  if !open my $readable, '<', $secret;
wait_said('away', qr/no file is called \S+missing.log yet/, 'and one that is not there');
unlike(said('away'), qr/wrong\b/, 'the password is not');
end_agent();

start_agent('away', '--service=open', '--dbname=' . agent_connstr() . ' user=reporter password=right', "$logs/open.log");
wait_said('away', qr/permission denied for schema homeostasis. Grant homeostasis_reporter to the role/, 'a missing membership is said, and what to do');
$node->safe_psql('postgres', 'grant homeostasis_reporter to reporter');
append("$logs/open.log", errors_for('open', 5));
poll_until($node, q{select count(distinct message) from homeostasis.errors where message ~ '^boom (}
    . join('|', keys %{ $expected{open} }) . ')$' . q{'}, '6', 'once it is granted, events are taken');
wait_said('away', qr/takes events again/, 'and that is said');
end_agent();

# A place that cannot be written to.
my $full = "$logs/full.log";
append($full, errors_for('full', 1));
start_agent('full', '--service=full', $full);
all_stored('full', 'the state can be written');
chmod 0500, "$base/full" or die $!;
SKIP:
{
    skip 'this user may write anywhere', 2 if open my $try, '>', "$base/full/try";
    my $ticks = sub { my @f = split / /, slurp_file('/proc/' . agent_pid() . '/stat'); return $f[13] + $f[14] };
    my $before = $ticks->();
    append($full, errors_for('full', 10));
    wait_said('full', qr/(?:could not write \S+state: .*){4}/s, 'that it cannot be written is said');
    cmp_ok($ticks->() - $before, '<', 20, 'meanwhile the agent rests');
}
chmod 0700, "$base/full" or die $!;
all_stored('full', 'what was read meanwhile is reported when it can be written');
end_agent();

$node->stop;
done_testing();
