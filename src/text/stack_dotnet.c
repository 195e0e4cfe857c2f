/*
 * stack_dotnet.c
 *		C#, F#, Visual Basic:
 *
 *	at Shop.Cart.Total(Int32 id) in C:\src\Cart.cs:line 12
 *	at Shop.Cart.Total(Int32 id)
 *	at Shop.Cart.Total (System.Int32 id) [0x00012] in /src/Cart.cs:12	Mono
 *
 * An error's heading names its causes behind "--->"; the frames of the last
 * one come first, and "--- End of inner exception stack trace ---" behind
 * them.
 */
#include "text/stack_language.h"

#include "text/stack_scan.h"

/* The place, which other languages of the system call otherwise. */
static bool
read_place(HomeoSlice place, HomeoFrame *frame)
{
	static const char *const words[] = {
		":line ", ":Zeile ", ":ligne ", ":riga ", ":linha ", NULL
	};
	size_t		n;
	size_t		i;

	for (i = 0; words[i] != NULL; i++)
	{
		HomeoSlice	tail;

		n = scan_find_last_text(place, words[i]);
		tail = scan_from(place, n + strlen(words[i]));
		if (n < place.len && n > 0 && scan_eat_number(&tail, &frame->line))
		{
			frame->file = scan_first(place, n);
			return true;
		}
	}
	return scan_location(place, frame);
}

/* The bracket that closes the one at the start; len: none does. */
static size_t
closing(HomeoSlice s)
{
	size_t		depth = 0;
	size_t		i;

	for (i = 0; i < s.len; i++)
	{
		if (s.data[i] == '(')
			depth++;
		else if (s.data[i] == ')' && --depth == 0)
			return i;
	}
	return s.len;
}

/* Is this a list of parameters, as types or as types and names? */
static bool
is_parameters(HomeoSlice s)
{
	return s.len == 0 ||
		(scan_is_name(s, " ,.`[]&*<>+|@?") &&
		 !homeo_ascii_is_digit(s.data[0]));
}

/* Shop.Cart.<Total>d__5`1.MoveNext, lambda_method12 */
static bool
is_method(HomeoSlice name)
{
	if (!scan_is_name(name, ".<>`[],+|@$-=?&* ") ||
		homeo_ascii_is_digit(name.data[0]))
		return false;
	return (scan_find(name, '.') < name.len && scan_find(name, ' ') == name.len) ||
		scan_starts(name, "lambda_method");
}

static HomeoStackKind
read_frame(const HomeoStackLine *line, HomeoSlice text, HomeoFrame *frame)
{
	size_t		open = scan_find(text, '(');
	HomeoSlice	name = scan_first(text, open);
	HomeoSlice	tail = scan_from(text, open);
	size_t		close = closing(tail);
	bool		mono = scan_last(name) == ' ';

	if (close == tail.len || close == 0)
		return HOMEO_STACK_NOTHING;
	name = scan_trim(name);
	if (name.len == 0 || !is_method(name) ||
		!is_parameters(scan_between(tail, 1, close)))
		return HOMEO_STACK_NOTHING;
	tail = scan_from(tail, close + 1);
	frame->function = name;
	if (mono)
	{
		if (!scan_eat(&tail, " [0x"))
			return HOMEO_STACK_NOTHING;
		tail = scan_from(tail, scan_find(tail, ']') + 1);
	}
	if (tail.len == 0)
		return line->indent > 0 ? HOMEO_STACK_FRAME : HOMEO_STACK_PERHAPS;
	if (!scan_eat(&tail, " in ") || !read_place(tail, frame))
		return HOMEO_STACK_NOTHING;
	/* Mono: in <9577ac7a62ef43179789031239ba8798>:0 */
	if (mono && scan_at(frame->file, 0) == '<')
		frame->file = homeo_slice(NULL, 0);
	return HOMEO_STACK_FRAME;
}

static HomeoStackKind
read_words(const HomeoStackLine *line, HomeoStackReading *reading)
{
	HomeoSlice text = line->text;

	if (scan_starts(text, "---> ") && line->text.len > strlen("---> "))
	{
		reading->begins = HOMEO_STACK_CAUSE;
		return HOMEO_STACK_NOTHING;
	}
	if (scan_eat(&text, "--- "))
	{
		if (scan_starts(text, "End of inner exception stack trace") ||
			scan_starts(text, "End of inner ExceptionDetail stack trace"))
			return HOMEO_STACK_RETURN;
		return scan_starts(text, "End of ") ? HOMEO_STACK_PART :
			HOMEO_STACK_NOTHING;
	}
	(void) scan_eat(&text, "Unhandled exception. ");
	(void) scan_eat(&text, "Unhandled Exception: ");
	if (scan_is_error_head(text) ||
		scan_is_error_head(scan_first(text, scan_find(text, ' '))))
		reading->begins = HOMEO_STACK_ALONE;
	return HOMEO_STACK_NOTHING;
}

static HomeoStackKind
read_dotnet(const HomeoStackLine *line, HomeoStackReading *reading)
{
	static const char *const words[] = {"at ", "bei ", "\xc3\xa0 ", "in ", NULL};
	HomeoSlice text = line->text;
	size_t		i;

	for (i = 0; words[i] != NULL; i++)
	{
		if (scan_eat(&text, words[i]))
		{
			HomeoStackKind kind = read_frame(line, text, &reading->frame);

			/* Other words begin a sentence. */
			if (i > 0 && reading->frame.line == 0 && !line->sure)
				kind = HOMEO_STACK_NOTHING;
			return kind;
		}
	}
	return read_words(line, reading);
}

static const char *const names[] = {
	"csharp", "c#", "dotnet", ".net", "fsharp", "f#", "vb", "vb.net",
	"aspnet", "asp.net", "mono", "unity", NULL
};
static const char *const prefixes[] = {
	"System.", "Microsoft.", "lambda_method", "Dapper.", "Google.Protobuf.",
	"Grpc.", "Mono.", "Newtonsoft.", "Npgsql.", "Polly.", "Serilog.",
	"StackExchange.", "UnityEngine.", "UnityEditor.", NULL
};

const HomeoStackLanguage homeo_stack_dotnet = {
	.names = names,
	.read = read_dotnet,
	.library_prefixes = prefixes
};
