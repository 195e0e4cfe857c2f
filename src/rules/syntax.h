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
	bool		caseless;		/* the parts are to be found in any case, in
								 * the text or in what homeo_syntax_fold()
								 * makes of it */
	bool		starts_at_offset;	/* has \G */
} HomeoSyntax;

/*
 * Reads a pattern, valid UTF-8.  Of one that PCRE2 refuses, what is told
 * means nothing, but it is told.  Takes time linear in its length.
 */
extern HomeoSyntax homeo_syntax_read(HomeoSlice pattern);

/*
 * Two letters of ASCII are other letters, too, in any case: k is the Kelvin
 * sign, and s the long s.  Whether a text has one of these, and writes it with
 * k and s in their place to out, which has room for the text; returns its length.
 */
extern bool homeo_syntax_folds(HomeoSlice subject);
extern size_t homeo_syntax_fold(HomeoSlice subject, char *out);

/* Whether a text contains a part, letters of ASCII in any case. */
extern bool homeo_syntax_find_part(HomeoSlice subject, HomeoSlice part,
								   bool caseless);

#endif							/* HOMEO_SYNTAX_H */
