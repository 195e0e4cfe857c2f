/*
 * agent_formats.c
 *		Fuzz target for what the agent makes of a log: records, and events.
 *
 * The first byte chooses the format, the second how many bytes come at a
 * time.  Every byte must be in one record, and every event be JSON that a
 * jsonb takes: UTF-8, without NUL, and no deeper than the server reads.
 */
#include <time.h>

#include "agent/format.h"
#include "agent/json.h"
#include "wire/event.h"

#include "check.h"

#define AS_OF	(INT64_C(1772366400) * 1000000)

static const char *const names[] = {
	"text", "json", "jsonlog", "logfmt", "csvlog", "journal"
};

static HomeoLogEvent event;
static HomeoBuffer written;
static HomeoBuffer ascii;

static void
check_depth(HomeoSpan json)
{
	int			depth = 0;
	bool		quoted = false;

	for (size_t i = 0; i < json.len; i++)
	{
		char		c = json.data[i];

		CHECK(c != '\n' && c != '\0');
		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '{' || c == '['))
			CHECK(++depth <= HOMEO_WIRE_MAX_DEPTH);
		else if (!quoted && (c == '}' || c == ']'))
			depth--;
	}
	CHECK(depth == 0);
}

static void
check_event(void)
{
	HomeoEventOrigin origin = {0};

	origin.host = "host";
	origin.file = "/a.log";
	origin.id = "log:1";
	origin.asof = AS_OF;
	origin.environment = "\"key\":\"value\"";
	agent_buffer_clear(&written);
	agent_event_write(&event, &origin, &written);
	CHECK(agent_json_valid(agent_buffer_span(&written)));
	CHECK(is_utf8(written.data, written.len));
	CHECK(memmem(written.data, written.len, "\\u0000", 6) == NULL ||
		  memmem(written.data, written.len, "\\\\u0000", 7) != NULL);
	check_depth(agent_buffer_span(&written));
	for (int i = 0; i < HOMEO_LOG_FIELDS; i++)
		CHECK(i == HOMEO_LOG_STACK ||
			  event.text[i].len <= HOMEO_WIRE_MESSAGE_LIMIT + 4);
	agent_buffer_clear(&ascii);
	agent_json_to_ascii(&ascii, agent_buffer_span(&written));
	CHECK(agent_json_valid(agent_buffer_span(&ascii)));
	for (size_t i = 0; i < ascii.len; i++)
		CHECK((unsigned char) ascii.data[i] < 0x80);
}

static void
check_record(const HomeoFormat *format, HomeoSpan record)
{
	char	   *copy = exact_copy(record.data, record.len);

	agent_format_parse(format, agent_span(copy, record.len), AS_OF, &event);
	check_event();
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool zoned = false;
	const HomeoFormat *format = agent_format_named(names[take_byte(&data, &size) %
														 (sizeof(names) / sizeof(names[0]))]);
	size_t		step = (size_t) take_byte(&data, &size) * 4 + 1;
	const char *log = (const char *) data;
	size_t		start = 0;
	size_t		there = 0;
	HomeoFrame	frame = {0};

	if (!zoned)
	{
		setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
		tzset();
		zoned = true;
	}
	while (start < size)
	{
		HomeoMore	more = there < size ? HOMEO_MORE_COMES : HOMEO_MORE_NEVER;
		char	   *copy = exact_copy(log + start, there - start);
		size_t		n = format->frame(&frame, agent_span(copy, there - start),
									  more);

		CHECK(n <= there - start && frame.scanned <= there - start);
		CHECK(n > 0 || there < size);
		if (n > 0)
		{
			check_record(format, agent_span(copy, n));
			start += n;
			memset(&frame, 0, sizeof(frame));
		}
		else
			there = there + step > size ? size : there + step;
		free(copy);
	}
	{
		char	   *copy = exact_copy(data, size);

		CHECK(agent_format_detect(agent_span(copy, size)) != NULL);
		free(copy);
	}
	return 0;
}
