/*
 * say.c
 *		What the agent tells who runs it, and its clocks.
 */
#include "agent/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

bool		agent_quiet;

static void
say(const char *kind, const char *format, va_list args)
{
	char text[	2000];
	char		when[40];
	time_t		now = time(NULL);
	struct tm	parts;

	(void) vsnprintf(text, sizeof(text), format, args);
	/* What files hold is quoted in messages: one line, whatever it is. */
	for (char *c = text; *c != '\0'; c++)
	{
		if ((unsigned char) *c < ' ' || *c == 0x7f)
			*c = ' ';
	}
	(void) gmtime_r(&now, &parts);
	(void) strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &parts);
	fprintf(stderr, "%s homeostasis-agent: %s%s\n", when, kind, text);
}

void
agent_warn(const char *format,...)
{
	va_list		args;

	va_start(args, format);
	say("warning: ", format, args);
	va_end(args);
}

void
agent_inform(const char *format,...)
{
	va_list		args;

	if (agent_quiet)
		return;
	va_start(args, format);
	say("", format, args);
	va_end(args);
}

void
agent_fail(const char *format,...)
{
	va_list		args;

	va_start(args, format);
	say("error: ", format, args);
	va_end(args);
	exit(1);
}

static int64_t
read_clock(clockid_t clock)
{
	struct timespec t;

	(void) clock_gettime(clock, &t);
	return (int64_t) t.tv_sec * AGENT_SECOND + t.tv_nsec / 1000;
}

int64_t
agent_now(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t
agent_ticks(void)
{
	return read_clock(CLOCK_MONOTONIC);
}
