/*
 * launcher.c
 *		Keeps the workers of the home database running.
 *
 * The launcher is connected to no database, so it can wait for the home
 * database to appear and is in nobody's way.  It starts the ingest workers
 * and the healer, and the compiler when rules are to be compiled, as dynamic
 * workers that are never restarted by the postmaster, so each exit comes back here.  Which of them run is read from
 * their slots (base/worker.c), not remembered, so a new launcher finds the
 * workers of the one before.
 *
 * It also flushes the journal of events, because it is there whatever becomes
 * of the others, and never waits for long.
 */
#include "postgres.h"

#include "workers/launcher.h"

#include "access/heapam.h"
#include "access/relscan.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "base/guc.h"
#include "base/worker.h"
#include "catalog/pg_database.h"
#include "intake/journal.h"
#include "intake/spill.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "portability/instr_time.h"
#include "rules/image_share.h"
#include "storage/ipc.h"
#include "utils/snapmgr.h"

/* The postmaster starts a launcher that ended again after this time. */
#define LAUNCHER_RESTART_S	2

/* How often the launcher looks for the home database. */
#define DATABASE_POLL_MS	1000

/* How often it looks at its workers; each exit wakes it anyway. */
#define WATCH_MS			60000

/* A worker that ran this long ended for a new reason: start it at once. */
#define SETTLED_MS			10000

#define BACK_OFF_MIN_MS		1000
#define BACK_OFF_MAX_MS		60000

/* What keeps the launcher from starting workers. */
typedef enum HomeoLauncherWait
{
	WAIT_NOTHING,
	WAIT_SWITCHED_OFF,
	WAIT_DATABASE_MISSING,
	WAIT_DATABASE_IS_TEMPLATE,
	WAIT_DATABASE_CLOSED,
	WAIT_DATABASE_LEFT
} HomeoLauncherWait;

typedef struct HomeoChild
{
	HomeoWorkerKind kind;
	int			number;
	const char *function;
	BackgroundWorkerHandle *handle; /* NULL: not started by this launcher */
	instr_time	started_at;
	int			failures;		/* in a row */
	instr_time	failed_at;
} HomeoChild;

static HomeoChild children[2 + HOMEO_MAX_INGEST_WORKERS];
static int	nchildren = 0;

void
homeo_launcher_init(void)
{
	BackgroundWorker worker;

	homeo_worker_describe(&worker, HOMEO_WORKER_LAUNCHER, 0, InvalidOid,
						  "homeo_launcher_main");
	worker.bgw_restart_time = LAUNCHER_RESTART_S;
	RegisterBackgroundWorker(&worker);
}

static void
add_child(HomeoWorkerKind kind, int number, const char *function)
{
	HomeoChild *child = &children[nchildren++];

	child->kind = kind;
	child->number = number;
	child->function = function;
}

/*
 * Why the home database cannot be used, or WAIT_NOTHING and its oid.  Scans
 * the heap of pg_database: without a database there is no index to use.
 */
static HomeoLauncherWait
find_home_database(Oid *database)
{
	HomeoLauncherWait wait = WAIT_DATABASE_MISSING;
	Relation	relation;
	TableScanDesc scan;
	HeapTuple	tuple;

	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	relation = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(relation, 0, NULL);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_database form = (Form_pg_database) GETSTRUCT(tuple);

		if (strcmp(NameStr(form->datname), homeo_guc_database) != 0)
			continue;
		*database = form->oid;
		if (form->datistemplate)
			wait = WAIT_DATABASE_IS_TEMPLATE;
		else if (!form->datallowconn || form->datconnlimit < -1)
			wait = WAIT_DATABASE_CLOSED;
		else
			wait = WAIT_NOTHING;
	}
	table_endscan(scan);
	table_close(relation, AccessShareLock);
	CommitTransactionCommand();

	if (wait == WAIT_NOTHING && homeo_worker_must_leave(*database))
		wait = WAIT_DATABASE_LEFT;
	return wait;
}

/* Says once, when it begins, what is waited for. */
static void
note_wait(HomeoLauncherWait wait)
{
	static HomeoLauncherWait noted = WAIT_NOTHING;
	const char *reason = NULL;

	switch (wait)
	{
		case WAIT_NOTHING:
			homeo_worker_set_state(HOMEO_STATE_IDLE);
			break;
		case WAIT_SWITCHED_OFF:
			homeo_worker_set_state(HOMEO_STATE_SWITCHED_OFF);
			break;
		case WAIT_DATABASE_LEFT:
			homeo_worker_set_state(HOMEO_STATE_WAITING_FOR_DATABASE);
			break;
		case WAIT_DATABASE_MISSING:
			reason = "does not exist yet";
			break;
		case WAIT_DATABASE_IS_TEMPLATE:
			reason = "is a template";
			break;
		case WAIT_DATABASE_CLOSED:
			reason = "does not allow connections";
			break;
	}
	if (reason != NULL)
	{
		homeo_worker_set_state(HOMEO_STATE_WAITING_FOR_DATABASE);
		if (noted != wait)
			ereport(LOG,
					(errmsg("homeostasis waits: its database \"%s\" %s",
							homeo_guc_database, reason)));
	}
	noted = wait;
}

