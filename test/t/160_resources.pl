# 160_resources.pl: what the workers use stays bounded: no transaction held
# while idle, no snapshot held back, no memory per error, no shared memory
# segment per connection; and autovacuum learns what they write.

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = new_cluster(
    'resources',
    'homeostasis.mode'    => 'auto',
    'dynamic_shared_memory_type' => 'mmap',
    'log_min_messages'    => 'error',
    'log_min_error_statement' => 'panic');

# segments(): how many dynamic shared memory segments the server has
sub segments
{
    my @files = glob($node->data_dir . '/pg_dynshmem/mmap.*');

    return scalar @files;
}

# resident(kind): KiB that a worker has for itself: shared memory that it
# has touched is not its own.
sub resident
{
    my ($kind) = @_;
    my $pid = worker_pid($node, "homeostasis $kind");
    my $status = slurp_file("/proc/$pid/status");

    $status =~ /^RssAnon:\s+(\d+) kB/m or die "no RssAnon of $pid";
    return $1;
}

# A whole healing, watched ------------------------------------------------------

$node->safe_psql('postgres', q{
    update homeostasis.policies set observe_window = '5 seconds', settle_time = '0'
      where shipped;
    create role app login;
    grant create on schema public to app;
    set session authorization app;
    create table part (day date) partition by range (day);
    create table part_1 partition of part
      for values from ('2026-01-01') to ('2026-02-01');
    create table part_2 partition of part
      for values from ('2026-02-01') to ('2026-03-01');
});
$node->psql('postgres', q{insert into part values ('2026-03-15')},
    extra_params => [ '-U', 'app' ]);

my ($looks, $idle_in_transaction, $old_snapshots) = (0, 0, 0);
my $end = time() + 60;
while (time() < $end)
{
    my ($healed, $idle, $old) = split /\|/, $node->safe_psql('postgres', q{
        select (select count(*) from homeostasis.patches where status = 'healed'),
               count(*) filter (where state like 'idle in transaction%'),
               count(*) filter (where backend_xmin is not null
                 and coalesce(clock_timestamp() - xact_start > interval '5 seconds', true))
        from pg_stat_activity where backend_type like 'homeostasis %'});

    $looks++;
    $idle_in_transaction += $idle;
    $old_snapshots += $old;
    last if $healed;
}
is($node->safe_psql('postgres', 'select status from homeostasis.patches'),
    'healed', 'a failure is healed');
cmp_ok($looks, '>', 5, 'the workers were looked at meanwhile');
is($idle_in_transaction, 0, 'no worker was ever idle in a transaction');
is($old_snapshots, 0, 'no worker kept a snapshot that holds back vacuum');

# The statistics that autovacuum goes by -----------------------------------------

poll_until($node, q{
    select string_agg(relname, ',' order by relname)
    from pg_stat_user_tables
    where schemaname = 'homeostasis' and n_tup_ins > 0
      and relname in ('issues', 'analysis', 'jobs', 'patches', 'audit_log', 'issue_counts')},
    'analysis,audit_log,issue_counts,issues,jobs,patches',
    'what the workers write is counted for autovacuum');

# Connections ----------------------------------------------------------------------

$node->psql('postgres', 'select 1 / 0') for 1 .. 5;
my $before = segments();
$node->pgbench('--client=8 --connect --transactions=250 --no-vacuum', 0,
    [qr{processed: 2000/2000}], [qr/^/], '2,000 short connections',
    { '160_connect' => q{select homeostasis.report(error_type => 'Short', error_message => 'x', language => 'sql', service => 'x');}
    });
poll_until($node,
    q{select error_count from homeostasis.issues where error_type = 'Short'},
    '2000', 'each of them reports an error');
cmp_ok(segments(), '<=', $before,
    'none of them left a shared memory segment');

# Memory -----------------------------------------------------------------------------

my $errors = 'do $$ begin for i in 1 .. 50 loop perform homeostasis.report('
  . q{error_type => 'Many' || i % 7, error_message => 'many ' || repeat('x', i * 20), language => 'sql', service => 'many'}
  . '); end loop; end $$;';
my $many = q{select coalesce(sum(error_count), 0) from homeostasis.issues
    where error_type like 'Many%'};

# many(count): so many errors, stored
sub many
{
    my ($count) = @_;
    my $wanted = $node->safe_psql('postgres', $many) + $count;

    $node->pgbench('--client=4 --transactions=' . $count / 200 . ' --no-vacuum',
        0, [qr/processed/], [qr/^/], "$count errors are reported",
        { "160_many_$wanted" => $errors });
    wait_for_value($node, $many, $wanted, 180);
    return;
}

# A worker that falls behind for the first time takes larger batches than before,
# for which it keeps memory; so what counts is whether it grows each time.
many(20_000);
my %grown;
foreach my $time (1 .. 3)
{
    my %before = map { $_ => resident($_) } 'ingest', 'healer';

    many(80_000);
    %grown = map { $_ => resident($_) - $before{$_} } keys %before;
    note(join ', ', map { "$_: $before{$_} KiB, then $grown{$_} KiB more" } sort keys %grown);
    last if !grep { $_ >= 8192 } values %grown;
}
cmp_ok($grown{$_}, '<', 8192, "memory of the $_ worker does not grow with each 80,000 errors") foreach sort keys %grown;
is($node->safe_psql('postgres', q{
    select sum(dropped_full) + sum(dropped_too_large) + sum(rejected)
    from homeostasis.stat_intake}), '0', 'no error was lost meanwhile');

$node->stop;
done_testing();
