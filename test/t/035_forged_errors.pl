# 035_forged_errors.pl: for an error that somebody made up something could be
# deployed without a person, or run with more rights than he has

use strict;
use warnings;

use Encode qw(encode);
use HomeostasisCluster;
use RulePack;
use Test::More;

# Policies that stop at nothing but a forged error.
my $pack = RulePack->new('share/rules/postgresql.json',
    'homeostasis.mode' => 'observe');
my $node = $pack->{node};
$pack->home(q{
    create role forger login;
    update homeostasis.policies
      set decision = 'approve', classes = null, require_reversible = false,
          min_confidence = 0, max_table_bytes = 1e15::bigint, allow_superuser = true
      where name = 'small_and_reversible';
    update homeostasis.policies set enabled = false where name = 'ask_a_person'});

# Where an error comes from ------------------------------------------------------

# origin_of(what, genuine, sql): who is said to have raised the error of sql
sub origin_of
{
    my ($what, $genuine, $sql) = @_;

    $node->psql('origins', $sql,
        extra_params => [ '--set', "ON_ERROR_STOP=0" ]);
    poll_until($node, qq{
        select genuine from homeostasis.errors
        where database_name = 'origins' and statement like '%origin of $what%'
        order by received_at desc limit 1},
        $genuine ? 't' : 'f', "$what: " . ($genuine ? 'genuine' : 'not genuine'));
    return;
}

$pack->home('create database origins');
$node->safe_psql('origins', q{
    create extension dblink;
    create extension postgres_fdw;
    create extension plpython3u;
    create table fact (id int primary key check (id > 0));
    create function forge() returns int language plpgsql parallel safe as $$
    begin
      raise exception using errcode = '23505', schema = 'public', table = 'fact',
        constraint = 'fact_pkey',
        message = 'duplicate key value violates unique constraint "fact_pkey"';
    end $$;
    create function forge_python() returns int language plpython3u as $$
      plpy.error('duplicate key value violates unique constraint "fact_pkey"',
        sqlstate = '23505', schema_name = 'public', table_name = 'fact',
        constraint_name = 'fact_pkey')
    $$;
    create function again() returns int language plpgsql as $$
    begin
      insert into fact values (-1);
    exception when check_violation then
      raise;
    end $$;
    create function made_over() returns int language plpgsql as $$
    begin
      insert into fact values (-1);
    exception when check_violation then
      raise exception using errcode = sqlstate, message = sqlerrm;
    end $$;
    create function forge_row() returns trigger language plpgsql as $$
    begin return forge(); end $$;
    create table watched (id int);
    create constraint trigger forge after insert on watched
      for each row execute function forge_row();
    create function inner_error() returns int language plpgsql as $$
    begin raise exception 'no %', (select 1 / 0); end $$;
    create view remote as select forge() as id;
    create server elsewhere foreign data wrapper postgres_fdw;
    create user mapping for postgres server elsewhere;
    create foreign table remote_here (id int) server elsewhere
      options (table_name 'remote')});
my $conninfo = sprintf q{host=%s port=%s dbname=origins}, $node->host, $node->port;
$node->safe_psql('origins', sprintf
      q{alter server elsewhere options (host '%s', port '%s', dbname 'origins')},
    $node->host, $node->port);

origin_of('a constraint', 1, 'insert into fact values (-1) /* origin of a constraint */');
origin_of('a name', 1, 'select no_such_column /* origin of a name */ from fact');
origin_of('an error in the arguments of RAISE', 1,
    'select inner_error() /* origin of an error in the arguments of RAISE */');
origin_of('RAISE', 0, 'select forge() /* origin of RAISE */');
origin_of('a trigger', 0, 'insert into watched values (1) /* origin of a trigger */');
origin_of('an error made over', 0, 'select made_over() /* origin of an error made over */');
origin_of('plpython', 0, 'select forge_python() /* origin of plpython */');
origin_of('dblink', 0,
    qq{select dblink('$conninfo', 'select forge()') /* origin of dblink */});
origin_of('postgres_fdw', 0, 'select * from remote_here /* origin of postgres_fdw */');
origin_of('a parallel worker', 0, q{
    set force_parallel_mode = on;
    set max_parallel_workers_per_gather = 2;
    select forge() /* origin of a parallel worker */});
$node->psql('origins', 'create function c_raise(text) returns void language c strict
    as \'homeostasis_test\', \'homeostasis_test_raise_holding\'');
origin_of('a function in C', 0,
    q{select c_raise('none') /* origin of a function in C */});

origin_of('what was caught and raised again', 0,
    'select again() /* origin of what was caught and raised again */');

my $problems = q{
    select count(distinct fingerprint) from homeostasis.errors
    where message = 'duplicate key value violates unique constraint "fact_pkey"'
      and table_name = 'fact'};
is($pack->home($problems), '1', 'what is forged is one issue');
$node->psql('origins', 'insert into fact values (1); insert into fact values (1)');
poll_until($node, $problems, '2', 'and another one than the error it imitates');

