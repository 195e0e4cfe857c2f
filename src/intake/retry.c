/*
 * retry.c
 *		Finds out which events are reported again, so that each is stored
 *		once, whatever time the reporter gives.
 *
 * Called by store_rows.c, with SPI connected, when services are known and
 * partitions are there.  An event that was received within RETRY_WINDOW
 * before, with the same service and id, is the same event.  Only an id that
 * its reporter gave can come again.
 *
 * The primary key of errors is by service and id, so a partition needs one
 * descent of its index for an event.  The index is read here, not by a
 * statement: a plan is made when the partition of a day has hardly a row, when
 * all indexes look alike, and would read all events of a service for each
 * event once there are many.  Of all partitions only those of a few
 * days are looked at: an event has the time of its receipt, or one not
 * further from that than RETRY_WINDOW.  What is older than that when it
 * comes, which is rare, is also noted in late_event_ids.
 *
 * Two transactions that store the same id at the same moment, of ingest() or of
 * two workers because the message differs, don't see each other's; then the
 * primary key decides, which includes the time.
 *
 * Memory: CurrentMemoryContext.
 */
#include "postgres.h"

#include "intake/retry.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "base/compat.h"
#include "base/spi.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "intake/partition.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#define RETRY_WINDOW	USECS_PER_DAY

static bool
same_id(const HomeoRow *a, const HomeoRow *b)
{
	return a->service_id == b->service_id &&
		memcmp(&a->prepared.event->event_id, &b->prepared.event->event_id,
			   UUID_LEN) == 0;
}

/* By service and id, and then in the order in which they came. */
static int
compare_receipt(const void *a, const void *b)
{
	const HomeoRow *x = *(HomeoRow *const *) a;
	const HomeoRow *y = *(HomeoRow *const *) b;
	const HomeoEvent *ex = x->prepared.event;
	const HomeoEvent *ey = y->prepared.event;
	int			result = (x->service_id > y->service_id) -
	(x->service_id < y->service_id);

	if (result == 0)
		result = memcmp(&ex->event_id, &ey->event_id, UUID_LEN);
	if (result == 0)
		result = (ex->received > ey->received) - (ex->received < ey->received);
	if (result == 0)
		result = (ex->timestamp > ey->timestamp) -
			(ex->timestamp < ey->timestamp);
	return result;
}

/* A table that events with their ids are looked up in. */
typedef struct HomeoKnownIds
{
	Relation	table;
	Relation	primary_key;
	AttrNumber	service_id;
	AttrNumber	event_id;
	AttrNumber	received_at;
	Snapshot	snapshot;
} HomeoKnownIds;

/* Whether ids has the event, received less than RETRY_WINDOW before. */
static bool
has_event(const HomeoKnownIds *ids, const HomeoRow *row)
{
	HomeoEvent *event = row->prepared.event;
	SysScanDesc scan;
	ScanKeyData key[2];
	HeapTuple	tuple;
	bool		found = false;

	ScanKeyInit(&key[0], ids->service_id, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(row->service_id));
	ScanKeyInit(&key[1], ids->event_id, BTEqualStrategyNumber, F_UUID_EQ,
				UUIDPGetDatum(&event->event_id));
	scan = systable_beginscan_ordered(ids->table, ids->primary_key,
									  ids->snapshot, lengthof(key), key);
	while (!found &&
		   (tuple = systable_getnext_ordered(scan,
											 ForwardScanDirection)) != NULL)
	{
		bool		isnull;
		Datum		value = heap_getattr(tuple, ids->received_at,
										 RelationGetDescr(ids->table), &isnull);

		found = DatumGetTimestampTz(value) > event->received - RETRY_WINDOW;
	}
	systable_endscan_ordered(scan);
	return found;
}

/* Marks by NULL those of the rows whose events a table has. */
static void
drop_found(Oid table, HomeoRow **rows, int nrows)
{
	HomeoKnownIds ids = {.table = try_table_open(table, AccessShareLock)};

	/* A partition that was detached and dropped meanwhile has none. */
	if (ids.table == NULL)
		return;
	ids.snapshot = RegisterSnapshot(GetTransactionSnapshot());
	ids.primary_key = index_open(homeo_primary_key_index_compat(ids.table),
								 AccessShareLock);
	ids.service_id = get_attnum(table, "service_id");
	ids.event_id = get_attnum(table, "event_id");
	ids.received_at = get_attnum(table, "received_at");
	for (int i = 0; i < nrows; i++)
	{
		if (rows[i] != NULL && has_event(&ids, rows[i]))
			rows[i] = NULL;
	}
	index_close(ids.primary_key, NoLock);
	table_close(ids.table, NoLock);
	UnregisterSnapshot(ids.snapshot);
}

