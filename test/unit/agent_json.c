/*
 * agent_json.c
 *		Tests of the agent's JSON against RFC 8259, and against jsonb's limits.
 */
#include "agent/json.h"

#include "agent_events.h"

static void
valid(HomeoSpan text, bool expected, const char *name)
{
	HomeoSpan	copy = exact(text);

	tap_ok(agent_json_valid(copy) == expected, "%s: %s", name,
		   expected ? "is JSON" : "is no JSON");
	free((char *) (uintptr_t) copy.data);
}

static void
copies(HomeoSpan text, const char *expected, const char *name)
{
	HomeoBuffer out = {0};
	HomeoSpan	copy = exact(text);

	agent_json_copy(&out, copy);
	(void) tap_same(out.data, out.len, expected, name);
	free((char *) (uintptr_t) copy.data);
	agent_buffer_free(&out);
}

static void
writes(HomeoSpan text, const char *expected, const char *name)
{
	HomeoBuffer out = {0};
	HomeoSpan	copy = exact(text);

	agent_json_write(&out, copy);
	(void) tap_same(out.data, out.len, expected, name);
	free((char *) (uintptr_t) copy.data);
	agent_buffer_free(&out);
}

static void
test_valid(void)
{
	static const char *const good[] = {
		"{}", "[]", "0", "-0.5e+10", "true", "null", "\"\"", " {\"a\":[1,{}]} ",
		"\"\\u00e9\\n\\\\\\/\"", "[[],[[]]]", "{\"a\":1,\"a\":2}", "1E5"
	};
	static const char *const bad[] = {
		"", " ", "{", "}", "[1,]", "{\"a\":}", "{\"a\"}", "{a:1}", "01", "1.",
		".5", "-", "1e", "tru", "truex", "\"", "\"\\x\"", "\"\\u12\"",
		"\"\\u12g4\"", "\"\t\"", "[1 2]", "{} {}", "{\"a\":1,}", "'a'", "NaN",
		"[1}", "{\"a\":1]", "+1", "\"\\", "[,1]"
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		valid(agent_span_string(good[i]), true, good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		valid(agent_span_string(bad[i]), false, bad[i]);
	valid(BYTES("\"a\0b\""), false, "a NUL in a string");
	valid(BYTES("\"\\\0\""), false, "an escaped NUL byte");
	valid(BYTES("{}\0"), false, "a NUL behind");
}

/* Whatever is nested, however deep, takes no stack and little time. */
static void
test_deep(void)
{
	HomeoBuffer text = {0};
	HomeoBuffer out = {0};

	for (int depth = 24; depth <= 512; depth += 488)
	{
		agent_buffer_clear(&text);
		for (int i = 0; i < depth; i++)
			agent_buffer_add_char(&text, '[');
		for (int i = 0; i < depth; i++)
			agent_buffer_add_char(&text, ']');
		valid(agent_buffer_span(&text), true, depth == 24 ? "24 levels" :
			  "512 levels");
		agent_buffer_clear(&out);
		agent_json_copy(&out, agent_buffer_span(&text));
		tap_ok(agent_json_valid(agent_buffer_span(&out)) &&
			   (memchr(out.data, '"', out.len) == NULL) == (depth == 24),
			   "... of which what is deeper than 24 becomes a string");
	}
	agent_buffer_clear(&text);
	for (int i = 0; i < 1000000; i++)
		agent_buffer_add_string(&text, "{\"a\":");
	valid(agent_buffer_span(&text), false, "a million objects");
	agent_buffer_free(&text);
	agent_buffer_free(&out);
}

int
main(void)
{
	HomeoBuffer out = {0};

	test_valid();
	test_deep();

	copies(BYTES("{\"a\" : [1, 2.50, true , null]}"),
		   "{\"a\":[1,2.50,true,null]}", "values are as they were");
	copies(BYTES("\"\\u0000x\""), "\"\\\\x00x\"", "jsonb has no NUL");
	copies(BYTES("\"\\ud83d\\ude00\""), "\"\xf0\x9f\x98\x80\"",
		   "two surrogates are a character");
	copies(BYTES("\"\\ud83dx\\ude00\""), "\"\xef\xbf\xbdx\xef\xbf\xbd\"",
		   "one alone is none");
	copies(BYTES("\"\\ud83d\\u0041\""), "\"\xef\xbf\xbd" "A\"",
		   "nor is one before something else");
	copies(BYTES("1e99999"), "\"1e99999\"", "no numeric holds 1e99999");
	copies(BYTES("-1e-99"), "-1e-99", "one holds -1e-99");
	copies(BYTES("[1e999,0E+999]"), "[\"1e999\",\"0E+999\"]",
		   "a jsonb would write 1e999 with all its zeros");
	tap_ok(agent_json_length(BYTES("{\"a,:e\\\"\":[1,2]}")) == 18,
		   "it writes blanks between values");
	tap_ok(agent_json_length(BYTES("[1e99]")) > 102, "... and zeros");
	copies(BYTES("{\"\\u0000\":\"\xff\"}"), "{\"\\\\x00\":\"\\\\xFF\"}",
		   "keys are texts, too");

	writes(BYTES("a\"b\\c\n\t\r\x01\x7f"),
		   "\"a\\\"b\\\\c\\n\\t\\u000d\\u0001\\u007f\"", "what must be escaped is");
	writes(BYTES("a\0b"), "\"a\\\\x00b\"", "NUL is written out");
	writes(BYTES("\xc3\xa9\xf0\x9f\x98\x80"), "\"\xc3\xa9\xf0\x9f\x98\x80\"",
		   "UTF-8 stays");
	writes(BYTES("\xc3"), "\"\\\\xC3\"", "half a character is bytes");
	writes(BYTES("\xc0\xaf\xe0\x80\xaf\xed\xa0\x80\xf4\x90\x80\x80\xf8"),
		   "\"\\\\xC0\\\\xAF\\\\xE0\\\\x80\\\\xAF\\\\xED\\\\xA0\\\\x80\\\\xF4\\\\x90\\\\x80\\\\x80\\\\xF8\"",
		   "so is what is no shortest form, a surrogate, or beyond Unicode");

	agent_json_to_ascii(&out, BYTES("\"\xc3\xa9x\""));
	(void) tap_same(out.data, out.len, "\"\\\\xC3\\\\xA9x\"",
					"without characters beyond ASCII");
	tap_ok(agent_json_valid(agent_buffer_span(&out)), "... it is still JSON");
	agent_buffer_free(&out);

	tap_ok(agent_utf8_clip(BYTES("a\xc3\xa9"), 2) == 1 &&
		   agent_utf8_clip(BYTES("a\xc3\xa9"), 3) == 3 &&
		   agent_utf8_clip(BYTES("\xf0\x9f\x98\x80x"), 3) == 0 &&
		   agent_utf8_clip(BYTES("\x80\x80\x80\x80\x80\x80"), 5) == 5,
		   "a text is cut between characters, and bytes anywhere");
	return events_done();
}
