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

#include <stdint.h>

#include "base/ascii.h"
#include "text/token.h"

/* ----------------------------------------------------------------
 * Which SQLSTATEs quote names, and which quote values
 * ----------------------------------------------------------------
 */

typedef struct ModeOfState
{
	const char *prefix;			/* an SQLSTATE or its class */
	HomeoNormalizeMode mode;
} ModeOfState;

#define KEEP	HOMEO_NORMALIZE_KEEP_IDENTIFIERS
#define ALL		HOMEO_NORMALIZE_ALL

/*
 * The first prefix that fits decides, so codes stand before their class.
 * A class whose messages quote both has the mode that does less harm: merging
 * two problems hides one of them, but a value taken for a name makes an issue
 * of each occurrence, and many values come from whoever can reach the server.
 * That is why what a client may freely choose before it has logged in (role
 * names of class 28) is a value here.  Classes that are not listed quote
 * nothing that matters, or, as P0 and XX000, texts of any kind.
 */
static const ModeOfState mode_of_state[] = {
	/* could not connect to server "s" (of a foreign-data wrapper) */
	{"08", KEEP},
	/* extension "vector" is not available, "v" is not a table */
	{"0A", KEEP},
	/* role name "pg_x" is reserved */
	{"0L", KEEP}, {"0P", KEEP},
	/* reached maximum value of sequence "orders_id_seq" */
	{"2200H", KEEP},
	/* null value cannot be assigned to variable "x" declared NOT NULL */
	{"22004", KEEP},
	/* invalid byte sequence for encoding "UTF8", ... encoding "LATIN1" */
	{"22021", KEEP}, {"22P05", KEEP},
	/* missing data for column "b" */
	{"22P04", KEEP},
	/* JSON object does not contain key "x", named in a path */
	{"2203A", KEEP},
	/* invalid input syntax for type integer: "abc" */
	{"22", ALL},
	/* violates unique constraint "a_pkey" */
	{"23", KEEP},
	/* cannot drop x because role "r" depends on it */
	{"2B", KEEP},
	/* function "f" of a procedural or external language */
	{"38", KEEP}, {"39", KEEP},
	/* database "d", schema "s" does not exist */
	{"3D", KEEP}, {"3F", KEEP},
	/* syntax error at or near "foo": wherever the parser happened to be */
	{"42601", ALL},
	/* cursor "c1", prepared statement "S_1": drivers number them */
	{"42P03", ALL}, {"42P05", ALL},
	/* relation "orders" does not exist */
	{"42", KEEP},
	/* new row violates check option for view "v" */
	{"44", KEEP},
	/* too many connections for role "app" */
	{"53300", KEEP},
	/* index row size 2712 exceeds btree maximum 2704 for index "i" */
	{"54", KEEP},
	/* materialized view "mv" has not been populated */
	{"55", KEEP},
	/* unrecognized configuration parameter "x" in file */
	{"F0", KEEP},
	/* what this extension's own checks found, such as index "i" */
	{"HO", KEEP},
	/* invalid option "host" of a foreign server */
	{"HV", KEEP},
	/* damaged file "base/5/1259", damaged index "i": each its own problem */
	{"XX001", KEEP}, {"XX002", KEEP}
};

#undef KEEP
#undef ALL

HomeoNormalizeMode
homeo_normalize_mode_for_sqlstate(const char *sqlstate)
{
	size_t		i;

	if (sqlstate == NULL)
		return HOMEO_NORMALIZE_ALL;
	for (i = 0; i < sizeof(mode_of_state) / sizeof(mode_of_state[0]); i++)
	{
		const char *prefix = mode_of_state[i].prefix;

		/* Stops at a terminator, and never reads a sixth byte. */
		if (strncmp(sqlstate, prefix, strlen(prefix)) == 0)
			return mode_of_state[i].mode;
	}
	return HOMEO_NORMALIZE_ALL;
}

