/*
 * event.c
 *		What a record of a log says, and the event that it becomes.
 */
#include "agent/event.h"

#include <time.h>

#include "agent/json.h"
#include "agent/say.h"
#include "wire/event.h"

/* Room for what the agent itself adds, such as the name of the file. */
#define METADATA_LIMIT	(HOMEO_WIRE_JSON_LIMIT - 16 * 1024)

typedef struct HomeoLogFieldInfo
{
	const char *key;
	size_t		limit;			/* bytes; what is longer is cut */
} HomeoLogFieldInfo;

/*
 * Texts that the server cuts are sent a little longer than it stores them, so
 * that it knows and notes that they were cut; a stack whole, because it keeps
 * both ends.  Longer names it refuses, so those are cut here.
 */
static const HomeoLogFieldInfo fields[HOMEO_LOG_FIELDS] = {
	[HOMEO_LOG_TYPE] = {HOMEO_WIRE_ERROR_TYPE, HOMEO_WIRE_NAME_LIMIT + 4},
	[HOMEO_LOG_MESSAGE] = {HOMEO_WIRE_MESSAGE, HOMEO_WIRE_MESSAGE_LIMIT + 4},
	[HOMEO_LOG_STACK] = {HOMEO_WIRE_STACK, SIZE_MAX},
	[HOMEO_LOG_LANGUAGE] = {HOMEO_WIRE_LANGUAGE, HOMEO_WIRE_LANGUAGE_LIMIT},
	[HOMEO_LOG_SERVICE] = {HOMEO_WIRE_SERVICE, HOMEO_WIRE_SERVICE_LIMIT},
	[HOMEO_LOG_RELEASE] = {HOMEO_WIRE_RELEASE, HOMEO_WIRE_NAME_LIMIT + 4},
	[HOMEO_LOG_SQLSTATE] = {HOMEO_WIRE_SQLSTATE, HOMEO_WIRE_SQLSTATE_LIMIT},
	[HOMEO_LOG_DETAIL] = {HOMEO_WIRE_DETAIL, HOMEO_WIRE_TEXT_LIMIT + 4},
	[HOMEO_LOG_HINT] = {HOMEO_WIRE_HINT, HOMEO_WIRE_TEXT_LIMIT + 4},
	[HOMEO_LOG_CONTEXT] = {HOMEO_WIRE_CONTEXT, HOMEO_WIRE_TEXT_LIMIT + 4},
	[HOMEO_LOG_STATEMENT] = {HOMEO_WIRE_STATEMENT, HOMEO_WIRE_TEXT_LIMIT + 4},
	[HOMEO_LOG_DATABASE] = {HOMEO_WIRE_DATABASE, 63},
	[HOMEO_LOG_ROLE] = {HOMEO_WIRE_ROLE, HOMEO_WIRE_NAME_LIMIT + 4},
	[HOMEO_LOG_APPLICATION] = {HOMEO_WIRE_APPLICATION, HOMEO_WIRE_NAME_LIMIT + 4}
};

void
agent_event_clear(HomeoLogEvent *event)
{
	for (int i = 0; i < HOMEO_LOG_FIELDS; i++)
		agent_buffer_clear(&event->text[i]);
	agent_buffer_clear(&event->metadata);
	event->metadata_length = 0;
	agent_buffer_clear(&event->id);
	event->level = HOMEO_LEVEL_UNKNOWN;
	memset(&event->timestamp, 0, sizeof(event->timestamp));
}

void
agent_event_free(HomeoLogEvent *event)
{
	for (int i = 0; i < HOMEO_LOG_FIELDS; i++)
		agent_buffer_free(&event->text[i]);
	agent_buffer_free(&event->metadata);
	agent_buffer_free(&event->id);
}

/* Is it what the server takes for a SQLSTATE? */
static bool
is_sqlstate(HomeoSpan text)
{
	if (text.len != HOMEO_WIRE_SQLSTATE_LIMIT)
		return false;
	for (size_t i = 0; i < text.len; i++)
	{
		if (!agent_is_digit(text.data[i]) && !agent_is_upper(text.data[i]))
			return false;
	}
	return true;
}

void
agent_event_set(HomeoLogEvent *event, HomeoLogField field, HomeoSpan text)
{
	HomeoBuffer *buffer = &event->text[field];

	if (field == HOMEO_LOG_SQLSTATE && !is_sqlstate(text))
		return;
	agent_buffer_clear(buffer);
	agent_buffer_add(buffer, text.data,
					 agent_utf8_clip(text, fields[field].limit));
}