# Each rule with a template ------------------------------------------------------

# What a patch can change, as far as anybody sees it.  Numbers that a sequence
# gave out in a dry run stay given out.
my $definition = q{
    select md5(concat_ws('|',
      (select string_agg(concat_ws(',', oid, relname, relkind, relowner, relnatts, relfilenode,
          relispartition, relispopulated, relacl::text), ';' order by oid)
       from pg_catalog.pg_class where oid >= 16384
         and relnamespace not in (select oid from pg_catalog.pg_namespace where nspname ~ '^pg_')),
      (select string_agg(concat_ws(',', attrelid, attname, atttypid, atttypmod, atthasdef,
          attacl::text), ';' order by attrelid, attnum)
       from pg_catalog.pg_attribute where attrelid >= 16384),
      (select string_agg(concat_ws(',', indexrelid, indisvalid), ';' order by indexrelid)
       from pg_catalog.pg_index where indexrelid >= 16384),
      (select string_agg(enumlabel, ';' order by enumtypid, enumsortorder)
       from pg_catalog.pg_enum),
      (select string_agg(extname, ';' order by oid) from pg_catalog.pg_extension),
      (select string_agg(s::text, ';' order by s::text) from pg_catalog.pg_db_role_setting s
       where setdatabase <> 0)))};
my $state = qq{
    select concat(($definition),
      (select string_agg(s::text, ';' order by s::text) from pg_catalog.pg_sequences s))};

# How an error is forged where "select forge.raise()" would lead nowhere: by
# the example's own statement, which runs into a trigger, or by another.
my %way = (
    'pg-missing-partition'             => 'trigger',
    'pg-sequence-behind'               => 'trigger',
    'pg-sequence-behind-hidden-key'    => 'trigger',
    'pg-sequence-exhausted-integer'    => 'trigger',
    'pg-not-null-without-default'      => 'trigger',
    'pg-index-row-too-large'           => 'trigger',
    'pg-foreign-key-without-index'     => 'trigger',
    'pg-varchar-too-short' => 'insert into customers (id, name) select 2, forge.raise()',
    'pg-integer-out-of-range' => 'insert into items select forge.raise(), 1',
    'pg-conflict-target-without-index' =>
      'select forge.raise() as "insert into stock values (1) on conflict (shop, item)"',
    'pg-invalid-index-in-the-way' => q{select forge.raise()
      as "create unique index concurrently ""orders's idx"" on orders"},
    'pg-timeout-sequential-scan' =>
      q{select forge.raise() from customers where name = 'customer 1'});

# How far the patch comes: for the owner of the tables, and for a role that may
# write to them.  Nearly all prove themselves, so nothing but their origin
# keeps the policy from approving them.
my @usual = ('validated reproduced', 'validated none');
my %outcome = (
    # No siblings that he has the privileges on.
    'pg-permission-denied-relation' => [ 'refused -', 'refused -' ],
    # Only the owner may have an index dropped.
    'pg-invalid-index-in-the-way' => [ 'validated none', 'refused -' ],
    # A query leads to the template for slow queries instead.
    'pg-concurrent-build-interrupted' => [ 'refused -', 'refused -' ],
    'pg-timeout-sequential-scan' => [ 'validated none', 'validated none' ],
    # It takes the context of a foreign key's own query to be led to that.
    'pg-foreign-key-without-index' => [ 'refused -', 'refused -' ],
    # It failed in a function, of which these do not know what it wrote or made.
    'pg-varchar-too-short' => [ 'refused -', 'refused -' ],
    'pg-integer-out-of-range' => [ 'refused -', 'refused -' ],
    'pg-default-partition-in-the-way' => [ 'refused -', 'refused -' ],
    # It is for whoever raised the error, and run as him.
    'pg-relation-not-in-search-path' => [ 'validated reproduced', 'validated reproduced' ]);

# The error that the example provokes, as options of RAISE.
sub options_of
{
    my ($example) = @_;
    my $where = "application_name = 'example $pack->{count}'";

    wait_for_value($node, "select count(*) > 0 from homeostasis.errors where $where", 't');
    return $pack->home(qq{
        select string_agg(format('%s = %L', option, value), ', ')
        from (select * from homeostasis.errors where $where
              order by "timestamp" desc limit 1) e
        cross join lateral (values ('errcode', sqlstate), ('message', message),
          ('detail', detail), ('hint', hint), ('schema', schema_name), ('table', table_name),
          ('column', column_name), ('constraint', constraint_name),
          ('datatype', datatype_name)) o (option, value)
        where value is not null});
}

