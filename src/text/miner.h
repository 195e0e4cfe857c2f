/*
 * miner.h
 *		Finds out which lines of a log the same statement of a program wrote.
 *
 * Needs nothing from the server and allocates nothing: all it knows is in one
 * block of memory that the caller owns and that may be shared, since nothing
 * in it is a pointer.  What only reads may run at the same time; what writes
 * needs the block for itself.  Taking a line apart (log_line.h) needs none.
 *
 * A template is the text of a line with placeholders where values vary: <n>,
 * <path> and so on where the first line had such a value, <*> where lines had
 * different words.  It also has a place, a number less than the capacity,
 * which is its own as long as it is there: the caller may keep what he likes
 * about it in an array.
 *
 * A scope is whose lines they are, any number: templates of one scope have
 * nothing to do with the lines of another.
 */
#ifndef HOMEO_MINER_H
#define HOMEO_MINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text/log_line.h"

typedef struct HomeoMiner HomeoMiner;

/* No template's id, and no template's place. */
#define HOMEO_MINER_NONE	0
#define HOMEO_MINER_NOWHERE	UINT32_MAX

/* So many templates at most turn out to be one with another at once. */
#define HOMEO_MINER_MERGED	64

typedef struct HomeoMinerResult
{
	uint32_t	id;				/* the line's template */
	uint32_t	place;
	bool		is_new;			/* this line made it */
	bool		is_wider;		/* it has another text since this line */
	uint32_t	evicted;		/* was forgotten for a new one, or NONE */
	uint32_t	evicted_place;	/* where it was: the new one may be there */
	int			nmerged;		/* lines of these templates are id's now */
	uint32_t	merged[HOMEO_MINER_MERGED];
	uint32_t	merged_place[HOMEO_MINER_MERGED];	/* where they were */
} HomeoMinerResult;

/*
 * Sets up a miner without templates in a block of size bytes, which must be
 * aligned as a uint64_t is, and returns it; NULL if there is no room for one
 * template.
 */
extern HomeoMiner *homeo_miner_init(void *block, size_t size);

/* Bytes of a block with room for so many templates, 1,300 for each. */
extern size_t homeo_miner_size(uint32_t capacity);

/*
 * Loads a template that was learned earlier, or changes the text of one that
 * is known.  Templates may be loaded in any order; it is that of their use if
 * the ones that were used least are to be forgotten first.  If there is no
 * room, the one used least is forgotten.  False, and nothing is done, if id is
 * HOMEO_MINER_NONE.  Ids given later are greater than any that was loaded.
 */
extern bool homeo_miner_load(HomeoMiner *miner, uint64_t scope, uint32_t id,
							 const char *text, size_t len);

/* Ids given later are greater than this one. */
extern void homeo_miner_reserve(HomeoMiner *miner, uint32_t id);

/*
 * The template of a line; HOMEO_MINER_NONE if the line is of none, or learning
 * it would change one.  Only reads.
 */
extern uint32_t homeo_miner_match(const HomeoMiner *miner, uint64_t scope,
								  const HomeoLogLine *line);

/*
 * The template of a line, which is made, or made to fit, if there is none.
 * If there is no room for a new one, the one used least is forgotten.  The
 * result is what homeo_miner_match() gives for this line from then on, until
 * later lines change it.  It depends on nothing but the templates' ids and
 * texts, and what is forgotten on the order of their use.  If no id is left,
 * the result's is HOMEO_MINER_NONE.
 */
extern void homeo_miner_learn(HomeoMiner *miner, uint64_t scope,
							  const HomeoLogLine *line,
							  HomeoMinerResult *result);

/*
 * Remembers that a template was used, which learning does by itself and
 * matching can't.  Unknown ids are ignored.
 */
extern void homeo_miner_use(HomeoMiner *miner, uint32_t id);

/* Forgets a template.  Unknown ids are ignored. */
extern void homeo_miner_forget(HomeoMiner *miner, uint32_t id);

/*
 * Copies a template's text to out, which has HOMEO_LOG_LINE_BYTES, and returns
 * its length in *len; false if the id is unknown.
 */
extern bool homeo_miner_text(const HomeoMiner *miner, uint32_t id,
							 char *out, size_t *len);

/* The place of a template, or HOMEO_MINER_NOWHERE. */
extern uint32_t homeo_miner_place(const HomeoMiner *miner, uint32_t id);

/* How many templates there are, and for how many there is room. */
extern uint32_t homeo_miner_count(const HomeoMiner *miner);
extern uint32_t homeo_miner_capacity(const HomeoMiner *miner);

#endif							/* HOMEO_MINER_H */
