/*
 * json_scan.c
 *		Tests of the scanner of plain JSON: what it reads, and what it leaves to
 *		others.  That it agrees with the server is tested by event_text.sql.
 */
#include "text/json_scan.h"

#include <stdlib.h>

#include "tap.h"

typedef bool (*Reader) (HomeoJsonScan *scan, HomeoSlice *value);

typedef struct Case
{
	const char *given;
	const char *read;			/* NULL: it is left to others */
} Case;

static const Case strings[] = {
	{"\"\"", ""},
	{" \"plain\" ", "plain"},
	{"\"\\\"\\\\\\n\\t\\r\\b\\f\"", "\"\\\n\t\r\b\f"},
	{"\"a\\nb\\nc\"", "a\nb\nc"},
	{"\"\xc3\xa9\"", "\xc3\xa9"},
	{"\"\\/\"", NULL},
	{"\"\\u0041\"", NULL},
	{"\"\\", NULL},
	{"\"a", NULL},
	{"\"a\\nb", NULL},
	{"\"a\n\"", NULL},
	{"\"a\\n\n\"", NULL},
	{"\"a\"b", NULL},
	{"a", NULL},
	{"", NULL},
};

static const Case lines[] = {
	{"[]", ""},
	{" [ ] ", ""},
	{"[\"a\"]", "a"},
	{"[\"a\", \"b\\nc\" ,\"d\"]", "a\nb\nc\nd"},
	{"[\"\",\"\",\"a\",\"\",\"b\",\"\"]", "a\n\nb\n"},
	{"[\"a\",]", NULL},
	{"[\"a\" \"b\"]", NULL},
	{"[\"a\"", NULL},
	{"[1]", NULL},
	{"\"a\"", NULL},
};

/* Read as two levels at most. */
static const Case objects[] = {
	{"{}", "{}"},
	{" {\n} ", "{}"},
	{"{\"a\":1}", "{\"a\": 1}"},
	{"{\"a\":\"b\",\"c\":\"d\"}", "{\"a\": \"b\", \"c\": \"d\"}"},
	{"{ \"a\" : [ 1 , 2 ] }", "{\"a\": [1, 2]}"},
	{"{\"a\":{\"b\":null}}", "{\"a\": {\"b\": null}}"},
	{"{\"a\":[[]]}", NULL},
	{"{\"a\":{\"b\":{}}}", NULL},
	{"{\"a\\n\":\"\\\"\\\\\"}", "{\"a\\n\": \"\\\"\\\\\"}"},
	{"{\"a\":[true,false,null]}", "{\"a\": [true, false, null]}"},
	{"{\"a\":[0,-1,1.50,123456789]}", "{\"a\": [0, -1, 1.50, 123456789]}"},
	{"{\"b\":1,\"a\":2,\"b\":3}", "{\"b\": 1, \"a\": 2, \"b\": 3}"},
	{"{\"a\":-0}", NULL},
	{"{\"a\":1e5}", NULL},
	{"{\"a\":01}", NULL},
	{"{\"a\":1.}", NULL},
	{"{\"a\":.5}", NULL},
	{"{\"a\":-}", NULL},
	{"{\"a\":1.2.3}", NULL},
	{"{\"a\":1x}", NULL},
	{"{\"a\":1234567890123456789012345678901}", NULL},
	{"{\"a\":truex}", NULL},
	{"{\"a\":tru}", NULL},
	{"{\"a\":\"\\u0041\"}", NULL},
	{"{\"a\":\"b\n\"}", NULL},
	{"{\"a\\u0041\":1}", NULL},
	{"{\"a\"}", NULL},
	{"{\"a\":}", NULL},
	{"{\"a\":1,}", NULL},
	{"{,}", NULL},
	{"{1:2}", NULL},
	{"{\"a\":[1}}", NULL},
	{"{\"a\":1", NULL},
	{"[1]", NULL},
	{"", NULL},
};

static bool
read_object(HomeoJsonScan *scan, HomeoSlice *value)
{
	return homeo_json_scan_object(scan, 2, value);
}

static void
check(const char *what, Reader reader, const Case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++)
	{
		HomeoSlice	given = {cases[i].given, strlen(cases[i].given)};
		char	   *room = malloc(HOMEO_JSON_SCAN_ROOM(given.len) + 1);
		HomeoSlice	value = {"", 0};
		HomeoJsonScan scan;
		char		name[40];
		bool		whole;

		homeo_json_scan_init(&scan, given, room);
		whole = reader(&scan, &value) && homeo_json_scan_end(&scan);
		snprintf(name, sizeof(name), "%s %zu", what, i + 1);
		if (tap_ok(whole == (cases[i].read != NULL), "%s is %s", name,
				   cases[i].read != NULL ? "taken" : "left to others") && whole)
			tap_same(value.data, value.len, cases[i].read, name);
		free(room);
	}
}

#define CHECK_ALL(what, reader, cases) \
	check(what, reader, cases, sizeof(cases) / sizeof(cases[0]))

int
main(void)
{
	HomeoSlice	given = {" null , true", 12};
	HomeoJsonScan scan;

	CHECK_ALL("string", homeo_json_scan_string, strings);
	CHECK_ALL("lines", homeo_json_scan_lines, lines);
	CHECK_ALL("object", read_object, objects);

	homeo_json_scan_init(&scan, given, NULL);
	tap_ok(homeo_json_scan_null(&scan), "null is told from the rest");
	tap_ok(!homeo_json_scan_null(&scan), "once");
	tap_ok(homeo_json_scan_take(&scan, ','), "a character is taken");
	tap_ok(!homeo_json_scan_null(&scan) && !homeo_json_scan_end(&scan),
		   "and nothing else");
	return tap_done();
}
