/*
 * worker.h
 *		The slots in shared memory that show the background workers and wake
 *		them.
 *
 * A slot is written by its worker only; others read its atomics and, under
 * its spinlock, the rest.
 */
#ifndef HOMEO_WORKER_H
#define HOMEO_WORKER_H

#include "postmaster/bgworker.h"

#include "base/guc.h"
#include "portability/instr_time.h"

/* Operators that may run at the same time, in all databases together. */
#define HOMEO_MAX_OPERATORS		8

typedef enum HomeoWorkerKind
{
	HOMEO_WORKER_LAUNCHER,
	HOMEO_WORKER_INGEST,
	HOMEO_WORKER_HEALER,
	HOMEO_WORKER_COMPILER,
	HOMEO_WORKER_OPERATOR,
	HOMEO_WORKER_ANALYST
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
 * Waits on the latch; handles interrupts and reload.  Exits when the worker's
 * database must be left or the workers are switched off.
 */
extern void homeo_worker_wait(long timeout_ms, const char *wait_event);

/* LONG_MAX for a time that is zero: it has never been. */
extern long homeo_worker_milliseconds_since(instr_time start);

extern void homeo_worker_set_state(HomeoWorkerState state);

/*
 * Shows in stat_workers that a turn ended, what this process has used, that a
 * batch was smaller for lack of memory, and an error.
 */
extern void homeo_worker_note_turn(void);
extern void homeo_worker_note_usage(void);
extern void homeo_worker_note_early_batch(void);
extern void homeo_worker_note_error(const char *message);

/*
 * Sets the latch of every worker of this kind, or of the one with that number;
 * safe inside the log hook.
 */
extern void homeo_worker_wake(HomeoWorkerKind kind);
extern void homeo_worker_wake_one(HomeoWorkerKind kind, int number);

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

#endif							/* HOMEO_WORKER_H */
