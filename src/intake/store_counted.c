/*
 * store_counted.c
 *		Stores the events of a flood that are only counted: adds them to rows
 *		that are there, and says of their issues how many they are.
 *
 * Called by store_rows.c, with SPI connected; see flood.c for which events
 * these are.
 *
 * What is beyond the quota of a service is added to the latest row that its
 * issue has in the same minute and release, so that the counts by minute stay
 * what the rows amount to, which split() relies on.  Not while the issue is
 * being healed or is over: what tells whether it is over are its rows.
 *
 * Memory: CurrentMemoryContext.
 */
#include "postgres.h"

#include "intake/store_counted.h"

#include "base/spi.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#define MOST_ARGS	6

/* Arrays of one length that a statement takes as its arguments. */
typedef struct HomeoArrays
{
	int			nargs;
	int			n;
	Oid			element[MOST_ARGS];
	Datum	   *values[MOST_ARGS];
} HomeoArrays;

static void
make_arrays(HomeoArrays *arrays, int most, int nargs, const Oid *elements)
{
	arrays->nargs = nargs;
	arrays->n = 0;
	for (int a = 0; a < nargs; a++)
	{
		arrays->element[a] = elements[a];
		arrays->values[a] = palloc(sizeof(Datum) * Max(most, 1));
	}
}

static void
finish_arrays(const HomeoArrays *arrays, Oid *types, Datum *args)
{
	for (int a = 0; a < arrays->nargs; a++)
	{
		args[a] = homeo_spi_array(arrays->values[a], arrays->n,
								  arrays->element[a]);
		types[a] = get_array_type(arrays->element[a]);
	}
}

/* Runs a statement that is rare enough to be planned each time. */
static void
run(const char *sql, const HomeoArrays *arrays, int expected)
{
	MemoryContext caller = CurrentMemoryContext;
	Oid			types[MOST_ARGS];
	Datum		args[MOST_ARGS];
	int			result;

	finish_arrays(arrays, types, args);
	result = SPI_execute_with_args(sql, arrays->nargs, types, args, NULL,
								   false, 0);
	MemoryContextSwitchTo(caller);
	if (result != expected)
		elog(ERROR, "could not run \"%s\": %s", sql,
			 SPI_result_code_string(result));
}

/*
 * A condition on rows e of errors, with constants, so that no partition but
 * those of these times is planned for or locked.
 */
static char *
between(TimestampTz first, TimestampTz last)
{
	char	   *from = pstrdup(timestamptz_to_str(homeo_minute_of(first)));

	return psprintf("e.\"timestamp\" >= '%s' and e.\"timestamp\" < '%s'", from,
					timestamptz_to_str(homeo_minute_of(last) +
									   USECS_PER_MINUTE));
}

/* The event of row as if it were the stored one with this id and time. */
static HomeoEvent *
imitate(HomeoRow *row, const pg_uuid_t *event_id, TimestampTz timestamp)
{
	HomeoEvent *event = palloc(sizeof(HomeoEvent));

	homeo_prepare_texts(&row->prepared);
	*event = *row->prepared.event;
	event->event_id = *event_id;
	event->timestamp = timestamp;
	return event;
}

/* Looks for rows that can stand for those in candidates; sets their into. */
static void
find_into(HomeoRow **candidates, int ncandidates)
{
	static const Oid elements[] = {INT8OID, UUIDOID, TIMESTAMPTZOID, TEXTOID};
	TimestampTz first = homeo_row_minute(candidates[0]);
	TimestampTz last = first;
	HomeoArrays arrays;

	make_arrays(&arrays, ncandidates, lengthof(elements), elements);
	for (int i = 0; i < ncandidates; i++)
	{
		HomeoRow   *row = candidates[i];
		TimestampTz minute = homeo_row_minute(row);
		HomeoText	release = row->prepared.event->text[HOMEO_FIELD_RELEASE];

		if (release.data == NULL)
			release.data = "";
		first = Min(first, minute);
		last = Max(last, minute);
		arrays.values[0][i] = Int64GetDatum(row->service_id);
		arrays.values[1][i] = UUIDPGetDatum(&row->prepared.fingerprint);
		arrays.values[2][i] = TimestampTzGetDatum(minute);
		arrays.values[3][i] =
			PointerGetDatum(cstring_to_text_with_len(release.data,
													 (int) release.len));
	}
	arrays.n = ncandidates;
	run(psprintf("select k.place, c.event_id, c.\"timestamp\""
				 " from unnest($1, $2, $3, $4) with ordinality"
				 "  k (service_id, fingerprint, minute, release, place)"
				 " join homeostasis.issue_fingerprints f using (service_id, fingerprint)"
				 " join homeostasis.issues i"
				 "  on i.service_id = f.service_id and i.id = f.issue_id"
				 "   and i.status in ('open', 'regressed', 'muted')"
				 " cross join lateral (select e.event_id, e.\"timestamp\""
				 "  from homeostasis.errors e"
				 "  where e.service_id = k.service_id and e.fingerprint = k.fingerprint"
				 "   and e.\"timestamp\" >= k.minute"
				 "   and e.\"timestamp\" < k.minute + interval '1 minute'"
				 "   and coalesce(e.release, '') = k.release and %s"
				 "  order by e.\"timestamp\" desc limit 1) c",
				 between(first, last)),
		&arrays, SPI_OK_SELECT);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HomeoRow   *row = candidates[DatumGetInt64(homeo_spi_value(i, 1)) - 1];

		row->into = imitate(row, DatumGetUUIDP(homeo_spi_value(i, 2)),
							DatumGetTimestampTz(homeo_spi_value(i, 3)));
	}
}

