/*
 * format_postgresql.c
 *		The server's own logs: csvlog, and jsonlog, which is JSON with the
 *		same names.
 *
 * The records of csvlog are lines of which quoted values may be several.
 */
#include "agent/format.h"

#include "agent/json.h"

/* Not stored. */
#define NOTHING		HOMEO_LOG_FIELDS

typedef struct HomeoServerField
{
	const char *key;			/* in jsonlog */
	HomeoLogField field;
} HomeoServerField;

/* In the order of csvlog; later versions add columns at the end. */
static const HomeoServerField columns[] = {
	{"timestamp", NOTHING},
	{"user", HOMEO_LOG_ROLE},
	{"dbname", HOMEO_LOG_DATABASE},
	{"pid", NOTHING},
	{"remote_host", NOTHING},
	{"session_id", NOTHING},
	{"line_num", NOTHING},
	{"ps", NOTHING},
	{"session_start", NOTHING},
	{"vxid", NOTHING},
	{"txid", NOTHING},
	{"error_severity", NOTHING},
	{"state_code", HOMEO_LOG_SQLSTATE},
	{"message", HOMEO_LOG_MESSAGE},
	{"detail", HOMEO_LOG_DETAIL},
	{"hint", HOMEO_LOG_HINT},
	{"internal_query", NOTHING},
	{"internal_position", NOTHING},
	{"context", HOMEO_LOG_CONTEXT},
	{"statement", HOMEO_LOG_STATEMENT},
	{"cursor_position", NOTHING},
	{"location", NOTHING},
	{"application_name", HOMEO_LOG_APPLICATION},
	{"backend_type", NOTHING}
};

#define NCOLUMNS	(sizeof(columns) / sizeof(columns[0]))

/* These say what happened; a record without them is something else. */
#define NEEDED		14

/* 2026-01-31 23:59:59.123, and behind it a blank and a zone. */
#define TIME_BYTES	23

/* Enough of a line to see whether a record begins with it. */
#define BEGINNING	((size_t) 64)

/*
 * The length of a time as the server writes it, with its zone; 0: it is none.
 * The zone is an abbreviation that the server's settings chose, or +03.
 */
static size_t
server_time_length(HomeoSpan text)
{
	static const char shape[] = "0000-00-00 00:00:00.000 ";
	size_t		n;

	for (n = 0; n < sizeof(shape) - 1; n++)
	{
		if (n == text.len || (shape[n] == '0' ? !agent_is_digit(text.data[n]) :
							  text.data[n] != shape[n]))
			return 0;
	}
	while (n < text.len && n < TIME_BYTES + 12 &&
		   (agent_is_letter(text.data[n]) || agent_is_digit(text.data[n]) ||
			strchr("+-<>", text.data[n]) != NULL) && text.data[n] != '\0')
		n++;
	return n > TIME_BYTES + 1 ? n : 0;
}

/*
 * Reads such a time, if its zone is known; a zone of another place is not, and
 * to read it as the local one would be wrong by hours.
 */
static void
take_server_time(HomeoSpan text, int64_t asof, HomeoTimestamp *timestamp)
{
	size_t		whole = server_time_length(text);

	if (agent_timestamp_read(text, asof, timestamp) < whole)
		timestamp->known = false;
}

static void
take_column(HomeoLogEvent *event, size_t i, HomeoSpan text, int64_t asof)
{
	if (text.len == 0)
		return;
	if (columns[i].field != NOTHING)
		agent_event_set(event, columns[i].field, text);
	else if (i == 0)
		take_server_time(text, asof, &event->timestamp);
	else if (strcmp(columns[i].key, "error_severity") == 0)
		event->level = agent_level_of_word(text);
	else if (strcmp(columns[i].key, "pid") == 0 ||
			 strcmp(columns[i].key, "backend_type") == 0 ||
			 strcmp(columns[i].key, "location") == 0)
		agent_event_note_text(event, columns[i].key, text);
}

