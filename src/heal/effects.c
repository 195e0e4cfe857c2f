/*
 * effects.c
 *		Finds what a statement would do that a rollback does not undo.
 *
 * Built-in functions that are volatile are trusted by name only; so a
 * function that a later version brings counts as one with lasting effects.
 * Functions in C are trusted unless they belong to an extension that reaches
 * outside of the session.  Results live in CurrentMemoryContext.  Must be
 * called in a transaction with an active snapshot.
 */
#include "postgres.h"

#include "heal/effects.h"

#include "base/compat.h"
#include "catalog/dependency.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_language.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_sequence.h"
#include "commands/extension.h"
#include "commands/sequence.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_node.h"
#include "rewrite/rewriteManip.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* Volatile functions of pg_catalog that leave nothing, or only a gap. */
static const char *const harmless_functions[] = {
	"clock_timestamp", "currval", "gen_random_uuid", "lastval", "nextval",
	"pg_advisory_xact_lock", "pg_advisory_xact_lock_shared",
	"pg_current_xact_id", "pg_database_size", "pg_indexes_size", "pg_notify",
	"pg_relation_size", "pg_sleep", "pg_sleep_for", "pg_sleep_until",
	"pg_table_size", "pg_total_relation_size",
	"pg_try_advisory_xact_lock", "pg_try_advisory_xact_lock_shared",
	"random", "set_config", "setseed", "timeofday", "txid_current",
	"uuidv4", "uuidv7"
};

/* Extensions whose functions write through another connection. */
static const char *const reaching_extensions[] = {
	"adminpack", "dblink", "http", "pg_background", "plsh"
};

static bool
is_among(const char *name, const char *const *names, int count)
{
	for (int i = 0; i < count; i++)
	{
		if (name != NULL && strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

/* For check_functions_in_node(): true ends the search. */
static bool
has_lasting_effect(Oid function, void *context)
{
	HomeoEffects *effects = context;
	HeapTuple	tuple;
	Form_pg_proc form;
	bool		lasting = false;

	if (function == F_SETVAL_REGCLASS_INT8 ||
		function == F_SETVAL_REGCLASS_INT8_BOOL)
		return false;			/* contained through its sequence */

	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	form = (Form_pg_proc) GETSTRUCT(tuple);
	if (form->provolatile == PROVOLATILE_VOLATILE)
	{
		const char *name = NameStr(form->proname);

		if (form->pronamespace == PG_CATALOG_NAMESPACE)
			lasting = !is_among(name, harmless_functions,
								lengthof(harmless_functions));
		else if (form->prolang == ClanguageId)
			lasting = is_among(get_extension_name(getExtensionOfObject(ProcedureRelationId,
																	   function)),
							   reaching_extensions,
							   lengthof(reaching_extensions));
		if (lasting)
			effects->function = pstrdup(name);
	}
	ReleaseSysCache(tuple);
	return lasting;
}

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

static bool
find_in_node(Node *node, HomeoEffects *effects)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, find_in_node, effects, 0);

	if (IsA(node, FuncExpr) &&
		(((FuncExpr *) node)->funcid == F_SETVAL_REGCLASS_INT8 ||
		 ((FuncExpr *) node)->funcid == F_SETVAL_REGCLASS_INT8_BOOL))
	{
		Oid			sequence = sequence_of((FuncExpr *) node);

		if (!OidIsValid(sequence))
		{
			effects->function = "setval";
			return true;
		}
		effects->sequences = list_append_unique_oid(effects->sequences,
													sequence);
	}
	if (check_functions_in_node(node, has_lasting_effect, effects))
		return true;
	return expression_tree_walker(node, find_in_node, effects);
}

void
homeo_effects_find(Query *query, HomeoEffects *effects)
{
	Node	   *tree = (Node *) query;

	effects->function = NULL;
	effects->sequences = NIL;
	if (query->commandType == CMD_UTILITY &&
		IsA(query->utilityStmt, CreateTableAsStmt))
		tree = ((CreateTableAsStmt *) query->utilityStmt)->query;
	find_in_node(tree, effects);
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
