/*
 * footprint.h
 *		What a patch touches: the locks it took and how large its tables are.
 */
#ifndef HOMEO_FOOTPRINT_H
#define HOMEO_FOOTPRINT_H

#include "base/json.h"
#include "nodes/parsenodes.h"
#include "storage/lockdefs.h"

typedef struct HomeoFootprint
{
	List	   *locks;			/* of Jsonb *: {"relation", "mode"} */
	LOCKMODE	strongest;		/* NoLock: none */
	int64		table_bytes;	/* of the tables that were not only read */
} HomeoFootprint;

/*
 * The locks that this transaction holds on relations of users that it did
 * not create.  sequences: contained ones (effects.h), whose lock the patch
 * itself would not take.
 */
extern void homeo_footprint_measure(HomeoFootprint *footprint,
									List *sequences);

/* Name of a lock mode as in pg_locks; NULL for NoLock. */
extern const char *homeo_footprint_lock_name(LOCKMODE mode);

/*
 * Bytes of the tables named, with indexes, TOAST and partitions, each counted
 * once; names that are not found count nothing.
 */
extern int64 homeo_footprint_size(List *range_vars);

#endif							/* HOMEO_FOOTPRINT_H */
