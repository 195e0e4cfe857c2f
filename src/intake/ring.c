/*
 * ring.c
 *		Rings of records in shared memory: every process may add one, at any
 *		time, also while an error is being reported; one worker a ring takes
 *		them out.
 *
 * Who may call what: producers are all processes with shared memory, inside
 * the log hook too; so homeo_ring_put() and what it calls use atomics and
 * memcpy only, can't fail and take no lock.  The consumer's functions are for
 * the one worker with that number.
 *
 * Protocol.  [tail, head) is in use.  A producer moves head forward by
 * compare-and-swap and from then on owns the bytes it passed; it copies its
 * record in and, behind a write barrier, sets the record's state.  The
 * consumer reads records in order as far as their state is set, and gives
 * space back by zeroing it and, behind a write barrier, moving tail.  So the
 * state of a record that nobody has committed is always zero, also where an
 * earlier lap left its bytes: nothing in a record can look like a committed
 * record to come.
 *
 * A producer that stops between the two steps holds up the consumer at its
 * record.  It can be stopped there for good only by the end of its process.
 * An end by SIGKILL, SIGQUIT or a crash makes the postmaster make shared
 * memory anew; an end by FATAL happens at no place of this code, because no
 * signal handler of a backend raises it, and because that of a background
 * worker, which may, is kept away by blocking its signal.
 *
 * Memory: one piece of shared memory for all rings, made by the postmaster.  It
 * comes from the kernel zeroed, also after a crash, and the data areas are not
 * touched before they are used: an idle ring costs address space only.
 */
#include "postgres.h"

#include "intake/ring.h"

#include <signal.h>

#include "base/guc.h"
#include "base/shmem.h"
#include "base/worker.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "portability/instr_time.h"
#include "postmaster/bgworker.h"
#include "storage/condition_variable.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#ifdef PG_HAVE_ATOMIC_U64_SIMULATION
#error "homeostasis needs 64-bit atomics: simulated ones take a lock"
#endif

/* Records begin at multiples of this, so a record's header never wraps. */
#define RECORD_ALIGN(len)	TYPEALIGN64(8, (len))

#define STATE_COMMITTED		1

/* This part of the ring is kept for records that are put without waiting. */
#define KEPT_SHARE			8

typedef struct HomeoRingRecord
{
	pg_atomic_uint32 state;		/* zero until committed */
	uint32		len;			/* bytes behind the header */
} HomeoRingRecord;

StaticAssertDecl(sizeof(HomeoRingRecord) == 8,
				 "a header must fit between two aligned positions");

/* Each group has cache lines of its own: producers share the first only. */
typedef union HomeoRingLine
{
	pg_atomic_uint64 value;
	char		pad[PG_CACHE_LINE_SIZE];
} HomeoRingLine;

typedef struct HomeoRing
{
	uint64		epoch;			/* constant, the same in all rings */
	uint64		size;			/* of data; constant */
	ConditionVariable room;		/* signalled when tail moves */
	HomeoRingLine head;
	HomeoRingLine tail;
	HomeoRingLine sleeping;		/* 1: the consumer wants to be woken */
	pg_atomic_uint64 counter[HOMEO_RING_COUNTERS];
	char		data[FLEXIBLE_ARRAY_MEMBER];
} HomeoRing;

#define DATA_OFFSET		CACHELINEALIGN(offsetof(HomeoRing, data))

/* The first ring; the others follow. */
static char *rings = NULL;
static Size bytes_of_ring;

static inline HomeoRing *
ring_of(int consumer)
{
	Assert(consumer >= 0 && consumer < homeo_guc_ingest_workers);
	Assert(rings != NULL);
	return (HomeoRing *) (rings + (Size) consumer * bytes_of_ring);
}

static inline char *
byte_at(HomeoRing *r, uint64 position)
{
	return (char *) r + DATA_OFFSET + position % r->size;
}

/* homeostasis.ring_size is shared by all. */
static Size
ring_bytes(void)
{
	Size		data = (Size) homeo_guc_ring_size * 1024 /
	homeo_guc_ingest_workers;

	return CACHELINEALIGN(add_size(DATA_OFFSET, data));
}

