# Story.pm: what Homeostasis' tables say about the shop's database.
#
# Reads, in one query, every issue with its diagnosis, patches and errors by
# second, and puts it into words.  Nothing here remembers anything but which
# facts were told already.

package Story;

use strict;
use warnings;
use utf8;

use JSON::PP ();
use POSIX qw(ceil floor);

my $QUERY = <<'SQL';
select json_build_object(
  'now', extract(epoch from clock_timestamp()),
  'mode', homeostasis.service_mode(s.id),
  'changes', (select count(*) from homeostasis.audit_log),
  'transactions', (select xact_commit + xact_rollback from pg_catalog.pg_stat_database
                   where datname = s.database_name),
  'issues', (
    select coalesce(json_agg(json_build_object(
      'id', i.id, 'status', i.status, 'title', i.title, 'sqlstate', i.sqlstate,
      'first_seen', extract(epoch from i.first_seen),
      'last_seen', extract(epoch from i.last_seen),
      'error_count', i.error_count,
      'seconds', (
        select coalesce(json_object_agg(c.second, c.n), '{}')
        from (select floor(extract(epoch from e."timestamp"))::bigint as second, count(*) as n
              from homeostasis.issue_fingerprints f
              join homeostasis.errors e
                on e.service_id = f.service_id and e.fingerprint = f.fingerprint
              where f.service_id = i.service_id and f.issue_id = i.id
                and e."timestamp" > now() - interval '95 seconds'
              group by 1) as c),
      'analyses', (
        select coalesce(json_agg(json_build_object(
          'id', a.id, 'at', extract(epoch from a.created_at), 'rule', a.rule_id,
          'what', r.description, 'cause', a.root_cause) order by a.id), '[]')
        from homeostasis.analysis a
        left join homeostasis.rules r on r.id = a.rule_id
        where a.service_id = i.service_id and a.issue_id = i.id),
      'patches', (
        select coalesce(json_agg(json_build_object(
          'id', p.id, 'status', p.status, 'reason', p.status_reason, 'class', p.class,
          'apply', p.apply_sql, 'undo', p.undo_sql, 'template', p.template,
          'analysis', p.analysis_id, 'updated', extract(epoch from p.updated_at),
          'asks', (
            select d.reasons from homeostasis.decide(p.id) d
            where p.status = 'validated' and d.decision = 'ask'),
          'validation', (
            select json_build_object('id', v.id, 'status', v.status, 'strength', v.strength,
              'note', v.replay_note, 'failure', v.failure,
              'at', extract(epoch from v.finished_at))
            from homeostasis.validations v
            where v.service_id = p.service_id and v.patch_id = p.id
            order by v.id desc limit 1),
          'approval', (
            select json_build_object('id', ap.id, 'decision', ap.decision, 'by', ap.decided_by,
              'policy', ap.policy, 'reason', ap.reason,
              'at', extract(epoch from ap.decided_at))
            from homeostasis.approvals ap
            where ap.service_id = p.service_id and ap.patch_id = p.id
            order by ap.id desc limit 1),
          'deployment', (
            select json_build_object('id', d.id, 'status', d.status,
              'window', extract(epoch from d.observe_window),
              'applied', extract(epoch from d.applied_at),
              'until', extract(epoch from d.observe_until),
              'recurrences', d.recurrences, 'reason', d.rollback_reason,
              'finished', extract(epoch from d.finished_at),
              'undone', (select count(*) from homeostasis.deployment_steps ds
                         where ds.service_id = d.service_id and ds.deployment_id = d.id
                           and ds.direction = 'undo' and ds.status = 'done'))
            from homeostasis.deployments d
            where d.service_id = p.service_id and d.patch_id = p.id
            order by d.id desc limit 1)) order by p.id), '[]')
        from homeostasis.patches p
        where p.service_id = i.service_id and p.issue_id = i.id)) order by i.id), '[]')
    from homeostasis.issues i
    where i.service_id = s.id))
from (select id, database_name from homeostasis.services where database_name = 'shop'
      union all
      select null, 'shop'
      where not exists (select from homeostasis.services where database_name = 'shop')) as s
SQL

