/*
 * agent_format_postgresql.c
 *		Tests of the server's csvlog and jsonlog.
 */
#include "agent_events.h"

#define START \
	"2026-01-31 23:59:59.123 UTC,\"app\",\"shop\",17,\"[local]\",65.1,1,\"INSERT\"," \
	"2026-01-31 23:00:00 UTC,3/4,0,"

/* As version 15 writes it; 13 has two columns fewer, 12 three. */
#define WHOLE \
	START "ERROR,23505,\"duplicate \"\"key\"\"\nx\",\"Key (id)=(1) exists.\"," \
	"\"hint\",\"q\",2,\"ctx\",\"insert\nvalues (1)\",3,\"f, a.c:1\",\"psql\"," \
	"\"client backend\",,0\n"

#define SHORT	START "LOG,00000,\"fine\",,,,,,,,,\"psql\"\n"

static void
test_csvlog(void)
{
	parse("csvlog", BYTES(WHOLE));
	has_level(HOMEO_LEVEL_ERROR, "csvlog: level");
	has_time(INT64_C(1769903999), 123000, "... time");
	has(HOMEO_LOG_SQLSTATE, "23505", "... SQLSTATE");
	has(HOMEO_LOG_MESSAGE, "duplicate \"key\"\nx", "... message");
	has(HOMEO_LOG_DETAIL, "Key (id)=(1) exists.", "... detail");
	has(HOMEO_LOG_HINT, "hint", "... hint");
	has(HOMEO_LOG_CONTEXT, "ctx", "... context");
	has(HOMEO_LOG_STATEMENT, "insert\nvalues (1)", "... statement");
	has(HOMEO_LOG_APPLICATION, "psql", "... application");
	has(HOMEO_LOG_DATABASE, "shop", "... database");
	has(HOMEO_LOG_ROLE, "app", "... role");
	has_metadata("\"pid\":\"17\",\"location\":\"f, a.c:1\",\"backend_type\":\"client backend\"",
				 "... and the rest");

	parse("csvlog", BYTES(SHORT));
	has_level(HOMEO_LEVEL_INFO, "an older version has fewer columns");
	parse("csvlog", BYTES("2026-01-31 23:59:59.123 EST,,,17,,65.1,1,,2026-01-31 23:00:00 EST,,0,FATAL,57P03,\"starting up\",,,,,,,,,\"\",\"postmaster\",,0\r\n"));
	has_level(HOMEO_LEVEL_FATAL, "a zone of another place is no obstacle");
	has_time(-1, 0, "... but the time is not known");
	parse("csvlog", BYTES("2026-01-31 23:59:59.123 +0530,,,17,,65.1,1,,2026-01-31 23:00:00 UTC,,0,PANIC,XX000,\"x\",,,,,,,,,\"\",\"\""));
	has_time(INT64_C(1769903999) - 19800, 123000, "a zone may be a number");
	parse("csvlog", BYTES(START "ERROR,23505,\"torn"));
	has(HOMEO_LOG_SQLSTATE, "", "half a record is text");
	parse("csvlog", BYTES(START "NONSENSE,23505,\"x\",,,\n"));
	has(HOMEO_LOG_SQLSTATE, "", "so is one without a level");
	parse("csvlog", BYTES(START "ERROR,23505,\"a\0b\xff\",,,\n"));
	tap_ok(event.text[HOMEO_LOG_MESSAGE].len == 4, "NUL and odd bytes stay");
}

static void
test_frames(void)
{
	FRAMES("csvlog", "lines within quotes", BYTES(WHOLE), BYTES(SHORT));
	FRAMES("csvlog", "a CR before the end of a line",
		   BYTES(START "LOG,00000,\"x\",,\r\n"), BYTES(SHORT));
	FRAMES("csvlog",
		   "half a record, of a server that was killed, takes none along",
		   BYTES(START "ERROR,23505,\"torn\n"), BYTES(SHORT), BYTES(SHORT));
	FRAMES("csvlog", "half a record at the end", BYTES(SHORT),
		   BYTES(START "ERROR,23505,\"torn"));
	tap_ok(!agent_csvlog_begins(BYTES("2026-01-31 23:59:59.123 UTC [1] LOG:  a, b")) &&
		   !agent_csvlog_begins(BYTES("2026-01-31 23:59:59.123 UTC,")) &&
		   !agent_csvlog_begins(BYTES("2026-01-31 23:59:59.123 ,\"a\"")) &&
		   !agent_csvlog_begins(BYTES("2026-01-31 23:59:59,5,\"a\"")) &&
		   !agent_csvlog_begins(BYTES("2026-01-31 23:59:59.123 \0,\"a\"")),
		   "what else begins with a time is no record");
}

static void
test_jsonlog(void)
{
	parse("jsonlog", BYTES("{\"timestamp\":\"2026-01-31 23:59:59.123 UTC\",\"user\":\"app\",\"dbname\":\"shop\",\"pid\":17,\"session_id\":\"65.1\",\"error_severity\":\"FATAL\",\"state_code\":\"53300\",\"message\":\"too many\\nx\",\"detail\":\"d\",\"statement\":\"s\",\"backend_type\":\"client backend\",\"query_id\":0}\r\n"));
	has_level(HOMEO_LEVEL_FATAL, "jsonlog: level");
	has_time(INT64_C(1769903999), 123000, "... time");
	has(HOMEO_LOG_SQLSTATE, "53300", "... SQLSTATE");
	has(HOMEO_LOG_MESSAGE, "too many\nx", "... message");
	has(HOMEO_LOG_DETAIL, "d", "... detail");
	has(HOMEO_LOG_STATEMENT, "s", "... statement");
	has(HOMEO_LOG_LANGUAGE, "sql", "... language");

	parse("jsonlog", BYTES("{\"level\":\"error\",\"msg\":\"boom\"}"));
	has_level(HOMEO_LEVEL_UNKNOWN, "another object is not the server's");
	parse("jsonlog", BYTES("{\"error_severity\":\"ERROR\",\"session_id\":[{\"a\":1}],\"message\":{}}"));
	has_level(HOMEO_LEVEL_ERROR, "values of other kinds do no harm");
	parse("jsonlog", BYTES("{\"error_severity\":\"ERROR\",\"session_id\":\"1\",\"message\":\"to"));
	has(HOMEO_LOG_LANGUAGE, "", "half an object is text");
}

int
main(void)
{
	set_zone("UTC");
	test_csvlog();
	test_frames();
	test_jsonlog();
	return events_done();
}
