/*
 * compact.c
 *		Copies the rows of a partition of homeostasis.errors into a table that
 *		is to take its place.
 *
 * Called by build_compact() in sql/code/compact.sql, which holds a lock that
 * keeps others from changing the source.  The target is known to this
 * transaction only.
 *
 * Rows go in the order in which an issue's errors are looked at.  They are
 * written frozen: whoever has an older snapshot than this transaction's must
 * see them in the new table as he did in the old one, and no vacuum has to
 * read them again.  So the target must have been made by the same
 * subtransaction, with which it vanishes if that fails.
 *
 * The server compresses values only of rows of more than 2 kB, and errors
 * mostly have less; here each long value is.
 *
 * Memory: a context for each batch of rows.
 */
#include "postgres.h"

#include "intake/compact.h"

#include "access/detoast.h"
#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/toast_compression.h"
#include "access/toast_internals.h"
#include "access/xact.h"
#include "base/compat.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#define BATCH_ROWS		1000

/* Shorter values become hardly shorter, and dearer to read. */
#define COMPRESS_FROM	256

/* A value is kept compressed if that saves an eighth of it. */
#define WORTH_IT(from, to)	((to) <= (from) - (from) / 8)

#ifdef USE_LZ4
#define COMPRESSION		TOAST_LZ4_COMPRESSION
#else
#define COMPRESSION		TOAST_PGLZ_COMPRESSION
#endif

typedef struct HomeoCopy
{
	Relation	target;
	int			most_ms;
	instr_time	start;
	BulkInsertState bulk;
	MemoryContext batch;
	TupleTableSlot *slots[BATCH_ROWS];
	int64		copied;
} HomeoCopy;

/* The target, unless it is not as new as it must be. */
static Relation
open_target(Oid target)
{
	Relation	relation = table_open(target, AccessExclusiveLock);

	if (relation->rd_createSubid != GetCurrentSubTransactionId() ||
		relation->rd_rel->relkind != RELKIND_RELATION ||
		relation->rd_rel->relowner != GetUserId())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" was not made by this transaction",
						RelationGetRelationName(relation)),
				 errhint("Let homeostasis.maintain() do it.")));
	return relation;
}

/* The source's rows in order, with the columns of the target. */
static char *
copy_query(Oid source, Relation target)
{
	TupleDesc	desc = RelationGetDescr(target);
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "select ");
	for (int i = 0; i < desc->natts; i++)
		appendStringInfo(&sql, "%s%s", i > 0 ? ", " : "",
						 quote_identifier(NameStr(TupleDescAttr(desc, i)->attname)));
	appendStringInfo(&sql,
					 " from only %s order by service_id, fingerprint, \"timestamp\" desc",
					 quote_qualified_identifier(get_namespace_name(get_rel_namespace(source)),
												get_rel_name(source)));
	return sql.data;
}

/* The value, compressed if it can be and that is worth it. */
static Datum
compress(Datum value, Form_pg_attribute attribute)
{
	struct varlena *plain = (struct varlena *) DatumGetPointer(value);
	struct varlena *packed;

	if (attribute->attstorage == TYPSTORAGE_PLAIN ||
		VARATT_IS_EXTERNAL(plain) || VARATT_IS_COMPRESSED(plain) ||
		VARSIZE_ANY(plain) < COMPRESS_FROM)
		return value;
	packed = (struct varlena *)
		DatumGetPointer(toast_compress_datum(value, COMPRESSION));
	if (packed != NULL && WORTH_IT(VARSIZE_ANY(plain), VARSIZE(packed)))
		return PointerGetDatum(packed);
	return value;
}

/* Puts a row of SPI_tuptable into a slot. */
static void
fill_slot(HomeoCopy *copy, TupleTableSlot *slot, HeapTuple row)
{
	TupleDesc	desc = RelationGetDescr(copy->target);

	ExecClearTuple(slot);
	heap_deform_tuple(row, SPI_tuptable->tupdesc, slot->tts_values,
					  slot->tts_isnull);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		if (!slot->tts_isnull[i] && attribute->attlen == -1)
			slot->tts_values[i] = compress(slot->tts_values[i], attribute);
	}
	ExecStoreVirtualTuple(slot);
}

/* Copies what was fetched. */
static void
copy_batch(HomeoCopy *copy)
{
	MemoryContext caller = MemoryContextSwitchTo(copy->batch);
	int			nrows = (int) SPI_processed;
	instr_time	now;

	for (int i = 0; i < nrows; i++)
		fill_slot(copy, copy->slots[i], SPI_tuptable->vals[i]);
	table_multi_insert(copy->target, copy->slots, nrows,
					   GetCurrentCommandId(true),
					   TABLE_INSERT_SKIP_FSM | TABLE_INSERT_FROZEN, copy->bulk);
	for (int i = 0; i < nrows; i++)
		ExecClearTuple(copy->slots[i]);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(copy->batch);
	copy->copied += nrows;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, copy->start);
	if (INSTR_TIME_GET_MILLISEC(now) >= copy->most_ms)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("copying its rows takes longer than %d s",
						copy->most_ms / 1000),
				 errhint("Lower homeostasis.compact_limit.")));
}

/*
 * copy_errors(source regclass, target regclass, most_ms int) returns bigint
 */
PG_FUNCTION_INFO_V1(homeo_compact_copy);

Datum
homeo_compact_copy(PG_FUNCTION_ARGS)
{
	Oid			source = PG_GETARG_OID(0);
	HomeoCopy	copy = {0};
	SPIPlanPtr	plan;
	Portal		portal;
	char	   *sql;

	INSTR_TIME_SET_CURRENT(copy.start);
	copy.most_ms = PG_GETARG_INT32(2);
	copy.target = open_target(PG_GETARG_OID(1));
	copy.batch = AllocSetContextCreate(CurrentMemoryContext,
									   "homeostasis compact",
									   ALLOCSET_DEFAULT_SIZES);
	copy.bulk = GetBulkInsertState();
	for (int i = 0; i < BATCH_ROWS; i++)
		copy.slots[i] = table_slot_create(copy.target, NULL);
	sql = copy_query(source, copy.target);

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	plan = SPI_prepare(sql, 0, NULL);
	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\"", sql);
	portal = SPI_cursor_open(NULL, plan, NULL, NULL, true);
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		SPI_cursor_fetch(portal, true, BATCH_ROWS);
		if (SPI_processed == 0)
			break;
		copy_batch(&copy);
		SPI_freetuptable(SPI_tuptable);
	}
	SPI_cursor_close(portal);
	SPI_finish();

	for (int i = 0; i < BATCH_ROWS; i++)
		ExecDropSingleTupleTableSlot(copy.slots[i]);
	FreeBulkInsertState(copy.bulk);
	table_finish_bulk_insert(copy.target,
							 TABLE_INSERT_SKIP_FSM | TABLE_INSERT_FROZEN);
	table_close(copy.target, NoLock);
	PG_RETURN_INT64(copy.copied);
}
