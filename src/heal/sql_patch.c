/*
 * sql_patch.c
 *		Applies the SQL of a patch, or undoes it.
 *
 * Runs in the operator only, which begins and ends the transactions.  Who
 * approved the patch is none of its business: it runs exactly the statements
 * whose SHA-256 the job carries.  Everything it makes lives in
 * CurrentMemoryContext, which must outlive the transactions.
 */
#include "postgres.h"

#include "heal/sql_patch.h"

#include "access/xact.h"
#include "base/compat.h"
#include "base/guc.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "heal/owner.h"
#include "heal/statement.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "tcop/pquery.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"

/* Between two statements in what their digest is computed over. */
#define STATEMENT_SEPARATOR	'\x1f'

/* For the body that runs one statement in the sandbox. */
typedef struct HomeoStatementRun
{
	const char *sql;
	HomeoOutcome *outcome;
} HomeoStatementRun;

/*
 * SHA-256 in hex of the statements in UTF-8, as
 * homeostasis.statements_digest() computes it.
 */
static char *
digest_of(List *statements)
{
	StringInfoData joined;
	char	   *utf8;
	bytea	   *hash;
	char	   *hex;
	ListCell   *lc;

	initStringInfo(&joined);
	foreach(lc, statements)
	{
		if (joined.len > 0)
			appendStringInfoChar(&joined, STATEMENT_SEPARATOR);
		appendStringInfoString(&joined, (const char *) lfirst(lc));
	}
	utf8 = pg_server_to_any(joined.data, joined.len, PG_UTF8);
	hash = DatumGetByteaPP(DirectFunctionCall1(sha256_bytea,
											   PointerGetDatum(cstring_to_text(utf8))));
	hex = palloc0(2 * VARSIZE_ANY_EXHDR(hash) + 1);
	hex_encode(VARDATA_ANY(hash), VARSIZE_ANY_EXHDR(hash), hex);
	return hex;
}

/* Oids of the tables, also of those that are named by their indexes. */
static List *
tables_of(RawStmt *statement)
{
	List	   *oids = NIL;
	ListCell   *lc;

	foreach(lc, homeo_statement_tables(statement, false))
	{
		Oid			oid = RangeVarGetRelid(lfirst_node(RangeVar, lc), NoLock,
										   true);

		if (OidIsValid(oid) && get_rel_relkind(oid) == RELKIND_INDEX)
			oid = IndexGetRelation(oid, true);
		if (OidIsValid(oid))
			oids = lappend_oid(oids, oid);
	}
	return oids;
}

