/*
 * syntax.c
 *		A reader of PCRE2's syntax that weighs patterns.
 *
 * Anybody may call it, also without PostgreSQL: it includes no postgres.h so
 * that it can be built and fuzzed alone.  No locks, no memory.
 *
 * What it says decides how rules are ranked and what texts a pattern is tried
 * on.  It need not be exact, but it errs on one side only: there are never more
 * literals in the answer than in every match, and a match without any of the
 * parts does not exist.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE				/* memmem() */
#endif
#include "rules/syntax.h"

#include <stdint.h>
#include <string.h>

#include "base/ascii.h"

/* PCRE2's own limit on nested parentheses. */
#define MAX_DEPTH		250

/* Counts stop here, far above what makes a difference. */
#define MAX_COUNT		1000000

/* Room for the parts of a pattern and of the groups that it is in. */
#define MAX_PARTS		256

/*
 * Where the reader is.  Parts are a stack: what was just read has those at the
 * top, above the best that were found so far of each group around it.
 */
typedef struct Reader
{
	const char *at;
	const char *end;
	int			depth;
	bool		quoted;			/* between \Q and \E */
	bool		extended;		/* (?x) holds here */
	bool		odd_newline;	/* (*CRLF) or the like was seen */

	/* What was seen anywhere. */
	bool		any_caseless;
	bool		any_extended;
	bool		starts_at_offset;
	bool		unbound;		/* a match may leave out anything */

	int			nparts;
	HomeoSlice	parts[MAX_PARTS];
} Reader;

/* Of an element or a sequence of them. */
typedef struct Weight
{
	int			literals;
	int			nparts;			/* of which every match contains one: the
								 * reader's last ones; 0: none are known */
} Weight;

/* A group is told by what stands behind its parenthesis. */
typedef enum GroupKind
{
	GROUP_PLAIN,
	GROUP_OPTIONS,				/* (?x), for the rest of the group around it */
	GROUP_ASIDE,				/* consumes nothing: (?=...), (*MARK:x) */
	GROUP_CONDITIONAL			/* (?(1)yes|no) */
} GroupKind;

static Weight read_alternatives(Reader *reader, int *count);
static Weight read_group(Reader *reader);

static int
add(int a, int b)
{
	return a + b < MAX_COUNT ? a + b : MAX_COUNT;
}

static int
multiply(int a, int b)
{
	int64_t		product = (int64_t) a * b;

	return product < MAX_COUNT ? (int) product : MAX_COUNT;
}

static int
smaller(int a, int b)
{
	return a < b ? a : b;
}

/* ----------------------------------------------------------------
 * Looking and moving ahead.  The end of the pattern reads as a NUL.
 * ----------------------------------------------------------------
 */
static bool
more(const Reader *reader)
{
	return reader->at < reader->end;
}

static char
peek(const Reader *reader, size_t ahead)
{
	return (size_t) (reader->end - reader->at) > ahead ?
		reader->at[ahead] : '\0';
}

static bool
looking_at(const Reader *reader, const char *literal)
{
	return homeo_ascii_starts(reader->at, (size_t) (reader->end - reader->at),
							  literal);
}

/* Consumes the literal if it is there. */
static bool
take(Reader *reader, const char *literal)
{
	if (!looking_at(reader, literal))
		return false;
	reader->at += strlen(literal);
	return true;
}

/* Consumes up to and including the first such character. */
static void
skip_past(Reader *reader, char last)
{
	while (more(reader) && *reader->at++ != last)
		;
}

static void
skip_while(Reader *reader, bool (*belongs) (char))
{
	while (more(reader) && belongs(*reader->at))
		reader->at++;
}

static void
skip_blanks(Reader *reader)
{
	while (peek(reader, 0) == ' ' || peek(reader, 0) == '\t')
		reader->at++;
}

static int
read_number(Reader *reader)
{
	int			number = 0;

	while (homeo_ascii_is_digit(peek(reader, 0)))
		number = add(multiply(number, 10), *reader->at++ - '0');
	return number;
}

/* The bytes behind the first one of a character, which is consumed. */
static void
finish_character(Reader *reader, char first)
{
	if (!homeo_ascii_is_high(first))
		return;
	while (more(reader) && (*reader->at & 0xC0) == 0x80)
		reader->at++;
}

