/*
 * restore.c
 *		Lets a dump of the home database be restored without an error.
 *
 * pg_dump leaves homeostasis.errors to CREATE EXTENSION, but its partitions
 * are nobody's members and are dumped: first the table, then that it is
 * attached, then its rows, then its primary key and its indexes.  Attaching
 * makes the key and the indexes already, because the parent has them, so that
 * the statements which follow would fail and pg_restore with them.  A
 * ProcessUtility hook skips a statement that makes what such a partition has
 * under the same name; nothing that would have succeeded is changed.
 */
#include "postgres.h"

#include "intake/restore.h"

#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "nodes/parsenodes.h"
#include "tcop/utility.h"
#include "utils/lsyscache.h"

static ProcessUtility_hook_type previous_process_utility = NULL;

/*
 * The key or index that the statement makes, if it is one on a table of
 * schema homeostasis, and that table; else NULL.
 */
static const char *
name_made(Node *statement, RangeVar **table)
{
	const char *name = NULL;

	if (IsA(statement, IndexStmt))
	{
		*table = ((IndexStmt *) statement)->relation;
		name = ((IndexStmt *) statement)->idxname;
	}
	else if (IsA(statement, AlterTableStmt) &&
			 list_length(((AlterTableStmt *) statement)->cmds) == 1)
	{
		AlterTableStmt *alter = (AlterTableStmt *) statement;
		AlterTableCmd *command = linitial_node(AlterTableCmd, alter->cmds);

		*table = alter->relation;
		if (command->subtype == AT_AddConstraint &&
			castNode(Constraint, command->def)->contype == CONSTR_PRIMARY)
			name = castNode(Constraint, command->def)->conname;
	}
	if (name == NULL || *table == NULL || (*table)->schemaname == NULL ||
		strcmp((*table)->schemaname, "homeostasis") != 0)
		return NULL;
	return name;
}

/* Does a partition of homeostasis.errors have an inherited index so called? */
static bool
has_inherited_index(RangeVar *table, const char *name)
{
	Oid			schema = get_namespace_oid("homeostasis", true);
	Oid			errors;
	Oid			partition;
	Oid			index;

	if (!OidIsValid(schema))
		return false;
	errors = get_relname_relid("errors", schema);
	partition = get_relname_relid(table->relname, schema);
	index = get_relname_relid(name, schema);
	return OidIsValid(errors) && OidIsValid(partition) && OidIsValid(index) &&
		get_rel_relispartition(partition) &&
		get_partition_parent(partition, true) == errors &&
		get_rel_relkind(index) == RELKIND_INDEX &&
		get_rel_relispartition(index) &&
		IndexGetRelation(index, true) == partition;
}

static void
skip_what_is_there(PlannedStmt *pstmt, const char *query_string,
				   bool read_only_tree, ProcessUtilityContext context,
				   ParamListInfo params, QueryEnvironment *query_env,
				   DestReceiver *dest, QueryCompletion *completion)
{
	ProcessUtility_hook_type next = previous_process_utility ?
	previous_process_utility : standard_ProcessUtility;
	RangeVar   *table = NULL;
	const char *name = NULL;

	if (context == PROCESS_UTILITY_TOPLEVEL)
		name = name_made(pstmt->utilityStmt, &table);
	if (name != NULL && has_inherited_index(table, name))
	{
		ereport(NOTICE,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("index \"%s\" of \"%s\" is there already, skipping",
						name, table->relname)));
		return;
	}
	next(pstmt, query_string, read_only_tree, context, params, query_env,
		 dest, completion);
}

/* Called from _PG_init. */
void
homeo_restore_init(void)
{
	previous_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = skip_what_is_there;
}
