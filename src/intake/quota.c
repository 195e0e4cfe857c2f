/*
 * quota.c
 *		How many events of a service were stored whole in a minute.
 *
 * All ingest workers, and all sessions that call ingest(), share one count of
 * each service: a quota is what a person reckons disk space by, and that must
 * not depend on how many processes store, nor on which of them has which
 * issues.  Whoever comes first has it.  The minute is that of receipt, which
 * the server knows: the time of an event is its reporter's, who could give
 * each another minute.
 *
 * Called by flood.c; not by the log hook.
 *
 * Locks: one lock guards the table, and is held for the look at a few entries.
 * What a transaction took is not given back when it fails: then more is only
 * counted than had to be.
 *
 * Memory: a table of fixed size, in shared memory, or in this process if the
 * library is not preloaded.  Of the entries among which one would be, the
 * oldest gives way, and what it had counted is forgotten.
 */
#include "postgres.h"

#include "intake/quota.h"

#include "base/shmem.h"
#include "common/hashfn.h"
#include "storage/lwlock.h"
#include "utils/memutils.h"

#define ENTRIES		4096
#define PLACES		16			/* where an entry may be */

typedef struct HomeoQuotaEntry
{
	int64		service_id;		/* 0: unused */
	TimestampTz minute;
	int			taken;
} HomeoQuotaEntry;

typedef struct HomeoQuotas
{
	LWLock		lock;
	HomeoQuotaEntry entry[ENTRIES];
} HomeoQuotas;

static HomeoQuotas *quotas = NULL;

static Size
shmem_size(void)
{
	return sizeof(HomeoQuotas);
}

static void
shmem_attach(void *memory, Size size, bool found)
{
	static int	tranche = 0;

	quotas = memory;
	if (found)
		return;
	memset(quotas, 0, sizeof(*quotas));
	if (tranche == 0)
	{
		tranche = LWLockNewTrancheId();
		LWLockRegisterTranche(tranche, "HomeostasisQuotas");
	}
	LWLockInitialize(&quotas->lock, tranche);
}

/* Called from _PG_init. */
void
homeo_quota_init(void)
{
	static const HomeoShmemPiece piece = {
		.name = "homeostasis quotas",
		.size = shmem_size,
		.init = shmem_attach
	};

	homeo_shmem_register(&piece);
}

/* The entry of a service and minute, made if there is none. */
static HomeoQuotaEntry *
find_entry(int64 service_id, TimestampTz minute)
{
	int64		key[2] = {service_id, minute};
	uint32		hash = hash_bytes((const unsigned char *) key, sizeof(key));
	HomeoQuotaEntry *oldest = NULL;

	for (uint32 i = 0; i < PLACES; i++)
	{
		HomeoQuotaEntry *entry = &quotas->entry[(hash + i) % ENTRIES];

		if (entry->service_id == service_id && entry->minute == minute)
			return entry;
		if (oldest == NULL || entry->service_id == 0 ||
			(oldest->service_id != 0 && entry->minute < oldest->minute))
			oldest = entry;
	}
	oldest->service_id = service_id;
	oldest->minute = minute;
	oldest->taken = 0;
	return oldest;
}

bool
homeo_quota_take(int64 service_id, TimestampTz minute, int quota)
{
	bool		shared = homeo_shmem_ready();
	HomeoQuotaEntry *entry;
	bool		may;

	if (quotas == NULL)
		quotas = MemoryContextAllocZero(TopMemoryContext, sizeof(HomeoQuotas));
	if (shared)
		LWLockAcquire(&quotas->lock, LW_EXCLUSIVE);
	entry = find_entry(service_id, minute);
	may = entry->taken < quota;
	if (may)
		entry->taken++;
	if (shared)
		LWLockRelease(&quotas->lock);
	return may;
}
