/*
 * store_rows.h
 *		Writes prepared events into the tables, all of them or none.
 */
#ifndef HOMEO_STORE_ROWS_H
#define HOMEO_STORE_ROWS_H

#include "intake/row.h"
#include "intake/store.h"

/* An issue that wants to be diagnosed: it is new, or came back. */
typedef struct HomeoTurnedIssue
{
	int64		service_id;
	int64		issue_id;
	const HomeoRow *sample;		/* its latest event */
} HomeoTurnedIssue;

/*
 * Writes rows, which are ordered as homeo_row_compare() does, and says which
 * issues are new or came back (palloc'd).  Sets service_id, stored,
 * occurrences and refusal of each row: one that is beyond a limit is left
 * out.  Raises an error if any other row can't be stored.
 */
extern void homeo_store_rows(HomeoRow **rows, int nrows,
							 HomeoTurnedIssue **turned, int *nturned);

extern bool homeo_store_rows_repeatable(const ErrorData *error);

#endif							/* HOMEO_STORE_ROWS_H */
