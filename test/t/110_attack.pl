# 110_attack.pl: a user who owns tables, may create functions and may report
# errors becomes no more than that: not through the code that dry runs and
# deployments run for him, not through names, planted objects, messages or
# forged errors.

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('attack');
my $loot = $node->basedir . '/loot';

# as(role, sql): runs it as that role; returns (exit status, standard error)
sub as
{
    my ($role, $sql) = @_;
    my $status = $node->psql('postgres', $sql,
        extra_params => [ '-U', $role ], stderr => \my $stderr);

    return ($status, $stderr);
}

# What happened, counted by sequences, which no rollback winds back: an attack
# ran, one ran as a superuser, one had success (the number is which).
$node->safe_psql('postgres', qq{
    create sequence ran;
    create sequence was_super;
    create sequence escaped;
    grant all on ran, was_super, escaped to public;
    create role mallory login;
    create role ann login in role homeostasis_operator;
    grant homeostasis_reporter to mallory;
    grant create on schema public to mallory;
    create schema mallory authorization mallory;
    grant usage on schema mallory to public;
    update homeostasis.policies set observe_window = '1 second', settle_time = '0'
      where shipped;
});

my ($status, $stderr) = as('mallory', qq{
    create function mallory.is_super() returns boolean language sql as
      'select rolsuper from pg_roles where rolname = current_user';
    create function mallory.attack(value int default 0) returns int
    language plpgsql immutable as \$\$
    declare
      attempts constant text[] := array[
        'alter role mallory superuser',
        'create role loot superuser',
        'grant postgres to mallory',
        'grant homeostasis_admin to mallory',
        'grant homeostasis_owner to mallory',
        'grant pg_execute_server_program to mallory',
        'set role postgres',
        'set local role homeostasis_owner',
        'set session authorization postgres',
        'select set_config(''role'', ''postgres'', false)',
        'copy (select 1) to program ''touch $loot''',
        'copy (select 1) to ''$loot''',
        'select pg_read_file(''postgresql.conf'')',
        'select lo_export(lo_creat(-1), ''$loot'')',
        'alter system set homeostasis.mode = auto',
        'set homeostasis.mode = auto',
        'set session_replication_role = replica',
        'commit',
        'rollback',
        'update homeostasis.patches set status = ''approved''',
        'select homeostasis.approve(1)',
        'select homeostasis.audit_append(''a'', ''b'', 1, ''c'', ''{}'')',
        'delete from homeostasis.audit_log',
        'insert into homeostasis.policies (name, decision) values (''mine'', ''approve'')',
        'alter database postgres owner to mallory',
        'create function pg_catalog.loot() returns int language sql as ''select 1''',
        'declare loot cursor with hold for select mallory.attack()'];
    begin
      perform nextval('public.ran');
      for i in 1 .. cardinality(attempts) loop
        begin
          execute attempts[i];
          perform setval('public.escaped', 100 + i);
        exception when others then null;
        end;
        if mallory.is_super() then
          perform nextval('public.was_super');
        end if;
      end loop;
      -- These are harmless where he may do them: in his own session.
      begin
        reset role;
        reset session authorization;
      exception when others then null;
      end;
      if mallory.is_super() then
        perform nextval('public.was_super');
      end if;
      return coalesce(value, 0);
    end \$\$;
    create function mallory.postpone() returns trigger language plpgsql as \$\$
    begin
      set constraints all deferred;
      return new;
    end \$\$;
    create function mallory.trigger() returns trigger language plpgsql as \$\$
    begin
      perform mallory.attack();
      return new;
    end \$\$;
    create domain mallory.number as int check (mallory.attack(value) is not null);
});
is($status, 0, 'the attacks can be laid out') or diag($stderr);

