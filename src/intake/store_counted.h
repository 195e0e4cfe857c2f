/*
 * store_counted.h
 *		Stores the events of a flood that are only counted.
 */
#ifndef HOMEO_STORE_COUNTED_H
#define HOMEO_STORE_COUNTED_H

#include "intake/row.h"

/*
 * Moves those of rows that are beyond the quota of their service, and that a
 * stored row of their minute can stand for, to counted, which has room for
 * them.  Returns how many of rows remain.
 */
extern int	homeo_store_counted_fold(HomeoRow **rows, int nrows,
									 HomeoRow **counted, int *ncounted);

/*
 * Notes the ids of counted events that may be reported again; those that are
 * there already are not counted.
 */
extern void homeo_store_counted_remember(HomeoRow **counted, int ncounted);

/*
 * Adds rows to the stored ones that they have as into.  Puts in their place
 * rows that are counted as those would be, and returns how many these are.
 */
extern int	homeo_store_counted_add(HomeoRow **rows, int nrows);

/* Says of issues how much of them was only counted. */
extern void homeo_store_counted_note(HomeoRow **counted, int ncounted);

#endif							/* HOMEO_STORE_COUNTED_H */
