/*
 * log_template_save.c
 *		The templates of log lines in their table, log_templates.
 *
 * Called by store.c and prepare.c, in a transaction.  The first process that
 * needs the templates after a restart loads them; whoever stores events saves
 * what has changed, in the same transaction.
 *
 * Locks: who saves holds the table against others who would, until the end of
 * the transaction.  Nobody waits for that; what one has not saved because
 * another one does is saved by the next who stores something.  What was taken
 * to be saved is given back when the transaction, or its part, is rolled back.
 */
#include "postgres.h"

#include "intake/log_template_save.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "base/compat.h"
#include "base/guc.h"
#include "base/shmem.h"
#include "base/spi.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "fmgr.h"
#include "funcapi.h"
#include "intake/log_template.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

/* In one statement. */
#define MOST_SAVED		1000

/* What this transaction has taken, and which part of it did. */
typedef struct HomeoTaken
{
	SubTransactionId part;
	HomeoSavedTemplate *templates;	/* in TopTransactionContext */
	int			n;
} HomeoTaken;

static List *taken = NIL;

static Oid
table_oid(void)
{
	return get_relname_relid("log_templates",
							 get_namespace_oid("homeostasis", true));
}

/* The shared templates are those of the database that the workers serve. */
static bool
is_served(void)
{
	static bool known = false;
	static bool served;

	if (!known)
		served = strcmp(get_database_name(MyDatabaseId),
						homeo_guc_database) == 0;
	known = true;
	return served;
}

/* ----------------------------------------------------------------
 * Loading
 * ----------------------------------------------------------------
 */

static void
read_row(uint64 row, HomeoSavedTemplate *saved)
{
	char	   *service = TextDatumGetCString(homeo_spi_value(row, 2));
	char	   *language = TextDatumGetCString(homeo_spi_value(row, 3));
	text	   *template = DatumGetTextPP(homeo_spi_value(row, 4));

	saved->of.id = (uint32) DatumGetInt64(homeo_spi_value(row, 1));
	strlcpy(saved->of.service, service, sizeof(saved->of.service));
	strlcpy(saved->of.language, language, sizeof(saved->of.language));
	memcpy(saved->of.fingerprint.bytes,
		   DatumGetUUIDP(homeo_spi_value(row, 5))->data, UUID_LEN);
	saved->of.used = DatumGetTimestampTz(homeo_spi_value(row, 6));
	saved->len = Min(VARSIZE_ANY_EXHDR(template), sizeof(saved->str));
	memcpy(saved->str, VARDATA_ANY(template), saved->len);
}

