#!/usr/bin/perl
#
# indent.pl: PostgreSQL's layout for C files
#
# usage: test/static/indent.pl [--check] TYPEDEFS FILE...
#
# Runs pg_bsd_indent with the options that PostgreSQL gives it and rewrites
# the files in place; with --check it shows the differences instead and fails
# when there are any.  TYPEDEFS holds the names of types, one a line.

use strict;
use warnings;

use File::Temp;

my @options = qw(-bad -bap -bbb -bc -bl -cli1 -cp33 -cdb -nce -d0 -di12 -nfc1
  -i4 -l79 -lp -lpl -nip -npro -sac -tpg -ts4);
my $version = '2.1.1';

my $check = @ARGV && $ARGV[0] eq '--check' ? shift : 0;
@ARGV >= 1 or die "usage: indent.pl [--check] TYPEDEFS FILE...\n";
my $typedefs = shift;

my $found = `pg_bsd_indent --version 2>&1` // '';
$found =~ /^pg_bsd_indent \Q$version\E\b/
  or die "pg_bsd_indent $version is needed (package pg-bsd-indent), which "
  . "Debian 12 has: 'make setup' installs it there\n";

sub slurp
{
    my ($name) = @_;

    open my $handle, '<', $name or die "$name: $!\n";
    local $/;
    return <$handle> // '';
}

sub spew
{
    my ($name, $text) = @_;

    open my $handle, '>', $name or die "$name: $!\n";
    print $handle $text;
    close $handle or die "$name: $!\n";
    return;
}

# pg_bsd_indent puts a pointer that is a function's return type at a tab
# stop, as if a name followed.
sub mended
{
    my ($text) = @_;

    $text =~ s{^([A-Za-z_]\S*)[ \t]+\*$}{$1 *}gm;
    return $text;
}

sub indented
{
    my ($file) = @_;
    my $out = File::Temp->new(SUFFIX => '.c');

    my $said = qx{pg_bsd_indent $file $out @options -U$typedefs 2>&1};
    die "pg_bsd_indent failed on $file: $said\n" if $? != 0 || $said ne '';
    return mended(slurp($out->filename));
}

my $different = 0;
foreach my $file (@ARGV)
{
    my $text = slurp($file);
    my $new  = indented($file);

    next if $new eq $text;
    $different++;
    if ($check)
    {
        my $copy = File::Temp->new;

        spew($copy->filename, $new);
        print `diff -u --label '$file' --label '$file, indented' '$file' $copy`;
    }
    else
    {
        spew($file, $new);
        print "$file\n";
    }
}
if ($check && $different)
{
    print "$different file(s) are not laid out as they should be: "
      . "run 'make indent'\n";
    exit 1;
}
exit 0;
