
# 053_match_cache.pl: an answer of the cache could be wrong in another session,
# while rules change, after a crash, with other settings, or with little memory.

use strict;
use warnings;

use HomeostasisCluster;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('match_cache');

sub rule
{
    my ($id, $pattern) = @_;

    return qq{
        insert into homeostasis.rule_packs (name, description, version)
            values ('test', 'd', '1') on conflict do nothing;
        insert into homeostasis.rules (id, pack, description, root_cause,
            suggestion, confidence, error_type, pattern)
            values ('$id', 'test', 'd', 'c', 's', 1, 'CacheTest', '$pattern');};
}

my $event = q{jsonb_build_object('error_type', 'CacheTest', 'error_message', %s)};

# A query for the rule that wins, with a dash for none, and for where that is
# known.
sub winner
{
    my ($message) = @_;

    return sprintf "select coalesce((select rule_id from homeostasis.match($event)), '-')", $message;
}

sub cached
{
    my ($message) = @_;

    return sprintf "select coalesce(min(cached), 'no') from homeostasis.explain_match($event, true)", $message;
}

# Several sessions, and edits in one of them.
$node->safe_psql('postgres', rule('first', 'one|two'));
my $writer = $node->background_psql('postgres');
my $reader = $node->background_psql('postgres');
my $other = $node->background_psql('postgres');
is($reader->query_safe(cached(q{'one'})), 'no', 'nobody knows a new event');
is($reader->query_safe(winner(q{'one'})), 'first', 'one session matches it');
is($reader->query_safe(cached(q{'one'})), 'local', 'and knows the answer then');
is($other->query_safe(cached(q{'one'})), 'shared', 'as do the others');
is($other->query_safe(winner(q{'one'})), 'first', 'it is the same answer');
is($other->query_safe(cached(q{'one'})), 'local', 'which each of them keeps');
is($other->query_safe(winner(q{'two'})), 'first', 'each may find out');

# edit(statement, as the writer has it, as others have it once it is committed)
sub edit
{
    my ($statement, $expected, $before) = @_;

    $writer->query_safe('begin');
    $writer->query_safe($statement);
    is($writer->query_safe(winner(q{'one'})), $expected, "$statement: seen at once");
    is($writer->query_safe(winner(q{'one'})), $expected, 'again and again');
    is($reader->query_safe(winner(q{'one'})), $before, 'but by nobody else');
    $writer->query_safe('rollback');
    is($writer->query_safe(winner(q{'one'})), $before, 'forgotten by a rollback');
    is($writer->query_safe(cached(q{'one'})), 'local', 'and what was known is known again');
    $writer->query_safe($statement);
    is($reader->query_safe(winner(q{'one'})), $expected, 'seen by others after the commit');
    like($other->query_safe(cached(q{'one'})), qr/^(local|shared)$/, 'which know it already');
    is($other->query_safe(winner(q{'one'})), $expected, 'and are right');
    return;
}

edit(q{update homeostasis.rules set id = 'second' where id = 'first'}, 'second', 'first');
edit(q{update homeostasis.rules set enabled = false where id = 'second'}, '-', 'second');
edit(q{update homeostasis.rules set enabled = true where id = 'second'}, 'second', '-');
edit(q{insert into homeostasis.rules select (jsonb_populate_record(r, '{"id": "third", "priority": 9}')).*
    from homeostasis.rules r where id = 'second'}, 'third', 'second');
edit(q{delete from homeostasis.rules where id = 'third'}, 'second', 'third');
$writer->query_safe('begin');
$writer->query_safe('savepoint s');
$writer->query_safe(q{update homeostasis.rules set pattern = 'three' where id = 'second'});
is($writer->query_safe(winner(q{'one'})), '-', 'an edit behind a savepoint is seen');
$writer->query_safe('rollback to s');
is($writer->query_safe(winner(q{'one'})), 'second', 'until that is rolled back to');
$writer->query_safe('commit');
$_->quit foreach $reader, $other;

