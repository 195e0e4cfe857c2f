/*
 * memory.c
 *		A worker's share of homeostasis.memory_limit, and what it uses of it.
 *
 * PostgreSQL does not say when a context grows, so the code that makes
 * something large calls homeo_memory_note() while it is there; in processes
 * that are no workers of ours that does nothing.  What libraries allocate,
 * compiled patterns for example, is in no context and not seen here.
 *
 * All state is this process's.
 */
#include "postgres.h"

#include "base/memory.h"

#include "base/guc.h"
#include "base/worker.h"
#include "utils/memutils.h"

static int64 peak = 0;

/* The ingest workers and the healer have an equal share. */
int64
homeo_memory_share(void)
{
	return (int64) homeo_guc_memory_limit * 1024 /
		(homeo_guc_ingest_workers + 1);
}

int64
homeo_memory_used(void)
{
	return (int64) MemoryContextMemAllocated(TopMemoryContext, true);
}

void
homeo_memory_begin(void)
{
	peak = homeo_memory_used();
}

void
homeo_memory_note(void)
{
	if (homeo_worker_is_mine())
	{
		int64		used = homeo_memory_used();

		peak = Max(peak, used);
	}
}

int64
homeo_memory_peak(void)
{
	return peak;
}
