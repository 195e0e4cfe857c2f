/*
 * pattern_tree.c
 *		A pattern as a tree, for those who ask what its parts can match.
 *
 * Anybody may call it, also without PostgreSQL.  Where a set of characters is
 * not known exactly, as that of \p{Lu}, it is taken for larger than it is.
 */
#include "rules/pattern_tree.h"

#include <stdlib.h>

#include "base/ascii.h"

/* PCRE2's own limit on nested parentheses. */
#define MAX_DEPTH		250

/* Counts stop here. */
#define MAX_COUNT		1000000

typedef struct Reader
{
	HomeoPatternTree *tree;
	const char *start;
	const char *at;
	const char *end;
	int			depth;
	bool		failed;			/* it has what is not read here */
	bool		quoted;			/* between \Q and \E */
	bool		extended;		/* (?x) */
	bool		caseless;		/* (?i) */
	bool		all;			/* (?s): a dot is any character */
} Reader;

static int	read_choice(Reader *reader);

/* ----------------------------------------------------------------
 * Sets
 * ----------------------------------------------------------------
 */
static void
add_char(HomeoCharSet *set, unsigned int c)
{
	if (c < 128)
		set->low[c / 64] |= UINT64_C(1) << (c % 64);
	else
		set->high = true;
}

static void
add_range(HomeoCharSet *set, unsigned int from, unsigned int to)
{
	for (unsigned int c = from; c <= to && c < 128; c++)
		add_char(set, c);
	if (to >= 128)
		set->high = true;
}

static void
add_set(HomeoCharSet *set, HomeoCharSet other)
{
	set->low[0] |= other.low[0];
	set->low[1] |= other.low[1];
	set->high = set->high || other.high;
}

/* All others; those beyond ASCII are never left out altogether. */
static HomeoCharSet
invert(HomeoCharSet set)
{
	HomeoCharSet result = {{~set.low[0], ~set.low[1]}, true};

	return result;
}

static HomeoCharSet
all_but(const char *chars)
{
	HomeoCharSet set = {{0, 0}, false};

	for (; *chars != '\0'; chars++)
		add_char(&set, (unsigned char) *chars);
	return invert(set);
}

static HomeoCharSet
fold_case(HomeoCharSet set)
{
	/* The letters are in the second half, 32 places apart. */
	uint64_t	upper = set.low[1] & UINT64_C(0x07fffffe);
	uint64_t	lower = set.low[1] & UINT64_C(0x07fffffe00000000);

	set.low[1] |= (upper << 32) | (lower >> 32);
	return set;
}

/* What \d, \w and the like take. */
static HomeoCharSet
class_of(char letter)
{
	HomeoCharSet set = {{0, 0}, false};

	switch (homeo_ascii_lower(letter))
	{
		case 'd':
			add_range(&set, '0', '9');
			break;
		case 'w':
			add_range(&set, '0', '9');
			add_range(&set, 'A', 'Z');
			add_range(&set, 'a', 'z');
			add_char(&set, '_');
			break;
		case 'h':
			add_char(&set, ' ');
			add_char(&set, '\t');
			set.high = true;
			break;
		case 'v':
		case 'r':
			add_range(&set, '\n', '\r');
			set.high = true;
			break;
		case 's':
			add_range(&set, '\t', '\r');
			add_char(&set, ' ');
			break;
		case 'n':
			return all_but("\n");
		default:
			return all_but("");
	}
	return homeo_ascii_is_upper(letter) && letter != 'R' ? invert(set) : set;
}

/* ----------------------------------------------------------------
 * Nodes
 * ----------------------------------------------------------------
 */
static int
new_node(Reader *reader, HomeoNodeKind kind)
{
	HomeoPatternTree *tree = reader->tree;
	HomeoNode  *node;

	if (tree->n == tree->room)
	{
		reader->failed = true;
		return 0;
	}
	node = &tree->nodes[tree->n];
	memset(node, 0, sizeof(*node));
	node->kind = kind;
	node->offset = (int) (reader->at - reader->start);
	return tree->n++;
}

static void
adopt(Reader *reader, int parent, int child)
{
	HomeoNode  *nodes = reader->tree->nodes;

	if (parent == 0 || child == 0)
		return;
	nodes[child].previous = nodes[parent].last;
	if (nodes[parent].last != 0)
		nodes[nodes[parent].last].next = child;
	else
		nodes[parent].first = child;
	nodes[parent].last = child;
}

