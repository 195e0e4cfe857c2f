/*
 * flood.c
 *		Of a flood, which errors are stored whole and which are counted only.
 *
 * A statement that fails thousands of times a second says nothing new each
 * time, but each row of errors costs as much as the statement did.  Two limits
 * keep the rows down; each error is counted all the same.
 *
 * - Of an issue that the server raises,
 *	 homeostasis.payloads_per_issue_per_minute are stored in each minute.  What
 *	 was reported is not limited by it, because its reporter knows its id.
 * - Of a service, its payloads_per_minute, or else
 *	 homeostasis.payloads_per_service_per_minute: of any origin, but for what
 *	 the extension itself has found.  See quota.c.
 *
 * The others are added to the occurrences of the next one that is stored.
 * Always stored are
 *
 * - of an issue beyond its own limit, the last one of each batch: the latest
 *	 error can be looked at, and an issue that still occurs still has rows;
 * - beyond the quota of its service, the last one of a batch unless the same
 *	 minute of the issue has a row that it can be added to: see
 *	 store_counted.c.  To store it in any case would make the quota void for
 *	 those whose batches have one event each, as a call of ingest() does;
 * - the first one of each session in a minute, of what the server raises: what
 *	 only some sessions see, because a setting has changed for example, is not
 *	 hidden by what the others see.
 *
 * Called by store_rows.c.  The counts of issues and sessions are those of this
 * process, which is nearly always the only one that stores an issue; those of
 * services are shared.  Neither is undone when a transaction fails: then more
 * is only counted than had to be.
 *
 * Memory: one hash table, begun anew when it has grown to its limit.
 */
#include "postgres.h"

#include "intake/flood.h"

#include "base/guc.h"
#include "intake/quota.h"
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

/* The limit that keeps a row from being stored whole. */
static HomeoLimit
limit_of(const HomeoRow *row)
{
	const HomeoEvent *event = row->prepared.event;
	bool		raised = event->origin == HOMEO_ORIGIN_SERVER_LOG;
	bool		first = false;

	if (event->origin == HOMEO_ORIGIN_CHECKUP)
		return HOMEO_LIMIT_NONE;
	if (raised)
	{
		int		   *of_session = stored_like(row, event->pid);

		first = (*of_session)++ == 0;
	}
	if (raised && homeo_guc_payloads_per_issue_per_minute > 0)
	{
		int		   *of_all = stored_like(row, 0);

		if ((*of_all)++ >= homeo_guc_payloads_per_issue_per_minute && !first)
			return HOMEO_LIMIT_ISSUE;
	}
	if (row->quota > 0 &&
		!homeo_quota_take(row->service_id, homeo_minute_of(event->received),
						  row->quota) && !first)
		return HOMEO_LIMIT_SERVICE;
	return HOMEO_LIMIT_NONE;
}

static bool
any_limit(HomeoRow **rows, int nrows)
{
	if (homeo_guc_payloads_per_issue_per_minute > 0)
		return true;
	for (int i = 0; i < nrows; i++)
	{
		if (rows[i]->quota > 0)
			return true;
	}
	return false;
}

static bool
same_problem_and_minute(const HomeoRow *a, const HomeoRow *b)
{
	return homeo_row_same_problem(a, b) && homeo_row_same_minute(a, b);
}

/*
 * Takes those out of rows that are only to be counted, puts them into counted,
 * which has room for all, and adds them to the occurrences of the ones that
 * are to be stored: their carriers.  Rows are in the order of service,
 * fingerprint, minute, release and time.  Returns how many remain; of those
 * that do so as the last of their group only, limit says what they are beyond.
 */
int
homeo_flood_thin(HomeoRow **rows, int nrows, HomeoRow **counted, int *ncounted)
{
	int			nkept = 0;
	int			end;

	*ncounted = 0;
	if (!any_limit(rows, nrows))
		return nrows;
	for (int start = 0; start < nrows; start = end)
	{
		int			skipped = 0;

		end = homeo_row_run_end(rows, nrows, start, same_problem_and_minute);
		for (int i = start; i < end; i++)
		{
			HomeoRow   *row = rows[i];

			row->limit = limit_of(row);
			if (row->limit != HOMEO_LIMIT_NONE && i < end - 1)
			{
				row->occurrences = 0;
				counted[*ncounted + skipped++] = row;
				continue;
			}
			row->occurrences += skipped;
			for (int k = 0; k < skipped; k++)
				counted[(*ncounted)++]->carrier = row;
			skipped = 0;
			rows[nkept++] = row;
		}
	}
	return nkept;
}
