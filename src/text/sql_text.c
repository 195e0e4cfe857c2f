/*
 * sql_text.c
 *		What a statement of SQL does, without the values it does it with.
 *
 * Anybody may call it, in any process, also without PostgreSQL: it includes
 * no postgres.h so that it can be built and fuzzed alone.  No locks, no
 * memory of its own.
 *
 * The words of a message are told from its values by guesses (normalize.c);
 * a statement has rules: it is split as the server's scanner splits it, with
 * standard_conforming_strings on.  Names stay, whatever they look like:
 * "order.id" is a column, not a host.
 */
#include "text/sql_text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/ascii.h"
#include "text/token.h"

/* Parentheses in parentheses beyond this are not compared. */
#define MAX_DEPTH		32

/* One level of parentheses; positions are of the output. */
typedef struct Level
{
	size_t		start;			/* the parenthesis that opened it */
	bool		closed;			/* there was a list in it before ... */
	size_t		last_start;		/* ... from here */
	size_t		last_end;		/* ... to here */
} Level;

typedef struct Writer
{
	const char *in;
	size_t		len;
	size_t		pos;			/* next byte to look at */

	char	   *out;
	size_t		cap;
	size_t		n;				/* bytes written */
	bool		word;			/* the last of them ends a word */
	bool		value;			/* it is a placeholder */

	Level		levels[MAX_DEPTH];
	size_t		depth;

	bool		first;			/* no word of the statement was seen yet */
	size_t		numbered;		/* so many names that programs number follow */
} Writer;

/*
 * Statements about things that drivers name by a number or an address, and
 * how many of the words that follow may be such a name.
 */
static const struct
{
	const char *word;
	size_t		names;
}			numbering[] =

{
	{"fetch", SIZE_MAX}, {"move", SIZE_MAX}, {"close", SIZE_MAX},
	{"deallocate", SIZE_MAX}, {"savepoint", SIZE_MAX},
	{"release", SIZE_MAX}, {"rollback", SIZE_MAX},
	{"declare", 1}, {"execute", 1}, {"prepare", 1}
};

static char
at(const Writer *w, size_t pos)
{
	return pos < w->len ? w->in[pos] : '\0';
}

static bool
is_full(const Writer *w)
{
	return w->n >= w->cap;
}

static void
put(Writer *w, char c)
{
	if (!is_full(w))
		w->out[w->n++] = c;
}

/* Begins a word, with a blank if the last thing was one. */
static void
begin_word(Writer *w)
{
	if (w->word)
		put(w, ' ');
	w->word = true;
	w->value = false;
}

/* A placeholder; one for all values of a list. */
static void
put_value(Writer *w)
{
	if (w->value && w->n > 0 && w->out[w->n - 1] == '?')
		return;					/* a literal that goes on in the next line */
	if (w->value && w->n > 0 && w->out[w->n - 1] == ',')
		w->n--;
	else
	{
		begin_word(w);
		put(w, '?');
	}
	w->word = true;
	w->value = true;
	w->first = false;
}

/* ----------------------------------------------------------------
 * Lists in parentheses
 * ----------------------------------------------------------------
 */
static void
open_list(Writer *w)
{
	if (w->depth < MAX_DEPTH)
	{
		Level	   *level = &w->levels[w->depth];

		level->start = w->n;
		if (w->depth + 1 < MAX_DEPTH)
			w->levels[w->depth + 1].closed = false;
	}
	w->depth++;
	put(w, '(');
}

/* Drops the list again if it is the same as the one before it. */
static void
close_list(Writer *w)
{
	Level	   *level;
	size_t		size;

	put(w, ')');
	if (w->depth == 0 || --w->depth >= MAX_DEPTH || is_full(w))
		return;
	level = &w->levels[w->depth];
	size = w->n - level->start;
	if (level->closed && level->start == level->last_end + 1 &&
		w->out[level->last_end] == ',' &&
		size == level->last_end - level->last_start &&
		memcmp(w->out + level->start, w->out + level->last_start, size) == 0)
	{
		w->n = level->last_end;
		return;
	}
	level->closed = true;
	level->last_start = level->start;
	level->last_end = w->n;
}