static int
new_chars(Reader *reader, const char *start, HomeoCharSet set)
{
	int			node = new_node(reader, HOMEO_NODE_CHARS);

	reader->tree->nodes[node].offset = (int) (start - reader->start);
	reader->tree->nodes[node].set = reader->caseless ? fold_case(set) : set;
	return node;
}

/* ----------------------------------------------------------------
 * Looking and moving ahead.  The end of the pattern reads as a NUL.
 * ----------------------------------------------------------------
 */
static char
peek(const Reader *reader, size_t ahead)
{
	return (size_t) (reader->end - reader->at) > ahead ?
		reader->at[ahead] : '\0';
}

static bool
at_end(const Reader *reader)
{
	return reader->at >= reader->end;
}

static bool
take(Reader *reader, const char *literal)
{
	if (!homeo_ascii_starts(reader->at, (size_t) (reader->end - reader->at),
							literal))
		return false;
	reader->at += strlen(literal);
	return true;
}

static void
skip_past(Reader *reader, char last)
{
	while (!at_end(reader) && *reader->at++ != last)
		;
}

/* One character of the pattern, as its code or, beyond ASCII, 128. */
static unsigned int
take_character(Reader *reader)
{
	unsigned char c = (unsigned char) *reader->at++;

	if (c < 128)
		return c;
	while (!at_end(reader) && ((unsigned char) *reader->at & 0xc0) == 0x80)
		reader->at++;
	return 128;
}

/* Comments, \E, and white space where that means nothing. */
static void
skip_nothing(Reader *reader)
{
	while (!at_end(reader))
	{
		if (take(reader, "\\E"))
			reader->quoted = false;
		else if (reader->quoted)
			return;
		else if (take(reader, "(?#"))
			skip_past(reader, ')');
		else if (take(reader, "\\Q"))
			reader->quoted = true;
		else if (!reader->extended)
			return;
		else if (homeo_ascii_is_one_of(*reader->at, " \t\n\v\f\r"))
			reader->at++;
		else if (*reader->at == '#')
			skip_past(reader, '\n');
		else
			return;
	}
}

/* ----------------------------------------------------------------
 * Escapes and classes
 * ----------------------------------------------------------------
 */

/* The code behind \x, \o or \0, in braces or at most so many digits. */
static unsigned int
take_code(Reader *reader, unsigned int base, int most)
{
	bool		braces = take(reader, "{");
	unsigned int code = 0;

	while (!at_end(reader) && (braces || most-- > 0))
	{
		char		c = homeo_ascii_lower(*reader->at);
		unsigned int digit = homeo_ascii_is_digit(c) ?
		(unsigned int) (c - '0') : (unsigned int) (c - 'a') + 10;

		if (!homeo_ascii_is_hex(c) || digit >= base)
			break;
		reader->at++;
		code = code < 128 ? code * base + digit : code;
	}
	if (braces)
		skip_past(reader, '}');
	return code;
}

/* A character of an escape that stands for one, its letter behind the reader. */
static unsigned int
take_escaped(Reader *reader, char letter)
{
	switch (letter)
	{
		case 'n':
			return '\n';
		case 't':
			return '\t';
		case 'r':
			return '\r';
		case 'f':
			return '\f';
		case 'a':
			return 7;
		case 'e':
			return 27;
		case 'c':
			return at_end(reader) ? 0 : take_character(reader) & 31;
		case 'x':
			return take_code(reader, 16, 2);
		case 'o':
			return take_code(reader, 8, 3);
		case '0':
			return take_code(reader, 8, 2);
		default:
			if ((unsigned char) letter < 128)
				return (unsigned char) letter;
			reader->at--;
			return take_character(reader);
	}
}

/* The name behind \p, \g or \k, in brackets of some kind or not. */
static void
skip_argument(Reader *reader)
{
	if (take(reader, "{"))
		skip_past(reader, '}');
	else if (take(reader, "<"))
		skip_past(reader, '>');
	else if (take(reader, "'"))
		skip_past(reader, '\'');
	else if (!at_end(reader))
	{
		reader->at++;
		while (homeo_ascii_is_digit(peek(reader, 0)))
			reader->at++;
	}
}

