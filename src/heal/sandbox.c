/*
 * sandbox.c
 *		Runs SQL as another role in a subtransaction, out of which it cannot
 *		reach.
 *
 * SECURITY_LOCAL_USERID_CHANGE forbids SET ROLE and SET SESSION
 * AUTHORIZATION, SECURITY_RESTRICTED_OPERATION forbids what would run or stay
 * after the body: deferred triggers, prepared statements, held cursors,
 * temporary tables.  SPI is connected as atomic, so no procedure can commit.
 * Settings that the body changes are put back.  Because deferred triggers are
 * forbidden, the transaction must have made its constraints immediate
 * (homeo_sandbox_run() does that each time).
 *
 * Errors that are caught here are neither logged nor captured: both happen
 * only when an error is reported, and a caught one is not.
 */
#include "postgres.h"

#include "heal/sandbox.h"

#include "access/xact.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "portability/instr_time.h"
#include "storage/latch.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"

/* Longer texts of errors are cut, at a character. */
#define ERROR_TEXT_LENGTH	2000

/* After the time limit of a body has been ignored so long, the process ends. */
#define IGNORED_MS			1000

static TimeoutId end_timeout = MAX_TIMEOUTS;	/* not registered yet */
static volatile sig_atomic_t was_ignored = false;

static void
set_locally(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_SUSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, ERROR, false);
}

/* What names another role, or would end this process with the statement. */
static bool
is_session_only(const char *name)
{
	return strcmp(name, "role") == 0 ||
		strcmp(name, "session_authorization") == 0 ||
		strcmp(name, "transaction_timeout") == 0;
}

/*
 * What ALTER ROLE or ALTER DATABASE stored, as a session would begin with it;
 * what cannot be set any more is left alone.
 */
static void
set_configured(List *settings)
{
	ListCell   *lc;

	foreach(lc, settings)
	{
		char	   *name;
		char	   *value;

		ParseLongOption((const char *) lfirst(lc), &name, &value);
		if (value != NULL && !is_session_only(name))
			(void) set_config_option(name, value, PGC_SUSET, PGC_S_SESSION,
									 GUC_ACTION_SAVE, true, DEBUG1, false);
	}
}

/* In a signal handler: what die() does, whose FATAL error nobody catches. */
static void
end_process(void)
{
	was_ignored = true;
	ProcDiePending = true;
	InterruptPending = true;
	SetLatch(MyLatch);
}

bool
homeo_sandbox_was_ignored(void)
{
	return was_ignored;
}

/*
 * Cancels the body after limit_ms, and ends the process when that has not
 * ended the body: PL/pgSQL can catch query_canceled.
 */
static void
start_timers(int limit_ms)
{
	if (end_timeout == MAX_TIMEOUTS)
		end_timeout = RegisterTimeout(USER_TIMEOUT, end_process);
	enable_timeout_after(STATEMENT_TIMEOUT, limit_ms);
	enable_timeout_after(end_timeout, limit_ms + IGNORED_MS);
}

static void
stop_timers(void)
{
	disable_timeout(STATEMENT_TIMEOUT, false);
	disable_timeout(end_timeout, false);
}

/* SET CONSTRAINTS ALL IMMEDIATE, until the end of the transaction. */
static void
make_constraints_immediate(void)
{
	ConstraintsSetStmt *all = makeNode(ConstraintsSetStmt);

	all->constraints = NIL;
	all->deferred = false;
	AfterTriggerSetState(all);
}

