/*
 * normalize.c
 *		Tests of what normalisation replaces and what it keeps.
 */
#include "text/normalize.h"

#include <stdlib.h>

#include "tap.h"

typedef struct Case
{
	const char *text;
	const char *expected;
} Case;

static const Case replaced[] = {
	{"", ""},
	{" \t\r\n ", ""},
	{"  two \t\n words  ", "two words"},

	/* addresses */
	{"mail bob.x+y@mail.example.com.", "mail <email>."},
	{"user@host and @x and a@b.c1", "user@host and @x and a@b.c1"},
	{"see https://a.example/b?c=1&d=%20#e, then", "see <url>, then"},
	{"(http://a/b) \"http://a\" 'ftp://a'", "(<url>) \"<value>\" '<value>'"},
	{"jdbc:postgresql://u@db:5432/x y", "jdbc:<url> y"},
	{"from 10.0.0.1 port", "from <ip> port"},
	{"from 10.0.0.1:5432 or 192.168.1.0/24", "from <ip> or <ip>"},
	{"peer [::1]:5432, fe80::1%eth0", "peer <ip>"},
	{"2001:db8::8a2e:370:7334/64 | ::ffff:1.2.3.4 | 1:2:3:4:5:6:7:8",
	"<ip> | <ip> | <ip>"},
	{"std::vector dead::beef Foo::bar a::b 1::int",
	"std::vector dead::beef Foo::bar a::b <n>::int"},
	{"version 1.2.3.4.5 and 256.1.1.1", "version <n> and <n>"},
	{"to db-1.example.com:5432/x failed", "to <host> failed"},
	{"to db.eu.internal failed", "to <host> failed"},
	{"java.lang.String foo.py config.io a.b.C java.net",
	"java.lang.String foo.py config.io a.b.C java.net"},
	{"to db.example.com.mx or mail.example.co.uk/x", "to <host> or <host>"},
	{"from cache.example.hk:8080, not cache.example.hk",
	"from <host>, not cache.example.hk"},
	{"app.min.js:7 a.b.rs:12 v.co.u1 hk:8080", "app.min.js:<n> a.b.rs:<n> v.co.u1 hk:<n>"},

	/* uuid and hexadecimal */
	{"id 550E8400-e29b-41d4-a716-446655440000!", "id <uuid>!"},
	{"tmp_550e8400-e29b-41d4-a716-446655440000_x", "tmp_<uuid>_x"},
	{"sha 5f3a9c2b1d0e4f6a7b8c9d0e1f2a3b4c", "sha <hex>"},
	{"t_5f3a9c2b1d0e4f6a_x", "t_<hex>_x"},
	{"deadbeefdeadbeef 5f3a9c2b1d0e4f6", "deadbeefdeadbeef 5f3a9c2b1d0e4f6"},
	{"12345678e9012345 1234567890123456", "<hex> <n>"},
	{"0xdeadBEEF 0x1", "<hex>"},
	{"bytes 0xe2 0x28 0xa1", "bytes <hex>"},
	{"\\xdeadbeef", "<hex>"},
	{"segment 000000010000000000000005", "segment <hex>"},
	{"segment 00000001000000000000000A", "segment <hex>"},
	{"from 5c:50:15:4c:18:1c on", "from <hex> on"},
	{"key 01:23:45:67:89:ab:cd:ef:01:23:45:67:89:ab:cd:ef.", "key <hex>."},
	{"01:23:45:67:89 01:23:45:67:89:ab:cd:ef", "<duration>:<n>:<n> <ip>"},
	{"at 0/16B3748, not 3/4", "at <hex>, not <n>/<n>"},

	/* dates, times, durations */
	{"2024-01-31", "<date>"},
	{"2024-01-31T12:00:00.123Z", "<date>"},
	{"2024-01-31T12:00:00,123+05:30", "<date>"},
	{"2024-01-31 12:00:00.123+02 x", "<date> x"},
	{"2024-01-31 12:00:00.123 CET [5]", "<date> [<n>]"},
	{"2024/1/31 31.01.2024 1/31/2024 5:00 PM", "<date>"},
	{"[31/Jan/2024:12:00:00 +0000]", "[<date>]"},
	{"Wed, 31 Jan 2024 12:00:00 GMT", "<date>"},
	{"Wed Jan 31 12:00:00 2024", "<date>"},
	{"January 31, 2024", "<date>"},
	{"Jan  3 12:00:00 host", "<date> host"},
	{"20240131T120000Z", "<date>"},
	{"12:00:00Z, 12:00 PM", "<date>"},
	{"May 5 errors, Sat 3", "May <n> errors, Sat <n>"},
	{"2024-13-01", "<n>-<n>-<n>"},
	{"took 12ms", "took <duration>"},
	{"took 3.5 s", "took <duration>"},
	{"took 00:00:01.5", "took <duration>"},
	{"took 12:34:56", "took <duration>"},
	{"took 1 day 02:03:04", "took <duration>"},
	{"took 1h5m3.2s or PT1M30.5S or 5 \xc2\xb5s",
	"took <duration> or <duration> or <duration>"},
	{"3 sockets, 5 m, 2nd, 12:34", "<n> sockets, <n> m, 2nd, <n>:<n>"},

	/* numbers */
	{"-5 +7.5 .5 1e10 1.5E-3", "<n>"},
	{"a=-5 b:6 (7) [8] {9} <10> #11 $12",
	"a=<n> b:<n> (<n>) [<n>] {<n>} <<n>> #<n> $<n>"},
	{"1,234,567 rows, 1,23 rows", "<n> rows, <n> rows"},
	{"ids [1, 2, 3] and [4]", "ids [<n>] and [<n>]"},
	{"(1, 'a', 'b', 2)", "(<n>, '<value>', <n>)"},
	{"1 1.5 12ms", "<n> <duration>"},
	{"5 at the end.", "<n> at the end."},
	{"end at 5.", "end at <n>."},
	{"utf8 t_1 x86_64 sha256 5th 3x 7zip", "utf8 t_1 x86_64 sha256 5th 3x 7zip"},
	{"3..5 | 95% | 1-2", "<n>..<n> | <n>% | <n>-<n>"},
	{"10kB, 5 MB, 1.5GiB, 4096 bytes", "<size>"},
	{"r\303\251sum\303\2511 \346\227\2455",
	"r\303\251sum\303\2511 \346\227\2455"},

	/* type modifiers are what the problem is */
	{"too long for type character varying(10)",
	"too long for type character varying(10)"},
	{"numeric(10, 2) NUMERIC(3,-2) bit(3) f(3) bit(x) char(1",
	"numeric(10, 2) NUMERIC(3,-2) bit(3) f(<n>) bit(x) char(<n>"},

	/* paths */
	{"open /var/lib/x-1.conf: no", "open <path>: no"},
	{"(/a/b), /c. ~/d", "(<path>), <path>. <path>"},
	{"C:\\Program Files\\App\\x.dll is bad", "<path> is bad"},
	{"D:/x/y and \\\\server\\share\\f.txt", "<path> and <path>"},
	{"and/or a / b </div> ./x ../y // z", "and/or a / b </div> ./x ../y // z"},
	{"Datum-/Zeitformat", "Datum-/Zeitformat"},

	/* quotes */
	{"no 'x' in \"y\"", "no '<value>' in \"<value>\""},
	{"don't can't user's users' it's", "don't can't user's users' it's"},
	{"don't quote 'a b' or users' 'c'", "don't quote '<value>' or users' '<value>'"},
	{"b'abc' E'x' d'oeuvre", "b'<value>' E'<value>' d'oeuvre"},
	{"'don''t' and 'it\\'s' and ''", "'<value>' and '<value>' and '<value>'"},
	{"\"a\"\"b\" \"\" x", "\"<value>\" x"},
	{"integer: \"5\"\"", "integer: \"<value>\""},
	{"open 'never closed 5", "open 'never closed <n>"},
	{"open \"never closed 5", "open \"never closed <n>"},
	{"5' tall and 3' wide", "<n>' tall and <n>' wide"},
	{"\xc2\xabx\xc2\xbb \xc2\xbbx\xc2\xab | \xe2\x80\x9cx\xe2\x80\x9d"
		" | \xe2\x80\x9ex\xe2\x80\x9c | \xe2\x80\x98x\xe2\x80\x99",
	"\"<value>\" | \"<value>\" | \"<value>\" | '<value>'"},
	{"\xe3\x83\xaa\"users\"\xe3\x81\xaf", "\xe3\x83\xaa\"<value>\"\xe3\x81\xaf"},

	/* not UTF-8 */
	{"\xff\xfe 5 \xc3", "\xff\xfe <n> \xc3"},
};

