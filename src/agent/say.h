/*
 * say.h
 *		What the agent tells who runs it, on standard error, and its clocks.
 */
#ifndef HOMEO_AGENT_SAY_H
#define HOMEO_AGENT_SAY_H

#include <stdbool.h>
#include <stdint.h>

extern bool agent_quiet;

/* A line, without its end, that needs somebody's attention, or only informs. */
extern void agent_warn(const char *format,...)
			__attribute__((format(printf, 1, 2)));
extern void agent_inform(const char *format,...)
			__attribute__((format(printf, 1, 2)));

/* Says it and ends the program with status 1. */
extern void agent_fail(const char *format,...)
			__attribute__((format(printf, 1, 2), noreturn));

/* Microseconds since 1970, and since some moment that no clock change moves. */
extern int64_t agent_now(void);
extern int64_t agent_ticks(void);

#define AGENT_SECOND	INT64_C(1000000)

#endif							/* HOMEO_AGENT_SAY_H */