# The extension goes and comes back, and so do revisions of rules.
$writer->query_safe('drop extension homeostasis cascade');
$writer->query_safe('create extension homeostasis');
is($writer->query_safe(winner(q{'one'})), '-', 'an extension that was dropped leaves no answers');
$writer->query_safe(rule('anew', 'one'));
is($writer->query_safe(winner(q{'one'})), 'anew', 'the new one has its own');
$node->safe_psql('postgres', q{create database twin; select setval('homeostasis.rule_revisions', 5000)});
$node->safe_psql('twin', q{create extension homeostasis; select setval('homeostasis.rule_revisions', 5000)});
$node->safe_psql('postgres', 'truncate homeostasis.rules;' . rule('here', 'one') . winner(q{'one'}));
is($node->safe_psql('twin', 'truncate homeostasis.rules;' . rule('there', 'one') . winner(q{'one'})),
    'there', 'another database has its own answers');
$writer->quit;

# What is there now is counted: a session takes with it what is its own.
poll_until($node, q{select count(*) from pg_stat_activity where backend_type = 'client backend'}, '1', 'sessions are gone');
poll_until($node, q{select entries from homeostasis.stat_cache where cache = 'match' and level = 'local'}, qr/^[0-9]$/,
    'and so are their own entries');
cmp_ok($node->safe_psql('postgres', q{select entries from homeostasis.stat_cache where level = 'shared'}), '>', 5,
    'what is shared stays');

# Every answer is one that was true at that moment, however often rules change
# meanwhile.  A version is in three columns of the rule, and a session finds it
# in the table before and after it matches; it may be told of a commit a moment
# after it sees the row.
$node->safe_psql('postgres', 'truncate homeostasis.rules;' . rule('changing', 'version (?<n1>.*)') . q{
    update homeostasis.rules set suggestion = '1', root_cause = '1';
    create table verdict (checks bigint, versions bigint);
    create procedure watch(until bigint) language plpgsql as $$
    declare
      event constant jsonb := '{"error_type": "CacheTest", "error_message": "version of all"}';
      before bigint; after bigint := 0; checks bigint := 0; versions bigint := 0; last text := ''; m record;
    begin
      while after < until loop
        select suggestion into before from homeostasis.rules where id = 'changing';
        select * into strict m from homeostasis.match(event);
        select suggestion into after from homeostasis.rules where id = 'changing';
        if m.suggestion::bigint not between before - 1 and after then
          raise 'answer of version % between % and %', m.suggestion, before, after;
        elsif m.root_cause <> m.suggestion or m.captures <> jsonb_build_object('n' || m.suggestion, 'of all') then
          raise 'answer in pieces: %', m;
        end if;
        checks := checks + 1;
        versions := versions + (m.suggestion <> last)::int;
        last := m.suggestion;
        commit;
      end loop;
      insert into verdict values (checks, versions);
    end $$;
    create procedure change(version bigint) language sql as $$
      update homeostasis.rules set suggestion = version, root_cause = version,
        pattern = format('version (?<n%s>.*)', version) where id = 'changing'
    $$;
    create procedure churn(changes integer) language plpgsql as $$
    begin
      for i in 2 .. changes + 1 loop
        call change(i);
        commit;
        call change(1000000);
        if (select suggestion from homeostasis.match('{"error_type": "CacheTest", "error_message": "version of all"}')) <> '1000000' then
          raise 'own change is not seen';
        end if;
        rollback;
      end loop;
    end $$;});

