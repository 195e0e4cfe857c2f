/*
 * positions.h
 *		How far the ring and the journal are stored, as the tables know it:
 *		written by the transaction that stores the events.
 *
 * All functions but homeo_positions_raise() need an SPI connection.
 */
#ifndef HOMEO_POSITIONS_H
#define HOMEO_POSITIONS_H

#include "intake/journal_read.h"
#include "utils/array.h"

/* Of the ring in this life of the server; 0: nothing was stored. */
extern uint64 homeo_positions_of_ring(int consumer);
extern void homeo_positions_store_ring(int consumer, uint64 position);

/* Raises positions to those of a row of journal_positions. */
extern void homeo_positions_raise(uint64 stored[HOMEO_BUCKETS],
								  ArrayType *positions);

/* A HomeoJournalLookup. */
extern void homeo_positions_of_journal(uint64 epoch, HomeoJournalPast *past);

/* The consumer's buckets are stored up to position. */
extern void homeo_positions_store_journal(int consumer, uint64 epoch,
										  uint64 position);

#endif							/* HOMEO_POSITIONS_H */
