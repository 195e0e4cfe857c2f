/*
 * job.h
 *		Claims jobs of the operator, has them run, and stores their results.
 */
#ifndef HOMEO_JOB_H
#define HOMEO_JOB_H

#include "workers/operator.h"

/* A job that this process has claimed. */
typedef struct HomeoJob
{
	MemoryContext context;		/* holds it and all that belongs to it */
	int64		id;				/* 0: it is in no queue */
	char	   *kind;
	Oid			database;
	Jsonb	   *payload;
	FullTransactionId xid;		/* that the job is about to commit */
	bool		may_commit;		/* what homeo_job_note_commit() returned */
	char	   *result;			/* JSON; NULL: not there yet */
	HomeoOperator *operator;	/* NULL: not started, or ended */
} HomeoJob;

/* A job outside of the queue, with id 0.  Needs a transaction. */
extern HomeoJob *homeo_job_make(const char *kind, const char *database,
								Jsonb *payload);

/*
 * The next four work through SPI, in a transaction and as
 * homeostasis_owner.
 */

/* Moves what can be moved; returns how many moves were made. */
extern int	homeo_job_advance_states(void);

/*
 * Claims the next job, or returns NULL.  One that cannot be run has its
 * result already.
 */
extern HomeoJob *homeo_job_claim(void);

/*
 * Notes the transaction that the job is about to commit, and in may_commit
 * whether it may: not when the job was withdrawn meanwhile.
 */
extern void homeo_job_note_commit(HomeoJob *job);

/* Stores the job's result. */
extern void homeo_job_complete(HomeoJob *job);

/* Starts the operator, unless the job has its result. */
extern void homeo_job_start(HomeoJob *job);

/*
 * ASKS: homeo_job_note_commit() must be called, its transaction committed,
 * and then homeo_job_answer().  ENDED: the job has its result.
 */
extern HomeoOperatorNews homeo_job_poll(HomeoJob *job);
extern void homeo_job_answer(HomeoJob *job);

/* Stops the operator if it runs. */
extern void homeo_job_free(HomeoJob *job);

#endif							/* HOMEO_JOB_H */
