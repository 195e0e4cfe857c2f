
# 030_rules.pl: rules of a database that is not UTF-8, of one that was dumped
# and restored, of an extension that is dropped and created again, and what
# thousands of changes of the rules leave in a process's memory.

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;

# Few compiled patterns, so that what else grows is seen.
my $node = new_cluster('rules', 'max_prepared_transactions' => 2, 'homeostasis.rule_cache_size' => 50);

# match() of one message, as a subquery.
my $winner = q{(select rule_id from homeostasis.match(jsonb_build_object(
    'error_type', 'RulesTest', 'error_message', %s)))};

# A statement that adds a rule.
sub rule
{
    my ($id, $pattern) = @_;

    return qq{
        insert into homeostasis.rule_packs (name, description, version)
            values ('test', 'd', '1') on conflict do nothing;
        insert into homeostasis.rules (id, pack, description, root_cause,
            suggestion, confidence, error_type, pattern)
            values ('$id', 'test', 'd', 'c', 's', 1, 'RulesTest', $pattern);};
}

sub match
{
    my ($message) = @_;

    return 'select ' . sprintf($winner, $message);
}

# The extension goes and comes back under a session that has compiled rules.
my $psql = sprintf q{psql -qX -h '%s' -p %s postgres}, $node->host, $node->port;
is( $node->safe_psql(
        'postgres',
        join(";\n",
            rule('first', q{'one'}),
            match(q{'one'}),
            "\\! $psql -c 'drop extension homeostasis cascade' 2> /dev/null",
            q{select to_regproc('homeostasis.match') is null},
            "\\! $psql -c 'create extension homeostasis'",
            match(q{'one'}),
            rule('second', q{'two'}),
            match(q{'one'}),
            match(q{'two'}),
            q{drop extension homeostasis cascade; create extension homeostasis},
            match(q{'two'}))),
    "first\nt\n\n\nsecond\n",
    'a session forgets the rules of an extension that was dropped');

# A prepared transaction: its own session forgets, all see the commit.
is( $node->safe_psql(
        'postgres',
        join(";\n",
            rule('prepared', q{'before'}),
            'begin',
            q{update homeostasis.rules set pattern = 'after' where id = 'prepared'},
            match(q{'after'}),
            q{prepare transaction 'edit'},
            match(q{'after'}),
            match(q{'before'}),
            "\\! $psql -c \"commit prepared 'edit'\"",
            match(q{'after'}))),
    "prepared\n\nprepared\nprepared",
    'an edit is seen when its prepared transaction commits');

# Encodings.  What a client sends is converted to the database's; the engines
# work on UTF-8.
$node->safe_psql('postgres', qq{
    create database latin1 encoding 'LATIN1' locale 'C' template template0;
    create database euc_jp encoding 'EUC_JP' locale 'C' template template0;
    create database ascii encoding 'SQL_ASCII' locale 'C' template template0;
});
my $utf8 = "set client_encoding = 'UTF8';";

foreach my $database ('latin1', 'euc_jp', 'ascii')
{
    $node->safe_psql($database, 'create extension homeostasis');
}
my $captured = q{select captures ->> 'what' from homeostasis.match(
    jsonb_build_object('error_type', 'RulesTest', 'error_message', %s))};

is( $node->safe_psql('latin1', $utf8
        . rule('size', q{'^Größe \W(?<what>.)[^\x00-\x7f]$'})
        . sprintf($captured, q{'Größe »éü'})),
    'é', 'LATIN1: characters are characters, in the text and in what is captured');
is( $node->safe_psql('latin1', "$utf8 update homeostasis.rules set pattern = '(?i)GRÖSSE|(?<what>größe)'; "
        . sprintf($captured, q{'GRÖßE'})),
    'GRÖßE', 'LATIN1: case is ignored beyond ASCII');
