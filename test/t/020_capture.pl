# 020_capture.pl: an error of the server could be missed, be captured though
# it should not be, or lose a field, its encoding or a secret on its way

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster(
    'main',
    'compute_query_id'             => 'on',
    'homeostasis.overflow_timeout' => '10s');

# One row, or the columns asked for, of the error with this message.
sub captured
{
    my ($columns, $where) = @_;

    return "select $columns from homeostasis.errors where $where";
}

# Runs a statement that fails, in a database and as a role.
sub fail_in
{
    my ($database, $sql, %params) = @_;

    return $node->psql($database, $sql, on_error_stop => 0, %params);
}

# Everything reported so far has been stored when this one has.
my $fence = 0;

sub fence
{
    $fence++;
    $node->safe_psql('postgres',
        qq{select homeostasis.report('{"error_message": "fence $fence"}'::jsonb)});
    wait_for_value($node,
        captured('count(*)', "message = 'fence $fence'"), '1');
    return;
}

$node->safe_psql('postgres', <<'SQL');
create role joe login;
create role boss;
grant boss to joe;
create database shop;
create database "quiet ""one""";
SQL

# Every field ---------------------------------------------------------------

$node->safe_psql('shop', <<'SQL');
create schema sales;
create table sales.orders (id int primary key, code varchar(3), qty int check (qty > 0));
create domain sales.positive as int check (value > 0);
insert into sales.orders values (1);
grant usage on schema sales to boss;
grant all on sales.orders to boss;
create function sales.buy(int) returns void language plpgsql as
  $$ begin insert into sales.orders values ($1); end $$;
SQL

fail_in('shop', <<'SQL', extra_params => [ '-U', 'joe' ]);
set application_name = 'till 7';
set role boss;
set search_path = sales, public;
select buy(1);
SQL
poll_until($node,
    captured(q{concat_ws('|', sqlstate, error_type, level, origin, language, message, detail,
      statement, role_name, session_role_name, application_name, search_path,
      schema_name, table_name, constraint_name, database_name, query_id <> 0, backend_pid > 0,
      "timestamp" = received_at, hint is null, column_name is null, stack_hash is null)},
      q{constraint_name = 'orders_pkey'}),
    join('|', '23505', 'unique_violation', 'error', 'server_log', 'sql',
        'duplicate key value violates unique constraint "orders_pkey"',
        'Key (id)=(1) already exists.', 'select buy(1);', 'boss', 'joe',
        'till 7', 'sales, public', 'sales', 'orders', 'orders_pkey', 'shop',
        't', 't', 't', 't', 't', 't'),
    'an error comes with all its fields');
is($node->safe_psql('postgres',
        captured('context', q{constraint_name = 'orders_pkey'})),
    qq{SQL statement "insert into sales.orders values (\$1)"\n}
      . 'PL/pgSQL function buy(integer) line 1 at SQL statement',
    'and its context');
is($node->safe_psql('postgres', <<'SQL'), 'database/shop|database|shop',
select s.name, s.kind, s.database_name from homeostasis.errors e
join homeostasis.services s on s.id = e.service_id where constraint_name = 'orders_pkey'
SQL
    'an error of any database is stored in the home database');

fail_in('shop', q{create temporary table staged (i int); set search_path = sales; select sqrt(-1) as staged});
poll_until($node, captured('search_path', q{statement like '%as staged%'}), 'pg_temp, sales',
    'the search path of a session with temporary tables begins with them');

fail_in('shop', q{insert into sales.orders (id) values (null)});
fail_in('shop', q{select (-1)::sales.positive});
fail_in('shop', q{select from sales.order});
fence();
is($node->safe_psql('postgres',
        captured(q{concat_ws('|', table_name, column_name)}, q{sqlstate = '23502'})),
    'orders|id', 'column_name is captured');
