/*
 * store_rows.c
 *		Writes prepared events into the tables, all of them or none.
 *
 * Called by store.c, inside a subtransaction that it rolls back on an error.
 *
 * One statement a table, whatever the number of events: the events go into
 * tuplestores that the statements see as relations homeo_*.
 *
 * Locks.  Several writers, of which some are transactions of users that stay
 * open, work on the same rows.  They all take them in the order in which the
 * functions below run, and within a table in the order of its key:
 * services, partitions, stacks, errors, late_event_ids, issue_fingerprints, issue_counts,
 * issues, and the audit log.  merge() and split() lock issue_fingerprints as a table
 * against the ROW EXCLUSIVE lock that make_issues() has until the end of the
 * transaction, so a fingerprint's issue can't change under us.
 *
 * Memory: CurrentMemoryContext, which lives as long as the batch.
 */
#include "postgres.h"

#include "intake/store_rows.h"

#include "base/errors.h"
#include "base/guc.h"
#include "base/spi.h"
#include "catalog/pg_type.h"
#include "intake/flood.h"
#include "intake/partition.h"
#include "intake/retry.h"
#include "mb/pg_wchar.h"
#include "text/fingerprint.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/queryenvironment.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

/* Beyond it a tuplestore goes to a file. */
#define TUPLESTORE_KB	(32 * 1024)

/* What the names of databases' services begin with. */
#define DATABASE_PREFIX	"database/"

/* For so many calls events are looked for after one was there already. */
#define CAREFUL_BATCHES	100

typedef struct HomeoTransientColumn
{
	const char *name;
	Oid			type;
} HomeoTransientColumn;

/* Rows that the statements of one call see as a relation. */
typedef struct HomeoTransient
{
	const char *name;
	TupleDesc	tupdesc;
	Tuplestorestate *store;
	int			nrows;
} HomeoTransient;

/* A group of stored rows with one fingerprint. */
typedef struct HomeoRowGroup
{
	HomeoRow  **rows;
	int			nrows;
} HomeoRowGroup;

static int	careful_left = 0;

/* ------------------------------------------------------------------------
 * Tuplestores as relations
 * ------------------------------------------------------------------------
 */

static HomeoTransient *
make_transient(const char *name, const HomeoTransientColumn *columns, int ncolumns)
{
	HomeoTransient *relation = palloc(sizeof(HomeoTransient));

	relation->name = name;
	relation->tupdesc = CreateTemplateTupleDesc(ncolumns);
	for (int i = 0; i < ncolumns; i++)
		TupleDescInitEntry(relation->tupdesc, i + 1, columns[i].name,
						   columns[i].type, -1, 0);
	relation->store = tuplestore_begin_heap(true, false, TUPLESTORE_KB);
	relation->nrows = 0;
	return relation;
}

static void
add_row(HomeoTransient *relation, Datum *values, bool *nulls)
{
	tuplestore_putvalues(relation->store, relation->tupdesc, values, nulls);
	relation->nrows++;
}

/* Makes the relation visible to the statements of this SPI connection. */
static void
register_transient(HomeoTransient *relation)
{
	EphemeralNamedRelation enr = palloc0(sizeof(*enr));

	enr->md.name = pstrdup(relation->name);
	enr->md.tupdesc = relation->tupdesc;
	enr->md.enrtype = ENR_NAMED_TUPLESTORE;
	enr->md.enrtuples = relation->nrows;
	enr->reldata = relation->store;
	if (SPI_register_relation(enr) != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not register relation \"%s\"", relation->name);
}

/* ------------------------------------------------------------------------
 * Order
 * ------------------------------------------------------------------------
 */

static int
compare_int64(int64 a, int64 b)
{
	return (a > b) - (a < b);
}

/*
 * By service, fingerprint, time and event.  Before service ids are known, by
 * the service's kind and name; both orders keep a fingerprint together.
 */
int
homeo_row_compare(const void *a, const void *b)
{
	const HomeoRow *x = *(HomeoRow *const *) a;
	const HomeoRow *y = *(HomeoRow *const *) b;
	const HomeoEvent *ex = x->prepared.event;
	const HomeoEvent *ey = y->prepared.event;
	int			result = x->prepared.of_database - y->prepared.of_database;

	if (result == 0)
		result = strcmp(x->prepared.service, y->prepared.service);
	if (result == 0)
		result = memcmp(&x->prepared.fingerprint, &y->prepared.fingerprint,
						UUID_LEN);
	if (result == 0)
		result = compare_int64(ex->timestamp, ey->timestamp);
	if (result == 0)
		result = memcmp(&ex->event_id, &ey->event_id, UUID_LEN);
	return result;
}

