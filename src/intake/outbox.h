/*
 * outbox.h
 *		Events on their way from a reporter into the journal or the ring, as
 *		homeostasis.durability says.
 *
 * What was added is acknowledged when homeo_outbox_close() returns.  Not for
 * the log hook.
 */
#ifndef HOMEO_OUTBOX_H
#define HOMEO_OUTBOX_H

#include "intake/event.h"

/* What is said when there is no room; the log hook leaves it out. */
#define HOMEO_OUTBOX_RING_FULL		"the ring of events is full"
#define HOMEO_OUTBOX_JOURNAL_FULL	"the journal of events is full"

typedef struct HomeoOutbox HomeoOutbox;

/*
 * For at most total events, in CurrentMemoryContext.  All of them together may
 * wait for room for homeostasis.overflow_timeout, from now on.
 */
extern HomeoOutbox *homeo_outbox_open(int total);

/*
 * Takes a copy of the event.  Raises an error if it is too large, or if there
 * is no room and homeostasis.overflow_policy is wait.
 */
extern void homeo_outbox_add(HomeoOutbox *outbox, const HomeoEvent *event);

/* Raises the same errors, and one if the journal cannot be flushed. */
extern void homeo_outbox_close(HomeoOutbox *outbox);

/* After that: false if the event was dropped, the n-th that was added. */
extern bool homeo_outbox_took(const HomeoOutbox *outbox, int n);

#endif							/* HOMEO_OUTBOX_H */