HomeoPatchRun *
homeo_sql_patch_begin(Jsonb *payload)
{
	HomeoPatchRun *run = palloc0(sizeof(HomeoPatchRun));
	const char *run_as = homeo_json_text(payload, "run_as");
	const char *digest = homeo_json_text(payload, "digest");
	ListCell   *lc;

	run->statements = homeo_json_texts(payload, "statements");
	run->transactional = homeo_json_bool(payload, "transactional", true);
	if (run->statements == NIL || run_as == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the job lacks statements or run_as")));
	if (digest == NULL || strcmp(digest, digest_of(run->statements)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the statements of the job are not the approved ones: their digest differs")));

	foreach(lc, run->statements)
	{
		RawStmt    *statement = homeo_statement_check_patch((const char *) lfirst(lc),
															run->transactional);

		if (!run->transactional)
			run->tables = list_concat_unique_oid(run->tables,
												 tables_of(statement));
	}
	run->role = get_role_oid(run_as, false);
	run->role_is_superuser = superuser_arg(run->role);
	return run;
}

void
homeo_sql_patch_note(HomeoPatchRun *run, HomeoOutcome *outcome)
{
	if (outcome->ok)
		run->done++;
	run->outcomes = lappend(run->outcomes, outcome);
}

static void
statement_body(void *arg)
{
	HomeoStatementRun *run = arg;

	(void) homeo_owner_check(homeo_statement_parse(run->sql), run->sql);
	homeo_guard_permit_setval();
	homeo_guard_permit_slot_drop();
	run->outcome->rows = homeo_sandbox_execute(run->sql, NULL);
}

bool
homeo_sql_patch_apply(HomeoPatchRun *run)
{
	HomeoSandbox sandbox = {
		.role = run->role,
		.search_path = HOMEO_PATCH_SEARCH_PATH,
		.lock_timeout = homeo_guc_deploy_lock_timeout,
		.statement_timeout = homeo_guc_deploy_statement_timeout,
		/* What it is made of may not be all that a superuser may do. */
		.guards = run->role_is_superuser ?
		HOMEO_GUARD_SUPERUSER | HOMEO_GUARD_EFFECTS : 0,
		.keep = true
	};
	ListCell   *lc;

	foreach(lc, run->statements)
	{
		HomeoOutcome *outcome = palloc0(sizeof(HomeoOutcome));
		HomeoStatementRun statement = {
			.sql = (const char *) lfirst(lc),
			.outcome = outcome
		};

		homeo_sandbox_run(&sandbox, statement_body, &statement, outcome);
		homeo_sql_patch_note(run, outcome);
		if (!outcome->ok)
			return false;
	}
	return true;
}

void
homeo_sql_patch_execute_alone(const char *sql)
{
	RawStmt    *raw = homeo_statement_check_patch(sql, false);
	CommandTag	tag = CreateCommandTag(raw->stmt);
	List	   *plans;
	Portal		portal;

	plans = pg_plan_queries(pg_analyze_and_rewrite_fixedparams(raw, sql, NULL,
															   0, NULL),
							sql, 0, NULL);
	portal = CreatePortal("", true, true);
	portal->visible = false;
	PortalDefineQuery(portal, NULL, sql, tag, plans, NULL);
	PortalStart(portal, NULL, 0, InvalidSnapshot);
	homeo_portal_run_compat(portal, FETCH_ALL, true, None_Receiver,
							None_Receiver, NULL);
	PortalDrop(portal, false);
}

/* Adds the names of the invalid indexes of one table. */
static void
inspect_table(HomeoPatchRun *run, Oid table, MemoryContext context)
{
	Oid			types[1] = {OIDOID};
	Datum		values[1] = {ObjectIdGetDatum(table)};
	MemoryContext old;

	if (SPI_execute_with_args("select format('%I.%I', n.nspname, c.relname)"
							  " from pg_index i"
							  " join pg_class c on c.oid = i.indexrelid"
							  " join pg_namespace n on n.oid = c.relnamespace"
							  " where i.indrelid = $1 and not i.indisvalid and c.relkind = 'i'"
							  "   and not exists (select from pg_stat_progress_create_index p"
							  "                   where p.index_relid = c.oid)"
							  " order by 1",
							  1, types, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read pg_index");
	old = MemoryContextSwitchTo(context);
	for (uint64 i = 0; i < SPI_processed; i++)
		run->invalid_indexes = lappend(run->invalid_indexes,
									   SPI_getvalue(SPI_tuptable->vals[i],
													SPI_tuptable->tupdesc, 1));
	MemoryContextSwitchTo(old);
}

void
homeo_sql_patch_inspect(HomeoPatchRun *run)
{
	MemoryContext context = CurrentMemoryContext;
	ListCell   *lc;

	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
	foreach(lc, run->tables)
		inspect_table(run, lfirst_oid(lc), context);
	PopActiveSnapshot();
	SPI_finish();
}

/* One element of "steps"; outcome NULL: the statement was not run. */
static Jsonb *
step(HomeoPatchRun *run, const char *sql, const HomeoOutcome *outcome)
{
	HomeoJsonBuilder builder;
	bool		rolled_back = run->transactional &&
	run->done < list_length(run->statements);

	homeo_json_begin(&builder);
	homeo_json_add_text(&builder, "statement", sql);
	if (outcome == NULL)
		homeo_json_add_text(&builder, "status", "skipped");
	else
	{
		if (!outcome->ok)
			homeo_json_add_text(&builder, "status", "failed");
		else
			homeo_json_add_text(&builder, "status",
								rolled_back ? "skipped" : "done");
		homeo_json_add_float(&builder, "duration_ms", outcome->duration_ms);
		if (outcome->ok)
			homeo_json_add_null(&builder, "error");
		else
			homeo_json_add_value(&builder, "error",
								 homeo_outcome_error(outcome));
	}
	return homeo_json_end(&builder);
}

Jsonb *
homeo_sql_patch_result(HomeoPatchRun *run)
{
	HomeoJsonBuilder builder;
	List	   *steps = NIL;
	const HomeoOutcome *last = NULL;
	ListCell   *lc;

	foreach(lc, run->statements)
	{
		int			number = foreach_current_index(lc);
		const HomeoOutcome *outcome = NULL;

		if (number < list_length(run->outcomes))
			last = outcome = list_nth(run->outcomes, number);
		steps = lappend(steps, step(run, (const char *) lfirst(lc), outcome));
	}

	homeo_json_begin(&builder);
	homeo_json_add_bool(&builder, "ok",
						run->done == list_length(run->statements));
	homeo_json_add_values(&builder, "steps", steps);
	if (run->invalid_indexes != NIL)
		homeo_json_add_texts(&builder, "invalid_indexes", run->invalid_indexes);
	if (last != NULL && !last->ok)
	{
		homeo_json_add_value(&builder, "error", homeo_outcome_error(last));
		homeo_json_add_bool(&builder, "partial",
							!run->transactional && run->done > 0);
	}
	return homeo_json_end(&builder);
}
