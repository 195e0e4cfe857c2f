/*
 * analyst.c
 *		Workers that analyse what is stored anew, after analyze().
 *
 * What there is to do, and how far it is, stands in tables; see
 * sql/code/analyze.sql.  So an analyst takes one step after another, each a
 * transaction of its own, until there is none left for it, and ends; whatever
 * ends it before, the next one goes on.  The healer starts them, and does the
 * steps itself, in advance_states(), while there is no room for any.
 */
#include "postgres.h"

#include "workers/analyst.h"

#include "base/compat.h"
#include "base/turn.h"
#include "base/worker.h"
#include "executor/spi.h"
#include "intake/store.h"
#include "storage/ipc.h"
#include "utils/memutils.h"

#define TURN_TIMEOUT_MS		30000

/* Those that this process has started, and may not have a slot yet. */
static BackgroundWorkerHandle *handles[HOMEO_MAX_ANALYSTS];

/* The number that a query gives, 0 when it gives none. */
static int
run_for_number(const char *query)
{
	bool		isnull;
	Datum		value;

	if (SPI_execute(query, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not run \"%s\"", query);
	if (SPI_processed == 0)
		return 0;
	value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
						  &isnull);
	return isnull ? 0 : DatumGetInt32(value);
}

static bool
analyse_turn(void *arg)
{
	return run_for_number("select homeostasis.analyze_step(r.run)"
						  " from (select homeostasis.running_analysis() as run) r"
						  " where r.run is not null") > 0;
}

static bool
wanted_turn(void *arg)
{
	*(int *) arg = run_for_number("select homeostasis.wanted_analysts()");
	return false;
}

/* Whether the analyst works, or is about to. */
static bool
is_there(int number)
{
	pid_t		pid;

	if (homeo_worker_pid(HOMEO_WORKER_ANALYST, number) != 0)
		return true;
	if (handles[number] == NULL)
		return false;
	if (GetBackgroundWorkerPid(handles[number], &pid) != BGWH_STOPPED)
		return true;
	pfree(handles[number]);
	handles[number] = NULL;
	return false;
}

/* False: there is no place for it. */
static bool
start(int number)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	BackgroundWorker worker;
	bool		started;

	homeo_worker_describe(&worker, HOMEO_WORKER_ANALYST, number, MyDatabaseId,
						  "homeo_analyst_main");
	worker.bgw_notify_pid = MyProcPid;
	started = RegisterDynamicBackgroundWorker(&worker, &handles[number]);
	if (!started)
		handles[number] = NULL;
	MemoryContextSwitchTo(old);
	return started;
}

void
homeo_analyst_start(void)
{
	int			wanted = 0;

	(void) homeo_turn_run(wanted_turn, &wanted, TURN_TIMEOUT_MS);
	for (int i = 0; i < HOMEO_MAX_ANALYSTS; i++)
		wanted -= is_there(i);
	for (int i = 0; i < HOMEO_MAX_ANALYSTS && wanted > 0; i++)
	{
		if (is_there(i))
			continue;
		if (!start(i))
			break;
		wanted--;
	}
}

void
homeo_analyst_main(Datum main_arg)
{
	HomeoTurnResult result;

	homeo_worker_begin(HOMEO_WORKER_ANALYST);
	homeo_worker_connect();

	for (;;)
	{
		result = homeo_turn_run(analyse_turn, NULL, TURN_TIMEOUT_MS);
		if (result != HOMEO_TURN_MORE && result != HOMEO_TURN_FAILED)
			break;
		homeo_turn_rest(result, 0, "HomeostasisAnalystMain");
	}
	proc_exit(0);
}

/*
 * wake_healer(): when this transaction commits
 */
PG_FUNCTION_INFO_V1(homeo_wake_healer);

Datum
homeo_wake_healer(PG_FUNCTION_ARGS)
{
	homeo_store_wake_healer();
	PG_RETURN_VOID();
}