/* The part that may raise. */
static void
run_body(const HomeoSandbox *sandbox, HomeoSandboxBody body, void *arg)
{
	int			nest_level = NewGUCNestLevel();
	Oid			save_user;
	int			save_context;

	make_constraints_immediate();
	set_configured(sandbox->settings);
	set_locally("lock_timeout", psprintf("%d", sandbox->lock_timeout));
	set_locally("search_path", sandbox->search_path);
	/* Index expressions in other processes would be out of the guard's sight. */
	if (sandbox->guards != 0)
		set_locally("max_parallel_maintenance_workers", "0");
	if (sandbox->read_only)
		XactReadOnly = true;
	GetUserIdAndSecContext(&save_user, &save_context);
	SetUserIdAndSecContext(sandbox->role,
						   save_context | SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_RESTRICTED_OPERATION);
	start_timers(sandbox->statement_timeout);

	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
	body(arg);
	PopActiveSnapshot();
	SPI_finish();

	stop_timers();
	CHECK_FOR_INTERRUPTS();
	SetUserIdAndSecContext(save_user, save_context);
	AtEOXact_GUC(false, nest_level);
}

bool
homeo_sandbox_run(const HomeoSandbox *sandbox, HomeoSandboxBody body,
				  void *arg, HomeoOutcome *outcome)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	int			guards = homeo_guard_set(sandbox->guards);
	instr_time	start;
	instr_time	now;

	memset(outcome, 0, sizeof(*outcome));
	INSTR_TIME_SET_CURRENT(start);
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		run_body(sandbox, body, arg);
		if (sandbox->keep)
			ReleaseCurrentSubTransaction();
		else
			RollbackAndReleaseCurrentSubTransaction();
		outcome->ok = true;
	}
	PG_CATCH();
	{
		homeo_outcome_catch(outcome, context,
							RollbackAndReleaseCurrentSubTransaction);
	}
	PG_END_TRY();
	(void) homeo_guard_set(guards);
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, start);
	outcome->duration_ms = INSTR_TIME_GET_MILLISEC(now);
	return outcome->ok;
}

int64
homeo_sandbox_execute(const char *sql, ParamListInfo params)
{
	SPIExecuteOptions options = {
		.params = params,
		.dest = None_Receiver
	};
	int			result = SPI_execute_extended(sql, &options);

	if (result < 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("statement cannot be run: %s",
						SPI_result_code_string(result))));
	return (int64) SPI_processed;
}

static const char *
cut(const char *string)
{
	if (string == NULL)
		return NULL;
	return pnstrdup(string, pg_mbcliplen(string, strlen(string),
										 ERROR_TEXT_LENGTH));
}

void
homeo_outcome_catch(HomeoOutcome *outcome, MemoryContext context,
					void (*roll_back) (void))
{
	ErrorData  *error;

	disable_all_timeouts(false);
	QueryCancelPending = false;
	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	FlushErrorState();
	roll_back();
	MemoryContextSwitchTo(context);

	outcome->ok = false;
	outcome->sqlerrcode = error->sqlerrcode;
	outcome->message = cut(error->message);
	outcome->detail = cut(error->detail);
	outcome->hint = cut(error->hint);
	FreeErrorData(error);
}

Jsonb *
homeo_outcome_error(const HomeoOutcome *outcome)
{
	HomeoJsonBuilder builder;

	homeo_json_begin(&builder);
	homeo_json_add_text(&builder, "sqlstate",
						unpack_sql_state(outcome->sqlerrcode));
	homeo_json_add_text(&builder, "message", outcome->message);
	homeo_json_add_text(&builder, "detail", outcome->detail);
	homeo_json_add_text(&builder, "hint", outcome->hint);
	return homeo_json_end(&builder);
}

Jsonb *
homeo_outcome_json(const HomeoOutcome *outcome)
{
	HomeoJsonBuilder builder;

	homeo_json_begin(&builder);
	homeo_json_add_bool(&builder, "ok", outcome->ok);
	if (outcome->ok)
		homeo_json_add_int(&builder, "rows", outcome->rows);
	else
	{
		homeo_json_add_text(&builder, "sqlstate",
							unpack_sql_state(outcome->sqlerrcode));
		homeo_json_add_text(&builder, "message", outcome->message);
	}
	homeo_json_add_float(&builder, "duration_ms", outcome->duration_ms);
	return homeo_json_end(&builder);
}
