/*
 * options.h
 *		What `homeostasis-agent tail` was asked for.
 */
#ifndef HOMEO_AGENT_OPTIONS_H
#define HOMEO_AGENT_OPTIONS_H

#include <stdint.h>

#include "agent/format.h"

typedef struct HomeoTailOptions
{
	char	  **patterns;
	int			npatterns;
	const char *conninfo;
	const char *service;		/* NULL: not given, like the next two */
	const char *language;
	const char *release;
	HomeoBuffer environment;	/* "key":value,...; valid JSON */
	const char *host;
	const HomeoFormat *format;	/* NULL: each file's own */
	HomeoLevel	level;			/* and above */
	bool		from_end;
	bool		once;
	int			batch_size;		/* events */
	int64_t		batch_timeout;	/* microseconds, like all times */
	int64_t		poll_interval;
	int64_t		rotate_wait;
	int64_t		answer_timeout;
	int64_t		spool_limit;	/* bytes */
	const char *state_directory;
} HomeoTailOptions;

/* Ends the program, with a message, if the arguments make no sense. */
extern void agent_tail_options(int argc, char **argv,
							   HomeoTailOptions *options);

#endif							/* HOMEO_AGENT_OPTIONS_H */