/* The order of the primary key of errors. */
static int
compare_key(const void *a, const void *b)
{
	const HomeoRow *x = *(HomeoRow *const *) a;
	const HomeoRow *y = *(HomeoRow *const *) b;
	int			result = compare_int64(x->service_id, y->service_id);

	if (result == 0)
		result = memcmp(&x->prepared.event->event_id,
						&y->prepared.event->event_id, UUID_LEN);
	if (result == 0)
		result = compare_int64(x->prepared.event->timestamp,
							   y->prepared.event->timestamp);
	return result;
}

static int
compare_text(const HomeoText *a, const HomeoText *b)
{
	int			result = memcmp(a->data ? a->data : "",
								b->data ? b->data : "",
								Min(a->len, b->len));

	return result != 0 ? result : compare_int64(a->len, b->len);
}

/* The start of the minute in which an event happened. */
TimestampTz
homeo_row_minute(const HomeoRow *row)
{
	TimestampTz timestamp = row->prepared.event->timestamp;
	TimestampTz rest = timestamp % USECS_PER_MINUTE;

	return timestamp - (rest < 0 ? rest + USECS_PER_MINUTE : rest);
}

/* By issue, minute and release, then by time. */
static int
compare_group(const void *a, const void *b)
{
	const HomeoRow *x = *(HomeoRow *const *) a;
	const HomeoRow *y = *(HomeoRow *const *) b;
	int			result = compare_int64(x->service_id, y->service_id);

	if (result == 0)
		result = memcmp(&x->prepared.fingerprint, &y->prepared.fingerprint,
						UUID_LEN);
	if (result == 0)
		result = compare_int64(homeo_row_minute(x), homeo_row_minute(y));
	if (result == 0)
		result = compare_text(&x->prepared.event->text[HOMEO_FIELD_RELEASE],
							  &y->prepared.event->text[HOMEO_FIELD_RELEASE]);
	if (result == 0)
		result = compare_int64(x->prepared.event->timestamp,
							   y->prepared.event->timestamp);
	return result;
}

/* ------------------------------------------------------------------------
 * Services
 * ------------------------------------------------------------------------
 */

static bool
find_service(const HomeoPrepared *prepared, int64 *id)
{
	static SPIPlanPtr of_database = NULL;
	static SPIPlanPtr of_name = NULL;
	Oid			type = TEXTOID;
	Datum		name = CStringGetTextDatum(prepared->service);

	if (prepared->of_database)
		homeo_spi_run(&of_database,
					  "select id from homeostasis.services"
					  " where kind = 'database' and database_name = $1::name",
					  1, &type, &name, SPI_OK_SELECT);
	else
	{
		homeo_spi_run(&of_name,
					  "select id, kind = 'database' from homeostasis.services where name = $1",
					  1, &type, &name, SPI_OK_SELECT);
		if (SPI_processed > 0 && DatumGetBool(homeo_spi_value(0, 2)))
			ereport(ERROR,
					(errcode(ERRCODE_HOMEO_INVALID_EVENT),
					 errmsg("event field \"%s\" is the name of a database",
							"service"),
					 errhint("Only the server itself reports errors of a database."),
					 err_generic_string(PG_DIAG_COLUMN_NAME, "service")));
	}
	if (SPI_processed == 0)
		return false;
	*id = DatumGetInt64(homeo_spi_value(0, 1));
	return true;
}

/*
 * A reporter that took the name which a database's service will have would
 * keep the errors of that database from being stored.
 */
static void
check_new_name(const char *name)
{
	if (strncmp(name, DATABASE_PREFIX, strlen(DATABASE_PREFIX)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_HOMEO_INVALID_EVENT),
				 errmsg("event field \"%s\" begins with \"%s\", as the names of databases do",
						"service", DATABASE_PREFIX),
				 errhint("Choose another name for the service."),
				 err_generic_string(PG_DIAG_COLUMN_NAME, "service")));
}

/*
 * Whether reports may make another service.  Databases don't count: there
 * are few, and their errors are the server's own.  Transactions that are open
 * at the same time don't see each other's.
 */
static bool
has_room_for_service(void)
{
	static SPIPlanPtr plan = NULL;
	Oid			type = INT8OID;
	Datum		most = Int64GetDatum(homeo_guc_max_services);

	homeo_spi_run(&plan,
				  "select count(*) < $1 from (select from homeostasis.services"
				  " where kind <> 'database' limit $1) s",
				  1, &type, &most, SPI_OK_SELECT);
	return DatumGetBool(homeo_spi_value(0, 1));
}

/*
 * The service of an event, created when it is seen for the first time.  If
 * that would be one too many, 0; then *full is true, and is not found out
 * again in this batch.
 */
