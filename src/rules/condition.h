/*
 * condition.h
 *		When an event has the value that a rule asks for.
 */
#ifndef HOMEO_CONDITION_H
#define HOMEO_CONDITION_H

#include "rules/rule.h"

/*
 * What is compared of a value, given by a rule or an event: of a framework or a
 * platform the name, in lower case and without its version, palloc'd; else the
 * value itself.  data NULL: nothing is left.
 */
extern HomeoSlice homeo_condition_value(HomeoExact condition,
										HomeoSlice given);

/*
 * A value that a rule may ask for, too, where an event has the given one; data
 * NULL: there is none.
 */
extern HomeoSlice homeo_condition_wider(HomeoExact condition, HomeoSlice value);

/* Does value, data NULL if the event has none, meet the condition? */
extern bool homeo_condition_holds(HomeoExact condition, HomeoSlice wanted,
								  HomeoSlice value);

#endif							/* HOMEO_CONDITION_H */
