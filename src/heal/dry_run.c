/*
 * dry_run.c
 *		Proves a patch: the captured statement fails before it and passes
 *		after it, in a transaction that is rolled back.
 *
 * One transaction, rolled back by the operator: replay, apply, undo, replay.
 * Each statement runs in a subtransaction (sandbox.c); those of the replays
 * are rolled back at once, so that their locks and rows are gone before the
 * patch is applied.  Results live in CurrentMemoryContext.
 */
#include "postgres.h"

#include "heal/dry_run.h"

#include "access/xact.h"
#include "base/guc.h"
#include "executor/instrument.h"
#include "heal/effects.h"
#include "heal/footprint.h"
#include "heal/replay.h"
#include "heal/sandbox.h"
#include "heal/statement.h"
#include "heal/sql_patch.h"
#include "parser/analyze.h"
#include "utils/acl.h"
#include "utils/resowner.h"

/* Everything that is known while the dry run goes on. */
typedef struct HomeoDryRun
{
	List	   *apply;			/* of char * */
	List	   *undo;			/* of char *; NIL: none */
	Oid			role;
	bool		transactional;
	HomeoReplay replay;

	const char *not_tried;		/* why the patch was not applied, or NULL */
	const char *failure;		/* what disproves the patch, or NULL */
	Jsonb	   *error;			/* behind the failure: it may be a passing one */
	const char *note;			/* what is weak about the replays, or NULL */
	bool		replayed_before;
	bool		replayed_after;
	HomeoOutcome before;
	HomeoOutcome after;
	bool		applied;
	bool		undo_checked;
	List	   *sequences;		/* contained ones */
	HomeoFootprint footprint;
	double		duration_ms;	/* of the apply statements */
	int64		rows;
	int64		wal_bytes;
} HomeoDryRun;

/* For the body that tries one statement of the patch. */
typedef struct HomeoTry
{
	HomeoDryRun *run;
	const char *sql;
	RawStmt    *statement;
	HomeoOutcome *outcome;
	MemoryContext context;		/* where results go */
} HomeoTry;

/*
 * Makes sure that a rollback will undo the statement, or says in not_tried
 * what it would not undo.
 */
static bool
can_be_undone(HomeoTry *try)
{
	Query	   *query;
	HomeoEffects effects;
	MemoryContext old;

	if (!homeo_statement_is_plannable(try->statement) &&
		!IsA(try->statement->stmt, CreateTableAsStmt))
		return true;

	query = parse_analyze_fixedparams(copyObject(try->statement), try->sql,
									  NULL, 0, NULL);
	homeo_effects_find(query, &effects);
	old = MemoryContextSwitchTo(try->context);
	if (effects.function != NULL)
		try->run->not_tried =
			psprintf("the patch calls %s(), whose effect a rollback does not undo",
					 effects.function);
	else
		try->run->sequences = list_concat_unique_oid(try->run->sequences,
													 effects.sequences);
	MemoryContextSwitchTo(old);
	homeo_effects_contain(effects.sequences);
	return effects.function == NULL;
}

static void
try_body(void *arg)
{
	HomeoTry   *try = arg;

	if (can_be_undone(try))
		try->outcome->rows = homeo_sandbox_execute(try->sql, NULL);
}

/*
 * Runs the statements as the patch's role.  False: one failed, which is noted
 * as failure with the words given, or was not tried.
 */
static bool
try_statements(HomeoDryRun *run, List *statements, const char *failure)
{
	HomeoSandbox sandbox = {
		.role = run->role,
		.search_path = HOMEO_PATCH_SEARCH_PATH,
		.lock_timeout = homeo_guc_dry_run_lock_timeout,
		.statement_timeout = homeo_guc_dry_run_statement_timeout,
		.keep = true
	};
	ListCell   *lc;

	foreach(lc, statements)
	{
		HomeoOutcome outcome;
		HomeoTry	try = {
			.run = run,
			.sql = (const char *) lfirst(lc),
			.outcome = &outcome,
			.context = CurrentMemoryContext
		};

		try.statement = homeo_statement_check_patch(try.sql, true);
		if (!homeo_sandbox_run(&sandbox, try_body, &try, &outcome))
		{
			run->failure = psprintf("%s: statement %d: %s", failure,
									foreach_current_index(lc) + 1,
									outcome.message);
			run->error = homeo_outcome_error(&outcome);
			return false;
		}
		if (run->not_tried != NULL)
			return false;
		run->duration_ms += outcome.duration_ms;
		run->rows += outcome.rows;
	}
	return true;
}