# trap(table, shape of it): a table that runs attacks wherever its owner can
# make a table do so
sub trap
{
    my ($table) = @_;

    return qq{
        create table $table (
          id serial,
          day date not null,
          d int default mallory.attack(1),
          c int check (mallory.attack(c) is not null) default 1,
          n mallory.number default 1,
          g int generated always as (mallory.attack(2)) stored
        ) partition by range (day);
        create index on $table (mallory.attack(d)) where mallory.attack(c) > -1;
        create trigger row_trigger before insert on $table
          for each row execute function mallory.trigger();
        create trigger statement_trigger before insert on $table
          for each statement execute function mallory.trigger();
        create constraint trigger late_trigger after insert on $table
          deferrable initially deferred
          for each row execute function mallory.trigger();
        create table $table\_1 partition of $table
          for values from ('2026-01-01') to ('2026-02-01');
        create table $table\_2 partition of $table
          for values from ('2026-02-01') to ('2026-03-01');};
}

sub count_of
{
    my ($sequence) = @_;

    return $node->safe_psql('postgres',
        "select case when is_called then last_value else 0 end from $sequence");
}

# nothing_gained(what): the state that every attack was to change
sub nothing_gained
{
    my ($what) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is(count_of('was_super'), 0, "no attack runs as a superuser: $what");
    is(count_of('escaped'), 0, "no attack has success: $what");
    is( $node->safe_psql('postgres', q{
            select string_agg(rolname, ',' order by rolname)
            from pg_roles where rolsuper or rolcreaterole
              or pg_has_role('mallory', oid, 'member') and rolname !~ '^mallory$'
            }),
        'homeostasis_reporter,postgres',
        "mallory is what he was, and nobody became a superuser: $what");
    ok(!-e $loot, "no file was written, no program run: $what");
    return;
}

# wait_for_patch(condition, states): its status, as soon as it is one of them
sub wait_for_patch
{
    my ($where, $states) = @_;

    return wait_for_value($node,
        "select status from homeostasis.patches where $where order by id desc limit 1",
        qr/^($states)$/);
}

# Mode suggest: an operator approves ------------------------------------------

($status, $stderr) = as('mallory', trap('mallory.part'));
is($status, 0, 'a table that attacks') or diag($stderr);
($status, $stderr) =
  as('mallory', q{insert into mallory.part (day) values ('2026-03-15')});
like($stderr, qr/no partition of relation/, 'it lacks a partition');
my $ran = count_of('ran');
is(wait_for_patch(q{object = 'mallory.part'}, 'validated|invalid|refused|failed'),
    'validated', 'a dry run was made for it');
cmp_ok(count_of('ran'), '>', $ran, 'attacks ran in the dry run');
nothing_gained('in a dry run');

$ran = count_of('ran');
is((as('ann', q{select homeostasis.approve(id) from homeostasis.patches
                where object = 'mallory.part'}))[0], 0, 'ann approves');
is(wait_for_patch(q{object = 'mallory.part'}, 'healed|failed|rolled_back'),
    'healed', 'it is deployed');
nothing_gained('in a deployment');

# A trigger put off until the commit would run after the guard has gone.
($status, $stderr) = as('mallory', trap('mallory.late') . q{
    create trigger a_postpone before insert on mallory.late
      for each row execute function mallory.postpone()});
is($status, 0, 'a table that puts its attack off') or diag($stderr);
as('mallory', q{insert into mallory.late (day) values ('2026-03-15')});
is(wait_for_patch(q{object = 'mallory.late'}, 'validated|invalid|refused|failed'),
    'invalid', 'a deferred trigger does not pass a dry run');
nothing_gained('at a commit');

# Outside of transactions nothing rolls back what was run: an index with his
# functions in it is built again.
as('mallory', q{
    create function mallory.slow(x int) returns int language plpgsql immutable as $$
    begin
      perform pg_sleep(coalesce(current_setting('mallory.delay', true), '0')::float);
      return mallory.attack(x);
    end $$;
    create table mallory.heap (x int);
    insert into mallory.heap values (1)});
($status, $stderr) = as('mallory', q{
    set mallory.delay = 60;
    set statement_timeout = '500ms';
    create index concurrently heap_idx on mallory.heap (mallory.slow(x))});
