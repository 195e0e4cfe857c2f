/*
 * format_text.c
 *		What a message in plain text says: when, how bad, which exception, and
 *		the stack trace behind it.
 */
#include "agent/format.h"

/* What a record is made of; pieces of it. */
typedef struct HomeoTextParts
{
	HomeoSpan	message;		/* of the first line, behind time and level */
	HomeoSpan	more;			/* the other lines */
	HomeoSpan	whole;			/* from the first line's message on */
} HomeoTextParts;

static bool
is_frame(HomeoSpan line)
{
	HomeoSpan	s = agent_span_trim(line);

	if (agent_span_starts(s, "Traceback (most recent call last)") ||
		agent_span_starts(s, "Stack trace:") ||
		agent_span_starts(s, "stack backtrace:") ||
		agent_span_starts(s, "goroutine ") ||
		agent_span_starts(s, "Caused by: ") ||
		agent_span_starts(s, "#0 "))
		return true;
	if (s.data == line.data)
		return false;
	return agent_span_starts(s, "at ") || agent_span_starts(s, "from ") ||
		agent_span_starts(s, "File \"");
}

static bool
has_frames(HomeoSpan text)
{
	while (text.len > 0)
	{
		if (is_frame(agent_span_line(text, &text)))
			return true;
	}
	return false;
}

static const char *
language_of(HomeoSpan stack)
{
	if (agent_span_has(stack, "Traceback (most recent call last)"))
		return "python";
	if (agent_span_has(stack, "goroutine "))
		return "go";
	if (agent_span_has(stack, ".java:") || agent_span_has(stack, ".kt:"))
		return "java";
	if (agent_span_has(stack, "    at ") &&
		(agent_span_has(stack, ".js:") || agent_span_has(stack, ".ts:") ||
		 agent_span_has(stack, "(node:") || agent_span_has(stack, ".mjs:")))
		return "javascript";
	return NULL;
}

/* What may stand before the exception's type. */
static HomeoSpan
skip_introduction(HomeoSpan line)
{
	static const char *const introductions[] = {
		"Exception in thread ", "PHP Fatal error:", "Fatal error:",
		"Uncaught ", "Unhandled exception. ", "Unhandled exception: "
	};

	for (size_t i = 0; i < sizeof(introductions) / sizeof(introductions[0]); i++)
	{
		if (!agent_span_starts(line, introductions[i]))
			continue;
		line = agent_span_from(line, strlen(introductions[i]));
		/* The thread's name is quoted. */
		if (line.len > 0 && line.data[0] == '"')
		{
			const char *end = memchr(line.data + 1, '"', line.len - 1);

			if (end != NULL)
				line = agent_span_from(line, (size_t) (end - line.data) + 1);
		}
		line = agent_span_trim(line);
	}
	return line;
}

/* Splits "type: message"; false: the line is no exception. */
static bool
split_exception(HomeoSpan line, HomeoSpan *type, HomeoSpan *message)
{
	size_t		n;

	line = skip_introduction(line);
	if (agent_span_starts(line, "panic: "))
		n = strlen("panic");
	else
		n = agent_line_exception(line);
	if (n == 0)
		return false;
	*type = agent_span(line.data, n);
	*message = agent_span_from(line, n);
	/* Node: Error [ERR_CODE]: message */
	if (message->len > 1 && message->data[0] == ' ' && message->data[1] == '[')
	{
		const char *end = memchr(message->data, ']', message->len);

		if (end != NULL)
			*message = agent_span_from(*message,
									   (size_t) (end - message->data) + 1);
	}
	if (message->len > 0 && message->data[0] == ':')
		*message = agent_span_from(*message, 1);
	*message = agent_span_trim(*message);
	return true;
}

/*
 * The exception of a text: Python writes the one that was raised last at the
 * end, others at the beginning.
 */
static bool
find_exception(HomeoSpan text, HomeoSpan *type, HomeoSpan *message)
{
	bool		last = agent_span_has(text, "Traceback (most recent call last)");
	bool		found = false;

	while (text.len > 0 && (last || !found))
	{
		HomeoSpan	line = agent_span_line(text, &text);
		HomeoSpan	t;
		HomeoSpan	m;

		if (!split_exception(line, &t, &m))
			continue;
		*type = t;
		*message = m;
		found = true;
	}
	return found;
}

static void
set_once(HomeoLogEvent *event, HomeoLogField field, HomeoSpan text)
{
	if (event->text[field].len == 0 && text.len > 0)
		agent_event_set(event, field, text);
}

static void
set_parts(const HomeoTextParts *parts, HomeoLogEvent *event)
{
	HomeoSpan	type = {0};
	HomeoSpan	said = {0};
	bool		frames = has_frames(parts->whole);
	HomeoSpan	message = parts->message;

	if (frames)
	{
		const char *language = language_of(parts->whole);

		set_once(event, HOMEO_LOG_STACK, parts->whole);
		if (language != NULL)
			set_once(event, HOMEO_LOG_LANGUAGE, agent_span_string(language));
	}
	else
		message = agent_span_trim(parts->whole);

	if (find_exception(parts->whole, &type, &said))
	{
		bool		head = said.data >= parts->message.data &&
		said.data <= parts->message.data + parts->message.len;

		set_once(event, HOMEO_LOG_TYPE, type);
		if (said.len == 0)
			said = type;
		else if (!frames && head && parts->more.len > 0)
			said.len = (size_t) (message.data + message.len - said.data);
		/* What the logger said besides is worth keeping. */
		if (!head && event->text[HOMEO_LOG_MESSAGE].len == 0 &&
			!agent_line_is_crash(parts->message))
			agent_event_note_text(event, "log_message", parts->message);
		message = said;
	}
	set_once(event, HOMEO_LOG_MESSAGE, message);
}

void
agent_text_examine(HomeoSpan text, int64_t asof, HomeoLogEvent *event)
{
	HomeoTextParts parts;
	HomeoSpan	line;
	HomeoTimestamp timestamp;
	HomeoLevel	level;
	size_t		start = 0;
	size_t		end = 0;

	text = agent_span_trim(text);

	line = agent_span_line(text, &parts.more);
	line = agent_span_from(line, agent_line_time(line, asof, &timestamp));
	if (!event->timestamp.known)
		event->timestamp = timestamp;
	level = agent_line_level(line, &start, &end);
	if (level != HOMEO_LEVEL_UNKNOWN)
	{
		HomeoSpan	behind = agent_span_from(line, end);

		while (behind.len > 0 && strchr(" \t-|,", behind.data[0]) != NULL &&
			   behind.data[0] != '\0')
			behind = agent_span_from(behind, 1);

		/*
		 * "ERROR" at the end is about what stands before; the "panic" of Go
		 * is what the exceptions of others are.
		 */
		if (behind.len > 0 && !agent_line_is_crash(line))
			line = behind;
	}
	parts.message = agent_span_trim(line);
	parts.whole = agent_span(parts.message.data,
							 (size_t) (text.data + text.len -
									   parts.message.data));
	if (level == HOMEO_LEVEL_UNKNOWN &&
		(agent_line_is_crash(parts.message) ||
		 agent_line_exception(parts.message) > 0 || has_frames(parts.whole)))
		level = HOMEO_LEVEL_ERROR;
	if (event->level == HOMEO_LEVEL_UNKNOWN)
		event->level = level;
	set_parts(&parts, event);
}

bool
agent_format_text(HomeoSpan record, int64_t asof, HomeoLogEvent *event)
{
	agent_text_examine(record, asof, event);
	return true;
}
