/*
 * ingest.h
 *		The worker that moves events from the ring into the tables.
 */
#ifndef HOMEO_INGEST_H
#define HOMEO_INGEST_H

extern PGDLLEXPORT void homeo_ingest_main(Datum main_arg);

#endif							/* HOMEO_INGEST_H */
