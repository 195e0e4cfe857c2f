/*
 * stack_postgres.c
 *		PostgreSQL: the lines of an error's context.
 */
#include "text/stack_language.h"

#include "text/stack_scan.h"

/* What is between the double quote at the start and the next one. */
static HomeoSlice
quoted_text(HomeoSlice s)
{
	HomeoSlice	inside = scan_from(s, 1);

	if (!scan_starts(s, "\""))
		return homeo_slice(NULL, 0);
	return homeo_slice(inside.data, scan_find(inside, '"'));
}

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
				if (scan_starts(scan_from(line, i), markers[m]))
					return i;
			}
		}
	}
	return line.len;
}

/* PL/pgSQL function f(integer) line 3 at RAISE */
static bool
read_plpgsql(HomeoSlice line, HomeoFrame *frame)
{
	HomeoSlice	tail = line;
	size_t		n;

	if (!scan_eat(&tail, "PL/pgSQL function "))
		return false;
	n = signature_length(tail);
	frame->module = homeo_slice(line.data, strlen("PL/pgSQL"));
	frame->function = homeo_slice(tail.data, n);
	tail = scan_from(tail, n);
	if (scan_eat(&tail, " line "))
		(void) scan_eat_number(&tail, &frame->line);
	return n > 0;
}

/*
 * SQL function "f" statement 1
 * PL/Python function "f", line 2, in <module>
 * compilation of PL/pgSQL function "f" near line 3
 */
static bool
read_quoted_function(HomeoSlice line, HomeoFrame *frame)
{
	static const char *const markers[] = {
		" statement ", ", line ", " near line "
	};
	HomeoSlice	tail = line;
	size_t		n;
	size_t		m;

	(void) scan_eat(&tail, "compilation of ");
	if (!scan_starts(tail, "SQL function \"") && !scan_starts(tail, "PL/"))
		return false;
	n = scan_find_text(tail, " function \"");
	if (n == tail.len || scan_find(tail, ' ') != n)
		return false;
	frame->module = homeo_slice(tail.data, n);
	tail = scan_from(tail, n + strlen(" function "));
	frame->function = quoted_text(tail);
	tail = scan_from(tail, frame->function.len + 2);
	for (m = 0; m < sizeof(markers) / sizeof(markers[0]); m++)
	{
		if (scan_eat(&tail, markers[m]))
			(void) scan_eat_number(&tail, &frame->line);
	}
	return frame->function.len > 0;
}

/* COPY t, line 3, column x: "abc" */
static bool
read_copy(HomeoSlice line, HomeoFrame *frame)
{
	HomeoSlice	tail = line;
	size_t		n;

	if (scan_eat(&tail, "JSON data, line "))
	{
		frame->function = homeo_slice(line.data, strlen("JSON data"));
		return scan_eat_number(&tail, &frame->line);
	}
	if (!scan_eat(&tail, "COPY "))
		return false;
	n = scan_find_text(tail, ", line ");
	frame->function = homeo_slice(line.data, strlen("COPY"));
	frame->module = homeo_slice(tail.data, n);
	tail = scan_from(tail, n);
	if (scan_eat(&tail, ", line "))
		(void) scan_eat_number(&tail, &frame->line);
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
read_maintenance(HomeoSlice line, HomeoFrame *frame)
{
	static const char *const of_table = " of table \"";
	size_t		close;
	size_t		i;

	if (!scan_starts(line, "while ") && !scan_starts(line, "automatic "))
		return false;
	if (scan_starts(line, "automatic ") && scan_find_text(line, of_table) == line.len)
		return false;
	close = scan_find_last(line, '"');
	if (close == line.len || close == 0)
		return false;
	i = scan_find_last(homeo_slice(line.data, close), '"');
	if (i == close)
		return false;
	frame->module = homeo_slice(line.data + i + 1, close - i - 1);

	for (i = 0; i < line.len; i++)
	{
		if (homeo_ascii_is_digit(line.data[i]) || line.data[i] == '(' ||
			line.data[i] == '"' || scan_starts(scan_from(line, i), of_table))
			break;
	}
	frame->function = scan_trim(homeo_slice(line.data, i));
	return true;
}

static bool
read_context(HomeoSlice line, HomeoFrame *frame)
{
	size_t		i;

	for (i = 0; i < sizeof(postgres_statements) / sizeof(char *); i++)
	{
		const char *name = postgres_statements[i];
		HomeoSlice	tail = line;

		if (scan_eat(&tail, name) &&
			(tail.len == 0 || scan_starts(tail, " \"") || scan_starts(tail, ": ")))
		{
			frame->function = homeo_slice(line.data, strlen(name));
			return true;
		}
	}
	return read_plpgsql(line, frame) || read_quoted_function(line, frame) ||
		read_copy(line, frame) || read_maintenance(line, frame);
}

static HomeoStackKind
read_postgres(const HomeoStackLine *line, HomeoStackReading *reading)
{
	if (!homeo_ascii_is_one_of(line->text.data[0], "PSCJacrpw"))
		return HOMEO_STACK_NOTHING;
	if (!read_context(line->text, &reading->frame))
		return HOMEO_STACK_NOTHING;
	/* Sentences of others begin with "while", too. */
	return line->sure || homeo_ascii_is_upper(line->text.data[0]) ?
		HOMEO_STACK_FRAME : HOMEO_STACK_PERHAPS;
}

static const char *const names[] = {
	"postgresql", "postgres", "plpgsql", "pl/pgsql", "sql", NULL
};
static const char *const prefixes[] = {
	"pg_catalog.", "information_schema.", "SQL statement", "SQL expression",
	"PL/pgSQL assignment", "remote SQL command", "parallel worker",
	"JSON data", NULL
};

const HomeoStackLanguage homeo_stack_postgres = {
	.names = names,
	.read = read_postgres,
	.library_prefixes = prefixes
};
