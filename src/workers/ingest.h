/*
 * ingest.h
 *		The worker that moves events from the ring into the tables.
 */
#ifndef HOMEO_INGEST_H
#define HOMEO_INGEST_H

/* main_arg is true for a worker that ends when it has stored what there is. */
extern PGDLLEXPORT void homeo_ingest_main(Datum main_arg);

#endif							/* HOMEO_INGEST_H */