static int64
get_service(const HomeoPrepared *prepared, bool *full)
{
	static SPIPlanPtr add_database = NULL;
	static SPIPlanPtr add_named = NULL;
	Oid			types[] = {TEXTOID, TEXTOID};
	Datum		values[2];
	int64		id;

	if (find_service(prepared, &id))
		return id;
	if (!prepared->of_database)
	{
		check_new_name(prepared->service);
		if (!*full)
			*full = !has_room_for_service();
		if (*full)
			return 0;
	}

	values[0] = CStringGetTextDatum(prepared->service);
	values[1] = CStringGetTextDatum(prepared->language);
	if (prepared->of_database)
		homeo_spi_run(&add_database,
					  "insert into homeostasis.services (name, kind, database_name, language)"
					  " values ('" DATABASE_PREFIX "' || $1, 'database', $1::name, $2)"
					  " on conflict do nothing",
					  2, types, values, SPI_OK_INSERT);
	else
		homeo_spi_run(&add_named,
					  "insert into homeostasis.services (name, language)"
					  " values ($1, $2) on conflict do nothing",
					  2, types, values, SPI_OK_INSERT);
	if (!find_service(prepared, &id))
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("there is another service named \"%s%s\"",
						DATABASE_PREFIX, prepared->service),
				 errhint("Rename that service.")));
	return id;
}

static void
refuse(HomeoRow *row, const char *field, const char *reason)
{
	row->refused_field = field;
	row->refusal = reason;
}

static void
find_services(HomeoRow **rows, int nrows)
{
	const char *reason = psprintf("there are %d services already, as many as homeostasis.max_services allows",
								  homeo_guc_max_services);
	bool		full = false;

	for (int i = 0; i < nrows; i++)
	{
		const HomeoPrepared *prepared = &rows[i]->prepared;
		const HomeoPrepared *before = i > 0 ? &rows[i - 1]->prepared : NULL;

		if (before != NULL && before->of_database == prepared->of_database &&
			strcmp(before->service, prepared->service) == 0)
			rows[i]->service_id = rows[i - 1]->service_id;
		else
			rows[i]->service_id = get_service(prepared, &full);
		if (rows[i]->service_id == 0)
			refuse(rows[i], "service", reason);
	}
}

/* ------------------------------------------------------------------------
 * Events and their stacks
 * ------------------------------------------------------------------------
 */

static void
put_text(Datum *value, bool *isnull, const HomeoText *from)
{
	*isnull = from->data == NULL;
	if (!*isnull)
		*value = PointerGetDatum(cstring_to_text_with_len(from->data,
														  (int) from->len));
}

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
	incoming = make_transient("homeo_incoming", columns, lengthof(columns));

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
				put_text(&v[c], &n[c], &event->text[f]);
		}
		add_row(incoming, v, n);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(scratch);
	}
	MemoryContextDelete(scratch);
	return incoming;
}

/* By the key of stacks, the latest first. */
static int
compare_stack(const void *a, const void *b)
{
	const HomeoRow *x = *(HomeoRow *const *) a;
	const HomeoRow *y = *(HomeoRow *const *) b;
	int			result = compare_int64(x->service_id, y->service_id);

	if (result == 0)
		result = memcmp(&x->prepared.stack_hash, &y->prepared.stack_hash,
						UUID_LEN);
	if (result == 0)
		result = compare_int64(y->prepared.event->timestamp,
							   x->prepared.event->timestamp);
	return result;
}

/*
 * The rows, one for each stack and the latest that has it, in the order of
 * the key of stacks.  Returns how many.
 */
static int
distinct_stacks(HomeoRow **rows, int nrows, HomeoRow **distinct)
{
	int			n = 0;
	int			ndistinct = 0;

	for (int i = 0; i < nrows; i++)
	{
		if (rows[i]->prepared.has_stack)
			distinct[n++] = rows[i];
	}
	qsort(distinct, n, sizeof(*distinct), compare_stack);
	for (int i = 0; i < n; i++)
	{
		const HomeoRow *last = ndistinct > 0 ? distinct[ndistinct - 1] : NULL;

		if (last == NULL || last->service_id != distinct[i]->service_id ||
			memcmp(&last->prepared.stack_hash,
				   &distinct[i]->prepared.stack_hash, UUID_LEN) != 0)
			distinct[ndistinct++] = distinct[i];
	}
	return ndistinct;
}

static Datum
make_array(Datum *values, int n, Oid type)
{
	int16		len;
	bool		byval;
	char		align;

	get_typlenbyvalalign(type, &len, &byval, &align);
	return PointerGetDatum(construct_array(values, n, type, len, byval,
										   align));
}

