/*
 * match_table.h
 *		A table of short values by key, of fixed size, that processes may share
 *		without a lock.
 *
 * Memory full of zeros is an empty table; nothing in it is a pointer, and
 * nothing is ever allocated.  A value is found only if it is whole: see
 * match_table.c for what that rests on.  Needs nothing from the server.
 */
#ifndef HOMEO_MATCH_TABLE_H
#define HOMEO_MATCH_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Places in which a key may be. */
#define HOMEO_MATCH_TABLE_WAYS		8

/* Longer values are not for this table. */
#define HOMEO_MATCH_VALUE_BYTES		488

/* A hash; its bits are taken to be as good as random. */
typedef struct HomeoMatchKey
{
	uint64_t	half[2];
} HomeoMatchKey;

typedef struct HomeoMatchSlot
{
	uint32_t	version;		/* 0: never written; odd: being written */
	uint32_t	len;			/* of the value */
	HomeoMatchKey key;
	char		value[HOMEO_MATCH_VALUE_BYTES];
} HomeoMatchSlot;

typedef struct HomeoMatchSet
{
	/* A cache line, so that a look at a set without the key costs one. */
	uint32_t	tags[HOMEO_MATCH_TABLE_WAYS];	/* of keys; 0: empty */
	uint32_t	used;			/* a bit for each slot: found since the hand
								 * passed */
	uint32_t	hand;			/* counts the slots that it has passed */
	uint32_t	unused[6];

	HomeoMatchSlot slots[HOMEO_MATCH_TABLE_WAYS];
} HomeoMatchSet;

/* This process's view of a table. */
typedef struct HomeoMatchTable
{
	HomeoMatchSet *sets;
	uint32_t	nsets;			/* 0: nothing is ever kept */
} HomeoMatchTable;

typedef enum HomeoMatchStored
{
	HOMEO_MATCH_ADDED,			/* where nothing was */
	HOMEO_MATCH_REPLACED,		/* instead of another value */
	HOMEO_MATCH_KEPT,			/* it was there already */
	HOMEO_MATCH_REFUSED			/* too long, or another process was writing */
} HomeoMatchStored;

/*
 * Copies the value of the key, at most HOMEO_MATCH_VALUE_BYTES, and sets its
 * length; false, with value undefined, when the table doesn't have it.
 */
extern bool homeo_match_table_find(const HomeoMatchTable *table,
								   const HomeoMatchKey *key,
								   void *value, size_t *len);

/* Of the same key it is always the same value. */
extern HomeoMatchStored homeo_match_table_store(const HomeoMatchTable *table,
												const HomeoMatchKey *key,
												const void *value, size_t len);

#endif							/* HOMEO_MATCH_TABLE_H */
