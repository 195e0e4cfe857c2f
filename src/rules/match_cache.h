/*
 * match_cache.h
 *		What matching said of late, so that it need not be asked again.
 */
#ifndef HOMEO_MATCH_CACHE_H
#define HOMEO_MATCH_CACHE_H

#include "rules/match.h"
#include "rules/match_table.h"
#include "rules/ruleset.h"
#include "utils/jsonb.h"

/* What matching says of an event. */
typedef struct HomeoMatchOutcome
{
	bool		won;			/* false: no rule matches */
	int64		revision;		/* of the winner */
	Jsonb	   *captures;		/* its captures; never NULL, if it won */
} HomeoMatchOutcome;

extern void homeo_match_cache_init(void);

/*
 * The key of an event that is matched with these rules and the settings of
 * now; false when nothing is cached.
 */
extern bool homeo_match_cache_key(const HomeoRuleset *ruleset,
								  const HomeoMatchInput *input,
								  HomeoMatchKey *key);

/*
 * What matching said of the event, with captures in CurrentMemoryContext;
 * false, counted as a miss, when that isn't known.
 */
extern bool homeo_match_cache_find(const HomeoMatchKey *key,
								   HomeoMatchOutcome *outcome);

/* Keeps an outcome that no limit has any part in, if it isn't too long. */
extern void homeo_match_cache_store(const HomeoMatchKey *key,
									const HomeoMatchOutcome *outcome);

/* Which cache would answer for the key: its name, or NULL.  Counts nothing. */
extern const char *homeo_match_cache_level(const HomeoMatchKey *key);

/* Bytes and outcomes that one level has room for: that of one process, or of all. */
extern Size homeo_match_cache_room(bool of_process, int64 *entries);

#endif							/* HOMEO_MATCH_CACHE_H */