int
homeo_store_counted_fold(HomeoRow **rows, int nrows, HomeoRow **counted,
						 int *ncounted)
{
	HomeoRow  **candidates = palloc(sizeof(*candidates) * Max(nrows, 1));
	int			ncandidates = 0;
	int			nkept = 0;

	for (int i = 0; i < nrows; i++)
	{
		if (rows[i]->limit == HOMEO_LIMIT_SERVICE)
			candidates[ncandidates++] = rows[i];
	}
	if (ncandidates > 0)
		find_into(candidates, ncandidates);
	for (int i = 0; i < nrows; i++)
	{
		HomeoRow   *row = rows[i];

		if (row->into != NULL)
		{
			row->carrier = row;
			counted[(*ncounted)++] = row;
			continue;
		}
		row->limit = HOMEO_LIMIT_NONE;
		rows[nkept++] = row;
	}
	return nkept;
}

void
homeo_store_counted_remember(HomeoRow **counted, int ncounted)
{
	static const Oid elements[] = {
		INT8OID, UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID
	};
	HomeoRow  **given = palloc(sizeof(*given) * Max(ncounted, 1));
	HomeoArrays arrays;
	int			ngiven = 0;

	for (int i = 0; i < ncounted; i++)
	{
		if (counted[i]->prepared.event->id_given)
			given[ngiven++] = counted[i];
	}
	if (ngiven == 0)
		return;
	qsort(given, ngiven, sizeof(*given), homeo_row_compare_key);
	make_arrays(&arrays, ngiven, lengthof(elements), elements);
	for (int i = 0; i < ngiven; i++)
	{
		HomeoEvent *event = given[i]->prepared.event;

		arrays.values[0][i] = Int64GetDatum(given[i]->service_id);
		arrays.values[1][i] = UUIDPGetDatum(&event->event_id);
		arrays.values[2][i] = TimestampTzGetDatum(event->timestamp);
		arrays.values[3][i] = TimestampTzGetDatum(event->received);
	}
	arrays.n = ngiven;
	run("with i as (select * from unnest($1, $2, $3, $4) with ordinality"
		"  i (service_id, event_id, \"timestamp\", received_at, place)),"
		" added as (insert into homeostasis.late_event_ids"
		"  (service_id, event_id, \"timestamp\", received_at)"
		"  select service_id, event_id, \"timestamp\", received_at from i order by place"
		"  on conflict do nothing returning service_id, event_id, \"timestamp\")"
		" select i.place from i"
		"  left join added a using (service_id, event_id, \"timestamp\")"
		" where a.service_id is null",
		&arrays, SPI_OK_SELECT);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HomeoRow   *row = given[DatumGetInt64(homeo_spi_value(i, 1)) - 1];

		row->limit = HOMEO_LIMIT_NONE;
		row->carrier->occurrences--;
	}
}

/*
 * A row that turned out to be there already cannot carry what was to be added
 * to its occurrences; the stored one can.
 */
static void
redirect(HomeoRow *row)
{
	if (row->into != NULL || row->stored || row->occurrences == 0)
		return;
	row->occurrences--;
	row->into = row->prepared.event;
}

