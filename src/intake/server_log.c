/*
 * server_log.c
 *		Captures the errors that the server reports to its log.
 *
 * The hook runs in any process, with any lock held, after memory ran out,
 * before the failed transaction aborts.  So it reads plain C variables,
 * compares, and copies bytes into the ring: no lock, no allocation, no
 * catalog, no buffer, no system call (but see ring.c on background workers),
 * nothing that can raise.  What needs a transaction, such as the names of
 * roles, is done by the worker that takes the record out.
 *
 * What never gets here: errors that somebody catches, such as an EXCEPTION
 * block of PL/pgSQL, and messages that log_min_messages keeps from the log.
 */
#include "postgres.h"

#include "intake/server_log.h"

#include "access/parallel.h"
#include "base/errors.h"
#include "base/executable.h"
#include "base/guc.h"
#include "base/shmem.h"
#include "base/worker.h"
#include "catalog/namespace.h"
#include "intake/drops.h"
#include "intake/event.h"
#include "intake/event_id.h"
#include "intake/journal.h"
#include "intake/outbox.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "postmaster/postmaster.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/backend_status.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

/*
 * The headers of GSSAPI need not be installed: libpq-be.h keeps the layout of
 * what it declares the same without them, for extensions.
 */
#undef ENABLE_GSS
#include "libpq/libpq-be.h"

static emit_log_hook_type previous_hook = NULL;

/* More than zero while this process captures an error. */
static volatile int depth = 0;

/*
 * The complaint of report() that there is no room would take the room that is
 * kept for the server's errors.  A user can't raise its message_id.
 */
static bool
is_overflow(const ErrorData *edata)
{
	return edata->sqlerrcode == ERRCODE_CONFIGURATION_LIMIT_EXCEEDED &&
		edata->message_id != NULL &&
		(strcmp(edata->message_id, HOMEO_OUTBOX_RING_FULL) == 0 ||
		 strcmp(edata->message_id, HOMEO_OUTBOX_JOURNAL_FULL) == 0);
}

/*
 * What our own functions refuse is an answer to whoever called them.  Others
 * may raise the class, too; that hides no more than catching the error would.
 */
static bool
is_refusal(const ErrorData *edata)
{
	return ERRCODE_TO_CATEGORY(edata->sqlerrcode) ==
		ERRCODE_TO_CATEGORY(ERRCODE_HOMEO_INVALID_EVENT);
}

static bool
wanted(const ErrorData *edata)
{
	return homeo_guc_capture &&
		!is_refusal(edata) &&
		!is_overflow(edata) &&
		edata->elevel >= homeo_guc_capture_level &&
		homeo_guc_captures_sqlstate(edata->sqlerrcode);
}

/* Is this a process whose errors are captured, and able to? */
static bool
can_capture(void)
{
	return MyProc != NULL &&
		MyBackendType != B_LOGGER &&
		!proc_exit_inprogress &&
		!homeo_worker_is_mine() &&
		!IsParallelWorker() &&
		homeo_shmem_ready();
}

static HomeoEventLevel
level_of(int elevel)
{
	if (elevel >= PANIC)
		return HOMEO_LEVEL_PANIC;
	if (elevel >= FATAL)
		return HOMEO_LEVEL_FATAL;
	if (elevel >= ERROR)
		return HOMEO_LEVEL_ERROR;
	return HOMEO_LEVEL_WARNING;
}

/* unpack_sql_state() has a static buffer that a caller of ours may be using. */
static void
unpack_sqlstate(int code, char sqlstate[6])
{
	for (int i = 0; i < 5; i++)
	{
		sqlstate[i] = PGUNSIXBIT(code);
		code >>= 6;
	}
	sqlstate[5] = '\0';
}

/*
 * Did the server's own code raise it?  What an error says is no sign of that:
 * RAISE, a procedural language, dblink and postgres_fdw give it any SQLSTATE,
 * message and names, and the text domain of the modules in contrib is the
 * server's.  But ereport() notes the file it was compiled from, a constant of
 * the program or library that raised the error.  What a parallel worker
 * raised, or what somebody caught and raised again, comes with a copy of the
 * name: such an error counts as not the server's.
 */
static bool
is_genuine(const ErrorData *edata)
{
	return homeo_executable_holds(edata->filename);
}

