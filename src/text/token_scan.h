/*
 * token_scan.h
 *		Pieces of a text, for those that recognise what varies in it.
 *
 * For token_*.c only.  Inline because they are called for almost each byte of
 * a message.  end is behind the last byte of the text; p may be there, too,
 * and nothing is read from there.
 */
#ifndef HOMEO_TOKEN_SCAN_H
#define HOMEO_TOKEN_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/ascii.h"

/* The length of the run of digits at p, at most max. */
static inline size_t
digits(const char *p, const char *end, size_t max)
{
	size_t		n = 0;

	while (n < max && p + n < end && homeo_ascii_is_digit(p[n]))
		n++;
	return n;
}

static inline size_t
hex_digits(const char *p, const char *end, size_t max)
{
	size_t		n = 0;

	while (n < max && p + n < end && homeo_ascii_is_hex(p[n]))
		n++;
	return n;
}

static inline bool
at(const char *p, const char *end, char c)
{
	return p < end && *p == c;
}

/* Does a word end at p? */
static inline bool
boundary(const char *p, const char *end)
{
	return p >= end || !homeo_ascii_is_word(*p);
}

/* The same where a part of an identifier may end, too. */
static inline bool
part_boundary(const char *p, const char *end)
{
	return boundary(p, end) || *p == '_';
}

/* The value of a run of at most four digits. */
static inline int
small_number(const char *p, size_t n)
{
	int			value = 0;

	while (n-- > 0)
		value = value * 10 + (*p++ - '0');
	return value;
}

/* 12:34, 12:34:56, 12:34:56.789; NULL if it isn't one. */
static inline const char *
skip_clock(const char *p, const char *end, bool seconds_needed)
{
	size_t		n = digits(p, end, 9);
	bool		seconds = false;
	int			i;

	if (n == 0)
		return NULL;
	p += n;
	for (i = 0; i < 2; i++)
	{
		if (!at(p, end, ':') || digits(p + 1, end, 3) != 2 || p[1] > '5')
			break;
		seconds = i == 1;
		p += 3;
	}
	if (i == 0 || (seconds_needed && !seconds))
		return NULL;
	if (seconds && (at(p, end, '.') || at(p, end, ',')))
	{
		n = digits(p + 1, end, 12);
		if (n > 0)
			p += 1 + n;
	}
	return p;
}

#endif							/* HOMEO_TOKEN_SCAN_H */