/*
 * Keeps those of the rows whose stack is not stored, or whose last_seen has
 * to move.  It moves once a day, so that maintain() can tell which stacks are
 * still used without every error writing to its stack's row.  Nobody deletes
 * one that needs not move.
 */
static int
keep_unstored(HomeoRow **rows, int nrows)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[] = {INT8ARRAYOID, UUIDARRAYOID, TIMESTAMPTZARRAYOID};
	Datum	   *services = palloc(sizeof(Datum) * nrows);
	Datum	   *hashes = palloc(sizeof(Datum) * nrows);
	Datum	   *times = palloc(sizeof(Datum) * nrows);
	Datum		values[3];
	int			n;

	for (int i = 0; i < nrows; i++)
	{
		services[i] = Int64GetDatum(rows[i]->service_id);
		hashes[i] = UUIDPGetDatum(&rows[i]->prepared.stack_hash);
		times[i] = TimestampTzGetDatum(rows[i]->prepared.event->timestamp);
	}
	values[0] = make_array(services, nrows, INT8OID);
	values[1] = make_array(hashes, nrows, UUIDOID);
	values[2] = make_array(times, nrows, TIMESTAMPTZOID);
	homeo_spi_run(&plan,
				  "select k.place from unnest($1, $2, $3)"
				  "  with ordinality k (service_id, stack_hash, seen, place)"
				  " where not exists (select from homeostasis.stacks s"
				  "  where s.service_id = k.service_id and s.stack_hash = k.stack_hash"
				  "  and s.last_seen >= k.seen - interval '1 day')"
				  " order by k.place",
				  3, types, values, SPI_OK_SELECT);
	n = (int) SPI_processed;
	for (int i = 0; i < n; i++)
		rows[i] = rows[DatumGetInt64(homeo_spi_value(i, 1)) - 1];
	return n;
}

/*
 * Most events have a stack that is stored already, so what belongs to it is
 * only made for the others.
 */
