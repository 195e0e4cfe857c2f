# Queries.pm: the queries of docs/queries.md, as the document has them.
#
# What is measured and tested is the text that people read.

package Queries;

use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);

use Psql;

our @EXPORT_OK = qw(queries with_values);

# queries(): for each block of SQL in the document { name, sql, variables }:
# the heading that it stands under, its text without the semicolon, and the
# names of psql's variables in it.
sub queries
{
  my $path = abs_path(dirname(__FILE__) . '/../../docs/queries.md');
  my ($name, @queries);

  open my $file, '<:encoding(UTF-8)', $path or die "$path: $!\n";
  my $text = do { local $/ = undef; readline $file };
  while ($text =~ /^#+ ([^\n]*)$|^```sql\n(.*?);\n```$/msg)
  {
    my ($heading, $sql) = ($1, $2);
    if (defined $heading)
    {
      $name = $heading;
      next;
    }
    my %seen;
    push @queries, { name => $name, sql => $sql, variables => [ grep { !$seen{$_}++ } $sql =~ /:'(\w+)'/g ] };
  }
  return @queries;
}

# with_values(query, name => value, ...): its text, with values in place of
# variables.
sub with_values
{
  my ($query, %value) = @_;

  return $query->{sql} =~ s/:'(\w+)'/
    exists $value{$1} ? Psql::quote($value{$1}) : die "$query->{name}: no value for $1\n"/gexr;
}

1;
