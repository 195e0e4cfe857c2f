/*
 * rule.c
 *		Reads homeostasis.rules.
 *
 * The latest snapshot is used, because what is made of the rules outlives the
 * transaction that reads them: under REPEATABLE READ, too, a transaction sees
 * the rules as they are now.
 */
#include "postgres.h"

#include "rules/rule.h"

#include "base/ascii.h"
#include "base/spi.h"
#include "catalog/pg_type.h"
#include "rules/condition.h"
#include "rules/subject.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

const char *const homeo_rule_exact_columns[HOMEO_EXACT_COUNT] = {
	[HOMEO_EXACT_CONSTRAINT] = "constraint_name",
	[HOMEO_EXACT_TABLE] = "table_name",
	[HOMEO_EXACT_COLUMN] = "column_name",
	[HOMEO_EXACT_DATATYPE] = "datatype_name",
	[HOMEO_EXACT_SCHEMA] = "schema_name",
	[HOMEO_EXACT_ERROR_TYPE] = "error_type",
	[HOMEO_EXACT_SERVICE] = "service",
	[HOMEO_EXACT_FRAMEWORK] = "framework",
	[HOMEO_EXACT_LANGUAGE] = "language",
	[HOMEO_EXACT_PLATFORM] = "platform",
};

const char *const homeo_rule_pattern_columns[HOMEO_PATTERN_COUNT] = {
	[HOMEO_PATTERN_MESSAGE] = "pattern",
	[HOMEO_PATTERN_TEXT] = "text_pattern",
	[HOMEO_PATTERN_DETAIL] = "detail_pattern",
	[HOMEO_PATTERN_CONTEXT] = "context_pattern",
	[HOMEO_PATTERN_STATEMENT] = "statement_pattern",
	[HOMEO_PATTERN_FRAME] = "frame_pattern",
};

/* Columns of READ_RULES, in its order. */
enum
{
	COLUMN_REVISION = 1,
	COLUMN_ID,
	COLUMN_CONFIDENCE,
	COLUMN_PRIORITY,
	COLUMN_ROOT_CAUSE,
	COLUMN_SUGGESTION,
	COLUMN_TEMPLATE,
	COLUMN_SQLSTATES,
	COLUMN_FIRST_EXACT,
	COLUMN_FIRST_PATTERN = COLUMN_FIRST_EXACT + HOMEO_EXACT_COUNT
};

#define READ_RULES \
	"select revision, id, coalesce((select l.confidence" \
	"  from homeostasis.rule_learning l where l.rule_id = rules.id), confidence" \
	" )::pg_catalog.float8, priority," \
	" root_cause, suggestion, template, sqlstates," \
	" constraint_name, table_name, column_name, datatype_name, schema_name," \
	" error_type, service, framework, language, platform," \
	" pattern, text_pattern, detail_pattern, context_pattern," \
	" statement_pattern, frame_pattern" \
	" from homeostasis.rules where enabled"

/*
 * Runs a query, with an array of revisions as its argument unless that is NULL,
 * and stays connected to SPI.  Returns how many rows there are.
 */