/* Lines of logs. */
static const Case in_logs[] = {
	{"block blk_3886504906 and blk_-3886504906", "block blk_<n> and blk_<n>"},
	{"task attempt_14451_0020_m_000001_0 done", "task attempt_<n> done"},
	{"worker3 utf8 t_1 x86_64 5th", "worker<n> utf<n> t_<n> x<n> <n>"},
	{"rev de9231d, 9f4ef63; not decade de92", "rev <hex>; not decade de<n>"},
	{"tmp_550e8400-e29b-41d4-a716-446655440000_x", "tmp_<uuid>_x"},
	{"user 'bob 5' in \"a b\"", "user 'bob <n>' in \"a b\""},
	{"\"GET /v2/17/x?limit=5&a=%20 HTTP/1.1\" 200", "\"GET <path> HTTP/<n>\" <n>"},
	{"/a/b? /c?? /d ?x=1", "<path>? <path>?? <path> ?x=<n>"},
	{"_1 __ a_ _-5 a-5 a_-b", "_<n> __ a_ _<n> a-<n> a_-b"},
};

/* Messages of a PostgreSQL 15 server, with their SQLSTATE. */
typedef struct Pair
{
	const char *sqlstate;
	const char *one;
	const char *other;
	bool		same;
} Pair;

static const Pair pairs[] = {
	{"42P01", "relation \"orders_17\" does not exist",
	"relation \"users\" does not exist", false},
	{"42P01", "relation \"orders_17\" does not exist",
	"relation \"orders_18\" does not exist", false},
	{"42703", "column \"a\" of relation \"t\" does not exist",
	"column \"b\" of relation \"t\" does not exist", false},
	{"42883", "function crypt(text, text) does not exist",
	"function crypt(text, integer) does not exist", false},
	{"42704", "type \"vector\" does not exist",
	"type \"citext\" does not exist", false},
	{"42501", "permission denied for table a",
	"permission denied for table b", false},
	{"42601", "syntax error at or near \"foo\"",
	"syntax error at or near \"bar\"", true},
	{"42P05", "prepared statement \"S_1\" already exists",
	"prepared statement \"S_2\" already exists", true},
	{"26000", "prepared statement \"S_1\" does not exist",
	"prepared statement \"S_2\" does not exist", true},
	{"23505", "duplicate key value violates unique constraint \"a_pkey\"",
	"duplicate key value violates unique constraint \"b_pkey\"", false},
	{"23514", "no partition of relation \"m\" found for row",
	"no partition of relation \"n\" found for row", false},
	{"23502", "null value in column \"a\" of relation \"t\" violates not-null constraint",
	"null value in column \"b\" of relation \"t\" violates not-null constraint", false},
	{"22P02", "invalid input syntax for type integer: \"abc\"",
	"invalid input syntax for type integer: \"abd\"", true},
	{"22P02", "invalid input syntax for type integer: \"abc\"",
	"invalid input syntax for type uuid: \"abc\"", false},
	{"22P02", "invalid input value for enum mood: \"a\"",
	"invalid input value for enum mood: \"b c\"", true},
	{"22P02", "invalid input value for enum mood: \"a\"",
	"invalid input value for enum state: \"a\"", false},
	{"22007", "invalid input syntax for type date: \"2024-99-99\"",
	"invalid input syntax for type date: \"tomorow\"", true},
	{"22008", "date/time field value out of range: \"2024-02-31\"",
	"date/time field value out of range: \"31/31/31\"", true},
	{"22003", "value \"99999999999\" is out of range for type integer",
	"value \"-99999999998\" is out of range for type integer", true},
	{"22001", "value too long for type character varying(10)",
	"value too long for type character varying(20)", false},
	{"2200H", "nextval: reached maximum value of sequence \"a_id_seq\" (32767)",
	"nextval: reached maximum value of sequence \"b_id_seq\" (32767)", false},
	{"22P04", "missing data for column \"a\"",
	"missing data for column \"b\"", false},
	{"22021", "invalid byte sequence for encoding \"UTF8\": 0xff",
	"invalid byte sequence for encoding \"UTF8\": 0xe2 0x28 0xa1", true},
	{"22023", "time zone \"a\" not recognized",
	"time zone \"b\" not recognized", true},
	{"28P01", "password authentication failed for user \"a\"",
	"password authentication failed for user \"b\"", true},
	{"3D000", "database \"a\" does not exist",
	"database \"b\" does not exist", false},
	{"3F000", "schema \"a\" does not exist",
	"schema \"b\" does not exist", false},
	{"2BP01", "role \"a\" cannot be dropped because some objects depend on it",
	"role \"b\" cannot be dropped because some objects depend on it", false},
	{"53100", "could not extend file \"base/5/16384\": No space left on device",
	"could not extend file \"base/5/16385.1\": No space left on device", true},
	{"54000", "index row size 2712 exceeds btree version 4 maximum 2704 for index \"i\"",
	"index row size 3000 exceeds btree version 4 maximum 2704 for index \"i\"", true},
	{"54000", "index row size 2712 exceeds btree version 4 maximum 2704 for index \"i\"",
	"index row size 2712 exceeds btree version 4 maximum 2704 for index \"j\"", false},
	{"55000", "materialized view \"a\" has not been populated",
	"materialized view \"b\" has not been populated", false},
	{"57014", "canceling statement due to statement timeout",
	"canceling statement due to lock timeout", false},
	{"P0001", "order 17 of 'bob' refused", "order 4711 of 'eve' refused", true},
	{"XX002", "index \"i\" contains unexpected zero page at block 5",
	"index \"j\" contains unexpected zero page at block 5", false},
	{"0A000", "extension \"a\" is not available",
	"extension \"b\" is not available", false},
	{"HO101", "index \"a\" is invalid", "index \"b\" is invalid", false},
	{NULL, "no user \"bob\"", "no user \"eve\"", true},
	{"", "no user \"bob\"", "no user \"eve\"", true},
	{"4", "no user \"bob\"", "no user \"eve\"", true},
};

