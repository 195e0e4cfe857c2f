/*
 * ruleset.c
 *		Knows when homeostasis.rules has to be read again.
 *
 * A statement trigger on homeostasis.rules invalidates that table's relcache
 * entry.  PostgreSQL delivers the message to the writer's own process after
 * the statement and again when its transaction or subtransaction aborts, and
 * to all others after the commit; the callback here counts it.  A ruleset is
 * current while the count is what it was before the rules were read, so a
 * message that comes in between, or an error, means that they are read again.
 *
 * The worker that compiles rules shares their image.  A change only makes a second,
 * small one beside it: each version of a rule has a revision of its own, and those that
 * the first image doesn't have go into the second, those that are no longer
 * there are dead in the first.  Where none is shared, this process takes the one that is stored or makes its
 * own, without a scan, which takes a tenth of a second for thousands of rules.
 */
#include "postgres.h"

#include "rules/ruleset.h"

#include "access/xlog.h"
#include "base/guc.h"
#include "base/hash128.h"
#include "base/relation.h"
#include "catalog/namespace.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "rules/image_build.h"
#include "rules/image_share.h"
#include "rules/rule_version.h"
#include "rules/scan.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

static HomeoRuleset ruleset;
static bool ruleset_complete = false;	/* no error while it was made */
static Oid	ruleset_relation = InvalidOid;
static uint64 ruleset_seen = 0; /* value of invalidations when it was read */
static uint64 ruleset_generation = 0;	/* that was shared then */

/* What the first part is in, and what the second is in. */
static HomeoImageMapping *base_mapping = NULL;	/* NULL: its image is not
												 * shared */
static MemoryContext base_memory = NULL;
static MemoryContext changes_memory = NULL;

/* Counted by the callback; compared, never reset. */
static uint64 invalidations = 0;

static void
count_invalidation(Datum arg, Oid relation)
{
	if (relation == InvalidOid || relation == ruleset_relation)
		invalidations++;
}

/* Frees a memory context that may be NULL, and makes it so. */
static void
discard(MemoryContext *memory)
{
	if (*memory != NULL)
		MemoryContextDelete(*memory);
	*memory = NULL;
}

static void
discard_changes(void)
{
	ruleset.nparts = Min(ruleset.nparts, 1);
	discard(&changes_memory);
}

static void
discard_all(void)
{
	discard_changes();
	ruleset.nparts = 0;
	discard(&base_memory);
	if (base_mapping != NULL)
		homeo_image_share_detach(base_mapping);
	base_mapping = NULL;
}

/* All rules of the image are there. */
static void
revive(HomeoRulePart *part)
{
	for (uint32 rank = 0; rank < part->image->rules.n; rank++)
		homeo_ruleset_set_bit(part->alive, rank);
}

/* Makes a part for an image, in CurrentMemoryContext, with all rules alive. */
static void
begin_part(HomeoRulePart *part, const HomeoImage *image)
{
	const HomeoImageScan *scans = homeo_image_at(image, image->scans.offset);

	for (uint32 i = 0; i < image->scans.n; i++)
	{
		if (!homeo_scan_prepare(homeo_image_at(image, scans[i].database)))
			elog(ERROR, "Vectorscan cannot scan with what was compiled for the rules");
	}
	part->image = image;
	part->nwords = (int) (image->rules.n + 63) / 64;
	part->alive = palloc0(sizeof(uint64) * Max(part->nwords, 1));
	part->candidates = palloc0(sizeof(uint64) * Max(part->nwords, 1));
	part->counters = palloc0(sizeof(HomeoRuleCounters *) * Max(image->rules.n, 1));
	revive(part);
}

/* The image that is shared; stays attached with the first part. */
static const HomeoImage *
take_shared(HomeoImageOrigin origin, Snapshot snapshot)
{
	base_mapping = homeo_image_share_attach(origin);
	return base_mapping != NULL ? base_mapping->image : NULL;
}

/* The image that is stored. */
static const HomeoImage *
take_stored(HomeoImageOrigin origin, Snapshot snapshot)
{
	const char *problem;

	return homeo_image_file_read(origin, &problem);
}

