/*
 * ingest.h
 *		The worker that moves events from the ring into the tables.
 */
#ifndef HOMEO_INGEST_H
#define HOMEO_INGEST_H

/* main_arg is true for a worker that ends when it has stored what there is. */
extern PGDLLEXPORT void homeo_ingest_main(Datum main_arg);

/*
 * Stores what is in the ring, by a worker, if none does it already and this
 * is the home database.  Waits for it: must be called without a snapshot.
 */
extern void homeo_ingest_once(void);

#endif							/* HOMEO_INGEST_H */
