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

/* A list of columns that is longer than this is not looked behind. */
#define LIST_MAX		1024

void
homeo_scrub_statement_hide_row(HomeoScrubber *s, size_t pos)
{
	size_t		i = pos;

	while (i - pos < LIST_MAX && i < s->len &&
		   (is_key_char(s->buf[i]) || homeo_ascii_is_space(s->buf[i]) ||
			homeo_ascii_is_one_of(s->buf[i], ",.\"")))
		i++;
	if (at(s, i) != ')')
		return;
	i = skip_space(s, i + 1);
	if (at(s, i) != '=')
		return;
	i = skip_space(s, i + 1);
	if (looking_at(s, i, "row"))
		i = skip_space(s, i + 3);
	if (at(s, i) == '(')
		homeo_scrub_statement_hide_literals(s, i);
}

/* Moves back over white space in what was copied. */
static size_t
skip_space_back(const HomeoScrubber *s, size_t pos)
{
	while (pos > s->alias_from && homeo_ascii_is_space(s->buf[pos - 1]))
		pos--;
	return pos;
}

/* The quote that opens the literal which ends before pos; pos if none does. */
static size_t
opening_quote(const HomeoScrubber *s, size_t pos)
{
	size_t		i = pos;

	while (i > s->alias_from)
	{
		i--;
		if (s->buf[i] != '\'' || i == s->alias_from ||
			s->buf[i - 1] == '\\')
			continue;
		if (s->buf[i - 1] != '\'')
			return i;
		i--;					/* a doubled one */
	}
	return s->buf[i] == '\'' && i < pos ? i : pos;
}

/* Each literal is looked at once: nothing before alias_from is again. */
void
homeo_scrub_statement_hide_aliased(HomeoScrubber *s)
{
	size_t		as = s->out - (s->out > 0 && s->prev == '"' ? 1 : 0);
	size_t		close;
	size_t		open;
	size_t		n;

	as = skip_space_back(s, as);
	if (as < s->alias_from + 4 || as == s->out ||
		!homeo_ascii_starts_nocase(s->buf + as - 2, 2, "as"))
		return;
	close = skip_space_back(s, as - 2);
	for (n = close; n > s->alias_from && homeo_ascii_is_word(s->buf[n - 1]); n--)
		;
	if (n >= s->alias_from + 3 && s->buf[n - 1] == ':' && s->buf[n - 2] == ':')
		close = n - 2;			/* 'x'::text AS password */
	if (close <= s->alias_from || s->buf[close - 1] != '\'')
		return;
	close--;
	open = opening_quote(s, close);
	if (open < close)
	{
		n = close - open - 1;
		if (n > MARK_LEN)
		{
			memmove(s->buf + open + 1 + MARK_LEN, s->buf + close,
					s->out - close);
			s->out -= n - MARK_LEN;
			n = MARK_LEN;
		}
		memcpy(s->buf + open + 1, MARK, n);
	}
	s->alias_from = s->out;
}

/* Functions whose arguments are keys, passwords, and what must not be read. */
static bool
takes_secrets(const HomeoScrubber *s, size_t end)
{
	static const char *const functions[] = {
		"crypt", "encrypt", "decrypt", "encrypt_iv", "decrypt_iv", "hmac",
		"pgp_sym_encrypt", "pgp_sym_encrypt_bytea", "pgp_sym_decrypt",
		"pgp_sym_decrypt_bytea", "pgp_pub_decrypt", "pgp_pub_decrypt_bytea",
		NULL
	};

	return at(s, end) == '(' && is_literal(s, s->in, end, functions);
}

/*
 * Hides the literals between the parentheses behind the word at hand; where
 * they are in a literal themselves, all from there on.
 */
static void
hide_arguments(HomeoScrubber *s, size_t end)
{
	size_t		depth = 0;

	copy_to(s, end);
	while (s->in < s->len && !(s->hide_from > 0 && s->in >= s->hide_from))
	{
		char		c = s->buf[s->in];
		bool		escapes = s->prev == 'e' || s->prev == 'E';

		if (c == '(')
			depth++;
		else if (c == ')' && --depth == 0)
			return;
		else if (dollar_tag(s, s->in) != s->in ||
				 (c == '\'' && at(s, s->in + 1) == '\'' &&
				  !ends_empty(s, s->in + 2)))
		{
			homeo_scrub_statement_hide_literals(s, s->in);
			return;
		}
		else if (c == '\'')
		{
			copy(s, 1);
			hide_to(s, closing_quote(s, s->in, '\'', 0, !escapes, true));
			if (s->in == s->len)
				return;
		}
		copy(s, 1);
	}
}

/* INSERT INTO users (name, password) VALUES ('x', 'y') */
bool
homeo_scrub_statement_hide(HomeoScrubber *s, size_t end)
{
	static const char *const sources[] = {"values", "select", NULL};

	if (homeo_ascii_equals_nocase(s->buf + s->in, end - s->in, "insert"))
		s->insert = true;
	if (takes_secrets(s, end))
	{
		hide_arguments(s, end);
		return true;
	}
	if (!s->secret_column || !is_literal(s, s->in, end, sources))
		return false;
	homeo_scrub_statement_hide_literals(s, end);
	copy_to(s, end);
	return true;
}
