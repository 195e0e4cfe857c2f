/*
 * stack_javascript.c
 *		JavaScript and TypeScript, as engines print it:
 *
 *	at f (app.js:12:5)   at app.js:12:5		V8: Node, Chrome, Deno; Bun, Hermes
 *	f@http://host/app.js:12:5				Firefox, Safari
 *
 * Chains as Node shows an error's properties, "[cause]: Error: x" and
 * "[errors]: [", and as libraries do, "caused by: ".
 */
#include "text/stack_language.h"

#include "text/stack_scan.h"

/* The state: in the list of an AggregateError's errors. */
#define IN_ERRORS	1

/* Where the code has no file of its own. */
static bool
is_builtin(HomeoSlice location)
{
	return scan_equals(location, "native") ||
		scan_equals(location, "<anonymous>") ||
		scan_starts(location, "index ") ||
		scan_starts(location, "wasm://");
}

static bool
read_v8_location(HomeoSlice location, HomeoFrame *frame)
{
	if (is_builtin(location))
	{
		frame->file = location;
		return true;
	}
	/* Hermes: address at index.android.bundle:1:2345 */
	(void) scan_eat(&location, "address at ");
	return scan_location(location, frame) && frame->column > 0;
}

/* eval at f (app.js:1:1), <anonymous>:1:1 */
static HomeoSlice
skip_eval(HomeoSlice location)
{
	if (!scan_starts(location, "eval at "))
		return location;
	return scan_from(location, scan_find_last_text(location, "), ") +
					 strlen("), "));
}

static bool
read_v8(HomeoSlice text, HomeoFrame *frame)
{
	HomeoSlice	location;
	size_t		open;

	/* What util.inspect puts behind the last line. */
	(void) (scan_cut(&text, " {") || scan_cut(&text, ","));
	(void) scan_eat(&text, "async ");
	if (scan_last(text) != ')')
		return read_v8_location(skip_eval(text), frame);

	open = scan_matching(text, '(', ')');
	if (open == text.len || open < 2 || text.data[open - 1] != ' ')
		return false;
	location = scan_between(text, open + 1, text.len - 1);
	if (!read_v8_location(skip_eval(location), frame))
		return false;
	text = scan_first(text, open - 1);

	frame->function = scan_first(text, scan_find_text(text, " [as "));
	return true;
}

/* Does it look like code, and not like somebody's address? */
static bool
is_script(HomeoSlice file, uint32_t column)
{
	static const char *const suffixes[] = {
		".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".vue", ".svelte",
		".bundle", ".html", NULL
	};
	size_t		i;

	if (scan_has(file, "://") || scan_starts(file, "webpack-internal:"))
		return true;
	if (column == 0)
		return false;
	file = scan_first(file, scan_find(file, '?'));
	for (i = 0; suffixes[i] != NULL; i++)
	{
		if (scan_ends(file, suffixes[i]))
			return true;
	}
	return scan_at(file, 0) == '/';
}

/* f@file:1:2, @file:1:2, and Safari's http://file:1:2, [native code] */
static bool
read_gecko(HomeoSlice text, HomeoFrame *frame)
{
	size_t		n = scan_find(text, '@');
	HomeoSlice	location = scan_from(text, n + 1);
	HomeoSlice	function = scan_first(text, n);
	size_t		blank;

	if (scan_equals(text, "[native code]"))
	{
		frame->file = text;

		return true;
	}
	if (n == text.len && (scan_starts(text, "http://") ||
						  scan_starts(text, "https://")))
		return scan_location(text, frame) && frame->column > 0 &&
			scan_find(text, ' ') == text.len;

	blank = scan_find(function, ' ');
	if (n == text.len || location.len == 0 ||
		(blank < function.len && !scan_ends(function, " code") &&
		 !scan_has(function, "*") && !scan_has(function, " callback")))
		return false;
	if (scan_equals(location, "[native code]"))
		frame->file = location;
	else if (!scan_location(location, frame) ||
			 !is_script(frame->file, frame->column))
		return false;

	/* app.js line 5 > eval:1:1 */
	blank = scan_find_text(frame->file, " line ");
	if (blank < frame->file.len && scan_has(frame->file, " > "))
		frame->file = scan_first(frame->file, blank);
	else if (scan_find(frame->file, ' ') < frame->file.len &&
			 scan_at(frame->file, 0) != '[')
		return false;

	/* What called it asynchronously: async*f, promise callback*f. */
	n = scan_find_last(function, '*');
	if (n < function.len)
		function = scan_from(function, n + 1);
	frame->function = function;
	return true;
}

static HomeoStackKind
read_words(const HomeoStackLine *line, HomeoStackReading *reading)
{
	HomeoSlice text = line->text;

	if (scan_eat(&text, "[cause]: ") || scan_eat(&text, "caused by: ") ||
		scan_eat(&text, "Caused by: "))
	{
		if (scan_is_error_head(text) ||
			scan_is_error_head(scan_first(text, scan_find(text, ' '))))
			reading->begins = HOMEO_STACK_CAUSE;
		return HOMEO_STACK_NOTHING;
	}
	if (scan_equals(text, "[errors]: [") || scan_equals(text, "]"))
	{
		*line->state = text.len > 1 ? IN_ERRORS : 0;

		return HOMEO_STACK_NOTHING;
	}
	(void) scan_eat(&text, "Uncaught ");
	(void) scan_eat(&text, "(in promise) ");
	/* Error [ERR_X]: y */
	if (!scan_is_error_head(text) &&
		!(scan_has(text, " [") &&
		  scan_is_error_head(scan_first(text, scan_find(text, ' ')))))
		return HOMEO_STACK_NOTHING;
	reading->begins = HOMEO_STACK_ALONE;
	if (*line->state == IN_ERRORS && line->indent > 0)
	{
		reading->begins = HOMEO_STACK_MEMBER;
		reading->depth = line->indent;
	}
	return HOMEO_STACK_NOTHING;
}

static HomeoStackKind
read_javascript(const HomeoStackLine *line, HomeoStackReading *reading)
{
	HomeoSlice text = line->text;

	if (scan_eat(&text, "at "))
		return read_v8(text, &reading->frame) ? HOMEO_STACK_FRAME :
			HOMEO_STACK_NOTHING;
	if (read_gecko(text, &reading->frame))
		return HOMEO_STACK_FRAME;
	memset(&reading->frame, 0, sizeof(reading->frame));
	return read_words(line, reading);
}

static const char *const names[] = {
	"javascript", "typescript", "node", "nodejs", "node.js", "js", "ts",
	"deno", "bun", "react", "nextjs", NULL
};
static const char *const prefixes[] = {
	"node:", "internal/", "<anonymous>", "native", "[native code]", "index ",
	"ext:", "webpack/bootstrap", "chrome-extension:", "moz-extension:",
	"safari-extension:", "safari-web-extension:", NULL
};
static const char *const directories[] = {
	"node_modules", "(webpack)", "webpack/runtime", NULL
};

const HomeoStackLanguage homeo_stack_javascript = {
	.names = names,
	.read = read_javascript,
	.library_prefixes = prefixes,
	.library_directories = directories
};
