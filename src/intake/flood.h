/*
 * flood.h
 *		Of a flood, which errors are stored whole and which are counted only.
 */
#ifndef HOMEO_FLOOD_H
#define HOMEO_FLOOD_H

#include "intake/row.h"

extern int	homeo_flood_thin(HomeoRow **rows, int nrows, HomeoRow **counted,
							 int *ncounted);

#endif							/* HOMEO_FLOOD_H */
