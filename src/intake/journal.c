/*
 * journal.c
 *		The writing side of the journal: segments, blocks, flushes.
 *
 * Segments are files of one size, allocated as a whole before they are used, so
 * that a full disk shows when a segment is made and not while it is written.
 * A block is in one segment; what is left behind the last one is closed by a
 * block without records.
 *
 * Locks.  append guards everything that is not atomic, and is held for the
 * write of one block into the operating system's memory; written moves when
 * that is done, so whoever reads below it finds whole blocks without a lock.
 * flush is held by the one process that flushes for all who wait (the way of
 * XLogFlush in the server's xlog.c).  flush may be taken first and append
 * within it, never the other way round.
 *
 * A flush that failed is not tried again on the same file, because the
 * operating system may have thrown away what it could not write: the segment is
 * closed, those whose blocks are in question are told, and the next block
 * begins another segment.
 *
 * Nothing here raises an error while it holds a lock.
 */
#include "postgres.h"

#include "intake/journal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/htup_details.h"
#include "access/xlog.h"
#include "base/compat.h"
#include "base/guc.h"
#include "base/shmem.h"
#include "base/worker.h"
#include "common/file_perm.h"
#include "funcapi.h"
#include "intake/block.h"
#include "intake/ring.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "port/atomics.h"
#include "portability/instr_time.h"
#include "storage/condition_variable.h"
#include "storage/fd.h"
#include "storage/lwlock.h"
#include "utils/wait_event.h"

#define SEGMENTS_AT_LIMIT	16
#define MIN_SEGMENT_BYTES	(1024 * 1024)
#define MAX_SEGMENT_BYTES	(16 * 1024 * 1024)

/* The last failures to flush that are remembered. */
#define KEPT_FAILURES		8

/* What is in [from, to) may be lost. */
typedef struct HomeoJournalFailure
{
	uint64		from;
	uint64		to;
	int			error;			/* an errno */
} HomeoJournalFailure;

typedef struct HomeoJournal
{
	uint64		epoch;			/* constant, as the next two */
	uint32		segment_size;	/* bytes */
	uint32		first;			/* segment of this epoch */

	LWLock		append;
	uint32		oldest;			/* segment that may exist */
	uint32		newest;			/* segment that may exist */
	bool		open;			/* there is a segment to write to */
	uint64		sequence;		/* of the next record */

	LWLock		flush;
	uint32		nfailures;		/* append guards this and the next */
	HomeoJournalFailure failure[KEPT_FAILURES]; /* by turns */

	ConditionVariable room;
	pg_atomic_uint64 written;	/* behind the last block; append guards writes */
	pg_atomic_uint64 flushed;
	pg_atomic_uint32 flush_wanted;

	/* of each consumer */
	pg_atomic_uint64 end_of[HOMEO_MAX_INGEST_WORKERS];	/* behind its last block */
	pg_atomic_uint64 stored[HOMEO_MAX_INGEST_WORKERS];
	pg_atomic_uint64 released[HOMEO_MAX_INGEST_WORKERS];
	pg_atomic_uint64 counter[HOMEO_JOURNAL_COUNTERS];
} HomeoJournal;

static HomeoJournal *journal = NULL;

/* The segment that this process wrote to last. */
static File segment_file = -1;
static uint32 segment_number = 0;

void
homeo_journal_segment_path(char path[MAXPGPATH], uint32 segment)
{
	snprintf(path, MAXPGPATH, HOMEO_JOURNAL_DIRECTORY "/%08X", segment);
}

/* The number in a segment's name; 0: it is not one. */
static uint32
segment_of_name(const char *name)
{
	if (strlen(name) != 8 || strspn(name, "0123456789ABCDEF") != 8)
		return 0;
	return (uint32) strtoul(name, NULL, 16);
}

/* Which segments a life before this one has left. */
static void
find_segments(uint32 *oldest, uint32 *newest)
{
	DIR		   *dir = AllocateDir(HOMEO_JOURNAL_DIRECTORY);
	struct dirent *entry;

	*oldest = *newest = 0;
	if (dir == NULL && errno == ENOENT)
		return;
	while ((entry = ReadDirExtended(dir, HOMEO_JOURNAL_DIRECTORY,
									LOG)) != NULL)
	{
		uint32		segment = segment_of_name(entry->d_name);

		if (segment == 0)
			continue;
		*newest = Max(*newest, segment);
		*oldest = *oldest == 0 ? segment : Min(*oldest, segment);
	}
	if (dir != NULL)
		FreeDir(dir);
}

