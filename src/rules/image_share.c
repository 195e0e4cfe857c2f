/*
 * image_share.c
 *		The image that all processes match with, in shared memory.
 *
 * Each image is in a segment of dynamic shared memory of its own.  The segment
 * stays, though nobody has attached it, until the next one is published; who
 * still has it then keeps it.  Its handle may be given to another segment after
 * that, so each has its generation in it.
 */
#include "postgres.h"

#include "rules/image_share.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/compat.h"
#include "base/shmem.h"
#include "base/worker.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "port/atomics.h"
#include "storage/spin.h"
#include "utils/builtins.h"
#include "utils/resowner.h"

#define PROBLEM_LENGTH		256

/* Of a segment; the image is behind it. */
typedef struct Segment
{
	pg_attribute_aligned(HOMEO_IMAGE_ALIGNMENT) uint64 generation;
} Segment;

/* What is known of the shared image; handle DSM_HANDLE_INVALID: there is none, and
 * only problem says something.
 */
typedef struct Published
{
	dsm_handle	handle;
	HomeoImageOrigin origin;
	uint64		generation;
	uint64		size;
	uint32		rules;
	uint32		patterns;
	uint32		scanned;
	TimestampTz at;
	double		milliseconds;
	char		problem[PROBLEM_LENGTH];	/* empty: none */
} Published;

typedef struct Share
{
	pg_atomic_uint64 generation;	/* published.generation */
	pg_atomic_uint64 wanted;
	pg_atomic_uint64 done;
	slock_t		mutex;			/* guards published */
	Published	published;
} Share;

static Share *share = NULL;

static Size
share_size(void)
{
	return sizeof(Share);
}

static void
init_share(void *memory, Size size, bool found)
{
	share = memory;
	if (found)
		return;
	memset(share, 0, size);
	pg_atomic_init_u64(&share->generation, 0);
	/* After a start something is to be done. */
	pg_atomic_init_u64(&share->wanted, 1);
	pg_atomic_init_u64(&share->done, 0);
	SpinLockInit(&share->mutex);
	share->published.handle = DSM_HANDLE_INVALID;
}

void
homeo_image_share_init(void)
{
	static const HomeoShmemPiece piece = {
		"homeostasis rules", share_size, init_share
	};

	homeo_shmem_register(&piece);
}

uint64
homeo_image_share_generation(void)
{
	return share == NULL ? 0 : pg_atomic_read_u64(&share->generation);
}

static Published
read_published(void)
{
	Published	published;

	SpinLockAcquire(&share->mutex);
	published = share->published;
	SpinLockRelease(&share->mutex);
	return published;
}

/* Puts another one in its place; returns the one before. */
static Published
exchange_published(Published *published)
{
	Published	before;

	SpinLockAcquire(&share->mutex);
	before = share->published;
	published->generation = before.generation + 1;
	share->published = *published;
	pg_atomic_write_u64(&share->generation, published->generation);
	SpinLockRelease(&share->mutex);
	return before;
}

/* A wild pointer shall not change what others match with. */
static void
protect(dsm_segment *segment, int protection)
{
	void	   *address = dsm_segment_address(segment);
	Size		page = (Size) sysconf(_SC_PAGESIZE);

	if ((uintptr_t) address % page == 0)
		(void) mprotect(address, TYPEALIGN_DOWN(page, dsm_segment_map_length(segment)),
						protection);
}

/* Who frees a segment may write to it. */
static void
unprotect(dsm_segment *segment, Datum arg)
{
	protect(segment, PROT_READ | PROT_WRITE);
}

HomeoImageMapping *
homeo_image_share_attach(HomeoImageOrigin origin)
{
	Published	published;
	HomeoImageMapping *mapping;
	dsm_segment *segment;
	const Segment *header;

	if (share == NULL)
		return NULL;
	/* Between the two another one may be published, and this one freed. */
	do
	{
		published = read_published();
		if (published.handle == DSM_HANDLE_INVALID ||
			published.origin.database != origin.database ||
			published.origin.relation != origin.relation)
			return NULL;
		segment = dsm_attach(published.handle);
	} while (segment == NULL &&
			 published.generation != homeo_image_share_generation());
	if (segment == NULL)
		return NULL;
	dsm_pin_mapping(segment);
	header = dsm_segment_address(segment);
	if (dsm_segment_map_length(segment) < sizeof(Segment) + published.size ||
		header->generation != published.generation)
	{
		dsm_detach(segment);
		return NULL;
	}
	on_dsm_detach(segment, unprotect, (Datum) 0);
	protect(segment, PROT_READ);
	mapping = MemoryContextAlloc(TopMemoryContext, sizeof(*mapping));
	mapping->generation = published.generation;
	mapping->segment = segment;
	mapping->image = (const HomeoImage *) (header + 1);
	return mapping;
}

void
homeo_image_share_detach(HomeoImageMapping *mapping)
{
	dsm_detach(mapping->segment);
	pfree(mapping);
}

