/*
 * prefilter.c
 *		Vectorscan databases over the message patterns of the rules.
 *
 * Called by ruleset.c when the rules have changed and by match.c for each
 * event.  Everything here is private to the process.
 *
 * Compiling takes milliseconds a pattern and can't be interrupted; scanning
 * hardly takes longer for a thousand patterns than for ten.  So patterns are
 * compiled in chunks: what a change of the rules brings makes a new chunk,
 * what it takes away stays in its chunk unreported, and when there are many
 * small chunks they are compiled again as one.
 *
 * A chunk is a memory context with a reset callback that frees its database;
 * the context is made first, so that the database never belongs to nobody.
 *
 * Nothing is decided here.  A pattern that Vectorscan refuses, understands
 * differently than PCRE2 may, or would take too long to compile is left
 * unfiltered: its rules are candidates whatever the text.
 */
#include "postgres.h"

#include "rules/prefilter.h"

#include <hs.h>

#include "miscadmin.h"
#include "utils/memutils.h"

/*
 * As PCRE2_UTF; patterns that match the empty string are taken, and one report
 * for each pattern is enough.
 */
#define SCAN_FLAGS	(HS_FLAG_UTF8 | HS_FLAG_ALLOWEMPTY | HS_FLAG_SINGLEMATCH)

/* Compiling so many at once holds up interrupts for about a second. */
#define CHUNK_PATTERNS		512

/*
 * So many chunks that hold fewer patterns than TINY, or than SMALL, are
 * compiled again together.
 */
#define MAX_ALIKE_CHUNKS	8
#define TINY_CHUNK			(CHUNK_PATTERNS / 16)
#define SMALL_CHUNK			(CHUNK_PATTERNS / 2)

/*
 * (a.{0,300}){30}b takes Vectorscan many seconds.  What is written out longer
 * than this could take it more than about one and is left out.
 */
#define MAX_UNROLLED		1000

typedef struct HomeoPrefilterChunk
{
	dlist_node	node;
	MemoryContext memory;
	MemoryContextCallback callback;
	hs_database_t *database;
	int			npatterns;		/* when compiled */
	int			nlive;			/* that rules still use */
	HomeoPattern *patterns[FLEXIBLE_ARRAY_MEMBER];	/* NULL: forgotten */
} HomeoPrefilterChunk;

static dlist_head chunks = DLIST_STATIC_INIT(chunks);
static hs_scratch_t *scratch = NULL;
static bool registered = false;

/* Patterns that wait to be compiled, and where the list ends. */
typedef struct Pending
{
	uint32		generation;
	int			npatterns;
	int			room;
	HomeoPattern **patterns;
} Pending;

/* What the callback of a scan needs. */
typedef struct Scan
{
	const HomeoPrefilterChunk *chunk;
	HomeoPatternVisit visit;
	void	   *arg;
} Scan;

static void
release_database(void *arg)
{
	HomeoPrefilterChunk *chunk = arg;

	hs_free_database(chunk->database);
}

static void
release_scratch(void *arg)
{
	hs_free_scratch(scratch);
	scratch = NULL;
	dlist_init(&chunks);
	registered = false;
}

/* The chunk belongs to the caller's memory until it is published. */
static HomeoPrefilterChunk *
create_chunk(HomeoPattern **patterns, int npatterns)
{
	MemoryContext memory =
	AllocSetContextCreate(CurrentMemoryContext,
						  "homeostasis prefilter", ALLOCSET_SMALL_SIZES);
	HomeoPrefilterChunk *chunk =
	MemoryContextAllocZero(memory, offsetof(HomeoPrefilterChunk, patterns) +
						   npatterns * sizeof(HomeoPattern *));

	chunk->memory = memory;
	chunk->npatterns = npatterns;
	memcpy(chunk->patterns, patterns, npatterns * sizeof(HomeoPattern *));
	chunk->callback.func = release_database;
	chunk->callback.arg = chunk;
	MemoryContextRegisterResetCallback(memory, &chunk->callback);
	return chunk;
}

/* Whether Vectorscan can read the pattern with these flags. */
static bool
is_readable(const HomeoPattern *pattern, unsigned int flags)
{
	hs_expr_info_t *info = NULL;
	hs_compile_error_t *error = NULL;
	hs_error_t	result;

	result = hs_expression_info(pattern->text.data, flags, &info, &error);
	free(info);
	if (error != NULL)
		hs_free_compile_error(error);
	return result == HS_SUCCESS;
}

