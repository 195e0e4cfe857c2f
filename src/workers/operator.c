/*
 * operator.c
 *		Runs a job in a worker of its own in the job's database.
 *
 * The job and its result travel as JSON text through a segment of dynamic
 * shared memory that the process which waits creates and the operator
 * attaches.  The waiter writes everything before the operator starts; the
 * operator writes result and result_size and then, behind a barrier, done.
 * Each side uses its own process's memory for the rest.  The waiter holds no
 * transaction for the operator's sake and may do other work meanwhile.
 */
#include "postgres.h"

#include "workers/operator.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "base/guc.h"
#include "base/worker.h"
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
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/timeout.h"

#define RESULT_MAX			(1024 * 1024)
#define KIND_LENGTH			16

/* To start, to connect and to answer, besides what the statements take. */
#define MARGIN_MS			30000

/* A template's query and an EXPLAIN are limited to seconds of their own. */
#define PLAN_MS				20000

typedef struct HomeoOperatorShared
{
	char		kind[KIND_LENGTH];
	int			encoding;		/* of payload and result */
	pg_atomic_uint32 done;		/* 1: result is there */
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

/* Operators that this process waits for, in TopMemoryContext. */
static List *waiting_for = NIL;

/*
 * The result of a job that got no answer from its operator; interrupted: the
 * reason may go away, so that another attempt makes sense.
 */
static char *
error_result(int sqlerrcode, bool interrupted, const char *message)
{
	HomeoOutcome outcome = {.sqlerrcode = sqlerrcode,.message = message};
	HomeoJsonBuilder builder;

	homeo_json_begin(&builder);
	homeo_json_add_bool(&builder, "ok", false);
	if (interrupted)
		homeo_json_add_bool(&builder, "interrupted", true);
	homeo_json_add_value(&builder, "error", homeo_outcome_error(&outcome));
	return homeo_json_print(homeo_json_end(&builder));
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
	pg_atomic_init_u32(&shared->done, 0);
	shared->payload_size = size;
	shared->result_size = 0;
	memcpy(shared->data, payload, size);
	return segment;
}

HomeoOperator *
homeo_operator_start(const char *kind, Oid database, Jsonb *payload)
{
	static bool registered = false;
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	dsm_segment *segment = create_segment(kind, homeo_json_print(payload));
	HomeoOperator *operator = palloc0(sizeof(HomeoOperator));
	BackgroundWorker worker;

	if (!registered)
		before_shmem_exit(stop_all, (Datum) 0);
	registered = true;
	waiting_for = lappend(waiting_for, operator);

	INSTR_TIME_SET_CURRENT(operator->started_at);
	operator->limit_ms = limit_of(kind, payload);
	operator->segment = segment;
	if (segment != NULL)
	{
		operator->shared = dsm_segment_address(segment);
		homeo_worker_describe(&worker, HOMEO_WORKER_OPERATOR, 0, database,
							  "homeo_operator_main");
		worker.bgw_main_arg = UInt32GetDatum(dsm_segment_handle(segment));
		worker.bgw_notify_pid = MyProcPid;
		if (!RegisterDynamicBackgroundWorker(&worker, &operator->handle))
			operator->handle = NULL;
	}
	MemoryContextSwitchTo(old);
	return operator;
}

static void
free_operator(HomeoOperator *operator)
{
	waiting_for = list_delete_ptr(waiting_for, operator);
	if (operator->segment != NULL)
		dsm_detach(operator->segment);
	if (operator->handle != NULL)
		pfree(operator->handle);
	pfree(operator);
}

/* The operator has ended without an answer, or never began. */
static char *
missing_result(HomeoOperator *operator)
{
	if (operator->overdue)
		return error_result(ERRCODE_QUERY_CANCELED, true,
							"the operator was terminated: it took longer than its statements may");
	if (operator->segment == NULL)
		return error_result(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED, true,
							"no dynamic shared memory segment is free for the operator");
	if (operator->handle == NULL)
		return error_result(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED, true,
							"no background worker slot is free for the operator: increase max_worker_processes");
	return error_result(ERRCODE_ADMIN_SHUTDOWN, true,
						"the operator was terminated before it answered");
}

bool
homeo_operator_poll(HomeoOperator *operator, char **result)
{
	HomeoOperatorShared *shared = operator->shared;
	BgwHandleStatus status = BGWH_STOPPED;
	instr_time	now;
	pid_t		pid;

	if (operator->handle != NULL)
		status = GetBackgroundWorkerPid(operator->handle, &pid);
	if (shared != NULL && pg_atomic_read_u32(&shared->done) == 1)
	{
		pg_read_barrier();
		*result = pnstrdup(shared->data + shared->payload_size,
						   shared->result_size);
		free_operator(operator);
		return true;
	}
	if (status == BGWH_STOPPED || status == BGWH_POSTMASTER_DIED)
	{
		*result = missing_result(operator);
		free_operator(operator);
		return true;
	}

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, operator->started_at);
	if (INSTR_TIME_GET_MILLISEC(now) > operator->limit_ms &&
		!operator->overdue)
	{
		operator->overdue = true;
		TerminateBackgroundWorker(operator->handle);
	}
	return false;
}

void
homeo_operator_stop(HomeoOperator *operator)
{
	if (operator->handle != NULL)
		TerminateBackgroundWorker(operator->handle);
	free_operator(operator);
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
		ErrorData  *error;

		disable_timeout(STATEMENT_TIMEOUT, false);
		QueryCancelPending = false;
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		AbortOutOfAnyTransaction();
		homeo_outcome_set_error(outcome, error);
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
}

static char *
run_apply(Jsonb *payload)
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
	}
	else if (homeo_sql_patch_apply(run))
		CommitTransactionCommand();
	else
		AbortCurrentTransaction();
	MemoryContextSwitchTo(context);
	return homeo_json_print(homeo_sql_patch_result(run));
}

static char *
run_kind(const char *kind, Jsonb *payload)
{
	if (strcmp(kind, "plan") == 0)
		return run_and_roll_back(homeo_template_plan, payload);
	if (strcmp(kind, "validate") == 0)
		return run_and_roll_back(homeo_dry_run, payload);
	if (strcmp(kind, "apply") == 0 || strcmp(kind, "undo") == 0)
		return run_apply(payload);
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
	ErrorData  *error;
	HomeoOutcome outcome = {0};
	HomeoJsonBuilder builder;

	disable_all_timeouts(false);
	QueryCancelPending = false;
	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	FlushErrorState();
	AbortOutOfAnyTransaction();
	MemoryContextSwitchTo(context);

	homeo_worker_note_error(error->message);
	homeo_outcome_set_error(&outcome, error);
	homeo_json_begin(&builder);
	homeo_json_add_bool(&builder, "ok", false);
	homeo_json_add_value(&builder, "error", homeo_outcome_error(&outcome));
	return homeo_json_print(homeo_json_end(&builder));
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
		result = run_kind(shared->kind, homeo_json_parse(payload));
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
	pg_write_barrier();
	pg_atomic_write_u32(&shared->done, 1);
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
