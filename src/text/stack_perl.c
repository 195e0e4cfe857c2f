/*
 * stack_perl.c
 *		Perl: die, warn, Carp and Devel::StackTrace.
 *
 *	no such item at cart.pl line 12, <STDIN> line 3.
 *		Shop::total("a", 5) called at cart.pl line 20
 *		eval {...} called at cart.pl line 19
 *
 * A line of Carp's names a function and where it was called; the first line
 * is the place of the error.
 */
#include "text/stack_language.h"

#include "text/stack_scan.h"

/* cart.pl line 12 */
static bool
read_place(HomeoSlice text, HomeoFrame *frame, HomeoSlice *rest)
{
	size_t		n = scan_find_text(text, " line ");

	*rest = scan_from(text, n + strlen(" line "));
	if (n == text.len || n == 0 || !scan_eat_number(rest, &frame->line))
		return false;
	frame->file = scan_first(text, n);
	return true;
}

/* Shop::total("a", 5) called at cart.pl line 20 */
static bool
read_call(HomeoSlice text, HomeoFrame *frame)
{
	static const char *const marker = " called at ";
	size_t		n = scan_find_last_text(text, marker);
	HomeoSlice	call = scan_first(text, n);
	HomeoSlice	rest;

	if (n == text.len ||
		!read_place(scan_from(text, n + strlen(marker)), frame, &rest) ||
		(rest.len > 0 && !homeo_ascii_is_one_of(rest.data[0], ".,")))
		return false;
	if (scan_starts(call, "eval ") || scan_starts(call, "require "))
		frame->function = scan_first(call, scan_find(call, ' '));
	else
		frame->function = scan_first(call, scan_find(call, '('));
	return scan_is_name(frame->function, ":'");
}

/* What die, warn and Carp write: a message, then where. */
static bool
read_message(HomeoSlice text, HomeoFrame *frame)
{
	size_t		at = scan_find_last_text(text, " at ");
	size_t		behind = scan_find_last_text(text, ", <");
	HomeoSlice	rest;

	/* , <STDIN> line 3. */
	if (behind < text.len && scan_has(scan_from(text, behind), "> line ") &&
		behind > at)
		text = scan_first(text, behind);

	else if (!scan_cut(&text, "."))
		return false;
	if (at >= text.len || !read_place(scan_from(text, at + 4), frame, &rest) ||
		rest.len > 0)
		return false;
	return scan_find(frame->file, ' ') == frame->file.len ||
		scan_starts(frame->file, "(eval ");
}

static HomeoStackKind
read_perl(const HomeoStackLine *line, HomeoStackReading *reading)
{
	HomeoSlice text = line->text;
	HomeoFrame *frame = &reading->frame;

	if (!scan_has(text, " line "))
		return HOMEO_STACK_NOTHING;
	if (read_call(text, frame))
		return HOMEO_STACK_FRAME;
	memset(frame, 0, sizeof(*frame));
	if (scan_starts(text, "Trace begun at ") &&
		read_place(scan_from(text, strlen("Trace begun at ")), frame, &text))
		return HOMEO_STACK_PERHAPS;
	memset(frame, 0, sizeof(*frame));
	if (!read_message(text, frame))
	{
		memset(frame, 0, sizeof(*frame));
		return HOMEO_STACK_NOTHING;
	}
	/* "BEGIN failed--compilation aborted" is the same error, farther out. */
	if (!scan_starts(text, "BEGIN failed--") &&
		!scan_starts(text, "Compilation failed in require"))
		reading->begins = HOMEO_STACK_ALONE;
	return HOMEO_STACK_PERHAPS;
}

static const char *const names[] = {
	"perl", "perl5", "catalyst", "mojolicious", "dancer", NULL
};
static const char *const prefixes[] = {
	"Carp::", "Try::Tiny::", "DBI::", "DBD::", "Moose::", "Class::MOP::",
	"Mojo::", "Mojolicious::", "Plack::", "Test::", NULL
};
static const char *const directories[] = {
	"share/perl*", "lib/perl5", "lib/perl", "perl-base", "site_perl",
	"vendor_perl", "perllib", NULL
};

const HomeoStackLanguage homeo_stack_perl = {
	.names = names,
	.read = read_perl,
	.library_prefixes = prefixes,
	.library_directories = directories
};
