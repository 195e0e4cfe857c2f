/*
 * miner_store.h
 *		Templates of log lines in one block of memory.
 *
 * Only for miner.c and its tests; needs nothing from the server.  Places in
 * the block are numbers, never pointers, so that it may be mapped anywhere.
 */
#ifndef HOMEO_MINER_STORE_H
#define HOMEO_MINER_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text/log_line.h"
#include "text/miner.h"

/* The number of a template's slot, or none. */
#define HOMEO_MINER_NIL		HOMEO_MINER_NOWHERE

/* So many of its first tokens lead to a template. */
#define HOMEO_MINER_DEPTH	3

/* A list that is linked in both directions; ends are HOMEO_MINER_NIL. */
typedef struct HomeoMinerLinks
{
	uint32_t	previous;
	uint32_t	next;
} HomeoMinerLinks;

typedef struct HomeoMinerTemplate
{
	uint32_t	id;
	uint32_t	by_id;			/* the next of the same bucket of ids */
	uint32_t	by_path;		/* the next of the same bucket of paths */
	HomeoMinerLinks by_count;	/* of the same bucket of scopes and numbers of
								 * tokens; ids fall */
	HomeoMinerLinks by_use;		/* previous was used later */
	uint64_t	scope;
	uint16_t	ntokens;
	uint16_t	len;
	uint32_t	keys[HOMEO_LOG_LINE_TOKENS];
	char		str[HOMEO_LOG_LINE_BYTES];
} HomeoMinerTemplate;

struct HomeoMiner
{
	uint32_t	version;
	uint32_t	slots;
	uint32_t	used;			/* templates there are */
	uint32_t	fresh;			/* slots that never held one */
	uint32_t	spare;			/* a list of slots that held one, by_id */
	uint32_t	last_id;		/* the greatest that was ever given */
	HomeoMinerLinks by_use;		/* next: used last, previous: long ago */

	/* Behind it: slots heads by id, by path and by count, and the slots. */
};

/* Sets the block up; NULL if it has no room for one template. */
extern HomeoMiner *homeo_miner_store_init(void *block, size_t size);
extern size_t homeo_miner_store_size(uint32_t slots);

extern HomeoMinerTemplate *homeo_miner_store_slot(const HomeoMiner *miner,
												  uint32_t slot);
extern uint32_t homeo_miner_store_find(const HomeoMiner *miner, uint32_t id);

/*
 * The first template whose scope, number of tokens and first tokens have the
 * same hash as these, and which others follow by by_path; not all of them may
 * have the same.
 */
extern uint32_t homeo_miner_store_path(const HomeoMiner *miner, uint64_t scope,
									   int ntokens, const uint32_t *keys);

/* The same by scope and number of tokens only; others follow by by_count. */
extern uint32_t homeo_miner_store_count(const HomeoMiner *miner,
										uint64_t scope, int ntokens);

/*
 * Adds a template, whose id must be unknown, as the one used last, and returns
 * its slot.  There must be room.
 */
extern uint32_t homeo_miner_store_add(HomeoMiner *miner, uint64_t scope,
									  uint32_t id, const HomeoLogLine *line);

/* Gives a template another text with as many tokens. */
extern void homeo_miner_store_change(HomeoMiner *miner, uint32_t slot,
									 const HomeoLogLine *line);
extern void homeo_miner_store_remove(HomeoMiner *miner, uint32_t slot);

/* Makes it the one used last. */
extern void homeo_miner_store_use(HomeoMiner *miner, uint32_t slot);

#endif							/* HOMEO_MINER_STORE_H */