static Size
shmem_size(void)
{
	return sizeof(HomeoJournal);
}

static void
shmem_attach(void *memory, Size size, bool found)
{
	static int	tranche = 0;
	HomeoJournal *j = memory;

	journal = j;
	if (found)
		return;

	memset(j, 0, sizeof(*j));
	if (tranche == 0)
	{
		tranche = LWLockNewTrancheId();
		LWLockRegisterTranche(tranche, "HomeostasisJournal");
	}
	LWLockInitialize(&j->append, tranche);
	LWLockInitialize(&j->flush, tranche);
	ConditionVariableInit(&j->room);
	pg_atomic_init_u64(&j->written, 0);
	pg_atomic_init_u64(&j->flushed, 0);
	pg_atomic_init_u32(&j->flush_wanted, 0);
	for (int i = 0; i < HOMEO_JOURNAL_COUNTERS; i++)
		pg_atomic_init_u64(&j->counter[i], 0);

	j->epoch = homeo_ring_epoch();
	j->segment_size = (uint32) Min(Max((uint64) homeo_guc_journal_limit * 1024 /
									   SEGMENTS_AT_LIMIT, MIN_SEGMENT_BYTES),
								   MAX_SEGMENT_BYTES);
	find_segments(&j->oldest, &j->newest);
	j->first = j->newest + 1;
	if (j->oldest == 0)
		j->oldest = j->first;
	pg_atomic_write_u64(&j->written, HOMEO_JOURNAL_POSITION(j->first, 0));
	pg_atomic_write_u64(&j->flushed, HOMEO_JOURNAL_POSITION(j->first, 0));
	for (int i = 0; i < HOMEO_MAX_INGEST_WORKERS; i++)
	{
		/* What older lives have left may be anybody's. */
		pg_atomic_init_u64(&j->end_of[i], HOMEO_JOURNAL_POSITION(j->first, 0));
		pg_atomic_init_u64(&j->stored[i], 0);
		pg_atomic_init_u64(&j->released[i], 0);
	}
}

/* Called from _PG_init, after the ring's. */
void
homeo_journal_init(void)
{
	static const HomeoShmemPiece piece = {
		.name = "homeostasis journal",
		.size = shmem_size,
		.init = shmem_attach
	};

	homeo_shmem_register(&piece);
}

bool
homeo_journal_enabled(void)
{
	return homeo_guc_journal_limit > 0;
}

void
homeo_journal_count(HomeoJournalCounter counter, uint64 n)
{
	pg_atomic_fetch_add_u64(&journal->counter[counter], n);
}

int
homeo_journal_consumer(uint32 bucket)
{
	return (int) bucket % homeo_guc_ingest_workers;
}

uint64
homeo_journal_end_of(int consumer)
{
	return pg_atomic_read_u64(&journal->end_of[consumer]);
}

uint64
homeo_journal_end(void)
{
	return pg_atomic_read_u64(&journal->written);
}

uint32
homeo_journal_first_segment(void)
{
	return journal->first;
}

uint32
homeo_journal_oldest_segment(void)
{
	uint32		oldest;

	LWLockAcquire(&journal->append, LW_SHARED);
	oldest = journal->oldest;
	LWLockRelease(&journal->append);
	return oldest;
}

/* ------------------------------------------------------------------------
 * Segments
 * ------------------------------------------------------------------------
 */

/* The file of a segment, which this process keeps open; -1 and errno. */
static File
open_segment(uint32 segment)
{
	char		path[MAXPGPATH];

	if (segment_file >= 0 && segment_number == segment)
		return segment_file;
	if (segment_file >= 0)
		FileClose(segment_file);
	homeo_journal_segment_path(path, segment);
	segment_file = PathNameOpenFile(path, O_RDWR | PG_BINARY);
	segment_number = segment;
	return segment_file;
}

