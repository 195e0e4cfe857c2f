/*
 * stacktrace.h
 *		Turns a stack trace, as text or as lines, into frames.
 *
 * Needs nothing from the server and allocates nothing: frames go into an
 * array of the caller's, and what they hold are slices of the text, which
 * must live as long as they are used.
 */
#ifndef HOMEO_STACKTRACE_H
#define HOMEO_STACKTRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

/* What the line did not say is absent (slices) or 0 (numbers). */
typedef struct HomeoFrame
{
	HomeoSlice	function;
	HomeoSlice	file;
	HomeoSlice	module;			/* class, package, or database object */
	uint32_t	line;			/* from 1; a statement of a SQL function */
	uint32_t	column;			/* from 1 */
	bool		in_app;			/* the application's own, not a library's */
} HomeoFrame;

struct HomeoStackLanguage;

/* The caller reads the two results, and nothing else. */
typedef struct HomeoStackParser
{
	const struct HomeoStackLanguage *language;
	bool		native_seen;	/* language has recognised a line */
	bool		function_only;	/* the last line may be completed */
	HomeoFrame *frames;
	size_t		maxframes;
	size_t		found;			/* frames recognised, cut ones included */
	size_t		nframes;		/* result of end(): frames in the array */
	size_t		ncut;			/* result of end(): frames left out */
} HomeoStackParser;

/*
 * begin, add once or more, end.  language is a name such as "python" or
 * "postgresql" in any case; with another one, or none, the form of the first
 * line that is recognised decides.  After end() frames[0] is the innermost
 * frame, whatever the order of the language; the outermost ones are cut when
 * there are more than maxframes.  Each piece given to add is one line or
 * several, and is never joined with the next.  Linear in the bytes given.
 */
extern void homeo_stacktrace_begin(HomeoStackParser *parser,
								   HomeoSlice language,
								   HomeoFrame *frames, size_t maxframes);
extern void homeo_stacktrace_add(HomeoStackParser *parser, HomeoSlice text);
extern void homeo_stacktrace_end(HomeoStackParser *parser);

/*
 * The same for a trace in one piece.  Returns the number of frames in the
 * array; *ncut gets the number left out.
 */
extern size_t homeo_stacktrace_parse(HomeoSlice language, HomeoSlice text,
									 HomeoFrame *frames, size_t maxframes,
									 size_t *ncut);

#endif							/* HOMEO_STACKTRACE_H */