/* Marks by NULL those of the rows that were stored before. */
static void
drop_stored(HomeoRow **rows, int nrows)
{
	TimestampTz oldest = rows[0]->prepared.event->received;
	TimestampTz newest = oldest;
	Oid			last = InvalidOid;
	Relation	errors = homeo_partition_open_errors(AccessShareLock);

	for (int i = 1; i < nrows; i++)
	{
		oldest = Min(oldest, rows[i]->prepared.event->received);
		newest = Max(newest, rows[i]->prepared.event->received);
	}
	for (TimestampTz time = oldest - 2 * RETRY_WINDOW;
		 time < newest + RETRY_WINDOW + USECS_PER_DAY; time += USECS_PER_DAY)
	{
		Oid			partition = homeo_partition_of(errors, time);

		if (OidIsValid(partition) && partition != last)
			drop_found(partition, rows, nrows);
		last = partition;
	}
	table_close(errors, NoLock);
	drop_found(get_relname_relid("late_event_ids",
								 get_namespace_oid("homeostasis", false)),
			   rows, nrows);
}

/*
 * Takes out the events that were stored before, and of those that are there
 * more than once all but the first.  *nrows becomes how many are left.  True:
 * their order is another.
 */
bool
homeo_retry_drop(HomeoRow **rows, int *nrows)
{
	HomeoRow  **given = palloc(sizeof(*given) * *nrows);
	int			ngiven = 0;
	int			nunique = 0;
	int			nkept = 0;

	for (int i = 0; i < *nrows; i++)
	{
		if (rows[i]->prepared.event->id_given)
			given[ngiven++] = rows[i];
		else
			rows[nkept++] = rows[i];
	}
	if (ngiven > 0)
	{
		qsort(given, ngiven, sizeof(*given), compare_receipt);
		for (int i = 0; i < ngiven; i++)
		{
			/* It adds nothing, unless it is among those that are left. */
			given[i]->occurrences = 0;
			if (nunique > 0 && same_id(given[nunique - 1], given[i]) &&
				given[i]->prepared.event->received -
				given[nunique - 1]->prepared.event->received < RETRY_WINDOW)
				continue;
			given[nunique++] = given[i];
		}
		drop_stored(given, nunique);
	}
	for (int i = 0; i < nunique; i++)
	{
		if (given[i] == NULL)
			continue;
		given[i]->occurrences = 1;
		rows[nkept++] = given[i];
	}
	pfree(given);
	*nrows = nkept;
	return ngiven > 0;
}

/*
 * Notes those of the events that were stored now and whose time is so old
 * that homeo_retry_drop() would not look there.
 */
void
homeo_retry_remember(HomeoRow **rows, int nrows)
{
	static SPIPlanPtr plan = NULL;
	static Oid	types[] = {
		INT8ARRAYOID, UUIDARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID
	};
	Datum	   *services = palloc(sizeof(Datum) * nrows);
	Datum	   *ids = palloc(sizeof(Datum) * nrows);
	Datum	   *received = palloc(sizeof(Datum) * nrows);
	Datum	   *timestamps = palloc(sizeof(Datum) * nrows);
	int			nlate = 0;

	for (int i = 0; i < nrows; i++)
	{
		HomeoEvent *event = rows[i]->prepared.event;

		if (!rows[i]->stored || !event->id_given ||
			event->timestamp >= event->received - RETRY_WINDOW)
			continue;
		services[nlate] = Int64GetDatum(rows[i]->service_id);
		ids[nlate] = UUIDPGetDatum(&event->event_id);
		received[nlate] = TimestampTzGetDatum(event->received);
		timestamps[nlate] = TimestampTzGetDatum(event->timestamp);
		nlate++;
	}
	if (nlate > 0)
	{
		Datum		args[] = {
			homeo_spi_array(services, nlate, INT8OID),
			homeo_spi_array(ids, nlate, UUIDOID),
			homeo_spi_array(received, nlate, TIMESTAMPTZOID),
			homeo_spi_array(timestamps, nlate, TIMESTAMPTZOID)
		};

		homeo_spi_run(&plan,
					  "insert into homeostasis.late_event_ids"
					  " (service_id, event_id, received_at, \"timestamp\")"
					  " select * from unnest($1, $2, $3, $4)"
					  " on conflict do nothing",
					  lengthof(types), types, args, SPI_OK_INSERT);
	}
	pfree(services);
	pfree(ids);
	pfree(received);
	pfree(timestamps);
}