/* Makes the names in the directory durable.  0 or an errno. */
static int
flush_directory(void)
{
	int			fd = BasicOpenFile(HOMEO_JOURNAL_DIRECTORY, O_RDONLY);
	int			result = 0;

	if (fd < 0)
		return errno;
	if (pg_fsync(fd) != 0)
		result = errno;
	close(fd);
	return result;
}

/* Makes the journal's directory unless it is there.  0 or an errno. */
static int
create_directory(void)
{
	static const char *const directories[] = {
		"homeostasis", HOMEO_JOURNAL_DIRECTORY
	};

	for (int i = 0; i < lengthof(directories); i++)
	{
		if (MakePGDirectory(directories[i]) != 0 && errno != EEXIST)
			return errno;
	}
	return 0;
}

/*
 * Makes a segment with all of its disk space, or nothing.  0 or an errno.
 */
static int
create_segment(uint32 segment)
{
	char		path[MAXPGPATH];
	int			fd;
	int			result = create_directory();

	if (result != 0)
		return result;
	homeo_journal_segment_path(path, segment);
	fd = BasicOpenFile(path, O_RDWR | O_CREAT | O_TRUNC | PG_BINARY);
	if (fd < 0)
		return errno;
	do
		result = posix_fallocate(fd, 0, journal->segment_size);
	while (result == EINTR);
	if (result == 0 && pg_fsync(fd) != 0)
		result = errno;
	close(fd);
	if (result == 0)
		result = flush_directory();
	if (result != 0)
		unlink(path);
	return result;
}

/* Segments there may be; two at least, or none could ever be given back. */
static uint32
most_segments(void)
{
	uint64		limit = (uint64) homeo_guc_journal_limit * 1024;

	return (uint32) Max(limit / journal->segment_size, 2);
}

static int
write_at(uint64 position, const char *data, Size len)
{
	File		file = open_segment(HOMEO_JOURNAL_SEGMENT(position));
	int			written;

	if (file < 0)
		return errno;
	errno = 0;
	written = FileWrite(file, unconstify(char *, data), (int) len,
						HOMEO_JOURNAL_OFFSET(position), PG_WAIT_EXTENSION);
	if (written == (int) len)
		return 0;
	return errno != 0 ? errno : ENOSPC;
}

/* Closes a segment by a block without records, if one fits. */
static void
write_end(uint64 position)
{
	union
	{
		HomeoBlockHeader header;
		char		bytes[sizeof(HomeoBlockHeader) + HOMEO_BLOCK_ALIGN];
	}			end;

	if (HOMEO_JOURNAL_OFFSET(position) + sizeof(HomeoBlockHeader) >
		journal->segment_size)
		return;
	(void) homeo_block_make(end.bytes, NULL, 0, 0, 0);
	homeo_block_seal(end.bytes, GetSystemIdentifier(), journal->epoch,
					 position, journal->sequence);
	(void) write_at(position, end.bytes, sizeof(HomeoBlockHeader));
}

/*
 * Finds a segment with room for size bytes; *error is an errno if that failed.
 * The caller holds append.
 */
static HomeoJournalStatus
make_room(Size size, int *error)
{
	uint64		position = pg_atomic_read_u64(&journal->written);
	uint32		next = HOMEO_JOURNAL_SEGMENT(position);

	if (size > journal->segment_size)
	{
		*error = EFBIG;
		return HOMEO_JOURNAL_FAILED;
	}

	if (journal->open)
	{
		if (HOMEO_JOURNAL_OFFSET(position) + size <= journal->segment_size)
			return HOMEO_JOURNAL_OK;
		next++;
	}
	if (next > journal->newest)
	{
		if (next - journal->oldest >= most_segments())
			return HOMEO_JOURNAL_FULL;
		*error = create_segment(next);
		if (*error != 0)
			return HOMEO_JOURNAL_FAILED;
		journal->newest = next;
	}
	if (journal->open)
		write_end(position);
	journal->open = true;
	pg_write_barrier();
	pg_atomic_write_u64(&journal->written, HOMEO_JOURNAL_POSITION(next, 0));
	return HOMEO_JOURNAL_OK;
}

/* ------------------------------------------------------------------------
 * Blocks
 * ------------------------------------------------------------------------
 */

void
homeo_journal_flush_soon(void)
{
	if (pg_atomic_read_u32(&journal->flush_wanted) == 0 &&
		pg_atomic_exchange_u32(&journal->flush_wanted, 1) == 0)
		homeo_worker_wake(HOMEO_WORKER_LAUNCHER);
}

