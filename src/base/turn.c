/*
 * turn.c
 *		The turn of a worker's main loop: a transaction, what becomes of an
 *		error in it, and the pause behind it.
 *
 * Called by the background workers' main functions, and homeo_turn_find_owner()
 * by whoever else works as the extension's owner.  All state is this process's.
 */
#include "postgres.h"

#include "base/turn.h"

#include "access/xact.h"
#include "base/memory.h"
#include "base/worker.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "commands/extension.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "portability/instr_time.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timeout.h"

/* How often a worker looks whether the extension has appeared. */
#define EXTENSION_POLL_MS	1000

/* Limits of the time between a failed turn and the next. */
#define BACK_OFF_MIN_MS		200
#define BACK_OFF_MAX_MS		30000

/* A cause that goes on is logged again after this time. */
#define LOG_AGAIN_S			600
#define MAX_CAUSES			8

/* A cause of errors that was logged. */
typedef struct HomeoTurnCause
{
	int			sqlerrcode;		/* 0: unused */
	uint32		message_hash;
	instr_time	logged_at;
	int			suppressed;
} HomeoTurnCause;

/* This process's failures in a row, and what it logged of them. */
static int	failures = 0;
static HomeoTurnCause causes[MAX_CAUSES];

bool
homeo_turn_find_owner(Oid *owner)
{
	Oid			extension = get_extension_oid("homeostasis", true);
	Oid			schema;
	LOCKTAG		tag;
	HeapTuple	tuple;
	Oid			schema_owner;

	if (!OidIsValid(extension))
		return false;

	/*
	 * DROP EXTENSION takes the strongest lock on the extension first, so
	 * while we have this one nothing vanishes under a turn.  Whoever has it
	 * is not waited for: a transaction that drops the extension may stay
	 * open.
	 */
	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, ExtensionRelationId, extension, 0);
	if (LockAcquire(&tag, AccessShareLock, false, true) == LOCKACQUIRE_NOT_AVAIL)
		return false;

	if (get_extension_oid("homeostasis", true) != extension)
		return false;
	schema = get_namespace_oid("homeostasis", true);
	if (!OidIsValid(schema) ||
		getExtensionOfObject(NamespaceRelationId, schema) != extension)
		return false;
	*owner = get_role_oid("homeostasis_owner", true);
	if (!OidIsValid(*owner))
		return false;

	tuple = SearchSysCache1(NAMESPACEOID, ObjectIdGetDatum(schema));
	if (!HeapTupleIsValid(tuple))
		return false;
	schema_owner = ((Form_pg_namespace) GETSTRUCT(tuple))->nspowner;
	ReleaseSysCache(tuple);
	if (schema_owner != *owner)
		return false;

	if (superuser_arg(*owner))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_ROLE_SPECIFICATION),
				 errmsg("role \"%s\" is a superuser", "homeostasis_owner"),
				 errhint("Run ALTER ROLE homeostasis_owner NOSUPERUSER; the workers do "
						 "not act as a superuser.")));
	return true;
}

/* One turn without its error handling. */
static HomeoTurnResult
run_turn(HomeoTurn turn, void *arg, int timeout_ms)
{
	Oid			owner;
	Oid			save_user;
	int			save_context;
	bool		more;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	if (timeout_ms > 0)
		enable_timeout_after(STATEMENT_TIMEOUT, timeout_ms);
	if (!homeo_turn_find_owner(&owner))
	{
		disable_timeout(STATEMENT_TIMEOUT, false);
		CommitTransactionCommand();
		return HOMEO_TURN_NO_EXTENSION;
	}

	pgstat_report_activity(STATE_RUNNING, MyBgworkerEntry->bgw_name);
	homeo_worker_set_state(HOMEO_STATE_WORKING);
	homeo_memory_begin();
	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
	GetUserIdAndSecContext(&save_user, &save_context);
	SetUserIdAndSecContext(owner, save_context | SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_RESTRICTED_OPERATION);
	more = turn(arg);
	homeo_memory_note();
	SetUserIdAndSecContext(save_user, save_context);
	SPI_finish();
	PopActiveSnapshot();
	disable_timeout(STATEMENT_TIMEOUT, false);
	CommitTransactionCommand();
	return more ? HOMEO_TURN_MORE : HOMEO_TURN_IDLE;
}

static uint32
hash_message(const ErrorData *error)
{
	const char *message = error->message ? error->message : "";

	return hash_bytes((const unsigned char *) message, strlen(message));
}

