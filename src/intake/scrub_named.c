/*
 * scrub_named.c
 *		Secrets that are known by the name in front of them: password, token,
 *		Authorization ...
 *
 * Where a name is also a word of prose, what follows must look like a value:
 * "unexpected token in JSON" stays.  No locks, no memory but the scrubber's.
 */
#include "intake/scrub_named.h"

#include "intake/scrub_statement.h"

/* ----------------------------------------------------------------
 * Names of secrets
 * ----------------------------------------------------------------
 */
typedef enum KeyKind
{
	KEY_NONE,
	KEY_STRONG,					/* hardly ever means anything else */
	KEY_WEAK,					/* also a word of prose */
	KEY_PATHLIKE,				/* strong, unless a path follows */
	KEY_SHORT,					/* only with "=", or as a name in JSON */
	KEY_HEADER,					/* a scheme and credentials follow */
	KEY_COOKIE
} KeyKind;

typedef struct Key
{
	const char *suffix;			/* lower case, '-' written as '_' */
	size_t		len;
	KeyKind		kind;
} Key;

#define NAMED(suffix, kind) {suffix, sizeof(suffix) - 1, kind}

static const Key keys[] = {
	NAMED("password", KEY_STRONG), NAMED("passwd", KEY_STRONG),
	NAMED("passphrase", KEY_STRONG), NAMED("pwd", KEY_PATHLIKE), NAMED("pass", KEY_SHORT),
	NAMED("sig", KEY_SHORT),
	NAMED("secret", KEY_WEAK), NAMED("token", KEY_WEAK),
	NAMED("api_key", KEY_STRONG), NAMED("apikey", KEY_STRONG),
	NAMED("access_key", KEY_STRONG), NAMED("accesskey", KEY_STRONG),
	NAMED("account_key", KEY_STRONG), NAMED("accountkey", KEY_STRONG),
	NAMED("secret_key", KEY_STRONG), NAMED("secretkey", KEY_STRONG),
	NAMED("secret_key_base", KEY_STRONG),
	NAMED("private_key", KEY_STRONG), NAMED("privatekey", KEY_STRONG),
	NAMED("signing_key", KEY_STRONG), NAMED("encryption_key", KEY_STRONG),
	NAMED("x_amz_signature", KEY_STRONG),
	NAMED("authorization", KEY_HEADER), NAMED("cookie", KEY_COOKIE)
};

/*
 * What the word from pos to end names.  A longer name that ends in a weak
 * one (access_token) is strong; in a short one (db_pass, but not bypass) only
 * if that is a word by itself.
 */
static KeyKind
key_kind(const HomeoScrubber *s, size_t pos, size_t end)
{
	size_t		i;

	while (end > pos && homeo_ascii_is_digit(s->buf[end - 1]))
		end--;					/* new_password1 */
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
	{
		size_t		start = end - keys[i].len;
		size_t		c = keys[i].len;

		if (keys[i].len > end - pos)
			continue;
		/* From the end: most words differ in their last letter. */
		while (c > 0)
		{
			char		have = homeo_ascii_lower(s->buf[start + c - 1]);

			if ((have == '-' ? '_' : have) != keys[i].suffix[c - 1])
				break;
			c--;
		}
		if (c > 0)
			continue;
		if (start == pos ||
			(keys[i].kind != KEY_WEAK && keys[i].kind != KEY_SHORT))
			return keys[i].kind;
		if (keys[i].kind == KEY_WEAK ||
			!homeo_ascii_is_alnum(s->buf[start - 1]))
			return KEY_STRONG;
	}
	return KEY_NONE;
}

bool
homeo_scrub_named_is_key(const HomeoScrubber *s, size_t pos, size_t end)
{
	return key_kind(s, pos, end) != KEY_NONE;
}

/* How a name and its value are joined. */
typedef enum Joint
{
	JOINT_NONE,					/* a blank at most */
	JOINT_EQUALS,				/* "=", ":=", "=>", "==" */
	JOINT_COLON,
	JOINT_TAG,					/* <password>x */
	JOINT_CALL,					/* PASSWORD('x') */
	JOINT_ROW,					/* Key (password)=(x) */
	JOINT_TO,					/* SET api_key TO 'x' */
	JOINT_COMMA					/* ["Authorization", "Basic x"] */
} Joint;

