/*
 * pattern_tree.h
 *		A pattern as a tree, for those who ask what its parts can match.
 *
 * Needs nothing from the server; takes its memory from malloc().
 */
#ifndef HOMEO_PATTERN_TREE_H
#define HOMEO_PATTERN_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/* Characters: each of ASCII, and all others together. */
typedef struct HomeoCharSet
{
	uint64_t	low[2];
	bool		high;
} HomeoCharSet;

typedef enum HomeoNodeKind
{
	HOMEO_NODE_CHARS,			/* one character of a set */
	HOMEO_NODE_EMPTY,			/* consumes nothing, never fails */
	HOMEO_NODE_ASSERTION,		/* consumes nothing, may fail; has a child if
								 * a lookaround */
	HOMEO_NODE_REFERENCE,		/* what was matched before, or a recursion */
	HOMEO_NODE_SEQUENCE,
	HOMEO_NODE_CHOICE,
	HOMEO_NODE_REPEAT			/* has one child */
} HomeoNodeKind;

/* Of nodes by their numbers; 0 is none. */
typedef struct HomeoNode
{
	HomeoNodeKind kind;
	HomeoCharSet set;			/* CHARS */
	int			min;			/* REPEAT */
	int			max;			/* REPEAT; -1: no limit */
	bool		atomic;			/* REPEAT, SEQUENCE: never gives back */
	bool		nullable;		/* may consume nothing */
	int			offset;			/* bytes from the start of the pattern */
	int			first;			/* child */
	int			last;			/* child */
	int			next;			/* sibling */
	int			previous;		/* sibling */
} HomeoNode;

typedef struct HomeoPatternTree
{
	HomeoNode  *nodes;
	int			n;
	int			room;
	int			root;
} HomeoPatternTree;

/*
 * Reads a pattern, valid UTF-8 that PCRE2 accepts.  False, and nothing to be
 * freed, when it has what is not read here, such as conditional groups, or
 * there is no memory.
 */
extern bool homeo_pattern_tree_read(HomeoSlice pattern, HomeoPatternTree *tree);

extern void homeo_pattern_tree_free(HomeoPatternTree *tree);

#endif							/* HOMEO_PATTERN_TREE_H */
