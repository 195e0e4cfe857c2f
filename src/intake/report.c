/*
 * report.c
 *		The SQL functions report(), report_batch() and ingest().
 *
 * The first two put events into the journal or the ring, outside the caller's
 * transaction: they survive its ROLLBACK and work in a read-only one.  The third stores
 * them as part of it.  All check events in the same way.
 */
#include "postgres.h"

#include "intake/report.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/guc.h"
#include "base/shmem.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "funcapi.h"
#include "intake/body.h"
#include "intake/decompress.h"
#include "intake/event_json.h"
#include "intake/event_text.h"
#include "intake/outbox.h"
#include "intake/store.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

/* An event on its way from the array it came in to the id it gets. */
typedef struct HomeoReportSlot
{
	bool		refused;
	pg_uuid_t	id;
} HomeoReportSlot;

/* Who reports is known, not told. */
void
homeo_report_sign(HomeoEvent *event)
{
	event->pid = MyProcPid;
	event->session_start = MyStartTimestamp;
	event->session_role = GetSessionUserId();
}

/*
 * The only argument of most of these functions; they are not strict, because
 * a null must not look as if it had been stored.
 */
static Jsonb *
json_argument(FunctionCallInfo fcinfo, const char *name)
{
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_HOMEO_INVALID_ARGUMENT),
				 errmsg("argument \"%s\" may not be null", name),
				 errhint("Give an object with at least the key error_message.")));
	return PG_GETARG_JSONB_P(0);
}

/*
 * report(event jsonb) returns uuid, null if the event was dropped
 */
PG_FUNCTION_INFO_V1(homeo_report);

Datum
homeo_report(PG_FUNCTION_ARGS)
{
	Jsonb	   *json = json_argument(fcinfo, "event");
	HomeoEvent	event;
	HomeoEventProblem problem;
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));
	HomeoOutbox *outbox;

	homeo_shmem_require();
	if (!homeo_event_json_read(&json->root, HOMEO_ORIGIN_REPORT, &event,
							   &problem))
		homeo_event_json_raise(&problem);
	homeo_report_sign(&event);
	outbox = homeo_outbox_open(1);
	homeo_outbox_add(outbox, &event);
	homeo_outbox_close(outbox);
	if (!homeo_outbox_took(outbox, 0))
		PG_RETURN_NULL();
	*id = event.event_id;
	PG_RETURN_UUID_P(id);
}

static void
require_array(const Jsonb *json)
{
	if (!JB_ROOT_IS_ARRAY(json) || JB_ROOT_IS_SCALAR(json))
		ereport(ERROR,
				(errcode(ERRCODE_HOMEO_INVALID_EVENT),
				 errmsg("events must be a JSON array of objects"),
				 errhint("Call homeostasis.report() for a single event.")));
}

/*
 * Reads an element of an array of events.  A bad one becomes the event by
 * which it reaches rejected_events.
 */
static void
read_element(JsonbValue *element, HomeoEventOrigin origin, HomeoEvent *event)
{
	HomeoEventProblem problem = {NULL, "must be an object", NULL};

	if (element->type == jbvBinary &&
		homeo_event_json_read(element->val.binary.data, origin, event,
							  &problem))
	{
		if (origin == HOMEO_ORIGIN_REPORT || origin == HOMEO_ORIGIN_INGEST)
			homeo_report_sign(event);
	}
	else
		homeo_event_json_reject(element, origin, &problem, event);
}

static void
return_slots(FunctionCallInfo fcinfo, const HomeoReportSlot *slots, int nslots)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	for (int i = 0; i < nslots; i++)
	{
		Datum		value = UUIDPGetDatum(&slots[i].id);
		bool		isnull = slots[i].refused;

		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, &value,
							 &isnull);
	}
}

/* What was dropped has no id, as what was refused. */
static void
close_outbox(HomeoOutbox *outbox, HomeoReportSlot *slots, int nslots)
{
	homeo_outbox_close(outbox);
	for (int i = 0; i < nslots; i++)
		slots[i].refused |= !homeo_outbox_took(outbox, i);
}

/*
 * report_batch(events jsonb) returns setof uuid
 *
 * One row an event, in their order; null for one that was refused or dropped.
 */
PG_FUNCTION_INFO_V1(homeo_report_batch);

