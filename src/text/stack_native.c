/*
 * stack_native.c
 *		C and C++, as debuggers and sanitizers print their stacks:
 *
 *	#1  0x0000555555555141 in f (x=1) at main.c:12		gdb
 *	frame #0: 0x0000000100003f2c shop`f at main.c:12:5	lldb
 *	    #0 0x4b2f in f /app/main.c:12:3					AddressSanitizer
 *	    #0 f /app/main.c:12 (shop+0x4b2f)				ThreadSanitizer
 *	==12==    by 0x10919E: f (main.c:12)				Valgrind
 *	./shop(f+0x14) [0x55d7c0a3]							backtrace_symbols()
 *
 * Stacks that tell where memory came from or who else was at work are beside
 * the error, not part of it.
 */
#include "text/stack_language.h"

#include "text/stack_scan.h"

/* The state: a report has begun, and there was no stack yet. */
#define BEGUN	1
#define IN_STACK	2

/* Foo::operator() (this=0x1) at main.cpp:12, f () from /lib/libc.so.6 */
static bool
read_gdb_call(HomeoSlice text, HomeoFrame *frame)
{
	size_t		open = scan_find_text(text, " (");
	HomeoSlice	tail = scan_from(text, open);
	size_t		n;

	if (open == text.len || open == 0)
		return false;
	frame->function = scan_first(text, open);
	n = scan_find_last_text(tail, ") at ");
	if (n < tail.len && scan_location(scan_from(tail, n + 5), frame))
		return true;
	n = scan_find_last_text(tail, ") from ");
	if (n < tail.len)
	{
		frame->module = scan_from(tail, n + strlen(") from "));
		return true;
	}
	return scan_last(tail) == ')' && !scan_has(tail, "+0x") &&
		scan_at(tail, 2) != '/';
}

/* (/lib/libc.so.6+0x2a1ca) (BuildId: 1234), at the end */
static bool
cut_module(HomeoSlice *text, HomeoSlice *module)
{
	size_t		build = scan_find_text(*text, " (BuildId: ");
	HomeoSlice	head = scan_first(*text, build);
	size_t		plus = scan_find_last_text(head, "+0x");
	size_t		open = scan_find_last(scan_first(head, plus), '(');

	if (scan_last(head) != ')' || plus == head.len || open == plus)
		return false;
	*module = scan_between(head, open + 1, plus);
	*text = scan_trim(scan_first(head, open));
	return true;
}

/* f(int, char) /app/main.c:12:3, or with (module+0x1234), or both */
static bool
read_sanitizer_call(HomeoSlice text, HomeoFrame *frame)
{
	HomeoSlice	module = homeo_slice(NULL, 0);
	HomeoSlice	place;
	bool		cut = cut_module(&text, &module);
	size_t		n = scan_find_last_text(text, " /");

	if (n == text.len)
		n = scan_find_last(text, ' ');
	place = scan_from(text, n + 1);
	if (n < text.len && scan_location(place, frame))
		text = scan_first(text, n);

	else if (n < text.len && scan_equals(place, "<null>"))
		text = scan_first(text, n);

	else if (!cut)
		return false;
	if (frame->file.len == 0)
		frame->module = module;
	frame->function = scan_without_arguments(scan_trim(text));
	return frame->function.len > 0 || frame->module.len > 0;
}

/* Behind the "#" */
static bool
read_numbered(HomeoSlice text, HomeoFrame *frame)
{
	uint32_t	number;
	bool		address;

	if (!scan_eat_number(&text, &number) || !scan_eat(&text, " "))
		return false;
	scan_eat_space(&text);
	if (scan_equals(text, "<signal handler called>"))
	{
		frame->function = text;

		return true;
	}
	address = scan_eat_address(&text);
	if (address && !scan_eat(&text, " in "))
	{
		/* No symbol: (/app/shop+0x1234) */
		text = scan_trim(text);
		return cut_module(&text, &frame->module) && text.len == 0;
	}
	return read_gdb_call(text, frame) ||
		(memset(frame, 0, sizeof(*frame)), read_sanitizer_call(text, frame));
}

