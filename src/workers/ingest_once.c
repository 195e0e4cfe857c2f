/*
 * ingest_once.c
 *		Has workers store what there is, for a session that waits for them.
 */
#include "postgres.h"

#include "workers/ingest_once.h"

#include "access/xlog.h"
#include "base/guc.h"
#include "base/worker.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"

/* False: there is no place for a worker. */
static bool
run_once(int number)
{
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;

	if (homeo_worker_pid(HOMEO_WORKER_INGEST, number) != 0)
		return true;
	homeo_worker_describe(&worker, HOMEO_WORKER_INGEST, number, MyDatabaseId,
						  "homeo_ingest_main");
	worker.bgw_main_arg = BoolGetDatum(true);
	worker.bgw_notify_pid = MyProcPid;
	if (!RegisterDynamicBackgroundWorker(&worker, &handle))
		return false;
	(void) WaitForBackgroundWorkerShutdown(handle);
	return true;
}

void
homeo_ingest_once(void)
{
	/* On a standby a worker would not start before the promotion. */
	if (RecoveryInProgress() ||
		strcmp(get_database_name(MyDatabaseId), homeo_guc_database) != 0)
		return;
	for (int i = 0; i < homeo_guc_ingest_workers; i++)
	{
		if (run_once(i))
			continue;
		ereport(WARNING,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("captured errors wait in memory: all background worker slots are in use"),
				 errhint("Increase max_worker_processes.")));
		return;
	}
}
