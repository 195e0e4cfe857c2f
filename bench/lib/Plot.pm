# Plot.pm: panels of lines over one x axis, as an SVG.
#
# The file stands alone: no fonts, no scripts, nothing from elsewhere.  Its
# colours follow what the reader prefers, light or dark.

package Plot;

use strict;
use warnings;

use POSIX qw(ceil floor);

use Report qw(thousands);

# In pixels: the picture, what is left for axes and text, and a panel.
my ($WIDTH, $LEFT, $RIGHT, $TOP, $BOTTOM) = (960, 84, 84, 84, 56);
my ($PANEL, $GAP) = (230, 64);
my $INNER = $WIDTH - $LEFT - $RIGHT;

# So many ticks an axis has at most.
my ($X_TICKS, $Y_TICKS) = (12, 5);

# What a character takes, about, in the small text of labels.
my $CHARACTER = 6.6;

# The colours of the style sheet, for a light and a dark background.  Those of
# lines differ for the colour-blind, too.
my @COLOURS = (
  { paper => '#ffffff', text => '#1f2328', faint => '#59636e', grid => '#d9dee3', base => '#aab4be',
    blue => '#0969da', orange => '#bc4c00', green => '#0b7d69', grey => '#818b98' },
  { paper => '#0d1117', text => '#e6edf3', faint => '#9198a1', grid => '#2b323b', base => '#57606a',
    blue => '#58a6ff', orange => '#f0883e', green => '#2fbfa5', grey => '#7d8590' },
);

# new(title => ..., label => of the x axis, max => of it, bands => [[from, to,
# label], ...]): a band is a part of the x axis that has a name.
sub new
{
  my ($class, %option) = @_;
  return bless { %option, panels => [] }, $class;
}

# panel({ label => ..., series => [...] }, ...): one axis on the left, and
# perhaps one on the right.  A series has a name, a colour out of the list
# above, and points, [x, y] each; a y that is undef is a gap.  With steps, y
# stays as it is until the next point, and the area below is shaded.
sub panel
{
  my ($self, @axes) = @_;
  push @{ $self->{panels} }, \@axes;
  return;
}

# write(path)
sub write
{
  my ($self, $path) = @_;

  open my $file, '>:encoding(UTF-8)', $path or die "$path: $!\n";
  print {$file} $self->svg;
  close $file or die "$path: $!\n";
  return;
}

