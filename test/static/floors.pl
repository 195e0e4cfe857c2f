#!/usr/bin/perl
#
# floors.pl: who may include whom
#
# usage: test/static/floors.pl [DIRECTORY]     (default: the checkout's src)
#
# A folder of src/ is a floor of the house; a file includes only its own floor
# and the floors below.  Also checked: that PG_VERSION_NUM stays in
# base/compat.h, that every .c has a header of its own, or its family's, and
# includes it first (after postgres.h, where it includes that), that a file which declares
# functions for SQL includes base/compat.h, and that the agent shares nothing
# with the server module but src/wire.

use strict;
use warnings;

use File::Basename;
use File::Find;

my %floor = (
    base    => 0,
    wire    => 0,
    text    => 1,
    intake  => 2,
    rules   => 3,
    heal    => 4,
    llm     => 4,
    observe => 4,
    workers => 5);
my $top_floor = 6;

# Files of a family share a header: each is one row of the same table, or a part
# of what was too much for one file.
my %family_header = (
    'text/normalize_' => 'text/normalize.h',
    'text/stack_'     => 'text/stack_language.h',
    'text/token_'     => 'text/token.h');
my $errors = 0;

my $src = $ARGV[0] // dirname($0) . '/../../src';
chdir $src or die "$src: $!\n";

sub complain
{
    my ($place, $text) = @_;

    print "src/$place: $text\n";
    $errors++;
    return;
}

sub room_of
{
    my ($file) = @_;

    return $file =~ m{^([^/]+)/} ? $1 : '';
}

# The quoted includes of a file as [line number, name].
sub includes_of
{
    my ($text) = @_;
    my @includes;
    my $number = 0;

    foreach my $line (split /\n/, $text)
    {
        $number++;
        push @includes, [ $number, $1 ]
          if $line =~ /^\s*#\s*include\s+"([^"]+)"/;
    }
    return @includes;
}

# What the agent includes: itself, src/wire, and libpq.
sub check_agent_include
{
    my ($place, $name) = @_;

    complain($place, "the agent may not include \"$name\"")
      unless room_of($name) =~ /^(agent|wire)$/ || $name eq 'libpq-fe.h';
    return;
}

# check_include(file, [line number, what it includes])
sub check_include
{
    my ($file, $include) = @_;
    my ($number, $name)  = @$include;
    my $place = "$file:$number";
    my $from  = room_of($file);
    my $to    = room_of($name);
    my $own   = $from eq '' ? $top_floor : $floor{$from};
    my $beside = dirname($file) . "/$name";

    if (-e $name && !exists $floor{$to})
    {
        complain($place, "no room may include \"$name\"");
    }
    elsif (-e $name && $floor{$to} > $own)
    {
        complain($place, "floor $own may not include \"$name\", "
              . "which is on floor $floor{$to}");
    }
    elsif (!-e $name && exists $floor{$to})
    {
        complain($place, "\"$name\" does not exist");
    }
    elsif (!-e $name && -e $beside)
    {
        complain($place, "include \"$name\" as \"$beside\"");
    }
    return;
}

sub check_own_header
{
    my ($file, @includes) = @_;
    (my $own = $file) =~ s/\.c$/.h/;

    # The top floor exports nothing but _PG_init.
    return if $file eq 'homeostasis.c';

    foreach my $family (keys %family_header)
    {
        $own = $family_header{$family} if !-e $own && $file =~ /^\Q$family\E/;
    }
    if (!-e $own)
    {
        complain($file, "has no header $own");
        return;
    }
    shift @includes
      if @includes && $includes[0][1] =~ /^postgres(_fe)?\.h$/;
    complain($file, "\"$own\" must be its first include after postgres.h")
      unless @includes && $includes[0][1] eq $own;
    return;
}

sub check_file
{
    my ($file) = @_;
    my $room = room_of($file);

    if ($room ne '' && $room ne 'agent' && !exists $floor{$room})
    {
        complain($file, "src/$room is not one of the rooms");
        return;
    }

    open my $handle, '<', $file or die "$file: $!\n";
    my $text = do { local $/; <$handle> };
    close $handle;

    my @includes = includes_of($text);
    foreach my $include (@includes)
    {
        if   ($room eq 'agent') { check_agent_include("$file:$include->[0]",
                $include->[1]); }
        else { check_include($file, $include); }
    }
    check_own_header($file, @includes)
      if $file =~ /\.c$/ && $room ne 'agent';

    complain($file, 'only base/compat.h may look at PG_VERSION_NUM')
      if $text =~ /\bPG_VERSION_NUM\b/ && $file ne 'base/compat.h';
    complain($file, 'has PG_FUNCTION_INFO_V1 and must include "base/compat.h"')
      if $text =~ /^PG_FUNCTION_INFO_V1/m
      && !grep { $_->[1] eq 'base/compat.h' } @includes;
    return;
}

my @files;
find(
    {
        no_chdir => 1,
        wanted   => sub {
            push @files, $File::Find::name =~ s{^\./}{}r
              if /\.[ch]$/ && -f;
        }
    },
    '.');
check_file($_) foreach sort @files;
exit($errors ? 1 : 0);
