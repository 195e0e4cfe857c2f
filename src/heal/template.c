/*
 * template.c
 *		Turns a diagnosis into the SQL of a patch, by a template's query.
 *
 * The query runs in the database that the patch is for, read only, as
 * homeostasis_owner.  It is called by the operator only; what it returns
 * lives in CurrentMemoryContext.
 */
#include "postgres.h"

#include "heal/template.h"

#include "base/errors.h"
#include "base/guc.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "heal/explain.h"
#include "heal/sandbox.h"
#include "heal/statement.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

/* Catalogs answer at once; a query that takes longer looks elsewhere. */
#define PLAN_TIMEOUT_MS		5000

/* What the query returned. */
typedef struct HomeoPlan
{
	List	   *apply;			/* of char *; NIL: refused */
	List	   *undo;			/* NIL: none */
	bool		transactional;
	const char *run_as;
	const char *object;
	const char *explanation;
	Jsonb	   *evidence;		/* NULL: none */
	const char *refusal;
} HomeoPlan;

typedef struct HomeoPlanRun
{
	const char *query;
	Jsonb	   *diagnosis;		/* $1 */
	Jsonb	   *explain;		/* $2; NULL: null */
	MemoryContext context;		/* where results go */
	HomeoPlan	plan;
} HomeoPlanRun;

/* The row that the query returned, while it is being read. */
typedef struct HomeoPlanRow
{
	HeapTuple	tuple;
	TupleDesc	desc;
} HomeoPlanRow;

static Jsonb *
refusal(const char *reason)
{
	HomeoJsonBuilder builder;

	homeo_json_begin(&builder);
	homeo_json_add_bool(&builder, "ok", false);
	homeo_json_add_text(&builder, "refusal", reason);
	return homeo_json_end(&builder);
}

/*
 * Number of a column, or 0 when the query has none of this name.  Raises
 * ERRCODE_HOMEO_INVALID_RULE when it has another type.
 */
static int
find_column(HomeoPlanRow *row, const char *name, Oid type)
{
	int			number = SPI_fnumber(row->desc, name);

	if (number <= 0)
		return 0;
	if (SPI_gettypeid(row->desc, number) != type)
		ereport(ERROR,
				(errcode(ERRCODE_HOMEO_INVALID_RULE),
				 errmsg("column \"%s\" of the template's query is of type %s instead of %s",
						name,
						format_type_be(SPI_gettypeid(row->desc, number)),
						format_type_be(type))));
	return number;
}

/* Columns that hold a name or a word may have any type that prints it. */
static char *
read_text(HomeoPlanRow *row, const char *name)
{
	int			number = SPI_fnumber(row->desc, name);

	return number <= 0 ? NULL : SPI_getvalue(row->tuple, row->desc, number);
}

/* NIL: null or missing. */
static List *
read_texts(HomeoPlanRow *row, const char *name)
{
	int			number = find_column(row, name, TEXTARRAYOID);
	List	   *texts = NIL;
	Datum		array;
	bool		isnull = true;
	Datum	   *elements;
	bool	   *nulls;
	int			nelements;

	if (number > 0)
		array = SPI_getbinval(row->tuple, row->desc, number, &isnull);
	if (isnull)
		return NIL;
	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false,
					  TYPALIGN_INT, &elements, &nulls, &nelements);
	for (int i = 0; i < nelements; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_HOMEO_INVALID_RULE),
					 errmsg("column \"%s\" of the template's query holds a null statement",
							name)));
		texts = lappend(texts, TextDatumGetCString(elements[i]));
	}
	return texts;
}

static bool
read_bool(HomeoPlanRow *row, const char *name, bool missing)
{
	int			number = find_column(row, name, BOOLOID);
	bool		isnull = true;
	Datum		value = 0;

	if (number > 0)
		value = SPI_getbinval(row->tuple, row->desc, number, &isnull);
	return isnull ? missing : DatumGetBool(value);
}

static Jsonb *
read_json(HomeoPlanRow *row, const char *name)
{
	int			number = find_column(row, name, JSONBOID);
	bool		isnull = true;
	Datum		value = 0;

	if (number > 0)
		value = SPI_getbinval(row->tuple, row->desc, number, &isnull);
	return isnull ? NULL : DatumGetJsonbPCopy(value);
}

static void
check_statements(List *statements, bool transactional)
{
	ListCell   *lc;

	foreach(lc, statements)
		(void) homeo_statement_check_patch((const char *) lfirst(lc),
										   transactional);
}

static void
read_plan(HomeoPlanRow *row, HomeoPlan *plan)
{
	plan->apply = read_texts(row, "apply");
	plan->undo = read_texts(row, "undo");
	plan->transactional = read_bool(row, "transactional", true);
	plan->run_as = read_text(row, "run_as");
	plan->object = read_text(row, "object");
	plan->explanation = read_text(row, "explanation");
	plan->evidence = read_json(row, "evidence");
	plan->refusal = read_text(row, "refusal");
	if (plan->apply == NIL)
	{
		if (plan->refusal == NULL)
			plan->refusal = "the template found nothing to change";
		return;
	}
	if (plan->run_as == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_HOMEO_INVALID_RULE),
				 errmsg("the template's query names no role in column \"run_as\"")));
	(void) get_role_oid(plan->run_as, false);
	check_statements(plan->apply, plan->transactional);
	check_statements(plan->undo, plan->transactional);
}

