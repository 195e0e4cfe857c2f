/*
 * spi.c
 *		Statements of ours, planned once a process.
 *
 * SPI leaves its own memory context behind, which ends with the connection;
 * here the caller's is put back.
 */
#include "postgres.h"

#include "base/spi.h"

#include "utils/array.h"
#include "utils/lsyscache.h"

void
homeo_spi_run(SPIPlanPtr *plan, const char *sql, int nargs, Oid *types,
			  Datum *values, int expected)
{
	MemoryContext caller = CurrentMemoryContext;
	int			result;

	if (*plan == NULL)
	{
		SPIPlanPtr	made = SPI_prepare(sql, nargs, types);

		if (made == NULL || SPI_keepplan(made) != 0)
			elog(ERROR, "could not prepare \"%s\": %s", sql,
				 SPI_result_code_string(SPI_result));
		*plan = made;
	}
	result = SPI_execute_plan(*plan, values, NULL, false, 0);
	MemoryContextSwitchTo(caller);
	if (result != expected)
		elog(ERROR, "could not run \"%s\": %s", sql,
			 SPI_result_code_string(result));
}

Datum
homeo_spi_value(uint64 row, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[row],
									  SPI_tuptable->tupdesc, column, &isnull);

	if (isnull)
		elog(ERROR, "unexpected null in column %d", column);
	return value;
}

Datum
homeo_spi_array(Datum *values, int n, Oid type)
{
	int16		len;
	bool		byval;
	char		align;

	get_typlenbyvalalign(type, &len, &byval, &align);
	return PointerGetDatum(construct_array(values, n, type, len, byval,
										   align));
}
