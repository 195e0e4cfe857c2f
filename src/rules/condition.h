/*
 * condition.h
 *		When an event has the value that a rule asks for.
 */
#ifndef HOMEO_CONDITION_H
#define HOMEO_CONDITION_H

#include "rules/rule.h"

/* The values that a rule may ask for where an event has the given one. */
typedef struct HomeoConditionValues
{
	HomeoExact	condition;
	HomeoSlice	next;			/* data NULL: there are no more */
	HomeoSlice	rest;			/* names that come after it, one a line */
} HomeoConditionValues;

/*
 * Begins with what an event has, as homeo_rule_exact_value() gives it; its text
 * must stay.
 */
extern HomeoConditionValues homeo_condition_values(HomeoExact condition,
												   HomeoSlice given);

/* True, and the next value; false: there are no more. */
extern bool homeo_condition_next(HomeoConditionValues *values,
								 HomeoSlice *value);

/* Does what the event has, data NULL if it has nothing, meet the condition? */
extern bool homeo_condition_holds(HomeoExact condition, HomeoSlice wanted,
								  HomeoSlice given);

/*
 * What is compared of a value that a rule or an event gives: of a framework or a
 * platform in small letters on one line, without blanks at its ends, and with
 * one before its version, palloc'd;
 * else the value itself.  data NULL: nothing is left.
 */
extern HomeoSlice homeo_condition_value(HomeoExact condition,
										HomeoSlice given);

/* Does a value, as it is compared, lack the name before its version? */
extern bool homeo_condition_is_nameless(HomeoExact condition,
										HomeoSlice value);

#endif							/* HOMEO_CONDITION_H */
