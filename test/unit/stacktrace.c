/*
 * stacktrace.c
 *		Tests of the frames found in stack traces.
 */
#include "stack_cases.h"

typedef struct Stack
{
	const char *name;
	const char *language;		/* NULL: not given */
	size_t		maxframes;
	const char *text;

	/* "A" or "-", function, file, module, line, column: one frame a line */
	const char *expected;
}			Stack;

static const Stack stacks[] = {
	{"PostgreSQL: functions and what surrounds them", "postgresql", 16,
		"PL/pgSQL function f(integer) line 3 at RAISE\n"
		"SQL statement \"select f(1),\n"
		"  PL/pgSQL 'x' from t\"\n"
		"PL/pgSQL function s.\"My (f\"(timestamp without time zone) line 12"
		" during statement block entry\n"
		"PL/pgSQL function g() while casting return value to function's"
		" return type\n"
		"PL/pgSQL function inline_code_block line 1 at PERFORM\n"
		"PL/pgSQL function pg_catalog.h() line 1 at PERFORM\n"
		"PL/pgSQL assignment \"x := 5\"\n",
		"A|f(integer)||PL/pgSQL|3|0\n"
		"-|SQL statement|||0|0\n"
		"A|s.\"My (f\"(timestamp without time zone)||PL/pgSQL|12|0\n"
		"A|g()||PL/pgSQL|0|0\n"
		"A|inline_code_block||PL/pgSQL|1|0\n"
		"-|pg_catalog.h()||PL/pgSQL|1|0\n"
	"-|PL/pgSQL assignment|||0|0\n"},
	{"PostgreSQL: other languages and compilation", "plpgsql", 16,
		"SQL function \"f\" statement 2\n"
		"SQL function \"f\" during startup\n"
		"PL/Python function \"g\", line 2, in <module>\n"
		"PL/Perl function \"h\"\n"
		"compilation of PL/pgSQL function \"f\" near line 3\n",
		"A|f||SQL|2|0\n"
		"A|f||SQL|0|0\n"
		"A|g||PL/Python|2|0\n"
		"A|h||PL/Perl|0|0\n"
	"A|f||PL/pgSQL|3|0\n"},
	{"PostgreSQL: COPY and JSON name their line", NULL, 16,
		"COPY t, line 3, column x: \"abc\"\n"
		"COPY t, line 4: \"1\t2\"\n"
		"COPY t\n"
		"JSON data, line 1: {\"a\n",
		"A|COPY||t|3|0\n"
		"A|COPY||t|4|0\n"
		"A|COPY||t|0|0\n"
	"-|JSON data|||1|0\n"},
	{"PostgreSQL: maintenance is the same for every row and block",
		"postgres", 16,
		"while inserting index tuple (0,1) in relation \"x\"\n"
		"while vacuuming index \"i\" of relation \"s.t\"\n"
		"while scanning block 5 of relation \"s.t\"\n"
		"automatic vacuum of table \"db.s.t\"\n"
		"automatic analyze of table \"db.s.t\"\n"
		"parallel worker\n",
		"A|while inserting index tuple||x|0|0\n"
		"A|while vacuuming index||s.t|0|0\n"
		"A|while scanning block||s.t|0|0\n"
		"A|automatic vacuum||db.s.t|0|0\n"
		"A|automatic analyze||db.s.t|0|0\n"
	"-|parallel worker|||0|0\n"},
	{"PostgreSQL: what only looks like a context is skipped", "sql", 16,
		"PL/pgSQL function \n"
		"SQL function \"\n"
		"SQL statements are nice\n"
		"while we wait\n"
		"while \"\n"
		"automatic \"x\"\n"
		"COPYING t, line 3\n"
		"JSON data, line x\n",
	""},
	{"Python: innermost frame first, libraries told apart", "Python", 16,
		"Traceback (most recent call last):\n"
		"  File \"/app/main.py\", line 12, in <module>\n"
		"    main()  # see x.py:5\n"
		"  File \"/usr/lib/python3.11/json/__init__.py\", line 3, in loads\n"
		"  File \"C:\\venv\\site-packages\\x.py\", line 99, in y\n"
		"    ^^^^\n"
		"  File \"<frozen importlib._bootstrap>\", line 7, in _f\n"
		"  File \"/app/in\"ner.py\", line 5, in Foo.bar\n"
		"  File \"/app/broken.py\", line 6\n"
		"ValueError: bad thing at foo.py:12\n",
		"A||/app/broken.py||6|0\n"
		"A|Foo.bar|/app/in\"ner.py||5|0\n"
		"-|_f|<frozen importlib._bootstrap>||7|0\n"
		"-|y|C:\\venv\\site-packages\\x.py||99|0\n"
		"-|loads|/usr/lib/python3.11/json/__init__.py||3|0\n"
	"A|<module>|/app/main.py||12|0\n"},
	{"Python: the innermost frames are the ones that stay", NULL, 3,
		"  File \"a.py\", line 1, in a\n"
		"  File \"b.py\", line 2, in b\n"
		"  File \"c.py\", line 3, in c\n"
		"  File \"d.py\", line 4, in d\n"
		"  File \"e.py\", line 5, in e\n",
		"A|e|e.py||5|0\n"
		"A|d|d.py||4|0\n"
		"A|c|c.py||3|0\n"
	"cut 2\n"},
	{"JavaScript: every form that V8 prints", "javascript", 16,
		"TypeError: Cannot read (x.js:1:2) of undefined\r\n"
		"    at Foo.bar (/app/src/foo.js:10:15)\r\n"
		"    at new Foo (file:///app/src/foo.js:1:1)\r\n"
		"    at async Promise.all (index 0)\n"
		"    at async f (/app/(x)/y.js:3:4)\n"
		"    at /app/x y/z.js:3:4\n"
		"    at Object.<anonymous> [as f] (/app/node_modules/x/i.js:1:2)\n"
		"    at eval (eval at f (/app/x.js:1:1), <anonymous>:1:1)\n"
		"    at Array.map (<anonymous>)\n"
		"    at native\n"
		"    at g (node:internal/process/task_queues:95:5)\n"
		"    at nothing in particular\n",
		"A|Foo.bar|/app/src/foo.js||10|15\n"
		"A|new Foo|file:///app/src/foo.js||1|1\n"
		"-|Promise.all|index 0||0|0\n"
		"A|f|/app/(x)/y.js||3|4\n"
		"A||/app/x y/z.js||3|4\n"
		"-|Object.<anonymous>|/app/node_modules/x/i.js||1|2\n"
		"-|eval|<anonymous>||1|1\n"
		"-|Array.map|<anonymous>||0|0\n"
		"-||native||0|0\n"
	"-|g|node:internal/process/task_queues||95|5\n"},
	{"Java: class, method, source, and their loaders", NULL, 16,
		"java.lang.IllegalStateException: bad (x.y:5)\n"
		"\tat com.foo.Bar.baz(Bar.java:12)\n"
		"\tat java.base/java.lang.Thread.run(Thread.java:829)\n"
		"\tat app//com.foo.Bar.lambda$x$0(Bar.kt:15)\n"
		"\tat com.foo.Bar$$Lambda$14/0x08c0.run(Unknown Source)\n"
		"\tat sun.reflect.N.invoke0(Native Method)\n"
		"\tat org.springframework.X.y(X.java)\n"
		"\tat com.foo.Bar.<init>(Bar.java:3) ~[foo.jar:1.0]\n"
		"\tat com.foo.Bar.cut(Bar.ja\n"
		"Caused by: x\n"
		"\t... 12 more\n",
		"A|baz|Bar.java|com.foo.Bar|12|0\n"
		"-|run|Thread.java|java.lang.Thread|829|0\n"
		"A|lambda$x$0|Bar.kt|com.foo.Bar|15|0\n"
		"A|run||com.foo.Bar$$Lambda$14/0x08c0|0|0\n"
		"-|invoke0||sun.reflect.N|0|0\n"
		"-|y|X.java|org.springframework.X|0|0\n"
	"A|<init>|Bar.java|com.foo.Bar|3|0\n"},
	{"Java: the outermost frames are cut", "java", 1,
		"\tat a.B.c(B.java:1)\n"
		"\tat a.B.d(B.java:2)\n",
		"A|c|B.java|a.B|1|0\n"
	"cut 1\n"},
	{"no room for any frame", "python", 0,
		"File \"a.py\", line 1\n",
	"cut 1\n"},
	{"Go: a function, and its file on the next line", "go", 16,
		"panic: runtime error\n\n"
		"goroutine 1 [running]:\n"
		"main.(*T).foo(0xc000012345, 0x1)\n"
		"\t/app/main.go:12 +0x1d\n"
		"runtime.main()\n"
		"\t/usr/local/go/src/runtime/proc.go:20 +0x39\n",
		"A|main.(*T).foo|/app/main.go||12|0\n"
	"-|runtime.main|/usr/local/go/src/runtime/proc.go||20|0\n"},
	{"Rust: the same with numbers", "rust", 16,
		"stack backtrace:\n"
		"   0: core::panicking::panic_fmt\n"
		"             at /rustc/9eb3af/library/core/src/panicking.rs:64:14\n"
		"   1: main\n"
		"             at ./src/main.rs:2:5\n",
		"-|core::panicking::panic_fmt|/rustc/9eb3af/library/core/src/"
		"panicking.rs||64|14\n"
	"A|main|./src/main.rs||2|5\n"},
	{"forms that several languages share", "other", 16,
		"words and words, see page 5: nothing\n"
		"func (a.py:12)\n"
		"a.py:12 in func\n"
		"func at a/b.c:1:2\n"
		"bar()\n"
		"lib::bar(int) at lib/x.c:7\n"
		"lib/x.c:8\n",
		"A|func|a.py||12|0\n"
		"A|func|a.py||12|0\n"
		"A|func|a/b.c||1|2\n"
		"A|lib::bar|lib/x.c||7|0\n"
	"A||lib/x.c||8|0\n"},
	{"a log is no stack", NULL, 16,
		"2024-01-31 12:34:56 ERROR cart.py:12 total() has failed twice\n"
		"[31/Jan/2024:12:34:56 +0000] \"GET /cart HTTP/1.1\" 500 12\n"
		"dial tcp 10.0.0.1:5432: connect: connection refused\n"
		"could not connect to db.example.com:5432 in time\n"
		"see https://shop.example/help:12 for what to do\n",
	""},
	{"a stack of another language than the reporter's", "sql", 16,
		"Traceback (most recent call last):\n"
		"  File \"a.py\", line 3, in f\n"
		"psycopg.errors.UniqueViolation: duplicate key\n",
	"A|f|a.py||3|0\n"},
	{"what was taken for frames before the first of a language's own", NULL,
		16,
		"failed: f (a.py:12)\n"
		"java.lang.Error: x\n"
		"g at b.py:13\n"
		"\tat a.B.c(B.java:1)\n",
	"A|c|B.java|a.B|1|0\n"},
	{"of several errors, the first one and what caused it", NULL, 16,
		"x.AException: a\n"
		"\tat x.A.f(A.java:1)\n"
		"Caused by: x.BException: b\n"
		"\tat x.B.f(B.java:2)\n"
		"x.CException: c\n"
		"\tat x.C.f(C.java:3)\n",
		"A|f|B.java|x.B|2|0\n"
	"A|f|A.java|x.A|1|0\n"},
	{"the root's frames are the ones that stay, though it comes last", NULL, 2,
		"x.AException: a\n"
		"\tat x.A.f(A.java:1)\n"
		"\tat x.A.g(A.java:2)\n"
		"Caused by: x.BException: b\n"
		"\tat x.B.f(B.java:3)\n"
		"Caused by: x.CException: c\n"
		"\tat x.C.f(C.java:4)\n"
		"\t... 2 more\n",
		"A|f|C.java|x.C|4|0\n"
		"A|f|B.java|x.B|3|0\n"
	"cut 2\n"},
	{"a number too large for a line is the largest", "python", 16,
		"File \"a.py\", line 99999999999999999999, in f\n",
	"A|f|a.py||4294967295|0\n"},
	{"nothing", NULL, 16, "", ""},
};

