# 032_validation_lock.pl: a dry run that met a lock could disprove its patch
# for ever

use strict;
use warnings;

use HomeostasisCluster;
use Test::More;

my $node = new_cluster('main', 'homeostasis.dry_run_lock_timeout' => '200ms');

# A template that counts on the lock it needs.
$node->safe_psql('postgres', q{
    create role shop;
    create table public.till (id integer, sum integer);
    alter table public.till owner to shop;
    insert into homeostasis.patch_templates (name, description, class, reversible, plan)
      values ('fixture', 'adds a column', 'schema', true, $$
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

done_testing();
