/*
 * tap.h
 *		Just enough of the Test Anything Protocol for the unit tests.
 *
 * Each test program is one .c file that includes this once, calls the checks
 * below, and returns tap_done() from main.  Not part of the module.
 */
#ifndef HOMEO_TAP_H
#define HOMEO_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static int	tap_run;
static int	tap_failed;

/* Non-printable bytes are shown in hexadecimal, so that TAP stays text. */
static inline void
tap_show(const char *label, const char *text, size_t len)
{
	size_t		i;

	printf("#   %s", label);
	for (i = 0; i < len; i++)
	{
		unsigned char c = (unsigned char) text[i];

		if (c >= ' ' && c != 0x7f && c != '\\')
			putchar(c);
		else
			printf("\\x%02x", c);
	}
	putchar('\n');
}

static inline bool
tap_ok(bool ok, const char *format,...)
{
	va_list		args;

	printf("%s %d - ", ok ? "ok" : "not ok", ++tap_run);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	if (!ok)
		tap_failed++;
	return ok;
}

static inline bool
tap_same(const char *got, size_t gotlen, const char *expected,
		 const char *name)
{
	size_t		explen = strlen(expected);
	bool		same = gotlen == explen && memcmp(got, expected, explen) == 0;

	if (!tap_ok(same, "%s", name))
	{
		tap_show("got:      ", got, gotlen);
		tap_show("expected: ", expected, explen);
	}
	return same;
}

static inline int
tap_done(void)
{
	printf("1..%d\n", tap_run);
	return tap_failed == 0 ? 0 : 1;
}

#endif							/* HOMEO_TAP_H */
