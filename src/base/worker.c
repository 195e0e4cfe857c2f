/*
 * worker.c
 *		Slots that show and wake the background workers.
 *
 * Every worker that may exist has a fixed slot.  A process takes its slot by
 * changing pid from 0 with compare-and-exchange, so no two run at once, and
 * gives it back when it exits; after a crash shared memory is made anew.
 * pid, proc_number, database and state are atomics, because the log hook and
 * the launcher read them without a lock; the rest of a slot is written by its
 * owner only, under the slot's spinlock.
 *
 * Leaving a database: a request is put into the table of requests before the
 * slots are looked at, a worker shows its database in its slot before it
 * looks at the requests; so one of the two sees the other.
 */
#include "postgres.h"

#include "base/worker.h"

#include <sys/resource.h>

#include "base/compat.h"
#include "base/memory.h"
#include "base/shmem.h"
#include "catalog/pg_authid.h"
#include "executor/instrument.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "pgstat.h"
#include "port/atomics.h"
#include "portability/instr_time.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/procsignal.h"
#include "storage/spin.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#define MAX_SLOTS	(3 + HOMEO_MAX_INGEST_WORKERS + HOMEO_MAX_OPERATORS + \
					 HOMEO_MAX_ANALYSTS)
#define NO_PROC		PG_UINT32_MAX

/* Databases that are being dropped, renamed or copied at the same time. */
#define MAX_LEAVES	8

/* How long a turn waits for a lock before it fails and is tried again. */
#define LOCK_TIMEOUT_SETTING	"2s"

#define ERROR_LENGTH		256

typedef struct HomeoWorkerSlot
{
	HomeoWorkerKind kind;		/* fixed */
	int			number;			/* fixed */
	pg_atomic_uint32 pid;		/* 0: free */
	pg_atomic_uint32 proc_number;	/* of its latch, or NO_PROC */
	pg_atomic_uint32 database;
	pg_atomic_uint32 state;		/* HomeoWorkerState */
	pg_atomic_uint32 left;		/* 1: the last one left on request */

	slock_t		mutex;			/* guards what follows */
	TimestampTz started_at;
	TimestampTz last_turn_at;	/* 0: none */
	int64		turns;			/* since the server started */
	int64		errors;
	TimestampTz last_error_at;	/* 0: none */
	int64		memory;			/* bytes allocated after the last turn */
	int64		memory_peak;	/* in any turn */
	int64		early_batches;	/* for lack of memory */
	int64		user_us;		/* of processor time, since started_at */
	int64		system_us;
	int64		blocks_read;
	int64		blocks_written;
	uint64		wal_bytes;
	char		last_error[ERROR_LENGTH];
} HomeoWorkerSlot;

typedef struct HomeoWorkerArea
{
	TimestampTz made_at;		/* fixed */
	slock_t		mutex;			/* guards leave */
	struct
	{
		Oid			database;
		int			requests;	/* 0: free */
	}			leave[MAX_LEAVES];
	HomeoWorkerSlot slot[MAX_SLOTS];
} HomeoWorkerArea;

/* What a worker is started with, in BackgroundWorker.bgw_extra. */
typedef struct HomeoWorkerStart
{
	int			number;
	Oid			database;
} HomeoWorkerStart;

static const char *const kind_names[] = {
	[HOMEO_WORKER_LAUNCHER] = "launcher",
	[HOMEO_WORKER_INGEST] = "ingest",
	[HOMEO_WORKER_HEALER] = "healer",
	[HOMEO_WORKER_COMPILER] = "compiler",
	[HOMEO_WORKER_OPERATOR] = "operator",
	[HOMEO_WORKER_ANALYST] = "analyst"
};

static const char *const state_names[] = {
	[HOMEO_STATE_STARTING] = "starting",
	[HOMEO_STATE_WAITING_FOR_DATABASE] = "waiting for database",
	[HOMEO_STATE_WAITING_FOR_EXTENSION] = "waiting for extension",
	[HOMEO_STATE_IDLE] = "idle",
	[HOMEO_STATE_WORKING] = "working",
	[HOMEO_STATE_BACKING_OFF] = "backing off",
	[HOMEO_STATE_SWITCHED_OFF] = "switched off"
};

static HomeoWorkerArea *area = NULL;

/* This process's slot while it has one. */
static bool is_mine = false;
static HomeoWorkerSlot *my_slot = NULL;

