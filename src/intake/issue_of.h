/*
 * issue_of.h
 *		Which issues events count for.
 */
#ifndef HOMEO_ISSUE_OF_H
#define HOMEO_ISSUE_OF_H

#include "intake/row.h"

/* Sets issue_id of rows, one of each problem: 0, there is none. */
extern void homeo_issue_find(HomeoRow **rows, int nrows);

/*
 * Sets issue_id of rows, which are in the order of homeo_row_compare_group,
 * and is_new of those for whose problem an issue has to be made.  Until the end
 * of the transaction nobody merges or splits issues.
 */
extern void homeo_issue_assign(HomeoRow **rows, int nrows);

#endif							/* HOMEO_ISSUE_OF_H */
