/*
 * advance.c
 *		The procedure homeostasis.advance(): the healer's work in a session.
 *
 * For installations that run without the healer, and for people who do not
 * want to wait for it.  A procedure, because it must commit a claim before
 * the job runs, and because the operator would wait for ever for a snapshot
 * that this session held: CREATE INDEX CONCURRENTLY waits for all of them.
 * Between its transactions it holds neither snapshot nor lock.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/shmem.h"
#include "base/worker.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "workers/job.h"

/* Enough for a patch and all that it leads to; the next call goes on. */
#define MAX_ROUNDS		100

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

	if (!homeo_worker_find_owner(&owner))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("extension homeostasis is being changed or dropped")));

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

/* Waits without a snapshot; a cancel stops the operator. */
static void
run_job(HomeoJob *job)
{
	PG_TRY();
	{
		homeo_job_start(job);
		while (!homeo_job_poll(job))
		{
			(void) WaitLatch(MyLatch,
							 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
							 POLL_MS,
							 homeo_wait_event_compat("HomeostasisOperator"));
			ResetLatch(MyLatch);
			CHECK_FOR_INTERRUPTS();
		}
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

/*
 * call homeostasis.advance()
 */
PG_FUNCTION_INFO_V1(homeo_advance);

Datum
homeo_advance(PG_FUNCTION_ARGS)
{
	if (!fcinfo->context || !IsA(fcinfo->context, CallContext) ||
		castNode(CallContext, fcinfo->context)->atomic)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
				 errmsg("homeostasis.advance() cannot run in a transaction block"),
				 errhint("Call it as a statement of its own: call homeostasis.advance();")));
	homeo_shmem_require();

	SPI_connect_ext(SPI_OPT_NONATOMIC);
	for (int round = 0; round < MAX_ROUNDS; round++)
	{
		int			moves = 0;
		HomeoJob   *job = NULL;

		run_step(advance_step, &moves);
		run_step(claim_step, &job);
		if (job != NULL)
			run_job(job);
		else if (moves == 0)
			break;
	}
	SPI_finish();
	PG_RETURN_VOID();
}
