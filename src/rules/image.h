/*
 * image.h
 *		Rules in one piece of memory, ready to be matched.
 *
 * An image is never changed.  It has no pointers, only offsets from its own
 * start, so that it can be written to a file, read into shared memory, and used
 * by any process.  Rules stand in it in the order in which they win, so the
 * place of a rule is its rank.
 */
#ifndef HOMEO_IMAGE_H
#define HOMEO_IMAGE_H

#include "base/slice.h"
#include "rules/rank.h"
#include "rules/rule.h"

/* Counted up whenever images are laid out or found in another way. */
#define HOMEO_IMAGE_FORMAT		9

/* Where an image has to begin, and the databases of Vectorscan in it. */
#define HOMEO_IMAGE_ALIGNMENT	64

/* Text, with a terminator behind it; offset 0: absent. */
typedef struct HomeoImageText
{
	uint32		offset;
	uint32		len;
} HomeoImageText;

/* So many things that begin there. */
typedef struct HomeoImageArray
{
	uint32		offset;
	uint32		n;
} HomeoImageArray;

typedef struct HomeoImageRule
{
	int64		revision;
	double		confidence;
	int32		priority;
	int32		specificity;
	int32		place;			/* HomeoRankPlace */
	HomeoImageText id;
	HomeoImageText root_cause;
	HomeoImageText suggestion;
	HomeoImageText template_name;
	uint32		has_exact;		/* bit per HomeoExact that is there */
	uint32		has_patterns;	/* bit per HomeoPatternKind */
	HomeoImageText exact[HOMEO_EXACT_COUNT];
	HomeoImageArray sqlstates;	/* of HomeoImageText; none: any */
	int32		patterns[HOMEO_PATTERN_COUNT];	/* numbers; -1: any text */
} HomeoImageRule;

typedef struct HomeoImagePattern
{
	HomeoImageText source;		/* UTF-8 */
	HomeoImageArray parts;		/* HomeoImageText; see HomeoSyntax */
	uint8		key[16];		/* hash of it and of the next but one */
	bool		starts_at_offset;	/* see HomeoSyntax */
	bool		caseless;		/* the same */
	bool		multiline;		/* see HomeoRegexSource */
} HomeoImagePattern;

/* Rules, by one condition that they have; an empty place has no kind. */
typedef struct HomeoImageCondition
{
	int32		kind;			/* HomeoExact or one of the following; -1:
								 * empty */
	HomeoImageText value;
	HomeoImageArray rules;		/* ranks */
} HomeoImageCondition;

#define HOMEO_CONDITION_SQLSTATE	HOMEO_EXACT_COUNT
#define HOMEO_CONDITION_NONE		(HOMEO_EXACT_COUNT + 1)

/*
 * Adds the hash of a revision to sums, or takes it away.  They don't depend on
 * the order, and tell which versions of rules were added.
 */
extern void homeo_image_add_revision(uint64 sums[2], int64 revision);
extern void homeo_image_subtract_revision(uint64 sums[2], int64 revision);

/* A database of Vectorscan over parts of the patterns of one kind. */
typedef struct HomeoImageScan
{
	int32		kind;			/* HomeoPatternKind: the text to be scanned */
	uint32		database;		/* offset of an hs_database_t */
	HomeoImageArray parts;		/* of each expression: a HomeoImageArray of
								 * the ranks of the rules it stands for */
} HomeoImageScan;

typedef struct HomeoImageRevision
{
	int64		revision;
	uint32		rank;
} HomeoImageRevision;

typedef struct HomeoImage
{
	uint64		size;			/* bytes, all included */
	int64		version;		/* of the rules, see rule_version.h */
	uint64		sums[2];		/* of the hashes of all revisions */
	uint32		asked;			/* bit per HomeoExact: a rule has it */
	HomeoImageArray rules;
	HomeoImageArray patterns;
	HomeoImageArray conditions; /* a power of two of places */
	HomeoImageArray scans;
	HomeoImageArray revisions;	/* in ascending order */
} HomeoImage;

static inline const void *
homeo_image_at(const HomeoImage *image, uint32 offset)
{
	return (const char *) image + offset;
}

static inline HomeoSlice
homeo_image_text(const HomeoImage *image, HomeoImageText found)
{
	HomeoSlice	slice = {NULL, 0};

	if (found.offset != 0)
	{
		slice.data = homeo_image_at(image, found.offset);
		slice.len = found.len;
	}
	return slice;
}

/* With its terminator, or NULL. */
static inline const char *
homeo_image_string(const HomeoImage *image, HomeoImageText found)
{
	return homeo_image_text(image, found).data;
}

static inline const HomeoImageRule *
homeo_image_rule(const HomeoImage *image, uint32 rank)
{
	return (const HomeoImageRule *) homeo_image_at(image, image->rules.offset) + rank;
}

static inline const HomeoImagePattern *
homeo_image_pattern(const HomeoImage *image, int32 number)
{
	return (const HomeoImagePattern *) homeo_image_at(image, image->patterns.offset) + number;
}

static inline const uint32 *
homeo_image_ranks(const HomeoImage *image, HomeoImageArray array)
{
	return homeo_image_at(image, array.offset);
}

typedef void (*HomeoImageVisit) (uint32 rank, void *arg);

/* The kind of the pattern that a rule is found by, or -1: it has none such. */
static inline int
homeo_image_lead(const HomeoImageRule *rule)
{
	for (int kind = 0; kind < HOMEO_PATTERN_LEADS; kind++)
	{
		if (rule->patterns[kind] >= 0)
			return kind;
	}
	return -1;
}

/* What rules are found in: the texts of the first kinds, in UTF-8. */
typedef struct HomeoImageSubjects
{
	HomeoSlice	of[HOMEO_PATTERN_LEADS];	/* data NULL: there is none */
} HomeoImageSubjects;

/*
 * Visits the rules that may match: those whose most selective condition the
 * input meets, and those that a scan of their subject finds; not those of which
 * the subject has none of the parts that it must have.  A rule may be visited
 * twice.  visit may not raise an error.
 */
extern void homeo_image_find(const HomeoImage *image,
							 const HomeoMatchInput *input,
							 const HomeoImageSubjects *subjects,
							 HomeoImageVisit visit, void *arg);

/* The rank of the rule with that revision, or -1. */
extern int64 homeo_image_find_revision(const HomeoImage *image, int64 revision);

/* The column of the first condition that the input does not meet, or NULL. */
extern const char *homeo_image_failing_condition(const HomeoImage *image,
												 const HomeoImageRule *rule,
												 const HomeoMatchInput *input);

extern HomeoRankKey homeo_image_rank_key(const HomeoImage *image,
										 const HomeoImageRule *rule);

/* Where a condition is in a table of so many places, or the empty place for it. */
extern uint32 homeo_image_condition_place(const HomeoImage *image,
										  const HomeoImageCondition *places,
										  uint32 nplaces, int32 kind,
										  HomeoSlice value);

#endif							/* HOMEO_IMAGE_H */