/* In memory of exactly its size, so that reading beyond it is seen. */
static size_t
normalize(const char *text, size_t len, HomeoNormalizeMode mode, char *out,
		  size_t outcap)
{
	char	   *copy = malloc(len);
	char	   *result = malloc(outcap);
	size_t		n;

	if (len > 0)
		memcpy(copy, text, len);
	n = homeo_normalize(copy, len, mode, result, outcap);
	if (n > 0)
		memcpy(out, result, n);
	free(copy);
	free(result);
	return n;
}

static void
test_cases(const Case *cases, size_t count, HomeoNormalizeMode mode)
{
	char		out[1000];
	size_t		i;

	for (i = 0; i < count; i++)
	{
		size_t		n = normalize(cases[i].text, strlen(cases[i].text), mode,
								  out, sizeof(out));
		char		name[1000];

		snprintf(name, sizeof(name), "case %d: %.40s", (int) i,
				 cases[i].expected);
		tap_same(out, n, cases[i].expected, name);
	}
}

static void
test_pairs(void)
{
	char		one[1000];
	char		other[1000];
	size_t		i;

	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
	{
		const Pair *pair = &pairs[i];
		HomeoNormalizeMode mode;
		size_t		n;
		size_t		m;
		bool		same;

		mode = homeo_normalize_mode_for_sqlstate(pair->sqlstate);
		n = normalize(pair->one, strlen(pair->one), mode, one, sizeof(one));
		m = normalize(pair->other, strlen(pair->other), mode, other,
					  sizeof(other));
		same = n == m && memcmp(one, other, n) == 0;
		if (!tap_ok(same == pair->same, "%s %s: %.40s",
					pair->sqlstate ? pair->sqlstate : "none",
					pair->same ? "same" : "different", pair->one))
		{
			tap_show("one:   ", one, n);
			tap_show("other: ", other, m);
		}
	}
}

