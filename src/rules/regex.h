/*
 * regex.h
 *		PCRE2: compiles patterns when they are needed, and has the last word
 *		on what matches.
 */
#ifndef HOMEO_REGEX_H
#define HOMEO_REGEX_H

#include "base/slice.h"

typedef enum HomeoRegexOutcome
{
	HOMEO_REGEX_MATCHES,
	HOMEO_REGEX_DIFFERS,
	HOMEO_REGEX_LIMIT			/* took too long, or too much memory */
} HomeoRegexOutcome;

/* A pattern, UTF-8 that PCRE2 has accepted, and what is known of it. */
typedef struct HomeoRegexSource
{
	HomeoSlice text;
	const uint8 *key;			/* 16 bytes: a hash of what is above and below */
	bool		starts_at_offset;	/* see HomeoSyntax */
	bool		multiline;		/* ^ and $ are the ends of lines */
} HomeoRegexSource;

/* Why a pattern is not one. */
typedef struct HomeoRegexProblem
{
	int			offset;			/* characters from the start of the pattern */
	char		message[256];	/* PCRE2's */
} HomeoRegexProblem;

/* A named group that took part in a match. */
typedef void (*HomeoRegexCapture) (HomeoSlice name, HomeoSlice value,
								   void *arg);

/*
 * True when PCRE2 accepts the pattern, which is UTF-8; otherwise says why not.
 * Raises an error only when there is no memory.
 */
extern bool homeo_regex_check(HomeoSlice source, HomeoRegexProblem *problem);

/*
 * Whether the pattern matches the subject, valid UTF-8.  Never raises an error
 * because of the pattern or the subject.
 */
extern HomeoRegexOutcome homeo_regex_match(const HomeoRegexSource *source,
										   HomeoSlice subject);

/*
 * Gives the named groups of the match that homeo_regex_match() found last,
 * which must have been in this subject.  A group that took no part in it
 * isn't given.
 */
extern void homeo_regex_captures(HomeoSlice subject, HomeoRegexCapture capture,
								 void *arg);

/* Empties the cache of compiled patterns. */
extern void homeo_regex_forget_all(void);

#endif							/* HOMEO_REGEX_H */
