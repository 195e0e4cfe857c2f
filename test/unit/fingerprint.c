/*
 * fingerprint.c
 *		Tests of which events are the same problem.
 */
#include "text/fingerprint.h"

#include "tap.h"

/* Everything that an event of a test may differ in; NULL is absent. */
typedef struct Event
{
	const char *language;
	const char *error_type;
	const char *sqlstate;
	const char *message;
	const char *schema;
	const char *table;
	const char *column;
	const char *constraint;
	const char *datatype;
	const char *stack;
	const char *statement;
	const char *search_path;
	bool		imitated;
} Event;

typedef struct Pair
{
	const char *name;
	bool		same;
	Event		one;
	Event		other;
} Pair;

#define PG		.language = "postgresql"
#define PY		.language = "python"
#define UNIQUE	"duplicate key value violates unique constraint"
#define TIMEOUT	.sqlstate = "57014", .message = "canceling statement due to statement timeout"

#define TOO_LONG .sqlstate = "22001", .message = "value too long for type character varying(10)"
#define CONFLICT .sqlstate = "42P10", .message = "there is no unique or exclusion constraint matching the ON CONFLICT specification"

static const Pair pairs[] = {
	{"another literal", true,
		{PG,.sqlstate = "22P02",.message =
		"invalid input syntax for type integer: \"abc\""},
		{PG,.sqlstate = "22P02",.message =
	"invalid input syntax for type integer: \"x 5\""}},
	{"another constraint", false,
		{PG,.sqlstate = "23505",.message = UNIQUE " \"a_key\"",
		.schema = "s",.table = "t",.constraint = "a_key"},
		{PG,.sqlstate = "23505",.message = UNIQUE " \"b_key\"",
	.schema = "s",.table = "t",.constraint = "b_key"}},
	{"a constraint of the same name in another schema", false,
		{PG,.sqlstate = "23505",.message = UNIQUE " \"a_key\"",
		.schema = "s",.table = "t",.constraint = "a_key"},
		{PG,.sqlstate = "23505",.message = UNIQUE " \"a_key\"",
	.schema = "r",.table = "t",.constraint = "a_key"}},
	{"the same constraint by another way", true,
		{PG,.sqlstate = "23505",.message = UNIQUE " \"a_key\"",
			.table = "t",.constraint = "a_key",
		.stack = "PL/pgSQL function f() line 3 at SQL statement"},
		{PG,.sqlstate = "23505",.message = UNIQUE " \"a_key\"",
			.table = "t",.constraint = "a_key",
	.stack = "PL/pgSQL function g() line 3 at SQL statement"}},
	{"an error that names no object, by another way", false,
		{PG,.sqlstate = "22012",.message = "division by zero",
		.stack = "PL/pgSQL function f() line 3 at RETURN"},
		{PG,.sqlstate = "22012",.message = "division by zero",
	.stack = "PL/pgSQL function g() line 3 at RETURN"}},
	{"another line of the same function", true,
		{PG,.sqlstate = "22012",.message = "division by zero",
		.stack = "PL/pgSQL function f() line 3 at RETURN"},
		{PG,.sqlstate = "22012",.message = "division by zero",
	.stack = "PL/pgSQL function f() line 4 at RETURN"}},
	{"another statement that ran into its timeout", false,
		{PG, TIMEOUT,.statement = "select * from a where id = 1"},
	{PG, TIMEOUT,.statement = "select * from b where id = 1"}},
	{"the same with other values", true,
		{PG, TIMEOUT,.statement = "select * from a where id = 1 and n = 'x'"},
	{PG, TIMEOUT,.statement = "select *\nfrom a where id = 22 and n = 'yz'"}},
	{"the same with other comments and blanks", true,
		{PG, TIMEOUT,.statement = "select a /* 1 */ from t; -- x"},
	{PG, TIMEOUT,.statement = "SELECT a\n FROM t /* traceparent='00-1' */"}},
	{"the same text with another search_path", false,
		{PG, TIMEOUT,.statement = "select a from t",.search_path = "one"},
	{PG, TIMEOUT,.statement = "select a from t",.search_path = "two"}},
	{"a value too long for a column of another table", false,
		{PG, TOO_LONG,.statement = "insert into a values ('xxx')"},
	{PG, TOO_LONG,.statement = "insert into b values ('xxx')"}},
	{"for another column of the same table", false,
		{PG, TOO_LONG,.statement = "update a set n = 'xxx' where id = 1"},
	{PG, TOO_LONG,.statement = "update a set m = 'xxx' where id = 1"}},
	{"for the same with other values", true,
		{PG, TOO_LONG,.statement = "update a set n = 'xxx' where id = 1"},
	{PG, TOO_LONG,.statement = "update a set n = E'y\\'y' where id = -22.5"}},
	{"for more rows of them", true,
		{PG, TOO_LONG,.statement = "insert into a values (1, 'x')"},
	{PG, TOO_LONG,.statement = "insert into a values (1, 'x'), (2, null), (3, $1)"}},
	{"out of range in another table", false,
		{PG,.sqlstate = "22003",.message = "integer out of range",
		.statement = "update a set n = n + 1"},
		{PG,.sqlstate = "22003",.message = "integer out of range",
	.statement = "update b set n = n + 1"}},
	{"no index for the conflict in another table", false,
		{PG, CONFLICT,.statement = "insert into a values (1) on conflict (id) do nothing"},
	{PG, CONFLICT,.statement = "insert into b values (1) on conflict (id) do nothing"}},
	{"too long in another statement of the same function", false,
		{PG, TOO_LONG,.statement = "select f()",
			.stack = "SQL statement \"insert into a values (x)\"\n"
		"PL/pgSQL function f() line 3 at SQL statement"},
		{PG, TOO_LONG,.statement = "select f()",
			.stack = "SQL statement \"insert into b values (x)\"\n"
	"PL/pgSQL function f() line 3 at SQL statement"}},
	{"too long in the same statement of a function that others call", true,
		{PG, TOO_LONG,.statement = "select f()",
			.stack = "SQL statement \"insert into a values (1)\"\n"
		"PL/pgSQL function f() line 3 at SQL statement"},
		{PG, TOO_LONG,.statement = "select f(), 1 from t",
			.stack = "SQL statement \"insert into a values (2)\"\n"
	"PL/pgSQL function f() line 7 at SQL statement"}},
	{"a violated constraint in another statement", true,
		{PG,.sqlstate = "23514",.message = "x",.table = "a",.constraint = "c",
		.statement = "insert into a values (1)"},
		{PG,.sqlstate = "23514",.message = "x",.table = "a",.constraint = "c",
	.statement = "update a set n = 1"}},
	{"a sequence at its end in another statement", true,
		{PG,.sqlstate = "2200H",.message = "nextval: reached maximum value of sequence \"s\" (9)",
		.statement = "insert into a values (1)"},
		{PG,.sqlstate = "2200H",.message = "nextval: reached maximum value of sequence \"s\" (9)",
	.statement = "select nextval('s')"}},
	{"another text that is no SQL", true,
		{PG,.sqlstate = "42601",.message = "syntax error at or near \"a\"",
		.statement = "a"},
		{PG,.sqlstate = "42601",.message = "syntax error at or near \"b\"",
	.statement = "b"}},
	{"another statement that timed out at the same place", true,
		{PG, TIMEOUT,.statement = "select f(1)",
		.stack = "PL/pgSQL function f() line 3 at RETURN"},
		{PG, TIMEOUT,.statement = "select g(1)",
	.stack = "PL/pgSQL function f() line 3 at RETURN"}},
	{"another statement with an error that says more", true,
		{PG,.sqlstate = "42703",.message = "x",.statement = "select x from a"},
	{PG,.sqlstate = "42703",.message = "x",.statement = "select x from b"}},
	{"an imitation of the server's error", false,
		{PG,.sqlstate = "23505",.message = UNIQUE " \"a_key\"",
		.table = "t",.constraint = "a_key"},
		{PG,.sqlstate = "23505",.message = UNIQUE " \"a_key\"",
	.table = "t",.constraint = "a_key",.imitated = true}},
	{"another SQLSTATE", false,
		{PG,.sqlstate = "40001",.message = "could not serialize"},
	{PG,.sqlstate = "40P01",.message = "could not serialize"}},
	{"another type of error", false,
		{PY,.error_type = "KeyError",.message = "'x'"},
	{PY,.error_type = "ValueError",.message = "'x'"}},
	{"another language", false,
		{PY,.message = "x"},
	{.language = "java",.message = "x"}},
	{"the language in another case", true,
		{PY,.message = "x"},
	{.language = "Python",.message = "x"}},
	{"a name in another field", false,
		{PG,.sqlstate = "42703",.message = "x",.table = "a"},
	{PG,.sqlstate = "42703",.message = "x",.column = "a"}},
	{"a boundary between fields elsewhere", false,
		{PG,.sqlstate = "42703",.message = "x",.schema = "ab",
		.table = "c"},
		{PG,.sqlstate = "42703",.message = "x",.schema = "a",
	.table = "bc"}},
	{"an empty name instead of none", true,
		{PG,.sqlstate = "42703",.message = "x",.schema = ""},
	{PG,.sqlstate = "42703",.message = "x"}},
	{"the same file in another directory", true,
		{PY,.message = "x",.stack = "File \"/a/x.py\", line 1, in f"},
	{PY,.message = "x",.stack = "File \"/b/c/x.py\", line 9, in f"}},
	{"another file", false,
		{PY,.message = "x",.stack = "File \"/a/x.py\", line 1, in f"},
	{PY,.message = "x",.stack = "File \"/a/y.py\", line 1, in f"}},
	{"another function", false,
		{PY,.message = "x",.stack = "File \"/a/x.py\", line 1, in f"},
	{PY,.message = "x",.stack = "File \"/a/x.py\", line 1, in g"}},
	{"other frames of a library below the same one of the app", true,
		{PY,.message = "x",.stack =
			"File \"/a/x.py\", line 1, in f\n"
		"File \"/v/site-packages/l.py\", line 1, in l"},
		{PY,.message = "x",.stack =
			"File \"/a/x.py\", line 1, in f\n"
	"File \"/v/site-packages/m.py\", line 1, in m"}},
	{"other frames of a library where there are no others", false,
		{PY,.message = "x",.stack =
		"File \"/v/site-packages/l.py\", line 1, in l"},
		{PY,.message = "x",.stack =
	"File \"/v/site-packages/m.py\", line 1, in m"}},
	{"another fourth frame of a library", true,
		{.language = "java",.message = "x",.stack =
			"at java.A.a(A.java:1)\nat java.B.b(B.java:1)\n"
		"at java.C.c(C.java:1)\nat java.D.d(D.java:1)"},
		{.language = "java",.message = "x",.stack =
			"at java.A.a(A.java:1)\nat java.B.b(B.java:1)\n"
	"at java.C.c(C.java:1)\nat java.E.e(E.java:1)"}},
	{"another eighth frame of the app", false,
		{.language = "java",.message = "x",.stack =
			"at p.A.a(A.java:1)\nat p.B.b(B.java:1)\nat p.C.c(C.java:1)\n"
			"at p.D.d(D.java:1)\nat p.E.e(E.java:1)\nat p.F.f(F.java:1)\n"
		"at p.G.g(G.java:1)\nat p.H.h(H.java:1)"},
		{.language = "java",.message = "x",.stack =
			"at p.A.a(A.java:1)\nat p.B.b(B.java:1)\nat p.C.c(C.java:1)\n"
			"at p.D.d(D.java:1)\nat p.E.e(E.java:1)\nat p.F.f(F.java:1)\n"
	"at p.G.g(G.java:1)\nat p.I.i(I.java:1)"}},
	{"another ninth frame of the app", true,
		{.language = "java",.message = "x",.stack =
			"at p.A.a(A.java:1)\nat p.B.b(B.java:1)\nat p.C.c(C.java:1)\n"
			"at p.D.d(D.java:1)\nat p.E.e(E.java:1)\nat p.F.f(F.java:1)\n"
		"at p.G.g(G.java:1)\nat p.H.h(H.java:1)\nat p.I.i(I.java:1)"},
		{.language = "java",.message = "x",.stack =
			"at p.A.a(A.java:1)\nat p.B.b(B.java:1)\nat p.C.c(C.java:1)\n"
			"at p.D.d(D.java:1)\nat p.E.e(E.java:1)\nat p.F.f(F.java:1)\n"
	"at p.G.g(G.java:1)\nat p.H.h(H.java:1)\nat p.J.j(J.java:1)"}},
	{"a recursion of another depth", true,
		{PY,.message = "x",.stack =
			"File \"x.py\", line 1, in f\nFile \"x.py\", line 2, in f\n"
		"File \"x.py\", line 3, in g"},
		{PY,.message = "x",.stack =
			"File \"x.py\", line 1, in f\nFile \"x.py\", line 2, in f\n"
	"File \"x.py\", line 2, in f\nFile \"x.py\", line 3, in g"}},
	{"another build of a bundle", true,
		{.language = "javascript",.message = "x",.stack =
		"at f (http://a/main.5f3a9c1d.js?v=1:1:1)"},
		{.language = "javascript",.message = "x",.stack =
	"at f (http://b/main.77aa01bc.js?v=2:7:7)"}},
	{"other numbers given by the compiler", true,
		{.language = "java",.message = "x",.stack =
		"at p.A$$Lambda$14/0x00c0.run(Unknown Source)\nat p.A.lambda$x$0(A.java:1)"},
		{.language = "java",.message = "x",.stack =
	"at p.A$$Lambda$9/0x0b01.run(Unknown Source)\nat p.A.lambda$x$3(A.java:1)"}},
};