static void
test_case(const Stack * c)
{
	HomeoFrame *frames = malloc(c->maxframes * sizeof(HomeoFrame));
	HomeoSlice text = slice_of(c->text);
	char	   *copy = malloc(text.len);
	char		got[4000] = "";
	size_t		n;
	size_t		ncut;
	size_t		i;

	if (text.len > 0)
		memcpy(copy, text.data, text.len);
	text.		data = copy;

	n = homeo_stacktrace_parse(slice_of(c->language), text, frames,
							   c->maxframes, &ncut);
	for (i = 0; i < n; i++)
		print_frame(got, sizeof(got), &frames[i]);
	if (ncut > 0)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "cut %d\n",
				 (int) ncut);
	tap_same(got, strlen(got), c->expected, c->name);
	free(frames);
	free(copy);
}

/* As a report sends them: one array element each, some of two lines. */
static void
test_pieces(void)
{
	static const char *const lines[] = {
		"  File \"a.py\", line 1, in a\n    b()\n",
		"File \"b.py\", line 2, in b",
		"",
		"ValueError: x"
	};
	HomeoStackParser parser;
	HomeoFrame	frames[4];
	char		got[1000] = "";
	size_t		i;

	homeo_stacktrace_begin(&parser, slice_of("python"), frames, 4);
	for (i = 0; i < 4; i++)
		homeo_stacktrace_add(&parser, slice_of(lines[i]));
	homeo_stacktrace_end(&parser);
	for (i = 0; i < parser.nframes; i++)
		print_frame(got, sizeof(got), &frames[i]);
	tap_same(got, strlen(got), "A|b|b.py||2|0\nA|a|a.py||1|0\n",
			 "a trace that comes in pieces");
}