sub svg
{
  my ($self) = @_;
  my $panels = @{ $self->{panels} };
  my $height = $TOP + $panels * $PANEL + ($panels - 1) * $GAP + $BOTTOM;
  my $title = _escape($self->{title});

  return join "\n",
    qq(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 $WIDTH $height" width="$WIDTH" height="$height" role="img">),
    "<title>$title</title>", _style(), qq(<rect class="paper" width="$WIDTH" height="$height"/>),
    _text($LEFT, 28, 'title', 'start', $self->{title}),
    (map { $self->_panel($_) } 0 .. $panels - 1), $self->_x_axis($height - $BOTTOM), '</svg>', '';
}

sub _style
{
  my @styles = map { _colours($_) } @COLOURS;

  return <<"CSS";
<style>
text { font: 12px system-ui, sans-serif; }
.title { font-size: 16px; font-weight: 600; }
.grid, .base, .band, .line { fill: none; stroke-width: 1; }
.band { stroke-dasharray: 2 4; }
.line { stroke-width: 1.75; stroke-linejoin: round; stroke-linecap: round; }
.area { stroke: none; opacity: 0.16; }
$styles[0]
\@media (prefers-color-scheme: dark) {
$styles[1]
}
</style>
CSS
}

sub _colours
{
  my ($colour) = @_;
  my @lines = map { ".line.$_ { stroke: $colour->{$_}; } .area.$_, text.$_ { fill: $colour->{$_}; }" }
    qw(blue orange green grey);

  return join "\n", ".paper { fill: $colour->{paper}; }", "text, text.title { fill: $colour->{text}; }",
    "text.tick { fill: $colour->{faint}; }", ".grid { stroke: $colour->{grid}; }",
    ".base, .band { stroke: $colour->{base}; }", @lines;
}

# One panel: bands and grid behind, then axes, lines and the legend.
sub _panel
{
  my ($self, $number) = @_;
  my @axes = @{ $self->{panels}[$number] };
  my $top = $TOP + $number * ($PANEL + $GAP);
  my $bottom = $top + $PANEL;
  my @svg = $self->_bands($top, $bottom, $number == 0);

  # Both axes have the same ticks, so that one grid serves both.
  my $ticks = 1;
  my @most = map { _most($_) } @axes;
  for my $most (@most)
  {
    my $needed = ceil($most / nice($most / $Y_TICKS));
    $ticks = $needed if $needed > $ticks;
  }
  for my $tick (0 .. $ticks)
  {
    my $y = _round($bottom - $tick * $PANEL / $ticks);
    push @svg, sprintf '<path class="%s" d="M%s %sH%s"/>', $tick ? 'grid' : 'base', $LEFT, $y, $LEFT + $INNER;
  }
  # What is on the right is behind what is on the left.
  for my $side (reverse 0 .. $#axes)
  {
    my $step = nice($most[$side] / $ticks);
    push @svg, _y_axis($axes[$side], $side, $step, $ticks, $bottom);
    push @svg, map { $self->_line($_, $bottom, $PANEL / $ticks / $step) } @{ $axes[$side]{series} };
  }
  return (@svg, _legend($top - 12, map { @{ $_->{series} } } @axes));
}

# The largest y of an axis; 1 where there is none.
sub _most
{
  my ($axis) = @_;
  my ($most) = sort { $b <=> $a } map { $_->[1] // 0 } map { @{ $_->{points} } } @{ $axis->{series} };
  return $most || 1;
}

# nice(number): the next larger one of 1, 2, 5, 10, 20, ... and their tenths.
sub nice
{
  my ($number) = @_;
  my $unit = 10**floor(log($number) / log 10);

  # A little less, because of what is lost in a logarithm.
  my ($factor) = grep { $_ * $unit >= $number * (1 - 1e-9) } 1, 2, 5, 10;
  return $factor * $unit;
}

# The names of bands are written once, above the uppermost panel.
sub _bands
{
  my ($self, $top, $bottom, $with_names) = @_;
  my @svg;

  for my $band (@{ $self->{bands} // [] })
  {
    my ($from, $to) = map { $self->_x($_) } @$band[0, 1];
    push @svg, qq(<path class="band" d="M$to ${top}V$bottom"/>) if $to < $LEFT + $INNER;
    push @svg, _text(_round(($from + $to) / 2), $top - 32, 'tick', 'middle', $band->[2]) if $with_names;
  }
  return @svg;
}

sub _x
{
  my ($self, $x) = @_;
  return _round($LEFT + $x / $self->{max} * $INNER);
}

sub _x_axis
{
  my ($self, $y) = @_;
  my $step = nice($self->{max} / $X_TICKS);
  my @svg;

  for my $tick (0 .. floor($self->{max} / $step + 1e-9))
  {
    my $x = $self->_x($tick * $step);
    push @svg, qq(<path class="base" d="M$x ${y}v5"/>), _text($x, $y + 20, 'tick', 'middle', _label($tick * $step));
  }
  return (@svg, _text($LEFT + $INNER / 2, $y + 42, 'label', 'middle', $self->{label}));
}

# side is 0 on the left and 1 on the right.
sub _y_axis
{
  my ($axis, $side, $step, $ticks, $bottom) = @_;
  my $x = $side ? $LEFT + $INNER + 8 : $LEFT - 8;
  my $middle = $bottom - $PANEL / 2;
  my $at = $side ? $WIDTH - 18 : 22;
  my $turn = $side ? 90 : -90;
  my $name = _escape($axis->{label});

  return (
    map({
      _text($x, _round($bottom - $_ * $PANEL / $ticks + 4), 'tick', $side ? 'start' : 'end', _label($_ * $step))
    } 0 .. $ticks),
    qq(<text class="label" text-anchor="middle" transform="translate($at $middle) rotate($turn)">$name</text>));
}

# scale is in pixels for each unit of y.
sub _line
{
  my ($self, $series, $bottom, $scale) = @_;
  my ($path, $area, $pen) = ('', '', 0);
  my $last;

  for my $point (@{ $series->{points} })
  {
    my $x = $self->_x($point->[0]);
    if (!defined $point->[1])
    {
      $pen = 0;
      next;
    }
    my $y = _round($bottom - $point->[1] * $scale);
    $path .= $pen ? ($series->{steps} ? "H${x}V$y" : "L$x $y") : "M$x $y";
    ($pen, $last) = (1, $x);
  }
  return () if !defined $last;
  if ($series->{steps})
  {
    my $first = $self->_x($series->{points}[0][0]);
    $area = qq(<path class="area $series->{colour}" d="M$first ${bottom}L) . substr($path, 1) . qq(V${bottom}Z"/>\n);
  }
  return qq($area<path class="line $series->{colour}" d="$path"/>);
}

# From right to left, ending where the panel does.
sub _legend
{
  my ($y, @series) = @_;
  my $x = $LEFT + $INNER;
  my @svg;

  for my $series (reverse @series)
  {
    $x -= $CHARACTER * length $series->{name};
    my $line = $x - 30;
    my $middle = $y - 4;
    push @svg, _text(_round($x), $y, 'label', 'start', $series->{name}),
      sprintf '<path class="line %s" d="M%s %sh22"/>', $series->{colour}, _round($line), $middle;
    $x = $line - 20;
  }
  return @svg;
}

sub _text
{
  my ($x, $y, $class, $anchor, $text) = @_;
  return qq(<text class="$class" x="$x" y="$y" text-anchor="$anchor">) . _escape($text) . '</text>';
}

# Tenths of pixels are enough.
sub _round
{
  my ($number) = @_;
  return sprintf('%.1f', $number) =~ s/\.0\z//r;
}

sub _label
{
  my ($number) = @_;
  return thousands(sprintf '%.12g', $number);
}

sub _escape
{
  my ($text) = @_;
  my %entity = ('&' => '&amp;', '<' => '&lt;', '>' => '&gt;', '"' => '&quot;');
  return $text =~ s/([&<>"])/$entity{$1}/gr;
}

1;
