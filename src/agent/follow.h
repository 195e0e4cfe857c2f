/*
 * follow.h
 *		The records of a stream, one after the other.
 */
#ifndef HOMEO_AGENT_FOLLOW_H
#define HOMEO_AGENT_FOLLOW_H

#include "agent/stream.h"

/* A line, and so a record, is cut here. */
#define AGENT_RECORD_LIMIT	((size_t) 1024 * 1024)

/* A record of several lines is complete when nothing came for so long. */
#define AGENT_QUIET			INT64_C(1000000)	/* microseconds */

typedef struct HomeoRecord
{
	int64_t		offset;			/* of its first byte */
	HomeoSpan text;				/* valid until it is passed */
	bool		cut;			/* some of it was thrown away */
	size_t		used;			/* bytes of the buffer */
	int64_t		length;			/* bytes of the stream */
} HomeoRecord;

/*
 * The next record, if it is there.  at_end: what is there is all there is,
 * also if it was written a moment ago.  The record comes again until
 * agent_follow_pass() says that it was used.
 */
extern bool agent_follow_record(HomeoStream *stream, bool at_end,
								HomeoRecord *record);
extern void agent_follow_pass(HomeoStream *stream, const HomeoRecord *record);

#endif							/* HOMEO_AGENT_FOLLOW_H */