/* What the error itself says. */
static void
describe_error(HomeoEvent *event, const ErrorData *edata)
{
	homeo_event_set_string(event, HOMEO_FIELD_MESSAGE,
						   edata->message ? edata->message :
						   "missing error text");
	homeo_event_set_string(event, HOMEO_FIELD_DETAIL,
						   edata->detail_log ? edata->detail_log :
						   edata->detail);
	homeo_event_set_string(event, HOMEO_FIELD_HINT, edata->hint);
	if (!edata->hide_ctx)
		homeo_event_set_string(event, HOMEO_FIELD_CONTEXT, edata->context);
	homeo_event_set_string(event, HOMEO_FIELD_SCHEMA, edata->schema_name);
	homeo_event_set_string(event, HOMEO_FIELD_TABLE, edata->table_name);
	homeo_event_set_string(event, HOMEO_FIELD_COLUMN, edata->column_name);
	homeo_event_set_string(event, HOMEO_FIELD_CONSTRAINT,
						   edata->constraint_name);
	homeo_event_set_string(event, HOMEO_FIELD_DATATYPE,
						   edata->datatype_name);
	if (!edata->hide_stmt)
		homeo_event_set_string(event, HOMEO_FIELD_STATEMENT,
							   debug_query_string);
}

/* Where it happened: the session and the roles in it. */
static void
describe_session(HomeoEvent *event)
{
	int			security_context;

	event->pid = MyProcPid;
	event->session_start = MyStartTimestamp;
	event->temporary = OidIsValid(MyProc->tempNamespaceId);
	event->query_id = (int64) pgstat_get_my_query_id();
	event->database = MyDatabaseId;
	GetUserIdAndSecContext(&event->role, &security_context);
	/* Both are set at the same time, and this one insists on being set. */
	if (OidIsValid(event->role))
		event->session_role = GetSessionUserId();
	if (MyProcPort != NULL)
	{
		homeo_event_set_string(event, HOMEO_FIELD_DATABASE,
							   MyProcPort->database_name);
		homeo_event_set_string(event, HOMEO_FIELD_SESSION_ROLE,
							   MyProcPort->user_name);
	}
	homeo_event_set_string(event, HOMEO_FIELD_APPLICATION, application_name);
	homeo_event_set_string(event, HOMEO_FIELD_SEARCH_PATH,
						   namespace_search_path);
}

static void
capture(const ErrorData *edata)
{
	HomeoEvent	event;
	HomeoEventRecord record;
	char		sqlstate[6];

	/*
	 * A process without a client connection has no names here; its errors are
	 * filtered by name when they are taken out of the ring.
	 */
	if (MyProcPort != NULL &&
		!(homeo_guc_captures_database(MyProcPort->database_name) &&
		  homeo_guc_captures_role(MyProcPort->user_name)))
		return;

	memset(&event, 0, sizeof(event));
	event.received = GetCurrentTimestamp();
	event.timestamp = event.received;
	event.origin = HOMEO_ORIGIN_SERVER_LOG;
	event.level = level_of(edata->elevel);
	event.genuine = is_genuine(edata);
	event.encoding = GetDatabaseEncoding();
	homeo_event_id_make(&event.event_id, event.received);
	unpack_sqlstate(edata->sqlerrcode, sqlstate);
	homeo_event_set_string(&event, HOMEO_FIELD_SQLSTATE, sqlstate);
	describe_error(&event, edata);
	describe_session(&event);

	homeo_event_encode(&event, &record);
	switch (homeo_ring_put(homeo_journal_consumer(homeo_event_bucket(&event)),
						   record.parts, record.nparts))
	{
		case HOMEO_RING_OK:
			break;
		case HOMEO_RING_FULL:
			homeo_drops_note(HOMEO_DROP_RING_FULL, &event);
			break;
		case HOMEO_RING_TOO_LARGE:
			homeo_drops_note(HOMEO_DROP_TOO_LARGE, &event);
			break;
	}
}

/* An error that was raised while another one was being captured. */
static void
drop_nested(const ErrorData *edata)
{
	HomeoEvent	event;

	memset(&event, 0, sizeof(event));
	event.origin = HOMEO_ORIGIN_SERVER_LOG;
	event.level = level_of(edata->elevel);
	event.database = MyDatabaseId;
	homeo_ring_count(0, HOMEO_RING_DROPPED_NESTED, 1);
	homeo_drops_note(HOMEO_DROP_NESTED, &event);
}

static void
capture_error(ErrorData *edata)
{
	if (wanted(edata) && can_capture())
	{
		if (depth > 0)
			drop_nested(edata);
		else
		{
			depth++;
			capture(edata);
			depth--;
		}
	}

	/* Outside the guard: whatever it does, it is not our recursion. */
	if (previous_hook != NULL)
		previous_hook(edata);
}

/* Called from _PG_init. */
void
homeo_server_log_init(void)
{
	homeo_executable_init();
	previous_hook = emit_log_hook;
	emit_log_hook = capture_error;
}
