/*
 * ingest_warm.h
 *		Fills the caches of the rules while a worker has nothing to store.
 */
#ifndef HOMEO_INGEST_WARM_H
#define HOMEO_INGEST_WARM_H

#include "base/turn.h"
#include "workers/ingest_consumer.h"

/*
 * A piece of it, if the turn before, whose result is given, had nothing to do.
 * Returns what is to be done next: more of it, or what that turn said.
 */
extern HomeoTurnResult homeo_ingest_warm_if_idle(HomeoConsumer *c,
												 HomeoTurnResult result);

#endif							/* HOMEO_INGEST_WARM_H */