/*
 * The memory of an error's cause, told by its code and message; the one that
 * was logged longest ago gives way to a new one.
 */
static HomeoTurnCause *
find_cause(const ErrorData *error)
{
	HomeoTurnCause *oldest = &causes[0];
	uint32		message_hash = hash_message(error);

	for (int i = 0; i < MAX_CAUSES; i++)
	{
		HomeoTurnCause *cause = &causes[i];

		if (cause->sqlerrcode == error->sqlerrcode &&
			cause->message_hash == message_hash)
			return cause;
		if (oldest->sqlerrcode != 0 &&
			(cause->sqlerrcode == 0 ||
			 INSTR_TIME_GET_MILLISEC(cause->logged_at) <
			 INSTR_TIME_GET_MILLISEC(oldest->logged_at)))
			oldest = cause;
	}
	memset(oldest, 0, sizeof(*oldest));
	return oldest;
}

/* Logs the error being handled, unless its cause was logged lately. */
static void
log_once(const ErrorData *error)
{
	HomeoTurnCause *cause = find_cause(error);
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	if (cause->sqlerrcode != 0)
	{
		instr_time	since = now;

		INSTR_TIME_SUBTRACT(since, cause->logged_at);
		if (INSTR_TIME_GET_DOUBLE(since) < LOG_AGAIN_S)
		{
			cause->suppressed++;
			return;
		}
	}
	if (cause->suppressed > 0)
		errcontext("%d more of the same since the last report",
				   cause->suppressed);
	EmitErrorReport();
	cause->sqlerrcode = error->sqlerrcode;
	cause->message_hash = hash_message(error);
	cause->logged_at = now;
	cause->suppressed = 0;
}

/* After an ERROR in a turn: logs it and leaves no transaction. */
static void
recover(MemoryContext context)
{
	ErrorData  *error;

	HOLD_INTERRUPTS();
	disable_all_timeouts(false);
	QueryCancelPending = false;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	log_once(error);
	AbortOutOfAnyTransaction();
	FlushErrorState();
	homeo_worker_note_error(error->message ? error->message : "(no message)");
	FreeErrorData(error);
	RESUME_INTERRUPTS();
}

HomeoTurnResult
homeo_turn_run(HomeoTurn turn, void *arg, int timeout_ms)
{
	MemoryContext context = CurrentMemoryContext;
	volatile HomeoTurnResult result = HOMEO_TURN_FAILED;

	CHECK_FOR_INTERRUPTS();
	PG_TRY();
	{
		result = run_turn(turn, arg, timeout_ms);
	}
	PG_CATCH();
	{
		recover(context);
	}
	PG_END_TRY();

	MemoryContextSwitchTo(context);
	pgstat_report_stat(true);
	pgstat_report_activity(STATE_IDLE, NULL);
	if (result != HOMEO_TURN_NO_EXTENSION)
		homeo_worker_note_turn();
	return result;
}

/* Waits for the whole time, handling what comes meanwhile. */
static void
back_off(long milliseconds)
{
	instr_time	start;
	long		left = milliseconds;

	INSTR_TIME_SET_CURRENT(start);
	while (left > 0)
	{
		homeo_worker_wait(left, "HomeostasisBackOff");
		left = milliseconds - homeo_worker_milliseconds_since(start);
	}
}

void
homeo_turn_rest(HomeoTurnResult result, long idle_ms, const char *wait_event)
{
	long		delay;

	if (result != HOMEO_TURN_FAILED)
		failures = 0;

	switch (result)
	{
		case HOMEO_TURN_MORE:
			homeo_worker_wait(0, wait_event);
			break;
		case HOMEO_TURN_IDLE:
			homeo_worker_set_state(HOMEO_STATE_IDLE);
			homeo_worker_wait(idle_ms, wait_event);
			break;
		case HOMEO_TURN_NO_EXTENSION:
			homeo_worker_set_state(HOMEO_STATE_WAITING_FOR_EXTENSION);
			back_off(EXTENSION_POLL_MS);
			break;
		case HOMEO_TURN_FAILED:
			homeo_worker_set_state(HOMEO_STATE_BACKING_OFF);
			delay = BACK_OFF_MIN_MS << Min(failures, 10);
			failures++;
			back_off(Min(delay, BACK_OFF_MAX_MS));
			break;
	}
}
