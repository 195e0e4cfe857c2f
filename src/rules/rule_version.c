/*
 * rule_version.c
 *		A number that changes whenever rules are written.
 *
 * A new process would have to read the revisions of all rules to know whether
 * an image has them as they are.  The last number that was given to a version of
 * a rule tells that at once, if it is the one that was the last when the image was made,
 * and if nobody was writing then: whoever writes takes numbers from the sequence
 * before he commits, and a sequence never goes back.  After a crash it may be
 * ahead, and then the revisions are read.
 *
 * That nobody writes, a lock tells, of an object that nothing else locks: the
 * table's own would be held by a vacuum, too.  Writers take it before the first
 * number and hold it to the end of their transaction, also of a prepared one.
 */
#include "postgres.h"

#include "rules/rule_version.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "commands/sequence.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

/* The sequence beside the table. */
static Oid
sequence_of(Oid relation)
{
	return get_relname_relid("rule_revisions", get_rel_namespace(relation));
}

static void
set_tag(LOCKTAG *tag, Oid relation)
{
	SET_LOCKTAG_OBJECT(*tag, MyDatabaseId, RelationRelationId, relation, 1);
}

int64
homeo_rule_version(Oid relation)
{
	LOCAL_FCINFO(call, 1);
	Oid			sequence = sequence_of(relation);
	Datum		version;

	if (!OidIsValid(sequence))
		return HOMEO_RULE_VERSION_NONE;
	InitFunctionCallInfoData(*call, NULL, 1, InvalidOid, NULL, NULL);
	call->args[0].value = ObjectIdGetDatum(sequence);
	call->args[0].isnull = false;
	version = pg_sequence_last_value(call);
	return call->isnull ? HOMEO_RULE_VERSION_NONE : DatumGetInt64(version);
}

int64
homeo_rule_version_settled(Oid relation, Snapshot *snapshot)
{
	int64		version = HOMEO_RULE_VERSION_NONE;
	LOCKTAG		tag;
	bool		settled;

	set_tag(&tag, relation);
	settled = LockAcquire(&tag, ShareLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
	if (settled)
		version = homeo_rule_version(relation);
	*snapshot = RegisterSnapshot(GetLatestSnapshot());
	if (settled)
		(void) LockRelease(&tag, ShareLock, false);
	return version;
}

void
homeo_rule_version_begin_write(Oid relation)
{
	LOCKTAG		tag;

	set_tag(&tag, relation);
	(void) LockAcquire(&tag, RowExclusiveLock, false, false);
}

void
homeo_rule_version_advance(Oid relation)
{
	(void) nextval_internal(sequence_of(relation), false);
}
