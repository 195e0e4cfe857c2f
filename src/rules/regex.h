/*
 * regex.h
 *		PCRE2: compiles patterns when they are needed, and has the last word
 *		on what matches.
 */
#ifndef HOMEO_REGEX_H
#define HOMEO_REGEX_H

#include "base/slice.h"
#include "rules/pattern.h"

typedef enum HomeoRegexOutcome
{
	HOMEO_REGEX_MATCHES,
	HOMEO_REGEX_DIFFERS,
	HOMEO_REGEX_LIMIT			/* took too long, or too much memory */
} HomeoRegexOutcome;

/* Why a pattern is not one. */
typedef struct HomeoRegexProblem
{
	int			offset;			/* characters from the start of the pattern */
	char		message[256];	/* PCRE2's */
} HomeoRegexProblem;

/* A named group that took part in a match. */
typedef void (*HomeoRegexCapture) (HomeoSlice name, HomeoSlice value,
								   void *arg);

extern bool homeo_regex_check(HomeoSlice source, HomeoRegexProblem *problem);
extern HomeoRegexOutcome homeo_regex_match(HomeoPattern *pattern,
										   HomeoSlice subject);
extern void homeo_regex_captures(const HomeoPattern *pattern,
								 HomeoSlice subject,
								 HomeoRegexCapture capture, void *arg);
extern void homeo_regex_forget(HomeoPattern *pattern);
extern void homeo_regex_forget_all(void);

#endif							/* HOMEO_REGEX_H */
