/*
 * ingest.c
 *		The workers that move events from the rings and the journal into the
 *		tables.
 *
 * Each turn stores one batch and, in the same transaction, how far it got: in
 * this worker's ring and in the journal.  Only then is the space given back.
 * A worker that ends between the two leaves a successor that finds the
 * positions and skips what is stored, so an event is stored once, whenever the
 * worker ends.
 *
 * Commits don't wait for the disk.  What the ring holds is lost when the
 * server crashes, whether it was stored a moment ago or is about to be; so
 * waiting would make every event later and save none.  A segment of the journal
 * is given back when the commit that stored it is on disk.
 *
 * A ring that fills faster than it can be emptied, or that nothing can be
 * stored from, is spilled into the journal; so is what is left at a shutdown.
 *
 * Batches form by themselves: while one is stored the next one gathers.
 * Under load that alone would make many tiny transactions, so a batch begins
 * homeostasis.batch_timeout after the one before, or later if that one took
 * long, unless there is much to do.  An error that comes alone is stored at
 * once.
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

#include "workers/ingest.h"

#include <math.h>

#include "access/xact.h"
#include "access/xlog.h"
#include "base/compat.h"
#include "base/guc.h"
#include "base/memory.h"
#include "base/shmem.h"
#include "base/turn.h"
#include "base/worker.h"
#include "commands/dbcommands.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "intake/attempts.h"
#include "intake/block.h"
#include "intake/event.h"
#include "intake/journal.h"
#include "intake/journal_read.h"
#include "intake/positions.h"
#include "intake/prepare.h"
#include "intake/ring.h"
#include "intake/spill.h"
#include "intake/store.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "postmaster/interrupt.h"
#include "rules/regex.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

/* Limits of one batch, beside homeostasis.batch_size. */
#define BATCH_BYTES			(8 * 1024 * 1024)
#define BATCH_TIMEOUT_MS	(60 * 1000)

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

/* With so much waiting there is no point in gathering more. */
#define PLENTY_BYTES		(256 * 1024)

/*
 * Between two batches the worker rests for so many times what the last one
 * took, but for no longer than the limit.  What a batch costs besides its
 * events is so shared by the more of them the faster they come, and callers
 * keep their processors.  In a flood of errors that are known already it
 * rests longer.
 */
#define REST_FACTOR			1
#define REST_LIMIT_MS		10
#define FLOOD_REST_MS		100

/*
 * So many batches' events are taken at once in such a flood, as few are stored;
 * and while the worker is behind: each issue and each minute of it is then
 * written less often.
 */
#define LARGE_BATCHES		8

/* Failures in a row after which a batch is taken apart, or an event left. */
#define MAX_TRIES			3

#define DEFERRED_BATCH		100
#define DEFERRED_RETRY_MS	1000
#define RELEASE_RETRY_MS	500
#define IDLE_MS				(60 * 1000)

/* A ring with so much of it in use is spilled until no more than the other is. */
#define SPILL_FROM(size)	((size) / 4 * 3)
#define SPILL_TO(size)		((size) / 4)

/*
 * How long a worker goes on with what is there: one that is told to end, and
 * one that was started for it.
 */
#define DRAIN_MS			2000
#define ONCE_MS				(60 * 1000)

/* Issues whose errors are matched before they come; milliseconds at a time. */
#define WARM_ISSUES			1000
#define WARM_MS				100

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

/*
 * A predecessor may have stored more than it gave back.
 */
