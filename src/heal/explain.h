/*
 * explain.h
 *		What the planner makes of a captured statement.
 */
#ifndef HOMEO_EXPLAIN_H
#define HOMEO_EXPLAIN_H

#include "heal/replay.h"

/*
 * EXPLAIN (verbose, format json) of the statement, as its role; NULL when there
 * is none: the statement cannot be planned here, or that fails.
 */
extern Jsonb *homeo_explain_statement(HomeoReplay *replay,
									  int statement_timeout);

/*
 * How that would change with indexes that do not exist, as the extension
 * hypopg imagines them: {"cost_without", "cost_with", "used"}.  statements are
 * those of a patch, of which the CREATE INDEX count.  NULL: there are none, or
 * the extension is not created in this database.
 */
extern Jsonb *homeo_explain_hypothetical(HomeoReplay *replay, Jsonb *explained,
										 List *statements,
										 int statement_timeout);

#endif							/* HOMEO_EXPLAIN_H */
