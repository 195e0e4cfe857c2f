/*
 * json_scan.c
 *		Reads plain JSON from front to back.
 *
 * Called by whoever has events as text.  Linear in the length of the text; the
 * levels of an object, which the caller limits, are levels of recursion.
 */
#include "text/json_scan.h"

#include "base/ascii.h"

/* Longer ones may be beyond what a jsonb takes. */
#define MAX_DIGITS	30

static bool copy_value(HomeoJsonScan *scan, int depth);

void
homeo_json_scan_init(HomeoJsonScan *scan, HomeoSlice text, char *room)
{
	scan->at = text.data;
	scan->end = text.data + text.len;

	scan->out = room;
}

static bool
is_white(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static void
skip_white(HomeoJsonScan *scan)
{
	while (scan->at < scan->end && is_white(*scan->at))
		scan->at++;
}

bool
homeo_json_scan_end(HomeoJsonScan *scan)
{
	skip_white(scan);
	return scan->at == scan->end;
}

bool
homeo_json_scan_take(HomeoJsonScan *scan, char c)
{
	skip_white(scan);
	if (scan->at == scan->end || *scan->at != c)
		return false;
	scan->at++;
	return true;
}

/* Consumes the word, which no other one begins with. */
static bool
take_word(HomeoJsonScan *scan, const char *word)
{
	skip_white(scan);
	if (!homeo_ascii_starts(scan->at, (size_t) (scan->end - scan->at), word))
		return false;
	scan->at += strlen(word);
	return true;
}

bool
homeo_json_scan_null(HomeoJsonScan *scan)
{
	return take_word(scan, "null");
}

/* Whether a byte stands for itself within a string. */
static bool
is_plain(char c)
{
	return (unsigned char) c >= ' ' && c != '"' && c != '\\';
}

/* What a letter behind a backslash stands for; NUL: that is not for us. */
static char
unescape(char c)
{
	switch (c)
	{
		case 'n':
			return '\n';
		case 't':
			return '\t';
		case 'r':
			return '\r';
		case 'b':
			return '\b';
		case 'f':
			return '\f';
		case '"':
		case '\\':
			return c;
		default:
			return '\0';
	}
}

/* The bytes that stand for themselves from here on, which are consumed. */
static HomeoSlice
take_plain(HomeoJsonScan *scan)
{
	HomeoSlice	run = {scan->at, 0};

	while (scan->at < scan->end && is_plain(*scan->at))
		scan->at++;
	run.len = (size_t) (scan->at - run.data);
	return run;
}

static bool
close_string(HomeoJsonScan *scan)
{
	if (scan->at == scan->end || *scan->at != '"')
		return false;
	scan->at++;
	return true;
}

static void
put(HomeoJsonScan *scan, HomeoSlice bytes)
{
	memcpy(scan->out, bytes.data, bytes.len);
	scan->out += bytes.len;
}

/* Copies what the rest of a string stands for, and consumes its end. */
static bool
unescape_string(HomeoJsonScan *scan)
{
	put(scan, take_plain(scan));
	while (scan->end - scan->at >= 2 && *scan->at == '\\')
	{
		char		c = unescape(scan->at[1]);

		if (c == '\0')
			return false;
		*scan->out++ = c;
		scan->at += 2;
		put(scan, take_plain(scan));
	}
	return close_string(scan);
}

bool
homeo_json_scan_string(HomeoJsonScan *scan, HomeoSlice *value)
{
	const char *start;

	if (!homeo_json_scan_take(scan, '"'))
		return false;
	start = scan->at;
	*value = take_plain(scan);
	if (close_string(scan))
		return true;
	scan->at = start;
	value->data = scan->out;
	if (!unescape_string(scan))
		return false;
	value->len = (size_t) (scan->out - value->data);
	return true;
}

bool
homeo_json_scan_lines(HomeoJsonScan *scan, HomeoSlice *value)
{
	value->data = scan->out;
	if (!homeo_json_scan_take(scan, '['))
		return false;
	if (!homeo_json_scan_take(scan, ']'))
	{
		do
		{
			if (scan->out > value->data)
				*scan->out++ = '\n';
			if (!homeo_json_scan_take(scan, '"') || !unescape_string(scan))
				return false;
		} while (homeo_json_scan_take(scan, ','));
		if (!homeo_json_scan_take(scan, ']'))
			return false;
	}
	value->len = (size_t) (scan->out - value->data);
	return true;
}

/* Copies a string as it is, which is how PostgreSQL would print it. */
static bool
copy_string(HomeoJsonScan *scan)
{
	HomeoSlice	whole = {scan->at, 0};

	scan->at++;
	(void) take_plain(scan);
	while (scan->end - scan->at >= 2 && *scan->at == '\\')
	{
		if (unescape(scan->at[1]) == '\0')
			return false;
		scan->at += 2;
		(void) take_plain(scan);
	}
	if (!close_string(scan))
		return false;
	whole.len = (size_t) (scan->at - whole.data);
	put(scan, whole);
	return true;
}

static size_t
skip_digits(HomeoJsonScan *scan)
{
	const char *first = scan->at;

	while (scan->at < scan->end && homeo_ascii_is_digit(*scan->at))
		scan->at++;
	return (size_t) (scan->at - first);
}

/* Copies a number that is printed as it is written: -0 is not. */
static bool
copy_number(HomeoJsonScan *scan)
{
	HomeoSlice	whole = {scan->at, 0};
	const char *first;
	size_t		digits;

	if (*scan->at == '-')
		scan->at++;
	first = scan->at;
	digits = skip_digits(scan);
	if (digits == 0 || (*first == '0' && (digits > 1 || first > whole.data)))
		return false;
	if (scan->at < scan->end && *scan->at == '.')
	{
		scan->at++;
		if (skip_digits(scan) == 0)
			return false;
	}
	whole.len = (size_t) (scan->at - whole.data);
	put(scan, whole);
	return whole.len <= MAX_DIGITS &&
		(scan->at == scan->end || !homeo_ascii_is_alnum(*scan->at));
}

static bool
copy_word(HomeoJsonScan *scan, const char *word)
{
	HomeoSlice	whole = {word, strlen(word)};

	if (!take_word(scan, word))
		return false;
	put(scan, whole);
	return true;
}

/* A key and its colon. */
static bool
copy_key(HomeoJsonScan *scan)
{
	static const HomeoSlice colon = {": ", 2};

	skip_white(scan);
	if (scan->at == scan->end || *scan->at != '"' || !copy_string(scan) ||
		!homeo_json_scan_take(scan, ':'))
		return false;
	put(scan, colon);
	return true;
}

/* An object or array, up to the bracket that closes it. */
static bool
copy_container(HomeoJsonScan *scan, char close, int depth)
{
	static const HomeoSlice comma = {", ", 2};

	if (depth == 0)
		return false;
	*scan->out++ = *scan->at++;
	if (!homeo_json_scan_take(scan, close))
	{
		for (;;)
		{
			if ((close == '}' && !copy_key(scan)) ||
				!copy_value(scan, depth - 1))
				return false;
			if (!homeo_json_scan_take(scan, ','))
				break;
			put(scan, comma);
		}
		if (!homeo_json_scan_take(scan, close))
			return false;
	}
	*scan->out++ = close;
	return true;
}

static bool
copy_value(HomeoJsonScan *scan, int depth)
{
	skip_white(scan);
	if (scan->at == scan->end)
		return false;
	switch (*scan->at)
	{
		case '{':
			return copy_container(scan, '}', depth);
		case '[':
			return copy_container(scan, ']', depth);
		case '"':
			return copy_string(scan);
		case 't':
			return copy_word(scan, "true");
		case 'f':
			return copy_word(scan, "false");
		case 'n':
			return copy_word(scan, "null");
		default:
			return copy_number(scan);
	}
}

bool
homeo_json_scan_object(HomeoJsonScan *scan, int depth, HomeoSlice *value)
{
	skip_white(scan);
	value->data = scan->out;
	if (scan->at == scan->end || *scan->at != '{' || !copy_value(scan, depth))
		return false;
	value->len = (size_t) (scan->out - value->data);
	return true;
}