static Size
area_size(void)
{
	return sizeof(HomeoWorkerArea);
}

static void
init_slot(HomeoWorkerSlot *slot, HomeoWorkerKind kind, int number)
{
	slot->kind = kind;
	slot->number = number;
	pg_atomic_init_u32(&slot->pid, 0);
	pg_atomic_init_u32(&slot->proc_number, NO_PROC);
	pg_atomic_init_u32(&slot->database, InvalidOid);
	pg_atomic_init_u32(&slot->state, HOMEO_STATE_STARTING);
	pg_atomic_init_u32(&slot->left, 0);
	SpinLockInit(&slot->mutex);
}

static void
init_area(void *memory, Size size, bool found)
{
	HomeoWorkerSlot *slot;

	area = memory;
	if (found)
		return;

	memset(area, 0, size);
	area->made_at = GetCurrentTimestamp();
	SpinLockInit(&area->mutex);
	slot = area->slot;
	init_slot(slot++, HOMEO_WORKER_LAUNCHER, 0);
	init_slot(slot++, HOMEO_WORKER_HEALER, 0);
	init_slot(slot++, HOMEO_WORKER_COMPILER, 0);
	for (int i = 0; i < HOMEO_MAX_INGEST_WORKERS; i++)
		init_slot(slot++, HOMEO_WORKER_INGEST, i);
	for (int i = 0; i < HOMEO_MAX_OPERATORS; i++)
		init_slot(slot++, HOMEO_WORKER_OPERATOR, i);
	for (int i = 0; i < HOMEO_MAX_ANALYSTS; i++)
		init_slot(slot++, HOMEO_WORKER_ANALYST, i);
}

static const HomeoShmemPiece area_piece = {
	"homeostasis workers", area_size, init_area
};

void
homeo_worker_init(void)
{
	homeo_shmem_register(&area_piece);
}

/*
 * Everything but when it starts and restarts.  function is an exported one of
 * this library.
 */
void
homeo_worker_describe(BackgroundWorker *worker, HomeoWorkerKind kind,
					  int number, Oid database, const char *function)
{
	HomeoWorkerStart start = {.number = number,.database = database};

	StaticAssertStmt(sizeof(HomeoWorkerStart) <= BGW_EXTRALEN,
					 "start does not fit into bgw_extra");

	memset(worker, 0, sizeof(BackgroundWorker));
	worker->bgw_flags = BGWORKER_SHMEM_ACCESS |
		BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker->bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker->bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker->bgw_library_name, "homeostasis", BGW_MAXLEN);
	strlcpy(worker->bgw_function_name, function, BGW_MAXLEN);
	snprintf(worker->bgw_type, BGW_MAXLEN, "homeostasis %s", kind_names[kind]);
	strlcpy(worker->bgw_name, worker->bgw_type, BGW_MAXLEN);
	memcpy(worker->bgw_extra, &start, sizeof(start));
}

/* Gives the slot back; whoever waits for this worker's end is woken. */
static void
release_slot(int code, Datum arg)
{
	HomeoWorkerSlot *slot = my_slot;

	if (slot == NULL)
		return;
	my_slot = NULL;
	pg_atomic_write_u32(&slot->proc_number, NO_PROC);
	pg_atomic_write_u32(&slot->database, InvalidOid);
	pg_write_barrier();
	pg_atomic_write_u32(&slot->pid, 0);
	homeo_worker_wake(HOMEO_WORKER_LAUNCHER);
}

/*
 * Takes the slot of this kind and number, or, for operators, which have no
 * number of their own, any free one.
 */
static void
take_slot(HomeoWorkerKind kind, int number)
{
	for (int i = 0; i < MAX_SLOTS && my_slot == NULL; i++)
	{
		HomeoWorkerSlot *slot = &area->slot[i];
		uint32		nobody = 0;

		if (slot->kind == kind &&
			(kind == HOMEO_WORKER_OPERATOR || slot->number == number) &&
			pg_atomic_compare_exchange_u32(&slot->pid, &nobody, MyProcPid))
			my_slot = slot;
	}
	if (my_slot == NULL)
	{
		if (kind == HOMEO_WORKER_OPERATOR)
			ereport(FATAL,
					(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
					 errmsg("more than %d operators of homeostasis at the same time",
							HOMEO_MAX_OPERATORS)));
		proc_exit(0);
	}

	before_shmem_exit(release_slot, (Datum) 0);
	SpinLockAcquire(&my_slot->mutex);
	my_slot->started_at = GetCurrentTimestamp();
	my_slot->memory = 0;
	my_slot->memory_peak = 0;
	my_slot->early_batches = 0;
	my_slot->user_us = 0;
	my_slot->system_us = 0;
	my_slot->blocks_read = 0;
	my_slot->blocks_written = 0;
	my_slot->wal_bytes = 0;
	SpinLockRelease(&my_slot->mutex);
	pg_atomic_write_u32(&my_slot->left, 0);
	pg_atomic_write_u32(&my_slot->state, HOMEO_STATE_STARTING);
	pg_atomic_write_u32(&my_slot->proc_number, homeo_proc_number_compat(MyProc));
}

