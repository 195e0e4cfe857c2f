/*
 * effects.h
 *		Finds what a statement would do that a rollback does not undo.
 */
#ifndef HOMEO_EFFECTS_H
#define HOMEO_EFFECTS_H

#include "nodes/parsenodes.h"

typedef struct HomeoEffects
{
	const char *function;		/* one whose effect would stay; NULL: none */
	List	   *sequences;		/* Oids of sequences that setval() would move */
} HomeoEffects;

/*
 * Looks at the functions that an analysed statement calls itself; what views,
 * triggers and functions of users do is out of its sight.  Evaluates the
 * arguments of setval(), so it must be called as the role that is going to
 * run the statement.
 */
extern void homeo_effects_find(Query *query, HomeoEffects *effects);

/*
 * Gives each sequence a new file that a rollback of the transaction takes
 * away, so that setval() and nextval() are undone by it too.  Other sessions
 * wait for the sequence until then.  Needs the rights of its owner.
 */
extern void homeo_effects_contain(List *sequences);

#endif							/* HOMEO_EFFECTS_H */
