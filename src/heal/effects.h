/*
 * effects.h
 *		Makes setval(), which no rollback undoes, one that a rollback undoes.
 */
#ifndef HOMEO_EFFECTS_H
#define HOMEO_EFFECTS_H

#include "nodes/parsenodes.h"

/*
 * The Oids of the sequences that an analysed SELECT sets by setval(); NIL when
 * it sets none, when they are not known before it runs, or when it could run
 * code of somebody else, which could set others.  Evaluates the arguments, so
 * it must be called as the role that is going to run the statement.
 */
extern List *homeo_effects_sequences(Query *query);

/*
 * Gives each sequence a new file that a rollback of the transaction takes
 * away, so that setval() and nextval() are undone by it too.  Other sessions
 * wait for the sequence until then.  Needs the rights of its owner.
 */
extern void homeo_effects_contain(List *sequences);

#endif							/* HOMEO_EFFECTS_H */
