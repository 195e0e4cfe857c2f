/*
 * bulk_insert.h
 *		Inserts many rows into a table at once, without the executor.
 */
#ifndef HOMEO_BULK_INSERT_H
#define HOMEO_BULK_INSERT_H

#include "utils/relcache.h"

typedef struct HomeoBulkInsert HomeoBulkInsert;

/*
 * Begins to insert into table, which is open and locked for that, in
 * CurrentMemoryContext.  NULL: something has to happen for each row that only
 * the executor does, so a statement must insert them.  It looks neither at
 * the rights of the user nor at what an INSERT into a parent would do.
 */
extern HomeoBulkInsert *homeo_bulk_insert_begin(Relation table);

/*
 * Adds a row, which is copied: a value and a flag for each attribute of the
 * table.  It may raise the errors of an INSERT of it and of any row before.
 */
extern void homeo_bulk_insert_add(HomeoBulkInsert *bulk, const Datum *values,
								  const bool *nulls);

/* Inserts what is left, and frees; the table stays open. */
extern void homeo_bulk_insert_end(HomeoBulkInsert *bulk);

#endif							/* HOMEO_BULK_INSERT_H */
