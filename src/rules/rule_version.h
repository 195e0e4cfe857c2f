/*
 * rule_version.h
 *		A number that changes whenever rules are written.
 */
#ifndef HOMEO_RULE_VERSION_H
#define HOMEO_RULE_VERSION_H

#include "utils/snapshot.h"

/* No version: nothing is known. */
#define HOMEO_RULE_VERSION_NONE		0

/*
 * The version of the rules in this table, what others have not committed
 * included.  While it is that of an image, the image has the rules as they are.
 */
extern int64 homeo_rule_version(Oid relation);

/*
 * Registers a snapshot, *snapshot, and returns the version of the rules that
 * it sees, or HOMEO_RULE_VERSION_NONE if some transaction has not ended that
 * writes rules.
 */
extern int64 homeo_rule_version_settled(Oid relation, Snapshot *snapshot);

/*
 * A transaction is about to write rules; before any row of it has its number.
 */
extern void homeo_rule_version_begin_write(Oid relation);

/* It has deleted some, which takes no numbers by itself. */
extern void homeo_rule_version_advance(Oid relation);

#endif							/* HOMEO_RULE_VERSION_H */
