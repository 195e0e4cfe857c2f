/*
 * normalize.c
 *		Replaces what varies between two occurrences of the same problem.
 *
 * Anybody may call it, in any process, also without PostgreSQL: it includes
 * no postgres.h so that it can be built and fuzzed alone.  No locks, no
 * memory of its own.
 *
 * One pass from left to right.  At each place where a word could begin, the
 * recognisers of token.h are tried in an order that puts the more special
 * first; what none of them knows is copied, a whole word at once.  Searches
 * that may fail far ahead (for a closing quote, for the @ of an address)
 * remember that they failed, so that they are not made again.
 */
#include "text/normalize.h"

#include "text/normalizer.h"
#include "text/token.h"

/* The least length of a word of a log that is a hash: de9231d */
#define MIN_SHORT_HASH	6

/*
 * Types that take a length or a precision.  "character varying(10)" is how
 * the server tells which of the columns was too short (it names neither
 * column nor table), and the number only changes when somebody alters the
 * type.  So a number in parentheses behind the name of a type is part of
 * what the problem is.
 */
static const char *const types_with_modifier[] = {
	"binary", "bit", "bpchar", "char", "character", "decimal", "float",
	"halfvec", "interval", "nchar", "numeric", "nvarchar", "sparsevec",
	"time", "timestamp", "timestamptz", "timetz", "varbinary", "varbit",
	"varchar", "varying", "vector"
};

/* The length of "(10)" or "(10, 2)" at the parenthesis at pos; 0: another. */
static size_t
type_modifier(const HomeoNormalizer *s, size_t pos)
{
	size_t		i = pos;
	int			number;

	for (number = 0; number < 2; number++)
	{
		size_t		start;

		i++;					/* the parenthesis, the comma */
		if (i < s->len && s->in[i] == ' ')
			i++;
		if (i < s->len && s->in[i] == '-')
			i++;
		for (start = i; i < s->len && i - start < 10 &&
			 homeo_ascii_is_digit(s->in[i]); i++)
			;
		if (i == start || i >= s->len)
			return 0;
		if (s->in[i] == ')')
			return i + 1 - pos;
		if (s->in[i] != ',')
			return 0;
	}
	return 0;
}

static bool
takes_modifier(const char *word, size_t n)
{
	size_t		i;

	for (i = 0; i < sizeof(types_with_modifier) / sizeof(char *); i++)
	{
		if (homeo_ascii_equals_nocase(word, n, types_with_modifier[i]))
			return true;
	}
	return false;
}

/*
 * A uuid, a long hexadecimal number or one in pairs, also as a part of an
 * identifier.
 */
static bool
hexadecimal(HomeoNormalizer *s)
{
	size_t		n = homeo_token_uuid(rest(s), rest_len(s));
	HomeoPlaceholder what = UUID;

	if (n == 0)
	{
		n = homeo_token_hex(rest(s), rest_len(s));
		what = HEX;
	}
	if (n == 0)
		n = homeo_token_pairs(rest(s), rest_len(s));
	if (n == 0)
		return false;
	replace(s, n, what);
	return true;
}

/*
 * In logs a word with a digit is the name of one of many things (blk_17,
 * worker3, task_4_m_2), of which only the letters before the first digit say
 * of what kind they are; or it is a short hash.  Writes such a word without
 * what varies; false: its part up to the next underscore has no digit.
 */
static bool
numbered_word(HomeoNormalizer *s)
{
	const char *p = rest(s);
	size_t		len = rest_len(s);
	size_t		letters = 0;
	size_t		n;
	bool		hex = true;
	bool		alpha = false;

	while (letters < len && homeo_ascii_is_word(p[letters]) &&
		   !homeo_ascii_is_digit(p[letters]) && p[letters] != '_')
		letters++;
	if (letters >= len || !homeo_ascii_is_digit(p[letters]))
		return false;
	for (n = 0; n < len && homeo_ascii_is_word(p[n]); n++)
	{
		hex = hex && homeo_ascii_is_hex(p[n]);
		alpha = alpha || homeo_ascii_is_alpha(p[n]);
	}
	if (hex && alpha && n >= MIN_SHORT_HASH)
	{
		replace(s, n, HEX);
		return true;
	}
	copy(s, letters);
	replace(s, n - letters, NUMBER);
	return true;
}

/*
 * Copies a word, and with it the modifier if it is the name of a type.
 * Digits inside stay except in logs: utf8, t_1, x86_64.
 */
static void
word(HomeoNormalizer *s)
{
	size_t		start = s->pos;

	while (s->pos < s->len && homeo_ascii_is_word(s->in[s->pos]))
	{
		size_t		n = 0;

		if (s->mode == HOMEO_NORMALIZE_LOG && numbered_word(s))
			continue;
		while (n < rest_len(s) && homeo_ascii_is_word(rest(s)[n]) &&
			   rest(s)[n] != '_')
			n++;
		while (n < rest_len(s) && rest(s)[n] == '_')
			n++;
		copy(s, n);
		if (s->in[s->pos - 1] == '_' && !hexadecimal(s) &&
			s->mode == HOMEO_NORMALIZE_LOG && rest_len(s) >= 2 &&
			rest(s)[0] == '-' && homeo_ascii_is_digit(rest(s)[1]))
			s->pos++;			/* a number below zero: blk_-17 */
	}
	if (s->pos < s->len && s->in[s->pos] == '(' &&
		takes_modifier(s->in + start, s->pos - start))
		copy(s, type_modifier(s, s->pos));
}

