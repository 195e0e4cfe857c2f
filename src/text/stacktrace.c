/*
 * stacktrace.c
 *		Turns a stack trace, as text or as lines, into frames.
 *
 * Anybody may call it, in any process, also without PostgreSQL: it includes
 * no postgres.h so that it can be built and fuzzed alone.  No locks; memory
 * is the caller's.
 *
 * A language is a row of the table languages[]: its names, the order of its
 * frames, a function that recognises one line, and what marks a frame of a
 * library.  Lines that are not frames (messages, source lines, "... 12 more")
 * are skipped.  Until the first line in the language's own form, a line in a
 * form that many tools share is accepted, too; when the first of the own form
 * comes, what was accepted so is dropped, because it was part of a message.
 */
#include "text/stacktrace.h"

#include <string.h>

#include "base/ascii.h"

typedef struct HomeoStackLanguage
{
	const char *const *names;	/* lower case, NULL at the end */
	bool		innermost_last;

	/* Fills *frame, which is all zero, if the line is one. */
	bool		(*scan) (HomeoSlice line, HomeoFrame *frame);

	/* What a library's module, function or file begins with or contains. */
	const char *const *library_prefixes;	/* NULL at the end, or NULL */
	const char *const *library_directories;
} HomeoStackLanguage;

/* ----------------------------------------------------------------
 * Pieces of a line
 * ----------------------------------------------------------------
 */
static HomeoSlice
from(HomeoSlice s, size_t start)
{
	return start < s.len ? homeo_slice(s.data + start, s.len - start) :
		homeo_slice(NULL, 0);
}

static HomeoSlice
trim(HomeoSlice s)
{
	while (s.len > 0 && homeo_ascii_is_space(s.data[s.len - 1]))
		s.len--;
	while (s.len > 0 && homeo_ascii_is_space(s.data[0]))
	{
		s.data++;
		s.len--;
	}
	return homeo_slice(s.data, s.len);
}

static bool
starts(HomeoSlice s, const char *literal)
{
	return homeo_ascii_starts(s.data, s.len, literal);
}

static bool
equals(HomeoSlice s, const char *literal)
{
	return homeo_ascii_equals(s.data, s.len, literal);
}

/* Steps over the literal, if the slice begins with it. */
static bool
eat(HomeoSlice *s, const char *literal)
{
	if (!starts(*s, literal))
		return false;
	*s = from(*s, strlen(literal));
	return true;
}

/* The position of c, or len if there is none. */
static size_t
find(HomeoSlice s, char c)
{
	const char *p = s.len > 0 ? memchr(s.data, c, s.len) : NULL;

	return p != NULL ? (size_t) (p - s.data) : s.len;
}

/* The same for the last one. */
static size_t
find_last(HomeoSlice s, char c)
{
	size_t		i = s.len;

	while (i > 0)
	{
		if (s.data[--i] == c)
			return i;
	}
	return s.len;
}

/* The position of a literal, or len if it is not there. */
static size_t
find_text(HomeoSlice s, const char *literal)
{
	size_t		n = strlen(literal);
	size_t		i;

	for (i = 0; i + n <= s.len; i++)
	{
		if (s.data[i] == literal[0] && memcmp(s.data + i, literal, n) == 0)
			return i;
	}
	return s.len;
}

/* Steps over a decimal number; one too large is the largest. */
static bool
eat_number(HomeoSlice *s, uint32_t *number)
{
	uint64_t	value = 0;
	size_t		i;

	for (i = 0; i < s->len && homeo_ascii_is_digit(s->data[i]); i++)
	{
		value = value * 10 + (uint64_t) (s->data[i] - '0');
		if (value > UINT32_MAX)
			value = UINT32_MAX;
	}
	if (i == 0)
		return false;
	*number = (uint32_t) value;
	*s = from(*s, i);
	return true;
}

/*
 * Takes ":12" from the end.  False, and nothing taken, if it isn't there or
 * nothing would be left.
 */
