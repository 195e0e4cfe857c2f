# 055_compiler.pl: rules could be matched as they were, or not at all, while they are
# compiled, when what is stored or shared is damaged, or when whoever compiles them is
# killed.

use strict;
use warnings;

use HomeostasisCluster;
use HomeostasisFaults;
use PostgreSQL::Test::Utils;
use Test::More;

# Segments of dynamic shared memory are files, so that they can be counted.
my $node = new_cluster('compiler', 'dynamic_shared_memory_type' => 'mmap', 'max_prepared_transactions' => 2);
my $stored = $node->data_dir . '/homeostasis/rules';

sub segments
{
    my @files = glob $node->data_dir . '/pg_dynshmem/mmap.*';

    return scalar @files;
}

sub value { return $node->safe_psql('postgres', $_[0]); }

# The rule that matches a message, and its cause.
sub winner
{
    return q{select rule_id || ' ' || root_cause from homeostasis.match(
        jsonb_build_object('error_type', 'CompilerTest', 'error_message', '} . $_[0] . q{'))};
}

sub rule
{
    my ($id, $pattern, $cause) = @_;

    return qq{insert into homeostasis.rules (id, pack, description, root_cause, suggestion, confidence,
            error_type, pattern)
        values ('$id', 'test', 'd', '$cause', 's', 1, 'CompilerTest', \$pattern\$$pattern\$pattern\$);};
}

value(q{insert into homeostasis.rule_packs (name, description, version) values ('test', 'd', '1')});
my $first = value(q{select homeostasis.rules_ready('1 minute')});
like($first, qr/^\d+$/, 'the rules are compiled after the start');
is(value(q{select s.rules = (select count(*) from homeostasis.rules where enabled) and s.problem is null
        and s.compile_ms > 0 from homeostasis.stat_ruleset s}), 't', 'all of them');
my $segments = segments();

# A session that has attached them.
my $session = $node->background_psql('postgres', on_error_die => 1);
is($session->query_safe(winner('one')), '', 'no rule matches yet');

# Edits.
is(value('begin;' . rule('first', 'one', 'a') . winner('one') . '; rollback;' . winner('one')), 'first a',
    'a transaction matches with its own rules, and none when it is rolled back');
value(rule('first', 'one', 'a'));
is($session->query_safe(winner('one')), 'first a', 'another session has the rule after the commit');
my $second = value(q{select homeostasis.rules_ready()});
cmp_ok($second, '>', $first, 'and it is compiled');
is(value(winner('one')), 'first a', 'a new session has it then');
is($session->query_safe(winner('one')), 'first a', 'and the old one');
is(segments(), $segments, 'the compiled rules of before are gone with the last session that had them');
value(q{update homeostasis.rules set enabled = false where id = 'first'});
is($session->query_safe(winner('one')), '', 'a rule that is disabled does not match, compiled or not');
value(q{update homeostasis.rules set enabled = true, root_cause = 'b' where id = 'first'});
is($session->query_safe(winner('one')), 'first b', 'one that is changed is matched as it is');
value(q{delete from homeostasis.rules where id = 'first'});
is($session->query_safe(winner('one')), '', 'one that is deleted is not');
value('begin;' . rule('prepared', 'two', 'c') . q{prepare transaction 'rule'});
is($session->query_safe(winner('two')), '', 'one of a prepared transaction is not matched');
value(q{commit prepared 'rule'});
is($session->query_safe(winner('two')), 'prepared c', 'but after its commit');
like(value(q{select homeostasis.rules_ready()}), qr/^\d+$/, 'it is compiled when somebody asks for it');

# A new session knows without reading the rules whether they are those that are
# shared.  How often it read them in its transaction:
sub reads
{
    return 'begin; ' . $_[0] . q{; select seq_scan + coalesce(idx_scan, 0) from pg_stat_xact_all_tables
        where relid = 'homeostasis.rules'::regclass; commit};
}

