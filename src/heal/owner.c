/*
 * owner.c
 *		Makes sure that what a patch uses still belongs to whom it runs as.
 *
 * A patch names relations of the role that it runs as, but runs long after it
 * was planned.  Who owns the schema can drop such a relation meanwhile, and
 * put a view or table of his own in its place, whose functions would run as
 * that role.  The server itself asks for the owner of what is changed, so
 * queries are of interest, also that of CREATE TABLE AS, and tables that another
 * is made like.  Must be called in a transaction.
 */
#include "postgres.h"

#include "heal/owner.h"

#include "base/compat.h"
#include "base/relation.h"
#include "catalog/namespace.h"
#include "heal/statement.h"
#include "miscadmin.h"
#include "parser/analyze.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"

static void
check_relation(Oid oid)
{
	Oid			owner = homeo_relation_owner(oid);

	if (has_privs_of_role(GetUserId(), owner) || superuser_arg(owner))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("relation \"%s\" does not belong to %s, as whom the patch runs",
					get_rel_name(oid), GetUserNameFromId(GetUserId(), true)),
			 errhint("It may have been replaced since the patch was planned: reject the patch and heal the issue again.")));
}

/* True would end the walk. */
static bool
check_node(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		ListCell   *lc;

		foreach(lc, ((Query *) node)->rtable)
		{
			RangeTblEntry *entry = lfirst_node(RangeTblEntry, lc);

			if (entry->rtekind == RTE_RELATION)
				check_relation(entry->relid);
		}
		return query_tree_walker((Query *) node, check_node, context, 0);
	}
	return expression_tree_walker(node, check_node, context);
}

/* CREATE TABLE ... (LIKE ...) copies defaults, checks and indexes. */
static void
check_models(CreateStmt *create)
{
	ListCell   *lc;

	foreach(lc, create->tableElts)
	{
		Oid			model = InvalidOid;

		if (IsA(lfirst(lc), TableLikeClause))
			model = RangeVarGetRelid(lfirst_node(TableLikeClause, lc)->relation,
									 AccessShareLock, true);
		if (OidIsValid(model))
			check_relation(model);
	}
}

Query *
homeo_owner_check(RawStmt *statement, const char *sql)
{
	bool		is_plannable = homeo_statement_is_plannable(statement);
	Query	   *query;

	if (IsA(statement->stmt, CreateStmt))
		check_models((CreateStmt *) statement->stmt);
	if (!is_plannable && !IsA(statement->stmt, CreateTableAsStmt))
		return NULL;
	query = parse_analyze_fixedparams(copyObject(statement), sql, NULL, 0, NULL);
	if (is_plannable)
		check_node((Node *) query, NULL);
	else
		check_node(castNode(CreateTableAsStmt, query->utilityStmt)->query, NULL);
	return is_plannable ? query : NULL;
}
