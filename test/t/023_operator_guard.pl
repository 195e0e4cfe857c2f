# 023_operator_guard.pl: something that a dry run runs, however deep, could leave
# what its rollback does not undo, and a patch could run others' code as a
# superuser.

use strict;
use warnings;

use HomeostasisCluster;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('guard', 'homeostasis.mode' => 'observe',
    'wal_level' => 'logical', 'max_worker_processes' => 16);
my $loot = $node->basedir . '/loot';

$node->safe_psql('postgres', q{
    create role app login;
    create role mallory login;
    create database shop owner app});

# as(role, sql): in the shop's database
sub as
{
    my ($role, $sql) = @_;

    return $node->safe_psql('shop', $sql, extra_params => [ '-U', $role ]);
}

sub run_job
{
    my ($kind, %payload) = @_;
    (my $json = encode_json({ genuine => JSON::PP::true, %payload })) =~ s/'/''/g;

    return decode_json($node->safe_psql('postgres',
            "call homeostasis.run_job('$kind', 'shop', '$json', null)"));
}

# replay(role, statement, sqlstate): the result of a dry run of nothing
sub replay
{
    my ($role, $statement, $sqlstate) = @_;

    return run_job('validate', apply => ['select 1'], run_as => 'postgres',
        origin => 'server_log', session_role => $role,
        event => { role => $role, statement => $statement,
            search_path => 'public', sqlstate => $sqlstate });
}

as('postgres', q{
    create extension dblink;
    create extension file_fdw;
    create server files foreign data wrapper file_fdw;
    create table target (i int);
    create sequence numbers owned by target.i;
    select setval('numbers', 7);
    create table swallowed (i int);
    grant all on target, swallowed, numbers to app;
    grant create on schema public to app, mallory;
    select pg_create_logical_replication_slot('slot', 'test_decoding'),
      pg_create_physical_replication_slot('other');
    create function swallow(code text) returns int language plpgsql as $$
    begin
      execute code;
      return 1;
    exception when others then return 2;
    end $$});

# Every way out that there is, from inside of a function, as a superuser.
my $victim = $node->background_psql('shop');
my $pid = $victim->query_safe('select pg_backend_pid()');
my %way = (
    'lo_export()'      => "select lo_export(lo_creat(-1), '$loot')",
    'COPY'             => "copy (select 1) to '$loot'",
    'COPY '            => "copy (select 1) to program 'touch $loot'",
    'pg_terminate_backend()' => "select pg_terminate_backend($pid)",
    'setval()'         => q{select setval('numbers', 1000)},
    'pg_drop_replication_slot()' => q{select pg_drop_replication_slot('other')},
    'pg_logical_emit_message()' =>
      q{select pg_logical_emit_message(false, 'guard', 'escaped')},
    'dblink_exec()' =>
      q{select dblink_exec('dbname=shop', 'insert into target values (1)')},
    'report()' =>
      q{select homeostasis.report('{"error_message": "escaped"}')},
    'pg_reload_conf()' => 'select pg_reload_conf()',
    'CHECKPOINT'       => 'checkpoint',
    'LOAD'             => q{load 'auto_explain'},
    'CREATE FUNCTION'  =>
      q{create function c() returns int language c as 'dblink', 'dblink_connect'},
    'CREATE SUBSCRIPTION' =>
      q{create subscription s connection 'dbname=shop' publication p with (connect = false)});
as('postgres', q{
    create schema homeostasis;
    create function homeostasis.report(jsonb) returns void language c
      as 'homeostasis', 'homeo_report'});
foreach my $name (sort keys %way)
{
    (my $words = $name) =~ s/ $//;
    (my $code = $way{$name}) =~ s/'/''/g;
    my $r = replay('postgres', "select public.swallow('$code')", '22012');

    ok($r->{ok} && !$r->{replayable}, "refused in a function: $way{$name}")
      or diag(encode_json($r));
    like($r->{replay_note}, qr/\Q$words\E, which may leave/, '... and the note says so');
}

