/*
 * spool.h
 *		Batches on disk, while the database is away.
 */
#ifndef HOMEO_AGENT_SPOOL_H
#define HOMEO_AGENT_SPOOL_H

#include "agent/buffer.h"

#include <stdint.h>

typedef struct HomeoSpooled
{
	uint64_t	number;
	int			events;
	int64_t		size;			/* bytes on disk */
} HomeoSpooled;

typedef struct HomeoSpool
{
	char	   *directory;
	int64_t		limit;			/* bytes */
	int64_t		size;
	int64_t		events;
	HomeoSpooled *batches;		/* the oldest first */
	int			count;
	int			room;
	uint64_t	next;
	int64_t		damaged;		/* batches that could not be read */
} HomeoSpool;

typedef enum HomeoSpoolResult
{
	HOMEO_SPOOL_DONE,
	HOMEO_SPOOL_FULL,
	HOMEO_SPOOL_FAILED			/* said */
} HomeoSpoolResult;

/* Opens the spool, with what is in it; ends the program if it cannot. */
extern void agent_spool_open(HomeoSpool *spool, const char *state_directory,
							 int64_t limit);

/* Adds a batch, an array of so many events; durable when it returns. */
extern HomeoSpoolResult agent_spool_add(HomeoSpool *spool, HomeoSpan json,
										int events);

/* Adds the oldest batch to json, and says how many events it has; 0: empty. */
extern int	agent_spool_first(HomeoSpool *spool, HomeoBuffer *json);
extern void agent_spool_remove_first(HomeoSpool *spool);

#endif							/* HOMEO_AGENT_SPOOL_H */
