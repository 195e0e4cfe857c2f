/*
 * ingest.c
 *		The worker that moves events from the ring into the tables.
 *
 * Each turn stores one batch and, in the same transaction, how far it got:
 * the ring's epoch and the position behind the batch.  Only then is the
 * space given back to the ring.  A worker that ends between the two leaves a
 * successor that finds the position and skips what is stored, so an event is
 * stored once, whenever the worker ends.
 *
 * Commits don't wait for the disk.  What the ring holds is lost when the
 * server crashes, whether it was stored a moment ago or is about to be; so
 * waiting would make every event later and save none.
 *
 * Batches form by themselves: while one is stored the next one gathers.
 * Under load that alone would make many tiny transactions, so a batch begins
 * homeostasis.batch_timeout after the one before, or later if that one took
 * long, unless there is much to do.  An error that comes alone is stored at
 * once.
 *
 * A batch that fails again and again is taken apart: see batch_limit().  An
 * event that fails alone, too, is only given up when others can be stored;
 * while nothing can, everything waits.
 */
#include "postgres.h"

#include "workers/ingest.h"

#include "access/xlog.h"
#include "base/compat.h"
#include "base/guc.h"
#include "base/shmem.h"
#include "base/turn.h"
#include "base/worker.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "intake/event.h"
#include "intake/ring.h"
#include "intake/store.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

/* Limits of one batch, beside homeostasis.batch_size. */
#define BATCH_BYTES			(8 * 1024 * 1024)
#define BATCH_TIMEOUT_MS	(60 * 1000)

/* With so much waiting there is no point in gathering more. */
#define PLENTY_BYTES		(256 * 1024)

/*
 * Between two batches the worker rests for so many times what the last one
 * took, but for no longer than the limit.  What a batch costs besides its
 * events is so shared by the more of them the faster they come, and callers
 * keep their processors.  In a flood of errors that are known already it
 * rests longer, and takes so many batches' events at once.
 */
#define REST_FACTOR			3
#define REST_LIMIT_MS		50
#define FLOOD_REST_MS		100
#define FLOOD_BATCHES		4

/* Failures in a row after which a batch is taken apart, or an event left. */
#define MAX_TRIES			3

#define DEFERRED_BATCH		100
#define DEFERRED_RETRY_MS	1000
#define IDLE_MS				(60 * 1000)

/*
 * How long a worker goes on with what is in the ring: one that is told to end,
 * and one that was started for it.
 */
#define DRAIN_MS			2000
#define ONCE_MS				(60 * 1000)

typedef struct HomeoConsumer
{
	int			number;
	bool		positioned;		/* tail is where the tables say */
	uint64		position;		/* behind the batch of this turn */
	TimestampTz newest;			/* received time of its last event */
	HomeoStoreResult result;	/* of this turn */
	bool		deferred;		/* there may be rows in deferred_events */
	instr_time	deferred_tried;
	int			deferred_tries; /* failures in a row of deferred events */
	bool		retrying;		/* this turn is about deferred events */
	instr_time	batch_began;
	long		batch_took;		/* milliseconds */

	/* Failures in a row of what begins at the tail. */
	int			tries;
	uint64		careful_until;	/* one event at a time before it */
} HomeoConsumer;

/*
 * A predecessor may have stored more than it gave back.
 */
static void
find_position(HomeoConsumer *c)
{
	Oid			types[] = {INT4OID, INT8OID};
	Datum		values[2];
	bool		isnull;
	uint64		position;

	values[0] = Int32GetDatum(c->number);
	values[1] = Int64GetDatum((int64) homeo_ring_epoch(c->number));
	if (SPI_execute_with_args("select position from homeostasis.intake_positions"
							  " where consumer = $1 and epoch = $2",
							  2, types, values, NULL, true,
							  1) != SPI_OK_SELECT)
		elog(ERROR, "could not read intake_positions");
	if (SPI_processed == 1)
	{
		position = (uint64) DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0],
														SPI_tuptable->tupdesc,
														1, &isnull));
		if (position > homeo_ring_tail(c->number))
			homeo_ring_release(c->number, position);
	}
	/* Rows of another life may wait as well. */
	c->deferred = true;
	c->positioned = true;
}

