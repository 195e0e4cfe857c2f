/*
 * pattern.c
 *		The table of distinct patterns, and a reader of PCRE2's syntax that
 *		weighs them.
 *
 * Called by ruleset.c while it reads the rules, with patterns that PCRE2 has
 * accepted.  The table is private to the process and lives as long as it does;
 * homeo_pattern_sweep() takes out what no rule uses any more.
 *
 * The reader need not be exact.  What it says decides how rules are ranked
 * and whether Vectorscan is asked about a pattern at all, never whether a
 * pattern matches.
 */
#include "postgres.h"

#include "rules/pattern.h"

#include <ctype.h>

#include "common/hashfn.h"
#include "rules/prefilter.h"
#include "rules/regex.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

/* PCRE2's own limit on nested parentheses. */
#define MAX_DEPTH		250

/* Counts stop here, far above what makes a difference. */
#define MAX_COUNT		1000000

/* An element that takes any character of UTF-8 is an automaton of its own. */
#define WIDE			8

/* The key points into the pattern. */
typedef struct PatternEntry
{
	HomeoSlice text;
	HomeoPattern *pattern;
} PatternEntry;

static MemoryContext pattern_memory = NULL;
static HTAB *patterns = NULL;

/* Where the reader is. */
typedef struct Reader
{
	const char *at;
	const char *end;
	int			depth;
	bool		caseless;		/* (?i) was seen */
	bool		extended;		/* (?x) was seen */
	bool		beyond_ascii;	/* some character is or may be */
	bool		foreign;
	bool		starts_at_offset;
} Reader;

/* Of an element or a sequence of them. */
typedef struct Weight
{
	int			literals;
	int			unrolled;
} Weight;

static Weight read_alternatives(Reader *reader);

static int
add(int a, int b)
{
	return Min(a + b, MAX_COUNT);
}

static int
multiply(int a, int b)
{
	return (int) Min((int64) a * b, MAX_COUNT);
}

static bool
more(const Reader *reader)
{
	return reader->at < reader->end;
}

/* Consumes up to and including the first such character. */
static void
skip_past(Reader *reader, char last)
{
	while (more(reader) && *reader->at++ != last)
		;
}

static int
read_number(Reader *reader)
{
	int			number = 0;

	while (more(reader) && isdigit((unsigned char) *reader->at))
		number = add(multiply(number, 10), *reader->at++ - '0');
	return number;
}

/*
 * {n}, {n,} or {n,m} at the reader; anything else is text and stays there.
 * *max is -1 when there is none.
 */
static bool
read_braces(Reader *reader, int *min, int *max)
{
	Reader		ahead = *reader;

	ahead.at++;
	if (!more(&ahead) || !isdigit((unsigned char) *ahead.at))
		return false;
	*min = *max = read_number(&ahead);
	if (more(&ahead) && *ahead.at == ',')
	{
		ahead.at++;
		*max = -1;
		if (more(&ahead) && isdigit((unsigned char) *ahead.at))
			*max = read_number(&ahead);
	}
	if (!more(&ahead) || *ahead.at != '}')
		return false;
	reader->at = ahead.at + 1;
	return true;
}

/* What stands behind an element changes how often it counts. */
static void
read_quantifiers(Reader *reader, Weight *weight)
{
	while (more(reader))
	{
		int			min;
		int			max;

		switch (*reader->at)
		{
			case '*':
			case '?':
				min = 0;
				max = -1;
				reader->at++;
				break;
			case '+':
				min = 1;
				max = -1;
				reader->at++;
				break;
			case '{':
				if (!read_braces(reader, &min, &max))
					return;
				break;
			default:
				return;
		}
		weight->literals = multiply(weight->literals, min);
		weight->unrolled = multiply(weight->unrolled, Max(Max(min, max), 1));
	}
}