my ($status, $out, $error) = $node->psql('latin1',
    "$utf8 update homeostasis.rules set pattern = 'ä(' where id = 'size'");
like($error, qr/missing closing parenthesis at offset 2/,
    'LATIN1: the offset counts characters');
is( $node->safe_psql('euc_jp', $utf8
        . rule('noun', q{'(?<what>[\x{4e00}-\x{9fff}]+)エラー'})
        . sprintf($captured, q{'構文エラー'})),
    '構文', 'EUC_JP: characters are characters');
is( $node->safe_psql('euc_jp', q{update homeostasis.rules set pattern = '^(?<what>a.+b)$';}
        . sprintf($captured, q{convert_from('\x61a9a162', 'EUC_JP')})),
    'a?b', 'EUC_JP: what UTF-8 has no character for is a question mark');
is( $node->safe_psql('ascii', $utf8
        . rule('byte', q{'^(?<what>a.b)é$'})
        . sprintf($captured, q{convert_from('\x61ff62c3a9', 'SQL_ASCII')})),
    'a?b', 'SQL_ASCII: bytes that are not UTF-8 are question marks');
is( $node->safe_psql('ascii', q{select count(*) from generate_series(0, 3000) n,
        homeostasis.match(jsonb_build_object('error_message',
            convert_from(substr(sha512(int4send(n)) || sha512(int4send(-n)), 1 + n % 50), 'SQL_ASCII')))
        where position('\x00'::bytea in sha512(int4send(n)) || sha512(int4send(-n))) = 0}),
    0, 'SQL_ASCII: no bytes raise an error');
($status, $out, $error) = $node->psql('ascii',
    q{update homeostasis.rules set pattern = convert_from('\x61ff', 'SQL_ASCII') where id = 'byte'});
like($error, qr/invalid pattern: it is not UTF-8/, 'SQL_ASCII: a pattern must be UTF-8');