is($node->safe_psql('postgres',
        captured(q{concat_ws('|', datatype_name, constraint_name)}, q{sqlstate = '23514'})),
    'positive|positive_check', 'datatype_name is captured');
fail_in('shop', q{do $$ begin raise 'x' using hint = 'try y'; end $$});
poll_until($node, captured('hint', q{hint like 'try%'}), 'try y', 'hint is captured');

# Levels --------------------------------------------------------------------

my $gone = $node->background_psql('shop', on_error_die => 0, on_error_stop => 0);
my $pid = $gone->query('select pg_backend_pid()');
$node->safe_psql('postgres', "select pg_terminate_backend($pid)");
poll_until($node,
    captured(q{concat_ws('|', sqlstate, error_type, message)}, "level = 'fatal' and backend_pid = $pid"),
    '57P01|admin_shutdown|terminating connection due to administrator command',
    'FATAL is captured');
$gone->{run}->finish;

fail_in('no such place', 'select 1');
poll_until($node,
    captured(q{concat_ws('|', sqlstate, level, database_name)}, q{sqlstate = '3D000'}),
    '3D000|fatal|no such place', 'so is a login that fails');
is($node->safe_psql('postgres', q{select count(*) from homeostasis.services where name ~ 'place'}),
    '0', 'but a stranger who tries names of databases makes no services');

fail_in('shop', q{do $$ begin raise warning 'hm'; end $$});
fail_in('shop', q{
  set log_min_messages = fatal;
  select 1/0;
});
fail_in('shop', q{
  do $$ begin perform 1/0; exception when division_by_zero then null; end $$;
  do $$ begin perform 1/0; exception when division_by_zero then
    perform homeostasis_is_not_here(); end $$;
});
fence();
is($node->safe_psql('postgres', captured('count(*)', q{message = 'hm'})), '0',
    'a warning is not captured by default');
is($node->safe_psql('postgres', captured('count(*)', q{sqlstate = '22012'})), '0',
    'nor what log_min_messages keeps from the log, nor what PL/pgSQL caught');
is($node->safe_psql('postgres', captured('count(*)', q{message like '%homeostasis_is_not_here%'})), '1',
    'but an error in the exception block is');

# The client's own error level has nothing to do with it.
fail_in('shop', q{set client_min_messages = error; select 'client_min_messages'::int});
fence();
is($node->safe_psql('postgres', captured('count(*)', q{message like '%client_min_messages%'})), '1',
    'client_min_messages does not matter');

# What the extension refuses is an answer, no error of the database.
fail_in('postgres', $_) foreach (
    'select homeostasis.approve(999)',
    'select homeostasis.heal(999)',
    'select homeostasis.report(null::jsonb)',
    q{update homeostasis.policies set decision = 'maybe'},
    q{update homeostasis.rules set pattern = '(' where id = 'pg-deadlock'},
    'select * from homeostasis.match(null::jsonb)',
    'do $$ begin call homeostasis.advance(); end $$',
    'select homeostasis.approve()');
fence();
is($node->safe_psql('postgres',
        captured('string_agg(message, chr(10))', q{statement ~ 'homeostasis\.'})),
    'function homeostasis.approve() does not exist',
    'what the extension refuses is not captured, what the server refuses is');

# A parallel worker's error is raised again by its leader: once is enough.
fail_in('shop', q{
  set force_parallel_mode = on;
  select 7/(i-50) from generate_series(1, 100) i where i::text <> '';
});
fence();
is($node->safe_psql('postgres', captured('count(*)', q{sqlstate = '22012'})), '1',
    'an error in a parallel worker is captured once');

# Filters -------------------------------------------------------------------

sub reconfigure
{
    my (%settings) = @_;

    set_conf($node, %settings);
    $node->reload;
    my ($name) = keys %settings;
    wait_for_value($node, "show $name", $settings{$name});
    return;
}

# Messages, out of those that these sessions raise, that are captured.
my $round = 0;