static void
note_failure(HomeoChild *child)
{
	child->failures++;
	INSTR_TIME_SET_CURRENT(child->failed_at);
}

/* Milliseconds until the child may be started; 0: now. */
static long
time_to_start(const HomeoChild *child)
{
	long		delay;

	if (child->failures == 0)
		return 0;
	delay = Min(BACK_OFF_MIN_MS << Min(child->failures - 1, 10),
				BACK_OFF_MAX_MS);
	return Max(delay - homeo_worker_milliseconds_since(child->failed_at), 0);
}

/* False, said once until it works again: there is no place for the worker. */
static bool
start(HomeoChild *child, Oid database)
{
	static bool said = false;
	BackgroundWorker worker;

	homeo_worker_describe(&worker, child->kind, child->number, database,
						  child->function);
	worker.bgw_notify_pid = MyProcPid;
	if (!RegisterDynamicBackgroundWorker(&worker, &child->handle))
	{
		child->handle = NULL;
		if (!said)
			ereport(LOG,
					(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
					 errmsg("homeostasis cannot start its workers: all background worker slots are in use"),
					 errhint("Increase max_worker_processes; homeostasis needs six, "
							 "and tries again by itself.")));
		said = true;
		return false;
	}
	said = false;
	INSTR_TIME_SET_CURRENT(child->started_at);
	return true;
}

/* The compiler ends when there is nothing to compile. */
static bool
is_needed(const HomeoChild *child)
{
	return child->kind != HOMEO_WORKER_COMPILER || homeo_image_share_is_due();
}

/*
 * Starts the child if it is needed, does not run and its time has come.  Returns the
 * milliseconds after which it must be looked at again.
 */
static long
watch(HomeoChild *child, Oid database)
{
	pid_t		pid;
	long		delay;

	if (homeo_worker_pid(child->kind, child->number) != 0)
		return WATCH_MS;

	if (child->handle != NULL)
	{
		if (GetBackgroundWorkerPid(child->handle, &pid) != BGWH_STOPPED)
			return DATABASE_POLL_MS;
		pfree(child->handle);
		child->handle = NULL;
		if (homeo_worker_left(child->kind, child->number) ||
			!is_needed(child) ||
			homeo_worker_milliseconds_since(child->started_at) >= SETTLED_MS)
			child->failures = 0;
		else
			note_failure(child);
	}

	if (!is_needed(child))
		return WATCH_MS;
	delay = time_to_start(child);
	if (delay > 0)
		return delay;
	if (start(child, database))
		return DATABASE_POLL_MS;
	note_failure(child);
	return time_to_start(child);
}

/* Returns the milliseconds to wait unless something happens. */
static long
look_after_children(void)
{
	HomeoLauncherWait wait = WAIT_SWITCHED_OFF;
	Oid			database = InvalidOid;
	long		delay = WATCH_MS;

	if (homeo_guc_workers)
		wait = find_home_database(&database);
	note_wait(wait);
	if (wait == WAIT_SWITCHED_OFF)
		return WATCH_MS;
	if (wait != WAIT_NOTHING)
		return DATABASE_POLL_MS;

	for (int i = 0; i < nchildren; i++)
	{
		long		child_delay = watch(&children[i], database);

		delay = Min(delay, child_delay);
	}
	return delay;
}

/*
 * When the server ends, what nobody has stored goes to disk.  An ingest worker
 * that runs does that for its ring itself.
 */
static void
put_away(int code, Datum arg)
{
	for (int i = 0; i < homeo_guc_ingest_workers; i++)
	{
		if (homeo_worker_pid(HOMEO_WORKER_INGEST, i) == 0)
			homeo_spill(i, 0);
	}
	(void) homeo_journal_flush(homeo_journal_end());
}

void
homeo_launcher_main(Datum main_arg)
{
	homeo_worker_begin(HOMEO_WORKER_LAUNCHER);
	homeo_worker_connect();
	before_shmem_exit(put_away, (Datum) 0);

	for (int i = 0; i < homeo_guc_ingest_workers; i++)
		add_child(HOMEO_WORKER_INGEST, i, "homeo_ingest_main");
	add_child(HOMEO_WORKER_HEALER, 0, "homeo_healer_main");
	add_child(HOMEO_WORKER_COMPILER, 0, "homeo_compiler_main");

	for (;;)
	{
		long		delay = look_after_children();
		long		flush_delay = homeo_journal_flush_due();

		pgstat_report_activity(STATE_IDLE, NULL);
		homeo_worker_note_usage();
		homeo_worker_wait(Min(delay, flush_delay), "HomeostasisLauncherMain");
	}
}