static bool
take_trailing_number(HomeoSlice *s, uint32_t *number)
{
	size_t		i = s->len;
	HomeoSlice	tail;

	while (i > 0 && homeo_ascii_is_digit(s->data[i - 1]))
		i--;
	if (i < 2 || i == s->len || s->data[i - 1] != ':')
		return false;
	tail = from(*s, i);
	(void) eat_number(&tail, number);
	s->len = i - 1;
	return true;
}

/* Splits "file:12:5" or "file:12"; false if no number is there. */
static bool
split_location(HomeoSlice location, HomeoFrame *frame)
{
	uint32_t	last;

	if (!take_trailing_number(&location, &last))
		return false;
	if (take_trailing_number(&location, &frame->line))
		frame->column = last;
	else
		frame->line = last;
	frame->file = location;
	return true;
}

/*
 * For a slice that ends with ')', the position of the '(' that belongs to
 * it; len if there is none.
 */
static size_t
matching_parenthesis(HomeoSlice s)
{
	size_t		depth = 0;
	size_t		i = s.len;

	while (i > 0)
	{
		char		c = s.data[--i];

		if (c == ')')
			depth++;
		else if (c == '(' && --depth == 0)
			return i;
	}
	return s.len;
}

/* What is between the double quote at the start and the next one. */
static HomeoSlice
quoted_text(HomeoSlice s)
{
	HomeoSlice	inside = from(s, 1);

	if (!starts(s, "\""))
		return homeo_slice(NULL, 0);
	return homeo_slice(inside.data, find(inside, '"'));
}

/* ----------------------------------------------------------------
 * PostgreSQL: the lines of an error's context
 * ----------------------------------------------------------------
 */

/* Contexts that tell no place of their own; they are kept as they are. */
static const char *const postgres_statements[] = {
	"SQL statement", "SQL expression", "PL/pgSQL assignment",
	"remote SQL command", "parallel worker"
};

/* The length of a function's signature at the start of the line. */
static size_t
signature_length(HomeoSlice line)
{
	static const char *const markers[] = {" line ", " while ", " during "};
	size_t		depth = 0;
	bool		quote = false;
	size_t		i;
	size_t		m;

	for (i = 0; i < line.len; i++)
	{
		char		c = line.data[i];

		if (c == '"')
			quote = !quote;
		else if (quote)
			continue;
		else if (c == '(')
			depth++;
		else if (c == ')' && depth > 0)
			depth--;
		else if (c == ' ' && depth == 0)
		{
			for (m = 0; m < sizeof(markers) / sizeof(markers[0]); m++)
			{
				if (starts(from(line, i), markers[m]))
					return i;
			}
		}
	}
	return line.len;
}

/* PL/pgSQL function f(integer) line 3 at RAISE */
static bool
scan_plpgsql(HomeoSlice line, HomeoFrame *frame)
{
	HomeoSlice	tail = line;
	size_t		n;

	if (!eat(&tail, "PL/pgSQL function "))
		return false;
	n = signature_length(tail);
	frame->module = homeo_slice(line.data, strlen("PL/pgSQL"));
	frame->function = homeo_slice(tail.data, n);
	tail = from(tail, n);
	if (eat(&tail, " line "))
		(void) eat_number(&tail, &frame->line);
	return n > 0;
}

/*
 * SQL function "f" statement 1
 * PL/Python function "f", line 2, in <module>
 * compilation of PL/pgSQL function "f" near line 3
 */
static bool
scan_quoted_function(HomeoSlice line, HomeoFrame *frame)
{
	static const char *const markers[] = {
		" statement ", ", line ", " near line "
	};
	HomeoSlice	tail = line;
	size_t		n;
	size_t		m;

	(void) eat(&tail, "compilation of ");
	if (!starts(tail, "SQL function \"") && !starts(tail, "PL/"))
		return false;
	n = find_text(tail, " function \"");
	if (n == tail.len || find(tail, ' ') != n)
		return false;
	frame->module = homeo_slice(tail.data, n);
	tail = from(tail, n + strlen(" function "));
	frame->function = quoted_text(tail);
	tail = from(tail, frame->function.len + 2);
	for (m = 0; m < sizeof(markers) / sizeof(markers[0]); m++)
	{
		if (eat(&tail, markers[m]))
			(void) eat_number(&tail, &frame->line);
	}
	return frame->function.len > 0;
}

