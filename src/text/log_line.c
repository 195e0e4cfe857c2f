/*
 * log_line.c
 *		Takes a line of a log apart into tokens: words that say what happened,
 *		and places where a value stands.
 *
 * Anybody may call it, in any process, also without PostgreSQL: it includes
 * no postgres.h so that it can be built and fuzzed alone.  No locks, no
 * memory but the caller's and 3 kB of the stack.
 *
 * The line is normalised first.  What is then between blanks, brackets,
 * quotes and the like is a token; what is between two tokens is kept for
 * whoever reads the text and does not matter otherwise.  Three things see to
 * it that a statement of a program always writes the same number of tokens:
 * values in a row are one; nothing behind an equals sign is a value; and a
 * value in brackets or behind a colon without a blank before it, such as the
 * number of a process, a port or a line, belongs to the name there.
 *
 * The text of a line must give the same tokens when it is taken apart again,
 * also with ANY in place of some, because it is what is stored of a template.
 * Hence rules that look a little further than they would need to otherwise.
 */
#include "text/log_line.h"

#include "base/ascii.h"
#include "text/normalize.h"

#define MAX_PLACEHOLDER		10	/* bytes of <duration> */
#define MAX_NORMALIZED		2048

#define ANY_LEN				(sizeof(HOMEO_LOG_LINE_ANY) - 1)

/* What joins a value to the name before it. */
static const char name_joints[] = "([:";

/* What stands for a value that was empty or had several words. */
static const char value_text[] = "<v>";

typedef struct Reader
{
	const char *in;
	size_t		len;
	size_t		pos;
	size_t		copied;			/* of in, to the line */
	HomeoLogLine *line;
	size_t		reserved;		/* the line's text if all tokens become ANY */
	bool		full;
	bool		dropped;		/* what is before copied was one in a row */
	bool		assigned;		/* the token before has an equals sign */
} Reader;

/* The length of a value's placeholder at pos, such as <n>; 0: none. */
static size_t
value(const Reader *r, size_t pos)
{
	size_t		i = pos + 1;

	if (pos >= r->len || r->in[pos] != '<')
		return 0;
	while (i < r->len && i - pos < MAX_PLACEHOLDER - 1 &&
		   homeo_ascii_is(r->in[i], HOMEO_ASCII_LOWER))
		i++;
	return i > pos + 1 && i < r->len && r->in[i] == '>' ? i + 1 - pos : 0;
}

/* The same of that or of <*>. */
static size_t
placeholder(const Reader *r, size_t pos)
{
	if (r->len - pos >= ANY_LEN &&
		memcmp(r->in + pos, HOMEO_LOG_LINE_ANY, ANY_LEN) == 0)
		return ANY_LEN;
	return value(r, pos);
}

static bool
is_delimiter(char c)
{
	switch (c)
	{
		case '(':
		case ')':
		case '[':
		case ']':
		case '{':
		case '}':
		case '<':
		case '>':
		case '"':
		case '\'':
		case '`':
		case ',':
		case ';':
		case ':':
		case '=':
		case '|':
		case '!':
		case '?':
			return true;
		default:
			return homeo_ascii_is_space(c);
	}
}

/* The end of the run at pos: of bytes without delimiters, or dots in a row. */
static size_t
run_end(const Reader *r, size_t pos)
{
	while (pos < r->len)
	{
		char		c = r->in[pos];
		size_t		n = c == '<' ? placeholder(r, pos) : 0;

		if (n == 0 && (is_delimiter(c) ||
					   (c == '.' && pos + 1 < r->len &&
						r->in[pos + 1] == '.')))
			break;
		pos += n > 0 ? n : 1;
	}
	return pos;
}

/*
 * Behind the bracket at pos if it closes the open one and no run follows it,
 * else pos.
 */
static size_t
closed(const Reader *r, size_t pos, char open)
{
	if (pos < r->len &&
		((open == '(' && r->in[pos] == ')') ||
		 (open == '[' && r->in[pos] == ']')) &&
		run_end(r, pos + 1) == pos + 1)
		return pos + 1;
	return pos;
}

/* May a token begin or end with this? */
static bool
is_solid(char c)
{
	return homeo_ascii_is_word(c) || c == '<' || c == '>';
}

/*
 * The key of a token.  What has letters beside its placeholders is numbered;
 * what has punctuation inside, or changes from lower case to upper, is a name.
 */
