/*
 * agent_timestamp.c
 *		Tests of the times that logs begin their lines with.
 */
#include "agent/timestamp.h"

#include "agent_events.h"

#define JAN31	INT64_C(1769903999) /* 2026-01-31 23:59:59 UTC */

static void
reads(const char *text, size_t bytes, int64_t seconds, int microseconds)
{
	HomeoSpan	copy = exact(agent_span_string(text));
	size_t		n = agent_timestamp_read(copy, AS_OF, &event.timestamp);

	free((char *) (uintptr_t) copy.data);
	if (!tap_ok(n == bytes, "%zu bytes of \"%s\" are a time", bytes, text))
		printf("#   got %zu\n", n);
	has_time(bytes == 0 ? -1 : seconds, microseconds, "... the right one");
}

static void
test_iso(void)
{
	reads("2026-01-31T23:59:59Z", 20, JAN31, 0);
	reads("2026-01-31T23:59:59.5Z x", 22, JAN31, 500000);
	reads("2026-01-31T23:59:59.12Z", 23, JAN31, 120000);
	reads("2026-01-31T23:59:59.123456789Z", 30, JAN31, 123456);
	reads("2026-01-31 23:59:59,123 ERROR", 23, JAN31, 123000);
	reads("2026-01-31 23:59:59 UTC [1]", 23, JAN31, 0);
	reads("2026-01-31T23:59:59+01:00", 25, JAN31 - 3600, 0);
	reads("2026-01-31T23:59:59-0330", 24, JAN31 + 12600, 0);
	reads("2026-01-31 23:59:59 +05", 23, JAN31 - 18000, 0);
	reads("2026-01-31 23:59:59+14:00", 25, JAN31 - 50400, 0);
	reads("2026/01/31 23:59:59 x", 19, JAN31, 0);
	reads("2026-01-31 23:59", 16, JAN31 - 59, 0);
	reads("2026-12-31T23:59:60Z", 20, INT64_C(1798761600), 0);
	reads("2024-02-29T00:00:00Z", 20, INT64_C(1709164800), 0);
	reads("2000-02-29T00:00:00Z", 20, INT64_C(951782400), 0);
	reads("1970-01-01T00:00:00Z", 20, 0, 0);
	reads("2026-02-29T00:00:00Z", 0, 0, 0);
	reads("2100-02-29T00:00:00Z", 0, 0, 0);
	reads("2026-04-31T00:00:60Z", 0, 0, 0);
	reads("2026-13-01T00:00:00Z", 0, 0, 0);
	reads("2026-00-01T00:00:00Z", 0, 0, 0);
	reads("2026-01-00T00:00:00Z", 0, 0, 0);
	reads("2026-01-31T24:00:00Z", 0, 0, 0);
	reads("2026-01-31T23:60:00Z", 0, 0, 0);
	reads("2026-01-31T23:59:61Z", 0, 0, 0);
	reads("2026-1-31 23:59:59", 0, 0, 0);
	reads("2026-01-31", 0, 0, 0);
	reads("2026-01-31 2", 0, 0, 0);
	/* A point or zone that breaks off is text. */
	reads("2026-01-31 23:59:59.", 19, JAN31, 0);
	reads("2026-01-31 23:59:59 +1", 19, JAN31, 0);
	reads("2026-01-31 23:59:59 +99:00", 19, JAN31, 0);
}

static void
test_others(void)
{
	reads("31/Jan/2026:23:59:59 +0000] x", 26, JAN31, 0);
	reads("Sat Jan 31 23:59:59.123456 2026] [core:error]", 31, JAN31, 123456);
	reads("Jan 31 23:59:59 host app[1]: x", 15, JAN31, 0);
	reads("Jan  5 01:02:03 host", 15, INT64_C(1767574923), 0);
	tap_ok(event.timestamp.guessed, "... whose year was guessed");
	/* Two days ahead is a year ago, an hour ahead is a wrong clock. */
	reads("Mar  3 12:00:00 host", 15, INT64_C(1741003200), 0);
	reads("Mar  1 13:00:00 host", 15, INT64_C(1772370000), 0);
	reads("Feb 29 12:00:00 host", 15, INT64_C(1709208000), 0);
	reads("Feb 30 12:00:00 host", 0, 0, 0);
	reads("Foo 30 12:00:00 host", 0, 0, 0);
	reads("1769903999 x", 10, JAN31, 0);
	reads("1769903999.123", 14, JAN31, 123000);
	reads("1769903999123", 13, JAN31, 123000);
	reads("1769903999123456", 16, JAN31, 123456);
	reads("1769903999123456789", 19, JAN31, 123457);
	reads("1769903999ms", 0, 0, 0);
	reads("0x3b9aca0000000", 0, 0, 0);
	reads("999999999 x", 0, 0, 0);
	reads("99999999999999999999", 0, 0, 0);
	reads("1e9000000000", 0, 0, 0);
	reads("1.2.3.4.5.6.7", 0, 0, 0);
	reads("", 0, 0, 0);
	reads("ERROR nothing", 0, 0, 0);
}

/* Times without a zone are local; an hour of the year has two of them. */
static void
test_zones(void)
{
	set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
	reads("2026-01-31 23:59:59 x", 19, JAN31 - 3600, 0);
	reads("2026-07-31 23:59:59 x", 19, INT64_C(1785535199), 0);
	reads("2026-01-31 23:59:59 CET x", 23, JAN31 - 3600, 0);
	reads("2026-10-25 02:30:00 CEST", 24, INT64_C(1792888200), 0);
	reads("2026-10-25 02:30:00 CET", 23, INT64_C(1792891800), 0);
	/* Not yet, or no more, the zone of the day. */
	reads("2026-01-31 00:30:00 CEST", 24, INT64_C(1769812200), 0);
	reads("2026-01-31 23:59:59 ERROR x", 19, JAN31 - 3600, 0);
	set_zone("UTC");
}

static void
test_number(void)
{
	HomeoTimestamp t = {0};

	tap_ok(!agent_timestamp_of_number(BYTES("-1769903999"), &t),
		   "a number below zero is no time");
	tap_ok(!agent_timestamp_of_number(BYTES("1769903999\0"), &t) ||
		   t.time == JAN31 * AGENT_SECOND, "a NUL behind it does no harm");
	tap_ok(!agent_timestamp_of_number(BYTES("12345678901234567890123456789012345678901234567890"), &t),
		   "a number of 50 digits is no time");
	tap_ok(!agent_timestamp_of_number(BYTES("1nan"), &t), "nor is a word");
}

int
main(void)
{
	set_zone("UTC");
	test_iso();
	test_others();
	test_zones();
	test_number();
	return events_done();
}