/* The caller holds append, and the segment has room. */
static int
write_block(char *block, uint32 nrecords, uint64 *end)
{
	HomeoBlockHeader *header = (HomeoBlockHeader *) block;
	uint32		of_payload = header->crc;
	uint64		position = pg_atomic_read_u64(&journal->written);
	int			result;

	homeo_block_seal(block, GetSystemIdentifier(), journal->epoch, position,
					 journal->sequence);
	result = write_at(position, block, homeo_block_size(header));
	if (result != 0)
	{
		/* As it was, for another try. */
		header->crc = of_payload;
		return result;
	}
	journal->sequence += nrecords;
	*end = position + homeo_block_size(header);
	pg_write_barrier();
	pg_atomic_write_u64(&journal->written, *end);
	pg_atomic_write_u64(&journal->end_of[homeo_journal_consumer(header->bucket)],
						*end);
	return 0;
}

HomeoJournalStatus
homeo_journal_append(char *block, uint32 nrecords, uint64 *end)
{
	const HomeoBlockHeader *header = (const HomeoBlockHeader *) block;
	Size		size = homeo_block_size(header);
	HomeoJournalStatus status;
	int			error = 0;

	LWLockAcquire(&journal->append, LW_EXCLUSIVE);
	status = make_room(size, &error);
	if (status == HOMEO_JOURNAL_OK)
	{
		error = write_block(block, nrecords, end);
		if (error != 0)
			status = HOMEO_JOURNAL_FAILED;
	}
	LWLockRelease(&journal->append);

	if (status == HOMEO_JOURNAL_OK)
	{
		homeo_journal_count(HOMEO_JOURNAL_RECORDS, nrecords);
		homeo_journal_count(HOMEO_JOURNAL_RAW_BYTES, header->raw_len);
		homeo_journal_count(HOMEO_JOURNAL_BLOCK_BYTES, size);
	}
	else if (status == HOMEO_JOURNAL_FAILED)
		homeo_journal_count(HOMEO_JOURNAL_FAILURES, 1);
	errno = error;
	return status;
}

static bool
has_room(void)
{
	bool		room;

	LWLockAcquire(&journal->append, LW_SHARED);
	room = journal->newest + 1 - journal->oldest < most_segments() ||
		journal->newest >
		HOMEO_JOURNAL_SEGMENT(pg_atomic_read_u64(&journal->written));
	LWLockRelease(&journal->append);
	return room;
}

bool
homeo_journal_wait(long timeout_ms)
{
	instr_time	start;
	long		left = timeout_ms;
	bool		room;

	INSTR_TIME_SET_CURRENT(start);
	ConditionVariablePrepareToSleep(&journal->room);
	while (!(room = has_room()) && left > 0)
	{
		ConditionVariableTimedSleep(&journal->room, left, PG_WAIT_EXTENSION);
		left = timeout_ms - homeo_worker_milliseconds_since(start);
	}
	ConditionVariableCancelSleep();
	return room;
}

/* ------------------------------------------------------------------------
 * Flushes
 * ------------------------------------------------------------------------
 */

/*
 * The errno of a flush that failed to put something of [from, to) on disk; 0:
 * none did.  Of what is before all failures that are remembered nobody knows,
 * so it counts as failed.  The caller holds append.
 */
static int
find_failure(uint64 from, uint64 to)
{
	uint32		nkept = Min(journal->nfailures, KEPT_FAILURES);
	const HomeoJournalFailure *oldest =
	&journal->failure[journal->nfailures % KEPT_FAILURES];

	for (uint32 i = 0; i < nkept; i++)
	{
		if (from < journal->failure[i].to && to > journal->failure[i].from)
			return journal->failure[i].error;
	}
	return nkept == KEPT_FAILURES && from < oldest->from ? oldest->error : 0;
}

/*
 * Blocks from that position on may be lost: goes on in another segment.
 * Returns where that begins.
 */
