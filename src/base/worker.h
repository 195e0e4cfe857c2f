/*
 * worker.h
 *		What all background workers share: a slot in shared memory that shows
 *		them and wakes them, and the turn of their main loop.
 *
 * A slot is written by its worker only; others read its atomics, and
 * homeo_worker_wake() sets its latch.
 */
#ifndef HOMEO_WORKER_H
#define HOMEO_WORKER_H

#include "postmaster/bgworker.h"

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
	HOMEO_STATE_WAITING_FOR_EXTENSION,
	HOMEO_STATE_IDLE,
	HOMEO_STATE_WORKING,
	HOMEO_STATE_WAITING_FOR_OPERATOR,
	HOMEO_STATE_BACKING_OFF,
	HOMEO_STATE_STOPPING
} HomeoWorkerState;

/*
 * Work of one turn, called in a transaction of its own, as homeostasis_owner
 * in a security-restricted context, with a snapshot pushed and SPI connected.
 * Returns true when there is more to do at once.
 */
typedef bool (*HomeoWorkerTurn) (void *arg);

extern void homeo_worker_init(void);

/* Start of a worker's main function; arg is the main function's. */
extern void homeo_worker_begin(HomeoWorkerKind kind, int number);

/*
 * Connect to the home database as the bootstrap superuser; the turns run as
 * homeostasis_owner.
 */
extern void homeo_worker_connect(Oid database);

/*
 * Runs turn in a transaction, commits, reports statistics.  An ERROR inside
 * is logged, the transaction aborted, and *failed set; the caller backs off.
 * Does nothing and returns false while the extension is not there.
 * timeout_ms > 0 arms statement_timeout for the turn; lock_timeout is set.
 */
extern bool homeo_worker_turn(HomeoWorkerTurn turn, void *arg,
							  int timeout_ms, bool *failed);

/* Waits on the latch; handles interrupts and reload. */
extern void homeo_worker_wait(long timeout_ms, const char *wait_event);

extern void homeo_worker_set_state(HomeoWorkerState state);

/* Sets the latch of every worker of this kind; safe inside the log hook. */
extern void homeo_worker_wake(HomeoWorkerKind kind);

/* True in one of the extension's own workers. */
extern bool homeo_worker_is_mine(void);

#endif							/* HOMEO_WORKER_H */
