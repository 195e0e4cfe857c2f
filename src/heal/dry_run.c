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
#include "base/compat.h"
#include "base/guc.h"
#include "executor/instrument.h"
#include "heal/effects.h"
#include "heal/footprint.h"
#include "heal/owner.h"
#include "heal/replay.h"
#include "heal/sandbox.h"
#include "heal/statement.h"
#include "heal/sql_patch.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "utils/acl.h"
#include "utils/resowner.h"

/* Everything that is known while the dry run goes on. */
typedef struct HomeoDryRun
{
	List	   *apply;			/* of char * */
	List	   *undo;			/* of char *; NIL: none */
	Oid			role;
	bool		transactional;
	const char *distrust;		/* why it may not be applied, or NULL */
	HomeoReplay replay;

	const char *failure;		/* what disproves the patch, or NULL */
	Jsonb	   *error;			/* behind the failure: it may be a passing one */
	List	   *notes;			/* of char *: what is weak about the proof */
	instr_time	holds_since;	/* when the first statement was applied */
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

static void
note(HomeoDryRun *run, const char *weakness)
{
	run->notes = lappend(run->notes, unconstify(char *, weakness));
}

/* How long the patch's locks may still be held, in ms. */
static int
time_left(HomeoDryRun *run)
{
	instr_time	now;
	double		left;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, run->holds_since);
	left = homeo_guc_dry_run_lock_hold - INSTR_TIME_GET_MILLISEC(now);
	return left < 1 ? 1 : (int) left;
}

/*
 * Whether others may wait for what the patch has locked: for rows or weaker
 * locks few do.  Sequences count by the lock that contains them.
 */
static bool
holds_up_others(HomeoDryRun *run)
{
	return run->footprint.strongest >= ShareLock || run->sequences != NIL;
}

/* The time limit of what is run while the patch's locks are held, in ms. */
static int
limit_of_next(HomeoDryRun *run)
{
	return holds_up_others(run) || !run->applied ?
		Min(homeo_guc_dry_run_statement_timeout, time_left(run)) :
		homeo_guc_dry_run_statement_timeout;
}

/*
 * Whether it failed only because the locks could not be held longer; then that
 * is noted.  What ended earlier had another reason, such as a timeout that the
 * role has set for itself.
 */
static bool
was_cut_short(HomeoDryRun *run, const HomeoOutcome *outcome, int limit,
			  const char *what)
{
	if (outcome->ok || outcome->sqlerrcode != ERRCODE_QUERY_CANCELED ||
		outcome->duration_ms < limit ||
		limit >= homeo_guc_dry_run_statement_timeout)
		return false;
	note(run, psprintf("%s was cut short after homeostasis.dry_run_lock_hold, because others wait for its locks",
					   what));
	return true;
}

/*
 * A statement that sets sequences is made one that a rollback undoes, where
 * it is known which; else the guard does not let it.
 */
static void
contain_sequences(HomeoTry *try)
{
	Query	   *query = homeo_owner_check(try->statement, try->sql);
	List	   *sequences;
	MemoryContext old;

	if (query == NULL)
		return;
	sequences = homeo_effects_sequences(query);
	if (sequences == NIL)
		return;
	homeo_effects_contain(sequences);
	homeo_guard_permit_setval();
	old = MemoryContextSwitchTo(try->context);
	try->run->sequences = list_concat_unique_oid(try->run->sequences,
												 sequences);
	MemoryContextSwitchTo(old);
}

static void
try_body(void *arg)
{
	HomeoTry   *try = arg;

	contain_sequences(try);
	try->outcome->rows = homeo_sandbox_execute(try->sql, NULL);
}

/*
 * Runs the statements as the patch's role.  what: "the patch" or "the undo".
 * False: one failed, which is noted as failure, or could not be tried.
 */
