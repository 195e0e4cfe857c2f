# Events.pm: what the benchmarks report: errors of 1.2 kB.
#
# Each has a message of 150 bytes with values of its own, a stack of 8 frames,
# an environment and metadata; one in a hundred has a stack that was not there
# before.  Seed rand, and they are the same each time.

package Events;

use strict;
use warnings;

use Exporter 'import';

our @EXPORT_OK = qw(event);

# Of so many different problems.
our $ISSUES = 1000;

my @WORDS;

# Names that differ from issue to issue, without digits, which would be taken
# for values.
sub word
{
  my ($number) = @_;
  my @parts = qw(order cart item price stock user login token queue mail file image);

  @WORDS = map { my $a = $_; map { "${a}_$_" } @parts } @parts unless @WORDS;
  return $WORDS[$number % @WORDS];
}

# The frames of an issue as its language prints them; shift moves lines.
sub stack
{
  my ($issue, $shift) = @_;
  my $language = $issue % 2 ? 'python' : 'javascript';
  my @frames;

  for my $depth (0 .. 7)
  {
    my $place = word($issue * 7 + $depth * 13);
    my $module = word($issue + $depth);
    my $line = 10 + ($issue * 31 + $depth * 17) % 400 + ($depth == 3 ? $shift : 0);
    push @frames, $language eq 'python'
      ? qq{  File "/srv/shop/app/$module/handlers.py", line $line, in $place\n    value = self.$place(request)}
      : "    at $module.$place (/srv/shop/node_app/src/services/$module/controller.js:$line:17)";
  }
  my $text = join "\n", @frames;
  return ($language, $language eq 'python' ? "Traceback (most recent call last):\n$text" : "Error\n$text");
}

# A message of 150 bytes: what it is about is the issue's, the numbers are its
# own, always with as many digits, so that all are cut at the same word.
sub message
{
  my ($issue) = @_;
  my $text = sprintf 'could not finish %s of %s for customer %d: the service answered %d after %d ms, request %d of %d',
    word($issue), word(int($issue / 144) + 50), 100_000 + int rand 900_000, 500 + int rand 4, 10_000 + int rand 20_000,
    1e9 + int rand 1e9, 10 + int rand 90;
  return substr $text . ' was given up after the last of its attempts had timed out, too', 0, 150;
}

# An event of an issue, as report() takes it.
sub event
{
  my ($issue) = @_;
  # The lines of a file that was edited: a new stack of the same issue.
  my ($language, $stack) = stack($issue, rand() < 0.01 ? 1 + int rand 1_000_000 : 0);

  return {
    service => 'shop', language => $language, error_type => 'Timeout' . ucfirst(word($issue) =~ s/_//r),
    error_message => message($issue), stack_trace => $stack, release => '2026.1.4',
    environment => { host => 'web-' . int rand 20, region => 'eu-central' },
    metadata => { customer => int rand 1_000_000, attempt => int rand 5 },
  };
}

1;
