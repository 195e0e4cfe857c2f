/*
 * ingest_batch.h
 *		A turn of a worker: takes a batch of events and stores it, in one
 *		transaction.
 */
#ifndef HOMEO_INGEST_BATCH_H
#define HOMEO_INGEST_BATCH_H

#include "base/turn.h"
#include "workers/ingest_consumer.h"

/* Must be called outside a transaction.  An error ends the turn only. */
extern HomeoTurnResult homeo_ingest_batch_run(HomeoConsumer *c);

/* Was most of the last batch only counted? */
extern bool homeo_ingest_batch_is_flood(const HomeoConsumer *c);

#endif							/* HOMEO_INGEST_BATCH_H */