HomeoImageNews
homeo_image_share_news(void)
{
	Published	published = read_published();
	HomeoImageNews news = {published.at, published.milliseconds, NULL};

	if (published.problem[0] != '\0')
		news.problem = pstrdup(published.problem);
	return news;
}

static void
unpin(const Published *published)
{
	if (published->handle != DSM_HANDLE_INVALID)
		dsm_unpin_segment(published->handle);
}

/* Of the patterns those that a scan finds. */
static uint32
count_scanned(const HomeoImage *image)
{
	const HomeoImageScan *scans = homeo_image_at(image, image->scans.offset);
	uint32		n = 0;

	for (uint32 i = 0; i < image->scans.n; i++)
		n += scans[i].parts.n;
	return n;
}

static void
set_problem(Published *published, const char *problem)
{
	int			len;

	if (problem == NULL)
		return;
	len = pg_mbcliplen(problem, (int) strlen(problem), PROBLEM_LENGTH - 1);
	memcpy(published->problem, problem, len);
}

void
homeo_image_share_publish(const HomeoImage *image, HomeoImageOrigin origin,
						  const HomeoImageNews *news)
{
	dsm_segment *segment = dsm_create(sizeof(Segment) + image->size, 0);
	Segment    *header = dsm_segment_address(segment);
	Published	published = {
		.handle = dsm_segment_handle(segment),
		.origin = origin,
		.size = image->size,
		.rules = image->rules.n,
		.patterns = image->patterns.n,
		.scanned = count_scanned(image),
		.at = news->at,
		.milliseconds = news->milliseconds
	};
	Published	before;

	set_problem(&published, news->problem);
	memcpy(header + 1, image, image->size);
	/* Only who publishes changes it, and there is one of these. */
	header->generation = homeo_image_share_generation() + 1;
	dsm_pin_segment(segment);
	before = exchange_published(&published);
	dsm_detach(segment);
	unpin(&before);
}

void
homeo_image_share_withdraw(const char *problem)
{
	Published	none = {.handle = DSM_HANDLE_INVALID};
	Published	before;

	set_problem(&none, problem);
	before = exchange_published(&none);
	unpin(&before);
}

void
homeo_image_share_want(void)
{
	if (share == NULL)
		return;
	pg_atomic_fetch_add_u64(&share->wanted, 1);
	homeo_worker_wake(HOMEO_WORKER_LAUNCHER);
	homeo_worker_wake(HOMEO_WORKER_COMPILER);
}

static bool wanted_at_end = false;

/*
 * The end of a transaction, when it has told all others to read the rules anew: to
 * wake somebody before would delay that, while its changes can be seen.  After a
 * rollback they are as they were, but that has to be found out, too.
 */
static void
end_of_transaction(ResourceReleasePhase phase, bool is_commit,
				   bool is_top_level, void *arg)
{
	if (phase != RESOURCE_RELEASE_AFTER_LOCKS || !is_top_level ||
		!wanted_at_end)
		return;
	wanted_at_end = false;
	homeo_image_share_want();
}

void
homeo_image_share_want_at_end(void)
{
	static bool registered = false;

	if (!registered)
		RegisterResourceReleaseCallback(end_of_transaction, NULL);
	registered = true;
	wanted_at_end = true;
}

bool
homeo_image_share_is_wanted_at_end(void)
{
	return wanted_at_end;
}

uint64
homeo_image_share_wanted(void)
{
	return pg_atomic_read_u64(&share->wanted);
}

void
homeo_image_share_note_done(uint64 wanted)
{
	pg_atomic_write_u64(&share->done, wanted);
}

bool
homeo_image_share_is_due(void)
{
	return pg_atomic_read_u64(&share->wanted) !=
		pg_atomic_read_u64(&share->done);
}

/*
 * ruleset_status(): one row of what is shared now
 */
PG_FUNCTION_INFO_V1(homeo_ruleset_status);

Datum
homeo_ruleset_status(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Published	published;
	Datum		values[9];
	bool		nulls[9] = {false};

	homeo_shmem_require();
	InitMaterializedSRF(fcinfo, 0);
	published = read_published();
	if (published.handle == DSM_HANDLE_INVALID)
		memset(nulls, true, sizeof(nulls));
	values[0] = ObjectIdGetDatum(published.origin.database);
	values[1] = Int64GetDatum((int64) published.generation);
	values[2] = Int64GetDatum(published.rules);
	values[3] = Int64GetDatum(published.patterns);
	values[4] = Int64GetDatum(published.scanned);
	values[5] = Int64GetDatum((int64) published.size);
	values[6] = TimestampTzGetDatum(published.at);
	nulls[7] |= published.milliseconds == 0;
	values[7] = Float8GetDatum(published.milliseconds);
	nulls[8] = published.problem[0] == '\0';
	values[8] = CStringGetTextDatum(published.problem);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	return (Datum) 0;
}
