/*
 * dry_run.h
 *		Proves a patch: the captured statement fails before it and passes
 *		after it, in a transaction that is rolled back.
 */
#ifndef HOMEO_DRY_RUN_H
#define HOMEO_DRY_RUN_H

#include "base/json.h"

/*
 * payload: {"event", "apply", "undo", "run_as", "transactional", "origin",
 * "truncated"}.  Returns the result of a validate job.  Needs a transaction,
 * which must be rolled back afterwards.
 */
extern Jsonb *homeo_dry_run(Jsonb *payload);

#endif							/* HOMEO_DRY_RUN_H */
