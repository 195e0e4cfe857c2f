# Dba.pm: the person who is asked.
#
# Does nothing that somebody in psql could not do, as a member of
# homeostasis_admin.

package Dba;

use strict;
use warnings;

use FindBin;

use Psql;
use Story;

# A person takes a moment to read, and longer to think again.
my $READS = 1.5;
my $THINKS = 3;

sub new
{
  my ($class) = @_;
  return bless {
    psql => Psql->new(user => 'dba', database => 'postgres', name => 'dba'),
    since => {}, reconsidered => {},
  }, $class;
}

# prepare: loads the shop's own rule, as it was written last year, and
# shortens the window for which a deployed patch is watched.
sub prepare
{
  my ($self, $window) = @_;

  $self->{psql}->query('select homeostasis.load_template(' . Psql::quote('shop_widen_phone') . ', '
    . Psql::quote(_read_file('widen_phone.sql')) . ')');
  $self->{psql}->query(_read_file('old_rule.sql'));
  $self->{psql}->query("update homeostasis.policies set observe_window = interval '$window seconds'");
  return;
}

sub _read_file
{
  my ($name) = @_;
  my $path = "$FindBin::Bin/shop/$name";

  open my $file, '<:encoding(UTF-8)', $path or die "$path: $!\n";
  local $/ = undef;
  return scalar readline $file;
}

# let_it_heal: until now everything was only diagnosed.
sub let_it_heal
{
  my ($self) = @_;

  $self->{psql}->query("update homeostasis.services set mode = 'auto' where database_name = 'shop'");
  return 'dba sets mode auto: what a policy allows is now done';
}

# look(now, issues): approves what has waited long enough to be read.  After
# a rollback the rule that led there is switched off and the issue closed: if
# it is not over it regresses, and is diagnosed anew.  Returns what to say.
sub look
{
  my ($self, $now, $issues) = @_;
  my @said;

  for my $issue (@$issues)
  {
    my $patch = Story::waits_for_a_person($issue);
    if ($patch && $now - ($self->{since}{ $patch->{id} } //= $now) >= $READS)
    {
      $self->{psql}->query("select homeostasis.approve($patch->{id}, "
        . Psql::quote($self->_reason($issue, $patch)) . ')');
    }
    my $last = Story::patch($issue);
    if ($last && $last->{status} eq 'rolled_back'
      && $now - ($self->{since}{"back $last->{id}"} //= $now) >= $THINKS)
    {
      push @said, $self->_reconsider($issue, $last);
    }
  }
  return @said;
}

sub _reason
{
  my ($self, $issue, $patch) = @_;

  return 'as last year' if $patch->{template} eq 'shop_widen_phone';
  return 'read it, and its undo' if $patch->{undo};
  return 'read it, and it needs no undo';
}

sub _reconsider
{
  my ($self, $issue, $patch) = @_;

  return if $self->{reconsidered}{ $patch->{id} }++;
  my ($analysis) = grep { $_->{id} == $patch->{analysis} } @{ $issue->{analyses} };
  $self->{psql}->query('update homeostasis.rules set enabled = false where id = ' . Psql::quote($analysis->{rule}));
  $self->{psql}->query("select homeostasis.resolve($issue->{id})");
  return "dba switches off rule $analysis->{rule} and closes issue #$issue->{id}";
}

1;