/* Addresses; each is tried only where it could be. */
static bool
address(HomeoNormalizer *s)
{
	const char *p = rest(s);
	size_t		len = rest_len(s);
	size_t		n = 0;
	size_t		seen;

	if (s->next_at < s->pos)
	{
		const char *next = memchr(p, '@', len);

		s->next_at = next == NULL ? s->len : (size_t) (next - s->in);
	}
	if (s->next_at < s->len && (n = homeo_token_email(p, len)) > 0)
		replace(s, n, EMAIL);
	else if ((n = homeo_token_url(p, len)) > 0)
		replace(s, n, URL);
	else if ((n = homeo_token_ip(p, len)) > 0)
		replace(s, n, IP);
	else if (s->pos >= s->dotted_end && homeo_ascii_is_alnum(*p))
	{
		n = homeo_token_host(p, len, &seen);
		s->dotted_end = s->pos + seen;
		if (n > 0)
			replace(s, n, HOST);
	}
	return n > 0;
}

/* Everything that begins with a digit or a sign, except addresses. */
static bool
number(HomeoNormalizer *s)
{
	const char *p = rest(s);
	size_t		len = rest_len(s);
	size_t		n;

	if ((n = homeo_token_duration(p, len)) > 0)
		replace(s, n, DURATION);
	else if ((n = homeo_token_size(p, len)) > 0)
		replace(s, n, SIZE);
	else if ((n = homeo_token_number(p, len)) > 0)
		replace(s, n, NUMBER);
	return n > 0;
}

/* The second dot of a range, 3..5, does not begin a number. */
static bool
after_dot(const HomeoNormalizer *s)
{
	return s->pos > 0 && s->in[s->pos - 1] == '.';
}

/*
 * A slash behind one of these is a division, a closing tag, a relative path,
 * the second one of a comment, or (in German) between halves of words.
 */
static bool
may_begin_path(const HomeoNormalizer *s)
{
	return s->pos == 0 ||
		!homeo_ascii_is_one_of(s->in[s->pos - 1], "<./)]-");
}

/* The length of the parameters behind the path of a request, ?a=1&b=2. */
static size_t
query(const char *p, size_t len)
{
	size_t		n = 0;

	if (len < 2 || p[0] != '?' || !homeo_ascii_is_word(p[1]))
		return 0;
	while (n < len && !homeo_ascii_is_space(p[n]) &&
		   !homeo_ascii_is_one_of(p[n], "\"'<>()[]{},;"))
		n++;
	return n;
}

/* What token.h knows, at a place where a word could begin. */
static bool
token(HomeoNormalizer *s)
{
	const char *p = rest(s);
	size_t		len = rest_len(s);
	char		c = *p;
	size_t		n = 0;

	if (homeo_ascii_is_alnum(c) || c == '[' || c == ':')
	{
		if (hexadecimal(s))
			return true;
		if ((n = homeo_token_lsn(p, len)) > 0)
			replace(s, n, HEX);
		else if (address(s))
			return true;
		else if ((n = homeo_token_date(p, len)) > 0)
			replace(s, n, DATE);
	}
	if (n == 0 && (homeo_ascii_is_digit(c) || c == '-' || c == '+' ||
				   c == 'P' || (c == '.' && !after_dot(s))))
	{
		if (number(s))
			return true;
	}
	if (n == 0 && (c == '/' || c == '~' || c == '\\' ||
				   homeo_ascii_is_alpha(c)))
	{
		if ((n = homeo_token_bytea(p, len)) > 0)
			replace(s, n, HEX);
		else if (may_begin_path(s) && (n = homeo_token_path(p, len)) > 0)
		{
			if (s->mode == HOMEO_NORMALIZE_LOG)
				n += query(p + n, len - n);
			replace(s, n, PATH);
		}
	}
	return n > 0;
}

size_t
homeo_normalize(const char *text, size_t len, HomeoNormalizeMode mode,
				char *out, size_t outcap)
{
	HomeoNormalizer s;

	memset(&s, 0, sizeof(s));
	s.in = text;

	s.len = len;
	s.mode = mode;
	s.out = out;
	s.cap = outcap;
	s.full = outcap == 0;

	while (s.pos < s.len && !s.full)
	{
		if (homeo_ascii_is_space(s.in[s.pos]))
		{
			s.blank = true;
			s.pos++;
		}
		else if (mode != HOMEO_NORMALIZE_LOG && homeo_normalize_quoted(&s))
			continue;
		else if (at_word_start(&s) && token(&s))
			continue;
		else if (homeo_ascii_is_word(s.in[s.pos]))
			word(&s);
		else
			copy(&s, 1);
	}
	if (s.full && s.n > 0 && out[s.n - 1] == ' ')
		s.n--;
	return s.n;
}
