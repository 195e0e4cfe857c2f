# History.pm: a database in which errors were stored for a month.
#
# Storing 50 million errors through the ingest worker would take hours, so the
# worker stores one of each issue and the others are made of it: rows with ids,
# times and values of their own, written by INSERT into a table that then takes
# the place of a partition, as maintain() does it.  Days that are old enough
# are compact; the latest are in the order in which errors come.  Stacks,
# counts and issues say what they would say had the worker stored each error
# and maintain() been called ever since.

package History;

use strict;
use warnings;

use Exporter qw(import);
use Time::HiRes qw(time);

use Events qw(event);
use Intake qw(drained make_events wait_until);
use Psql;

our @EXPORT_OK = qw(build event_of make_services);

our $DAYS = 30;

# The last of them fails rarely.
our @SERVICES = qw(shop checkout search mail accounts stock delivery reports gateway archive);

# How many days are as they came; see homeostasis.compact_after_days.
my $RECENT = 3;

# event_of(issue): an event, of one of the services.
sub event_of
{
  my ($issue) = @_;
  return { %{ event($issue) }, service => $SERVICES[ $issue % @SERVICES ] };
}

# make_services(cluster, psql): one error of each issue, through the worker.
sub make_services
{
  my ($cluster, $psql) = @_;

  make_events($cluster, $psql, 'bench_first', [ map { event_of($_) } 0 .. $Events::ISSUES - 1 ]);
  $psql->query('select count(*) from bench_first, homeostasis.report_batch(value)');
  drained($psql);
  $psql->query('drop table bench_first');
  return;
}

# build(psql, sessions, errors, say): a month of that many errors, after
# make_services.  Of sessions, a reference to an array, each builds a day at a
# time.  Calls say with what has been done.
sub build
{
  my ($psql, $sessions, $errors, $say) = @_;
  my @sessions = @$sessions;
  my $start = time;
  my @days = reverse 0 .. $DAYS - 1;

  switch_workers($psql, 'off');
  # Nothing of this has to survive a crash.
  set_to($psql, full_page_writes => 'off');
  make_templates($psql, $errors);
  $_->query("set work_mem = '256MB'; set maintenance_work_mem = '512MB'; set max_parallel_maintenance_workers = 0")
    for @sessions;
  while (my @now = splice @days, 0, @sessions)
  {
    $sessions[$_]->send(day_statements($psql, $now[$_])) for 0 .. $#now;
    $sessions[$_]->receive for 0 .. $#now;
    for my $ago (@now)
    {
      my $day = day($ago);
      die "the partition of $day could not be attached\n" unless $psql->value("select homeostasis.use_compact($day)") eq 't';
      $psql->query('comment on table ' . partition($psql, $ago) . ' is null') if $ago < $RECENT;
    }
    $say->(sprintf '%d of %d days: %s, after %.0f s', $DAYS - $now[-1], $DAYS, what_is_there($psql), time - $start);
  }
  finish($psql);
  set_to($psql, full_page_writes => 'on');
  $psql->query('checkpoint');
  switch_workers($psql, 'on');
  $say->(sprintf 'done: %s, after %.0f s', what_is_there($psql), time - $start);
  return;
}

# How many errors, and what they take with everything that belongs to them.
sub what_is_there
{
  my ($psql) = @_;
  my ($errors, $bytes) = $psql->row(<<'SQL');
select (select sum(error_count) from homeostasis.issue_counts), sum(pg_total_relation_size(c.oid))
from pg_class c where c.relnamespace = 'homeostasis'::regnamespace and c.relkind = 'r'
SQL

  return sprintf '%d errors, %.1f GB, %.0f bytes each', $errors, $bytes / 1e9, $bytes / $errors;
}

sub set_to
{
  my ($psql, $setting, $to) = @_;

  $psql->query("alter system set $setting = $to");
  $psql->query('select pg_reload_conf()');
  return;
}

sub switch_workers
{
  my ($psql, $to) = @_;

  set_to($psql, 'homeostasis.workers', $to);
  wait_until(60, "the workers were not switched $to", sub {
    return $psql->value(q{select count(*) from pg_stat_activity where backend_type ~ '^homeostasis (ingest|healer)'})
      == ($to eq 'on' ? 2 : 0);
  });
  return;
}