/* COPY t, line 3, column x: "abc" */
static bool
scan_copy(HomeoSlice line, HomeoFrame *frame)
{
	HomeoSlice	tail = line;
	size_t		n;

	if (eat(&tail, "JSON data, line "))
	{
		frame->function = homeo_slice(line.data, strlen("JSON data"));
		return eat_number(&tail, &frame->line);
	}
	if (!eat(&tail, "COPY "))
		return false;
	n = find_text(tail, ", line ");
	frame->function = homeo_slice(line.data, strlen("COPY"));
	frame->module = homeo_slice(tail.data, n);
	tail = from(tail, n);
	if (eat(&tail, ", line "))
		(void) eat_number(&tail, &frame->line);
	return true;
}

/*
 * automatic vacuum of table "db.s.t"
 * while scanning block 5 of relation "s.t"
 *
 * The function is what was being done, as far as it is the same for every
 * row and block; the module is the last name between quotes.
 */
static bool
scan_maintenance(HomeoSlice line, HomeoFrame *frame)
{
	static const char *const of_table = " of table \"";
	size_t		close;
	size_t		i;

	if (!starts(line, "while ") && !starts(line, "automatic "))
		return false;
	if (starts(line, "automatic ") && find_text(line, of_table) == line.len)
		return false;
	close = find_last(line, '"');
	if (close == line.len || close == 0)
		return false;
	i = find_last(homeo_slice(line.data, close), '"');
	if (i == close)
		return false;
	frame->module = homeo_slice(line.data + i + 1, close - i - 1);

	for (i = 0; i < line.len; i++)
	{
		if (homeo_ascii_is_digit(line.data[i]) || line.data[i] == '(' ||
			line.data[i] == '"' || starts(from(line, i), of_table))
			break;
	}
	frame->function = trim(homeo_slice(line.data, i));
	return true;
}

static bool
scan_postgres(HomeoSlice line, HomeoFrame *frame)
{
	size_t		i;

	for (i = 0; i < sizeof(postgres_statements) / sizeof(char *); i++)
	{
		const char *name = postgres_statements[i];
		HomeoSlice	tail = line;

		if (eat(&tail, name) &&
			(tail.len == 0 || starts(tail, " \"") || starts(tail, ": ")))
		{
			frame->function = homeo_slice(line.data, strlen(name));
			return true;
		}
	}
	return scan_plpgsql(line, frame) || scan_quoted_function(line, frame) ||
		scan_copy(line, frame) || scan_maintenance(line, frame);
}

/* ----------------------------------------------------------------
 * Python:   File "app.py", line 12, in f
 * ----------------------------------------------------------------
 */
static bool
scan_python(HomeoSlice line, HomeoFrame *frame)
{
	static const char *const marker = "\", line ";
	size_t		n;

	if (!eat(&line, "File \""))
		return false;
	n = find_text(line, marker);
	if (n == line.len)
		return false;
	frame->file = homeo_slice(line.data, n);
	line = from(line, n + strlen(marker));
	if (!eat_number(&line, &frame->line))
		return false;
	if (eat(&line, ", in "))
		frame->function = trim(line);
	return true;
}

/* ----------------------------------------------------------------
 * JavaScript (V8):  at f (app.js:12:5)   at app.js:12:5
 * ----------------------------------------------------------------
 */

/* Where the code has no file of its own. */
static bool
is_v8_builtin(HomeoSlice location)
{
	return equals(location, "native") || equals(location, "<anonymous>") ||
		starts(location, "index ");
}

static bool
v8_location(HomeoSlice location, HomeoFrame *frame)
{
	if (is_v8_builtin(location))
	{
		frame->file = location;
		return true;
	}
	return split_location(location, frame) && frame->column > 0;
}

