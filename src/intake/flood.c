/*
 * flood.c
 *		Of a flood of the same error, which ones are stored whole.
 *
 * A statement that fails thousands of times a second says nothing new each
 * time, but each row of errors costs as much as the statement did.  So of
 * the errors that the server raises homeostasis.payloads_per_issue_per_minute
 * of an issue are stored in each minute; the others are added to the
 * occurrences of the next one that is.  Always stored are
 *
 * - the last one of each batch: the latest error of an issue can be looked
 *	 at, and an issue that still occurs still has rows;
 * - the first one of each session: what only some sessions see, because a
 *	 setting has changed for example, is not hidden by what the others see.
 *
 * What was reported is stored whole, because its reporter knows its id.
 *
 * Called by store_rows.c.  The counts are those of this process, and not
 * undone when its transaction fails: then more is only counted than had to
 * be.
 *
 * Memory: one hash table, begun anew when it has grown to its limit.
 */
#include "postgres.h"

#include "intake/flood.h"

#include "base/guc.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#define MAX_ENTRIES		10000

/* A problem; or one session's share of it, where pid is not 0. */
typedef struct HomeoFloodKey
{
	int64		service_id;
	pg_uuid_t	fingerprint;
	int64		pid;
} HomeoFloodKey;

typedef struct HomeoFloodEntry
{
	HomeoFloodKey key;
	TimestampTz minute;
	int			nstored;		/* in that minute */
} HomeoFloodEntry;

static HTAB *entries = NULL;

static void
begin_anew(void)
{
	HASHCTL		info = {
		.keysize = sizeof(HomeoFloodKey),
		.entrysize = sizeof(HomeoFloodEntry),
		.hcxt = TopMemoryContext
	};

	if (entries != NULL)
		hash_destroy(entries);
	entries = NULL;
	entries = hash_create("homeostasis flood", 256, &info,
						  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* How many rows like this one, of its session or all, its minute has had. */
static int *
stored_like(const HomeoRow *row, int32 pid)
{
	HomeoFloodKey key = {
		.service_id = row->service_id,
		.fingerprint = row->prepared.fingerprint,
		.pid = pid
	};
	TimestampTz minute = homeo_row_minute(row);
	HomeoFloodEntry *entry;
	bool		found;

	if (entries == NULL || hash_get_num_entries(entries) >= MAX_ENTRIES)
		begin_anew();
	entry = hash_search(entries, &key, HASH_ENTER, &found);
	if (!found || entry->minute != minute)
	{
		entry->minute = minute;
		entry->nstored = 0;
	}
	return &entry->nstored;
}

static bool
must_store(const HomeoRow *row)
{
	int		   *of_session = stored_like(row, row->prepared.event->pid);
	bool		first = (*of_session)++ == 0;
	int		   *of_all = stored_like(row, 0);

	return (*of_all)++ < homeo_guc_payloads_per_issue_per_minute || first;
}

static bool
same_problem_and_minute(const HomeoRow *a, const HomeoRow *b)
{
	return homeo_row_same_problem(a, b) && homeo_row_same_minute(a, b);
}

/*
 * Takes those out of rows that are only to be counted, and adds them to the
 * occurrences of the ones that are to be stored.  Rows are in the order of
 * service, fingerprint, minute, release and time.  Returns how many remain.
 */
int
homeo_flood_thin(HomeoRow **rows, int nrows)
{
	int			nkept = 0;
	int			end;

	if (homeo_guc_payloads_per_issue_per_minute == 0)
		return nrows;
	for (int start = 0; start < nrows; start = end)
	{
		int			skipped = 0;

		end = homeo_row_run_end(rows, nrows, start, same_problem_and_minute);
		for (int i = start; i < end; i++)
		{
			HomeoRow   *row = rows[i];

			if (row->prepared.event->origin == HOMEO_ORIGIN_SERVER_LOG &&
				!must_store(row) && i < end - 1)
			{
				skipped++;
				continue;
			}
			row->occurrences += skipped;
			skipped = 0;
			rows[nkept++] = row;
		}
	}
	return nkept;
}
