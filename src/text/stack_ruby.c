/*
 * stack_ruby.c
 *		Ruby:
 *
 *	app.rb:10:in `total': undefined method (NoMethodError)
 *		from app.rb:12:in 'Cart#total'				3.4 and later
 *		2: from app.rb:20:in `<main>'				2.5 to 2.7, on a terminal
 *
 * The causes of an error are printed behind it, each with a heading of the
 * first form.  2.5 to 2.7 printed "Traceback (most recent call last):" and
 * the innermost frame last.
 */
#include "text/stack_language.h"

#include "text/stack_scan.h"

/* The state: behind "Traceback (most recent call last):". */
#define REVERSED	1

static const char *const traceback = "Traceback (most recent call last):";

/* `f' or 'f', at the start; *rest gets what is behind it. */
static HomeoSlice
quoted_name(HomeoSlice s, HomeoSlice *rest)
{
	HomeoSlice	name;

	if (!scan_eat(&s, "`") && !scan_eat(&s, "'"))
		return homeo_slice(NULL, 0);
	name = scan_first(s, scan_find(s, '\''));
	*rest = scan_from(s, name.len + 1);
	return name.len < s.len ? name : homeo_slice(NULL, 0);
}

/*
 * app.rb:10:in `total': *rest gets what is behind it.  The first ":in " with
 * a number before and a quote behind it counts.
 */
static bool
read_frame(HomeoSlice text, HomeoFrame *frame, HomeoSlice *rest)
{
	static const char *const marker = ":in ";
	size_t		n = scan_find_text(text, marker);

	if (n == text.len || !scan_location(scan_first(text, n), frame))
		return false;
	if (frame->column != 0)
		return false;
	frame->function = quoted_name(scan_from(text, n + strlen(marker)), rest);
	return frame->function.len > 0;
}

/* 2: from ... */
static bool
eat_from(HomeoSlice *text)
{
	HomeoSlice	tail = *text;
	uint32_t	number;

	if (scan_eat_number(&tail, &number) && scan_eat(&tail, ": from "))
		*text = tail;
	else
		return scan_eat(text, "from ");
	return true;
}

/* app.rb:3: with nothing else, as lines of a script without functions */
static HomeoStackKind
read_bare(HomeoSlice text, HomeoFrame *frame)
{
	if (!scan_location(text, frame) || frame->column != 0 ||
		!scan_ends(frame->file, ".rb"))
		return HOMEO_STACK_NOTHING;
	return HOMEO_STACK_PERHAPS;
}

static HomeoStackKind
read_ruby(const HomeoStackLine *line, HomeoStackReading *reading)
{
	HomeoSlice text = line->text;
	HomeoSlice	rest = homeo_slice(NULL, 0);
	bool		from = eat_from(&text);

	if (!read_frame(text, &reading->frame, &rest))
	{
		if (scan_starts(text, traceback))
		{
			*line->state = REVERSED;
			reading->begins = HOMEO_STACK_ALONE;
			return HOMEO_STACK_NOTHING;
		}
		if (scan_starts(text, "... ") && scan_ends(text, " levels..."))
			return HOMEO_STACK_PART;
		memset(&reading->frame, 0, sizeof(reading->frame));
		return read_bare(text, &reading->frame);
	}
	if (*line->state == REVERSED)
		reading->order = HOMEO_STACK_INNERMOST_LAST;
	if (from || !scan_starts(rest, ": "))
		return HOMEO_STACK_FRAME;
	/* With a message it is the innermost frame, and a heading. */
	if (*line->state == REVERSED)
	{
		*line->state = 0;
		return HOMEO_STACK_FRAME;
	}
	reading->begins = line->sure && line->after_frame ?
		HOMEO_STACK_CAUSE : HOMEO_STACK_ALONE;
	return HOMEO_STACK_FRAME;
}

static const char *const names[] = {
	"ruby", "rb", "rails", "sinatra", "sidekiq", NULL
};
static const char *const prefixes[] = {"<internal:", NULL};
static const char *const directories[] = {
	"gems", "vendor/bundle", "lib/ruby", "rubygems", "bundler", "site_ruby",
	NULL
};

const HomeoStackLanguage homeo_stack_ruby = {
	.names = names,
	.read = read_ruby,
	.library_prefixes = prefixes,
	.library_directories = directories
};