static void
store_stacks(HomeoRow **rows, int nrows)
{
	static SPIPlanPtr plan = NULL;
	static const HomeoTransientColumn columns[] = {
		{"service_id", INT8OID}, {"stack_hash", UUIDOID}, {"stack", TEXTOID},
		{"frames", JSONBOID}, {"seen", TIMESTAMPTZOID}
	};
	HomeoRow  **distinct = palloc(sizeof(*distinct) * nrows);
	int			n = distinct_stacks(rows, nrows, distinct);
	HomeoTransient *stacks;

	if (n > 0)
		n = keep_unstored(distinct, n);
	if (n == 0)
		return;
	stacks = make_transient("homeo_stacks", columns, lengthof(columns));
	for (int i = 0; i < n; i++)
	{
		HomeoPrepared *p = &distinct[i]->prepared;
		char	   *frames = homeo_prepare_stack(p);
		Datum		v[lengthof(columns)];
		bool		isnull[lengthof(columns)] = {0};

		v[0] = Int64GetDatum(distinct[i]->service_id);
		v[1] = UUIDPGetDatum(&p->stack_hash);
		put_text(&v[2], &isnull[2], &p->event->text[HOMEO_FIELD_STACK]);
		v[3] = DirectFunctionCall1(jsonb_in, CStringGetDatum(frames));
		v[4] = TimestampTzGetDatum(p->event->timestamp);
		add_row(stacks, v, isnull);
	}
	register_transient(stacks);
	homeo_spi_run(&plan,
				  "insert into homeostasis.stacks as s"
				  " (service_id, stack_hash, stack, frames, last_seen)"
				  " select service_id, stack_hash, stack, frames, seen"
				  " from homeo_stacks"
				  " on conflict (service_id, stack_hash) do update"
				  " set last_seen = excluded.last_seen"
				  " where s.last_seen < excluded.last_seen - interval '1 day'",
				  0, NULL, NULL, SPI_OK_INSERT);
	tuplestore_end(stacks->store);
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

/* Leaves out rows with the key of the one before; returns how many remain. */
static int
drop_repeated(HomeoRow **rows, int nrows)
{
	int			n = 0;

	for (int i = 0; i < nrows; i++)
	{
		if (n == 0 || compare_key(&rows[n - 1], &rows[i]) != 0)
			rows[n++] = rows[i];
	}
	return n;
}

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
		while (r < nrows && compare_key(&rows[r], &wanted) != 0)
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
 * homeo_store_rows_repeatable().
 */
static void
store_errors(HomeoRow **rows, int nrows)
{
	HomeoTransient *incoming = make_incoming(rows, nrows);

	register_transient(incoming);
	if (careful_left > 0)
	{
		careful_left--;
		insert_missing(rows, nrows);
	}
	else
		insert_new(rows, nrows);
	tuplestore_end(incoming->store);
}

/*
 * Whether homeo_store_rows() failed with error because it did not expect one
 * of the events to be there already.  It will from now on: the same rows can
 * be stored by calling it again.
 */
bool
homeo_store_rows_repeatable(const ErrorData *error)
{
	if (error->sqlerrcode != ERRCODE_UNIQUE_VIOLATION || careful_left > 0)
		return false;
	careful_left = CAREFUL_BATCHES;
	return true;
}

/* ------------------------------------------------------------------------
 * Issues
 * ------------------------------------------------------------------------
 */

static const HomeoRow *
latest_of(const HomeoRowGroup *group)
{
	const HomeoRow *latest = group->rows[0];

	for (int i = 1; i < group->nrows; i++)
	{
		if (group->rows[i]->prepared.event->timestamp >
			latest->prepared.event->timestamp)
			latest = group->rows[i];
	}
	return latest;
}

static TimestampTz
first_time_of(const HomeoRowGroup *group)
{
	TimestampTz first = group->rows[0]->prepared.event->timestamp;

	for (int i = 1; i < group->nrows; i++)
		first = Min(first, group->rows[i]->prepared.event->timestamp);
	return first;
}

/* The end of the run of rows, in the order of compare_group, that belong together. */
int
homeo_row_group_end(HomeoRow **rows, int nrows, int start, bool by_minute)
{
	int			end = start + 1;

	while (end < nrows &&
		   rows[end]->service_id == rows[start]->service_id &&
		   memcmp(&rows[end]->prepared.fingerprint,
				  &rows[start]->prepared.fingerprint, UUID_LEN) == 0 &&
		   (!by_minute ||
			(homeo_row_minute(rows[end]) == homeo_row_minute(rows[start]) &&
			 compare_text(&rows[end]->prepared.event->text[HOMEO_FIELD_RELEASE],
						  &rows[start]->prepared.event->text[HOMEO_FIELD_RELEASE]) == 0)))
		end++;
	return end;
}

static int64
count_of(HomeoRow **rows, int nrows)
{
	int64		n = 0;

	for (int i = 0; i < nrows; i++)
		n += rows[i]->occurrences;
	return n;
}

static HomeoTransient *
make_groups(HomeoRow **rows, int nrows)
{
	static const HomeoTransientColumn columns[] = {
		{"service_id", INT8OID}, {"fingerprint", UUIDOID}, {"n", INT8OID},
		{"first_seen", TIMESTAMPTZOID}, {"last_seen", TIMESTAMPTZOID},
		{"event_id", UUIDOID}, {"title", TEXTOID}, {"level", TEXTOID},
		{"language", TEXTOID}, {"error_type", TEXTOID}, {"sqlstate", TEXTOID}
	};
	HomeoTransient *groups = make_transient("homeo_groups", columns,
											lengthof(columns));
	HomeoRowGroup group;

	for (int i = 0; i < nrows; i += group.nrows)
	{
		const HomeoRow *sample;
		const HomeoPrepared *p;
		Datum		v[lengthof(columns)];
		bool		n[lengthof(columns)] = {0};

		group.rows = &rows[i];
		group.nrows = homeo_row_group_end(rows, nrows, i, false) - i;
		sample = latest_of(&group);
		p = &sample->prepared;
		v[0] = Int64GetDatum(sample->service_id);
		v[1] = UUIDPGetDatum(&p->fingerprint);
		v[2] = Int64GetDatum(count_of(group.rows, group.nrows));
		v[3] = TimestampTzGetDatum(first_time_of(&group));
		v[4] = TimestampTzGetDatum(p->event->timestamp);
		v[5] = UUIDPGetDatum(&p->event->event_id);
		v[6] = CStringGetTextDatum(homeo_prepare_title(p));
		v[7] = CStringGetTextDatum(homeo_event_levels[p->event->level]);
		v[8] = CStringGetTextDatum(p->language);
		v[9] = CStringGetTextDatum(p->error_type);
		put_text(&v[10], &n[10], &p->event->text[HOMEO_FIELD_SQLSTATE]);
		add_row(groups, v, n);
	}
	return groups;
}

static HomeoTransient *
make_minutes(HomeoRow **rows, int nrows)
{
	static const HomeoTransientColumn columns[] = {
		{"service_id", INT8OID}, {"fingerprint", UUIDOID},
		{"minute", TIMESTAMPTZOID}, {"release", TEXTOID}, {"n", INT8OID}
	};
	HomeoTransient *minutes = make_transient("homeo_minutes", columns,
											 lengthof(columns));
	int			end;

	for (int i = 0; i < nrows; i = end)
	{
		const HomeoText *release =
		&rows[i]->prepared.event->text[HOMEO_FIELD_RELEASE];
		Datum		v[lengthof(columns)];
		bool		n[lengthof(columns)] = {0};

		end = homeo_row_group_end(rows, nrows, i, true);
		v[0] = Int64GetDatum(rows[i]->service_id);
		v[1] = UUIDPGetDatum(&rows[i]->prepared.fingerprint);
		v[2] = TimestampTzGetDatum(homeo_row_minute(rows[i]));
		if (release->data != NULL)
			put_text(&v[3], &n[3], release);
		else
			v[3] = CStringGetTextDatum("");
		v[4] = Int64GetDatum(count_of(&rows[i], end - i));
		add_row(minutes, v, n);
	}
	return minutes;
}

/* Fills in turned from (service_id, issue_id, event_id, timestamp). */
static void
take_turned(HomeoRow **rows, int nrows, HomeoTurnedIssue *turned,
			int *nturned)
{
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HomeoTurnedIssue *issue = &turned[(*nturned)++];
		pg_uuid_t  *event_id = DatumGetUUIDP(homeo_spi_value(i, 3));
		TimestampTz timestamp = DatumGetTimestampTz(homeo_spi_value(i, 4));

		issue->service_id = DatumGetInt64(homeo_spi_value(i, 1));
		issue->issue_id = DatumGetInt64(homeo_spi_value(i, 2));
		issue->sample = NULL;
		for (int r = 0; r < nrows && issue->sample == NULL; r++)
		{
			if (rows[r]->service_id == issue->service_id &&
				rows[r]->prepared.event->timestamp == timestamp &&
				memcmp(&rows[r]->prepared.event->event_id, event_id,
					   UUID_LEN) == 0)
				issue->sample = rows[r];
		}
		if (issue->sample == NULL)
			elog(ERROR, "the sample of an issue is none of its events");
	}
}

