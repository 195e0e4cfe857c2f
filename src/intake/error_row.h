/*
 * error_row.h
 *		What the columns of errors have of an event.
 */
#ifndef HOMEO_ERROR_ROW_H
#define HOMEO_ERROR_ROW_H

#include "base/transient.h"
#include "intake/row.h"

/* So many at most. */
#define HOMEO_ERROR_ROW_COLUMNS	48

typedef struct HomeoErrorRow
{
	int			ncolumns;
	HomeoTransientColumn columns[HOMEO_ERROR_ROW_COLUMNS];	/* names as in errors */

	/* of the row that was made last */
	Datum		values[HOMEO_ERROR_ROW_COLUMNS];
	bool		isnull[HOMEO_ERROR_ROW_COLUMNS];
	MemoryContext scratch;
} HomeoErrorRow;

/* Sets the columns. */
extern void homeo_error_row_begin(HomeoErrorRow *error);

/* Sets the values, which last until the next row. */
extern void homeo_error_row_make(HomeoErrorRow *error, const HomeoRow *row);

extern void homeo_error_row_end(HomeoErrorRow *error);

#endif							/* HOMEO_ERROR_ROW_H */