/* ----------------------------------------------------------------
 * What the text consists of.  Each moves pos behind what it knows.
 * ----------------------------------------------------------------
 */

/* White space or a comment; those between slashes nest. */
static bool
skip_blank(Writer *w)
{
	size_t		depth = 0;

	if (homeo_ascii_is_space(at(w, w->pos)))
	{
		w->pos++;
		return true;
	}
	if (at(w, w->pos) == '-' && at(w, w->pos + 1) == '-')
	{
		while (w->pos < w->len && w->in[w->pos] != '\n')
			w->pos++;
		return true;
	}
	if (at(w, w->pos) != '/' || at(w, w->pos + 1) != '*')
		return false;
	do
	{
		if (at(w, w->pos) == '/' && at(w, w->pos + 1) == '*')
		{
			depth++;
			w->pos++;
		}
		else if (at(w, w->pos) == '*' && at(w, w->pos + 1) == '/')
		{
			depth--;
			w->pos++;
		}
		w->pos++;
	} while (depth > 0 && w->pos < w->len);
	if (w->pos > w->len)
		w->pos = w->len;
	return true;
}

/* Moves behind the quote that closes the one at pos. */
static void
skip_quoted(Writer *w, char quote, bool escapes)
{
	for (w->pos++; w->pos < w->len; w->pos++)
	{
		if (escapes && w->in[w->pos] == '\\')
			w->pos++;
		else if (w->in[w->pos] == quote)
		{
			if (at(w, w->pos + 1) != quote)
			{
				w->pos++;
				return;
			}
			w->pos++;
		}
	}
	w->pos = w->len;
}

/* 'x', and with a letter or U& before it */
static bool
string(Writer *w)
{
	char		c = at(w, w->pos);
	size_t		prefix = 0;

	if (homeo_ascii_is_one_of(c, "bBeEnNxX"))
		prefix = 1;
	else if ((c == 'u' || c == 'U') && at(w, w->pos + 1) == '&')
		prefix = 2;
	if (at(w, w->pos + prefix) != '\'')
		return false;
	w->pos += prefix;
	skip_quoted(w, '\'', c == 'e' || c == 'E');
	put_value(w);
	return true;
}

/* $1, $$x$$, $tag$x$tag$ */
static bool
dollar(Writer *w)
{
	size_t		tag = w->pos + 1;
	size_t		n;

	if (at(w, w->pos) != '$')
		return false;
	if (homeo_ascii_is_digit(at(w, tag)))
	{
		while (homeo_ascii_is_digit(at(w, tag)))
			tag++;
		w->pos = tag;
		put_value(w);
		return true;
	}
	while (homeo_ascii_is_word(at(w, tag)))
		tag++;
	if (at(w, tag) != '$')
		return false;
	n = tag + 1 - w->pos;
	for (tag++; tag + n <= w->len; tag++)
	{
		const char *next = memchr(w->in + tag, '$', w->len - tag);

		if (next == NULL)
			break;
		tag = (size_t) (next - w->in);
		if (tag + n <= w->len && memcmp(next, w->in + w->pos, n) == 0)
		{
			w->pos = tag + n;
			put_value(w);
			return true;
		}
	}
	w->pos = w->len;
	put_value(w);
	return true;
}

/* A number, with its sign where that is no operator. */
static bool
number(Writer *w)
{
	size_t		pos = w->pos;

	if ((at(w, pos) == '-' || at(w, pos) == '+') &&
		(w->n == 0 || homeo_ascii_is_one_of(w->out[w->n - 1], "(,=<>[*/+-|")))
		pos++;
	if (!homeo_ascii_is_digit(at(w, pos)) &&
		!(at(w, pos) == '.' && homeo_ascii_is_digit(at(w, pos + 1))))
		return false;
	while (homeo_ascii_is_word(at(w, pos)) || at(w, pos) == '.' ||
		   ((at(w, pos) == '-' || at(w, pos) == '+') &&
			(at(w, pos - 1) == 'e' || at(w, pos - 1) == 'E')))
		pos++;
	w->pos = pos;
	put_value(w);
	return true;
}

