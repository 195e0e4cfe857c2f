/*
 * level.h
 *		How bad it is, in the words of many loggers.
 */
#ifndef HOMEO_AGENT_LEVEL_H
#define HOMEO_AGENT_LEVEL_H

#include "agent/span.h"

typedef enum HomeoLevel
{
	HOMEO_LEVEL_UNKNOWN,
	HOMEO_LEVEL_DEBUG,
	HOMEO_LEVEL_INFO,
	HOMEO_LEVEL_WARNING,
	HOMEO_LEVEL_ERROR,
	HOMEO_LEVEL_FATAL,
	HOMEO_LEVEL_PANIC
} HomeoLevel;

/* HOMEO_LEVEL_UNKNOWN for a word that is none, in any case. */
extern HomeoLevel agent_level_of_word(HomeoSpan word);

/* Of the numbers that bunyan and pino write (10 to 60), or syslog's (0 to 7). */
extern HomeoLevel agent_level_of_number(long number);

/* As an event has it; of warning and above. */
extern const char *agent_level_name(HomeoLevel level);

#endif							/* HOMEO_AGENT_LEVEL_H */