# new(psql): a connection of a role that may read.
sub new
{
  my ($class, $psql) = @_;
  return bless { psql => $psql, told => {}, samples => [] }, $class;
}

# read: asks the tables again.
sub read
{
  my ($self) = @_;
  my $text = $self->{psql}->value($QUERY);

  utf8::encode($text);
  my $now = JSON::PP->new->utf8->decode($text);
  $self->{$_} = $now->{$_} for qw(now mode changes issues);
  $_->{title} =~ s/\s+/ /g for @{ $self->{issues} };

  # The server's own counters are written once a second by each connection,
  # so a rate is taken over a few of them.
  push @{ $self->{samples} }, [ $now->{now}, $now->{transactions} // 0 ];
  shift @{ $self->{samples} } while $self->{samples}[0][0] < $now->{now} - 5;
  return;
}

# transactions_per_second: those of the shop's database, committed or not.
sub transactions_per_second
{
  my ($self) = @_;
  my ($first, $last) = @{ $self->{samples} }[0, -1];

  return 0 if $last->[0] - $first->[0] < 0.5;
  return ($last->[1] - $first->[1]) / ($last->[0] - $first->[0]);
}

# errors_by_second(seconds, issue...): the counts of the last full seconds,
# undef before the first error of all; together when more than one is given.
sub errors_by_second
{
  my ($self, $seconds, @issues) = @_;
  my $last = floor($self->{now}) - 1;
  my ($first) = sort { $a <=> $b } map { floor($_->{first_seen}) } @issues;
  my @counts;

  for my $second ($last - $seconds + 1 .. $last)
  {
    my $sum = 0;
    $sum += $_->{seconds}{$second} // 0 for @issues;
    push @counts, defined $first && $second >= $first ? $sum : undef;
  }
  return @counts;
}

# errors_per_second(issue...): over the last three full seconds.
sub errors_per_second
{
  my ($self, @issues) = @_;
  my $sum = 0;

  $sum += $_ // 0 for $self->errors_by_second(3, @issues);
  return $sum / 3;
}

# patch(issue): the newest, or undef.
sub patch
{
  my ($issue) = @_;
  return $issue->{patches}[-1];
}

# waits_for_a_person(issue): the patch that does, or undef.
sub waits_for_a_person
{
  my ($issue) = @_;
  my $patch = patch($issue);

  return $patch && $patch->{status} eq 'validated' && $patch->{asks} ? $patch : undef;
}

sub approver
{
  my ($patch) = @_;
  my $approval = $patch->{approval};
  return defined $approval->{policy} ? 'policy' : $approval->{by};
}

# steps(issue): the words for how far it has come, the last of them for where
# it is, and the style of that one.
sub steps
{
  my ($self, $issue) = @_;
  my $patch = patch($issue);
  my @rolled_back = grep { $_->{status} eq 'rolled_back' } @{ $issue->{patches} };
  my @steps = ('failing');

  push @steps, 'diagnosed' if @{ $issue->{analyses} };
  return (\@steps, @steps > 1 ? 'yellow' : 'red') unless $patch;

  my $status = $patch->{status};
  @steps = ('1st rolled back') if @rolled_back > ($status eq 'rolled_back' ? 1 : 0);
  return ([ @steps, 'writing a patch' ], 'yellow') if $status eq 'planning';
  return ([ @steps, 'no patch' ], 'red') if $status eq 'refused';
  return ([ @steps, 'dry run' ], 'yellow') if $status =~ /\A(?:proposed|validating)\z/;
  return ([ @steps, 'patch disproved' ], 'red') if $status eq 'invalid';
  return ([ @steps, 'superseded' ], 'yellow') if $status eq 'superseded';

  my $strength = ($patch->{validation} // {})->{strength} // '';
  my $validated = $strength eq 'reproduced' ? 'validated' : 'weakly validated';
  if ($status eq 'validated')
  {
    return ([ @steps, "patch $validated", $patch->{asks} ? 'waits for a person' : () ], 'yellow');
  }
  push @steps, $validated;
  return ([ @steps, 'rejected' ], 'red') if $status eq 'rejected';

  push @steps, 'approved by ' . approver($patch) if $patch->{approval};
  return (\@steps, 'yellow') if $status eq 'approved';
  return ([ @steps, 'deploying' ], 'yellow') if $status eq 'deploying';
  return ([ @steps, 'failed' ], 'red') if $status eq 'failed';
  return ([ @steps, 'deployed', 'healed' ], 'green') if $status eq 'healed';
  if ($status eq 'deployed')
  {
    my $left = ceil(($patch->{deployment}{until} // $self->{now}) - $self->{now});
    $left = 0 if $left < 0;
    return ([ @steps, "deployed, watching $left s" ], 'cyan');
  }
  return ([ @steps, 'came back' ], 'magenta') if $status eq 'rolling_back';
  return ([ @steps, 'came back', 'rolled back' ], 'magenta');
}

# audit_problems: what is wrong with the log of all changes of state.
sub audit_problems
{
  my ($self) = @_;
  return map { "audit log, row $_->[0]: $_->[1]" } @{ $self->{psql}->query('select * from homeostasis.audit_verify()') };
}

# news: what has been written into the tables since the last call, oldest
# first, as [time, issue's id, text, style].
sub news
{
  my ($self) = @_;
  my @news;

  for my $issue (@{ $self->{issues} })
  {
    for my $fact (facts($issue))
    {
      my ($key, $at, $text, $style) = @$fact;
      next if $self->{told}{"$issue->{id} $key"}++;
      push @news, [ $at, $issue->{id}, $text, $style ];
    }
  }
  return sort { $a->[0] <=> $b->[0] } @news;
}

# facts(issue): all that is known, as [key, time, text, style].
sub facts
{
  my ($issue) = @_;
  my @facts = [ 'seen', $issue->{first_seen}, "failing: $issue->{title}", 'red' ];

  for my $analysis (@{ $issue->{analyses} })
  {
    push @facts, [ "analysis $analysis->{id}", $analysis->{at},
      'diagnosed: ' . ($analysis->{what} // $analysis->{cause}), 'yellow' ];
  }
  push @facts, facts_of_patch($_) for @{ $issue->{patches} };
  return @facts;
}

sub facts_of_patch
{
  my ($patch) = @_;
  my ($id, $status) = @$patch{qw(id status)};
  my ($validation, $approval, $deployment) = @$patch{qw(validation approval deployment)};
  my @facts;

  if ($status =~ /\A(?:refused|invalid|failed|rejected)\z/)
  {
    push @facts, [ "patch $id $status", $patch->{updated},
      "patch $status: " . ($patch->{reason} // 'no reason given'), 'red' ];
  }
  if ($validation && $validation->{status} eq 'passed')
  {
    push @facts, [ "validation $validation->{id}", $validation->{at},
      $validation->{strength} eq 'reproduced'
      ? 'patch validated: the statement fails before it and succeeds after it'
      : 'patch weakly validated: it applies; ' . ($validation->{note} // 'the failure was not reproduced'),
      'yellow' ];
  }
  if ($patch->{asks})
  {
    push @facts, [ "asks $id", $validation->{at}, 'waits for a person: ' . join('; ', @{ $patch->{asks} }), 'yellow' ];
  }
  if ($approval)
  {
    push @facts, [ "approval $approval->{id}", $approval->{at},
      "$approval->{decision} by "
        . (defined $approval->{policy} ? "policy $approval->{policy}" : "$approval->{by}: $approval->{reason}"),
      'yellow' ];
  }
  return @facts unless $deployment && $deployment->{applied};

  push @facts, [ "deployed $deployment->{id}", $deployment->{applied},
    'deployed: ' . join('; ', @{ $patch->{apply} }), 'cyan' ];
  if ($deployment->{status} eq 'healed')
  {
    push @facts, [ "healed $deployment->{id}", $deployment->{finished},
      "healed: silent for $deployment->{window} s", 'green' ];
  }
  if ($deployment->{status} eq 'rolled_back')
  {
    push @facts, [ "rolled back $deployment->{id}", $deployment->{finished},
      'came back, so rolled back: ' . join('; ', @{ $patch->{undo} // [] }), 'magenta' ];
  }
  return @facts;
}

1;