static bool
same_issue(const HomeoRow *a, const HomeoRow *b)
{
	return a->service_id == b->service_id &&
		memcmp(&a->prepared.fingerprint, &b->prepared.fingerprint,
			   UUID_LEN) == 0;
}

/*
 * Which of the rows, at most nrows and one of each fingerprint, have a
 * fingerprint that no issue has.  Returns how many; they are in the order in
 * which they were given.
 */
static int
find_unknown(HomeoRow **rows, int nrows, HomeoRow **unknown)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[] = {INT8ARRAYOID, UUIDARRAYOID};
	Datum	   *services = palloc(sizeof(Datum) * nrows);
	Datum	   *fingerprints = palloc(sizeof(Datum) * nrows);
	Datum		values[2];
	int			n;

	for (int i = 0; i < nrows; i++)
	{
		services[i] = Int64GetDatum(rows[i]->service_id);
		fingerprints[i] = UUIDPGetDatum(&rows[i]->prepared.fingerprint);
	}
	values[0] = PointerGetDatum(construct_array(services, nrows, INT8OID,
												sizeof(int64),
												FLOAT8PASSBYVAL,
												TYPALIGN_DOUBLE));
	values[1] = PointerGetDatum(construct_array(fingerprints, nrows, UUIDOID,
												UUID_LEN, false,
												TYPALIGN_CHAR));
	homeo_spi_run(&plan,
				  "select k.place from unnest($1, $2)"
				  "  with ordinality k (service_id, fingerprint, place)"
				  " where not exists (select from homeostasis.issue_fingerprints f"
				  "  where f.service_id = k.service_id and f.fingerprint = k.fingerprint)"
				  " order by k.place",
				  2, types, values, SPI_OK_SELECT);
	n = (int) SPI_processed;
	for (int i = 0; i < n; i++)
		unknown[i] = rows[DatumGetInt64(homeo_spi_value(i, 1)) - 1];
	return n;
}

/* How many more issues the reports for a service may make. */
static int64
room_for_issues(int64 service_id)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[] = {INT8OID, INT8OID};
	Datum		values[2];

	values[0] = Int64GetDatum(service_id);
	values[1] = Int64GetDatum(homeo_guc_max_issues_per_service);
	homeo_spi_run(&plan,
				  "select $2 - count(*) from (select from homeostasis.issues"
				  " where service_id = $1 limit $2) i",
				  2, types, values, SPI_OK_SELECT);
	return DatumGetInt64(homeo_spi_value(0, 1));
}

/*
 * Refuses the rows whose issue would be one too many for its service.  What
 * the server raised is always stored.  Rows are in the order of
 * homeo_row_compare, so those of an issue are neighbours.
 */
