/*
 * journal.h
 *		Records on disk that wait to be stored in the tables.
 *
 * Any process with shared memory may add blocks, but not from within the log
 * hook; the ingest workers read them (intake/journal_read.h).  A block that was
 * added is in the operating system's memory and survives the end of any
 * process; one that was flushed survives the loss of power.
 *
 * Positions are those of block.h, and grow over the lives of a data directory;
 * each life of the server is an epoch, that of the ring.
 */
#ifndef HOMEO_JOURNAL_H
#define HOMEO_JOURNAL_H

#include "fmgr.h"

/* Where the segments are, in the data directory. */
#define HOMEO_JOURNAL_DIRECTORY		"homeostasis/journal"

#define HOMEO_JOURNAL_SEGMENT(position)		((uint32) ((position) >> 32))
#define HOMEO_JOURNAL_OFFSET(position)		((uint32) (position))
#define HOMEO_JOURNAL_POSITION(segment, offset) \
	((uint64) (segment) << 32 | (uint64) (offset))

/* A block is full with so many bytes of records, or records, or one record. */
#define HOMEO_JOURNAL_FULL_BYTES	(64 * 1024)
#define HOMEO_JOURNAL_FULL_RECORDS	256

typedef enum HomeoJournalStatus
{
	HOMEO_JOURNAL_OK,
	HOMEO_JOURNAL_FULL,			/* as large as homeostasis.journal_limit */
	HOMEO_JOURNAL_FAILED		/* errno says why */
} HomeoJournalStatus;

/* What is counted about the journal since the server started. */
typedef enum HomeoJournalCounter
{
	HOMEO_JOURNAL_RECORDS,		/* added */
	HOMEO_JOURNAL_RAW_BYTES,	/* of them */
	HOMEO_JOURNAL_BLOCK_BYTES,	/* that they took */
	HOMEO_JOURNAL_SPILLED,		/* records that came out of a ring */
	HOMEO_JOURNAL_FLUSHES,
	HOMEO_JOURNAL_FAILURES,		/* to write or to flush */
	HOMEO_JOURNAL_DAMAGED,		/* places that could not be read */
	HOMEO_JOURNAL_LOST,			/* records that are known to be missing */
	HOMEO_JOURNAL_COUNTERS
} HomeoJournalCounter;

extern void homeo_journal_init(void);

/* False: homeostasis.journal_limit is 0. */
extern bool homeo_journal_enabled(void);

/*
 * Adds a block of homeo_block_make() with nrecords records; *end becomes the
 * position behind it.  Raises nothing, and keeps errno.
 */
extern HomeoJournalStatus homeo_journal_append(char *block, uint32 nrecords,
											   uint64 *end);

/* Has what was added flushed within homeostasis.journal_flush_interval. */
extern void homeo_journal_flush_soon(void);

/*
 * Waits for room, at most timeout_ms; false: there was none.  Can be
 * cancelled.
 */
extern bool homeo_journal_wait(long timeout_ms);

/*
 * Makes everything before the position durable, together with what others
 * wait for.  Returns 0 or an errno.
 */
extern int	homeo_journal_flush(uint64 position);

/* The launcher's part: milliseconds until something must be flushed. */
extern long homeo_journal_flush_due(void);

/*
 * A consumer has stored everything before position; of what all of them have
 * stored for good, the segments are given back.
 */
extern void homeo_journal_note_stored(int consumer, uint64 position);
extern uint64 homeo_journal_stored(int consumer);
extern void homeo_journal_release(int consumer, uint64 position);

/* The server ends, and everything is stored: leaves nothing behind. */
extern void homeo_journal_remove_all(void);

/* Which consumer stores a bucket. */
extern int	homeo_journal_consumer(uint32 bucket);

/*
 * Behind the last block, of all and of a consumer's; what older lives have left
 * may be any consumer's.
 */
extern uint64 homeo_journal_end(void);
extern uint64 homeo_journal_end_of(int consumer);

/* The first segment that may exist, and the first of this epoch. */
extern uint32 homeo_journal_oldest_segment(void);
extern uint32 homeo_journal_first_segment(void);

/* Bytes that a consumer has to look at; 0: it has stored all of its own. */
extern uint64 homeo_journal_backlog(int consumer);

extern void homeo_journal_segment_path(char path[MAXPGPATH], uint32 segment);
extern void homeo_journal_count(HomeoJournalCounter counter, uint64 n);

#endif							/* HOMEO_JOURNAL_H */
