/*
 * agent_format_text.c
 *		Tests of plain text: which lines belong together, and what they say.
 */
#include "agent_events.h"

#define PYTHON \
	"Traceback (most recent call last):\n" \
	"  File \"/a.py\", line 3, in f\n" \
	"    g()\n" \
	"KeyError: 'x'\n" \
	"\n" \
	"During handling of the above exception, another exception occurred:\n" \
	"\n" \
	"Traceback (most recent call last):\n" \
	"  File \"/a.py\", line 5, in h\n" \
	"ValueError: bad\n"

#define JAVA \
	"2026-02-01 00:00:00,123 ERROR [main] c.e.Shop - it failed\n" \
	"java.lang.IllegalStateException: closed\n" \
	"\tat com.example.Shop.sell(Shop.java:42)\n" \
	"\t... 3 more\n" \
	"Caused by: java.io.IOException: gone\n" \
	"\tat com.example.Pipe.read(Pipe.java:7)\n"

#define GO \
	"panic: runtime error: index out of range [3]\n" \
	"\n" \
	"goroutine 1 [running]:\n" \
	"main.main()\n" \
	"\t/a.go:7 +0x1d\n" \
	"exit status 2\n"

#define NODE \
	"TypeError: x is not a function\n" \
	"    at f (/a.js:1:2)\n" \
	"    at node:internal/main:3:4 {\n" \
	"  code: 'E'\n" \
	"}\n"

#define INFO	"INFO fine\n"

static void
test_frames(void)
{
	FRAMES("text", "a line is a record", BYTES("ERROR a\n"), BYTES("ERROR b\n"),
		   BYTES(INFO));
	FRAMES("text", "line ends may have a CR", BYTES("ERROR a\r\n\tat b\r\n"),
		   BYTES("ERROR c\r\n"));
	FRAMES("text", "chained tracebacks of Python", BYTES(PYTHON), BYTES(INFO));
	FRAMES("text", "exceptions of Java with causes", BYTES(JAVA), BYTES(INFO));
	FRAMES("text", "a panic of Go", BYTES(GO), BYTES(INFO));
	FRAMES("text", "an error of Node", BYTES(NODE), BYTES(INFO));
	FRAMES("text", "a last line without its end", BYTES(INFO),
		   BYTES("ERROR torn"));
	FRAMES("text", "a mark of UTF-8 does not hide the time",
		   BYTES("\xef\xbb\xbf" "2026-02-01 00:00:00 ERROR a\nb\n"),
		   BYTES("2026-02-01 00:00:00 ERROR c\n"));
	FRAMES("text", "odd bytes and empty lines are records like others",
		   BYTES("\0\0\n"), BYTES("\xff\xfe\n\n\n \n"), BYTES(INFO));
	FRAMES("text", "so are objects", BYTES("{\"a\":1}\n"), BYTES("{\"a\":2}\n"));
}

static void
test_stacks(void)
{
	parse("text", BYTES(PYTHON));
	has_level(HOMEO_LEVEL_ERROR, "a traceback is an error");
	has(HOMEO_LOG_TYPE, "ValueError", "of Python, the last exception");
	has(HOMEO_LOG_MESSAGE, "bad", "... and its message");
	has(HOMEO_LOG_LANGUAGE, "python", "... and language");

	parse("text", BYTES(JAVA));
	has(HOMEO_LOG_TYPE, "java.lang.IllegalStateException",
		"of Java, the first exception");
	has(HOMEO_LOG_MESSAGE, "closed", "... and its message");
	has(HOMEO_LOG_LANGUAGE, "java", "... and language");
	has_metadata("\"log_message\":\"[main] c.e.Shop - it failed\"",
				 "... and what the logger said");
	has_time(INT64_C(1769904000), 123000, "... and when");

	parse("text", BYTES(GO));
	has(HOMEO_LOG_TYPE, "panic", "of Go, a panic");
	has(HOMEO_LOG_MESSAGE, "runtime error: index out of range [3]",
		"... and its message");
	has(HOMEO_LOG_LANGUAGE, "go", "... and language");
	has_level(HOMEO_LEVEL_PANIC, "... and level");

	parse("text", BYTES(NODE));
	has(HOMEO_LOG_TYPE, "TypeError", "of Node, the exception");
	has(HOMEO_LOG_LANGUAGE, "javascript", "... and language");

	parse("text", BYTES("Error [ERR_X]: gone\n    at f (/a.js:1:2)\n"));
	has(HOMEO_LOG_MESSAGE, "gone", "a code of Node is not the message");

	parse("text", BYTES("Exception in thread \"main\" a.b.Broken: c\n\tat a.b.C.d(C.java:1)\n"));
	has(HOMEO_LOG_TYPE, "a.b.Broken", "a thread's name is not the type");

	parse("text", BYTES("PHP Fatal error:  Uncaught TypeError: x in /a.php:3\nStack trace:\n#0 {main}\n"));
	has(HOMEO_LOG_TYPE, "TypeError", "of PHP, the exception");
	has_level(HOMEO_LEVEL_ERROR, "... is an error");
}

