/*
 * store_errors.c
 *		Stores events as rows of errors.
 *
 * Called by store_rows.c, with SPI connected.
 */
#include "postgres.h"

#include "intake/store_errors.h"

#include "base/spi.h"
#include "base/transient.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* For so many calls events are looked for after one was there already. */
#define CAREFUL_BATCHES	100

static int	careful_left = 0;

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

#define INCOMING_FIXED	16

/*
 * The columns of homeo_incoming: the fixed ones, then a column for each
 * field that has one.
 */
static HomeoTransient *
make_incoming(HomeoRow **rows, int nrows)
{
	static const HomeoTransientColumn fixed[INCOMING_FIXED] = {
		{"service_id", INT8OID}, {"event_id", UUIDOID},
		{"timestamp", TIMESTAMPTZOID}, {"received_at", TIMESTAMPTZOID},
		{"origin", TEXTOID}, {"fingerprint", UUIDOID}, {"level", TEXTOID},
		{"language", TEXTOID}, {"error_type", TEXTOID},
		{"stack_hash", UUIDOID}, {"backend_pid", INT4OID},
		{"query_id", INT8OID}, {"truncated", TEXTARRAYOID},
		{"occurrences", INT4OID}, {"session_start", TIMESTAMPTZOID},
		{"genuine", BOOLOID}
	};
	HomeoTransientColumn columns[INCOMING_FIXED + HOMEO_FIELD_COUNT];
	HomeoTransient *incoming;
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext scratch;

	memcpy(columns, fixed, sizeof(fixed));
	for (int f = 0; f < HOMEO_FIELD_COUNT; f++)
	{
		columns[INCOMING_FIXED + f].name =
			psprintf("field_%s", homeo_event_fields[f].key);
		columns[INCOMING_FIXED + f].type =
			homeo_event_fields[f].kind == HOMEO_FIELD_IS_JSON ?
			JSONBOID : TEXTOID;
	}
	incoming = homeo_transient_make("homeo_incoming", columns, lengthof(columns));

	scratch = AllocSetContextCreate(caller, "homeostasis row",
									ALLOCSET_DEFAULT_SIZES);
	for (int i = 0; i < nrows; i++)
	{
		HomeoPrepared *p = &rows[i]->prepared;
		HomeoEvent *event = p->event;
		Datum		v[INCOMING_FIXED + HOMEO_FIELD_COUNT];
		bool		n[INCOMING_FIXED + HOMEO_FIELD_COUNT] = {0};

		/* The tuplestore copies; what jsonb is parsed with is large. */
		MemoryContextSwitchTo(scratch);
		v[0] = Int64GetDatum(rows[i]->service_id);
		v[1] = UUIDPGetDatum(&event->event_id);
		v[2] = TimestampTzGetDatum(event->timestamp);
		v[3] = TimestampTzGetDatum(event->received);
		v[4] = CStringGetTextDatum(homeo_event_origins[event->origin]);
		v[5] = UUIDPGetDatum(&p->fingerprint);
		v[6] = CStringGetTextDatum(homeo_event_levels[event->level]);
		v[7] = CStringGetTextDatum(p->language);
		v[8] = CStringGetTextDatum(p->error_type);
		v[9] = UUIDPGetDatum(&p->stack_hash);
		n[9] = !p->has_stack;
		v[10] = Int32GetDatum(event->pid);
		n[10] = event->pid == 0;
		v[11] = Int64GetDatum(event->query_id);
		n[11] = event->query_id == 0;
		n[12] = event->truncated == 0;
		if (!n[12])
			v[12] = truncated_columns(event->truncated);
		v[13] = Int32GetDatum(rows[i]->occurrences);
		v[14] = TimestampTzGetDatum(event->session_start);
		n[14] = event->session_start == 0;
		v[15] = BoolGetDatum(event->genuine);
		for (int f = 0; f < HOMEO_FIELD_COUNT; f++)
		{
			int			c = INCOMING_FIXED + f;

			if (f == HOMEO_FIELD_STACK)
				n[c] = true;	/* is in stacks */
			else if (homeo_event_fields[f].kind == HOMEO_FIELD_IS_JSON)
				put_jsonb(&v[c], &n[c], &event->text[f]);
			else
				homeo_row_put_text(&v[c], &n[c], &event->text[f]);
		}
		homeo_transient_add(incoming, v, n);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(scratch);
	}
	MemoryContextDelete(scratch);
	return incoming;
}

