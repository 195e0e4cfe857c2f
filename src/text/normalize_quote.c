/*
 * normalize_quote.c
 *		Quoted texts: where they begin and end, and what becomes of them.
 *
 * Called by normalize.c, in any process, also without PostgreSQL.  No locks,
 * no memory of its own.
 */
#include "text/normalize.h"

#include "text/normalizer.h"

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

_Static_assert(sizeof(quote_pairs) / sizeof(quote_pairs[0]) == QUOTE_PAIRS,
			   "the normaliser has a flag for each pair");

/*
 * A letter before an apostrophe makes it one of a word (don't), unless the
 * letter stands alone and is the prefix of a literal (b'x', E'x').
 */
static bool
opens_single_quote(const HomeoNormalizer *s)
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
closes(const HomeoNormalizer *s, char quote, size_t after)
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
find_ascii_close(HomeoNormalizer *s, size_t pair)
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
find_close(HomeoNormalizer *s, size_t pair)
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
opening_quote(const HomeoNormalizer *s)
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

bool
homeo_normalize_quoted(HomeoNormalizer *s)
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
