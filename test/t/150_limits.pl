# 150_limits.pl: in mode auto, what needs a person waits for one, a storm of
# problems is healed at the rate allowed, a patch that fails in its dry run
# goes nowhere, and an audit log that was tampered with says where.

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster(
    'limits',
    'homeostasis.mode'                             => 'auto',
    'homeostasis.max_healings_per_hour'            => 7,
    'homeostasis.max_healings_per_object_per_hour' => 1,
    'homeostasis.healer_interval'                  => '100ms');

$node->safe_psql('postgres', q{
    update homeostasis.policies set observe_window = '1 second', settle_time = '0'
      where shipped;
    create role app login;
    grant create on schema public to app;
    insert into homeostasis.patch_templates (name, description, class, reversible, plan)
      values ('breaks', 'fails when it is applied', 'schema', 'yes',
        $$select array['create table public.half_done (x int)', 'select 1 / 0'] as apply,
                 array['drop table public.half_done'] as undo, 'app' as run_as,
                 'public.ghost' as object, 'none' as explanation,
                 true as transactional, null::jsonb as evidence, null::text as refusal$$);
    insert into homeostasis.rule_packs (name, description, version)
      values ('ours', 'ours', '1');
    insert into homeostasis.rules (id, pack, description, root_cause, suggestion,
        confidence, priority, sqlstates, pattern, template)
      values ('ours-ghost', 'ours', 'a ghost', 'a ghost', 'none', 1, 1000,
        '{ZZ001}', '^ghost$', 'breaks');
});

# as_app(sql): runs it as the owner of the tables
sub as_app
{
    my ($sql) = @_;

    return $node->psql('postgres', $sql, extra_params => [ '-U', 'app' ]);
}

sub partitioned
{
    my ($table) = @_;

    return qq{
        create table $table (day date) partition by range (day);
        create table $table\_1 partition of $table
          for values from ('2026-01-01') to ('2026-02-01');
        create table $table\_2 partition of $table
          for values from ('2026-02-01') to ('2026-03-01');};
}

# after_turns(): when the healer has had time to do more than it should
sub after_turns
{
    my $turns = $node->safe_psql('postgres',
        q{select turns from homeostasis.stat_workers where kind = 'healer'});

    wait_for_value($node, qq{
        select turns > $turns + 20 from homeostasis.stat_workers
        where kind = 'healer'}, 't');
    return;
}

# A patch whose statements fail -----------------------------------------------

as_app(q{do $$ begin raise 'ghost' using errcode = 'ZZ001'; end $$});
poll_until($node,
    q{select status, status_reason from homeostasis.patches where template = 'breaks'},
    'invalid|the patch cannot be applied: statement 2: division by zero',
    'a patch that fails in its own dry run is invalid, and says why');
after_turns();
is($node->safe_psql('postgres', q{
    select count(*) from homeostasis.patches where template = 'breaks'}), '1',
    'it is not tried again by itself');
is($node->safe_psql('postgres',
        q{select to_regclass('half_done') is null}), 't',
    'nothing of it stays');
is($node->safe_psql('postgres', q{
    select count(*) from homeostasis.issues where sqlstate = '22012'}), '0',
    'the error of the dry run is not an error of the database');
is($node->safe_psql('postgres', q{
    select status from homeostasis.issues where title like '%ghost%'}), 'open',
    'its issue is open again');

# What needs a person ----------------------------------------------------------

foreach my $table ('forgotten', 'orders')
{
    as_app(qq{
        create table $table (id serial primary key, x int);
        insert into $table select i, i from generate_series(1, 9) i});
}
as_app('insert into forgotten (x) values (2)');
poll_until($node,
    q{select status from homeostasis.patches where object = 'public.forgotten'},
    'healed', 'a policy approves a patch that needs no undo');
$node->safe_psql('postgres', q{
    update homeostasis.patch_templates set reversible = 'no'
    where name = 'advance_sequence'});
as_app('insert into orders (x) values (2)');
wait_for_value($node,
    q{select status from homeostasis.patches where object = 'public.orders'},
    'validated');
