/*
 * store_errors_bulk.h
 *		Inserts events into the partitions of errors, many at once.
 */
#ifndef HOMEO_STORE_ERRORS_BULK_H
#define HOMEO_STORE_ERRORS_BULK_H

#include "intake/row.h"

/*
 * Inserts rows, of which none may be there, in the order in which they are.
 * False: nothing was done, as somebody has changed errors in such a way that it
 * takes a statement.
 */
extern bool homeo_store_errors_bulk(HomeoRow **rows, int nrows);

#endif							/* HOMEO_STORE_ERRORS_BULK_H */