# SQL for the day that was so long ago, and the name of its partition.
sub day
{
  my ($ago) = @_;
  return "((select today from bench_times) - $ago)";
}

sub partition
{
  my ($psql, $ago) = @_;
  return 'homeostasis.' . $psql->value('select homeostasis.partition_name(' . day($ago) . ')');
}

# An error of each issue, with what varies cut out of its message, and how many
# there are of it on a day: of some ten times as many as of most, and one in a
# thousand of those of the last service.  What the worker stored goes.
sub make_templates
{
  my ($psql, $errors) = @_;

  $psql->query($_) for <<'SQL', <<"SQL", <<'SQL', <<'SQL', <<'SQL';
create table bench_times as
  select now() as now, date_trunc('day', now(), 'UTC') as midnight, (now() at time zone 'UTC')::date as today,
         homeostasis.minutes_before(10) as minutes_before, homeostasis.minutes_before(60) as tens_before,
         date_trunc('day', now(), 'UTC') - homeostasis.setting('hour_counts_days')::integer * interval '1 day' as hours_before
SQL
create table bench_templates as
  select t.*, t.share * $errors / $DAYS / sum(t.share) over () as a_day
  from (select e.*, f.issue_id, split[1] as head, split[2] as tail, row_number() over (order by e.service_id, e.fingerprint) as number,
               case s.name when '$SERVICES[-1]' then 0.001
                 else 0.5 / sqrt((f.issue_id % $Events::ISSUES + 0.5) / $Events::ISSUES) end as share
        from homeostasis.errors e
        join homeostasis.issue_fingerprints f using (service_id, fingerprint)
        join homeostasis.services s on s.id = e.service_id
        cross join lateral (select regexp_match(e.message, '^(.* customer )[0-9]+(.*)\$') as split) m) t
SQL
create table bench_shape (like homeostasis.errors including all excluding indexes)
SQL
select count(homeostasis.drop_partitions((select today + 1 from bench_times)))
SQL
delete from homeostasis.issue_counts
SQL
  $psql->query("select count(homeostasis.create_partition(@{[ day($_) ]}))") for 0 .. $DAYS - 1;
  $psql->query('vacuum analyze bench_templates');
  return;
}

# The statements that build a table for a day: by themselves, because a table
# that is new to its transaction needs no write-ahead log, and without a lock
# on errors, for which the other session would wait.
sub day_statements
{
  my ($psql, $ago) = @_;
  my $partition = partition($psql, $ago);
  my $name = $partition . '_compact';
  my ($from, $until) = $psql->row(<<"SQL");
select midnight - interval '$ago days', least(midnight - interval '$ago days' + interval '1 day', now) from bench_times
SQL
  my $options = $psql->value('select homeostasis.partition_options()');
  my $release = '2026.1.' . (4 - int($ago / 7) < 0 ? 0 : 4 - int($ago / 7));

  return join ";\n", 'begin', <<"SQL", "alter table $name owner to homeostasis_owner", rows($psql, $name, $ago, $from, $until, $release),
create table $name (like bench_shape including all,
  constraint of_day check ("timestamp" >= '$from' and "timestamp" < timestamptz '$from' + interval '1 day')) with ($options)
SQL
    stacks($name), counts($name), <<"SQL", 'commit', "vacuum (freeze, analyze) $name";
do \$\$ begin perform homeostasis.build_indexes('@{[ $name =~ s/.*\.//r ]}'); end \$\$
SQL
}

