# 130_preload.pl: beside other modules that hook into the log and the
# executor, in any order and at the noisiest log level, each error is captured
# once and nobody recurses; pg_cron can do the healer's work.

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my %orders = (
    first => 'homeostasis,pg_cron,pg_stat_statements,second_hook',
    last  => 'second_hook,pg_stat_statements,pg_cron,homeostasis');

foreach my $place (sort keys %orders)
{
    my $node = new_cluster(
        "preload_$place",
        -start                     => 0,
        -extension                 => 0,
        'shared_preload_libraries' => $orders{$place},
        'homeostasis.mode'         => 'auto',
        'compute_query_id'         => 'on',
        'max_worker_processes'     => 16,
        'log_min_messages'         => 'debug5',
        'log_connections'          => 'on',
        'log_disconnections'       => 'on',
        'cron.database_name'       => 'postgres',
        'cron.log_run'             => 'off');
    set_conf($node, 'cron.host' => $node->host);
    $node->start;
    $node->safe_psql('postgres', q{
        create extension pg_cron;
        create extension pg_stat_statements;
        create extension homeostasis;
        update homeostasis.policies
          set observe_window = '1 second', settle_time = '0' where shipped;
        create table part (day date) partition by range (day);
        create table part_1 partition of part
          for values from ('2026-01-01') to ('2026-02-01');
        create table part_2 partition of part
          for values from ('2026-02-01') to ('2026-03-01');
        create role app login;
        alter table part owner to app;
        grant create on schema public to app;
    });

    # One session with many errors, and sessions that fail to begin or to go
    # on.
    $node->psql('postgres', join('', map { "select * from missing_$_;\n" } 1 .. 50),
        on_error_stop => 0);
    $node->psql('postgres', 'select 1 / 0');
    refused_login($node, 'nowhere');
    $node->psql('postgres', 'select pg_terminate_backend(pg_backend_pid())');
    poll_until($node,
        q{select count(*) from homeostasis.errors where message like '%"missing_%'},
        '50', "each error is captured once: homeostasis $place");
    poll_until($node, q{
        select string_agg(e.sqlstate || ' ' || e.level, ',' order by e.sqlstate)
        from homeostasis.errors e where e.level = 'fatal'},
        '3D000 fatal,57P01 fatal',
        "what ends a session, or keeps it from beginning, is captured: homeostasis $place");
    poll_until($node,
        q{select query_id <> 0 from homeostasis.errors where sqlstate = '22012'},
        't', "the query id is stored: homeostasis $place");
    is($node->safe_psql('postgres',
            'select sum(dropped_nested) + sum(dropped_full) from homeostasis.stat_intake'),
        '0', "none was dropped: homeostasis $place");

    my $log = slurp_file($node->logfile);
    my $told = () = $log =~ /second hook saw: relation "missing_/g;
    is($told, 50, "the other module saw each once: homeostasis $place");
    unlike($log, qr/stack depth limit|PANIC|terminated by signal/,
        "nobody recursed or crashed: homeostasis $place");
    is($node->safe_psql('postgres', q{
        select calls > 0 from pg_stat_statements
        where query like 'update homeostasis.policies%'}), 't',
        "pg_stat_statements goes on: homeostasis $place");

    $node->psql('postgres', q{insert into part values ('2026-03-15')},
        extra_params => [ '-U', 'app' ]);
    poll_until($node,
        q{select status from homeostasis.patches where object = 'public.part'},
        'healed', "the loop closes at debug5: homeostasis $place");
    is($node->safe_psql('postgres',
            q{select count(*) from homeostasis.stat_workers where errors > 0}),
        '0', "no turn of a worker failed: homeostasis $place");

    cron_heals($node) if $place eq 'last';
    $node->stop;
    unlike(slurp_file($node->logfile), qr/terminated by signal/,
        "disconnections and shutdown pass: homeostasis $place");
}

# cron_heals(node): an error that was stored before the workers left is healed
# by what pg_cron calls.
sub cron_heals
{
    my ($node) = @_;

    $node->safe_psql('postgres', q{
        update homeostasis.services set mode = 'observe';
        create table cron_part (day date) partition by range (day);
        create table cron_part_1 partition of cron_part
          for values from ('2026-01-01') to ('2026-02-01');
        create table cron_part_2 partition of cron_part
          for values from ('2026-02-01') to ('2026-03-01');
        alter table cron_part owner to app;
    });
    $node->psql('postgres', q{insert into cron_part values ('2026-03-15')},
        extra_params => [ '-U', 'app' ]);
    wait_for_value($node,
        q{select count(*) from homeostasis.issues where title like '%cron_part%'},
        1);
    $node->safe_psql('postgres', 'alter system set homeostasis.workers = off');
    $node->reload;
    wait_for_value($node, q{
        select count(*) from pg_stat_activity
        where backend_type in ('homeostasis healer', 'homeostasis ingest')}, 0);
    $node->safe_psql('postgres', q{
        update homeostasis.services set mode = 'auto';
        drop table homeostasis.errors_} . partition_ahead($node) . q{;
        select cron.schedule('heal', '* * * * *', 'call homeostasis.advance()');
        select cron.schedule('maintain', '* * * * *', 'select homeostasis.maintain()');
    });
    poll_until($node,
        q{select status from homeostasis.patches where object = 'public.cron_part'},
        'healed', 'without workers, pg_cron heals by advance()', 200);
    poll_until($node, q{
        select to_regclass('homeostasis.errors_}
          . partition_ahead($node) . q{') is not null}, 't',
        'and creates partitions by maintain()', 100);
    return;
}

# partition_ahead(node): the suffix of the partition for the day after tomorrow
sub partition_ahead
{
    return $_[0]->safe_psql('postgres', q{
        select to_char((now() at time zone 'UTC')::date + 2, 'YYYYMMDD')});
}

done_testing();