/* An image of the rules as they are.  Whoever shares images shall make one. */
static const HomeoImage *
take_own(HomeoImageOrigin origin, Snapshot snapshot)
{
	MemoryContext memory = CurrentMemoryContext;
	MemoryContext scratch = AllocSetContextCreate(memory, "homeostasis rules",
												  ALLOCSET_DEFAULT_SIZES);
	HomeoRule  *rules;
	int			nrules;
	HomeoImage *image;

	if (!RecoveryInProgress() &&
		strcmp(get_database_name(MyDatabaseId), homeo_guc_database) == 0)
		homeo_image_share_want();
	MemoryContextSwitchTo(scratch);
	nrules = homeo_rule_read(snapshot, NULL, 0, &rules);
	MemoryContextSwitchTo(memory);
	image = homeo_image_build(rules, nrules, NULL);
	MemoryContextDelete(scratch);
	return image;
}

typedef const HomeoImage *(*TakeImage) (HomeoImageOrigin, Snapshot);

/* Makes the first part of the image that take gives; false: it gives none. */
static bool
make_base(TakeImage take, HomeoImageOrigin origin, Snapshot snapshot)
{
	MemoryContext caller = CurrentMemoryContext;
	const HomeoImage *image;

	discard_all();
	base_memory = AllocSetContextCreate(TopMemoryContext, "homeostasis ruleset",
										ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(base_memory);
	image = take(origin, snapshot);
	if (image != NULL)
	{
		begin_part(&ruleset.parts[0], image);
		ruleset.nparts = 1;
	}
	MemoryContextSwitchTo(caller);
	return image != NULL;
}

/*
 * Marks as alive those of the first part's rules that have one of the
 * revisions.  Returns how many of these it doesn't have, which come first in
 * the array then.
 */
static int
find_changes(int64 *revisions, int nrevisions)
{
	HomeoRulePart *base = &ruleset.parts[0];
	int			nchanged = 0;

	memset(base->alive, 0, sizeof(uint64) * base->nwords);
	for (int i = 0; i < nrevisions; i++)
	{
		int64		rank = homeo_image_find_revision(base->image, revisions[i]);

		if (rank >= 0)
			homeo_ruleset_set_bit(base->alive, (uint32) rank);
		else
			revisions[nchanged++] = revisions[i];
	}
	return nchanged;
}

/* Makes the second part of the rules with these revisions. */
static void
make_changes(Snapshot snapshot, const int64 *revisions, int nrevisions)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext memory = AllocSetContextCreate(caller,
												 "homeostasis changed rules",
												 ALLOCSET_DEFAULT_SIZES);
	HomeoRulePart part;
	HomeoRule  *rules;
	int			nrules = homeo_rule_read(snapshot, revisions, nrevisions,
										 &rules);

	MemoryContextSwitchTo(memory);
	begin_part(&part, homeo_image_build(rules, nrules, NULL));
	MemoryContextSwitchTo(caller);

	MemoryContextSetParent(memory, TopMemoryContext);
	changes_memory = memory;
	ruleset.parts[1] = part;
	ruleset.nparts = 2;
}

/* The rules as they are. */
typedef struct Present
{
	int64		version;		/* read before the snapshot was taken */
	Snapshot	snapshot;
	int64	   *revisions;		/* NULL: not read yet */
	int			nrevisions;
} Present;

/* Has the rules as they are, if the first part is worth it. */
static bool
follow_changes(Present *present)
{
	HomeoRulePart *base = &ruleset.parts[0];
	int64	   *revisions;
	int			nchanged;

	discard_changes();
	if (present->version != HOMEO_RULE_VERSION_NONE &&
		present->version == base->image->version)
	{
		revive(base);
		return true;
	}
	if (present->revisions == NULL)
		present->nrevisions = homeo_rule_read_revisions(present->snapshot,
														&present->revisions);
	revisions = palloc(sizeof(int64) * Max(present->nrevisions, 1));
	memcpy(revisions, present->revisions, sizeof(int64) * present->nrevisions);
	nchanged = find_changes(revisions, present->nrevisions);
	if (nchanged > HOMEO_RULESET_MAX_CHANGED)
		return false;
	if (nchanged > 0)
		make_changes(present->snapshot, revisions, nchanged);
	return true;
}

