/*
 * stacktrace.h
 *		Turns stack traces, as text or as lines, into frames.
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

/* Errors of one text that are told apart; those of the least rank are cut. */
#define HOMEO_STACK_ERRORS	16

/* Languages and one more. */
#define HOMEO_STACK_LANGUAGES	17

/* What stands for no error and no frame. */
#define HOMEO_STACK_NONE	UINT32_MAX

/* What the line did not say is absent (slices) or 0 (numbers). */
typedef struct HomeoFrame
{
	HomeoSlice	function;
	HomeoSlice	file;
	HomeoSlice	module;			/* class, package, library, or database object */
	uint32_t	line;			/* from 1; a statement of a SQL function */
	uint32_t	column;			/* from 1 */
	uint32_t	error;			/* whose it is: a number of errors[] */
	bool		in_app;			/* the application's own, not a library's */
} HomeoFrame;

/*
 * How an error came into the text.  A chain is an error with its causes,
 * what it caused, and the others here but ALONE and ASIDE, which begin one.
 */
typedef enum HomeoStackRelation
{
	HOMEO_STACK_UNRELATED,		/* none; no error has it */
	HOMEO_STACK_ALONE,			/* the first, or independent of others */
	HOMEO_STACK_CAUSE,			/* the cause of another, named after it */
	HOMEO_STACK_EFFECT,			/* another was its cause, named before it */
	HOMEO_STACK_MEMBER,			/* one of a group's errors */
	HOMEO_STACK_SUPPRESSED,		/* another one that was on its way, too */
	HOMEO_STACK_ASIDE			/* no error: another thread's stack, or where
								 * the memory came from */
} HomeoStackRelation;

typedef struct HomeoStackError
{
	HomeoStackRelation relation;
	uint32_t	of;				/* that other one, or HOMEO_STACK_NONE */
	uint32_t	chain;			/* the same for errors of one chain */
	HomeoSlice	head;			/* the line with type and message, or absent */

	/*
	 * Where it is in the text: bytes of all that add() was given.  The range
	 * of a cause that is told in the middle of another is inside of that's.
	 */
	size_t		begin;
	size_t		end;

	size_t		first;			/* its frames: frames[first] is the innermost */
	size_t		nframes;
	size_t		ncut;			/* frames left out, the outermost ones */
} HomeoStackError;

struct HomeoStackLanguage;

/* An error while the text is read; the parser's own. */
typedef struct HomeoStackOpen
{
	HomeoStackError error;
	uint32_t	depth;
	uint32_t	serial;			/* errors begun before it */
	uint32_t	outermost;		/* ends of the list of its frames */
	uint32_t	innermost;
	int			order;			/* of its frames, while it is pending */
	bool		innermost_last;
	bool		provisional;	/* the frame it has makes room for others */
} HomeoStackOpen;

/* The caller reads the results, and nothing else. */
typedef struct HomeoStackParser
{
	/* Results of end(). */
	size_t		nframes;		/* frames in the array */
	size_t		ncut;			/* frames left out */
	size_t		nerrors;		/* entries of errors[] */
	size_t		nerrors_cut;	/* errors that have none */

	/* The parser's own. */
	const struct HomeoStackLanguage *given;
	uint32_t	given_number;
	const struct HomeoStackLanguage *language;
	unsigned char *state;		/* its reader's, of states[] */
	int			strength;		/* how sure it is of that */
	bool		dropping;		/* frames are those of an error that was cut */
	bool		after_frame;
	uint32_t	current;		/* the error that frames go to */
	HomeoStackOpen pending;		/* begun, if it has a relation */
	HomeoSlice	previous;
	size_t		offset;			/* bytes given before */
	HomeoFrame *frames;
	uint32_t	maxframes;
	uint32_t	used;			/* places that were ever taken */
	uint32_t	free;			/* list of those that are free again */
	uint32_t	last;			/* place of the last frame */
	bool		completes;		/* that may have its file on the next line */
	uint32_t	nopen;
	uint32_t	serial;
	uint32_t	chains;
	size_t		found;
	unsigned char states[HOMEO_STACK_LANGUAGES];
	uint32_t	order[HOMEO_STACK_ERRORS];	/* of open[], by rank */
	HomeoStackOpen open[HOMEO_STACK_ERRORS];

	/*
	 * The first has the root cause: errors[0] is what frames[0] is about.
	 */
	HomeoStackError errors[HOMEO_STACK_ERRORS];
} HomeoStackParser;

/*
 * begin, add once or more, end.  language is a name such as "python" or
 * "postgresql" in any case; it is believed as long as the text is not in
 * another one's form.  With another name, or none, the text decides: a line
 * in a form that only one language has beats one in a form that several
 * share, and what was taken for frames before that is dropped.  All errors of
 * a text are in one language.
 *
 * After end() the frames are in the order of the errors, and of each error
 * the innermost comes first, whatever the order of the language.  Of a chain
 * the root cause comes first, then what it caused, then what was suppressed;
 * then the next chain, in the order of the text, and last the stacks of other
 * threads.  Which error is the root is told in stacktrace.c.  When there are
 * more than maxframes, those are cut that would come last.
 *
 * Each piece given to add is one line or several, and is never joined with
 * the next.  Linear in the bytes given.
 */
extern void homeo_stacktrace_begin(HomeoStackParser *parser,
								   HomeoSlice language,
								   HomeoFrame *frames, size_t maxframes);
extern void homeo_stacktrace_add(HomeoStackParser *parser, HomeoSlice text);
extern void homeo_stacktrace_end(HomeoStackParser *parser);

/* The language that was found, such as "python"; NULL: none for sure. */
extern const char *homeo_stacktrace_language(const HomeoStackParser *parser);

/*
 * The same for a trace in one piece, of which only the first chain is wanted:
 * one problem.  Returns the number of frames in the array; *ncut gets the
 * number of the chain's frames left out.
 */
extern size_t homeo_stacktrace_parse(HomeoSlice language, HomeoSlice text,
									 HomeoFrame *frames, size_t maxframes,
									 size_t *ncut);

#endif							/* HOMEO_STACKTRACE_H */
