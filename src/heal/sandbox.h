/*
 * sandbox.h
 *		Runs SQL as another role in a subtransaction, out of which it cannot
 *		reach.
 */
#ifndef HOMEO_SANDBOX_H
#define HOMEO_SANDBOX_H

#include "base/json.h"
#include "heal/guard.h"
#include "nodes/params.h"

typedef struct HomeoSandbox
{
	Oid			role;
	List	   *settings;		/* char *, "name=value"; invalid ones are
								 * ignored */
	const char *search_path;
	int			lock_timeout;	/* ms */
	int			statement_timeout;	/* ms, for the whole body */
	int			guards;			/* guard.h */
	bool		read_only;
	bool		keep;			/* false: rolled back even when it succeeds */
} HomeoSandbox;

/* What came of it; texts live in the caller's memory context. */
typedef struct HomeoOutcome
{
	bool		ok;
	int			sqlerrcode;		/* when not ok */
	const char *message;
	const char *detail;
	const char *hint;
	int64		rows;			/* for the body to set */
	double		duration_ms;
} HomeoOutcome;

typedef void (*HomeoSandboxBody) (void *arg);

/*
 * Runs body in a subtransaction of the current transaction, as the role, in a
 * security-restricted context, with SPI connected and a fresh snapshot.
 * Catches every ERROR.  FATAL is not caught: code that catches the error of its
 * time limit and goes on ends the process a second later.  Fills in all of
 * outcome but rows, and returns outcome->ok.
 */
extern bool homeo_sandbox_run(const HomeoSandbox *sandbox,
							  HomeoSandboxBody body, void *arg,
							  HomeoOutcome *outcome);

/* Whether this process ends because a body ignored its time limit. */
extern bool homeo_sandbox_was_ignored(void);

/*
 * Executes one SQL statement through SPI and returns how many rows it
 * returned or changed; they are thrown away.  For bodies.
 */
extern int64 homeo_sandbox_execute(const char *sql, ParamListInfo params);

/* {"sqlstate", "message", "detail", "hint"} of an outcome that is not ok. */
extern Jsonb *homeo_outcome_error(const HomeoOutcome *outcome);

/*
 * {"ok": true, "rows", "duration_ms"} or
 * {"ok": false, "sqlstate", "message", "duration_ms"}
 */
extern Jsonb *homeo_outcome_json(const HomeoOutcome *outcome);

/*
 * For a PG_CATCH() block: makes an outcome of the error that is being handled,
 * in context, which becomes current, and ends its transaction by the function
 * given.
 */
extern void homeo_outcome_catch(HomeoOutcome *outcome, MemoryContext context,
								void (*roll_back) (void));

#endif							/* HOMEO_SANDBOX_H */