/* \Q is behind the reader: every character up to \E stands for itself. */
static int
read_quoted(Reader *reader)
{
	int			count = 0;

	while (more(reader))
	{
		if (reader->at[0] == '\\' && reader->end - reader->at >= 2 &&
			reader->at[1] == 'E')
		{
			reader->at += 2;
			break;
		}
		if ((*reader->at & 0xC0) != 0x80)
			count = add(count, 1);
		if (IS_HIGHBIT_SET(*reader->at))
			reader->beyond_ascii = true;
		reader->at++;
	}
	return count;
}

/* The name, number or code in brackets behind an escape, if there is one. */
static void
skip_argument(Reader *reader)
{
	if (!more(reader))
		return;
	switch (*reader->at)
	{
		case '{':
			skip_past(reader, '}');
			break;
		case '<':
			skip_past(reader, '>');
			break;
		case '\'':
			reader->at++;
			skip_past(reader, '\'');
			break;
		default:
			break;
	}
}

/* A backslash is behind the reader.  Returns how many literals it makes. */
static int
read_escape(Reader *reader)
{
	char		c;

	if (!more(reader))
		return 0;
	c = *reader->at++;
	switch (c)
	{
		case 'Q':
			return read_quoted(reader);
		case 'x':
		case 'o':
		case 'N':
			/* The character may be any; Vectorscan judges \N by itself. */
			reader->beyond_ascii = true;
			if (more(reader) && *reader->at == '{')
				skip_past(reader, '}');
			else
			{
				for (int i = 0; c == 'x' && i < 2 && more(reader) &&
					 isxdigit((unsigned char) *reader->at); i++)
					reader->at++;
			}
			return c == 'N' ? 0 : 1;
		case 'p':
		case 'P':
			/* Vectorscan's Unicode tables are older than PCRE2's. */
			reader->foreign = true;
			skip_argument(reader);
			return 0;
		case 'g':
		case 'k':
			skip_argument(reader);
			return 0;
		case 'G':
			reader->starts_at_offset = true;
			return 0;
		case 'c':
			if (more(reader))
				reader->at++;
			return 1;
		case 'a':
		case 'e':
		case 'f':
		case 'n':
		case 'r':
		case 't':
			return 1;
		default:
			if (isdigit((unsigned char) c))
				read_number(reader);
			return isalnum((unsigned char) c) ? 0 : 1;
	}
}

/* True for \\D and the like, which take nearly all characters. */
static bool
is_wide_escape(char c)
{
	return strchr("DHNRSVWXpP", c) != NULL && c != '\0';
}

/*
 * A character class whose [ is behind the reader.  Returns true when it takes
 * characters beyond ASCII.
 */
static bool
read_class(Reader *reader)
{
	bool		wide = false;

	if (more(reader) && *reader->at == '^')
	{
		reader->at++;
		wide = true;
	}
	if (more(reader) && *reader->at == ']')
		reader->at++;
	while (more(reader) && *reader->at != ']')
	{
		char		c = *reader->at++;

		if (c == '\\')
		{
			if (more(reader) && is_wide_escape(*reader->at))
				wide = true;
			read_escape(reader);
		}
		else if (c == '[' && more(reader) && *reader->at == ':')
			skip_past(reader, ']');
		else if (IS_HIGHBIT_SET(c))
			reader->beyond_ascii = wide = true;
	}
	if (more(reader))
		reader->at++;
	return wide;
}

/*
 * Letters that change options, as in (?i) or (?x:...); false when something
 * else stands there.
 */
static bool
read_options(Reader *reader)
{
	const char *at = reader->at;

	while (at < reader->end && (isalpha((unsigned char) *at) ||
								*at == '-' || *at == '^'))
		at++;
	if (at == reader->end || (*at != ':' && *at != ')'))
		return false;
	for (const char *p = reader->at; p < at; p++)
	{
		if (*p == 'i')
			reader->caseless = true;
		if (*p == 'x')
		{
			/* (?xx) also ignores blanks in classes, Vectorscan doesn't. */
			if (p[1] == 'x')
				reader->foreign = true;
			reader->extended = true;
		}
	}
	reader->at = at;
	return true;
}

