/*
 * backtrack.h
 *		Which patterns may take PCRE2 a time that explodes with the text.
 *
 * Needs nothing from the server.
 */
#ifndef HOMEO_BACKTRACK_H
#define HOMEO_BACKTRACK_H

#include "base/slice.h"

typedef enum HomeoBacktrackKind
{
	HOMEO_BACKTRACK_NONE,
	HOMEO_BACKTRACK_NESTED,		/* (a+)+b: repeats in a repeat */
	HOMEO_BACKTRACK_CHOICE,		/* (a|a)+b: repeats of a choice of the same */
	HOMEO_BACKTRACK_ADJACENT	/* a*a*b: repeats one behind the other */
} HomeoBacktrackKind;

typedef struct HomeoBacktrack
{
	HomeoBacktrackKind kind;
	int			offset;			/* characters from the start of the pattern */
} HomeoBacktrack;

/*
 * The first place of a pattern, valid UTF-8 that PCRE2 accepts, where two
 * repeats can share a run of characters in many ways before what follows fails.
 * Nothing is found in what it cannot read, or without memory.
 */
extern HomeoBacktrack homeo_backtrack_find(HomeoSlice pattern);

#endif							/* HOMEO_BACKTRACK_H */
