/*
 * healer.c
 *		The worker that moves issues, patches and deployments on.
 *
 * Each turn advances the state machines, which live in SQL, then stores the
 * results of jobs that have ended and claims new ones.  Jobs run in operators
 * of their own while the turns go on, so a long one holds up nothing; no
 * transaction is open between turns.  maintain() runs at the start and
 * hourly, and sooner when it did not get through.  Rules that cost too much,
 * and minutes to be counted as hours, are looked for more often.
 */
#include "postgres.h"

#include "workers/healer.h"

#include "base/guc.h"
#include "base/turn.h"
#include "base/worker.h"
#include "executor/spi.h"
#include "portability/instr_time.h"
#include "workers/analyst.h"
#include "workers/job.h"

/*
 * Jobs that run at the same time.  Two, so that an index that takes an hour
 * to build does not keep a missing partition waiting; no more, so that the
 * operators fit into the default max_worker_processes.
 */
#define MAX_JOBS			2

#define TURN_TIMEOUT_MS		30000
#define MAINTAIN_TIMEOUT_MS	300000
#define MAINTAIN_EVERY_S	3600.0
#define MAINTAIN_RETRY_S	60.0
#define RULES_EVERY_S		60.0
#define COUNTS_EVERY_S		10.0

/* Operators wake the healer; this is for their time limits. */
#define JOB_POLL_MS			1000

/* Results that cannot be stored are left to the lease of the claim. */
#define MAX_FAILURES		5

static HomeoJob *jobs[MAX_JOBS];
static int	failures[MAX_JOBS]; /* to store the result */

static bool
advance_turn(void *arg)
{
	return homeo_job_advance_states() > 0;
}

/* True when something was left for the next call. */
static bool
maintain_turn(void *arg)
{
	bool		isnull;

	if (SPI_execute("select max(done) >= homeostasis.most_at_once()"
					" from homeostasis.maintain()", false, 0) != SPI_OK_SELECT)
		elog(ERROR, "maintain() failed");
	return DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0],
									  SPI_tuptable->tupdesc, 1, &isnull));
}

static bool
rules_turn(void *arg)
{
	if (SPI_execute("select homeostasis.disable_costly_rules()", false,
					0) != SPI_OK_SELECT)
		elog(ERROR, "disable_costly_rules() failed");
	return false;
}

/* Those who ask for the issues of today have to sum up what is left. */
static bool
counts_turn(void *arg)
{
	if (SPI_execute("select homeostasis.roll_minutes()", false,
					0) != SPI_OK_SELECT)
		elog(ERROR, "roll_minutes() failed");
	return false;
}

static bool
complete_turn(void *arg)
{
	homeo_job_complete(arg);
	return true;
}

static bool
permit_turn(void *arg)
{
	homeo_job_note_commit(arg);
	return true;
}

static bool
claim_turn(void *arg)
{
	HomeoJob  **job = arg;

	*job = homeo_job_claim();
	return *job != NULL;
}

/*
 * Maintenance, an hour after it last got through or a minute after it failed,
 * mostly for a lock, or had more to do than it does at once; what it failed of is shown in stat_workers.
 */
static void
maintain_if_due(void)
{
	static double pause = 0;	/* seconds from tried_at to the next time */
	static instr_time tried_at;
	instr_time	now;
	instr_time	since;
	HomeoTurnResult result;

	INSTR_TIME_SET_CURRENT(now);
	since = now;
	INSTR_TIME_SUBTRACT(since, tried_at);
	if (pause > 0 && INSTR_TIME_GET_DOUBLE(since) < pause)
		return;
	result = homeo_turn_run(maintain_turn, NULL, MAINTAIN_TIMEOUT_MS);
	if (result == HOMEO_TURN_NO_EXTENSION)
		return;
	pause = result == HOMEO_TURN_IDLE ? MAINTAIN_EVERY_S : MAINTAIN_RETRY_S;
	tried_at = now;
}

/* A part of what maintain() does, so many seconds after the last time. */
static void
run_if_due(HomeoTurn turn, double seconds, instr_time *last)
{
	instr_time	now;
	instr_time	since;

	INSTR_TIME_SET_CURRENT(now);
	since = now;
	INSTR_TIME_SUBTRACT(since, *last);
	if (INSTR_TIME_GET_DOUBLE(since) < seconds)
		return;
	*last = now;
	(void) homeo_turn_run(turn, NULL, TURN_TIMEOUT_MS);
}

/*
 * Gives place i to a new job.  Returns HOMEO_TURN_MORE if there was one, else
 * what came of the claim.
 */
