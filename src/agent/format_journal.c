/*
 * format_journal.c
 *		What `journalctl --output=export` writes.
 *
 * A record is a field a line, and ends with an empty line.  A field that has
 * line ends or odd bytes in it is its name alone on a line, eight bytes that
 * tell the length, the lowest first, the bytes, and a line end.
 */
#include "agent/format.h"

#include <stdlib.h>

#define LENGTH_BYTES	8

/*
 * The length of the field at the beginning, with its end; 0: not all there.
 * Then name and value are what there is of them.
 */
static size_t
field_length(HomeoSpan text, HomeoSpan *name, HomeoSpan *value)
{
	const char *end = text.len == 0 ? NULL :
	memchr(text.data, '\n', text.len);
	const char *equals;
	uint64_t	len = 0;
	size_t		line = end == NULL ? text.len : (size_t) (end - text.data);

	*name = *value = agent_span(text.data, 0);
	equals = line == 0 ? NULL : memchr(text.data, '=', line);
	if (end == NULL && equals == NULL)
		return 0;
	if (equals != NULL || line == 0)
	{
		*name = agent_span(text.data, equals == NULL ? 0 :
						   (size_t) (equals - text.data));
		*value = agent_span(text.data + name->len + (equals != NULL),
							line - name->len - (equals != NULL));
		return end == NULL ? 0 : line + 1;
	}
	if (text.len < line + 1 + LENGTH_BYTES)
		return 0;
	for (int i = LENGTH_BYTES - 1; i >= 0; i--)
		len = len << 8 | (unsigned char) text.data[line + 1 + (size_t) i];

	*name = agent_span(text.data, line);
	*value = agent_span_from(text, line + 1 + LENGTH_BYTES);
	/* Whatever the length says, there are no more bytes than there are. */
	if (len >= value->len)
		return 0;
	value->len = (size_t) len;
	return line + 1 + LENGTH_BYTES + (size_t) len + 1;
}

bool
agent_journal_begins(HomeoSpan line)
{
	return agent_span_starts(line, "__CURSOR=");
}

size_t
agent_frame_journal(HomeoFrame *frame, HomeoSpan data, HomeoMore more)
{
	HomeoSpan	name;
	HomeoSpan	value;
	size_t		n;

	while ((n = field_length(agent_span_from(data, frame->scanned), &name,
							 &value)) > 0)
	{
		frame->scanned += n;
		if (n == 1)
			return frame->scanned;
	}
	return more == HOMEO_MORE_NEVER ? data.len : 0;
}

/* Where the program says that the record is from. */
static void
note_field(HomeoLogEvent *event, HomeoSpan name, HomeoSpan value)
{
	static const char *const noted[] = {
		"_SYSTEMD_UNIT", "SYSLOG_IDENTIFIER", "_PID", "_HOSTNAME", "CODE_FILE",
		"CODE_LINE", "CODE_FUNC", "LOGGER"
	};

	for (size_t i = 0; i < sizeof(noted) / sizeof(noted[0]); i++)
	{
		if (agent_span_is(name, noted[i]))
			agent_event_note_text(event, noted[i], value);
	}
}

bool
agent_format_journal(HomeoSpan record, int64_t asof, HomeoLogEvent *event)
{
	HomeoSpan	name;
	HomeoSpan	value;
	HomeoSpan	message = {"", 0};
	size_t		n;

	while ((n = field_length(record, &name, &value)) > 0)
	{
		record = agent_span_from(record, n);
		if (agent_span_is(name, "MESSAGE"))
			message = value;
		else if (agent_span_is(name, "PRIORITY") && value.len == 1)
			event->level = agent_level_of_number(value.data[0] - '0');
		else if (agent_span_is(name, "__REALTIME_TIMESTAMP"))
			(void) agent_timestamp_of_number(value, &event->timestamp);
		else if (agent_span_is(name, "EXCEPTION_TEXT") ||
				 agent_span_is(name, "EXCEPTION_TRACEBACK") ||
				 agent_span_is(name, "STACKTRACE"))
			agent_event_set(event, HOMEO_LOG_STACK, value);
		else if (agent_journal_begins(agent_span(name.data, name.len + 1)) &&
				 value.len > 0)
		{
			/* The same wherever, and however often, it is exported. */
			agent_buffer_clear(&event->id);
			agent_buffer_add_string(&event->id, "journal:");
			agent_buffer_add(&event->id, value.data, value.len);
		}
		else
			note_field(event, name, value);
	}
	/* It was too long, and the record was cut within it. */
	if (message.len == 0 && agent_span_is(name, "MESSAGE"))
		message = value;
	if (message.len == 0)
		return false;
	agent_text_examine(message, asof, event);
	return true;
}