# A dump holds what was edited and added, not what comes with the extension.
$node->safe_psql('postgres', q{
    update homeostasis.rules set confidence = 0.123 where id = 'pg-deadlock';
    update homeostasis.patch_templates set description = 'edited' where name = 'create_partition';
    update homeostasis.policies set enabled = false where name = 'ask_a_person';
    insert into homeostasis.analysis (service_id, issue_id, error_id, error_timestamp, source,
            confidence_score, root_cause, suggestion)
        values (1, 1, gen_random_uuid(), now(), 'person', 1, 'c', 's');
    create database restored;
});
my $dump = $node->backup_dir . '/rules.sql';
my $content = q{select jsonb_build_array(
    (select jsonb_agg(to_jsonb(r) order by r.id) from homeostasis.rules r),
    (select jsonb_agg(to_jsonb(t) order by t.name) from homeostasis.patch_templates t),
    (select jsonb_agg(to_jsonb(p) order by p.name) from homeostasis.policies p),
    (select jsonb_agg(to_jsonb(p) - 'loaded_at' order by p.name) from homeostasis.rule_packs p),
    (select jsonb_agg(to_jsonb(a) order by a.id) from homeostasis.analysis a))
    #- '{}'};
# When a shipped rule was loaded, and revisions, are not part of a dump.
$content =~ s/to_jsonb\(r\)/to_jsonb(r) - 'revision' - case when r.shipped and not r.modified then 'updated_at' else '' end/;

$node->command_ok([ 'pg_dump', '--file', $dump, '--dbname', $node->connstr('postgres') ],
    'the home database is dumped');
$node->command_ok([ 'psql', '-qX', '-v', 'ON_ERROR_STOP=1', '--file', $dump,
        '--dbname', $node->connstr('restored') ], 'and restored without an error');
is($node->safe_psql('restored', $content), $node->safe_psql('postgres', $content),
    'rules, packs, templates, policies and analyses are as they were');
is($node->safe_psql('restored', match(q{'after'})), 'prepared',
    'restored rules match');
is($node->safe_psql('restored', q{select count(*) from homeostasis.audit_verify()}), '0',
    'the restored audit log is whole');
$node->safe_psql('restored', q{
    insert into homeostasis.analysis (service_id, issue_id, error_id, error_timestamp, source,
            confidence_score, root_cause, suggestion)
        values (1, 1, gen_random_uuid(), now(), 'person', 1, 'c', 's')});
unlike(slurp_file($dump), qr/\bpg-missing-partition\b/,
    'a shipped rule that nobody edited is not in the dump');

# Counters are shared, and a library that is not preloaded does without.
$node->safe_psql('postgres', match(q{'after'})) for 1 .. 3;
is($node->safe_psql('postgres', q{select wins >= 3 from homeostasis.stat_rules where rule_id = 'prepared'}),
    't', 'stat_rules counts for all sessions');

# What changes of the rules leave behind.  A statement that changes no row
# still makes the process read the rules again; only the trigger that does so
# fires here, because the others take longer than what is tested.
my $cycles = q{
    create procedure change_rules(cycles integer) language plpgsql as $$
    begin
      for n in 1 .. cycles loop
        if n % 10 = 0 then
          update homeostasis.rules set detail_pattern = repeat('(?:x|y)?', 100) || n,
            pattern = format('(?i)changing (?<what>\w+) of (?:rule|row|table) %s: why$', n)
            where id = 'changing';
          commit;
        else
          update homeostasis.rules set confidence = 1 where false;
        end if;
        perform homeostasis.match(jsonb_build_object('error_type', 'RulesTest',
          'error_message', format('Changing all of table %s: why', n / 10 * 10),
          'detail', 'xy' || n / 10 * 10));
        if n >= 10 and not found then
          raise 'cycle % has no match', n;
        end if;
      end loop;
    end $$;
    create table resident (at_end bigint);
    create procedure remember() language sql as $$
      insert into resident select split_part(line, ' ', 1)::bigint
      from regexp_replace(pg_read_file('/proc/' || pg_backend_pid() || '/status'),
        '.*RssAnon:\s*(\d+) kB.*', '\1') as line $$;};
my $growth = $node->safe_psql('postgres', rule('changing', q{'x'}) . $cycles . q{
    set session_replication_role = replica;
    delete from homeostasis.rules where id <> 'changing';
    -- So many share the error type that their messages are scanned.
    insert into homeostasis.rules (id, pack, description, root_cause,
        suggestion, confidence, error_type, pattern)
      select 'crowd' || n, 'test', 'd', 'c', 's', 1, 'RulesTest', 'crowded ' || n
      from generate_series(1, 20) n;
    call change_rules(1000);
    call remember();
    call change_rules(10000);
    call remember();
    select max(at_end) - min(at_end) from resident;
});
cmp_ok($growth, '<', 4 * 1024, "10,000 changes leave less than 4 MB in the process: $growth kB");
cmp_ok(
    $node->safe_psql('postgres', q{
        call change_rules(100);
        select sum(total_bytes) from pg_backend_memory_contexts where name like 'homeostasis%'}),
    '<', 2 * 1024 * 1024, 'and little in its memory contexts');

my $bare = new_cluster('bare', 'shared_preload_libraries' => '', -extension => 0,
    'homeostasis.match_subject_limit' => '1kB');
is( $bare->safe_psql('postgres', 'create extension homeostasis;'
        . rule('plain', q{'x'})
        . match(q{'x'}) . ';'
        . q{select sum(candidates) from homeostasis.stat_rules}),
    "plain\n0", 'rules match when the library is not preloaded, uncounted');
is($bare->safe_psql('postgres', match(q{repeat('a', 1023) || 'x'}) . ';' . match(q{repeat('a', 1024) || 'x'})),
    "plain\n", 'no more of a text is searched than homeostasis.match_subject_limit');
$bare->stop;

$node->stop;
done_testing();