static void
refuse_new_issues(HomeoRow **rows, int nrows)
{
	const char *reason = psprintf("its service has %d issues already, as many as homeostasis.max_issues_per_service allows",
								  homeo_guc_max_issues_per_service);
	HomeoRow  **firsts = palloc(sizeof(*firsts) * nrows);
	HomeoRow  **unknown = palloc(sizeof(*unknown) * nrows);
	int			nfirsts = 0;
	int			nunknown;
	int			r = 0;
	int64		room = 0;

	for (int i = 0; i < nrows; i++)
	{
		if (rows[i]->prepared.of_database || rows[i]->refusal != NULL)
			continue;
		if (nfirsts == 0 || !same_issue(firsts[nfirsts - 1], rows[i]))
			firsts[nfirsts++] = rows[i];
	}
	if (nfirsts == 0)
		return;
	nunknown = find_unknown(firsts, nfirsts, unknown);
	for (int u = 0; u < nunknown; u++)
	{
		if (u == 0 || unknown[u]->service_id != unknown[u - 1]->service_id)
			room = room_for_issues(unknown[u]->service_id);
		if (room-- > 0)
			continue;
		while (!same_issue(rows[r], unknown[u]))
			r++;
		while (r < nrows && same_issue(rows[r], unknown[u]))
			refuse(rows[r++], NULL, reason);
	}
}

/* Makes issues for the fingerprints that have none. */
static void
make_issues(void)
{
	static SPIPlanPtr plan = NULL;
	Oid			type = INT4OID;
	Datum		version = Int32GetDatum(HOMEO_FINGERPRINT_VERSION);

	homeo_spi_run(&plan,
				  "with missing as ("
				  " select g.service_id, g.fingerprint from homeo_groups g"
				  " where not exists (select from homeostasis.issue_fingerprints f"
				  "  where f.service_id = g.service_id and f.fingerprint = g.fingerprint)"
				  " order by g.service_id, g.fingerprint),"
				  " added as ("
				  " insert into homeostasis.issue_fingerprints"
				  "  (service_id, fingerprint, fingerprint_version, issue_id)"
				  " select service_id, fingerprint, $1,"
				  "  nextval('homeostasis.issues_id_seq'::regclass) from missing"
				  " on conflict do nothing"
				  " returning service_id, fingerprint, issue_id)"
				  " insert into homeostasis.issues"
				  "  (service_id, id, title, level, language, error_type, sqlstate,"
				  "   first_seen, last_seen, error_count, sample_event_id,"
				  "   sample_timestamp)"
				  " select g.service_id, a.issue_id, g.title, g.level, g.language,"
				  "  g.error_type, g.sqlstate, g.first_seen, g.last_seen, g.n,"
				  "  g.event_id, g.last_seen"
				  " from added a join homeo_groups g using (service_id, fingerprint)"
				  " returning service_id, id, sample_event_id, sample_timestamp",
				  1, &type, &version, SPI_OK_INSERT_RETURNING);
}

/*
 * Adds to the issues that were there before, which are all but created.  One
 * that was thought to be over has regressed if it occurred since; a muted one
 * opens when its time has come.  Those come back in SPI_tuptable.
 *
 * A change of status is audited, and the lock of the audit log is the last
 * that anybody takes; so all issues are locked before the first is changed.
 */
static void
count_issues(Datum created)
{
	static SPIPlanPtr lock = NULL;
	static SPIPlanPtr plan = NULL;
	Oid			type = INT8ARRAYOID;

	homeo_spi_run(&lock,
				  "select from homeostasis.issues i"
				  " where (i.service_id, i.id) in (select f.service_id, f.issue_id"
				  "  from homeo_groups g"
				  "  join homeostasis.issue_fingerprints f using (service_id, fingerprint)"
				  "  where f.issue_id <> all ($1))"
				  " order by i.service_id, i.id for no key update of i",
				  1, &type, &created, SPI_OK_SELECT);
	homeo_spi_run(&plan,
				  "with touched as ("
				  " select f.service_id, f.issue_id, sum(g.n)::bigint as n,"
				  "  min(g.first_seen) as first_seen, max(g.last_seen) as last_seen,"
				  "  (array_agg(g.event_id order by g.last_seen desc))[1] as event_id"
				  " from homeo_groups g"
				  " join homeostasis.issue_fingerprints f using (service_id, fingerprint)"
				  " where f.issue_id <> all ($1)"
				  " group by f.service_id, f.issue_id),"
				  " judged as ("
				  " select t.*, i.status as status_before, case"
				  "   when i.status in ('healed', 'resolved')"
				  "    and t.last_seen > i.status_changed_at then 'regressed'"
				  "   when i.status = 'muted' and i.muted_until <= now() then 'open'"
				  "   else i.status end as status"
				  " from touched t join homeostasis.issues i"
				  "  on i.service_id = t.service_id and i.id = t.issue_id),"
				  " counted as ("
				  " update homeostasis.issues i set"
				  "  error_count = i.error_count + j.n,"
				  "  first_seen = least(i.first_seen, j.first_seen),"
				  "  last_seen = greatest(i.last_seen, j.last_seen),"
				  "  sample_event_id = j.event_id,"
				  "  sample_timestamp = j.last_seen,"
				  "  status = j.status,"
				  "  status_changed_at = case when j.status = j.status_before"
				  "   then i.status_changed_at else now() end,"
				  "  muted_until = case when j.status = 'muted' then i.muted_until end"
				  " from judged j where i.service_id = j.service_id and i.id = j.issue_id"
				  " returning i.service_id, i.id, i.sample_event_id, i.sample_timestamp,"
				  "  j.status <> j.status_before as turned)"
				  " select service_id, id, sample_event_id, sample_timestamp"
				  " from counted where turned",
				  1, &type, &created, SPI_OK_SELECT);
}

