/*
 * cache_stat.c
 *		Counters of caches in shared memory.
 *
 * homeo_cache_stat_init() runs from _PG_init.  A process counts in one of some
 * stripes, that of its pid, so that those that count all the time rarely write
 * into the same cache line; readers add the stripes up.  Nothing here locks,
 * allocates or raises.
 *
 * What is there now is counted in the same way: a process may take away in its
 * stripe what another one has added in another, and only the sum means
 * anything.
 */
#include "postgres.h"

#include "rules/cache_stat.h"

#include "base/shmem.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/shmem.h"

#define STRIPES		64

typedef struct Stripe
{
	pg_atomic_uint64 numbers[HOMEO_CACHE_COUNT][HOMEO_CACHE_NUMBERS];
	char		padding[2 * PG_CACHE_LINE_SIZE -
						sizeof(pg_atomic_uint64) * HOMEO_CACHE_COUNT *
						HOMEO_CACHE_NUMBERS];
} Stripe;

/* Of all processes, or NULL, and then the one after it counts. */
static Stripe *stripes = NULL;
static Stripe unshared;

/* What this process has added of what is there now, in caches of its own. */
static int64 held[HOMEO_CACHE_COUNT][2];

static Size
stat_size(void)
{
	return mul_size(STRIPES, sizeof(Stripe));
}

static void
stat_attach(void *memory, Size size, bool found)
{
	stripes = memory;
	if (found)
		return;
	for (int i = 0; i < STRIPES; i++)
	{
		for (int cache = 0; cache < HOMEO_CACHE_COUNT; cache++)
		{
			for (int number = 0; number < HOMEO_CACHE_NUMBERS; number++)
				pg_atomic_init_u64(&stripes[i].numbers[cache][number], 0);
		}
	}
}

void
homeo_cache_stat_init(void)
{
	static const HomeoShmemPiece piece = {
		"homeostasis stat_cache", stat_size, stat_attach
	};

	homeo_shmem_register(&piece);
}

static void
add(HomeoCache cache, HomeoCacheEvent event, int64 n)
{
	Stripe	   *mine = stripes != NULL ?
	&stripes[(uint32) MyProcPid % STRIPES] : &unshared;

	if (n != 0)
		pg_atomic_fetch_add_u64(&mine->numbers[cache][event], n);
}

void
homeo_cache_stat_count(HomeoCache cache, HomeoCacheEvent event)
{
	add(cache, event, 1);
}

static void
let_go(int code, Datum arg)
{
	for (int cache = 0; cache < HOMEO_CACHE_COUNT; cache++)
	{
		add(cache, HOMEO_CACHE_ENTRIES, -held[cache][0]);
		add(cache, HOMEO_CACHE_BYTES, -held[cache][1]);
	}
}

void
homeo_cache_stat_hold(HomeoCache cache, int64 entries, int64 bytes)
{
	static bool registered = false;

	if (!registered)
	{
		on_shmem_exit(let_go, (Datum) 0);
		registered = true;
	}
	add(cache, HOMEO_CACHE_ENTRIES, entries);
	add(cache, HOMEO_CACHE_BYTES, bytes);
	if (cache != HOMEO_CACHE_MATCH_SHARED)
	{
		held[cache][0] += entries;
		held[cache][1] += bytes;
	}
}

void
homeo_cache_stat_sum(HomeoCache cache, int64 numbers[HOMEO_CACHE_NUMBERS])
{
	const Stripe *all = stripes != NULL ? stripes : &unshared;

	memset(numbers, 0, sizeof(int64) * HOMEO_CACHE_NUMBERS);
	for (int i = 0; i < (stripes != NULL ? STRIPES : 1); i++)
	{
		for (int number = 0; number < HOMEO_CACHE_NUMBERS; number++)
			numbers[number] += (int64)
				pg_atomic_read_u64(unconstify(pg_atomic_uint64 *,
											  &all[i].numbers[cache][number]));
	}
}
