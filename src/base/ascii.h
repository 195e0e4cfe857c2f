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

static inline bool
homeo_ascii_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline char
homeo_ascii_lower(char c)
{
	return (c >= 'A' && c <= 'Z') ? (char) (c - 'A' + 'a') : c;
}

static inline bool
homeo_ascii_is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static inline bool
homeo_ascii_is_alpha(char c)
{
	c = homeo_ascii_lower(c);
	return c >= 'a' && c <= 'z';
}

static inline bool
homeo_ascii_is_alnum(char c)
{
	return homeo_ascii_is_alpha(c) || homeo_ascii_is_digit(c);
}

static inline bool
homeo_ascii_is_hex(char c)
{
	c = homeo_ascii_lower(c);
	return homeo_ascii_is_digit(c) || (c >= 'a' && c <= 'f');
}

static inline bool
homeo_ascii_is_high(char c)
{
	return ((unsigned char) c) >= 0x80;
}

/* A part of an identifier or of a word of any language. */
static inline bool
homeo_ascii_is_word(char c)
{
	return homeo_ascii_is_alnum(c) || c == '_' || homeo_ascii_is_high(c);
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
