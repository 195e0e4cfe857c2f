/*
 * rank.h
 *		Which of two rules says more about an event that both match.
 */
#ifndef HOMEO_RANK_H
#define HOMEO_RANK_H

#include "rules/rule.h"

/* Where a rule looks for what it knows: the best of its conditions. */
typedef enum HomeoRankPlace
{
	HOMEO_PLACE_ANYWHERE,		/* none of the following */
	HOMEO_PLACE_FRAME,			/* the stack trace */
	HOMEO_PLACE_TEXT,			/* the error as it is printed */
	HOMEO_PLACE_MESSAGE,		/* one of its parts */
	HOMEO_PLACE_TYPE,			/* its type, its code, or what it names */
	HOMEO_PLACE_COUNT
} HomeoRankPlace;

/* What decides. */
typedef struct HomeoRankKey
{
	int			specificity;
	int			place;			/* HomeoRankPlace */
	double		confidence;
	int			priority;
	const char *id;
} HomeoRankKey;

/*
 * Points of a rule; literals are the characters that every match of each of
 * its patterns contains.
 */
extern int	homeo_rank_specificity(const HomeoRule *rule,
								   const int literals[HOMEO_PATTERN_COUNT]);

/* Their names, for people. */
extern const char *const homeo_rank_places[HOMEO_PLACE_COUNT];

extern HomeoRankPlace homeo_rank_place(const HomeoRule *rule);

/* Below 0 when the first one wins; 0 only for the same rule. */
extern int	homeo_rank_compare(const HomeoRankKey *a, const HomeoRankKey *b);

/* What decided between two rules, in words, palloc'd. */
extern const char *homeo_rank_reason(const HomeoRankKey *winner,
									 const HomeoRankKey *loser);

#endif							/* HOMEO_RANK_H */
