# Report.pm: the table that a benchmark prints and the JSON that it writes.
#
# A figure is what was measured, its yardstick what it is held against.  The
# ratio is the median of ratios that were each taken in one round, with the
# smallest and the largest beside it.

package Report;

use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use JSON::PP ();
use POSIX ();

our @EXPORT_OK = qw(quantile median setting slope thousands);

# setting(name, default): a positive integer from the environment.
sub setting
{
  my ($name, $default) = @_;
  my $value = $ENV{$name} // $default;

  die "$name must be a positive integer, not \"$value\"\n" unless $value =~ /\A[1-9]\d*\z/;
  return $value;
}

# quantile(fraction, number, ...): by linear interpolation.
sub quantile
{
  my ($fraction, @numbers) = @_;
  die "a quantile of nothing\n" unless @numbers;
  @numbers = sort { $a <=> $b } @numbers;
  my $at = $fraction * $#numbers;
  my $below = POSIX::floor($at);
  my $above = POSIX::ceil($at);
  return $numbers[$below] + ($at - $below) * ($numbers[$above] - $numbers[$below]);
}

sub median
{
  return quantile(0.5, @_);
}

# slope([x, y], ...): of the line with the least squares.
sub slope
{
  my @points = @_;
  my ($n, $x, $y, $xx, $xy) = (scalar @points, 0, 0, 0, 0);

  for my $point (@points)
  {
    $x += $point->[0];
    $y += $point->[1];
    $xx += $point->[0]**2;
    $xy += $point->[0] * $point->[1];
  }
  my $spread = $n * $xx - $x * $x;
  die "a slope needs two points\n" if $n < 2 || $spread == 0;
  return ($n * $xy - $x * $y) / $spread;
}

# new(name, settings): settings, a reference to a hash, are written into the
# JSON, so that a figure can be read with what it was taken with.
sub new
{
  my ($class, $name, $settings) = @_;
  return bless { name => $name, settings => $settings, rows => [], failed => [], details => {} }, $class;
}

# detail(name, value): more for the JSON, under a name of its own.
sub detail
{
  my ($self, $name, $value) = @_;
  $self->{details}{$name} = $value;
  return;
}

# path(ending): of a file of results, in a directory that is there.
sub path
{
  my ($self, $ending) = @_;
  my $directory = abs_path(dirname(__FILE__) . '/..') . '/results';

  make_path($directory);
  return "$directory/$self->{name}.$ending";
}

# add(what => ..., figure => number, yardstick => number, unit => ...,
# ratios => [...], goal => ..., met => boolean, note => ...); goal with met,
# and note, may be left out.
sub add
{
  my ($self, %row) = @_;
  my @ratios = @{ delete $row{ratios} };

  @row{qw(ratio ratio_min ratio_max)} = (median(@ratios), (sort { $a <=> $b } @ratios)[0, -1]);
  $row{rounds} = @ratios;
  push @{ $self->{rows} }, \%row;
  return;
}

# add_ratios(what, unit, figures, yardsticks, goal, met, note): a row with a ratio
# for each round, of the figures and yardsticks (references to arrays) of that
# round.  met, a function, tells whether the median of them meets the goal; goal
# may be undefined.
sub add_ratios
{
  my ($self, $what, $unit, $figures, $yardsticks, $goal, $met, $note) = @_;
  my @ratios = map { $figures->[$_] / $yardsticks->[$_] } 0 .. $#$figures;

  $self->add(
    what => $what, unit => $unit, figure => median(@$figures), yardstick => median(@$yardsticks),
    ratios => \@ratios, note => $note, defined $goal ? (goal => $goal, met => $met->(median(@ratios))) : ());
  return;
}

# failed(what, why): a measurement that could not be made.
sub failed
{
  my ($self, $what, $why) = @_;
  push @{ $self->{failed} }, { what => $what, why => $why };
  print STDERR "$what: $why\n";
  return;
}

# finish: prints and writes everything; returns the exit status, which is not
# zero when a measurement failed.
sub finish
{
  my ($self) = @_;

  $self->_print;
  $self->_write;
  return @{ $self->{failed} } ? 1 : 0;
}

sub _print
{
  my ($self) = @_;
  my @table = [ 'what', 'figure', 'yardstick', 'ratio', 'min - max', 'goal', 'met' ];

  for my $row (@{ $self->{rows} })
  {
    push @table, [
      $row->{what}, map({ _number($_) . " $row->{unit}" } @$row{qw(figure yardstick)}),
      sprintf('%.3f', $row->{ratio}), sprintf('%.3f - %.3f', @$row{qw(ratio_min ratio_max)}),
      defined $row->{goal} ? ($row->{goal}, $row->{met} ? 'yes' : 'NO') : ('', '') ];
  }
  push @table, [ $_->{what}, ('') x 5, 'FAILED' ] for @{ $self->{failed} };

  print "\n";
  print_table([ 0, 5, 6 ], @table);
  print "\nTransactions are held against the same load without the module, round by round.\n"
    if grep { $_->{unit} eq 'tps' } @{ $self->{rows} };
  for my $row (grep { defined $_->{note} } @{ $self->{rows} })
  {
    print "$row->{what}: $row->{note}\n";
  }
  return;
}

# print_table(columns, row, ...): columns, a reference to an array, are those
# with text, which goes to the left; numbers go to the right.
sub print_table
{
  my ($columns, @table) = @_;
  my %is_text = map { $_ => 1 } @$columns;
  my @widths;

  for my $line (@table)
  {
    for my $column (0 .. $#$line)
    {
      my $width = length $line->[$column];
      $widths[$column] = $width if $width > ($widths[$column] // 0);
    }
  }
  for my $line (@table)
  {
    my $text = join '  ', map { sprintf '%*s', ($is_text{$_} ? -1 : 1) * $widths[$_], $line->[$_] } 0 .. $#$line;
    print $text =~ s/ +\z//r, "\n";
  }
  return;
}

sub _number
{
  my ($number) = @_;
  return abs $number < 100 ? sprintf('%.2f', $number) : thousands(sprintf '%.0f', $number);
}

# thousands(number): with a comma between them.
sub thousands
{
  my ($text) = @_;
  1 while $text =~ s/^(-?\d+)(\d{3})/$1,$2/;
  return $text;
}

sub _write
{
  my ($self) = @_;
  my $path = $self->path('json');
  my @uname = POSIX::uname();
  my $json = JSON::PP->new->canonical->pretty;
  my $text = $json->encode({
    benchmark => $self->{name},
    taken_at => POSIX::strftime('%Y-%m-%dT%H:%M:%SZ', gmtime),
    machine => { system => "$uname[0] $uname[2] $uname[4]", processors => processors() },
    settings => $self->{settings},
    results => [
      map { { %$_, defined $_->{goal} ? (met => $_->{met} ? JSON::PP::true : JSON::PP::false) : () } }
        @{ $self->{rows} }
    ],
    failed => $self->{failed},
    %{ $self->{details} },
  });
  open my $file, '>', $path or die "$path: $!\n";
  print {$file} $text;
  close $file or die "$path: $!\n";
  print "written to bench/results/$self->{name}.json\n";
  return;
}

# processors(): how many this process may use.
sub processors
{
  chomp(my $number = `nproc`);
  return $number + 0;
}

1;
