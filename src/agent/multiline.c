/*
 * multiline.c
 *		Which lines of a text belong together: a message and its stack trace.
 *
 * A logger that writes the time begins each record with it, so that whatever
 * has none goes on.  Others are told by what stack traces look like.
 */
#include "agent/multiline.h"

/* Any year will do to see that there is a time: the end of 2099. */
#define SOME_TIME		(INT64_C(4102444800) * 1000000)

/* Levels are looked for in the first words only: further on it is text. */
#define LEVEL_WORDS		8
#define LEVEL_BYTES		160

size_t
agent_line_time(HomeoSpan line, int64_t asof, HomeoTimestamp *result)
{
	size_t		before = 0;
	size_t		n;

	memset(result, 0, sizeof(*result));
	/* <priority> is what a syslog daemon may leave. */
	if (line.len > 3 && line.data[0] == '<' && agent_is_digit(line.data[1]))
	{
		const char *end = memchr(line.data, '>', line.len < 6 ? line.len : 6);

		if (end != NULL)
			before = (size_t) (end - line.data) + 1;
	}
	if (before < line.len && (line.data[before] == '[' ||
							  line.data[before] == '('))
		before++;
	n = agent_timestamp_read(agent_span_from(line, before), asof, result);
	if (n == 0)
		return 0;
	n += before;
	while (n < line.len && (line.data[n] == ']' || line.data[n] == ')'))
		n++;
	return n;
}

/* What PostgreSQL writes behind an error, each with a time: no level follows. */
static bool
is_addition(HomeoSpan line, size_t start, size_t end)
{
	static const char *const additions[] = {
		"DETAIL", "HINT", "CONTEXT", "STATEMENT", "QUERY", "LOCATION"
	};

	if (end == line.len || line.data[end] != ':')
		return false;
	for (size_t i = 0; i < sizeof(additions) / sizeof(additions[0]); i++)
	{
		if (agent_span_is(agent_span(line.data + start, end - start),
						  additions[i]))
			return true;
	}
	return false;
}

static bool
is_word_byte(char c)
{
	return agent_is_letter(c) || agent_is_digit(c);
}

/* A word in capitals, or one that is set off: [error], error:, level=error */
static HomeoLevel
level_of_place(HomeoSpan line, size_t start, size_t end)
{
	HomeoSpan	word = agent_span(line.data + start, end - start);
	HomeoLevel	level;
	char		before = start > 0 ? line.data[start - 1] : ' ';
	char		after = end < line.len ? line.data[end] : ' ';

	if (word.len < 3 || word.len > 13)
		return HOMEO_LEVEL_UNKNOWN;
	level = agent_level_of_word(word);
	if (level == HOMEO_LEVEL_UNKNOWN)
		return HOMEO_LEVEL_UNKNOWN;
	if (before == '.' || before == '/' || before == '_' || after == '.' ||
		after == '/' || after == '_' || after == '(')
		return HOMEO_LEVEL_UNKNOWN;
	if ((before == '[' || before == '<' || before == '(' || before == '|') &&
		(after == ']' || after == '>' || after == ')' || after == '|'))
		return level;
	/* nginx and Apache: [module:error] */
	if (before == ':' && after == ']')
		return level;
	if (after == ':' || before == '=')
		return level;
	for (size_t i = 0; i < word.len; i++)
	{
		if (!agent_is_upper(word.data[i]) && !agent_is_digit(word.data[i]))
			return HOMEO_LEVEL_UNKNOWN;
	}
	return level;
}

HomeoLevel
agent_line_level(HomeoSpan line, size_t *start, size_t *end)
{
	size_t		limit = line.len < LEVEL_BYTES ? line.len : LEVEL_BYTES;
	size_t		i = 0;

	for (int words = 0; words < LEVEL_WORDS; words++)
	{
		HomeoLevel	level;

		while (i < limit && !agent_is_letter(line.data[i]))
			i++;
		*start = i;
		while (i < limit && is_word_byte(line.data[i]))
			i++;
		if (*start == i || is_addition(line, *start, i))
			return HOMEO_LEVEL_UNKNOWN;
		level = level_of_place(line, *start, i);
		if (level == HOMEO_LEVEL_UNKNOWN)
			continue;
		if (*start > 0 && strchr("[<(|", line.data[*start - 1]) != NULL)
			(*start)--;
		while (i < line.len && strchr("]>)|:", line.data[i]) != NULL &&
			   line.data[i] != '\0')
			i++;
		*end = i;
		return level;
	}
	return HOMEO_LEVEL_UNKNOWN;
}

size_t
agent_line_exception(HomeoSpan line)
{
	static const char *const endings[] = {
		"Error", "Exception", "Throwable", "Failure", "Fault", "Interrupt",
		"Exit", "Warning"
	};
	size_t		n = 0;

	while (n < line.len && (is_word_byte(line.data[n]) || line.data[n] == '.' ||
							line.data[n] == '_' || line.data[n] == '$' ||
							line.data[n] == '\\'))
		n++;
	if (n < 5 || n > 250 || !agent_is_letter(line.data[0]) ||
		(n < line.len && line.data[n] != ':' && line.data[n] != ' ') ||
		(n + 1 < line.len && line.data[n] == ' ' && line.data[n + 1] != '['))
		return 0;
	/* A class of any name, if it is in a package and a message follows. */
	if (n + 1 < line.len && line.data[n] == ':' && line.data[n + 1] == ' ')
	{
		const char *dot = memrchr(line.data, '.', n);

		if (dot != NULL && dot + 1 < line.data + n && agent_is_upper(dot[1]))
			return n;
	}
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
	{
		size_t		len = strlen(endings[i]);

		if (n >= len && memcmp(line.data + n - len, endings[i], len) == 0)
			return n;
	}
	return 0;
}

