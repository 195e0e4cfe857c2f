/*
 * stack_python.c
 *		Python:   File "app.py", line 12, in f
 *
 * Tracebacks of CPython and PyPy, chains and groups of exceptions, those of
 * faulthandler, which begin with the innermost frame, and IPython's.
 */
#include "text/stack_language.h"

#include "text/stack_scan.h"

/*
 * The state is one more than the indentation of the last frame, until the
 * line that tells the exception, which is not as far in.
 */
#define NO_FRAMES	0
#define ANYWHERE	255

static bool
take_function(HomeoSlice tail, HomeoFrame *frame)
{
	if (scan_eat(&tail, ", in ") || scan_eat(&tail, " in "))
		frame->function = scan_trim(tail);
	return true;
}

/* File "app.py", line 12, in f */
static bool
read_quoted(HomeoSlice text, HomeoFrame *frame)
{
	static const char *const marker = "\", line ";
	HomeoSlice	rest = text;
	size_t		n = 0;

	do
	{
		n += scan_find(rest, '"');
		if (n == text.len)
			return false;
		rest = scan_from(text, n);
		if (scan_eat(&rest, marker))
			break;
		n++;
		rest = scan_from(text, n);
	} while (true);
	frame->file = scan_first(text, n);
	return scan_eat_number(&rest, &frame->line) && take_function(rest, frame);
}

/* IPython: File ~/app.py:12, in f(x), and Cell In[3], line 2, in f(x) */
static bool
read_unquoted(HomeoSlice text, HomeoFrame *frame)
{
	size_t		n = scan_find_text(text, ", in ");
	HomeoSlice	function;

	if (n == text.len || !scan_location(scan_first(text, n), frame))
		return false;
	function = scan_from(text, n + strlen(", in "));
	frame->function = scan_first(function, scan_find(function, '('));
	return frame->function.len > 0;
}

static bool
read_cell(HomeoSlice text, HomeoFrame *frame)
{
	size_t		n = scan_find(text, ']');
	HomeoSlice	tail = scan_from(text, n + 1);

	if (!scan_eat(&tail, ", line ") || !scan_eat_number(&tail, &frame->line))
		return false;
	frame->file = scan_first(text, n + 1);
	if (scan_eat(&tail, ", in "))
		frame->function = scan_first(tail, scan_find(tail, '('));
	return true;
}

/*
 * The margin of an exception group, "  | " or "  +-+---------------- 1 ----",
 * is taken off *text, and tells how deep the group is.  True for a line that
 * is nothing but the beginning of one of its exceptions.
 */
static bool
take_margin(HomeoSlice *text, uint32_t *depth)
{
	HomeoSlice	tail = scan_from(*text, 1);
	uint32_t	number;

	if (scan_equals(*text, "|") || scan_at(tail, 0) == ' ')
	{
		*text = scan_trim(tail);
		return false;
	}
	if (scan_at(*text, 0) != '+' || scan_at(tail, 0) != '-')
		return false;
	if (scan_eat(&tail, "-+"))
		*depth += 2;
	if (!scan_eat(&tail, "---------------- "))
		return false;
	*text = homeo_slice(NULL, 0);
	return scan_eat_number(&tail, &number) || scan_starts(tail, "...");
}

/* Lines about a stack or between two of them. */
static HomeoStackKind
read_words(const HomeoStackLine *line, HomeoSlice text,
		   HomeoStackReading *reading)
{
	static const char *const effects[] = {
		"The above exception was the direct cause of the following exception",
		"During handling of the above exception, another exception occurred"
	};

	if (scan_ends(text, "(most recent call last):"))
		reading->begins = HOMEO_STACK_ALONE;
	else if (scan_ends(text, "(most recent call first):"))
	{
		reading->begins = scan_starts(text, "Thread 0x") ?
			HOMEO_STACK_ASIDE : HOMEO_STACK_ALONE;
		reading->order = HOMEO_STACK_INNERMOST_FIRST;
	}
	else if (scan_starts(text, effects[0]) || scan_starts(text, effects[1]))
		reading->begins = HOMEO_STACK_EFFECT;
	else
	{
		return scan_starts(text, "[Previous line repeated ") ?
			HOMEO_STACK_PART : HOMEO_STACK_NOTHING;
	}
	*line->state = NO_FRAMES;
	return HOMEO_STACK_NOTHING;
}

/*
 * ValueError: bad thing.  A source line is farther in than that, and if
 * somebody has taken the blanks away it has hardly ever this form.
 */
static bool
is_message(HomeoSlice text)
{
	size_t		i = 0;

	while (i < text.len && (homeo_ascii_is_word(text.data[i]) ||
							homeo_ascii_is_one_of(text.data[i], ".<>")))
		i++;
	if (i == 0 || homeo_ascii_is_digit(text.data[0]))
		return false;
	if (i < text.len)
		return text.data[i] == ':' && scan_at(text, i + 1) == ' ';

	return scan_is_error_head(text) || scan_equals(text, "KeyboardInterrupt");
}

/* The frame's line, without its first word. */
static HomeoStackKind
read_frame(HomeoSlice text, HomeoFrame *frame)
{
	bool		found = scan_eat(&text, "\"") ? read_quoted(text, frame) :
	read_unquoted(text, frame);

	return found ? HOMEO_STACK_FRAME : HOMEO_STACK_NOTHING;
}

static HomeoStackKind
read_python(const HomeoStackLine *line, HomeoStackReading *reading)
{
	HomeoSlice text = line->text;
	HomeoSlice	tail;
	HomeoStackKind kind = HOMEO_STACK_NOTHING;
	uint32_t	frames_at = *line->state;
	uint32_t	at;				/* one more than the indentation */

	if (text.data[0] == '|' || text.data[0] == '+')
	{
		reading->depth = line->indent > 2 ? line->indent - 2 : 0;
		if (take_margin(&text, &reading->depth))
		{
			reading->begins = HOMEO_STACK_MEMBER;
			*line->state = ANYWHERE;
			return HOMEO_STACK_NOTHING;
		}
		if (text.len == 0)
			return HOMEO_STACK_NOTHING;
	}
	at = line->indent + (uint32_t) (text.data - line->text.data) +1;
	if (at > ANYWHERE)
		at = ANYWHERE;

	tail = text;

	if (scan_eat(&tail, "File "))
		kind = read_frame(tail, &reading->frame);
	else if (scan_starts(text, "Cell In[") &&
			 read_cell(scan_from(text, strlen("Cell ")), &reading->frame))
		kind = HOMEO_STACK_FRAME;
	if (kind == HOMEO_STACK_FRAME)
	{
		*line->state = (unsigned char) at;
		return kind;
	}
	if (frames_at > 1 && at >= frames_at && text.data[0] != '[')
		return HOMEO_STACK_NOTHING; /* a source line */
	if (frames_at != NO_FRAMES && is_message(text))
	{
		*line->state = NO_FRAMES;
		reading->head = text;

		return HOMEO_STACK_MESSAGE;
	}
	return read_words(line, text, reading);
}

static const char *const names[] = {
	"python", "python2", "python3", "django", "flask", "fastapi", NULL
};
static const char *const prefixes[] = {"<frozen ", "<string>", NULL};
static const char *const directories[] = {
	"site-packages", "dist-packages", "lib/python2.*", "lib/python3.*",
	"lib/pypy*", "Python2*", "Python3*", NULL
};

const HomeoStackLanguage homeo_stack_python = {
	.names = names,
	.innermost_last = true,
	.read = read_python,
	.library_prefixes = prefixes,
	.library_directories = directories
};
