/*
 * format.c
 *		The formats of logs, which one a file has, and records that are lines.
 */
#include "agent/format.h"

#include "agent/json.h"

/* The length of the line at pos, with its end; 0: it has none yet. */
static size_t
line_length(HomeoSpan data, size_t pos, HomeoMore more)
{
	const char *end = pos == data.len ? NULL :
	memchr(data.data + pos, '\n', data.len - pos);

	if (end != NULL)
		return (size_t) (end - data.data) + 1 - pos;
	return more == HOMEO_MORE_NEVER ? data.len - pos : 0;
}

/*
 * Lines that belong together.  One that is a record by itself, if alone says
 * so, is not waited for.
 */
static size_t
frame_lines(HomeoFrame *frame, HomeoSpan data, HomeoMore more,
			bool (*alone) (HomeoSpan line))
{
	size_t		n;

	while ((n = line_length(data, frame->scanned, more)) > 0)
	{
		HomeoSpan	rest;
		HomeoSpan	line = agent_span_line(agent_span(data.data + frame->scanned,
													  n), &rest);

		if (frame->lines.lines == 0)
		{
			line = agent_span_unmark(line);
			if (alone != NULL && alone(line))
				return n;
			agent_multiline_begin(&frame->lines, line);
		}
		else if ((alone != NULL && alone(line)) ||
				 !agent_multiline_take(&frame->lines, line))
			return frame->scanned;
		frame->scanned += n;
	}
	return more == HOMEO_MORE_COMES ? 0 : frame->scanned;
}

static size_t
frame_text(HomeoFrame *frame, HomeoSpan data, HomeoMore more)
{
	return frame_lines(frame, data, more, NULL);
}

static bool
is_object(HomeoSpan line)
{
	line = agent_span_trim(line);
	return line.len > 1 && line.data[0] == '{' &&
		line.data[line.len - 1] == '}';
}

/* What a program writes between its objects, such as a crash, is text. */
static size_t
frame_json(HomeoFrame *frame, HomeoSpan data, HomeoMore more)
{
	return frame_lines(frame, data, more, is_object);
}

static size_t
frame_logfmt(HomeoFrame *frame, HomeoSpan data, HomeoMore more)
{
	return frame_lines(frame, data, more, agent_is_logfmt);
}

static const HomeoFormat formats[] = {
	{"text", frame_text, agent_format_text, NULL},
	{"json", frame_json, agent_format_json, NULL},
	{"jsonlog", frame_json, agent_format_jsonlog, NULL},
	{"logfmt", frame_logfmt, agent_format_logfmt, NULL},
	{"csvlog", agent_frame_csvlog, agent_format_csvlog, agent_csvlog_begins},
	{"journal", agent_frame_journal, agent_format_journal, agent_journal_begins}
};

#define NFORMATS	(sizeof(formats) / sizeof(formats[0]))

const HomeoFormat *
agent_format_named(const char *name)
{
	for (size_t i = 0; i < NFORMATS; i++)
	{
		if (strcmp(formats[i].name, name) == 0)
			return &formats[i];
	}
	return NULL;
}

const char *
agent_format_names(void)
{
	return "auto, text, json, logfmt, csvlog, jsonlog, journal";
}

/* The first column is a time, and there are as many as the server writes. */
static bool
is_csvlog(HomeoSpan line)
{
	int			commas = 0;

	for (size_t i = 0; i < line.len; i++)
		commas += line.data[i] == ',';
	/* A message of several lines may come behind thirteen of them. */
	return commas >= 13 && agent_csvlog_begins(line);
}

const HomeoFormat *
agent_format_detect(HomeoSpan beginning)
{
	HomeoSpan	rest = agent_span_unmark(beginning);

	/* A program may write a few words before its logger is ready. */
	for (int lines = 0; lines < 10 && rest.len > 0; lines++)
	{
		HomeoSpan	line = agent_span_line(rest, &rest);

		if (is_object(line) && agent_json_valid(line))
			return agent_format_named(agent_span_has(line, "\"error_severity\"") &&
									  agent_span_has(line, "\"session_id\"") ?
									  "jsonlog" : "json");
		if (agent_journal_begins(line))
			return agent_format_named("journal");
		if (is_csvlog(line))
			return agent_format_named("csvlog");
		if (agent_is_logfmt(line))
			return agent_format_named("logfmt");
	}
	return agent_format_named("text");
}

void
agent_format_parse(const HomeoFormat *format, HomeoSpan record, int64_t asof,
				   HomeoLogEvent *event)
{
	agent_event_clear(event);
	record = agent_span_unmark(record);
	if (format->parse(record, asof, event))
		return;
	agent_event_clear(event);
	(void) agent_format_text(record, asof, event);
}
