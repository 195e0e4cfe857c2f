/*
 * homeostasis_test.c
 *		What tests need and SQL can't do: errors at bad moments, and a second
 *		log hook.
 *
 * Loaded by tests only, from the private installation: by LOAD or the
 * functions below, or through shared_preload_libraries where a test wants
 * its hook before or behind that of Homeostasis.
 *
 *	homeostasis_test_hook_calls() returns bigint
 *		how often the hook of this module ran in this session for an ERROR
 *	homeostasis_test_raise_in_hook()
 *		the hook raises an error of its own the next time that it runs
 *	homeostasis_test_raise_in_capture()
 *		raises an error, and another while Homeostasis captures that; needs the
 *		clock of set_clock.c, which a capture reads
 *	homeostasis_test_raise_holding(lock text)
 *		raises an error while holding a lock of the server
 *	homeostasis_test_warn_at_exit()
 *		warns while the session ends
 *	homeostasis_test_panic()
 *		raises a PANIC, which ends the server
 *	homeostasis_test_exhaust_memory()
 *		allocates until the operating system refuses
 *
 * Preloaded, its hook also warns in the log collector, of all that this has to
 * say itself: what it reports of its own accord is too low for a capture.
 */
#include "postgres.h"

#include <dlfcn.h>
#include <sys/resource.h>
#include <unistd.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "utils/builtins.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

static emit_log_hook_type previous_hook = NULL;
static int64 calls = 0;
static bool raise_in_hook = false;

static void
count_and_raise(ErrorData *edata)
{
	if (previous_hook != NULL)
		previous_hook(edata);
	if (MyBackendType == B_LOGGER && edata->elevel < WARNING)
		ereport(WARNING,
				(errmsg("warned in the log collector")));
	if (edata->elevel < ERROR)
		return;
	calls++;
	if (raise_in_hook)
	{
		raise_in_hook = false;
		ereport(ERROR,
				(errcode(ERRCODE_RAISE_EXCEPTION),
				 errmsg("raised inside a log hook")));
	}
}

void
_PG_init(void)
{
	previous_hook = emit_log_hook;
	emit_log_hook = count_and_raise;
}

extern PGDLLEXPORT Datum homeostasis_test_hook_calls(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(homeostasis_test_hook_calls);

Datum
homeostasis_test_hook_calls(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(calls);
}

extern PGDLLEXPORT Datum homeostasis_test_raise_in_hook(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(homeostasis_test_raise_in_hook);

Datum
homeostasis_test_raise_in_hook(PG_FUNCTION_ARGS)
{
	raise_in_hook = true;
	PG_RETURN_VOID();
}

static void
interrupt(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_RAISE_EXCEPTION),
			 errmsg("raised inside a capture")));
}

extern PGDLLEXPORT Datum homeostasis_test_raise_in_capture(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(homeostasis_test_raise_in_capture);

Datum
homeostasis_test_raise_in_capture(PG_FUNCTION_ARGS)
{
	void		(**interruption) (void) = dlsym(RTLD_DEFAULT,
												"set_clock_interruption");

	if (interruption == NULL)
		elog(ERROR, "the server was started without set_clock.so");
	*interruption = interrupt;
	ereport(ERROR,
			(errcode(ERRCODE_RAISE_EXCEPTION),
			 errmsg("raised to be captured")));
}

extern PGDLLEXPORT Datum homeostasis_test_raise_holding(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(homeostasis_test_raise_holding);

Datum
homeostasis_test_raise_holding(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	struct
	{
		const char *name;
		LWLock	   *lock;
	}			locks[] = {
		{"AddinShmemInit", AddinShmemInitLock},
		{"ProcArray", ProcArrayLock},
		{"XidGen", XidGenLock},
		{"SInvalWrite", SInvalWriteLock},
		{"LockManager", &MainLWLockArray[LOCK_MANAGER_LWLOCK_OFFSET].lock},
		{"BufferMapping", &MainLWLockArray[BUFFER_MAPPING_LWLOCK_OFFSET].lock},
	};

	for (int i = 0; i < lengthof(locks); i++)
	{
		if (strcmp(locks[i].name, name) != 0)
			continue;
		LWLockAcquire(locks[i].lock, LW_EXCLUSIVE);
		ereport(ERROR,
				(errcode(ERRCODE_RAISE_EXCEPTION),
				 errmsg("raised while holding %s", name)));
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown lock \"%s\"", name)));
}

static void
warn(int code, Datum arg)
{
	ereport(WARNING,
			(errmsg("warned while ending")));
}

extern PGDLLEXPORT Datum homeostasis_test_warn_at_exit(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(homeostasis_test_warn_at_exit);

Datum
homeostasis_test_warn_at_exit(PG_FUNCTION_ARGS)
{
	before_shmem_exit(warn, (Datum) 0);
	PG_RETURN_VOID();
}

extern PGDLLEXPORT Datum homeostasis_test_panic(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(homeostasis_test_panic);

Datum
homeostasis_test_panic(PG_FUNCTION_ARGS)
{
	struct rlimit none = {0, 0};

	/* A PANIC aborts; the core that would leave is nobody's need. */
	setrlimit(RLIMIT_CORE, &none);
	ereport(PANIC,
			(errcode(ERRCODE_INTERNAL_ERROR),
			 errmsg("raised a panic")));
}

extern PGDLLEXPORT Datum homeostasis_test_exhaust_memory(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(homeostasis_test_exhaust_memory);

/*
 * The limit stays: while the error is reported there is not a page left, and
 * only the end of the transaction gives some back.
 */
Datum
homeostasis_test_exhaust_memory(PG_FUNCTION_ARGS)
{
	FILE	   *statm = fopen("/proc/self/statm", "r");
	struct rlimit limit;
	long		pages = 0;

	if (statm == NULL || fscanf(statm, "%ld", &pages) != 1)
		elog(ERROR, "could not read /proc/self/statm");
	fclose(statm);
	getrlimit(RLIMIT_AS, &limit);
	limit.rlim_cur = (rlim_t) pages * sysconf(_SC_PAGESIZE) + 16 * 1024 * 1024;
	setrlimit(RLIMIT_AS, &limit);
	for (Size size = 1024 * 1024; size >= 64; size /= 2)
	{
		while (palloc_extended(size, MCXT_ALLOC_NO_OOM) != NULL)
			;
	}
	(void) palloc(1024);
	ereport(ERROR,
			(errcode(ERRCODE_INTERNAL_ERROR),
			 errmsg("there was memory left")));
}
