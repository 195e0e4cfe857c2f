/*
 * ingest_consumer.h
 *		What a worker that stores events knows about its sources and its work,
 *		which the parts of ingest.c share.
 *
 * For ingest*.c only.  A worker has one, on the stack of homeo_ingest_main().
 */
#ifndef HOMEO_INGEST_CONSUMER_H
#define HOMEO_INGEST_CONSUMER_H

#include "access/xlogdefs.h"
#include "datatype/timestamp.h"
#include "intake/attempts.h"
#include "intake/journal_read.h"
#include "intake/store.h"
#include "portability/instr_time.h"

/* How long a turn may take. */
#define BATCH_TIMEOUT_MS	(60 * 1000)

/* How long what was set aside rests between two tries. */
#define DEFERRED_RETRY_MS	1000

/* Behind something in both sources. */
typedef struct HomeoPlace
{
	uint64		ring;
	uint64		journal;
} HomeoPlace;

typedef struct HomeoConsumer
{
	int			number;
	bool		positioned;		/* the sources are where the tables say */
	HomeoJournalReader *reader;
	HomeoJournalCursor cursor;	/* behind what is stored of the journal */

	double		memory_factor;	/* bytes that a batch needs for its own */

	/* of this turn */
	int64		memory_before;	/* used at its start */
	Size		most_bytes;		/* to take */
	Size		bytes;			/* taken */
	uint64		ring_end;		/* behind its events from the ring */
	HomeoJournalCursor ahead;	/* behind those from the journal */
	int			nevents;		/* taken */
	int			njournal;		/* of these, from the journal */
	uint64		journal_epoch;	/* all of them are of it */
	uint64		journal_start;	/* of the first of them */
	HomeoAttempt attempt;		/* at those that an earlier life has left */
	bool		journal_first;	/* by turns, so that neither source waits */
	HomeoStoreResult result;
	bool		retrying;		/* this turn is about deferred events */

	/* received time of the last event that was taken */
	TimestampTz newest_of_ring;
	TimestampTz newest_of_journal;

	/*
	 * How far the journal was given back, and will be with so much WAL on
	 * disk.
	 */
	uint64		released;
	uint64		releasing;
	XLogRecPtr	releasing_lsn;

	bool		deferred;		/* there may be rows in deferred_events */
	instr_time	deferred_tried;
	int			deferred_tries; /* failures in a row of deferred events */
	instr_time	batch_began;
	long		batch_took;		/* milliseconds */
	bool		behind;			/* there was more than the last batch took */
	bool		warm;			/* the caches of the rules are filled */
	int			warmed;			/* issues for which they are */

	/* Failures in a row of what is next. */
	int			tries;
	HomeoPlace	careful_until;	/* one event at a time before it */
} HomeoConsumer;

#endif							/* HOMEO_INGEST_CONSUMER_H */
