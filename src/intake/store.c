/*
 * store.c
 *		Stores a batch of events, so that no event keeps another one from
 *		being stored.
 *
 * Called by the ingest worker and by ingest(), in a transaction, as
 * homeostasis_owner.  A batch is stored in a subtransaction.  If that fails
 * because of an event, the batch is halved until the event is found; it goes
 * into rejected_events.  If it fails because somebody holds a lock, the
 * worker must not wait as long as that transaction pleases: what needs the
 * lock goes into deferred_events and is tried again later.  Other failures,
 * a full disk for example, aren't the events' fault and are raised.
 *
 * Memory: the caller's context, which lives as long as the batch, and one for
 * each attempt.
 */
#include "postgres.h"

#include "intake/store.h"

#include "access/xact.h"
#include "base/errors.h"
#include "base/memory.h"
#include "base/worker.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "executor/spi.h"
#include "intake/event_id.h"
#include "intake/event_json.h"
#include "intake/log_template.h"
#include "intake/log_template_save.h"
#include "intake/store_errors.h"
#include "intake/store_rows.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

/* How long the worker waits for locks: for one, and in one batch. */
#define LOCK_WAIT			"200ms"
#define NEXT_LOCK_WAIT		"20ms"
#define LOCK_WAIT_BUDGET_MS	1000

/* What is kept of an event that was refused. */
#define REJECTED_LIMIT		(64 * 1024)

typedef struct HomeoBatch
{
	HomeoStoreMode mode;
	HomeoStoreResult *result;
	MemoryContext context;
	instr_time	started;
	bool		waited;			/* for a lock, in vain */
} HomeoBatch;

static HomeoIssueHook issue_hook = NULL;

/* True when this transaction has made work for the healer. */
static bool wake_healer = false;

/* hook is called for each issue that is new or came back. */
void
homeo_store_set_issue_hook(HomeoIssueHook hook)
{
	issue_hook = hook;
}

void
homeo_store_wake_healer(void)
{
	wake_healer = true;
}

static void
wake_at_commit(XactEvent event, void *arg)
{
	if (!wake_healer)
		return;
	if (event == XACT_EVENT_COMMIT)
		homeo_worker_wake(HOMEO_WORKER_HEALER);
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT)
		wake_healer = false;
}

static void
run_insert(const char *sql, int nargs, Oid *types, Datum *values,
		   const char *nulls)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	if (SPI_execute_with_args(sql, nargs, types, values, nulls, false,
							  0) != SPI_OK_INSERT)
		elog(ERROR, "could not run \"%s\"", sql);
	SPI_finish();
}

/* Puts an event, without its secrets, into rejected_events. */
static void
reject(HomeoBatch *batch, HomeoRow *row, const char *field, const char *reason)
{
	HomeoEvent *event = row->prepared.event;
	const HomeoText *original = &event->text[HOMEO_FIELD_METADATA];
	Oid			types[] = {TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID};
	Datum		values[5];
	char		nulls[] = "     ";
	StringInfoData kept;
	int			len;

	homeo_prepare_complete(&row->prepared);
	initStringInfo(&kept);
	if (event->rejected)
		appendBinaryStringInfo(&kept, original->data, (int) original->len);
	else
		homeo_event_json_write(event, &kept);
	len = pg_mbcliplen(kept.data, kept.len, REJECTED_LIMIT);

	values[0] = TimestampTzGetDatum(event->received);
	values[1] = CStringGetTextDatum(homeo_event_origins[event->origin]);
	if (field != NULL)
		values[2] = CStringGetTextDatum(field);
	else
		nulls[2] = 'n';
	values[3] = CStringGetTextDatum(reason);
	values[4] = PointerGetDatum(cstring_to_text_with_len(kept.data, len));
	run_insert("insert into homeostasis.rejected_events"
			   " (received_at, origin, field, reason, event)"
			   " values ($1, $2, $3, $4, $5)", 5, types, values, nulls);
	event->rejected = true;
	batch->result->rejected++;
}

/* An event that was refused when it was reported says so itself. */
static void
reject_reported(HomeoBatch *batch, HomeoRow *row)
{
	HomeoEvent *event = row->prepared.event;
	const HomeoText *field = &event->text[HOMEO_FIELD_ERROR_TYPE];
	const HomeoText *reason = &event->text[HOMEO_FIELD_MESSAGE];

	reject(batch, row,
		   field->data ? pnstrdup(field->data, field->len) : NULL,
		   pnstrdup(reason->data, reason->len));
}

