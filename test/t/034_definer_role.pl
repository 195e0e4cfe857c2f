# 034_definer_role.pl: an error in a SECURITY DEFINER function could lead to a
# patch by the rights of the function's owner, which who called it does not have

use strict;
use warnings;

use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('definer');

$node->safe_psql('postgres', q{
    create role victim login;
    create role mallory login;
    create role clerk login;
    create role deputy login;
    grant victim to deputy;
    create schema app authorization victim;
    set role victim;
    grant usage on schema app to public;
    create type app.state as enum ('new');
    create type app.mood as enum ('good');
    create table app.quarry (state app.state);
    create table app.feeling (mood app.mood);
    grant insert on app.feeling to clerk;
    create function app.add(state text) returns void
    language sql security definer set search_path = app
    as $$ insert into app.quarry (state) values (state::app.state) $$;
    create function app.feel(mood text) returns void
    language sql security definer set search_path = app
    as $$ insert into app.feeling (mood) values (mood::app.mood) $$;
    reset role;
    create table app.granted_1 (i int);
    create table app.granted_2 (i int);
    create table app.granted_3 (i int);
    create table app.lacking (i int);
    create table app.granted_4 (i int);
    create table app.granted_5 (i int);
    grant select on app.granted_1, app.granted_2, app.granted_3, app.granted_5 to victim;
    create schema elsewhere;
    grant usage on schema elsewhere to victim;
    create table elsewhere.lost (i int);
    grant select, insert, update, delete on elsewhere.lost to victim;
    set role victim;
    create function app.look() returns bigint
    language plpgsql security definer
    as $$ begin return (select count(*) from app.lacking); end $$;
    create function app.find() returns bigint
    language plpgsql security definer
    as $$ begin return (select count(*) from lost); end $$});

# fate(role, statement, template): what becomes of the patch of its error
sub fate
{
    my ($role, $statement, $template) = @_;
    my $known = $node->safe_psql('postgres', 'select coalesce(max(id), 0) from homeostasis.patches');

    $node->psql('postgres', $statement, extra_params => [ '-U', $role ]);
    return wait_for_value($node, "
        select status || ': ' || status_reason from homeostasis.patches
        where id > $known and template = '$template'", qr/^(refused|validated|invalid|failed)/);
}

like(fate('mallory', q{select app.add('evil')}, 'add_enum_value'),
    qr/^refused: .*may not write to a column of type app.state/,
    'a value that he may not write is not added to a type');
like(fate('mallory', 'select app.look()', 'grant_like_siblings'),
    qr/^refused: victim is not the role that raised the error/,
    'what the owner of a function lacks is not granted because he calls it');
like(fate('mallory', 'select app.find()', 'set_search_path'),
    qr/^refused: victim is not the role that raised the error/,
    'nor is the path of its owner changed');

like(fate('clerk', q{select app.feel('odd')}, 'add_enum_value'),
    qr/^validated: the change applies; not replayed: it failed as a role that/,
    'who may write the table himself gets a patch, for a person to approve');
like(fate('deputy', q{set role victim; select i from app.granted_4},
        'grant_like_siblings'), qr/^validated: the failure was reproduced/,
    'what is lacked by the role that he has set is proposed');

is($node->safe_psql('postgres', q{
    select count(*) from homeostasis.patches where run_as = 'victim' and status = 'deployed'}),
    '0', 'nothing was changed');
$node->stop;
done_testing();
