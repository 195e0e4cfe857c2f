/*
 * constraints.h
 *		Constraints and their deferred triggers, for code that runs in a
 *		security-restricted context.
 */
#ifndef HOMEO_CONSTRAINTS_H
#define HOMEO_CONSTRAINTS_H

extern void homeo_constraints_make_immediate(void);

#endif							/* HOMEO_CONSTRAINTS_H */
