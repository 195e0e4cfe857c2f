/*
 * prefilter.h
 *		Vectorscan: one scan of a text tells which patterns may match it.
 */
#ifndef HOMEO_PREFILTER_H
#define HOMEO_PREFILTER_H

#include "rules/pattern.h"

extern void homeo_prefilter_update(uint32 generation);
extern void homeo_prefilter_scan(HomeoSlice subject, HomeoPatternVisit visit,
								 void *arg);
extern void homeo_prefilter_forget(HomeoPattern *pattern);

#endif							/* HOMEO_PREFILTER_H */