Datum
homeo_report_batch(PG_FUNCTION_ARGS)
{
	Jsonb	   *json = json_argument(fcinfo, "events");
	int			total = JB_ROOT_COUNT(json);
	HomeoOutbox *outbox;
	MemoryContext scratch;
	MemoryContext caller;
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	element;
	HomeoReportSlot *slots;
	int			n = 0;

	homeo_shmem_require();
	require_array(json);
	outbox = homeo_outbox_open(total);
	slots = palloc(sizeof(HomeoReportSlot) * Max(total, 1));
	scratch = AllocSetContextCreate(CurrentMemoryContext,
									"homeostasis report",
									ALLOCSET_DEFAULT_SIZES);
	it = JsonbIteratorInit(&json->root);
	while ((token = JsonbIteratorNext(&it, &element, true)) != WJB_DONE)
	{
		HomeoEvent	event;

		if (token != WJB_ELEM)
			continue;
		CHECK_FOR_INTERRUPTS();
		caller = MemoryContextSwitchTo(scratch);
		read_element(&element, HOMEO_ORIGIN_REPORT, &event);
		homeo_outbox_add(outbox, &event);
		slots[n].refused = event.rejected;
		slots[n].id = event.event_id;
		n++;
		MemoryContextSwitchTo(caller);
		MemoryContextReset(scratch);
	}
	MemoryContextDelete(scratch);
	close_outbox(outbox, slots, n);
	return_slots(fcinfo, slots, n);
	return (Datum) 0;
}

/* Reads the events of the text of a body into the outbox; fills in slots. */
static void
read_body(HomeoSlice body, HomeoOutbox *outbox, HomeoReportSlot *slots)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext,
												  "homeostasis report",
												  ALLOCSET_DEFAULT_SIZES);
	HomeoSplit	split;
	HomeoSlice	piece;

	homeo_split_init(&split, body);
	while (homeo_split_next(&split, &piece) == HOMEO_SPLIT_PIECE)
	{
		HomeoEvent	event;

		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(scratch);
		homeo_event_text_read(piece, PG_UTF8,
							  psprintf(split.is_array ? "element %d" : "line %d",
									   split.place),
							  HOMEO_ORIGIN_REPORT, &event);
		if (!event.rejected)
			homeo_report_sign(&event);
		homeo_outbox_add(outbox, &event);
		slots->refused = event.rejected;
		slots->id = event.event_id;
		slots++;
		MemoryContextSwitchTo(caller);
		MemoryContextReset(scratch);
	}
	MemoryContextDelete(scratch);
}

static HomeoSlice
bytes_argument(FunctionCallInfo fcinfo, int number, const char *name)
{
	HomeoSlice	bytes;
	struct varlena *value;

	if (PG_ARGISNULL(number))
		ereport(ERROR,
				(errcode(ERRCODE_HOMEO_INVALID_ARGUMENT),
				 errmsg("argument \"%s\" may not be null", name),
				 errhint("Give events as a JSON array or one a line, and how they are compressed: "
						 HOMEO_DECOMPRESS_NAMES ".")));
	value = PG_GETARG_VARLENA_PP(number);
	bytes.data = VARDATA_ANY(value);
	bytes.len = VARSIZE_ANY_EXHDR(value);
	return bytes;
}

/*
 * report_batch(body bytea, encoding text) returns setof uuid
 *
 * The body is a JSON array of events, or one event a line, compressed as
 * encoding says.  One row an event, in their order; null for one that was
 * refused or dropped.
 */
PG_FUNCTION_INFO_V1(homeo_report_body);