like($stderr, qr/statement timeout/, 'an index is left behind');
my $patch = wait_for_value($node, q{
    select coalesce(max(id), 0) from homeostasis.patches
    where status <> 'planning' and not transactional}, qr/^[1-9]/);
wait_for_patch("id = $patch", 'validated');
$ran = count_of('ran');
is((as('ann', "select homeostasis.approve($patch)"))[0], 0,
    'ann approves what runs outside of a transaction');
is(wait_for_patch("id = $patch", 'healed|failed|rolled_back'),
    'healed', 'it is deployed');
cmp_ok(count_of('ran'), '>', $ran, 'attacks ran outside of a transaction');
nothing_gained('outside of a transaction');

# A statement of his that fails inside a function of a superuser must not be
# replayed as that superuser.
$node->safe_psql('postgres', q{
    create table diary (day date, x int) partition by range (day);
    create table diary_1 partition of diary
      for values from ('2026-01-01') to ('2026-02-01');
    create table diary_2 partition of diary
      for values from ('2026-02-01') to ('2026-03-01');
    create function write_diary(day date) returns int
    language sql security definer set search_path = public
    as $$ insert into diary values (day, 1) returning 1 $$;
    grant insert on diary to mallory;
});
$ran = count_of('ran');
as('mallory', q{select mallory.attack(), write_diary('2026-03-15')});
is(wait_for_patch(q{object = 'public.diary'}, 'validated|invalid|refused|failed'),
    'validated', 'a patch for a table of a superuser');
is($node->safe_psql('postgres', q{
    select strength, replay_note from homeostasis.validations v
    join homeostasis.patches p on p.id = v.patch_id
    where p.object = 'public.diary'}),
    'applied|not replayed: it failed as a role that its session could not set, in a function perhaps',
    'what failed in a function of another role is not replayed');
is(count_of('ran'), $ran + 1, 'the attack ran in his session only');
nothing_gained('in a function of a superuser');

# Objects in public that look like the ones a patch means.
($status, $stderr) = as('mallory', q{
    create function public.max(int) returns int language sql
      as 'select mallory.attack()';
    create function public.setval(regclass, int) returns bigint language sql
      as 'select mallory.attack()::bigint';
    create function public.setval(regclass, bigint) returns bigint language sql
      as 'select mallory.attack()::bigint';
    create function public.planted(int, bigint) returns boolean language sql
      as 'select mallory.attack() is not null';
    create operator public.>= (leftarg = int, rightarg = bigint, function = public.planted);
    create operator public.= (leftarg = text, rightarg = name, function = texteqname);
    create view public.pg_class as select mallory.attack(), * from pg_catalog.pg_class;
});
is($status, 0, 'objects are planted') or diag($stderr);
$node->safe_psql('postgres', q{
    alter database postgres set search_path = public, pg_catalog;
    create table ledger (id serial primary key, x int);
    insert into ledger values (1, 1);
    grant select, insert on ledger to mallory;
    grant usage on sequence ledger_id_seq to mallory;
});
$ran = count_of('ran');
as('mallory', 'insert into ledger (x) values (2)');
is(wait_for_patch(q{object = 'public.ledger'}, 'validated|invalid|refused|failed'),
    'validated', 'a patch for a table of a superuser');
is((as('ann', q{select homeostasis.approve(id) from homeostasis.patches
                where object = 'public.ledger'}))[0], 0, 'ann approves');
is(wait_for_patch(q{object = 'public.ledger'}, 'healed|failed|rolled_back'),
    'healed', 'it is deployed as the superuser');
is(count_of('ran'), $ran, 'none of the planted objects was used');
nothing_gained('by planted objects');
$node->safe_psql('postgres', 'alter database postgres reset search_path');

# Mode auto: nobody looks ------------------------------------------------------

$node->safe_psql('postgres',
    q{update homeostasis.services set mode = 'auto' where kind = 'database'});
($status, $stderr) = as('mallory', trap('mallory.other'));
as('mallory', q{insert into mallory.other (day) values ('2026-03-15')});
is(wait_for_patch(q{object = 'mallory.other'},
        'healed|failed|rolled_back|rejected'),
    'healed', 'a table that attacks is healed by policy');
