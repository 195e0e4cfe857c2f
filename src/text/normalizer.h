/*
 * normalizer.h
 *		A text on its way through the normaliser: what the parts of
 *		normalize.c share.
 *
 * For normalize*.c only.  The text is read from left to right, and what it
 * becomes is written to a place of its own.
 */
#ifndef HOMEO_NORMALIZER_H
#define HOMEO_NORMALIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/ascii.h"
#include "text/normalize.h"

/* Pairs of quotes that are told apart; see normalize_quote.c. */
#define QUOTE_PAIRS		7

typedef enum HomeoPlaceholder
{
	NOTHING, DATE, DURATION, EMAIL, HEX, HOST, IP, NUMBER, PATH, SIZE, URL, UUID,
	VALUE, QUOTED_VALUE
} HomeoPlaceholder;

static const char *const placeholder_text[] = {
	[NOTHING] = "",
	[DATE] = "<date>",
	[DURATION] = "<duration>",
	[EMAIL] = "<email>",
	[HEX] = "<hex>",
	[HOST] = "<host>",
	[IP] = "<ip>",
	[NUMBER] = "<n>",
	[PATH] = "<path>",
	[SIZE] = "<size>",
	[URL] = "<url>",
	[UUID] = "<uuid>",
	[VALUE] = "'<value>'",
	[QUOTED_VALUE] = "\"<value>\""
};

typedef struct HomeoNormalizer
{
	const char *in;
	size_t		len;
	size_t		pos;			/* next byte to look at */
	HomeoNormalizeMode mode;

	char	   *out;
	size_t		cap;
	size_t		n;				/* bytes written */
	bool		full;
	bool		blank;			/* white space was seen since the last byte */

	HomeoPlaceholder last;		/* the one written last */
	size_t		last_end;		/* n after it */

	/* Failed or far searches; see the comment of normalize.c. */
	bool		unclosed[QUOTE_PAIRS];
	size_t		next_at;		/* the first '@' at or after pos, if known */
	size_t		dotted_end;		/* no host begins before this */
} HomeoNormalizer;

/* The length of the whole characters among the first n bytes. */
static inline size_t
clip_utf8(const char *text, size_t n)
{
	size_t		back;

	for (back = 1; back <= 4 && back <= n; back++)
	{
		unsigned char c = (unsigned char) text[n - back];
		size_t		need;

		if (c < 0x80)
			return n;
		if (c < 0xc0)
			continue;			/* not the first byte of a character */
		need = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
		return need > back ? n - back : n;
	}
	return n;
}

static inline void
put(HomeoNormalizer *s, const char *bytes, size_t n)
{
	if (s->blank && s->n > 0 && s->n < s->cap)
		s->out[s->n++] = ' ';
	s->blank = false;
	if (n > s->cap - s->n)
	{
		n = s->cap - s->n;
		s->full = true;
	}
	if (n > 0)
		memcpy(s->out + s->n, bytes, n);
	s->n += n;
	if (s->full)
		s->n = clip_utf8(s->out, s->n);
}

static inline void
copy(HomeoNormalizer *s, size_t n)
{
	put(s, s->in + s->pos, n);
	s->pos += n;
}

/*
 * Writes a placeholder for the next n bytes, unless only a comma or a blank
 * lies between it and the one before, which is the same.
 */
static inline void
replace(HomeoNormalizer *s, size_t n, HomeoPlaceholder what)
{
	bool		comma = s->n > s->last_end && s->out[s->last_end] == ',';

	s->pos += n;
	if (s->last == what && s->n == s->last_end + (comma ? 1 : 0))
	{
		s->n = s->last_end;
		s->blank = false;
		return;
	}
	put(s, placeholder_text[what], strlen(placeholder_text[what]));
	s->last = what;
	s->last_end = s->n;
}

static inline const char *
rest(const HomeoNormalizer *s)
{
	return s->in + s->pos;
}

static inline size_t
rest_len(const HomeoNormalizer *s)
{
	return s->len - s->pos;
}

/* Could a word begin here? */
static inline bool
at_word_start(const HomeoNormalizer *s)
{
	return s->pos == 0 || !homeo_ascii_is_word(s->in[s->pos - 1]);
}

/*
 * Replaces a quoted text, or copies it if it may be a name; false: none begins
 * at pos.
 */
extern bool homeo_normalize_quoted(HomeoNormalizer *s);

#endif							/* HOMEO_NORMALIZER_H */