/*
 * Computes the identity.  A version of a rule has a revision that no other
 * has, of this table; the sum of their hashes doesn't depend on the order in
 * which they stand in the parts.
 */
static void
identify(Oid relation)
{
	struct
	{
		Oid			database;
		Oid			relation;
		uint64		sums[2];
	}			source = {MyDatabaseId, relation, {0, 0}};

	for (int p = 0; p < ruleset.nparts; p++)
	{
		const HomeoRulePart *part = &ruleset.parts[p];

		source.sums[0] += part->image->sums[0];
		source.sums[1] += part->image->sums[1];
		for (uint32 rank = 0; rank < part->image->rules.n; rank++)
		{
			if (!homeo_ruleset_has_bit(part->alive, rank))
				homeo_image_subtract_revision(source.sums,
											  homeo_image_rule(part->image, rank)->revision);
		}
	}
	homeo_hash128(&source, sizeof(source), 0, ruleset.identity);
}

static void
update(Oid relation)
{
	static const TakeImage sources[] = {take_shared, take_stored};
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext scratch = AllocSetContextCreate(caller,
												  "homeostasis rules",
												  ALLOCSET_DEFAULT_SIZES);
	HomeoImageOrigin origin = {MyDatabaseId, relation};
	uint64		generation = homeo_image_share_generation();
	Present		present = {0};
	uint64		seen;
	bool		done = false;

	ruleset_complete = false;
	if (relation != ruleset_relation || generation != ruleset_generation)
		discard_all();
	/* Before the rules are read, so that nothing after is missed. */
	ruleset_relation = relation;
	ruleset_generation = generation;
	seen = invalidations;

	present.version = homeo_rule_version(relation);
	/* One for all: a revision that is seen has to be there when it is read. */
	present.snapshot = RegisterSnapshot(GetLatestSnapshot());
	MemoryContextSwitchTo(scratch);
	if (ruleset.nparts > 0)
		done = follow_changes(&present);
	for (int i = 0; i < lengthof(sources) && !done; i++)
		done = make_base(sources[i], origin, present.snapshot) &&
			follow_changes(&present);
	if (!done)
		(void) make_base(take_own, origin, present.snapshot);
	UnregisterSnapshot(present.snapshot);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);

	identify(relation);
	ruleset_seen = seen;
	ruleset_complete = true;
}

/*
 * The same as the owner of the rules, whoever matches, and with a search_path
 * in which nobody can have planted anything.
 */
static void
update_as_owner(Oid relation)
{
	Oid			user;
	int			context;
	int			nest_level = NewGUCNestLevel();

	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(homeo_relation_owner(relation),
						   context | SECURITY_LOCAL_USERID_CHANGE);
	(void) set_config_option("search_path", "pg_catalog, pg_temp",
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true,
							 0, false);
	update(relation);
	AtEOXact_GUC(false, nest_level);
	SetUserIdAndSecContext(user, context);
}

const HomeoRuleset *
homeo_ruleset_current(void)
{
	static bool registered = false;
	Oid			schema;
	Oid			relation = InvalidOid;

	if (!registered)
	{
		CacheRegisterRelcacheCallback(count_invalidation, (Datum) 0);
		registered = true;
	}
	AcceptInvalidationMessages();

	schema = get_namespace_oid("homeostasis", true);
	if (OidIsValid(schema))
		relation = get_relname_relid("rules", schema);
	if (!OidIsValid(relation))
	{
		ruleset_complete = false;
		discard_all();
		return NULL;
	}
	if (!ruleset_complete || relation != ruleset_relation ||
		ruleset_seen != invalidations ||
		ruleset_generation != homeo_image_share_generation())
		update_as_owner(relation);
	return &ruleset;
}

uint64
homeo_ruleset_shared(void)
{
	const HomeoRuleset *current = homeo_ruleset_current();
	const HomeoRulePart *base = &ruleset.parts[0];

	if (current == NULL || base_mapping == NULL || current->nparts != 1 ||
		pg_popcount((const char *) base->alive,
					(int) sizeof(uint64) * base->nwords) != base->image->rules.n)
		return 0;
	return base_mapping->generation;
}
