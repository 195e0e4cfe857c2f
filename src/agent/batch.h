/*
 * batch.h
 *		Events that are reported together, and the places that then are taken.
 */
#ifndef HOMEO_AGENT_BATCH_H
#define HOMEO_AGENT_BATCH_H

#include "agent/stream.h"

/* No more bytes than that in a batch, but always one event. */
#define AGENT_BATCH_BYTES	((size_t) 4 * 1024 * 1024)

/* How far a stream is read when the batch is taken. */
typedef struct HomeoMark
{
	HomeoStream *stream;
	HomeoPlace	place;
	int64_t		asof;			/* of events that have no time of their own */
	bool		used;			/* there are such events */
} HomeoMark;

/* One that is all zero is empty. */
typedef struct HomeoBatch
{
	HomeoBuffer json;			/* an array without its ]; see below */
	int			events;
	HomeoMark  *marks;
	int			nmarks;
	int			room;
	int64_t		opened;			/* ticks, at its first mark */
	int64_t		asof;			/* microseconds since 1970, then */
} HomeoBatch;

/*
 * The time as of which a record of the stream is reported.  False: the batch
 * must leave first, because it has records of the stream as of another time.
 */
extern bool agent_batch_asof(HomeoBatch *batch, const HomeoStream *stream,
							 int64_t offset, int64_t *asof);

/* Where to write an event: to be called before it, and after it. */
extern HomeoBuffer *agent_batch_event(HomeoBatch *batch);

/* Notes that the stream was read to where it is. */
extern void agent_batch_mark(HomeoBatch *batch, HomeoStream *stream,
							 int64_t asof, bool used);

/* The array is complete, ready to be sent; nothing may be added. */
extern HomeoSpan agent_batch_close(HomeoBatch *batch);

/* Gives the streams what must be saved before the batch leaves. */
extern bool agent_batch_intend(HomeoBatch *batch);

/* The database, or the spool, has the batch; it is empty afterwards. */
extern void agent_batch_take(HomeoBatch *batch);

/*
 * The events of an array as it is made here, from the first up to, and not
 * with, the last one, as an array of its own.
 */
extern void agent_batch_part(HomeoSpan json, int first, int last,
							 HomeoBuffer *out);

#endif							/* HOMEO_AGENT_BATCH_H */
