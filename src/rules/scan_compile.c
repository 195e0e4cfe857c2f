/*
 * scan_compile.c
 *		Databases of Vectorscan over patterns.
 *
 * Nothing is decided by a scan: what it reports is tried with PCRE2.  A pattern
 * that Vectorscan refuses, understands differently than PCRE2 may, or would
 * take too long to compile is left out, and its rules are candidates whatever
 * the text.
 */
#include "rules/scan_compile.h"

#include <stdlib.h>
#include <string.h>

#include <hs.h>

/*
 * As PCRE2_UTF; patterns that match the empty string are taken, and one report
 * for each pattern is enough.
 */
#define SCAN_FLAGS	(HS_FLAG_UTF8 | HS_FLAG_ALLOWEMPTY | HS_FLAG_SINGLEMATCH)

/*
 * (a.{0,300}){30}b takes Vectorscan many seconds.  What is written out longer
 * than this could take it more than about one and is left out.
 */
#define MAX_UNROLLED		1000

/* Expressions that are still to be compiled. */
typedef struct Batch
{
	int			n;
	int		   *numbers;		/* of their sources */
	const char **texts;
	unsigned int *flags;
	unsigned int *ids;
} Batch;

/* Whether Vectorscan can read the pattern with these flags. */
static bool
is_readable(const HomeoScanSource *source, unsigned int flags)
{
	hs_expr_info_t *info = NULL;
	hs_compile_error_t *error = NULL;
	hs_error_t	result;

	result = hs_expression_info(source->text, flags, &info, &error);
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
choose_flags(const HomeoScanSource *source)
{
	if (source->foreign || source->unrolled > MAX_UNROLLED)
		return 0;
	/* Vectorscan's expressions end at the first NUL. */
	if (memchr(source->text, '\0', source->len) != NULL)
		return 0;
	if (is_readable(source, SCAN_FLAGS))
		return SCAN_FLAGS;
	if (is_readable(source, SCAN_FLAGS | HS_FLAG_PREFILTER))
		return SCAN_FLAGS | HS_FLAG_PREFILTER;
	return 0;
}

static void
leave_out(Batch *batch, int expression)
{
	size_t		behind = (size_t) (batch->n - expression - 1);

	memmove(&batch->numbers[expression], &batch->numbers[expression + 1],
			behind * sizeof(*batch->numbers));
	memmove(&batch->texts[expression], &batch->texts[expression + 1],
			behind * sizeof(*batch->texts));
	memmove(&batch->flags[expression], &batch->flags[expression + 1],
			behind * sizeof(*batch->flags));
	batch->n--;
}

/* From expression start on, so many, which share the arrays. */
static Batch
part_of(const Batch *batch, int start, int n)
{
	Batch		part = {
		n, batch->numbers + start, batch->texts + start,
		batch->flags + start, batch->ids
	};

	return part;
}

static bool
emit_database(const Batch *batch, hs_database_t *database, HomeoScanEmit emit,
			  void *arg)
{
	char	   *bytes = NULL;
	size_t		len;
	bool		done;

	if (hs_serialize_database(database, &bytes, &len) != HS_SUCCESS)
		return false;
	done = emit(batch->numbers, batch->n, bytes, len, arg);
	free(bytes);
	return done;
}

/*
 * An expression that is refused is left out and the others are tried again;
 * when they are refused together, as too large, each half is tried alone.
 */
static bool
compile_batch(Batch *batch, HomeoScanEmit emit, void *arg)
{
	while (batch->n > 0)
	{
		hs_database_t *database = NULL;
		hs_compile_error_t *error = NULL;
		hs_error_t	result;
		int			culprit = -1;
		bool		done;

		result = hs_compile_multi(batch->texts, batch->flags, batch->ids,
								  (unsigned int) batch->n, HS_MODE_BLOCK, NULL,
								  &database, &error);
		if (result == HS_SUCCESS)
		{
			done = emit_database(batch, database, emit, arg);
			hs_free_database(database);
			return done;
		}
		if (error != NULL)
		{
			culprit = error->expression;
			hs_free_compile_error(error);
		}
		if (result == HS_NOMEM)
			return false;
		if (culprit < 0 && batch->n > 1)
		{
			Batch		left = part_of(batch, 0, batch->n / 2);
			Batch		right = part_of(batch, left.n, batch->n - left.n);

			return compile_batch(&left, emit, arg) &&
				compile_batch(&right, emit, arg);
		}
		leave_out(batch, culprit < 0 ? 0 : culprit);
	}
	return true;
}

bool
homeo_scan_compile(const HomeoScanSource *sources, int n, HomeoScanEmit emit,
				   void *arg)
{
	Batch		batch;
	size_t		room = n > 0 ? (size_t) n : 1;
	bool		done = false;

	/* Where the processor lacks what Vectorscan needs, PCRE2 does it alone. */
	if (hs_valid_platform() != HS_SUCCESS)
		return true;
	batch.n = 0;
	batch.numbers = malloc(room * sizeof(*batch.numbers));
	batch.texts = malloc(room * sizeof(*batch.texts));
	batch.flags = malloc(room * sizeof(*batch.flags));
	batch.ids = malloc(room * sizeof(*batch.ids));
	if (batch.numbers != NULL && batch.texts != NULL && batch.flags != NULL &&
		batch.ids != NULL)
	{
		for (int i = 0; i < n; i++)
		{
			unsigned int flags = choose_flags(&sources[i]);

			batch.ids[i] = (unsigned int) i;
			if (flags == 0)
				continue;
			batch.numbers[batch.n] = i;
			batch.texts[batch.n] = sources[i].text;
			batch.flags[batch.n] = flags;
			batch.n++;
		}
		done = compile_batch(&batch, emit, arg);
	}
	free(batch.numbers);
	free(batch.texts);
	free(batch.flags);
	free(batch.ids);
	return done;
}