static void
store_position(HomeoConsumer *c)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[] = {INT4OID, INT8OID, INT8OID};
	Datum		values[3];

	if (plan == NULL)
	{
		plan = SPI_prepare("insert into homeostasis.intake_positions as p"
						   " (consumer, epoch, position) values ($1, $2, $3)"
						   " on conflict (consumer) do update set epoch = $2,"
						   " position = $3, stored_at = now()", 3, types);
		if (plan == NULL || SPI_keepplan(plan) != 0)
			elog(ERROR, "could not prepare the update of intake_positions");
	}
	values[0] = Int32GetDatum(c->number);
	values[1] = Int64GetDatum((int64) homeo_ring_epoch(c->number));
	values[2] = Int64GetDatum((int64) c->position);
	if (SPI_execute_plan(plan, values, NULL, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not update intake_positions");
}

/* Takes records from the ring's tail on; returns how many. */
static int
gather(HomeoConsumer *c, HomeoEvent *events, int most)
{
	uint64		start = homeo_ring_tail(c->number);
	HomeoRingView view;
	int			n = 0;

	c->position = start;
	while (n < most && c->position - start < BATCH_BYTES &&
		   homeo_ring_next(c->number, c->position, &view))
	{
		const char *problem = homeo_event_decode(view.data, view.len,
												 &events[n]);

		if (problem != NULL)
			homeo_event_make_unreadable(&events[n], problem);
		c->newest = events[n].received;
		c->position = view.end;
		n++;
	}
	return n;
}

/* Was most of the last batch only counted? */
static bool
is_flood(const HomeoConsumer *c)
{
	return c->result.counted > c->result.stored;
}

/*
 * How many events to take; more in a flood, as few are stored.
 *
 * A batch that failed MAX_TRIES times in a row for
 * a reason that store.c doesn't blame on an event is stored one by one, as
 * far as it went: one of them might need more memory or time than there is.
 */
static int
batch_limit(HomeoConsumer *c)
{
	if (homeo_ring_tail(c->number) < c->careful_until)
		return 1;
	if (is_flood(c))
		return FLOOD_BATCHES * homeo_guc_batch_size;
	return homeo_guc_batch_size;
}

static void
store(HomeoConsumer *c, HomeoEvent *events, int nevents)
{
	if (nevents == 1 && c->tries >= MAX_TRIES &&
		homeo_ring_tail(c->number) < c->careful_until)
		homeo_store_suspect(&events[0], &c->result);
	else
		homeo_store_batch(events, nevents, HOMEO_STORE_DEFER, &c->result);
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
	int			most = batch_limit(c);
	HomeoEvent *events = palloc(sizeof(HomeoEvent) * most);
	int			nevents;

	memset(&c->result, 0, sizeof(c->result));
	c->retrying = false;
	INSTR_TIME_SET_CURRENT(c->batch_began);
	if (!c->positioned)
		find_position(c);
	nevents = gather(c, events, most);
	if (nevents > 0)
	{
		store(c, events, nevents);
		store_position(c);
		return homeo_ring_used(c->number) >
			c->position - homeo_ring_tail(c->number);
	}
	if (c->deferred &&
		homeo_worker_milliseconds_since(c->deferred_tried) >= DEFERRED_RETRY_MS)
	{
		c->retrying = true;
		retry_deferred(c);
		return true;
	}
	return false;
}

/* After the turn's transaction has committed. */
static void
settle(HomeoConsumer *c)
{
	const HomeoStoreResult *r = &c->result;

	homeo_ring_count(c->number, HOMEO_RING_STORED, r->stored);
	homeo_ring_count(c->number, HOMEO_RING_COUNTED, r->counted);
	homeo_ring_count(c->number, HOMEO_RING_DUPLICATE, r->duplicate);
	homeo_ring_count(c->number, HOMEO_RING_REJECTED, r->rejected);
	homeo_ring_count(c->number, HOMEO_RING_DEFERRED, r->deferred);
	homeo_ring_count(c->number, HOMEO_RING_EXCLUDED, r->excluded);
	if (r->deferred > 0)
		c->deferred = true;
	if (c->retrying)
		c->deferred_tries = 0;
	if (c->position > homeo_ring_tail(c->number))
	{
		homeo_ring_count(c->number, HOMEO_RING_BATCHES, 1);
		homeo_ring_set(c->number, HOMEO_RING_LAST_RECEIVED, c->newest);
		homeo_ring_set(c->number, HOMEO_RING_LAST_STORED,
					   GetCurrentTimestamp());
		homeo_ring_release(c->number, c->position);
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
	if (c->tries == MAX_TRIES &&
		homeo_ring_tail(c->number) >= c->careful_until)
	{
		c->careful_until = c->position;
		c->tries = 0;
	}
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

/* Gathers for a while if the batch before was not long ago. */
static void
pace(HomeoConsumer *c)
{
	long		rest_ms = is_flood(c) ? FLOOD_REST_MS :
	Min(REST_FACTOR * c->batch_took, REST_LIMIT_MS);
	long		left = Max((long) homeo_guc_batch_timeout,
						   c->batch_took + rest_ms) -
	homeo_worker_milliseconds_since(c->batch_began);

	if (left > 0 && homeo_ring_used(c->number) > 0 &&
		homeo_ring_used(c->number) < PLENTY_BYTES)
		homeo_worker_wait(left, "HomeostasisIngestGather");
}

static void
rest(HomeoConsumer *c, HomeoTurnResult result)
{
	if (result != HOMEO_TURN_IDLE)
		homeo_turn_rest(result, 0, "HomeostasisIngestMain");
	else if (homeo_ring_sleep(c->number))
	{
		homeo_turn_rest(result, c->deferred ? DEFERRED_RETRY_MS : IDLE_MS,
						"HomeostasisIngestMain");
		homeo_ring_awake(c->number);
	}
}

/* Stores what is in the ring now, as far as there is time. */
static void
drain(HomeoConsumer *c, long most_ms)
{
	uint64		end = homeo_ring_tail(c->number) + homeo_ring_used(c->number);
	instr_time	start;

	INSTR_TIME_SET_CURRENT(start);
	while (homeo_ring_tail(c->number) < end &&
		   homeo_worker_milliseconds_since(start) < most_ms)
	{
		HomeoTurnResult result = run_turn(c);

		if (result == HOMEO_TURN_FAILED || result == HOMEO_TURN_NO_EXTENSION)
			break;
	}
}

void
homeo_ingest_main(Datum main_arg)
{
	HomeoConsumer c = {0};
	bool		once = DatumGetBool(main_arg);

	c.number = homeo_worker_begin(HOMEO_WORKER_INGEST);
	/* It ends between two turns, so that it can drain the ring. */
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	homeo_worker_connect();
	SetConfigOption("synchronous_commit", "off", PGC_USERSET,
					PGC_S_OVERRIDE);

	if (once)
	{
		drain(&c, ONCE_MS);
		/* With the ring empty, what was set aside. */
		(void) run_turn(&c);
		proc_exit(0);
	}
	while (!ShutdownRequestPending)
	{
		pace(&c);
		if (!ShutdownRequestPending)
			rest(&c, run_turn(&c));
	}
	drain(&c, DRAIN_MS);
	/* Not 0: the launcher is to start another one. */
	proc_exit(1);
}

void
homeo_ingest_once(void)
{
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;

	/* On a standby a worker would not start before the promotion. */
	if (RecoveryInProgress() ||
		homeo_worker_pid(HOMEO_WORKER_INGEST, 0) != 0 ||
		strcmp(get_database_name(MyDatabaseId), homeo_guc_database) != 0)
		return;
	homeo_worker_describe(&worker, HOMEO_WORKER_INGEST, 0, MyDatabaseId,
						  "homeo_ingest_main");
	worker.bgw_main_arg = BoolGetDatum(true);
	worker.bgw_notify_pid = MyProcPid;
	if (RegisterDynamicBackgroundWorker(&worker, &handle))
		(void) WaitForBackgroundWorkerShutdown(handle);
	else
		ereport(WARNING,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("captured errors wait in memory: all background worker slots are in use"),
				 errhint("Increase max_worker_processes.")));
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
	for (int i = 0; i < HOMEO_RING_CONSUMERS; i++)
	{
		Datum		values[5 + HOMEO_RING_COUNTERS];
		bool		nulls[5 + HOMEO_RING_COUNTERS] = {0};
		uint64		used = homeo_ring_used(i);
		TimestampTz received = homeo_ring_counter(i, HOMEO_RING_LAST_RECEIVED);
		int			n = 0;

		values[n++] = Int32GetDatum(i);
		values[n++] = Int64GetDatum((int64) homeo_ring_size(i));
		values[n++] = Int64GetDatum((int64) used);
		for (int k = 0; k < HOMEO_RING_LAST_RECEIVED; k++)
			values[n++] = Int64GetDatum((int64) homeo_ring_counter(i, k));
		nulls[n] = received == 0;
		values[n++] = TimestampTzGetDatum(received);
		nulls[n] = received == 0;
		values[n++] = TimestampTzGetDatum(homeo_ring_counter(i, HOMEO_RING_LAST_STORED));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values,
							 nulls);
	}
	return (Datum) 0;
}