/* Sets events aside, as records without their secrets, for another try. */
static void
defer(HomeoBatch *batch, HomeoRow **rows, int nrows, const char *reason)
{
	Oid			types[] = {TEXTOID, BYTEAOID};
	Datum		values[2];

	values[0] = CStringGetTextDatum(reason);
	for (int i = 0; i < nrows; i++)
	{
		HomeoEventRecord record;
		StringInfoData bytes;

		homeo_prepare_complete(&rows[i]->prepared);
		homeo_event_encode(rows[i]->prepared.event, &record);
		initStringInfo(&bytes);
		bytes.len = VARHDRSZ;
		for (int p = 0; p < record.nparts; p++)
			appendBinaryStringInfo(&bytes, record.parts[p].data,
								   (int) record.parts[p].len);
		SET_VARSIZE(bytes.data, bytes.len);
		values[1] = PointerGetDatum(bytes.data);
		run_insert("insert into homeostasis.deferred_events (reason, record)"
				   " values ($1, $2)", 2, types, values, NULL);
	}
	batch->result->deferred += nrows;
}

/* Classes of errors that say something about the data, not the server. */
static bool
is_fault_of_event(const ErrorData *error)
{
	if (homeo_store_errors_lack_partition(error))
		return false;
	switch (ERRCODE_TO_CATEGORY(error->sqlerrcode))
	{
		case ERRCODE_DATA_EXCEPTION:
		case ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION:
		case ERRCODE_PROGRAM_LIMIT_EXCEEDED:
		case ERRCODE_PLPGSQL_ERROR:
		case ERRCODE_TO_CATEGORY(ERRCODE_HOMEO_INVALID_EVENT):
			return true;
		default:
			return error->sqlerrcode == ERRCODE_INTERNAL_ERROR;
	}
}

static bool
is_lock_trouble(int sqlerrcode)
{
	return sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
		sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED;
}

/*
 * Diagnoses an issue.  A failure must not cost the event: it is logged, and
 * the issue goes without a diagnosis.
 */
static void
diagnose(const HomeoTurnedIssue *issue)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		issue_hook(issue);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		if (!is_fault_of_event(error))
			ReThrowError(error);
		ereport(WARNING,
				(errcode(error->sqlerrcode),
				 errmsg("could not diagnose issue " INT64_FORMAT ": %s",
						issue->issue_id, error->message)));
		FreeErrorData(error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
}

/* Prepares and writes rows; raises an error if any of them can't be. */
static void
store_all(HomeoBatch *batch, HomeoRow **rows, int nrows)
{
	HomeoTurnedIssue *turned;
	int			nturned;
	int			nstored = 0;
	int			ncounted = 0;
	int			nrefused = 0;

	homeo_store_rows(rows, nrows, &turned, &nturned);
	homeo_memory_note();
	for (int i = 0; i < nturned && issue_hook != NULL; i++)
		diagnose(&turned[i]);
	if (nturned > 0)
		wake_healer = true;

	for (int i = 0; i < nrows; i++)
	{
		nstored += rows[i]->stored;
		ncounted += rows[i]->occurrences - rows[i]->stored;
		nrefused += rows[i]->refusal != NULL;
	}
	batch->result->stored += nstored;
	batch->result->counted += ncounted;
	batch->result->duplicate += nrows - nstored - ncounted - nrefused;
}

/*
 * Disposes of the rows that a limit has kept out, after the others of their
 * attempt were stored.  Their reasons live as long as the attempt.
 */
static void
dispose_refused(HomeoBatch *batch, HomeoRow **rows, int nrows)
{
	for (int i = 0; i < nrows; i++)
	{
		if (rows[i]->refusal == NULL)
			continue;
		if (batch->mode == HOMEO_STORE_STRICT)
			ereport(ERROR,
					(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
					 errmsg("the event is refused: %s", rows[i]->refusal),
					 errhint("Report what differs from time to time in \"metadata\", not in the name or the message; or raise the setting.")));
		reject(batch, rows[i], rows[i]->refused_field, rows[i]->refusal);
	}
}

/*
 * The same in a subtransaction.  Returns NULL, or the error for which it was
 * rolled back, palloc'd.
 */
