/*
 * store_issues.c
 *		Counts events for their issues, and makes those that are new.
 *
 * Called by store_rows.c, with SPI connected, when the events are stored.
 */
#include "postgres.h"

#include "intake/store_issues.h"

#include "base/guc.h"
#include "base/spi.h"
#include "base/transient.h"
#include "catalog/pg_type.h"
#include "text/fingerprint.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* A group of stored rows with one fingerprint. */
typedef struct HomeoRowGroup
{
	HomeoRow  **rows;
	int			nrows;
} HomeoRowGroup;

static const HomeoRow *
latest_of(const HomeoRowGroup *group)
{
	const HomeoRow *latest = group->rows[0];

	for (int i = 1; i < group->nrows; i++)
	{
		if (group->rows[i]->prepared.event->timestamp >
			latest->prepared.event->timestamp)
			latest = group->rows[i];
	}
	return latest;
}

static TimestampTz
first_time_of(const HomeoRowGroup *group)
{
	TimestampTz first = group->rows[0]->prepared.event->timestamp;

	for (int i = 1; i < group->nrows; i++)
		first = Min(first, group->rows[i]->prepared.event->timestamp);
	return first;
}

static int64
count_of(HomeoRow **rows, int nrows)
{
	int64		n = 0;

	for (int i = 0; i < nrows; i++)
		n += rows[i]->occurrences;
	return n;
}

static HomeoTransient *
make_groups(HomeoRow **rows, int nrows)
{
	static const HomeoTransientColumn columns[] = {
		{"service_id", INT8OID}, {"fingerprint", UUIDOID}, {"n", INT8OID},
		{"first_seen", TIMESTAMPTZOID}, {"last_seen", TIMESTAMPTZOID},
		{"event_id", UUIDOID}, {"title", TEXTOID}, {"level", TEXTOID},
		{"language", TEXTOID}, {"error_type", TEXTOID}, {"sqlstate", TEXTOID}
	};
	HomeoTransient *groups = homeo_transient_make("homeo_groups", columns,
												  lengthof(columns));
	HomeoRowGroup group;

	for (int i = 0; i < nrows; i += group.nrows)
	{
		const HomeoRow *sample;
		const HomeoPrepared *p;
		Datum		v[lengthof(columns)];
		bool		n[lengthof(columns)] = {0};

		group.rows = &rows[i];
		group.nrows = homeo_row_group_end(rows, nrows, i, false) - i;
		sample = latest_of(&group);
		p = &sample->prepared;
		v[0] = Int64GetDatum(sample->service_id);
		v[1] = UUIDPGetDatum(&p->fingerprint);
		v[2] = Int64GetDatum(count_of(group.rows, group.nrows));
		v[3] = TimestampTzGetDatum(first_time_of(&group));
		v[4] = TimestampTzGetDatum(p->event->timestamp);
		v[5] = UUIDPGetDatum(&p->event->event_id);
		v[6] = CStringGetTextDatum(homeo_prepare_title(p));
		v[7] = CStringGetTextDatum(homeo_event_levels[p->event->level]);
		v[8] = CStringGetTextDatum(p->language);
		v[9] = CStringGetTextDatum(p->error_type);
		homeo_put_text(&v[10], &n[10], &p->event->text[HOMEO_FIELD_SQLSTATE]);
		homeo_transient_add(groups, v, n);
	}
	return groups;
}

static HomeoTransient *
make_minutes(HomeoRow **rows, int nrows)
{
	static const HomeoTransientColumn columns[] = {
		{"service_id", INT8OID}, {"fingerprint", UUIDOID},
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

		end = homeo_row_group_end(rows, nrows, i, true);
		v[0] = Int64GetDatum(rows[i]->service_id);
		v[1] = UUIDPGetDatum(&rows[i]->prepared.fingerprint);
		v[2] = TimestampTzGetDatum(homeo_row_minute(rows[i]));
		if (release->data != NULL)
			homeo_put_text(&v[3], &n[3], release);
		else
			v[3] = CStringGetTextDatum("");
		v[4] = Int64GetDatum(count_of(&rows[i], end - i));
		homeo_transient_add(minutes, v, n);
	}
	return minutes;
}

/* Fills in turned from (service_id, issue_id, event_id, timestamp). */
static void
take_turned(HomeoRow **rows, int nrows, HomeoTurnedIssue *turned,
			int *nturned)
{
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HomeoTurnedIssue *issue = &turned[(*nturned)++];
		pg_uuid_t  *event_id = DatumGetUUIDP(homeo_spi_value(i, 3));
		TimestampTz timestamp = DatumGetTimestampTz(homeo_spi_value(i, 4));

		issue->service_id = DatumGetInt64(homeo_spi_value(i, 1));
		issue->issue_id = DatumGetInt64(homeo_spi_value(i, 2));
		issue->sample = NULL;
		for (int r = 0; r < nrows && issue->sample == NULL; r++)
		{
			if (rows[r]->service_id == issue->service_id &&
				rows[r]->prepared.event->timestamp == timestamp &&
				memcmp(&rows[r]->prepared.event->event_id, event_id,
					   UUID_LEN) == 0)
				issue->sample = rows[r];
		}
		if (issue->sample == NULL)
			elog(ERROR, "the sample of an issue is none of its events");
	}
}