static bool
scan_v8(HomeoSlice line, HomeoFrame *frame)
{
	HomeoSlice	location;
	size_t		open;
	size_t		n;

	if (!eat(&line, "at "))
		return false;
	(void) eat(&line, "async ");
	if (line.len == 0 || line.data[line.len - 1] != ')')
		return v8_location(line, frame);

	open = matching_parenthesis(line);
	if (open == line.len || open < 2 || line.data[open - 1] != ' ')
		return false;
	location = homeo_slice(line.data + open + 1, line.len - open - 2);
	if (starts(location, "eval at "))
	{
		n = find_text(location, "), ");
		location = from(location, n + strlen("), "));
	}
	if (!v8_location(location, frame))
		return false;

	line = homeo_slice(line.data, open - 1);
	n = find_text(line, " [as ");
	frame->function = homeo_slice(line.data, n);
	return true;
}

/* ----------------------------------------------------------------
 * Java:  at pkg.Class.method(File.java:12)
 * ----------------------------------------------------------------
 */
static bool
scan_java(HomeoSlice line, HomeoFrame *frame)
{
	HomeoSlice	name;
	HomeoSlice	source;
	size_t		open;
	size_t		n;

	if (!eat(&line, "at "))
		return false;
	open = find(line, '(');
	name = homeo_slice(line.data, open);
	source = from(line, open + 1);
	n = find(source, ')');
	if (find(name, ' ') != name.len || n == source.len)
		return false;
	if (n + 1 < source.len && source.data[n + 1] != ' ')
		return false;
	source = homeo_slice(source.data, n);

	if (!equals(source, "Native Method") &&
		!equals(source, "Unknown Source") &&
		!split_location(source, frame))
	{
		if (find(source, '.') == source.len || find(source, ' ') != source.len)
			return false;
		frame->file = source;
	}

	/* java.base/java.lang.Thread.run, but not Lambda$14/0x08.run */
	n = find_last(homeo_slice(name.data, find(name, '$')), '/');
	if (n < find(name, '$'))
		name = from(name, n + 1);
	n = find_last(name, '.');
	if (n == name.len || n == 0)
		return false;
	frame->module = homeo_slice(name.data, n);
	frame->function = from(name, n + 1);
	return frame->function.len > 0;
}

/* ----------------------------------------------------------------
 * What many tools print:
 *	 f (file:12:5)   f@file:12:5   file:12:in 'f'   file:12 in f
 *	 #0 file(12): f()   f() in file:line 12
 *	 f(arguments), with file:12 on the next line
 * ----------------------------------------------------------------
 */

/*
 * Finds the first place in the line that says a file and a line number.
 * *start and *end get the range of the line it takes.
 */
static bool
find_location(HomeoSlice line, HomeoFrame *frame, size_t *start, size_t *end)
{
	size_t		begin = 0;
	bool		dotted = false; /* since begin: could be a file */
	size_t		i;

	for (i = 0; i < line.len; i++)
	{
		char		c = line.data[i];
		HomeoSlice	tail = from(line, i + 1);
		bool		php = c == '(' && dotted;

		if ((c == ':' && dotted) || php)
		{
			(void) eat(&tail, "line ");
			if (eat_number(&tail, &frame->line) &&
				(php ? eat(&tail, ")") :
				 tail.len == 0 || homeo_ascii_is_one_of(tail.data[0], " :),\t")))
			{
				frame->file = homeo_slice(line.data + begin, i - begin);
				if (starts(tail, ":") && tail.len > 1 &&
					homeo_ascii_is_digit(tail.data[1]))
				{
					tail = from(tail, 1);
					(void) eat_number(&tail, &frame->column);
				}
				*start = begin;
				*end = line.len - tail.len;
				return true;
			}
			frame->line = 0;
		}
		if (homeo_ascii_is_space(c) || homeo_ascii_is_one_of(c, "(@[\"'`<"))
		{
			begin = i + 1;
			dotted = false;
		}
		else if (c == '.' || c == '/' || c == '\\')
			dotted = true;
	}
	return false;
}