int
homeo_store_counted_add(HomeoRow **rows, int nrows)
{
	static const Oid elements[] = {INT8OID, UUIDOID, TIMESTAMPTZOID, INT8OID};
	TimestampTz first = 0;
	TimestampTz last = 0;
	HomeoArrays arrays;
	int			nadded = 0;

	make_arrays(&arrays, nrows, lengthof(elements), elements);
	for (int i = 0; i < nrows; i++)
	{
		HomeoRow   *stand_in;

		redirect(rows[i]);
		if (rows[i]->into == NULL || rows[i]->occurrences == 0)
			continue;
		stand_in = palloc(sizeof(HomeoRow));
		*stand_in = *rows[i];
		stand_in->prepared.event = rows[i]->into;
		first = nadded == 0 ? rows[i]->into->timestamp :
			Min(first, rows[i]->into->timestamp);
		last = nadded == 0 ? rows[i]->into->timestamp :
			Max(last, rows[i]->into->timestamp);
		arrays.values[0][nadded] = Int64GetDatum(stand_in->service_id);
		arrays.values[1][nadded] = UUIDPGetDatum(&rows[i]->into->event_id);
		arrays.values[2][nadded] =
			TimestampTzGetDatum(rows[i]->into->timestamp);
		arrays.values[3][nadded] = Int64GetDatum(stand_in->occurrences);
		rows[nadded++] = stand_in;
	}
	arrays.n = nadded;
	if (nadded == 0)
		return 0;
	run(psprintf("with locked as materialized ("
				 " select e.service_id, e.event_id, e.\"timestamp\", k.n"
				 " from (select k.service_id, k.event_id, k.\"timestamp\", sum(k.n) as n"
				 "  from unnest($1, $2, $3, $4) k (service_id, event_id, \"timestamp\", n)"
				 "  group by 1, 2, 3) k"
				 " join homeostasis.errors e using (service_id, event_id, \"timestamp\")"
				 " where %s"
				 " order by 1, 2, 3 for no key update of e)"
				 " update homeostasis.errors e"
				 "  set occurrences = least(e.occurrences + l.n, 2147483647)::integer"
				 " from locked l"
				 " where e.service_id = l.service_id and e.event_id = l.event_id"
				 "  and e.\"timestamp\" = l.\"timestamp\" and %s",
				 between(first, last), between(first, last)),
		&arrays, SPI_OK_UPDATE);
	return nadded;
}

void
homeo_store_counted_note(HomeoRow **counted, int ncounted)
{
	static SPIPlanPtr plan = NULL;
	static const Oid elements[] = {
		INT8OID, UUIDOID, INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID
	};
	Oid			types[MOST_ARGS];
	Datum		args[MOST_ARGS];
	HomeoArrays arrays;
	int			end;

	make_arrays(&arrays, ncounted, lengthof(elements), elements);
	for (int start = 0; start < ncounted; start = end)
	{
		const HomeoRow *row = counted[start];
		TimestampTz first = row->prepared.event->timestamp;
		TimestampTz last = first;
		int64		n = 0;

		for (end = start; end < ncounted &&
			 homeo_row_same_problem(counted[end], row) &&
			 counted[end]->limit == row->limit; end++)
		{
			first = Min(first, counted[end]->prepared.event->timestamp);
			last = Max(last, counted[end]->prepared.event->timestamp);
			n++;
		}
		/* Those that were there before. */
		if (row->limit == HOMEO_LIMIT_NONE)
			continue;
		arrays.values[0][arrays.n] = Int64GetDatum(row->service_id);
		arrays.values[1][arrays.n] = UUIDPGetDatum(&row->prepared.fingerprint);
		arrays.values[2][arrays.n] = Int64GetDatum(n);
		arrays.values[3][arrays.n] = TimestampTzGetDatum(first);
		arrays.values[4][arrays.n] = TimestampTzGetDatum(last);
		arrays.values[5][arrays.n] =
			CStringGetTextDatum(row->limit == HOMEO_LIMIT_ISSUE ? "issue" :
								"service");
		arrays.n++;
	}
	if (arrays.n == 0)
		return;
	finish_arrays(&arrays, types, args);
	homeo_spi_run(&plan,
				  "update homeostasis.issues i set"
				  "  counted_only = i.counted_only + c.n,"
				  "  counted_since = least(i.counted_since, c.first),"
				  "  counted_until = greatest(i.counted_until, c.last),"
				  "  counted_by = c.by,"
				  "  first_seen = least(i.first_seen, c.first),"
				  "  last_seen = greatest(i.last_seen, c.last)"
				  " from (select f.service_id, f.issue_id, sum(k.n)::bigint as n,"
				  "   min(k.first) as first, max(k.last) as last,"
				  "   (array_agg(k.by order by k.last desc))[1] as by"
				  "  from unnest($1, $2, $3, $4, $5, $6)"
				  "   k (service_id, fingerprint, n, first, last, by)"
				  "  join homeostasis.issue_fingerprints f using (service_id, fingerprint)"
				  "  group by 1, 2) c"
				  " where i.service_id = c.service_id and i.id = c.issue_id",
				  arrays.nargs, types, args, SPI_OK_UPDATE);
}
