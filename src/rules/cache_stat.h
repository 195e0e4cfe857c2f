/*
 * cache_stat.h
 *		How well the caches of the rule engine do.
 */
#ifndef HOMEO_CACHE_STAT_H
#define HOMEO_CACHE_STAT_H

#include "port/atomics.h"

typedef enum HomeoCache
{
	HOMEO_CACHE_MATCH_LOCAL,	/* outcomes, of each process */
	HOMEO_CACHE_MATCH_SHARED,	/* outcomes, of all */
	HOMEO_CACHE_PATTERNS,		/* compiled patterns, of each process */
	HOMEO_CACHE_COUNT
} HomeoCache;

typedef enum HomeoCacheEvent
{
	HOMEO_CACHE_HIT,
	HOMEO_CACHE_MISS,
	HOMEO_CACHE_EVICTION,		/* something made room */
	HOMEO_CACHE_REFUSAL,		/* it was not kept: too long, or no time */
	HOMEO_CACHE_ENTRIES,		/* there now */
	HOMEO_CACHE_BYTES,			/* there now */
	HOMEO_CACHE_NUMBERS
} HomeoCacheEvent;

extern void homeo_cache_stat_init(void);
extern void homeo_cache_stat_count(HomeoCache cache, HomeoCacheEvent event);

/*
 * Adds so much, or takes away with less than 0, to what is there now.  What a
 * process has added for a cache of its own is taken away when it ends.
 */
extern void homeo_cache_stat_hold(HomeoCache cache, int64 entries,
								  int64 bytes);

/*
 * The sums of all processes since the server started; of this process alone
 * when the library wasn't preloaded.
 */
extern void homeo_cache_stat_sum(HomeoCache cache,
								 int64 numbers[HOMEO_CACHE_NUMBERS]);

#endif							/* HOMEO_CACHE_STAT_H */
