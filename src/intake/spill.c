/*
 * spill.c
 *		Moves events from a ring into the journal.
 *
 * An event is given back to the ring when the journal has it.  In between the
 * consumer could end, and its successor would take the event from both; it is
 * stored once all the same, because it has the same id and time.
 *
 * Memory: CurrentMemoryContext.
 */
#include "postgres.h"

#include "intake/spill.h"

#include "intake/block.h"
#include "intake/journal.h"
#include "intake/outbox.h"
#include "intake/ring.h"
#include "lib/stringinfo.h"

/* A block takes so many bytes of records, or one record. */
#define BLOCK_BYTES		(64 * 1024)

/*
 * Copies records from the ring's tail on into raw, which is enlarged for a
 * record that is larger than a block.  Returns how many; *end is the position
 * behind them.
 */
static int
gather(int consumer, StringInfo raw, uint64 *end)
{
	HomeoRingView view;
	int			n = 0;

	resetStringInfo(raw);
	*end = homeo_ring_tail(consumer);
	while (n < HOMEO_OUTBOX_BLOCK_RECORDS &&
		   homeo_ring_next(consumer, *end, &view) &&
		   (n == 0 ||
			raw->len + homeo_block_record_size(view.len) <= BLOCK_BYTES))
	{
		enlargeStringInfo(raw, (int) homeo_block_record_size(view.len));
		homeo_block_put_length(raw->data + raw->len, view.len);
		memcpy(raw->data + raw->len + homeo_block_record_size(0), view.data,
			   view.len);
		raw->len += (int) homeo_block_record_size(view.len);
		*end = view.end;
		n++;
	}
	return n;
}

void
homeo_spill(int consumer, uint64 most_bytes)
{
	StringInfoData raw;
	bool		spilled = false;

	if (!homeo_journal_enabled())
		return;
	initStringInfo(&raw);
	while (homeo_ring_used(consumer) > most_bytes)
	{
		uint64		ring_end;
		uint64		journal_end;
		int			n = gather(consumer, &raw, &ring_end);
		char	   *block;
		HomeoJournalStatus status;

		if (n == 0)
			break;
		block = palloc(homeo_block_bound(raw.len));
		/* A bucket of this consumer's: buckets are shared out by turns. */
		(void) homeo_block_make(block, raw.data, raw.len, n,
								(uint32) consumer);
		status = homeo_journal_append(block, n, &journal_end);
		pfree(block);
		if (status != HOMEO_JOURNAL_OK)
			break;
		homeo_ring_release(consumer, ring_end);
		homeo_journal_count(HOMEO_JOURNAL_SPILLED, n);
		spilled = true;
	}
	if (spilled)
		homeo_journal_flush_soon();
	pfree(raw.data);
}
