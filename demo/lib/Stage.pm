# Stage.pm: what is on the screen while the shop is open.
#
# On a terminal a page that is drawn again and again: the load on top, then
# the issues, then the latest news.  Otherwise the news alone, a line each.

package Stage;

use strict;
use warnings;
use utf8;

use POSIX qw(floor);

use Story;

# Without a terminal the load gets a line of its own this often, in seconds.
my $LOAD_EVERY = 5;

# So many issues are made room for.
my $EXPECTED = 6;

sub new
{
  my ($class, $screen, $story, $start) = @_;
  return bless {
    screen => $screen, story => $story, start => $start, news => [], load_told => $start,
  }, $class;
}

# say(now, text): something that happened outside the database's own tables.
sub say
{
  my ($self, $now, $text) = @_;
  $self->_tell([ $now, undef, $text, 'bold' ]);
  return;
}

# show: tells the news and draws the page.
sub show
{
  my ($self) = @_;
  my $story = $self->{story};

  $self->_tell($_) for $story->news;
  if ($self->{screen}{live})
  {
    $self->{screen}->draw($self->_page);
  }
  elsif ($story->{now} - $self->{load_told} >= $LOAD_EVERY)
  {
    $self->{load_told} = $story->{now};
    $self->{screen}->print_line([ [ plain => $self->_clock($story->{now}) . '  load: ' . $self->_load ] ]);
  }
  return;
}

sub _tell
{
  my ($self, $news) = @_;

  push @{ $self->{news} }, $news;
  $self->{screen}->print_line($self->_news_line($news)) unless $self->{screen}{live};
  return;
}

sub _clock
{
  my ($self, $at) = @_;
  my $seconds = floor($at - $self->{start});

  $seconds = 0 if $seconds < 0;
  return sprintf '%d:%02d', $seconds / 60, $seconds % 60;
}

sub _load
{
  my ($self) = @_;
  my $story = $self->{story};
  return sprintf '%.0f transactions/s, %.1f errors/s',
    $story->transactions_per_second, $story->errors_per_second(@{ $story->{issues} });
}

sub _news_line
{
  my ($self, $news) = @_;
  my ($at, $issue, $text, $style) = @$news;
  return [ [ dim => $self->_clock($at) . ' ' ],
    [ $style => sprintf('%-3s', defined $issue ? "#$issue" : '') . $text ] ];
}

# The page, as tall as the terminal.
sub _page
{
  my ($self) = @_;
  my ($story, $screen) = @$self{qw(story screen)};
  my ($rows, $columns) = @$screen{qw(rows columns)};
  my @issues = @{ $story->{issues} };
  my $bars = $columns >= 100 ? 40 : $columns >= 70 ? 20 : $columns >= 50 ? 10 : 0;

  # Two lines an issue, more where there is room for more, one where not; as
  # if all were there from the start, lest they jump when another comes.
  my $room = $rows - 4;
  my $most = @issues > $EXPECTED ? @issues : $EXPECTED;
  my $each = $most * 4 + 8 <= $room ? 4 : $most * 3 + 6 <= $room ? 3 : $most * 2 <= $room ? 2 : 1;
  my @page = ($self->_heading($columns, $bars), [ [ dim => '─' x $columns ] ]);
  push @page, [ [ dim => 'Waiting for the first error ...' ] ] unless @issues;
  for my $issue (@issues)
  {
    my @lines = $self->_issue($issue, $columns, $bars, $each);
    push @page, @lines[0 .. ($each < @lines ? $each : @lines) - 1];
  }

  my $free = $rows - @page - 1;
  return @page if $free < 1;
  push @page, [ [ dim => '─' x $columns ] ];
  my @news = @{ $self->{news} };
  splice @news, 0, @news - $free if @news > $free;
  for my $news (@news)
  {
    my $line = $self->_news_line($news);
    $line->[1][1] = Screen::cut($line->[1][1], $columns - length $line->[0][1]);
    push @page, $line;
  }
  return @page;
}

sub _heading
{
  my ($self, $columns, $bars) = @_;
  my $story = $self->{story};
  my $clock = $self->_clock($story->{now});
  my $what = "Homeostasis  database shop, mode $story->{mode}";
  my $load = 'load  ' . $self->_load;
  # The bars stand above those of the issues, left of a rate.
  my $width = $bars ? $columns - $bars - 8 : $columns;

  return (
    [ [ title => substr $what, 0, 11 ],
      [ plain => sprintf '%-*s', $columns - 11 - length $clock, Screen::cut(substr($what, 11), $columns - 12 - length $clock) ],
      [ bold => $clock ] ],
    [ [ plain => sprintf '%-*s', $width, Screen::cut($load, $width) ],
      $self->_bars($bars, @{ $story->{issues} }) ]);
}

sub _bars
{
  my ($self, $bars, @issues) = @_;
  my @counts = $self->{story}->errors_by_second($bars, @issues);
  my ($most) = sort { $b <=> $a } 4, map { $_ // 0 } @counts;
  my @pieces;

  for my $count (@counts)
  {
    push @pieces, [ $count ? 'red' : 'green', $self->{screen}->bars($most, $count) ];
  }
  return @pieces;
}

# Up to four lines: what fails and how often; how far the healing has come;
# the patch; the cause.
sub _issue
{
  my ($self, $issue, $columns, $bars, $each) = @_;
  my $story = $self->{story};
  my ($steps, $style) = $story->steps($issue);
  my $patch = Story::patch($issue);
  my $label = sprintf '%-3s', "#$issue->{id}";
  my $rate = sprintf ' %4.1f/s', $story->errors_per_second($issue);

  # In one line the title has to share its place with the state.
  my $width = $columns - length($label) - $bars - length($rate) - 1;
  my $state = $each == 1 ? $steps->[-1] . ': ' : '';
  my @lines = [
    [ bold => $label ], [ $style => Screen::cut($state, $width) ],
    [ plain => sprintf '%-*s', $width - length $state, Screen::cut($issue->{title}, $width - length $state) ],
    [ plain => ' ' ], $self->_bars($bars, $issue), [ dim => $rate ] ];
  push @lines, $self->_steps($steps, $style, $columns - 3);
  push @lines, [ [ dim => '   ' . Screen::cut(join('; ', @{ $patch->{apply} }), $columns - 3) ] ]
    if $patch && $patch->{apply};
  push @lines, [ [ dim => '   ' . Screen::cut($issue->{analyses}[-1]{cause}, $columns - 3) ] ]
    if @{ $issue->{analyses} };
  push @lines, [ [ plain => '' ] ] while @lines < $each;
  return @lines;
}

# The last step is where it is; the first ones give way where it is narrow.
sub _steps
{
  my ($self, $steps, $style, $width) = @_;
  my @steps = @$steps;
  my $last = Screen::cut(pop @steps, $width);
  my $before = join '', map { "$_ → " } @steps;

  while (@steps && length($before) + length($last) > $width)
  {
    shift @steps;
    $before = '… → ' . join '', map { "$_ → " } @steps;
    $before = '' if !@steps && length($before) + length($last) > $width;
  }
  return [ [ dim => "   $before" ], [ $style => $last ] ];
}

1;