/* frame #0: 0x0000000100003f2c shop`f(x=1) at main.c:12:5 [opt] */
static bool
read_lldb(HomeoSlice text, HomeoFrame *frame)
{
	uint32_t	number;
	size_t		n;

	(void) scan_eat(&text, "* ");
	if (!scan_eat(&text, "frame #") || !scan_eat_number(&text, &number) ||
		!scan_eat(&text, ": ") || !scan_eat_address(&text))
		return false;
	text = scan_trim(text);

	(void) scan_cut(&text, " [opt]");
	n = scan_find(text, '`');
	if (n == text.len)
		return false;
	frame->module = scan_first(text, n);
	text = scan_from(text, n + 1);

	n = scan_find_last_text(text, " at ");
	if (n < text.len && scan_location(scan_from(text, n + 4), frame))
		text = scan_first(text, n);
	text = scan_first(text, scan_find_text(text, " + "));

	frame->function = scan_without_arguments(text);
	return frame->function.len > 0;
}

/* 0x10919E: f (main.c:12), ??? (in /lib/libc.so.6), behind at or by */
static bool
read_valgrind(HomeoSlice text, HomeoFrame *frame)
{
	size_t		open;
	HomeoSlice	place;

	if (!scan_eat_address(&text) || !scan_eat(&text, ": "))
		return false;
	open = scan_find_last_text(text, " (");
	if (open < text.len && scan_last(text) == ')')
	{
		place = scan_between(text, open + 2, text.len - 1);
		if (scan_eat(&place, "in "))
			frame->module = place;
		else if (!scan_location(place, frame))
			return false;
		text = scan_first(text, open);
	}
	frame->function = scan_without_arguments(text);
	return frame->function.len > 0;
}

/* ./shop(f+0x14) [0x55d7c0a3], ./shop() [0x4005], ./shop(+0x11a9)[0x5] */
static bool
read_glibc(HomeoSlice text, HomeoFrame *frame)
{
	size_t		open = scan_find_last_text(text, "[0x");
	HomeoSlice	address = scan_from(text, open + 1);

	if (open == text.len || !scan_eat_address(&address) ||
		!scan_equals(address, "]"))
		return false;
	text = scan_trim(scan_first(text, open));

	if (!scan_cut(&text, ")"))
		return false;
	open = scan_find_last(text, '(');
	if (open == text.len || open == 0)
		return false;
	frame->module = scan_first(text, open);
	text = scan_from(text, open + 1);

	frame->function = scan_first(text, scan_find_last(text, '+'));
	return scan_find(frame->module, ' ') == frame->module.len ||
		scan_starts(frame->module, "postgres: ");
}

/* /app/main.c:12:5: runtime error: signed integer overflow */
static bool
read_undefined(HomeoSlice text, HomeoFrame *frame)
{
	size_t		n = scan_find_text(text, ": runtime error: ");

	return n < text.len && scan_location(scan_first(text, n), frame) &&
				frame->column > 0;
}

/* Lines of sanitizers and debuggers before a stack. */
static HomeoStackKind
read_words(const HomeoStackLine *line, HomeoSlice text, bool valgrind,
		   HomeoStackReading *reading)
{
	static const char *const asides[] = {
		"freed by thread ", "previously allocated by thread ",
		"allocated by thread ", "Previous ", "As if synchronized via ",
		"Location is ", "Thread T", "Mutex M", "Indirect leak of ",
		"Uninitialized value was ", "Memory was marked as uninitialized",
		"Memory was ", "Address 0x", "Block was alloc'd at",
		"Uninitialised value was created", NULL
	};
	static const char *const first[] = {
		"Direct leak of ", "Write of size ", "Read of size ", "WRITE of size ",
		"READ of size ", "READ memory access", "Atomic ", NULL
	};
	size_t		i;

	if (scan_has(text, "ERROR: AddressSanitizer") ||
		scan_has(text, "ERROR: LeakSanitizer") ||
		scan_has(text, "WARNING: MemorySanitizer") ||
		scan_has(text, "WARNING: ThreadSanitizer") ||
		scan_starts(text, "Program terminated with signal ") ||
		scan_starts(text, "Program received signal ") ||
		scan_starts(text, "*** Error in "))
	{
		*line->state = BEGUN;
		reading->begins = HOMEO_STACK_ALONE;
		return HOMEO_STACK_NOTHING;
	}
	for (i = 0; first[i] != NULL; i++)
	{
		if (!scan_starts(text, first[i]))
			continue;
		/* Of several leaks, each is something else. */
		if (*line->state != BEGUN)
			reading->begins = HOMEO_STACK_ASIDE;
		*line->state = IN_STACK;
		return HOMEO_STACK_NOTHING;
	}
	for (i = 0; line->sure && asides[i] != NULL; i++)
	{
		if (scan_starts(text, asides[i]))
		{
			reading->begins = HOMEO_STACK_ASIDE;
			return HOMEO_STACK_NOTHING;
		}
	}
	if (scan_starts(text, "Thread ") && scan_has(text, " (Thread 0x"))
		reading->begins = scan_starts(text, "Thread 1 (") ?
			HOMEO_STACK_ALONE : HOMEO_STACK_ASIDE;
	else if (valgrind)
		reading->begins = HOMEO_STACK_ALONE;
	return HOMEO_STACK_NOTHING;
}

