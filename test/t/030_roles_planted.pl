# 030_roles_planted.pl: an installation could take over what somebody planted
# in wait for it (RELIABILITY 32)

use strict;
use warnings;

use HomeostasisCluster;
use Test::More;

my $node = new_cluster('main', -extension => 0);

# refused(what, error, planted, removed): with planted in place the extension
# is not created, and nothing of it stays.
sub refused
{
    my ($what, $error, $planted, $removed) = @_;
    my $stderr;

    $node->safe_psql('postgres', $planted);
    $node->psql('postgres', 'create extension homeostasis', stderr => \$stderr);
    like($stderr, $error, "$what is refused");
    is( $node->safe_psql('postgres',
            q{select count(*) from pg_extension where extname = 'homeostasis'}),
        '0', 'and there is no extension');
    $node->safe_psql('postgres', $removed);
    return;
}

refused('a schema of that name', qr/schema "homeostasis" already exists/,
    'create schema homeostasis', 'drop schema homeostasis');
refused('a role of that name that can log in',
    qr/role "homeostasis_owner" exists already and has attributes/,
    'create role homeostasis_owner login', 'drop role homeostasis_owner');
refused('a role of that name that can make roles',
    qr/role "homeostasis_admin" exists already and has attributes/,
    'create role homeostasis_admin createrole', 'drop role homeostasis_admin');
refused('a superuser of that name',
    qr/role "homeostasis_reader" exists already and has attributes/,
    'create role homeostasis_reader superuser', 'drop role homeostasis_reader');
refused('an owner with members', qr/role "homeostasis_owner" has members/,
    'create role homeostasis_owner; create role mole; grant homeostasis_owner to mole',
    'drop role homeostasis_owner; drop role mole');
refused('an owner that is somebody else, too',
    qr/role "homeostasis_owner" is a member of other roles/,
    'create role homeostasis_owner; grant pg_write_server_files to homeostasis_owner',
    'drop role homeostasis_owner');

# What is planted elsewhere is not found.
$node->safe_psql('postgres', q{
    create table public.caught (what text);
    create function public.jsonb_build_object(text, text) returns jsonb
      language plpgsql as $$ begin insert into public.caught values ('function');
        return '{}'; end $$;
    create function public.same(text, text) returns boolean
      language plpgsql as $$ begin insert into public.caught values ('operator');
        return true; end $$;
    create operator public.= (leftarg = text, rightarg = text, function = public.same);
    create type public.homeostasis_planted as (x int);
});
$node->safe_psql('postgres', q{
    set search_path = public, pg_catalog;
    create extension homeostasis;
    select count(*) from homeostasis.overview;
});
is($node->safe_psql('postgres', 'select count(*) from public.caught'),
    '0', 'planted functions and operators are not called by the installation');

# A second database uses the roles of the first.
$node->safe_psql('postgres', 'create database second');
$node->safe_psql('second', 'create extension homeostasis');
is($node->safe_psql('second', 'select count(*) from homeostasis.policies'),
    '2', 'the extension can be created in a second database');

done_testing();