/*
 * The flags that Vectorscan takes the pattern with: as it is, else as an
 * approximation that matches no less, else not at all (0).
 */
static unsigned int
choose_flags(const HomeoPattern *pattern)
{
	if (pattern->syntax.foreign || pattern->syntax.unrolled > MAX_UNROLLED)
		return 0;
	/* Vectorscan's expressions end at the first NUL. */
	if (memchr(pattern->text.data, '\0', pattern->text.len) != NULL)
		return 0;
	if (is_readable(pattern, SCAN_FLAGS))
		return SCAN_FLAGS;
	if (is_readable(pattern, SCAN_FLAGS | HS_FLAG_PREFILTER))
		return SCAN_FLAGS | HS_FLAG_PREFILTER;
	return 0;
}

/*
 * One database of these patterns, or NULL and the pattern at fault, -1 when
 * it is not one alone.
 */
static hs_database_t *
compile_database(HomeoPattern **patterns, const unsigned int *flags,
				 int npatterns, int *culprit)
{
	const char **texts = palloc(npatterns * sizeof(char *));
	unsigned int *ids = palloc(npatterns * sizeof(unsigned int));
	hs_database_t *database = NULL;
	hs_compile_error_t *error = NULL;

	for (int i = 0; i < npatterns; i++)
	{
		texts[i] = patterns[i]->text.data;
		ids[i] = i;
	}
	*culprit = -1;
	if (hs_compile_multi(texts, flags, ids, npatterns, HS_MODE_BLOCK, NULL,
						 &database, &error) != HS_SUCCESS)
	{
		database = NULL;
		if (error != NULL)
		{
			*culprit = error->expression;
			hs_free_compile_error(error);
		}
	}
	pfree(ids);
	pfree(texts);
	return database;
}

/* Hands the chunk over to scans. */
static void
publish_chunk(HomeoPrefilterChunk *chunk)
{
	static MemoryContextCallback callback = {.func = release_scratch};

	if (!registered)
	{
		MemoryContextRegisterResetCallback(homeo_pattern_context(), &callback);
		registered = true;
	}
	if (hs_alloc_scratch(chunk->database, &scratch) != HS_SUCCESS)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("Vectorscan could not allocate its scratch space.")));

	MemoryContextSetParent(chunk->memory, homeo_pattern_context());
	chunk->nlive = chunk->npatterns;
	for (int i = 0; i < chunk->npatterns; i++)
		chunk->patterns[i]->chunk = chunk;
	dlist_push_tail(&chunks, &chunk->node);
}

/* Its patterns are in no chunk then. */
static void
drop_chunk(HomeoPrefilterChunk *chunk)
{
	for (int i = 0; i < chunk->npatterns; i++)
	{
		if (chunk->patterns[i] != NULL)
			chunk->patterns[i]->chunk = NULL;
	}
	dlist_delete(&chunk->node);
	MemoryContextDelete(chunk->memory);
}

/*
 * Compiles the patterns into a chunk.  One that Vectorscan refuses is set
 * aside as unfiltered and the others are tried again; when they are refused
 * together, as too large, each half is tried alone.
 */
static void
compile_chunk(HomeoPattern **patterns, int npatterns)
{
	unsigned int *flags = palloc(npatterns * sizeof(unsigned int));
	int			n = 0;

	for (int i = 0; i < npatterns; i++)
	{
		flags[n] = choose_flags(patterns[i]);
		if (flags[n] == 0)
			patterns[i]->unfiltered = true;
		else
			patterns[n++] = patterns[i];
	}
	while (n > 0)
	{
		HomeoPrefilterChunk *chunk = create_chunk(patterns, n);
		int			culprit;

		CHECK_FOR_INTERRUPTS();
		chunk->database = compile_database(patterns, flags, n, &culprit);
		if (chunk->database != NULL)
		{
			publish_chunk(chunk);
			break;
		}
		MemoryContextDelete(chunk->memory);

		if (culprit < 0 && n > 1)
		{
			compile_chunk(patterns, n / 2);
			compile_chunk(patterns + n / 2, n - n / 2);
			break;
		}
		culprit = Max(culprit, 0);
		patterns[culprit]->unfiltered = true;
		n--;
		memmove(&patterns[culprit], &patterns[culprit + 1],
				(n - culprit) * sizeof(HomeoPattern *));
		memmove(&flags[culprit], &flags[culprit + 1],
				(n - culprit) * sizeof(unsigned int));
	}
	pfree(flags);
}

