/*
 * operator.h
 *		Runs a job in a worker of its own in the job's database.
 */
#ifndef HOMEO_OPERATOR_H
#define HOMEO_OPERATOR_H

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
 */
extern HomeoOperator *homeo_operator_start(const char *kind, Oid database,
										   Jsonb *payload);

/*
 * True when the job has ended; then *result is the result as JSON, in this
 * database's encoding and CurrentMemoryContext, and the operator is freed.
 * An operator that takes longer than its statements may is terminated here.
 */
extern bool homeo_operator_poll(HomeoOperator *operator, char **result);

/* Terminates the job and frees the operator. */
extern void homeo_operator_stop(HomeoOperator *operator);

extern PGDLLEXPORT void homeo_operator_main(Datum main_arg);

#endif							/* HOMEO_OPERATOR_H */
