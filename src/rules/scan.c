/*
 * scan.c
 *		Vectorscan: one scan of a text tells which patterns may match it.
 *
 * A database is only read, so processes may share it; the scratch space of a
 * scan is this process's, and serves all databases that it was prepared for.
 */
#include "postgres.h"

#include "rules/scan.h"

#include <hs.h>

static hs_scratch_t *scratch = NULL;

size_t
homeo_scan_size(const char *bytes, size_t len)
{
	size_t		size;

	if (hs_serialized_database_size(bytes, len, &size) != HS_SUCCESS)
		return 0;
	return size;
}

bool
homeo_scan_place(const char *bytes, size_t len, void *to)
{
	return hs_deserialize_database_at(bytes, len, to) == HS_SUCCESS;
}

/* No database is as short; what tells its length is at its beginning. */
#define MIN_SIZE		128

bool
homeo_scan_fits(const void *database, size_t room)
{
	size_t		size;

	return room >= MIN_SIZE &&
		hs_database_size(database, &size) == HS_SUCCESS && size <= room;
}

static int
ignore(unsigned int id, unsigned long long from, unsigned long long to,
	   unsigned int flags, void *arg)
{
	return 0;
}

bool
homeo_scan_prepare(const void *database)
{
	hs_error_t	result = hs_alloc_scratch(database, &scratch);

	if (result == HS_NOMEM)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("Vectorscan could not allocate its scratch space.")));
	return result == HS_SUCCESS &&
		hs_scan(database, "", 0, 0, scratch, ignore, NULL) == HS_SUCCESS;
}

typedef struct Report
{
	HomeoScanVisit visit;
	void	   *arg;
} Report;

/* Vectorscan's callback, which may neither raise nor call Vectorscan. */
static int
report(unsigned int id, unsigned long long from, unsigned long long to,
	   unsigned int flags, void *arg)
{
	Report	   *to_whom = arg;

	to_whom->visit(id, to_whom->arg);
	return 0;
}

void
homeo_scan_run(const void *database, HomeoSlice subject, HomeoScanVisit visit,
			   void *arg)
{
	Report		to_whom = {visit, arg};
	hs_error_t	result = hs_scan(database, subject.data,
								 (unsigned int) subject.len, 0, scratch,
								 report, &to_whom);

	if (result != HS_SUCCESS)
		elog(ERROR, "Vectorscan could not scan: error %d", result);
}