/* What (?x) ignores of ASCII. */
static bool
is_pattern_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* What (?x) ignores of the characters beyond ASCII, by their number of bytes. */
static bool
take_wide_space(Reader *reader)
{
	return take(reader, "\xc2\x85") ||	/* U+0085 */
		take(reader, "\xe2\x80\x8e") || take(reader, "\xe2\x80\x8f") ||
		take(reader, "\xe2\x80\xa8") || take(reader, "\xe2\x80\xa9");
}

/*
 * Consumes what means nothing, wherever it is: comments, an \E, an empty
 * quotation, and white space where that is ignored.  A quantifier behind it
 * belongs to the element before it.
 */
static void
skip_nothing(Reader *reader)
{
	while (more(reader))
	{
		if (take(reader, "\\E"))
			reader->quoted = false;
		else if (reader->quoted)
			return;
		else if (looking_at(reader, "(?#"))
			skip_past(reader, ')');
		else if (take(reader, "\\Q"))
			reader->quoted = true;
		else if (!reader->extended)
			return;
		else if (is_pattern_space(*reader->at))
			reader->at++;
		else if (take_wide_space(reader))
			;
		else if (*reader->at == '#')
		{
			/* Where the comment ends is not known then. */
			if (reader->odd_newline)
				reader->unbound = true;
			skip_past(reader, '\n');
		}
		else
			return;
	}
}

/* ----------------------------------------------------------------
 * Quantifiers
 * ----------------------------------------------------------------
 */
typedef struct Repeat
{
	int			min;
	bool		doubtful;		/* text to PCRE2 before 10.43 */
} Repeat;

/*
 * {n}, {n,}, {n,m} or {,m} at the reader, blanks between its parts; anything
 * else is text and stays there.
 */
static bool
read_braces(Reader *reader, Repeat *repeat)
{
	Reader		ahead = *reader;
	const char *first;
	bool		has_min;
	bool		has_max;

	ahead.at++;
	first = ahead.at;
	skip_blanks(&ahead);
	has_min = homeo_ascii_is_digit(peek(&ahead, 0));
	has_max = has_min;
	repeat->min = read_number(&ahead);
	skip_blanks(&ahead);
	if (take(&ahead, ","))
	{
		skip_blanks(&ahead);
		has_max = homeo_ascii_is_digit(peek(&ahead, 0));
		(void) read_number(&ahead);
		skip_blanks(&ahead);
	}
	if (!(has_min || has_max) || !take(&ahead, "}"))
		return false;
	repeat->doubtful = !has_min;
	for (; first < ahead.at; first++)
	{
		if (*first == ' ' || *first == '\t')
			repeat->doubtful = true;
	}
	reader->at = ahead.at;
	return true;
}

static bool
read_quantifier(Reader *reader, Repeat *repeat)
{
	repeat->doubtful = false;
	switch (peek(reader, 0))
	{
		case '*':
		case '?':
			repeat->min = 0;
			break;
		case '+':
			repeat->min = 1;
			break;
		case '{':
			return read_braces(reader, repeat);
		default:
			return false;
	}
	reader->at++;
	return true;
}

/*
 * What stands behind an element changes how often it counts.  A '?' or '+'
 * behind a quantifier makes it lazy or possessive, which changes nothing.
 */
static void
read_quantifiers(Reader *reader, Weight *weight)
{
	Repeat		repeat;

	skip_nothing(reader);
	while (!reader->quoted && read_quantifier(reader, &repeat))
	{
		skip_nothing(reader);
		if (!reader->quoted && (take(reader, "?") || take(reader, "+")))
			skip_nothing(reader);
		if (repeat.doubtful)
			repeat.min = smaller(repeat.min, 1);
		weight->literals = multiply(weight->literals, repeat.min);
	}
}

/* ----------------------------------------------------------------
 * Escapes and classes
 * ----------------------------------------------------------------
 */

/* The name or number behind \g, \k or \p, in brackets of some kind or not. */
static void
skip_argument(Reader *reader)
{
	if (take(reader, "{"))
		skip_past(reader, '}');
	else if (take(reader, "<"))
		skip_past(reader, '>');
	else if (take(reader, "'"))
		skip_past(reader, '\'');
	else if (peek(reader, 0) == '-' || peek(reader, 0) == '+' ||
			 homeo_ascii_is_digit(peek(reader, 0)))
	{
		reader->at++;
		read_number(reader);
	}
}