static uint32_t
token_key(const Reader *r, size_t start, size_t end)
{
	uint32_t	hash = 2166136261u; /* FNV-1a */
	HomeoTokenKind kind = HOMEO_TOKEN_WORD;
	bool		letters = false;
	bool		values = false;
	size_t		i = start;

	if (end - start == ANY_LEN &&
		memcmp(r->in + start, HOMEO_LOG_LINE_ANY, ANY_LEN) == 0)
		return HOMEO_TOKEN_KEY_ANY;
	while (i < end)
	{
		char		c = r->in[i];
		size_t		n = c == '<' ? placeholder(r, i) : 0;
		bool		letter = homeo_ascii_is_alpha(c) || homeo_ascii_is_high(c);

		if (n > 0)
			values = true;
		else if (letter)
		{
			letters = true;
			if (homeo_ascii_is_upper(c) && i > start &&
				homeo_ascii_is(r->in[i - 1], HOMEO_ASCII_LOWER))
				kind = HOMEO_TOKEN_NAME;
		}
		else
			kind = HOMEO_TOKEN_NAME;
		/* How many values there are, and what is between, matters not. */
		if (!values || letter)
			hash = (hash ^ (unsigned char) c) * 16777619u;
		i += n > 0 ? n : 1;
	}
	if (values && !letters)
		return HOMEO_TOKEN_KEY_VALUE;
	if (values)
		kind = HOMEO_TOKEN_NUMBERED;
	hash ^= hash >> 15;
	return (hash & ~HOMEO_TOKEN_KIND_MASK) | (uint32_t) kind;
}

static bool
is_value(uint32_t key)
{
	return key == HOMEO_TOKEN_KEY_VALUE || key == HOMEO_TOKEN_KEY_ANY;
}

/*
 * Adds a token, which is from start to end of the input, or is another text
 * instead, with what is between it and the one before.  The text is cut so that
 * there is room for it even with ANY in place of any tokens.
 */
static void
add(Reader *r, size_t start, size_t end, uint32_t key, const char *instead)
{
	HomeoLogLine *line = r->line;
	HomeoToken *token = &line->tokens[line->ntokens];
	size_t		between = start - r->copied;
	size_t		n = instead != NULL ? strlen(instead) : end - start;
	size_t		room = between + (n < ANY_LEN ? ANY_LEN : n);
	bool		assigned = r->assigned;
	bool		blank;

	r->assigned = false;
	if (line->ntokens > 0 && key == HOMEO_TOKEN_KEY_VALUE &&
		token[-1].key == key &&
		memchr(r->in + r->copied, '"', between) == NULL)
	{
		/* One more in a row.  A bracket that it began ends with it. */
		if (between > 0)
			end = closed(r, end, r->in[start - 1]);
		r->copied = end;
		r->dropped = true;
		return;
	}
	/* What follows it must not seem to belong to the one before. */
	blank = r->dropped && between > 0 &&
		homeo_ascii_is_one_of(r->in[r->copied], name_joints);
	room += blank;
	if (line->ntokens == HOMEO_LOG_LINE_TOKENS ||
		room > HOMEO_LOG_LINE_BYTES - r->reserved)
	{
		r->full = true;
		return;
	}
	if (assigned)
		token[-1].key = (token[-1].key & ~HOMEO_TOKEN_KIND_MASK) |
			(uint32_t) HOMEO_TOKEN_KEY;
	if (blank)
		line->str[line->len++] = ' ';
	memcpy(line->str + line->len, r->in + r->copied, between);
	line->len += between;
	memcpy(line->str + line->len, instead != NULL ? instead : r->in + start, n);
	token->key = key;
	token->start = (uint16_t) line->len;
	token->len = (uint16_t) n;
	line->len += n;
	line->ntokens++;
	r->reserved += room;
	r->copied = end;
	r->dropped = false;
}

/*
 * The end of what belongs to a name that ends at pos: a value behind a bracket
 * or a colon.
 */
static size_t
name_end(const Reader *r, size_t pos)
{
	if (pos >= r->len || !homeo_ascii_is_one_of(r->in[pos], name_joints) ||
		value(r, pos + 1) == 0)
		return pos;
	return closed(r, run_end(r, pos + 1), r->in[pos]);
}

/*
 * Adds the run at pos, to its end, as a token, if it is one, with what belongs
 * to it; moves pos behind.
 */