/* Where each error of a text begins and ends. */
static void
test_ranges(void)
{
	static const char *const text =
	"INFO started\n"
	"Unhandled exception. x.AException: a\n"
	" ---> x.BException: b\n"
	"   at x.B.F() in /b.cs:line 2\n"
	"   --- End of inner exception stack trace ---\n"
	"   at x.A.F() in /a.cs:line 1\n"
	"INFO next\n"
	"x.CException: c\n"
	"   at x.C.F() in /c.cs:line 3\n"
	"INFO stopped\n";
	static const struct
	{
		const char *begins;
		const char *ends;
		size_t		first;
		unsigned	chain;
	}			expected[] =

	{
		{" --->", "trace ---", 0, 0},
		{"Unhandled", "a.cs:line 1", 1, 0},
		{"x.CE", "c.cs:line 3", 2, 1}
	};
	HomeoStackParser parser;
	HomeoFrame	frames[8];
	size_t		i;

	homeo_stacktrace_begin(&parser, slice_of(NULL), frames, 8);
	homeo_stacktrace_add(&parser, homeo_slice(text, 13));
	homeo_stacktrace_add(&parser, slice_of(text +13));
	homeo_stacktrace_end(&parser);
	tap_ok(parser.nerrors == 3, "three errors");
	for (i = 0; i < 3; i++)
	{
		const HomeoStackError *error = &parser.errors[i];
		const char *end = strstr(text, expected[i].ends) +
		strlen(expected[i].ends);

		tap_ok(text +error->begin == strstr(text, expected[i].begins),
			   "error %d begins with \"%s\"", (int) i, expected[i].begins);
		tap_ok(text +error->end == end, "... ends with \"%s\"",
			   expected[i].ends);
		tap_ok(error->first == expected[i].first && error->nframes == 1 &&
			   error->chain == expected[i].chain &&
			   frames[error->first].error == i, "... and has its frame");
	}
}

