/*
 * agent_level.c
 *		Tests of what is an error, in the words of many loggers.
 */
#include "agent/level.h"

#include "agent_events.h"

static void
line(const char *text, HomeoLevel level)
{
	HomeoSpan	copy = exact(agent_span_string(text));
	size_t		start;
	size_t		end;

	tap_ok(agent_line_level(copy, &start, &end) == level, "\"%s\"", text);
	free((char *) (uintptr_t) copy.data);
}

static void
number(long n, HomeoLevel level)
{
	tap_ok(agent_level_of_number(n) == level, "level %ld", n);
}

int
main(void)
{
	line("ERROR boom", HOMEO_LEVEL_ERROR);
	line("[error] 12#12: *1 open() failed", HOMEO_LEVEL_ERROR);
	line("[core:error] [pid 1] x", HOMEO_LEVEL_ERROR);
	line("<critical> x", HOMEO_LEVEL_FATAL);
	line("main | warn: x", HOMEO_LEVEL_WARNING);
	line("[1234] app@shop FATAL:  too many connections", HOMEO_LEVEL_FATAL);
	line("postgres[1]: [3-1] PANIC:  could not write", HOMEO_LEVEL_PANIC);
	line("[1234] LOG:  statement: select 'ERROR'", HOMEO_LEVEL_INFO);
	line("[1234] STATEMENT:  select 'ERROR'", HOMEO_LEVEL_UNKNOWN);
	line("[1234] DETAIL:  ERROR is a word", HOMEO_LEVEL_UNKNOWN);
	line("no error happened", HOMEO_LEVEL_UNKNOWN);
	line("java.lang.Error.ERROR_x", HOMEO_LEVEL_UNKNOWN);
	line("see /var/log/ERROR/x", HOMEO_LEVEL_UNKNOWN);
	line("a b c d e f g h ERROR too far", HOMEO_LEVEL_UNKNOWN);
	line("", HOMEO_LEVEL_UNKNOWN);
	line("ERROR", HOMEO_LEVEL_ERROR);
	line("\xff\xfe ERROR x", HOMEO_LEVEL_ERROR);

	number(-1, HOMEO_LEVEL_UNKNOWN);
	number(0, HOMEO_LEVEL_PANIC);
	number(3, HOMEO_LEVEL_ERROR);
	number(4, HOMEO_LEVEL_WARNING);
	number(7, HOMEO_LEVEL_DEBUG);
	number(8, HOMEO_LEVEL_UNKNOWN);
	number(30, HOMEO_LEVEL_INFO);
	number(50, HOMEO_LEVEL_ERROR);
	number(60, HOMEO_LEVEL_FATAL);
	number(2147483647, HOMEO_LEVEL_FATAL);

	tap_ok(agent_level_of_word(BYTES("eRrOr")) == HOMEO_LEVEL_ERROR,
		   "the case of a word does not matter");
	tap_ok(agent_level_of_word(BYTES("error\0")) == HOMEO_LEVEL_UNKNOWN,
		   "a NUL is part of it");
	return events_done();
}