#define INSERT_ERRORS \
	"insert into homeostasis.errors" \
	" (service_id, event_id, \"timestamp\", received_at, origin, genuine," \
	"  fingerprint, level, language, error_type, sqlstate, message," \
	"  detail, hint, context, statement, stack_hash, database_name," \
	"  role_name, session_role_name, application_name, search_path," \
	"  schema_name, table_name, column_name, constraint_name," \
	"  datatype_name, backend_pid, session_start, query_id, release," \
	"  environment, classification, metadata, truncated, occurrences)" \
	" select service_id, event_id, \"timestamp\", received_at, origin, genuine," \
	"  fingerprint, level, language, error_type, field_sqlstate," \
	"  field_error_message, field_detail, field_hint, field_context," \
	"  field_statement, stack_hash, field_database, field_role," \
	"  field_session_role, field_application_name, field_search_path," \
	"  field_schema_name, field_table_name, field_column_name," \
	"  field_constraint_name, field_datatype_name, backend_pid," \
	"  session_start, query_id, field_release, field_environment," \
	"  field_normalized_classification, field_metadata, truncated," \
	"  occurrences" \
	" from homeo_incoming"

/* Inserts events of which none may be there. */
static void
insert_new(HomeoRow **rows, int nrows)
{
	static SPIPlanPtr plan = NULL;

	homeo_spi_run(&plan, INSERT_ERRORS, 0, NULL, NULL, SPI_OK_INSERT);
	if (SPI_processed != nrows)
		elog(ERROR, "%llu of %d errors were inserted",
			 (unsigned long long) SPI_processed, nrows);
	for (int i = 0; i < nrows; i++)
		rows[i]->stored = true;
}

/* Inserts those events that are not there, which come back in their order. */
static void
insert_missing(HomeoRow **rows, int nrows)
{
	static SPIPlanPtr plan = NULL;
	int			r = 0;

	homeo_spi_run(&plan,
				  INSERT_ERRORS
				  " on conflict do nothing"
				  " returning service_id, event_id, \"timestamp\"",
				  0, NULL, NULL, SPI_OK_INSERT_RETURNING);

	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HomeoRow	key = {0};
		HomeoEvent	event = {0};
		HomeoRow   *wanted = &key;

		key.service_id = DatumGetInt64(homeo_spi_value(i, 1));
		key.prepared.event = &event;
		event.event_id = *DatumGetUUIDP(homeo_spi_value(i, 2));
		event.timestamp = DatumGetTimestampTz(homeo_spi_value(i, 3));
		while (r < nrows && homeo_row_compare_key(&rows[r], &wanted) != 0)
			r++;
		if (r == nrows)
			elog(ERROR, "an inserted error came back out of order");
		rows[r++]->stored = true;
	}
}

/*
 * Inserts the events, which are in the order of the primary key and all
 * different, and marks those that were not there before.
 *
 * To look for each one first costs a good part of inserting it, and hardly ever
 * finds one.  So it is only done for a while after one was found; see
 * homeo_store_errors_repeatable().
 */
void
homeo_store_errors(HomeoRow **rows, int nrows)
{
	HomeoTransient *incoming = make_incoming(rows, nrows);

	homeo_transient_register(incoming);
	if (careful_left > 0)
	{
		careful_left--;
		insert_missing(rows, nrows);
	}
	else
		insert_new(rows, nrows);
	homeo_transient_end(incoming);
}

/* What is violated is no constraint of a row: there is no partition for it. */
bool
homeo_store_errors_lack_partition(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_CHECK_VIOLATION &&
		error->constraint_name == NULL && error->table_name != NULL &&
		strcmp(error->table_name, "errors") == 0;
}

/*
 * Whether homeo_store_rows() failed with error because it did not expect one
 * of the events to be there already, or somebody detached a partition at that
 * moment.  It will know from now on: the same rows can be stored by calling it
 * again.
 */
bool
homeo_store_errors_repeatable(const ErrorData *error)
{
	if (homeo_store_errors_lack_partition(error))
		return true;
	if (error->sqlerrcode != ERRCODE_UNIQUE_VIOLATION || careful_left > 0)
		return false;
	careful_left = CAREFUL_BATCHES;
	return true;
}
