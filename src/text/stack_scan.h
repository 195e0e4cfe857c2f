/*
 * stack_scan.h
 *		Pieces of a line, for those that read the lines of stack traces.
 *
 * Needs nothing from the server and allocates nothing.  All of it is linear
 * in the bytes it is given.
 */
#ifndef HOMEO_STACK_SCAN_H
#define HOMEO_STACK_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/ascii.h"
#include "base/slice.h"
#include "text/stacktrace.h"

/* What is left without the first n bytes. */
static inline HomeoSlice
scan_from(HomeoSlice s, size_t n)
{
	return n < s.len ? homeo_slice(s.data + n, s.len - n) :
		homeo_slice(NULL, 0);
}

static inline HomeoSlice
scan_first(HomeoSlice s, size_t n)
{
	return homeo_slice(s.data, n < s.len ? n : s.len);
}

/* Without white space and control characters around it. */
static inline HomeoSlice
scan_trim(HomeoSlice s)
{
	while (s.len > 0 && homeo_ascii_is_space(s.data[s.len - 1]))
		s.len--;
	while (s.len > 0 && homeo_ascii_is_space(s.data[0]))
	{
		s.data++;
		s.len--;
	}
	return homeo_slice(s.data, s.len);
}

static inline bool
scan_starts(HomeoSlice s, const char *literal)
{
	return homeo_ascii_starts(s.data, s.len, literal);
}

static inline bool
scan_ends(HomeoSlice s, const char *literal)
{
	size_t		n = strlen(literal);

	return s.len >= n && memcmp(s.data + s.len - n, literal, n) == 0;
}

static inline bool
scan_equals(HomeoSlice s, const char *literal)
{
	return s.len == strlen(literal) &&
		(s.len == 0 || memcmp(s.data, literal, s.len) == 0);
}

/* Steps over the literal, if the slice begins with it. */
static inline bool
scan_eat(HomeoSlice *s, const char *literal)
{
	if (!scan_starts(*s, literal))
		return false;
	*s = scan_from(*s, strlen(literal));
	return true;
}

/* Takes the literal off the end, if it is there. */
static inline bool
scan_cut(HomeoSlice *s, const char *literal)
{
	if (!scan_ends(*s, literal))
		return false;
	*s = homeo_slice(s->data, s->len - strlen(literal));
	return true;
}

/* The byte at a position; NUL beyond the end. */
static inline char
scan_at(HomeoSlice s, size_t i)
{
	return i < s.len ? s.data[i] : '\0';
}

/* The last byte; NUL if there is none. */
static inline char
scan_last(HomeoSlice s)
{
	return s.len > 0 ? s.data[s.len - 1] : '\0';
}

/* The position of c, or len if there is none. */
static inline size_t
scan_find(HomeoSlice s, char c)
{
	const char *p = s.len > 0 ? memchr(s.data, c, s.len) : NULL;

	return p != NULL ? (size_t) (p - s.data) : s.len;
}

/* The same for the last one. */
static inline size_t
scan_find_last(HomeoSlice s, char c)
{
	size_t		i = s.len;

	while (i > 0)
	{
		if (s.data[--i] == c)
			return i;
	}
	return s.len;
}

/* The bytes between a and b; b must not be before a. */
static inline HomeoSlice
scan_between(HomeoSlice s, size_t a, size_t b)
{
	return b > a ? homeo_slice(s.data + a, b - a) : homeo_slice(NULL, 0);
}

static inline size_t
scan_digits(HomeoSlice s)
{
	size_t		i = 0;

	while (i < s.len && homeo_ascii_is_digit(s.data[i]))
		i++;
	return i;
}

/* Steps over white space. */
static inline void
scan_eat_space(HomeoSlice *s)
{
	size_t		i = 0;

	while (i < s->len && homeo_ascii_is_space(s->data[i]))
		i++;
	*s = scan_from(*s, i);
}

/* The position of a literal, or len if it is not there. */
static inline size_t
scan_find_text(HomeoSlice s, const char *literal)
{
	size_t		n = strlen(literal);
	size_t		i = 0;

	while (i + n <= s.len)
	{
		const char *p = memchr(s.data + i, literal[0], s.len - n + 1 - i);

		if (p == NULL)
			break;
		if (memcmp(p, literal, n) == 0)
			return (size_t) (p - s.data);
		i = (size_t) (p - s.data) + 1;
	}
	return s.len;
}

/* Is it there? */
static inline bool
scan_has(HomeoSlice s, const char *literal)
{
	return scan_find_text(s, literal) < s.len;
}

