/*
 * spill.h
 *		Moves events from a ring into the journal, for when they come faster
 *		than they can be stored, and for the end of the server.
 */
#ifndef HOMEO_SPILL_H
#define HOMEO_SPILL_H

/*
 * Moves events of the consumer's ring until no more than most_bytes are left
 * in it, or the journal takes none.  To be called by the consumer, for what
 * it has not begun to store.
 */
extern void homeo_spill(int consumer, uint64 most_bytes);

#endif							/* HOMEO_SPILL_H */
