/*
 * footprint.c
 *		What a patch touches: the locks it took and how large its tables are.
 *
 * Reads the shared lock table, as pg_locks does.  Must be called in a
 * transaction; results live in CurrentMemoryContext.
 */
#include "postgres.h"

#include "heal/footprint.h"

#include "catalog/catalog.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"

const char *
homeo_footprint_lock_name(LOCKMODE mode)
{
	return mode == NoLock ? NULL : GetLockmodeName(DEFAULT_LOCKMETHOD, mode);
}

static bool
has_storage_of_rows(char relkind)
{
	return relkind == RELKIND_RELATION || relkind == RELKIND_MATVIEW ||
		relkind == RELKIND_TOASTVALUE;
}

static int64
total_size(Oid relation)
{
	return DatumGetInt64(DirectFunctionCall1(pg_total_relation_size,
											 ObjectIdGetDatum(relation)));
}

static LOCKMODE
strongest_mode(LOCKMASK held)
{
	for (LOCKMODE mode = MaxLockMode; mode > NoLock; mode--)
	{
		if (held & LOCKBIT_ON(mode))
			return mode;
	}
	return NoLock;
}

static void
add_lock(HomeoFootprint *footprint, Relation relation, LOCKMODE mode)
{
	HomeoJsonBuilder builder;
	const char *schema = get_namespace_name(RelationGetNamespace(relation));

	homeo_json_begin(&builder);
	homeo_json_add_text(&builder, "relation",
						quote_qualified_identifier(schema,
												   RelationGetRelationName(relation)));
	homeo_json_add_text(&builder, "mode", homeo_footprint_lock_name(mode));
	footprint->locks = lappend(footprint->locks, homeo_json_end(&builder));
	footprint->strongest = Max(footprint->strongest, mode);

	if (mode >= RowExclusiveLock &&
		has_storage_of_rows(relation->rd_rel->relkind))
		footprint->table_bytes += total_size(RelationGetRelid(relation));
}

/* A relation; locks on catalogs and on what the patch created don't count. */
static void
look_at_relation(HomeoFootprint *footprint, Oid oid, LOCKMODE mode)
{
	Relation	relation = RelationIdGetRelation(oid);

	if (!RelationIsValid(relation))
		return;					/* dropped by the patch */
	if (relation->rd_createSubid == InvalidSubTransactionId &&
		!IsToastNamespace(RelationGetNamespace(relation)))
		add_lock(footprint, relation, mode);
	RelationClose(relation);
}

/*
 * A relation may be in the table twice, for its weak and its strong locks, so
 * both are brought together first.
 */
void
homeo_footprint_measure(HomeoFootprint *footprint, List *sequences)
{
	LockData   *data = GetLockStatusData();
	List	   *oids = NIL;
	List	   *modes = NIL;
	ListCell   *lc;

	memset(footprint, 0, sizeof(*footprint));
	for (int i = 0; i < data->nelements; i++)
	{
		LockInstanceData *lock = &data->locks[i];
		Oid			oid = lock->locktag.locktag_field2;
		LOCKMODE	mode = strongest_mode(lock->holdMask);
		bool		found = false;

		if (lock->pid != MyProcPid || mode == NoLock ||
			lock->locktag.locktag_type != LOCKTAG_RELATION ||
			lock->locktag.locktag_field1 != MyDatabaseId ||
			IsCatalogRelationOid(oid))
			continue;
		if (list_member_oid(sequences, oid))
			mode = Min(mode, RowExclusiveLock);
		foreach(lc, oids)
		{
			ListCell   *known = list_nth_cell(modes, foreach_current_index(lc));

			if (lfirst_oid(lc) == oid)
			{
				lfirst_int(known) = Max(lfirst_int(known), mode);
				found = true;
			}
		}
		if (!found)
		{
			oids = lappend_oid(oids, oid);
			modes = lappend_int(modes, mode);
		}
	}
	foreach(lc, oids)
		look_at_relation(footprint, lfirst_oid(lc),
						 list_nth_int(modes, foreach_current_index(lc)));
}

int64
homeo_footprint_size(List *range_vars)
{
	List	   *oids = NIL;
	int64		size = 0;
	ListCell   *lc;

	foreach(lc, range_vars)
	{
		Oid			oid = RangeVarGetRelid(lfirst_node(RangeVar, lc), NoLock,
										   true);

		if (OidIsValid(oid))
			oids = list_concat_unique_oid(oids,
										  find_all_inheritors(oid, NoLock, NULL));
	}
	foreach(lc, oids)
	{
		/* An index is measured through its table. */
		if (get_rel_relkind(lfirst_oid(lc)) == RELKIND_INDEX)
			size += total_size(IndexGetRelation(lfirst_oid(lc), false));
		else
			size += total_size(lfirst_oid(lc));
	}
	return size;
}