is(value(reads(winner('two'))), "prepared c\n0", 'a new session reads no rules');
my $writer = $node->background_psql('postgres', on_error_die => 1);
$writer->query_safe('begin;' . rule('unsettled', 'five', 'e'));
is(value(reads(winner('two'))), "prepared c\n1", 'but does when somebody has written some');
$writer->query_safe('rollback');
poll_until($node, reads(winner('two')), "prepared c\n0", 'until it is known that he did not');
value('begin;' . rule('unsettled', 'five', 'e') . q{prepare transaction 'rule'});
value(q{select homeostasis.rules_ready()});
is(value(reads(winner('two'))), "prepared c\n1", 'or when a transaction is prepared that has');
value(q{commit prepared 'rule'});
is(value(winner('five')), 'unsettled e', 'a new session has its rules when it has ended');
value(q{select homeostasis.rules_ready()});
poll_until($node, reads(winner('five')), "unsettled e\n0", 'and in the end without reading them');
value(q{delete from homeostasis.rules where id = 'unsettled'});
is(value(winner('five')), '', 'nor does it match one that was deleted');
poll_until($node, reads(winner('five')), '0', 'which it knows later');

my ($status, $stdout, $stderr) = $node->psql('postgres',
    'begin;' . rule('first', 'one', 'a') . 'select homeostasis.rules_ready()');
like($stderr, qr/waits for rules that are committed.*HINT:  Commit first/s,
    'rules of the own transaction are not waited for');

# A load of edits and matches: what a match answers is never older than what was committed before
# it, which the editor notes when the commit is over, nor newer than what is after it.
value(rule('counted', 'three', '0') . 'create table noted as select 0 as number');
my $editors = $node->background_psql('postgres', on_error_die => 1);
$editors->query_until(qr/begun/, q{\echo begun
do $$begin
    for i in 1 .. 300 loop
      update homeostasis.rules set root_cause = i::text where id = 'counted';
      commit;
      update noted set number = i;
      commit;
      perform pg_sleep(0.01);
    end loop;
  end$$;
});
my $wrong = 0;
my $seen = 0;
my $current = q{select root_cause from homeostasis.rules where id = 'counted'};
while (1)
{
    my $before = $session->query_safe('select number from noted');
    my ($matched) = $session->query_safe(winner('three')) =~ /^counted (\d+)$/;
    my $after = $session->query_safe($current);

    $seen++;
    $wrong++ unless defined $matched && $before <= $matched && $matched <= $after;
    last if $after == 300;
}
$editors->quit;
is($wrong, 0, 'a match has the rules of its moment while they are edited and compiled');
note("$seen matches during 300 edits");
cmp_ok($seen, '>', 20, 'and there were matches meanwhile');
value(q{select homeostasis.rules_ready()});
is($session->query_safe(winner('three')), 'counted 300', 'the last edit stays');
is(segments(), $segments, 'nothing is left of all the others');
$session->quit;

# Where an error happened: rules for services, frameworks and platforms, in the workers that store
# events, and while they are new and compiled.
my $reported = 0;

