# 022_report_body.pl: a compressed body could fill the memory, be taken in
# part, or lose events without a word; one bad line could cost the others

use strict;
use warnings;

use Compress::Zlib ();
use HomeostasisCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main', 'homeostasis.overflow_timeout' => '60s', 'homeostasis.ring_size' => '2MB');

# What a body leads to: the result, or the error with its hint.
sub report_body
{
    my ($body, $encoding, $database) = @_;
    my ($stdout, $stderr) = ('', '');
    my $file = $node->basedir . '/body.sql';

    open my $handle, '>', $file or die "$file: $!\n";
    print $handle q{select string_agg((id is not null)::text, ',') from homeostasis.report_batch('\x},
        unpack('H*', $body), "', '$encoding') id;\n";
    close $handle;
    $node->psql($database // 'postgres', "\\i $file", stdout => \$stdout, stderr => \$stderr);
    $stderr =~ s/^psql:[^:]*:\d+: //;
    return $stdout . $stderr;
}

sub lines
{
    my ($service, @messages) = @_;

    return join '', map { qq({"service": "$service", "error_message": "$_"}\n) } @messages;
}

sub array
{
    return '[' . join(', ', split /\n/, lines(@_)) . ']';
}

# The messages of a service, when all that waits is stored.
sub messages
{
    my ($service) = @_;

    return qq{
        select case when used_bytes = 0 then (
          select string_agg(message, ' ' order by message) from homeostasis.errors e
          join homeostasis.services s on s.id = e.service_id where s.name = '$service') end
        from homeostasis.stat_intake};
}

# Compressed by the programs lz4 and zstd: two lines each.
my $lz4 = pack 'H*', '04224d186440a73f000000f1147b226572726f725f6d657373616765223a20226279206c7a34222c202273657276'
    . '696315007f73686f70227d0a2f00064d20746f6f3300506f70227d0a00000000ad3316a9';
my $zstd = pack 'H*', '28b52ffd2464e50100f4027b226572726f725f6d657373616765223a20226279207a737464222c20227365727669'
    . '6373686f70227d0a20746f6f03005729642a6b98c27c02d3aa78ae';

# 1,000,000 zeroes.
my $zstd_bomb = pack 'H*', '28b52ffda440420f004c000008000100fcff3910020200100002001000020010000200100002001000020010'
    . '000200100003120a00ccaeca39';

# All the ways ---------------------------------------------------------------

is(report_body(array('ways', 'a', 'b'), 'identity'), 'true,true', 'an array is taken');
is(report_body(lines('ways', 'c') . "\n" . lines('ways', 'd'), 'identity'), 'true,true', 'so are lines, but for blank ones');
is(report_body(Compress::Zlib::memGzip(array('ways', 'e')), 'gzip'), 'true', 'by gzip');
is(report_body(Compress::Zlib::memGzip(lines('ways', 'f')) . Compress::Zlib::memGzip(lines('ways', 'g')), 'GZIP'),
    'true,true', 'by gzip twice');
is(report_body(Compress::Zlib::compress(lines('ways', 'h')), 'zlib'), 'true', 'by zlib');
is(report_body($lz4, 'lz4'), 'true,true', 'by lz4');
is(report_body($zstd . $zstd, 'zstd'), 'true,true,true,true', 'by zstd twice');
is(report_body('', 'identity'), '', 'of nothing comes nothing');
is(report_body('[]', 'identity'), '', 'nor of an empty array');
poll_until($node, messages('ways'), 'a b c d e f g h', 'and all are stored');
poll_until($node, messages('shop'), 'by lz4 by lz4 too by zstd by zstd by zstd too by zstd too',
    'those of lz4 and zstd, too');
$node->safe_psql('postgres', q{begin; select homeostasis.report_batch(
    convert_to('[{"service": "undone", "error_message": "stays"}]', 'utf8'), 'identity'); rollback});
poll_until($node, messages('undone'), 'stays', 'whatever becomes of the transaction');

# What is refused as a whole -------------------------------------------------

my $gzip = Compress::Zlib::memGzip(lines('refused', 1 .. 100));
my $bent = $gzip;
substr($bent, length($bent) / 2, 1) ^= 'x';
my $encodings = 'gzip, zlib, lz4, zstd or identity';

foreach my $case (
    [ $gzip, 'brotli', qr/argument "encoding" is "brotli", which is no encoding\nHINT: .*$encodings/ ],
    [ $gzip, '', qr/argument "encoding" is "", which is no encoding/ ],
    [ $gzip, 'zstd', qr/argument "body" is not compressed with zstd\nHINT: .*$encodings/ ],
    [ lines('refused', 1), 'lz4', qr/argument "body" is not compressed with lz4\nHINT: .*$encodings/ ],
    [ '', 'gzip', qr/argument "body" ends before what was compressed with gzip does/ ],
    [ substr($gzip, 0, -1), 'gzip', qr/argument "body" ends before what was compressed with gzip does/ ],
    [ substr($zstd, 0, -3), 'zstd', qr/argument "body" ends before what was compressed with zstd does/ ],
    [ $bent, 'gzip', qr/argument "body" is damaged, and cannot be decompressed with gzip\nHINT: .*again/ ],
    [ $gzip . lines('refused', 1), 'gzip', qr/argument "body" goes on after the end of what was compressed with gzip/ ],
    [ '[{"service": "refused", "error_message": "x"}, ', 'identity', qr/argument "body" is a JSON array without an end/ ],
    [ array('refused', 1) . array('refused', 2), 'identity', qr/argument "body" goes on after the end of a JSON array/ ])
{
    my ($body, $encoding, $complaint) = @$case;

    like(report_body($body, $encoding), qr/\AERROR:  $complaint/, "refused: $complaint");
}
foreach my $arguments (q{null, 'gzip'}, q{'', null})
{
    my $stderr;

    $node->psql('postgres', "select homeostasis.report_batch($arguments)", stderr => \$stderr);
    like($stderr, qr/argument "(body|encoding)" may not be null/, "null is refused: $arguments");
}

# Bombs ----------------------------------------------------------------------

like(report_body(Compress::Zlib::memGzip("\n" x (64 * 1024 * 1024 + 1)), 'gzip'),
    qr/argument "body" has more than 65536 kB when it is decompressed\nHINT: .*homeostasis\.decompressed_limit/,
    'a body that grows beyond the limit is refused, and the setting named');
is(report_body(Compress::Zlib::memGzip("\n" x (64 * 1024 * 1024)), 'gzip'), '', 'one that fills it is not');
set_conf($node, 'homeostasis.decompressed_limit' => '64kB');
$node->reload;
wait_for_value($node, 'show homeostasis.decompressed_limit', '64kB');
like(report_body($zstd_bomb, 'zstd'), qr/argument "body" has more than 64 kB/, 'so it is with zstd');
like(report_body("\n" x (64 * 1024 + 1), 'identity'), qr/argument "body" has more than 64 kB/, 'and with none');

# Each call that fails has made a decompressor, of a few hundred kB with zstd.
my ($before, $after) = split /\n/, $node->safe_psql('postgres', q{
    create function refused(n int) returns text language plpgsql as $$
    begin
      for i in 1 .. n loop
        begin
          perform homeostasis.report_batch('\x} . unpack('H*', $zstd_bomb) . q{', 'zstd');
          raise 'it was taken';
        exception when sqlstate 'HO007' then
          null;
        end;
      end loop;
      return (regexp_match(pg_read_file('/proc/' || pg_backend_pid() || '/status'), 'VmRSS:\s+(\d+)'))[1];
    end $$;
    select refused(200);
    select refused(2000)});
cmp_ok($after - $before, '<', 32 * 1024, 'a refused body leaves nothing in memory (kB)');
set_conf($node, 'homeostasis.decompressed_limit' => '64MB');
$node->reload;
wait_for_value($node, 'show homeostasis.decompressed_limit', '64MB');
poll_until($node, 'select used_bytes from homeostasis.stat_intake', '0', 'the ring is empty');
is($node->safe_psql('postgres', q{select count(*) from homeostasis.services where name = 'refused'}), '0',
    'and none of all these is stored');

# What costs only itself -----------------------------------------------------

my $deep = '{"error_message": ' . ('[' x 100_000) . (']' x 100_000) . '}';
is( report_body(
        lines('mixed', 'one') . "\r\n"
            . qq({"service": "mixed", "error_message": "cut\n)
            . lines('mixed', 'two')
            . qq({"service": "mixed", "error_message": 3}\n)
            . qq(17\n)
            . qq({"service": "mixed", "error_message": "a\\u0000b"}\n)
            . qq({"service": "mixed", "error_message": "byte \xff"}\n)
            . qq({"service": "mixed", "error_message": "n", "metadata": {"n": 1e1000000}}\n)
            . "$deep\n"
            . qq(password=canary\n)
            . lines('mixed', 'three'),
        'identity'),
    'true,false,true,false,false,false,false,false,false,false,true', 'bad lines are none of the others\' business');
poll_until($node, messages('mixed'), 'one three two', 'which are stored');
poll_until($node, q{select coalesce(field, '-') || ': ' || left(reason, 45) || ': ' || left(event, 20)
                    from homeostasis.rejected_events order by 1},
    join("\n",
        '-: line 10 is not JSON: stack depth limit exceed: {"error_message": [[',
        '-: line 11 is not JSON: Token "password" is inva: password=***',
        '-: line 3 is not JSON: Token ""cut" is invalid.: {"service": "mixed",',
        '-: line 7 is not JSON: \u0000 cannot be converte: {"service": "mixed",',
        '-: line 8 is not JSON: Escape sequence "\x" is i: {"service": "mixed",',
        '-: line 9 is not JSON: value overflows numeric f: {"service": "mixed",',
        '-: must be an object: 17',
        'error_message: must be a string: {"service": "mixed",'),
    'while they are kept with the reason, and without their secrets');
is(report_body('[' . join(', ', '{"service": "elements", "error_message": "a"}', '', 'nonsense', '[]',
        '{"service": "elements", "error_message": "b"}', '') . ']', 'identity'),
    'true,false,false,false,true,false', 'bad elements are not, either');
poll_until($node, messages('elements'), 'a b', 'which are stored');
poll_until($node, q{select string_agg(reason, '; ' order by reason)
                    from homeostasis.rejected_events where reason ~ '^element' or event = '[]'},
    'element 2 is not JSON: The input string ended unexpectedly.; '
    . 'element 3 is not JSON: Token "nonsense" is invalid.; '
    . 'element 6 is not JSON: The input string ended unexpectedly.; must be an object',
    'while they are kept');
is(report_body('{"error_message": "' . 'x' x (17 * 1024 * 1024) . '"}', 'identity'), 'false',
    'a text that no event could have is refused');
poll_until($node, q{select reason || ': ' || left(event, 25) from homeostasis.rejected_events where reason ~ 'bytes'},
    'line 1 has 17825813 bytes, more than 16777216: {"error_message": "xxxxxx', 'with its length');

# More than the ring can hold at once.
is($node->safe_psql('postgres', q{
    select count(*) from homeostasis.report_batch(convert_to((
      select string_agg(jsonb_build_object('service', 'many', 'error_message', 'x', 'error_id', n::text)::text, e'\n')
      from generate_series(1, 50000) n), 'utf8'), 'identity')}), '50000', 'a body of 50,000 lines is taken');
poll_until($node, q{select count(*) from homeostasis.errors e join homeostasis.services s on s.id = e.service_id
                    where s.name = 'many'}, '50000', 'and stored', 120);

# Clocks that are wrong, among others that are not.
is(report_body(join('', map { qq({"service": "clocks", "error_message": "$_", "timestamp": "$_"}\n) }
        '1999-12-31T23:59:59Z', '2999-01-01 00:00', '1970-01-01T00:00Z') . lines('clocks', 'now'), 'identity'),
    'true,true,true,true', 'a body may have times of any kind');
poll_until($node, q{
    select string_agg(message || coalesce(' = ' || (metadata ->> 'reported_timestamp')::timestamptz at time zone 'UTC', ''), ', ' order by message)
    from homeostasis.errors e join homeostasis.services s on s.id = e.service_id
    where s.name = 'clocks' and "timestamp" = received_at},
    '1970-01-01T00:00Z = 1970-01-01 00:00:00, 1999-12-31T23:59:59Z = 1999-12-31 23:59:59, '
    . '2999-01-01 00:00 = 2999-01-01 00:00:00, now', 'those that cannot be are marked, and all are stored');

# Another encoding -----------------------------------------------------------

$node->safe_psql('postgres', q{create database latin encoding 'LATIN1' locale 'C' template template0});
$node->safe_psql('latin', 'create extension homeostasis');
is(report_body(lines('latin', "caf\xc3\xa9") . lines('latin', "5 \xe2\x82\xac"), 'identity', 'latin'), 'true,false',
    'a body is UTF-8, whatever the encoding of the database, which may lack a character');
poll_until($node, messages('latin'), "caf\xc3\xa9", 'and becomes what it is there');

$node->stop;
done_testing();
