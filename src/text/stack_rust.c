/*
 * stack_rust.c
 *		Rust: what a panic says, and a backtrace if there is one.
 *
 *	thread 'main' panicked at src/main.rs:2:5:
 *	stack backtrace:
 *	   2: shop::total
 *	             at ./src/main.rs:2:5
 *	   3:     0x55d7c6a1c1a0 - shop::total::h5c7ce52813e94bcd
 *
 * Where a backtrace follows, the panic's own place is one of its frames and
 * does not count.
 */
#include "text/stack_language.h"

#include "text/stack_scan.h"

/* The state: behind "stack backtrace:". */
#define IN_BACKTRACE	1

/* What the compiler adds to a name: ::h and 16 digits. */
static HomeoSlice
skip_hash(HomeoSlice name)
{
	size_t		n = scan_find_last_text(name, "::h");
	size_t		i;

	if (n == name.len || name.len - n != 19)
		return name;
	for (i = n + 3; i < name.len; i++)
	{
		if (!homeo_ascii_is_hex(name.data[i]))
			return name;
	}
	return scan_first(name, n);
}

/* thread 'main' panicked at 'index out of bounds', src/main.rs:2:5 */
static bool
read_panic(HomeoSlice text, HomeoFrame *frame)
{
	static const char *const marker = " panicked at ";
	size_t		n = scan_find_text(text, marker);
	HomeoSlice	place = scan_from(text, n + strlen(marker));

	if (n == text.len)
		return false;
	(void) scan_cut(&place, ":");
	if (scan_starts(place, "'"))
	{
		n = scan_find_last_text(place, "', ");
		if (n == place.len)
			return false;
		place = scan_from(place, n + strlen("', "));
	}
	return scan_location(place, frame) && frame->column > 0 &&
		scan_find(frame->file, ' ') == frame->file.len;
}

static bool
read_numbered(HomeoSlice text, HomeoFrame *frame)
{
	uint32_t	number;

	if (!scan_eat_number(&text, &number) || !scan_eat(&text, ": "))
		return false;
	scan_eat_space(&text);
	if (scan_eat_address(&text) && !scan_eat(&text, " - "))
		return false;
	text = scan_trim(text);

	frame->function = skip_hash(text);
	return text.len > 0;
}

static HomeoStackKind
read_rust(const HomeoStackLine *line, HomeoStackReading *reading)
{
	HomeoSlice text = line->text;
	HomeoFrame *frame = &reading->frame;

	if (homeo_ascii_is_digit(text.data[0]))
	{
		if (!read_numbered(text, frame))
			return HOMEO_STACK_NOTHING;
		if (*line->state == IN_BACKTRACE)
			return HOMEO_STACK_FRAME;
		/* anyhow: Caused by: 0: what happened */
		return scan_has(frame->function, "::") &&
			scan_find(frame->function, ' ') == frame->function.len ?
			HOMEO_STACK_PERHAPS : HOMEO_STACK_NOTHING;
	}
	if (line->sure && scan_eat(&text, "at "))
		return scan_location(text, frame) ? HOMEO_STACK_PLACE :
			HOMEO_STACK_NOTHING;
	if (scan_starts(text, "thread '") && read_panic(text, frame))
	{
		reading->begins = HOMEO_STACK_ALONE;
		reading->provisional = true;
		*line->state = 0;
		return HOMEO_STACK_FRAME;
	}
	if (scan_equals(text, "stack backtrace:") ||
		scan_equals(text, "Stack backtrace:"))
		*line->state = IN_BACKTRACE;
	else if (scan_starts(text, "Error: ") && line->indent == 0)
	{
		reading->begins = HOMEO_STACK_ALONE;
		*line->state = 0;
	}
	return HOMEO_STACK_NOTHING;
}

static bool
is_library(const HomeoFrame *frame)
{
	static const char *const crates[] = {
		"core", "std", "alloc", "backtrace", "anyhow", "eyre", "color_eyre",
		"tokio", "futures_util", "hyper", "actix_rt", "__rustc", NULL
	};
	HomeoSlice	name = frame->function;
	size_t		as = scan_find_text(name, " as ");
	size_t		i;

	/* <T as core::fmt::Debug>::fmt, <alloc::vec::Vec<T> as ...>::f */
	while (scan_eat(&name, "<") || scan_eat(&name, "&"))
		;
	for (i = 0; crates[i] != NULL; i++)
	{
		HomeoSlice	tail = name;

		/* core::fmt::write, or core[c1f1a4ba060b9bfa]::fmt::write */
		if (scan_eat(&tail, crates[i]) &&
			(scan_starts(tail, "::") || scan_starts(tail, "[")))
			return true;
	}
	if (frame->file.len > 0)
		return false;
	/* A type of the language: <usize as core::fmt::Debug>::fmt */
	if (scan_starts(frame->function, "<") && as < frame->function.len &&
		!scan_has(scan_first(frame->function, as), "::"))
		return true;
	return scan_equals(name, "main") || scan_equals(name, "_start") ||
		scan_equals(name, "<unknown>") || scan_equals(name, "clone") ||
		scan_equals(name, "unknown>") || scan_equals(name, "start_thread");
}

static const char *const names[] = {"rust", "rs", NULL};
static const char *const prefixes[] = {
	"rust_begin_unwind", "rust_panic", "__rust_", "__libc_start",
	"/rustc/", "./nptl/", "./csu/", "./misc/", "../sysdeps/", NULL
};
static const char *const directories[] = {
	".cargo/registry", ".cargo/git", "cargo/registry", "rustc", NULL
};

const HomeoStackLanguage homeo_stack_rust = {
	.names = names,
	.read = read_rust,
	.library_prefixes = prefixes,
	.library_directories = directories,
	.is_library = is_library
};
