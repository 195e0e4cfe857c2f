/*
 * second_hook.c
 *		Another module that listens to the server's log, as careless as some.
 *
 * For each error it writes a line of its own to the log from inside the hook,
 * so that the hooks of all modules run again.  Built and loaded by
 * test/t/130_preload.pl only.
 */
#include "postgres.h"

#include "fmgr.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

/* Not static: another's variable of this name must not become this one. */
extern PGDLLEXPORT emit_log_hook_type previous_hook;

emit_log_hook_type previous_hook = NULL;
static bool inside = false;

static void
tell(ErrorData *edata)
{
	if (edata->elevel >= ERROR && !inside)
	{
		inside = true;
		ereport(LOG,
				(errmsg("second hook saw: %s",
						edata->message ? edata->message : "")));
		inside = false;
	}
	if (previous_hook != NULL)
		previous_hook(edata);
}

void
_PG_init(void)
{
	previous_hook = emit_log_hook;
	emit_log_hook = tell;
}
