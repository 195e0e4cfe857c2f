/*
 * sql_text.h
 *		What a statement of SQL does, without the values it does it with.
 *
 * Needs nothing from the server.  Pure: no state, no allocation; the caller
 * owns both buffers, which must not overlap.
 */
#ifndef HOMEO_SQL_TEXT_H
#define HOMEO_SQL_TEXT_H

#include <stddef.h>

#include "base/slice.h"

/*
 * Writes the statement with a question mark for each literal, parameter, NULL
 * and boolean, in small letters, without comments and with as few blanks as
 * its words need.  How long a list of values or of rows is doesn't say what
 * the statement does: equal neighbours become one.  Returns the number of
 * bytes written, at most outcap: the result is cut there.  Takes time linear
 * in len.  The text may be cut off anywhere, or be no SQL at all.
 */
extern size_t homeo_sql_text_normalize(const char *text, size_t len,
									   char *out, size_t outcap);

/*
 * The statement that a function was running when the error was raised, which
 * is where the context of such an error begins; without data if it begins
 * with something else.
 */
extern HomeoSlice homeo_sql_text_innermost(HomeoSlice context);

#endif							/* HOMEO_SQL_TEXT_H */
