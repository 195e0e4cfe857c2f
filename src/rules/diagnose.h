/*
 * diagnose.h
 *		Writes down what the rules say about an issue.
 */
#ifndef HOMEO_DIAGNOSE_H
#define HOMEO_DIAGNOSE_H

extern void homeo_diagnose_init(void);

#endif							/* HOMEO_DIAGNOSE_H */
