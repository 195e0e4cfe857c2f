/*
 * store_rows.h
 *		Writes prepared events into the tables, all of them or none.
 */
#ifndef HOMEO_STORE_ROWS_H
#define HOMEO_STORE_ROWS_H

#include "intake/prepare.h"
#include "intake/store.h"

/* A prepared event on its way into a row. */
typedef struct HomeoRow
{
	HomeoPrepared prepared;
	int64		service_id;		/* 0 if refused because of its service */
	bool		stored;			/* now, and not before */
	int			occurrences;	/* this one, and those that are only counted */
	const char *refusal;		/* the limit that keeps it out, or NULL */
	const char *refused_field;	/* at fault; if there is a refusal */
} HomeoRow;

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

/* Order by what is locked: issues' fingerprints, then events. */
extern int	homeo_row_compare(const void *a, const void *b);

/* Rows that count for one issue, in one minute if that is asked for. */
extern TimestampTz homeo_row_minute(const HomeoRow *row);
extern int	homeo_row_group_end(HomeoRow **rows, int nrows, int start,
								bool by_minute);

#endif							/* HOMEO_STORE_ROWS_H */
