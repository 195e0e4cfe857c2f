/*
 * scrubber.h
 *		A text on its way through the scrubber: what the parts of scrub.c
 *		share.
 *
 * For scrub*.c only.  The text is read from left to right, and what may stay
 * is copied over what was removed.  Positions are of the text as it came; its
 * end reads as a NUL, which counts as white space.
 */
#ifndef HOMEO_SCRUBBER_H
#define HOMEO_SCRUBBER_H

#include <stdint.h>

#include "base/ascii.h"

#define MARK		"***"
#define MARK_LEN	3

typedef struct HomeoScrubber
{
	char	   *buf;
	size_t		len;
	size_t		in;				/* next byte to look at */
	size_t		out;			/* where it goes; never beyond in */
	char		prev;			/* the byte before in, as it was */
	char		prev2;			/* and the one before that */

	size_t		no_jwt_before;	/* no JWT begins before this */
	size_t		run_end;		/* end of the run that last_at is about */
	size_t		last_at;		/* the last '@' in it, or run_end */
	size_t		hide_from;		/* all is hidden from here on; 0: nowhere */
	bool		no_literal;		/* no literal follows any more */
	bool		no_arguments;	/* nor one behind another and a comma */
	bool		insert;			/* the word was seen ... */
	bool		secret_column;	/* ... and a list of columns with a password */
	size_t		arguments;		/* parentheses that are open in a call with
								 * secrets */
	bool		curl;			/* the word was seen */
	size_t		alias_from;		/* no alias names what is before this, of out */
} HomeoScrubber;

/* ----------------------------------------------------------------
 * Copying and removing
 * ----------------------------------------------------------------
 */
static inline void
step(HomeoScrubber *s, size_t n)
{
	if (n == 0)
		return;
	s->prev2 = n > 1 ? s->buf[s->in + n - 2] : s->prev;
	s->prev = s->buf[s->in + n - 1];
	s->in += n;
}

static inline void
copy(HomeoScrubber *s, size_t n)
{
	size_t		start = s->in;

	step(s, n);
	if (s->out != start)
		memmove(s->buf + s->out, s->buf + start, n);
	s->out += n;
}

static inline void
copy_to(HomeoScrubber *s, size_t end)
{
	copy(s, end - s->in);
}

/* Removes what lies before end and leaves a mark, but none for nothing. */
static inline void
hide_to(HomeoScrubber *s, size_t end)
{
	size_t		n = end - s->in;

	step(s, n);
	if (n > MARK_LEN)
		n = MARK_LEN;
	memcpy(s->buf + s->out, MARK, n);
	s->out += n;
}

/* ----------------------------------------------------------------
 * Looking ahead
 * ----------------------------------------------------------------
 */
static inline char
at(const HomeoScrubber *s, size_t pos)
{
	return pos < s->len ? s->buf[pos] : '\0';
}

static inline bool
looking_at(const HomeoScrubber *s, size_t pos, const char *lower)
{
	return pos <= s->len &&
		homeo_ascii_starts_nocase(s->buf + pos, s->len - pos, lower);
}

static inline size_t
skip_space(const HomeoScrubber *s, size_t pos)
{
	while (pos < s->len && homeo_ascii_is_space(s->buf[pos]))
		pos++;
	return pos;
}

static inline bool
is_quote(char c)
{
	return c == '"' || c == '\'' || c == '`';
}

/* A comment in SQL that is longer than this is not looked behind. */
#define COMMENT_MAX		256

/*
 * White space as SQL has it, comments included; the end of the text for a
 * comment whose end is too far away, so that what may be behind it is hidden.
 */
static inline size_t
skip_blank_sql(const HomeoScrubber *s, size_t pos)
{
	for (;;)
	{
		bool		line;
		size_t		i;

		pos = skip_space(s, pos);
		line = at(s, pos) == '-' && at(s, pos + 1) == '-';
		if (!line && !(at(s, pos) == '/' && at(s, pos + 1) == '*'))
			return pos;
		for (i = pos + 2; i < s->len && i - pos < COMMENT_MAX; i++)
		{
			if (line ? s->buf[i] == '\n' :
				s->buf[i] == '*' && at(s, i + 1) == '/')
				break;
		}
		if (i >= s->len || i - pos >= COMMENT_MAX)
			return line ? pos : s->len;
		pos = i + (line ? 1 : 2);
	}
}