static void
test_kept(void)
{
	static const char *const text =
	"column \"a  5\" of \xc2\xbbt\xc2\xab: 'v' 5 \"b";
	char		out[100];
	size_t		n;

	n = normalize(text, strlen(text), HOMEO_NORMALIZE_KEEP_IDENTIFIERS, out,
				  sizeof(out));
	tap_same(out, n,
			 "column \"a  5\" of \xc2\xbbt\xc2\xab: '<value>' <n> \"b",
			 "identifiers are kept to the byte");
	n = normalize("a\0b\0\0", 5, HOMEO_NORMALIZE_ALL, out, sizeof(out));
	tap_same(out, n, "a b", "NUL is white space");
}

/* What is cut is a prefix of the whole and ends between characters. */
static void
test_cut(void)
{
	static const char *const text =
	"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80 x 5 \xe2\x82\xac 'y'";
	char		whole[100];
	char		out[100];
	size_t		n;
	size_t		cap;
	bool		good = true;

	n = normalize(text, strlen(text), HOMEO_NORMALIZE_ALL, whole,
				  sizeof(whole));
	for (cap = 0; cap <= n; cap++)
	{
		size_t		m = normalize(text, strlen(text), HOMEO_NORMALIZE_ALL, out,
								  cap);

		good = good && m <= cap && memcmp(out, whole, m) == 0 &&
			((whole[m] & 0xc0) != 0x80 || m == n) &&
			(m == 0 || out[m - 1] != ' ') && cap - m <= 3;
	}
	tap_ok(good, "the output is cut at its capacity, between characters");
}

int
main(void)
{
	test_cases(replaced, sizeof(replaced) / sizeof(replaced[0]),
			   HOMEO_NORMALIZE_ALL);
	test_cases(in_logs, sizeof(in_logs) / sizeof(in_logs[0]),
			   HOMEO_NORMALIZE_LOG);
	test_pairs();
	test_kept();
	test_cut();
	return tap_done();
}