static HomeoSlice
strip(HomeoSlice s, const char *before, const char *after)
{
	while (s.len > 0 && homeo_ascii_is_one_of(s.data[0], before))
		s = from(s, 1);
	while (s.len > 0 && homeo_ascii_is_one_of(s.data[s.len - 1], after))
		s = homeo_slice(s.data, s.len - 1);
	return s;
}

/*
 * The name of a function without decoration and arguments; absent if it
 * does not look like one.
 */
static HomeoSlice
function_name(HomeoSlice s)
{
	s = trim(strip(trim(s), ":", "(@[,:"));
	if (s.len > 3 && (starts(from(s, s.len - 3), " in") ||
					  starts(from(s, s.len - 3), " at")))
		s = homeo_slice(s.data, s.len - 3);
	(void) (eat(&s, "in ") || eat(&s, "at "));
	if (starts(s, "`") || starts(s, "'"))
	{
		s = from(s, 1);
		s = homeo_slice(s.data, find(s, '\''));
	}
	s = trim(strip(trim(s), "\")", "\""));
	if (s.len > 0 && s.data[s.len - 1] == ')')
		s = homeo_slice(s.data, matching_parenthesis(s));
	if (s.len == 0 || find(s, ' ') != s.len ||
		!(homeo_ascii_is_word(s.data[0]) ||
		  homeo_ascii_is_one_of(s.data[0], "$<{*(")) ||
		homeo_ascii_is_digit(s.data[0]))
		return homeo_slice(NULL, 0);
	return s;
}

/* Does the name say that it is one? */
static bool
is_qualified(HomeoSlice name)
{
	return find_text(name, "::") < name.len ||
		find_text(name, "->") < name.len ||
		find_text(name, "\\") < name.len ||
		(find(name, '.') > 0 && find(name, '.') + 1 < name.len);
}

static bool
scan_generic(HomeoSlice line, HomeoFrame *frame)
{
	HomeoSlice	tail = line;
	uint32_t	number;
	size_t		start;
	size_t		end;
	bool		numbered = false;
	bool		call;

	/* "#0 ", "3: " */
	(void) eat(&tail, "#");
	if (eat_number(&tail, &number) && (eat(&tail, ": ") || eat(&tail, " ")))
	{
		line = trim(tail);
		numbered = true;
	}
	(void) (eat(&line, "at ") || eat(&line, "from "));
	if (find_location(line, frame, &start, &end))
	{
		frame->function = function_name(homeo_slice(line.data, start));
		if (frame->function.len == 0)
			frame->function = function_name(from(line, end));
		return true;
	}

	call = line.len > 0 && line.data[line.len - 1] == ')';
	frame->function = function_name(line);
	return frame->function.len > 0 &&
		(numbered || is_qualified(frame->function)) &&
		(numbered || call || find_text(line, "::") < line.len);
}

/* ----------------------------------------------------------------
 * The table of languages
 * ----------------------------------------------------------------
 */
static const char *const postgres_names[] = {
	"postgresql", "postgres", "plpgsql", "pl/pgsql", "sql", NULL
};
static const char *const postgres_prefixes[] = {
	"pg_catalog.", "information_schema.", "SQL statement", "SQL expression",
	"PL/pgSQL assignment", "remote SQL command", "parallel worker",
	"JSON data", NULL
};

static const char *const python_names[] = {
	"python", "python2", "python3", "django", "flask", "fastapi", NULL
};
static const char *const python_prefixes[] = {"<frozen ", "<string>", NULL};
static const char *const python_directories[] = {
	"site-packages", "dist-packages", "lib/python2.*", "lib/python3.*", NULL
};

static const char *const javascript_names[] = {
	"javascript", "typescript", "node", "nodejs", "node.js", "js", "ts",
	"react", "nextjs", NULL
};
static const char *const javascript_prefixes[] = {
	"node:", "internal/", "<anonymous>", "native", "index ",
	"chrome-extension:", "moz-extension:", NULL
};
static const char *const javascript_directories[] = {"node_modules", NULL};

