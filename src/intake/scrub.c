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
		/* Nothing begins inside a word, and most of a text is that. */
		if (homeo_ascii_is_alnum(c) && homeo_ascii_is_alnum(s.prev) &&
			s.arguments == 0 && s.hide_from == 0)
		{
			copy_to(&s, skip_while(&s, s.in, homeo_ascii_is_alnum));
			continue;
		}
		if (homeo_scrub_statement_hide_argument(&s) ||
			homeo_scrub_form_hide(&s))
			continue;
		if (is_key_char(c) && !is_key_char(s.prev) &&
			homeo_scrub_named_hide(&s))
			continue;
		copy(&s, 1);
	}
	return s.out;
}
