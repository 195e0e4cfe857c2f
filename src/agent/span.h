/*
 * span.h
 *		A piece of text that belongs to somebody else.
 *
 * Any bytes, no terminator, valid as long as what it points into.
 */
#ifndef HOMEO_AGENT_SPAN_H
#define HOMEO_AGENT_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

typedef struct HomeoSpan
{
	const char *data;
	size_t		len;
} HomeoSpan;

static inline HomeoSpan
agent_span(const char *data, size_t len)
{
	HomeoSpan	span = {data, len};

	return span;
}

static inline HomeoSpan
agent_span_string(const char *string)
{
	return agent_span(string, strlen(string));
}

/* What is left without the first n bytes. */
static inline HomeoSpan
agent_span_from(HomeoSpan span, size_t n)
{
	if (n > span.len)
		n = span.len;
	return agent_span(span.data + n, span.len - n);
}

static inline bool
agent_span_starts(HomeoSpan span, const char *literal)
{
	size_t		len = strlen(literal);

	return span.len >= len && memcmp(span.data, literal, len) == 0;
}

static inline bool
agent_span_ends(HomeoSpan span, const char *literal)
{
	size_t		len = strlen(literal);

	return span.len >= len &&
		memcmp(span.data + span.len - len, literal, len) == 0;
}

static inline bool
agent_span_is(HomeoSpan span, const char *literal)
{
	return span.len == strlen(literal) && agent_span_starts(span, literal);
}

/* Whatever the case of ASCII letters. */
static inline bool
agent_span_is_nocase(HomeoSpan span, const char *literal)
{
	return span.len == strlen(literal) &&
		strncasecmp(span.data, literal, span.len) == 0;
}

static inline bool
agent_span_has(HomeoSpan span, const char *literal)
{
	return memmem(span.data, span.len, literal, strlen(literal)) != NULL;
}

static inline bool
agent_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static inline bool
agent_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
agent_is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool
agent_is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static inline HomeoSpan
agent_span_trim(HomeoSpan span)
{
	while (span.len > 0 && agent_is_blank(span.data[span.len - 1]))
		span.len--;
	while (span.len > 0 && agent_is_blank(span.data[0]))
		span = agent_span_from(span, 1);
	return span;
}

/* Without the mark of UTF-8 that some programs begin a file with. */
static inline HomeoSpan
agent_span_unmark(HomeoSpan span)
{
	return agent_span_from(span, agent_span_starts(span, "\xef\xbb\xbf") ?
						   3 : 0);
}

/* The first line, without its end; *rest gets what follows. */
static inline HomeoSpan
agent_span_line(HomeoSpan span, HomeoSpan *rest)
{
	const char *end = span.len == 0 ? NULL :
	memchr(span.data, '\n', span.len);
	size_t		len = end == NULL ? span.len : (size_t) (end - span.data);
	HomeoSpan	line = agent_span(span.data, len);

	*rest = agent_span_from(span, end == NULL ? len : len + 1);
	if (line.len > 0 && line.data[line.len - 1] == '\r')
		line.len--;
	return line;
}

#endif							/* HOMEO_AGENT_SPAN_H */
