# 021_operator_apply.pl: an approved patch is applied as a whole or not at all,
# by the role it names, within its limits; an operator that ends early says
# nothing wrong.

use strict;
use warnings;

use HomeostasisCluster;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = new_cluster('apply', 'homeostasis.mode' => 'observe',
    'homeostasis.deploy_statement_timeout' => '4s',
    'homeostasis.deploy_lock_timeout' => '1s',
    'homeostasis.dry_run_statement_timeout' => '3s',
    'homeostasis.dry_run_lock_timeout' => '1s');

$node->safe_psql('postgres', 'create role app login');
$node->safe_psql('postgres', 'create role owners nologin');
$node->safe_psql('postgres', 'create database shop owner app');
my $shop = sub { return $node->safe_psql('shop', $_[0]) };

$shop->(q{
    create schema app authorization app;
    set role app;
    create table app.item (id int, name text);
    insert into app.item select i, 'x' from generate_series(1, 100) i;
    reset role;
    create schema other authorization owners;
    create table other.owned (i int);
    alter table other.owned owner to owners;
    grant usage on schema other to app});

sub quoted
{
    (my $text = encode_json($_[0])) =~ s/'/''/g;
    return $text;
}

# run_job(kind, payload): its result
sub run_job
{
    my ($kind, $payload, $database) = @_;
    my $json = quoted({ genuine => JSON::PP::true, %$payload });

    $database //= 'shop';
    return decode_json($node->safe_psql('postgres',
            "call homeostasis.run_job('$kind', '$database', '$json', null)"));
}

