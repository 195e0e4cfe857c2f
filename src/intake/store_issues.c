/*
 * store_issues.c
 *		Counts events for their issues, and makes those that are new.
 *
 * Called by store_rows.c, with SPI connected, when the events are stored.
 *
 * One upsert for the counts and one for the issues, each in the order of the
 * table's key.  A change of status is audited when the statement ends, with
 * all issues locked: the audit log's lock is the last that anybody takes.
 */
#include "postgres.h"

#include "intake/store_issues.h"

#include "base/spi.h"
#include "base/transient.h"
#include "catalog/pg_type.h"
#include "intake/issue_of.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* The rows of one issue. */
typedef struct HomeoRowGroup
{
	HomeoRow  **rows;
	int			nrows;
	int64		n;				/* what they count for */
	TimestampTz first_seen;
	const HomeoRow *latest;
} HomeoRowGroup;

static bool
same_issue(const HomeoRow *a, const HomeoRow *b)
{
	return a->service_id == b->service_id && a->issue_id == b->issue_id;
}

static bool
same_issue_and_minute(const HomeoRow *a, const HomeoRow *b)
{
	return same_issue(a, b) && homeo_row_same_minute(a, b);
}

/* By issue, minute and release, then by time. */
static int
compare_issue(const void *a, const void *b)
{
	const HomeoRow *x = *(HomeoRow *const *) a;
	const HomeoRow *y = *(HomeoRow *const *) b;
	int			result = homeo_row_compare_int64(x->service_id, y->service_id);

	if (result == 0)
		result = homeo_row_compare_int64(x->issue_id, y->issue_id);
	if (result == 0)
		result = homeo_row_compare_minute(x, y);
	return result;
}

static int64
count_of(HomeoRow **rows, int nrows)
{
	int64		n = 0;

	for (int i = 0; i < nrows; i++)
		n += rows[i]->occurrences;
	return n;
}

/* Rows, in the order of compare_issue, as groups.  Returns how many. */
static int
make_groups(HomeoRow **rows, int nrows, HomeoRowGroup *groups)
{
	int			ngroups = 0;
	int			end;

	for (int i = 0; i < nrows; i = end)
	{
		HomeoRowGroup *group = &groups[ngroups++];

		end = homeo_row_run_end(rows, nrows, i, same_issue);
		group->rows = &rows[i];
		group->nrows = end - i;
		group->n = count_of(group->rows, group->nrows);
		group->latest = rows[i];
		group->first_seen = rows[i]->prepared.event->timestamp;
		for (int r = i + 1; r < end; r++)
		{
			TimestampTz timestamp = rows[r]->prepared.event->timestamp;

			group->first_seen = Min(group->first_seen, timestamp);
			if (timestamp > group->latest->prepared.event->timestamp)
				group->latest = rows[r];
		}
	}
	return ngroups;
}

/* Adds to issue_counts what rows, in the order of compare_issue, count for. */
static void
count_minutes(HomeoRow **rows, int nrows)
{
	static SPIPlanPtr plan = NULL;
	static const HomeoTransientColumn columns[] = {
		{"service_id", INT8OID}, {"issue_id", INT8OID},
		{"minute", TIMESTAMPTZOID}, {"release", TEXTOID}, {"n", INT8OID}
	};
	HomeoTransient *minutes = homeo_transient_make("homeo_minutes", columns,
												   lengthof(columns));
	int			end;

	for (int i = 0; i < nrows; i = end)
	{
		const HomeoText *release =
		&rows[i]->prepared.event->text[HOMEO_FIELD_RELEASE];
		Datum		v[lengthof(columns)];
		bool		n[lengthof(columns)] = {0};

		end = homeo_row_run_end(rows, nrows, i, same_issue_and_minute);
		v[0] = Int64GetDatum(rows[i]->service_id);
		v[1] = Int64GetDatum(rows[i]->issue_id);
		v[2] = TimestampTzGetDatum(homeo_row_minute(rows[i]));
		if (release->data != NULL)
			homeo_row_put_text(&v[3], &n[3], release);
		else
			v[3] = CStringGetTextDatum("");
		v[4] = Int64GetDatum(count_of(&rows[i], end - i));
		homeo_transient_add(minutes, v, n);
	}
	homeo_transient_register(minutes);
	homeo_spi_run(&plan,
				  "insert into homeostasis.issue_counts as c"
				  "  (service_id, issue_id, minute, release, error_count)"
				  " select service_id, issue_id, minute, release, n from homeo_minutes"
				  " on conflict (service_id, issue_id, minute, release) do update"
				  " set error_count = c.error_count + excluded.error_count",
				  0, NULL, NULL, SPI_OK_INSERT);
	homeo_transient_end(minutes);
}

/* One that was thought to be over has occurred since; a mute has ended. */
#define REGRESSED \
	"(i.status in ('healed', 'resolved') and excluded.last_seen > i.status_changed_at)"
#define UNMUTED "(i.status = 'muted' and i.muted_until <= now())"

/*
 * The index is on last_active, which moves once an hour, so that most changes
 * need no other entries in indexes.  $1 is the time of this statement and of
 * no other.  What comes back are the issues that were made or have changed
 * their status; of the latter, which ON CONFLICT has locked, xmax is not 0.
 */