/* Consumes the digits of a character's code, in braces or at most so many. */
static void
skip_code(Reader *reader, int base, int most)
{
	bool		braces = take(reader, "{");

	for (int i = 0; more(reader) && (braces || i < most); i++)
	{
		char		c = homeo_ascii_lower(*reader->at);
		int			digit = homeo_ascii_is_digit(c) ? c - '0' : c - 'a' + 10;

		if (!braces && (!homeo_ascii_is_hex(c) || digit >= base))
			break;
		reader->at++;
		if (c == '}')
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
		case 'x':
			skip_code(reader, 16, 2);
			return 1;
		case 'o':
			skip_code(reader, 8, 0);
			return 1;
		case '0':
			skip_code(reader, 8, 2);
			return 1;
		case 'N':
			/* \N{U+41} is a character. */
			if (!looking_at(reader, "{U+"))
				return 0;
			skip_past(reader, '}');
			return 1;
		case 'p':
		case 'P':
			if (homeo_ascii_is_alpha(peek(reader, 0)))
				reader->at++;
			else
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
			/* A number is a group's or, sometimes, a character's. */
			if (homeo_ascii_is_digit(c))
				read_number(reader);
			finish_character(reader, c);
			return homeo_ascii_is_alnum(c) ? 0 : 1;
	}
}

/*
 * Consumes [:alpha:] in a class.  What only begins like that is characters
 * of the class.
 */
static bool
read_posix_name(Reader *reader)
{
	const char *at = reader->at;

	if (!looking_at(reader, "[:"))
		return false;
	for (at += 2; reader->end - at >= 2; at++)
	{
		if (at[0] == '\\' && (at[1] == ']' || at[1] == '\\'))
			at++;
		else if (at[0] == ']' || (at[0] == '[' && at[1] == ':'))
			return false;
		else if (at[0] == ':' && at[1] == ']')
		{
			reader->at = at + 2;
			return true;
		}
	}
	return false;
}

/* A character class whose [ is behind the reader. */
static void
read_class(Reader *reader)
{
	bool		first = true;

	while (take(reader, "\\E") || take(reader, "\\Q\\E"))
		;
	(void) take(reader, "^");
	while (more(reader))
	{
		char		c;

		if (take(reader, "\\E"))
		{
			reader->quoted = false;
			continue;
		}
		if (!reader->quoted)
		{
			if (take(reader, "\\Q"))
			{
				reader->quoted = true;
				continue;
			}
			if (read_posix_name(reader))
			{
				first = false;
				continue;
			}
		}
		c = *reader->at++;
		if (!reader->quoted && c == ']' && !first)
			break;
		if (!reader->quoted && c == '\\')
			read_escape(reader);
		else
			finish_character(reader, c);
		first = false;
	}
}

/* ----------------------------------------------------------------
 * Groups
 * ----------------------------------------------------------------
 */
static bool
is_option_char(char c)
{
	return homeo_ascii_is_alpha(c) || c == '-' || c == '^';
}

/*
 * Letters that change options, as in (?i) or (?x:...), up to the character
 * behind them; false, and nothing read, when something else stands there.
 */
static bool
read_options(Reader *reader)
{
	Reader		ahead = *reader;
	bool		on = true;

	skip_while(&ahead, is_option_char);
	if (peek(&ahead, 0) != ':' && peek(&ahead, 0) != ')')
		return false;
	for (; reader->at < ahead.at; reader->at++)
	{
		switch (*reader->at)
		{
			case '-':
				on = false;
				break;
			case '^':
				reader->extended = false;
				break;
			case 'i':
				reader->any_caseless = reader->any_caseless || on;
				break;
			case 'x':
				reader->extended = on;
				reader->any_extended = reader->any_extended || on;
				break;
			default:
				break;
		}
	}
	return true;
}

static bool
is_name_char(char c)
{
	return homeo_ascii_is_alpha(c) || c == '_';
}