after_turns();
is($node->safe_psql('postgres', q{
    select p.status, d.decision, d.reasons,
           (select count(*) from homeostasis.approvals a where a.patch_id = p.id)
    from homeostasis.patches p cross join lateral homeostasis.decide(p.id) d
    where p.object = 'public.orders'}),
    'validated|ask|{"it cannot be undone"}|0',
    'a patch that cannot be undone waits for a person in mode auto');
like($node->safe_psql('postgres', 'table homeostasis.pending_approvals'),
    qr/public\.orders/, 'people see that it waits');

# How often --------------------------------------------------------------------

as_app(partitioned('often'));
as_app(q{insert into often values ('2026-03-15')});
poll_until($node,
    q{select status from homeostasis.patches where object = 'public.often'},
    'healed', 'a policy heals the first failure of a table');
as_app(q{insert into often values ('2027-03-15')});
wait_for_value($node, q{
    select status from homeostasis.patches where object = 'public.often'
    order by id desc limit 1}, 'validated');
after_turns();
is($node->safe_psql('postgres', q{
    select p.status, d.decision, d.reasons
    from homeostasis.patches p cross join lateral homeostasis.decide(p.id) d
    where p.object = 'public.often' order by p.id desc limit 1}),
    'validated|ask|{"policies approved 1 of 1 patches an hour for public.often"}',
    'the second failure of the same table within the hour waits for a person');

my @storm = map { "storm_$_" } 1 .. 8;
as_app(join '', map { partitioned($_) } @storm);
as_app(join '', map { "\\set ON_ERROR_STOP off\ninsert into $_ values ('2026-03-15');\n" } @storm);
wait_for_value($node,
    q{select count(*) from homeostasis.issues where title like '%"storm_%'},
    scalar @storm);
after_turns();
is($node->safe_psql('postgres', q{
    select count(*) from homeostasis.patches
    where automatic and status <> 'refused'}), '7',
    'a storm of problems is healed at the rate allowed');
is($node->safe_psql('postgres', q{
    select count(*) filter (where status = 'open') from homeostasis.issues
    where title like '%"storm_%'}), @storm - 2,
    'the others stay open');
is($node->safe_psql('postgres',
        q{select count(*) <= 7 from homeostasis.approvals where policy is not null}),
    't', 'no policy approves more than the limit');
ok((split /\|/, $node->safe_psql('postgres', q{
        select homeostasis.heal(min(id)) from homeostasis.issues
        where title like '%"storm_%' and status = 'open'}))[0] =~ /^\d+$/,
    'a person may heal one all the same');

# The log ----------------------------------------------------------------------

wait_for_value($node, q{
    select count(*) from homeostasis.jobs where status in ('pending', 'running')},
    0);
my $whole = 'select * from homeostasis.audit_verify()';
is($node->safe_psql('postgres', $whole), '', 'the audit log is whole');
isnt($node->psql('postgres',
        q{update homeostasis.audit_log set actor = 'nobody' where id = 3}), 0,
    'not even a superuser changes it by mistake');
isnt($node->psql('postgres', q{
        set session_replication_role = replica;
        delete from homeostasis.audit_log where id = 3}), 0,
    'nor as a replica would');
$node->safe_psql('postgres', q{
    alter table homeostasis.audit_log disable trigger refuse_change;
    create table kept as select * from homeostasis.audit_log where id = 3;
    update homeostasis.audit_log set actor = 'nobody' where id = 3});
is($node->safe_psql('postgres', $whole),
    '3|its content is not what was written',
    'a row that was changed behind its back is found');
$node->safe_psql('postgres', 'delete from homeostasis.audit_log where id = 3');
is($node->safe_psql('postgres', $whole),
    '4|1 rows are missing before this one', 'so is one that was removed');
as_app('select * from after_the_tampering');
poll_until($node, q{
    select count(*) from homeostasis.issues
    where title like '%after_the_tampering%'}, '1',
    'the service goes on with a log that was tampered with');
$node->safe_psql('postgres', q{
    insert into homeostasis.audit_log select * from kept;
    alter table homeostasis.audit_log enable always trigger refuse_change});
is($node->safe_psql('postgres', $whole), '',
    'with the true row put back the log is whole');

$node->stop;
done_testing();
