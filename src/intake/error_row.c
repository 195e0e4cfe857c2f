/*
 * error_row.c
 *		What the columns of errors have of an event.
 */
#include "postgres.h"

#include "intake/error_row.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

static void
put_jsonb(Datum *value, bool *isnull, const HomeoText *from)
{
	*isnull = from->data == NULL;
	if (!*isnull)
		*value = DirectFunctionCall1(jsonb_in,
									 CStringGetDatum(pnstrdup(from->data,
															  from->len)));
}

/* Names of the columns that hold less than was reported. */
static Datum
truncated_columns(uint32 truncated)
{
	Datum		names[HOMEO_FIELD_COUNT];
	int			n = 0;

	for (int i = 0; i < HOMEO_FIELD_COUNT; i++)
	{
		const HomeoFieldInfo *info = &homeo_event_fields[i];

		if (truncated & ((uint32) 1 << i))
			names[n++] = CStringGetTextDatum(info->column ? info->column :
											 info->key);
	}
	return PointerGetDatum(construct_array(names, n, TEXTOID, -1, false,
										   TYPALIGN_INT));
}

/*
 * The columns of errors: what an event has besides its texts, and those of its
 * texts that no such column stands for.  A stack is in stacks.
 */
#define FIXED_COLUMNS	16

StaticAssertDecl(FIXED_COLUMNS + HOMEO_FIELD_COUNT <= HOMEO_ERROR_ROW_COLUMNS,
				 "room for all columns");

static const HomeoTransientColumn fixed_columns[FIXED_COLUMNS] = {
	{"service_id", INT8OID}, {"event_id", UUIDOID},
	{"timestamp", TIMESTAMPTZOID}, {"received_at", TIMESTAMPTZOID},
	{"origin", TEXTOID}, {"fingerprint", UUIDOID}, {"level", TEXTOID},
	{"language", TEXTOID}, {"error_type", TEXTOID},
	{"stack_hash", UUIDOID}, {"backend_pid", INT4OID},
	{"query_id", INT8OID}, {"truncated", TEXTARRAYOID},
	{"occurrences", INT4OID}, {"session_start", TIMESTAMPTZOID},
	{"genuine", BOOLOID}
};

static bool
has_column(HomeoEventField field)
{
	return homeo_event_fields[field].column != NULL &&
		field != HOMEO_FIELD_LANGUAGE && field != HOMEO_FIELD_ERROR_TYPE &&
		field != HOMEO_FIELD_STACK;
}

void
homeo_error_row_begin(HomeoErrorRow *error)
{
	HomeoTransientColumn *columns = error->columns;
	int			n = FIXED_COLUMNS;

	memcpy(columns, fixed_columns, sizeof(fixed_columns));
	for (int f = 0; f < HOMEO_FIELD_COUNT; f++)
	{
		if (!has_column(f))
			continue;
		columns[n].name = homeo_event_fields[f].column;
		columns[n].type = homeo_event_fields[f].kind == HOMEO_FIELD_IS_JSON ?
			JSONBOID : TEXTOID;
		n++;
	}
	error->ncolumns = n;
	error->scratch = AllocSetContextCreate(CurrentMemoryContext,
										   "homeostasis row",
										   ALLOCSET_DEFAULT_SIZES);
}

void
homeo_error_row_end(HomeoErrorRow *error)
{
	MemoryContextDelete(error->scratch);
}

/* In the order of the columns, palloc'd. */
static void
make_values(const HomeoRow *row, Datum *v, bool *isnull)
{
	const HomeoPrepared *p = &row->prepared;
	const HomeoEvent *event = p->event;
	int			n = FIXED_COLUMNS;

	memset(isnull, 0, sizeof(*isnull) * FIXED_COLUMNS);
	v[0] = Int64GetDatum(row->service_id);
	v[1] = UUIDPGetDatum(&event->event_id);
	v[2] = TimestampTzGetDatum(event->timestamp);
	v[3] = TimestampTzGetDatum(event->received);
	v[4] = CStringGetTextDatum(homeo_event_origins[event->origin]);
	v[5] = UUIDPGetDatum(&p->fingerprint);
	v[6] = CStringGetTextDatum(homeo_event_levels[event->level]);
	v[7] = CStringGetTextDatum(p->language);
	v[8] = CStringGetTextDatum(p->error_type);
	v[9] = UUIDPGetDatum(&p->stack_hash);
	isnull[9] = !p->has_stack;
	v[10] = Int32GetDatum(event->pid);
	isnull[10] = event->pid == 0;
	v[11] = Int64GetDatum(event->query_id);
	isnull[11] = event->query_id == 0;
	isnull[12] = event->truncated == 0;
	if (!isnull[12])
		v[12] = truncated_columns(event->truncated);
	v[13] = Int32GetDatum(row->occurrences);
	v[14] = TimestampTzGetDatum(event->session_start);
	isnull[14] = event->session_start == 0;
	v[15] = BoolGetDatum(event->genuine);
	for (int f = 0; f < HOMEO_FIELD_COUNT; f++)
	{
		if (!has_column(f))
			continue;
		if (homeo_event_fields[f].kind == HOMEO_FIELD_IS_JSON)
			put_jsonb(&v[n], &isnull[n], &event->text[f]);
		else
			homeo_row_put_text(&v[n], &isnull[n], &event->text[f]);
		n++;
	}
}

void
homeo_error_row_make(HomeoErrorRow *error, const HomeoRow *row)
{
	MemoryContext caller;

	MemoryContextReset(error->scratch);
	caller = MemoryContextSwitchTo(error->scratch);
	make_values(row, error->values, error->isnull);
	MemoryContextSwitchTo(caller);
}