#define UPSERT_ISSUES \
	"with counted as (" \
	" insert into homeostasis.issues as i" \
	"  (service_id, id, title, level, language, error_type, sqlstate," \
	"   first_seen, last_seen, last_active, error_count, sample_event_id," \
	"   sample_timestamp, status_changed_at)" \
	" select service_id, issue_id, title, level, language, error_type, sqlstate," \
	"  first_seen, last_seen, last_seen, n, event_id, last_seen, $1" \
	" from homeo_issues" \
	" on conflict (service_id, id) do update set" \
	"  error_count = i.error_count + excluded.error_count," \
	"  first_seen = least(i.first_seen, excluded.first_seen)," \
	"  last_seen = greatest(i.last_seen, excluded.last_seen)," \
	"  last_active = case" \
	"   when excluded.last_seen > i.last_active + interval '1 hour'" \
	"   then excluded.last_seen else i.last_active end," \
	"  sample_event_id = excluded.sample_event_id," \
	"  sample_timestamp = excluded.sample_timestamp," \
	"  status = case when " REGRESSED " then 'regressed'" \
	"   when " UNMUTED " then 'open' else i.status end," \
	"  status_changed_at = case when " REGRESSED " or " UNMUTED \
	"   then $1 else i.status_changed_at end," \
	"  muted_until = case when i.status = 'muted' and not " UNMUTED \
	"   then i.muted_until end" \
	" returning service_id, id, xmax = 0 as made, status_changed_at)" \
	" select service_id, id, made from counted where status_changed_at = $1"

static void
upsert_issues(HomeoRowGroup *groups, int ngroups)
{
	static SPIPlanPtr plan = NULL;
	static const HomeoTransientColumn columns[] = {
		{"service_id", INT8OID}, {"issue_id", INT8OID}, {"n", INT8OID},
		{"first_seen", TIMESTAMPTZOID}, {"last_seen", TIMESTAMPTZOID},
		{"event_id", UUIDOID}, {"title", TEXTOID}, {"level", TEXTOID},
		{"language", TEXTOID}, {"error_type", TEXTOID}, {"sqlstate", TEXTOID}
	};
	HomeoTransient *issues = homeo_transient_make("homeo_issues", columns,
												  lengthof(columns));
	Oid			type = TIMESTAMPTZOID;
	Datum		now = TimestampTzGetDatum(GetCurrentTimestamp());

	for (int i = 0; i < ngroups; i++)
	{
		const HomeoRow *latest = groups[i].latest;
		const HomeoPrepared *p = &latest->prepared;
		Datum		v[lengthof(columns)];
		bool		n[lengthof(columns)] = {0};

		v[0] = Int64GetDatum(latest->service_id);
		v[1] = Int64GetDatum(latest->issue_id);
		v[2] = Int64GetDatum(groups[i].n);
		v[3] = TimestampTzGetDatum(groups[i].first_seen);
		v[4] = TimestampTzGetDatum(p->event->timestamp);
		v[5] = UUIDPGetDatum(&p->event->event_id);
		v[6] = CStringGetTextDatum(homeo_prepare_title(p));
		v[7] = CStringGetTextDatum(homeo_event_levels[p->event->level]);
		v[8] = CStringGetTextDatum(p->language);
		v[9] = CStringGetTextDatum(p->error_type);
		homeo_row_put_text(&v[10], &n[10], &p->event->text[HOMEO_FIELD_SQLSTATE]);
		homeo_transient_add(issues, v, n);
	}
	homeo_transient_register(issues);
	homeo_spi_run(&plan, UPSERT_ISSUES, 1, &type, &now, SPI_OK_SELECT);
	homeo_transient_end(issues);
}

/*
 * What came back from UPSERT_ISSUES, in the order of groups.  Returns how many.
 */
static int
take_turned(const HomeoRowGroup *groups, HomeoTurnedIssue *turned)
{
	int			g = 0;

	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HomeoTurnedIssue *issue = &turned[i];
		bool		made = DatumGetBool(homeo_spi_value(i, 3));

		issue->service_id = DatumGetInt64(homeo_spi_value(i, 1));
		issue->issue_id = DatumGetInt64(homeo_spi_value(i, 2));
		while (groups[g].latest->service_id != issue->service_id ||
			   groups[g].latest->issue_id != issue->issue_id)
			g++;
		issue->sample = groups[g].latest;
		/* It was merged into another since the transaction's snapshot. */
		if (made && !issue->sample->is_new)
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("could not serialize access due to concurrent delete"),
					 errdetail("Another transaction has merged or deleted the issue of an event.")));
	}
	return (int) SPI_processed;
}

int
homeo_store_issues(HomeoRow **rows, int nrows, HomeoTurnedIssue *turned)
{
	HomeoRowGroup *groups = palloc(sizeof(*groups) * nrows);
	int			ngroups;

	qsort(rows, nrows, sizeof(*rows), homeo_row_compare_group);
	homeo_issue_assign(rows, nrows);
	qsort(rows, nrows, sizeof(*rows), compare_issue);
	count_minutes(rows, nrows);
	ngroups = make_groups(rows, nrows, groups);
	upsert_issues(groups, ngroups);
	return take_turned(groups, turned);
}