/* ----------------------------------------------------------------
 * State and output
 * ----------------------------------------------------------------
 */

/* Pairs of quotes; the index says which one is meant. */
typedef struct QuotePair
{
	const char *open;
	const char *close;
	bool		names;			/* may hold a name */
} QuotePair;

/* The ones that are not ASCII are what translated messages use. */
static const QuotePair quote_pairs[] = {
	{"'", "'", false},
	{"\"", "\"", true},
	{"\xc2\xab", "\xc2\xbb", true}, /* guillemets */
	{"\xc2\xbb", "\xc2\xab", true}, /* the German way */
	{"\xe2\x80\x9c", "\xe2\x80\x9d", true}, /* 66 and 99 */
	{"\xe2\x80\x9e", "\xe2\x80\x9c", true}, /* low 99 and 66 */
	{"\xe2\x80\x98", "\xe2\x80\x99", false} /* single 6 and 9 */
};

/* The least length of a word of a log that is a hash: de9231d */
#define MIN_SHORT_HASH	6

#define QUOTE_PAIRS		(sizeof(quote_pairs) / sizeof(quote_pairs[0]))

typedef enum Placeholder
{
	NOTHING, DATE, DURATION, EMAIL, HEX, HOST, IP, NUMBER, PATH, SIZE, URL, UUID,
	VALUE, QUOTED_VALUE
} Placeholder;

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

typedef struct Normalizer
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

	Placeholder last;			/* the one written last */
	size_t		last_end;		/* n after it */

	/* Failed or far searches; see the comment at the top. */
	bool		unclosed[QUOTE_PAIRS];
	size_t		next_at;		/* the first '@' at or after pos, if known */
	size_t		dotted_end;		/* no host begins before this */
} Normalizer;

/* The length of the whole characters among the first n bytes. */
static size_t
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

static void
put(Normalizer *s, const char *bytes, size_t n)
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

static void
copy(Normalizer *s, size_t n)
{
	put(s, s->in + s->pos, n);
	s->pos += n;
}

/*
 * Writes a placeholder for the next n bytes, unless only a comma or a blank
 * lies between it and the one before, which is the same.
 */
static void
replace(Normalizer *s, size_t n, Placeholder what)
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

static const char *
rest(const Normalizer *s)
{
	return s->in + s->pos;
}

static size_t
rest_len(const Normalizer *s)
{
	return s->len - s->pos;
}

/* Could a word begin here? */
static bool
at_word_start(const Normalizer *s)
{
	return s->pos == 0 || !homeo_ascii_is_word(s->in[s->pos - 1]);
}

/* ----------------------------------------------------------------
 * Quoted texts
 * ----------------------------------------------------------------
 */

/*
 * A letter before an apostrophe makes it one of a word (don't), unless the
 * letter stands alone and is the prefix of a literal (b'x', E'x').
 */
static bool
opens_single_quote(const Normalizer *s)
{
	size_t		pos = s->pos;

	if (pos + 1 >= s->len || homeo_ascii_is_space(s->in[pos + 1]))
		return false;
	if (at_word_start(s))
		return true;
	return homeo_ascii_is_one_of(s->in[pos - 1], "bBeEnNrRuUxX") &&
		(pos == 1 || !homeo_ascii_is_word(s->in[pos - 2]));
}

/*
 * Some languages put no blank between their letters and a quote, so only
 * ASCII letters make a double quote part of a word.
 */
static bool
joins_double_quote(char c)
{
	return homeo_ascii_is_word(c) && !homeo_ascii_is_high(c);
}

static bool
closes(const Normalizer *s, char quote, size_t after)
{
	if (after >= s->len)
		return true;
	return quote == '"' ? !joins_double_quote(s->in[after]) :
		!homeo_ascii_is_word(s->in[after]);
}

