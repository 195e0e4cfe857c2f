/*
 * scrub_statement.h
 *		Secrets that are known by their place in a statement of SQL.
 */
#ifndef HOMEO_SCRUB_STATEMENT_H
#define HOMEO_SCRUB_STATEMENT_H

#include "intake/scrubber.h"

/*
 * Has everything hidden from the first literal at or behind pos.
 */
extern void homeo_scrub_statement_hide_literals(HomeoScrubber *s, size_t pos);

/*
 * Behind a secret's name in a list of columns: has what is assigned to the list
 * or compared with it hidden, (user, password) = ('x', 'y').
 */
extern void homeo_scrub_statement_hide_row(HomeoScrubber *s, size_t pos);

/*
 * Before a secret's name: hides the literal that it is the alias of, 'x' AS
 * password, in what was copied already.
 */
extern void homeo_scrub_statement_hide_aliased(HomeoScrubber *s);

/*
 * Hides the literal at hand if it is an argument of a function that takes
 * secrets, and moves behind it.
 */
extern bool homeo_scrub_statement_hide_argument(HomeoScrubber *s);

/*
 * The word from here to end may tell that a secret follows at a certain place.
 * True if it has been dealt with, and the word been copied.
 */
extern bool homeo_scrub_statement_hide(HomeoScrubber *s, size_t end);

#endif							/* HOMEO_SCRUB_STATEMENT_H */
