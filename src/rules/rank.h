/*
 * rank.h
 *		Which of two rules says more about an event that both match.
 */
#ifndef HOMEO_RANK_H
#define HOMEO_RANK_H

#include "rules/ruleset.h"

extern int	homeo_rank_specificity(const HomeoRule *rule);
extern int	homeo_rank_compare(const void *a, const void *b);
extern const char *homeo_rank_reason(const HomeoRule *winner,
									 const HomeoRule *loser);

#endif							/* HOMEO_RANK_H */