# Every place that code can be in, as the one who owns it.
as('app', qq{
    create function lasting() returns int language sql as
      \$\$select setval('public.numbers', 1000)::int\$\$;
    create function lasting(int) returns int language plpgsql immutable as
      \$\$begin perform setval('public.numbers', 1000); return \$1;
         exception when others then return \$1; end\$\$;
    create function lasting(int, int) returns int language plpgsql immutable as
      \$\$begin return public.lasting(\$1); end\$\$;
    create function lasting_trigger() returns trigger language plpgsql as
      \$\$begin perform lasting(1); return new; end\$\$;
    create table in_trigger (i int);
    create trigger t before insert on in_trigger
      for each row execute function lasting_trigger();
    create table in_condition (i int);
    create trigger t before insert on in_condition
      for each row when (lasting(new.i) > 0) execute function lasting_trigger();
    create table in_default (i int default lasting());
    create table in_check (i int check (lasting(i) > 0));
    create table in_generated (i int, g int generated always as (lasting(i)) stored);
    create table in_index (i int);
    create index on in_index (lasting(i));
    create table in_parent (i int primary key);
    create table in_child (i int references in_parent on delete cascade);
    create trigger t before delete on in_child
      for each row execute function lasting_trigger();
    insert into in_parent values (1);
    insert into in_child values (1);
    create view in_view as select lasting() as i;
    create table in_rule (i int);
    create rule r as on insert to in_rule do also select lasting();
    create table in_policy (i int);
    insert into in_policy values (1);
    alter table in_policy enable row level security, force row level security;
    create policy p on in_policy using (lasting(i) > 0);
    create operator === (leftarg = int, rightarg = int, function = lasting);
    create domain in_domain as int check (lasting(value) > 0);
    create type wrapped as (i int);
    create function lasting(wrapped) returns int language sql as 'select lasting()';
    create cast (wrapped as int) with function lasting(wrapped);
    create aggregate in_aggregate (int) (sfunc = lasting, stype = int, initcond = '1')});
as('postgres', q{
    create function kill(int) returns boolean language internal stable
      as 'pg_terminate_backend';
    create foreign table in_file (line text) server files
      options (program 'touch } . $loot . q{')});
foreach my $case (
    [ app => 'select lasting()' ],
    [ app => 'insert into in_trigger values (1)' ],
    [ app => 'insert into in_condition values (1)' ],
    [ app => 'insert into in_default default values' ],
    [ app => 'insert into in_check values (1)' ],
    [ app => 'insert into in_generated values (1)' ],
    [ app => 'insert into in_index values (1)' ],
    [ app => 'delete from in_parent' ],
    [ app => 'select * from in_view' ],
    [ app => 'insert into in_rule values (1)' ],
    [ app => 'select * from in_policy' ],
    [ app => 'select 1 === 1' ],
    [ app => 'select 1::in_domain' ],
    [ app => 'select row(1)::wrapped::int' ],
    [ app => 'select in_aggregate(i) from in_parent' ],
    [ app => 'create index on in_parent (lasting(i))' ],
    [ app => 'create table t as select lasting()' ],
    [ app => 'alter table in_parent alter i type int using lasting(i)' ],
    [ app => 'select from generate_series(1, 2) order by lasting(generate_series)' ],
    [ postgres => "select kill($pid)" ],
    [ postgres => 'select * from in_file' ],
    [ postgres => q{select dblink_connect('dbname=shop')} ])
{
    my ($role, $statement) = @$case;
    my $r = replay($role, $statement, '22012');

    ok($r->{ok} && !$r->{replayable}, "refused wherever it is: $statement")
      or diag(encode_json($r));
    like($r->{replay_note}, qr/not replayed: it .*may leave/,
        '... and the note says so');
}

# Nor while a plan is made: the server computes what it takes for constant.
as('postgres', q{
    create function folded(int) returns boolean language plpgsql immutable as
      $$begin return pg_terminate_backend($1); exception when others then return false; end$$});
my $planned = run_job('plan', origin => 'server_log', session_role => 'postgres',
    event => { role => 'postgres', statement => "select folded($pid)", search_path => 'public' },
    template => { name => 't', explain => JSON::PP::true,
        plan => q{select array['select 1'] as apply, 'app'::name as run_as, $2 as evidence} });
ok($planned->{ok} && $planned->{plan}{evidence}, 'a statement is explained')
  or diag(encode_json($planned));

# None of them left anything.
is($victim->query_safe('select 1'), '1', 'nobody was terminated');
ok(!-e $loot, 'no file was written, no program run');
is(as('postgres', 'select last_value from numbers'), '7', 'no sequence was set');
is(as('postgres', 'select count(*) from target'), '0',
    'nothing was written through another connection');
is(as('postgres', q{
    select count(*) from pg_logical_slot_get_changes('slot', null, null)
    where data like '%escaped%'}), '0', 'nothing was written to the WAL for others');
