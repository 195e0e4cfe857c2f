/*
 * store_issues.h
 *		Counts events for their issues, and makes those that are new.
 */
#ifndef HOMEO_STORE_ISSUES_H
#define HOMEO_STORE_ISSUES_H

#include "intake/store_rows.h"

/* Refuses the rows whose issue would be one too many for its service. */
extern void homeo_store_refuse_new_issues(HomeoRow **rows, int nrows);

/*
 * Counts rows, which are then in the order of homeo_row_compare_group, and says
 * which issues are new or came back: turned has room for one a row.
 */
extern void homeo_store_issues(HomeoRow **rows, int nrows,
							   HomeoTurnedIssue *turned, int *nturned);

#endif							/* HOMEO_STORE_ISSUES_H */
