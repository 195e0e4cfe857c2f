/*
 * operator.c
 *		Runs a job in a worker of its own in the job's database.
 *
 * The job and its result travel as JSON text through a segment of dynamic
 * shared memory that the process which waits creates and the operator
 * attaches.  The waiter holds no transaction for the operator's sake and may
 * do other work meanwhile.
 *
 * Who may write into the segment follows from its phase: the operator while
 * it RUNS; then it ASKS, having written xid, and the waiter answers with
 * GRANTED or REFUSED; or it is DONE, having written the result.  A phase is
 * written behind a barrier, and the other side's latch is set.
 *
 * The question is what keeps a patch from being applied twice: the operator
 * commits in one database what the waiter notes in another.  The waiter
 * stores the transaction's id first; whoever finds the job without a result
 * later asks the server what became of that transaction.
 */
#include "postgres.h"

#include "workers/operator.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "base/compat.h"
#include "base/guc.h"
#include "base/worker.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "heal/dry_run.h"
#include "heal/sql_patch.h"
#include "heal/template.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "port/atomics.h"
#include "portability/instr_time.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/timeout.h"

#define RESULT_MAX			(1024 * 1024)
#define KIND_LENGTH			16

/* To start, to connect and to answer, besides what the statements take. */
#define MARGIN_MS			30000

/* How long an operator, and those who wait for its locks, wait for leave. */
#define ANSWER_MS			10000

/* A template's query and an EXPLAIN are limited to seconds of their own. */
#define PLAN_MS				20000

enum
{
	PHASE_RUNS,
	PHASE_ASKS,
	PHASE_GRANTED,
	PHASE_REFUSED,
	PHASE_DONE
};

typedef struct HomeoOperatorShared
{
	char		kind[KIND_LENGTH];
	int			encoding;		/* of payload and result */
	int			waiter;			/* index in ProcGlobal->allProcs */
	int			operator;		/* the same, written by the operator */
	pg_atomic_uint32 phase;
	FullTransactionId xid;		/* that the operator asks for */
	bool		ignored_limit;	/* the operator's statement did, and ended it */
	Size		payload_size;	/* bytes, without a terminating null */
	Size		result_size;
	char		data[FLEXIBLE_ARRAY_MEMBER];	/* payload, then result */
} HomeoOperatorShared;

struct HomeoOperator
{
	dsm_segment *segment;
	HomeoOperatorShared *shared;
	BackgroundWorkerHandle *handle; /* NULL: it could not be started */
	instr_time	started_at;
	double		limit_ms;
	bool		overdue;		/* terminated because of limit_ms */
};

/* Operators that this process waits for; the list is in TopMemoryContext. */
static List *waiting_for = NIL;

/*
 * The result of a job that failed; interrupted: the operator ended before it
 * was done with it.
 */
static char *
result_of_error(const HomeoOutcome *outcome, bool interrupted)
{
	HomeoJsonBuilder builder;

	homeo_json_begin(&builder);
	homeo_json_add_bool(&builder, "ok", false);
	if (interrupted)
		homeo_json_add_bool(&builder, "interrupted", true);
	homeo_json_add_value(&builder, "error", homeo_outcome_error(outcome));
	return homeo_json_print(homeo_json_end(&builder));
}

static char *
error_result(int sqlerrcode, bool interrupted, const char *message)
{
	HomeoOutcome outcome = {.sqlerrcode = sqlerrcode,.message = message};

	return result_of_error(&outcome, interrupted);
}

bool
homeo_operator_find_database(const char *name, Oid *database, char **error)
{
	HeapTuple	tuple;
	Form_pg_database form;
	bool		usable;

	*database = name == NULL ? InvalidOid : get_database_oid(name, true);
	tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(*database));
	if (!HeapTupleIsValid(tuple))
	{
		*error = error_result(ERRCODE_UNDEFINED_DATABASE, false,
							  psprintf("database \"%s\" does not exist",
									   name ? name : ""));
		return false;
	}
	form = (Form_pg_database) GETSTRUCT(tuple);
	usable = form->datallowconn && form->datconnlimit >= -1;
	ReleaseSysCache(tuple);
	if (!usable)
		*error = error_result(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, false,
							  psprintf("database \"%s\" does not allow connections",
									   name));
	return usable;
}

