/*
 * store_rows.c
 *		Writes prepared events into the tables, all of them or none.
 *
 * Called by store.c, inside a subtransaction that it rolls back on an error.
 *
 * One statement a table, whatever the number of events: the events go into
 * tuplestores that the statements see as relations homeo_*.
 *
 * Locks.  Several writers, of which some are transactions of users that stay
 * open, work on the same rows.  They all take them in the order in which the
 * functions below run, and within a table in the order of its key:
 * services, partitions, late_event_ids (of what is only counted), stacks,
 * errors, late_event_ids (of what is old), issue_fingerprints, issue_counts,
 * issues, and the audit log.  merge() and split() lock issue_fingerprints as a table
 * against the ROW EXCLUSIVE lock that issue_of.c takes until the end of the
 * transaction, so a fingerprint's issue can't change under us.
 *
 * Memory: CurrentMemoryContext, which lives as long as the batch.
 */
#include "postgres.h"

#include "intake/store_rows.h"

#include "executor/spi.h"
#include "intake/flood.h"
#include "intake/issue_limit.h"
#include "intake/partition.h"
#include "intake/retry.h"
#include "intake/store_counted.h"
#include "intake/store_errors.h"
#include "intake/store_issues.h"
#include "intake/store_services.h"
#include "intake/store_stacks.h"
#include "utils/timestamp.h"

/* Nothing is known about it yet, or any more. */
static void
begin(HomeoRow *row)
{
	row->stored = false;
	row->limit = HOMEO_LIMIT_NONE;
	row->occurrences = Max(row->prepared.event->occurrences, 1);
	row->carrier = NULL;
	row->into = NULL;
	row->refusal = NULL;
}

/* Leaves out rows with the key of the one before; returns how many remain. */
static int
drop_repeated(HomeoRow **rows, int nrows)
{
	int			n = 0;

	for (int i = 0; i < nrows; i++)
	{
		if (n == 0 || homeo_row_compare_key(&rows[n - 1], &rows[i]) != 0)
			rows[n++] = rows[i];
		else
			rows[i]->occurrences = 0;
	}
	return n;
}

/*
 * Makes the partitions of rows, and leaves out those that are there already:
 * before any is only counted, or it would be counted twice.  Returns how many
 * remain, in the order of issues.
 */
static int
drop_known(HomeoRow **rows, int nrows)
{
	qsort(rows, nrows, sizeof(*rows), homeo_row_compare_group);
	for (int i = 0; i < nrows; i++)
	{
		TimestampTz timestamp = rows[i]->prepared.event->timestamp;

		if (i == 0 || timestamp / USECS_PER_DAY !=
			rows[i - 1]->prepared.event->timestamp / USECS_PER_DAY)
			homeo_partition_ensure(timestamp);
	}
	nrows = drop_repeated(rows, nrows);
	if (homeo_retry_drop(rows, &nrows))
		qsort(rows, nrows, sizeof(*rows), homeo_row_compare_group);
	return nrows;
}

/*
 * Writes rows, and adds those that are only counted to what is there.  rows
 * becomes what counts for issues; returns how many these are.
 */
static int
store_whole(HomeoRow **rows, int nrows, HomeoRow **counted, int ncounted)
{
	HomeoRow  **rest = palloc(sizeof(*rows) * (nrows + ncounted));
	int			nrest = 0;
	int			n = 0;

	for (int i = 0; i < nrows; i++)
		homeo_prepare_texts(&rows[i]->prepared);
	qsort(rows, nrows, sizeof(*rows), homeo_row_compare_key);
	/* Those that differ in their messages only are still there. */
	for (int i = 0; i < nrows; i++)
	{
		if (n > 0 && homeo_row_compare_key(&rows[n - 1], &rows[i]) == 0)
			rest[nrest++] = rows[i];
		else
			rows[n++] = rows[i];
	}
	nrows = n;
	homeo_store_stacks(rows, nrows);
	homeo_store_errors(rows, nrows);
	homeo_retry_remember(rows, nrows);

	n = 0;
	for (int i = 0; i < nrows; i++)
	{
		if (rows[i]->stored)
			rows[n++] = rows[i];
		else
			rest[nrest++] = rows[i];
	}
	for (int i = 0; i < ncounted; i++)
	{
		if (counted[i]->into != NULL)
			rest[nrest++] = counted[i];
	}
	nrest = homeo_store_counted_add(rest, nrest);
	for (int i = 0; i < nrest; i++)
		rows[n++] = rest[i];
	return n;
}

void
homeo_store_rows(HomeoRow **rows, int nrows,
				 HomeoTurnedIssue **turned, int *nturned)
{
	MemoryContext caller = CurrentMemoryContext;
	HomeoRow  **sorted = palloc(sizeof(*rows) * nrows);
	HomeoRow  **counted = palloc(sizeof(*rows) * nrows);
	int			nkept = 0;
	int			nstored = 0;
	int			ncounted = 0;

	*turned = palloc(sizeof(HomeoTurnedIssue) * nrows);
	*nturned = 0;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	MemoryContextSwitchTo(caller);

	for (int i = 0; i < nrows; i++)
		begin(rows[i]);
	homeo_store_services(rows, nrows);
	homeo_issue_limit_apply(rows, nrows);
	for (int i = 0; i < nrows; i++)
	{
		if (rows[i]->refusal == NULL)
			sorted[nkept++] = rows[i];
	}
	nkept = drop_known(sorted, nkept);
	nkept = homeo_flood_thin(sorted, nkept, counted, &ncounted);
	nkept = homeo_store_counted_fold(sorted, nkept, counted, &ncounted);
	homeo_store_counted_remember(counted, ncounted);
	nstored = store_whole(sorted, nkept, counted, ncounted);
	if (nstored > 0)
		*nturned = homeo_store_issues(sorted, nstored, *turned);
	homeo_store_counted_note(counted, ncounted);

	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "could not disconnect from SPI");
}