/* More errors than there is room for. */
static void
test_many_errors(void)
{
	static char text[100000];
	HomeoStackParser parser;
	HomeoFrame	frames[8];
	size_t		n = 0;
	int			i;

	/* Independent ones: the first stay. */
	for (i = 0; i < 100; i++)
		n += (size_t) snprintf(text +n, sizeof(text) - n,
							   "x.AException: a\n\tat x.A.f(A.java:%d)\n",
							   i + 1);
	homeo_stacktrace_begin(&parser, slice_of(NULL), frames, 8);
	homeo_stacktrace_add(&parser, homeo_slice(text, n));
	homeo_stacktrace_end(&parser);
	tap_ok(parser.nerrors == HOMEO_STACK_ERRORS &&
		   parser.nerrors_cut == 100 - HOMEO_STACK_ERRORS,
		   "a hundred errors: those without a place are counted");
	tap_ok(parser.nframes == 8 && parser.ncut == 92 && frames[0].line == 1 &&
		   frames[7].line == 8, "... as are their frames");

	/* A chain: the root and those next to it stay. */
	n = (size_t) snprintf(text, sizeof(text), "x.AException: a\n"
						  "\tat x.A.f(A.java:1)\n");
	for (i = 1; i < 100; i++)
		n += (size_t) snprintf(text +n, sizeof(text) - n,
							   "Caused by: a\n\tat x.A.f(A.java:%d)\n",
							   i + 1);
	homeo_stacktrace_begin(&parser, slice_of(NULL), frames, 8);
	homeo_stacktrace_add(&parser, homeo_slice(text, n));
	homeo_stacktrace_end(&parser);
	tap_ok(parser.nerrors == HOMEO_STACK_ERRORS && parser.nframes == 8 &&
		   parser.ncut == 92 && frames[0].line == 100 &&
		   frames[7].line == 93, "a hundred causes: the root stays");
	tap_ok(parser.errors[1].relation == HOMEO_STACK_CAUSE &&
		   parser.errors[0].of == 1 &&
		   parser.errors[HOMEO_STACK_ERRORS - 1].of == HOMEO_STACK_NONE,
		   "... with what it has caused, as far as there is room");
}

