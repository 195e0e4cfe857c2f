# Files.pm: what benchmarks put into files: scripts for pgbench and psql, and the
# rows of tables.

package Files;

use strict;
use warnings;

use Exporter qw(import);

use Psql;

our @EXPORT_OK = qw(make_table write_file);

# write_file(path, content): returns path.
sub write_file
{
  my ($path, $content) = @_;

  open my $file, '>', $path or die "$path: $!\n";
  print {$file} $content;
  close $file or die "$path: $!\n";
  return $path;
}

# make_table(cluster, psql, table, type, value, ...): a table with the columns
# id, from 1 on, and value, of that type.
sub make_table
{
  my ($cluster, $psql, $table, $type, @values) = @_;
  my $path = "$cluster->{directory}/$table";

  open my $file, '>', $path or die "$path: $!\n";
  # COPY would read a backslash as the start of an escape.
  print {$file} "$_\t" . $values[$_ - 1] =~ s/\\/\\\\/gr . "\n" for 1 .. @values;
  close $file or die "$path: $!\n";
  chmod 0644, $path or die "$path: $!\n";
  $psql->query("create table $table (id integer primary key, value $type)");
  $psql->query("copy $table from " . Psql::quote($path));
  $psql->query("vacuum analyze $table");
  unlink $path;
  return;
}

1;
