/*
 * scan_compile.c
 *		A database of Vectorscan over literals.
 *
 * Only literals: where it has regular expressions to look for, Vectorscan may
 * miss a match (5.4.9 does not find type '[^']*'\. The '[^']+' while '[^']+' where the
 * second name has more than 64 bytes), takes fifty times as long to compile
 * them, and gains little over trying what has the literals with PCRE2.
 *
 * A rule whose literal is missed would never match and nobody would know, so each
 * new database is asked for each of its literals.
 */
#include "rules/scan_compile.h"

#include <stdlib.h>
#include <string.h>

#include <hs.h>

/* Bytes around a literal when it is asked for. */
#define PADDING		40

/* One report for each literal is enough. */
#define SCAN_FLAGS	HS_FLAG_SINGLEMATCH

typedef struct Wanted
{
	unsigned int expression;
	bool		reported;
} Wanted;

static int
note(unsigned int id, unsigned long long from, unsigned long long to,
	 unsigned int flags, void *arg)
{
	Wanted	   *wanted = arg;

	wanted->reported = wanted->reported || id == wanted->expression;
	return 0;
}

static size_t
longest(const HomeoScanLiteral *literals, int n)
{
	size_t		len = 0;

	for (int i = 0; i < n; i++)
		len = literals[i].bytes.len > len ? literals[i].bytes.len : len;
	return len;
}

/* Whether each literal is found, alone and in the middle of a text. */
static bool
finds_all(const hs_database_t *database, const HomeoScanLiteral *literals, int n)
{
	hs_scratch_t *scratch = NULL;
	size_t		room = longest(literals, n) + 2 * PADDING;
	char	   *subject = malloc(room);
	bool		found = subject != NULL &&
	hs_alloc_scratch(database, &scratch) == HS_SUCCESS;

	for (int i = 0; found && i < n; i++)
	{
		Wanted		alone = {(unsigned int) i, false};
		Wanted		inside = {(unsigned int) i, false};

		memset(subject, ' ', room);
		memcpy(subject + PADDING, literals[i].bytes.data, literals[i].bytes.len);
		found = hs_scan(database, subject + PADDING,
						(unsigned int) literals[i].bytes.len, 0, scratch, note,
						&alone) == HS_SUCCESS &&
			hs_scan(database, subject,
					(unsigned int) literals[i].bytes.len + 2 * PADDING, 0, scratch,
					note, &inside) == HS_SUCCESS &&
			alone.reported && inside.reported;
	}
	free(subject);
	hs_free_scratch(scratch);
	return found;
}

static hs_database_t *
compile(const HomeoScanLiteral *literals, int n, const char **problem)
{
	size_t		room = n > 0 ? (size_t) n : 1;
	const char **texts = malloc(room * sizeof(*texts));
	size_t	   *lens = malloc(room * sizeof(*lens));
	unsigned int *flags = malloc(room * sizeof(*flags));
	unsigned int *ids = malloc(room * sizeof(*ids));
	hs_database_t *database = NULL;
	hs_compile_error_t *error = NULL;

	*problem = "out of memory";
	if (texts != NULL && lens != NULL && flags != NULL && ids != NULL)
	{
		for (int i = 0; i < n; i++)
		{
			texts[i] = literals[i].bytes.data;
			lens[i] = literals[i].bytes.len;
			flags[i] = SCAN_FLAGS | (literals[i].caseless ? HS_FLAG_CASELESS : 0);
			ids[i] = (unsigned int) i;
		}
		*problem = "Vectorscan refuses them";
		if (hs_compile_lit_multi(texts, flags, ids, lens, (unsigned int) n,
								 HS_MODE_BLOCK, NULL, &database,
								 &error) != HS_SUCCESS)
			database = NULL;
		if (error != NULL)
			hs_free_compile_error(error);
	}
	free(texts);
	free(lens);
	free(flags);
	free(ids);
	return database;
}

char *
homeo_scan_compile(const HomeoScanLiteral *literals, int n, size_t *len,
				   const char **problem)
{
	hs_database_t *database;
	char	   *bytes = NULL;

	if (hs_valid_platform() != HS_SUCCESS)
	{
		*problem = "this processor lacks what Vectorscan needs";
		return NULL;
	}
	database = compile(literals, n, problem);
	if (database == NULL)
		return NULL;
	*problem = NULL;
	if (!finds_all(database, literals, n))
		*problem = "Vectorscan does not find all of them";
	else if (hs_serialize_database(database, &bytes, len) != HS_SUCCESS)
		*problem = "out of memory";
	hs_free_database(database);
	return *problem == NULL ? bytes : NULL;
}
