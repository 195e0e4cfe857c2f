/*
 * outbox.c
 *		Puts the events of a reporter into the journal or the ring.
 *
 * Events for the journal are gathered by bucket into blocks, so that what
 * comes together is compressed together.  What finds no room in the ring goes
 * to the journal as well, if there is one.
 *
 * Memory: the context that was current when the outbox was opened.
 */
#include "postgres.h"

#include "intake/outbox.h"

#include "base/errors.h"
#include "base/guc.h"
#include "base/worker.h"
#include "intake/block.h"
#include "intake/drops.h"
#include "intake/journal.h"
#include "intake/prepare.h"
#include "portability/instr_time.h"
#include "utils/memutils.h"

typedef struct HomeoOutboxBucket
{
	char	   *raw;			/* the records; NULL: none yet */
	Size		len;
	Size		room;
	int			nrecords;
	int		   *numbers;		/* of their events */
} HomeoOutboxBucket;

struct HomeoOutbox
{
	MemoryContext context;
	instr_time	start;
	HomeoDurability durability; /* of all of its events */
	int			total;
	int			nadded;
	int			ntaken;
	bool	   *took;			/* of each that was added */
	uint64		end;			/* behind their last block; 0: none */
	HomeoOutboxBucket bucket[HOMEO_BUCKETS];
};

HomeoOutbox *
homeo_outbox_open(int total)
{
	HomeoOutbox *outbox = palloc0(sizeof(HomeoOutbox));

	outbox->context = CurrentMemoryContext;
	INSTR_TIME_SET_CURRENT(outbox->start);
	outbox->durability = homeo_journal_enabled() ? homeo_guc_durability :
		HOMEO_DURABILITY_MEMORY;
	outbox->total = total;
	outbox->took = palloc0(sizeof(bool) * Max(total, 1));
	return outbox;
}

static long
time_left(const HomeoOutbox *outbox)
{
	return homeo_guc_overflow_timeout -
		homeo_worker_milliseconds_since(outbox->start);
}

static void
raise_too_large(int consumer, const HomeoEvent *event)
{
	homeo_ring_count(consumer, HOMEO_RING_DROPPED_TOO_LARGE, 1);
	homeo_drops_note(HOMEO_DROP_TOO_LARGE, event);
	ereport(ERROR,
			(errcode(ERRCODE_HOMEO_INVALID_EVENT),
			 errmsg("the event is too large for the ring"),
			 errhint("Report less of it, or raise homeostasis.ring_size.")));
}

static int
detail_taken(const HomeoOutbox *outbox)
{
	if (outbox->total <= 1)
		return 0;
	return errdetail("%d of %d events were taken.", outbox->ntaken,
					 outbox->total);
}

/*
 * There is no room, or error says what keeps the journal from being written.
 * Raises an error unless the event is to be dropped.
 */
static void
note_overflow(HomeoOutbox *outbox, int consumer, int nevents, int error)
{
	homeo_ring_count(consumer, HOMEO_RING_DROPPED_FULL, nevents);
	if (homeo_guc_overflow_policy == HOMEO_OVERFLOW_DROP)
		return;
	errno = error;
	if (error != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not write to the journal of events: %m"),
				 detail_taken(outbox),
				 errhint("The journal is in the data directory; homeostasis.durability = memory reports without it.")));
	if (homeo_journal_enabled())
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg(HOMEO_OUTBOX_JOURNAL_FULL),
				 detail_taken(outbox),
				 errhint("See homeostasis.stat_workers for whether events are being stored; report less at a time, or raise homeostasis.journal_limit.")));
	ereport(ERROR,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg(HOMEO_OUTBOX_RING_FULL),
			 detail_taken(outbox),
			 errhint("See homeostasis.stat_workers for whether events are being stored; report less at a time, or raise homeostasis.ring_size.")));
}

/* Whoever waited is told; the others drop what there is no room for. */
static HomeoDropCause
drop_cause(HomeoDropCause full)
{
	return homeo_guc_overflow_policy == HOMEO_OVERFLOW_DROP ? full :
		HOMEO_DROP_TIMEOUT;
}

/* Counts the events of a bucket as dropped. */
static void
note_drops(HomeoOutboxBucket *bucket, HomeoDropCause cause)
{
	HomeoSlice	record;
	size_t		offset = 0;

	while (homeo_block_next(bucket->raw, bucket->len, &offset, &record))
	{
		HomeoEvent	event;

		if (homeo_event_peek(record.data, record.len, &event) == NULL)
			homeo_drops_note(cause, &event);
	}
}

static void
note_taken(HomeoOutbox *outbox, int number)
{
	outbox->took[number] = true;
	outbox->ntaken++;
}

/* ------------------------------------------------------------------------
 * To the journal
 * ------------------------------------------------------------------------
 */

/* Adds a block to the journal, waiting for room if there is none. */
static HomeoJournalStatus
append(HomeoOutbox *outbox, char *block, uint32 nrecords)
{
	HomeoJournalStatus status;

	do
	{
		uint64		end;

		status = homeo_journal_append(block, nrecords, &end);
		if (status == HOMEO_JOURNAL_OK)
			outbox->end = end;
	} while (status == HOMEO_JOURNAL_FULL &&
			 homeo_guc_overflow_policy == HOMEO_OVERFLOW_WAIT &&
			 homeo_journal_wait(time_left(outbox)));
	return status;
}