/* The position of the last one, or len. */
static inline size_t
scan_find_last_text(HomeoSlice s, const char *literal)
{
	size_t		n = strlen(literal);
	size_t		i = s.len;

	while (i >= n)
	{
		if (memcmp(s.data + i - n, literal, n) == 0)
			return i - n;
		i--;
	}
	return s.len;
}

/* Steps over a decimal number; one too large is the largest. */
static inline bool
scan_eat_number(HomeoSlice *s, uint32_t *number)
{
	uint64_t	value = 0;
	size_t		i;

	for (i = 0; i < s->len && homeo_ascii_is_digit(s->data[i]); i++)
	{
		value = value * 10 + (uint64_t) (s->data[i] - '0');
		if (value > UINT32_MAX)
			value = UINT32_MAX;
	}
	if (i == 0)
		return false;
	*number = (uint32_t) value;
	*s = scan_from(*s, i);
	return true;
}

/* Steps over "0x" and hexadecimal digits. */
static inline bool
scan_eat_address(HomeoSlice *s)
{
	size_t		i = 2;

	if (!scan_starts(*s, "0x") && !scan_starts(*s, "0X"))
		return false;
	while (i < s->len && homeo_ascii_is_hex(s->data[i]))
		i++;
	if (i == 2)
		return false;
	*s = scan_from(*s, i);
	return true;
}

/*
 * Takes ":12" from the end.  False, and nothing taken, if it isn't there or
 * nothing would be left.
 */
static inline bool
scan_cut_number(HomeoSlice *s, uint32_t *number)
{
	size_t		i = s->len;
	HomeoSlice	tail;

	while (i > 0 && homeo_ascii_is_digit(s->data[i - 1]))
		i--;
	if (i < 2 || i == s->len || s->data[i - 1] != ':')
		return false;
	tail = scan_from(*s, i);
	(void) scan_eat_number(&tail, number);
	s->len = i - 1;
	return true;
}

/* Splits "file:12:5" or "file:12"; false if no number is there. */
static inline bool
scan_location(HomeoSlice location, HomeoFrame *frame)
{
	uint32_t	last = 0;

	if (!scan_cut_number(&location, &last))
		return false;
	if (scan_cut_number(&location, &frame->line))
		frame->column = last;
	else
		frame->line = last;
	frame->file = location;
	return true;
}

/*
 * For a slice that ends with this bracket, the position of the one that
 * belongs to it; len if there is none.
 */
static inline size_t
scan_matching(HomeoSlice s, char open, char close)
{
	size_t		depth = 0;
	size_t		i = s.len;

	while (i > 0)
	{
		char		c = s.data[--i];

		if (c == close)
			depth++;
		else if (c == open && --depth == 0)
			return i;
	}
	return s.len;
}

/* A call's name, without its arguments if it ends with them. */
static inline HomeoSlice
scan_without_arguments(HomeoSlice s)
{
	size_t		open;

	if (scan_last(s) != ')')
		return s;
	open = scan_matching(s, '(', ')');
	return open > 0 ? scan_trim(scan_first(s, open)) : s;
}

/* Is it a name with nothing else: letters, digits, and any of others? */
static inline bool
scan_is_name(HomeoSlice s, const char *others)
{
	size_t		i;

	for (i = 0; i < s.len; i++)
	{
		if (!homeo_ascii_is_word(s.data[i]) &&
			!homeo_ascii_is_one_of(s.data[i], others))
			return false;
	}
	return s.len > 0;
}

/*
 * Does the line look like the one that says what an error is: a name of a
 * type, with its packages, then nothing or ": " and a message?
 */
static inline bool
scan_is_error_head(HomeoSlice line)
{
	size_t		start = 0;		/* of the name's last part */
	size_t		i;
	HomeoSlice	last;

	for (i = 0; i < line.len; i++)
	{
		char		c = line.data[i];

		if (c == '.' || c == '$' || c == '\\')
			start = i + 1;
		else if (!homeo_ascii_is_word(c))
			break;
	}
	last = scan_between(line, start, i);
	if (i == 0 || last.len == 0 || homeo_ascii_is_digit(line.data[0]) ||
		!(i == line.len || (line.data[i] == ':' &&
							(i + 1 == line.len || line.data[i + 1] == ' '))))
		return false;
	return scan_ends(last, "Error") || scan_ends(last, "Exception") ||
		(start > 0 && homeo_ascii_is_upper(last.data[0]));
}

#endif							/* HOMEO_STACK_SCAN_H */
