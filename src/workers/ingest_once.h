/*
 * ingest_once.h
 *		Has workers store what there is, for a session that waits for them.
 */
#ifndef HOMEO_INGEST_ONCE_H
#define HOMEO_INGEST_ONCE_H

/*
 * Stores what is in the ring, by a worker, if none does it already and this
 * is the home database.  Waits for it: must be called without a snapshot.
 */
extern void homeo_ingest_once(void);

#endif							/* HOMEO_INGEST_ONCE_H */