static Size
shmem_size(void)
{
	return mul_size(ring_bytes(), homeo_guc_ingest_workers);
}

static void
init_ring(HomeoRing *r, uint64 epoch)
{
	r->size = TYPEALIGN_DOWN(8, bytes_of_ring - DATA_OFFSET);
	r->epoch = epoch;
	ConditionVariableInit(&r->room);
	pg_atomic_init_u64(&r->head.value, 0);
	pg_atomic_init_u64(&r->tail.value, 0);
	pg_atomic_init_u64(&r->sleeping.value, 0);
	for (int i = 0; i < HOMEO_RING_COUNTERS; i++)
		pg_atomic_init_u64(&r->counter[i], 0);
}

static void
shmem_attach(void *memory, Size size, bool found)
{
	uint64		epoch;

	rings = memory;
	bytes_of_ring = ring_bytes();
	if (found)
		return;

	if (!pg_strong_random(&epoch, sizeof(epoch)))
		epoch = (uint64) GetCurrentTimestamp();
	/* It is stored as bigint; 0 means none. */
	epoch = (epoch & PG_INT64_MAX) | 1;
	for (int i = 0; i < homeo_guc_ingest_workers; i++)
		init_ring(ring_of(i), epoch);
}

/* Called from _PG_init. */
void
homeo_ring_init(void)
{
	static const HomeoShmemPiece piece = {
		.name = "homeostasis ring",
		.size = shmem_size,
		.init = shmem_attach
	};

	homeo_shmem_register(&piece);
}

/*
 * Space for need bytes that leaves keep bytes free, or HOMEO_RING_FULL.  tail
 * is read before head, so what is computed as used is never less than it is.
 */
static HomeoRingStatus
reserve(HomeoRing *r, uint64 need, uint64 keep, uint64 *position)
{
	for (;;)
	{
		uint64		tail = pg_atomic_read_u64(&r->tail.value);
		uint64		head;

		pg_read_barrier();
		head = pg_atomic_read_u64(&r->head.value);
		if (head - tail + need + keep > r->size)
			return HOMEO_RING_FULL;
		if (pg_atomic_compare_exchange_u64(&r->head.value, &head,
										   head + need))
		{
			*position = head;
			return HOMEO_RING_OK;
		}
	}
}

/*
 * Copies in at most two pieces; returns the place behind them.  Places are
 * bytes of the data area: to divide each position by its size takes longer
 * than to copy a part.
 */
static uint64
copy_in(HomeoRing *r, uint64 place, const HomeoRingPart *part)
{
	char	   *data = (char *) r + DATA_OFFSET;
	Size		first = Min(part->len, r->size - place);

	memcpy(data + place, part->data, first);
	if (first < part->len)
		memcpy(data, (const char *) part->data + first, part->len - first);
	place += part->len;
	return place < r->size ? place : place - r->size;
}

/*
 * Wakes a consumer that sleeps, because there is something for it, here or
 * elsewhere.
 */
void
homeo_ring_wake(int consumer)
{
	HomeoRing  *r = ring_of(consumer);

	/* What there is must be visible before the flag is read: see ring_sleep. */
	pg_memory_barrier();
	if (pg_atomic_read_u64(&r->sleeping.value) != 0 &&
		pg_atomic_exchange_u64(&r->sleeping.value, 0) != 0)
		homeo_worker_wake_one(HOMEO_WORKER_INGEST, consumer);
}

/*
 * Adds one record, without counting a failure: the caller says what becomes
 * of it.  Leaves keep bytes of the ring free.  Wakes the consumer if it
 * sleeps.
 */
