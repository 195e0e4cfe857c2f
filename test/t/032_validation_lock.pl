# 032_validation_lock.pl: a dry run that met a lock could disprove its patch
# for ever, and one that holds a lock could keep others waiting

use strict;
use warnings;

use HomeostasisCluster;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main', 'homeostasis.dry_run_lock_timeout' => '200ms',
    'homeostasis.dry_run_lock_hold' => '1s');

# A template that counts on the lock it needs.
$node->safe_psql('postgres', q{
    create role shop;
    create table public.till (id integer, sum integer);
    alter table public.till owner to shop;
    insert into homeostasis.patch_templates (name, description, class, reversible, plan)
      values ('fixture', 'adds a column', 'schema', 'yes', $$
        select array['alter table public.till add note text'] as apply,
          array['alter table public.till drop note'] as undo, 'shop'::name as run_as,
          'public.till' as object, 'x' as explanation, true as transactional,
          null::jsonb as evidence, null::text as refusal$$);
});

my $holder = $node->background_psql('postgres');
$holder->query_safe('begin; lock table public.till in row exclusive mode');
$node->psql('postgres', 'select note from public.till');
wait_for_value($node, 'select count(*) from homeostasis.analysis', '1');
$node->safe_psql('postgres',
    q{select homeostasis.heal(id, 'fixture') from homeostasis.issues});

my $job = q{select status, attempts, result #>> '{error,sqlstate}'
    from homeostasis.jobs where kind = 'validate'};
poll_until($node, $job, 'pending|1|55P03',
    'a dry run that did not get its lock is going to be tried again');
is($node->safe_psql('postgres', 'select status from homeostasis.patches'),
    'validating', 'and its patch is not disproved');

$holder->query_safe('commit');
$holder->quit;
$node->safe_psql('postgres', 'update homeostasis.jobs set run_after = now()');
poll_until($node, 'select status from homeostasis.patches', 'validated',
    'without the lock it is proved');

# While a dry run holds a lock, others wait: for a second here, whatever it is
# that takes long.  Without that limit each of these takes minutes.
$node->safe_psql('postgres', q{
    create table public.slow (i int);
    insert into public.slow values (1);
    create sequence public.number;
    create function public.ignore() returns int language plpgsql as $$
    begin
      loop
        begin
          perform pg_sleep(60);
        exception when query_canceled then null;
        end;
      end loop;
    end $$;
    create function public.only_with_patch() returns int language plpgsql as $$
    begin
      perform 1 from public.absent;
      perform pg_sleep(120);
      return 1;
    end $$;
    create function public.ignore_with_patch() returns int language plpgsql as $$
    begin
      perform 1 from public.absent;
      return public.ignore();
    end $$});

# dry_run(payload): the result, and whether a session that needed the lock, a
# sequence's if there is a statement for it, got it in time
sub dry_run
{
    my ($payload, $other) = @_;
    my %event = (role => 'postgres', search_path => 'public', sqlstate => '42P01',
        exists $payload->{statement} ? (statement => delete $payload->{statement}) : ());
    my $json = encode_json({ run_as => 'postgres', transactional => JSON::PP::true,
            origin => 'server_log', genuine => JSON::PP::true, session_role => 'postgres',
            event => \%event, %$payload });
    my $job = $node->background_psql('postgres');

    $json =~ s/'/''/g;
    $job->{stdin} .= "call homeostasis.run_job('validate', 'postgres', '$json', null);\n\\echo done\n";
    $job->{run}->pump_nb;
    wait_for_value($node, q{
        select count(*) > 0 from pg_locks l
        join pg_stat_activity a on a.pid = l.pid
        where a.backend_type = 'homeostasis operator' and l.granted
          and l.relation in ('public.till'::regclass, 'public.number'::regclass)
          and l.mode in ('AccessExclusiveLock', 'ShareRowExclusiveLock')}, 't');
    my $status = $node->psql('postgres',
        q{set statement_timeout = '40s'; } . ($other // 'select count(*) from public.till'));
    my $end = time() + 60;
    $job->{run}->pump_nb until $job->{stdout} =~ /^done/m || time() > $end;
    my ($result) = $job->{stdout} =~ /^(\{.*\})$/m;
    $job->quit;
    return ($status, decode_json($result));
}

my $lock = 'lock table public.till in access exclusive mode';
my $cut = qr/was cut short after homeostasis.dry_run_lock_hold/;
my ($status, $r) = dry_run({ apply => [ $lock, 'select pg_sleep(120)' ] });
is($status, 0, 'who waits for the lock of a patch gets it');
ok($r->{ok} && !$r->{applied}, 'a patch that takes too long is not applied');
like($r->{replay_note}, qr/the patch $cut/, 'and the note says why');

($status, $r) = dry_run({ apply => [$lock], undo => ['select pg_sleep(120)'] });
is($status, 0, 'so does who waits while the undo is tried');
ok($r->{ok} && $r->{applied} && !$r->{undo_checked}, 'which is not proved then');
like($r->{replay_note}, qr/the undo $cut/, 'and the note says why');

my $create = 'create table public.absent (i int)';
($status, $r) = dry_run({ apply => [ $create, $lock ],
        statement => 'select only_with_patch()' });
is($status, 0, 'so does who waits while the statement is replayed');
ok($r->{ok} && $r->{applied} && $r->{replayable} && !defined $r->{after},
    'which then says nothing');
like($r->{replay_note}, qr/the replay with the patch $cut/, 'and the note says why');

($status, $r) = dry_run({ statement => 'select only_with_patch()',
        apply => [ $create, q{select setval('public.number', 7)} ] },
    q{select nextval('public.number')});
is($status, 0, 'so does who waits for a sequence');
like($r->{replay_note}, $cut, 'and the note says why');

# Code that catches the error of its time limit ends with its operator.
foreach my $case ([ 'select 1', $lock, 'select public.ignore()' ],
    [ 'select ignore_with_patch()', $create, $lock ])
{
    my ($statement, @apply) = @$case;

    ($status, $r) = dry_run({ statement => $statement, apply => \@apply });
    is($status, 0, "who waits gets the lock although the limit is ignored: $statement");
    ok(!$r->{ok} && !$r->{interrupted}, 'the dry run fails, and is not tried again');
    like($r->{error}{message}, qr/ignored its time limit/, 'and says why');
}

# Nobody waits for weaker locks: there is time.
$node->safe_psql('postgres', q{
    create function public.slow_with_row() returns int language plpgsql as $$
    begin
      if (select count(*) from public.slow) < 2 then
        raise 'not yet' using errcode = '42P01';
      end if;
      perform pg_sleep(2);
      return 1;
    end $$});
my %payload = (run_as => 'postgres', transactional => JSON::PP::true,
    origin => 'server_log', genuine => JSON::PP::true, session_role => 'postgres',
    event => { role => 'postgres', sqlstate => '42P01',
        statement => 'select slow_with_row()', search_path => 'public' },
    apply => ['insert into public.slow values (2)']);
(my $json = encode_json(\%payload)) =~ s/'/''/g;
$r = decode_json($node->safe_psql('postgres',
        "call homeostasis.run_job('validate', 'postgres', '$json', null)"));
ok($r->{after}{ok}, 'a replay that holds nobody up may take its time')
  or diag(encode_json($r));

$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal/,
    'nothing crashed');
done_testing();
