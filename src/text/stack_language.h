/*
 * stack_language.h
 *		What the machine that reads stack traces (stacktrace.c) wants to know
 *		about a language: the table's rows, one file each, stack_*.c.
 *
 * A row has a reader, which is shown one line at a time and says what that
 * line is.  A reader must be linear in the length of the line, must not
 * remember slices, and may keep one byte from one line to the next.
 */
#ifndef HOMEO_STACK_LANGUAGE_H
#define HOMEO_STACK_LANGUAGE_H

#include "text/stacktrace.h"

/* One line, as a reader gets it. */
typedef struct HomeoStackLine
{
	HomeoSlice text;			/* not empty, without white space around it */
	HomeoSlice	previous;		/* the same of the last line that had a text */
	uint32_t	indent;			/* bytes of white space before text */
	bool		after_frame;	/* the previous line was a frame, or part of */
	bool		sure;			/* this language has been recognised */
	unsigned char *state;		/* the reader's own; 0 at the beginning */
} HomeoStackLine;

typedef enum HomeoStackKind
{
	HOMEO_STACK_NOTHING,		/* a message, a source line, a log line */
	HOMEO_STACK_FRAME,			/* in a form of this language alone */
	HOMEO_STACK_PERHAPS,		/* a frame if the language is this one */
	HOMEO_STACK_PLACE,			/* file and line of the frame before */
	HOMEO_STACK_MESSAGE,		/* type and message, behind the frames */
	HOMEO_STACK_RETURN,			/* the frames of a cause end here */
	HOMEO_STACK_PART			/* of the error, and nothing to be kept */
} HomeoStackKind;

typedef enum HomeoStackOrder
{
	HOMEO_STACK_AS_LANGUAGE,
	HOMEO_STACK_INNERMOST_FIRST,
	HOMEO_STACK_INNERMOST_LAST
} HomeoStackOrder;

/* What a reader finds; all zero before it is called. */
typedef struct HomeoStackReading
{
	HomeoFrame	frame;			/* of FRAME, PERHAPS and PLACE */

	/*
	 * An error begins with this line.  One that begins with ALONE counts only
	 * when frames follow.
	 */
	HomeoStackRelation begins;
	uint32_t	depth;			/* of that error; a cause has the same */
	HomeoStackOrder order;		/* of its frames */
	bool		provisional;	/* not counted when other frames follow */
	bool		returns;		/* the frame is of the error around the last */
	HomeoSlice	head;			/* of MESSAGE, if not all of the line */
	HomeoSlice	rest;			/* of the line, which may have more frames */
} HomeoStackReading;

typedef struct HomeoStackLanguage
{
	const char *const *names;	/* lower case, NULL at the end */
	bool		innermost_last;
	HomeoStackKind (*read) (const HomeoStackLine *line,
							HomeoStackReading *reading);

	/*
	 * What a library's module, function or file begins with, and the names of
	 * directories that libraries are in ("a/b", or "a*" for the beginning of
	 * a name).  NULL at the end, or NULL.
	 */
	const char *const *library_prefixes;
	const char *const *library_directories;

	/* What these lists cannot say; may be NULL. */
	bool		(*is_library) (const HomeoFrame *frame);
} HomeoStackLanguage;

extern const HomeoStackLanguage homeo_stack_beam;
extern const HomeoStackLanguage homeo_stack_dart;
extern const HomeoStackLanguage homeo_stack_dotnet;
extern const HomeoStackLanguage homeo_stack_go;
extern const HomeoStackLanguage homeo_stack_javascript;
extern const HomeoStackLanguage homeo_stack_jvm;
extern const HomeoStackLanguage homeo_stack_lua;
extern const HomeoStackLanguage homeo_stack_native;
extern const HomeoStackLanguage homeo_stack_perl;
extern const HomeoStackLanguage homeo_stack_php;
extern const HomeoStackLanguage homeo_stack_postgres;
extern const HomeoStackLanguage homeo_stack_python;
extern const HomeoStackLanguage homeo_stack_r;
extern const HomeoStackLanguage homeo_stack_ruby;
extern const HomeoStackLanguage homeo_stack_rust;
extern const HomeoStackLanguage homeo_stack_swift;

/* For lines that are in no language's own form. */
extern const HomeoStackLanguage homeo_stack_generic;

/*
 * The line without a log's prefix: a time, and a host, process or level
 * behind it; the name of a container.  The line itself if it has none.
 */
extern HomeoSlice homeo_stack_skip_prefix(HomeoSlice line);

/* Is the frame the application's own? */
extern bool homeo_stack_in_app(const HomeoStackLanguage *language,
							   const HomeoFrame *frame);

#endif							/* HOMEO_STACK_LANGUAGE_H */
