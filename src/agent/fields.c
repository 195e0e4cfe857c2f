/*
 * fields.c
 *		What the keys mean that structured loggers use.
 */
#include "agent/fields.h"

#include <stdlib.h>

#include "agent/format.h"

typedef enum HomeoMeaning
{
	HOMEO_MEANS_TIME,
	HOMEO_MEANS_LEVEL,
	HOMEO_MEANS_MESSAGE,
	HOMEO_MEANS_ERROR,			/* a message, or a stack trace if of lines */
	HOMEO_MEANS_TYPE,
	HOMEO_MEANS_STACK,
	HOMEO_MEANS_SERVICE,
	HOMEO_MEANS_RELEASE,
	HOMEO_MEANS_LANGUAGE,
	HOMEO_MEANS_SQLSTATE
} HomeoMeaning;

typedef struct HomeoKnownKey
{
	const char *key;			/* in any case */
	HomeoMeaning meaning;
} HomeoKnownKey;

static const HomeoKnownKey known_keys[] = {
	{"timestamp", HOMEO_MEANS_TIME},
	{"@timestamp", HOMEO_MEANS_TIME},
	{"time", HOMEO_MEANS_TIME},
	{"ts", HOMEO_MEANS_TIME},
	{"t", HOMEO_MEANS_TIME},
	{"@t", HOMEO_MEANS_TIME},
	{"datetime", HOMEO_MEANS_TIME},
	{"asctime", HOMEO_MEANS_TIME},
	{"level", HOMEO_MEANS_LEVEL},
	{"lvl", HOMEO_MEANS_LEVEL},
	{"@l", HOMEO_MEANS_LEVEL},
	{"severity", HOMEO_MEANS_LEVEL},
	{"severitytext", HOMEO_MEANS_LEVEL},
	{"levelname", HOMEO_MEANS_LEVEL},
	{"loglevel", HOMEO_MEANS_LEVEL},
	{"log.level", HOMEO_MEANS_LEVEL},
	{"message", HOMEO_MEANS_MESSAGE},
	{"msg", HOMEO_MEANS_MESSAGE},
	{"@m", HOMEO_MEANS_MESSAGE},
	{"@mt", HOMEO_MEANS_MESSAGE},
	{"event", HOMEO_MEANS_MESSAGE},
	{"log", HOMEO_MEANS_MESSAGE},
	{"short_message", HOMEO_MEANS_MESSAGE},
	{"error", HOMEO_MEANS_ERROR},
	{"err", HOMEO_MEANS_ERROR},
	{"exception", HOMEO_MEANS_ERROR},
	{"exc_info", HOMEO_MEANS_ERROR},
	{"error.message", HOMEO_MEANS_ERROR},
	{"error.msg", HOMEO_MEANS_ERROR},
	{"error_message", HOMEO_MEANS_ERROR},
	{"exception.message", HOMEO_MEANS_ERROR},
	{"error_type", HOMEO_MEANS_TYPE},
	{"error.type", HOMEO_MEANS_TYPE},
	{"error.name", HOMEO_MEANS_TYPE},
	{"error.kind", HOMEO_MEANS_TYPE},
	{"error.class", HOMEO_MEANS_TYPE},
	{"error.exception_class", HOMEO_MEANS_TYPE},
	{"exception.type", HOMEO_MEANS_TYPE},
	{"exception_class", HOMEO_MEANS_TYPE},
	{"exc_type", HOMEO_MEANS_TYPE},
	{"stack", HOMEO_MEANS_STACK},
	{"stack_trace", HOMEO_MEANS_STACK},
	{"stacktrace", HOMEO_MEANS_STACK},
	{"traceback", HOMEO_MEANS_STACK},
	{"backtrace", HOMEO_MEANS_STACK},
	{"@x", HOMEO_MEANS_STACK},
	{"error.stack", HOMEO_MEANS_STACK},
	{"error.stack_trace", HOMEO_MEANS_STACK},
	{"error.stacktrace", HOMEO_MEANS_STACK},
	{"error.backtrace", HOMEO_MEANS_STACK},
	{"exception.stacktrace", HOMEO_MEANS_STACK},
	{"service", HOMEO_MEANS_SERVICE},
	{"service.name", HOMEO_MEANS_SERVICE},
	{"release", HOMEO_MEANS_RELEASE},
	{"service.version", HOMEO_MEANS_RELEASE},
	{"language", HOMEO_MEANS_LANGUAGE},
	{"sqlstate", HOMEO_MEANS_SQLSTATE}
};

