/*
 * copy.c
 *		Triggers of the view homeostasis.intake: COPY into it stores events,
 *		one a row, in the caller's transaction.
 *
 * A statement is told from others that run inside it by three triggers: the
 * one before it begins a copy, each row joins the innermost copy, and the one
 * after it ends that.  Events are stored in batches, as ingest() does, because
 * one at a time would cost a dozen statements each.
 *
 * Memory: a copy lives in a context of the current (sub)transaction.  If that
 * is rolled back before the statement ends, the copy leaves the list when the
 * context does.
 */
#include "postgres.h"

#include "intake/copy.h"

#include "access/htup_details.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/guc.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "intake/event_text.h"
#include "intake/report.h"
#include "intake/store.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* Text of events that wait to be stored; as much again is made of it, or more. */
#define WAITING_LIMIT	(16 * 1024 * 1024)

typedef struct HomeoCopy
{
	struct HomeoCopy *outer;	/* the statement in which this one runs */
	MemoryContext context;		/* of this */
	MemoryContextCallback callback;
	MemoryContext scratch;		/* of the events that wait */
	HomeoEvent *events;
	int			nevents;
	int			most;			/* of them */
	Size		waiting;		/* bytes of their text */
	int64		nrows;			/* of the statement, so far */
	int64		nrejected;
} HomeoCopy;

/* The statement whose rows come now. */
static HomeoCopy *innermost = NULL;

/* Wherever it is in the list: a transaction may end in the middle. */
static void
forget(void *arg)
{
	HomeoCopy **link = &innermost;

	while (*link != NULL && *link != arg)
		link = &(*link)->outer;
	if (*link != NULL)
		*link = (*link)->outer;
}

static void
begin_copy(void)
{
	MemoryContext context = AllocSetContextCreate(CurTransactionContext,
												  "homeostasis copy",
												  ALLOCSET_DEFAULT_SIZES);
	HomeoCopy  *copy = MemoryContextAllocZero(context, sizeof(HomeoCopy));

	copy->context = context;
	copy->most = homeo_guc_batch_size;
	copy->events = MemoryContextAlloc(context,
									  sizeof(HomeoEvent) * copy->most);
	copy->scratch = AllocSetContextCreate(context, "homeostasis copied events",
										  ALLOCSET_DEFAULT_SIZES);
	copy->callback.func = forget;
	copy->callback.arg = copy;
	MemoryContextRegisterResetCallback(context, &copy->callback);
	copy->outer = innermost;
	innermost = copy;
}

/* Stores the events that wait. */
static void
store(HomeoCopy *copy)
{
	MemoryContext caller = MemoryContextSwitchTo(copy->scratch);
	HomeoStoreResult result = {0};
	int			nevents = copy->nevents;

	copy->nevents = 0;
	copy->waiting = 0;
	if (nevents > 0)
		homeo_store_batch(copy->events, nevents, HOMEO_STORE_ISOLATE, &result);
	copy->nrejected += result.rejected;
	MemoryContextSwitchTo(caller);
	MemoryContextReset(copy->scratch);
}

static void
add_event(HomeoCopy *copy, HomeoText line)
{
	MemoryContext caller = MemoryContextSwitchTo(copy->scratch);
	HomeoEvent *event = &copy->events[copy->nevents];

	/* The row ends before the event is stored. */
	line.data = pnstrdup(line.data, line.len);
	homeo_event_text_read(line, GetDatabaseEncoding(),
						  psprintf("row " INT64_FORMAT, copy->nrows),
						  HOMEO_ORIGIN_INGEST, event);
	if (!event->rejected)
		homeo_report_sign(event);
	copy->nevents++;
	copy->waiting += line.len;
	MemoryContextSwitchTo(caller);
	if (copy->nevents == copy->most || copy->waiting >= WAITING_LIMIT)
		store(copy);
}

static void
end_copy(HomeoCopy *copy)
{
	store(copy);
	if (copy->nrejected > 0)
		ereport(NOTICE,
				(errcode(ERRCODE_HOMEO_INVALID_EVENT),
				 errmsg(INT64_FORMAT " of " INT64_FORMAT " events were refused",
						copy->nrejected, copy->nrows),
				 errhint("homeostasis.rejected_events says why.")));
	MemoryContextDelete(copy->context);
}

static void
require_trigger(FunctionCallInfo fcinfo)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("this function can only be called as a trigger")));
}

/*
 * copy_statement() returns trigger
 *
 * Before and after a statement that inserts into homeostasis.intake.
 */
PG_FUNCTION_INFO_V1(homeo_copy_statement);

Datum
homeo_copy_statement(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;

	require_trigger(fcinfo);
	if (TRIGGER_FIRED_BEFORE(data->tg_event))
	{
		homeo_report_defer_audit();
		begin_copy();
	}
	else if (innermost != NULL)
		end_copy(innermost);
	return PointerGetDatum(NULL);
}

/*
 * copy_row() returns trigger
 *
 * Instead of inserting a row: the event in its first column is stored, at the
 * latest when the statement ends.  A row without text is none.
 */
PG_FUNCTION_INFO_V1(homeo_copy_row);

Datum
homeo_copy_row(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	bool		isnull;
	Datum		value;

	require_trigger(fcinfo);
	if (innermost == NULL)
		elog(ERROR, "a row of homeostasis.intake belongs to no statement");
	CHECK_FOR_INTERRUPTS();
	innermost->nrows++;
	value = heap_getattr(data->tg_trigtuple, 1,
						 RelationGetDescr(data->tg_relation), &isnull);
	if (!isnull)
	{
		text	   *str = DatumGetTextPP(value);
		HomeoText	line = {VARDATA_ANY(str), VARSIZE_ANY_EXHDR(str)};

		while (line.len > 0 && (line.data[line.len - 1] == '\r' ||
								line.data[line.len - 1] == ' '))
			line.len--;
		if (line.len > 0)
			add_event(innermost, line);
	}
	/* The server keeps a row that comes back as it was until the end. */
	return PointerGetDatum(heap_copytuple(data->tg_trigtuple));
}
