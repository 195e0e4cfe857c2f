/*
 * journal_read.h
 *		The reading side of the journal: one reader for each ingest worker.
 */
#ifndef HOMEO_JOURNAL_READ_H
#define HOMEO_JOURNAL_READ_H

#include "intake/event.h"

/*
 * How far the blocks of an epoch were stored before this process: those of a
 * bucket that begin before its position were.  known is false for an epoch of
 * which nothing was.
 */
typedef struct HomeoJournalPast
{
	bool		known;
	uint64		stored[HOMEO_BUCKETS];
} HomeoJournalPast;

/* Finds that out; may use the database. */
typedef void (*HomeoJournalLookup) (uint64 epoch, HomeoJournalPast *past);

/* Where a reader is; a copy can be gone back to. */
typedef struct HomeoJournalCursor
{
	uint64		position;		/* of the next block to look at */
	uint64		epoch;			/* of the last one; 0: none yet */
	uint64		sequence;		/* of the next record, if that is known */
	bool		sequence_known;
} HomeoJournalCursor;

typedef struct HomeoJournalBlock
{
	uint64		epoch;
	uint64		position;
	uint32		nrecords;
	const char *raw;			/* see homeo_block_next() */
	Size		raw_len;
} HomeoJournalBlock;

typedef struct HomeoJournalReader HomeoJournalReader;

/* Lives as long as the process. */
extern HomeoJournalReader *homeo_journal_reader_make(int consumer,
													 HomeoJournalLookup lookup);

/* Where this consumer has to begin. */
extern void homeo_journal_begin(HomeoJournalReader *reader,
								HomeoJournalCursor *cursor);

/*
 * The next block of this consumer, palloc'd; the cursor moves behind it.
 * False: there is none now; the cursor is behind all that was looked at.
 */
extern bool homeo_journal_read(HomeoJournalReader *reader,
							   HomeoJournalCursor *cursor,
							   HomeoJournalBlock *block);

#endif							/* HOMEO_JOURNAL_READ_H */