nothing_gained('in mode auto');

# Text that leads a template to a table of somebody else: a comment in a
# statement that fails, an alias in one that raises, names that raise gives.
$node->safe_psql('postgres', q{
    create role victor login;
    create schema app authorization victor;
    set role victor;
    grant usage on schema app to public;
    create table app.quarry (id serial primary key, name varchar(10),
      hits int not null, views int not null, day date);
    create type app.state as enum ('new');
});
my $shape = q{
    select string_agg(pg_get_userbyid(c.relowner) || c.relname, ',' order by c.relname)
      || (select string_agg(attname || format_type(atttypid, atttypmod)
              || atthasdef, ',' order by attnum)
          from pg_attribute where attrelid = 'app.quarry'::regclass and attnum > 0)
      || (select count(*) from pg_enum where enumtypid = 'app.state'::regtype)
      || (select is_called from app.quarry_id_seq)
    from pg_class c where relnamespace = 'app'::regnamespace};
my $before = $node->safe_psql('postgres', $shape);

as('mallory', q{create table mallory.mine (name varchar(10))});
as('mallory', q{/* update app.quarry set name */
    insert into mallory.mine values (repeat('x', 20))});
is(wait_for_patch(q{template = 'widen_varchar'},
        'healed|failed|rolled_back|refused|rejected'),
    'healed', 'a patch for the table that was written to');
is($node->safe_psql('postgres',
        q{select object from homeostasis.patches where template = 'widen_varchar'}),
    'mallory.mine', 'and not for the one in a comment');

as('mallory', q{
    create function mallory.raise(state text, message text, detail text, place text,
      field text) returns int language plpgsql as $$
    begin
      -- What is changed cures it, so that a replay speaks for the change.
      if (select count(*) = 1 from pg_index where indrelid = 'app.quarry'::regclass)
        and (select count(*) = 1 from pg_attrdef where adrelid = 'app.quarry'::regclass) then
        raise exception using errcode = state, message = message, detail = detail,
          schema = 'app', table = 'quarry', constraint = place, column = field;
      end if;
      return 1;
    end $$});
my %led = (
    widen_integer => [ q{'22003', 'integer out of range', '', '', ''},
        'update app.quarry set id' ],
    create_unique_index => [ q{'42P10', 'there is no unique or exclusion constraint matching the ON CONFLICT specification', '', '', ''},
        'insert into app.quarry on conflict (name)' ],
    set_default => [ q{'23502', 'null value in column "hits" of relation "quarry" violates not-null constraint', '', '', 'hits'}, 'x' ],
    add_enum_value => [ q{'22P02', 'invalid input value for enum app.state: "evil"', '', '', ''}, 'x' ]);
foreach my $template (sort keys %led)
{
    my ($arguments, $alias) = @{ $led{$template} };

    as('mallory', qq{select mallory.raise($arguments) as "$alias"});
    is(wait_for_patch("template = '$template' and status_reason like '%the role that raised%'",
            'refused'),
        'refused', "nothing is planned for whoever may not write: $template");
}
is($node->safe_psql('postgres', $shape), $before, 'the quarry is what it was');
nothing_gained('by leading templates astray');

# He may insert into the quarry now, and his RAISE looks like the server's: that
# a function raised it is behind what is kept of the context.
$node->safe_psql('postgres', 'grant insert on app.quarry to mallory');
my $type = 'mallory."' . ('""' x 60) . '"';
as('mallory', "create domain $type as text");
as('mallory', 'create function mallory.far_off('
      . join(', ', map { "a$_ $type default null" } 1 .. 100) . q{) returns int
    language plpgsql as $$
    begin
      if (select count(*) = 1 from pg_attrdef where adrelid = 'app.quarry'::regclass) then
        raise exception using errcode = '23502', schema = 'app', table = 'quarry', column = 'views',
          message = 'null value in column "views" of relation "quarry" violates not-null constraint';
      end if;
      return 1;
    end $$});