static void
plan_body(void *arg)
{
	HomeoPlanRun *run = arg;
	Oid			types[2] = {JSONBOID, JSONBOID};
	Datum		values[2];
	char		nulls[2] = {' ', run->explain == NULL ? 'n' : ' '};
	HomeoPlanRow row;
	MemoryContext old;

	if (!IsA(homeo_statement_parse(run->query)->stmt, SelectStmt))
		ereport(ERROR,
				(errcode(ERRCODE_HOMEO_INVALID_RULE),
				 errmsg("the plan of the template is not a query")));

	values[0] = JsonbPGetDatum(run->diagnosis);
	values[1] = run->explain == NULL ? (Datum) 0 : JsonbPGetDatum(run->explain);
	if (SPI_execute_with_args(run->query, 2, types, values, nulls, true, 2) !=
		SPI_OK_SELECT)
		ereport(ERROR,
				(errcode(ERRCODE_HOMEO_INVALID_RULE),
				 errmsg("the plan of the template returns no rows")));
	if (SPI_processed > 1)
		ereport(ERROR,
				(errcode(ERRCODE_HOMEO_INVALID_RULE),
				 errmsg("the plan of the template returned more than one row")));

	old = MemoryContextSwitchTo(run->context);
	if (SPI_processed == 0)
		run->plan.refusal = "nothing to change was found";
	else
	{
		row.tuple = SPI_tuptable->vals[0];
		row.desc = SPI_tuptable->tupdesc;
		read_plan(&row, &run->plan);
	}
	MemoryContextSwitchTo(old);
}

/* The evidence with what hypopg imagines of the plan's indexes. */
static Jsonb *
add_hypothetical(Jsonb *evidence, Jsonb *hypothetical)
{
	HomeoJsonBuilder builder;
	Jsonb	   *addition;

	if (hypothetical == NULL)
		return evidence;
	homeo_json_begin(&builder);
	homeo_json_add_value(&builder, "hypothetical_index", hypothetical);
	addition = homeo_json_end(&builder);
	if (evidence == NULL)
		return addition;
	return DatumGetJsonbP(DirectFunctionCall2(jsonb_concat,
											  JsonbPGetDatum(evidence),
											  JsonbPGetDatum(addition)));
}

static Jsonb *
result_of(const HomeoPlan *plan)
{
	HomeoJsonBuilder builder;
	HomeoJsonBuilder result;

	if (plan->apply == NIL)
		return refusal(plan->refusal);

	homeo_json_begin(&builder);
	homeo_json_add_texts(&builder, "apply", plan->apply);
	if (plan->undo == NIL)
		homeo_json_add_null(&builder, "undo");
	else
		homeo_json_add_texts(&builder, "undo", plan->undo);
	homeo_json_add_text(&builder, "run_as", plan->run_as);
	homeo_json_add_text(&builder, "object", plan->object);
	homeo_json_add_text(&builder, "explanation", plan->explanation);
	homeo_json_add_bool(&builder, "transactional", plan->transactional);
	homeo_json_add_value(&builder, "evidence", plan->evidence);

	homeo_json_begin(&result);
	homeo_json_add_bool(&result, "ok", true);
	homeo_json_add_value(&result, "plan", homeo_json_end(&builder));
	return homeo_json_end(&result);
}

Jsonb *
homeo_template_plan(Jsonb *payload)
{
	Jsonb	   *template = homeo_json_value(payload, "template");
	HomeoReplay replay;
	HomeoOutcome outcome;
	HomeoJsonBuilder builder;
	HomeoPlanRun run = {.context = CurrentMemoryContext};
	HomeoSandbox sandbox = {
		.role = get_role_oid("homeostasis_owner", false),
		/* Compiling a query over catalogs takes longer than running it. */
		.settings = list_make1(pstrdup("jit=off")),
		.search_path = "pg_catalog",
		.lock_timeout = homeo_guc_dry_run_lock_timeout,
		.statement_timeout = PLAN_TIMEOUT_MS,
		.read_only = true
	};

	run.query = homeo_json_text(template, "plan");
	if (run.query == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the job has no template")));

	homeo_json_begin(&builder);
	homeo_json_add_value(&builder, "event", homeo_json_value(payload, "event"));
	homeo_json_add_value(&builder, "captures",
						 homeo_json_value(payload, "captures"));
	homeo_json_add_text(&builder, "origin", homeo_json_text(payload, "origin"));
	homeo_json_add_bool(&builder, "genuine",
						homeo_json_bool(payload, "genuine", false));
	homeo_json_add_text(&builder, "raiser", homeo_replay_raiser(payload));
	run.diagnosis = homeo_json_end(&builder);

	if (homeo_json_bool(template, "explain", false))
	{
		homeo_replay_prepare(&replay, payload);
		run.explain = homeo_explain_statement(&replay, PLAN_TIMEOUT_MS);
	}

	if (homeo_sandbox_run(&sandbox, plan_body, &run, &outcome))
	{
		if (run.explain != NULL)
			run.plan.evidence = add_hypothetical(run.plan.evidence,
												 homeo_explain_hypothetical(&replay, run.explain,
																			run.plan.apply,
																			PLAN_TIMEOUT_MS));
		return result_of(&run.plan);
	}
	homeo_json_begin(&builder);
	homeo_json_add_bool(&builder, "ok", false);
	homeo_json_add_value(&builder, "error", homeo_outcome_error(&outcome));
	return homeo_json_end(&builder);
}
