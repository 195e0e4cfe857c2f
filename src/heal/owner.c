/*
 * owner.c
 *		Makes sure that what a patch uses still belongs to whom it runs as.
 *
 * A patch names relations of the role that it runs as, but runs long after it
 * was planned.  Who owns the schema can drop such a relation meanwhile, and
 * put a view or table of his own in its place, whose functions would run as
 * that role.  The server itself asks for the owner where definitions are
 * changed, so only queries are of interest.  Must be called in a transaction.
 */
#include "postgres.h"

#include "heal/owner.h"

#include "base/compat.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

static void
check_relation(Oid oid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(oid));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", oid);
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
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

void
homeo_owner_check(Query *query)
{
	(void) check_node((Node *) query, NULL);
}