static inline size_t
skip_quotes(const HomeoScrubber *s, size_t pos)
{
	while (at(s, pos) == '\'')
		pos++;
	return pos;
}

/* The words that are looked up: x-api-key, client_secret, PGPASSWORD. */
static inline bool
is_key_char(char c)
{
	return homeo_ascii_is_word(c) || c == '-';
}

/* What keys and tokens of all kinds are written with. */
static inline bool
is_token_char(char c)
{
	return homeo_ascii_is_alnum(c) || homeo_ascii_is_one_of(c, "-_.~+/=");
}

static inline bool
is_base64url(char c)
{
	return homeo_ascii_is_alnum(c) || c == '-' || c == '_';
}

static inline size_t
skip_while(const HomeoScrubber *s, size_t pos, bool (*belongs) (char))
{
	while (pos < s->len && belongs(s->buf[pos]))
		pos++;
	return pos;
}

static inline bool
has_digit(const HomeoScrubber *s, size_t pos, size_t end)
{
	for (; pos < end; pos++)
	{
		if (homeo_ascii_is_digit(s->buf[pos]))
			return true;
	}
	return false;
}

static inline bool
only_letters(const HomeoScrubber *s, size_t pos, size_t end)
{
	for (; pos < end; pos++)
	{
		if (!homeo_ascii_is_alpha(s->buf[pos]))
			return false;
	}
	return true;
}

/* Unlike a word of prose: long, with digits, or very long. */
static inline bool
looks_random(const HomeoScrubber *s, size_t pos, size_t end)
{
	return end - pos >= 20 || (end - pos >= 8 && has_digit(s, pos, end));
}

static inline bool
is_literal(const HomeoScrubber *s, size_t pos, size_t end, const char *const *list)
{
	for (; *list != NULL; list++)
	{
		if (homeo_ascii_equals_nocase(s->buf + pos, end - pos, *list))
			return true;
	}
	return false;
}

/*
 * The position of the quote that closes the one before pos, or the end of
 * the text.  backslashes is how many of them were before the opening quote:
 * text that was escaped once more has one more of them before its quotes.
 * plain: a backslash is a character like any other.
 */
static inline size_t
closing_quote(const HomeoScrubber *s, size_t pos, char quote, size_t backslashes,
			  bool plain, bool doubled)
{
	size_t		run = 0;

	for (; pos < s->len; pos++)
	{
		char		c = s->buf[pos];

		if (c == '\\')
		{
			run++;
			continue;
		}
		if (c == quote)
		{
			bool		escaped = backslashes == 0 ? run % 2 == 1 :
			run > backslashes;

			if (plain || !escaped)
			{
				if (!doubled || at(s, pos + 1) != quote)
					return pos - (backslashes > 0 && run > 0 ? run : 0);
				pos++;
			}
		}
		run = 0;
	}
	return s->len;
}

/* The end of $tag$ at pos, or pos if there is none. */
static inline size_t
dollar_tag(const HomeoScrubber *s, size_t pos)
{
	size_t		i = pos + 1;

	if (at(s, pos) != '$' || homeo_ascii_is_digit(at(s, i)))
		return pos;
	while (i - pos < 64 && i < s->len && homeo_ascii_is_word(s->buf[i]))
		i++;
	return at(s, i) == '$' ? i + 1 : pos;
}

/* Does nothing follow the quotes before pos that could be in them? */
static inline bool
ends_empty(const HomeoScrubber *s, size_t pos)
{
	return homeo_ascii_is_space(at(s, pos)) ||
		homeo_ascii_is_one_of(at(s, pos), ",;)]}|\"");
}

#endif							/* HOMEO_SCRUBBER_H */