static HomeoSlice
slice_of(const char *string)
{
	return homeo_slice(string, string != NULL ? strlen(string) : 0);
}

static void
fingerprint(const Event *event, HomeoFingerprint *out)
{
	HomeoFrame	frames[16];
	size_t		nframes;
	size_t		ncut;
	HomeoFingerprintInput in;

	in.language = slice_of(event->language);
	in.error_type = slice_of(event->error_type);
	in.sqlstate = slice_of(event->sqlstate);
	in.message = slice_of(event->message);
	in.schema_name = slice_of(event->schema);
	in.table_name = slice_of(event->table);
	in.column_name = slice_of(event->column);
	in.constraint_name = slice_of(event->constraint);
	in.datatype_name = slice_of(event->datatype);
	in.statement = slice_of(event->statement);
	in.context = slice_of(event->stack);
	in.search_path = slice_of(event->search_path);
	in.imitated = event->imitated;
	nframes = homeo_stacktrace_parse(in.language, slice_of(event->stack),
									 frames, 16, &ncut);
	in.has_frames = nframes > 0;
	homeo_fingerprint_frames(frames, nframes, &in.frames);
	homeo_fingerprint_event(&in, out);
}

static void
test_pairs(void)
{
	size_t		i;

	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
	{
		HomeoFingerprint one;
		HomeoFingerprint other;
		bool		same;

		fingerprint(&pairs[i].one, &one);
		fingerprint(&pairs[i].other, &other);
		same = memcmp(&one, &other, sizeof(one)) == 0;
		tap_ok(same == pairs[i].same, "%s: %s", pairs[i].name,
			   pairs[i].same ? "same" : "different");
	}
}

