/*
 * explain.c
 *		What the planner makes of a captured statement, and what it would
 *		make of it with another index.
 *
 * Drivers send statements with parameters, whose values the server seldom
 * tells.  In their places stand subqueries that give null, (select null::int):
 * of those the planner knows as little as of a parameter in a generic plan.
 *
 * Called by the operator, in a transaction; results live in
 * CurrentMemoryContext.
 */
#include "postgres.h"

#include "heal/explain.h"

#include "base/compat.h"
#include "base/guc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "heal/statement.h"
#include "parser/analyze.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

/* How an index that hypopg imagines is shown in a plan. */
#define HYPOTHETICAL_MARK	"\"Index Name\": \"<"

/* For the body that runs in the sandbox. */
typedef struct HomeoExplainRun
{
	HomeoReplay *replay;
	List	   *indexes;		/* char *, CREATE INDEX; NIL: as things are */
	MemoryContext context;		/* where the result goes */
	Jsonb	   *explained;
} HomeoExplainRun;

/* Arguments of a walker: a node, and a pointer to a List of ParamRef *. */
static bool
find_parameters(Node *node, void *arg)
{
	List	  **parameters = arg;

	if (node == NULL)
		return false;
	if (IsA(node, ParamRef))
		*parameters = lappend(*parameters, node);
	return raw_expression_tree_walker(node, find_parameters, parameters);
}

static int
compare_places(const ListCell *a, const ListCell *b)
{
	return lfirst_node(ParamRef, a)->location -
		lfirst_node(ParamRef, b)->location;
}

/* The statement's text with a null of the right type for each parameter. */
static const char *
without_parameters(RawStmt *statement, const char *sql)
{
	List	   *parameters = NIL;
	Oid		   *types = NULL;
	int			ntypes = 0;
	int			done = 0;
	StringInfoData result;
	ListCell   *lc;

	find_parameters(statement->stmt, &parameters);
	if (parameters == NIL)
		return sql;
	(void) parse_analyze_varparams(copyObject(statement), sql, &types, &ntypes,
								   NULL);
	list_sort(parameters, compare_places);
	initStringInfo(&result);
	foreach(lc, parameters)
	{
		ParamRef   *parameter = lfirst_node(ParamRef, lc);
		Oid			type = TEXTOID;

		if (parameter->number <= ntypes &&
			OidIsValid(types[parameter->number - 1]))
			type = types[parameter->number - 1];
		appendBinaryStringInfo(&result, sql + done, parameter->location - done);
		appendStringInfo(&result, "(select null::%s)",
						 format_type_be_qualified(type));
		done = parameter->location + 1;
		done += strspn(sql + done, "0123456789");
	}
	appendStringInfoString(&result, sql + done);
	return result.data;
}

/* Makes hypopg imagine the indexes, for the planning that follows. */
static void
imagine(List *indexes)
{
	Oid			types[1] = {TEXTOID};
	char	   *schema;
	ListCell   *lc;

	if (SPI_execute("select n.nspname from pg_catalog.pg_extension e"
					" join pg_catalog.pg_namespace n on n.oid = e.extnamespace"
					" where e.extname = 'hypopg'",
					true, 0) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "could not find the schema of extension hypopg");
	schema = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	foreach(lc, indexes)
	{
		Datum		values[1] = {CStringGetTextDatum((const char *) lfirst(lc))};

		if (SPI_execute_with_args(psprintf("select %s.hypopg_create_index($1)",
										   quote_identifier(schema)),
								  1, types, values, NULL, false, 0) != SPI_OK_SELECT)
			elog(ERROR, "could not create a hypothetical index");
	}
}

static void
explain_body(void *arg)
{
	HomeoExplainRun *run = arg;
	const char *sql = without_parameters(run->replay->statement,
										 run->replay->sql);
	char	   *plan;
	MemoryContext old;

	if (run->indexes != NIL)
		imagine(run->indexes);
	/* SPI takes any utility for a writer; the transaction is read only. */
	if (SPI_execute(psprintf("explain (verbose, format json) %s", sql),
					false, 0) != SPI_OK_UTILITY || SPI_processed != 1)
		return;
	plan = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	old = MemoryContextSwitchTo(run->context);
	run->explained = homeo_json_parse(plan);
	MemoryContextSwitchTo(old);
}

static Jsonb *
explain(HomeoReplay *replay, List *indexes, int statement_timeout)
{
	HomeoOutcome outcome;
	HomeoExplainRun run = {
		.replay = replay,
		.indexes = indexes,
		.context = CurrentMemoryContext
	};
	HomeoSandbox sandbox = {
		.role = replay->role,
		.search_path = replay->search_path,
		.lock_timeout = homeo_guc_dry_run_lock_timeout,
		.statement_timeout = statement_timeout,
		.guards = HOMEO_GUARD_EFFECTS,
		.read_only = true
	};

	return homeo_sandbox_run(&sandbox, explain_body, &run, &outcome) ?
		run.explained : NULL;
}

Jsonb *
homeo_explain_statement(HomeoReplay *replay, int statement_timeout)
{
	if ((replay->obstacle != NULL && !replay->only_values_missing) ||
		!homeo_statement_is_plannable(replay->statement))
		return NULL;
	return explain(replay, NIL, statement_timeout);
}

/* Of the whole plan. */
static double
total_cost(Jsonb *explained)
{
	Datum		path[3] = {
		CStringGetTextDatum("0"),
		CStringGetTextDatum("Plan"),
		CStringGetTextDatum("Total Cost")
	};
	Datum		cost = DirectFunctionCall2(jsonb_extract_path_text,
										   JsonbPGetDatum(explained),
										   PointerGetDatum(construct_array(path, 3, TEXTOID, -1,
																		   false, TYPALIGN_INT)));

	return DatumGetFloat8(DirectFunctionCall1(float8in,
											  CStringGetDatum(TextDatumGetCString(cost))));
}

Jsonb *
homeo_explain_hypothetical(HomeoReplay *replay, Jsonb *explained,
						   List *statements, int statement_timeout)
{
	List	   *indexes = NIL;
	Jsonb	   *imagined;
	HomeoJsonBuilder builder;
	ListCell   *lc;

	foreach(lc, statements)
	{
		if (IsA(homeo_statement_parse((const char *) lfirst(lc))->stmt, IndexStmt))
			indexes = lappend(indexes, lfirst(lc));
	}
	if (indexes == NIL || !OidIsValid(get_extension_oid("hypopg", true)))
		return NULL;
	imagined = explain(replay, indexes, statement_timeout);
	if (imagined == NULL)
		return NULL;

	homeo_json_begin(&builder);
	homeo_json_add_float(&builder, "cost_without", total_cost(explained));
	homeo_json_add_float(&builder, "cost_with", total_cost(imagined));
	homeo_json_add_bool(&builder, "used",
						strstr(homeo_json_print(imagined),
							   HYPOTHETICAL_MARK) != NULL);
	return homeo_json_end(&builder);
}