typedef struct Assignment
{
	KeyKind		kind;
	Joint		joint;
	bool		quoted_name;	/* "password": */
	bool		option;			/* --password x */
	bool		blank;			/* before the value */
	bool		newline;		/* before the value */
	size_t		value;			/* position of the value */
} Assignment;

/* Fills in what lies between the name, which ends at pos, and the value. */
static void
read_joint(const HomeoScrubber *s, size_t pos, char before_name, Assignment *a)
{
	size_t		i = pos;
	size_t		start;

	while (at(s, i) == '\\' && i - pos < 8)
		i++;
	if (is_quote(at(s, i)))
	{
		a->quoted_name = true;
		i++;
		if (at(s, i) == ']')
			i++;
	}
	else
		i = pos;

	start = i;
	i = skip_space(s, i);
	a->joint = JOINT_NONE;
	if (i > start && looking_at(s, i, "to") && homeo_ascii_is_space(at(s, i + 2)))
	{
		/* SET app.api_key TO 'x' */
		size_t		value = skip_space(s, i + 2);

		if (at(s, value) == '\'' || looking_at(s, value, "e'"))
		{
			a->joint = JOINT_TO;
			a->blank = true;
			a->value = value;
			return;
		}
	}
	if (at(s, i) == '=' || (at(s, i) == ':' && at(s, i + 1) == '='))
	{
		a->joint = JOINT_EQUALS;
		i++;
		while (at(s, i) == '=' || at(s, i) == '>')
			i++;
	}
	else if (at(s, i) == ':' && at(s, i + 1) != ':')
		a->joint = JOINT_COLON;
	else if (at(s, i) == '>' && (before_name == '<' || before_name == ':'))
		a->joint = JOINT_TAG;
	else if (at(s, i) == '(' && is_quote(at(s, i + 1)))
		a->joint = JOINT_CALL;
	else if (i == pos && looking_at(s, i, ")=("))
	{
		a->joint = JOINT_ROW;
		i += 2;
	}
	else if (at(s, i) == ',' && a->quoted_name)
		a->joint = JOINT_COMMA;
	if (a->joint != JOINT_NONE && a->joint != JOINT_EQUALS)
		i++;
	if (a->joint != JOINT_NONE)
		start = i;

	a->value = a->option ? skip_space(s, start) : skip_blank_sql(s, start);
	a->blank = a->value > start;
	a->newline = a->blank &&
		memchr(s->buf + start, '\n', a->value - start) != NULL;
}

/* ----------------------------------------------------------------
 * Values
 * ----------------------------------------------------------------
 */

/* A name that another '=' or ':' follows: the next of a list of pairs. */
static bool
pair_follows(const HomeoScrubber *s, size_t pos)
{
	size_t		i = pos;

	while (i - pos < 32 && (is_key_char(at(s, i)) || at(s, i) == '.'))
		i++;
	return i > pos && (at(s, i) == '=' || at(s, i) == ':');
}

/*
 * Does the bare value end at pos?  Brackets, commas and quotes end it unless
 * more of it follows at once: a password may hold any of them.
 */
static bool
ends_value(const HomeoScrubber *s, size_t pos)
{
	char		c = at(s, pos);

	if (homeo_ascii_is_space(c) || c == '&' || c == '<')
		return true;
	if (c == '\\' && is_quote(at(s, pos + 1)))
		return !homeo_ascii_is_word(at(s, pos + 2));
	if (!is_quote(c) && !homeo_ascii_is_one_of(c, ",;)]}>|"))
		return false;
	return !homeo_ascii_is_word(at(s, pos + 1)) || pair_follows(s, pos + 1);
}

static size_t
bare_end(const HomeoScrubber *s, size_t pos)
{
	while (pos < s->len && !ends_value(s, pos))
		pos += at(s, pos) == '\\' && at(s, pos + 1) == ' ' ? 2 : 1;
	return pos;
}

/* ODBC quotes with braces. */
static size_t
brace_end(const HomeoScrubber *s, size_t pos)
{
	while (pos < s->len && s->buf[pos] != '}')
		pos++;
	return pos;
}

