/*
 * sql_patch.h
 *		Applies the SQL of a patch, or undoes it.
 */
#ifndef HOMEO_SQL_PATCH_H
#define HOMEO_SQL_PATCH_H

#include "heal/sandbox.h"

/* Patches see no objects but those they qualify. */
#define HOMEO_PATCH_SEARCH_PATH	"pg_catalog, pg_temp"

/* The statements of an apply or undo job, and what came of them so far. */
typedef struct HomeoPatchRun
{
	List	   *statements;		/* of char * */
	Oid			role;
	bool		role_is_superuser;
	bool		transactional;
	List	   *tables;			/* Oids; whose indexes it builds or drops,
								 * when it is not transactional */
	List	   *invalid_indexes;	/* char *, names that may be left of it */
	int			done;			/* statements that succeeded */
	List	   *outcomes;		/* of HomeoOutcome *, one each that was run */
} HomeoPatchRun;

/*
 * payload: {"statements", "run_as", "transactional", "digest"}.  Raises an
 * error when something about it is wrong, above all the digest.  Needs a
 * transaction.
 */
extern HomeoPatchRun *homeo_sql_patch_begin(Jsonb *payload);

/*
 * Runs all statements in the current transaction, for the caller to commit;
 * false: one failed, and the transaction must be rolled back.
 */
extern bool homeo_sql_patch_apply(HomeoPatchRun *run);

/*
 * Runs a statement that manages its transactions itself, as a top-level
 * statement: the caller has just started a transaction, as run->role, and
 * commits it afterwards.  sql and CurrentMemoryContext must outlive that.
 */
extern void homeo_sql_patch_execute_alone(const char *sql);

/*
 * Looks for indexes of the patch's tables that are invalid and not being
 * built: it may have left them, in this attempt or one that was lost.  Needs a
 * transaction, as a superuser.
 */
extern void homeo_sql_patch_inspect(HomeoPatchRun *run);

/* Notes what came of the next statement. */
extern void homeo_sql_patch_note(HomeoPatchRun *run, HomeoOutcome *outcome);

/* The result of an apply or undo job. */
extern Jsonb *homeo_sql_patch_result(HomeoPatchRun *run);

#endif							/* HOMEO_SQL_PATCH_H */
