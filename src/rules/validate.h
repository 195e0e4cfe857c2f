/*
 * validate.h
 *		Refuses what cannot be used as a pattern.
 */
#ifndef HOMEO_VALIDATE_H
#define HOMEO_VALIDATE_H

#include "base/slice.h"

extern HomeoSlice homeo_validate_pattern(const char *owner, const char *column,
										 HomeoSlice given);

#endif							/* HOMEO_VALIDATE_H */