int
homeo_worker_begin(HomeoWorkerKind kind)
{
	HomeoWorkerStart start;

	is_mine = true;
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();

	memcpy(&start, MyBgworkerEntry->bgw_extra, sizeof(start));
	take_slot(kind, start.number);
	return start.number;
}

/*
 * ALTER DATABASE or ALTER ROLE could otherwise make every turn fail, read
 * only or slow, or leave one open for ever, or make this process act as
 * another role than it means to.  What this version of the server does not
 * know is passed over.
 */
static void
override_settings(void)
{
	static const struct
	{
		const char *name;
		const char *value;
	}			settings[] = {
		{"check_function_bodies", "on"},
		{"default_transaction_deferrable", "off"},
		{"default_transaction_isolation", "read committed"},
		{"default_transaction_read_only", "off"},
		{"idle_in_transaction_session_timeout", "0"},
		{"jit", "off"},
		{"lock_timeout", LOCK_TIMEOUT_SETTING},
		{"max_parallel_workers_per_gather", "0"},
		{"restrict_nonsystem_relation_kind", ""},
		{"role", "none"},
		{"row_security", "on"},
		{"search_path", "pg_catalog, pg_temp"},
		{"session_replication_role", "origin"},
		{"standard_conforming_strings", "on"},
		{"statement_timeout", "0"},
		{"transaction_timeout", "0"}
	};

	/* A stored session_authorization is of another kind. */
	SetSessionAuthorization(BOOTSTRAP_SUPERUSERID, true);
	for (int i = 0; i < lengthof(settings); i++)
	{
		if (GetConfigOption(settings[i].name, true, false) != NULL)
			SetConfigOption(settings[i].name, settings[i].value,
							PGC_SUSET, PGC_S_OVERRIDE);
	}
}

/* Exits because this worker shall not be in its database now. */
static void
leave(void)
{
	pg_atomic_write_u32(&my_slot->left, 1);
	proc_exit(0);
}

void
homeo_worker_connect(void)
{
	HomeoWorkerStart start;

	memcpy(&start, MyBgworkerEntry->bgw_extra, sizeof(start));
	pg_atomic_write_u32(&my_slot->database, start.database);
	pg_memory_barrier();
	if (homeo_worker_must_leave(start.database))
		leave();

	BackgroundWorkerInitializeConnectionByOid(start.database, InvalidOid, 0);
	override_settings();
	SetConfigOption("application_name", MyBgworkerEntry->bgw_name,
					PGC_USERSET, PGC_S_OVERRIDE);
	pgstat_report_appname(MyBgworkerEntry->bgw_name);
	pgstat_report_activity(STATE_IDLE, NULL);
}

void
homeo_worker_set_state(HomeoWorkerState state)
{
	pg_atomic_write_u32(&my_slot->state, state);
}

/* The message is copied, cut at a character. */
void
homeo_worker_note_error(const char *message)
{
	int			length = pg_mbcliplen(message, strlen(message),
									  ERROR_LENGTH - 1);
	TimestampTz now = GetCurrentTimestamp();

	SpinLockAcquire(&my_slot->mutex);
	my_slot->errors++;
	my_slot->last_error_at = now;
	memcpy(my_slot->last_error, message, length);
	my_slot->last_error[length] = '\0';
	SpinLockRelease(&my_slot->mutex);
}

static int64
microseconds(struct timeval time)
{
	return (int64) time.tv_sec * USECS_PER_SEC + time.tv_usec;
}

