/*
 * store.h
 *		Stores a batch of events.
 */
#ifndef HOMEO_STORE_H
#define HOMEO_STORE_H

#include "intake/event.h"

/* What to do about an event that can't be stored. */
typedef enum HomeoStoreMode
{
	HOMEO_STORE_STRICT,			/* raise its error */
	HOMEO_STORE_ISOLATE,		/* put it into rejected_events, mark it */
	HOMEO_STORE_DEFER			/* the same, and set aside in deferred_events
								 * what others' locks hold up */
} HomeoStoreMode;

typedef struct HomeoStoreResult
{
	uint64		stored;
	uint64		counted;		/* not stored: see flood.c */
	uint64		duplicate;
	uint64		rejected;
	uint64		deferred;
	uint64		excluded;
} HomeoStoreResult;

/*
 * Called for each issue that is new or came back, in the transaction that
 * stores its event, to diagnose it.  Set from _PG_init.
 */
struct HomeoTurnedIssue;
typedef void (*HomeoIssueHook) (const struct HomeoTurnedIssue *issue);

extern void homeo_store_init(void);
extern void homeo_store_set_issue_hook(HomeoIssueHook hook);

/* The healer is woken when this transaction commits. */
extern void homeo_store_wake_healer(void);

extern void homeo_store_batch(HomeoEvent *events, int nevents,
							  HomeoStoreMode mode, HomeoStoreResult *result);

/* Puts events into rejected_events, without a look at them. */
extern void homeo_store_reject(HomeoEvent *events, int nevents,
							   const char *reason, HomeoStoreResult *result);

extern void homeo_store_suspect(HomeoEvent *event, HomeoStoreResult *result);
extern int	homeo_store_deferred(int limit, bool suspicious,
								 HomeoStoreResult *result);

#endif							/* HOMEO_STORE_H */
