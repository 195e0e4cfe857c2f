/*
 * compiler.c
 *		The worker that compiles the rules for all processes.
 *
 * It runs when rules have changed and ends when they are compiled, so that it
 * takes a place only as long as it needs one.  The rules are read in one
 * transaction and shared in another one; between them, while they are compiled,
 * none is open.  Until then every process has the changes beside the image that
 * was shared before.
 */
#include "postgres.h"

#include "workers/compiler.h"

#include "access/xlog.h"
#include "base/turn.h"
#include "base/worker.h"
#include "catalog/namespace.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "rules/image_build.h"
#include "rules/image_share.h"
#include "rules/rule_version.h"
#include "storage/ipc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#define TURN_TIMEOUT_MS		60000

/*
 * Changes come by dozens: it waits until none has come for so long, but no longer than
 * MOST_MS, or four times as long as compiling took, so that it has a fifth of a
 * processor at the most while rules change all the time.
 */
#define QUIET_MS			300
#define MOST_MS				3000
#define MOST_FACTOR			4

#define WAIT_EVENT			"HomeostasisCompilerMain"

/* The rules on their way; all but the first are in memory. */
typedef struct Compilation
{
	MemoryContext memory;
	HomeoImageOrigin origin;
	bool		current;		/* what is shared has the rules as they are */
	HomeoRule  *rules;
	int			nrules;
	int64		version;		/* of these */
	HomeoImage *image;
	HomeoImageNews news;
} Compilation;

/* The table of the rules; false: it has none that this process sees. */
static bool
find_origin(HomeoImageOrigin *origin)
{
	Oid			schema = get_namespace_oid("homeostasis", true);

	origin->database = MyDatabaseId;
	origin->relation = OidIsValid(schema) ?
		get_relname_relid("rules", schema) : InvalidOid;
	return OidIsValid(origin->relation);
}

/* Whether an image has exactly the rules with these revisions. */
static bool
has_just(const HomeoImage *image, const int64 *revisions, int n)
{
	if (image->rules.n != (uint32) n)
		return false;
	for (int i = 0; i < n; i++)
	{
		if (homeo_image_find_revision(image, revisions[i]) < 0)
			return false;
	}
	return true;
}

/* Shares an image.  That it can't, everybody is told. */
static void
share(const HomeoImage *image, HomeoImageOrigin origin,
	  const HomeoImageNews *news)
{
	MemoryContext caller = CurrentMemoryContext;

	PG_TRY();
	{
		homeo_image_share_publish(image, origin, news);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		homeo_image_share_withdraw(CopyErrorData()->message);
		PG_RE_THROW();
	}
	PG_END_TRY();
}

/* Shares what an earlier life of the server has stored. */
static const HomeoImage *
share_stored(HomeoImageOrigin origin)
{
	HomeoImageNews news = {GetCurrentTimestamp(), 0, NULL};
	const char *problem;
	const HomeoImage *image = homeo_image_file_read(origin, &problem);

	if (problem != NULL)
		ereport(LOG,
				(errmsg("homeostasis compiles its rules anew: of the stored ones, %s",
						problem)));
	if (image != NULL)
		share(image, origin, &news);
	return image;
}

/*
 * Shares an image with these rules again if it doesn't tell that it has the
 * version that they have, by which others know that without reading them.
 */
static void
share_version(const HomeoImage *image, HomeoImageOrigin origin, int64 version)
{
	HomeoImageNews news = homeo_image_share_news();
	HomeoImage *copy;

	if (version == HOMEO_RULE_VERSION_NONE || version == image->version)
		return;
	copy = MemoryContextAllocHuge(CurrentMemoryContext, image->size);
	memcpy(copy, image, image->size);
	copy->version = version;
	share(copy, origin, &news);
	pfree(copy);
}

/*
 * A turn: shares what is stored when nothing is shared yet, and tells whether the
 * rules are other ones by now.
 */
static bool
compare_turn(void *arg)
{
	Compilation *work = arg;
	HomeoImageMapping *mapping;
	const HomeoImage *image;
	Snapshot	snapshot;
	int64		version;
	int64	   *revisions;
	int			nrevisions;

	if (!find_origin(&work->origin))
		return false;
	version = homeo_rule_version_settled(work->origin.relation, &snapshot);
	nrevisions = homeo_rule_read_revisions(snapshot, &revisions);
	UnregisterSnapshot(snapshot);
	mapping = homeo_image_share_attach(work->origin);
	image = mapping != NULL ? mapping->image : share_stored(work->origin);
	work->current = image != NULL && has_just(image, revisions, nrevisions);
	if (work->current)
		share_version(image, work->origin, version);
	if (mapping != NULL)
		homeo_image_share_detach(mapping);
	return false;
}

/* A turn. */
static bool
read_turn(void *arg)
{
	Compilation *work = arg;
	MemoryContext caller = MemoryContextSwitchTo(work->memory);
	Snapshot	snapshot;

	if (find_origin(&work->origin))
	{
		work->version = homeo_rule_version_settled(work->origin.relation,
												   &snapshot);
		work->nrules = homeo_rule_read(snapshot, NULL, 0, &work->rules);
		UnregisterSnapshot(snapshot);
	}
	MemoryContextSwitchTo(caller);
	return false;
}

