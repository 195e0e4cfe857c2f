/*
 * diagnose.c
 *		Writes down what the rules say about an issue.
 *
 * Intake calls it, through a hook because it is on a floor below, for each
 * issue that is new or came back, in the transaction that stores its event.
 */
#include "postgres.h"

#include "rules/diagnose.h"

#include "base/spi.h"
#include "catalog/pg_type.h"
#include "intake/store_rows.h"
#include "rules/match.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

static HomeoSlice
slice_of(const char *string)
{
	HomeoSlice	slice = {string, strlen(string)};

	return slice;
}

/* The name that people have given to a service; palloc'd. */
static HomeoSlice
service_name(int64 service_id)
{
	static SPIPlanPtr plan = NULL;
	Oid			type = INT8OID;
	Datum		value = Int64GetDatum(service_id);

	homeo_spi_run(&plan, "select name from homeostasis.services where id = $1",
				  1, &type, &value, SPI_OK_SELECT);
	if (SPI_processed != 1)
		return homeo_slice(NULL, 0);
	return slice_of(TextDatumGetCString(homeo_spi_value(0, 1)));
}

static HomeoDiagnosis *
match_sample(const HomeoPrepared *sample, int64 service_id)
{
	const HomeoText *text_of = sample->event->text;
	HomeoMatchInput input = {0};

	input.language = slice_of(sample->language);
	input.error_type = slice_of(sample->error_type);
	input.sqlstate = text_of[HOMEO_FIELD_SQLSTATE];
	input.message = text_of[HOMEO_FIELD_MESSAGE];
	input.detail = text_of[HOMEO_FIELD_DETAIL];
	input.context = text_of[HOMEO_FIELD_CONTEXT];
	input.statement = text_of[HOMEO_FIELD_STATEMENT];
	input.stack = text_of[HOMEO_FIELD_STACK];
	input.schema_name = text_of[HOMEO_FIELD_SCHEMA];
	input.table_name = text_of[HOMEO_FIELD_TABLE];
	input.column_name = text_of[HOMEO_FIELD_COLUMN];
	input.constraint_name = text_of[HOMEO_FIELD_CONSTRAINT];
	input.datatype_name = text_of[HOMEO_FIELD_DATATYPE];
	input.environment = text_of[HOMEO_FIELD_ENVIRONMENT];
	if (homeo_match_asks_service())
		input.service = service_name(service_id);
	return homeo_match_best(&input);
}

static void
write_analysis(const HomeoTurnedIssue *issue, const HomeoDiagnosis *diagnosis)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[] = {
		INT8OID, INT8OID, UUIDOID, TIMESTAMPTZOID, TEXTOID, FLOAT8OID,
		TEXTOID, TEXTOID, TEXTOID, JSONBOID
	};
	Datum		values[lengthof(types)];
	char		nulls[] = "          ";
	const HomeoEvent *event = issue->sample->prepared.event;

	if (plan == NULL)
	{
		plan = SPI_prepare("insert into homeostasis.analysis"
						   " (service_id, issue_id, error_id, error_timestamp,"
						   "  source, rule_id, confidence_score, root_cause,"
						   "  suggestion, template, captures)"
						   " values ($1, $2, $3, $4, 'rule', $5, $6::numeric,"
						   "  $7, $8, $9, $10)", lengthof(types), types);
		if (plan == NULL || SPI_keepplan(plan) != 0)
			elog(ERROR, "could not prepare the insertion into analysis");
	}
	values[0] = Int64GetDatum(issue->service_id);
	values[1] = Int64GetDatum(issue->issue_id);
	values[2] = UUIDPGetDatum(&event->event_id);
	values[3] = TimestampTzGetDatum(event->timestamp);
	values[4] = CStringGetTextDatum(diagnosis->rule_id);
	values[5] = Float8GetDatum(diagnosis->confidence);
	values[6] = CStringGetTextDatum(diagnosis->root_cause);
	values[7] = CStringGetTextDatum(diagnosis->suggestion);
	if (diagnosis->template_name != NULL)
		values[8] = CStringGetTextDatum(diagnosis->template_name);
	else
		nulls[8] = 'n';
	values[9] = JsonbPGetDatum(diagnosis->captures);
	if (SPI_execute_plan(plan, values, nulls, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not write an analysis");
}

/* Hook of store.c. */
static void
diagnose(const HomeoTurnedIssue *issue)
{
	HomeoDiagnosis *diagnosis;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	diagnosis = match_sample(&issue->sample->prepared, issue->service_id);
	if (diagnosis != NULL)
		write_analysis(issue, diagnosis);
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "could not disconnect from SPI");
}

/* Called from _PG_init. */
void
homeo_diagnose_init(void)
{
	homeo_store_set_issue_hook(diagnose);
}
