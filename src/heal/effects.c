/*
 * effects.c
 *		Makes setval(), which no rollback undoes, one that a rollback undoes.
 *
 * Results live in CurrentMemoryContext.  Must be called in a transaction with
 * an active snapshot.
 */
#include "postgres.h"

#include "heal/effects.h"

#include "access/transam.h"
#include "base/compat.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_sequence.h"
#include "commands/sequence.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_node.h"
#include "rewrite/rewriteHandler.h"
#include "rewrite/rewriteManip.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* What a walk through a statement finds. */
typedef struct HomeoEffects
{
	List	   *sequences;		/* Oids; only those that are known */
	bool		knows_all;		/* of the sequences, and runs no other code */
} HomeoEffects;

/*
 * The sequence that a call of setval() moves, or InvalidOid when that depends
 * on the rows.
 */
static Oid
sequence_of(FuncExpr *call)
{
	Node	   *argument = linitial(call->args);
	EState	   *estate;
	ExprState  *state;
	Datum		value;
	bool		isnull;

	if (contain_var_clause(argument) || checkExprHasSubLink(argument))
		return InvalidOid;

	estate = CreateExecutorState();
	state = ExecPrepareExpr((Expr *) copyObject(argument), estate);
	value = ExecEvalExprSwitchContext(state, GetPerTupleExprContext(estate),
									  &isnull);
	FreeExecutorState(estate);
	return isnull ? InvalidOid : DatumGetObjectId(value);
}

/* For check_functions_in_node(): true for one that initdb did not make. */
static bool
is_not_builtin(Oid function, void *context)
{
	return function >= FirstNormalObjectId;
}

/* True ends the search. */
static bool
find_in_node(Node *node, void *context)
{
	HomeoEffects *effects = context;

	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, find_in_node, context, 0);

	if (IsA(node, FuncExpr) &&
		(((FuncExpr *) node)->funcid == F_SETVAL_REGCLASS_INT8 ||
		 ((FuncExpr *) node)->funcid == F_SETVAL_REGCLASS_INT8_BOOL))
		effects->sequences = list_append_unique_oid(effects->sequences,
													sequence_of((FuncExpr *) node));
	if (IsA(node, CoerceToDomain) ||
		check_functions_in_node(node, is_not_builtin, NULL) ||
		list_member_oid(effects->sequences, InvalidOid))
	{
		effects->knows_all = false;
		return true;
	}
	return expression_tree_walker(node, find_in_node, context);
}

List *
homeo_effects_sequences(Query *query)
{
	HomeoEffects effects = {.knows_all = true};
	List	   *rewritten;

	if (query->commandType != CMD_SELECT || query->hasModifyingCTE)
		return NIL;
	/* With what its views and the policies of its tables would run. */
	rewritten = QueryRewrite(copyObject(query));
	find_in_node((Node *) linitial(rewritten), &effects);
	return effects.knows_all ? effects.sequences : NIL;
}

/* Any option makes ALTER SEQUENCE write a new file; this one changes nothing. */
static void
contain_sequence(Oid sequence)
{
	HeapTuple	tuple = SearchSysCache1(SEQRELID, ObjectIdGetDatum(sequence));
	AlterSeqStmt *alter = makeNode(AlterSeqStmt);
	int64		increment;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("relation %u is not a sequence", sequence)));
	increment = ((Form_pg_sequence) GETSTRUCT(tuple))->seqincrement;
	ReleaseSysCache(tuple);

	alter->sequence = makeRangeVar(get_namespace_name(get_rel_namespace(sequence)),
								   get_rel_name(sequence), -1);
	alter->options = list_make1(makeDefElem(pstrdup("increment"),
											(Node *) makeFloat(psprintf(INT64_FORMAT,
																		increment)),
											-1));
	AlterSequence(make_parsestate(NULL), alter);
}

void
homeo_effects_contain(List *sequences)
{
	Oid			save_user;
	int			save_context;
	ListCell   *lc;

	if (sequences == NIL)
		return;
	GetUserIdAndSecContext(&save_user, &save_context);
	SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID, save_context);
	foreach(lc, sequences)
		contain_sequence(lfirst_oid(lc));
	SetUserIdAndSecContext(save_user, save_context);
}