/* How long the job may take by the settings that limit its statements. */
static double
limit_of(const char *kind, Jsonb *payload)
{
	double		statements;

	if (strcmp(kind, "plan") == 0)
		return PLAN_MS + MARGIN_MS;
	if (strcmp(kind, "validate") == 0)
	{
		statements = list_length(homeo_json_texts(payload, "apply")) +
			list_length(homeo_json_texts(payload, "undo")) + 2;
		return statements * homeo_guc_dry_run_statement_timeout + MARGIN_MS;
	}
	statements = list_length(homeo_json_texts(payload, "statements"));
	return statements * homeo_guc_deploy_statement_timeout + MARGIN_MS;
}

static void
stop_all(int code, Datum arg)
{
	ListCell   *lc;

	foreach(lc, waiting_for)
	{
		HomeoOperator *operator = lfirst(lc);

		if (operator->handle != NULL)
			TerminateBackgroundWorker(operator->handle);
	}
}

/*
 * A segment that holds the job and has room for its result; NULL when the
 * server has no more segments.
 */
static dsm_segment *
create_segment(const char *kind, const char *payload)
{
	Size		size = strlen(payload);
	dsm_segment *segment;
	HomeoOperatorShared *shared;

	segment = dsm_create(offsetof(HomeoOperatorShared, data) + size + RESULT_MAX,
						 DSM_CREATE_NULL_IF_MAXSEGMENTS);
	if (segment == NULL)
		return NULL;
	dsm_pin_mapping(segment);
	shared = dsm_segment_address(segment);
	strlcpy(shared->kind, kind, KIND_LENGTH);
	shared->encoding = GetDatabaseEncoding();
	shared->waiter = homeo_proc_number_compat(MyProc);
	pg_atomic_init_u32(&shared->phase, PHASE_RUNS);
	shared->ignored_limit = false;
	shared->payload_size = size;
	shared->result_size = 0;
	memcpy(shared->data, payload, size);
	return segment;
}

/* Keeps the operator in mind, so that it ends with this process. */
static void
remember(HomeoOperator *operator)
{
	static bool registered = false;
	MemoryContext old;

	if (!registered)
		before_shmem_exit(stop_all, (Datum) 0);
	registered = true;
	old = MemoryContextSwitchTo(TopMemoryContext);
	waiting_for = lappend(waiting_for, operator);
	MemoryContextSwitchTo(old);
}

HomeoOperator *
homeo_operator_start(const char *kind, Oid database, Jsonb *payload)
{
	HomeoOperator *operator = palloc0(sizeof(HomeoOperator));
	BackgroundWorker worker;

	INSTR_TIME_SET_CURRENT(operator->started_at);
	operator->limit_ms = limit_of(kind, payload);
	operator->segment = create_segment(kind, homeo_json_print(payload));
	remember(operator);
	if (operator->segment != NULL)
	{
		operator->shared = dsm_segment_address(operator->segment);
		homeo_worker_describe(&worker, HOMEO_WORKER_OPERATOR, 0, database,
							  "homeo_operator_main");
		worker.bgw_main_arg =
			UInt32GetDatum(dsm_segment_handle(operator->segment));
		worker.bgw_notify_pid = MyProcPid;
		if (!RegisterDynamicBackgroundWorker(&worker, &operator->handle))
			operator->handle = NULL;
	}
	return operator;
}

/* The memory goes with the context that the operator was started in. */
static void
forget(HomeoOperator *operator)
{
	waiting_for = list_delete_ptr(waiting_for, operator);
	if (operator->segment != NULL)
		dsm_detach(operator->segment);
}