static uint64
abandon_segment(uint64 from, int error)
{
	HomeoJournalFailure *failure;
	uint64		position;

	homeo_journal_count(HOMEO_JOURNAL_FAILURES, 1);
	LWLockAcquire(&journal->append, LW_EXCLUSIVE);
	position = pg_atomic_read_u64(&journal->written);
	failure = &journal->failure[journal->nfailures++ % KEPT_FAILURES];
	failure->from = from;
	failure->to = position;
	failure->error = error;
	if (journal->open)
	{
		position = HOMEO_JOURNAL_POSITION(HOMEO_JOURNAL_SEGMENT(position) + 1,
										  0);
		journal->open = false;
		pg_atomic_write_u64(&journal->written, position);
	}
	LWLockRelease(&journal->append);
	return position;
}

/* Flushes the segments that [from, to) touches.  0 or an errno. */
static int
flush_segments(uint64 from, uint64 to)
{
	int			result = 0;

	for (uint32 segment = HOMEO_JOURNAL_SEGMENT(from);
		 HOMEO_JOURNAL_POSITION(segment, 0) < to && result == 0; segment++)
	{
		File		file = open_segment(segment);

		if (file < 0)
		{
			/* What is stored was given back and needs no flush. */
			if (errno != ENOENT || segment >= homeo_journal_oldest_segment())
				result = errno;
			continue;
		}
		pgstat_report_wait_start(PG_WAIT_EXTENSION);
		if (pg_fdatasync(FileGetRawDesc(file)) != 0)
			result = errno;
		pgstat_report_wait_end();
	}
	return result;
}

/* The caller holds flush. */
static void
flush_written(void)
{
	uint64		from = pg_atomic_read_u64(&journal->flushed);
	uint64		to;
	int			error;

	pg_atomic_write_u32(&journal->flush_wanted, 0);
	pg_memory_barrier();
	to = pg_atomic_read_u64(&journal->written);
	if (to == from)
		return;
	error = flush_segments(from, to);
	if (error != 0)
		to = abandon_segment(from, error);
	homeo_journal_count(HOMEO_JOURNAL_FLUSHES, 1);
	pg_write_barrier();
	pg_atomic_write_u64(&journal->flushed, to);
}

int
homeo_journal_flush(uint64 position)
{
	int			result;

	while (pg_atomic_read_u64(&journal->flushed) < position)
	{
		/* Another flush may have been enough. */
		if (!LWLockAcquireOrWait(&journal->flush, LW_EXCLUSIVE))
			continue;
		if (pg_atomic_read_u64(&journal->flushed) < position)
			flush_written();
		LWLockRelease(&journal->flush);
	}
	LWLockAcquire(&journal->append, LW_SHARED);
	result = find_failure(position - 1, position);
	LWLockRelease(&journal->append);
	return result;
}

long
homeo_journal_flush_due(void)
{
	static instr_time last;
	long		left;

	if (pg_atomic_read_u32(&journal->flush_wanted) == 0)
		return LONG_MAX;
	left = homeo_guc_journal_flush_interval -
		homeo_worker_milliseconds_since(last);
	if (left > 0)
		return left;
	LWLockAcquire(&journal->flush, LW_EXCLUSIVE);
	flush_written();
	LWLockRelease(&journal->flush);
	INSTR_TIME_SET_CURRENT(last);
	return homeo_guc_journal_flush_interval;
}

/* ------------------------------------------------------------------------
 * What is stored in the tables
 * ------------------------------------------------------------------------
 */

/* Committed, perhaps not yet durably. */
void
homeo_journal_note_stored(int consumer, uint64 position)
{
	pg_atomic_write_u64(&journal->stored[consumer], position);
}

uint64
homeo_journal_stored(int consumer)
{
	return pg_atomic_read_u64(&journal->stored[consumer]);
}

uint64
homeo_journal_backlog(int consumer)
{
	uint64		end = homeo_journal_end();
	uint64		from = homeo_journal_stored(consumer);
	uint64		oldest = HOMEO_JOURNAL_POSITION(homeo_journal_oldest_segment(), 0);

	if (from >= homeo_journal_end_of(consumer))
		return 0;
	from = Max(from, oldest);
	if (from >= end)
		return 0;
	return ((uint64) HOMEO_JOURNAL_SEGMENT(end) - HOMEO_JOURNAL_SEGMENT(from)) *
		journal->segment_size +
		HOMEO_JOURNAL_OFFSET(end) - HOMEO_JOURNAL_OFFSET(from);
}

