/*
 * multiline.h
 *		Which lines of a text belong together: a message and its stack trace.
 */
#ifndef HOMEO_AGENT_MULTILINE_H
#define HOMEO_AGENT_MULTILINE_H

#include <stdint.h>

#include "agent/level.h"
#include "agent/span.h"
#include "agent/timestamp.h"

typedef enum HomeoTrace
{
	HOMEO_TRACE_NONE,
	HOMEO_TRACE_PYTHON,			/* between "Traceback" and the exception */
	HOMEO_TRACE_GO,				/* behind "panic:" or "goroutine" */
	HOMEO_TRACE_OTHER
} HomeoTrace;

/* What is known of a record, of which some lines were seen. */
typedef struct HomeoMultiline
{
	bool		timed;			/* its first line begins with a time */
	bool		blank;			/* its last line is empty */
	bool		chained;		/* another traceback may follow */
	HomeoLevel	level;			/* of the first line */
	HomeoTrace	trace;
	int			lines;
} HomeoMultiline;

extern void agent_multiline_begin(HomeoMultiline *record, HomeoSpan line);

/* Does the next line belong to the record?  If so, it is taken in. */
extern bool agent_multiline_take(HomeoMultiline *record, HomeoSpan line);

/* What both this and the format of texts ask about a line. */

/*
 * Bytes of a time, with what is around it, at the beginning of the line; 0:
 * there is none.
 */
extern size_t agent_line_time(HomeoSpan line, int64_t asof,
							  HomeoTimestamp *result);

/*
 * The level that a line names among its first words, and where: *start and
 * *end get the place of the word with what is around it.
 */
extern HomeoLevel agent_line_level(HomeoSpan line, size_t *start, size_t *end);

/* The length of a type at the beginning of "java.io.IOException: closed". */
extern size_t agent_line_exception(HomeoSpan line);

/* Does a program that dies begin its last words so? */
extern bool agent_line_is_crash(HomeoSpan line);

#endif							/* HOMEO_AGENT_MULTILINE_H */
