/*
 * scrub_statement.c
 *		Secrets that are known by their place in a statement of SQL.
 *
 * No locks, no memory but the scrubber's.
 */
#include "intake/scrub_statement.h"

/*
 * Has everything hidden from the first literal at or behind pos.  Where
 * literals are put together or are in literals themselves, which of them is
 * the secret can't be said, nor where it ends.  What is before it is looked at
 * as all text is.
 */
void
homeo_scrub_statement_hide_literals(HomeoScrubber *s, size_t pos)
{
	if (s->no_literal || s->hide_from > 0)
		return;
	while (pos < s->len && s->buf[pos] != '\'' && dollar_tag(s, pos) == pos)
		pos++;
	if (pos < s->len)
		s->hide_from = pos;
	else
		s->no_literal = true;
}

/* INSERT INTO users (name, password) VALUES ('x', 'y') */
bool
homeo_scrub_statement_hide(HomeoScrubber *s, size_t end)
{
	static const char *const sources[] = {"values", "select", NULL};

	if (homeo_ascii_equals_nocase(s->buf + s->in, end - s->in, "insert"))
		s->insert = true;
	if (!s->secret_column || !is_literal(s, s->in, end, sources))
		return false;
	homeo_scrub_statement_hide_literals(s, end);
	copy_to(s, end);
	return true;
}