static HomeoRingStatus
put(int consumer, const HomeoRingPart *parts, int nparts, uint64 keep)
{
	HomeoRing  *r = ring_of(consumer);
	uint64		len = 0;
	uint64		need;
	uint64		position;
	uint64		place;
	HomeoRingRecord *header;
	HomeoRingStatus status;

	for (int i = 0; i < nparts; i++)
		len += parts[i].len;
	need = RECORD_ALIGN(sizeof(HomeoRingRecord) + len);
	/* One record may not be most of the ring, or it would wait for ever. */
	if (len > HOMEO_RING_MAX_RECORD || need > r->size / 2)
		return HOMEO_RING_TOO_LARGE;

	status = reserve(r, need, keep, &position);
	if (status != HOMEO_RING_OK)
		return status;

	header = (HomeoRingRecord *) byte_at(r, position);
	header->len = (uint32) len;
	place = (position + sizeof(HomeoRingRecord)) % r->size;
	for (int i = 0; i < nparts; i++)
		place = copy_in(r, place, &parts[i]);

	pg_write_barrier();
	pg_atomic_write_u32(&header->state, STATE_COMMITTED);
	pg_atomic_fetch_add_u64(&r->counter[HOMEO_RING_PUT], 1);
	pg_atomic_fetch_add_u64(&r->counter[HOMEO_RING_PUT_BYTES], len);
	homeo_ring_wake(consumer);
	return HOMEO_RING_OK;
}

/*
 * A background worker may end itself by FATAL in its handler of SIGTERM; not
 * between reserving and committing.  Backends need no system call for this.
 */
static HomeoRingStatus
put_undisturbed(int consumer, const HomeoRingPart *parts, int nparts,
				uint64 keep)
{
	HomeoRingStatus status;
	sigset_t	term;
	sigset_t	before;

	if (MyBgworkerEntry == NULL)
		return put(consumer, parts, nparts, keep);

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, &before);
	status = put(consumer, parts, nparts, keep);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return status;
}

static void
count_drop(HomeoRing *r, HomeoRingStatus status)
{
	if (status == HOMEO_RING_FULL)
		pg_atomic_fetch_add_u64(&r->counter[HOMEO_RING_DROPPED_FULL], 1);
	else if (status == HOMEO_RING_TOO_LARGE)
		pg_atomic_fetch_add_u64(&r->counter[HOMEO_RING_DROPPED_TOO_LARGE], 1);
}

/*
 * Adds one record if there is room.  What isn't added is counted by cause.
 * Takes no lock, allocates nothing, raises nothing.
 */
HomeoRingStatus
homeo_ring_put(int consumer, const HomeoRingPart *parts, int nparts)
{
	HomeoRingStatus status = put_undisturbed(consumer, parts, nparts, 0);

	count_drop(ring_of(consumer), status);
	return status;
}

/*
 * Adds one record, waiting at most timeout_ms for room.  Can be cancelled.
 * What isn't added is not counted: the caller may have another place for it.
 *
 * Leaves room for those who can neither wait nor tell anybody: whoever can
 * report may be at it without end, and must not make the log hook drop the
 * server's own errors.
 */
HomeoRingStatus
homeo_ring_put_wait(int consumer, const HomeoRingPart *parts, int nparts,
					int timeout_ms)
{
	HomeoRing  *r = ring_of(consumer);
	uint64		keep = r->size / KEPT_SHARE;
	HomeoRingStatus status = put_undisturbed(consumer, parts, nparts, keep);
	instr_time	start;
	instr_time	waited;

	if (status == HOMEO_RING_FULL && timeout_ms > 0)
	{
		long		left = timeout_ms;

		INSTR_TIME_SET_CURRENT(start);
		ConditionVariablePrepareToSleep(&r->room);
		while ((status = put_undisturbed(consumer, parts, nparts,
										 keep)) == HOMEO_RING_FULL &&
			   left > 0)
		{
			ConditionVariableTimedSleep(&r->room, left, PG_WAIT_EXTENSION);
			INSTR_TIME_SET_CURRENT(waited);
			INSTR_TIME_SUBTRACT(waited, start);
			left = timeout_ms - (long) INSTR_TIME_GET_MILLISEC(waited);
		}
		ConditionVariableCancelSleep();
	}
	return status;
}

/* Safe inside the log hook. */
void
homeo_ring_count(int consumer, HomeoRingCounter counter, uint64 n)
{
	pg_atomic_fetch_add_u64(&ring_of(consumer)->counter[counter], n);
}

/* A counter that is a value, such as a time. */
void
homeo_ring_set(int consumer, HomeoRingCounter counter, uint64 value)
{
	pg_atomic_write_u64(&ring_of(consumer)->counter[counter], value);
}

