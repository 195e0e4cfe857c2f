/*
 * flood.h
 *		Of a flood of the same error, which ones are stored whole.
 */
#ifndef HOMEO_FLOOD_H
#define HOMEO_FLOOD_H

#include "intake/row.h"

extern int	homeo_flood_thin(HomeoRow **rows, int nrows);

#endif							/* HOMEO_FLOOD_H */