sub captured_of
{
    $round++;
    fail_in('shop', qq{do \$\$ begin raise warning 'shop warning $round'; end \$\$});
    fail_in('shop', qq{do \$\$ begin raise 'shop error $round'; end \$\$});
    fail_in('shop', qq{do \$\$ begin raise 'shop syntax $round' using errcode = '42601'; end \$\$});
    fail_in('shop', qq{do \$\$ begin raise 'joe error $round'; end \$\$}, extra_params => [ '-U', 'joe' ]);
    fail_in('quiet "one"', qq{do \$\$ begin raise 'quiet error $round'; end \$\$});
    fence();
    return $node->safe_psql('postgres', <<"SQL");
select string_agg(substring(message, '^(\\w+ \\w+)'), ', ' order by message)
from homeostasis.errors where message ~ ' $round\$' and origin = 'server_log'
SQL
}

my $all = 'joe error, quiet error, shop error, shop syntax';
is(captured_of(), $all, 'without filters all errors are captured');
foreach my $case (
    [ 'capture', 'off', '' ],
    [ 'capture', 'on', $all ],
    [ 'capture_level', 'warning', "$all, shop warning" ],
    [ 'capture_level', 'fatal', '' ],
    [ 'capture_level', 'error', $all ],
    [ 'capture_sqlstates', '42601', 'shop syntax' ],
    [ 'capture_sqlstates', '42, P0', $all ],
    [ 'capture_sqlstates', '', $all ],
    [ 'capture_exclude_sqlstates', '42', 'joe error, quiet error, shop error' ],
    [ 'capture_exclude_sqlstates', '', $all ],
    [ 'capture_databases', '"quiet ""one"""', 'quiet error' ],
    [ 'capture_databases', '', $all ],
    [ 'capture_exclude_databases', 'shop', 'quiet error' ],
    [ 'capture_exclude_databases', '', $all ],
    [ 'capture_roles', 'joe', 'joe error' ],
    [ 'capture_roles', '', $all ],
    [ 'capture_exclude_roles', 'joe', 'quiet error, shop error, shop syntax' ],
    [ 'capture_exclude_roles', '', $all ])
{
    my ($name, $value, $expected) = @$case;

    reconfigure("homeostasis.$name" => $value);
    is(captured_of(), $expected, "$name = '$value'");
}

# Size and secrets ----------------------------------------------------------

fail_in('shop', q{do $$ begin raise '%', repeat('long ', 2000000); end $$});
fail_in('shop', "select 'statement' || " . ("'x' || " x 5000) . '1/0');
fence();
is($node->safe_psql('postgres',
        captured('octet_length(message), truncated', q{message like 'long %'})),
    '16384|{message}', 'a message of 10 MB is cut');
is($node->safe_psql('postgres',
        captured('octet_length(statement), truncated', q{statement like '%statement%'})),
    '8192|{statement}', 'and a statement of 30 kB');

fail_in('shop', q{create role joe login password 'canary1'});
fail_in('shop', q{alter role nobody password 'canary2'});
fail_in('shop', q{select dblink('host=x password=canary3')});
fail_in('shop', q{do $$ begin raise 'no access with %', 'postgresql://u:canary4@h/d' using
  detail = 'Authorization: Bearer canary5canary5canary5', hint = 'use password=canary6'; end $$});
fail_in('shop', q{create subscription s connection 'host=/nowhere password=canary7' publication p});
fence();
my $tables = $node->safe_psql('postgres', <<'SQL');
select oid::regclass from pg_class
where relnamespace = 'homeostasis'::regnamespace and relkind in ('r', 'p')
SQL
my @leaks = grep { $node->safe_psql('postgres',
        "select count(*) from $_ x where x::text like '%canary%'") ne '0' } split /\n/, $tables;
is("@leaks", '', 'no secret of a statement or a message is in any table');
is($node->safe_psql('postgres', captured('count(*)', q{statement like '%***%' or message like '%***%'})),
    '5', 'though the errors are');

