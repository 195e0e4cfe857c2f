/*
 * store_errors.h
 *		Stores events as rows of errors.
 */
#ifndef HOMEO_STORE_ERRORS_H
#define HOMEO_STORE_ERRORS_H

#include "intake/row.h"

/*
 * Stores rows, whose partitions are there, in the order of
 * homeo_row_compare_key and each key once; sets stored of those that were not
 * there before.
 */
extern void homeo_store_errors(HomeoRow **rows, int nrows);

extern bool homeo_store_errors_lack_partition(const ErrorData *error);
extern bool homeo_store_errors_repeatable(const ErrorData *error);

#endif							/* HOMEO_STORE_ERRORS_H */