static bool
starts_with_one(HomeoSpan line, const char *const *beginnings)
{
	for (; *beginnings != NULL; beginnings++)
	{
		if (agent_span_starts(line, *beginnings))
			return true;
	}
	return false;
}

bool
agent_line_is_crash(HomeoSpan line)
{
	static const char *const beginnings[] = {
		"Traceback (most recent call last)", "Exception in thread",
		"Unhandled exception", "Uncaught ", "PHP Fatal error", "PHP Parse error",
		"Fatal error:", "panic: ", "fatal error: ", "Segmentation fault", NULL
	};

	if (starts_with_one(line, beginnings))
		return true;
	return agent_span_starts(line, "thread '") &&
		agent_span_has(line, "panicked at");
}

/* A line that only goes on with what was said before. */
static bool
is_continuation(HomeoSpan line)
{
	static const char *const beginnings[] = {
		"Caused by:", "Suppressed:", "... ", "Stack trace:", "stack backtrace:",
		"goroutine ", "created by ", "exit status ", "note: run with ",
		"note: Some details", "DETAIL:", "HINT:", "CONTEXT:", "}", "]", ")",
		"-- ", "--- End of", "#", "from ", "at ", "|", NULL
	};

	return starts_with_one(line, beginnings);
}

static bool
announces_another(HomeoSpan line)
{
	return agent_span_starts(line, "During handling of the above exception") ||
		agent_span_starts(line, "The above exception was the direct cause");
}

static HomeoTrace
trace_of(HomeoSpan line)
{
	if (agent_span_starts(line, "Traceback (most recent call last)"))
		return HOMEO_TRACE_PYTHON;
	if (agent_span_starts(line, "panic: ") ||
		agent_span_starts(line, "fatal error: ") ||
		agent_span_starts(line, "goroutine "))
		return HOMEO_TRACE_GO;
	return HOMEO_TRACE_NONE;
}

void
agent_multiline_begin(HomeoMultiline *record, HomeoSpan line)
{
	HomeoTimestamp timestamp;
	size_t		start;
	size_t		end;
	size_t		n = agent_line_time(line, SOME_TIME, &timestamp);

	memset(record, 0, sizeof(*record));
	record->lines = 1;
	record->timed = n > 0;
	record->level = agent_line_level(agent_span_from(line, n), &start, &end);
	record->trace = trace_of(line);
	if (record->level == HOMEO_LEVEL_UNKNOWN &&
		(agent_line_is_crash(line) || agent_line_exception(line) > 0))
	{
		record->level = HOMEO_LEVEL_ERROR;
		if (record->trace == HOMEO_TRACE_NONE)
			record->trace = HOMEO_TRACE_OTHER;
	}
}

/* Does the line open a record whatever came before? */
static bool
opens(HomeoSpan line)
{
	HomeoTimestamp timestamp;
	size_t		start;
	size_t		end;

	if (line.len > 0 && line.data[0] == '{' &&
		line.data[line.len - 1] == '}')
		return true;
	if (agent_line_time(line, SOME_TIME, &timestamp) > 0)
		return true;
	return agent_line_level(line, &start, &end) != HOMEO_LEVEL_UNKNOWN &&
		start == 0 && (line.data[0] == '[' || agent_is_upper(line.data[1]));
}

/* A line with something in it, which does not begin with a blank. */
static bool
take_flush_left(HomeoMultiline *record, HomeoSpan line)
{
	bool		bad = record->level >= HOMEO_LEVEL_WARNING;

	if (opens(line))
		return false;
	if (announces_another(line))
	{
		record->chained = true;
		return record->lines > 1;
	}
	if (trace_of(line) == HOMEO_TRACE_PYTHON)
	{
		bool		mine = record->chained || record->timed ||
		(bad && record->lines == 1 && record->trace == HOMEO_TRACE_NONE);

		record->trace = HOMEO_TRACE_PYTHON;
		record->chained = false;
		return mine;
	}
	if (record->timed || is_continuation(line))
		return record->timed || !record->blank ||
			agent_span_starts(line, "goroutine ");
	if (record->trace == HOMEO_TRACE_PYTHON)
	{
		/* The exception ends its traceback. */
		record->trace = HOMEO_TRACE_OTHER;
		return !record->blank;
	}
	if (record->trace == HOMEO_TRACE_GO)
		return !record->blank || agent_span_starts(line, "goroutine ");
	return bad && record->lines == 1 && !agent_line_is_crash(line) &&
		agent_line_exception(line) > 0;
}

bool
agent_multiline_take(HomeoMultiline *record, HomeoSpan line)
{
	bool		empty = agent_span_trim(line).len == 0;

	if (!empty && line.data[0] != ' ' && line.data[0] != '\t' &&
		!take_flush_left(record, line))
		return false;
	/* Behind an empty line, an indented one is a paragraph of its own. */
	if (!empty && record->blank && !record->timed &&
		record->trace == HOMEO_TRACE_NONE)
		return false;
	record->blank = empty;
	record->lines++;
	return true;
}