/* Behind "(*": a verb, or the long name of a group. */
static GroupKind
read_verb(Reader *reader)
{
	static const char *const consuming[] = {
		"atomic", "sr", "script_run", "asr", "atomic_script_run"
	};
	const char *name = reader->at;
	size_t		len;

	skip_while(reader, is_name_char);
	len = (size_t) (reader->at - name);
	if (peek(reader, 0) == ':' && len > 0 && !homeo_ascii_is_upper(*name))
	{
		reader->at++;
		for (size_t i = 0; i < sizeof(consuming) / sizeof(consuming[0]); i++)
		{
			if (homeo_ascii_equals(name, len, consuming[i]))
				return GROUP_PLAIN;
		}
		return GROUP_ASIDE;
	}
	if (homeo_ascii_equals(name, len, "ACCEPT"))
		reader->unbound = true;
	if (homeo_ascii_starts(name, len, "CR") ||
		homeo_ascii_starts(name, len, "ANY") ||
		homeo_ascii_starts(name, len, "NUL"))
		reader->odd_newline = true;
	while (more(reader) && *reader->at != ')')
		reader->at++;
	return GROUP_ASIDE;
}

/* (?C1) or (?C"text"), whose text may hold parentheses. */
static void
skip_callout(Reader *reader)
{
	char		quote = peek(reader, 1);

	reader->at++;
	if (homeo_ascii_is_one_of(quote, "`'\"^%#${"))
	{
		quote = quote == '{' ? '}' : quote;
		reader->at++;
		do
			skip_past(reader, quote);
		while (more(reader) && *reader->at == quote && reader->at++);
	}
	while (more(reader) && *reader->at != ')')
		reader->at++;
}

/*
 * The condition of a group, its parenthesis at the reader.  Nothing follows
 * from what an assertion reads.
 */
static void
read_condition(Reader *reader)
{
	reader->at++;
	if (peek(reader, 0) == '?' && peek(reader, 1) == 'C')
	{
		reader->at++;
		skip_callout(reader);
		if (!take(reader, ")") || !take(reader, "("))
			return;
	}
	if (peek(reader, 0) == '?' || peek(reader, 0) == '*')
		(void) read_group(reader);
	else
		skip_past(reader, ')');
}

/* What stands between "(" and the group's contents. */
static GroupKind
read_group_kind(Reader *reader)
{
	if (take(reader, "*"))
		return read_verb(reader);
	if (!take(reader, "?"))
		return GROUP_PLAIN;
	if (take(reader, "=") || take(reader, "!") || take(reader, "*") ||
		take(reader, "<=") || take(reader, "<!") || take(reader, "<*"))
		return GROUP_ASIDE;
	if (take(reader, ">") || take(reader, "|") || take(reader, ":"))
		return GROUP_PLAIN;
	if (peek(reader, 0) == '(')
	{
		read_condition(reader);
		return GROUP_CONDITIONAL;
	}
	if (peek(reader, 0) == 'C')
	{
		skip_callout(reader);
		return GROUP_ASIDE;
	}
	if (take(reader, "<") || take(reader, "P<"))
	{
		skip_past(reader, '>');
		return GROUP_PLAIN;
	}
	if (take(reader, "'"))
	{
		skip_past(reader, '\'');
		return GROUP_PLAIN;
	}
	if (read_options(reader))
		return take(reader, ":") ? GROUP_PLAIN : GROUP_OPTIONS;
	/* (?R), (?1), (?&name), (?P=name), (?P>name) */
	while (more(reader) && *reader->at != ')')
		reader->at++;
	return GROUP_ASIDE;
}

/*
 * A group whose ( is behind the reader.  What is changed of the options inside
 * it ends with it.
 */
static Weight
read_group(Reader *reader)
{
	bool		extended = reader->extended;
	GroupKind	kind = read_group_kind(reader);
	int			count;
	Weight		weight = read_alternatives(reader, &count);

	if (more(reader))
		reader->at++;
	if (kind != GROUP_OPTIONS)
		reader->extended = extended;
	if (kind == GROUP_ASIDE || (kind == GROUP_CONDITIONAL && count < 2))
		weight.literals = 0;
	if (kind != GROUP_PLAIN)
		weight.nparts = 0;
	return weight;
}

/* ----------------------------------------------------------------
 * Elements and sequences of them
 * ----------------------------------------------------------------
 */