is($node->safe_psql('postgres', q{
    select count(*) from homeostasis.errors where message = 'escaped'}), '0',
    'nothing was reported');

# What is harmless is replayed: a trigger, a view, a procedural loop.
as('app', q{
    create table stamped (i int check (i > 0), changed timestamptz, by text);
    create function stamp() returns trigger language plpgsql as $$
    begin
      new.changed := clock_timestamp();
      new.by := current_query();
      set local work_mem = '4MB';
      notify stamped;
      create table local_to_it (i int);
      drop table local_to_it;
      begin perform new.i / 0; exception when division_by_zero then null; end;
      return new;
    end $$;
    create trigger stamp before insert on stamped
      for each row execute function stamp()});
my $r = replay('app', 'insert into stamped values (0)', '23514');
is($r->{before}{sqlstate}, '23514', 'a harmless trigger is in no way of a replay')
  or diag(encode_json($r));

# Not in parallel workers either, which have no guard.
as('app', q{
    create table large as select i from generate_series(1, 1000) i;
    alter table large set (parallel_workers = 2);
    create function terminate(int) returns boolean language plpgsql parallel safe as
      $$begin return pg_terminate_backend($1); exception when others then return false; end$$;
    create function try_parallel() returns bigint language plpgsql as $$
    begin
      perform set_config('max_parallel_workers_per_gather', '2', true),
        set_config('parallel_setup_cost', '0', true),
        set_config('parallel_tuple_cost', '0', true),
        set_config('min_parallel_table_scan_size', '0', true),
        set_config(name, 'on', true) from pg_settings
        where name in ('force_parallel_mode', 'debug_parallel_query');
      return (select count(*) from large where terminate(i + 1000000000));
    end $$});
$r = replay('app', 'select try_parallel()', '22012');
like($r->{replay_note}, qr/calls pg_terminate_backend\(\)/,
    'a statement that asks for parallel workers is guarded as well');

# The administrator may know better.
$node->safe_psql('postgres',
    q{alter system set homeostasis.replay_extensions = 'file_fdw'});
$node->reload;
poll_until($node, 'show homeostasis.replay_extensions', 'file_fdw', 'an extension is named');
my $list = $node->basedir . '/list';
append_to_file($list, "1\n");
as('postgres', "create foreign table list (i int) server files options (filename '$list')");
$r = replay('postgres', 'select i / 0 from list', '22012');
is($r->{before}{sqlstate}, '22012', 'its code runs in a replay then');

# A patch is guarded in the same way, and its setval() is contained.
as('app', q{
    create table in_patch (i int);
    create function set_numbers() returns trigger language plpgsql as
      $$begin perform setval('public.numbers', 1000); return new; end$$;
    create trigger t before insert on in_patch
      for each row execute function set_numbers()});
$r = run_job('validate', run_as => 'app', event => {},
    apply => ['insert into public.in_patch values (1)']);
ok($r->{ok} && !$r->{applied}, 'a patch with a lasting effect in a trigger is not applied');
like($r->{replay_note}, qr/the patch calls setval\(\)/, 'and the note says so');
$r = run_job('validate', run_as => 'app', event => {},
    apply => [q{select setval('public.numbers', 9), public.lasting(1)}]);
ok(!$r->{applied}, 'a setval() beside the code of others is not contained');
$r = run_job('validate', run_as => 'app', event => {},
    apply => [q{select setval('public.numbers', 9)}],
    undo => ['insert into public.in_patch values (1)']);
ok($r->{ok} && $r->{applied} && !$r->{undo_checked}, 'an undo that cannot be tried is not');
like($r->{replay_note}, qr/the undo calls setval\(\)/, 'and the note says so, too');
is(as('postgres', 'select last_value from numbers'), '7', 'no sequence was set');

# Code of somebody else does not run as a superuser.
as('postgres', q{
    create table treasure (i int);
    insert into treasure values (1);
    grant trigger on treasure to mallory});
as('mallory', q{
    create function seize() returns trigger language plpgsql as
      $$begin alter role mallory superuser; return new; end$$;
    create function seize(int) returns int language sql as 'select $1';
    create trigger seize before update on treasure
      for each row execute function seize()});