void
agent_event_note(HomeoLogEvent *event, HomeoSpan key, HomeoSpan value)
{
	HomeoBuffer *metadata = &event->metadata;
	size_t		before = metadata->len;
	size_t		length;

	if (key.len == 0 || key.len + value.len > METADATA_LIMIT)
		return;
	if (before > 0)
		agent_buffer_add_char(metadata, ',');
	agent_json_write(metadata, key);
	agent_buffer_add_char(metadata, ':');
	agent_json_copy(metadata, value);

	length = agent_json_length(agent_span_from(agent_buffer_span(metadata),
											   before));
	/* What is too much is left out whole; so it stays valid. */
	if (event->metadata_length + length > METADATA_LIMIT)
	{
		metadata->len = before;
		metadata->data[before] = '\0';
	}
	else
		event->metadata_length += length;
}

void
agent_event_note_text(HomeoLogEvent *event, const char *key, HomeoSpan text)
{
	HomeoBuffer quoted = {0};

	text.		len = agent_utf8_clip(text, HOMEO_WIRE_TEXT_LIMIT);

	if (text.len > 0)
	{
		agent_json_write(&quoted, text);
		agent_event_note(event, agent_span_string(key),
						 agent_buffer_span(&quoted));
	}
	agent_buffer_free(&quoted);
}

static void
write_key(HomeoBuffer *out, const char *key)
{
	if (out->data[out->len - 1] != '{')
		agent_buffer_add_char(out, ',');
	agent_buffer_print(out, "\"%s\":", key);
}

/* A text of the event, or else one that holds for all; or nothing. */
static void
write_field(const HomeoLogEvent *event, HomeoLogField field,
			const char *otherwise, HomeoBuffer *out)
{
	HomeoSpan text = agent_buffer_span(&event->text[field]);

	if (text.len == 0 && otherwise != NULL)
		text = agent_span_string(otherwise);

	if (text.len == 0 && field != HOMEO_LOG_MESSAGE)
		return;
	write_key(out, fields[field].key);
	agent_json_write(out, text);
}

static void
write_timestamp(int64_t usec, HomeoBuffer *out)
{
	int			fraction = (int) ((usec % AGENT_SECOND + AGENT_SECOND) %
								  AGENT_SECOND);
	time_t		seconds = (time_t) ((usec - fraction) / AGENT_SECOND);
	struct tm	parts;
	char text[	40];

	(void) gmtime_r(&seconds, &parts);
	(void) strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
	write_key(out, HOMEO_WIRE_TIMESTAMP);
	agent_buffer_print(out, "\"%s.%06dZ\"", text, fraction);
}

void
agent_event_write(const HomeoLogEvent *event, const HomeoEventOrigin *origin,
				  HomeoBuffer *out)
{
	HomeoSpan	id = agent_buffer_span(&event->id);

	if (id.len == 0 || id.len > HOMEO_WIRE_ID_LIMIT)
		id = agent_span_string(origin->id);
	agent_buffer_add_char(out, '{');
	write_key(out, HOMEO_WIRE_ERROR_ID);
	agent_json_write(out, id);
	write_timestamp(event->timestamp.known ? event->timestamp.time :
					origin->asof, out);
	write_key(out, HOMEO_WIRE_LEVEL);
	agent_buffer_print(out, "\"%s\"", agent_level_name(event->level));

	for (int i = 0; i < HOMEO_LOG_FIELDS; i++)
	{
		const char *otherwise = NULL;

		if (i == HOMEO_LOG_SERVICE)
		{
			/* Who runs the agent says which service it is. */
			if (origin->service != NULL)
			{
				write_key(out, HOMEO_WIRE_SERVICE);
				agent_json_write(out, agent_span_string(origin->service));
				continue;
			}
		}
		else if (i == HOMEO_LOG_LANGUAGE)
			otherwise = origin->language;
		else if (i == HOMEO_LOG_RELEASE)
			otherwise = origin->release;
		write_field(event, (HomeoLogField) i, otherwise, out);
	}

	write_key(out, HOMEO_WIRE_ENVIRONMENT);
	agent_buffer_add_string(out, "{\"host\":");
	agent_json_write(out, agent_span_string(origin->host));
	if (origin->environment != NULL)
		agent_buffer_print(out, ",%s", origin->environment);
	agent_buffer_add_char(out, '}');

	write_key(out, HOMEO_WIRE_METADATA);
	agent_buffer_add_string(out, "{\"log_file\":");
	agent_json_write(out, agent_span_string(origin->file));
	agent_buffer_print(out, ",\"log_offset\":%lld",
					   (long long) origin->offset);
	if (event->metadata.len > 0)
		agent_buffer_print(out, ",%s", event->metadata.data);
	agent_buffer_add_string(out, "}}");
}