static HomeoTurnResult
claim(int i)
{
	HomeoJob   *job = NULL;
	HomeoTurnResult result = homeo_turn_run(claim_turn, &job,
											TURN_TIMEOUT_MS);

	/* A claim that was rolled back left a job that is not ours. */
	if (result == HOMEO_TURN_FAILED && job != NULL)
		homeo_job_free(job);
	if (result != HOMEO_TURN_MORE)
		return result;
	homeo_job_start(job);
	jobs[i] = job;
	failures[i] = 0;
	return result;
}

/*
 * Stores the result of the job in place i.  It stays there when that fails,
 * to be tried again a few times.
 */
static HomeoTurnResult
complete(int i)
{
	HomeoTurnResult result = homeo_turn_run(complete_turn, jobs[i],
											TURN_TIMEOUT_MS);

	if (result == HOMEO_TURN_MORE ||
		(result == HOMEO_TURN_FAILED && ++failures[i] >= MAX_FAILURES))
	{
		homeo_job_free(jobs[i]);
		jobs[i] = NULL;
	}
	return result;
}

/*
 * Lets the job in place i commit, when its transaction was noted.  If that
 * fails it is tried again, as long as the operator waits.
 */
static HomeoTurnResult
permit(int i)
{
	HomeoTurnResult result = homeo_turn_run(permit_turn, jobs[i],
											TURN_TIMEOUT_MS);

	if (result == HOMEO_TURN_MORE)
		homeo_job_answer(jobs[i]);
	return result;
}

/* The extension is gone, and with it whom the results would be for. */
static void
drop_jobs(void)
{
	for (int i = 0; i < MAX_JOBS; i++)
	{
		if (jobs[i] != NULL)
			homeo_job_free(jobs[i]);
		jobs[i] = NULL;
	}
}

/* What there is to do for the job in place i. */
static HomeoTurnResult
look_after_job(int i)
{
	switch (homeo_job_poll(jobs[i]))
	{
		case HOMEO_OPERATOR_ASKS:
			return permit(i);
		case HOMEO_OPERATOR_ENDED:
			return complete(i);
		case HOMEO_OPERATOR_RUNS:
			break;
	}
	return HOMEO_TURN_IDLE;
}

/* Looks after all jobs and claims one; one claim a turn is enough. */
static HomeoTurnResult
look_after_jobs(void)
{
	HomeoTurnResult result = HOMEO_TURN_IDLE;
	bool		claimed = false;

	for (int i = 0; i < MAX_JOBS; i++)
	{
		HomeoTurnResult step = HOMEO_TURN_IDLE;

		if (jobs[i] != NULL)
			step = look_after_job(i);
		else if (!claimed)
		{
			step = claim(i);
			claimed = true;
		}
		if (step == HOMEO_TURN_FAILED || step == HOMEO_TURN_NO_EXTENSION)
			return step;
		if (step == HOMEO_TURN_MORE)
			result = step;
	}
	return result;
}

static HomeoTurnResult
one_round(void)
{
	static instr_time rules_at;
	static instr_time counts_at;
	HomeoTurnResult advanced;
	HomeoTurnResult result;

	maintain_if_due();
	run_if_due(rules_turn, RULES_EVERY_S, &rules_at);
	run_if_due(counts_turn, COUNTS_EVERY_S, &counts_at);
	homeo_analyst_start();
	advanced = homeo_turn_run(advance_turn, NULL, TURN_TIMEOUT_MS);
	if (advanced == HOMEO_TURN_NO_EXTENSION)
		return advanced;

	/* A machine that is stuck must not keep results from being stored. */
	result = look_after_jobs();
	if (result == HOMEO_TURN_IDLE || advanced == HOMEO_TURN_FAILED)
		return advanced;
	return result;
}

static bool
any_job(void)
{
	for (int i = 0; i < MAX_JOBS; i++)
	{
		if (jobs[i] != NULL)
			return true;
	}
	return false;
}

void
homeo_healer_main(Datum main_arg)
{
	homeo_worker_begin(HOMEO_WORKER_HEALER);
	homeo_worker_connect();

	for (;;)
	{
		HomeoTurnResult result = one_round();
		long		idle_ms = homeo_guc_healer_interval;

		if (result == HOMEO_TURN_NO_EXTENSION)
			drop_jobs();
		if (any_job())
		{
			idle_ms = Min(idle_ms, JOB_POLL_MS);
			/* Backing off ignores the latch, and operators wait for leave. */
			if (result == HOMEO_TURN_FAILED)
				result = HOMEO_TURN_IDLE;
		}
		homeo_turn_rest(result, idle_ms, "HomeostasisHealerMain");
	}
}