/* Takes "==12==" off the start. */
static bool
eat_process(HomeoSlice *text)
{
	HomeoSlice	tail = *text;
	uint32_t	number;

	if (!scan_eat(&tail, "==") || !scan_eat_number(&tail, &number) ||
		!scan_eat(&tail, "=="))
		return false;
	*text = scan_trim(tail);
	return text->len > 0;
}

static HomeoStackKind
read_native(const HomeoStackLine *line, HomeoStackReading *reading)
{
	HomeoSlice text = line->text;
	HomeoSlice	tail;
	HomeoFrame *frame = &reading->frame;
	bool		valgrind = text.data[0] == '=' && eat_process(&text);

	tail = text;

	if (scan_eat(&tail, "#"))
	{
		if (read_numbered(tail, frame))
			return HOMEO_STACK_FRAME;
	}
	else if (valgrind && (scan_eat(&tail, "at ") || scan_eat(&tail, "by ")))
	{
		if (read_valgrind(tail, frame))
			return HOMEO_STACK_FRAME;
	}
	else if (scan_starts(text, "frame #") || scan_starts(text, "* frame #"))
	{
		if (read_lldb(text, frame))
			return HOMEO_STACK_FRAME;
	}
	else if (scan_last(text) == ']')
	{
		if (read_glibc(text, frame))
			return HOMEO_STACK_FRAME;
	}
	else if (read_undefined(text, frame))
	{
		reading->begins = HOMEO_STACK_ALONE;
		reading->provisional = true;
		return HOMEO_STACK_FRAME;
	}
	memset(frame, 0, sizeof(*frame));
	return read_words(line, text, valgrind, reading);
}

static bool
is_library(const HomeoFrame *frame)
{
	static const char *const functions[] = {
		"raise", "abort", "_start", "__assert_fail", "__assert_fail_base",
		"start_thread", "clone", "clone3", "malloc", "free", "calloc",
		"realloc", "operator new", "operator delete", "??", "???",
		"<signal handler called>", "<null>", NULL
	};
	size_t		i;

	for (i = 0; functions[i] != NULL; i++)
	{
		if (scan_equals(frame->function, functions[i]))
			return true;
	}
	return scan_starts(frame->function, "operator new(") ||
		scan_starts(frame->function, "operator new[");
}

static const char *const names[] = {
	"c", "c++", "cpp", "cxx", "native", "gdb", "asan", "valgrind", NULL
};
static const char *const prefixes[] = {
	"/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/", "/usr/include/",
	"/usr/libexec/valgrind/", "../sysdeps/", "./sysdeps/", "./nptl/",
	"../nptl/", "./csu/", "../csu/", "./stdlib/", "./signal/", "./malloc/",
	"../../../../src/lib", "vg_replace_malloc.c", "libc-start.c", "libsystem_", "libdyld", "dyld",
	"__interceptor_", "___interceptor_", "__asan_", "__ubsan_", "__tsan_",
	"__sanitizer_", "__libc_", "__GI_", "__pthread_", "std::", "__gnu_cxx::",
	"boost::", NULL
};
static const char *const directories[] = {
	"compiler-rt", "libsanitizer", "glibc-*", "bits", NULL
};

const HomeoStackLanguage homeo_stack_native = {
	.names = names,
	.read = read_native,
	.library_prefixes = prefixes,
	.library_directories = directories,
	.is_library = is_library
};
