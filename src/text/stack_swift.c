/*
 * stack_swift.c
 *		Swift and Objective-C:
 *
 *	Shop/Cart.swift:12: Fatal error: Index out of range
 *	0 0x0000000100003f2c total() + 12 in shop at /app/Cart.swift:12:5
 *	1 [ra] [inlined] 0x0000000100003e0c f() in shop at /app/main.swift:3:1
 *	2   Shop     0x0000000100003f2c main + 28 (main.swift:9)	Apple's reports
 *
 * Where a backtrace follows, the place of the fatal error does not count.
 */
#include "text/stack_language.h"

#include "text/stack_scan.h"

/* The function's name, without " + 12", the offset in its code. */
static HomeoSlice
skip_offset(HomeoSlice name)
{
	size_t		n = scan_find_last_text(name, " + ");
	HomeoSlice	tail = scan_from(name, n + 3);

	if (n == name.len || scan_digits(tail) != tail.len)
		return scan_trim(name);
	return scan_trim(scan_first(name, n));
}

/* total() + 12 in shop at /app/Cart.swift:12:5, behind the address */
static bool
read_backtrace(HomeoSlice text, HomeoFrame *frame)
{
	size_t		at = scan_find_last_text(text, " at ");
	size_t		in;

	if (at < text.len && scan_location(scan_from(text, at + 4), frame))
		text = scan_first(text, at);

	in = scan_find_last_text(text, " in ");
	if (in == text.len)
		return false;
	if (frame->file.len == 0)
		frame->module = scan_from(text, in + 4);
	frame->function = skip_offset(scan_first(text, in));
	return frame->function.len > 0;
}

/* Shop   0x0000000100003f2c main + 28 (main.swift:9) */
static bool
read_report(HomeoSlice text, HomeoFrame *frame)
{
	size_t		n = scan_find_text(text, "0x");
	HomeoSlice	name = scan_from(text, n);
	size_t		open;

	if (n == 0 || n > 64 || !homeo_ascii_is_space(text.data[n - 1]) || !scan_eat_address(&name) || scan_at(name, 0) != ' ')
		return false;
	frame->module = scan_trim(scan_first(text, n));
	name = scan_trim(name);
	open = scan_find_last_text(name, " (");
	if (open < name.len && scan_last(name) == ')' &&
		scan_location(scan_between(name, open + 2, name.len - 1), frame))
		name = scan_first(name, open);
	else if (!scan_has(name, " + "))
		return false;
	frame->function = skip_offset(name);
	return frame->module.len > 0 && frame->function.len > 0;
}

static bool
read_numbered(HomeoSlice text, HomeoFrame *frame)
{
	uint32_t	number;
	bool		marked = false;

	if (!scan_eat_number(&text, &number) || !scan_eat(&text, " "))
		return false;
	scan_eat_space(&text);
	while (scan_at(text, 0) == '[' && scan_has(scan_first(text, 32), "] "))
	{
		text = scan_from(text, scan_find(text, ']') + 1);

		scan_eat_space(&text);
		marked = true;
	}
	if (scan_eat_address(&text))
		return scan_at(text, 0) == ' ' && read_backtrace(scan_trim(text), frame);
	if (marked)
		return read_backtrace(text, frame);
	return read_report(text, frame);
}

/* Shop/Cart.swift:12: Fatal error: Index out of range */
static bool
read_fatal(HomeoSlice text, HomeoFrame *frame)
{
	size_t		n = scan_find_text(text, ".swift:");
	HomeoSlice	tail = scan_from(text, n + strlen(".swift:"));

	if (n == text.len || !scan_eat_number(&tail, &frame->line))
		return false;
	frame->file = scan_first(text, n + strlen(".swift"));
	return scan_starts(tail, ": Fatal error") ||
		scan_starts(tail, ": Precondition failed") ||
		scan_starts(tail, ": Assertion failed");
}

/* Fatal error: Index out of range: file Shop/Cart.swift, line 12 */
static bool
read_old_fatal(HomeoSlice text, HomeoFrame *frame)
{
	size_t		line = scan_find_last_text(text, ".swift, line ");
	size_t		file = scan_find_last_text(scan_first(text, line), ": file ");
	HomeoSlice	tail = scan_from(text, line + strlen(".swift, line "));

	if (line == text.len || file == line ||
		!scan_eat_number(&tail, &frame->line))
		return false;
	frame->file = scan_between(text, file + strlen(": file "),
							   line + strlen(".swift"));
	return true;
}

static HomeoStackKind
read_swift(const HomeoStackLine *line, HomeoStackReading *reading)
{
	HomeoSlice text = line->text;
	HomeoFrame *frame = &reading->frame;
	uint32_t	number;

	if (homeo_ascii_is_digit(text.data[0]))
	{
		if (read_numbered(text, frame))
			return HOMEO_STACK_FRAME;
	}
	else if (read_fatal(text, frame) ||
			 (scan_starts(text, "Fatal error: ") &&
			  read_old_fatal(text, frame)))
	{
		reading->begins = HOMEO_STACK_ALONE;
		reading->provisional = true;
		return HOMEO_STACK_FRAME;
	}
	else if (line->sure && scan_eat(&text, "Thread ") &&
			 scan_eat_number(&text, &number))
	{
		reading->begins = scan_has(text, "rashed:") ? HOMEO_STACK_UNRELATED :
			HOMEO_STACK_ASIDE;
	}
	memset(frame, 0, sizeof(*frame));
	return HOMEO_STACK_NOTHING;
}

static const char *const names[] = {
	"swift", "objective-c", "objectivec", "objc", "ios", "macos", NULL
};
static const char *const prefixes[] = {
	"libswift", "libsystem", "libdispatch", "libobjc", "libc++", "libc.so",
	"libclosured", "CoreFoundation", "Foundation", "UIKit", "AppKit",
	"SwiftUI", "GraphicsServices", "QuartzCore", "FrontBoard", "dyld",
	"Swift/", "/usr/lib/", "_assertionFailure", "_swift_", "swift_", NULL
};
static const char *const directories[] = {
	"SourcePackages/checkouts", ".build/checkouts", "swift/stdlib", NULL
};

const HomeoStackLanguage homeo_stack_swift = {
	.names = names,
	.read = read_swift,
	.library_prefixes = prefixes,
	.library_directories = directories
};
