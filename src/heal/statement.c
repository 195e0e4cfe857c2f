/*
 * statement.c
 *		Decides from its parse tree what may be done with a statement.
 *
 * What is not named here is refused: a statement that a later version of
 * PostgreSQL brings is looked at before it is run.  The result lives in
 * CurrentMemoryContext.  Needs no transaction.
 */
#include "postgres.h"

#include "heal/statement.h"

#include "base/compat.h"
#include "catalog/namespace.h"
#include "commands/defrem.h"
#include "parser/parser.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"

RawStmt *
homeo_statement_parse(const char *sql)
{
	List	   *statements = raw_parser(sql, RAW_PARSE_DEFAULT);

	if (list_length(statements) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("text holds %d statements instead of one",
						list_length(statements))));
	return linitial_node(RawStmt, statements);
}

bool
homeo_statement_is_plannable(RawStmt *statement)
{
	switch (nodeTag(statement->stmt))
	{
		case T_SelectStmt:
		case T_InsertStmt:
		case T_UpdateStmt:
		case T_DeleteStmt:
		case T_MergeStmt:
			return true;
		default:
			return false;
	}
}

static bool
has_option(List *options, const char *name)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *option = lfirst_node(DefElem, lc);

		if (strcmp(option->defname, name) == 0)
			return defGetBoolean(option);
	}
	return false;
}

/* One of the four statements that manage their transactions themselves. */
static bool
is_non_transactional(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_IndexStmt:
			return ((IndexStmt *) statement)->concurrent;
		case T_DropStmt:
			return ((DropStmt *) statement)->concurrent;
		case T_ReindexStmt:
			return has_option(((ReindexStmt *) statement)->params, "concurrently");
		case T_VacuumStmt:
			return ((VacuumStmt *) statement)->is_vacuumcmd;
		default:
			return false;
	}
}

/*
 * DDL that acts on objects of one database, does nothing outside of its
 * transaction and can be run inside one.
 */
static bool
is_transactional_ddl(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_AlterDomainStmt:
		case T_AlterEnumStmt:
		case T_AlterFunctionStmt:
		case T_AlterObjectSchemaStmt:
		case T_AlterOwnerStmt:
		case T_AlterSeqStmt:
		case T_AlterStatsStmt:
		case T_AlterTableStmt:
		case T_AlterTypeStmt:
		case T_CommentStmt:
		case T_CreateDomainStmt:
		case T_CreateEnumStmt:
		case T_CreateExtensionStmt:
		case T_CreateFunctionStmt:
		case T_CreateSchemaStmt:
		case T_CreateSeqStmt:
		case T_CreateStatsStmt:
		case T_CreateStmt:
		case T_CreateTableAsStmt:
		case T_CreateTrigStmt:
		case T_DropStmt:
		case T_GrantStmt:
		case T_IndexStmt:
		case T_LockStmt:
		case T_RefreshMatViewStmt:
		case T_ViewStmt:
			return !is_non_transactional(statement);
		case T_RenameStmt:
			return ((RenameStmt *) statement)->renameType != OBJECT_DATABASE &&
				((RenameStmt *) statement)->renameType != OBJECT_ROLE &&
				((RenameStmt *) statement)->renameType != OBJECT_TABLESPACE;
		case T_ReindexStmt:
			return !is_non_transactional(statement) &&
				(((ReindexStmt *) statement)->kind == REINDEX_OBJECT_INDEX ||
				 ((ReindexStmt *) statement)->kind == REINDEX_OBJECT_TABLE);
		case T_VacuumStmt:
			return !is_non_transactional(statement) &&
				((VacuumStmt *) statement)->rels != NIL;
		case T_ClusterStmt:
			return ((ClusterStmt *) statement)->relation != NULL;
		default:
			return false;
	}
}

/* What only a patch may do, because it was approved. */
static bool
is_patch_only(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_AlterDatabaseSetStmt:
		case T_AlterDefaultPrivilegesStmt:
		case T_AlterExtensionStmt:
		case T_AlterRoleSetStmt:
			return true;
		default:
			return false;
	}
}

/*
 * Code in C is loaded when its function is created.  Only a superuser creates
 * such a function.
 */
static bool
loads_library(CreateFunctionStmt *statement)
{
	ListCell   *lc;

	foreach(lc, statement->options)
	{
		DefElem    *option = lfirst_node(DefElem, lc);

		if (strcmp(option->defname, "language") == 0)
			return pg_strcasecmp(strVal(option->arg), "c") == 0;
	}
	return false;
}

bool
homeo_statement_stays_inside(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_CreateFunctionStmt:
			return !loads_library((CreateFunctionStmt *) statement);
		case T_CallStmt:
		case T_ClosePortalStmt:
		case T_ConstraintsSetStmt:
		case T_DeallocateStmt:
		case T_DeclareCursorStmt:
		case T_DoStmt:
		case T_ExecuteStmt:
		case T_ExplainStmt:
		case T_FetchStmt:
		case T_NotifyStmt:
		case T_PrepareStmt:
		case T_TruncateStmt:
		case T_VariableSetStmt:
		case T_VariableShowStmt:
			return true;
		default:
			return is_transactional_ddl(statement) || is_patch_only(statement);
	}
}