uint64
homeo_ring_counter(int consumer, HomeoRingCounter counter)
{
	return pg_atomic_read_u64(&ring_of(consumer)->counter[counter]);
}

/* Never 0, never negative as int64. */
uint64
homeo_ring_epoch(void)
{
	return ring_of(0)->epoch;
}

/* Where the consumer begins after a restart of its process. */
uint64
homeo_ring_tail(int consumer)
{
	return pg_atomic_read_u64(&ring_of(consumer)->tail.value);
}

/* Bytes between tail and head, headers and padding included. */
uint64
homeo_ring_used(int consumer)
{
	HomeoRing  *r = ring_of(consumer);
	uint64		tail = pg_atomic_read_u64(&r->tail.value);

	pg_read_barrier();
	return pg_atomic_read_u64(&r->head.value) - tail;
}

uint64
homeo_ring_size(int consumer)
{
	return ring_of(consumer)->size;
}

/*
 * The record at position, or false when none is committed there yet.
 *
 * The view points into the ring and is valid until it is released, except
 * that a record which wraps is copied into CurrentMemoryContext.  Raises an
 * error for a length that no producer can have written.
 */
bool
homeo_ring_next(int consumer, uint64 position, HomeoRingView *view)
{
	HomeoRing  *r = ring_of(consumer);
	HomeoRingRecord *header = (HomeoRingRecord *) byte_at(r, position);
	uint64		head = pg_atomic_read_u64(&r->head.value);
	uint64		start = position + sizeof(HomeoRingRecord);
	Size		first;

	/* Also when the whole ring is in use and the next lap begins here. */
	if (position == head ||
		pg_atomic_read_u32(&header->state) != STATE_COMMITTED)
		return false;
	pg_read_barrier();

	view->len = header->len;
	view->end = position + RECORD_ALIGN(sizeof(HomeoRingRecord) + header->len);
	if (view->len > HOMEO_RING_MAX_RECORD || view->end > head)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the ring of captured errors is damaged at position " UINT64_FORMAT,
						position),
				 errhint("Restart the server, which makes the ring anew.")));

	first = Min(view->len, r->size - start % r->size);
	if (first == view->len)
		view->data = byte_at(r, start);
	else
	{
		char	   *copy = palloc(view->len);

		memcpy(copy, byte_at(r, start), first);
		memcpy(copy + first, byte_at(r, start + first), view->len - first);
		view->data = copy;
	}
	return true;
}

/*
 * Gives back everything before position: what the consumer has read, or, at
 * its start, what a predecessor in this epoch had stored.
 */
void
homeo_ring_release(int consumer, uint64 position)
{
	HomeoRing  *r = ring_of(consumer);
	uint64		tail = pg_atomic_read_u64(&r->tail.value);
	Size		len;
	Size		first;

	Assert(position >= tail);
	Assert(position <= pg_atomic_read_u64(&r->head.value));
	if (position == tail)
		return;

	len = position - tail;
	first = Min(len, r->size - tail % r->size);
	memset(byte_at(r, tail), 0, first);
	if (first < len)
		memset(byte_at(r, tail + first), 0, len - first);
	pg_write_barrier();
	pg_atomic_write_u64(&r->tail.value, position);
	ConditionVariableBroadcast(&r->room);
}

/*
 * The consumer is about to wait on its latch.  Returns false if a record has
 * come meanwhile: then it must not wait.
 */
bool
homeo_ring_sleep(int consumer)
{
	HomeoRing  *r = ring_of(consumer);
	uint64		tail = pg_atomic_read_u64(&r->tail.value);
	HomeoRingRecord *header = (HomeoRingRecord *) byte_at(r, tail);

	pg_atomic_write_u64(&r->sleeping.value, 1);
	/* Pairs with wake_consumer: one of the two sees what the other wrote. */
	pg_memory_barrier();
	if (pg_atomic_read_u32(&header->state) != STATE_COMMITTED)
		return true;
	homeo_ring_awake(consumer);
	return false;
}

/* The consumer doesn't wait any more. */
void
homeo_ring_awake(int consumer)
{
	pg_atomic_write_u64(&ring_of(consumer)->sleeping.value, 0);
}
