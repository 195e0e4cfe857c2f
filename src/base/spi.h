/*
 * spi.h
 *		Statements of ours, planned once a process.
 */
#ifndef HOMEO_SPI_H
#define HOMEO_SPI_H

#include "executor/spi.h"

/*
 * Runs a statement; *plan is kept for the next time.  Its result is in
 * SPI_tuptable, and CurrentMemoryContext is that of the caller.  Raises an
 * error if SPI does not return expected.
 */
extern void homeo_spi_run(SPIPlanPtr *plan, const char *sql, int nargs,
						  Oid *types, Datum *values, int expected);

/* A value of that result, which may not be null; column counts from 1. */
extern Datum homeo_spi_value(uint64 row, int column);

/* An array of n values, none null, as an argument of a statement; palloc'd. */
extern Datum homeo_spi_array(Datum *values, int n, Oid type);

#endif							/* HOMEO_SPI_H */