/* The operator has ended without an answer, or never began. */
static char *
missing_result(HomeoOperator *operator)
{
	/* What goes on beyond its limit in a dry run would do so again. */
	if (operator->overdue ||
		(operator->shared != NULL && operator->shared->ignored_limit))
		return error_result(ERRCODE_QUERY_CANCELED,
							strcmp(operator->shared->kind, "validate") != 0,
							operator->overdue ?
							"the operator was terminated: it took longer than its statements may" :
							"the operator ended itself: what it ran ignored its time limit");
	if (operator->segment == NULL)
		return error_result(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED, true,
							"no dynamic shared memory segment is free for the operator");
	if (operator->handle == NULL)
		return error_result(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED, true,
							"no background worker slot is free for the operator: increase max_worker_processes");
	return error_result(ERRCODE_ADMIN_SHUTDOWN, true,
						"the operator was terminated before it answered");
}

/* Terminates an operator that takes longer than its statements may. */
static void
end_if_overdue(HomeoOperator *operator)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, operator->started_at);
	if (INSTR_TIME_GET_MILLISEC(now) > operator->limit_ms &&
		!operator->overdue)
	{
		operator->overdue = true;
		TerminateBackgroundWorker(operator->handle);
	}
}

HomeoOperatorNews
homeo_operator_poll(HomeoOperator *operator, FullTransactionId *xid,
					char **result)
{
	HomeoOperatorShared *shared = operator->shared;
	BgwHandleStatus status = BGWH_STOPPED;
	uint32		phase = PHASE_RUNS;
	pid_t		pid;

	/* The status first: who has stopped has written all that he will. */
	if (operator->handle != NULL)
		status = GetBackgroundWorkerPid(operator->handle, &pid);
	if (shared != NULL)
		phase = pg_atomic_read_u32(&shared->phase);
	pg_read_barrier();

	if (phase == PHASE_DONE)
	{
		*result = pnstrdup(shared->data + shared->payload_size,
						   shared->result_size);
		forget(operator);
		return HOMEO_OPERATOR_ENDED;
	}
	if (status == BGWH_STOPPED || status == BGWH_POSTMASTER_DIED)
	{
		*result = missing_result(operator);
		forget(operator);
		return HOMEO_OPERATOR_ENDED;
	}
	if (phase == PHASE_ASKS)
	{
		*xid = shared->xid;
		return HOMEO_OPERATOR_ASKS;
	}
	end_if_overdue(operator);
	return HOMEO_OPERATOR_RUNS;
}

/* Changes the phase for the process with this index, and wakes it. */
static void
enter_phase(HomeoOperatorShared *shared, uint32 phase, int other)
{
	pg_write_barrier();
	pg_atomic_write_u32(&shared->phase, phase);
	SetLatch(&ProcGlobal->allProcs[other].procLatch);
}

void
homeo_operator_answer(HomeoOperator *operator, bool may_commit)
{
	enter_phase(operator->shared, may_commit ? PHASE_GRANTED : PHASE_REFUSED,
				operator->shared->operator);
}

void
homeo_operator_stop(HomeoOperator *operator)
{
	if (operator->handle != NULL)
		TerminateBackgroundWorker(operator->handle);
	forget(operator);
}

/* ----------------------------------------------------------------------
 * What follows runs in the operator.
 * ----------------------------------------------------------------------
 */

/* A job that needs a transaction which leaves nothing. */
static char *
run_and_roll_back(Jsonb *(*job) (Jsonb *), Jsonb *payload)
{
	MemoryContext context = CurrentMemoryContext;
	char	   *result;

	StartTransactionCommand();
	MemoryContextSwitchTo(context);
	result = homeo_json_print(job(payload));
	AbortCurrentTransaction();
	MemoryContextSwitchTo(context);
	return result;
}

/* One statement that manages its transactions itself, and what came of it. */
static HomeoOutcome *
run_alone(const char *sql)
{
	MemoryContext context = CurrentMemoryContext;
	HomeoOutcome *outcome = palloc0(sizeof(HomeoOutcome));
	instr_time	start;
	instr_time	now;

	INSTR_TIME_SET_CURRENT(start);
	PG_TRY();
	{
		SetCurrentStatementStartTimestamp();
		StartTransactionCommand();
		MemoryContextSwitchTo(context);
		enable_timeout_after(STATEMENT_TIMEOUT,
							 homeo_guc_deploy_statement_timeout);
		homeo_sql_patch_execute_alone(sql);
		disable_timeout(STATEMENT_TIMEOUT, false);
		CommitTransactionCommand();
		outcome->ok = true;
	}
	PG_CATCH();
	{
		homeo_outcome_catch(outcome, context, AbortOutOfAnyTransaction);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, start);
	outcome->duration_ms = INSTR_TIME_GET_MILLISEC(now);
	return outcome;
}