# Spread over the day; as they came, or as maintain() puts them in order.
sub rows
{
  my ($psql, $name, $ago, $from, $until, $release) = @_;
  my %own = (
    event_id => q{encode(overlay(uuid_send(gen_random_uuid())
      placing substr(int8send((extract(epoch from o.at) * 1000)::bigint), 3) from 1), 'hex')::uuid},
    '"timestamp"' => 'o.at', received_at => "o.at + interval '5 milliseconds'",
    session_start => "o.at - interval '1 hour'", release => "'$release'",
    message => 't.head || (100000 + random() * 899999)::integer || t.tail',
    stack_hash => "case when o.k % 100 = 0 then md5(concat(t.number, ' $ago ', o.k))::uuid else t.stack_hash end",
    environment => q{('{"host": "web-' || o.k % 20 || '", "region": "eu-central"}')::jsonb},
    metadata => q{('{"customer": ' || (random() * 999999)::integer || ', "attempt": ' || o.k % 5 || '}')::jsonb},
  );
  my @columns = map { $_->[0] } @{ $psql->query(<<'SQL') };
select quote_ident(attname) from pg_attribute where attrelid = 'bench_shape'::regclass and attnum > 0 order by attnum
SQL
  my $order = $ago < $RECENT ? 'o.at' : 'o.number, o.at desc';
  my $least = $ago == 0 ? 1 : 0;

  return sprintf <<'SQL', $name, join(', ', @columns), join(', ', map { $own{$_} // "t.$_" } @columns), $from, $until, $from, $least, $order;
insert into %s (%s)
select %s
from (select o.number, o.k, o.at
      from (select t.number, k, timestamptz '%s' + (k - random()) / n * (timestamptz '%s' - timestamptz '%s') as at
            from (select t.number, greatest(%s, floor(t.a_day + random()))::integer as n from bench_templates t) t
            cross join lateral generate_series(1, n) k) o
      order by %s) o
join bench_templates t using (number)
SQL
}

# One error in a hundred has a stack that was not there before.
sub stacks
{
  my ($name) = @_;

  return <<"SQL";
insert into homeostasis.stacks (service_id, stack_hash, stack, frames, last_seen)
select e.service_id, e.stack_hash, k.stack || e'\\n    ' || e.stack_hash, k.frames, e."timestamp"
from $name e
join bench_templates t using (service_id, fingerprint)
join homeostasis.stacks k on k.service_id = t.service_id and k.stack_hash = t.stack_hash
where e.stack_hash <> t.stack_hash
SQL
}

# Minutes, hours or days, as maintain() would have left them.
sub counts
{
  my ($name) = @_;

  return <<"SQL";
insert into homeostasis.issue_counts (service_id, issue_id, minute, release, error_count, minutes)
select e.service_id, t.issue_id,
       date_bin(u.minutes * interval '1 minute', e."timestamp", timestamptz '2000-01-01 00:00+00') as start,
       e.release, count(*), u.minutes
from $name e
join bench_templates t using (service_id, fingerprint)
cross join bench_times b
cross join lateral (select case when e."timestamp" < b.hours_before then 1440
                                when e."timestamp" < b.tens_before then 60
                                when e."timestamp" < b.minutes_before then 10 else 1 end) u (minutes)
group by e.service_id, t.issue_id, start, e.release, u.minutes
order by start, e.service_id, t.issue_id
SQL
}

# What issues say of their errors, and what autovacuum would do.
sub finish
{
  my ($psql) = @_;

  $psql->query($_) for <<'SQL', <<'SQL';
update homeostasis.issues i
set error_count = c.n, first_seen = f."timestamp", last_seen = l."timestamp", last_active = l."timestamp",
    sample_event_id = l.event_id, sample_timestamp = l."timestamp"
from bench_templates t
join (select issue_id, sum(error_count) as n from homeostasis.issue_counts group by issue_id) c using (issue_id)
cross join lateral (select e."timestamp" from homeostasis.errors e
                    where e.service_id = t.service_id and e.fingerprint = t.fingerprint
                    order by e."timestamp" limit 1) f
cross join lateral (select e."timestamp", e.event_id from homeostasis.errors e
                    where e.service_id = t.service_id and e.fingerprint = t.fingerprint
                    order by e."timestamp" desc limit 1) l
where i.service_id = t.service_id and i.id = t.issue_id
SQL
update homeostasis.analysis a set error_id = i.sample_event_id, error_timestamp = i.sample_timestamp
from homeostasis.issues i where i.service_id = a.service_id and i.id = a.issue_id
SQL
  $psql->query("vacuum (freeze, analyze) homeostasis.$_") for qw(stacks issues issue_fingerprints issue_counts analysis services);
  return;
}

1;
