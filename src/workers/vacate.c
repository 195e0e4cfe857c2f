/*
 * vacate.c
 *		Makes the workers leave a database that is dropped, renamed, moved or
 *		copied, for as long as the statement runs.
 *
 * PostgreSQL refuses these statements while another session is in the
 * database, and a worker is always in one.  A ProcessUtility hook asks the
 * workers there to leave, waits for them, and withdraws the request when the
 * statement has ended, in whatever way.
 */
#include "postgres.h"

#include "workers/vacate.h"

#include <signal.h>

#include "access/xact.h"
#include "base/compat.h"
#include "base/worker.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "portability/instr_time.h"
#include "storage/latch.h"
#include "tcop/utility.h"
#include "utils/memutils.h"

/* Workers that do not leave by themselves for so long are terminated. */
#define TERMINATE_AFTER_MS	1500

/* Then the server's own message tells who is in the way. */
#define GIVE_UP_AFTER_MS	5000

#define POLL_MS				20

static ProcessUtility_hook_type previous_process_utility = NULL;

/* Name of the database that nobody else may be connected to, or NULL. */
static const char *
database_to_vacate(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_DropdbStmt:
			return ((DropdbStmt *) statement)->dbname;

		case T_RenameStmt:
			if (((RenameStmt *) statement)->renameType == OBJECT_DATABASE)
				return ((RenameStmt *) statement)->subname;
			return NULL;

		case T_CreatedbStmt:
			{
				ListCell   *lc;

				foreach(lc, ((CreatedbStmt *) statement)->options)
				{
					DefElem    *option = lfirst_node(DefElem, lc);

					if (strcmp(option->defname, "template") == 0 &&
						option->arg != NULL)
						return defGetString(option);
				}
				return "template1";
			}

		case T_AlterDatabaseStmt:
			{
				AlterDatabaseStmt *alter = (AlterDatabaseStmt *) statement;
				ListCell   *lc;

				foreach(lc, alter->options)
				{
					if (strcmp(lfirst_node(DefElem, lc)->defname, "tablespace") == 0)
						return alter->dbname;
				}
				return NULL;
			}

		default:
			return NULL;
	}
}

/* Oids of the databases that this transaction has asked for. */
static List *vacated = NIL;

static void
withdraw_at_end(XactEvent event, void *arg)
{
	ListCell   *lc;

	if (vacated == NIL ||
		!(event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT ||
		  event == XACT_EVENT_PREPARE))
		return;
	foreach(lc, vacated)
		homeo_worker_withdraw_leave(lfirst_oid(lc));
	list_free(vacated);
	vacated = NIL;
}

/* False: the request cannot be made; the server will say who is in the way. */
static bool
request_until_end(Oid database)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(TopMemoryContext);
	List	   *longer = lappend_oid(vacated, database);

	MemoryContextSwitchTo(oldcontext);
	vacated = longer;
	if (homeo_worker_request_leave(database))
		return true;
	vacated = list_delete_last(vacated);
	return false;
}

/* Waits, for a limited time, until no worker is in the database. */
static void
wait_until_left(Oid database)
{
	instr_time	start;
	bool		terminated = false;

	INSTR_TIME_SET_CURRENT(start);
	while (homeo_worker_count_in(database, 0) > 0)
	{
		instr_time	now;
		double		waited;

		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 POLL_MS,
						 homeo_wait_event_compat("HomeostasisVacate"));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();

		INSTR_TIME_SET_CURRENT(now);
		INSTR_TIME_SUBTRACT(now, start);
		waited = INSTR_TIME_GET_MILLISEC(now);
		if (waited >= TERMINATE_AFTER_MS && !terminated)
		{
			homeo_worker_count_in(database, SIGTERM);
			terminated = true;
		}
		if (waited >= GIVE_UP_AFTER_MS)
			break;
	}
}

static void
vacate_database(PlannedStmt *pstmt, const char *query_string,
				bool read_only_tree, ProcessUtilityContext context,
				ParamListInfo params, QueryEnvironment *query_env,
				DestReceiver *dest, QueryCompletion *completion)
{
	ProcessUtility_hook_type next = previous_process_utility ?
	previous_process_utility : standard_ProcessUtility;
	const char *name = NULL;
	Oid			database = InvalidOid;

	if (context == PROCESS_UTILITY_TOPLEVEL)
		name = database_to_vacate(pstmt->utilityStmt);
	if (name != NULL)
		database = get_database_oid(name, true);

	/* Whoever may not do it shall not disturb the workers by trying. */
	if (OidIsValid(database) &&
		homeo_object_ownercheck_database_compat(database, GetUserId()) &&
		request_until_end(database))
		wait_until_left(database);

	next(pstmt, query_string, read_only_tree, context, params, query_env,
		 dest, completion);
}

void
homeo_vacate_init(void)
{
	previous_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = vacate_database;
	RegisterXactCallback(withdraw_at_end, NULL);
}
