/*
 * stack_beam.c
 *		Elixir and Erlang:
 *
 *	(shop 0.1.0) lib/shop/cart.ex:12: Shop.Cart.total/2
 *	in function  shop:total/2 (shop.erl, line 12)
 *	{shop,total,2,[{file,"shop.erl"},{line,12}]}
 *
 * The last form is that of crash reports, several to a line.  "** (EXIT) an
 * exception was raised:" names the cause of what is before it; the state is one
 * more than its indentation.
 */
#include "text/stack_language.h"

#include "text/stack_scan.h"

/* (shop 0.1.0), at the start */
static HomeoSlice
eat_application(HomeoSlice *text)
{
	size_t		close = scan_find(*text, ')');
	HomeoSlice	inside = scan_from(scan_first(*text, close), 1);
	HomeoSlice	name = scan_first(inside, scan_find(inside, ' '));

	if (scan_at(*text, 0) != '(' || scan_at(*text, close + 1) != ' ' ||
		!scan_is_name(name, ""))
		return homeo_slice(NULL, 0);
	*text = scan_from(*text, close + 2);
	return name;
}

static bool
is_source(HomeoSlice file)
{
	return scan_ends(file, ".ex") || scan_ends(file, ".exs") ||
		scan_ends(file, ".erl") || scan_ends(file, ".eex") ||
		scan_ends(file, ".heex") || scan_ends(file, ".leex") ||
		scan_ends(file, ".yrl") || scan_equals(file, "iex");
}

/* :lists.map/2, Shop.f/1, anonymous fn/1 in Shop.f/1, :erlang.+(1, nil) */
static bool
is_function(HomeoSlice name)
{
	size_t		slash = scan_find_last(name, '/');

	if (scan_starts(name, "anonymous fn/") || scan_equals(name, "(file)") ||
		scan_starts(name, "(module "))
		return true;
	if (scan_last(name) == ')')
		name = scan_without_arguments(name);
	else if (slash == name.len ||
			 scan_digits(scan_from(name, slash + 1)) != name.len - slash - 1)
		return false;
	return scan_find(name, '.') < name.len &&
		(name.data[0] == ':' || homeo_ascii_is_upper(name.data[0]));
}

static HomeoStackKind
read_elixir(const HomeoStackLine *line, HomeoFrame *frame)
{
	HomeoSlice text = line->text;
	HomeoSlice	place;
	size_t		n;

	frame->module = eat_application(&text);
	n = scan_find_text(text, ": ");
	place = scan_first(text, n);
	if (n < text.len && scan_cut_number(&place, &frame->line) &&
		is_source(place))
	{
		frame->file = place;
		text = scan_from(text, n + 2);
	}
	else
		frame->line = 0;
	if (!is_function(text))
		return HOMEO_STACK_NOTHING;
	if (scan_last(text) == ')' && scan_find(text, '.') < scan_find(text, '('))
		text = scan_without_arguments(text);
	frame->function = text;

	if (frame->module.len == 0 && frame->file.len == 0 &&
		(!line->sure || scan_at(text, 0) != ':'))
		return line->sure ? HOMEO_STACK_PERHAPS : HOMEO_STACK_NOTHING;
	return HOMEO_STACK_FRAME;
}

/* in function  shop:total/2 (shop.erl, line 12), in call from ... */
static bool
read_shell(HomeoSlice text, HomeoFrame *frame)
{
	size_t		n;

	if (!scan_eat(&text, "in function ") && !scan_eat(&text, "in call from "))
		return false;
	text = scan_trim(text);

	n = scan_find_text(text, " (");
	frame->function = scan_first(text, n);
	n = scan_find(frame->function, ':');
	if (n == frame->function.len)
		return false;
	frame->module = scan_first(frame->function, n);
	frame->function = scan_from(frame->function, n + 1);
	text = scan_from(text, scan_find_text(text, " (") + 2);

	n = scan_find_text(text, ", line ");
	if (n < text.len)
	{
		frame->file = scan_first(text, n);
		text = scan_from(text, n + strlen(", line "));

		(void) scan_eat_number(&text, &frame->line);
	}
	return frame->function.len > 0;
}

/*
 * {shop,total,2,[{file,"shop.erl"},{line,12}]}; *rest gets what is behind the
 * frame.
 */
