/*
 * store_stacks.c
 *		Stores the stacks of events, each once.
 *
 * Called by store_rows.c, with SPI connected.
 */
#include "postgres.h"

#include "intake/store_stacks.h"

#include "base/spi.h"
#include "base/transient.h"
#include "catalog/pg_type.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

/* By the key of stacks, the latest first. */
static int
compare_stack(const void *a, const void *b)
{
	const HomeoRow *x = *(HomeoRow *const *) a;
	const HomeoRow *y = *(HomeoRow *const *) b;
	int			result = homeo_row_compare_int64(x->service_id, y->service_id);

	if (result == 0)
		result = memcmp(&x->prepared.stack_hash, &y->prepared.stack_hash,
						UUID_LEN);
	if (result == 0)
		result = homeo_row_compare_int64(y->prepared.event->timestamp,
										 x->prepared.event->timestamp);
	return result;
}

/*
 * The rows, one for each stack and the latest that has it, in the order of
 * the key of stacks.  Returns how many.
 */
static int
distinct_stacks(HomeoRow **rows, int nrows, HomeoRow **distinct)
{
	int			n = 0;
	int			ndistinct = 0;

	for (int i = 0; i < nrows; i++)
	{
		if (rows[i]->prepared.has_stack)
			distinct[n++] = rows[i];
	}
	qsort(distinct, n, sizeof(*distinct), compare_stack);
	for (int i = 0; i < n; i++)
	{
		const HomeoRow *last = ndistinct > 0 ? distinct[ndistinct - 1] : NULL;

		if (last == NULL || last->service_id != distinct[i]->service_id ||
			memcmp(&last->prepared.stack_hash,
				   &distinct[i]->prepared.stack_hash, UUID_LEN) != 0)
			distinct[ndistinct++] = distinct[i];
	}
	return ndistinct;
}

/*
 * Keeps those of the rows whose stack is not stored, or whose last_seen has
 * to move.  It moves once a day, so that maintain() can tell which stacks are
 * still used without every error writing to its stack's row.  Nobody deletes
 * one that needs not move.
 */
static int
keep_unstored(HomeoRow **rows, int nrows)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[] = {INT8ARRAYOID, UUIDARRAYOID, TIMESTAMPTZARRAYOID};
	Datum	   *services = palloc(sizeof(Datum) * nrows);
	Datum	   *hashes = palloc(sizeof(Datum) * nrows);
	Datum	   *times = palloc(sizeof(Datum) * nrows);
	Datum		values[3];
	int			n;

	for (int i = 0; i < nrows; i++)
	{
		services[i] = Int64GetDatum(rows[i]->service_id);
		hashes[i] = UUIDPGetDatum(&rows[i]->prepared.stack_hash);
		times[i] = TimestampTzGetDatum(rows[i]->prepared.event->timestamp);
	}
	values[0] = homeo_spi_array(services, nrows, INT8OID);
	values[1] = homeo_spi_array(hashes, nrows, UUIDOID);
	values[2] = homeo_spi_array(times, nrows, TIMESTAMPTZOID);
	homeo_spi_run(&plan,
				  "select k.place from unnest($1, $2, $3)"
				  "  with ordinality k (service_id, stack_hash, seen, place)"
				  " where not exists (select from homeostasis.stacks s"
				  "  where s.service_id = k.service_id and s.stack_hash = k.stack_hash"
				  "  and s.last_seen >= k.seen - interval '1 day')"
				  " order by k.place",
				  3, types, values, SPI_OK_SELECT);
	n = (int) SPI_processed;
	for (int i = 0; i < n; i++)
		rows[i] = rows[DatumGetInt64(homeo_spi_value(i, 1)) - 1];
	return n;
}

/*
 * Most events have a stack that is stored already, so what belongs to it is
 * only made for the others.
 */
void
homeo_store_stacks(HomeoRow **rows, int nrows)
{
	static SPIPlanPtr plan = NULL;
	static const HomeoTransientColumn columns[] = {
		{"service_id", INT8OID}, {"stack_hash", UUIDOID}, {"stack", TEXTOID},
		{"frames", JSONBOID}, {"seen", TIMESTAMPTZOID}
	};
	HomeoRow  **distinct = palloc(sizeof(*distinct) * nrows);
	int			n = distinct_stacks(rows, nrows, distinct);
	HomeoTransient *stacks;

	if (n > 0)
		n = keep_unstored(distinct, n);
	if (n == 0)
		return;
	stacks = homeo_transient_make("homeo_stacks", columns, lengthof(columns));
	for (int i = 0; i < n; i++)
	{
		HomeoPrepared *p = &distinct[i]->prepared;
		char	   *frames = homeo_prepare_stack(p);
		Datum		v[lengthof(columns)];
		bool		isnull[lengthof(columns)] = {0};

		v[0] = Int64GetDatum(distinct[i]->service_id);
		v[1] = UUIDPGetDatum(&p->stack_hash);
		homeo_row_put_text(&v[2], &isnull[2], &p->event->text[HOMEO_FIELD_STACK]);
		v[3] = DirectFunctionCall1(jsonb_in, CStringGetDatum(frames));
		v[4] = TimestampTzGetDatum(p->event->timestamp);
		homeo_transient_add(stacks, v, isnull);
	}
	homeo_transient_register(stacks);
	homeo_spi_run(&plan,
				  "insert into homeostasis.stacks as s"
				  " (service_id, stack_hash, stack, frames, last_seen)"
				  " select service_id, stack_hash, stack, frames, seen"
				  " from homeo_stacks"
				  " on conflict (service_id, stack_hash) do update"
				  " set last_seen = excluded.last_seen"
				  " where s.last_seen < excluded.last_seen - interval '1 day'",
				  0, NULL, NULL, SPI_OK_INSERT);
	homeo_transient_end(stacks);
}