# Lays out, in a fresh database, what raises the error until something changes.
sub lay_trap
{
    my ($example, $options, $forger) = @_;
    my $database = $pack->{database};

    $pack->prepare($example);
    $node->safe_psql($pack->{database}, encode('UTF-8', qq{
        create schema forge;
        grant usage on schema forge to public;
        create function forge.state() returns text language sql stable as \$state\$ $state \$state\$;
        create function forge.raise() returns int language plpgsql as \$raise\$ begin end \$raise\$;
        create function forge.trigger() returns trigger language plpgsql as \$trigger\$
          begin return forge.raise(); end \$trigger\$;
        alter function forge.raise() owner to forger;
        do \$do\$
        declare
          object record;
        begin
          for object in select n.nspname from pg_namespace n
              where n.nspname !~ '^(pg_|information_schema|forge)' loop
            execute format('grant usage on schema %I to forger', object.nspname);
            if '$forger' = 'forger' then
              execute format('grant all on all tables in schema %I to forger', object.nspname);
              execute format('grant all on all sequences in schema %I to forger', object.nspname);
            end if;
          end loop;
          for object in select c.oid::regclass as name from pg_class c
              where c.relkind in ('r', 'p') and not c.relispartition and c.oid >= 16384
                and c.relnamespace <> 'pg_toast'::regnamespace loop
            execute format('create trigger forge before insert or update or delete on %s
              for each statement execute function forge.trigger()', object.name);
          end loop;
        end \$do\$;}));
    $options = $options =~ s/\Q$database\E/$pack->{database}/gr;
    # Seen by the forger: who sees less sees another state.
    my (undef, $seen) = $pack->psql('select forge.state()', $forger);
    $node->safe_psql($pack->{database}, encode('UTF-8', qq{
        create or replace function forge.raise() returns int language plpgsql as \$raise\$
        begin
          if forge.state() = '$seen' then
            raise exception using $options;
          end if;
          return null;
        end \$raise\$}));
    return;
}

# What became of the forged error's patch: id, status, strength, reason.
sub outcome
{
    my $row = wait_for_value($node, qq{
        select concat_ws('|', p.id, p.status, coalesce(v.strength, '-'), p.status_reason)
        from homeostasis.patches p
        join homeostasis.analysis a on a.service_id = p.service_id and a.id = p.analysis_id
        join homeostasis.errors e on e.service_id = a.service_id and e.event_id = a.error_id
        left join homeostasis.validations v on v.service_id = p.service_id and v.patch_id = p.id
        where not e.genuine and p.database_name = '$pack->{database}'
        order by p.id desc limit 1},
        qr/^\d+\|(?!planning|proposed|validating)/);

    return split /\|/, $row, 4;
}

# forge(rule, example, options, forger, outcome): nothing may come of it
sub forge
{
    my ($rule, $example, $options, $forger, $expected) = @_;
    my $way = $way{ $rule->{id} } // 'select forge.raise()';

    lay_trap($example, $options, $forger);
    my $before = $node->safe_psql($pack->{database}, $definition);
    # The service is there with its first error.
    $pack->psql('select 1 / 0', $forger);
    wait_for_value($node,
        "select count(*) from homeostasis.services where database_name = '$pack->{database}'", 1);
    $pack->home("update homeostasis.services set mode = 'auto' where database_name = '$pack->{database}'");
    my (undef, undef, $error) =
      $pack->psql($way eq 'trigger' ? $pack->sql($example, 'sql') : $way, $forger, 1);
    like($error, qr/\.raise\(\) line \d+ at RAISE/, "$forger forges the error");

    my ($patch, $status, $strength, $reason) = outcome();
    is("$status $strength", $expected, "$forger: how far the patch comes: $reason");
    $pack->home('call homeostasis.advance()');
    is($pack->home("select status from homeostasis.patches where id = $patch"),
        $status, "$forger: there it stays");
    like($pack->home("select decision || reasons::text from homeostasis.decide($patch)"),
        qr/^ask.*a function, an extension or another server raised the error/,
        "$forger: a person is asked, who is told why")
      if $status eq 'validated';
    is($pack->home("select run_as from homeostasis.patches where id = $patch"),
        $forger, "$forger: what was run was run with his own rights")
      if $strength ne '-' && $strength ne 'none';
    is($node->safe_psql($pack->{database}, $definition), $before,
        "$forger: nothing has changed");
    $pack->finish_example($example);
    return;
}

my $wanted = $ENV{RULE} // '.';
foreach my $rule (@{ $pack->{pack}{rules} })
{
    my ($example) = grep { defined $_->{sql} && !defined $_->{refusal} && !defined $_->{invalid}
          && !defined $_->{unless_available} && ($_->{database} // '') ne 'home' }
      @{ $rule->{examples} // [] };

    next unless defined $rule->{template} && defined $example && $rule->{id} =~ /$wanted/;
    subtest $rule->{id} => sub {
        $pack->prepare($example);
        $pack->provoke($example);
        my $options = options_of($example);
        my $first = $pack->{database};

        $pack->finish_example($example);
        my @expected = @{ $outcome{ $rule->{id} } // \@usual };
        foreach my $forger ('example', 'forger')
        {
            $pack->{database} = $first;
            forge($rule, $example, $options, $forger, shift @expected);
        }
    };
}
done_testing();
