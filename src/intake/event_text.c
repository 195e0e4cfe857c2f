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
#include "text/json_scan.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

/* An event with more keys is none that anybody sends. */
#define MAX_KEYS	32

/*
 * Reads the value of a key.  False: that is not for us.  What is an object or
 * array in a place where it may not be is not either.
 */
static bool
scan_value(HomeoJsonScan *scan, HomeoSlice key, HomeoEvent *event)
{
	HomeoEventField field;
	HomeoEventProblem problem;
	JsonbValue	value;
	HomeoSlice	read;

	if (homeo_json_scan_null(scan))
		return true;
	if (homeo_json_scan_string(scan, &read))
	{
		value.type = jbvString;
		value.val.string.val = unconstify(char *, read.data);
		value.val.string.len = (int) read.len;
		return homeo_event_json_read_pair(key, &value, event, &problem);
	}
	field = homeo_event_json_field(key);
	if (field == HOMEO_FIELD_STACK && homeo_json_scan_lines(scan, &read))
	{
		homeo_event_json_set_stack(event, read.data, read.len);
		return true;
	}
	if (field < HOMEO_FIELD_COUNT &&
		homeo_event_fields[field].kind == HOMEO_FIELD_IS_JSON &&
		homeo_json_scan_object(scan, HOMEO_EVENT_MAX_DEPTH, &read) &&
		read.len <= homeo_event_fields[field].limit)
	{
		homeo_event_set(event, field, read.data, read.len);
		return true;
	}
	return false;
}

/* Reads a key that was not there before. */
static bool
scan_key(HomeoJsonScan *scan, HomeoSlice *keys, int nkeys)
{
	if (nkeys == MAX_KEYS || !homeo_json_scan_string(scan, &keys[nkeys]) ||
		!homeo_json_scan_take(scan, ':'))
		return false;
	for (int i = 0; i < nkeys; i++)
	{
		if (homeo_slice_equals(keys[i], keys[nkeys]))
			return false;
	}
	return true;
}

/*
 * Makes an event of text without a jsonb between them, which would take three
 * times as long.  False: the text is bad, or unusual, and *event means nothing.
 */
static bool
scan_event(HomeoText str, HomeoEventOrigin origin, HomeoEvent *event)
{
	char	   *room = palloc(HOMEO_JSON_SCAN_ROOM(str.len) + 1);
	HomeoSlice	keys[MAX_KEYS];
	int			nkeys = 0;
	HomeoJsonScan scan;

	homeo_json_scan_init(&scan, str, room);
	homeo_event_json_begin(event, origin);
	if (!homeo_json_scan_take(&scan, '{'))
		return false;
	do
	{
		if (!scan_key(&scan, keys, nkeys) ||
			!scan_value(&scan, keys[nkeys], event))
			return false;
		nkeys++;
	} while (homeo_json_scan_take(&scan, ','));
	return homeo_json_scan_take(&scan, '}') && homeo_json_scan_end(&scan) &&
		event->text[HOMEO_FIELD_MESSAGE].data != NULL;
}

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
	if (scan_event(str, origin, event))
		return;
	json = parse(str, &what);
	if (json == NULL)
	{
		problem.reason = psprintf("%s is not JSON: %s", place, what);
		homeo_event_reject(str, origin, &problem, event);
	}
	else if (!homeo_event_json_read(&json->root, origin, event, &problem))
		homeo_event_reject(str, origin, &problem, event);
}
