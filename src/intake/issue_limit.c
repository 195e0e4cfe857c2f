/*
 * issue_limit.c
 *		Refuses events whose issue would be one too many for its service.
 *
 * Called by store_rows.c, with SPI connected.
 *
 * To count a service's issues takes a millisecond, so while there is room for
 * many more they are counted once a second, and again when a part of that
 * room is used: the limit holds even if all writers do so at once.
 *
 * Memory: one hash table of problems that have an issue, begun anew when it
 * has grown to its limit.  They are not looked up again; one whose issue is
 * gone since may be made once more than the limit allows.
 */
#include "postgres.h"

#include "intake/issue_limit.h"

#include "base/guc.h"
#include "base/spi.h"
#include "catalog/pg_type.h"
#include "intake/issue_of.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define MAX_KNOWN	10000

/* So many writers may use the room that each of them has found. */
#define MAX_WRITERS	64

/* Services whose room is remembered, by their id. */
#define ROOMS		64

/* For how many issues there was room. */
typedef struct HomeoIssueRoom
{
	int64		service_id;
	TimestampTz counted_at;
	int			limit;			/* the setting then */
	int64		room;
	int64		used;			/* of it, at most, since then */
} HomeoIssueRoom;

typedef struct HomeoProblem
{
	int64		service_id;
	pg_uuid_t	fingerprint;
} HomeoProblem;

static HTAB *known = NULL;

static HomeoProblem
problem_of(const HomeoRow *row)
{
	return (HomeoProblem)
	{
		.service_id = row->service_id,
			.fingerprint = row->prepared.fingerprint
	};
}

static bool
is_known(const HomeoRow *row)
{
	HomeoProblem key = problem_of(row);

	return known != NULL && hash_search(known, &key, HASH_FIND, NULL) != NULL;
}

static void
remember(const HomeoRow *row)
{
	HomeoProblem key = problem_of(row);
	HASHCTL		info = {
		.keysize = sizeof(HomeoProblem),
		.entrysize = sizeof(HomeoProblem),
		.hcxt = TopMemoryContext
	};

	if (known != NULL && hash_get_num_entries(known) >= MAX_KNOWN)
	{
		hash_destroy(known);
		known = NULL;
	}
	if (known == NULL)
		known = hash_create("homeostasis known problems", 256, &info,
							HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	(void) hash_search(known, &key, HASH_ENTER, NULL);
}

/*
 * Which of the rows, one of each problem, have no issue.  Returns how many;
 * they are in the order in which they were given.
 */
static int
find_new(HomeoRow **rows, int nrows, HomeoRow **new)
{
	int			nnew = 0;

	homeo_issue_find(rows, nrows);
	for (int i = 0; i < nrows; i++)
	{
		if (rows[i]->issue_id == 0)
			new[nnew++] = rows[i];
		else
			remember(rows[i]);
	}
	return nnew;
}

static int64
count_room(int64 service_id)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[] = {INT8OID, INT8OID};
	Datum		values[2];

	values[0] = Int64GetDatum(service_id);
	values[1] = Int64GetDatum(homeo_guc_max_issues_per_service);
	homeo_spi_run(&plan,
				  "select $2 - count(*) from (select from homeostasis.issues"
				  " where service_id = $1 limit $2) i",
				  2, types, values, SPI_OK_SELECT);
	return DatumGetInt64(homeo_spi_value(0, 1));
}

/*
 * How many of wanted issues more the reports for a service may make.  Some
 * that were not made after all, as their transaction was rolled back, count
 * until the room is counted again: before that anybody is refused.
 */
static int64
room_for_issues(int64 service_id, int64 wanted)
{
	static HomeoIssueRoom rooms[ROOMS];
	HomeoIssueRoom *known_room = &rooms[service_id % ROOMS];
	TimestampTz now = GetCurrentTimestamp();

	if (known_room->service_id != service_id ||
		known_room->limit != homeo_guc_max_issues_per_service ||
		now - known_room->counted_at > USECS_PER_SEC ||
		now < known_room->counted_at ||
		known_room->used + wanted > known_room->room / MAX_WRITERS)
	{
		known_room->service_id = service_id;
		known_room->limit = homeo_guc_max_issues_per_service;
		known_room->counted_at = now;
		known_room->room = count_room(service_id);
		known_room->used = 0;
	}
	known_room->used += wanted;
	return Min(known_room->room, wanted);
}

static bool
same_service(const HomeoRow *a, const HomeoRow *b)
{
	return a->service_id == b->service_id;
}

/*
 * Refuses the rows whose issue would be one too many for its service.  What
 * the server raised is always stored.  Rows are in the order of
 * homeo_row_compare, so those of an issue are neighbours.
 */
void
homeo_issue_limit_apply(HomeoRow **rows, int nrows)
{
	const char *reason = psprintf("its service has %d issues already, as many as homeostasis.max_issues_per_service allows",
								  homeo_guc_max_issues_per_service);
	HomeoRow  **firsts = palloc(sizeof(*firsts) * nrows);
	HomeoRow  **new = palloc(sizeof(*new) * nrows);
	int			nfirsts = 0;
	int			nnew;
	int			r = 0;
	int64		room = 0;

	for (int i = 0; i < nrows; i++)
	{
		if (rows[i]->prepared.of_database || rows[i]->prepared.of_extension ||
			rows[i]->refusal != NULL)
			continue;
		if (nfirsts > 0 && homeo_row_same_problem(firsts[nfirsts - 1], rows[i]))
			continue;
		if (!is_known(rows[i]))
			firsts[nfirsts++] = rows[i];
	}
	if (nfirsts == 0)
		return;
	nnew = find_new(firsts, nfirsts, new);
	for (int u = 0; u < nnew; u++)
	{
		if (u == 0 || new[u]->service_id != new[u - 1]->service_id)
			room = room_for_issues(new[u]->service_id,
								   homeo_row_run_end(new, nnew, u, same_service) - u);
		if (room-- > 0)
			continue;
		while (!homeo_row_same_problem(rows[r], new[u]))
			r++;
		while (r < nrows && homeo_row_same_problem(rows[r], new[u]))
			homeo_row_refuse(rows[r++], NULL, reason);
	}
}