RawStmt *
homeo_statement_check_patch(const char *sql, bool transactional)
{
	RawStmt    *statement = homeo_statement_parse(sql);
	Node	   *node = statement->stmt;

	if (!transactional && !is_non_transactional(node))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s may not be part of a patch that is not transactional",
						CreateCommandName(node)),
				 errhint("Such a patch consists of CREATE INDEX CONCURRENTLY, DROP INDEX "
						 "CONCURRENTLY, REINDEX CONCURRENTLY and VACUUM.")));
	if (transactional && is_non_transactional(node))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s cannot run in the transaction of a patch",
						CreateCommandName(node)),
				 errhint("Declare the patch as not transactional.")));
	if (transactional && !homeo_statement_is_plannable(statement) &&
		!is_transactional_ddl(node) && !is_patch_only(node))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s may not be part of a patch",
						CreateCommandName(node)),
				 errhint("A patch changes objects and rows of its database, and nothing "
						 "that outlives a rollback.")));
	return statement;
}

const char *
homeo_statement_replay_obstacle(RawStmt *statement)
{
	Node	   *node = statement->stmt;

	if (homeo_statement_is_plannable(statement) || is_transactional_ddl(node))
		return NULL;
	if (is_non_transactional(node))
		return psprintf("%s cannot run in a transaction that is rolled back",
						CreateCommandName(node));
	return psprintf("%s is not replayed", CreateCommandName(node));
}

/* Arguments of a walker: a node, and a pointer to the highest number so far. */
static bool
find_parameter(Node *node, void *arg)
{
	int		   *highest = arg;

	if (node == NULL)
		return false;
	if (IsA(node, ParamRef))
		*highest = Max(*highest, ((ParamRef *) node)->number);
	return raw_expression_tree_walker(node, find_parameter, highest);
}

int
homeo_statement_parameters(RawStmt *statement)
{
	int			highest = 0;

	if (homeo_statement_is_plannable(statement))
		find_parameter(statement->stmt, &highest);
	return highest;
}

/* The tables of GRANT ... ON TABLE or LOCK, which are lists of RangeVar. */
static List *
range_vars_among(List *objects)
{
	List	   *tables = NIL;
	ListCell   *lc;

	foreach(lc, objects)
	{
		if (IsA(lfirst(lc), RangeVar))
			tables = lappend(tables, lfirst(lc));
		else if (IsA(lfirst(lc), VacuumRelation) &&
				 lfirst_node(VacuumRelation, lc)->relation != NULL)
			tables = lappend(tables, lfirst_node(VacuumRelation, lc)->relation);
	}
	return tables;
}

/* The tables of DROP INDEX and the like, which are lists of names. */
static List *
relations_dropped(DropStmt *drop)
{
	List	   *tables = NIL;
	ListCell   *lc;

	if (drop->removeType != OBJECT_TABLE && drop->removeType != OBJECT_INDEX &&
		drop->removeType != OBJECT_MATVIEW)
		return NIL;
	foreach(lc, drop->objects)
		tables = lappend(tables,
						 makeRangeVarFromNameList(lfirst_node(List, lc)));
	return tables;
}

/* The table of a statement that goes through its rows, or NULL. */
static RangeVar *
table_gone_through(Node *node)
{
	switch (nodeTag(node))
	{
		case T_UpdateStmt:
			return ((UpdateStmt *) node)->relation;
		case T_DeleteStmt:
			return ((DeleteStmt *) node)->relation;
		case T_MergeStmt:
			return ((MergeStmt *) node)->relation;
		case T_AlterTableStmt:
			return ((AlterTableStmt *) node)->relation;
		case T_IndexStmt:
			return ((IndexStmt *) node)->relation;
		case T_RefreshMatViewStmt:
			return ((RefreshMatViewStmt *) node)->relation;
		case T_ReindexStmt:
			return ((ReindexStmt *) node)->relation;
		case T_ClusterStmt:
			return ((ClusterStmt *) node)->relation;
		default:
			return NULL;
	}
}

List *
homeo_statement_tables(RawStmt *statement, bool rows_only)
{
	Node	   *node = statement->stmt;
	RangeVar   *table = table_gone_through(node);

	if (table == NULL && !rows_only)
	{
		switch (nodeTag(node))
		{
			case T_InsertStmt:
				table = ((InsertStmt *) node)->relation;
				break;
			case T_CreateTrigStmt:
				table = ((CreateTrigStmt *) node)->relation;
				break;
			case T_RenameStmt:
				table = ((RenameStmt *) node)->relation;
				break;
			case T_CreateStmt:
				return ((CreateStmt *) node)->inhRelations;
			case T_DropStmt:
				return relations_dropped((DropStmt *) node);
			case T_LockStmt:
				return range_vars_among(((LockStmt *) node)->relations);
			case T_GrantStmt:
				return range_vars_among(((GrantStmt *) node)->objects);
			case T_VacuumStmt:
				return range_vars_among(((VacuumStmt *) node)->rels);
			default:
				break;
		}
	}
	return table == NULL ? NIL : list_make1(table);
}
