/*
 * stat.h
 *		How often each rule was considered, asked, and right.
 */
#ifndef HOMEO_STAT_H
#define HOMEO_STAT_H

#include "port/atomics.h"
#include "utils/timestamp.h"

/* In shared memory; counted up by any process without a lock. */
typedef struct HomeoRuleCounters
{
	pg_atomic_uint64 candidates;
	pg_atomic_uint64 trials;
	pg_atomic_uint64 wins;
	pg_atomic_uint64 limit_hits;
	pg_atomic_uint64 hits_before;	/* limit_hits when the hour began */
	pg_atomic_uint64 hour_began;	/* TimestampTz; 0: never */
	pg_atomic_uint64 nanoseconds;	/* spent on trials */
} HomeoRuleCounters;

typedef void (*HomeoStatVisit) (const char *rule_id,
								HomeoRuleCounters *counters, void *arg);

extern void homeo_stat_init(void);
extern HomeoRuleCounters *homeo_stat_find(const char *rule_id);
extern uint64 homeo_stat_take_hits(HomeoRuleCounters *counters, uint64 most,
								   TimestampTz now);
extern void homeo_stat_each(HomeoStatVisit visit, void *arg);

#endif							/* HOMEO_STAT_H */