/* One element with its quantifiers. */
static Weight
read_element(Reader *reader)
{
	Weight		weight = {0};
	char		c = *reader->at++;

	if (reader->quoted)
	{
		finish_character(reader, c);
		weight.literals = 1;
		read_quantifiers(reader, &weight);
		return weight;
	}
	switch (c)
	{
		case '(':
			weight = read_group(reader);
			break;
		case '[':
			read_class(reader);
			break;
		case '\\':
			weight.literals = read_escape(reader);
			break;
		case '.':
			break;
		case '^':
		case '$':
			break;
		default:
			finish_character(reader, c);
			weight.literals = 1;
			break;
	}
	read_quantifiers(reader, &weight);
	return weight;
}

/*
 * Words that so many errors have that they tell one from another no better
 * than two letters do.
 */
static const char *const common_words[] = {
	"access", "argument", "cannot", "could", "does", "error", "errors",
	"exception", "exist", "expected", "fail", "failed", "failure", "file",
	"found", "from", "have", "illegal", "invalid", "line", "missing", "must",
	"name", "not", "required", "type", "unable", "undefined", "unexpected",
	"unknown", "unsupported", "value", "warning", "with", "wrong"
};

/* How well a part tells texts apart: as its length does, as a rule. */
static size_t
value_of(HomeoSlice part)
{
	HomeoSlice	word = part;

	while (word.len > 0 && homeo_ascii_is_space(word.data[0]))
		word = homeo_slice(word.data + 1, word.len - 1);
	while (word.len > 0 && homeo_ascii_is_space(word.data[word.len - 1]))
		word.len--;
	for (size_t i = 0; i < sizeof(common_words) / sizeof(common_words[0]); i++)
	{
		if (homeo_ascii_equals_nocase(word.data, word.len, common_words[i]))
			return 2;
	}
	return part.len;
}

/* The least value of some parts, 0: there are none. */
static size_t
least_value(const HomeoSlice *parts, int n)
{
	size_t		least = SIZE_MAX;

	for (int i = 0; i < n; i++)
	{
		size_t		value = value_of(parts[i]);

		if (value < least)
			least = value;
	}
	return n > 0 ? least : 0;
}

/*
 * Puts others in place of the last nbest parts of the reader, and of what is
 * above them, if they tell more, or as much and are fewer.  Returns how many
 * there are now.
 */
static int
choose_parts(Reader *reader, int best, int nbest, const HomeoSlice *others,
			 int n)
{
	size_t		least = least_value(reader->parts + best, nbest);
	size_t		others_least = least_value(others, n);

	if (best + n <= MAX_PARTS &&
		(others_least > least || (others_least == least && n < nbest)))
	{
		memmove(reader->parts + best, others, sizeof(*others) * (size_t) n);
		nbest = n;
	}
	reader->nparts = best + nbest;
	return nbest;
}

/* The run of characters is at its end; returns how many parts there are. */
static int
end_run(Reader *reader, HomeoSlice *run, int best, int nbest)
{
	if (run->len > 0)
		nbest = choose_parts(reader, best, nbest, run, 1);
	run->len = 0;
	return nbest;
}

/* Is what was just read a character, without a quantifier, that stands for itself? */
static bool
is_character(const Reader *reader, const char *start, bool quoted)
{
	const char *end = start + 1;

	while (end < reader->at && homeo_ascii_is_high(*start) &&
		   (*end & 0xc0) == 0x80)
		end++;
	if (quoted || reader->quoted || end != reader->at ||
		homeo_ascii_is_one_of(*start, "([\\.^$"))
		return false;
	return !reader->any_caseless || !homeo_ascii_is_high(*start);
}

/*
 * An element was read that begins at start.  A character that stands for itself
 * goes on with the run of such characters; anything else ends it.  The parts
 * from best on become the run, or those of a group without a quantifier, if
 * these tell more.  Returns how many they are.
 */
static int
note_parts(Reader *reader, const char *start, bool quoted,
		   const Weight *element, HomeoSlice *run, int best, int nbest)
{
	bool		is_group = !quoted && *start == '(' && reader->at[-1] == ')';
	int			n = is_group ? element->nparts : 0;

	if (is_character(reader, start, quoted))
	{
		if (run->len == 0)
			run->data = start;
		run->len = (size_t) (reader->at - run->data);
		return nbest;
	}
	nbest = choose_parts(reader, best, nbest,
						 reader->parts + reader->nparts - n, n);
	return end_run(reader, run, best, nbest);
}

