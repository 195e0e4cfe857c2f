/*
 * bulk_insert.c
 *		Inserts many rows into a table at once, without the executor.
 *
 * As COPY does: rows gather until there are enough, then the table takes them
 * together, with one record of WAL for a page, and each index takes the entries
 * of all of them before the next one does.  Constraints are checked as a row
 * is added.
 *
 * An error leaves everything to the end of the (sub)transaction: memory goes
 * with its context, the relations with the resource owner.
 */
#include "postgres.h"

#include "base/bulk_insert.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "executor/executor.h"
#include "utils/rel.h"

/* What is gathered at most, as rows and as bytes. */
#define BULK_ROWS	1000
#define BULK_BYTES	(256 * 1024)

struct HomeoBulkInsert
{
	Relation	table;
	EState	   *estate;
	ResultRelInfo *target;
	CommandId	command;
	int			nslots;			/* made so far */
	int			nrows;			/* gathered */
	Size		bytes;			/* of these */
	TupleTableSlot *slots[BULK_ROWS];
};

/* Is everything about a row done by the table, its constraints and indexes? */
static bool
is_plain(Relation table)
{
	TupleConstr *constraints = RelationGetDescr(table)->constr;

	return table->rd_rel->relkind == RELKIND_RELATION &&
		table->trigdesc == NULL &&
		!(constraints != NULL && constraints->has_generated_stored);
}

/* Does every index take an entry, or refuse it, at once? */
static bool
are_immediate(const ResultRelInfo *target)
{
	for (int i = 0; i < target->ri_NumIndices; i++)
	{
		if (target->ri_IndexRelationInfo[i]->ii_ExclusionOps != NULL ||
			!target->ri_IndexRelationDescs[i]->rd_index->indimmediate)
			return false;
	}
	return true;
}

static void
end(HomeoBulkInsert *bulk)
{
	for (int i = 0; i < bulk->nslots; i++)
		ExecDropSingleTupleTableSlot(bulk->slots[i]);
	ExecCloseIndices(bulk->target);
	FreeExecutorState(bulk->estate);
	pfree(bulk);
}

HomeoBulkInsert *
homeo_bulk_insert_begin(Relation table)
{
	HomeoBulkInsert *bulk;

	if (!is_plain(table))
		return NULL;
	bulk = palloc0(sizeof(*bulk));
	bulk->table = table;
	bulk->estate = CreateExecutorState();
	bulk->target = makeNode(ResultRelInfo);
	bulk->command = GetCurrentCommandId(true);
	InitResultRelInfo(bulk->target, table, 0, NULL, 0);
	ExecOpenIndices(bulk->target, false);
	if (are_immediate(bulk->target))
		return bulk;
	end(bulk);
	return NULL;
}

/* Gives an index the entries of all rows that were gathered. */
static void
insert_entries(HomeoBulkInsert *bulk, Relation index, IndexInfo *info)
{
	ExprContext *context = GetPerTupleExprContext(bulk->estate);
	IndexUniqueCheck check = index->rd_index->indisunique ?
	UNIQUE_CHECK_YES : UNIQUE_CHECK_NO;
	ExprState  *predicate = info->ii_Predicate == NIL ? NULL :
	ExecPrepareQual(info->ii_Predicate, bulk->estate);

	for (int i = 0; i < bulk->nrows; i++)
	{
		TupleTableSlot *slot = bulk->slots[i];
		Datum		values[INDEX_MAX_KEYS];
		bool		nulls[INDEX_MAX_KEYS];

		ResetPerTupleExprContext(bulk->estate);
		context->ecxt_scantuple = slot;
		if (!ExecQual(predicate, context))
			continue;
		FormIndexDatum(info, slot, bulk->estate, values, nulls);
		(void) index_insert(index, values, nulls, &slot->tts_tid, bulk->table,
							check, false, info);
	}
}

static void
flush(HomeoBulkInsert *bulk)
{
	ResultRelInfo *target = bulk->target;
	MemoryContext context;

	if (bulk->nrows == 0)
		return;
	/* The table's access method leaves its garbage. */
	context = MemoryContextSwitchTo(GetPerTupleMemoryContext(bulk->estate));
	table_multi_insert(bulk->table, bulk->slots, bulk->nrows, bulk->command,
					   0, NULL);
	MemoryContextSwitchTo(context);
	for (int i = 0; i < target->ri_NumIndices; i++)
	{
		if (target->ri_IndexRelationInfo[i]->ii_ReadyForInserts)
			insert_entries(bulk, target->ri_IndexRelationDescs[i],
						   target->ri_IndexRelationInfo[i]);
	}
	for (int i = 0; i < bulk->nrows; i++)
		ExecClearTuple(bulk->slots[i]);
	ResetPerTupleExprContext(bulk->estate);
	bulk->nrows = 0;
	bulk->bytes = 0;
}

void
homeo_bulk_insert_add(HomeoBulkInsert *bulk, const Datum *values,
					  const bool *nulls)
{
	int			natts = RelationGetDescr(bulk->table)->natts;
	TupleTableSlot *slot;

	if (bulk->nrows == bulk->nslots)
		bulk->slots[bulk->nslots++] = table_slot_create(bulk->table, NULL);
	slot = bulk->slots[bulk->nrows++];
	memcpy(slot->tts_values, values, sizeof(*values) * natts);
	memcpy(slot->tts_isnull, nulls, sizeof(*nulls) * natts);
	ExecStoreVirtualTuple(slot);
	slot->tts_tableOid = RelationGetRelid(bulk->table);
	if (RelationGetDescr(bulk->table)->constr != NULL)
		ExecConstraints(bulk->target, slot, bulk->estate);
	bulk->bytes += ExecFetchSlotHeapTuple(slot, true, NULL)->t_len;
	if (bulk->nrows == BULK_ROWS || bulk->bytes >= BULK_BYTES)
		flush(bulk);
}

void
homeo_bulk_insert_end(HomeoBulkInsert *bulk)
{
	flush(bulk);
	end(bulk);
}
