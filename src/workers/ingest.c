/*
 * ingest.c
 *		The workers that move events from the rings and the journal into the
 *		tables.
 *
 * Each turn stores one batch (ingest_batch.c) and, in the same transaction,
 * how far it got in this worker's ring and in the journal (ingest_source.c).
 * What is left at a shutdown goes from the ring into the journal.
 *
 * Batches form by themselves: while one is stored the next one gathers.
 * Under load that alone would make many tiny transactions, so a batch begins
 * homeostasis.batch_timeout after the one before, or later if that one took
 * long, unless there is much to do.  An error that comes alone is stored at
 * once.
 */
#include "postgres.h"

#include "workers/ingest.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "base/guc.h"
#include "base/turn.h"
#include "base/worker.h"
#include "intake/attempts.h"
#include "intake/journal.h"
#include "intake/positions.h"
#include "intake/ring.h"
#include "intake/spill.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "utils/guc.h"
#include "workers/ingest_batch.h"
#include "workers/ingest_source.h"
#include "workers/ingest_warm.h"

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

#define RELEASE_RETRY_MS	500
#define IDLE_MS				(60 * 1000)

/*
 * How long a worker goes on with what is there: one that is told to end, and
 * one that was started for it.
 */
#define DRAIN_MS			2000
#define ONCE_MS				(60 * 1000)

/* Gathers for a while if the batch before was not long ago. */
static void
pace(HomeoConsumer *c)
{
	long		rest_ms = homeo_ingest_batch_is_flood(c) ? FLOOD_REST_MS :
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
		HomeoTurnResult result = homeo_ingest_batch_run(c);

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
	homeo_ingest_source_release(c);
	homeo_ingest_source_release(c);
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
		(void) homeo_ingest_batch_run(&c);
		proc_exit(0);
	}
	while (!ShutdownRequestPending)
	{
		HomeoTurnResult result;

		pace(&c);
		if (ShutdownRequestPending)
			break;
		result = homeo_ingest_warm_if_idle(&c, homeo_ingest_batch_run(&c));
		if (!ShutdownRequestPending)
			rest(&c, result);
	}
	drain(&c, DRAIN_MS);
	put_away(&c);
	/* Not 0: the launcher is to start another one. */
	proc_exit(1);
}