/*
 * Which of the rows, at most nrows and one of each fingerprint, have a
 * fingerprint that no issue has.  Returns how many; they are in the order in
 * which they were given.
 */
static int
find_unknown(HomeoRow **rows, int nrows, HomeoRow **unknown)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[] = {INT8ARRAYOID, UUIDARRAYOID};
	Datum	   *services = palloc(sizeof(Datum) * nrows);
	Datum	   *fingerprints = palloc(sizeof(Datum) * nrows);
	Datum		values[2];
	int			n;

	for (int i = 0; i < nrows; i++)
	{
		services[i] = Int64GetDatum(rows[i]->service_id);
		fingerprints[i] = UUIDPGetDatum(&rows[i]->prepared.fingerprint);
	}
	values[0] = PointerGetDatum(construct_array(services, nrows, INT8OID,
												sizeof(int64),
												FLOAT8PASSBYVAL,
												TYPALIGN_DOUBLE));
	values[1] = PointerGetDatum(construct_array(fingerprints, nrows, UUIDOID,
												UUID_LEN, false,
												TYPALIGN_CHAR));
	homeo_spi_run(&plan,
				  "select k.place from unnest($1, $2)"
				  "  with ordinality k (service_id, fingerprint, place)"
				  " where not exists (select from homeostasis.issue_fingerprints f"
				  "  where f.service_id = k.service_id and f.fingerprint = k.fingerprint)"
				  " order by k.place",
				  2, types, values, SPI_OK_SELECT);
	n = (int) SPI_processed;
	for (int i = 0; i < n; i++)
		unknown[i] = rows[DatumGetInt64(homeo_spi_value(i, 1)) - 1];
	return n;
}

/* How many more issues the reports for a service may make. */
static int64
room_for_issues(int64 service_id)
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
 * Refuses the rows whose issue would be one too many for its service.  What
 * the server raised is always stored.  Rows are in the order of
 * homeo_row_compare, so those of an issue are neighbours.
 */
void
homeo_store_refuse_new_issues(HomeoRow **rows, int nrows)
{
	const char *reason = psprintf("its service has %d issues already, as many as homeostasis.max_issues_per_service allows",
								  homeo_guc_max_issues_per_service);
	HomeoRow  **firsts = palloc(sizeof(*firsts) * nrows);
	HomeoRow  **unknown = palloc(sizeof(*unknown) * nrows);
	int			nfirsts = 0;
	int			nunknown;
	int			r = 0;
	int64		room = 0;

	for (int i = 0; i < nrows; i++)
	{
		if (rows[i]->prepared.of_database || rows[i]->refusal != NULL)
			continue;
		if (nfirsts == 0 || !homeo_row_same_issue(firsts[nfirsts - 1], rows[i]))
			firsts[nfirsts++] = rows[i];
	}
	if (nfirsts == 0)
		return;
	nunknown = find_unknown(firsts, nfirsts, unknown);
	for (int u = 0; u < nunknown; u++)
	{
		if (u == 0 || unknown[u]->service_id != unknown[u - 1]->service_id)
			room = room_for_issues(unknown[u]->service_id);
		if (room-- > 0)
			continue;
		while (!homeo_row_same_issue(rows[r], unknown[u]))
			r++;
		while (r < nrows && homeo_row_same_issue(rows[r], unknown[u]))
			homeo_row_refuse(rows[r++], NULL, reason);
	}
}

/* Makes issues for the fingerprints that have none. */
static void
make_issues(void)
{
	static SPIPlanPtr plan = NULL;
	Oid			type = INT4OID;
	Datum		version = Int32GetDatum(HOMEO_FINGERPRINT_VERSION);

	homeo_spi_run(&plan,
				  "with missing as ("
				  " select g.service_id, g.fingerprint from homeo_groups g"
				  " where not exists (select from homeostasis.issue_fingerprints f"
				  "  where f.service_id = g.service_id and f.fingerprint = g.fingerprint)"
				  " order by g.service_id, g.fingerprint),"
				  " added as ("
				  " insert into homeostasis.issue_fingerprints"
				  "  (service_id, fingerprint, fingerprint_version, issue_id)"
				  " select service_id, fingerprint, $1,"
				  "  nextval('homeostasis.issues_id_seq'::regclass) from missing"
				  " on conflict do nothing"
				  " returning service_id, fingerprint, issue_id)"
				  " insert into homeostasis.issues"
				  "  (service_id, id, title, level, language, error_type, sqlstate,"
				  "   first_seen, last_seen, error_count, sample_event_id,"
				  "   sample_timestamp)"
				  " select g.service_id, a.issue_id, g.title, g.level, g.language,"
				  "  g.error_type, g.sqlstate, g.first_seen, g.last_seen, g.n,"
				  "  g.event_id, g.last_seen"
				  " from added a join homeo_groups g using (service_id, fingerprint)"
				  " returning service_id, id, sample_event_id, sample_timestamp",
				  1, &type, &version, SPI_OK_INSERT_RETURNING);
}