static void
load(Oid table)
{
	static SPIPlanPtr plan = NULL;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "homeostasis log templates",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	HomeoSavedTemplate *saved;
	uint32		last_id = 0;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	homeo_spi_run(&plan,
				  "select t.id, s.name, t.language, t.template, t.fingerprint, t.used_at"
				  " from homeostasis.log_templates t"
				  " join homeostasis.services s on s.id = t.service_id"
				  " order by t.used_at, t.id", 0, NULL, NULL, SPI_OK_SELECT);
	saved = MemoryContextAllocExtended(context,
									   sizeof(*saved) * Max(SPI_processed, 1),
									   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		read_row(i, &saved[i]);
		last_id = Max(last_id, saved[i].of.id);
	}
	homeo_log_template_load(table, saved, (int) SPI_processed, last_id);
	SPI_finish();
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

bool
homeo_log_template_ensure(void)
{
	Oid			table;

	if (!homeo_log_template_possible() || !is_served())
		return false;
	table = table_oid();
	if (!OidIsValid(table))
		return false;
	if (!homeo_log_template_loaded(table))
		load(table);
	return true;
}

/* ----------------------------------------------------------------
 * Saving
 * ----------------------------------------------------------------
 */

/* What is saved, by columns. */
typedef struct HomeoColumns
{
	int			n;
	Datum	   *ids;
	Datum	   *services;
	Datum	   *languages;
	Datum	   *templates;
	Datum	   *fingerprints;
	Datum	   *into;
	Datum	   *used;
} HomeoColumns;

static void
make_columns(HomeoColumns *columns, int most)
{
	columns->n = 0;
	columns->ids = palloc(sizeof(Datum) * most);
	columns->services = palloc(sizeof(Datum) * most);
	columns->languages = palloc(sizeof(Datum) * most);
	columns->templates = palloc(sizeof(Datum) * most);
	columns->fingerprints = palloc(sizeof(Datum) * most);
	columns->into = palloc(sizeof(Datum) * most);
	columns->used = palloc(sizeof(Datum) * most);
}

static Datum
uuid_of(const HomeoFingerprint *fingerprint)
{
	pg_uuid_t  *uuid = palloc(sizeof(pg_uuid_t));

	memcpy(uuid->data, fingerprint->bytes, UUID_LEN);
	return UUIDPGetDatum(uuid);
}

/* Adds the columns that all have. */
static int
add_row(HomeoColumns *columns, HomeoSavedTemplate *saved)
{
	int			i = columns->n++;

	columns->ids[i] = Int64GetDatum((int64) saved->of.id);
	columns->services[i] = CStringGetTextDatum(saved->of.service);
	columns->fingerprints[i] = uuid_of(&saved->of.fingerprint);
	return i;
}

static void
save_kept(HomeoSavedTemplate *saved, int n)
{
	static SPIPlanPtr plan = NULL;
	static Oid	types[] = {
		INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, UUIDARRAYOID,
		TIMESTAMPTZARRAYOID
	};
	HomeoColumns c;
	Datum		args[lengthof(types)];

	make_columns(&c, n);
	for (int i = 0; i < n; i++)
	{
		int			row;

		if (saved[i].is_gone)
			continue;
		row = add_row(&c, &saved[i]);
		c.languages[row] = CStringGetTextDatum(saved[i].of.language);
		c.templates[row] =
			PointerGetDatum(cstring_to_text_with_len(saved[i].str,
													 (int) saved[i].len));
		c.used[row] = TimestampTzGetDatum(saved[i].of.used);
	}
	if (c.n == 0)
		return;
	args[0] = homeo_spi_array(c.ids, c.n, INT8OID);
	args[1] = homeo_spi_array(c.services, c.n, TEXTOID);
	args[2] = homeo_spi_array(c.languages, c.n, TEXTOID);
	args[3] = homeo_spi_array(c.templates, c.n, TEXTOID);
	args[4] = homeo_spi_array(c.fingerprints, c.n, UUIDOID);
	args[5] = homeo_spi_array(c.used, c.n, TIMESTAMPTZOID);
	homeo_spi_run(&plan,
				  "insert into homeostasis.log_templates as t"
				  "  (service_id, id, language, template, fingerprint, used_at)"
				  " select s.id, k.id, k.language, k.template, k.fingerprint, k.used_at"
				  " from unnest($1, $2, $3, $4, $5, $6)"
				  "  k (id, service, language, template, fingerprint, used_at)"
				  " join homeostasis.services s on s.name = k.service"
				  " on conflict (service_id, id) do update"
				  " set template = excluded.template, used_at = excluded.used_at",
				  lengthof(types), types, args, SPI_OK_INSERT);
}

static void
delete_gone(HomeoSavedTemplate *saved, int n)
{
	static SPIPlanPtr plan = NULL;
	static Oid	types[] = {INT8ARRAYOID, TEXTARRAYOID};
	HomeoColumns c;
	Datum		args[lengthof(types)];

	make_columns(&c, n);
	for (int i = 0; i < n; i++)
	{
		if (saved[i].is_gone)
			(void) add_row(&c, &saved[i]);
	}
	if (c.n == 0)
		return;
	args[0] = homeo_spi_array(c.ids, c.n, INT8OID);
	args[1] = homeo_spi_array(c.services, c.n, TEXTOID);
	homeo_spi_run(&plan,
				  "delete from homeostasis.log_templates t"
				  " using unnest($1, $2) k (id, service), homeostasis.services s"
				  " where s.name = k.service and t.service_id = s.id and t.id = k.id",
				  lengthof(types), types, args, SPI_OK_DELETE);
}

/* Asks for the issues of merged templates to be merged; see log_merges. */
static void
request_merges(HomeoSavedTemplate *saved, int n)
{
	static SPIPlanPtr plan = NULL;
	static Oid	types[] = {TEXTARRAYOID, UUIDARRAYOID, UUIDARRAYOID};
	HomeoColumns c;
	Datum		args[lengthof(types)];

	make_columns(&c, n);
	for (int i = 0; i < n; i++)
	{
		if (saved[i].is_merged)
			c.into[add_row(&c, &saved[i])] = uuid_of(&saved[i].into);
	}
	if (c.n == 0)
		return;
	args[0] = homeo_spi_array(c.services, c.n, TEXTOID);
	args[1] = homeo_spi_array(c.fingerprints, c.n, UUIDOID);
	args[2] = homeo_spi_array(c.into, c.n, UUIDOID);
	homeo_spi_run(&plan,
				  "insert into homeostasis.log_merges"
				  "  (service_id, fingerprint, into_fingerprint)"
				  " select s.id, k.fingerprint, k.into_fingerprint"
				  " from unnest($1, $2, $3) k (service, fingerprint, into_fingerprint)"
				  " join homeostasis.services s on s.name = k.service"
				  " where k.fingerprint <> k.into_fingerprint",
				  lengthof(types), types, args, SPI_OK_INSERT);
}

/* Takes what is unsaved; it is given back if this part is rolled back. */
static HomeoTaken *
take(void)
{
	MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);
	HomeoTaken *mine = palloc0(sizeof(HomeoTaken));

	mine->part = GetCurrentSubTransactionId();
	taken = lappend(taken, mine);
	mine->n = homeo_log_template_take_unsaved(MOST_SAVED, &mine->templates);
	MemoryContextSwitchTo(caller);
	return mine;
}