/* A backslash is behind the reader. */
static int
read_escape(Reader *reader, const char *start)
{
	HomeoCharSet set = {{0, 0}, false};
	char		letter = peek(reader, 0);

	if (at_end(reader))
		return 0;
	reader->at++;
	if (homeo_ascii_is_one_of(letter, "bBAzZG"))
		return new_node(reader, HOMEO_NODE_ASSERTION);
	if (letter == 'K')
		return new_node(reader, HOMEO_NODE_EMPTY);
	if (homeo_ascii_is_one_of(letter, "gk") ||
		(homeo_ascii_is_digit(letter) && letter != '0'))
	{
		if (homeo_ascii_is_digit(letter))
			reader->at--;
		skip_argument(reader);
		return new_node(reader, HOMEO_NODE_REFERENCE);
	}
	if (homeo_ascii_is_one_of(letter, "pP"))
		skip_argument(reader);
	else if (letter == 'N' && peek(reader, 0) == '{')
		reader->failed = true;
	if (homeo_ascii_is_one_of(letter, "dDwWsShHvVRNXpP"))
		return new_chars(reader, start, class_of(letter));
	add_char(&set, take_escaped(reader, letter));
	return new_chars(reader, start, set);
}

/* [:alpha:] in a class. */
static bool
take_posix(Reader *reader, HomeoCharSet *set)
{
	static const struct
	{
		const char *name;
		char		letter;
	}			names[] = {
		{"[:digit:]", 'd'}, {"[:word:]", 'w'}, {"[:space:]", 's'},
		{"[:blank:]", 'h'}, {"[:alnum:]", 'w'}, {"[:alpha:]", 'w'},
		{"[:lower:]", 'w'}, {"[:upper:]", 'w'}, {"[:xdigit:]", 'w'}
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		if (take(reader, names[i].name))
		{
			add_set(set, class_of(names[i].letter));
			return true;
		}
	}
	if (peek(reader, 0) != '[' || peek(reader, 1) != ':')
		return false;
	/* One of the others, or characters. */
	reader->failed = true;
	return false;
}

/*
 * A member of a class that may begin a range: its code, or -1 when it is a set,
 * which is added then.
 */
static int
take_member(Reader *reader, HomeoCharSet *set)
{
	char		letter;

	if (reader->quoted || !take(reader, "\\"))
		return (int) take_character(reader);
	letter = peek(reader, 0);
	if (at_end(reader))
		return -1;
	reader->at++;
	if (homeo_ascii_is_one_of(letter, "pP"))
		skip_argument(reader);
	if (homeo_ascii_is_one_of(letter, "dDwWsShHvVpP"))
	{
		add_set(set, class_of(letter));
		return -1;
	}
	if (letter == 'b')
		return '\b';
	if (letter == 'N')
		reader->failed = true;
	if (homeo_ascii_is_digit(letter))
	{
		reader->at--;
		return (int) take_code(reader, 8, 3);
	}
	return (int) take_escaped(reader, letter);
}

/* A class whose [ is behind the reader. */
static int
read_class(Reader *reader, const char *start)
{
	HomeoCharSet set = {{0, 0}, false};
	bool		inverted = take(reader, "^");
	bool		empty = true;

	while (!at_end(reader) && !reader->failed)
	{
		int			from;
		int			to;

		if (take(reader, "\\E"))
		{
			reader->quoted = false;
			continue;
		}
		if (!reader->quoted && take(reader, "\\Q"))
		{
			reader->quoted = true;
			continue;
		}
		if (!reader->quoted && *reader->at == ']' && !empty)
			break;
		empty = false;
		if (!reader->quoted && take_posix(reader, &set))
			continue;
		from = take_member(reader, &set);
		to = from;
		if (from >= 0 && !reader->quoted && peek(reader, 0) == '-' &&
			peek(reader, 1) != ']' && peek(reader, 1) != '\0')
		{
			reader->at++;
			to = take_member(reader, &set);
			if (to < 0)
			{
				add_char(&set, '-');
				to = from;
			}
		}
		if (from >= 0)
			add_range(&set, (unsigned int) from, (unsigned int) to);
	}
	(void) take(reader, "]");
	if (reader->caseless)
		set = fold_case(set);
	return new_chars(reader, start, inverted ? invert(set) : set);
}

/* ----------------------------------------------------------------
 * Groups
 * ----------------------------------------------------------------
 */

