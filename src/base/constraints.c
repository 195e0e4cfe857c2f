/*
 * constraints.c
 *		Constraints and their deferred triggers, for code that runs in a
 *		security-restricted context.
 */
#include "postgres.h"

#include "base/constraints.h"

#include "commands/trigger.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"

/*
 * SET CONSTRAINTS ALL IMMEDIATE, until the end of the transaction: the server
 * refuses to put a trigger off in a security-restricted context, because it
 * would run after it.
 */
void
homeo_constraints_make_immediate(void)
{
	ConstraintsSetStmt *all = makeNode(ConstraintsSetStmt);

	all->constraints = NIL;
	all->deferred = false;
	AfterTriggerSetState(all);
}