/* The end of a row's values: a parenthesis, and no more of the row. */
static size_t
row_end(const HomeoScrubber *s, size_t pos)
{
	while (pos < s->len && !(s->buf[pos] == ')' &&
							 homeo_ascii_is_space(at(s, pos + 1))))
		pos++;
	return pos;
}

/* Values that say that there is none, and parameters of statements. */
static bool
is_no_secret(const HomeoScrubber *s, size_t pos, size_t end)
{
	static const char *const literals[] = {
		"null", "none", "nil", "undefined", "true", "false", "?", "%s", NULL
	};

	if (is_literal(s, pos, end, literals))
		return true;
	return at(s, pos) == '$' && end - pos > 1 && end - pos <= 6 &&
		skip_while(s, pos + 1, homeo_ascii_is_digit) == end;
}

static bool
is_number(const HomeoScrubber *s, size_t pos, size_t end)
{
	if (at(s, pos) == '-')
		pos++;
	return pos < end && skip_while(s, pos, homeo_ascii_is_digit) == end;
}

/* password = excluded.password: a column, not a value. */
static bool
is_column(const HomeoScrubber *s, size_t pos, size_t end)
{
	size_t		dot = end;

	while (dot > pos && is_key_char(s->buf[dot - 1]))
		dot--;
	return dot > pos && s->buf[dot - 1] == '.' && dot < end &&
		key_kind(s, dot, end) != KEY_NONE;
}

/*
 * Could a bare value follow, as far as can be said without looking at it?
 */
static bool
may_be_bare(const HomeoScrubber *s, const Assignment *a)
{
	if (a->newline || is_quote(at(s, a->value)))
		return false;
	if (a->kind == KEY_PATHLIKE && at(s, a->value) == '/')
		return false;			/* PWD=/home/app */
	switch (a->joint)
	{
		case JOINT_NONE:
			return a->blank && (a->option || a->kind == KEY_STRONG);
		case JOINT_CALL:
		case JOINT_TO:
		case JOINT_COMMA:
			return false;
		default:
			return true;
	}
}

/*
 * Behind a name and a blank alone there may be anything: the type of a column
 * (password varchar(255)), the next word of a sentence.
 */
static bool
is_unlike_prose(const HomeoScrubber *s, size_t pos, size_t end)
{
	return (end - pos >= 8 || end == s->len) && has_digit(s, pos, end) &&
		memchr(s->buf + pos, '(', end - pos) == NULL;
}

/*
 * Is this bare value a secret, considering how it is joined to its name?
 * Behind a colon and a blank it may be prose ("password: must be longer").
 */
static bool
is_bare_secret(const HomeoScrubber *s, const Assignment *a, size_t end)
{
	static const char *const prose[] = {
		"is", "was", "has", "must", "may", "can", "cannot", "not", "and",
		"or", "in", "to", "for", "with", "requires", "required", "needs",
		"option", "flag", "argument", NULL
	};
	size_t		pos = a->value;

	if (end == pos || is_no_secret(s, pos, end))
		return false;
	if (a->joint == JOINT_NONE)
		return a->option ? !is_literal(s, pos, end, prose) :
			is_unlike_prose(s, pos, end);
	if (a->joint == JOINT_TAG || a->joint == JOINT_ROW ||
		(a->joint == JOINT_EQUALS && !a->blank))
		return true;
	if (a->kind == KEY_WEAK)
		return looks_random(s, pos, end);
	if (a->joint == JOINT_EQUALS)
		return !is_column(s, pos, end);
	return !a->blank || !only_letters(s, pos, end) || at(s, end) != ' ';
}

static bool
hide_dollar_quoted(HomeoScrubber *s, const Assignment *a)
{
	size_t		start = dollar_tag(s, a->value);
	size_t		n = start - a->value;
	size_t		end;

	if (n == 0)
		return false;
	for (end = start; end + n <= s->len; end++)
	{
		if (s->buf[end] == '$' &&
			memcmp(s->buf + end, s->buf + a->value, n) == 0)
			break;
	}
	if (end + n > s->len)
		end = s->len;
	copy_to(s, start);
	hide_to(s, end);
	return true;
}

