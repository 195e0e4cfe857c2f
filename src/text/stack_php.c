/*
 * stack_php.c
 *		PHP:
 *
 *	PHP Fatal error:  Uncaught Exception: bad in /app/cart.php:5
 *	Stack trace:
 *	#0 /app/cart.php(12): Cart->total(Array, 5)
 *	#1 [internal function]: {closure}(1)
 *	#2 {main}
 *	  thrown in /app/cart.php on line 5
 *
 * The cause of an error is printed before it; what it caused begins with
 * "Next ".  A line names a function and where it was called, so the place of
 * the error is a frame of its own.  Xdebug prints the innermost frame last:
 * "PHP   2. Cart->total($id = 5) /app/cart.php:12".
 */
#include "text/stack_language.h"

#include "text/stack_scan.h"

static HomeoSlice
call_name(HomeoSlice call)
{
	return scan_trim(scan_first(call, scan_find(call, '(')));
}

/* #0 /app/cart.php(12): f()   #1 [internal function]: f()   #2 {main} */
static bool
read_numbered(HomeoSlice text, HomeoFrame *frame)
{
	uint32_t	number;
	size_t		n = 0;
	HomeoSlice	tail;

	if (!scan_eat_number(&text, &number) || !scan_eat(&text, " "))
		return false;
	if (scan_equals(text, "{main}"))
	{
		frame->function = text;

		return true;
	}
	tail = text;

	if (scan_eat(&tail, "[internal function]: "))
	{
		frame->function = call_name(tail);
		return frame->function.len > 0;
	}
	do
	{
		n += scan_find(scan_from(text, n), '(');
		if (n >= text.len)
			return false;
		tail = scan_from(text, ++n);
	} while (!scan_eat_number(&tail, &frame->line) || !scan_eat(&tail, "): "));
	frame->file = scan_first(text, n - 1);
	frame->function = call_name(tail);
	return scan_has(frame->file, ".") || scan_has(frame->file, "/");
}

/* ... in /app/cart.php:5, or Monolog's at /app/cart.php:5), at the end */
static bool
read_place(HomeoSlice text, const char *word, HomeoFrame *frame)
{
	size_t		n = scan_find_last_text(text, word);

	(void) scan_cut(&text, ")");

	if (n >= text.len || !scan_location(scan_from(text, n + 4), frame))
		return false;
	return frame->column == 0 && scan_find(frame->file, ' ') == frame->file.len;
}

/* ... in /app/cart.php on line 5 */
static bool
read_warning(HomeoSlice text, HomeoFrame *frame)
{
	size_t		n = scan_find_last_text(text, " on line ");
	HomeoSlice	tail = scan_from(text, n + strlen(" on line "));
	size_t		in = scan_find_last_text(scan_first(text, n), " in ");

	if (n == text.len || in == n || !scan_eat_number(&tail, &frame->line) ||
		tail.len > 0)
		return false;
	frame->file = scan_between(text, in + strlen(" in "), n);
	return true;
}

/* 2. Cart->total($id = 5) /app/cart.php:12 */
static bool
read_xdebug(HomeoSlice text, HomeoFrame *frame)
{
	uint32_t	number;
	size_t		n;

	/* PHP, or the time and the memory that it took so far */
	(void) scan_eat(&text, "PHP ");
	scan_eat_space(&text);
	if (scan_digits(text) > 0 && scan_at(text, scan_digits(text)) == '.' &&
		homeo_ascii_is_digit(scan_at(text, scan_digits(text) + 1)))
	{
		text = scan_from(text, scan_find(text, ' '));

		scan_eat_space(&text);
		text = scan_from(text, scan_digits(text));

		scan_eat_space(&text);
	}
	if (!scan_eat_number(&text, &number) || !scan_eat(&text, ". "))
		return false;
	n = scan_find_last(text, ' ');
	if (n == text.len || scan_find(text, '(') > n || text.data[n - 1] != ')' ||
		!scan_location(scan_from(text, n + 1), frame))
		return false;
	frame->function = call_name(text);
	return frame->function.len > 0;
}

static bool
is_warning(HomeoSlice text)
{
	static const char *const kinds[] = {
		"Fatal error: ", "Recoverable fatal error: ", "Parse error: ",
		"Warning: ", "Notice: ", "Deprecated: ", "User ", NULL
	};
	size_t		i;

	(void) scan_eat(&text, "PHP message: ");
	(void) scan_eat(&text, "PHP ");
	for (i = 0; kinds[i] != NULL; i++)
	{
		if (scan_starts(text, kinds[i]))
			return true;
	}
	return false;
}

static HomeoStackKind
read_words(const HomeoStackLine *line, HomeoStackReading *reading)
{
	HomeoSlice text = line->text;
	HomeoFrame *frame = &reading->frame;

	if (scan_ends(text, "Stack trace:"))
	{
		if (scan_starts(text, "PHP "))
			return HOMEO_STACK_PART;
		/* The heading's last line is the one before. */
		return read_place(line->previous, " in ", frame) ? HOMEO_STACK_PERHAPS :
			HOMEO_STACK_NOTHING;
	}
	if (scan_equals(text, "[stacktrace]"))
		return read_place(line->previous, " at ", frame) ?
			HOMEO_STACK_PERHAPS : HOMEO_STACK_NOTHING;
	if (scan_equals(text, "Call Stack:"))
		return HOMEO_STACK_PART;
	if (scan_starts(text, "thrown in ") && read_warning(text, frame))
		return HOMEO_STACK_PART;
	if (scan_starts(text, "Next ") && line->sure)
		reading->begins = HOMEO_STACK_EFFECT;
	else if (scan_starts(text, "[previous exception] "))
		reading->begins = HOMEO_STACK_CAUSE;
	else if (is_warning(text))
	{
		reading->begins = HOMEO_STACK_ALONE;
		if (scan_has(text, "Uncaught ") || !read_warning(text, frame))
			return HOMEO_STACK_NOTHING;
		reading->provisional = true;
		return HOMEO_STACK_PERHAPS;
	}
	else if (scan_is_error_head(text) || scan_has(text, "[object] ("))
		reading->begins = HOMEO_STACK_ALONE;
	return HOMEO_STACK_NOTHING;
}

static HomeoStackKind
read_php(const HomeoStackLine *line, HomeoStackReading *reading)
{
	HomeoSlice text = line->text;
	HomeoFrame *frame = &reading->frame;
	char		first = text.data[0];

	if (scan_eat(&text, "#"))
		return read_numbered(text, frame) ? HOMEO_STACK_FRAME :
			HOMEO_STACK_NOTHING;
	if (homeo_ascii_is_digit(first) ||
		(first == 'P' && scan_starts(text, "PHP ")))
	{
		if (read_xdebug(text, frame))
		{
			reading->order = HOMEO_STACK_INNERMOST_LAST;
			return HOMEO_STACK_FRAME;
		}
		memset(frame, 0, sizeof(*frame));
	}
	return read_words(line, reading);
}

static const char *const names[] = {
	"php", "laravel", "symfony", "wordpress", "drupal", NULL
};
static const char *const prefixes[] = {"[internal function]", "phar://", NULL};
static const char *const directories[] = {
	"vendor", "wp-includes", "wp-admin", NULL
};

const HomeoStackLanguage homeo_stack_php = {
	.names = names,
	.read = read_php,
	.library_prefixes = prefixes,
	.library_directories = directories
};