sub start
{
    my ($sql) = @_;
    my %session = (error => '');

    $session{run} = IPC::Run::start([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-c', $sql ],
        '<', '/dev/null', '>', '/dev/null', '2>', \$session{error});
    return \%session;
}

my @sessions = ((map { start('call watch(301)') } 1 .. 3), start('call churn(300)'));
foreach my $session (@sessions)
{
    $session->{run}->finish;
    is($session->{error}, '', 'no answer was wrong while rules changed');
}
is($node->safe_psql('postgres', 'select count(*), min(versions) > 20 and min(checks) > 200 from verdict'), '3|t', 'which was so all the time');

# A process is killed while others match: they begin anew, and are right.
$node->safe_psql('postgres', q{
    truncate verdict;
    create procedure load() language plpgsql as $$
    declare
      wrong bigint;
    begin
      loop
        select count(*) into wrong from generate_series(1, 2000) n
        left join homeostasis.match(jsonb_build_object('error_type', 'CacheTest', 'error_message', 'version ' || n)) m on true
        where m.captures is distinct from jsonb_build_object('n301', n::text);
        if wrong > 0 then
          insert into verdict values (wrong, 0);
        end if;
        commit;
      end loop;
    end $$});
foreach my $turn (1 .. 2)
{
    my @loads = map { start('call load()') } 1 .. 3;
    my $pid = wait_for_value($node, q{select min(pid) from pg_stat_activity where query = 'call load()' and state = 'active'}, qr/^\d+$/);
    wait_for_value($node, q{select evictions > 100 from homeostasis.stat_cache where cache = 'match' and level = 'local'}, 't');
    kill_backend($pid);
    $_->{run}->finish foreach @loads;
    poll_until($node, q{select max(hits) < 100 from homeostasis.stat_cache where cache = 'match'}, 't', 'after a crash the caches begin anew');
    is($node->safe_psql('postgres', winner(q{'version 5'}) . ';select count(*) from verdict'), "changing\n0", 'and no answer was wrong');
}

# A setting that changes answers.
set_conf($node, 'homeostasis.match_subject_limit' => '1kB');
$node->safe_psql('postgres', rule('end', 'end$'));
is($node->safe_psql('postgres', winner(q{repeat('a', 1021) || 'end'})), 'end', 'a text that ends with a word');
is($node->safe_psql('postgres', winner(q{repeat('a', 1022) || 'end'})), 'end', 'and a longer one');
$node->reload;
wait_for_value($node, q{select setting from pg_settings where name = 'homeostasis.match_subject_limit'}, '1024');
is($node->safe_psql('postgres', winner(q{repeat('a', 1021) || 'end'})), 'end', 'the first is matched as far as the new limit');
is($node->safe_psql('postgres', winner(q{repeat('a', 1022) || 'end'})), '-', 'the second is cut there, whatever was known of it');
is($node->safe_psql('postgres', winner(q{repeat('a', 1023) || 'é'}) . ';' . cached(q{repeat('a', 1023) || 'é'})),
    "-\nlocal", 'a text is cut within a character');
is($node->safe_psql('postgres', cached(q{repeat('a', 1023) || 'éx'})), 'shared', 'what comes behind does not matter');
is($node->safe_psql('postgres', cached(q{repeat('a', 1023)})), 'no', 'but that something does');
is($node->safe_psql('postgres', cached(q{repeat('a', 1024)})), 'no', 'and which byte is the last');
$node->append_conf('postgresql.conf', "homeostasis.match_subject_limit = '64kB'");

# Rules of some packs, and their examples: known here, known elsewhere, in a cache that
# is too small for them, and without one.
$node->safe_psql('postgres', q{
    truncate homeostasis.rules;
    select homeostasis.load_pack(name) from unnest(array['python', 'java', 'docker', 'nginx']) name;
    create table example as
      select row_number() over () as n, homeostasis.example_event(r, e) as event
      from homeostasis.rules r, jsonb_array_elements(r.examples || r.counter_examples) e where e ? 'message';});
my $answers = q{select n, m.* from example left join homeostasis.match(event) m on true order by n;};
my $expected = $node->safe_psql('postgres', $answers);
my $lines = () = $expected =~ /^\d+\|./mg;
cmp_ok($lines, '>', 200, 'rules match many examples');
is($node->safe_psql('postgres', $answers . $answers), "$expected\n$expected", 'answers of others are the same');
is($node->safe_psql('postgres', q{select bool_and(cached is not null) from example, homeostasis.explain_match(event)}),
    't', 'all of them are known');

# shrunk(size): with such a cache.
sub shrunk
{
    my ($size) = @_;

    set_conf($node, 'homeostasis.match_cache_size' => $size);
    $node->restart;
    is($node->safe_psql('postgres', $answers . $answers), "$expected\n$expected", "answers with a cache of $size are the same");
    is($node->safe_psql('postgres', $answers), $expected, 'in another session, too');
    return $node->safe_psql('postgres', q{
        select entries, entries = max_entries, evictions > 0, bytes <= 1024 * 20 from homeostasis.stat_cache
        where cache = 'match' and level = 'shared'});
}

is(shrunk('20kB'), '32|t|t|t', 'and it never has more entries than there is room for');
is(shrunk('0'), '0||f|t', 'no cache is none');
is($node->safe_psql('postgres', q{select count(cached) from example, homeostasis.explain_match(event)}), '0', 'nothing is known then');
is($node->safe_psql('postgres', q{select hits, misses, entries, max_entries from homeostasis.stat_cache
    where cache = 'match' and level = 'local'}), '0|0|0|', 'by a process either');

# The caches are filled by the worker that stores errors, and by its restart.
set_conf($node, 'homeostasis.match_cache_size' => '1MB');
$node->restart;
$node->safe_psql('postgres', 'truncate homeostasis.rules;' . rule('reported', 'reported (?<what>.*)')
        . q{select homeostasis.report('CacheTest', 'reported ' || word) from unnest(array['once', 'twice']) word});
my $sample = q{select homeostasis.event_of(service_id, sample_event_id, sample_timestamp) as event
    from homeostasis.issues where title like 'reported%'};
wait_for_value($node, q{select count(*) from homeostasis.analysis where rule_id = 'reported'}, qr/^[12]$/);
is($node->safe_psql('postgres', qq{select distinct cached from ($sample) s, homeostasis.explain_match(s.event)}), 'shared',
    'what the worker has matched is known to all, as it was stored');
$node->restart;
poll_until($node, qq{select string_agg(distinct cached, ',') from ($sample) s, homeostasis.explain_match(s.event)}, 'shared',
    'a worker that starts finds out about the commonest issues');
my $issues = $node->safe_psql('postgres', 'select count(*) from homeostasis.issues');
my $warmed = q{select entries from homeostasis.warm_caches(%s) where what = 'issues';};
is($node->safe_psql('postgres', sprintf $warmed, ''), $issues, 'so does warm_caches()');
is($node->safe_psql('postgres', join '', map { sprintf $warmed, $_ } '1', '1000, 0', "1000, null, $issues - 1", '1000, null, 1000'),
    "1\n1\n1\n0", 'of as many as it may, as long as it may');
is($node->safe_psql('postgres', q{select wins from homeostasis.stat_rules where rule_id = 'reported'}), '0',
    'which does not count as a win of a rule');

$node->stop;

# Without the library preloaded each process has its own.
my $bare = new_cluster('bare_cache', 'shared_preload_libraries' => '', -extension => 0);
is( $bare->safe_psql('postgres', 'create extension homeostasis;' . rule('alone', 'one') . winner(q{'one'}) . ';' . cached(q{'one'}) . ';'
        . q{select level, hits, misses, max_entries from homeostasis.stat_cache where cache = 'match'}),
    "alone\nlocal\nlocal|0|1|256\nshared|0|1|", 'a process that is alone has a cache of its own');
is($bare->safe_psql('postgres', cached(q{'one'})), 'no', 'which others know nothing of');
$bare->stop;

done_testing();
