/*
 * ingest_source.h
 *		Where a worker's events come from: its ring, and its part of the
 *		journal.
 */
#ifndef HOMEO_INGEST_SOURCE_H
#define HOMEO_INGEST_SOURCE_H

#include "intake/event.h"
#include "workers/ingest_consumer.h"

/* Finds where to begin, in the first turn; needs an SPI connection. */
extern void homeo_ingest_source_begin(HomeoConsumer *c);

/*
 * Takes events, at most so many or the bytes that the consumer is to take;
 * returns how many.  events has room for a block more than most.  What another
 * life has left is stored apart from what comes now.  They refer to the ring,
 * whose space is not given back before the turn is settled, and to memory of
 * the turn.
 */
extern int	homeo_ingest_source_gather(HomeoConsumer *c, HomeoEvent *events,
									   int most);

/* Is there more than this turn has taken? */
extern bool homeo_ingest_source_has_more(const HomeoConsumer *c);

/* Has another life of the server left what this turn takes of the journal? */
extern bool homeo_ingest_source_is_inherited(const HomeoConsumer *c);

/*
 * Has this turn looked at the last of that?  The next life is told, even if
 * nothing of it was to be stored here.
 */
extern bool homeo_ingest_source_has_passed(const HomeoConsumer *c);

/* Stores how far this turn got, in its transaction. */
extern void homeo_ingest_source_store_positions(HomeoConsumer *c);

/* Gives back what this turn has taken, after its transaction has committed. */
extern void homeo_ingest_source_settle(HomeoConsumer *c);

/*
 * Gives back what commits that are on disk have stored of the journal.  The
 * rest is left for a later turn.
 */
extern void homeo_ingest_source_release(HomeoConsumer *c);

#endif							/* HOMEO_INGEST_SOURCE_H */
