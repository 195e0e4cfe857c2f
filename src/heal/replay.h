/*
 * replay.h
 *		Runs a captured statement again, as the role that issued it, to see
 *		whether it still fails.
 */
#ifndef HOMEO_REPLAY_H
#define HOMEO_REPLAY_H

#include "heal/sandbox.h"
#include "nodes/parsenodes.h"

typedef struct HomeoReplay
{
	const char *obstacle;		/* why it is not replayed; NULL: it can be */
	bool		only_values_missing;	/* the obstacle: those of parameters */
	RawStmt    *statement;
	const char *sql;
	List	   *parameters;		/* of char *, a NULL element being null */
	Oid			role;
	const char *search_path;	/* that the statement was issued with */
	const char *captured_sqlstate;
	bool		ran;			/* configured_path was read */
	const char *configured_path;	/* of role and database, or NULL */
} HomeoReplay;

/*
 * The role whose rights count for what an error may lead to, or NULL: the one
 * in force when it failed, if whoever logged in could set it, else the latter.
 * In a SECURITY DEFINER function these differ.
 */
extern const char *homeo_replay_raiser(Jsonb *payload);

/*
 * Reads from the payload of a job what is needed: event, origin, truncated.
 * Sets obstacle where it cannot or must not be replayed.  Needs a transaction.
 */
extern void homeo_replay_prepare(HomeoReplay *replay, Jsonb *payload);

/*
 * Replays in a subtransaction that is rolled back, with the settings of the
 * role and the database as they are now.  A search_path that ALTER ROLE or
 * ALTER DATABASE changed since the first replay counts more than the captured
 * one: the next session will have it.  An obstacle that shows
 * only now is set in replay->obstacle, and then the outcome means nothing.
 */
extern void homeo_replay_run(HomeoReplay *replay, int lock_timeout,
							 int statement_timeout, HomeoOutcome *outcome);

#endif							/* HOMEO_REPLAY_H */