# payload(statements, field => value...): of an apply job, with its digest
sub payload
{
    my ($statements, %field) = @_;
    my $array = quoted($statements);

    return {
        statements    => $statements,
        run_as        => 'app',
        transactional => JSON::PP::true,
        digest => $node->safe_psql('postgres', "
            select homeostasis.statements_digest(array(
              select jsonb_array_elements_text('$array')))"),
        %field
    };
}

sub apply
{
    return run_job('apply', payload(@_));
}

my $r = apply([ 'alter table app.item add column price int',
        'update app.item set price = 1' ]);
ok($r->{ok}, 'a patch is applied');
is_deeply([ map { $_->{status} } @{ $r->{steps} } ], [ 'done', 'done' ],
    'each of its steps is told');
is($shop->('select count(*) from app.item where price = 1'), '100',
    'its changes are there');

$r = apply([ 'alter table app.item drop column price', 'select 1/0',
        'drop table app.item' ]);
ok(!$r->{ok}, 'a patch that fails is not applied');
is_deeply([ map { $_->{status} } @{ $r->{steps} } ],
    [ 'skipped', 'failed', 'skipped' ], 'the failed step is told');
is($r->{error}{sqlstate}, '22012', 'the result holds the error');
is($shop->('select count(*) from app.item where price = 1'), '100',
    'nothing of it remains');

# Exactly what was approved.
$r = run_job('apply', { %{ payload(['select 1']) },
        statements => ['drop table app.item'] });
ok(!$r->{ok}, 'statements that do not match the digest are refused');
like($r->{error}{message}, qr/digest differs/, 'and the error says so');
$r = run_job('apply',
    { statements => ['select 1'], run_as => 'app' });
like($r->{error}{message}, qr/digest differs/, 'a job without a digest is refused');

# As the role it names, and as nobody else.
$r = apply(['create role thief superuser']);
like($r->{error}{message}, qr/CREATE ROLE may not be part of a patch/,
    'statements about roles are refused');
$r = apply(['drop table other.owned']);
like($r->{error}{message}, qr/must be owner/,
    'a patch has the rights of its role only');
$r = apply(['select 1'], run_as => 'nobody');
like($r->{error}{message}, qr/role "nobody" does not exist/,
    'a role that does not exist is named');
foreach my $sql ('commit', 'copy app.item to program $$id$$', 'load $$x$$',
    'alter system set work_mem = 1', 'set role postgres', 'do $$begin end$$',
    'call x()', 'prepare p as select 1', 'listen x', 'select 1; select 2',
    'create database x', 'discard all', 'explain analyze select 1', '')
{
    (my $text = $sql) =~ s/\$\$/'/g;
    $r = apply([$text]);
    ok(!$r->{ok} && $r->{error}{message} =~
          /may not be part of a patch|statements instead of one|syntax error/,
        "refused in a patch: $text")
      or diag(encode_json($r));
}

# Statements that manage their transactions themselves.
my %alone = (transactional => JSON::PP::false);
$r = apply([ 'create index concurrently item_name_idx on app.item (name)',
        'vacuum (analyze) app.item' ], %alone);
ok($r->{ok}, 'create index concurrently and vacuum are applied');
is($shop->(q{select indisvalid from pg_index
             where indexrelid = 'app.item_name_idx'::regclass}), 't',
    'the index is valid');
is($shop->(q{select pg_get_userbyid(relowner) from pg_class
             where relname = 'item_name_idx'}), 'app',
    'it belongs to the role');
$r = apply([ 'reindex index concurrently app.item_name_idx',
        'drop index concurrently app.item_name_idx' ], %alone);
ok($r->{ok}, 'reindex concurrently and drop index concurrently too');
$r = apply(['create index concurrently owned_idx on other.owned (i)'], %alone);
like($r->{error}{message}, qr/must be owner/,
    'they have the rights of the role only');
$r = apply(['create index concurrently owned_idx on other.owned (i)'], %alone,
    run_as => 'owners');
ok($r->{ok}, 'a role that cannot log in may own what they change');
$r = apply([ 'create index concurrently i1 on app.item (id)',
        'create unique index concurrently i2 on app.item (name)',
        'vacuum app.item' ], %alone);
ok(!$r->{ok} && $r->{partial}, 'one that fails in the middle is partial');
is_deeply([ map { $_->{status} } @{ $r->{steps} } ],
    [ 'done', 'failed', 'skipped' ], 'and tells which step was done');
$r = apply(['drop table app.item'], %alone);
like($r->{error}{message}, qr/may not be part of a patch that is not/,
    'other statements may not run outside of a transaction');
$r = apply(['create index concurrently on app.item (id)']);
like($r->{error}{message}, qr/cannot run in the transaction of a patch/,
    'nor these in one');
# Code of the table's owner that runs in them cannot become a superuser.
$shop->(q{
    set role app;
    create function app.expression(i int) returns int language plpgsql immutable
      as $$begin perform set_config('session_authorization', 'postgres', false);
             execute 'create role thief superuser'; return i; end$$});
$r = apply(['create index concurrently evil on app.item (app.expression(id))'],
    %alone);
like($r->{error}{message}, qr/security-restricted|cannot set parameter/,
    'an index expression cannot change the session\'s user');
$shop->(q{
    set role app;
    create function app.escape() returns int language plpgsql as
      $$begin perform set_config('role', 'postgres', false);
             execute 'create role thief superuser'; return 1; end$$});
$r = apply(['select app.escape()']);
like($r->{error}{message}, qr/cannot set parameter "role" within security-/,
    'nor can a function that a patch calls');

is($shop->(q{select count(*) from pg_roles where rolname = 'thief'}), '0',
    'no superuser was made');

# Limits.
my $lock = $node->background_psql('shop');
$lock->query_safe('begin; lock table app.item in row exclusive mode');
my $begin = time();
$r = apply(['alter table app.item add column c int']);
is($r->{error}{sqlstate}, '55P03', 'a blocked lock is given up');
cmp_ok(time() - $begin, '<', 4, 'after deploy_lock_timeout');
is($node->safe_psql('postgres', q{
    select count(*) from pg_locks where not granted}), '0',
    'and nobody waits behind it any more');
$r = run_job('validate', { apply => ['alter table app.item add column c int'],
        run_as => 'app', event => {} });
like($r->{failure}, qr/lock timeout/, 'in a dry run too');
$lock->query_safe('rollback');
$lock->quit;
$begin = time();
$r = apply(['select pg_sleep(60)']);
is($r->{error}{sqlstate}, '57014', 'a slow statement is cancelled');
cmp_ok(time() - $begin, '<', 20, 'after deploy_statement_timeout');
$begin = time();
$r = run_job('validate', { apply => ['select 1'], run_as => 'app',
        origin => 'server_log', session_role => 'app',
        event => { role => 'app', statement => 'select pg_sleep(60)' } });
is($r->{before}{sqlstate}, '57014', 'a slow replay is cancelled');
cmp_ok(time() - $begin, '<', 20, 'after dry_run_statement_timeout');

# The operator's database.
$r = run_job('plan', {}, 'nowhere');
like($r->{error}{message}, qr/database "nowhere" does not exist/,
    'a database that does not exist is named');
ok(!$r->{interrupted}, 'and another attempt is not worth it');
$node->safe_psql('postgres', 'create database closed allow_connections false');
$r = run_job('plan', {}, 'closed');
like($r->{error}{message}, qr/does not allow connections/,
    'a closed database is named');
$r = run_job('nonsense', {});
like($r->{error}{message}, qr/no job of kind "nonsense"/,
    'a kind of job that does not exist is named');

# start_slow(): a session that waits for an operator that sleeps, and the
# process ids of both
sub start_slow
{
    my $json = quoted(payload(['select pg_sleep(3)']));
    my $session = $node->background_psql('postgres');
    my $pid = $session->query_safe('select pg_backend_pid()');

    $session->{stdin} .=
      "call homeostasis.run_job('apply', 'shop', '$json', null);\n";
    $session->{run}->pump_nb;
    my $operator = wait_for_value($node, q{
        select pid from pg_stat_activity
        where backend_type = 'homeostasis operator'
          and wait_event = 'PgSleep'}, qr/^\d+$/);
    return ($session, $pid, $operator);
}

my $operators = q{
    select count(*) from pg_stat_activity
    where backend_type = 'homeostasis operator'};

# Who waits holds no snapshot, so the operator can wait for all of them.
my ($session, $pid, $operator) = start_slow();
is($node->safe_psql('postgres', "
    select backend_xmin is null and backend_xid is null
    from pg_stat_activity where pid = $pid"), 't',
    'a session that waits for its operator holds no backend_xmin');
is($node->safe_psql('postgres', q{
    select kind || ' ' || database || ' ' || state
    from homeostasis.stat_workers where kind = 'operator'}),
    'operator shop working', 'stat_workers shows the operator');

$node->safe_psql('postgres', "select pg_cancel_backend($pid)");
poll_until($node, $operators, '0',
    'cancelling the session ends the operator', 2);
eval { $session->quit };

($session, $pid, $operator) = start_slow();
$node->safe_psql('postgres', "select pg_terminate_backend($pid)");
poll_until($node, $operators, '0',
    'terminating the session ends the operator', 2);
eval { $session->quit };

($session, $pid, $operator) = start_slow();
$node->safe_psql('postgres', "select pg_terminate_backend($operator)");
my $end = time() + 30;
$session->{run}->pump_nb
  until $session->{stdout} =~ /interrupted/ || time() > $end;
like($session->{stdout}, qr/"interrupted": true/,
    'an operator that was terminated answers that it was interrupted');
$session->quit;

($session, $pid, $operator) = start_slow();
$begin = time();
$node->safe_psql('postgres', 'drop database shop');
cmp_ok(time() - $begin, '<', 5, 'drop database ends an operator in it');
eval { $session->quit };

is($node->safe_psql('postgres',
        q{select count(*) from homeostasis.stat_workers}), '3',
    'the other workers run as before');
unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal/,
    'nothing crashed');

$node->stop;
done_testing();
