/*
 * store_errors.c
 *		Stores events as rows of errors.
 *
 * Called by store_rows.c, with SPI connected.
 */
#include "postgres.h"

#include "intake/store_errors.h"

#include "base/spi.h"
#include "base/transient.h"
#include "intake/error_row.h"
#include "intake/store_errors_bulk.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

/* For so many calls events are looked for after one was there already. */
#define CAREFUL_BATCHES	100

static int	careful_left = 0;

/* By a statement, with what is to follow its list of columns. */
static void
run_insert(SPIPlanPtr *plan, HomeoRow **rows, int nrows, const char *tail,
		   int expected)
{
	HomeoErrorRow error;
	HomeoTransient *incoming;
	StringInfoData columns;

	homeo_error_row_begin(&error);
	initStringInfo(&columns);
	for (int c = 0; c < error.ncolumns; c++)
		appendStringInfo(&columns, "%s%s", c > 0 ? ", " : "",
						 quote_identifier(error.columns[c].name));
	incoming = homeo_transient_make("homeo_incoming", error.columns, error.ncolumns);
	for (int i = 0; i < nrows; i++)
	{
		homeo_error_row_make(&error, rows[i]);
		homeo_transient_add(incoming, error.values, error.isnull);
	}
	homeo_transient_register(incoming);
	homeo_spi_run(plan,
				  psprintf("insert into homeostasis.errors (%s)"
						   " select %s from homeo_incoming%s",
						   columns.data, columns.data, tail),
				  0, NULL, NULL, expected);
	homeo_transient_end(incoming);
	homeo_error_row_end(&error);
}

/* Inserts events of which none may be there. */
static void
insert_new(HomeoRow **rows, int nrows)
{
	static SPIPlanPtr plan = NULL;

	if (!homeo_store_errors_bulk(rows, nrows))
	{
		run_insert(&plan, rows, nrows, "", SPI_OK_INSERT);
		if (SPI_processed != nrows)
			elog(ERROR, "%llu of %d errors were inserted",
				 (unsigned long long) SPI_processed, nrows);
	}
	for (int i = 0; i < nrows; i++)
		rows[i]->stored = true;
}

/* Inserts those events that are not there, which come back in their order. */
static void
insert_missing(HomeoRow **rows, int nrows)
{
	static SPIPlanPtr plan = NULL;
	int			r = 0;

	run_insert(&plan, rows, nrows,
			   " on conflict do nothing"
			   " returning service_id, event_id, \"timestamp\"",
			   SPI_OK_INSERT_RETURNING);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HomeoRow	key = {0};
		HomeoEvent	event = {0};
		HomeoRow   *wanted = &key;

		key.service_id = DatumGetInt64(homeo_spi_value(i, 1));
		key.prepared.event = &event;
		event.event_id = *DatumGetUUIDP(homeo_spi_value(i, 2));
		event.timestamp = DatumGetTimestampTz(homeo_spi_value(i, 3));
		while (r < nrows && homeo_row_compare_key(&rows[r], &wanted) != 0)
			r++;
		if (r == nrows)
			elog(ERROR, "an inserted error came back out of order");
		rows[r++]->stored = true;
	}
}

/*
 * Inserts the events, which are in the order of the primary key and all
 * different, and marks those that were not there before.
 *
 * To look for each one first costs a good part of inserting it, and hardly ever
 * finds one.  So it is only done for a while after one was found; see
 * homeo_store_errors_repeatable().
 */
void
homeo_store_errors(HomeoRow **rows, int nrows)
{
	if (careful_left > 0)
	{
		careful_left--;
		insert_missing(rows, nrows);
	}
	else
		insert_new(rows, nrows);
}

/* What is violated is no constraint of a row: there is no partition for it. */
bool
homeo_store_errors_lack_partition(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_CHECK_VIOLATION &&
		error->constraint_name == NULL && error->table_name != NULL &&
		strcmp(error->table_name, "errors") == 0;
}

/*
 * Whether homeo_store_rows() failed with error because it did not expect one
 * of the events to be there already, or somebody detached a partition at that
 * moment.  It will know from now on: the same rows can be stored by calling it
 * again.
 */
bool
homeo_store_errors_repeatable(const ErrorData *error)
{
	if (homeo_store_errors_lack_partition(error))
		return true;
	if (error->sqlerrcode != ERRCODE_UNIQUE_VIOLATION || careful_left > 0)
		return false;
	careful_left = CAREFUL_BATCHES;
	return true;
}
