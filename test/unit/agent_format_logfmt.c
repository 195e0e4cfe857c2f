/*
 * agent_format_logfmt.c
 *		Tests of pairs of key=value.
 */
#include "agent_events.h"

static void
is_logfmt(HomeoSpan line, bool expected, const char *name)
{
	HomeoSpan	copy = exact(line);

	tap_ok(agent_is_logfmt(copy) == expected, "%s", name);
	free((char *) (uintptr_t) copy.data);
}

int
main(void)
{
	set_zone("UTC");
	parse("logfmt", BYTES("time=2026-01-31T23:59:59.12Z level=error msg=\"a \\\"b\\\"\\n\\\\c\" err=gone user=7 empty= q=\"\"\r\n"));
	has_level(HOMEO_LEVEL_ERROR, "level");
	has_time(INT64_C(1769903999), 120000, "time");
	has(HOMEO_LOG_MESSAGE, "a \"b\"\n\\c: gone", "escapes are resolved");
	has_metadata("\"user\":\"7\"", "the rest is metadata");

	parse("logfmt", BYTES("lvl=eror t=2026-01-31T23:59:59+0000 msg=boom"));
	has_level(HOMEO_LEVEL_ERROR, "as log15 writes it");
	has_time(INT64_C(1769903999), 0, "... with its time");

	parse("logfmt", BYTES("level=error ts=1769903999.123 msg=\xff\0x"));
	has_level(HOMEO_LEVEL_ERROR, "NUL and bytes that are no characters");

	is_logfmt(BYTES("level=error msg=x"), true, "two pairs with a level");
	is_logfmt(BYTES("level=error"), false, "one pair is not enough");
	is_logfmt(BYTES("a=b c=d"), false, "nor are two without a level");
	is_logfmt(BYTES("level=error msg=\"torn"), false, "a quote that does not end");
	is_logfmt(BYTES("level=error a=b msg=\"torn\\"), true,
			  "... behind two pairs does not matter");
	is_logfmt(BYTES(""), false, "nothing");
	is_logfmt(BYTES("="), false, "an equals sign");

	FRAMES("logfmt", "what stands between is text",
		   BYTES("level=info msg=a\r\n"), BYTES("level=error msg=b\n"),
		   BYTES("panic: x\n\ngoroutine 1 [running]:\n"),
		   BYTES("level=error msg=c\n"));
	parse("logfmt", BYTES("ERROR boom"));
	has(HOMEO_LOG_MESSAGE, "boom", "what is no logfmt is text");
	return events_done();
}
