/*
 * ingest_warm.c
 *		Fills the caches of the rules while a worker has nothing to store.
 */
#include "postgres.h"

#include "workers/ingest_warm.h"

#include "executor/spi.h"
#include "postmaster/interrupt.h"

/* Issues whose errors are matched before they come; milliseconds at a time. */
#define WARM_ISSUES			1000
#define WARM_MS				100

static bool
warm_turn(void *arg)
{
	HomeoConsumer *c = (HomeoConsumer *) arg;
	char	   *query = psprintf("select entries from homeostasis.warm_caches(%d, %d, %d)"
								 " where what = 'issues'",
								 WARM_ISSUES - c->warmed, WARM_MS, c->warmed);
	bool		isnull;
	int64		issues;

	if (SPI_execute(query, false, 0) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "warm_caches() failed");
	issues = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0],
										 SPI_tuptable->tupdesc, 1, &isnull));
	c->warmed += (int) issues;
	return issues > 0 && c->warmed < WARM_ISSUES;
}

/*
 * When there is nothing to store, a piece at a time: so hardly any event waits
 * for it, and issues that come back, or come in other words, are then diagnosed
 * sooner.  Once in the life of the worker, or until it fails.
 */
HomeoTurnResult
homeo_ingest_warm_if_idle(HomeoConsumer *c, HomeoTurnResult result)
{
	if (result != HOMEO_TURN_IDLE || c->warm || ShutdownRequestPending)
		return result;
	result = homeo_turn_run(warm_turn, c, BATCH_TIMEOUT_MS);
	c->warm = result != HOMEO_TURN_MORE;
	return result == HOMEO_TURN_MORE ? result : HOMEO_TURN_IDLE;
}