Datum
homeo_report_body(PG_FUNCTION_ARGS)
{
	MemoryContext whole = AllocSetContextCreate(CurrentMemoryContext,
												"homeostasis body",
												ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(whole);
	HomeoSlice	body = bytes_argument(fcinfo, 0, "body");
	HomeoSlice	encoding = bytes_argument(fcinfo, 1, "encoding");
	HomeoReportSlot *slots;
	HomeoOutbox *outbox;
	int			total;

	homeo_shmem_require();
	body = homeo_body_decompress(body, encoding);
	total = homeo_body_count(body);
	slots = palloc(sizeof(HomeoReportSlot) * Max(total, 1));
	outbox = homeo_outbox_open(total);
	read_body(body, outbox, slots);
	close_outbox(outbox, slots, total);
	return_slots(fcinfo, slots, total);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(whole);
	return (Datum) 0;
}

/* Stores what was read so far; fills in the slots of its events. */
static void
flush(HomeoEvent *events, HomeoReportSlot *slots, int nevents, HomeoStoreMode mode)
{
	HomeoStoreResult result = {0};

	homeo_store_batch(events, nevents, mode, &result);
	for (int i = 0; i < nevents; i++)
	{
		slots[i].refused = events[i].rejected;
		slots[i].id = events[i].event_id;
	}
}

/* An array is stored in pieces, so that memory doesn't grow with it. */
static int
ingest_array(Jsonb *json, HomeoEventOrigin origin, HomeoReportSlot *slots)
{
	int			most = homeo_guc_batch_size;
	HomeoEvent *events = palloc(sizeof(HomeoEvent) * most);
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext,
												  "homeostasis ingest",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = CurrentMemoryContext;
	JsonbIterator *it = JsonbIteratorInit(&json->root);
	JsonbIteratorToken token;
	JsonbValue	element;
	int			nevents = 0;
	int			n = 0;

	while ((token = JsonbIteratorNext(&it, &element, true)) != WJB_DONE)
	{
		if (token != WJB_ELEM)
			continue;
		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(scratch);
		read_element(&element, origin, &events[nevents++]);
		if (nevents == most)
		{
			flush(events, slots + n, nevents, HOMEO_STORE_ISOLATE);
			n += nevents;
			nevents = 0;
			MemoryContextReset(scratch);
		}
		MemoryContextSwitchTo(caller);
	}
	if (nevents > 0)
	{
		MemoryContextSwitchTo(scratch);
		flush(events, slots + n, nevents, HOMEO_STORE_ISOLATE);
		MemoryContextSwitchTo(caller);
	}
	MemoryContextDelete(scratch);
	return n + nevents;
}

/*
 * An issue that an event brings back is audited when the caller's transaction
 * ends, which would otherwise hold the end of the audit log until then.
 * Where the server defers nothing, at once.
 */
void
homeo_report_defer_audit(void)
{
	ConstraintsSetStmt *set = makeNode(ConstraintsSetStmt);

	if (InSecurityRestrictedOperation())
		return;
	set->constraints = list_make1(makeRangeVar(pstrdup("homeostasis"),
											   pstrdup("audit_status"), -1));
	set->deferred = true;
	AfterTriggerSetState(set);
}

static Datum
ingest(FunctionCallInfo fcinfo, HomeoEventOrigin origin)
{
	Jsonb	   *json = json_argument(fcinfo, "events");
	HomeoReportSlot *slots = palloc(sizeof(HomeoReportSlot) * Max(JB_ROOT_COUNT(json), 1));
	int			nslots = 1;

	homeo_report_defer_audit();
	if (JB_ROOT_IS_ARRAY(json) && !JB_ROOT_IS_SCALAR(json))
		nslots = ingest_array(json, origin, slots);
	else
	{
		HomeoEvent	event;
		HomeoEventProblem problem;

		if (!homeo_event_json_read(&json->root, origin, &event, &problem))
			homeo_event_json_raise(&problem);
		if (origin == HOMEO_ORIGIN_INGEST)
			homeo_report_sign(&event);
		flush(&event, slots, 1, HOMEO_STORE_STRICT);
	}
	return_slots(fcinfo, slots, nslots);
	return (Datum) 0;
}

/*
 * ingest(events jsonb) returns setof uuid
 *
 * events is one event or an array of them.  One row an event, in their
 * order; of an array, null for one that was refused.
 */
PG_FUNCTION_INFO_V1(homeo_ingest);

Datum
homeo_ingest(PG_FUNCTION_ARGS)
{
	return ingest(fcinfo, HOMEO_ORIGIN_INGEST);
}

/*
 * ingest_checkup(events jsonb) returns setof uuid
 *
 * The same for what the extension itself finds in a checkup; the events are
 * those of databases.
 */
PG_FUNCTION_INFO_V1(homeo_ingest_checkup);

Datum
homeo_ingest_checkup(PG_FUNCTION_ARGS)
{
	return ingest(fcinfo, HOMEO_ORIGIN_CHECKUP);
}

/*
 * ingest_own(event jsonb, occurrences integer) returns uuid
 *
 * Stores an event of the extension's own service, which happened so often.
 */
PG_FUNCTION_INFO_V1(homeo_ingest_own);

Datum
homeo_ingest_own(PG_FUNCTION_ARGS)
{
	Jsonb	   *json = json_argument(fcinfo, "event");
	HomeoEvent	event;
	HomeoEventProblem problem;
	HomeoReportSlot slot;
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));

	homeo_report_defer_audit();
	if (!homeo_event_json_read(&json->root, HOMEO_ORIGIN_CHECKUP, &event,
							   &problem))
		homeo_event_json_raise(&problem);
	event.occurrences = PG_ARGISNULL(1) ? 1 : PG_GETARG_INT32(1);
	flush(&event, &slot, 1, HOMEO_STORE_STRICT);
	*id = slot.id;
	PG_RETURN_UUID_P(id);
}