static int
run(const char *query, Snapshot snapshot, const int64 *revisions,
	int nrevisions)
{
	Oid			type = INT8ARRAYOID;
	Datum		value = (Datum) 0;
	int			nargs = 0;
	SPIPlanPtr	plan;

	if (revisions != NULL)
	{
		Datum	   *elements = palloc(sizeof(Datum) * Max(nrevisions, 1));

		for (int i = 0; i < nrevisions; i++)
			elements[i] = Int64GetDatum(revisions[i]);
		value = homeo_spi_array(elements, nrevisions, INT8OID);
		nargs = 1;
	}
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	plan = SPI_prepare(query, nargs, &type);
	if (plan == NULL)
		elog(ERROR, "could not prepare the query that reads the rules: %s",
			 SPI_result_code_string(SPI_result));
	if (SPI_execute_snapshot(plan, &value, NULL, snapshot,
							 InvalidSnapshot, true, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the rules");
	return (int) SPI_processed;
}

/* A column of a row of SPI's result, or NULL; in CurrentMemoryContext. */
static char *
read_text(HeapTuple row, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(row, SPI_tuptable->tupdesc, column,
									  &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

static HomeoSlice
read_slice(HeapTuple row, int column)
{
	HomeoSlice	slice = {read_text(row, column), 0};

	if (slice.data != NULL)
		slice.len = strlen(slice.data);
	return slice;
}

static void
read_sqlstates(HeapTuple row, HomeoRule *rule)
{
	bool		isnull;
	Datum		value = SPI_getbinval(row, SPI_tuptable->tupdesc,
									  COLUMN_SQLSTATES, &isnull);
	Datum	   *elements;
	bool	   *nulls;
	int			nelements;

	if (isnull)
		return;
	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false,
					  TYPALIGN_INT, &elements, &nulls, &nelements);
	rule->sqlstates = palloc(Max(nelements, 1) * sizeof(char *));
	for (int i = 0; i < nelements; i++)
	{
		if (!nulls[i])
			rule->sqlstates[rule->nsqlstates++] =
				TextDatumGetCString(elements[i]);
	}
}

static void
read_row(HeapTuple row, HomeoRule *rule)
{
	TupleDesc	desc = SPI_tuptable->tupdesc;
	bool		isnull;

	memset(rule, 0, sizeof(*rule));
	rule->revision = DatumGetInt64(SPI_getbinval(row, desc, COLUMN_REVISION,
												 &isnull));
	rule->id = read_text(row, COLUMN_ID);
	rule->confidence = DatumGetFloat8(SPI_getbinval(row, desc,
													COLUMN_CONFIDENCE,
													&isnull));
	rule->priority = DatumGetInt32(SPI_getbinval(row, desc, COLUMN_PRIORITY,
												 &isnull));
	rule->root_cause = read_text(row, COLUMN_ROOT_CAUSE);
	rule->suggestion = read_text(row, COLUMN_SUGGESTION);
	rule->template_name = read_text(row, COLUMN_TEMPLATE);
	read_sqlstates(row, rule);
	for (int i = 0; i < HOMEO_EXACT_COUNT; i++)
		rule->exact[i] = homeo_condition_value(i,
											   read_slice(row, COLUMN_FIRST_EXACT + i));
	for (int i = 0; i < HOMEO_PATTERN_COUNT; i++)
		rule->patterns[i] =
			homeo_subject_make(read_slice(row, COLUMN_FIRST_PATTERN + i),
							   SIZE_MAX);
}

int
homeo_rule_read(Snapshot snapshot, const int64 *revisions, int nrevisions,
				HomeoRule **rules)
{
	MemoryContext caller = CurrentMemoryContext;
	int			nrules = run(revisions == NULL ? READ_RULES :
							 READ_RULES " and revision = any ($1)",
							 snapshot, revisions, nrevisions);

	MemoryContextSwitchTo(caller);
	*rules = palloc(sizeof(HomeoRule) * Max(nrules, 1));
	for (int i = 0; i < nrules; i++)
		read_row(SPI_tuptable->vals[i], &(*rules)[i]);
	SPI_finish();
	return nrules;
}

int
homeo_rule_read_revisions(Snapshot snapshot, int64 **revisions)
{
	MemoryContext caller = CurrentMemoryContext;
	int			nrules = run("select revision from homeostasis.rules"
							 " where enabled", snapshot, NULL, 0);

	MemoryContextSwitchTo(caller);
	*revisions = palloc(sizeof(int64) * Max(nrules, 1));
	for (int i = 0; i < nrules; i++)
		(*revisions)[i] = DatumGetInt64(homeo_spi_value(i, 1));
	SPI_finish();
	return nrules;
}

HomeoSlice
homeo_rule_exact_value(const HomeoMatchInput *input, HomeoExact condition)
{
	switch (condition)
	{
		case HOMEO_EXACT_CONSTRAINT:
			return input->constraint_name;
		case HOMEO_EXACT_TABLE:
			return input->table_name;
		case HOMEO_EXACT_COLUMN:
			return input->column_name;
		case HOMEO_EXACT_DATATYPE:
			return input->datatype_name;
		case HOMEO_EXACT_SCHEMA:
			return input->schema_name;
		case HOMEO_EXACT_ERROR_TYPE:
			return input->error_type;
		case HOMEO_EXACT_SERVICE:
			return input->service;
		case HOMEO_EXACT_FRAMEWORK:
			return input->frameworks;
		case HOMEO_EXACT_PLATFORM:
			return input->platforms;
		default:
			return input->language;
	}
}

HomeoSlice
homeo_rule_text(const HomeoMatchInput *input, HomeoPatternKind kind)
{
	switch (kind)
	{
		case HOMEO_PATTERN_MESSAGE:
			return input->message;
		case HOMEO_PATTERN_TEXT:
			return input->printed;
		case HOMEO_PATTERN_DETAIL:
			return input->detail;
		case HOMEO_PATTERN_CONTEXT:
			return input->context;
		case HOMEO_PATTERN_STATEMENT:
			return input->statement;
		default:
			return input->stack;
	}
}

/* The type that is stored with an error that was reported without one. */
#define NO_TYPE		"error"

HomeoSlice
homeo_rule_printed(HomeoSlice error_type, HomeoSlice message)
{
	size_t		behind = error_type.len + 2;
	HomeoSlice	result;
	char	   *data;

	if (error_type.len == 0 ||
		homeo_ascii_equals(error_type.data, error_type.len, NO_TYPE))
		return message;
	if (message.len == 0)
		return error_type;
	/* Some reporters have it in the message already. */
	if (message.len >= behind &&
		memcmp(message.data, error_type.data, error_type.len) == 0 &&
		memcmp(message.data + error_type.len, ": ", 2) == 0)
		return message;

	data = palloc(behind + message.len);
	memcpy(data, error_type.data, error_type.len);
	memcpy(data + error_type.len, ": ", 2);
	memcpy(data + behind, message.data, message.len);
	result.data = data;
	result.len = behind + message.len;
	return result;
}