/* Stored fingerprints must be found again by every later build. */
static void
test_stable(void)
{
	static const Event event = {
		PG,.error_type = "unique_violation",.sqlstate = "23505",
		.message = UNIQUE " \"orders_pkey\"",.schema = "public",
		.table = "orders",.constraint = "orders_pkey"
	};
	HomeoFingerprint out;
	char		hex[33];
	int			i;

	fingerprint(&event, &out);
	for (i = 0; i < 16; i++)
		snprintf(hex + 2 * i, 3, "%02x", (unsigned) out.bytes[i]);
	tap_same(hex, 32, "c131bb709ad491447c27fdf241237f84",
			 "the fingerprint of version 5 stays what it is");

	homeo_fingerprint_line(slice_of("Unknown"), slice_of("took <n> ms"), &out);
	for (i = 0; i < 16; i++)
		snprintf(hex + 2 * i, 3, "%02x", (unsigned) out.bytes[i]);
	tap_same(hex, 32, "fcdeacf559f8d3a5e3e627b2326ec3af",
			 "and so does that of a line");
}

static void
build(HomeoFingerprint *out, uint32_t version, uint8_t tag1,
	  const char *text1, uint8_t tag2, const char *text2)
{
	HomeoFingerprintBuilder builder;

	homeo_fingerprint_init(&builder, version);
	homeo_fingerprint_add_field(&builder, tag1, text1, strlen(text1));
	if (text2 != NULL)
		homeo_fingerprint_add_field(&builder, tag2, text2, strlen(text2));
	homeo_fingerprint_final(&builder, out);
}

static void
test_builder(void)
{
	HomeoFingerprint a;
	HomeoFingerprint b;

	build(&a, 1, 1, "x", 2, "y");
	build(&b, 2, 1, "x", 2, "y");
	tap_ok(memcmp(&a, &b, sizeof(a)) != 0, "the version counts");
	build(&b, 1, 2, "x", 1, "y");
	tap_ok(memcmp(&a, &b, sizeof(a)) != 0, "the tag counts");
	build(&a, 1, 1, "x", 0, NULL);
	build(&b, 1, 1, "x", 2, "");
	tap_ok(memcmp(&a, &b, sizeof(a)) != 0, "an empty field counts");
	build(&a, 1, 1, "ab", 2, "c");
	build(&b, 1, 1, "a", 2, "bc");
	tap_ok(memcmp(&a, &b, sizeof(a)) != 0, "the length counts");
}

int
main(void)
{
	test_pairs();
	test_builder();
	test_stable();
	return tap_done();
}
