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
 * To make an image of thousands of rules takes seconds.  So a change only makes
 * a second, small one: each version of a rule has a revision of its own, and
 * those that the first image doesn't have go into the second, those that are
 * no longer there are dead in the first.
 */
#include "postgres.h"

#include "rules/ruleset.h"

#include "catalog/namespace.h"
#include "rules/image_build.h"
#include "rules/scan.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/*
 * With more changed rules than this a process that makes its images itself
 * makes the first one anew.
 */
#define MAX_CHANGED		256

static HomeoRuleset ruleset;
static bool ruleset_complete = false;	/* no error while it was made */
static Oid	ruleset_relation = InvalidOid;
static uint64 ruleset_seen = 0; /* value of invalidations when it was read */

/* What is in the first part's memory, and in that of all that changes. */
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
	for (uint32 rank = 0; rank < image->rules.n; rank++)
		homeo_ruleset_set_bit(part->alive, rank);
}

/* Makes the first part of all rules. */
static void
make_base(void)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext memory = AllocSetContextCreate(caller, "homeostasis ruleset",
												 ALLOCSET_DEFAULT_SIZES);
	HomeoRulePart part;
	HomeoRule  *rules;
	int			nrules = homeo_rule_read(NULL, 0, &rules);

	MemoryContextSwitchTo(memory);
	begin_part(&part, homeo_image_build(rules, nrules, homeo_image_compile_here,
										NULL));
	MemoryContextSwitchTo(caller);

	discard(&base_memory);
	MemoryContextSetParent(memory, TopMemoryContext);
	base_memory = memory;
	ruleset.parts[0] = part;
	ruleset.nparts = 1;
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
make_changes(const int64 *revisions, int nrevisions)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext memory = AllocSetContextCreate(caller,
												 "homeostasis changed rules",
												 ALLOCSET_DEFAULT_SIZES);
	HomeoRulePart part;
	HomeoRule  *rules;
	int			nrules = homeo_rule_read(revisions, nrevisions, &rules);

	MemoryContextSwitchTo(memory);
	begin_part(&part, homeo_image_build(rules, nrules, NULL, NULL));
	MemoryContextSwitchTo(caller);

	MemoryContextSetParent(memory, TopMemoryContext);
	changes_memory = memory;
	ruleset.parts[1] = part;
	ruleset.nparts = 2;
}

static void
update(Oid relation)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext scratch = AllocSetContextCreate(caller,
												  "homeostasis rules",
												  ALLOCSET_DEFAULT_SIZES);
	int64	   *revisions;
	int			nchanged;
	uint64		seen;

	ruleset_complete = false;
	if (relation != ruleset_relation)
		ruleset.nparts = 0;
	/* Before the rules are read, so that nothing after is missed. */
	ruleset_relation = relation;
	seen = invalidations;

	MemoryContextSwitchTo(scratch);
	if (ruleset.nparts > 0)
	{
		nchanged = homeo_rule_read_revisions(&revisions);
		nchanged = find_changes(revisions, nchanged);
		ruleset.nparts = 1;
		discard(&changes_memory);
		if (nchanged > MAX_CHANGED)
			ruleset.nparts = 0;
		else if (nchanged > 0)
			make_changes(revisions, nchanged);
	}
	if (ruleset.nparts == 0)
	{
		discard(&changes_memory);
		make_base();
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);

	ruleset_seen = seen;
	ruleset_complete = true;
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
		ruleset.nparts = 0;
		discard(&changes_memory);
		discard(&base_memory);
		return NULL;
	}
	if (!ruleset_complete || relation != ruleset_relation ||
		ruleset_seen != invalidations)
		update(relation);
	return &ruleset;
}
