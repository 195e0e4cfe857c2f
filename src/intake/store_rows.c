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
 * services, partitions, stacks, errors, late_event_ids, issue_fingerprints, issue_counts,
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
#include "intake/store_errors.h"
#include "intake/store_issues.h"
#include "intake/store_services.h"
#include "intake/store_stacks.h"
#include "utils/timestamp.h"

/* Leaves out rows with the key of the one before; returns how many remain. */
static int
drop_repeated(HomeoRow **rows, int nrows)
{
	int			n = 0;

	for (int i = 0; i < nrows; i++)
	{
		if (n == 0 || homeo_row_compare_key(&rows[n - 1], &rows[i]) != 0)
			rows[n++] = rows[i];
	}
	return n;
}

void
homeo_store_rows(HomeoRow **rows, int nrows,
				 HomeoTurnedIssue **turned, int *nturned)
{
	MemoryContext caller = CurrentMemoryContext;
	HomeoRow  **sorted = palloc(sizeof(*rows) * nrows);
	int			nkept = 0;
	int			nstored = 0;

	*turned = palloc(sizeof(HomeoTurnedIssue) * nrows);
	*nturned = 0;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	MemoryContextSwitchTo(caller);

	for (int i = 0; i < nrows; i++)
	{
		rows[i]->stored = false;
		rows[i]->occurrences = 1;
		rows[i]->refusal = NULL;
	}
	homeo_store_services(rows, nrows);
	homeo_issue_limit_apply(rows, nrows);
	for (int i = 0; i < nrows; i++)
	{
		if (rows[i]->refusal == NULL)
			sorted[nkept++] = rows[i];
	}
	qsort(sorted, nkept, sizeof(*sorted), homeo_row_compare_group);
	nkept = homeo_flood_thin(sorted, nkept);
	for (int i = 0; i < nkept; i++)
	{
		homeo_prepare_texts(&sorted[i]->prepared);
		if (i == 0 || sorted[i]->prepared.event->timestamp / USECS_PER_DAY !=
			sorted[i - 1]->prepared.event->timestamp / USECS_PER_DAY)
			homeo_partition_ensure(sorted[i]->prepared.event->timestamp);
	}

	nkept = homeo_retry_drop(sorted, nkept);
	qsort(sorted, nkept, sizeof(*sorted), homeo_row_compare_key);
	nkept = drop_repeated(sorted, nkept);
	homeo_store_stacks(sorted, nkept);
	homeo_store_errors(sorted, nkept);
	homeo_retry_remember(sorted, nkept);

	for (int i = 0; i < nrows; i++)
	{
		if (rows[i]->stored)
			sorted[nstored++] = rows[i];
	}
	if (nstored > 0)
		*nturned = homeo_store_issues(sorted, nstored, *turned);

	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "could not disconnect from SPI");
}
