/*
 * timestamp.h
 *		Reads the dates and times that loggers begin their lines with.
 */
#ifndef HOMEO_AGENT_TIMESTAMP_H
#define HOMEO_AGENT_TIMESTAMP_H

#include <stdint.h>

#include "agent/span.h"

typedef struct HomeoTimestamp
{
	bool		known;
	bool		guessed;		/* its year depends on when it was read */
	int64_t		time;			/* microseconds since 1970 */
} HomeoTimestamp;

/*
 * Reads the time at the beginning of text, and returns the number of bytes
 * that it takes; 0: there is none.  A time without a zone is local time.  One
 * without a year is the one nearest to, and not a day beyond, asof
 * (microseconds since 1970).
 *
 *		2026-01-31T23:59:59.123Z	2026-01-31 23:59:59,123 CET
 *		2026/01/31 23:59:59			31/Jan/2026:23:59:59 +0100
 *		Jan 31 23:59:59				Sat Jan 31 23:59:59.123 2026
 *		1769903999.123				1769903999123
 */
extern size_t agent_timestamp_read(HomeoSpan text, int64_t asof,
								   HomeoTimestamp *result);

/* Seconds, milli-, micro- or nanoseconds since 1970, by their size. */
extern bool agent_timestamp_of_number(HomeoSpan text, HomeoTimestamp *result);

#endif							/* HOMEO_AGENT_TIMESTAMP_H */