static bool
take_time(HomeoLogEvent *event, HomeoSpan text, int64_t asof)
{
	HomeoTimestamp timestamp;

	if (event->timestamp.known)
		return false;
	if (!agent_timestamp_of_number(text, &timestamp) &&
		agent_line_time(text, asof, &timestamp) == 0)
		return false;
	event->timestamp = timestamp;
	return true;
}

static bool
take_level(HomeoLogEvent *event, HomeoSpan text)
{
	HomeoLevel	level = agent_level_of_word(text);

	if (level == HOMEO_LEVEL_UNKNOWN && text.len > 0 && text.len < 4 &&
		agent_is_digit(text.data[0]))
	{
		char		copy[4] = {0};

		memcpy(copy, text.data, text.len);
		level = agent_level_of_number(atol(copy));
	}
	if (level == HOMEO_LEVEL_UNKNOWN ||
		event->level != HOMEO_LEVEL_UNKNOWN)
		return false;
	event->level = level;
	return true;
}

static bool
take_text(HomeoLogEvent *event, HomeoLogField field, HomeoSpan text)
{
	if (event->text[field].len > 0)
		return false;
	agent_event_set(event, field, text);
	return true;
}

/* What the program says and what its error says are one message. */
static bool
take_error(HomeoLogEvent *event, HomeoSpan text)
{
	HomeoSpan	trimmed = agent_span_trim(text);

	if (trimmed.len == 0 || agent_span_is(trimmed, "null"))
		return true;
	if (memchr(trimmed.data, '\n', trimmed.len) != NULL)
		return take_text(event, HOMEO_LOG_STACK, trimmed);
	/* For the time being: see agent_fields_finish(). */
	return take_text(event, HOMEO_LOG_DETAIL, trimmed);
}

bool
agent_fields_take(HomeoLogEvent *event, HomeoSpan key, HomeoSpan text,
				  int64_t asof)
{
	for (size_t i = 0; i < sizeof(known_keys) / sizeof(known_keys[0]); i++)
	{
		if (!agent_span_is_nocase(key, known_keys[i].key))
			continue;
		switch (known_keys[i].meaning)
		{
			case HOMEO_MEANS_TIME:
				return take_time(event, text, asof);
			case HOMEO_MEANS_LEVEL:
				return take_level(event, text);
			case HOMEO_MEANS_MESSAGE:
				return take_text(event, HOMEO_LOG_MESSAGE, text);
			case HOMEO_MEANS_ERROR:
				return take_error(event, text);
			case HOMEO_MEANS_TYPE:
				return take_text(event, HOMEO_LOG_TYPE, text);
			case HOMEO_MEANS_STACK:
				return take_text(event, HOMEO_LOG_STACK, text);
			case HOMEO_MEANS_SERVICE:
				return take_text(event, HOMEO_LOG_SERVICE, text);
			case HOMEO_MEANS_RELEASE:
				return take_text(event, HOMEO_LOG_RELEASE, text);
			case HOMEO_MEANS_LANGUAGE:
				return take_text(event, HOMEO_LOG_LANGUAGE, text);
			case HOMEO_MEANS_SQLSTATE:
				return take_text(event, HOMEO_LOG_SQLSTATE, text);
		}
	}
	return false;
}

void
agent_fields_finish(HomeoLogEvent *event, int64_t asof)
{
	HomeoBuffer *message = &event->text[HOMEO_LOG_MESSAGE];
	HomeoBuffer *error = &event->text[HOMEO_LOG_DETAIL];
	HomeoBuffer *stack = &event->text[HOMEO_LOG_STACK];
	bool		bad = error->len > 0 || stack->len > 0;

	if (error->len > 0)
	{
		if (message->len > 0 &&
			!agent_span_has(agent_buffer_span(message), error->data))
			agent_buffer_add(message, ": ", 2);
		if (message->len == 0 ||
			!agent_span_has(agent_buffer_span(message), error->data))
			agent_buffer_add(message, error->data, error->len);
		agent_buffer_clear(error);
	}

	/* The stack may name the exception, or the message be one of many lines. */
	if (stack->len > 0)
	{
		HomeoLevel	level = event->level;

		agent_text_examine(agent_buffer_span(stack), asof, event);
		event->level = level;
	}
	else if (message->len > 0 && (event->level == HOMEO_LEVEL_UNKNOWN ||
								  memchr(message->data, '\n',
										 message->len) != NULL))
	{
		HomeoBuffer whole = *message;

		memset(message, 0, sizeof(*message));
		agent_text_examine(agent_buffer_span(&whole), asof, event);
		agent_buffer_free(&whole);
	}
	if (event->level == HOMEO_LEVEL_UNKNOWN && bad)
		event->level = HOMEO_LEVEL_ERROR;
}
