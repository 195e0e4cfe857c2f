/*
 * rules.h
 *		The SQL functions about rules, and the room's start.
 */
#ifndef HOMEO_RULES_H
#define HOMEO_RULES_H

extern void homeo_rules_init(void);

#endif							/* HOMEO_RULES_H */