static void
count_minutes(void)
{
	static SPIPlanPtr plan = NULL;

	homeo_spi_run(&plan,
				  "insert into homeostasis.issue_counts as c"
				  " (service_id, issue_id, minute, release, error_count)"
				  " select f.service_id, f.issue_id, m.minute, m.release, sum(m.n)"
				  " from homeo_minutes m"
				  " join homeostasis.issue_fingerprints f using (service_id, fingerprint)"
				  " group by 1, 2, 3, 4 order by 1, 2, 3, 4"
				  " on conflict (service_id, issue_id, minute, release) do update"
				  " set error_count = c.error_count + excluded.error_count",
				  0, NULL, NULL, SPI_OK_INSERT);
}

static void
store_issues(HomeoRow **rows, int nrows, HomeoTurnedIssue *turned,
			 int *nturned)
{
	Datum	   *ids = palloc(sizeof(Datum) * nrows);
	Datum		created;
	HomeoTransient *groups;
	HomeoTransient *minutes;

	qsort(rows, nrows, sizeof(*rows), compare_group);
	groups = make_groups(rows, nrows);
	register_transient(groups);
	minutes = make_minutes(rows, nrows);
	register_transient(minutes);

	make_issues();
	take_turned(rows, nrows, turned, nturned);
	count_minutes();
	for (int i = 0; i < *nturned; i++)
		ids[i] = Int64GetDatum(turned[i].issue_id);
	created = PointerGetDatum(construct_array(ids, *nturned, INT8OID,
											  sizeof(int64), FLOAT8PASSBYVAL,
											  TYPALIGN_DOUBLE));
	count_issues(created);
	take_turned(rows, nrows, turned, nturned);
	tuplestore_end(groups->store);
	tuplestore_end(minutes->store);
}

void
homeo_store_rows(HomeoRow **rows, int nrows,
				 HomeoTurnedIssue **turned, int *nturned)
{
	MemoryContext caller = CurrentMemoryContext;
	HomeoRow  **sorted = palloc(sizeof(*rows) * nrows);
	int			nkept = 0;
	int			nstored = 0;

	/* Each statement can make one issue of each row turn. */
	*turned = palloc(sizeof(HomeoTurnedIssue) * nrows);
	*nturned = 0;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	MemoryContextSwitchTo(caller);

	for (int i = 0; i < nrows; i++)
	{
		rows[i]->stored = false;
		rows[i]->occurrences = 1;
		rows[i]->refusal = NULL;
	}
	find_services(rows, nrows);
	refuse_new_issues(rows, nrows);
	for (int i = 0; i < nrows; i++)
	{
		if (rows[i]->refusal == NULL)
			sorted[nkept++] = rows[i];
	}
	qsort(sorted, nkept, sizeof(*sorted), compare_group);
	nkept = homeo_flood_thin(sorted, nkept);
	for (int i = 0; i < nkept; i++)
	{
		homeo_prepare_texts(&sorted[i]->prepared);
		if (i == 0 || sorted[i]->prepared.event->timestamp / USECS_PER_DAY !=
			sorted[i - 1]->prepared.event->timestamp / USECS_PER_DAY)
			homeo_partition_ensure(sorted[i]->prepared.event->timestamp);
	}

	nkept = homeo_retry_drop(sorted, nkept);
	qsort(sorted, nkept, sizeof(*sorted), compare_key);
	nkept = drop_repeated(sorted, nkept);
	store_stacks(sorted, nkept);
	store_errors(sorted, nkept);
	homeo_retry_remember(sorted, nkept);

	for (int i = 0; i < nrows; i++)
	{
		if (rows[i]->stored)
			sorted[nstored++] = rows[i];
	}
	if (nstored > 0)
		store_issues(sorted, nstored, *turned, nturned);

	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "could not disconnect from SPI");
}
