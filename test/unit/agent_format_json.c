/*
 * agent_format_json.c
 *		Tests of objects a line, as pino, bunyan, zap, logrus, structlog, log4j,
 *		Serilog, ECS and docker write them.
 */
#include "agent_events.h"

static void
test_loggers(void)
{
	parse("json", BYTES("{\"level\":50,\"time\":1769903999123,\"pid\":1,\"msg\":\"boom\",\"err\":{\"type\":\"TypeError\",\"message\":\"x\",\"stack\":\"TypeError: x\\n    at f (/a.js:1:2)\"}}\n"));
	has_level(HOMEO_LEVEL_ERROR, "pino: level");
	has_time(INT64_C(1769903999), 123000, "... time");
	has(HOMEO_LOG_TYPE, "TypeError", "... type");
	has(HOMEO_LOG_MESSAGE, "boom: x", "... both messages");
	has(HOMEO_LOG_LANGUAGE, "javascript", "... language");
	has_metadata("\"pid\":1", "... the rest is metadata");

	parse("json", BYTES("{\"level\":\"error\",\"ts\":1769903999.123,\"caller\":\"a.go:1\",\"msg\":\"boom\",\"error\":\"gone\",\"stacktrace\":\"main.main\\n\\t/a.go:1\"}"));
	has_level(HOMEO_LEVEL_ERROR, "zap: level");
	has_time(INT64_C(1769903999), 123000, "... time");
	has(HOMEO_LOG_MESSAGE, "boom: gone", "... message");
	has(HOMEO_LOG_STACK, "main.main\n\t/a.go:1", "... stack");

	parse("json", BYTES("{\"@timestamp\":\"2026-01-31T23:59:59.123Z\",\"log.level\":\"ERROR\",\"message\":\"boom\",\"service\":{\"name\":\"shop\",\"version\":\"1.2\"},\"error\":{\"type\":\"java.io.IOException\",\"message\":\"gone\",\"stack_trace\":[\"java.io.IOException: gone\",\"\\tat a.B.c(B.java:1)\"]}}"));
	has_level(HOMEO_LEVEL_ERROR, "ECS: level");
	has(HOMEO_LOG_SERVICE, "shop", "... service");
	has(HOMEO_LOG_RELEASE, "1.2", "... release");
	has(HOMEO_LOG_TYPE, "java.io.IOException", "... type");
	has(HOMEO_LOG_STACK, "java.io.IOException: gone\n\tat a.B.c(B.java:1)",
		"... an array is the lines of a stack");

	parse("json", BYTES("{\"@t\":\"2026-01-31T23:59:59.1234567Z\",\"@mt\":\"sold {n}\",\"@l\":\"Fatal\",\"@x\":\"System.Exception: x\\n   at A.B()\"}"));
	has_level(HOMEO_LEVEL_FATAL, "Serilog: level");
	has_time(INT64_C(1769903999), 123456, "... time");

	parse("json", BYTES("{\"log\":\"ERROR boom\\n\",\"stream\":\"stderr\",\"time\":\"2026-01-31T23:59:59.123456789Z\"}"));
	has_level(HOMEO_LEVEL_ERROR, "docker: level");
	has(HOMEO_LOG_MESSAGE, "boom", "... message");

	parse("json", BYTES("{\"severity\":\"INFO\",\"message\":\"ERROR is a word\"}"));
	has_level(HOMEO_LEVEL_INFO, "a level that is said is not guessed");
}