/*
 * What stands between "(?" or "(*" and the group's contents.  Returns false
 * for a group that consumes nothing of the text or may be skipped.
 */
static bool
read_group_kind(Reader *reader)
{
	const char *start = reader->at;
	char		next;

	if (*start == '*')
	{
		/* A verb, perhaps one that brings in Unicode's tables. */
		reader->foreign = true;
		return false;
	}
	reader->at++;
	if (!more(reader))
		return false;
	next = reader->end - reader->at >= 2 ? reader->at[1] : '\0';
	switch (*reader->at)
	{
		case '#':
			/* The caller finds the parenthesis that ends the comment. */
			while (more(reader) && *reader->at != ')')
				reader->at++;
			return false;
		case '<':
			if (next == '=' || next == '!')
				return false;
			skip_past(reader, '>');
			return true;
		case '\'':
			reader->at++;
			skip_past(reader, '\'');
			return true;
		case 'P':
			if (next != '<')
				return false;
			skip_past(reader, '>');
			return true;
		case '>':
		case '|':
		case ':':
			reader->at++;
			return true;
		default:
			if (!read_options(reader))
				return false;
			if (*reader->at == ':')
				reader->at++;
			return true;
	}
}

/* A group whose ( is behind the reader. */
static Weight
read_group(Reader *reader)
{
	Weight		weight;
	bool		consumes = true;

	if (more(reader) && (*reader->at == '?' || *reader->at == '*'))
		consumes = read_group_kind(reader);
	weight = read_alternatives(reader);
	if (more(reader))
		reader->at++;
	if (!consumes)
		weight.literals = 0;
	return weight;
}

/* One element with its quantifiers. */
static Weight
read_element(Reader *reader)
{
	Weight		weight = {0, 1};
	char		c = *reader->at++;

	switch (c)
	{
		case '(':
			weight = read_group(reader);
			break;
		case '[':
			if (read_class(reader))
				weight.unrolled = WIDE;
			break;
		case '\\':
			if (more(reader) && is_wide_escape(*reader->at))
				weight.unrolled = WIDE;
			weight.literals = read_escape(reader);
			weight.unrolled = Max(weight.unrolled, weight.literals);
			break;
		case '.':
			weight.unrolled = WIDE;
			break;
		case '^':
		case '$':
			break;
		case '#':
			if (reader->extended)
			{
				skip_past(reader, '\n');
				return weight;
			}
			weight.literals = 1;
			break;
		default:
			if (IS_HIGHBIT_SET(c))
			{
				reader->beyond_ascii = true;
				while (more(reader) && (*reader->at & 0xC0) == 0x80)
					reader->at++;
			}
			weight.literals =
				reader->extended && isspace((unsigned char) c) ? 0 : 1;
			break;
	}
	read_quantifiers(reader, &weight);
	return weight;
}

/*
 * Alternatives up to the parenthesis that closes them or the end: every match
 * has the literals of the alternative that has fewest.
 */
static Weight
read_alternatives(Reader *reader)
{
	Weight		all = {MAX_COUNT, 0};
	Weight		one = {0, 0};

	if (++reader->depth > MAX_DEPTH)
		reader->at = reader->end;
	while (more(reader) && *reader->at != ')')
	{
		if (*reader->at == '|')
		{
			reader->at++;
			all.literals = Min(all.literals, one.literals);
			one.literals = 0;
		}
		else
		{
			Weight		element = read_element(reader);

			one.literals = add(one.literals, element.literals);
			all.unrolled = add(all.unrolled, element.unrolled);
		}
	}
	all.literals = Min(all.literals, one.literals);
	reader->depth--;
	return all;
}