as('mallory', 'select mallory.far_off()');
is(wait_for_patch(q{template = 'set_default' and status not in ('refused', 'planning')},
        'validated|healed|rolled_back'),
    'validated', 'a RAISE that hides is left to a person');
is($node->safe_psql('postgres', q{
    select d.decision, v.strength
    from homeostasis.patches p
    join homeostasis.validations v on v.patch_id = p.id
    cross join homeostasis.decide(p.id) d
    where p.template = 'set_default' and p.status = 'validated'}),
    'ask|none', 'who gets to see it before anything is run as the owner of the table');
is($node->safe_psql('postgres', $shape), $before, 'the quarry is what it was');

# Names that are SQL, for whoever forgets to quote them.
my @names = (
    q{x"; alter role mallory superuser; --},
    q{x'; alter role mallory superuser; --},
    q{$$; alter role mallory superuser; $$},
    q{%s%n%I \\' || :x},
    'x' . ('"' x 40) . '; --');
foreach my $number (0 .. $#names)
{
    (my $name = $names[$number]) =~ s/"/""/g;
    my $table = qq{mallory."$name"};

    ($status, $stderr) = as('mallory', qq{
        create table $table ("$name" date) partition by range ("$name");
        create table mallory."a${number}_$name" partition of $table
          for values from ('2026-01-01') to ('2026-02-01');
        create table mallory."b${number}_$name" partition of $table
          for values from ('2026-02-01') to ('2026-03-01');
    });
    is($status, 0, "a table has SQL as name $number") or diag($stderr);
    as('mallory', qq{insert into $table values ('2026-03-15')});
    $node->psql('postgres',
        'select quote_literal($a$' . $names[$number] . '$a$)',
        stdout => \my $literal);
    is(wait_for_patch(
            "object = 'mallory.' || $literal",
            'healed|failed|rolled_back|refused|rejected'),
        'healed', "it is healed: name $number");
}
as('mallory', q{
    create table mallory."x
alter role mallory superuser; --" (day date) partition by range (day);
    insert into mallory."x
alter role mallory superuser; --" values ('2026-03-15')});
poll_until($node, q{
    select count(*) > 0 from homeostasis.errors
    where message like 'no partition%x_alter role mallory%'}, 't',
    'a name of several lines is stored like others');
nothing_gained('by names');

# A forged error: it looks like the server's, names a superuser and carries a
# statement for him.
$node->safe_psql('postgres', q{
    create table victim (day date, x int) partition by range (day);
    alter table victim owner to mallory;
    create table victim_1 partition of victim
      for values from ('2026-01-01') to ('2026-02-01');
    create table victim_2 partition of victim
      for values from ('2026-02-01') to ('2026-03-01');
});
$ran = count_of('ran');
($status, $stderr) = as('mallory', q{
    select homeostasis.report(jsonb_build_object('language', 'sql',
      'error_type', 'check_violation',
      'sqlstate', '23514', 'database', 'postgres', 'role', 'postgres',
      'schema_name', 'public', 'table_name', 'victim',
      'error_message', 'no partition of relation "victim" found for row',
      'detail', 'Partition key of the failing row contains (day) = (2026-03-15).',
      'statement', 'select mallory.attack()') || more)
    from unnest(array['{}', '{"service": "shop"}',
      '{"service": "database/postgres"}']::jsonb[]) more});
is($status, 0, 'mallory may report') or diag($stderr);
poll_until($node, q{
    select reason from homeostasis.rejected_events where field = 'service'},
    'event field "service" is the name of a database',
    'nobody reports for a database');
poll_until($node, q{
    select count(*) from homeostasis.issues i
    join homeostasis.services s on s.id = i.service_id
    join homeostasis.analysis a on a.service_id = i.service_id and a.issue_id = i.id
    where i.title like '%"victim"%' and s.kind = 'application'
      and a.template = 'create_partition'}, '2',
    'what was reported is an issue of an application');
foreach my $issue (split /\n/, $node->safe_psql('postgres',
        q{select id from homeostasis.issues where title like '%"victim"%'}))
{
    like((as('ann', "select homeostasis.heal($issue)"))[1],
        qr/is not a database/, 'not even an operator heals a database by it');
}
is($node->safe_psql('postgres', q{
    select count(*) from homeostasis.patches where object = 'public.victim'}),
    '0', 'no patch is made for what was reported');
is(count_of('ran'), $ran, 'what was reported is not replayed');
foreach my $key ('origin', 'service_id', 'fingerprint', 'backend_pid', 'session_role')
{
    ($status, $stderr) = as('mallory', qq{
        select homeostasis.report('{"language": "sql", "error_type": "x",
          "error_message": "x", "$key": "server_log"}')});
    like($stderr, qr/"$key"/, "nobody reports a key $key");
}
nothing_gained('by forged errors');

# Messages for whoever uses text as a format, a query or an identifier.
foreach my $text ('%n%n%s%s%p%999999d', q{'; alter role mallory superuser; --},
    q{$1 $$ {{x}} \0 \u0000 \x27}, "line\n\tline\r\x01\x1f\x7f")
{
    $node->psql('postgres',
        'do $do$ begin raise exception using message = $text$hostile ' . $text
          . '$text$, detail = $text$' . $text . '$text$; end $do$',
        extra_params => [ '-U', 'mallory' ]);
    poll_until($node,
        'select count(*) from homeostasis.errors where message = $text$hostile '
          . $text . '$text$ and detail = $text$' . $text . '$text$', '1',
        'a message stays text: ' . ($text =~ s/[^ -~]/?/gr));
}
nothing_gained('by messages');

# What he can lock, he keeps locked.
my $locks = $node->background_psql('postgres', extra_params => [ '-U', 'mallory' ]);
$locks->query_safe(q{select pg_advisory_lock(k) from generate_series(0, 10) k});
$locks->query_safe(q{select pg_advisory_lock(hashtext('homeostasis.' || w)) from
  unnest(array['maintain', 'advance', 'audit', 'partition']) w});
cmp_ok($node->safe_psql('postgres', 'select count(*) from homeostasis.maintain()'),
    '>', 0, 'nobody keeps the maintenance from its work');
$locks->quit;

# His hands on what the workers use.
my $tables = $node->safe_psql('postgres', q{
    select string_agg(relname, ' ') from pg_class
    where relnamespace = 'homeostasis'::regnamespace and relkind in ('r', 'p')});
my $refused = 0;
my @attempts;
foreach my $table (split / /, $tables)
{
    push @attempts,
      "create trigger loot before insert on homeostasis.$table for each row execute function mallory.trigger()",
      "create rule loot as on insert to homeostasis.$table do also select mallory.attack()",
      "create policy loot on homeostasis.$table using (mallory.attack() = 0)",
      "alter table homeostasis.$table enable row level security",
      "alter table homeostasis.$table add loot int default mallory.attack()",
      "create index on homeostasis.$table ((mallory.attack()))",
      "insert into homeostasis.$table default values",
      "delete from homeostasis.$table";
}
push @attempts, 'create table homeostasis.loot (x int)',
  'create function homeostasis.loot() returns int language sql as $$select 1$$',
  'create operator homeostasis.= (leftarg = text, rightarg = name, function = texteqname)',
  'call homeostasis.advance()', 'select homeostasis.heal(1)',
  'select homeostasis.decide(1)', 'select homeostasis.maintain()',
  q{select homeostasis.claim_job('operator', '1 hour')},
  'drop extension homeostasis';
foreach my $attempt (@attempts)
{
    ($status, $stderr) = as('mallory', $attempt);
    $refused++, next
      if $stderr =~ /permission denied|must be owner|must be a member/;
    fail("refused: $attempt");
    diag($stderr);
}
is($refused, scalar(@attempts), 'mallory may change nothing in the schema');
nothing_gained('by hand');

is($node->safe_psql('postgres', 'select * from homeostasis.audit_verify()'),
    '', 'the audit log is whole');
$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal/,
    'nothing crashed');
done_testing();
