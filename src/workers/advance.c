/*
 * advance.c
 *		Procedures that do the work of the other workers, or one job of the
 *		operator, in a session.
 *
 * Procedures, because a claim must be committed before its job runs, and
 * because the operator would wait for ever for a snapshot that this session
 * held: CREATE INDEX CONCURRENTLY waits for all of them.  Between its
 * transactions a session holds neither snapshot nor lock.
 */
#include "postgres.h"

#include "workers/advance.h"

#include "access/htup_details.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/shmem.h"
#include "base/turn.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/regproc.h"
#include "workers/compiler.h"
#include "workers/ingest_once.h"
#include "workers/job.h"

/* Enough for a patch and all that it leads to; the next call goes on. */
#define MAX_ROUNDS		1000

/* The operator's end sets the latch; this is for its time limit. */
#define POLL_MS			1000

typedef void (*HomeoStep) (void *arg);

/*
 * One step in the current transaction, as homeostasis_owner and out of reach
 * of the caller's search_path; then commits.
 */
static void
run_step(HomeoStep step, void *arg)
{
	Oid			owner;
	Oid			save_user;
	int			save_context;
	int			nest_level;

	if (!homeo_turn_find_owner(&owner))
		ereport(ERROR,
				(errcode(ERRCODE_HOMEO_NOT_NOW),
				 errmsg("extension homeostasis is being changed or dropped"),
				 errhint("Try again in a moment.")));

	GetUserIdAndSecContext(&save_user, &save_context);
	nest_level = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp",
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, ERROR, false);
	SetUserIdAndSecContext(owner, save_context | SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_RESTRICTED_OPERATION);
	step(arg);
	SetUserIdAndSecContext(save_user, save_context);
	AtEOXact_GUC(false, nest_level);
	SPI_commit();
}

static void
advance_step(void *arg)
{
	*(int *) arg = homeo_job_advance_states();
}

static void
claim_step(void *arg)
{
	*(HomeoJob **) arg = homeo_job_claim();
}

static void
complete_step(void *arg)
{
	homeo_job_complete(arg);
}

static void
note_step(void *arg)
{
	homeo_job_note_commit(arg);
}

/* Waits for the operator, without a snapshot. */
static void
wait_for_result(HomeoJob *job)
{
	HomeoOperatorNews news;

	homeo_job_start(job);
	while ((news = homeo_job_poll(job)) != HOMEO_OPERATOR_ENDED)
	{
		if (news == HOMEO_OPERATOR_ASKS)
		{
			job->may_commit = true;
			if (job->id != 0)
				run_step(note_step, job);
			homeo_job_answer(job);
		}
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 POLL_MS,
						 homeo_wait_event_compat("HomeostasisOperator"));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

/* Runs a claimed job and stores its result; a cancel stops the operator. */
static void
run_claimed(HomeoJob *job)
{
	PG_TRY();
	{
		wait_for_result(job);
		run_step(complete_step, job);
	}
	PG_CATCH();
	{
		homeo_job_free(job);
		PG_RE_THROW();
	}
	PG_END_TRY();
	homeo_job_free(job);
}

/* Raises an error unless CALL may commit here and there are workers. */
static void
check_call(FunctionCallInfo fcinfo)
{
	if (!fcinfo->context || !IsA(fcinfo->context, CallContext) ||
		castNode(CallContext, fcinfo->context)->atomic)
		ereport(ERROR,
				(errcode(ERRCODE_HOMEO_NOT_NOW),
				 errmsg("procedure %s cannot run in a transaction block",
						format_procedure(fcinfo->flinfo->fn_oid)),
				 errhint("Make the CALL a statement of its own.")));
	homeo_shmem_require();
}

/*
 * call homeostasis.advance()
 */
PG_FUNCTION_INFO_V1(homeo_advance);

Datum
homeo_advance(PG_FUNCTION_ARGS)
{
	check_call(fcinfo);
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	SPI_commit();
	homeo_ingest_once();
	homeo_compiler_once();
	for (int round = 0; round < MAX_ROUNDS; round++)
	{
		int			moves = 0;
		HomeoJob   *job = NULL;

		run_step(advance_step, &moves);
		run_step(claim_step, &job);
		if (job != NULL)
			run_claimed(job);
		else if (moves == 0)
			break;
	}
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * call homeostasis.run_job(kind, database, payload, result)
 */
PG_FUNCTION_INFO_V1(homeo_run_job);

Datum
homeo_run_job(PG_FUNCTION_ARGS)
{
	HomeoJob   *job;
	TupleDesc	desc;
	Datum		value;
	bool		isnull = false;

	check_call(fcinfo);
	if (!superuser())
		ereport(ERROR,
				(errcode(ERRCODE_HOMEO_NOT_ALLOWED),
				 errmsg("must be superuser to run a job by hand"),
				 errdetail("A job can run any statement as any role."),
				 errhint("Let the operator run it: homeostasis.heal() makes its jobs.")));
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_HOMEO_INVALID_ARGUMENT),
				 errmsg("kind, database and payload of a job may not be null"),
				 errhint("They are columns of homeostasis.jobs.")));

	job = homeo_job_make(text_to_cstring(PG_GETARG_TEXT_PP(0)),
						 NameStr(*PG_GETARG_NAME(1)), PG_GETARG_JSONB_P(2));
	PG_TRY();
	{
		SPI_connect_ext(SPI_OPT_NONATOMIC);
		SPI_commit();
		wait_for_result(job);
		SPI_finish();
		value = JsonbPGetDatum(homeo_json_parse(job->result));
	}
	PG_CATCH();
	{
		homeo_job_free(job);
		PG_RE_THROW();
	}
	PG_END_TRY();
	homeo_job_free(job);

	desc = CreateTemplateTupleDesc(1);
	TupleDescInitEntry(desc, 1, "result", JSONBOID, -1, 0);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), &value,
											 &isnull));
}
