/*
 * operator.h
 *		Runs a job in a worker of its own in the job's database.
 */
#ifndef HOMEO_OPERATOR_H
#define HOMEO_OPERATOR_H

#include "access/transam.h"
#include "base/json.h"

/* A job that was started and whose answer was not taken yet. */
typedef struct HomeoOperator HomeoOperator;

/*
 * Whether an operator can be started in a database; if not, *error is the
 * result that the job gets.  Needs a transaction.
 */
extern bool homeo_operator_find_database(const char *name, Oid *database,
										 char **error);

/*
 * Starts a job of kind plan, validate, apply or undo.  When there is no place
 * for a worker, homeo_operator_poll() says so.  This process's latch is set
 * when the operator has ended.  The job is stopped when this process exits.
 * CurrentMemoryContext must outlive the job.
 */
extern HomeoOperator *homeo_operator_start(const char *kind, Oid database,
										   Jsonb *payload);

typedef enum HomeoOperatorNews
{
	HOMEO_OPERATOR_RUNS,
	HOMEO_OPERATOR_ASKS,		/* whether it may commit its transaction */
	HOMEO_OPERATOR_ENDED
} HomeoOperatorNews;

/*
 * Looks after an operator without waiting.  ASKS: *xid is the transaction
 * that is about to commit; homeo_operator_answer() must be called soon.
 * ENDED: *result is the result as JSON, in this database's encoding and
 * CurrentMemoryContext, and the operator must not be used any more.  One that
 * takes longer than its statements may is terminated here.
 */
extern HomeoOperatorNews homeo_operator_poll(HomeoOperator *operator,
											 FullTransactionId *xid,
											 char **result);
extern void homeo_operator_answer(HomeoOperator *operator, bool may_commit);

/* Terminates the job; the operator must not be used any more. */
extern void homeo_operator_stop(HomeoOperator *operator);

extern PGDLLEXPORT void homeo_operator_main(Datum main_arg);

#endif							/* HOMEO_OPERATOR_H */
