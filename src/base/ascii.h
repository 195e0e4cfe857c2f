/*
 * ascii.h
 *		Classes of bytes that do not depend on a locale.
 *
 * Needs nothing from the server.  Bytes from 0x80 are parts of characters
 * that a parser of messages and stack traces need not tell apart: they count
 * as letters of a word, and as nothing else.
 */
#ifndef HOMEO_ASCII_H
#define HOMEO_ASCII_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* What a byte can be; see the functions below. */
#define HOMEO_ASCII_DIGIT	0x01
#define HOMEO_ASCII_UPPER	0x02
#define HOMEO_ASCII_LOWER	0x04
#define HOMEO_ASCII_HEX		0x08
#define HOMEO_ASCII_HIGH	0x10
#define HOMEO_ASCII_UNDER	0x20

static const unsigned char homeo_ascii_classes[256] = {
	['0' ... '9'] = HOMEO_ASCII_DIGIT | HOMEO_ASCII_HEX,
	['A' ... 'F'] = HOMEO_ASCII_UPPER | HOMEO_ASCII_HEX,
	['G' ... 'Z'] = HOMEO_ASCII_UPPER,
	['a' ... 'f'] = HOMEO_ASCII_LOWER | HOMEO_ASCII_HEX,
	['g' ... 'z'] = HOMEO_ASCII_LOWER,
	['_'] = HOMEO_ASCII_UNDER,
	[0x80 ... 0xff] = HOMEO_ASCII_HIGH
};

static inline bool
homeo_ascii_is(char c, int classes)
{
	return (homeo_ascii_classes[(unsigned char) c] & classes) != 0;
}

static inline bool
homeo_ascii_is_digit(char c)
{
	return homeo_ascii_is(c, HOMEO_ASCII_DIGIT);
}

static inline char
homeo_ascii_lower(char c)
{
	return (c >= 'A' && c <= 'Z') ? (char) (c - 'A' + 'a') : c;
}

static inline bool
homeo_ascii_is_upper(char c)
{
	return homeo_ascii_is(c, HOMEO_ASCII_UPPER);
}

static inline bool
homeo_ascii_is_alpha(char c)
{
	return homeo_ascii_is(c, HOMEO_ASCII_UPPER | HOMEO_ASCII_LOWER);
}

static inline bool
homeo_ascii_is_alnum(char c)
{
	return homeo_ascii_is(c, HOMEO_ASCII_UPPER | HOMEO_ASCII_LOWER |
						  HOMEO_ASCII_DIGIT);
}

static inline bool
homeo_ascii_is_hex(char c)
{
	return homeo_ascii_is(c, HOMEO_ASCII_HEX);
}

static inline bool
homeo_ascii_is_high(char c)
{
	return homeo_ascii_is(c, HOMEO_ASCII_HIGH);
}

/* A part of an identifier or of a word of any language. */
static inline bool
homeo_ascii_is_word(char c)
{
	return homeo_ascii_is(c, HOMEO_ASCII_UPPER | HOMEO_ASCII_LOWER |
						  HOMEO_ASCII_DIGIT | HOMEO_ASCII_UNDER |
						  HOMEO_ASCII_HIGH);
}

/* White space and every other control character, NUL included. */
static inline bool
homeo_ascii_is_space(char c)
{
	return ((unsigned char) c) <= ' ' || c == 0x7f;
}

/* Unlike strchr, finds no NUL. */
static inline bool
homeo_ascii_is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

/* Does a text of len bytes begin with this literal? */
static inline bool
homeo_ascii_starts(const char *text, size_t len, const char *literal)
{
	size_t		n = strlen(literal);

	return len >= n && memcmp(text, literal, n) == 0;
}

/* The same in any case; the literal is in lower case. */
static inline bool
homeo_ascii_starts_nocase(const char *text, size_t len, const char *literal)
{
	size_t		i;

	for (i = 0; literal[i] != '\0'; i++)
	{
		if (i >= len || homeo_ascii_lower(text[i]) != literal[i])
			return false;
	}
	return true;
}

static inline bool
homeo_ascii_equals(const char *text, size_t len, const char *literal)
{
	return len == strlen(literal) && memcmp(text, literal, len) == 0;
}

static inline bool
homeo_ascii_equals_nocase(const char *text, size_t len, const char *literal)
{
	return len == strlen(literal) &&
		homeo_ascii_starts_nocase(text, len, literal);
}

#endif							/* HOMEO_ASCII_H */
