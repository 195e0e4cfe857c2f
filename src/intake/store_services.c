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

/* The extension's own service. */
#define OWN_SERVICE		"homeostasis"

/* What is asked about a service; the quota is -1 where it has none of its own. */
#define SELECT_SERVICE \
	"select id, coalesce(payloads_per_minute, -1), kind" \
	" from homeostasis.services"

/* A service that a reporter may not name. */
static void
refuse_name(const char *problem, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_HOMEO_INVALID_EVENT),
			 errmsg("event field \"%s\" %s", "service", problem),
			 errhint("%s", hint),
			 err_generic_string(PG_DIAG_COLUMN_NAME, "service")));
}

static bool
find_service(const HomeoPrepared *prepared, int64 *id, int *quota)
{
	static SPIPlanPtr of_database = NULL;
	static SPIPlanPtr of_extension = NULL;
	static SPIPlanPtr of_name = NULL;
	Oid			type = TEXTOID;
	Datum		name = CStringGetTextDatum(prepared->service);

	if (prepared->of_database)
		homeo_spi_run(&of_database,
					  SELECT_SERVICE
					  " where kind = 'database' and database_name = $1::name",
					  1, &type, &name, SPI_OK_SELECT);
	else if (prepared->of_extension)
		homeo_spi_run(&of_extension,
					  SELECT_SERVICE " where kind = 'extension'",
					  0, NULL, NULL, SPI_OK_SELECT);
	else
	{
		char	   *kind;

		homeo_spi_run(&of_name, SELECT_SERVICE " where name = $1",
					  1, &type, &name, SPI_OK_SELECT);
		kind = SPI_processed == 0 ? NULL :
			TextDatumGetCString(homeo_spi_value(0, 3));
		if (kind != NULL && strcmp(kind, "database") == 0)
			refuse_name("is the name of a database",
						"Only the server itself reports errors of a database.");
		if (kind != NULL && strcmp(kind, "extension") == 0)
			refuse_name("is the name of the extension's own service",
						"Choose another name for the service.");
	}
	if (SPI_processed == 0)
		return false;
	*id = DatumGetInt64(homeo_spi_value(0, 1));
	*quota = DatumGetInt32(homeo_spi_value(0, 2));
	if (*quota < 0)
		*quota = homeo_guc_payloads_per_service_per_minute;
	return true;
}

/*
 * A reporter that took the name which a database's service will have would
 * keep the errors of that database from being stored; so with the extension's
 * own.
 */
static void
check_new_name(const char *name)
{
	if (strncmp(name, DATABASE_PREFIX, strlen(DATABASE_PREFIX)) == 0)
		refuse_name("begins with \"" DATABASE_PREFIX "\", as the names of databases do",
					"Choose another name for the service.");
	if (strcmp(name, OWN_SERVICE) == 0)
		refuse_name("is the name of the extension's own service",
					"Choose another name for the service.");
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
				  " where kind = 'application' limit $1) s",
				  1, &type, &most, SPI_OK_SELECT);
	return DatumGetBool(homeo_spi_value(0, 1));
}

/*
 * The service of an event, created when it is seen for the first time.  If
 * that would be one too many, 0; then *full is true, and is not found out
 * again in this batch.
 */
static int64
get_service(const HomeoPrepared *prepared, int *quota, bool *full)
{
	static SPIPlanPtr add_database = NULL;
	static SPIPlanPtr add_extension = NULL;
	static SPIPlanPtr add_named = NULL;
	Oid			types[] = {TEXTOID, TEXTOID};
	Datum		values[2];
	int64		id;

	if (find_service(prepared, &id, quota))
		return id;
	if (!prepared->of_database && !prepared->of_extension)
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
	else if (prepared->of_extension)
		homeo_spi_run(&add_extension,
					  "insert into homeostasis.services (name, kind, language)"
					  " values ($1, 'extension', $2) on conflict do nothing",
					  2, types, values, SPI_OK_INSERT);
	else
		homeo_spi_run(&add_named,
					  "insert into homeostasis.services (name, language)"
					  " values ($1, $2) on conflict do nothing",
					  2, types, values, SPI_OK_INSERT);
	if (!find_service(prepared, &id, quota))
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("there is another service named \"%s%s\"",
						prepared->of_database ? DATABASE_PREFIX : "",
						prepared->service),
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
			before->of_extension == prepared->of_extension &&
			strcmp(before->service, prepared->service) == 0)
		{
			rows[i]->service_id = rows[i - 1]->service_id;
			rows[i]->quota = rows[i - 1]->quota;
		}
		else
			rows[i]->service_id = get_service(prepared, &rows[i]->quota,
											  &full);
		if (rows[i]->service_id == 0)
			homeo_row_refuse(rows[i], "service", reason);
	}
}
