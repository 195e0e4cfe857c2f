# 025_intake_poison.pl: an error that cannot be stored could keep all later
# ones from being stored

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main');

# Stands for whatever goes wrong with one event and is not blamed on it: too
# little memory for it, say.
$node->safe_psql('postgres', <<'SQL');
create function choke() returns trigger language plpgsql as $$
begin
  if new.message = 'too heavy' then
    raise exception 'out of memory, it says' using errcode = '53200';
  elsif new.message = 'malformed' then
    raise exception 'malformed, it says' using errcode = '22000';
  end if;
  return new;
end $$;
create trigger choke before insert on homeostasis.errors for each row execute function choke();
SQL
$node->safe_psql('postgres', <<'SQL');
select homeostasis.report(jsonb_build_object('service', 'shop', 'error_message',
  case n when 20 then 'too heavy' when 30 then 'malformed' when 40 then 'too heavy' else 'light' end))
from generate_series(1, 60) n
SQL
poll_until($node, q{select count(*) from homeostasis.errors where message = 'light'}, '57',
    'the errors around a bad one are stored');
poll_until($node, q{
    select string_agg(concat_ws('|', reason, event::jsonb ->> 'error_message', origin), e'\n' order by id)
    from homeostasis.rejected_events}, join("\n",
        'it could not be stored; the server log says why|too heavy|report',
        'malformed, it says|malformed|report',
        'it could not be stored; the server log says why|too heavy|report'),
    'and the bad ones end in rejected_events');
is($node->safe_psql('postgres', q{select sum(error_count) from homeostasis.issues where title = 'light'}), '57', 'once each');
cmp_ok($node->safe_psql('postgres', 'select failed_batches from homeostasis.stat_intake'), '<', 20,
    'after few attempts');
my @lines = slurp_file($node->logfile) =~ /out of memory, it says/g;
cmp_ok(scalar(@lines), '<', 5, 'and few lines in the log');

# An error of the worker itself is none of its business.
is($node->safe_psql('postgres', q{select count(*) from homeostasis.errors where message ~ 'it says'}), '0',
    'the worker does not capture its own errors');
$node->safe_psql('postgres', 'drop trigger choke on homeostasis.errors');
$node->psql('postgres', q{select 'later'::int});
poll_until($node, q{select count(*) from homeostasis.errors where message ~ 'later'}, '1', 'later ones are stored');

# Nothing can be stored at all: it waits.
$node->safe_psql('postgres', 'alter table homeostasis.errors rename column message to message_');
$node->psql('postgres', q{select 'patient'::int});
poll_until($node, q{select state from homeostasis.stat_workers where kind = 'ingest'}, 'backing off',
    'a worker that can store nothing backs off');
$node->safe_psql('postgres', 'alter table homeostasis.errors rename column message_ to message');
poll_until($node, q{select count(*) from homeostasis.errors where message ~ 'patient'}, '1',
    'and stores when it can', 120);

# The same for longer than an event is tried alone: none is given up for it.
my $refused = $node->safe_psql('postgres', 'select count(*) from homeostasis.rejected_events');
my $failed = $node->safe_psql('postgres', 'select failed_batches from homeostasis.stat_intake');
$node->safe_psql('postgres', 'revoke insert on homeostasis.errors from homeostasis_owner');
$node->safe_psql('postgres', q{select homeostasis.report(jsonb_build_object('service', 'shop', 'error_message', 'outage',
    'metadata', jsonb_build_object('n', n))) from generate_series(1, 5) n});
poll_until($node, "select failed_batches - $failed >= 8 from homeostasis.stat_intake", 't',
    'an outage goes on for more attempts than an event has', 180);
is($node->safe_psql('postgres', "select count(*) - $refused from homeostasis.rejected_events"), '0',
    'no event is blamed for it');
$node->safe_psql('postgres', 'grant insert on homeostasis.errors to homeostasis_owner');
poll_until($node, q{select count(*) from homeostasis.errors where message = 'outage'}, '5',
    'all of them are stored when it is over', 120);
is($node->safe_psql('postgres', "select count(*) - $refused from homeostasis.rejected_events"), '0', 'none is refused');
is($node->safe_psql('postgres', q{select count(*) from homeostasis.issues where title ~ 'tries whether'}), '0',
    'the trial leaves nothing behind');

# What was set aside for a lock and turns out bad then.
$node->safe_psql('postgres', <<'SQL');
create trigger choke before insert on homeostasis.errors for each row execute function choke();
SQL
my $holder = $node->background_psql('postgres');
$holder->query_safe('begin; lock table homeostasis.errors in share row exclusive mode');
$node->safe_psql('postgres', <<'SQL');
select homeostasis.report(jsonb_build_object('service', 'shop', 'error_message',
  case n when 3 then 'too heavy' else 'set aside' end)) from generate_series(1, 5) n
SQL
poll_until($node, 'select count(*) from homeostasis.deferred_events', '5', 'events wait for a lock');
$node->safe_psql('postgres', q{insert into homeostasis.deferred_events (reason, record) values ('test', 'gibberish')});
$holder->query_safe('commit');
$holder->quit;
poll_until($node, q{select count(*) from homeostasis.errors where message = 'set aside'}, '4',
    'a bad one among them keeps none of the others', 120);
poll_until($node, 'select count(*) from homeostasis.deferred_events', '0', 'nothing waits for ever');
is($node->safe_psql('postgres', q{
    select string_agg(reason, '|' order by reason) from homeostasis.rejected_events
    where id > (select max(id) - 2 from homeostasis.rejected_events)}),
    'it could not be stored; the server log says why|its record is shorter than its header', 'bad ones and gibberish are refused');
$failed = $node->safe_psql('postgres', 'select failed_batches from homeostasis.stat_intake');
$node->psql('postgres', q{select 'at ease'::int});
poll_until($node, q{select count(*) from homeostasis.errors where message ~ 'at ease'}, '1', 'and the worker is at ease');
is($node->safe_psql('postgres', "select failed_batches - $failed from homeostasis.stat_intake"), '0', 'again');

$node->stop;
done_testing();
