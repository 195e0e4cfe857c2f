/*
 * ruleset.h
 *		The enabled rules of homeostasis.rules as this process sees them.
 */
#ifndef HOMEO_RULESET_H
#define HOMEO_RULESET_H

#include "rules/image.h"
#include "rules/stat.h"

/* With more changed rules than this, a shared image is not worth having. */
#define HOMEO_RULESET_MAX_CHANGED	256

/* An image, and what this process has for it. */
typedef struct HomeoRulePart
{
	const HomeoImage *image;
	int			nwords;			/* of each of the following */
	uint64	   *alive;			/* a bit for each rule that is still one */
	uint64	   *candidates;		/* match.c's: a bit for each rule */
	HomeoRuleCounters **counters;	/* match.c's: for each rule; NULL: not
									 * asked for yet */
} HomeoRulePart;

/*
 * Nearly all rules are in the first part.  The second has those that have
 * changed since the first was made.
 */
#define HOMEO_RULE_PARTS	2

typedef struct HomeoRuleset
{
	int			nparts;
	HomeoRulePart parts[HOMEO_RULE_PARTS];

	/* The same in all processes that see the same rules of this database. */
	uint8		identity[16];
} HomeoRuleset;

static inline bool
homeo_ruleset_has_bit(const uint64 *bits, uint32 rank)
{
	return (bits[rank / 64] >> (rank % 64)) & 1;
}

/* May a rule have that condition?  One that is dead counts, too. */
static inline bool
homeo_ruleset_asks(const HomeoRuleset *ruleset, HomeoExact condition)
{
	uint32		asked = 0;

	for (int p = 0; p < ruleset->nparts; p++)
		asked |= ruleset->parts[p].image->asked;
	return (asked >> condition) & 1;
}

static inline void
homeo_ruleset_set_bit(uint64 *bits, uint32 rank)
{
	bits[rank / 64] |= UINT64CONST(1) << (rank % 64);
}

/*
 * The rules as they are now, or NULL when the extension isn't there.  Valid
 * until the next call; needs a transaction.
 */
extern const HomeoRuleset *homeo_ruleset_current(void);

/*
 * The generation of the shared image, if it has just the rules as they are now;
 * else 0.
 */
extern uint64 homeo_ruleset_shared(void);

#endif							/* HOMEO_RULESET_H */