/*
 * Statements that cannot run in a transaction.  They are executed with
 * run->role as session user, because the security context that guards the
 * others cannot span transactions; what these statements evaluate on behalf
 * of users the server itself runs as the table's owner in a restricted
 * context.  Waits for locks are limited by the statement's timeout only:
 * nobody else waits behind them.
 */
static void
apply_alone(HomeoPatchRun *run)
{
	ListCell   *lc;

	SetSessionAuthorization(run->role, run->role_is_superuser);
	SetConfigOption("lock_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
	foreach(lc, run->statements)
	{
		HomeoOutcome *outcome = run_alone((const char *) lfirst(lc));

		homeo_sql_patch_note(run, outcome);
		if (!outcome->ok)
			break;
	}
	SetSessionAuthorization(BOOTSTRAP_SUPERUSERID, true);
}

/* Says in the result what is there, whatever an earlier attempt has done. */
static void
inspect(HomeoPatchRun *run)
{
	MemoryContext context = CurrentMemoryContext;

	StartTransactionCommand();
	MemoryContextSwitchTo(context);
	homeo_sql_patch_inspect(run);
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
}

/*
 * Waits for leave to commit what this transaction has changed.  Raises an
 * error when it is refused, or when nobody answers: a waiter that vanished
 * cannot have noted anything.
 */
static void
ask_to_commit(HomeoOperatorShared *shared)
{
	FullTransactionId xid = GetTopFullTransactionIdIfAny();
	instr_time	start;
	uint32		phase = PHASE_ASKS;

	if (!FullTransactionIdIsValid(xid))
		return;					/* it changed nothing */

	shared->xid = xid;
	enter_phase(shared, PHASE_ASKS, shared->waiter);
	INSTR_TIME_SET_CURRENT(start);
	while (phase == PHASE_ASKS)
	{
		instr_time	now;

		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 ANSWER_MS / 10,
						 homeo_wait_event_compat("HomeostasisOperatorCommit"));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		phase = pg_atomic_read_u32(&shared->phase);
		INSTR_TIME_SET_CURRENT(now);
		INSTR_TIME_SUBTRACT(now, start);
		if (INSTR_TIME_GET_MILLISEC(now) > ANSWER_MS)
			break;
	}
	if (phase == PHASE_ASKS)
		ereport(ERROR,
				(errcode(ERRCODE_CONNECTION_FAILURE),
				 errmsg("nobody noted the transaction of the patch in time")));
	if (phase == PHASE_REFUSED)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the job was withdrawn before it was committed")));
}

static char *
run_apply(HomeoOperatorShared *shared, Jsonb *payload)
{
	MemoryContext context = CurrentMemoryContext;
	HomeoPatchRun *run;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	MemoryContextSwitchTo(context);
	run = homeo_sql_patch_begin(payload);
	if (!run->transactional)
	{
		CommitTransactionCommand();
		MemoryContextSwitchTo(context);
		apply_alone(run);
		inspect(run);
	}
	else if (homeo_sql_patch_apply(run))
	{
		ask_to_commit(shared);
		CommitTransactionCommand();
	}
	else
		AbortCurrentTransaction();
	MemoryContextSwitchTo(context);
	return homeo_json_print(homeo_sql_patch_result(run));
}

static char *
run_kind(HomeoOperatorShared *shared, Jsonb *payload)
{
	const char *kind = shared->kind;

	if (strcmp(kind, "plan") == 0)
		return run_and_roll_back(homeo_template_plan, payload);
	if (strcmp(kind, "validate") == 0)
		return run_and_roll_back(homeo_dry_run, payload);
	if (strcmp(kind, "apply") == 0 || strcmp(kind, "undo") == 0)
		return run_apply(shared, payload);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the operator knows no job of kind \"%s\"", kind)));
}