/* Runs the captured statement; false: it cannot be. */
static bool
replay(HomeoDryRun *run, int statement_timeout, HomeoOutcome *outcome)
{
	if (run->replay.obstacle != NULL)
		return false;
	homeo_replay_run(&run->replay, homeo_guc_dry_run_lock_timeout,
					 statement_timeout, outcome);
	return run->replay.obstacle == NULL;
}

/*
 * Runs the captured statement with the patch.  Where others wait for the
 * patch's locks they shall not wait longer for the replay than they may for
 * any lock of a dry run; one that is cut short then says nothing.
 */
static void
replay_with_patch(HomeoDryRun *run)
{
	int			limit = homeo_guc_dry_run_statement_timeout;

	if (run->footprint.strongest >= ShareLock)
		limit = Min(limit, homeo_guc_dry_run_lock_timeout);
	if (!run->replayed_before || !replay(run, limit, &run->after))
		return;
	if (!run->after.ok &&
		run->after.sqlerrcode == ERRCODE_QUERY_CANCELED &&
		run->before.sqlerrcode != ERRCODE_QUERY_CANCELED &&
		limit < homeo_guc_dry_run_statement_timeout)
		run->note = "the replay with the patch was cut short, because others wait for the locks of the patch";
	else
		run->replayed_after = true;
}

/*
 * Looks for what forbids to apply the patch in a dry run at all, and sums the
 * sizes of its tables for the case that there is.
 */
static void
look_before_applying(HomeoDryRun *run)
{
	List	   *all = NIL;
	List	   *gone_through = NIL;
	ListCell   *lc;

	foreach(lc, run->apply)
	{
		RawStmt    *statement = homeo_statement_check_patch((const char *) lfirst(lc),
															run->transactional);

		all = list_concat(all, homeo_statement_tables(statement, false));
		gone_through = list_concat(gone_through,
								   homeo_statement_tables(statement, true));
	}
	run->footprint.table_bytes = homeo_footprint_size(all);

	if (!run->transactional)
		run->not_tried = "a patch that is not transactional cannot be rolled back";
	else if (homeo_guc_dry_run_max_bytes >= 0 &&
			 homeo_footprint_size(gone_through) / 1024 >
			 homeo_guc_dry_run_max_bytes)
		run->not_tried = "the tables it goes through are larger than homeostasis.dry_run_max_bytes";
}

static void
apply(HomeoDryRun *run)
{
	uint64		wal_before = pgWalUsage.wal_bytes;

	look_before_applying(run);
	if (run->not_tried != NULL ||
		!try_statements(run, run->apply, "the patch cannot be applied"))
		return;
	run->applied = true;
	run->wal_bytes = (int64) (pgWalUsage.wal_bytes - wal_before);
	homeo_footprint_measure(&run->footprint, run->sequences);
}

/*
 * Tries the undo on top of the patch and takes it back again: the second
 * replay then runs with the patch, and what replays leave in spite of being
 * rolled back, the numbers they took from sequences, is not in the undo's way.
 * Its figures are not the patch's.
 */
static void
check_undo(HomeoDryRun *run)
{
	double		duration_ms = run->duration_ms;
	int64		rows = run->rows;
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;

	if (run->undo == NIL)
		return;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	run->undo_checked = try_statements(run, run->undo,
									   "the undo cannot be applied");
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	run->not_tried = NULL;
	run->duration_ms = duration_ms;
	run->rows = rows;
}

static bool
has_sqlstate(const HomeoOutcome *outcome, const char *sqlstate)
{
	return sqlstate != NULL &&
		strcmp(unpack_sql_state(outcome->sqlerrcode), sqlstate) == 0;
}

