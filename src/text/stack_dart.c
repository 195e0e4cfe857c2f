/*
 * stack_dart.c
 *		Dart and Flutter:
 *
 *	#0      Cart.total (package:shop/cart.dart:12:5)
 *	package:shop/cart.dart 12:5  Cart.total			the package stack_trace
 */
#include "text/stack_language.h"

#include "text/stack_scan.h"

static bool
is_dart(HomeoSlice file)
{
	return scan_starts(file, "dart:") || scan_starts(file, "package:") ||
		scan_ends(file, ".dart");
}

static bool
read_numbered(HomeoSlice text, HomeoFrame *frame)
{
	uint32_t	number;
	HomeoSlice	location;
	size_t		open;

	if (!scan_eat_number(&text, &number) || scan_last(text) != ')')
		return false;
	scan_eat_space(&text);
	open = scan_find_last_text(text, " (");
	if (open == text.len || open == 0)
		return false;
	location = scan_between(text, open + 2, text.len - 1);
	if (!scan_location(location, frame))
		frame->file = location;
	frame->function = scan_first(text, open);
	return is_dart(frame->file);
}

/* A file, a blank, line and column, blanks, a function. */
static bool
read_terse(HomeoSlice text, HomeoFrame *frame)
{
	size_t		n = scan_find(text, ' ');
	HomeoSlice	tail = scan_from(text, n + 1);

	frame->file = scan_first(text, n);
	if (!is_dart(frame->file) || !scan_eat_number(&tail, &frame->line))
		return false;
	if (scan_eat(&tail, ":") && !scan_eat_number(&tail, &frame->column))
		return false;
	if (!scan_starts(tail, "  "))
		return false;
	frame->function = scan_trim(tail);
	return frame->function.len > 0;
}

static HomeoStackKind
read_dart(const HomeoStackLine *line, HomeoStackReading *reading)
{
	HomeoSlice text = line->text;
	HomeoFrame *frame = &reading->frame;
	bool		found = scan_eat(&text, "#") ? read_numbered(text, frame) :
	read_terse(text, frame);

	if (found)
		return HOMEO_STACK_FRAME;
	memset(frame, 0, sizeof(*frame));
	if (scan_equals(text, "<asynchronous suspension>") ||
		scan_starts(text, "===== asynchronous gap"))
		return HOMEO_STACK_PART;
	if (scan_starts(text, "Unhandled exception:") ||
		scan_is_error_head(text))
		reading->begins = HOMEO_STACK_ALONE;
	return HOMEO_STACK_NOTHING;
}

static const char *const names[] = {"dart", "flutter", NULL};
static const char *const prefixes[] = {
	"dart:", "package:flutter/", "package:flutter_test/", "package:test",
	"package:async/", "package:bloc/", "package:dio/", "package:http/",
	"package:postgres/", "package:provider/", "package:riverpod/",
	"package:shelf/", "package:stack_trace/", NULL
};
static const char *const directories[] = {".pub-cache", "hosted/pub.dev", NULL};

const HomeoStackLanguage homeo_stack_dart = {
	.names = names,
	.read = read_dart,
	.library_prefixes = prefixes,
	.library_directories = directories
};
