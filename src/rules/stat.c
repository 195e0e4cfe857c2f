/*
 * stat.c
 *		Counters of rules in shared memory.
 *
 * homeo_stat_init() runs from _PG_init.  Slots are claimed without a lock: a
 * slot goes from free to claimed by compare-and-swap, its owner writes the
 * key and then sets ready, and from then on the key doesn't change.  Slots
 * are not given back before the server restarts; when all are taken, rules
 * that come later aren't counted.
 */
#include "postgres.h"

#include "rules/stat.h"

#include "base/guc.h"
#include "base/shmem.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"

/* Longest id that homeostasis.rules accepts. */
#define RULE_ID_BYTES	128

typedef enum SlotState
{
	SLOT_FREE,
	SLOT_CLAIMED,
	SLOT_READY
}			SlotState;

typedef struct StatSlot
{
	pg_atomic_uint32 state;		/* SlotState */
	Oid			database;
	char		rule_id[RULE_ID_BYTES + 1];
	HomeoRuleCounters counters;
} StatSlot;

static StatSlot *slots = NULL;

static Size
stat_size(void)
{
	return mul_size(homeo_guc_stat_rules_max, sizeof(StatSlot));
}

static void
stat_attach(void *memory, Size size, bool found)
{
	slots = memory;
	if (found)
		return;
	for (int i = 0; i < homeo_guc_stat_rules_max; i++)
	{
		HomeoRuleCounters *counters = &slots[i].counters;

		pg_atomic_init_u32(&slots[i].state, SLOT_FREE);
		pg_atomic_init_u64(&counters->candidates, 0);
		pg_atomic_init_u64(&counters->trials, 0);
		pg_atomic_init_u64(&counters->wins, 0);
		pg_atomic_init_u64(&counters->limit_hits, 0);
		pg_atomic_init_u64(&counters->hits_before, 0);
		pg_atomic_init_u64(&counters->hour_began, 0);
		pg_atomic_init_u64(&counters->nanoseconds, 0);
	}
}

void
homeo_stat_init(void)
{
	static const HomeoShmemPiece piece = {
		"homeostasis stat_rules", stat_size, stat_attach
	};

	homeo_shmem_register(&piece);
}

static bool
holds(const StatSlot *slot, const char *rule_id)
{
	return slot->database == MyDatabaseId &&
		strcmp(slot->rule_id, rule_id) == 0;
}

/*
 * The counters of the rule in this database; NULL when the library wasn't
 * preloaded or the table is full.
 *
 * Two processes may claim slots for the same rule at once, each not seeing
 * the other's key yet; homeo_stat_each() then gives both, and readers add
 * them up.
 */
HomeoRuleCounters *
homeo_stat_find(const char *rule_id)
{
	uint32		hash = hash_bytes((const unsigned char *) rule_id,
								  (int) strlen(rule_id));

	if (slots == NULL || strlen(rule_id) > RULE_ID_BYTES)
		return NULL;
	for (int i = 0; i < homeo_guc_stat_rules_max; i++)
	{
		StatSlot   *slot = &slots[(hash + i) % homeo_guc_stat_rules_max];
		uint32		state = SLOT_FREE;

		if (pg_atomic_compare_exchange_u32(&slot->state, &state,
										   SLOT_CLAIMED))
		{
			slot->database = MyDatabaseId;
			strlcpy(slot->rule_id, rule_id, sizeof(slot->rule_id));
			pg_write_barrier();
			pg_atomic_write_u32(&slot->state, SLOT_READY);
			return &slot->counters;
		}
		pg_read_barrier();
		if (state == SLOT_READY && holds(slot, rule_id))
			return &slot->counters;
	}
	return NULL;
}

/*
 * How often the rule ran into a limit within the hour that began when it was
 * last seen here with fewer hits than most.  Returns 0 for fewer than most;
 * otherwise the hour begins anew.  Two callers at once may both get the hits.
 */
uint64
homeo_stat_take_hits(HomeoRuleCounters *counters, uint64 most, TimestampTz now)
{
	uint64		all = pg_atomic_read_u64(&counters->limit_hits);
	uint64		hits = all - pg_atomic_read_u64(&counters->hits_before);
	TimestampTz began = (TimestampTz) pg_atomic_read_u64(&counters->hour_began);

	if (hits < most && began != 0 && now >= began &&
		now - began < USECS_PER_HOUR)
		return 0;
	pg_atomic_write_u64(&counters->hits_before, all);
	pg_atomic_write_u64(&counters->hour_began, (uint64) now);
	return hits < most ? 0 : hits;
}

/* Visits the counters of this database's rules, deleted ones included. */
void
homeo_stat_each(HomeoStatVisit visit, void *arg)
{
	if (slots == NULL)
		return;
	for (int i = 0; i < homeo_guc_stat_rules_max; i++)
	{
		if (pg_atomic_read_u32(&slots[i].state) != SLOT_READY)
			continue;
		pg_read_barrier();
		if (slots[i].database == MyDatabaseId)
			visit(slots[i].rule_id, &slots[i].counters, arg);
	}
}
