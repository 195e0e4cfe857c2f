# Verdict.pm: was everything healed as intended?

package Verdict;

use strict;
use warnings;
use utf8;

use Screen;
use Story;

# What fails, told by its SQLSTATE and a part of its message; all of it is to
# be healed, some of it after so many patches were rolled back.
my @INTENDED = (
  { name => 'missing partition', sqlstate => '23514', message => qr/no partition of relation/ },
  { name => 'sequence behind its column', sqlstate => '23505', message => qr/customers_pkey/ },
  { name => 'missing extension', sqlstate => '42883', message => qr/uuid_generate_v4/ },
  { name => 'promotion code too long', sqlstate => '22001', message => qr/character varying/, rolled_back => 1 },
  { name => 'view without data', sqlstate => '55000', message => qr/has not been populated/ },
  { name => 'lost privilege', sqlstate => '42501', message => qr/permission denied/ },
);

# Lines of a row of the table.
my $LINES = 3;

# Seconds in which a patch should have been thought of.
my $PATIENCE = 30;

# new(psql): a connection of the shop's owner to the shop's database.
sub new
{
  my ($class, $psql) = @_;
  return bless { psql => $psql }, $class;
}

sub _find
{
  my ($intended, $issues) = @_;
  my ($found) = grep {
    ($_->{sqlstate} // '') eq $intended->{sqlstate} && $_->{title} =~ $intended->{message}
  } @$issues;
  return $found;
}

# final(story): nothing more will happen to any of the six.
sub final
{
  my ($self, $story) = @_;

  for my $intended (@INTENDED)
  {
    my $issue = _find($intended, $story->{issues});
    return 0 unless $issue && _is_over($issue, $story->{now});
  }
  return 1;
}

sub _is_over
{
  my ($issue, $now) = @_;
  my $patch = Story::patch($issue);

  return 1 if $issue->{status} eq 'healed';
  return $patch->{status} =~ /\A(?:refused|invalid|rejected|failed)\z/ if $patch;
  return $now - $issue->{first_seen} > $PATIENCE;
}

# wrong(issues): a sentence for each thing that did not end as intended.
sub wrong
{
  my ($self, $issues) = @_;
  my (@wrong, %expected);

  for my $intended (@INTENDED)
  {
    my $issue = _find($intended, $issues);
    if (!$issue)
    {
      push @wrong, "$intended->{name}: never captured";
      next;
    }
    $expected{ $issue->{id} } = 1;
    push @wrong, map { "$intended->{name} (issue $issue->{id}): $_" } $self->_wrong_with($intended, $issue);
  }
  my @approvals = grep { defined } map { $_->{approval} } map { @{ $_->{patches} } } @$issues;
  push @wrong, 'no policy approved anything' unless grep { defined $_->{policy} } @approvals;
  push @wrong, 'nobody was asked' unless grep { !defined $_->{policy} } @approvals;
  push @wrong, $self->_left_behind;
  push @wrong, map { "issue $_->{id} was not intended: $_->{title}" } grep { !$expected{ $_->{id} } } @$issues;
  return @wrong;
}

sub _wrong_with
{
  my ($self, $intended, $issue) = @_;
  my @patches = @{ $issue->{patches} };
  my @rolled_back = grep { $_->{status} eq 'rolled_back' } @patches;
  my @wrong;

  if ($issue->{status} ne 'healed')
  {
    my $patch = Story::patch($issue);
    push @wrong, !@{ $issue->{analyses} } ? 'no rule knows it'
      : !$patch ? 'no patch was written'
      : "$issue->{status}, its patch is $patch->{status}: " . ($patch->{reason} // 'no reason given');
  }
  elsif ($patches[-1]{status} ne 'healed')
  {
    push @wrong, "healed, but its patch is $patches[-1]{status}";
  }
  if (@rolled_back != ($intended->{rolled_back} // 0))
  {
    push @wrong, sprintf '%d patches were rolled back, not %d', scalar @rolled_back, $intended->{rolled_back} // 0;
  }
  for my $patch (@rolled_back)
  {
    push @wrong, "the undo of patch $patch->{id} was not run" unless $patch->{deployment}{undone};
  }
  return @wrong;
}

# What the patch that did not help has left in the shop's database.
sub _left_behind
{
  my ($self) = @_;
  my $type = $self->{psql}->value(q{
    select format_type(atttypid, atttypmod) from pg_attribute
    where attrelid = 'shop.customers'::regclass and attname = 'phone'});

  return $type eq 'character varying(16)' ? () : "column phone of shop.customers was left as $type";
}

# table(screen, story): lines with each issue, its cause, its patches, and
# how long it took.
sub table
{
  my ($self, $screen, $story) = @_;
  my $columns = $screen->{columns} < 60 ? 60 : $screen->{columns};

  # A bit less than a third for the issue, a bit less for its cause.
  my $time = 14;
  my $issue_width = int(($columns - $time - 9) * 0.28);
  my $cause_width = int(($columns - $time - 9) * 0.30);
  my @widths = ($issue_width, $cause_width, $columns - $time - 9 - $issue_width - $cause_width, $time);
  my $rule = [ [ dim => join '─┼─', map { '─' x $_ } @widths ] ];
  my @lines = (_cells(\@widths, 'bold', [ 'issue' ], [ 'cause' ], [ 'patch' ], [ 'time' ]), $rule);

  for my $issue (@{ $story->{issues} })
  {
    push @lines, _row(\@widths, $issue, $_) for @{ $issue->{patches} } ? @{ $issue->{patches} } : (undef);
    push @lines, $rule;
  }
  return @lines;
}

sub _row
{
  my ($widths, $issue, $patch) = @_;
  my ($analysis) = grep { $patch && $_->{id} == $patch->{analysis} } @{ $issue->{analyses} };
  my ($state, $style) = ($patch ? $patch->{status} : $issue->{status}, 'red');
  my @time;

  if ($state eq 'healed')
  {
    $style = 'green';
    @time = (sprintf('healed %.1f s', $patch->{deployment}{finished} - $issue->{first_seen}),
      sprintf('silent %.1f s', $issue->{last_seen} - $issue->{first_seen}));
  }
  elsif ($state eq 'rolled_back')
  {
    $style = 'magenta';
    @time = ('rolled back', sprintf 'after %.1f s', $patch->{deployment}{finished} - $patch->{deployment}{applied});
  }
  else
  {
    @time = ($state);
  }
  push @time, 'by ' . Story::approver($patch) if $patch && $patch->{approval};

  return _cells($widths, $style,
    [ Screen::wrap("#$issue->{id} $issue->{title}", $widths->[0], $LINES) ],
    [ Screen::wrap($analysis ? $analysis->{cause} : 'unknown', $widths->[1], $LINES) ],
    [ Screen::wrap($patch && $patch->{apply} ? join('; ', @{ $patch->{apply} }) : 'none', $widths->[2], $LINES) ],
    \@time);
}

# _cells(widths, style of the last column, lines of a cell, ...)
sub _cells
{
  my ($widths, $style, @cells) = @_;
  my ($height) = sort { $b <=> $a } map { scalar @$_ } @cells;
  my @lines;

  for my $n (0 .. $height - 1)
  {
    my @line;
    for my $column (0 .. $#cells)
    {
      my $text = Screen::cut($cells[$column][$n] // '', $widths->[$column]);
      push @line, [ dim => ' │ ' ] if $column > 0;
      push @line, [ $column == $#cells || $style eq 'bold' ? $style : 'plain',
        $column == $#cells ? $text : sprintf('%-*s', $widths->[$column], $text) ];
    }
    push @lines, \@line;
  }
  return @lines;
}

# summary(screen, story, wrong, ...): the last lines; what is wrong is told
# whole, over as many lines as it takes.
sub summary
{
  my ($self, $screen, $story, @wrong) = @_;
  my @issues = @{ $story->{issues} };
  my @patches = map { @{ $_->{patches} } } @issues;
  my $healed = grep { $_->{status} eq 'healed' } @issues;
  my $rolled_back = grep { $_->{status} eq 'rolled_back' } @patches;
  my @approved = grep { $_->{approval} && $_->{approval}{decision} eq 'approved' } @patches;
  my $by_policy = grep { defined $_->{approval}{policy} } @approved;
  my $errors = 0;

  $errors += $_->{error_count} for @issues;
  my @lines = (
    [ [ dim => 'healed: first error to the end of the watch; silent: first error to last' ] ],
    [ [ plain => sprintf '%d errors captured; %d patches approved, %d by policy, %d by the DBA',
      $errors, scalar @approved, $by_policy, @approved - $by_policy ] ],
    [ [ plain => sprintf '%d changes in the audit log', $story->{changes} ] ],
    [ [ @wrong ? 'red' : 'green' => sprintf '%d of %d issues healed', $healed, scalar @issues ],
      [ plain => sprintf '; %d patch did not help and was rolled back on the way', $rolled_back ] ]);
  push @lines, map { [ [ red => $_ ] ] } map { Screen::wrap("not as intended: $_", $screen->{columns}) } @wrong;
  return @lines;
}

1;