/* "Name", kept as it is. */
static bool
quoted_name(Writer *w)
{
	size_t		start = w->pos;

	if (at(w, start) != '"')
		return false;
	skip_quoted(w, '"', false);
	begin_word(w);
	for (; start < w->pos; start++)
	{
		if (w->numbered == 0 || !homeo_ascii_is_digit(w->in[start]))
			put(w, w->in[start]);
	}
	if (w->numbered > 0)
		w->numbered--;
	return true;
}

/* Takes note of the word that a statement begins with. */
static void
begin_statement(Writer *w, const char *word, size_t n)
{
	size_t		i;

	w->first = false;
	for (i = 0; i < sizeof(numbering) / sizeof(numbering[0]); i++)
	{
		if (homeo_ascii_equals_nocase(word, n, numbering[i].word))
			w->numbered = numbering[i].names;
	}
}

/*
 * A name or key word, in small letters; without its digits if programs number
 * such names, and without what only a program could have made up.
 */
static void
put_word(Writer *w, const char *word, size_t n)
{
	size_t		i = 0;

	begin_word(w);
	while (i < n)
	{
		size_t		made = 0;

		if (i == 0 || word[i - 1] == '_')
		{
			made = homeo_token_uuid(word + i, n - i);
			if (made == 0)
				made = homeo_token_hex(word + i, n - i);
		}
		if (made > 0)
		{
			put(w, '?');
			i += made;
			continue;
		}
		if (w->numbered == 0 || !homeo_ascii_is_digit(word[i]))
			put(w, homeo_ascii_lower(word[i]));
		i++;
	}
}

static bool
word(Writer *w)
{
	const char *start = w->in + w->pos;
	size_t		n = 0;

	while (w->pos + n < w->len &&
		   (homeo_ascii_is_word(start[n]) || (n > 0 && start[n] == '$')))
		n++;
	if (n == 0)
		return false;
	w->pos += n;
	if (homeo_ascii_equals_nocase(start, n, "null") ||
		homeo_ascii_equals_nocase(start, n, "true") ||
		homeo_ascii_equals_nocase(start, n, "false"))
	{
		put_value(w);
		return true;
	}
	put_word(w, start, n);
	if (w->first)
		begin_statement(w, start, n);
	else if (w->numbered > 0)
		w->numbered--;
	return true;
}

static void
symbol(Writer *w)
{
	char		c = w->in[w->pos++];

	if (c == '(')
		open_list(w);
	else if (c == ')')
		close_list(w);
	else
		put(w, c);
	w->word = false;
	w->value = w->value && c == ',';
	if (c == ';')
	{
		w->first = true;
		w->numbered = 0;
	}
}

size_t
homeo_sql_text_normalize(const char *text, size_t len, char *out, size_t outcap)
{
	Writer		w;

	memset(&w, 0, sizeof(w));
	w.in = text;

	w.len = len;
	w.out = out;
	w.cap = outcap;
	w.first = true;

	while (w.pos < w.len && !is_full(&w))
	{
		if (skip_blank(&w) || string(&w) || dollar(&w) || number(&w) ||
			quoted_name(&w) || word(&w))
			continue;
		symbol(&w);
	}
	while (w.n > 0 && out[w.n - 1] == ';')
		w.n--;
	return w.n;
}

HomeoSlice
homeo_sql_text_innermost(HomeoSlice context)
{
	static const char *const mark = "SQL statement \"";
	size_t		start = strlen(mark);
	size_t		end;

	if (!homeo_ascii_starts(context.data, context.len, mark))
		return homeo_slice(NULL, 0);
	for (end = start; end < context.len; end++)
	{
		if (context.data[end] == '"' &&
			(end + 1 == context.len || context.data[end + 1] == '\n'))
			break;
	}
	return homeo_slice(context.data + start, end - start);
}