static void
test_lines(void)
{
	parse("text", BYTES("2026-02-01T00:00:00.5Z ERROR boom\r\n"));
	has_level(HOMEO_LEVEL_ERROR, "a line with a level");
	has(HOMEO_LOG_MESSAGE, "boom", "... has a message");
	has_time(INT64_C(1769904000), 500000, "... and a time");

	parse("text", BYTES("\xef\xbb\xbf" "2026-02-01T00:00:00Z ERROR boom"));
	has(HOMEO_LOG_MESSAGE, "boom", "a mark of UTF-8 is no part of it");

	parse("text", BYTES("<11>Feb  1 00:00:00 web app[7]: ERROR: boom"));
	has_level(HOMEO_LEVEL_ERROR, "a line of syslog");
	has(HOMEO_LOG_MESSAGE, "boom", "... has a message");

	parse("text", BYTES("[2026-02-01 00:00:00] production.ERROR: boom"));
	has_time(INT64_C(1769904000), 0, "a time in brackets");

	parse("text", BYTES("2026-02-01 00:00:00.123 UTC [7] app@shop ERROR:  relation \"x\" does not exist at character 15\n"));
	has_level(HOMEO_LEVEL_ERROR, "a line of PostgreSQL's stderr");
	has(HOMEO_LOG_MESSAGE, "relation \"x\" does not exist at character 15",
		"... has its message alone");
	parse("text", BYTES("2026-02-01 00:00:00.123 UTC [7] app@shop STATEMENT:  select 'ERROR' from x\n"));
	has_level(HOMEO_LEVEL_UNKNOWN, "what follows it is no error of its own");

	parse("text", BYTES("boom ERROR"));
	has(HOMEO_LOG_MESSAGE, "boom ERROR", "a level at the end takes nothing");
	parse("text", BYTES("all is well"));
	has_level(HOMEO_LEVEL_UNKNOWN, "a line without a level");
	parse("text", BYTES(""));
	has_level(HOMEO_LEVEL_UNKNOWN, "nothing");
	parse("text", BYTES("ERROR \0 and \xff"));
	has_level(HOMEO_LEVEL_ERROR, "NUL and bytes that are no characters");
	tap_ok(event.text[HOMEO_LOG_MESSAGE].len == 7, "... stay in the message");
}

/* A megabyte of one line, of which the server takes 16 kB. */
static void
test_long(void)
{
	HomeoBuffer line = {0};
	static char filler[1 << 20];

	memset(filler, 'x', sizeof(filler));
	agent_buffer_add_string(&line, "ERROR ");
	agent_buffer_add(&line, filler, sizeof(filler));
	parse("text", agent_buffer_span(&line));
	tap_ok(event.text[HOMEO_LOG_MESSAGE].len == 16 * 1024 + 4,
		   "a long message is cut a little beyond what the server stores");
	agent_buffer_free(&line);
}

static void
detects(HomeoSpan beginning, const char *format)
{
	HomeoSpan	copy = exact(beginning);

	(void) tap_same(agent_format_detect(copy)->name,
					strlen(agent_format_detect(copy)->name), format,
					"a format is told by its beginning");
	free((char *) (uintptr_t) copy.data);
}

static void
test_detect(void)
{
	detects(BYTES(""), "text");
	detects(BYTES("\xef\xbb\xbf{\"a\":1}\n"), "json");
	detects(BYTES("starting\n\n{\"a\":1}\r\n"), "json");
	detects(BYTES("{\"session_id\":\"1.2\",\"error_severity\":\"LOG\"}\n"),
			"jsonlog");
	detects(BYTES("{not json}\n"), "text");
	detects(BYTES("level=info msg=\"a b\"\n"), "logfmt");
	detects(BYTES("msg=a b=c\n"), "text");
	detects(BYTES("__CURSOR=s=1\nMESSAGE=x\n\n"), "journal");
	detects(BYTES("2026-02-01 00:00:00.123 EST,,,1,,1.1,1,,2026-02-01 00:00:00 EST,,0,LOG,00000,\"x\",,,,,,,,,\"\",\"\"\n"),
			"csvlog");
	detects(BYTES("2026-02-01 00:00:00.123 UTC [1] LOG:  a, b, c, d, e, f, g, h, i, j, k, l, m, n\n"),
			"text");
	detects(BYTES("\0\xff\n"), "text");
}

int
main(void)
{
	set_zone("UTC");
	test_frames();
	test_stacks();
	test_lines();
	test_long();
	test_detect();
	return events_done();
}