sub diagnosed
{
    my ($event) = @_;
    my $message = 'placed ' . ('a' .. 'z')[ $reported++ ];

    value("select homeostasis.report('" . ($event =~ s/^\{/{"error_type": "$message", "error_message": "placed", /r) . "')");
    wait_for_value($node, "select count(*) from homeostasis.issues where error_type = '$message'", '1');
    return value(qq{select coalesce(string_agg(a.rule_id, ' '), 'none') from homeostasis.analysis a
        join homeostasis.issues i on i.service_id = a.service_id and i.id = a.issue_id where i.error_type = '$message'});
}

my $django = '{"service": "shop", "environment": {"framework": ["celery", "Django 4.2"], "platform": "Linux 6.1"}}';
is(diagnosed($django), 'none', 'without rules for it nobody knows');
value(q{insert into homeostasis.rules (id, pack, description, root_cause, suggestion, confidence, pattern, service, framework, platform)
        values ('a-framework', 'test', 'd', 'c', 's', 1, '^placed$', null, 'django', null),
               ('a-platform', 'test', 'd', 'c', 's', 0.5, '^placed$', null, null, 'linux'),
               ('a-service', 'test', 'd', 'c', 's', 0.9, '^placed$', 'other', null, null),
               ('a-database', 'test', 'd', 'c', 's', 0.9, 'placed here', 'database/postgres', null, null)});
foreach my $state ('new', 'compiled')
{
    is(diagnosed($django), 'a-framework', "$state: a framework of several, with its version");
    is(diagnosed('{"service": "shop", "environment": {"framework": "flask", "platform": "Linux 6.1"}}'), 'a-platform', "$state: a platform");
    is(diagnosed('{"service": "shop", "environment": {"framework": "flask"}}'), 'none', "$state: neither");
    is(diagnosed('{"service": "other"}'), 'a-service', "$state: a service");
    is(diagnosed('{"service": "others"}'), 'none', "$state: another service");
    value('select homeostasis.rules_ready()');
}
$node->psql('postgres', q{do $$begin raise 'placed here'; end$$});
wait_for_value($node, q{select a.rule_id from homeostasis.analysis a join homeostasis.services s on s.id = a.service_id
    where s.name = 'database/postgres' and a.rule_id = 'a-database'}, 'a-database');
pass('the service of a database');
value(q{delete from homeostasis.rules where id like 'a-%'});
is(diagnosed($django), 'none', 'rules that are gone are not asked');
value(q{select homeostasis.rules_ready()});

# A restart.
$node->restart;
is(value(winner('three')), 'counted 300', 'after a restart rules match');
value(q{select homeostasis.rules_ready()});
is(value('select compile_ms is null from homeostasis.stat_ruleset'), 't', 'nothing was compiled for it');

# What is stored is damaged.
sub complaints
{
    my $count = () = slurp_file($node->logfile) =~ /homeostasis compiles its rules anew/g;
    return $count;
}

my %damage = (
    'cut' => sub { truncate $stored, (-s $stored) / 2 or die "truncate: $!" },
    'empty' => sub { truncate $stored, 0 or die "truncate: $!" },
    'of noise' => sub { append_bytes($stored, '+>', join '', map { chr rand 256 } 1 .. 10000) },
    'flipped in its header' => sub { flip_byte($stored, 30) },
    'flipped in its middle' => sub { flip_byte($stored, (-s $stored) / 2) });

sub append_bytes
{
    my ($file, $mode, $bytes) = @_;

    open my $handle, $mode, $file or die "$file: $!";
    binmode $handle;
    print $handle $bytes;
    close $handle or die "$file: $!";
    return;
}

sub flip_byte
{
    my ($file, $offset) = @_;

    open my $handle, '+<', $file or die "$file: $!";
    binmode $handle;
    seek $handle, $offset, 0;
    read $handle, my $byte, 1;
    seek $handle, $offset, 0;
    print $handle chr(ord($byte) ^ 0x10);
    close $handle or die "$file: $!";
    return;
}

foreach my $kind (sort keys %damage)
{
    my $before = complaints();

    $node->stop;
    $damage{$kind}->();
    $node->start;
    is(value(winner('three')), 'counted 300', "rules match though what is stored is $kind");
    value(q{select homeostasis.rules_ready()});
    is(value('select compile_ms > 0 from homeostasis.stat_ruleset'), 't', 'they are compiled anew');
    is(complaints(), $before + 1, 'which is said once');
}
$node->stop;
unlink $stored;
$node->start;
value(q{select homeostasis.rules_ready()});
is(value('select compile_ms > 0 from homeostasis.stat_ruleset'), 't', 'and so they are when it was deleted');
ok(-s $stored, 'and stored again');

# Thousands of rules, to be compiled for a while.
value(q{insert into homeostasis.rules (id, pack, description, root_cause, suggestion, confidence, error_type, pattern)
    select 'many-' || i, 'test', 'd', 'c', 's', 0.5, 'CompilerTest', md5(i::text) || ' (\d+) ' || md5((-i)::text)
    from generate_series(1, 5000) i});
is(value(q{select rule_id from homeostasis.match(jsonb_build_object('error_type', 'CompilerTest',
    'error_message', md5('77') || ' 1 ' || md5('-77')))}), 'many-77', 'new rules by thousands match at once');
like(value(q{select homeostasis.rules_ready()}), qr/^\d+$/, 'and are compiled');
is(value('select scanned_patterns >= 5000 from homeostasis.stat_ruleset'), 't', 'to be scanned for');
is(value(q{select string_agg(rule_id, ' ') from unnest(array[1, 2500, 4999]) i, homeostasis.match(jsonb_build_object(
    'error_type', 'CompilerTest', 'error_message', md5(i::text) || ' 1 ' || md5((-i)::text)))}),
    'many-1 many-2500 many-4999', 'the scan finds them');

# The worker is told to end, or killed, and the server stopped, while it compiles.
foreach my $signal ('TERM', 'KILL')
{
    value(q{update homeostasis.rules set priority = priority + 1 where id like 'many%'});
    kill_worker($node, 'homeostasis compiler', $signal);
    wait_for_value($node, winner('three'), 'counted 300');
    pass("rules match when the compiler has had signal $signal");
}
value(q{update homeostasis.rules set priority = priority + 1 where id like 'many%'});
worker_pid($node, 'homeostasis compiler');
$node->stop('fast');
$node->start;
is(value(winner('three')), 'counted 300', 'and when the server was stopped meanwhile');
value(q{delete from homeostasis.rules where id like 'many%'});
wait_for_value($node, q{select homeostasis.rules_ready() is not null}, 't');
is(segments(), $segments, 'no segment is left behind');

# Without workers.
switch_workers($node, 'off');
value(rule('alone', 'four', 'd'));
is(value(winner('four')), 'alone d', 'without workers a new rule matches');
is(value(q{select homeostasis.rules_ready('100 ms') is null}), 't', 'though nobody compiles it');
value('call homeostasis.advance()');
like(value(q{select homeostasis.rules_ready('0')}), qr/^\d+$/, 'advance() does');
switch_workers($node, 'on');

# The extension goes, and comes back: with a rule that has the revision of one
# of the old ones, which are shared still.
my $revision = value(q{select revision from homeostasis.rules where id = 'alone'});
$session = $node->background_psql("postgres");
$session->query_safe('begin; set client_min_messages = error; drop extension homeostasis cascade;'
      . " create extension homeostasis; select setval('homeostasis.rule_revisions', $revision - 1);"
      . q{ insert into homeostasis.rule_packs (name, description, version) values ('test', 'd', '1');}
      . rule('fresh', 'five', 'f'));
is($session->query_safe("select revision from homeostasis.rules where id = 'fresh'"),
    $revision, 'a revision may come again with another extension');
is($session->query_safe(winner('five')), 'fresh f', 'it stands for a rule of its own');
is($session->query_safe(winner('four')), '', 'and the rule that had it is gone');
$session->query_safe('rollback');
$session->quit;
value('drop extension homeostasis cascade; create extension homeostasis');
is(value(winner('three')), '', 'rules of an extension that is gone do not match');
value(q{insert into homeostasis.rule_packs (name, description, version) values ('test', 'd', '1');}
      . rule('back', 'three', 'e'));
value(q{select homeostasis.rules_ready()});
is(value(winner('three')), 'back e', 'those of the next one do');
$node->stop;

# No room for shared memory.
SKIP:
{
    skip 'nobody may mount a small disk here: run the tests as root', 4 unless $ENV{HOMEOSTASIS_SMALL_DISKS};

    on_small_disk($node->data_dir . '/pg_dynshmem', 'dynshmem');
    unlink $stored;
    $node->start;
    is(value(winner('three')), 'back e', 'without room for shared memory rules match');
    like(wait_for_value($node, 'select problem from homeostasis.stat_ruleset', qr/could not resize shared memory/),
        qr/./, 'why they are not shared is told');
    like(value(q{select status || ': ' || detail from homeostasis.health() where "check" = 'compiled rules'}),
        qr/^warning: could not resize shared memory/, 'and by health()');
    $node->stop;
    pass('and the server ends as ever');
}

done_testing();
