/*
 * stack_r.c
 *		R:
 *
 *	3: total(cart) at cart.R#12				traceback(), the innermost first
 *	Calls: main -> total -> stop			Rscript, the innermost last
 *	 2.   \-shop::total(cart) at cart.R:12:3	rlang, the innermost last
 */
#include "text/stack_language.h"

#include "text/stack_scan.h"

/* The state: within "Backtrace:" or "Calls:". */
enum
{
	NOWHERE,
	IN_BACKTRACE,
	IN_CALLS
};

static HomeoSlice
call_name(HomeoSlice call)
{
	return scan_first(call, scan_find(call, '('));
}

/* total(cart) at cart.R#12, or :12:3; false if there is no place */
static bool
take_place(HomeoSlice *text, HomeoFrame *frame)
{
	size_t		at = scan_find_last_text(*text, " at ");
	HomeoSlice	place = scan_from(*text, at + 4);
	size_t		hash = scan_find_last(place, '#');
	HomeoSlice	number = scan_from(place, hash + 1);

	if (at == text->len)
		return false;
	if (hash < place.len && scan_eat_number(&number, &frame->line) &&
		number.len == 0)
		frame->file = scan_first(place, hash);
	else if (!scan_location(place, frame))
		return false;
	*text = scan_first(*text, at);
	return true;
}

/* 3: total(cart) at cart.R#12 */
static HomeoStackKind
read_traceback(const HomeoStackLine *line, HomeoFrame *frame)
{
	HomeoSlice text = line->text;
	uint32_t	number;
	bool		placed;

	if (!scan_eat_number(&text, &number) || !scan_eat(&text, ": "))
		return HOMEO_STACK_NOTHING;
	placed = take_place(&text, frame);
	frame->function = call_name(text);
	if (frame->function.len == text.len || text.len == 0 ||
		!scan_is_name(frame->function, ".:$"))
		return HOMEO_STACK_NOTHING;
	return placed && scan_find_last(line->text, '#') < line->text.len ?
		HOMEO_STACK_FRAME : HOMEO_STACK_PERHAPS;
}

/* 2.   \-shop::total(cart) at cart.R:12:3; branches are UTF-8, too */
static HomeoStackKind
read_backtrace(HomeoSlice text, HomeoStackReading *reading)
{
	HomeoFrame *frame = &reading->frame;
	uint32_t	number;
	size_t		i = 0;

	if (!scan_eat_number(&text, &number) || !scan_eat(&text, ". "))
		return HOMEO_STACK_NOTHING;
	while (i < text.len && (homeo_ascii_is_space(text.data[i]) ||
							homeo_ascii_is_high(text.data[i]) ||
							homeo_ascii_is_one_of(text.data[i], "+|\\-")))
		i++;
	text = scan_from(text, i);

	reading->order = HOMEO_STACK_INNERMOST_LAST;
	(void) scan_eat(&text, "global ");
	(void) take_place(&text, frame);
	frame->function = call_name(text);
	return scan_is_name(frame->function, ".:$%`") ? HOMEO_STACK_FRAME :
		HOMEO_STACK_NOTHING;
}

/* main -> total -> stop, one call at a time */
static HomeoStackKind
read_calls(const HomeoStackLine *line, HomeoSlice text,
		   HomeoStackReading *reading)
{
	size_t		n = scan_find_text(text, " -> ");
	HomeoSlice	name = scan_trim(scan_first(text, n));

	if (n + 4 < text.len)
		reading->rest = scan_from(text, n + 4);
	*line->state = reading->rest.len > 0 ? IN_CALLS : NOWHERE;
	if (!scan_is_name(name, ".:$<>-") || scan_equals(name, "->"))
		return HOMEO_STACK_NOTHING;
	reading->order = HOMEO_STACK_INNERMOST_LAST;
	reading->frame.function = name;
	return HOMEO_STACK_FRAME;
}

static HomeoStackKind
read_r(const HomeoStackLine *line, HomeoStackReading *reading)
{
	HomeoSlice text = line->text;

	if (*line->state == IN_CALLS)
		return read_calls(line, text, reading);
	if (scan_eat(&text, "Calls: ") && (line->sure || scan_has(text, " -> ")))
		return read_calls(line, text, reading);
	if (homeo_ascii_is_digit(text.data[0]))
	{
		if (*line->state == IN_BACKTRACE)
			return read_backtrace(text, reading);
		return read_traceback(line, &reading->frame);
	}
	if (scan_equals(text, "Backtrace:"))
		*line->state = IN_BACKTRACE;
	else if (scan_starts(text, "Error in ") || scan_starts(text, "Error: "))
	{
		*line->state = NOWHERE;
		reading->begins = HOMEO_STACK_ALONE;
	}
	return HOMEO_STACK_NOTHING;
}

/* What comes from a package names it; functions of R's own do so seldom. */
static bool
is_library(const HomeoFrame *frame)
{
	static const char *const functions[] = {
		"stop", "warning", "tryCatch", "tryCatchList", "tryCatchOne",
		"doTryCatch", "withCallingHandlers", "eval", "source", "lapply",
		"sapply", "vapply", "FUN", "do.call", "abort", "try", NULL
	};
	size_t		i;

	for (i = 0; functions[i] != NULL; i++)
	{
		if (scan_equals(frame->function, functions[i]))
			return true;
	}
	return scan_has(frame->function, "::");
}

static const char *const names[] = {"r", "rscript", "rlang", "shiny", NULL};

const HomeoStackLanguage homeo_stack_r = {
	.names = names,
	.read = read_r,
	.is_library = is_library
};