void
homeo_worker_note_usage(void)
{
	int64		memory = homeo_memory_used();
	int64		peak = homeo_memory_peak();
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	SpinLockAcquire(&my_slot->mutex);
	my_slot->memory = memory;
	my_slot->memory_peak = Max(my_slot->memory_peak, Max(memory, peak));
	my_slot->user_us = microseconds(usage.ru_utime);
	my_slot->system_us = microseconds(usage.ru_stime);
	my_slot->blocks_read = pgBufferUsage.shared_blks_read +
		pgBufferUsage.local_blks_read + pgBufferUsage.temp_blks_read;
	my_slot->blocks_written = pgBufferUsage.shared_blks_written +
		pgBufferUsage.local_blks_written + pgBufferUsage.temp_blks_written;
	my_slot->wal_bytes = pgWalUsage.wal_bytes;
	SpinLockRelease(&my_slot->mutex);
}

void
homeo_worker_note_turn(void)
{
	TimestampTz now = GetCurrentTimestamp();

	homeo_worker_note_usage();
	SpinLockAcquire(&my_slot->mutex);
	my_slot->turns++;
	my_slot->last_turn_at = now;
	SpinLockRelease(&my_slot->mutex);
}

void
homeo_worker_note_early_batch(void)
{
	SpinLockAcquire(&my_slot->mutex);
	my_slot->early_batches++;
	SpinLockRelease(&my_slot->mutex);
}

long
homeo_worker_milliseconds_since(instr_time start)
{
	instr_time	now;

	if (INSTR_TIME_IS_ZERO(start))
		return LONG_MAX;
	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, start);
	return (long) INSTR_TIME_GET_MILLISEC(now);
}

void
homeo_worker_wait(long timeout_ms, const char *wait_event)
{
	(void) WaitLatch(MyLatch,
					 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 timeout_ms, homeo_wait_event_compat(wait_event));
	ResetLatch(MyLatch);

	/* A cancel that comes while nothing runs has nothing to cancel. */
	QueryCancelPending = false;
	CHECK_FOR_INTERRUPTS();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
	if (my_slot->kind != HOMEO_WORKER_LAUNCHER &&
		(!homeo_guc_workers || homeo_worker_must_leave(MyDatabaseId)))
		leave();
}

/*
 * A process that has just exited may have given its place to another, whose
 * latch is then set for nothing; every user of a latch allows for that.
 */
static void
wake_slot(HomeoWorkerSlot *slot)
{
	uint32		proc_number = pg_atomic_read_u32(&slot->proc_number);

	if (proc_number != NO_PROC)
		SetLatch(&ProcGlobal->allProcs[proc_number].procLatch);
}

void
homeo_worker_wake(HomeoWorkerKind kind)
{
	if (area == NULL)
		return;
	for (int i = 0; i < MAX_SLOTS; i++)
	{
		if (area->slot[i].kind == kind)
			wake_slot(&area->slot[i]);
	}
}

void
homeo_worker_wake_one(HomeoWorkerKind kind, int number)
{
	if (area == NULL)
		return;
	for (int i = 0; i < MAX_SLOTS; i++)
	{
		if (area->slot[i].kind == kind && area->slot[i].number == number)
			wake_slot(&area->slot[i]);
	}
}

bool
homeo_worker_is_mine(void)
{
	return is_mine;
}

static HomeoWorkerSlot *
find_slot(HomeoWorkerKind kind, int number)
{
	for (int i = 0; i < MAX_SLOTS; i++)
	{
		if (area->slot[i].kind == kind && area->slot[i].number == number)
			return &area->slot[i];
	}
	elog(ERROR, "there is no worker %d of kind %d", number, (int) kind);
}

int
homeo_worker_pid(HomeoWorkerKind kind, int number)
{
	return (int) pg_atomic_read_u32(&find_slot(kind, number)->pid);
}

bool
homeo_worker_left(HomeoWorkerKind kind, int number)
{
	return pg_atomic_read_u32(&find_slot(kind, number)->left) == 1;
}

bool
homeo_worker_request_leave(Oid database)
{
	int			place = -1;

	SpinLockAcquire(&area->mutex);
	for (int i = 0; i < MAX_LEAVES; i++)
	{
		if (area->leave[i].requests == 0)
			place = i;
		else if (area->leave[i].database == database)
		{
			place = i;
			break;
		}
	}
	if (place >= 0)
	{
		area->leave[place].database = database;
		area->leave[place].requests++;
	}
	SpinLockRelease(&area->mutex);
	return place >= 0;
}