/* Letters behind "(?" that change options; false, and nothing read, if not. */
static bool
take_options(Reader *reader)
{
	Reader		ahead = *reader;
	bool		on = true;

	for (; homeo_ascii_is_alpha(peek(&ahead, 0)) || peek(&ahead, 0) == '-' ||
		 peek(&ahead, 0) == '^'; ahead.at++)
	{
		switch (*ahead.at)
		{
			case '-':
				on = false;
				break;
			case '^':
				ahead.extended = ahead.caseless = ahead.all = false;
				break;
			case 'i':
				ahead.caseless = on;
				break;
			case 's':
				ahead.all = on;
				break;
			case 'x':
				ahead.extended = on;
				break;
			default:
				break;
		}
	}
	if (peek(&ahead, 0) != ':' && peek(&ahead, 0) != ')')
		return false;
	*reader = ahead;
	return true;
}

static void
skip_group_name(Reader *reader)
{
	if (take(reader, "P<") || take(reader, "<"))
		skip_past(reader, '>');
	else if (take(reader, "'"))
		skip_past(reader, '\'');
}

/* What is in a group, up to its end, as one node of that kind. */
static int
read_inside(Reader *reader, const char *start, HomeoNodeKind kind, bool atomic)
{
	int			node = new_node(reader, kind);
	HomeoNode  *made = &reader->tree->nodes[node];

	made->offset = (int) (start - reader->start);
	made->atomic = atomic;
	adopt(reader, node, read_choice(reader));
	(void) take(reader, ")");
	return node;
}

/* A group whose ( is behind the reader. */
static int
read_group(Reader *reader, const char *start)
{
	bool		extended = reader->extended;
	bool		caseless = reader->caseless;
	bool		all = reader->all;
	int			node = 0;

	if (peek(reader, 0) == '*')
		reader->failed = true;
	else if (!take(reader, "?"))
		node = read_inside(reader, start, HOMEO_NODE_SEQUENCE, false);
	else if (take(reader, "=") || take(reader, "!") || take(reader, "<=") ||
			 take(reader, "<!"))
		node = read_inside(reader, start, HOMEO_NODE_ASSERTION, true);
	else if (take(reader, ">"))
		node = read_inside(reader, start, HOMEO_NODE_SEQUENCE, true);
	else if (take(reader, "|") || take(reader, ":"))
		node = read_inside(reader, start, HOMEO_NODE_SEQUENCE, false);
	else if (homeo_ascii_is_one_of(peek(reader, 0), "(C*"))
		reader->failed = true;
	else if (homeo_ascii_is_one_of(peek(reader, 0), "R&+0123456789") ||
			 (peek(reader, 0) == '-' && homeo_ascii_is_digit(peek(reader, 1))) ||
			 (peek(reader, 0) == 'P' && peek(reader, 1) != '<'))
	{
		skip_past(reader, ')');
		node = new_node(reader, HOMEO_NODE_REFERENCE);
	}
	else if (take_options(reader))
	{
		/* Without a colon they hold for the rest of the group around it. */
		if (take(reader, ")"))
			return new_node(reader, HOMEO_NODE_EMPTY);
		reader->at++;
		node = read_inside(reader, start, HOMEO_NODE_SEQUENCE, false);
	}
	else
	{
		skip_group_name(reader);
		node = read_inside(reader, start, HOMEO_NODE_SEQUENCE, false);
	}
	reader->extended = extended;
	reader->caseless = caseless;
	reader->all = all;
	return node;
}

/* ----------------------------------------------------------------
 * Elements, sequences, alternatives
 * ----------------------------------------------------------------
 */
static int
take_number(Reader *reader)
{
	int			number = 0;

	while (homeo_ascii_is_digit(peek(reader, 0)))
	{
		if (number < MAX_COUNT)
			number = number * 10 + (*reader->at - '0');
		reader->at++;
	}
	return number;
}

/* {n}, {n,} or {n,m}; what else is in braces is text. */
static bool
take_braces(Reader *reader, int *min, int *max)
{
	Reader		ahead = *reader;

	ahead.at++;
	if (!homeo_ascii_is_digit(peek(&ahead, 0)))
		return false;
	*min = *max = take_number(&ahead);
	if (take(&ahead, ","))
		*max = homeo_ascii_is_digit(peek(&ahead, 0)) ? take_number(&ahead) : -1;
	if (!take(&ahead, "}"))
		return false;
	reader->at = ahead.at;
	return true;
}

