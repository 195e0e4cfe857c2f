/*
 * job.h
 *		Claims jobs of the operator, has them run, and stores their results.
 */
#ifndef HOMEO_JOB_H
#define HOMEO_JOB_H

#include "workers/operator.h"

/* A job that this process has claimed; allocated in TopMemoryContext. */
typedef struct HomeoJob
{
	int64		id;
	char	   *kind;
	Oid			database;
	Jsonb	   *payload;
	char	   *result;			/* JSON; NULL: not there yet */
	HomeoOperator *operator;	/* NULL: not started, or ended */
} HomeoJob;

/*
 * The first three work through SPI, in a transaction and as
 * homeostasis_owner.
 */

/* Moves what can be moved; returns how many moves were made. */
extern int	homeo_job_advance_states(void);

/*
 * Claims the next job, or returns NULL.  One that cannot be run has its
 * result already.
 */
extern HomeoJob *homeo_job_claim(void);

/* Stores the job's result. */
extern void homeo_job_complete(HomeoJob *job);

/* Starts the operator, unless the job has its result. */
extern void homeo_job_start(HomeoJob *job);

/* True when the job has its result. */
extern bool homeo_job_poll(HomeoJob *job);

/* Stops the operator if it runs. */
extern void homeo_job_free(HomeoJob *job);

#endif							/* HOMEO_JOB_H */