static bool
try_statements(HomeoDryRun *run, List *statements, const char *what)
{
	HomeoSandbox sandbox = {
		.role = run->role,
		.search_path = HOMEO_PATCH_SEARCH_PATH,
		.lock_timeout = homeo_guc_dry_run_lock_timeout,
		.guards = HOMEO_GUARD_EFFECTS | HOMEO_GUARD_SUPERUSER,
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
		const char *breach;

		try.statement = homeo_statement_check_patch(try.sql, true);
		sandbox.statement_timeout = limit_of_next(run);
		homeo_sandbox_run(&sandbox, try_body, &try, &outcome);
		breach = homeo_guard_breach();
		if (breach != NULL)
			note(run, psprintf("%s %s", what, breach));
		if (breach != NULL ||
			was_cut_short(run, &outcome, sandbox.statement_timeout, what))
			return false;
		if (!outcome.ok)
		{
			run->failure = psprintf("%s cannot be applied: statement %d: %s",
									what, foreach_current_index(lc) + 1,
									outcome.message);
			run->error = homeo_outcome_error(&outcome);
			return false;
		}
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

/* A statement that is no query locks tables as a patch does. */
static bool
replay_without_patch(HomeoDryRun *run)
{
	int			limit = homeo_guc_dry_run_statement_timeout;

	if (run->replay.obstacle == NULL &&
		!homeo_statement_is_plannable(run->replay.statement))
		limit = Min(limit, homeo_guc_dry_run_lock_hold);
	return replay(run, limit, &run->before);
}

static void
replay_with_patch(HomeoDryRun *run)
{
	int			limit = limit_of_next(run);

	if (run->replayed_before && replay(run, limit, &run->after))
		run->replayed_after = !was_cut_short(run, &run->after, limit,
											 "the replay with the patch");
}

/*
 * Whether the patch can be applied in a dry run at all; if not, that is noted.
 * Sums the sizes of its tables, for that case.
 */
static bool
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

	if (run->distrust != NULL)
		note(run, run->distrust);
	else if (!run->transactional)
		note(run, "a patch that is not transactional cannot be rolled back");
	else if (homeo_guc_dry_run_max_bytes >= 0 &&
			 homeo_footprint_size(gone_through) / 1024 >
			 homeo_guc_dry_run_max_bytes)
		note(run, "the tables it goes through are larger than homeostasis.dry_run_max_bytes");
	return run->notes == NIL;
}

/*
 * An error that the server did not raise itself says what whoever raised it
 * likes: before a person has looked at it, nothing is run for it with more
 * rights than that role has.  NULL: the error is genuine, or the role may act
 * as the patch's.
 */
static const char *
distrust_of(Jsonb *payload, Oid role)
{
	const char *raiser;

	if (homeo_json_bool(payload, "genuine", false))
		return NULL;
	raiser = homeo_replay_raiser(payload);
	if (raiser != NULL && OidIsValid(get_role_oid(raiser, true)) &&
		homeo_can_set_role_compat(get_role_oid(raiser, true), role))
		return NULL;
	return psprintf("the server did not raise the error itself, and the role that did may not act as %s",
					GetUserNameFromId(role, false));
}

static void
apply(HomeoDryRun *run)
{
	uint64		wal_before = pgWalUsage.wal_bytes;

	if (!look_before_applying(run))
		return;
	INSTR_TIME_SET_CURRENT(run->holds_since);
	if (!try_statements(run, run->apply, "the patch"))
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
	run->undo_checked = try_statements(run, run->undo, "the undo");
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	run->duration_ms = duration_ms;
	run->rows = rows;
}

static bool
has_sqlstate(const HomeoOutcome *outcome, const char *sqlstate)
{
	return sqlstate != NULL &&
		strcmp(unpack_sql_state(outcome->sqlerrcode), sqlstate) == 0;
}

/*
 * Whether the statement creates a table and fails only because that table,
 * and no other object, is there with the patch.  The error names it in its
 * message alone, in the language of the server.
 */
static bool
finds_its_table(HomeoDryRun *run)
{
	Node	   *node = run->replay.statement->stmt;

	return run->after.sqlerrcode == ERRCODE_DUPLICATE_TABLE &&
		run->before.sqlerrcode != ERRCODE_DUPLICATE_TABLE &&
		IsA(node, CreateStmt) &&
		strcmp(run->after.message,
			   psprintf(_("relation \"%s\" already exists"),
						((CreateStmt *) node)->relation->relname)) == 0;
}

/* What the replays say about the patch: adds a note, sets failure. */
static void
judge_replays(HomeoDryRun *run)
{
	if (!run->replayed_before)
		note(run, psprintf("not replayed: %s", run->replay.obstacle));
	else if (run->before.ok)
		note(run, "the failure did not recur");
	else if (!has_sqlstate(&run->before, run->replay.captured_sqlstate))
		note(run, psprintf("the replay failed in another way than captured: %s",
						   run->before.message));
	else if (run->replay.obstacle != NULL)
		note(run, psprintf("not replayed with the patch: %s",
						   run->replay.obstacle));
	if (run->failure != NULL || !run->replayed_after || run->after.ok)
		return;

	if (run->after.sqlerrcode == ERRCODE_UNSAFE_NEW_ENUM_VALUE_USAGE)
	{
		/* The server refuses the new value until the patch is committed. */
		note(run, "a value added to an enum cannot be used in the same transaction: the effect cannot be proved in one");
		run->replayed_after = false;
	}
	else if (!run->before.ok && finds_its_table(run))
	{
		note(run, "the table that the statement creates is there with the patch");
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

/* NULL: there are none. */
static const char *
joined(List *notes)
{
	StringInfoData all;
	ListCell   *lc;

	if (notes == NIL)
		return NULL;
	initStringInfo(&all);
	foreach(lc, notes)
		appendStringInfo(&all, "%s%s", all.len > 0 ? "; " : "",
						 (const char *) lfirst(lc));
	return all.data;
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
	homeo_json_add_text(&builder, "replay_note", joined(run->notes));
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
	run.distrust = distrust_of(payload, run.role);

	homeo_replay_prepare(&run.replay, payload);
	run.replayed_before = replay_without_patch(&run);
	apply(&run);
	if (run.applied)
	{
		check_undo(&run);
		replay_with_patch(&run);
	}
	judge_replays(&run);
	return result_of(&run);
}
