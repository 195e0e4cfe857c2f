/*
 * ingest_source.c
 *		Where a worker's events come from: its ring, and its part of the
 *		journal.
 *
 * A turn takes from both and stores, with the events, how far it got in each.
 * Only then is the space given back.  A worker that ends between the two
 * leaves a successor that finds the positions and skips what is stored, so an
 * event is stored once, whenever the worker ends.
 *
 * Commits don't wait for the disk.  What the ring holds is lost when the
 * server crashes, whether it was stored a moment ago or is about to be; so
 * waiting would make every event later and save none.  A segment of the journal
 * is given back when the commit that stored it is on disk.
 */
#include "postgres.h"

#include "workers/ingest_source.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "base/compat.h"
#include "intake/block.h"
#include "intake/event.h"
#include "intake/journal.h"
#include "intake/positions.h"
#include "intake/ring.h"

/* May there still be something that another life has left? */
static bool
has_inheritance(const HomeoConsumer *c)
{
	return HOMEO_JOURNAL_SEGMENT(c->cursor.position) <
		homeo_journal_first_segment();
}

void
homeo_ingest_source_begin(HomeoConsumer *c)
{
	uint64		position = homeo_positions_of_ring(c->number);

	/* A predecessor may have stored more than it gave back. */
	if (position > homeo_ring_tail(c->number))
		homeo_ring_release(c->number, position);
	homeo_journal_begin(c->reader, &c->cursor);
	if (!has_inheritance(c))
		homeo_attempts_end(c->number);
	/* Rows of another life may wait as well. */
	c->deferred = true;
	c->positioned = true;
}

static void
decode(const char *data, Size len, HomeoEvent *event)
{
	const char *problem = homeo_event_decode(data, len, event);

	if (problem != NULL)
		homeo_event_make_unreadable(event, problem);
}

/* Takes records from the ring's tail on; returns how many. */
static int
gather_ring(HomeoConsumer *c, HomeoEvent *events, int most)
{
	HomeoRingView view;
	int			n = 0;

	c->ring_end = homeo_ring_tail(c->number);
	while (n < most && c->bytes < c->most_bytes &&
		   homeo_ring_next(c->number, c->ring_end, &view))
	{
		decode(view.data, view.len, &events[n]);
		c->bytes += view.end - c->ring_end;
		c->newest_of_ring = events[n].received;
		c->ring_end = view.end;
		n++;
	}
	return n;
}

bool
homeo_ingest_source_is_inherited(const HomeoConsumer *c)
{
	return c->njournal > 0 && c->journal_epoch != homeo_ring_epoch();
}

/* May the block be stored together with what was taken before it? */
static bool
may_join(const HomeoConsumer *c, const HomeoJournalBlock *block,
		 int n, int most)
{
	if (n == 0)
		return true;
	return c->bytes + block->raw_len <= c->most_bytes &&
		c->attempt == HOMEO_ATTEMPT_BATCH &&
		block->epoch == c->journal_epoch &&
		homeo_attempts_next(block->position) == HOMEO_ATTEMPT_BATCH &&
		n + (int) block->nrecords <= most;
}

/*
 * Takes blocks from the journal; returns how many events.  At least one block,
 * so they may be more than most by what a block holds; and all of one epoch,
 * whose position is stored.
 */
static int
gather_journal(HomeoConsumer *c, HomeoEvent *events, int most)
{
	int			n = 0;

	c->ahead = c->cursor;
	while (n < most && c->bytes < c->most_bytes)
	{
		HomeoJournalCursor before = c->ahead;
		HomeoJournalBlock block;
		HomeoSlice	record;
		size_t		offset = 0;

		if (!homeo_journal_read(c->reader, &c->ahead, &block))
			break;
		if (!may_join(c, &block, n, most))
		{
			c->ahead = before;
			break;
		}
		if (n == 0)
		{
			c->journal_epoch = block.epoch;
			c->journal_start = block.position;
			c->attempt = block.epoch == homeo_ring_epoch() ?
				HOMEO_ATTEMPT_BATCH : homeo_attempts_next(block.position);
		}
		for (uint32 i = 0; i < Min(block.nrecords, HOMEO_JOURNAL_FULL_RECORDS) &&
			 homeo_block_next(block.raw, block.raw_len, &offset, &record); i++)
		{
			decode(record.data, record.len, &events[n]);
			c->newest_of_journal = events[n].received;
			n++;
		}
		c->bytes += block.raw_len;
	}
	c->njournal = n;
	return n;
}

bool
homeo_ingest_source_has_passed(const HomeoConsumer *c)
{
	return has_inheritance(c) && c->ahead.epoch != 0 &&
		HOMEO_JOURNAL_SEGMENT(c->ahead.position) >=
		homeo_journal_first_segment();
}

int
homeo_ingest_source_gather(HomeoConsumer *c, HomeoEvent *events, int most)
{
	int			n;

	c->journal_first = !c->journal_first;
	if (c->journal_first)
	{
		n = gather_journal(c, events, most);
		if (n < most && !homeo_ingest_source_is_inherited(c))
			n += gather_ring(c, events + n, most - n);
	}
	else
	{
		n = gather_ring(c, events, most);
		if (n == 0 || (n < most && !has_inheritance(c)))
			n += gather_journal(c, events + n, most - n);
	}
	return n;
}

bool
homeo_ingest_source_has_more(const HomeoConsumer *c)
{
	return homeo_ring_used(c->number) >
		c->ring_end - homeo_ring_tail(c->number) ||
		c->ahead.position < homeo_journal_end_of(c->number);
}

void
homeo_ingest_source_store_positions(HomeoConsumer *c)
{
	if (c->ring_end > homeo_ring_tail(c->number))
		homeo_positions_store_ring(c->number, c->ring_end);
	if (c->njournal > 0)
		homeo_positions_store_journal(c->number, c->journal_epoch,
									  c->ahead.position);
	else if (homeo_ingest_source_has_passed(c))
		homeo_positions_store_journal(c->number, c->ahead.epoch,
									  c->ahead.position);
}

void
homeo_ingest_source_release(HomeoConsumer *c)
{
	if (c->released < c->releasing && c->releasing_lsn <= GetFlushRecPtr(NULL))
	{
		homeo_journal_release(c->number, c->releasing);
		c->released = c->releasing;
	}
	if (c->released == c->releasing && c->released < c->cursor.position)
	{
		c->releasing = c->cursor.position;
		c->releasing_lsn = XactLastCommitEnd;
	}
}

void
homeo_ingest_source_settle(HomeoConsumer *c)
{
	bool		inherited = has_inheritance(c);

	if (c->ring_end > homeo_ring_tail(c->number))
		homeo_ring_release(c->number, c->ring_end);
	c->cursor = c->ahead;
	if (inherited && !has_inheritance(c))
		homeo_attempts_end(c->number);
	homeo_journal_note_stored(c->number, c->cursor.position);
	homeo_ingest_source_release(c);
}
