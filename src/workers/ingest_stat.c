/*
 * ingest_stat.c
 *		What is counted about the workers that store events, in shared memory.
 *
 * The counters are those of ring.c.  A worker writes them after its turn, and
 * anybody may read them.
 */
#include "postgres.h"

#include "workers/ingest_stat.h"

#include <math.h>

#include "base/compat.h"
#include "base/guc.h"
#include "base/shmem.h"
#include "fmgr.h"
#include "funcapi.h"
#include "intake/journal.h"
#include "intake/ring.h"
#include "utils/timestamp.h"

/*
 * What the tables are up to: where both sources have more, the older of the
 * events that were taken from them last.
 */
static TimestampTz
newest(const HomeoConsumer *c)
{
	bool		ring = homeo_ring_used(c->number) > 0;
	bool		of_journal = c->cursor.position < homeo_journal_end_of(c->number);

	if (ring && of_journal)
		return Min(c->newest_of_ring, c->newest_of_journal);
	if (ring)
		return c->newest_of_ring;
	if (of_journal)
		return c->newest_of_journal;
	return Max(c->newest_of_ring, c->newest_of_journal);
}

/*
 * A rate, in events a second, some time after it was so much: what is past
 * counts for less, by 1/e a minute.
 */
static double
faded(double rate, TimestampTz then, TimestampTz now)
{
	return rate * exp(-(double) (now - then) / USECS_PER_MINUTE);
}

void
homeo_ingest_stat_note(const HomeoConsumer *c)
{
	TimestampTz now = GetCurrentTimestamp();
	uint64		largest = homeo_ring_counter(c->number,
											 HOMEO_RING_LARGEST_BATCH);
	double		rate = faded((double) homeo_ring_counter(c->number,
														 HOMEO_RING_RATE) / 1000,
							 homeo_ring_counter(c->number,
												HOMEO_RING_LAST_STORED), now) +
	(double) c->nevents / SECS_PER_MINUTE;

	homeo_ring_count(c->number, HOMEO_RING_BATCHES, 1);
	homeo_ring_set(c->number, HOMEO_RING_LAST_BATCH, c->nevents);
	homeo_ring_set(c->number, HOMEO_RING_LARGEST_BATCH,
				   Max(largest, (uint64) c->nevents));
	homeo_ring_set(c->number, HOMEO_RING_RATE, (uint64) rint(rate * 1000));
	homeo_ring_set(c->number, HOMEO_RING_LAST_RECEIVED, newest(c));
	homeo_ring_set(c->number, HOMEO_RING_LAST_STORED, now);
}

/*
 * intake_stat() returns setof record: one row a consumer
 */
PG_FUNCTION_INFO_V1(homeo_intake_stat);

Datum
homeo_intake_stat(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	homeo_shmem_require();
	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < homeo_guc_ingest_workers; i++)
	{
		Datum		values[4 + HOMEO_RING_COUNTERS];
		bool		nulls[4 + HOMEO_RING_COUNTERS] = {0};
		uint64		backlog = homeo_journal_backlog(i);
		uint64		used = homeo_ring_used(i) + backlog;
		TimestampTz received = homeo_ring_counter(i, HOMEO_RING_LAST_RECEIVED);
		TimestampTz stored = homeo_ring_counter(i, HOMEO_RING_LAST_STORED);
		int			n = 0;

		values[n++] = Int32GetDatum(i);
		values[n++] = Int64GetDatum((int64) homeo_ring_size(i));
		values[n++] = Int64GetDatum((int64) used);
		values[n++] = Int64GetDatum((int64) backlog);
		for (int k = 0; k < HOMEO_RING_RATE; k++)
			values[n++] = Int64GetDatum((int64) homeo_ring_counter(i, k));
		values[n++] = Float8GetDatum(faded((double) homeo_ring_counter(i, HOMEO_RING_RATE) / 1000,
										   stored, GetCurrentTimestamp()));
		nulls[n] = received == 0;
		values[n++] = TimestampTzGetDatum(received);
		nulls[n] = received == 0;
		values[n++] = TimestampTzGetDatum(stored);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values,
							 nulls);
	}
	return (Datum) 0;
}
