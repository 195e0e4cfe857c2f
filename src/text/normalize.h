/*
 * normalize.h
 *		Replaces what varies between two occurrences of the same problem.
 *
 * Needs nothing from the server.  Pure: no state, no allocation; the caller
 * owns both buffers, which must not overlap.
 */
#ifndef HOMEO_NORMALIZE_H
#define HOMEO_NORMALIZE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * PostgreSQL puts both names and values between double quotes.  A name says
 * which problem it is; a value only that it happened again.
 */
typedef enum HomeoNormalizeMode
{
	HOMEO_NORMALIZE_ALL,		/* every quoted text is a value */
	HOMEO_NORMALIZE_KEEP_IDENTIFIERS,	/* double-quoted texts stay as they
										 * are */
	HOMEO_NORMALIZE_LOG			/* quotes are punctuation; what follows the
								 * first digit of a word varies: blk_<n> */
} HomeoNormalizeMode;

/*
 * Writes text with placeholders to out and returns the number of bytes
 * written, at most outcap: the result is cut there, at the start of a UTF-8
 * character.  No terminator is written.  Placeholders: <email>, <url>, <ip>,
 * <host>, <uuid>, <hex>, <date>, <duration>, <size>, <n>, <path>, '<value>',
 * "<value>".  Equal placeholders in a row, separated by a comma or a blank,
 * become one: how long a list is doesn't say which problem it is.  Runs of
 * white space and control characters become one blank, trimmed.
 * Takes time linear in len.
 */
extern size_t homeo_normalize(const char *text, size_t len,
							  HomeoNormalizeMode mode,
							  char *out, size_t outcap);

/*
 * What is between double quotes in the messages of this SQLSTATE: names or
 * values?  sqlstate has five characters, or is NULL or anything else for an
 * error that isn't PostgreSQL's, whose quoted texts are values.
 */
extern HomeoNormalizeMode homeo_normalize_mode_for_sqlstate(const char *sqlstate);

#endif							/* HOMEO_NORMALIZE_H */
