/*
 * syntax.h
 *		What the text of a pattern tells without being compiled.
 *
 * Needs nothing from the server.  Pure: no state, no allocation.
 */
#ifndef HOMEO_SYNTAX_H
#define HOMEO_SYNTAX_H

#include <stdbool.h>

#include "base/slice.h"

#define HOMEO_SYNTAX_PARTS	64

/* Parts of a pattern, of which every text that it matches contains one. */
typedef struct HomeoSyntaxParts
{
	int			n;				/* 0: none are known */
	HomeoSlice	of[HOMEO_SYNTAX_PARTS];
} HomeoSyntaxParts;

typedef struct HomeoSyntax
{
	int			literals;		/* characters that every match contains */
	HomeoSyntaxParts parts;
	bool		caseless;		/* the parts are to be found in any case */
	bool		starts_at_offset;	/* has \G */
} HomeoSyntax;

/*
 * Reads a pattern, valid UTF-8.  Of one that PCRE2 refuses, what is told
 * means nothing, but it is told.  Takes time linear in its length.
 */
extern HomeoSyntax homeo_syntax_read(HomeoSlice pattern);

/* Whether a text contains a part. */
extern bool homeo_syntax_find_part(HomeoSlice subject, HomeoSlice part,
								   bool caseless);

#endif							/* HOMEO_SYNTAX_H */
