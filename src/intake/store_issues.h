/*
 * store_issues.h
 *		Counts events for their issues, and makes those that are new.
 */
#ifndef HOMEO_STORE_ISSUES_H
#define HOMEO_STORE_ISSUES_H

#include "intake/store_rows.h"

/*
 * Counts rows, whose order is another afterwards.  Says in turned, which has
 * room for one a row, which issues are new or came back, and returns how many.
 */
extern int	homeo_store_issues(HomeoRow **rows, int nrows,
							   HomeoTurnedIssue *turned);

#endif							/* HOMEO_STORE_ISSUES_H */