static void
save_some(void)
{
	HomeoTaken *mine = take();

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	save_kept(mine->templates, mine->n);
	delete_gone(mine->templates, mine->n);
	request_merges(mine->templates, mine->n);
	SPI_finish();
}

/* Each batch tries again, and need not say so each time. */
static void
warn(const ErrorData *error)
{
	static TimestampTz warned = 0;
	TimestampTz now = GetCurrentTimestamp();

	if (now - warned < USECS_PER_MINUTE)
		return;
	warned = now;
	ereport(WARNING,
			(errcode(error->sqlerrcode),
			 errmsg("could not save templates of log lines: %s",
					error->message)));
}

void
homeo_log_template_save(void)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;

	if (!homeo_log_template_any_unsaved() || !homeo_log_template_ensure() ||
		!ConditionalLockRelationOid(table_oid(), ShareRowExclusiveLock))
		return;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		save_some();
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		warn(error);
		FreeErrorData(error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
}

/* ----------------------------------------------------------------
 * The end of a transaction, or of a part of it
 * ----------------------------------------------------------------
 */

static void
at_end_of_transaction(XactEvent event, void *arg)
{
	ListCell   *cell;

	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT &&
		event != XACT_EVENT_PREPARE)
		return;
	foreach(cell, taken)
	{
		HomeoTaken *one = lfirst(cell);

		if (event == XACT_EVENT_ABORT)
			homeo_log_template_give_back(one->templates, one->n);
	}
	taken = NIL;				/* it goes with TopTransactionContext */
}

static void
at_end_of_part(SubXactEvent event, SubTransactionId part,
			   SubTransactionId parent, void *arg)
{
	ListCell   *cell;

	if (event != SUBXACT_EVENT_COMMIT_SUB && event != SUBXACT_EVENT_ABORT_SUB)
		return;
	foreach(cell, taken)
	{
		HomeoTaken *one = lfirst(cell);

		if (one->part != part)
			continue;
		if (event == SUBXACT_EVENT_ABORT_SUB)
		{
			homeo_log_template_give_back(one->templates, one->n);
			one->n = 0;
		}
		one->part = parent;
	}
}

/*
 * log_template_stat() returns record: the columns of stat_log_templates
 */
PG_FUNCTION_INFO_V1(homeo_log_template_stat_sql);

Datum
homeo_log_template_stat_sql(PG_FUNCTION_ARGS)
{
	HomeoLogTemplateStat stat;
	TupleDesc	desc;
	Datum		values[7];
	bool		nulls[7] = {0};

	homeo_shmem_require();
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	homeo_log_template_stat(&stat);
	values[0] = Int64GetDatum(stat.templates);
	values[1] = Int64GetDatum(stat.capacity);
	values[2] = Int64GetDatum(stat.unsaved);
	values[3] = Int64GetDatum((int64) stat.learned);
	values[4] = Int64GetDatum((int64) stat.widened);
	values[5] = Int64GetDatum((int64) stat.merged);
	values[6] = Int64GetDatum((int64) stat.forgotten);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc),
													  values, nulls)));
}

/* Called from _PG_init. */
void
homeo_log_template_save_init(void)
{
	RegisterXactCallback(at_end_of_transaction, NULL);
	RegisterSubXactCallback(at_end_of_part, NULL);
}
