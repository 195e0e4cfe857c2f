/*
 * format_logfmt.c
 *		Pairs of key=value or key="value", a line each.
 */
#include "agent/fields.h"
#include "agent/format.h"

static bool
is_key_byte(char c)
{
	return agent_is_letter(c) || agent_is_digit(c) || c == '_' || c == '.' ||
		c == '-' || c == '@' || c == '/';
}

/* Takes a quoted value off the text; its escapes are resolved. */
static bool
take_quoted(HomeoSpan *text, HomeoBuffer *value)
{
	size_t		i;

	for (i = 1; i < text->len && text->data[i] != '"'; i++)
	{
		char		c = text->data[i];

		if (c == '\\' && i + 1 < text->len)
		{
			c = text  ->data[++i];

			c = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
		}
		agent_buffer_add_char(value, c);
	}
	if (i == text->len)
		return false;
	*text = agent_span_from(*text, i + 1);
	return true;
}

/* Takes the next pair; false: there is none, or the line is not logfmt. */
static bool
take_pair(HomeoSpan *text, HomeoSpan *key, HomeoBuffer *value)
{
	size_t		n = 0;

	*text = agent_span_trim(*text);
	while (n < text->len && is_key_byte(text->data[n]))
		n++;
	if (n == 0 || n == text->len || text->data[n] != '=')
		return false;
	*key = agent_span(text->data, n);
	*text = agent_span_from(*text, n + 1);
	agent_buffer_clear(value);
	if (text->len > 0 && text->data[0] == '"')
		return take_quoted(text, value);
	for (n = 0; n < text->len && !agent_is_blank(text->data[n]);)
		n++;
	agent_buffer_add(value, text->data, n);
	*text = agent_span_from(*text, n);
	return true;
}

bool
agent_is_logfmt(HomeoSpan line)
{
	HomeoBuffer value = {0};
	HomeoSpan	key;
	bool		level = false;
	int			pairs = 0;

	while (take_pair(&line, &key, &value))
	{
		pairs++;
		level |= agent_span_is_nocase(key, "level") ||
			agent_span_is_nocase(key, "lvl") ||
			agent_span_is_nocase(key, "severity");
	}
	agent_buffer_free(&value);
	return level && pairs > 1;
}

bool
agent_format_logfmt(HomeoSpan record, int64_t asof, HomeoLogEvent *event)
{
	HomeoSpan	rest;
	HomeoSpan	line = agent_span_line(record, &rest);
	HomeoSpan	key;
	HomeoBuffer value = {0};

	if (!agent_is_logfmt(line))
		return false;
	while (take_pair(&line, &key, &value))
	{
		if (!agent_fields_take(event, key, agent_buffer_span(&value), asof))
		{
			HomeoBuffer name = {0};

			agent_buffer_add(&name, key.data, key.len);
			agent_event_note_text(event, name.data,
								  agent_buffer_span(&value));
			agent_buffer_free(&name);
		}
	}
	agent_fields_finish(event, asof);
	agent_buffer_free(&value);
	return true;
}
