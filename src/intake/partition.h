/*
 * partition.h
 *		Daily partitions of homeostasis.errors.
 */
#ifndef HOMEO_PARTITION_H
#define HOMEO_PARTITION_H

#include "datatype/timestamp.h"

extern Oid	homeo_partition_of(TimestampTz timestamp);
extern void homeo_partition_ensure(TimestampTz timestamp);

#endif							/* HOMEO_PARTITION_H */