/*
 * The end of a literal inside literals, whose quotes are written as that many
 * of them: 'host=h password=''x''...'.  Behind the ones that end it there may
 * be those that end the literals around it; twice as many are one of its own.
 */
static size_t
nested_end(const HomeoScrubber *s, size_t pos, size_t quotes)
{
	while (pos < s->len)
	{
		size_t		run = skip_quotes(s, pos) - pos;

		if (run / quotes % 2 == 1)
			return pos;
		pos += run > 0 ? run : 1;
	}
	return s->len;
}

/*
 * Behind the content of a literal: hides those that go on with it, 'x' 'y'
 * on lines of their own and 'x' || 'y'.
 */
static void
hide_continued(HomeoScrubber *s)
{
	while (at(s, s->in) == '\'' && at(s, s->in + 1) != '\'')
	{
		size_t		next = skip_space(s, s->in + 1);

		if (at(s, next) == '|' && at(s, next + 1) == '|')
			next = skip_space(s, next + 2);
		if (next == s->in + 1 || at(s, next) != '\'')
			return;
		copy_to(s, next + 1);
		hide_to(s, closing_quote(s, s->in, '\'', 0, true, true));
	}
}

/*
 * Hides a quoted value; false if there is none, or if it need not be hidden.
 * May be preceded by the prefix of a literal: E'', U&'', N'', b''.
 */
static bool
hide_quoted(HomeoScrubber *s, const Assignment *a)
{
	size_t		pos = a->value;
	size_t		open;
	size_t		end;
	char		quote;
	bool		escapes = a->joint != JOINT_NONE && a->joint != JOINT_CALL &&
	a->joint != JOINT_TO;
	bool		doubled;

	if (homeo_ascii_is_one_of(at(s, pos), "EeNnBbXxRrFf") &&
		is_quote(at(s, pos + 1)))
	{
		escapes = true;
		pos++;
	}
	else if (looking_at(s, pos, "u&'") || looking_at(s, pos, "u'"))
		pos += at(s, pos + 1) == '&' ? 2 : 1;

	open = pos;
	while (at(s, pos) == '\\' && pos - open < 8)
		pos++;
	quote = at(s, pos);
	if (!is_quote(quote))
		return false;
	open = pos - open;			/* from here on: the number of backslashes */
	pos++;

	doubled = quote == '\'' && open == 0;
	if (doubled && at(s, pos) == quote && skip_quotes(s, pos) % 2 == pos % 2)
	{
		/* An odd number opens a literal that begins with quotes. */
		end = closing_quote(s, pos, quote, open, !escapes, doubled);
	}
	else if (doubled && at(s, pos) == quote)
	{
		size_t		quotes = skip_quotes(s, pos) - pos + 1;

		pos += quotes - 1;
		if (ends_empty(s, pos))
			return false;
		end = nested_end(s, pos, quotes);
	}
	else
		end = closing_quote(s, pos, quote, open, !escapes, doubled);

	if (a->kind == KEY_WEAK && a->joint == JOINT_COLON && !a->quoted_name &&
		!looks_random(s, pos, end))
		return false;
	copy_to(s, pos);
	hide_to(s, end);
	if (doubled)
		hide_continued(s);
	return true;
}

/* ----------------------------------------------------------------
 * Values that are put together
 * ----------------------------------------------------------------
 */

/*
 * Is there a placeholder of format() at pos, %s or %2$L, and nothing else in
 * these quotes?
 */
static bool
is_placeholder(const HomeoScrubber *s, size_t pos, bool quoted)
{
	size_t		i = pos + 1;

	while (i - pos < 16 && (homeo_ascii_is_digit(at(s, i)) ||
							homeo_ascii_is_one_of(at(s, i), "$-*")))
		i++;
	if (at(s, pos) != '%' || !homeo_ascii_is_one_of(at(s, i), "sLI"))
		return false;
	i++;
	return at(s, i) == '\'' || (!quoted && ends_empty(s, i));
}

/*
 * Where the arguments begin that follow the literal at hand: behind its quote
 * and a comma.  The end of the text if there are none.
 */