/* Text in another encoding; needs no transaction of the caller. */
static char *
convert(char *string, Size length, int from, int to)
{
	MemoryContext context = CurrentMemoryContext;
	char	   *converted;

	StartTransactionCommand();
	MemoryContextSwitchTo(context);
	converted = (char *) pg_do_encoding_conversion((unsigned char *) string,
												   length, from, to);
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	return converted;
}

/* The error being handled as a result; leaves no transaction. */
static char *
recover(MemoryContext context)
{
	HomeoOutcome outcome = {0};

	homeo_outcome_catch(&outcome, context, AbortOutOfAnyTransaction);
	homeo_worker_note_error(outcome.message);
	return result_of_error(&outcome, false);
}

static char *
run_job(HomeoOperatorShared *shared)
{
	MemoryContext context = CurrentMemoryContext;
	char	   *volatile result = NULL;

	PG_TRY();
	{
		char	   *payload = pnstrdup(shared->data, shared->payload_size);

		payload = convert(payload, shared->payload_size, shared->encoding,
						  GetDatabaseEncoding());
		result = run_kind(shared, homeo_json_parse(payload));
	}
	PG_CATCH();
	{
		result = recover(context);
	}
	PG_END_TRY();
	return result;
}

/*
 * The result in the waiter's encoding.  Characters that it does not have can
 * only be those of a message, so they are given up rather than the result.
 */
static char *
encode_result(char *string, int encoding)
{
	MemoryContext context = CurrentMemoryContext;
	char	   *volatile result = NULL;

	PG_TRY();
	{
		result = convert(string, strlen(string), GetDatabaseEncoding(),
						 encoding);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		FlushErrorState();
		AbortOutOfAnyTransaction();
		MemoryContextSwitchTo(context);
		for (char *p = string; *p != '\0'; p++)
		{
			if (IS_HIGHBIT_SET(*p))
				*p = '?';
		}
		result = string;
	}
	PG_END_TRY();
	return result;
}

static void
answer(HomeoOperatorShared *shared, char *result)
{
	result = encode_result(result, shared->encoding);
	if (strlen(result) > RESULT_MAX)
		result = error_result(ERRCODE_PROGRAM_LIMIT_EXCEEDED, false,
							  psprintf("the result has %zu bytes, which is more than %d",
									   strlen(result), RESULT_MAX));
	shared->result_size = strlen(result);
	memcpy(shared->data + shared->payload_size, result, shared->result_size);
	enter_phase(shared, PHASE_DONE, shared->waiter);
}

/* Says why this operator never answers, if a statement is the reason. */
static void
note_ignored_limit(int code, Datum arg)
{
	HomeoOperatorShared *shared = (HomeoOperatorShared *) DatumGetPointer(arg);

	shared->ignored_limit = homeo_sandbox_was_ignored();
}

void
homeo_operator_main(Datum main_arg)
{
	dsm_segment *segment;
	HomeoOperatorShared *shared;
	MemoryContext context;

	homeo_worker_begin(HOMEO_WORKER_OPERATOR);
	segment = dsm_attach(DatumGetUInt32(main_arg));
	if (segment == NULL)
		proc_exit(0);			/* nobody waits any more */
	shared = dsm_segment_address(segment);
	shared->operator = homeo_proc_number_compat(MyProc);
	before_shmem_exit(note_ignored_limit, PointerGetDatum(shared));
	homeo_worker_connect();

	/* What replayed statements warn of is no news. */
	SetConfigOption("log_min_messages", "error", PGC_SUSET, PGC_S_OVERRIDE);

	homeo_worker_set_state(HOMEO_STATE_WORKING);
	pgstat_report_activity(STATE_RUNNING, shared->kind);
	context = AllocSetContextCreate(TopMemoryContext,
									"homeostasis operator job",
									ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	answer(shared, run_job(shared));
	pgstat_report_stat(true);
	proc_exit(0);
}