/*
 * Gives a segment back: becomes the next one if there is none, or goes.  One that
 * could not be flushed is not written to again.
 */
static void
give_back(uint32 segment)
{
	char		path[MAXPGPATH];
	char		next[MAXPGPATH];
	struct stat st;

	homeo_journal_segment_path(path, segment);
	if (journal->open &&
		find_failure(HOMEO_JOURNAL_POSITION(segment, 0),
					 HOMEO_JOURNAL_POSITION(segment + 1, 0)) == 0 &&
		stat(path, &st) == 0 &&
		st.st_size == journal->segment_size &&
		journal->newest ==
		HOMEO_JOURNAL_SEGMENT(pg_atomic_read_u64(&journal->written)))
	{
		homeo_journal_segment_path(next, journal->newest + 1);
		if (rename(path, next) == 0)
		{
			journal->newest++;
			return;
		}
	}
	unlink(path);
}

static void
remove_before(uint32 segment)
{
	LWLockAcquire(&journal->append, LW_EXCLUSIVE);
	if (segment > journal->oldest)
	{
		for (uint32 s = journal->oldest; s < segment; s++)
			give_back(s);
		journal->oldest = segment;
		(void) flush_directory();
	}
	LWLockRelease(&journal->append);
	ConditionVariableBroadcast(&journal->room);
}

/*
 * What every consumer has stored for good.  One for which nothing came holds
 * nobody up.
 */
static uint64
released_by_all(void)
{
	uint64		least = homeo_journal_end();

	for (int i = 0; i < homeo_guc_ingest_workers; i++)
	{
		uint64		position = pg_atomic_read_u64(&journal->released[i]);

		if (position < homeo_journal_end_of(i))
			least = Min(least, position);
	}
	return least;
}

void
homeo_journal_release(int consumer, uint64 position)
{
	uint32		segment;

	pg_atomic_write_u64(&journal->released[consumer], position);
	segment = HOMEO_JOURNAL_SEGMENT(released_by_all());
	if (segment > homeo_journal_oldest_segment())
		remove_before(segment);
}

void
homeo_journal_remove_all(void)
{
	LWLockAcquire(&journal->append, LW_EXCLUSIVE);
	if (journal->newest >= journal->oldest &&
		released_by_all() == pg_atomic_read_u64(&journal->written))
	{
		uint32		next = journal->newest + 1;

		for (uint32 s = journal->oldest; s < next; s++)
		{
			char		path[MAXPGPATH];

			homeo_journal_segment_path(path, s);
			unlink(path);
		}
		journal->oldest = next;
		journal->open = false;
		pg_atomic_write_u64(&journal->written, HOMEO_JOURNAL_POSITION(next, 0));
	}
	LWLockRelease(&journal->append);
}

/*
 * journal_stat() returns record
 */
PG_FUNCTION_INFO_V1(homeo_journal_stat);

Datum
homeo_journal_stat(PG_FUNCTION_ARGS)
{
	TupleDesc	tupdesc;
	Datum		values[6 + HOMEO_JOURNAL_COUNTERS];
	bool		nulls[6 + HOMEO_JOURNAL_COUNTERS] = {0};
	uint64		written;
	uint64		flushed;
	int			n = 0;

	homeo_shmem_require();
	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "the result of journal_stat() must be a record");

	LWLockAcquire(&journal->append, LW_SHARED);
	written = pg_atomic_read_u64(&journal->written);
	flushed = pg_atomic_read_u64(&journal->flushed);
	values[n++] = Int64GetDatum((int64) journal->epoch);
	values[n++] = Int64GetDatum((int64) homeo_guc_journal_limit * 1024);
	values[n++] = Int32GetDatum((int32) journal->segment_size);
	values[n++] = Int32GetDatum((int32) (journal->newest + 1 -
										 journal->oldest));
	LWLockRelease(&journal->append);

	values[n++] = Int64GetDatum((int64) written);
	values[n++] = Int64GetDatum((int64) flushed);
	for (int i = 0; i < HOMEO_JOURNAL_COUNTERS; i++)
		values[n++] = Int64GetDatum((int64) pg_atomic_read_u64(&journal->counter[i]));
	return HeapTupleGetDatum(heap_form_tuple(tupdesc, values, nulls));
}
