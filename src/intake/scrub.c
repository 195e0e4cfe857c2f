/*
 * scrub.c
 *		Removes secrets from a text before it is stored.
 *
 * Anybody may call it, in any process, also without PostgreSQL: it includes
 * no postgres.h so that it can be built and fuzzed alone.  No locks, no
 * memory but the caller's text.
 *
 * One pass from left to right.  A secret is known by the name in front of it
 * (scrub_named.c), by its place in a statement (scrub_statement.c), by its own
 * form, or by its place in a URI (scrub_form.c).  In doubt more is removed,
 * not less.  Searches that may fail far ahead remember how far they looked, so
 * that they are not made again.
 */
#include "intake/scrub.h"

#include "intake/scrub_form.h"
#include "intake/scrub_named.h"
#include "intake/scrub_statement.h"
#include "intake/scrubber.h"

/* A byte with which nothing begins: white space and most punctuation. */
static inline bool
is_sign(char c)
{
	return !is_key_char(c) && c != ':';
}

/*
 * The next position where anything can begin: not inside a word, nor at a
 * sign.  Most of a text is that.
 */
static inline size_t
skip_dull(const HomeoScrubber *s)
{
	size_t		pos = s->in;

	if (homeo_ascii_is_alnum(s->prev))
		pos = skip_while(s, pos, homeo_ascii_is_alnum);
	return skip_while(s, pos, is_sign);
}

size_t
homeo_scrub(char *text, size_t len)
{
	HomeoScrubber s;

	memset(&s, 0, sizeof(s));
	s.buf = text;

	s.len = len;
	while (s.in < s.len)
	{
		char		c = s.buf[s.in];

		if (s.hide_from > 0 && s.in >= s.hide_from)
		{
			hide_to(&s, s.len);
			break;
		}
		if (s.arguments > 0)
		{
			if (homeo_scrub_statement_hide_argument(&s))
				continue;
		}
		else if (s.hide_from == 0)
		{
			copy_to(&s, skip_dull(&s));
			if (s.in == s.len)
				break;
			c = s.buf[s.in];
		}
		if (homeo_scrub_form_hide(&s))
			continue;
		if (is_key_char(c) && !is_key_char(s.prev) &&
			homeo_scrub_named_hide(&s))
			continue;
		copy(&s, 1);
	}
	return s.out;
}
