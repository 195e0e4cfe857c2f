# 100_dump_restore.pl: a dump of the home database brings everything back:
# errors, issues, configuration that was edited, the audit log, and sequences
# that go on where they were.

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('origin', 'homeostasis.mode' => 'auto');

# A life: healed issues, one that waits for a person, errors of two days and
# of a service, an event that was refused, and configuration of every kind.
$node->safe_psql('postgres', q{
    update homeostasis.policies
      set observe_window = '1 second', settle_time = '0'
      where name = 'small_and_reversible';
    insert into homeostasis.policies (name, description, priority, classes, decision)
      values ('ours', 'written by us', 7, array['maintenance'], 'refuse'),
        ('ask_for_data', 'leaves data to us', 8, array['data'], 'ask');
    update homeostasis.rules set confidence = 0.96, suggestion = 'ask Ann'
      where id = 'pg-missing-partition';
    update homeostasis.rules set enabled = false where id = 'pg-deadlock';
    insert into homeostasis.rule_packs (name, description, version)
      values ('ours', 'written by us', '1');
    insert into homeostasis.rules (id, pack, description, root_cause, suggestion,
        confidence, pattern)
      values ('ours-till', 'ours', 'a till', 'the till is $ "closed" \\ ''now''',
        E'open\nit', 0.9, 'till (?<till>[0-9]+) is closed');
    insert into homeostasis.patch_templates (name, description, class, reversible, plan)
      values ('ours', 'written by us', 'data', 'no', 'select 1');

    create role app login;
    grant create on schema public to app;
    set session authorization app;
    create table public.orders (id serial primary key, day date);
    insert into orders values (1, now()), (2, now());
    create table public.part (day date, x int) partition by range (day);
    create table part_1 partition of part
      for values from ('2026-01-01') to ('2026-02-01');
    create table part_2 partition of part
      for values from ('2026-02-01') to ('2026-03-01');
});
$node->psql('postgres', $_, extra_params => [ '-U', 'app' ])
  foreach 'insert into orders (day) values (now())',
  q{insert into part values ('2026-03-15', 1)};
wait_for_value($node,
    q{select string_agg(status, ',' order by template) from homeostasis.patches},
    'validated,healed');
$node->safe_psql('postgres', q{
    select homeostasis.report(
      error_type => 'TillError', error_message => 'till 5 is closed',
      language => 'python', service => 'shop',
      stack_trace => array['Traceback (most recent call last):',
        '  File "/srv/shop/till.py", line 3, in open', 'TillError: till 5 is closed'],
      metadata => '{"note": "tab\t and \\\\ and é"}');
    select homeostasis.report(jsonb_build_object('error_type', 'TillError',
      'error_message', 'till 6 is closed', 'language', 'python', 'service', 'shop',
      'timestamp', now() - interval '1 day'));
});
wait_for_value($node,
    q{select count(*) from homeostasis.errors e join homeostasis.services s on s.id = e.service_id
      where s.name = 'shop'}, '2');
$node->safe_psql('postgres', q{
    select homeostasis.report_batch('[{"language": 3}]');
    update homeostasis.services set mode = 'observe' where name = 'shop';
    select homeostasis.mute(i.id) from homeostasis.issues i
      join homeostasis.services s on s.id = i.service_id where s.name = 'shop';
});
wait_for_value($node, 'select count(*) from homeostasis.rejected_events', '1');
is($node->safe_psql('postgres', 'select * from homeostasis.audit_verify()'),
    '', 'the audit log is whole before the dump');

# contents(node, database): a line for each table with how many rows it has
# and what is in them.  Left out is when rows came to this database that
# create extension brings, and how far the shared memory here was read.
sub contents
{
    my ($of, $database) = @_;
    my $tables = $of->safe_psql($database, q{
        select string_agg(format(
          'select %L, count(*), md5(string_agg(r.row, %L order by r.row))
           from (select (to_jsonb(t)%s)::text as row from homeostasis.%I t) r',
          c.relname, E'\n',
          case c.relname when 'rules' then $$ - 'updated_at'$$
            when 'rule_packs' then $$ - 'loaded_at'$$ else '' end, c.relname),
          ' union all ')
        from pg_class c
        where c.relnamespace = 'homeostasis'::regnamespace
          and c.relkind in ('r', 'p') and not c.relispartition
          and c.relname not in ('intake_positions', 'journal_positions', 'drop_positions', 'spike_watch')});

    return $of->safe_psql($database, "$tables order by 1");
}

# partitions(node, database): how errors is divided, and who owns the pieces
sub partitions
{
    my ($of, $database) = @_;

    return $of->safe_psql($database, q{
        select c.relname, pg_get_expr(c.relpartbound, c.oid), c.relowner::regrole
        from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'homeostasis.errors'::regclass order by 1});
}

# Nothing more happens there, so that both sides can be compared.
$node->safe_psql('postgres', 'alter system set homeostasis.workers = off');
$node->reload;
wait_for_value($node, q{
    select count(*) from pg_stat_activity
    where backend_type like 'homeostasis %' and datname is not null}, '0');

my $before = contents($node, 'postgres');
my $partitions = partitions($node, 'postgres');
my $dump = $node->backup_dir . '.dump';
my $globals = $node->backup_dir . '.globals';
$node->command_ok([ 'pg_dump', '--format=custom', "--file=$dump", 'postgres' ],
    'the home database can be dumped');
$node->command_ok([ 'pg_dumpall', '--globals-only', "--file=$globals" ],
    'so can the roles');
