/*
 * pattern.h
 *		One distinct pattern of the rules, and what reading it tells.
 */
#ifndef HOMEO_PATTERN_H
#define HOMEO_PATTERN_H

#include "base/slice.h"
#include "lib/ilist.h"
#include "rules/syntax.h"

/* Longer patterns are refused when a rule is written. */
#define HOMEO_PATTERN_MAX_BYTES		8192

struct HomeoPrefilterChunk;
struct pcre2_real_code_8;

/*
 * Patterns live in a table of their own, one object for each distinct text,
 * so that a change of some rules leaves what was compiled for the others.
 * generation tells which the current rules use; the rest is swept.
 */
typedef struct HomeoPattern
{
	HomeoSlice text;			/* UTF-8, with a terminator */
	uint32		generation;		/* of the last ruleset that uses it */

	HomeoSyntax syntax;			/* what reading it told */

	/* regex.c's: NULL while it isn't in the cache of compiled patterns. */
	struct pcre2_real_code_8 *code;
	dlist_node	lru;

	/* prefilter.c's: NULL when no scan reports it. */
	struct HomeoPrefilterChunk *chunk;
	bool		unfiltered;		/* Vectorscan can't take it */

	/* ruleset.c's: ranks of the rules that the scan finds by this. */
	int		   *rules;
	int			nrules;
} HomeoPattern;

typedef void (*HomeoPatternVisit) (HomeoPattern *pattern, void *arg);

extern HomeoPattern *homeo_pattern_intern(HomeoSlice source, uint32 generation);
extern void homeo_pattern_each(HomeoPatternVisit visit, void *arg);
extern void homeo_pattern_sweep(uint32 generation);
extern MemoryContext homeo_pattern_context(void);

#endif							/* HOMEO_PATTERN_H */
