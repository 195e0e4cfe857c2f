/*
 * rank.h
 *		Which of two rules says more about an event that both match.
 */
#ifndef HOMEO_RANK_H
#define HOMEO_RANK_H

#include "rules/rule.h"

/* What decides. */
typedef struct HomeoRankKey
{
	int			specificity;
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

/* Below 0 when the first one wins; 0 only for the same rule. */
extern int	homeo_rank_compare(const HomeoRankKey *a, const HomeoRankKey *b);

/* What decided between two rules, in words, palloc'd. */
extern const char *homeo_rank_reason(const HomeoRankKey *winner,
									 const HomeoRankKey *loser);

#endif							/* HOMEO_RANK_H */
