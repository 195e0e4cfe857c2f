/*
 * ingest_stat.h
 *		What is counted about the workers that store events, in shared memory.
 */
#ifndef HOMEO_INGEST_STAT_H
#define HOMEO_INGEST_STAT_H

#include "workers/ingest_consumer.h"

/* After a turn that has stored what it took, and has given it back. */
extern void homeo_ingest_stat_note(const HomeoConsumer *c);

#endif							/* HOMEO_INGEST_STAT_H */