/*
 * Adds to the issues that were there before, which are all but created.  One
 * that was thought to be over has regressed if it occurred since; a muted one
 * opens when its time has come.  Those come back in SPI_tuptable.
 *
 * A change of status is audited, and the lock of the audit log is the last
 * that anybody takes; so all issues are locked before the first is changed.
 */
static void
count_issues(Datum created)
{
	static SPIPlanPtr lock = NULL;
	static SPIPlanPtr plan = NULL;
	Oid			type = INT8ARRAYOID;

	homeo_spi_run(&lock,
				  "select from homeostasis.issues i"
				  " where (i.service_id, i.id) in (select f.service_id, f.issue_id"
				  "  from homeo_groups g"
				  "  join homeostasis.issue_fingerprints f using (service_id, fingerprint)"
				  "  where f.issue_id <> all ($1))"
				  " order by i.service_id, i.id for no key update of i",
				  1, &type, &created, SPI_OK_SELECT);
	homeo_spi_run(&plan,
				  "with touched as ("
				  " select f.service_id, f.issue_id, sum(g.n)::bigint as n,"
				  "  min(g.first_seen) as first_seen, max(g.last_seen) as last_seen,"
				  "  (array_agg(g.event_id order by g.last_seen desc))[1] as event_id"
				  " from homeo_groups g"
				  " join homeostasis.issue_fingerprints f using (service_id, fingerprint)"
				  " where f.issue_id <> all ($1)"
				  " group by f.service_id, f.issue_id),"
				  " judged as ("
				  " select t.*, i.status as status_before, case"
				  "   when i.status in ('healed', 'resolved')"
				  "    and t.last_seen > i.status_changed_at then 'regressed'"
				  "   when i.status = 'muted' and i.muted_until <= now() then 'open'"
				  "   else i.status end as status"
				  " from touched t join homeostasis.issues i"
				  "  on i.service_id = t.service_id and i.id = t.issue_id),"
				  " counted as ("
				  " update homeostasis.issues i set"
				  "  error_count = i.error_count + j.n,"
				  "  first_seen = least(i.first_seen, j.first_seen),"
				  "  last_seen = greatest(i.last_seen, j.last_seen),"
				  "  sample_event_id = j.event_id,"
				  "  sample_timestamp = j.last_seen,"
				  "  status = j.status,"
				  "  status_changed_at = case when j.status = j.status_before"
				  "   then i.status_changed_at else now() end,"
				  "  muted_until = case when j.status = 'muted' then i.muted_until end"
				  " from judged j where i.service_id = j.service_id and i.id = j.issue_id"
				  " returning i.service_id, i.id, i.sample_event_id, i.sample_timestamp,"
				  "  j.status <> j.status_before as turned)"
				  " select service_id, id, sample_event_id, sample_timestamp"
				  " from counted where turned",
				  1, &type, &created, SPI_OK_SELECT);
}

static void
count_minutes(void)
{
	static SPIPlanPtr plan = NULL;

	homeo_spi_run(&plan,
				  "insert into homeostasis.issue_counts as c"
				  " (service_id, issue_id, minute, release, error_count)"
				  " select f.service_id, f.issue_id, m.minute, m.release, sum(m.n)"
				  " from homeo_minutes m"
				  " join homeostasis.issue_fingerprints f using (service_id, fingerprint)"
				  " group by 1, 2, 3, 4 order by 1, 2, 3, 4"
				  " on conflict (service_id, issue_id, minute, release) do update"
				  " set error_count = c.error_count + excluded.error_count",
				  0, NULL, NULL, SPI_OK_INSERT);
}

void
homeo_store_issues(HomeoRow **rows, int nrows, HomeoTurnedIssue *turned,
				   int *nturned)
{
	Datum	   *ids = palloc(sizeof(Datum) * nrows);
	Datum		created;
	HomeoTransient *groups;
	HomeoTransient *minutes;

	qsort(rows, nrows, sizeof(*rows), homeo_row_compare_group);
	groups = make_groups(rows, nrows);
	homeo_transient_register(groups);
	minutes = make_minutes(rows, nrows);
	homeo_transient_register(minutes);

	make_issues();
	take_turned(rows, nrows, turned, nturned);
	count_minutes();
	for (int i = 0; i < *nturned; i++)
		ids[i] = Int64GetDatum(turned[i].issue_id);
	created = PointerGetDatum(construct_array(ids, *nturned, INT8OID,
											  sizeof(int64), FLOAT8PASSBYVAL,
											  TYPALIGN_DOUBLE));
	count_issues(created);
	take_turned(rows, nrows, turned, nturned);
	homeo_transient_end(groups);
	homeo_transient_end(minutes);
}