static const char *const java_names[] = {
	"java", "kotlin", "scala", "groovy", "spring", "hibernate", NULL
};
static const char *const java_prefixes[] = {
	"java.", "javax.", "jakarta.", "jdk.", "sun.", "com.sun.", "kotlin.",
	"kotlinx.", "scala.", "groovy.", "android.", "androidx.", "dalvik.",
	"com.zaxxer.hikari.", "io.netty.", "org.apache.", "org.eclipse.",
	"org.hibernate.", "org.jboss.", "org.junit.", "org.postgresql.",
	"org.springframework.", "reactor.", NULL
};

static const char *const generic_prefixes[] = {
	"<frozen ", "node:", "core::", "std::", "alloc::", "runtime.", "System.",
	"Microsoft.", NULL
};
static const char *const generic_directories[] = {
	"site-packages", "dist-packages", "node_modules", "vendor", "gems",
	"go/pkg/mod", "go/src/runtime", ".cargo/registry", "rustc", NULL
};

static const HomeoStackLanguage languages[] = {
	{postgres_names, false, scan_postgres, postgres_prefixes, NULL},
	{python_names, true, scan_python, python_prefixes, python_directories},
	{java_names, false, scan_java, java_prefixes, NULL},
	{javascript_names, false, scan_v8, javascript_prefixes,
	javascript_directories},
};

/* For lines that are in no language's own form. */
static const HomeoStackLanguage generic = {
	NULL, false, scan_generic, generic_prefixes, generic_directories
};

#define LANGUAGES	(sizeof(languages) / sizeof(languages[0]))

static const HomeoStackLanguage *
find_language(HomeoSlice name)
{
	size_t		i;
	size_t		n;

	for (i = 0; i < LANGUAGES; i++)
	{
		for (n = 0; languages[i].names[n] != NULL; n++)
		{
			if (homeo_ascii_equals_nocase(name.data, name.len,
										  languages[i].names[n]))
				return &languages[i];
		}
	}
	return NULL;
}

static bool
has_prefix(HomeoSlice s, const char *const *prefixes)
{
	for (; prefixes != NULL && *prefixes != NULL; prefixes++)
	{
		if (starts(s, *prefixes))
			return true;
	}
	return false;
}

/* Does one of the file's directories have this name, or names in a row? */
static bool
has_directory(HomeoSlice file, const char *name)
{
	size_t		n = strcspn(name, "*");
	size_t		i;

	for (i = 0; i + n < file.len; i++)
	{
		char		after = file.data[i + n];

		if ((i == 0 || file.data[i - 1] == '/' || file.data[i - 1] == '\\') &&
			memcmp(file.data + i, name, n) == 0 &&
			(name[n] == '*' || after == '/' || after == '\\'))
			return true;
	}
	return false;
}

static bool
is_in_app(const HomeoStackLanguage *language, const HomeoFrame *frame)
{
	const char *const *directory = language->library_directories;

	if (has_prefix(frame->module, language->library_prefixes) ||
		has_prefix(frame->function, language->library_prefixes) ||
		has_prefix(frame->file, language->library_prefixes))
		return false;
	for (; directory != NULL && *directory != NULL; directory++)
	{
		if (has_directory(frame->file, *directory))
			return false;
	}
	return true;
}

/* ----------------------------------------------------------------
 * The parser
 * ----------------------------------------------------------------
 */
static bool
innermost_last(const HomeoStackParser *parser)
{
	return parser->language != NULL && parser->language->innermost_last;
}

/*
 * The frame with this number, counted as they come; NULL if it has, or would
 * have, no place in the array.  Where the innermost comes last, the array is
 * used as a ring until end() puts it in order.
 */
static HomeoFrame *
place(const HomeoStackParser *parser, size_t number)
{
	if (parser->maxframes == 0)
		return NULL;
	if (innermost_last(parser))
		return &parser->frames[number % parser->maxframes];
	return number < parser->maxframes ? &parser->frames[number] : NULL;
}