static void
find_position(HomeoConsumer *c)
{
	uint64		position = homeo_positions_of_ring(c->number);

	if (position > homeo_ring_tail(c->number))
		homeo_ring_release(c->number, position);
	homeo_journal_begin(c->reader, &c->cursor);
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

/* Has another life of the server left what this turn takes of the journal? */
static bool
is_inherited(const HomeoConsumer *c)
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

/* May there still be something that another life has left? */
static bool
has_inheritance(const HomeoConsumer *c)
{
	return HOMEO_JOURNAL_SEGMENT(c->cursor.position) <
		homeo_journal_first_segment();
}

/*
 * Has this turn looked at the last of that?  The next life is told, even if
 * nothing of it was to be stored here.
 */
static bool
has_passed_inheritance(const HomeoConsumer *c)
{
	return has_inheritance(c) && c->ahead.epoch != 0 &&
		HOMEO_JOURNAL_SEGMENT(c->ahead.position) >=
		homeo_journal_first_segment();
}

/*
 * events has room for a block more than most.  What another life has left is
 * stored apart from what comes now.
 */
static int
gather(HomeoConsumer *c, HomeoEvent *events, int most)
{
	int			n;

	c->journal_first = !c->journal_first;
	if (c->journal_first)
	{
		n = gather_journal(c, events, most);
		if (n < most && !is_inherited(c))
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

/* Is there more than this turn has taken? */
static bool
has_more(const HomeoConsumer *c)
{
	return homeo_ring_used(c->number) >
		c->ring_end - homeo_ring_tail(c->number) ||
		c->ahead.position < homeo_journal_end_of(c->number);
}

/* Was most of the last batch only counted? */
static bool
is_flood(const HomeoConsumer *c)
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
	if (is_flood(c) || c->behind)
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

	if (is_inherited(c))
		homeo_attempts_note(c->number, c->journal_start, c->ahead.position);
	if (is_inherited(c) && c->attempt == HOMEO_ATTEMPT_REJECT)
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
	if (c->ring_end > homeo_ring_tail(c->number))
		homeo_positions_store_ring(c->number, c->ring_end);
	if (c->njournal > 0)
		homeo_positions_store_journal(c->number, c->journal_epoch,
									  c->ahead.position);
	else if (has_passed_inheritance(c))
		homeo_positions_store_journal(c->number, c->ahead.epoch,
									  c->ahead.position);
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
		find_position(c);
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
	nevents = c->nevents = gather(c, events, most);
	if (nevents > 0 || has_passed_inheritance(c))
	{
		if (nevents < wanted && has_more(c) &&
			(most < wanted || c->most_bytes < BATCH_BYTES))
			homeo_worker_note_early_batch();
		store(c, events, nevents);
		c->behind = has_more(c);
		return c->behind;
	}
	return due;
}

/*
 * What the tables are up to: where both sources have more, the older of the
 * events that were taken from them last.
 */
static TimestampTz
newest(const HomeoConsumer *c)
{
	bool		ring = homeo_ring_used(c->number) > 0;
	bool		of_journal = c->cursor.position < homeo_journal_end_of(c->number);

	if (ring && of_journal)
		return Min(c->newest_of_ring, c->newest_of_journal);
	if (ring)
		return c->newest_of_ring;
	if (of_journal)
		return c->newest_of_journal;
	return Max(c->newest_of_ring, c->newest_of_journal);
}

/*
 * Gives back what commits that are on disk have stored of the journal.  The
 * rest is left for a later turn.
 */
static void
release_journal(HomeoConsumer *c)
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

/*
 * A rate, in events a second, some time after it was so much: what is past
 * counts for less, by 1/e a minute.
 */
static double
faded(double rate, TimestampTz then, TimestampTz now)
{
	return rate * exp(-(double) (now - then) / USECS_PER_MINUTE);
}

static void
note_batch(const HomeoConsumer *c)
{
	TimestampTz now = GetCurrentTimestamp();
	uint64		largest = homeo_ring_counter(c->number,
											 HOMEO_RING_LARGEST_BATCH);
	double		rate = faded((double) homeo_ring_counter(c->number,
														 HOMEO_RING_RATE) / 1000,
							 homeo_ring_counter(c->number,
												HOMEO_RING_LAST_STORED), now) +
	(double) c->nevents / SECS_PER_MINUTE;

	homeo_ring_count(c->number, HOMEO_RING_BATCHES, 1);
	homeo_ring_set(c->number, HOMEO_RING_LAST_BATCH, c->nevents);
	homeo_ring_set(c->number, HOMEO_RING_LARGEST_BATCH,
				   Max(largest, (uint64) c->nevents));
	homeo_ring_set(c->number, HOMEO_RING_RATE, (uint64) rint(rate * 1000));
	homeo_ring_set(c->number, HOMEO_RING_LAST_RECEIVED, newest(c));
	homeo_ring_set(c->number, HOMEO_RING_LAST_STORED, now);
}

/* After the turn's transaction has committed. */
static void
settle(HomeoConsumer *c)
{
	const HomeoStoreResult *r = &c->result;
	bool		of_ring = c->ring_end > homeo_ring_tail(c->number);

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
	if (of_ring)
		homeo_ring_release(c->number, c->ring_end);
	c->cursor = c->ahead;
	homeo_journal_note_stored(c->number, c->cursor.position);
	release_journal(c);
	if (of_ring || c->njournal > 0)
	{
		note_batch(c);
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

static HomeoTurnResult
run_turn(HomeoConsumer *c)
{
	HomeoTurnResult result = homeo_turn_run(turn, c, BATCH_TIMEOUT_MS);

	if (result == HOMEO_TURN_FAILED)
		note_failure(c);
	else if (result != HOMEO_TURN_NO_EXTENSION)
		settle(c);
	c->batch_took = homeo_worker_milliseconds_since(c->batch_began);
	return result;
}

static bool
warm_turn(void *arg)
{
	HomeoConsumer *c = (HomeoConsumer *) arg;
	char	   *query = psprintf("select entries from homeostasis.warm_caches(%d, %d, %d)"
								 " where what = 'issues'",
								 WARM_ISSUES - c->warmed, WARM_MS, c->warmed);
	bool		isnull;
	int64		issues;

	if (SPI_execute(query, false, 0) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "warm_caches() failed");
	issues = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0],
										 SPI_tuptable->tupdesc, 1, &isnull));
	c->warmed += (int) issues;
	return issues > 0 && c->warmed < WARM_ISSUES;
}

/*
 * When there is nothing to store, a piece at a time: so hardly any event waits
 * for it, and issues that come back, or come in other words, are then diagnosed
 * sooner.  Once in the life of the worker, or until it fails.
 */
static HomeoTurnResult
warm_if_idle(HomeoConsumer *c, HomeoTurnResult result)
{
	if (result != HOMEO_TURN_IDLE || c->warm || ShutdownRequestPending)
		return result;
	result = homeo_turn_run(warm_turn, c, BATCH_TIMEOUT_MS);
	c->warm = result != HOMEO_TURN_MORE;
	return result == HOMEO_TURN_MORE ? result : HOMEO_TURN_IDLE;
}

/* Gathers for a while if the batch before was not long ago. */
static void
pace(HomeoConsumer *c)
{
	long		rest_ms = is_flood(c) ? FLOOD_REST_MS :
	Min(REST_FACTOR * c->batch_took, REST_LIMIT_MS);
	long		left = Max((long) homeo_guc_batch_timeout,
						   c->batch_took + rest_ms) -
	homeo_worker_milliseconds_since(c->batch_began);

	uint64		waiting = homeo_ring_used(c->number) +
	homeo_journal_backlog(c->number);

	if (left > 0 && waiting > 0 && waiting < PLENTY_BYTES)
		homeo_worker_wait(left, "HomeostasisIngestGather");
}

static void
rest(HomeoConsumer *c, HomeoTurnResult result)
{
	if (result != HOMEO_TURN_IDLE)
		homeo_turn_rest(result, 0, "HomeostasisIngestMain");
	else if (homeo_ring_sleep(c->number))
	{
		long		idle_ms = IDLE_MS;

		if (c->released < c->cursor.position)
			idle_ms = RELEASE_RETRY_MS;
		else if (c->deferred)
			idle_ms = DEFERRED_RETRY_MS;
		if (c->cursor.position >= homeo_journal_end_of(c->number))
			homeo_turn_rest(result, idle_ms, "HomeostasisIngestMain");
		homeo_ring_awake(c->number);
	}
}

/* Stores what is there now, as far as there is time. */
static void
drain(HomeoConsumer *c, long most_ms)
{
	uint64		ring_end = homeo_ring_tail(c->number) +
	homeo_ring_used(c->number);
	uint64		journal_end = homeo_journal_end();
	instr_time	start;

	INSTR_TIME_SET_CURRENT(start);
	while ((!c->positioned || homeo_ring_tail(c->number) < ring_end ||
			c->cursor.position < journal_end) &&
		   homeo_worker_milliseconds_since(start) < most_ms)
	{
		HomeoTurnResult result = run_turn(c);

		if (result == HOMEO_TURN_FAILED || result == HOMEO_TURN_NO_EXTENSION)
			break;
	}
}

/*
 * What could not be stored goes into the journal and to disk; a journal that
 * nobody needs any more is removed.
 */
static void
put_away(HomeoConsumer *c)
{
	int			error;

	homeo_attempts_end(c->number);
	homeo_spill(c->number, 0);
	error = homeo_journal_flush(homeo_journal_end());
	if (error != 0)
	{
		errno = error;
		ereport(WARNING,
				(errcode_for_file_access(),
				 errmsg("could not flush the journal of events: %m")));
	}
	if (!c->positioned)
		return;
	XLogFlush(XactLastCommitEnd);
	release_journal(c);
	release_journal(c);
	homeo_journal_remove_all();
}

/*
 * Statements of this worker find by their keys a few rows of tables that may
 * be large.  A plan that was made while they were empty would read them whole,
 * and be kept until they are analyzed.
 */
static void
set_options(void)
{
	static const char *const off[] = {
		"synchronous_commit", "enable_seqscan", "enable_hashjoin",
		"enable_mergejoin"
	};

	for (int i = 0; i < lengthof(off); i++)
		SetConfigOption(off[i], "off", PGC_USERSET, PGC_S_OVERRIDE);
}

void
homeo_ingest_main(Datum main_arg)
{
	HomeoConsumer c = {0};
	bool		once = DatumGetBool(main_arg);

	c.number = homeo_worker_begin(HOMEO_WORKER_INGEST);
	c.reader = homeo_journal_reader_make(c.number, homeo_positions_of_journal);
	homeo_attempts_begin(c.number);
	/* It ends between two turns, so that it can drain the ring. */
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	homeo_worker_connect();
	set_options();

	if (once)
	{
		drain(&c, ONCE_MS);
		/* With all of that stored, what was set aside. */
		(void) run_turn(&c);
		proc_exit(0);
	}
	while (!ShutdownRequestPending)
	{
		HomeoTurnResult result;

		pace(&c);
		if (ShutdownRequestPending)
			break;
		result = warm_if_idle(&c, run_turn(&c));
		if (!ShutdownRequestPending)
			rest(&c, result);
	}
	drain(&c, DRAIN_MS);
	put_away(&c);
	/* Not 0: the launcher is to start another one. */
	proc_exit(1);
}

/* False: there is no place for a worker. */
static bool
run_once(int number)
{
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;

	if (homeo_worker_pid(HOMEO_WORKER_INGEST, number) != 0)
		return true;
	homeo_worker_describe(&worker, HOMEO_WORKER_INGEST, number, MyDatabaseId,
						  "homeo_ingest_main");
	worker.bgw_main_arg = BoolGetDatum(true);
	worker.bgw_notify_pid = MyProcPid;
	if (!RegisterDynamicBackgroundWorker(&worker, &handle))
		return false;
	(void) WaitForBackgroundWorkerShutdown(handle);
	return true;
}

void
homeo_ingest_once(void)
{
	/* On a standby a worker would not start before the promotion. */
	if (RecoveryInProgress() ||
		strcmp(get_database_name(MyDatabaseId), homeo_guc_database) != 0)
		return;
	for (int i = 0; i < homeo_guc_ingest_workers; i++)
	{
		if (run_once(i))
			continue;
		ereport(WARNING,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("captured errors wait in memory: all background worker slots are in use"),
				 errhint("Increase max_worker_processes.")));
		return;
	}
}

