/*
 * propose.h
 *		Proposes patterns for messages that no rule matches.
 */
#ifndef HOMEO_PROPOSE_H
#define HOMEO_PROPOSE_H

#include "base/slice.h"
#include "nodes/pg_list.h"

/* A message, and the SQLSTATE that came with it, or NULL. */
typedef struct HomeoProposeMessage
{
	HomeoSlice	message;		/* UTF-8 */
	const char *sqlstate;
} HomeoProposeMessage;

/* Messages that say the same, and what they have in common. */
typedef struct HomeoProposal
{
	List	   *members;		/* of int: numbers of messages, from 0 */
	HomeoSlice	wording;		/* with placeholders, UTF-8 */
	HomeoSlice	pattern;		/* UTF-8; data NULL: there is none */
	const char *reason;			/* why there is none */
} HomeoProposal;

/*
 * Groups messages and proposes a pattern for each group: one that PCRE2 takes,
 * that matches all messages of the group, and not the empty string.  Groups
 * come in the order of their first messages, so the commonest should come
 * first.  Returns a list of HomeoProposal *, in CurrentMemoryContext.
 */
extern List *homeo_propose(const HomeoProposeMessage *messages, int nmessages);

#endif							/* HOMEO_PROPOSE_H */
