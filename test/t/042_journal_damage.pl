# 042_journal_damage.pl: one bad byte on disk could cost all events of the
# journal, or bring events that nobody reported

use strict;
use warnings;

use File::Path qw(remove_tree);
use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main', 'homeostasis.workers' => 'off');
my $directory = $node->data_dir . '/homeostasis/journal';

# report(node, service): 50 events, which are one block; returns where it ends
sub report
{
    my ($to, $service) = @_;

    $to->safe_psql('postgres', qq{
        select count(*) from homeostasis.report_batch((
          select jsonb_agg(jsonb_build_object('service', '$service', 'error_message', 'number ' || i, 'detail', md5('$service' || i)))
          from generate_series(1, 50) i))});
    return $to->safe_psql('postgres', 'select written_position & x\'ffffffff\'::bigint from homeostasis.stat_journal');
}

# The newest segment.
sub segment
{
    my ($of) = @_;
    my @segments = sort glob((defined $of ? $of->data_dir : $node->data_dir) . '/homeostasis/journal/*');

    return $segments[-1];
}

# change(code): what the code makes of the segment's bytes
my ($changed, $changed_bytes);

sub change
{
    my ($code) = @_;

    $changed = segment();
    $changed_bytes = $code->(slurp_file($changed));
    open my $handle, '>:raw', $changed or die "$changed: $!";
    print $handle $changed_bytes;
    close $handle or die "$changed: $!";
    return;
}

# Starts a server that stores what it finds; returns the service of each 50
# events that are stored.  The sentinel is another name for a second time.
sub stored
{
    my ($name, $sentinel) = @_;

    $sentinel //= $name;
    set_conf($node, 'homeostasis.workers' => 'on');
    $node->start;
    $node->psql('postgres', "select 'sentinel $sentinel'::int");
    wait_for_value($node, qq{select count(*) from homeostasis.errors where message like '%"sentinel $sentinel"%'}, '1');
    wait_for_value($node, intake_waiting(), '0');
    # The next test has a segment of its own.
    wait_for_value($node, 'select segments from homeostasis.stat_journal', '0');
    my $stored = $node->safe_psql('postgres', qq{
        select string_agg(s.name || ':' || n, ' ' order by s.name)
        from (select service_id, count(*) as n from homeostasis.errors where detail is not null group by 1) e
        join homeostasis.services s on s.id = e.service_id where s.name like '$name%'});
    return $stored;
}

