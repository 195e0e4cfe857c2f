/*
 * ring.h
 *		A ring of records in shared memory: every process may add one, at any
 *		time, also while an error is being reported; one worker takes them
 *		out.
 *
 * A position is the number of bytes that ever went through the ring before a
 * record.  Positions only grow, and hold for one epoch: the ring begins a
 * new epoch each time shared memory is made.
 */
#ifndef HOMEO_RING_H
#define HOMEO_RING_H

/*
 * There are homeostasis.ingest_workers rings; each has one consumer, known by
 * its number from 0.
 */

/* No record may be longer, whatever the size of the ring. */
#define HOMEO_RING_MAX_RECORD	(512 * 1024)

/* What is counted about a ring, in shared memory, since its epoch began. */
typedef enum HomeoRingCounter
{
	/* by producers */
	HOMEO_RING_PUT,				/* records */
	HOMEO_RING_PUT_BYTES,
	HOMEO_RING_DROPPED_FULL,
	HOMEO_RING_DROPPED_TOO_LARGE,
	HOMEO_RING_DROPPED_NESTED,	/* an error while an error was captured */
	/* by the consumer */
	HOMEO_RING_BATCHES,
	HOMEO_RING_STORED,			/* rows of errors */
	HOMEO_RING_COUNTED,			/* by the occurrences of such rows only */
	HOMEO_RING_DUPLICATE,		/* stored before */
	HOMEO_RING_REJECTED,		/* rows of rejected_events */
	HOMEO_RING_DEFERRED,		/* set aside because of another's lock */
	HOMEO_RING_EXCLUDED,		/* of an excluded database or role */
	HOMEO_RING_FAILED_BATCHES,	/* rolled back and tried again */
	HOMEO_RING_LAST_BATCH,		/* records in it */
	HOMEO_RING_LARGEST_BATCH,
	HOMEO_RING_RATE,			/* records in 1000 s, faded to LAST_STORED */
	HOMEO_RING_LAST_RECEIVED,	/* TimestampTz of the last record taken */
	HOMEO_RING_LAST_STORED,		/* TimestampTz when that was committed */
	HOMEO_RING_COUNTERS
} HomeoRingCounter;

typedef enum HomeoRingStatus
{
	HOMEO_RING_OK,
	HOMEO_RING_FULL,
	HOMEO_RING_TOO_LARGE
} HomeoRingStatus;

/* A record is put as the concatenation of its parts. */
typedef struct HomeoRingPart
{
	const void *data;
	Size		len;
} HomeoRingPart;

/* A record as the consumer sees it: contiguous, 8-byte aligned, read-only. */
typedef struct HomeoRingView
{
	const char *data;
	uint32		len;
	uint64		end;			/* position behind the record */
} HomeoRingView;

extern void homeo_ring_init(void);

/* Producers.  Safe inside the log hook. */
extern HomeoRingStatus homeo_ring_put(int consumer,
									  const HomeoRingPart *parts, int nparts);
extern void homeo_ring_count(int consumer, HomeoRingCounter counter,
							 uint64 n);
extern void homeo_ring_wake(int consumer);
extern uint64 homeo_ring_epoch(void);

/* A producer that may wait; not for the log hook. */
extern HomeoRingStatus homeo_ring_put_wait(int consumer,
										   const HomeoRingPart *parts,
										   int nparts, int timeout_ms);

/* The consumer only. */
extern bool homeo_ring_next(int consumer, uint64 position,
							HomeoRingView *view);
extern void homeo_ring_release(int consumer, uint64 position);
extern bool homeo_ring_sleep(int consumer);
extern void homeo_ring_awake(int consumer);
extern void homeo_ring_set(int consumer, HomeoRingCounter counter,
						   uint64 value);

/* Anybody. */
extern uint64 homeo_ring_tail(int consumer);
extern uint64 homeo_ring_used(int consumer);
extern uint64 homeo_ring_size(int consumer);
extern uint64 homeo_ring_counter(int consumer, HomeoRingCounter counter);

#endif							/* HOMEO_RING_H */
