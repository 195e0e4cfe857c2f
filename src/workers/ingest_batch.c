/*
 * ingest_batch.c
 *		A turn of a worker: takes a batch of events and stores it, in one
 *		transaction.
 *
 * A ring that fills faster than it can be emptied, or that nothing can be
 * stored from, is spilled into the journal.
 *
 * A worker has a share of homeostasis.memory_limit.  What a batch needs is
 * foreseen from what others needed for each of their bytes, and as much is
 * taken as there is memory for.
 *
 * A batch that fails again and again is taken apart: see batch_limit().  An
 * event that fails alone, too, is only given up when others can be stored;
 * while nothing can, everything waits.
 */
#include "postgres.h"

#include "workers/ingest_batch.h"

#include "base/guc.h"
#include "base/memory.h"
#include "base/worker.h"
#include "intake/journal.h"
#include "intake/ring.h"
#include "intake/spill.h"
#include "rules/regex.h"
#include "workers/ingest_source.h"
#include "workers/ingest_stat.h"

/* The limit of one batch, beside homeostasis.batch_size. */
#define BATCH_BYTES			(8 * 1024 * 1024)

/*
 * Bytes of memory for each byte of events: at first, and at most.  Learned
 * from batches that are large enough to tell, and forgotten slowly.
 */
#define FACTOR_START		16
#define FACTOR_MAX			256
#define FACTOR_FROM_BYTES	(64 * 1024)

/* What is foreseen is less than the share by a quarter, for it may be wrong. */
#define TO_USE(share)		((share) / 4 * 3)

/* Memory for an event besides: it, its row and what is made of it. */
#define EVENT_MEMORY		(4 * sizeof(HomeoEvent))

/*
 * So many batches' events are taken at once in a flood of errors that are known
 * already, as few are stored; and while the worker is behind: each issue and
 * each minute of it is then written less often.
 */
#define LARGE_BATCHES		8

/* Failures in a row after which a batch is taken apart, or an event left. */
#define MAX_TRIES			3

/* What was set aside, at a time. */
#define DEFERRED_BATCH		100

/* A ring with so much of it in use is spilled until no more than the other is. */
#define SPILL_FROM(size)	((size) / 4 * 3)
#define SPILL_TO(size)		((size) / 4)

bool
homeo_ingest_batch_is_flood(const HomeoConsumer *c)
{
	return c->result.counted > c->result.stored;
}

/* Is what is next part of a batch that failed? */
static bool
is_careful(const HomeoConsumer *c)
{
	return homeo_ring_tail(c->number) < c->careful_until.ring ||
		c->cursor.position < c->careful_until.journal;
}

/*
 * How many events to take.
 *
 * A batch that failed MAX_TRIES times in a row for a reason that store.c
 * doesn't blame on an event is stored one by one, as far as it went (a block of
 * the journal at a time): one of them might need more memory or time than
 * there is.
 */
static int
batch_limit(HomeoConsumer *c)
{
	if (is_careful(c))
		return 1;
	if (homeo_ingest_batch_is_flood(c) || c->behind)
		return LARGE_BATCHES * homeo_guc_batch_size;
	return homeo_guc_batch_size;
}

/*
 * Sets how many bytes this turn may take, and returns the same for events: at
 * most so many.  Half the share in use before anything was taken is too much.
 */
static int
limit_memory(HomeoConsumer *c, int most)
{
	int64		share = homeo_memory_share();
	int64		left;

	if (c->memory_factor == 0)
		c->memory_factor = FACTOR_START;
	c->memory_before = homeo_memory_used();
	if (c->memory_before > share / 2)
	{
		homeo_regex_forget_all();
		c->memory_before = homeo_memory_used();
	}
	left = Max(TO_USE(share) - c->memory_before, 0);
	c->most_bytes = (Size) Max(Min(left / c->memory_factor, BATCH_BYTES), 1);
	return (int) Max(Min(most, left / (int64) EVENT_MEMORY), 1);
}

/* How much memory did the batch that was just stored need? */
static void
learn_memory(HomeoConsumer *c)
{
	double		factor;

	if (c->bytes < FACTOR_FROM_BYTES)
		return;
	factor = (double) (homeo_memory_peak() - c->memory_before) / c->bytes;
	factor = Min(Max(factor, 1), FACTOR_MAX);
	c->memory_factor = Max(factor, (7 * c->memory_factor + factor) / 8);
}

static void
store(HomeoConsumer *c, HomeoEvent *events, int nevents)
{
	bool		suspicious = c->tries >= MAX_TRIES && is_careful(c);

	if (homeo_ingest_source_is_inherited(c))
		homeo_attempts_note(c->number, c->journal_start, c->ahead.position);
	if (homeo_ingest_source_is_inherited(c) && c->attempt == HOMEO_ATTEMPT_REJECT)
	{
		homeo_store_reject(events, nevents,
						   "the server crashed each time that it was to be stored",
						   &c->result);
		nevents = 0;
	}
	for (int i = 0; i < nevents && suspicious; i++)
		homeo_store_suspect(&events[i], &c->result);
	if (!suspicious && nevents > 0)
		homeo_store_batch(events, nevents, HOMEO_STORE_DEFER, &c->result);
	homeo_ingest_source_store_positions(c);
}