foreach my $table (
    'analysis', 'approvals', 'audit_log', 'deployments', 'errors', 'issues',
    'issue_counts', 'jobs', 'patches', 'rejected_events', 'stacks',
    'validations')
{
    like($before, qr/^$table\|[1-9]/m, "there are rows of $table to restore");
}

# check_restored(node, database): what was restored is what was dumped, and
# life goes on in it.
sub check_restored
{
    my ($of, $database, $where) = @_;

    is(contents($of, $database), $before, "all rows are there, $where");
    is(partitions($of, $database), $partitions,
        "the partitions are the same, and homeostasis_owner's, $where");
    is($of->safe_psql($database, 'select * from homeostasis.audit_verify()'),
        '', "the audit log is whole, $where");
    is($of->safe_psql($database, q{
        select id, confidence, suggestion, enabled, shipped, modified
        from homeostasis.rules
        where id in ('pg-missing-partition', 'pg-deadlock') order by id
        }) =~ s/\|[^|]*(?=\|f\|t)/|.../r,
        "pg-deadlock|"
          . $node->safe_psql('postgres',
            q{select confidence from homeostasis.rules
              where id = 'pg-deadlock'})
          . "|...|f|t|t\npg-missing-partition|0.960|ask Ann|t|t|t",
        "edited shipped rules are still edited, $where");
    is($of->safe_psql($database, q{
        select observe_window from homeostasis.policies
        where name = 'small_and_reversible'}), '00:00:01',
        "so are edited shipped policies, $where");
    is($of->safe_psql($database, q{
        select rule_id, captures from homeostasis.match(
          '{"language": "python", "error_type": "X", "error_message": "till 9 is closed"}')
        }), 'ours-till|{"till": "9"}', "a user's rule matches, $where");
    my $sequences = $of->safe_psql($database, q{
        select string_agg(format(
          'select %L where %s < (select max(%I) from %s)', c.relname,
          coalesce(s.last_value, 0), a.attname, a.attrelid::regclass), ' union all ')
        from pg_class c
        join pg_depend d on d.classid = 'pg_class'::regclass
          and d.objid = c.oid and d.deptype in ('a', 'i')
        join pg_attribute a
          on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
        join pg_sequences s on s.schemaname = 'homeostasis'
          and s.sequencename = c.relname
        where c.relkind = 'S' and c.relnamespace = 'homeostasis'::regnamespace});
    is($of->safe_psql($database, $sequences), '',
        "no sequence is behind its column, $where");
    return;
}

# Into the same cluster, under another name: nobody works there.
$node->safe_psql('postgres', 'create database restored');
$node->command_ok([ 'pg_restore', '--exit-on-error', '--dbname=restored', $dump ],
    'the dump can be restored into a database of another name');
check_restored($node, 'restored', 'in a database of another name');

# As a script, and by several processes, for which no order is the same.
$node->command_ok([ 'pg_dump', '--format=plain', "--file=$dump.sql", 'postgres' ], 'a plain dump can be made');
$node->safe_psql('postgres', 'create database restored_plain');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', 'restored_plain', '-f', "$dump.sql" ],
    'and restored by psql');
check_restored($node, 'restored_plain', 'of a plain dump');
$node->command_ok([ 'pg_dump', '--format=directory', '--jobs=3', "--file=$dump.dir", 'postgres' ],
    'a dump can be made by three processes');
$node->safe_psql('postgres', 'create database restored_parallel');
$node->command_ok([ 'pg_restore', '--exit-on-error', '--jobs=3', '--dbname=restored_parallel', "$dump.dir" ],
    'and restored by three');
check_restored($node, 'restored_parallel', 'by several processes');

# Into a new cluster, as docs/operations.md says: the workers are off.
my $new = new_cluster(
    'new', -extension => 0,
    'homeostasis.workers' => 'off');
$new->psql('postgres', "\\i $globals");
$new->command_ok(
    [ 'pg_restore', '--exit-on-error', '--dbname=postgres', $dump ],
    'the dump can be restored into the home database of another cluster');
check_restored($new, 'postgres', 'in another cluster');

# ... and on.  An error that the origin knew is the same issue here; a new
# one gets a new id.  What waited for approval can be approved.
$new->safe_psql('postgres', 'alter system set homeostasis.workers = on');
$new->reload;
$new->psql('postgres', 'insert into orders (id, day) values (1, now())',
    extra_params => [ '-U', 'app' ]);
$new->psql('postgres', 'select * from new_here');
poll_until($new, q{
    select error_count from homeostasis.issues where title like '%orders_pkey%'},
    '2', 'an error of before the dump is counted with its issue');
poll_until($new, q{
    select count(*) from homeostasis.issues
    where title like '%new_here%' and id > 3}, '1',
    'a new error becomes a new issue');
$new->safe_psql('postgres',
    q{select homeostasis.approve(id) from homeostasis.patches
      where status = 'validated'});
poll_until($new, q{
    select status from homeostasis.patches where template = 'advance_sequence'},
    qr/^(deployed|healed)$/, 'a patch that waited is deployed after approval');
is($new->safe_psql('postgres', 'select * from homeostasis.audit_verify()'),
    '', 'the audit log goes on where it ended');
is($new->safe_psql('postgres',
        'insert into orders (day) values (now()) returning id > 2',
        extra_params => [ '-U', 'app' ]),
    't', 'and what was deployed heals');

$node->stop;
$new->stop;
done_testing();
