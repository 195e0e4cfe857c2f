/*
 * store_services.c
 *		Finds the services of events, and makes those that are new.
 *
 * Called by store_rows.c, with SPI connected.
 */
#include "postgres.h"

#include "intake/store_services.h"

#include "base/errors.h"
#include "base/guc.h"
#include "base/spi.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"

/* What the names of databases' services begin with. */
#define DATABASE_PREFIX	"database/"

static bool
find_service(const HomeoPrepared *prepared, int64 *id)
{
	static SPIPlanPtr of_database = NULL;
	static SPIPlanPtr of_name = NULL;
	Oid			type = TEXTOID;
	Datum		name = CStringGetTextDatum(prepared->service);

	if (prepared->of_database)
		homeo_spi_run(&of_database,
					  "select id from homeostasis.services"
					  " where kind = 'database' and database_name = $1::name",
					  1, &type, &name, SPI_OK_SELECT);
	else
	{
		homeo_spi_run(&of_name,
					  "select id, kind = 'database' from homeostasis.services where name = $1",
					  1, &type, &name, SPI_OK_SELECT);
		if (SPI_processed > 0 && DatumGetBool(homeo_spi_value(0, 2)))
			ereport(ERROR,
					(errcode(ERRCODE_HOMEO_INVALID_EVENT),
					 errmsg("event field \"%s\" is the name of a database",
							"service"),
					 errhint("Only the server itself reports errors of a database."),
					 err_generic_string(PG_DIAG_COLUMN_NAME, "service")));
	}
	if (SPI_processed == 0)
		return false;
	*id = DatumGetInt64(homeo_spi_value(0, 1));
	return true;
}

/*
 * A reporter that took the name which a database's service will have would
 * keep the errors of that database from being stored.
 */
static void
check_new_name(const char *name)
{
	if (strncmp(name, DATABASE_PREFIX, strlen(DATABASE_PREFIX)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_HOMEO_INVALID_EVENT),
				 errmsg("event field \"%s\" begins with \"%s\", as the names of databases do",
						"service", DATABASE_PREFIX),
				 errhint("Choose another name for the service."),
				 err_generic_string(PG_DIAG_COLUMN_NAME, "service")));
}

/*
 * Whether reports may make another service.  Databases don't count: there
 * are few, and their errors are the server's own.  Transactions that are open
 * at the same time don't see each other's.
 */
static bool
has_room_for_service(void)
{
	static SPIPlanPtr plan = NULL;
	Oid			type = INT8OID;
	Datum		most = Int64GetDatum(homeo_guc_max_services);

	homeo_spi_run(&plan,
				  "select count(*) < $1 from (select from homeostasis.services"
				  " where kind <> 'database' limit $1) s",
				  1, &type, &most, SPI_OK_SELECT);
	return DatumGetBool(homeo_spi_value(0, 1));
}

/*
 * The service of an event, created when it is seen for the first time.  If
 * that would be one too many, 0; then *full is true, and is not found out
 * again in this batch.
 */
static int64
get_service(const HomeoPrepared *prepared, bool *full)
{
	static SPIPlanPtr add_database = NULL;
	static SPIPlanPtr add_named = NULL;
	Oid			types[] = {TEXTOID, TEXTOID};
	Datum		values[2];
	int64		id;

	if (find_service(prepared, &id))
		return id;
	if (!prepared->of_database)
	{
		check_new_name(prepared->service);
		if (!*full)
			*full = !has_room_for_service();
		if (*full)
			return 0;
	}

	values[0] = CStringGetTextDatum(prepared->service);
	values[1] = CStringGetTextDatum(prepared->language);
	if (prepared->of_database)
		homeo_spi_run(&add_database,
					  "insert into homeostasis.services (name, kind, database_name, language)"
					  " values ('" DATABASE_PREFIX "' || $1, 'database', $1::name, $2)"
					  " on conflict do nothing",
					  2, types, values, SPI_OK_INSERT);
	else
		homeo_spi_run(&add_named,
					  "insert into homeostasis.services (name, language)"
					  " values ($1, $2) on conflict do nothing",
					  2, types, values, SPI_OK_INSERT);
	if (!find_service(prepared, &id))
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("there is another service named \"%s%s\"",
						DATABASE_PREFIX, prepared->service),
				 errhint("Rename that service.")));
	return id;
}

void
homeo_store_services(HomeoRow **rows, int nrows)
{
	const char *reason = psprintf("there are %d services already, as many as homeostasis.max_services allows",
								  homeo_guc_max_services);
	bool		full = false;

	for (int i = 0; i < nrows; i++)
	{
		const HomeoPrepared *prepared = &rows[i]->prepared;
		const HomeoPrepared *before = i > 0 ? &rows[i - 1]->prepared : NULL;

		if (before != NULL && before->of_database == prepared->of_database &&
			strcmp(before->service, prepared->service) == 0)
			rows[i]->service_id = rows[i - 1]->service_id;
		else
			rows[i]->service_id = get_service(prepared, &full);
		if (rows[i]->service_id == 0)
			homeo_row_refuse(rows[i], "service", reason);
	}
}