/* What the replays say about the patch: sets note and failure. */
static void
judge_replays(HomeoDryRun *run)
{
	if (!run->replayed_before)
		run->note = psprintf("not replayed: %s", run->replay.obstacle);
	else if (run->before.ok)
		run->note = "the failure did not recur";
	else if (!has_sqlstate(&run->before, run->replay.captured_sqlstate))
		run->note = psprintf("the replay failed in another way than captured: %s",
							 run->before.message);
	if (run->failure != NULL || !run->replayed_after || run->after.ok)
		return;

	if (run->after.sqlerrcode == ERRCODE_UNSAFE_NEW_ENUM_VALUE_USAGE)
	{
		/* The server refuses the new value until the patch is committed. */
		run->note = "a value added to an enum cannot be used in the same transaction: the effect cannot be proved in one";
		run->replayed_after = false;
	}
	else if (run->before.ok)
		run->failure = psprintf("the statement fails with the patch: %s",
								run->after.message);
	else if (has_sqlstate(&run->before, run->replay.captured_sqlstate))
		run->failure = psprintf("the statement still fails with the patch: %s",
								run->after.message);
	else if (has_sqlstate(&run->after, run->replay.captured_sqlstate))
		run->failure = psprintf("the statement fails as captured with the patch: %s",
								run->after.message);
	if (run->failure != NULL)
		run->error = homeo_outcome_error(&run->after);
}

static Jsonb *
result_of(HomeoDryRun *run)
{
	HomeoFootprint *footprint = &run->footprint;
	HomeoJsonBuilder builder;

	homeo_json_begin(&builder);
	homeo_json_add_bool(&builder, "ok", run->failure == NULL);
	homeo_json_add_text(&builder, "failure", run->failure);
	if (run->error != NULL)
		homeo_json_add_value(&builder, "error", run->error);
	homeo_json_add_bool(&builder, "applied", run->applied);
	homeo_json_add_bool(&builder, "replayable", run->replayed_before);
	if (run->not_tried != NULL && run->note != NULL)
		homeo_json_add_text(&builder, "replay_note",
							psprintf("%s; %s", run->not_tried, run->note));
	else
		homeo_json_add_text(&builder, "replay_note",
							run->not_tried ? run->not_tried : run->note);
	homeo_json_add_value(&builder, "before", run->replayed_before ?
						 homeo_outcome_json(&run->before) : NULL);
	homeo_json_add_value(&builder, "after", run->replayed_after ?
						 homeo_outcome_json(&run->after) : NULL);
	homeo_json_add_bool(&builder, "undo_checked", run->undo_checked);
	homeo_json_add_text(&builder, "strongest_lock",
						homeo_footprint_lock_name(footprint->strongest));
	homeo_json_add_values(&builder, "locks", footprint->locks);
	homeo_json_add_int(&builder, "table_bytes", footprint->table_bytes);
	homeo_json_add_float(&builder, "duration_ms", run->duration_ms);
	homeo_json_add_int(&builder, "rows", run->rows);
	homeo_json_add_int(&builder, "wal_bytes", run->wal_bytes);
	return homeo_json_end(&builder);
}

Jsonb *
homeo_dry_run(Jsonb *payload)
{
	HomeoDryRun run = {
		.apply = homeo_json_texts(payload, "apply"),
		.undo = homeo_json_texts(payload, "undo"),
		.transactional = homeo_json_bool(payload, "transactional", true)
	};
	const char *run_as = homeo_json_text(payload, "run_as");

	if (run.apply == NIL || run_as == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the job lacks apply or run_as")));
	run.role = get_role_oid(run_as, false);

	homeo_replay_prepare(&run.replay, payload);
	run.replayed_before = replay(&run, homeo_guc_dry_run_statement_timeout,
								 &run.before);
	apply(&run);
	if (run.applied)
	{
		check_undo(&run);
		replay_with_patch(&run);
	}
	judge_replays(&run);
	return result_of(&run);
}
