/*
 * drops.h
 *		What was dropped on its way in: how much, why, of which service.
 */
#ifndef HOMEO_DROPS_H
#define HOMEO_DROPS_H

#include "intake/event.h"

typedef enum HomeoDropCause
{
	HOMEO_DROP_RING_FULL,
	HOMEO_DROP_JOURNAL_FULL,
	HOMEO_DROP_JOURNAL_FAILED,	/* it cannot be written */
	HOMEO_DROP_TIMEOUT,			/* its reporter waited in vain, and was told */
	HOMEO_DROP_TOO_LARGE,
	HOMEO_DROP_NESTED,			/* an error while an error was captured */
	HOMEO_DROP_CORRUPT			/* the journal lost it */
} HomeoDropCause;

#define HOMEO_DROP_CAUSES	(HOMEO_DROP_CORRUPT + 1)

extern void homeo_drops_init(void);

/* Safe inside the log hook. */
extern void homeo_drops_note(HomeoDropCause cause, const HomeoEvent *event);

/* The same for events of which nothing is known. */
extern void homeo_drops_note_unknown(HomeoDropCause cause, uint64 n);

#endif							/* HOMEO_DROPS_H */
