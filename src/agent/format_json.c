/*
 * format_json.c
 *		A JSON object a line.
 */
#include "agent/fields.h"
#include "agent/format.h"
#include "agent/json.h"

/* Objects in these keys are looked into; others are metadata as they are. */
static bool
is_group(HomeoSpan key, const char **name)
{
	static const char *const groups[][2] = {
		{"error", "error"}, {"err", "error"}, {"exception", "error"},
		{"log", "log"}, {"service", "service"}
	};

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
	{
		if (agent_span_is_nocase(key, groups[i][0]))
		{
			*name = groups[i][1];
			return true;
		}
	}
	return false;
}

/* A value as text: of a string what it holds, of an array its lines. */
static bool
value_text(HomeoSpan value, HomeoBuffer *text)
{
	HomeoJsonCursor cursor;
	HomeoSpan	key;
	HomeoSpan	item;

	agent_buffer_clear(text);
	if (value.data[0] == '{')
		return false;
	if (value.data[0] != '[')
	{
		if (!agent_span_is(value, "null"))
			agent_json_text(value, text);
		return true;
	}
	(void) agent_json_open(value, &cursor);
	while (agent_json_next(&cursor, &key, &item))
	{
		if (item.data[0] == '{' || item.data[0] == '[')
			return false;
		if (text->len > 0)
			agent_buffer_add_char(text, '\n');
		agent_json_text(item, text);
	}
	return true;
}

static void
take_pair(HomeoSpan key, HomeoSpan value, int64_t asof, HomeoBuffer *text,
		  HomeoLogEvent *event)
{
	if (!value_text(value, text) ||
		!agent_fields_take(event, key, agent_buffer_span(text), asof))
		agent_event_note(event, key, value);
}

static void
take_group(const char *group, HomeoSpan object, int64_t asof,
		   HomeoBuffer *text, HomeoLogEvent *event)
{
	HomeoJsonCursor cursor;
	HomeoSpan	key;
	HomeoSpan	value;
	HomeoBuffer path = {0};

	(void) agent_json_open(object, &cursor);
	while (agent_json_next(&cursor, &key, &value))
	{
		agent_buffer_clear(&path);
		agent_buffer_print(&path, "%s.", group);
		agent_json_text(agent_span(key.data - 1, key.len + 2), &path);
		take_pair(agent_buffer_span(&path), value, asof, text, event);
	}
	agent_buffer_free(&path);
}

bool
agent_format_json(HomeoSpan record, int64_t asof, HomeoLogEvent *event)
{
	HomeoJsonCursor cursor;
	HomeoSpan	raw;
	HomeoSpan	value;
	HomeoBuffer key = {0};
	HomeoBuffer text = {0};

	record = agent_span_trim(record);
	if (record.len == 0 || record.data[0] != '{' || !agent_json_valid(record))
		return false;
	(void) agent_json_open(record, &cursor);
	while (agent_json_next(&cursor, &raw, &value))
	{
		const char *group;

		agent_buffer_clear(&key);
		agent_json_text(agent_span(raw.data - 1, raw.len + 2), &key);
		if (value.data[0] == '{' &&
			is_group(agent_buffer_span(&key), &group))
			take_group(group, value, asof, &text, event);
		else
			take_pair(agent_buffer_span(&key), value, asof, &text, event);
	}
	agent_fields_finish(event, asof);
	agent_buffer_free(&key);
	agent_buffer_free(&text);
	return true;
}
