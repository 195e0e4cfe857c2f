/*
 * issue_of.c
 *		Which issues events count for.
 *
 * Called with SPI connected.  An issue has one fingerprint or, when issues were
 * merged, more of them.
 */
#include "postgres.h"

#include "intake/issue_of.h"

#include "base/spi.h"
#include "catalog/pg_type.h"
#include "text/fingerprint.h"

#define NARGS	2

static Oid	types[NARGS] = {INT8ARRAYOID, UUIDARRAYOID};

/* Fills in the arguments of a statement about rows: services, fingerprints. */
static void
set_arguments(HomeoRow **rows, int nrows, Datum *args)
{
	Datum	   *services = palloc(sizeof(Datum) * nrows);
	Datum	   *fingerprints = palloc(sizeof(Datum) * nrows);

	for (int i = 0; i < nrows; i++)
	{
		services[i] = Int64GetDatum(rows[i]->service_id);
		fingerprints[i] = UUIDPGetDatum(&rows[i]->prepared.fingerprint);
	}
	args[0] = homeo_spi_array(services, nrows, INT8OID);
	args[1] = homeo_spi_array(fingerprints, nrows, UUIDOID);
}

void
homeo_issue_find(HomeoRow **rows, int nrows)
{
	static SPIPlanPtr plan = NULL;
	Datum		args[NARGS];

	for (int i = 0; i < nrows; i++)
		rows[i]->issue_id = 0;
	if (nrows == 0)
		return;
	set_arguments(rows, nrows, args);
	homeo_spi_run(&plan,
				  "select k.place, f.issue_id from unnest($1, $2)"
				  "  with ordinality k (service_id, fingerprint, place)"
				  " join homeostasis.issue_fingerprints f"
				  "  on f.service_id = k.service_id and f.fingerprint = k.fingerprint",
				  NARGS, types, args, SPI_OK_SELECT);
	for (uint64 i = 0; i < SPI_processed; i++)
		rows[DatumGetInt64(homeo_spi_value(i, 1)) - 1]->issue_id =
			DatumGetInt64(homeo_spi_value(i, 2));
}

/* Gives numbers to the problems of rows, unless somebody else just did. */
static void
number(HomeoRow **rows, int nrows)
{
	static SPIPlanPtr plan = NULL;
	Datum		args[NARGS];

	set_arguments(rows, nrows, args);
	homeo_spi_run(&plan,
				  psprintf("insert into homeostasis.issue_fingerprints"
						   "  (service_id, fingerprint, fingerprint_version, issue_id)"
						   " select k.service_id, k.fingerprint, %d,"
						   "  nextval('homeostasis.issues_id_seq'::regclass)"
						   " from unnest($1, $2) k (service_id, fingerprint)"
						   " on conflict do nothing", HOMEO_FINGERPRINT_VERSION),
				  NARGS, types, args, SPI_OK_INSERT);
}

/*
 * Makes numbers for those of rows, one of each problem, that have none, in the
 * order of the key of issue_fingerprints.
 */
static void
make_missing(HomeoRow **rows, int nrows)
{
	HomeoRow  **missing = palloc(sizeof(*missing) * nrows);
	int			nmissing = 0;

	for (int i = 0; i < nrows; i++)
	{
		rows[i]->is_new = rows[i]->issue_id == 0;
		if (rows[i]->is_new)
			missing[nmissing++] = rows[i];
	}
	if (nmissing == 0)
		return;
	number(missing, nmissing);
	homeo_issue_find(missing, nmissing);
	for (int i = 0; i < nmissing; i++)
	{
		/* The snapshot of the transaction is older than it. */
		if (missing[i]->issue_id == 0)
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("could not serialize access due to concurrent update"),
					 errdetail("Another transaction has made the issue of an event.")));
	}
}

void
homeo_issue_assign(HomeoRow **rows, int nrows)
{
	static SPIPlanPtr plan = NULL;
	HomeoRow  **firsts = palloc(sizeof(*firsts) * nrows);
	int			nfirsts = 0;
	int			end;

	homeo_spi_run(&plan,
				  "lock table homeostasis.issue_fingerprints in row exclusive mode",
				  0, NULL, NULL, SPI_OK_UTILITY);
	for (int i = 0; i < nrows; i = end)
	{
		firsts[nfirsts++] = rows[i];
		end = homeo_row_run_end(rows, nrows, i, homeo_row_same_problem);
	}
	homeo_issue_find(firsts, nfirsts);
	make_missing(firsts, nfirsts);
	for (int i = 1; i < nrows; i++)
	{
		if (!homeo_row_same_problem(rows[i - 1], rows[i]))
			continue;
		rows[i]->issue_id = rows[i - 1]->issue_id;
		rows[i]->is_new = rows[i - 1]->is_new;
	}
}