/* Forgets what the turn before took, which may have failed. */
static void
take_nothing(HomeoConsumer *c)
{
	memset(&c->result, 0, sizeof(c->result));
	c->bytes = 0;
	c->nevents = 0;
	c->njournal = 0;
	c->ring_end = homeo_ring_tail(c->number);
	c->ahead = c->cursor;
}

static void
retry_deferred(HomeoConsumer *c)
{
	uint64		before = c->result.deferred;
	int			taken = homeo_store_deferred(DEFERRED_BATCH,
											 c->deferred_tries >= MAX_TRIES,
											 &c->result);

	/* Whoever had to wait again would have to wait at once, too. */
	if (c->result.deferred > before)
		INSTR_TIME_SET_CURRENT(c->deferred_tried);
	c->deferred = taken > 0;
}

static bool
turn(void *arg)
{
	HomeoConsumer *c = (HomeoConsumer *) arg;
	int			wanted = batch_limit(c);
	int			most = limit_memory(c, wanted);
	HomeoEvent *events = palloc(sizeof(HomeoEvent) *
								(most + HOMEO_JOURNAL_FULL_RECORDS));
	bool		due = c->deferred &&
	homeo_worker_milliseconds_since(c->deferred_tried) >= DEFERRED_RETRY_MS;
	int			nevents;

	INSTR_TIME_SET_CURRENT(c->batch_began);
	if (!c->positioned)
		homeo_ingest_source_begin(c);
	if (homeo_ring_used(c->number) > SPILL_FROM(homeo_ring_size(c->number)))
		homeo_spill(c->number, SPILL_TO(homeo_ring_size(c->number)));
	take_nothing(c);

	/* In turn with what comes in, so that neither waits for the other's end. */
	if (due && !c->retrying)
	{
		c->retrying = true;
		retry_deferred(c);
		return true;
	}
	c->retrying = false;
	nevents = c->nevents = homeo_ingest_source_gather(c, events, most);
	if (nevents > 0 || homeo_ingest_source_has_passed(c))
	{
		if (nevents < wanted && homeo_ingest_source_has_more(c) &&
			(most < wanted || c->most_bytes < BATCH_BYTES))
			homeo_worker_note_early_batch();
		store(c, events, nevents);
		c->behind = homeo_ingest_source_has_more(c);
		return c->behind;
	}
	return due;
}

/* After the turn's transaction has committed. */
static void
settle(HomeoConsumer *c)
{
	const HomeoStoreResult *r = &c->result;
	bool		took = c->njournal > 0 ||
	c->ring_end > homeo_ring_tail(c->number);

	learn_memory(c);
	homeo_ring_count(c->number, HOMEO_RING_STORED, r->stored);
	homeo_ring_count(c->number, HOMEO_RING_COUNTED, r->counted);
	homeo_ring_count(c->number, HOMEO_RING_DUPLICATE, r->duplicate);
	homeo_ring_count(c->number, HOMEO_RING_REJECTED, r->rejected);
	homeo_ring_count(c->number, HOMEO_RING_DEFERRED, r->deferred);
	homeo_ring_count(c->number, HOMEO_RING_EXCLUDED, r->excluded);
	if (r->deferred > 0 && !c->deferred)
	{
		c->deferred = true;
		INSTR_TIME_SET_CURRENT(c->deferred_tried);
	}
	if (c->retrying)
		c->deferred_tries = 0;
	homeo_ingest_source_settle(c);
	if (took)
	{
		homeo_ingest_stat_note(c);
		c->tries = 0;
	}
}

static void
note_failure(HomeoConsumer *c)
{
	homeo_ring_count(c->number, HOMEO_RING_FAILED_BATCHES, 1);
	if (c->retrying)
	{
		c->deferred_tries++;
		INSTR_TIME_SET_CURRENT(c->deferred_tried);
		return;
	}
	c->tries++;
	if (c->tries == MAX_TRIES && !is_careful(c))
	{
		c->careful_until.ring = c->ring_end;
		c->careful_until.journal = c->ahead.position;
		c->tries = 0;
	}
	/* That was no crash. */
	homeo_attempts_end(c->number);
	/* Nothing looks after the ring while this worker backs off. */
	if (homeo_ring_used(c->number) > SPILL_TO(homeo_ring_size(c->number)))
		homeo_spill(c->number, 0);
}

HomeoTurnResult
homeo_ingest_batch_run(HomeoConsumer *c)
{
	HomeoTurnResult result = homeo_turn_run(turn, c, BATCH_TIMEOUT_MS);

	if (result == HOMEO_TURN_FAILED)
		note_failure(c);
	else if (result != HOMEO_TURN_NO_EXTENSION)
		settle(c);
	c->batch_took = homeo_worker_milliseconds_since(c->batch_began);
	return result;
}
