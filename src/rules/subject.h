/*
 * subject.h
 *		Text of the database as the engines want it, and back.
 */
#ifndef HOMEO_SUBJECT_H
#define HOMEO_SUBJECT_H

#include "base/slice.h"

extern HomeoSlice homeo_subject_make(HomeoSlice given, size_t limit);
extern HomeoSlice homeo_subject_restore(HomeoSlice utf8);

#endif							/* HOMEO_SUBJECT_H */