/* Takes a value of csvlog off the text; false: it is not well formed. */
static bool
take_value(HomeoSpan *text, HomeoBuffer *value)
{
	size_t		i = 0;

	agent_buffer_clear(value);
	if (text->len > 0 && text->data[0] == '"')
	{
		for (i = 1; i < text->len; i++)
		{
			if (text->data[i] == '"' &&
				(i + 1 == text->len || text->data[i + 1] != '"'))
				break;
			if (text->data[i] == '"')
				i++;
			agent_buffer_add_char(value, text->data[i]);
		}
		if (i == text->len)
			return false;
		i++;
	}
	else
	{
		while (i < text->len && text->data[i] != ',')
			i++;
		agent_buffer_add(value, text->data, i);
	}
	*text = agent_span_from(*text, i);
	if (text->len > 0 && text->data[0] != ',')
		return false;
	return true;
}

/* The second column is a name, in quotes, or empty. */
bool
agent_csvlog_begins(HomeoSpan line)
{
	size_t		n = server_time_length(line);

	return n > 0 && n + 1 < line.len && line.data[n] == ',' &&
		(line.data[n + 1] == '"' || line.data[n + 1] == ',');
}

/*
 * A server that is killed may leave half a record, and so a quote without its
 * fellow.  Then the next line that begins like a record is one.
 */
size_t
agent_frame_csvlog(HomeoFrame *frame, HomeoSpan data, HomeoMore more)
{
	for (; frame->scanned < data.len; frame->scanned++)
	{
		char		c = data.data[frame->scanned];
		HomeoSpan	behind;

		if (c == '"')
			frame->quoted = !frame->quoted;
		if (c != '\n')
			continue;
		if (!frame->quoted)
			return frame->scanned + 1;
		behind = agent_span_from(data, frame->scanned + 1);
		if (agent_csvlog_begins(behind))
			return frame->scanned + 1;
		if (more != HOMEO_MORE_NEVER && behind.len < BEGINNING)
			return 0;
	}
	return more == HOMEO_MORE_NEVER ? data.len : 0;
}

bool
agent_format_csvlog(HomeoSpan record, int64_t asof, HomeoLogEvent *event)
{
	HomeoBuffer value = {0};
	size_t		n = 0;

	record = agent_span_trim(record);
	if (!agent_csvlog_begins(record))
		return false;
	while (n < NCOLUMNS && take_value(&record, &value))
	{
		take_column(event, n++, agent_buffer_span(&value), asof);
		if (record.len == 0)
			break;
		record = agent_span_from(record, 1);
	}
	agent_buffer_free(&value);
	if (n < NEEDED || event->level == HOMEO_LEVEL_UNKNOWN)
		return false;
	agent_event_set(event, HOMEO_LOG_LANGUAGE, agent_span_string("sql"));
	return true;
}

bool
agent_format_jsonlog(HomeoSpan record, int64_t asof, HomeoLogEvent *event)
{
	HomeoJsonCursor cursor;
	HomeoSpan	key;
	HomeoSpan	value;
	HomeoBuffer text = {0};
	bool		backend = false;

	record = agent_span_trim(record);
	if (!agent_span_has(record, "\"error_severity\"") ||
		!agent_json_valid(record) || !agent_json_open(record, &cursor))
		return false;
	while (agent_json_next(&cursor, &key, &value))
	{
		agent_buffer_clear(&text);
		agent_json_text(value, &text);
		for (size_t i = 0; i < NCOLUMNS; i++)
		{
			if (agent_span_is(key, columns[i].key))
				take_column(event, i, agent_buffer_span(&text), asof);
		}
		backend |= agent_span_is(key, "backend_type") ||
			agent_span_is(key, "session_id");
	}
	agent_buffer_free(&text);
	if (!backend || event->level == HOMEO_LEVEL_UNKNOWN)
		return false;
	agent_event_set(event, HOMEO_LOG_LANGUAGE, agent_span_string("sql"));
	return true;
}
