/*
 * stack_lua.c
 *		Lua and LuaJIT:
 *
 *	stack traceback:
 *		[C]: in function 'error'
 *		cart.lua:12: in upvalue 'total'
 *		cart.lua:20: in main chunk
 */
#include "text/stack_language.h"

#include "text/stack_scan.h"

/* What is behind "in ": a kind of function, and its name. */
static bool
take_function(HomeoSlice text, HomeoFrame *frame)
{
	static const char *const kinds[] = {
		"function ", "upvalue ", "local ", "method ", "field ", "global ",
		"metamethod ", "for iterator ", NULL
	};
	size_t		i;

	if (scan_equals(text, "main chunk"))
	{
		frame->function = text;

		return true;
	}
	if (scan_equals(text, "?"))
		return true;
	for (i = 0; kinds[i] != NULL; i++)
	{
		if (!scan_eat(&text, kinds[i]))
			continue;
		if (scan_eat(&text, "'") || scan_eat(&text, "`"))
			text = scan_first(text, scan_find(text, '\''));
		frame->function = text;
		return text.len > 0;
	}
	return false;
}

static HomeoStackKind
read_lua(const HomeoStackLine *line, HomeoStackReading *reading)
{
	HomeoSlice text = line->text;
	HomeoFrame *frame = &reading->frame;
	HomeoSlice	place;
	size_t		n = scan_find_text(text, ": in ");

	if (n == text.len)
	{
		if (scan_starts(text, "lua: ") || scan_starts(text, "luajit: "))
			reading->begins = HOMEO_STACK_ALONE;
		else if (scan_starts(text, "(...tail calls...)") ||
				 scan_starts(text, "...\t(skipping "))
			return HOMEO_STACK_PART;
		return HOMEO_STACK_NOTHING;
	}
	place = scan_first(text, n);
	if (!scan_cut_number(&place, &frame->line) &&
		!scan_equals(place, "[C]") && !scan_ends(place, ".lua"))
		return HOMEO_STACK_NOTHING;
	if (!take_function(scan_from(text, n + strlen(": in ")), frame))
		return HOMEO_STACK_NOTHING;
	frame->file = place;
	return HOMEO_STACK_FRAME;
}

static const char *const names[] = {
	"lua", "luajit", "openresty", "roblox", NULL
};
static const char *const prefixes[] = {"[C]", "=[C]", NULL};
static const char *const directories[] = {
	"share/lua", "luarocks", "lualib", NULL
};

const HomeoStackLanguage homeo_stack_lua = {
	.names = names,
	.read = read_lua,
	.library_prefixes = prefixes,
	.library_directories = directories
};