static size_t
find_arguments(HomeoScrubber *s, size_t pos)
{
	while (!s->no_arguments && s->hide_from == 0 && pos < s->len)
	{
		if (s->buf[pos++] == '\'')
		{
			size_t		comma = skip_space(s, skip_quotes(s, pos));

			if (at(s, comma) == ',')
				return comma + 1;
			pos = comma;
		}
	}
	s->no_arguments = true;
	return s->len;
}

/*
 * Is the value put together?  'password ' || x, format('password %L', x),
 * concat('password ', x).  Then what holds no literal may stay.
 */
static bool
hide_composed(HomeoScrubber *s, const Assignment *a)
{
	size_t		quotes = skip_quotes(s, a->value);
	size_t		after = skip_space(s, quotes);
	bool		joined = at(s, after) == '|' && at(s, after + 1) == '|';
	bool		listed = at(s, after) == ',' && (quotes - a->value) % 2 == 1 &&
	(a->joint == JOINT_EQUALS || a->joint == JOINT_NONE);

	if (is_placeholder(s, quotes, quotes > a->value))
		after = find_arguments(s, quotes);
	else if (quotes == a->value || !(joined || listed))
		return false;
	homeo_scrub_statement_hide_literals(s, after);
	copy_to(s, quotes);
	return true;
}

/* ----------------------------------------------------------------
 * Headers
 * ----------------------------------------------------------------
 */

/*
 * The end of a header that begins at the word at hand: of its line, or of the
 * quoted text that holds nothing else.
 */
static size_t
header_end(const HomeoScrubber *s, size_t pos)
{
	size_t		end = pos;

	while (end < s->len && s->buf[end] != '\n' && s->buf[end] != '\r')
		end++;
	if (is_quote(s->prev))
	{
		size_t		quote = closing_quote(s, pos, s->prev,
										  s->prev2 == '\\' ? 1 : 0, false,
										  false);

		if (quote < end)
			end = quote;
	}
	return end;
}

/*
 * Authorization: Bearer x.  The scheme stays.  Returns false if what
 * follows the name is no header.
 */
static bool
hide_authorization(HomeoScrubber *s, const Assignment *a)
{
	/* Schemes whose credentials are a list, to the end of the line. */
	static const char *const lists[] = {
		"digest", "aws4-hmac-sha256", "signature", "oauth", "hawk", NULL
	};
	static const char *const single[] = {
		"bearer", "basic", "token", "negotiate", "ntlm", "apikey", NULL
	};
	size_t		scheme = a->value;
	size_t		end;
	size_t		value;
	char		quote = '\0';
	size_t		backslashes = 0;

	if (a->joint == JOINT_NONE || a->joint == JOINT_CALL ||
		a->joint == JOINT_ROW)
		return false;
	while (at(s, scheme + backslashes) == '\\' && backslashes < 8)
		backslashes++;
	if (is_quote(at(s, scheme + backslashes)))
	{
		quote = at(s, scheme + backslashes);
		scheme += backslashes + 1;
	}
	else if (a->joint == JOINT_COMMA || a->newline)
		return false;

	end = skip_while(s, scheme, is_key_char);
	for (value = end; at(s, value) == ' ' || at(s, value) == '\t'; value++)
		;
	if (value == end)
		value = scheme;			/* credentials without a scheme */
	else if (!is_literal(s, scheme, end, lists) &&
			 !is_literal(s, scheme, end, single))
	{
		if (quote == '\0' && only_letters(s, scheme, end))
			return false;		/* "authorization: not granted" */
		value = scheme;
	}

	if (quote != '\0')
		end = closing_quote(s, value, quote, backslashes, false, false);
	else if (value > scheme && is_literal(s, scheme, end, lists))
		end = header_end(s, value);
	else
	{
		end = bare_end(s, value);
		if (value == scheme && !looks_random(s, value, end) &&
			!(end == s->len && has_digit(s, value, end)))
			return false;
	}
	copy_to(s, value);
	hide_to(s, end);
	return true;
}