/* A turn. */
static bool
store_turn(void *arg)
{
	Compilation *work = arg;

	homeo_image_file_write(work->image, work->origin);
	return false;
}

/* A turn. */
static bool
share_turn(void *arg)
{
	Compilation *work = arg;

	share(work->image, work->origin, &work->news);
	return false;
}

/* Says once what keeps patterns from being compiled. */
static void
note_problem(const char *problem)
{
	static bool noted = false;

	if (problem != NULL && !noted)
		ereport(LOG,
				(errmsg("homeostasis matches without a scan: %s", problem)));
	noted = problem != NULL;
}

static void
build(Compilation *work)
{
	MemoryContext caller = MemoryContextSwitchTo(work->memory);
	const char *problem = NULL;
	instr_time	began;
	instr_time	took;

	INSTR_TIME_SET_CURRENT(began);
	work->image = homeo_image_build(work->rules, work->nrules, &problem);
	work->image->version = work->version;
	INSTR_TIME_SET_CURRENT(took);
	INSTR_TIME_SUBTRACT(took, began);
	work->news.milliseconds = INSTR_TIME_GET_MILLISEC(took);
	work->news.at = GetCurrentTimestamp();
	work->news.problem = problem;
	note_problem(problem);
	MemoryContextSwitchTo(caller);
}

/* Compiles the rules unless they are shared as they are. */
static HomeoTurnResult
bring_up_to_date(Compilation *work)
{
	HomeoTurnResult result = homeo_turn_run(compare_turn, work,
											TURN_TIMEOUT_MS);

	if (result != HOMEO_TURN_IDLE || work->current)
		return result;
	result = homeo_turn_run(read_turn, work, TURN_TIMEOUT_MS);
	if (result != HOMEO_TURN_IDLE)
		return result;
	build(work);
	/* What cannot be stored may be shared all the same. */
	(void) homeo_turn_run(store_turn, work, TURN_TIMEOUT_MS);
	return homeo_turn_run(share_turn, work, TURN_TIMEOUT_MS);
}

/* Waits until changes have ceased to come, or have come for long enough. */
static void
gather(double last_ms)
{
	instr_time	began;
	uint64		wanted;

	INSTR_TIME_SET_CURRENT(began);
	do
	{
		instr_time	quiet;

		wanted = homeo_image_share_wanted();
		INSTR_TIME_SET_CURRENT(quiet);
		while (homeo_worker_milliseconds_since(quiet) < QUIET_MS)
			homeo_worker_wait(QUIET_MS - homeo_worker_milliseconds_since(quiet),
							  WAIT_EVENT);
	} while (homeo_image_share_wanted() != wanted &&
			 homeo_worker_milliseconds_since(began) <
			 Max(MOST_MS, MOST_FACTOR * last_ms));
}

/* Compiles what is due; returns how long it took, or -1 when it failed. */
static double
compile_due(void)
{
	Compilation work = {0};
	uint64		wanted = homeo_image_share_wanted();
	HomeoTurnResult result;

	work.memory = AllocSetContextCreate(TopMemoryContext,
										"homeostasis compilation",
										ALLOCSET_DEFAULT_SIZES);
	result = bring_up_to_date(&work);
	if (result == HOMEO_TURN_NO_EXTENSION)
		homeo_image_share_withdraw(NULL);
	MemoryContextDelete(work.memory);
	if (result == HOMEO_TURN_FAILED)
		return -1;
	homeo_image_share_note_done(wanted);
	return work.news.milliseconds;
}

/* Exits with 0 when nothing is due any more. */
void
homeo_compiler_main(Datum main_arg)
{
	bool		once = DatumGetBool(main_arg);
	double		last_ms = 0;

	homeo_worker_begin(HOMEO_WORKER_COMPILER);
	homeo_worker_connect();
	if (!once && homeo_image_share_generation() > 0)
		gather(0);
	do
	{
		last_ms = compile_due();
		if (last_ms >= 0 && !once)
		{
			homeo_worker_set_state(HOMEO_STATE_IDLE);
			gather(last_ms);
		}
	} while (last_ms >= 0 && !once && homeo_image_share_is_due());
	proc_exit(last_ms < 0 ? 1 : 0);
}

void
homeo_compiler_once(void)
{
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;

	/* On a standby a worker would not start before the promotion. */
	if (RecoveryInProgress() ||
		strcmp(get_database_name(MyDatabaseId), homeo_guc_database) != 0 ||
		!homeo_image_share_is_due() ||
		homeo_worker_pid(HOMEO_WORKER_COMPILER, 0) != 0)
		return;
	homeo_worker_describe(&worker, HOMEO_WORKER_COMPILER, 0, MyDatabaseId,
						  "homeo_compiler_main");
	worker.bgw_main_arg = BoolGetDatum(true);
	worker.bgw_notify_pid = MyProcPid;
	/* Without a place for it rules work as well, only slower. */
	if (RegisterDynamicBackgroundWorker(&worker, &handle))
		(void) WaitForBackgroundWorkerShutdown(handle);
}
