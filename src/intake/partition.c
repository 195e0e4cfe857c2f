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

/*
 * The partition whose rows are of timestamp, or InvalidOid.  Its table is
 * locked by the lock that is held on errors, but for DETACH ... CONCURRENTLY.
 */
Oid
homeo_partition_of(TimestampTz timestamp)
{
	Oid			schema = get_namespace_oid("homeostasis", false);
	Relation	errors = table_open(get_relname_relid("errors", schema),
									AccessShareLock);
	PartitionKey key = RelationGetPartitionKey(errors);
	PartitionDesc partitions = RelationGetPartitionDesc(errors, true);
	PartitionBoundInfo bounds = partitions->boundinfo;
	Oid			partition = InvalidOid;

	if (partitions->nparts > 0)
	{
		Datum		value = TimestampTzGetDatum(timestamp);
		bool		equal;
		int			below = partition_range_datum_bsearch(key->partsupfunc,
														  key->partcollation,
														  bounds, 1, &value,
														  &equal);
		int			index = bounds->indexes[below + 1];

		if (index < 0)
			index = bounds->default_index;
		if (index >= 0)
			partition = partitions->oids[index];
	}
	table_close(errors, NoLock);
	return partition;
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

	if (OidIsValid(homeo_partition_of(timestamp)))
		return;
	if (SPI_execute_with_args("select homeostasis.create_partition($1)",
							  1, &type, &arg, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not create a partition");
}