/*
 * Alternatives up to the parenthesis that closes them or the end, and how
 * many there are: every match has the literals of the alternative that has
 * fewest, and one of the parts of all of them, if each has some.
 */
static Weight
read_alternatives(Reader *reader, int *count)
{
	Weight		all = {.literals = MAX_COUNT};
	int			literals = 0;
	HomeoSlice	run = homeo_slice(NULL, 0);
	const int	first = reader->nparts;
	int			best = first;	/* where those of this alternative are */
	int			nbest = 0;
	bool		each = true;

	*count = 1;
	if (++reader->depth > MAX_DEPTH)
		reader->at = reader->end;
	for (;;)
	{
		skip_nothing(reader);
		if (!more(reader) || (!reader->quoted && *reader->at == ')'))
			break;
		if (!reader->quoted && take(reader, "|"))
		{
			all.literals = smaller(all.literals, literals);
			literals = 0;
			each = end_run(reader, &run, best, nbest) > 0 && each;
			best = each ? reader->nparts : first;
			nbest = 0;
			*count = add(*count, 1);
		}
		else
		{
			const char *start = reader->at;
			bool		quoted = reader->quoted;
			Weight		element = read_element(reader);

			nbest = note_parts(reader, start, quoted, &element, &run, best,
							   nbest);
			literals = add(literals, element.literals);
		}
	}
	all.literals = smaller(all.literals, literals);
	each = end_run(reader, &run, best, nbest) > 0 && each &&
		reader->nparts - first <= HOMEO_SYNTAX_PARTS;
	all.nparts = each ? reader->nparts - first : 0;
	reader->depth--;
	return all;
}

HomeoSyntax
homeo_syntax_read(HomeoSlice pattern)
{
	const char *start = pattern.len > 0 ? pattern.data : "";
	Reader		reader = {.at = start,.end = start + pattern.len};
	HomeoSyntax syntax = {0};
	int			count;
	Weight		weight = read_alternatives(&reader, &count);

	/* A parenthesis too many can't be in what PCRE2 accepts. */
	syntax.literals = reader.unbound ? 0 : weight.literals;
	if (!reader.unbound && !reader.any_extended)
	{
		syntax.parts.n = weight.nparts;
		memcpy(syntax.parts.of, reader.parts + reader.nparts - weight.nparts,
			   sizeof(HomeoSlice) * (size_t) weight.nparts);
	}
	syntax.caseless = reader.any_caseless;
	syntax.starts_at_offset = reader.starts_at_offset;
	return syntax;
}

static const char long_s[] = "\xc5\xbf";
static const char kelvin[] = "\xe2\x84\xaa";

bool
homeo_syntax_folds(HomeoSlice subject)
{
	return subject.len > 0 &&
		(memmem(subject.data, subject.len, long_s, 2) != NULL ||
		 memmem(subject.data, subject.len, kelvin, 3) != NULL);
}

size_t
homeo_syntax_fold(HomeoSlice subject, char *out)
{
	size_t		len = 0;

	for (size_t i = 0; i < subject.len;)
	{
		if (subject.len - i >= 2 && memcmp(subject.data + i, long_s, 2) == 0)
		{
			out[len++] = 's';
			i += 2;
		}
		else if (subject.len - i >= 3 &&
				 memcmp(subject.data + i, kelvin, 3) == 0)
		{
			out[len++] = 'k';
			i += 3;
		}
		else
			out[len++] = subject.data[i++];
	}
	return len;
}

static bool
find_caseless(HomeoSlice subject, HomeoSlice part)
{
	for (size_t at = 0; at + part.len <= subject.len; at++)
	{
		size_t		i = 0;

		while (i < part.len && homeo_ascii_lower(subject.data[at + i]) ==
			   homeo_ascii_lower(part.data[i]))
			i++;
		if (i == part.len)
			return true;
	}
	return false;
}

bool
homeo_syntax_find_part(HomeoSlice subject, HomeoSlice part, bool caseless)
{
	if (caseless)
		return find_caseless(subject, part);
	return memmem(subject.data, subject.len, part.data, part.len) != NULL;
}
