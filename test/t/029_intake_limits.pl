# 029_intake_limits.pl: a reporter that invents services or messages could
# fill the tables, or keep the errors of others out

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster(
    'main',
    'homeostasis.max_services'           => 50,
    'homeostasis.log_templates'          => 0,
    'homeostasis.max_issues_per_service' => 20,
    'homeostasis.overflow_timeout'       => '60s');

# The healer's first turn makes partitions: what waits for their locks too long
# is set aside, and then others come first.
wait_for_value($node, q{
    select count(*) from homeostasis.stat_workers
    where kind in ('ingest', 'healer') and turns > 0}, '2');
$node->safe_psql('postgres', <<'SQL');
create role prankster login;
grant homeostasis_reporter to prankster;
-- Words, because numbers and identifiers do not make another issue.
create function word(n int) returns text language sql as $$
  select string_agg(chr(97 + (n / (26 ^ p)::int) % 26), '') || 'ish' from generate_series(0, 3) p $$;
SQL

sub as_prankster
{
    my ($sql) = @_;
    my ($stdout, $stderr) = ('', '');

    $node->psql('postgres', $sql, stdout => \$stdout, stderr => \$stderr, extra_params => [ '-U', 'prankster' ]);
    return $stdout . $stderr;
}

# Services -------------------------------------------------------------------

as_prankster(q{select homeostasis.report(jsonb_build_object('service', 'service ' || n, 'error_message', 'x'))
               from generate_series(1, 10000) n});
$node->psql('postgres', q{select 'amid the flood'::int});
poll_until($node, q{select count(*) from homeostasis.errors where message ~ 'amid the flood'}, '1',
    'errors of the server are stored during a flood of services');
poll_until($node, intake_waiting(), '0', 'the flood is worked off');
is($node->safe_psql('postgres', q{select count(*) from homeostasis.services where kind = 'application'}), '50',
    'a reporter makes as many services as the setting allows');
is($node->safe_psql('postgres', q{
    select concat_ws(' ', (select count(*) from homeostasis.errors where message = 'x'), count(*))
    from homeostasis.rejected_events where field = 'service' and reason ~ 'homeostasis.max_services'}),
    '50 9950', 'the others are refused, each of them');
is($node->safe_psql('postgres', 'select stored + rejected + duplicate = captured from homeostasis.stat_intake'), 't',
    'and all are counted as one or the other');
is($node->safe_psql('postgres', q{select bool_and(event::jsonb ->> 'service' ~ '^service [0-9]+$') from homeostasis.rejected_events}),
    't', 'what was refused can be read');
like(as_prankster(q{select homeostasis.ingest('{"service": "one more", "error_message": "x"}')}),
    qr/ERROR: .*as many as homeostasis\.max_services allows/, 'ingest() says so at once');
is(as_prankster(q{select count(id), count(*) from homeostasis.ingest(
    '[{"service": "one more", "error_message": "x"}, {"service": "service 1", "error_message": "x"}]') id}),
    '1|2', 'and of an array takes what there is room for');
$node->safe_psql('postgres', 'create database elsewhere');
$node->psql('elsewhere', q{select 'elsewhere'::int});
poll_until($node, q{select count(*) from homeostasis.errors e join homeostasis.services s on s.id = e.service_id
                    where s.name = 'database/elsewhere'}, '1', 'another database still becomes a service');

# Issues ---------------------------------------------------------------------

as_prankster(q{select homeostasis.report(jsonb_build_object('service', 'service 1', 'error_message', public.word(n) || ' went wrong'))
               from generate_series(1, 3000) n});
as_prankster(q{select homeostasis.report('{"service": "service 1", "error_message": "x"}') from generate_series(1, 30)});
$node->psql('postgres', q{select 'amid the words'::int});
poll_until($node, intake_waiting(), '0', 'a flood of messages is worked off');
my $issues = q{(select count(*) from homeostasis.issues i join homeostasis.services s on s.id = i.service_id
    where s.name = 'service 1')};
is($node->safe_psql('postgres', "select $issues"), '20', 'they make as many issues as the setting allows');
is($node->safe_psql('postgres', q{select error_count from homeostasis.issues i join homeostasis.services s on s.id = i.service_id
    where s.name = 'service 1' and i.title = 'x'}), '32', 'what is known goes on being counted');
is($node->safe_psql('postgres', q{select count(*) from homeostasis.rejected_events where reason ~ 'max_issues_per_service'}),
    '2981', 'the others are refused');
is($node->safe_psql('postgres', q{
    select count(*) from homeostasis.errors e
    where not exists (select from homeostasis.issue_fingerprints f
                      where f.service_id = e.service_id and f.fingerprint = e.fingerprint)}), '0',
    'no error is stored without an issue');
is($node->safe_psql('postgres', q{select (select sum(error_count) from homeostasis.issues) = (select count(*) from homeostasis.errors)}),
    't', 'and counts are exact');
is($node->safe_psql('postgres', q{select count(*) from homeostasis.errors where message ~ 'amid the words'}), '1',
    'the server makes issues as before');
like(as_prankster(q{select homeostasis.ingest('{"service": "service 1", "error_message": "something else"}')}),
    qr/ERROR: .*as many as homeostasis\.max_issues_per_service allows/, 'ingest() says so at once');
set_conf($node, 'homeostasis.max_issues_per_service' => 21);
$node->reload;
wait_for_value($node, 'show homeostasis.max_issues_per_service', '21');
as_prankster(q{select homeostasis.ingest('{"service": "service 1", "error_message": "something else"}')});
is($node->safe_psql('postgres', "select $issues"), '21', 'a higher limit makes room');

# With room for many a session does not count them for each event.
set_conf($node, 'homeostasis.max_issues_per_service' => 300);
$node->reload;
wait_for_value($node, 'show homeostasis.max_issues_per_service', '300');
like(as_prankster(q{
    do $$
    declare
      refused int := 0;
    begin
      for n in 5001 .. 5400 loop
        begin
          perform homeostasis.ingest(jsonb_build_object('service', 'service 1', 'error_message', public.word(n) || ' went wrong'));
        exception when configuration_limit_exceeded then
          refused := refused + 1;
        end;
      end loop;
      raise notice 'refused: %', refused;
    end $$}), qr/refused: 121\b/, 'the limit is kept, by one event after the other');
is($node->safe_psql('postgres', "select $issues"), '300', 'and exactly so many issues are made');

$node->stop;
done_testing();
