/*
 * body.h
 *		Many events that came in one piece, compressed or not.
 */
#ifndef HOMEO_BODY_H
#define HOMEO_BODY_H

#include "intake/split.h"

extern HomeoSlice homeo_body_decompress(HomeoSlice body, HomeoSlice encoding);
extern int	homeo_body_count(HomeoSlice body);

#endif							/* HOMEO_BODY_H */