# Encodings -----------------------------------------------------------------

foreach my $encoding ('LATIN1', 'SQL_ASCII', 'EUC_JP', 'WIN1252')
{
    $node->safe_psql('postgres',
        "create database \"enc_$encoding\" encoding '$encoding' locale 'C' template template0");
}

# Raises an error whose message is these bytes, in the database's encoding.
sub raise_bytes
{
    my ($encoding, $tag, $hex) = @_;

    fail_in("enc_$encoding", <<"SQL");
do \$\$ begin raise '$tag %', convert_from('\\x$hex', getdatabaseencoding()); end \$\$
SQL
    return;
}

sub stored_message
{
    my ($tag) = @_;

    return $node->safe_psql('postgres',
        captured(q{encode(convert_to(message, 'UTF8'), 'escape')}, "message like '$tag%'"));
}

raise_bytes('LATIN1', 'latin1:', 'e9');
raise_bytes('SQL_ASCII', 'ascii_utf8:', 'c3a9');
raise_bytes('SQL_ASCII', 'ascii_bytes:', 'e9ff41c3');
raise_bytes('EUC_JP', 'eucjp:', 'c6fc');
raise_bytes('WIN1252', 'win1252:', '80');
fence();
is(stored_message('latin1:'), 'latin1: \303\251', 'LATIN1 is converted');
is(stored_message('ascii_utf8:'), 'ascii_utf8: \303\251', 'SQL_ASCII that is valid UTF-8 is kept');
is(stored_message('ascii_bytes:'), 'ascii_bytes: \\\\xe9\\\\xffA\\\\xc3',
    'bytes that are no characters are written as such');
is(stored_message('eucjp:'), 'eucjp: \346\227\245', 'EUC_JP is converted');
is(stored_message('win1252:'), 'win1252: \342\202\254', 'WIN1252 is converted');

# 16 kB of two-byte characters are cut between two of them, in their encoding.
fail_in('enc_EUC_JP', q{do $$ begin raise '%', 'x' || repeat(convert_from('\xc6fc', 'EUC_JP'), 20000); end $$});
fence();
is($node->safe_psql('postgres', captured('length(message)', q{message like 'x' || U&'\65e5' || '%'})),
    '8192', 'a cut does not halve a character of the other encoding');

is($node->safe_psql('postgres', 'select sum(dropped_full + dropped_too_large + dropped_nested) from homeostasis.stat_intake'),
    '0', 'nothing was dropped on the way');
is($node->safe_psql('postgres', 'select count(*) from homeostasis.rejected_events'), '0', 'or refused');
is($node->safe_psql('postgres', captured('count(*)', q{event_id::text !~ '^.{14}7.{4}[89ab]' or left(event_id::text, 8) <>
    substr(lpad(to_hex(trunc(extract(epoch from received_at) * 1000)::bigint), 12, '0'), 1, 8)})), '0', 'ids begin with the time');
$node->stop;

# A home database in another encoding ---------------------------------------

foreach my $case (
    [ 'LATIN1',    'home: \351 \\\\xe2\\\\x82\\\\xac' ],
    [ 'SQL_ASCII', 'home: \303\251 \342\202\254' ])
{
    my ($encoding, $expected) = @$case;
    my $home = new_cluster("home_$encoding", -initdb => [ "--encoding=$encoding", '--locale=C' ]);

    $home->safe_psql('postgres', q{create database u encoding 'UTF8' locale 'C' template template0});
    $home->psql('u', q{do $$ begin raise 'home: %', U&'\00e9 \20ac'; end $$});
    poll_until($home, q{
      select encode(convert_to(message, getdatabaseencoding()), 'escape') from homeostasis.errors
      where message like 'home:%'}, $expected,
      "a home database in $encoding gets what it can hold");
    $home->stop;
}

done_testing();