/* Puts the records of a bucket into the journal, as a block. */
static void
ship(HomeoOutbox *outbox, uint32 number)
{
	HomeoOutboxBucket *bucket = &outbox->bucket[number];
	int			consumer = homeo_journal_consumer(number);
	char	   *block;
	int			error;

	if (bucket->nrecords == 0)
		return;
	block = MemoryContextAlloc(outbox->context, homeo_block_bound(bucket->len));
	(void) homeo_block_make(block, bucket->raw, bucket->len,
							bucket->nrecords, number);
	switch (append(outbox, block, bucket->nrecords))
	{
		case HOMEO_JOURNAL_OK:
			homeo_ring_count(consumer, HOMEO_RING_PUT, bucket->nrecords);
			homeo_ring_count(consumer, HOMEO_RING_PUT_BYTES, bucket->len);
			for (int i = 0; i < bucket->nrecords; i++)
				note_taken(outbox, bucket->numbers[i]);
			homeo_ring_wake(consumer);
			break;
		case HOMEO_JOURNAL_FULL:
			note_drops(bucket, drop_cause(HOMEO_DROP_JOURNAL_FULL));
			note_overflow(outbox, consumer, bucket->nrecords, 0);
			break;
		case HOMEO_JOURNAL_FAILED:
			error = errno;
			note_drops(bucket, HOMEO_DROP_JOURNAL_FAILED);
			note_overflow(outbox, consumer, bucket->nrecords, error);
			break;
	}
	pfree(block);
	bucket->len = 0;
	bucket->nrecords = 0;
}

/* Makes room for a record of so many bytes in all. */
static void
make_room(HomeoOutbox *outbox, HomeoOutboxBucket *bucket, Size size)
{
	if (bucket->numbers == NULL)
		bucket->numbers =
			MemoryContextAlloc(outbox->context, sizeof(int) *
							   Min(outbox->total, HOMEO_JOURNAL_FULL_RECORDS));
	if (bucket->len + size <= bucket->room)
		return;
	if (bucket->raw != NULL)
		pfree(bucket->raw);
	/* It is empty: what would not fit has been shipped. */
	bucket->room = outbox->total > 1 ? Max(size, HOMEO_JOURNAL_FULL_BYTES) : size;
	bucket->raw = MemoryContextAlloc(outbox->context, bucket->room);
}

/*
 * Nothing goes to disk with its secrets.
 */
static void
add_to_journal(HomeoOutbox *outbox, uint32 number, const HomeoEvent *event)
{
	HomeoOutboxBucket *bucket = &outbox->bucket[number];
	HomeoEvent	scrubbed = *event;
	HomeoEventRecord record;
	char	   *data;
	Size		size;

	homeo_prepare_scrub(&scrubbed);
	scrubbed.scrubbed = true;
	homeo_event_encode(&scrubbed, &record);
	size = homeo_block_record_size(homeo_event_record_len(&record));
	if (size > homeo_block_record_size(HOMEO_RING_MAX_RECORD))
		raise_too_large(homeo_journal_consumer(number), event);
	if (bucket->len + size > HOMEO_JOURNAL_FULL_BYTES ||
		bucket->nrecords == HOMEO_JOURNAL_FULL_RECORDS)
		ship(outbox, number);
	make_room(outbox, bucket, size);
	data = homeo_block_begin_record(bucket->raw + bucket->len,
									homeo_event_record_len(&record));
	homeo_event_record_copy(&record, data);
	bucket->len += size;
	bucket->numbers[bucket->nrecords++] = outbox->nadded;
}

/* ------------------------------------------------------------------------
 * To the ring
 * ------------------------------------------------------------------------
 */

/* False: there is no room, and there may be in the journal. */
static bool
add_to_ring(HomeoOutbox *outbox, int consumer, const HomeoEvent *event)
{
	HomeoEventRecord record;
	bool		wait = !homeo_journal_enabled() &&
	homeo_guc_overflow_policy == HOMEO_OVERFLOW_WAIT;

	homeo_event_encode(event, &record);
	switch (homeo_ring_put_wait(consumer, record.parts, record.nparts,
								wait ? (int) Max(time_left(outbox), 0) : 0))
	{
		case HOMEO_RING_OK:
			note_taken(outbox, outbox->nadded);
			return true;
		case HOMEO_RING_FULL:
			if (homeo_journal_enabled())
				return false;
			homeo_drops_note(drop_cause(HOMEO_DROP_RING_FULL), event);
			note_overflow(outbox, consumer, 1, 0);
			return true;
		case HOMEO_RING_TOO_LARGE:
			raise_too_large(consumer, event);
	}
	return true;
}

void
homeo_outbox_add(HomeoOutbox *outbox, const HomeoEvent *event)
{
	uint32		bucket = homeo_event_bucket(event);

	Assert(outbox->nadded < outbox->total);
	if (outbox->durability != HOMEO_DURABILITY_MEMORY ||
		!add_to_ring(outbox, homeo_journal_consumer(bucket), event))
		add_to_journal(outbox, bucket, event);
	outbox->nadded++;
}

void
homeo_outbox_close(HomeoOutbox *outbox)
{
	int			error;

	for (uint32 i = 0; i < HOMEO_BUCKETS; i++)
		ship(outbox, i);
	if (outbox->end == 0)
		return;
	if (outbox->durability != HOMEO_DURABILITY_SYNC)
	{
		homeo_journal_flush_soon();
		return;
	}
	error = homeo_journal_flush(outbox->end);
	if (error == 0)
		return;
	errno = error;
	ereport(ERROR,
			(errcode_for_file_access(),
			 errmsg("could not flush the journal of events: %m"),
			 errdetail("The events may be stored nevertheless."),
			 errhint("Report them again with the same error_id and timestamp, which stores them once.")));
}

bool
homeo_outbox_took(const HomeoOutbox *outbox, int n)
{
	return outbox->took[n];
}