/* Sizes that nobody means well with. */
static void
test_hostile(void)
{
	static const char *const lines[] = {
		"  File \"a.py\", line 1, in f\n", "\tat a.B.c(B.java:1)\n",
		"    at f (a.js:1:2)\n", "main.f()\n\t/a.go:1 +0x1\n",
		"#0 /a.php(1): f()\n", "#0 0x1 in f /a.c:1:2\n",
		"{a,b,1,[{file,\"a.erl\"},{line,1}]},", "Calls: a -> b -> c\n"
	};
	size_t		size = 1000000;
	char	   *text = malloc(size);
	HomeoFrame *frames = malloc(100000 * sizeof(HomeoFrame));
	size_t		ncut;
	size_t		i;
	size_t		k;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
	{
		size_t		n = strlen(lines[i]);
		size_t		few;
		size_t		all;

		for (k = 0; k < size; k++)
			text[		k] = lines[i][k % n];

		all = homeo_stacktrace_parse(slice_of(NULL), homeo_slice(text, size),
									 frames, 100000, &ncut);
		all += ncut;
		few = homeo_stacktrace_parse(slice_of(NULL), homeo_slice(text, size),
									 frames, 10, &ncut);
		tap_ok(few == 10 && few + ncut == all && all > 1000,
			   "1 MB of frames, form %d", (int) i);
	}
	for (i = 0; i < 256; i++)
	{
		memset(text, (int) i, size / 10);
		if (homeo_stacktrace_parse(slice_of(NULL), homeo_slice(text, size / 10),
								   frames, 10, &ncut) > 0)
			break;
	}
	tap_ok(i == 256, "100 kB of one byte, any byte, have no frames");
	free(frames);
	free(text);
}

int
main(void)
{
	size_t		i;

	for (i = 0; i < sizeof(stacks) / sizeof(stacks[0]); i++)
		test_case(&stacks[i]);
	test_pieces();
	test_ranges();
	test_many_errors();
	test_hostile();
	return tap_done();
}