/*
 * intake_stat() returns setof record: one row a consumer
 */
PG_FUNCTION_INFO_V1(homeo_intake_stat);

Datum
homeo_intake_stat(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	homeo_shmem_require();
	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < homeo_guc_ingest_workers; i++)
	{
		Datum		values[4 + HOMEO_RING_COUNTERS];
		bool		nulls[4 + HOMEO_RING_COUNTERS] = {0};
		uint64		backlog = homeo_journal_backlog(i);
		uint64		used = homeo_ring_used(i) + backlog;
		TimestampTz received = homeo_ring_counter(i, HOMEO_RING_LAST_RECEIVED);
		TimestampTz stored = homeo_ring_counter(i, HOMEO_RING_LAST_STORED);
		int			n = 0;

		values[n++] = Int32GetDatum(i);
		values[n++] = Int64GetDatum((int64) homeo_ring_size(i));
		values[n++] = Int64GetDatum((int64) used);
		values[n++] = Int64GetDatum((int64) backlog);
		for (int k = 0; k < HOMEO_RING_RATE; k++)
			values[n++] = Int64GetDatum((int64) homeo_ring_counter(i, k));
		values[n++] = Float8GetDatum(faded((double) homeo_ring_counter(i, HOMEO_RING_RATE) / 1000,
										   stored, GetCurrentTimestamp()));
		nulls[n] = received == 0;
		values[n++] = TimestampTzGetDatum(received);
		nulls[n] = received == 0;
		values[n++] = TimestampTzGetDatum(stored);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values,
							 nulls);
	}
	return (Datum) 0;
}