static bool
take_quantifier(Reader *reader, int *min, int *max)
{
	*min = 0;
	*max = -1;
	if (reader->quoted)
		return false;
	if (peek(reader, 0) == '{')
		return take_braces(reader, min, max);
	if (take(reader, "*"))
		return true;
	if (take(reader, "+"))
	{
		*min = 1;
		return true;
	}
	*max = 1;
	return take(reader, "?");
}

/* The element with the quantifiers behind it. */
static int
read_quantifiers(Reader *reader, int node)
{
	int			min;
	int			max;

	skip_nothing(reader);
	while (take_quantifier(reader, &min, &max))
	{
		int			repeat = new_node(reader, HOMEO_NODE_REPEAT);
		HomeoNode  *nodes = reader->tree->nodes;

		if (repeat == 0 || node == 0)
			break;
		nodes[repeat].offset = nodes[node].offset;
		nodes[repeat].min = min;
		nodes[repeat].max = max;
		skip_nothing(reader);
		nodes[repeat].atomic = !reader->quoted && take(reader, "+");
		if (!nodes[repeat].atomic && !reader->quoted)
			(void) take(reader, "?");
		skip_nothing(reader);
		adopt(reader, repeat, node);
		node = repeat;
	}
	return node;
}

static int
read_element(Reader *reader)
{
	const char *start = reader->at;
	HomeoCharSet set = {{0, 0}, false};

	if (!reader->quoted)
	{
		if (take(reader, "("))
			return read_group(reader, start);
		if (take(reader, "["))
			return read_class(reader, start);
		if (take(reader, "\\"))
			return read_escape(reader, start);
		if (take(reader, "."))
			return new_chars(reader, start, all_but(reader->all ? "" : "\n"));
		if (take(reader, "^") || take(reader, "$"))
			return new_node(reader, HOMEO_NODE_ASSERTION);
	}
	add_char(&set, take_character(reader));
	return new_chars(reader, start, set);
}

static int
read_sequence(Reader *reader)
{
	int			sequence = new_node(reader, HOMEO_NODE_SEQUENCE);

	for (;;)
	{
		skip_nothing(reader);
		if (reader->failed || at_end(reader) ||
			(!reader->quoted && (*reader->at == ')' || *reader->at == '|')))
			return sequence;
		adopt(reader, sequence, read_quantifiers(reader, read_element(reader)));
	}
}

static int
read_choice(Reader *reader)
{
	int			choice = new_node(reader, HOMEO_NODE_CHOICE);

	if (++reader->depth > MAX_DEPTH)
		reader->failed = true;
	do
		adopt(reader, choice, read_sequence(reader));
	while (!reader->failed && take(reader, "|"));
	reader->depth--;
	return choice;
}

/* Notes of each node whether it may consume nothing. */
static void
find_nullable(HomeoNode *nodes, int number)
{
	HomeoNode  *node = &nodes[number];
	bool		all = true;
	bool		any = false;

	for (int child = node->first; child != 0; child = nodes[child].next)
	{
		find_nullable(nodes, child);
		all = all && nodes[child].nullable;
		any = any || nodes[child].nullable;
	}
	switch (node->kind)
	{
		case HOMEO_NODE_CHARS:
			node->nullable = false;
			break;
		case HOMEO_NODE_CHOICE:
			node->nullable = any;
			break;
		case HOMEO_NODE_SEQUENCE:
			node->nullable = all;
			break;
		case HOMEO_NODE_REPEAT:
			node->nullable = node->min == 0 || all;
			break;
		default:
			node->nullable = true;
			break;
	}
}

bool
homeo_pattern_tree_read(HomeoSlice pattern, HomeoPatternTree *tree)
{
	const char *start = pattern.len > 0 ? pattern.data : "";
	Reader		reader = {
		.tree = tree,.start = start,.at = start,.end = start + pattern.len
	};

	/* Each byte makes at most three: a group, its choice, and a sequence. */
	tree->room = (int) pattern.len * 3 + 8;
	tree->n = 1;
	tree->nodes = calloc((size_t) tree->room, sizeof(HomeoNode));
	if (tree->nodes == NULL)
		return false;
	tree->root = read_choice(&reader);
	if (!reader.failed && at_end(&reader))
	{
		find_nullable(tree->nodes, tree->root);
		return true;
	}
	homeo_pattern_tree_free(tree);
	return false;
}

void
homeo_pattern_tree_free(HomeoPatternTree *tree)
{
	free(tree->nodes);
	tree->nodes = NULL;
}
