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
#include "portability/instr_time.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"

/* Longer texts of errors are cut, at a character. */
#define ERROR_TEXT_LENGTH	2000

static void
set_locally(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_SUSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, ERROR, false);
}

/*
 * What ALTER ROLE or ALTER DATABASE stored, as a session would begin with it:
 * what cannot be set any more, or names another role, is left alone.
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
		if (value != NULL && strcmp(name, "role") != 0 &&
			strcmp(name, "session_authorization") != 0)
			(void) set_config_option(name, value, PGC_SUSET, PGC_S_SESSION,
									 GUC_ACTION_SAVE, true, DEBUG1, false);
	}
}

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
	if (sandbox->read_only)
		XactReadOnly = true;
	GetUserIdAndSecContext(&save_user, &save_context);
	SetUserIdAndSecContext(sandbox->role,
						   save_context | SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_RESTRICTED_OPERATION);
	enable_timeout_after(STATEMENT_TIMEOUT, sandbox->statement_timeout);

	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
	body(arg);
	PopActiveSnapshot();
	SPI_finish();

	disable_timeout(STATEMENT_TIMEOUT, false);
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
		ErrorData  *error;

		disable_timeout(STATEMENT_TIMEOUT, false);
		QueryCancelPending = false;
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		homeo_outcome_set_error(outcome, error);
		FreeErrorData(error);
	}
	PG_END_TRY();
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
homeo_outcome_set_error(HomeoOutcome *outcome, const ErrorData *error)
{
	outcome->ok = false;
	outcome->sqlerrcode = error->sqlerrcode;
	outcome->message = cut(error->message);
	outcome->detail = cut(error->detail);
	outcome->hint = cut(error->hint);
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