/* Notes a pattern that the scan is to find and no chunk holds. */
static void
gather(HomeoPattern *pattern, void *arg)
{
	Pending    *pending = arg;

	if (pattern->generation != pending->generation || pattern->nrules == 0 ||
		pattern->chunk != NULL || pattern->unfiltered)
		return;
	if (pending->npatterns == pending->room)
	{
		pending->room *= 2;
		pending->patterns = repalloc(pending->patterns,
									 pending->room * sizeof(HomeoPattern *));
	}
	pending->patterns[pending->npatterns++] = pattern;
}

/*
 * Takes apart the chunks with fewer patterns than the bound, if there are too
 * many of them.
 */
static bool
take_apart(int bound)
{
	dlist_mutable_iter iter;
	int			nchunks = 0;

	dlist_foreach_modify(iter, &chunks)
	{
		if (dlist_container(HomeoPrefilterChunk, node, iter.cur)->nlive < bound)
			nchunks++;
	}
	if (nchunks < MAX_ALIKE_CHUNKS)
		return false;
	dlist_foreach_modify(iter, &chunks)
	{
		HomeoPrefilterChunk *chunk =
		dlist_container(HomeoPrefilterChunk, node, iter.cur);

		if (chunk->nlive < bound)
			drop_chunk(chunk);
	}
	return true;
}

/*
 * Brings the chunks up to the rules of this generation.  May take seconds for
 * thousands of new patterns; an interrupt leaves what is done, and the next
 * call goes on from there.
 */
void
homeo_prefilter_update(uint32 generation)
{
	Pending		pending = {generation, 0, CHUNK_PATTERNS, NULL};

	if (!take_apart(TINY_CHUNK))
		take_apart(SMALL_CHUNK);
	pending.patterns = palloc(pending.room * sizeof(HomeoPattern *));
	homeo_pattern_each(gather, &pending);

	/* Where the processor lacks what Vectorscan needs, PCRE2 does it alone. */
	if (hs_valid_platform() != HS_SUCCESS)
	{
		for (int i = 0; i < pending.npatterns; i++)
			pending.patterns[i]->unfiltered = true;
		pending.npatterns = 0;
	}
	for (int i = 0; i < pending.npatterns; i += CHUNK_PATTERNS)
		compile_chunk(pending.patterns + i,
					  Min(CHUNK_PATTERNS, pending.npatterns - i));
	pfree(pending.patterns);
}

/* Vectorscan's callback, which may neither raise nor call Vectorscan. */
static int
report(unsigned int id, unsigned long long from, unsigned long long to,
	   unsigned int flags, void *arg)
{
	Scan	   *scan = arg;
	HomeoPattern *pattern = scan->chunk->patterns[id];

	if (pattern != NULL)
		scan->visit(pattern, scan->arg);
	return 0;
}

/*
 * Visits every pattern that may match the subject, valid UTF-8, except those
 * that are unfiltered.  visit may not raise.
 */
void
homeo_prefilter_scan(HomeoSlice subject, HomeoPatternVisit visit, void *arg)
{
	dlist_iter	iter;

	dlist_foreach(iter, &chunks)
	{
		Scan		scan = {
			dlist_container(HomeoPrefilterChunk, node, iter.cur), visit, arg
		};
		hs_error_t	result = hs_scan(scan.chunk->database, subject.data,
									 (unsigned int) subject.len, 0, scratch,
									 report, &scan);

		if (result != HS_SUCCESS)
			elog(ERROR, "Vectorscan could not scan: error %d", result);
	}
}

/* No scan reports the pattern any more. */
void
homeo_prefilter_forget(HomeoPattern *pattern)
{
	HomeoPrefilterChunk *chunk = pattern->chunk;

	if (chunk == NULL)
		return;
	for (int i = 0; i < chunk->npatterns; i++)
	{
		if (chunk->patterns[i] == pattern)
			chunk->patterns[i] = NULL;
	}
	pattern->chunk = NULL;
	if (--chunk->nlive == 0)
		drop_chunk(chunk);
}
