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
 * descent of its index for an event.  Of all partitions only those of a few
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

#include "base/spi.h"
#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#define RETRY_WINDOW		USECS_PER_DAY
#define RETRY_WINDOW_SQL	"interval '24 hours'"

/* Service, id, and when it was received, as arrays for a statement. */
#define NARGS	4

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

/* Fills in the arguments of a statement about rows. */
static void
set_arguments(HomeoRow **rows, int nrows, Datum *args)
{
	Datum	   *services = palloc(sizeof(Datum) * nrows);
	Datum	   *ids = palloc(sizeof(Datum) * nrows);
	Datum	   *received = palloc(sizeof(Datum) * nrows);
	Datum	   *timestamps = palloc(sizeof(Datum) * nrows);

	for (int i = 0; i < nrows; i++)
	{
		HomeoEvent *event = rows[i]->prepared.event;

		services[i] = Int64GetDatum(rows[i]->service_id);
		ids[i] = UUIDPGetDatum(&event->event_id);
		received[i] = TimestampTzGetDatum(event->received);
		timestamps[i] = TimestampTzGetDatum(event->timestamp);
	}
	args[0] = homeo_spi_array(services, nrows, INT8OID);
	args[1] = homeo_spi_array(ids, nrows, UUIDOID);
	args[2] = homeo_spi_array(received, nrows, TIMESTAMPTZOID);
	args[3] = homeo_spi_array(timestamps, nrows, TIMESTAMPTZOID);
}

/* The start of the day of a time, UTC. */
static TimestampTz
day_start(TimestampTz timestamp)
{
	TimestampTz rest = timestamp % USECS_PER_DAY;

	return timestamp - (rest < 0 ? rest + USECS_PER_DAY : rest);
}

static Oid	types[NARGS] = {
	INT8ARRAYOID, UUIDARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID
};

/*
 * Finds the places of those rows that are there already.  The days that it
 * looks at are constants, so that no other partition is planned for or
 * locked; it is planned again when they are others.
 */
static void
probe(TimestampTz first, TimestampTz end, Datum *args)
{
	static SPIPlanPtr plan = NULL;
	static TimestampTz planned_first;
	static TimestampTz planned_end;
	char	   *first_day = pstrdup(timestamptz_to_str(first));

	if (plan != NULL && (planned_first != first || planned_end != end))
	{
		SPI_freeplan(plan);
		plan = NULL;
	}
	homeo_spi_run(&plan,
				  psprintf("select i.place from unnest($1, $2, $3, $4)"
						   "  with ordinality i (service_id, event_id, received_at, \"timestamp\", place)"
						   " where exists (select from homeostasis.errors e"
						   "  where e.service_id = i.service_id and e.event_id = i.event_id"
						   "   and e.\"timestamp\" >= '%s' and e.\"timestamp\" < '%s'"
						   "   and e.received_at > i.received_at - " RETRY_WINDOW_SQL ")"
						   " or exists (select from homeostasis.late_event_ids l"
						   "  where l.service_id = i.service_id and l.event_id = i.event_id"
						   "   and l.received_at > i.received_at - " RETRY_WINDOW_SQL ")",
						   first_day, timestamptz_to_str(end)),
				  NARGS, types, args, SPI_OK_SELECT);
	planned_first = first;
	planned_end = end;
}

/* Marks by NULL those of the rows that were stored before. */
static void
drop_stored(HomeoRow **rows, int nrows)
{
	TimestampTz oldest = rows[0]->prepared.event->received;
	TimestampTz newest = oldest;
	Datum		args[NARGS];

	for (int i = 1; i < nrows; i++)
	{
		oldest = Min(oldest, rows[i]->prepared.event->received);
		newest = Max(newest, rows[i]->prepared.event->received);
	}
	set_arguments(rows, nrows, args);
	probe(day_start(oldest - 2 * RETRY_WINDOW),
		  day_start(newest + RETRY_WINDOW) + USECS_PER_DAY, args);
	for (uint64 i = 0; i < SPI_processed; i++)
		rows[DatumGetInt64(homeo_spi_value(i, 1)) - 1] = NULL;
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
	HomeoRow  **late = palloc(sizeof(*late) * nrows);
	Datum		args[NARGS];
	int			nlate = 0;

	for (int i = 0; i < nrows; i++)
	{
		const HomeoEvent *event = rows[i]->prepared.event;

		if (rows[i]->stored && event->id_given &&
			event->timestamp < event->received - RETRY_WINDOW)
			late[nlate++] = rows[i];
	}
	if (nlate > 0)
	{
		set_arguments(late, nlate, args);
		homeo_spi_run(&plan,
					  "insert into homeostasis.late_event_ids"
					  " (service_id, event_id, received_at, \"timestamp\")"
					  " select * from unnest($1, $2, $3, $4)"
					  " on conflict do nothing",
					  NARGS, types, args, SPI_OK_INSERT);
	}
	pfree(late);
}
