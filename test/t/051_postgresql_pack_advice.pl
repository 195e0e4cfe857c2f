# 051_postgresql_pack_advice.pl: each rule of the pack that only advises is
# the diagnosis of the real error, or of the message as the server words it.

use strict;
use warnings;

use RulePack;
use Test::More;

my $pack = RulePack->new('share/rules/postgresql.json');

$pack->run(sub { my ($rule) = @_; return !defined $rule->{template} });
done_testing();