static void
push(HomeoStackParser *parser, const HomeoStackLanguage *form,
	 HomeoFrame *frame)
{
	HomeoFrame *slot = place(parser, parser->found);

	parser->found++;
	frame->in_app = is_in_app(form, frame);
	if (slot != NULL)
		*slot = *frame;
}

/* Some tools print a function, and its file and line on the next line. */
static bool
completes_last(HomeoStackParser *parser, const HomeoFrame *frame)
{
	return parser->found > 0 && parser->function_only &&
		frame->function.len == 0 && frame->file.len > 0;
}

static void
complete_last(HomeoStackParser *parser, const HomeoFrame *frame)
{
	HomeoFrame *last = place(parser, parser->found - 1);

	if (last != NULL)
	{
		last->file = frame->file;
		last->line = frame->line;
		last->column = frame->column;
		last->in_app = last->in_app && is_in_app(&generic, last);
	}
	parser->function_only = false;
}

/* The language whose form the line has, or NULL. */
static const HomeoStackLanguage *
recognise(const HomeoStackParser *parser, HomeoSlice line, HomeoFrame *frame)
{
	size_t		i;

	for (i = 0; i < LANGUAGES; i++)
	{
		if (parser->language != NULL && parser->language != &languages[i])
			continue;
		memset(frame, 0, sizeof(*frame));
		if (languages[i].scan(line, frame))
			return &languages[i];
	}
	return NULL;
}

static void
add_line(HomeoStackParser *parser, HomeoSlice line)
{
	const HomeoStackLanguage *language;
	HomeoFrame	frame;

	line = trim(line);
	if (line.len == 0)
		return;
	language = recognise(parser, line, &frame);
	if (language != NULL && !completes_last(parser, &frame))
	{
		if (!parser->native_seen)
			parser->found = 0;
		parser->native_seen = true;
		parser->function_only = false;
		parser->language = language;
		push(parser, language, &frame);
		return;
	}
	if (parser->native_seen)
		return;
	memset(&frame, 0, sizeof(frame));
	if (!scan_generic(line, &frame))
		return;
	if (completes_last(parser, &frame))
		complete_last(parser, &frame);
	else
	{
		parser->function_only = frame.file.len == 0;
		push(parser, &generic, &frame);
	}
}

void
homeo_stacktrace_begin(HomeoStackParser *parser, HomeoSlice language,
					   HomeoFrame *frames, size_t maxframes)
{
	memset(parser, 0, sizeof(*parser));
	parser->language = find_language(language);
	parser->frames = frames;
	parser->maxframes = maxframes;
}

void
homeo_stacktrace_add(HomeoStackParser *parser, HomeoSlice text)
{
	while (text.len > 0)
	{
		size_t		n = find(text, '\n');

		add_line(parser, homeo_slice(text.data, n));
		text = from(text, n + 1);
	}
}

static void
reverse(HomeoFrame *frames, size_t n)
{
	size_t		i;

	for (i = 0; i < n / 2; i++)
	{
		HomeoFrame	other = frames[i];

		frames[i] = frames[n - 1 - i];
		frames[n - 1 - i] = other;
	}
}

void
homeo_stacktrace_end(HomeoStackParser *parser)
{
	size_t		n = parser->found < parser->maxframes ? parser->found :
	parser->maxframes;

	if (n > 0 && innermost_last(parser))
	{
		/* In the ring the oldest is at start: what is before it is newer. */
		size_t		start = parser->found > n ? parser->found % n : 0;

		reverse(parser->frames, start);
		reverse(parser->frames + start, n - start);
	}
	parser->nframes = n;
	parser->ncut = parser->found - n;
}

size_t
homeo_stacktrace_parse(HomeoSlice language, HomeoSlice text,
					   HomeoFrame *frames, size_t maxframes, size_t *ncut)
{
	HomeoStackParser parser;

	homeo_stacktrace_begin(&parser, language, frames, maxframes);
	homeo_stacktrace_add(&parser, text);
	homeo_stacktrace_end(&parser);
	*ncut = parser.ncut;
	return parser.nframes;
}