/* Cookie: name=value; name=value */
static bool
hide_cookie(HomeoScrubber *s, const Assignment *a)
{
	size_t		end;

	if (a->joint != JOINT_COLON || a->newline)
		return false;
	end = skip_while(s, a->value, is_key_char);
	if (end == a->value || at(s, end) != '=')
		return false;
	end = header_end(s, a->value);
	copy_to(s, a->value);
	hide_to(s, end);
	return true;
}

/* ----------------------------------------------------------------
 * Words
 * ----------------------------------------------------------------
 */

/* bearer x, without a header's name in front of it */
static bool
hide_bearer(HomeoScrubber *s, size_t end)
{
	size_t		pos;
	size_t		stop;

	if (!homeo_ascii_equals_nocase(s->buf + s->in, end - s->in, "bearer"))
		return false;
	pos = skip_space(s, end);
	stop = skip_while(s, pos, is_token_char);
	if (pos == end || (!looks_random(s, pos, stop) &&
					   !(stop == s->len && has_digit(s, pos, stop))))
		return false;
	copy_to(s, pos);
	hide_to(s, stop);
	return true;
}

/* curl -u user:x, curl --user 'user:x' */
static bool
hide_user_option(HomeoScrubber *s, size_t end)
{
	static const char *const options[] = {
		"-u", "--user", "--proxy-user", NULL
	};
	size_t		user;
	size_t		colon;
	char		quote;

	if (homeo_ascii_equals_nocase(s->buf + s->in, end - s->in, "curl"))
		s->curl = true;
	if (!s->curl || at(s, s->in) != '-')
		return false;
	if (is_literal(s, s->in, end, options))
		user = at(s, end) == '=' ? end + 1 : skip_space(s, end);
	else if (at(s, s->in + 1) == 'u')
		user = s->in + 2;		/* -uuser:x */
	else
		return false;
	quote = at(s, user);
	if (is_quote(quote))
		user++;
	for (colon = user; colon < s->len && s->buf[colon] != ':'; colon++)
	{
		if (homeo_ascii_is_space(s->buf[colon]) || s->buf[colon] == '/' ||
			is_quote(s->buf[colon]))
			return false;
	}
	if (looking_at(s, colon, "://") || colon >= s->len)
		return false;
	end = is_quote(quote) ?
		closing_quote(s, colon + 1, quote, 0, true, false) :
		bare_end(s, colon + 1);
	if (end == colon + 1)
		return false;
	copy_to(s, colon + 1);
	hide_to(s, end);
	return true;
}

/* identified by 'x' */
static bool
hide_identified(HomeoScrubber *s, size_t end)
{
	Assignment	a;
	size_t		pos = skip_space(s, end);

	if (!homeo_ascii_equals_nocase(s->buf + s->in, end - s->in,
								   "identified") ||
		!looking_at(s, pos, "by") || is_key_char(at(s, pos + 2)))
		return false;
	memset(&a, 0, sizeof(a));
	a.kind = KEY_STRONG;
	a.value = skip_space(s, pos + 2);
	if (a.value == pos + 2)
		return false;
	if (hide_quoted(s, &a))
		return true;
	end = bare_end(s, a.value);
	if (!has_digit(s, a.value, end))
		return false;
	copy_to(s, a.value);
	hide_to(s, end);
	return true;
}

/*
 * set_config('app.token', 'x'), jsonb_build_object('password', 'x'): the name
 * ends a literal of SQL, and a literal follows.
 */
static bool
is_named_argument(const HomeoScrubber *s, const Assignment *a)
{
	return (s->prev == '.' || (s->prev == '\'' && a->kind == KEY_STRONG)) &&
		!a->newline &&
		(at(s, a->value) == '\'' || looking_at(s, a->value, "e'"));
}

/* Three bytes as a number. */
#define ENDING(a, b, c) \
	(((uint32_t) (unsigned char) (a) << 16) | \
	 ((uint32_t) (unsigned char) (b) << 8) | (uint32_t) (unsigned char) (c))

/*
 * Could the word from the start to end be any that is looked for, here or in
 * scrub_statement.c?  Most words are told from all of those by their last
 * letters.  After some words others count, too.
 */