# damage(name, code[, service]): reports six blocks, of six services unless it
# names one, stops, has the code change the segment given where each block
# begins, and returns what is stored then
sub damage
{
    my ($name, $code, $service) = @_;
    my @start = (0);

    set_conf($node, 'homeostasis.workers' => 'off');
    if (-e $node->data_dir . '/postmaster.pid')
    {
        $node->reload;
        wait_for_value($node,
            q{select count(*) from pg_stat_activity where backend_type = 'homeostasis ingest'}, '0');
        $node->restart;
    }
    else
    {
        $node->start;
    }
    push @start, report($node, $service // "$name$_") foreach 1 .. 6;
    $node->stop('immediate');
    change(sub { $code->($_[0], @start) });
    return stored($name);
}

sub all_but
{
    my ($name, @without) = @_;

    return join ' ', map { "$name$_:50" } grep { my $i = $_; !grep { $_ == $i } @without } 1 .. 6;
}

sub counted
{
    return $node->safe_psql('postgres', 'select damaged, lost from homeostasis.stat_journal');
}

my $log = $node->logfile;

is(damage('whole', sub { return $_[0] }), all_but('whole'), 'an undamaged journal is stored');
is(counted(), '0|0', 'with nothing to say about it');

is(damage('flipped', sub {
        my ($bytes, @start) = @_;
        substr($bytes, $start[2] + 200, 1) ^= "\x10";
        return $bytes;
    }), all_but('flipped', 3), 'a flipped bit costs the block that it is in');
is(counted(), '1|50', 'and how many events those are is counted');
like(slurp_file($log), qr/WARNING:  segment ".*" of the journal is damaged at offset \d+/, 'the log says where');
like(slurp_file($log), qr/WARNING:  50 reported events are lost/, 'and how many');
is($node->safe_psql('postgres', q{select service, level is null, dropped from homeostasis.stat_drops where cause = 'corrupt'}),
    '(unknown)|t|50', 'stat_drops counts them, too');

is(damage('header', sub {
        my ($bytes, @start) = @_;
        substr($bytes, $start[1], 8) = "\xff" x 8;
        return $bytes;
    }), all_but('header', 2), 'so does a damaged header');

is(damage('cut', sub {
        my ($bytes, @start) = @_;
        return substr($bytes, 0, $start[4] + 100);
    }), all_but('cut', 5, 6), 'a segment that was cut has what is before');

is(damage('lost page', sub {
        my ($bytes, @start) = @_;
        substr($bytes, $start[3], $start[5] - $start[3]) = "\0" x ($start[5] - $start[3]);
        return $bytes;
    }), all_but('lost page', 4, 5), 'behind bytes that never reached the disk it goes on');
is(counted(), '1|100', 'and they are missed');

is(damage('repeated', sub {
        my ($bytes, @start) = @_;
        my $block = substr($bytes, $start[1], $start[2] - $start[1]);
        substr($bytes, $start[6], length($block)) = $block;
        return $bytes;
    }), all_but('repeated'), 'a block that was put behind the others is not stored again');

# The place must have room for it: how well a block is compressed is chance.
my $replaced;
is(damage('exchanged', sub {
        my ($bytes, @start) = @_;
        my @by_size = sort { $start[$a + 1] - $start[$a] <=> $start[$b + 1] - $start[$b] } 0 .. 5;
        my $block = substr($bytes, $start[$by_size[0]], $start[$by_size[0] + 1] - $start[$by_size[0]]);

        $replaced = $by_size[-1];
        substr($bytes, $start[$replaced], length($block)) = $block;
        return $bytes;
    }), all_but('exchanged', $replaced + 1), 'nor one that was put in the place of another');

# Told once ------------------------------------------------------------------

# All blocks are for one of two workers; the other one passes them over.
set_conf($node, 'homeostasis.ingest_workers' => 2, 'max_worker_processes' => 16);
my $left = damage('told', sub {
        my ($bytes, @start) = @_;
        substr($bytes, $start[2] + 200, 1) ^= "\x10";
        return $bytes;
    }, 'told');
is($left, 'told:250', 'two workers store what can be read');
is(counted(), '1|50', 'and one of them tells what cannot');
$node->stop('immediate');
append_to_file($changed, $changed_bytes);
is(stored('told', 'told again'), 'told:250', 'a segment that was not given back yet is there again, and stored once');
is(counted(), '0|0', 'and its damage is not told again');

# Another server's -----------------------------------------------------------

my $other = new_cluster('other', 'homeostasis.workers' => 'off');
report($other, "foreign$_") foreach 1 .. 3;
my $foreign = slurp_file(segment($other));
$other->stop;
is(damage('mine', sub { return $foreign }) // '', '', 'a segment of another server takes the place of one');
is($node->safe_psql('postgres', q{select count(*) from homeostasis.services where name like 'foreign%'}), '0',
    'and none of its events is stored');

# No journal -----------------------------------------------------------------

set_conf($node, 'homeostasis.workers' => 'off');
$node->restart;
report($node, 'gone');
$node->stop('immediate');
remove_tree($directory);
is(stored('gone') // '', '', 'a server starts without the journal that it had');
report($node, 'after1');
poll_until($node, q{select count(*) from homeostasis.errors e join homeostasis.services s on s.id = e.service_id where s.name = 'after1'},
    '50', 'and makes another');

# Something else is where it should be.
$node->stop('fast');
append_to_file("$directory/README", 'not a segment');
append_to_file("$directory/0000000G", 'nor this');
is(stored('none') // '', '', 'files that are no segments are passed over');
$node->stop('fast');
remove_tree($directory);
append_to_file($directory, 'in the way');
$node->start;
{
    my ($stdout, $stderr);
    $node->psql('postgres', q{select homeostasis.report('{"service": "blocked", "error_message": "x"}'::jsonb)},
        stderr => \$stderr);
    like($stderr, qr/could not write to the journal of events: Not a directory/, 'report() says why it cannot take an event');
    like($stderr, qr/homeostasis\.durability = memory/, 'and what can be done');
    $node->safe_psql('postgres', q{
        set homeostasis.durability = memory;
        select homeostasis.report('{"service": "blocked", "error_message": "x"}'::jsonb)});
    poll_until($node, q{select count(*) from homeostasis.errors e join homeostasis.services s on s.id = e.service_id where s.name = 'blocked'},
        '1', 'which works');
}
$node->stop;

done_testing();
