/*
 * partition.c
 *		The partitions of homeostasis.errors: which one has a time, and that
 *		there is one before a row for it is.
 *
 * maintain() creates partitions ahead, so nearly always a look into the
 * relation cache is all there is to do.  Called by store_rows.c with SPI
 * connected.  How a partition is made, and with which locks, is in
 * sql/code/partition.sql.
 */
#include "postgres.h"

#include "intake/partition.h"

#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"

/* Days since 2000-01-01, UTC. */
static DateADT
day_of(TimestampTz timestamp)
{
	DateADT		day = (DateADT) (timestamp / USECS_PER_DAY);

	return timestamp < 0 && timestamp % USECS_PER_DAY != 0 ? day - 1 : day;
}

/* Opens homeostasis.errors for the functions below, with a lock. */
Relation
homeo_partition_open_errors(LOCKMODE mode)
{
	Oid			schema = get_namespace_oid("homeostasis", false);

	return table_open(get_relname_relid("errors", schema), mode);
}

/*
 * The partition of the times around timestamp, or InvalidOid.  A default one
 * has no events of ours: what homeo_partition_ensure() makes goes before it.
 * Nobody drops the partition while errors is locked, unless it was detached
 * CONCURRENTLY before.
 */
Oid
homeo_partition_of(Relation errors, TimestampTz timestamp)
{
	PartitionKey key = RelationGetPartitionKey(errors);
	PartitionDesc partitions = RelationGetPartitionDesc(errors, true);
	PartitionBoundInfo bounds = partitions->boundinfo;
	Datum		value = TimestampTzGetDatum(timestamp);
	bool		equal;
	int			index;

	if (partitions->nparts == 0)
		return InvalidOid;
	index = bounds->indexes[1 + partition_range_datum_bsearch(key->partsupfunc,
															  key->partcollation,
															  bounds, 1, &value,
															  &equal)];
	return index < 0 ? InvalidOid : partitions->oids[index];
}

/*
 * Creates the partition of the day of timestamp if there is none.  Raises
 * ERRCODE_LOCK_NOT_AVAILABLE when somebody holds the table for too long.
 */
void
homeo_partition_ensure(TimestampTz timestamp)
{
	Datum		arg = DateADTGetDatum(day_of(timestamp));
	Oid			type = DATEOID;
	Relation	errors = homeo_partition_open_errors(AccessShareLock);
	bool		found = OidIsValid(homeo_partition_of(errors, timestamp));

	/*
	 * To hold the lock while it waits for rows of others would be a deadlock
	 * with whoever drops partitions.
	 */
	table_close(errors, AccessShareLock);
	if (found)
		return;
	if (SPI_execute_with_args("select homeostasis.create_partition($1)",
							  1, &type, &arg, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not create a partition");
}
