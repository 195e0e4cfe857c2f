/*
 * scrub_statement.c
 *		Secrets that are known by their place in a statement of SQL.
 *
 * No locks, no memory but the scrubber's.
 */
#include "intake/scrub_statement.h"

#include "intake/scrub.h"
#include "intake/scrub_named.h"

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
	return i < pos && s->buf[i] == '\'' ? i : pos;
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
takes_secrets(const HomeoScrubber *s, size_t pos, size_t end)
{
	static const char *const functions[] = {
		"crypt", "encrypt", "decrypt", "encrypt_iv", "decrypt_iv", "hmac",
		"pgp_sym_encrypt", "pgp_sym_encrypt_bytea", "pgp_sym_decrypt",
		"pgp_sym_decrypt_bytea", "pgp_pub_decrypt", "pgp_pub_decrypt_bytea",
		NULL
	};

	return at(s, end) == '(' && is_literal(s, pos, end, functions);
}

/*
 * Behind gen_salt('bf', 8), which is given an algorithm; else pos.  Without it
 * crypt(password, gen_salt('bf', 8)) could not be run again.
 */
static size_t
behind_salt(const HomeoScrubber *s, size_t pos, size_t end)
{
	static const char *const functions[] = {"gen_salt", NULL};
	static const char *const algorithms[] = {
		"des", "xdes", "md5", "bf", "sha256crypt", "sha512crypt", NULL
	};
	size_t		open = end + 1;
	size_t		close;

	if (!is_literal(s, pos, end, functions) ||
		at(s, end) != '(' || at(s, open) != '\'')
		return pos;
	close = skip_while(s, open + 1, homeo_ascii_is_alnum);
	if (at(s, close) != '\'' || !is_literal(s, open + 1, close, algorithms))
		return pos;
	return close + 1;
}

/* The rest is looked at as all text is. */
bool
homeo_scrub_statement_hide_argument(HomeoScrubber *s)
{
	char		c = s->buf[s->in];
	bool		escapes = s->prev == 'e' || s->prev == 'E';

	if (s->arguments == 0)
		return false;
	if (c == '(')
		s->arguments++;
	else if (c == ')')
		s->arguments--;
	else if (dollar_tag(s, s->in) != s->in ||
			 (c == '\'' && at(s, s->in + 1) == '\'' &&
			  !ends_empty(s, s->in + 2)))
	{
		homeo_scrub_statement_hide_literals(s, s->in);
		return s->hide_from > 0 && s->in >= s->hide_from;
	}
	else if (c == '\'')
	{
		copy(s, 1);
		hide_to(s, closing_quote(s, s->in, '\'', 0, !escapes, true));
		if (s->in < s->len)
			copy(s, 1);
		return true;
	}
	return false;
}

/* INSERT INTO users (name, password) VALUES ('x', 'y') */
bool
homeo_scrub_statement_hide(HomeoScrubber *s, size_t end)
{
	static const char *const sources[] = {"values", "select", NULL};

	if (homeo_ascii_equals_nocase(s->buf + s->in, end - s->in, "insert"))
		s->insert = true;
	if (takes_secrets(s, s->in, end))
	{
		copy_to(s, end + 1);
		s->arguments++;
		return true;
	}
	if (s->arguments > 0 && behind_salt(s, s->in, end) > s->in)
	{
		copy_to(s, behind_salt(s, s->in, end));
		s->arguments++;
		return true;
	}
	if (!s->secret_column || !is_literal(s, s->in, end, sources))
		return false;
	homeo_scrub_statement_hide_literals(s, end);
	copy_to(s, end);
	return true;
}

/* $1 = 'x', $2 = NULL: hides the values of the list at hand. */
static void
hide_parameters(HomeoScrubber *s)
{
	while (at(s, s->in) == '$')
	{
		size_t		value = s->in + 1;

		value = skip_while(s, value, homeo_ascii_is_digit);
		if (!looking_at(s, value, " = "))
			return;
		copy_to(s, value + 3);
		if (at(s, s->in) == '\'')
		{
			copy(s, 1);
			hide_to(s, closing_quote(s, s->in, '\'', 0, true, true));
		}
		while (s->in < s->len && s->buf[s->in] != '$' && s->buf[s->in] != '\n')
			copy(s, 1);
	}
}

size_t
homeo_scrub_parameters(char *text, size_t len)
{
	static const char *const mark = "parameters: ";
	HomeoScrubber s;

	memset(&s, 0, sizeof(s));
	s.buf = text;

	s.len = len;
	while (s.in < s.len)
	{
		if (looking_at(&s, s.in, mark))
		{
			copy(&s, strlen(mark));
			hide_parameters(&s);
		}
		else
			copy(&s, 1);
	}
	return s.out;
}

bool
homeo_scrub_takes_secrets(const char *statement, size_t len)
{
	HomeoScrubber s;
	size_t		pos = 0;

	memset(&s, 0, sizeof(s));
	s.buf = (char *) statement;
	s.len = len;
	while (pos < len)
	{
		size_t		end = skip_while(&s, pos, is_key_char);

		if (end > pos && (homeo_scrub_named_is_key(&s, pos, end) ||
						  takes_secrets(&s, pos, end)))
			return true;
		pos = end + 1;
	}
	return false;
}