void
homeo_worker_withdraw_leave(Oid database)
{
	SpinLockAcquire(&area->mutex);
	for (int i = 0; i < MAX_LEAVES; i++)
	{
		if (area->leave[i].requests > 0 && area->leave[i].database == database)
			area->leave[i].requests--;
	}
	SpinLockRelease(&area->mutex);
	homeo_worker_wake(HOMEO_WORKER_LAUNCHER);
}

bool
homeo_worker_must_leave(Oid database)
{
	bool		wanted = false;

	SpinLockAcquire(&area->mutex);
	for (int i = 0; i < MAX_LEAVES; i++)
	{
		if (area->leave[i].requests > 0 && area->leave[i].database == database)
			wanted = true;
	}
	SpinLockRelease(&area->mutex);
	return wanted;
}

int
homeo_worker_count_in(Oid database, int signal)
{
	int			count = 0;

	for (int i = 0; i < MAX_SLOTS; i++)
	{
		HomeoWorkerSlot *slot = &area->slot[i];
		int			pid = (int) pg_atomic_read_u32(&slot->pid);

		pg_read_barrier();
		if (pid == 0 || slot == my_slot ||
			pg_atomic_read_u32(&slot->database) != database)
			continue;
		count++;
		wake_slot(slot);
		if (signal != 0)
			kill(pid, signal);
	}
	return count;
}

/* What homeo_worker_note_usage() noted; only some have a share of memory. */
static void
put_usage(const HomeoWorkerSlot *slot, Datum *values, bool *nulls)
{
	values[0] = Int64GetDatum(slot->memory);
	values[1] = Int64GetDatum(slot->memory_peak);
	values[2] = Int64GetDatum(homeo_memory_share());
	nulls[2] = slot->kind != HOMEO_WORKER_INGEST &&
		slot->kind != HOMEO_WORKER_HEALER;
	values[3] = Int64GetDatum(slot->early_batches);
	values[4] = Float8GetDatum(slot->user_us / 1000.0);
	values[5] = Float8GetDatum(slot->system_us / 1000.0);
	values[6] = Int64GetDatum(slot->blocks_read);
	values[7] = Int64GetDatum(slot->blocks_written);
	values[8] = Int64GetDatum((int64) slot->wal_bytes);
}

/*
 * stat_workers: one row for each process that runs
 */
PG_FUNCTION_INFO_V1(homeo_worker_stat);

Datum
homeo_worker_stat(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	homeo_shmem_require();
	InitMaterializedSRF(fcinfo, 0);

	for (int i = 0; i < MAX_SLOTS; i++)
	{
		HomeoWorkerSlot *slot = &area->slot[i];
		HomeoWorkerSlot copy;
		uint32		pid = pg_atomic_read_u32(&slot->pid);
		uint32		database = pg_atomic_read_u32(&slot->database);
		uint32		state = pg_atomic_read_u32(&slot->state);
		Datum		values[20];
		bool		nulls[20] = {0};

		if (pid == 0)
			continue;
		SpinLockAcquire(&slot->mutex);
		copy = *slot;
		SpinLockRelease(&slot->mutex);

		values[0] = CStringGetTextDatum(kind_names[copy.kind]);
		values[1] = Int32GetDatum(copy.number);
		values[2] = Int32GetDatum((int32) pid);
		values[3] = ObjectIdGetDatum(database);
		nulls[3] = !OidIsValid(database);
		values[4] = CStringGetTextDatum(state_names[state]);
		values[5] = TimestampTzGetDatum(copy.started_at);
		values[6] = TimestampTzGetDatum(copy.last_turn_at);
		nulls[6] = copy.last_turn_at == 0;
		values[7] = Int64GetDatum(copy.turns);
		values[8] = Int64GetDatum(copy.errors);
		values[9] = TimestampTzGetDatum(copy.last_error_at);
		values[10] = CStringGetTextDatum(copy.last_error);
		nulls[9] = nulls[10] = copy.last_error_at == 0;
		put_usage(&copy, &values[11], &nulls[11]);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/*
 * workers_since(): when this shared memory was made
 */
PG_FUNCTION_INFO_V1(homeo_worker_since);

Datum
homeo_worker_since(PG_FUNCTION_ARGS)
{
	homeo_shmem_require();
	PG_RETURN_TIMESTAMPTZ(area->made_at);
}
