/*
 * partition.c
 *		Makes sure that a partition of homeostasis.errors is there before a
 *		row for it is.
 *
 * maintain() creates partitions ahead, so nearly always a look into a system
 * cache is all there is to do.  Called by store.c with SPI connected.  How a
 * partition is made, and with which locks, is in sql/code/partition.sql.
 */
#include "postgres.h"

#include "intake/partition.h"

#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

/* Days since 2000-01-01, UTC. */
static DateADT
day_of(TimestampTz timestamp)
{
	DateADT		day = (DateADT) (timestamp / USECS_PER_DAY);

	return timestamp < 0 && timestamp % USECS_PER_DAY != 0 ? day - 1 : day;
}

/* Somebody may have detached it, and attached it to a table of his own. */
static bool
is_partition(Oid relation, Oid schema)
{
	return OidIsValid(relation) && get_rel_relispartition(relation) &&
		get_partition_parent(relation, true) == get_relname_relid("errors",
																  schema);
}

/*
 * Creates the partition of the day of timestamp if there is none.  Raises
 * ERRCODE_LOCK_NOT_AVAILABLE when somebody holds the table for too long.
 */
void
homeo_partition_ensure(TimestampTz timestamp)
{
	DateADT		day = day_of(timestamp);
	Oid			schema = get_namespace_oid("homeostasis", false);
	char		name[NAMEDATALEN];
	int			y;
	int			m;
	int			d;
	Datum		arg = DateADTGetDatum(day);
	Oid			type = DATEOID;

	j2date(day + POSTGRES_EPOCH_JDATE, &y, &m, &d);
	snprintf(name, sizeof(name), "errors_%04d%02d%02d", y, m, d);
	if (is_partition(get_relname_relid(name, schema), schema))
		return;
	if (SPI_execute_with_args("select homeostasis.create_partition($1)",
							  1, &type, &arg, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not create a partition");
}