/* Fills in what reading the pattern tells; its text is there already. */
void
homeo_pattern_read(HomeoPattern *pattern)
{
	Reader		reader = {
		.at = pattern->text.data,
		.end = pattern->text.data + pattern->text.len
	};
	Weight		weight = read_alternatives(&reader);

	/* A parenthesis too many can't be: PCRE2 has accepted the pattern. */
	pattern->literals = weight.literals;
	pattern->unrolled = weight.unrolled;
	pattern->starts_at_offset = reader.starts_at_offset;

	/*
	 * Which letters differ only by case is read from tables that are older in
	 * Vectorscan than in PCRE2; they agree about ASCII.
	 */
	pattern->foreign = reader.foreign ||
		(reader.caseless && reader.beyond_ascii);
}

MemoryContext
homeo_pattern_context(void)
{
	if (pattern_memory == NULL)
		pattern_memory = AllocSetContextCreate(TopMemoryContext,
											   "homeostasis patterns",
											   ALLOCSET_DEFAULT_SIZES);
	return pattern_memory;
}

static uint32
hash_text(const void *key, Size keysize)
{
	const HomeoSlice *slice = key;

	return hash_bytes((const unsigned char *) slice->data, (int) slice->len);
}

static int
compare_texts(const void *a, const void *b, Size keysize)
{
	const HomeoSlice *left = a;
	const HomeoSlice *right = b;

	if (left->len != right->len)
		return 1;
	return memcmp(left->data, right->data, left->len);
}

static HTAB *
create_table(void)
{
	HASHCTL		control = {
		.keysize = sizeof(HomeoSlice),
		.entrysize = sizeof(PatternEntry),
		.hash = hash_text,
		.match = compare_texts,
		.hcxt = homeo_pattern_context()
	};

	return hash_create("homeostasis patterns", 256, &control,
					   HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
}

/*
 * The pattern with this text, UTF-8 that PCRE2 accepts, marked as used by
 * the generation of rules.
 */
HomeoPattern *
homeo_pattern_intern(HomeoSlice source, uint32 generation)
{
	PatternEntry *entry;
	HomeoPattern *pattern;

	if (patterns == NULL)
		patterns = create_table();

	entry = hash_search(patterns, &source, HASH_FIND, NULL);
	if (entry != NULL)
		pattern = entry->pattern;
	else
	{
		/* In one piece, made before the table knows it. */
		char	   *copy;

		pattern = MemoryContextAllocZero(homeo_pattern_context(),
										 sizeof(HomeoPattern) + source.len + 1);
		copy = (char *) (pattern + 1);
		memcpy(copy, source.data, source.len);
		pattern->text.data = copy;
		pattern->text.len = source.len;
		homeo_pattern_read(pattern);
		entry = hash_search(patterns, &pattern->text, HASH_ENTER, NULL);
		entry->pattern = pattern;
	}
	if (pattern->generation != generation)
	{
		pattern->generation = generation;
		pattern->rules = NULL;
		pattern->nrules = 0;
	}
	return pattern;
}

void
homeo_pattern_each(HomeoPatternVisit visit, void *arg)
{
	HASH_SEQ_STATUS status;
	PatternEntry *entry;

	if (patterns == NULL)
		return;
	hash_seq_init(&status, patterns);
	while ((entry = hash_seq_search(&status)) != NULL)
		visit(entry->pattern, arg);
}

/* Frees the patterns that are not of this generation, and what is theirs. */
void
homeo_pattern_sweep(uint32 generation)
{
	HASH_SEQ_STATUS status;
	PatternEntry *entry;

	if (patterns == NULL)
		return;
	hash_seq_init(&status, patterns);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		HomeoPattern *pattern = entry->pattern;

		if (pattern->generation == generation)
			continue;
		homeo_regex_forget(pattern);
		homeo_prefilter_forget(pattern);
		hash_search(patterns, &entry->text, HASH_REMOVE, NULL);
		pfree(pattern);
	}
}
