/*
 * worker.h
 *		What all background workers share: a slot in shared memory that shows
 *		them and wakes them, and the turn of their main loop.
 *
 * A slot is written by its worker only; others read its atomics and, under
 * its spinlock, the rest.
 *
 * A worker's main function reads:
 *
 *		int			number = homeo_worker_begin(HOMEO_WORKER_INGEST);
 *
 *		homeo_worker_connect();
 *		for (;;)
 *		{
 *			HomeoTurnResult result = homeo_worker_turn(turn, arg, timeout);
 *
 *			homeo_worker_rest(result, milliseconds, "HomeostasisIngestMain");
 *		}
 *
 * CHECK_FOR_INTERRUPTS, reload, leaving and backing off are in there.
 */
#ifndef HOMEO_WORKER_H
#define HOMEO_WORKER_H

#include "postmaster/bgworker.h"

#include "base/guc.h"

/* Operators that may run at the same time, in all databases together. */
#define HOMEO_MAX_OPERATORS		8

typedef enum HomeoWorkerKind
{
	HOMEO_WORKER_LAUNCHER,
	HOMEO_WORKER_INGEST,
	HOMEO_WORKER_HEALER,
	HOMEO_WORKER_OPERATOR
} HomeoWorkerKind;

typedef enum HomeoWorkerState
{
	HOMEO_STATE_STARTING,
	HOMEO_STATE_WAITING_FOR_DATABASE,
	HOMEO_STATE_WAITING_FOR_EXTENSION,
	HOMEO_STATE_IDLE,
	HOMEO_STATE_WORKING,
	HOMEO_STATE_BACKING_OFF,
	HOMEO_STATE_SWITCHED_OFF
} HomeoWorkerState;

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
typedef bool (*HomeoWorkerTurn) (void *arg);

extern void homeo_worker_init(void);

/* Fills in what a worker that homeo_worker_begin() understands needs. */
extern void homeo_worker_describe(BackgroundWorker *worker,
								  HomeoWorkerKind kind, int number,
								  Oid database, const char *function);

/*
 * Start of a worker's main function: signals, slot, name.  Returns the
 * worker's number.  Exits when another process has the slot.
 */
extern int	homeo_worker_begin(HomeoWorkerKind kind);

/*
 * Connects as the bootstrap superuser to the database that the worker was
 * started for, InvalidOid being the shared catalogs only, and overrides the
 * settings that a database or role could have planted.
 */
extern void homeo_worker_connect(void);

/*
 * Runs turn in a transaction, commits and reports statistics.  An ERROR
 * inside is logged once per cause, shown in stat_workers, and rolled back.
 * timeout_ms > 0 limits the turn; waits for locks are always limited.
 */
extern HomeoTurnResult homeo_worker_turn(HomeoWorkerTurn turn, void *arg,
										 int timeout_ms);

/*
 * What follows a turn: idle_ms on the latch, no time, or, whatever the latch
 * says, a time that grows with each failure.
 */
extern void homeo_worker_rest(HomeoTurnResult result, long idle_ms,
							  const char *wait_event);

/*
 * Waits on the latch; handles interrupts and reload.  Exits when the worker's
 * database must be left or the workers are switched off.
 */
extern void homeo_worker_wait(long timeout_ms, const char *wait_event);

extern void homeo_worker_set_state(HomeoWorkerState state);

/* Shows an error in stat_workers that did not end a turn. */
extern void homeo_worker_note_error(const char *message);

/* Sets the latch of every worker of this kind; safe inside the log hook. */
extern void homeo_worker_wake(HomeoWorkerKind kind);

/* True in one of the extension's own workers. */
extern bool homeo_worker_is_mine(void);

/* Process id of a worker, 0: it does not run. */
extern int	homeo_worker_pid(HomeoWorkerKind kind, int number);

/* Whether the last worker there ended because it was asked to. */
extern bool homeo_worker_left(HomeoWorkerKind kind, int number);

/*
 * Asks the workers to leave a database and to stay away until the request is
 * withdrawn.  False: too many databases are asked for.
 */
extern bool homeo_worker_request_leave(Oid database);
extern void homeo_worker_withdraw_leave(Oid database);
extern bool homeo_worker_must_leave(Oid database);

/*
 * Number of workers in a database, this process not counted; sends them
 * signal when it is not 0.
 */
extern int	homeo_worker_count_in(Oid database, int signal);

/* homeostasis_owner, if the extension is there and is ours. */
extern bool homeo_worker_find_owner(Oid *owner);

#endif							/* HOMEO_WORKER_H */
