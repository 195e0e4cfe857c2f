# Is the manual complete?  Every setting, function, view and table has its
# text in the catalogs, and docs/reference.md is printed from them.

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('reference');
my ($printed, $errors) = run_command([
    'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'),
    '-f', checkout() . '/docs/reference.sql' ]);

is($errors, '', 'the reference is printed without errors');
is_deeply(
    [ grep { /NOT DOCUMENTED/ } split /\n(?=###)/, $printed ],
    [], 'no function, view or table lacks its COMMENT ON');

is($node->safe_psql('postgres', <<'SQL'), '', 'no setting lacks its text');
select name from pg_settings
where name like 'homeostasis.%' and coalesce(short_desc, '') = '';
SQL

is($node->safe_psql('postgres', <<'SQL'), '', 'no column lacks its comment, unless its name says it all');
select c.relname || '.' || a.attname
from pg_class c
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relnamespace = 'homeostasis'::regnamespace
  and c.relkind in ('r', 'p') and not c.relispartition
  and col_description(c.oid, a.attnum) is null
  and a.attname not in ('id', 'name', 'description', 'service_id', 'issue_id', 'patch_id', 'created_at',
    'updated_at', 'finished_at', 'status', 'language', 'level', 'sqlstate', 'message', 'detail', 'hint')
order by 1;
SQL

is_deeply(
    [ split /\n/, $printed ],
    [ split /\n/, slurp_file(checkout() . '/docs/reference.md') ],
    'docs/reference.md is what `make docs` prints');

$node->stop;
done_testing();