/*
 * The position of the quote that closes the one at pos, or 0.  A doubled
 * quote and one behind a backslash belong to the text, but the last of a
 * doubled one closes when no other does: values are not always quoted by
 * somebody who knew how.
 */
static size_t
find_ascii_close(Normalizer *s, size_t pair)
{
	char		quote = s->in[s->pos];
	size_t		fallback = 0;
	size_t		i = s->pos + 1;

	if (i < s->len && s->in[i] == quote &&
		!(i + 1 < s->len && s->in[i + 1] == quote) &&
		closes(s, quote, i + 1))
		return i;				/* empty */

	for (; i < s->len; i++)
	{
		if (s->in[i] == '\\')
			i++;
		else if (s->in[i] != quote)
			continue;
		else if (i + 1 < s->len && s->in[i + 1] == quote)
		{
			i++;
			if (closes(s, quote, i + 1))
				fallback = i;
		}
		else if (closes(s, quote, i + 1))
			return i;
	}
	s->unclosed[pair] = true;
	return fallback;
}

/* The same for quotes of several bytes; returns the first of them. */
static size_t
find_close(Normalizer *s, size_t pair)
{
	const char *close = quote_pairs[pair].close;
	size_t		n = strlen(close);
	size_t		i = s->pos + strlen(quote_pairs[pair].open);

	for (; i + n <= s->len; i++)
	{
		if (memcmp(s->in + i, close, n) == 0 &&
			(quote_pairs[pair].names || i + n == s->len ||
			 !homeo_ascii_is_word(s->in[i + n])))
			return i;
	}
	s->unclosed[pair] = true;
	return 0;
}

/* Which pair of quotes opens at pos?  QUOTE_PAIRS for none. */
static size_t
opening_quote(const Normalizer *s)
{
	size_t		pair;

	for (pair = 0; pair < QUOTE_PAIRS; pair++)
	{
		if (homeo_ascii_starts(rest(s), rest_len(s), quote_pairs[pair].open))
			break;
	}
	if (pair < QUOTE_PAIRS && s->unclosed[pair])
		return QUOTE_PAIRS;
	if (pair == 0 && !opens_single_quote(s))
		return QUOTE_PAIRS;
	if (pair == 1 && s->pos > 0 && joins_double_quote(s->in[s->pos - 1]))
		return QUOTE_PAIRS;
	return pair;
}

static bool
quoted(Normalizer *s)
{
	size_t		pair = opening_quote(s);
	size_t		close;
	size_t		n;

	if (pair == QUOTE_PAIRS)
		return false;
	close = pair < 2 ? find_ascii_close(s, pair) : find_close(s, pair);
	if (close == 0)
		return false;
	n = close + strlen(quote_pairs[pair].close) - s->pos;
	if (quote_pairs[pair].names &&
		s->mode == HOMEO_NORMALIZE_KEEP_IDENTIFIERS)
		copy(s, n);
	else
		replace(s, n, quote_pairs[pair].names ? QUOTED_VALUE : VALUE);
	return true;
}

/* ----------------------------------------------------------------
 * Words
 * ----------------------------------------------------------------
 */

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
type_modifier(const Normalizer *s, size_t pos)
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
hexadecimal(Normalizer *s)
{
	size_t		n = homeo_token_uuid(rest(s), rest_len(s));
	Placeholder what = UUID;

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
numbered_word(Normalizer *s)
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
word(Normalizer *s)
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
address(Normalizer *s)
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
number(Normalizer *s)
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
after_dot(const Normalizer *s)
{
	return s->pos > 0 && s->in[s->pos - 1] == '.';
}

/*
 * A slash behind one of these is a division, a closing tag, a relative path,
 * the second one of a comment, or (in German) between halves of words.
 */
static bool
may_begin_path(const Normalizer *s)
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
token(Normalizer *s)
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
	Normalizer	s;

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
		else if (mode != HOMEO_NORMALIZE_LOG && quoted(&s))
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