static void
test_odd(void)
{
	HomeoBuffer deep = {0};

	parse("json", BYTES("\xef\xbb\xbf{\"level\":\"error\",\"msg\":\"boom\"}\r\n"));
	has(HOMEO_LOG_MESSAGE, "boom", "a mark of UTF-8 and a CR do no harm");
	parse("json", BYTES("{\"level\":\"error\",\"msg\":\"a\\u0000b\\ud800\"}"));
	has(HOMEO_LOG_MESSAGE, "a\\x00b\xef\xbf\xbd", "what no text can hold");
	parse("json", BYTES("{\"level\":\"error\",\"msg\":\"\xff\"}"));
	has(HOMEO_LOG_MESSAGE, "\xff", "bytes that are no characters stay");
	parse("json", BYTES("{\"level\":1e400,\"time\":1e400,\"msg\":\"boom\"}"));
	has_time(-1, 0, "a time out of range is none");
	has_metadata("\"level\":\"1e400\",\"time\":\"1e400\"",
				 "... it is metadata");
	parse("json", BYTES("{\"level\":\"error\",\"n\":1e999999999}"));
	has_metadata("\"n\":\"1e999999999\"", "a number out of range is a string");
	parse("json", BYTES("{\"level\":99999999999999999999,\"msg\":\"ERROR x\"}"));
	has_level(HOMEO_LEVEL_ERROR, "a level out of range is looked for elsewhere");
	parse("json", BYTES("{\"level\":\"error\",\"level\":\"info\",\"msg\":\"a\",\"msg\":\"b\"}"));
	has(HOMEO_LOG_MESSAGE, "a", "of a key that comes twice, the first");
	parse("json", BYTES("{\"level\":\"error\",\"msg\":null,\"err\":null}"));
	has(HOMEO_LOG_MESSAGE, "", "null is nothing");
	parse("json", BYTES("{\"level\":\"error\",\"sqlstate\":\"ab\",\"msg\":{\"a\":[1]}}"));
	has(HOMEO_LOG_SQLSTATE, "", "what is no SQLSTATE is none");
	parse("json", BYTES("{\"level\":\"error\",\"msg\":\"torn"));
	has(HOMEO_LOG_TYPE, "", "half an object is text");
	parse("json", BYTES("{}"));
	has_level(HOMEO_LEVEL_UNKNOWN, "an empty object is no error");

	agent_buffer_add_string(&deep, "{\"level\":\"error\",\"x\":");
	for (int i = 0; i < 400; i++)
		agent_buffer_add_string(&deep, "[");
	for (int i = 0; i < 400; i++)
		agent_buffer_add_string(&deep, "]");
	agent_buffer_add_string(&deep, "}");
	parse("json", agent_buffer_span(&deep));
	has_level(HOMEO_LEVEL_ERROR, "400 levels are read");
	agent_buffer_free(&deep);
}

/* What the server takes of metadata is bounded, whatever the record has. */
static void
test_much(void)
{
	HomeoBuffer much = {0};
	HomeoBuffer all = {0};

	agent_buffer_add_string(&much, "{\"level\":\"error\"");
	for (int i = 0; i < 20000; i++)
		agent_buffer_print(&much, ",\"key%d\":\"value %d\"", i, i);
	agent_buffer_add_string(&much, "}");
	parse("json", agent_buffer_span(&much));
	tap_ok(event.metadata.len > 40000 && event.metadata.len < 65536,
		   "of much metadata, some is kept");
	agent_buffer_print(&all, "{%s}", event.metadata.data);
	tap_ok(agent_json_valid(agent_buffer_span(&all)), "... and is valid");
	agent_buffer_clear(&much);
	agent_buffer_add_string(&much, "{\"level\":\"error\",\"a\":[1");
	for (int i = 0; i < 20000; i++)
		agent_buffer_add_string(&much, ",1");
	agent_buffer_add_string(&much, "],\"b\":2}");
	parse("json", agent_buffer_span(&much));
	has_metadata("\"b\":2", "a value that a jsonb writes too long is left out");
	agent_buffer_free(&much);
	agent_buffer_free(&all);
}

int
main(void)
{
	set_zone("UTC");
	FRAMES("json", "what stands between objects is text",
		   BYTES("{\"a\":1}\r\n"), BYTES("{\"a\":2}\n"),
		   BYTES("panic: x\n\ngoroutine 1:\n"), BYTES("{\"a\":3}\n"),
		   BYTES("{\"to"));
	test_loggers();
	test_odd();
	test_much();
	return events_done();
}