static bool
may_matter(const HomeoScrubber *s, size_t end)
{
	if (s->curl || s->secret_column || s->arguments > 0)
		return true;
	while (end > s->in && homeo_ascii_is_digit(s->buf[end - 1]))
		end--;					/* as in key_kind() */
	if (end - s->in < 3)
		return false;
	switch (ENDING(homeo_ascii_lower(s->buf[end - 3]),
				   homeo_ascii_lower(s->buf[end - 2]),
				   homeo_ascii_lower(s->buf[end - 1])))
	{
			/* Names of secrets: see keys. */
		case ENDING('o', 'r', 'd'):
		case ENDING('s', 'w', 'd'):
		case ENDING('a', 's', 'e'):
		case ENDING('p', 'w', 'd'):
		case ENDING('a', 's', 's'):
		case ENDING('s', 'i', 'g'):
		case ENDING('r', 'e', 't'):
		case ENDING('k', 'e', 'n'):
		case ENDING('k', 'e', 'y'):
		case ENDING('u', 'r', 'e'):
		case ENDING('i', 'o', 'n'):
		case ENDING('k', 'i', 'e'):
			/* bearer, identified, curl */
		case ENDING('r', 'e', 'r'):
		case ENDING('i', 'e', 'd'):
		case ENDING('u', 'r', 'l'):
			/* insert, and functions that take secrets */
		case ENDING('e', 'r', 't'):
		case ENDING('y', 'p', 't'):
		case ENDING('_', 'i', 'v'):
		case ENDING('m', 'a', 'c'):
		case ENDING('t', 'e', 'a'):
			return true;
		default:
			return false;
	}
}

/*
 * At the start of a word: is it the name of a secret that follows?  Then both
 * have been dealt with.
 */
bool
homeo_scrub_named_hide(HomeoScrubber *s)
{
	size_t		end = skip_while(s, s->in, is_key_char);
	Assignment	a;

	if (!may_matter(s, end))
		return false;
	memset(&a, 0, sizeof(a));
	a.kind = key_kind(s, s->in, end);
	if (a.kind == KEY_NONE)
		return hide_bearer(s, end) || hide_identified(s, end) ||
			hide_user_option(s, end) || homeo_scrub_statement_hide(s, end);
	homeo_scrub_statement_hide_aliased(s);
	a.option = at(s, s->in) == '-';
	read_joint(s, end, s->prev, &a);

	if (a.kind == KEY_HEADER)
		return hide_authorization(s, &a);
	if (a.kind == KEY_COOKIE && !(a.quoted_name && a.joint == JOINT_COLON))
		return hide_cookie(s, &a);
	if (a.kind == KEY_SHORT && a.joint != JOINT_EQUALS &&
		!(a.joint == JOINT_COLON && a.quoted_name))
		return false;
	if ((a.joint == JOINT_NONE || a.joint == JOINT_COMMA) &&
		homeo_ascii_is_one_of(at(s, skip_space(s, end)), ",)\""))
	{
		s->secret_column = s->secret_column || s->insert;
		homeo_scrub_statement_hide_row(s, end);
	}
	if (a.joint == JOINT_COMMA)
		return is_named_argument(s, &a) && hide_quoted(s, &a);
	if (a.joint == JOINT_NONE && !a.option &&
		(a.kind == KEY_WEAK || a.quoted_name))
		return false;
	if (hide_composed(s, &a))
		return true;

	if ((a.joint == JOINT_NONE || a.blank) && hide_dollar_quoted(s, &a))
		return true;
	if (a.joint != JOINT_ROW && hide_quoted(s, &a))
		return true;
	if (!may_be_bare(s, &a))
		return false;
	if (a.joint == JOINT_ROW)
		end = row_end(s, a.value);
	else if (a.joint == JOINT_EQUALS && !a.blank && at(s, a.value) == '{')
		end = brace_end(s, a.value);
	else
		end = bare_end(s, a.value);
	if (!is_bare_secret(s, &a, end))
		return false;
	copy_to(s, a.value);
	if (a.quoted_name && a.joint == JOINT_COLON && is_number(s, s->in, end))
	{
		/* JSON must stay JSON. */
		step(s, end - s->in);
		s->buf[s->out++] = '0';
	}
	else
		hide_to(s, end);
	return true;
}