foreach my $statement ('update public.treasure set i = 2',
    'select public.seize(i) from public.treasure')
{
    my %patch = (run_as => 'postgres', transactional => JSON::PP::true);

    $r = run_job('validate', %patch, event => {}, apply => [$statement]);
    like($r->{failure}, qr/superuser may not run function seize\(\)/,
        "not tried as a superuser: $statement");
    $r = run_job('apply', %patch, statements => [$statement],
        digest => $node->safe_psql('postgres',
            "select homeostasis.statements_digest(array[\$\$$statement\$\$])"));
    like($r->{error}{message}, qr/superuser may not run function seize\(\)/,
        'nor deployed');
}
is(as('postgres', q{select rolsuper from pg_roles where rolname = 'mallory'}),
    'f', 'nobody became a superuser');
is(as('postgres', 'select i from treasure'), '1', 'and nothing was changed');
# deploy(role, statement): the result of its deployment
sub deploy
{
    my ($role, $statement) = @_;

    return run_job('apply', run_as => $role, transactional => JSON::PP::true,
        statements => [$statement], digest => $node->safe_psql('postgres',
            "select homeostasis.statements_digest(array[\$\$$statement\$\$])"));
}

# What a patch names can be replaced by whoever owns the schema.
as('postgres', q{
    create schema mallory authorization mallory;
    create role victim;
    grant victim to app;
    create table seized (who text);
    grant insert on seized to public;
    grant usage on schema mallory to public});
foreach my $role ('victim', 'postgres')
{
    as('postgres', "
        create table mallory.swapped (id int);
        alter table mallory.swapped owner to $role");
    as('mallory', q{
        drop table mallory.swapped;
        create or replace function mallory.seize() returns int language plpgsql as
          $$begin insert into public.seized values (current_user); return 1; end$$;
        create view mallory.swapped as select mallory.seize() as id;
        grant select on mallory.swapped to public});
    my $statement = 'select max(id) from mallory.swapped';
    my $why = $role eq 'victim' ? qr/relation "swapped" does not belong to victim/
      : qr/superuser may not run function seize\(\)/;

    $r = deploy($role, $statement);
    like($r->{error}{message}, $why, "what was replaced does not run as $role");
    $r = run_job('validate', run_as => $role, event => {}, apply => [$statement]);
    like($r->{failure}, $why, 'nor in a dry run');
    as('mallory', 'drop view mallory.swapped');
}
as('mallory', q{
    create or replace function mallory.leave(int) returns int language plpgsql immutable as
      $$begin
          perform setval('mallory.seen', case current_user when 'victim' then 666 else 1 end);
          return $1;
        end$$;
    create sequence mallory.seen;
    create table mallory.swapped (i int);
    create index on mallory.swapped (mallory.leave(i)) where mallory.leave(7) = i;
    grant all on mallory.seen, mallory.swapped to public;
    grant create on schema mallory to public});
foreach my $statement (
    'create table mallory.made (like mallory.swapped including all)',
    'create table mallory.made as select mallory.leave(1) from mallory.swapped')
{
    $r = deploy('victim', $statement);
    like($r->{error}{message}, qr/relation "swapped" does not belong to victim/,
        "not done with what was replaced: $statement");
}
is(as('postgres', 'select last_value from mallory.seen'), '1',
    'nothing of it ran as the victim');
as('mallory', 'drop table mallory.swapped');
as('mallory', qq{
    create view mallory.swapped as select lo_export(1, '$loot') as id;
    grant select on mallory.swapped to public});
$r = deploy('postgres', 'select max(id) from mallory.swapped');
like($r->{error}{message}, qr/calls lo_export\(\), which may leave/,
    'nor what the server has for superusers');
ok(!-e $loot, 'no file was written');
is(as('postgres', 'select count(*) from seized'), '0', 'nothing of it ran');

as('postgres', q{
    drop trigger seize on treasure;
    alter table treasure owner to victim});
$r = deploy('app', 'update public.treasure set i = 2');
is(as('postgres', 'select i from treasure'), '2', 'a patch may run as a member of the owner')
  or diag(encode_json($r));
as('postgres', 'alter table treasure owner to app');
as('app', q{
    create trigger set_numbers before update on treasure
      for each row execute function set_numbers()});
$r = deploy('app', 'update public.treasure set i = 3');
ok($r->{ok}, 'an approved patch runs the triggers of its table as its owner')
  or diag(encode_json($r));
is(as('postgres', 'select last_value from numbers'), '1000', 'whatever they do');
$r = deploy('postgres', q{select setval('public.numbers', 2000)});
ok($r->{ok}, 'a patch may set a sequence as a superuser')
  or diag(encode_json($r));

$victim->quit;
$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal/,
    'nothing crashed');
done_testing();
