/*
 * match.h
 *		Finds the rules that an event satisfies, and the one that says most.
 */
#ifndef HOMEO_MATCH_H
#define HOMEO_MATCH_H

#include "base/slice.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"

/* What rules can see of an event; text in the database's encoding. */
typedef struct HomeoMatchInput
{
	HomeoSlice	language;
	HomeoSlice	error_type;
	HomeoSlice	sqlstate;
	HomeoSlice	message;
	HomeoSlice	detail;
	HomeoSlice	context;
	HomeoSlice	statement;
	HomeoSlice	stack;			/* one frame a line */
	HomeoSlice	printed;		/* filled in by match.c: see
								 * homeo_rule_printed() */
	HomeoSlice	schema_name;
	HomeoSlice	table_name;
	HomeoSlice	column_name;
	HomeoSlice	constraint_name;
	HomeoSlice	datatype_name;
	HomeoSlice	service;
	HomeoSlice	environment;	/* JSON, an object */
	HomeoSlice	frameworks;		/* filled in by match.c, if rules ask for it:
								 * see environment.h */
	HomeoSlice	platforms;		/* the same */
} HomeoMatchInput;

typedef struct HomeoDiagnosis
{
	char	   *rule_id;
	double		confidence;
	char	   *root_cause;
	char	   *suggestion;
	char	   *template_name;	/* NULL: advice only */
	Jsonb	   *captures;		/* object; never NULL */
} HomeoDiagnosis;

/* What became of a rule when an event was matched. */
typedef enum HomeoVerdict
{
	HOMEO_VERDICT_WON,
	HOMEO_VERDICT_OUTRANKED,	/* matches, but not as the first */
	HOMEO_VERDICT_REFUSED,		/* a pattern doesn't match */
	HOMEO_VERDICT_LIMIT,		/* a pattern ran into a limit */
	HOMEO_VERDICT_EXCLUDED,		/* a condition isn't met */
	HOMEO_VERDICT_MISSED		/* matches, but the scan didn't report it */
} HomeoVerdict;

typedef struct HomeoExplanation
{
	const char *rule_id;
	int			rank;			/* 1 wins over all others */
	HomeoVerdict verdict;
	const char *reason;
	int			specificity;
	int			place;			/* HomeoRankPlace */
	double		confidence;
	double		microseconds;	/* spent on its patterns */
} HomeoExplanation;

/*
 * The best rule for the input, or NULL.  Needs a transaction, because it may
 * have to read homeostasis.rules.  The result is allocated in
 * CurrentMemoryContext.
 */
extern HomeoDiagnosis *homeo_match_best(const HomeoMatchInput *input);

/*
 * Matches whatever is known already, so that outcome and patterns are in the
 * caches; counts nothing of the rules.  True if a rule matches.
 */
extern bool homeo_match_warm(const HomeoMatchInput *input);

/* Whether a rule looks at the service of an event. */
extern bool homeo_match_asks_service(void);

/* Which cache would answer homeo_match_best(), "local" or "shared"; or NULL. */
extern const char *homeo_match_cached(const HomeoMatchInput *input);

/*
 * What became of the rules, best first: a list of HomeoExplanation *.  With
 * every_rule also of those that a condition excludes or whose pattern wasn't
 * found, and then each pattern is tried whatever the scan says.  rule_id,
 * unless it is NULL, leaves all other rules out of the list.
 */
extern List *homeo_match_explain(const HomeoMatchInput *input,
								 const char *rule_id, bool every_rule);

#endif							/* HOMEO_MATCH_H */
