/*
 * transient.h
 *		Rows in memory that statements see as a relation.
 */
#ifndef HOMEO_TRANSIENT_H
#define HOMEO_TRANSIENT_H

#include "access/tupdesc.h"
#include "utils/tuplestore.h"

typedef struct HomeoTransientColumn
{
	const char *name;
	Oid			type;
} HomeoTransientColumn;

typedef struct HomeoTransient
{
	const char *name;
	TupleDesc	tupdesc;
	Tuplestorestate *store;
	int			nrows;
} HomeoTransient;

/* Makes an empty one, in CurrentMemoryContext; name must live as long. */
extern HomeoTransient *homeo_transient_make(const char *name,
											const HomeoTransientColumn *columns,
											int ncolumns);

/* Adds a row, which is copied: a value and a flag for each column. */
extern void homeo_transient_add(HomeoTransient *relation, Datum *values,
								bool *nulls);

/*
 * Makes the relation visible to the statements of the SPI connection that is
 * open.  No row may be added after it.
 */
extern void homeo_transient_register(HomeoTransient *relation);

/* Frees the rows, when the last statement has seen them. */
extern void homeo_transient_end(HomeoTransient *relation);

#endif							/* HOMEO_TRANSIENT_H */
