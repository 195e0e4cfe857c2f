/*
 * split.h
 *		Where the events of a body begin and end.
 *
 * Needs nothing from the server.
 */
#ifndef HOMEO_SPLIT_H
#define HOMEO_SPLIT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

typedef enum HomeoSplitResult
{
	HOMEO_SPLIT_PIECE,			/* here is another one */
	HOMEO_SPLIT_END,
	HOMEO_SPLIT_UNFINISHED,		/* an array without its bracket */
	HOMEO_SPLIT_TRAILING		/* something behind that bracket */
} HomeoSplitResult;

typedef struct HomeoSplit
{
	const char *next;
	const char *end;
	bool		is_array;		/* or else lines */
	int			place;			/* of the last piece: line or element, from 1 */
} HomeoSplit;

extern void homeo_split_init(HomeoSplit *split, HomeoSlice text);
extern HomeoSplitResult homeo_split_next(HomeoSplit *split, HomeoSlice *piece);

#endif							/* HOMEO_SPLIT_H */
