# Screen.pm: a terminal that is redrawn in place, or lines when there is none.
#
# A line is a reference to an array of [style, text]; styles are the keys of
# %STYLE.  Every character is taken to be one column wide.

package Screen;

use strict;
use warnings;
use utf8;

use IO::Select;
use POSIX ();

my %STYLE = (
  plain => '', bold => '1', dim => '2', red => '31', green => '32',
  yellow => '33', magenta => '35', cyan => '36', title => '1;32',
);

# From nothing to the most.
my @BLOCKS = ('▁', '▂', '▃', '▄', '▅', '▆', '▇', '█');
my @LETTERS = ('_', '.', ':', '-', '=', '+', '*', '#');

# new: finds out what standard output can do.
sub new
{
  my ($class) = @_;
  my $self = bless { columns => 80, rows => 24, drawn => 0 }, $class;

  $self->{live} = -t STDOUT && ($ENV{TERM} // 'dumb') ne 'dumb';
  $self->{colour} = $self->{live} && ($ENV{NO_COLOR} // '') eq '';
  $self->{unicode} = $self->_unicode;
  $self->measure;
  binmode STDOUT, ':utf8';
  STDOUT->autoflush(1);
  return $self;
}

# The locale says whether bars can be shown, or, where none is set, as in a
# container, the terminal: a character of three bytes moves the cursor by one
# column where it is understood.
sub _unicode
{
  my ($self) = @_;
  my ($locale) = grep { ($_ // '') ne '' } @ENV{qw(LC_ALL LC_CTYPE LANG)};

  return scalar($locale =~ /utf-?8/i) if defined $locale && $locale !~ /\A(?:C|POSIX)\z/;
  return 1 unless $self->{live};
  return 0 unless open my $tty, '+<', '/dev/tty';

  my $before = POSIX::Termios->new;
  my $raw = POSIX::Termios->new;
  $_->getattr(fileno $tty) for $before, $raw;
  $raw->setlflag($raw->getlflag & ~(POSIX::ECHO() | POSIX::ICANON()));
  $raw->setattr(fileno $tty, POSIX::TCSANOW());
  syswrite $tty, "\r\xe2\x96\x81\e[6n";
  my $answer = '';
  my $wait = IO::Select->new($tty);
  while ($answer !~ /R/ && $wait->can_read(0.5))
  {
    sysread($tty, $answer, 32, length $answer) or last;
  }
  syswrite $tty, "\r\e[K";
  $before->setattr(fileno $tty, POSIX::TCSANOW());
  return $answer =~ /\e\[\d+;2R/ ? 1 : 0;
}

# measure: asks for the size of the terminal; for the start and SIGWINCH.
sub measure
{
  my ($self) = @_;
  my ($rows, $columns) = ($ENV{LINES}, $ENV{COLUMNS});

  ($rows, $columns) = split ' ', `stty size 2> /dev/null < /dev/tty` if $self->{live};
  $self->{rows} = $rows if ($rows // '') =~ /\A[1-9]\d*\z/;
  $self->{columns} = $columns if ($columns // '') =~ /\A[1-9]\d*\z/;
  $self->{drawn} = 0;
  return;
}

# open and close: take the whole terminal and give it back as it was.
sub open
{
  my ($self) = @_;
  return unless $self->{live} && !$self->{opened};
  print "\e[?1049h\e[?25l\e[2J";
  $self->{opened} = 1;
  return;
}

sub close
{
  my ($self) = @_;
  return unless delete $self->{opened};
  print "\e[0m\e[?25h\e[?1049l";
  return;
}

# draw(line, ...): the whole screen, at most as many lines as fit.
sub draw
{
  my ($self, @lines) = @_;
  my $rows = $self->{rows};

  splice @lines, $rows if @lines > $rows;
  my $text = ($self->{drawn} ? '' : "\e[2J") . "\e[H"
    . join("\r\n", map { $self->render($_) . "\e[K" } @lines) . "\e[J";
  $self->{drawn} = 1;
  print $text;
  return;
}

# print_line(line): one that stays; whole where no terminal would wrap it.
sub print_line
{
  my ($self, $line) = @_;
  print $self->{live} ? $self->render($line) : join('', map { $self->text($_->[1]) } @$line);
  print "\n";
  return;
}

# render(line): its characters and escape sequences, cut to the width.
sub render
{
  my ($self, $line) = @_;
  my $left = $self->{columns};
  my $out = '';

  for my $piece (@$line)
  {
    my ($style, $text) = ($piece->[0], $self->text($piece->[1]));
    $text = substr $text, 0, $left if length $text > $left;
    $left -= length $text;
    my $code = $self->{colour} ? $STYLE{$style} : '';
    $out .= $code eq '' ? $text : "\e[${code}m$text\e[0m";
  }
  return $out;
}

# text(text): with nothing in it that a terminal would obey or can't show.
sub text
{
  my ($self, $text) = @_;
  $text =~ s/\s/ /g;
  $text =~ s/[^[:print:]]/?/g;
  if (!$self->{unicode})
  {
    $text =~ s/→/>/g;
    $text =~ s/…/~/g;
    $text =~ s/─/-/g;
    $text =~ s/[^\x20-\x7e]/?/g;
  }
  return $text;
}

# bars(most, number, ...): a character for each number; undef is a blank.
sub bars
{
  my ($self, $most, @numbers) = @_;
  my $set = $self->{unicode} ? \@BLOCKS : \@LETTERS;

  return join '', map {
    !defined $_ ? ' '
      : $_ <= 0 ? $set->[0]
      : $set->[$_ >= $most ? -1 : 1 + int($_ * $#$set / $most)] // $set->[-1]
  } @numbers;
}

# cut(text, width): with an ellipsis where something is missing.
sub cut
{
  my ($text, $width) = @_;
  return $text if length $text <= $width;
  return $width < 1 ? '' : substr($text, 0, $width - 1) . '…';
}

# wrap(text, width[, most]): at most so many lines, broken at blanks.
sub wrap
{
  my ($text, $width, $most) = @_;
  my @lines;

  $text =~ s/\s+/ /g;
  $text =~ s/\A | \z//g;
  while (length $text > $width)
  {
    if (defined $most && @lines == $most - 1)
    {
      push @lines, cut($text, $width);
      return @lines;
    }
    my $break = rindex $text, ' ', $width;
    my $at = $break > $width / 3 ? $break : $width;
    push @lines, substr $text, 0, $at;
    $text = substr($text, $at) =~ s/\A //r;
  }
  return @lines, $text;
}

1;
