/*
 * partition.h
 *		Daily partitions of homeostasis.errors.
 */
#ifndef HOMEO_PARTITION_H
#define HOMEO_PARTITION_H

#include "datatype/timestamp.h"
#include "storage/lockdefs.h"
#include "utils/relcache.h"

extern Relation homeo_partition_open_errors(LOCKMODE mode);
extern Oid	homeo_partition_of(Relation errors, TimestampTz timestamp);
extern void homeo_partition_ensure(TimestampTz timestamp);

#endif							/* HOMEO_PARTITION_H */