static bool
read_term(HomeoSlice text, HomeoFrame *frame, HomeoSlice *rest)
{
	static const char *const marker = ",[{file,\"";
	size_t		n = scan_find_text(text, marker);
	size_t		open = scan_find_last(scan_first(text, n), '{');
	HomeoSlice	tail = scan_from(text, n + strlen(marker));

	if (n == text.len || open + 1 >= n)
		return false;
	frame->function = scan_between(text, open + 1, n);
	n = scan_find(frame->function, ',');
	frame->module = scan_first(frame->function, n);
	frame->function = scan_from(frame->function, n + 1);
	frame->function = scan_first(frame->function,
								 scan_find(frame->function, ','));
	frame->file = scan_first(tail, scan_find(tail, '"'));
	tail = scan_from(tail, frame->file.len);
	if (!scan_eat(&tail, "\"},{line,") ||
		!scan_eat_number(&tail, &frame->line))
		return false;
	*rest = tail;
	return true;
}

static HomeoStackKind
read_beam(const HomeoStackLine *line, HomeoStackReading *reading)
{
	HomeoSlice text = line->text;
	HomeoFrame *frame = &reading->frame;
	HomeoStackKind kind;

	if (scan_eat(&text, "** "))
	{
		if (scan_starts(text, "(EXIT) an exception was raised:"))
		{
			reading->begins = HOMEO_STACK_CAUSE;
			*line->state = (unsigned char) (line->indent < 254 ?
											line->indent + 1 : 255);
		}
		else if (scan_at(text, 0) == '(' || scan_starts(text, "exception ") ||
				 scan_starts(text, "Reason for termination"))
			reading->begins = HOMEO_STACK_ALONE;
		return HOMEO_STACK_NOTHING;
	}
	if (scan_starts(text, "in ") && read_shell(text, frame))
		return HOMEO_STACK_FRAME;
	if (scan_has(text, "{file,\"") && read_term(text, frame, &reading->rest))
		return HOMEO_STACK_FRAME;
	memset(frame, 0, sizeof(*frame));
	kind = read_elixir(line, frame);
	if (kind != HOMEO_STACK_NOTHING)
	{
		/* Not as far in as the cause: of the error around it. */
		reading->returns = line->indent < *line->state;
		if (reading->returns)
			*line->state = 0;
		return kind;
	}
	memset(frame, 0, sizeof(*frame));
	if (scan_starts(text, "Error in process <"))
		reading->begins = HOMEO_STACK_ALONE;
	return HOMEO_STACK_NOTHING;
}

static bool
is_library(const HomeoFrame *frame)
{
	static const char *const applications[] = {
		"elixir", "stdlib", "kernel", "mix", "ex_unit", "logger", "iex",
		"erts", "ssl", "inets", "ecto", "ecto_sql", "postgrex", "db_connection",
		"phoenix", "phoenix_live_view", "phoenix_pubsub", "plug",
		"plug_cowboy", "cowboy", "bandit", "thousand_island", "ranch", "jason",
		"absinthe", "oban", "tesla", "finch", "mint", "hackney", "telemetry",
		NULL
	};
	static const char *const files[] = {
		"erlang.erl", "gen_server.erl", "gen_statem.erl", "gen.erl", "proc_lib.erl",
		"supervisor.erl", "lists.erl", "maps.erl", "erl_eval.erl",
		"shell.erl", "timer.erl", "gen_event.erl", "application_master.erl",
		"init.erl", NULL
	};
	size_t		i;

	for (i = 0; applications[i] != NULL; i++)
	{
		if (scan_equals(frame->module, applications[i]))
			return true;
	}
	for (i = 0; files[i] != NULL; i++)
	{
		if (scan_equals(frame->file, files[i]))
			return true;
	}
	return false;
}

static const char *const names[] = {
	"elixir", "erlang", "beam", "phoenix", NULL
};
static const char *const prefixes[] = {
	":erlang.", NULL
};
static const char *const directories[] = {"deps", "lib/erlang", NULL};

const HomeoStackLanguage homeo_stack_beam = {
	.names = names,
	.read = read_beam,
	.library_prefixes = prefixes,
	.library_directories = directories,
	.is_library = is_library
};
