/*
 * event_text.c
 *		Reads an event that its reporter wrote as JSON text, without raising
 *		an error when it is not JSON.
 *
 * Called by report.c and copy.c, in the caller's transaction.
 */
#include "postgres.h"

#include "intake/event_text.h"

#include "base/errors.h"
#include "intake/event_json.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

/* What the server's parser finds wrong with a text, and not with itself. */
static bool
is_fault_of_text(int sqlerrcode)
{
	int			category = ERRCODE_TO_CATEGORY(sqlerrcode);

	return category == ERRCODE_DATA_EXCEPTION ||
		category == ERRCODE_PROGRAM_LIMIT_EXCEEDED;
}

/*
 * Parses text in the database's encoding.  Returns NULL, and in *problem what
 * the server says, palloc'd, if it isn't JSON or goes beyond a limit of jsonb.
 *
 * The parser takes nothing but memory, so there is nothing that would need a
 * subtransaction to be given back when it raises an error.
 */
static Jsonb *
parse(HomeoText str, char **problem)
{
	MemoryContext context = CurrentMemoryContext;
	char	   *copy = pnstrdup(str.data, str.len);
	Jsonb	   *volatile json = NULL;

	PG_TRY();
	{
		json = DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
												  CStringGetDatum(copy)));
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		if (!is_fault_of_text(error->sqlerrcode))
			PG_RE_THROW();
		FlushErrorState();
		*problem = pstrdup(error->detail ? error->detail : error->message);
		FreeErrorData(error);
	}
	PG_END_TRY();
	pfree(copy);
	return json;
}

/*
 * Makes an event of text in encoding, whose bytes may be anything.  One that
 * is bad becomes the event by which it reaches rejected_events; place says
 * there which it was, "line 7" for instance.
 */
void
homeo_event_text_read(HomeoText str, int encoding, const char *place,
					  HomeoEventOrigin origin, HomeoEvent *event)
{
	HomeoEventProblem problem = {NULL, NULL, NULL};
	char	   *what;
	Jsonb	   *json;

	if (str.len > HOMEO_EVENT_TEXT_LIMIT)
	{
		problem.reason = psprintf("%s has %zu bytes, more than %d", place,
								  str.len, HOMEO_EVENT_TEXT_LIMIT);
		str.len = homeo_event_fields[HOMEO_FIELD_METADATA].limit;
		str = homeo_event_valid_text(str, encoding);
		homeo_event_reject(str, origin, &problem, event);
		return;
	}
	str = homeo_event_valid_text(str, encoding);
	json = parse(str, &what);
	if (json == NULL)
	{
		problem.reason = psprintf("%s is not JSON: %s", place, what);
		homeo_event_reject(str, origin, &problem, event);
	}
	else if (!homeo_event_json_read(&json->root, origin, event, &problem))
		homeo_event_reject(str, origin, &problem, event);
}
