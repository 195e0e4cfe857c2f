/*
 * spill.c
 *		Moves events from a ring into the journal.
 *
 * An event is given back to the ring when the journal has it.  In between the
 * consumer could end, and its successor would take the event from both; it is
 * stored once all the same, because it has the same id and time.
 *
 * Memory: a context of its own in CurrentMemoryContext.
 */
#include "postgres.h"

#include "intake/spill.h"

#include "intake/block.h"
#include "intake/event.h"
#include "intake/journal.h"
#include "intake/prepare.h"
#include "intake/ring.h"
#include "lib/stringinfo.h"
#include "utils/memutils.h"

/*
 * Appends a record of the ring, without its secrets, in the form of a block's.
 * One that cannot be read becomes one that says nothing, which is mentioned in
 * rejected_events.
 */
static void
add_record(StringInfo raw, const HomeoRingView *view)
{
	HomeoEvent	event;
	HomeoEventRecord record;
	Size		len = view->len;
	char	   *data;
	bool		readable = homeo_event_peek(view->data, view->len,
											&event) == NULL;

	if (readable)
	{
		homeo_prepare_scrub(&event);
		homeo_event_encode(&event, &record);
		len = homeo_event_record_len(&record);
	}
	enlargeStringInfo(raw, (int) homeo_block_record_size(len));
	data = homeo_block_begin_record(raw->data + raw->len, len);
	if (readable)
		homeo_event_record_copy(&record, data);
	else
		memset(data, 0, len);
	raw->len += (int) homeo_block_record_size(len);
}

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

	*end = homeo_ring_tail(consumer);
	while (n < HOMEO_JOURNAL_FULL_RECORDS &&
		   homeo_ring_next(consumer, *end, &view) &&
		   (n == 0 ||
			raw->len + homeo_block_record_size(view.len) <= HOMEO_JOURNAL_FULL_BYTES))
	{
		add_record(raw, &view);
		*end = view.end;
		n++;
	}
	return n;
}

/* Moves what fits into a block; returns how many events. */
static int
spill_block(int consumer)
{
	StringInfoData raw;
	uint64		ring_end;
	uint64		journal_end;
	char	   *block;
	int			n;

	initStringInfo(&raw);
	n = gather(consumer, &raw, &ring_end);
	if (n == 0)
		return 0;
	block = palloc(homeo_block_bound(raw.len));
	/* A bucket of this consumer's: buckets are shared out by turns. */
	(void) homeo_block_make(block, raw.data, raw.len, n, (uint32) consumer);
	if (homeo_journal_append(block, n, &journal_end) != HOMEO_JOURNAL_OK)
		return 0;
	homeo_ring_release(consumer, ring_end);
	return n;
}

void
homeo_spill(int consumer, uint64 most_bytes)
{
	MemoryContext scratch;
	MemoryContext caller;
	int			n = 1;

	if (!homeo_journal_enabled() || homeo_ring_used(consumer) <= most_bytes)
		return;
	scratch = AllocSetContextCreate(CurrentMemoryContext, "homeostasis spill",
									ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(scratch);
	while (n > 0 && homeo_ring_used(consumer) > most_bytes)
	{
		n = spill_block(consumer);
		homeo_journal_count(HOMEO_JOURNAL_SPILLED, n);
		MemoryContextReset(scratch);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
	homeo_journal_flush_soon();
}
