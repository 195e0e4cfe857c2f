/*
 * turn.h
 *		The turn of a worker's main loop.
 *
 * A worker's main function reads:
 *
 *		int			number = homeo_worker_begin(HOMEO_WORKER_INGEST);
 *
 *		homeo_worker_connect();
 *		for (;;)
 *		{
 *			HomeoTurnResult result = homeo_turn_run(turn, arg, timeout);
 *
 *			homeo_turn_rest(result, milliseconds, "HomeostasisIngestMain");
 *		}
 *
 * CHECK_FOR_INTERRUPTS, reload, leaving and backing off are in there.
 */
#ifndef HOMEO_TURN_H
#define HOMEO_TURN_H

typedef enum HomeoTurnResult
{
	HOMEO_TURN_IDLE,			/* nothing more to do now */
	HOMEO_TURN_MORE,			/* there is more to do at once */
	HOMEO_TURN_FAILED,			/* rolled back */
	HOMEO_TURN_NO_EXTENSION		/* not created, or being dropped */
} HomeoTurnResult;

/*
 * Work of one turn, called in a transaction of its own, as homeostasis_owner
 * in a security-restricted context, with a snapshot pushed and SPI connected;
 * CurrentMemoryContext is gone after the turn.  Returns true when there is
 * more to do at once.
 */
typedef bool (*HomeoTurn) (void *arg);

/*
 * Runs turn in a transaction, commits and reports statistics.  An ERROR
 * inside is logged once per cause, shown in stat_workers, and rolled back.
 * timeout_ms > 0 limits the turn; waits for locks are always limited.
 */
extern HomeoTurnResult homeo_turn_run(HomeoTurn turn, void *arg,
									  int timeout_ms);

/*
 * What follows a turn: idle_ms on the latch, no time, or, whatever the latch
 * says, a time that grows with each failure.
 */
extern void homeo_turn_rest(HomeoTurnResult result, long idle_ms,
							const char *wait_event);

/* homeostasis_owner, if the extension is there and is ours. */
extern bool homeo_turn_find_owner(Oid *owner);

#endif							/* HOMEO_TURN_H */
