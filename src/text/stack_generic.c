/*
 * stack_generic.c
 *		Frames in forms that many tools share:
 *
 *	 f (file:12:5)   f@file:12:5   file:12:in 'f'   file:12 in f
 *	 #0 file(12): f()   f() in file:line 12
 *	 f(arguments), with file:12 on the next line
 */
#include "text/stack_language.h"

#include "text/stack_scan.h"

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
		HomeoSlice	tail = scan_from(line, i + 1);
		bool		php = c == '(' && dotted;

		if ((c == ':' && dotted) || php)
		{
			(void) scan_eat(&tail, "line ");
			if (scan_eat_number(&tail, &frame->line) &&
				(php ? scan_eat(&tail, ")") :
				 tail.len == 0 || homeo_ascii_is_one_of(tail.data[0], " :),\t")))
			{
				frame->file = homeo_slice(line.data + begin, i - begin);
				if (scan_starts(tail, ":") && tail.len > 1 &&
					homeo_ascii_is_digit(tail.data[1]))
				{
					tail = scan_from(tail, 1);
					(void) scan_eat_number(&tail, &frame->column);
				}
				*start = begin;
				*end = line.len - tail.len;
				return true;
			}
			frame->line = 0;
		}
		if (homeo_ascii_is_word(c))
			continue;
		if (c == '.' || c == '/' || c == '\\')
			dotted = true;
		else if (homeo_ascii_is_space(c) ||
				 homeo_ascii_is_one_of(c, "(@[\"'`<"))
		{
			begin = i + 1;
			dotted = false;
		}
	}
	return false;
}

static HomeoSlice
strip(HomeoSlice s, const char *before, const char *after)
{
	while (s.len > 0 && homeo_ascii_is_one_of(s.data[0], before))
		s = scan_from(s, 1);
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
	s = scan_trim(strip(scan_trim(s), ":", "(@[,:"));
	if (s.len > 3 && (scan_starts(scan_from(s, s.len - 3), " in") ||
					  scan_starts(scan_from(s, s.len - 3), " at")))
		s = homeo_slice(s.data, s.len - 3);
	(void) (scan_eat(&s, "in ") || scan_eat(&s, "at "));
	if (scan_starts(s, "`") || scan_starts(s, "'"))
	{
		s = scan_from(s, 1);
		s = homeo_slice(s.data, scan_find(s, '\''));
	}
	s = scan_trim(strip(scan_trim(s), "\")", "\""));
	if (s.len > 0 && s.data[s.len - 1] == ')')
		s = homeo_slice(s.data, scan_matching(s, '(', ')'));
	if (s.len == 0 || scan_find(s, ' ') != s.len ||
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
	return scan_find_text(name, "::") < name.len ||
		scan_find_text(name, "->") < name.len ||
		scan_find_text(name, "\\") < name.len ||
		(scan_find(name, '.') > 0 && scan_find(name, '.') + 1 < name.len);
}

static size_t
count_words(HomeoSlice s)
{
	size_t		n = 0;
	size_t		i;

	for (i = 0; i < s.len; i++)
	{
		if (homeo_ascii_is_word(s.data[i]) &&
			(i == 0 || !homeo_ascii_is_word(s.data[i - 1])))
			n++;
	}
	return n;
}

/* Addresses have numbers behind them, too. */
static bool
has_letter(HomeoSlice s)
{
	size_t		i;

	for (i = 0; i < s.len; i++)
	{
		if (homeo_ascii_is_word(s.data[i]) &&
			!homeo_ascii_is_digit(s.data[i]))
			return true;
	}
	return false;
}

/* A place in the midst of words is told by a message, not by a stack. */
static bool
read_located(HomeoSlice line, HomeoFrame *frame)
{
	size_t		start;
	size_t		end;
	HomeoSlice	before;
	HomeoSlice	after;

	if (!find_location(line, frame, &start, &end) || !has_letter(frame->file))
		return false;
	before = scan_first(line, start);
	after = scan_from(line, end);
	frame->function = function_name(before);
	if (frame->function.len > 0)
		return count_words(after) < 2;
	if (count_words(before) >= 2)
		return false;
	frame->function = function_name(after);
	return frame->function.len > 0 ||
		count_words(before) + count_words(after) < 2;
}

/* A function alone. */
static bool
read_function(HomeoSlice line, HomeoFrame *frame, bool numbered)
{
	bool		call = scan_last(line) == ')';

	frame->function = function_name(line);
	if (frame->function.len == 0)
		return false;
	return numbered || (is_qualified(frame->function) &&
						(call || scan_has(line, "::")));
}

static HomeoStackKind
read_generic(const HomeoStackLine *line, HomeoStackReading *reading)
{
	HomeoSlice text = line->text;
	HomeoSlice	tail = text;
	HomeoFrame *frame = &reading->frame;
	uint32_t	number;
	bool		numbered;

	/* "#0 ", "3: " */
	numbered = scan_eat(&tail, "#");
	if (scan_eat_number(&tail, &number) &&
		(scan_eat(&tail, ": ") || scan_eat(&tail, " ")))
		text = scan_trim(tail);

	else
		numbered = false;
	(void) (scan_eat(&text, "at ") || scan_eat(&text, "from "));
	if (read_located(text, frame))
		return frame->function.len == 0 ? HOMEO_STACK_PLACE :
			HOMEO_STACK_PERHAPS;
	memset(frame, 0, sizeof(*frame));
	return read_function(text, frame, numbered) ? HOMEO_STACK_PERHAPS :
		HOMEO_STACK_NOTHING;
}

static const char *const names[] = {NULL};
static const char *const prefixes[] = {
	"<frozen ", "node:", "core::", "std::", "alloc::", "runtime.", "System.",
	"Microsoft.", NULL
};
static const char *const directories[] = {
	"site-packages", "dist-packages", "node_modules", "vendor", "gems",
	"go/pkg/mod", "go/src/runtime", ".cargo/registry", "rustc", NULL
};

const HomeoStackLanguage homeo_stack_generic = {
	.names = names,
	.read = read_generic,
	.library_prefixes = prefixes,
	.library_directories = directories
};