static bool
add_run(Reader *r, size_t end)
{
	size_t		start = r->pos;

	while (start < end && !is_solid(r->in[start]))
		start++;
	r->pos = end;
	if (start == end)
		return false;
	if (!homeo_ascii_starts(r->in + start, end - start, HOMEO_LOG_LINE_ANY))
		r->pos = name_end(r, end);
	if (r->pos > end)
		end = r->pos;
	else
	{
		while (!is_solid(r->in[end - 1]))
			end--;
	}
	add(r, start, end, token_key(r, start, end), NULL);
	return !r->full;
}

/* Is there an equals sign at pos that gives something a value? */
static bool
assigns(const Reader *r, size_t pos)
{
	return pos < r->len && r->in[pos] == '=' &&
		!(pos + 1 < r->len && homeo_ascii_is_one_of(r->in[pos + 1], "=>~"));
}

static size_t
skip_blanks(const Reader *r, size_t pos)
{
	while (pos < r->len && r->in[pos] == ' ')
		pos++;
	return pos;
}

/*
 * Looks at what is behind the equals sign at pos: a token as any other, unless
 * there is nothing.  In "a= b=1" the first value is empty, in "a= b" it isn't.
 */
static void
assign(Reader *r)
{
	size_t		start = ++r->pos;
	size_t		next = skip_blanks(r, start);
	size_t		end = run_end(r, next);

	r->assigned = true;
	if (homeo_ascii_starts(r->in + start, r->len - start, "\"\""))
		start++;
	else if (start < r->len &&
			 !homeo_ascii_is_one_of(r->in[start], ",;)]}") &&
			 (next == start || !assigns(r, end) ||
			  is_value(token_key(r, next, end))))
		return;
	add(r, start, start, HOMEO_TOKEN_KEY_VALUE, value_text);
}

void
homeo_log_line_parse(const char *text, size_t len, HomeoLogLine *line)
{
	Reader		r;
	size_t		left;

	memset(&r, 0, sizeof(r));
	r.in = text;

	r.len = len;
	r.line = line;
	line->ntokens = 0;
	line->len = 0;

	while (r.pos < len && !r.full)
	{
		size_t		end = run_end(&r, r.pos);
		bool		added;

		if (end == r.pos)
		{
			r.pos++;
			continue;
		}
		added = add_run(&r, end);
		end = skip_blanks(&r, r.pos);
		if (added && assigns(&r, end) &&
			!is_value(line->tokens[line->ntokens - 1].key))
		{
			r.pos = end;
			assign(&r);
		}
	}
	left = len - r.copied;
	if (!r.full && left <= HOMEO_LOG_LINE_BYTES - r.reserved)
	{
		memcpy(line->str + line->len, text +r.copied, left);
		line->len += left;
	}
}

void
homeo_log_line_read(const char *message, size_t len, HomeoLogLine *line)
{
	char		normalized[MAX_NORMALIZED];
	size_t		n;
	size_t		i;

	n = homeo_normalize(message, len, HOMEO_NORMALIZE_LOG, normalized,
						sizeof(normalized));
	/* What a line says is never ANY, only what was made of several. */
	for (i = 0; i + ANY_LEN <= n; i++)
	{
		if (memcmp(normalized + i, HOMEO_LOG_LINE_ANY, ANY_LEN) == 0)
			memcpy(normalized + i, value_text, ANY_LEN);
	}
	homeo_log_line_parse(normalized, n, line);
}

void
homeo_log_line_widen(HomeoLogLine *line, uint64_t tokens)
{
	char		old[HOMEO_LOG_LINE_BYTES];
	size_t		copied = 0;
	size_t		n = 0;
	int			i;

	memcpy(old, line->str, line->len);
	for (i = 0; i < line->ntokens; i++)
	{
		HomeoToken *token = &line->tokens[i];
		const char *text = old + token->start;
		size_t		between = token->start - copied;

		memcpy(line->str + n, old + copied, between);
		n += between;
		copied = token->start + (size_t) token->len;
		if (tokens >> i & 1)
		{
			text = HOMEO_LOG_LINE_ANY;

			token->key = HOMEO_TOKEN_KEY_ANY;
			token->len = ANY_LEN;
		}
		token->start = (uint16_t) n;
		memcpy(line->str + n, text, token->len);
		n += token->len;
	}
	memcpy(line->str + n, old + copied, line->len - copied);
	line->len = n + (line->len - copied);
}