static ErrorData *
try_all(HomeoBatch *batch, HomeoRow **rows, int nrows)
{
	ResourceOwner owner = CurrentResourceOwner;
	MemoryContext attempt = AllocSetContextCreate(batch->context,
												  "homeostasis attempt",
												  ALLOCSET_DEFAULT_SIZES);
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(attempt);
	PG_TRY();
	{
		store_all(batch, rows, nrows);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(batch->context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(batch->context);
	CurrentResourceOwner = owner;
	if (error == NULL)
		dispose_refused(batch, rows, nrows);
	MemoryContextDelete(attempt);
	return error;
}

/* Until the end of the transaction. */
static void
set_lock_timeout(const char *value)
{
	(void) set_config_option("lock_timeout", value, PGC_SUSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
}

/* After the first wait in vain, the others are short, and few. */
static bool
may_wait_again(HomeoBatch *batch)
{
	instr_time	since;

	if (!batch->waited)
		set_lock_timeout(NEXT_LOCK_WAIT);
	batch->waited = true;
	INSTR_TIME_SET_CURRENT(since);
	INSTR_TIME_SUBTRACT(since, batch->started);
	return INSTR_TIME_GET_MILLISEC(since) < LOCK_WAIT_BUDGET_MS;
}

static bool
same_fingerprint(const HomeoRow *a, const HomeoRow *b)
{
	return memcmp(&a->prepared.fingerprint, &b->prepared.fingerprint,
				  UUID_LEN) == 0;
}

/*
 * Stores rows, in the order of homeo_row_compare, halving them on errors.
 * Events with one fingerprint are neighbours, so an issue that is locked is
 * found in as many steps as an event that is bad.
 */
static void
store_or_halve(HomeoBatch *batch, HomeoRow **rows, int nrows)
{
	ErrorData  *error = try_all(batch, rows, nrows);
	int			half = nrows / 2;

	if (error != NULL && homeo_store_errors_repeatable(error))
	{
		FreeErrorData(error);
		error = try_all(batch, rows, nrows);
	}
	if (error == NULL)
		return;
	if (batch->mode == HOMEO_STORE_DEFER && is_lock_trouble(error->sqlerrcode))
	{
		if (!may_wait_again(batch) ||
			same_fingerprint(rows[0], rows[nrows - 1]))
		{
			defer(batch, rows, nrows, error->message);
			return;
		}
	}
	else if (batch->mode == HOMEO_STORE_STRICT ||
			 !is_fault_of_event(error))
		ReThrowError(error);
	else if (nrows == 1)
	{
		reject(batch, rows[0], error->column_name, error->message);
		return;
	}
	FreeErrorData(error);
	store_or_halve(batch, rows, half);
	store_or_halve(batch, rows + half, nrows - half);
}

/*
 * Stores events, and adds to *result what became of them.  Events that were
 * refused before are put into rejected_events; of those that turn out bad
 * here, mode decides, and sets their rejected.
 */
void
homeo_store_batch(HomeoEvent *events, int nevents, HomeoStoreMode mode,
				  HomeoStoreResult *result)
{
	HomeoBatch	batch;
	HomeoRow   *all = palloc0(sizeof(HomeoRow) * nevents);
	HomeoRow  **rows = palloc(sizeof(HomeoRow *) * nevents);
	int			nrows = 0;
	uint64		generation = homeo_log_template_generation();

	batch.mode = mode;
	batch.result = result;
	batch.context = CurrentMemoryContext;
	INSTR_TIME_SET_CURRENT(batch.started);
	batch.waited = false;
	if (mode == HOMEO_STORE_DEFER)
		set_lock_timeout(LOCK_WAIT);

	for (int i = 0; i < nevents; i++)
	{
		homeo_prepare(&events[i], &all[i].prepared);
		if (events[i].rejected)
			reject_reported(&batch, &all[i]);
		else if (all[i].prepared.excluded)
			result->excluded++;
		else
			rows[nrows++] = &all[i];
	}
	if (nrows == 0)
		return;
	/* Lines that came later may have shown what the first ones are. */
	for (int i = 0; i < nrows &&
		 homeo_log_template_generation() != generation; i++)
		homeo_prepare_renew(&rows[i]->prepared);
	qsort(rows, nrows, sizeof(*rows), homeo_row_compare);
	store_or_halve(&batch, rows, nrows);
	homeo_log_template_save();
}

/* Stores one event in a subtransaction; returns its error, palloc'd, or NULL. */
static ErrorData *
try_one(HomeoEvent *event, HomeoStoreMode mode, HomeoStoreResult *result,
		bool keep)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		homeo_store_batch(event, 1, mode, result);
		if (keep)
			ReleaseCurrentSubTransaction();
		else
			RollbackAndReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return error;
}

/*
 * Whether an error of the server could be stored now: one is, and the
 * subtransaction rolled back.
 */
static bool
can_store(void)
{
	HomeoEvent	probe;
	HomeoStoreResult ignored = {0};

	memset(&probe, 0, sizeof(probe));
	probe.received = GetCurrentTimestamp();
	probe.timestamp = probe.received;
	probe.origin = HOMEO_ORIGIN_CHECKUP;
	probe.level = HOMEO_LEVEL_ERROR;
	probe.encoding = GetDatabaseEncoding();
	homeo_event_id_make(&probe.event_id, probe.received);
	homeo_event_set_string(&probe, HOMEO_FIELD_DATABASE,
						   get_database_name(MyDatabaseId));
	homeo_event_set_string(&probe, HOMEO_FIELD_SQLSTATE, "XX000");
	homeo_event_set_string(&probe, HOMEO_FIELD_MESSAGE,
						   "homeostasis tries whether errors can be stored");
	set_lock_timeout(LOCK_WAIT);
	return try_one(&probe, HOMEO_STORE_STRICT, &ignored, false) == NULL;
}

void
homeo_store_reject(HomeoEvent *events, int nevents, const char *reason,
				   HomeoStoreResult *result)
{
	HomeoBatch	batch = {.result = result};

	for (int i = 0; i < nevents; i++)
	{
		HomeoRow	row = {
			.prepared.event = &events[i],
			.prepared.context = CurrentMemoryContext,
			.prepared.scrubbed = events[i].scrubbed ? PG_UINT32_MAX : 0
		};

		reject(&batch, &row, NULL, reason);
	}
}

/*
 * Stores an event that failed again and again, or rejects it: if it fails
 * once more while another one can be stored, it is to blame.  While nothing
 * can be stored its error is raised: it must not be lost for an outage.
 */
void
homeo_store_suspect(HomeoEvent *event, HomeoStoreResult *result)
{
	HomeoStoreResult this_time = {0};
	ErrorData  *error = try_one(event, HOMEO_STORE_DEFER, &this_time, true);

	if (error == NULL)
	{
		result->stored += this_time.stored;
		result->counted += this_time.counted;
		result->duplicate += this_time.duplicate;
		result->rejected += this_time.rejected;
		result->deferred += this_time.deferred;
		result->excluded += this_time.excluded;
		return;
	}
	if (!can_store())
		ReThrowError(error);
	homeo_store_reject(event, 1,
					   "it could not be stored; the server log says why",
					   result);
}

/*
 * Takes events that were set aside, at most limit of them, and tries again;
 * those that still have to wait go to the end of the queue.  Returns how
 * many were taken.  With suspicious, one of them has failed again and again.
 */
int
homeo_store_deferred(int limit, bool suspicious, HomeoStoreResult *result)
{
	Oid			type = INT4OID;
	Datum		value = Int32GetDatum(limit);
	MemoryContext context = CurrentMemoryContext;
	HomeoEvent *events;
	int			nevents;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	if (SPI_execute_with_args("delete from homeostasis.deferred_events"
							  " where id = any (array(select id"
							  "  from homeostasis.deferred_events"
							  "  order by id limit $1 for update skip locked))"
							  " returning record",
							  1, &type, &value, NULL, false,
							  0) != SPI_OK_DELETE_RETURNING)
		elog(ERROR, "could not take deferred events");
	nevents = (int) SPI_processed;

	MemoryContextSwitchTo(context);
	events = palloc(sizeof(HomeoEvent) * Max(nevents, 1));
	for (int i = 0; i < nevents; i++)
	{
		bool		isnull;
		bytea	   *record = DatumGetByteaPCopy(SPI_getbinval(SPI_tuptable->vals[i],
															  SPI_tuptable->tupdesc,
															  1, &isnull));
		const char *problem = homeo_event_decode(VARDATA(record),
												 VARSIZE(record) - VARHDRSZ,
												 &events[i]);

		if (problem != NULL)
			homeo_event_make_unreadable(&events[i], problem);
	}
	SPI_finish();
	for (int i = 0; i < nevents && suspicious; i++)
		homeo_store_suspect(&events[i], result);
	if (nevents > 0 && !suspicious)
		homeo_store_batch(events, nevents, HOMEO_STORE_DEFER, result);
	return nevents;
}

/* Called from _PG_init. */
void
homeo_store_init(void)
{
	RegisterXactCallback(wake_at_commit, NULL);
}
