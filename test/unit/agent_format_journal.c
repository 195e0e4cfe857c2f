/*
 * agent_format_journal.c
 *		Tests of the journal's export, as systemd's JOURNAL_EXPORT_FORMATS says.
 */
#include "agent_events.h"

#define HEAD \
	"__CURSOR=s=1;i=2\n__REALTIME_TIMESTAMP=1769903999123456\n" \
	"_SYSTEMD_UNIT=till.service\nPRIORITY=3\n"

#define BINARY	"MESSAGE\n\x0b\0\0\0\0\0\0\0broken\na=b\0\n"

int
main(void)
{
	set_zone("UTC");
	parse("journal", BYTES(HEAD "MESSAGE=boom = x\n\n"));
	has_level(HOMEO_LEVEL_ERROR, "PRIORITY");
	has_time(INT64_C(1769903999), 123456, "__REALTIME_TIMESTAMP");
	has(HOMEO_LOG_MESSAGE, "boom = x", "MESSAGE, with an equals sign");
	has_metadata("\"_SYSTEMD_UNIT\":\"till.service\"", "the unit is noted");
	(void) tap_same(event.id.data, event.id.len, "journal:s=1;i=2",
					"the cursor is the id");

	parse("journal", BYTES(HEAD BINARY "\n"));
	tap_ok(event.text[HOMEO_LOG_MESSAGE].len == 11 &&
		   memcmp(event.text[HOMEO_LOG_MESSAGE].data, "broken\na=b", 11) == 0,
		   "a field of bytes has line ends, equals signs and NUL");

	FRAMES("journal", "an empty line ends a record", BYTES(HEAD BINARY "\n"),
		   BYTES(HEAD "MESSAGE=x\n\n"));
	FRAMES("journal", "more than one does no harm", BYTES("\n"), BYTES("\n"),
		   BYTES(HEAD "MESSAGE=x\n\n"));
	FRAMES("journal", "half a record", BYTES(HEAD "MESSAGE=torn"));
	FRAMES("journal", "a length beyond everything is not believed",
		   BYTES(HEAD "MESSAGE\n\xff\xff\xff\xff\xff\xff\xff\xff" "abc\n\n"));

	parse("journal", BYTES(HEAD "MESSAGE=torn"));
	has(HOMEO_LOG_MESSAGE, "torn", "of a message that is cut, what there is");
	parse("journal", BYTES(HEAD "MESSAGE\n\xff\xff\xff\xff\xff\xff\xff\x7f" "torn"));
	has(HOMEO_LOG_MESSAGE, "torn", "... of bytes, too");
	parse("journal", BYTES(HEAD "MESSAGE\n\xff\xff"));
	has(HOMEO_LOG_TYPE, "", "a length that is cut");
	parse("journal", BYTES(HEAD "PRIORITY=9\nMESSAGE=x\n\n"));
	has_level(HOMEO_LEVEL_UNKNOWN, "a priority out of range is none");
	parse("journal", BYTES("__REALTIME_TIMESTAMP=99999999999999999999999\nPRIORITY=3\nMESSAGE=x\n\n"));
	has_time(-1, 0, "so is a time");
	parse("journal", BYTES("=\n=x\n\n"));
	has_level(HOMEO_LEVEL_UNKNOWN, "fields without a name");
	parse("journal", BYTES(HEAD "MESSAGE=\xff\xfe\n\n"));
	has(HOMEO_LOG_MESSAGE, "\xff\xfe", "bytes that are no characters stay");
	return events_done();
}
