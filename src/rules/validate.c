/*
 * validate.c
 *		What is refused when a rule or a patch template is written, and how
 *		processes learn that the rules have changed.
 *
 * SQL functions for the triggers in sql/code/rules.sql and template.sql.
 */
#include "postgres.h"

#include "rules/validate.h"

#include "base/compat.h"
#include "base/errors.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "rules/condition.h"
#include "rules/image_share.h"
#include "rules/regex.h"
#include "rules/rule.h"
#include "rules/rule_version.h"
#include "rules/subject.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/rel.h"

/* Before version 16 the tree walkers are declared without prototypes. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
#include "nodes/nodeFuncs.h"
#pragma GCC diagnostic pop

/* Parameters of a plan: the event with its captures, and the EXPLAIN. */
#define PLAN_PARAMETERS		2

static Datum
get_column(HeapTuple row, TupleDesc desc, const char *column, bool *isnull)
{
	int			number = SPI_fnumber(desc, column);

	if (number <= 0)
		elog(ERROR, "column %s is missing", column);
	return SPI_getbinval(row, desc, number, isnull);
}

/* A text column, or NULL; in CurrentMemoryContext. */
static char *
get_text(HeapTuple row, TupleDesc desc, const char *column)
{
	bool		isnull;
	Datum		value = get_column(row, desc, column, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

/*
 * The pattern in UTF-8, unless it is empty or PCRE2 refuses it or its length: then raises an
 * error about the column of its owner, such as: rule "a".
 */
HomeoSlice
homeo_validate_pattern(const char *owner, const char *column, HomeoSlice given)
{
	HomeoSlice	source;
	HomeoRegexProblem problem;

	if (given.len == 0)
		ereport(ERROR,
				(errcode(ERRCODE_HOMEO_INVALID_RULE),
				 errmsg("%s has an invalid %s: it is empty, and would match everything",
						owner, column),
				 errhint("Use null for a rule without this condition."),
				 err_generic_string(PG_DIAG_COLUMN_NAME, column)));
	if (given.len > HOMEO_PATTERN_MAX_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_HOMEO_INVALID_RULE),
				 errmsg("%s has an invalid %s: it is longer than %d bytes",
						owner, column, HOMEO_PATTERN_MAX_BYTES),
				 errhint("Split it into several."),
				 err_generic_string(PG_DIAG_COLUMN_NAME, column)));

	source = homeo_subject_make(given, given.len);
	if (GetDatabaseEncoding() == PG_SQL_ASCII && source.data != given.data)
		ereport(ERROR,
				(errcode(ERRCODE_HOMEO_INVALID_RULE),
				 errmsg("%s has an invalid %s: it is not UTF-8",
						owner, column),
				 errhint("Write characters beyond ASCII in UTF-8, or as \\x{...}."),
				 err_generic_string(PG_DIAG_COLUMN_NAME, column)));

	if (!homeo_regex_check(source, &problem))
		ereport(ERROR,
				(errcode(ERRCODE_HOMEO_INVALID_RULE),
				 errmsg("%s has an invalid %s: %s at offset %d",
						owner, column, problem.message, problem.offset),
				 errhint("Patterns are regular expressions of PCRE2; the offset counts characters."),
				 err_generic_string(PG_DIAG_COLUMN_NAME, column)));
	return source;
}

/* A value must not be empty, nor a version alone. */
static void
check_exact(const char *id, HeapTuple row, TupleDesc desc, HomeoExact condition)
{
	const char *column = homeo_rule_exact_columns[condition];
	HomeoSlice	value = {get_text(row, desc, column), 0};

	if (value.data == NULL)
		return;
	value.len = strlen(value.data);
	value = homeo_condition_value(condition, value);
	if (homeo_condition_is_nameless(condition, value))
		ereport(ERROR,
				(errcode(ERRCODE_HOMEO_INVALID_RULE),
				 errmsg("rule \"%s\" has an invalid %s: there is no name in it",
						id, column),
				 errhint("Use null for a rule without this condition."),
				 err_generic_string(PG_DIAG_COLUMN_NAME, column)));
}

static bool
is_sqlstate(const char *code)
{
	size_t		len = strlen(code);

	return (len == 2 || len == 5) &&
		strspn(code, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == len;
}

static void
check_sqlstates(const char *id, HeapTuple row, TupleDesc desc)
{
	bool		isnull;
	Datum		value = get_column(row, desc, "sqlstates", &isnull);
	Datum	   *elements;
	bool	   *nulls;
	int			nelements;

	if (isnull)
		return;
	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false,
					  TYPALIGN_INT, &elements, &nulls, &nelements);
	for (int i = 0; i < nelements; i++)
	{
		const char *code = nulls[i] ? "null" : TextDatumGetCString(elements[i]);

		if (!is_sqlstate(code))
			ereport(ERROR,
					(errcode(ERRCODE_HOMEO_INVALID_RULE),
					 errmsg("rule \"%s\" has invalid sqlstates: \"%s\"",
							id, code),
					 errhint("Give codes of five digits and capital letters, such as 42P01, or the two characters of a class, such as 42."),
					 err_generic_string(PG_DIAG_COLUMN_NAME, "sqlstates")));
	}
	if (nelements == 0)
		ereport(ERROR,
				(errcode(ERRCODE_HOMEO_INVALID_RULE),
				 errmsg("rule \"%s\" has invalid sqlstates: the array is empty",
						id),
				 errhint("Use null for a rule that applies to all SQLSTATEs."),
				 err_generic_string(PG_DIAG_COLUMN_NAME, "sqlstates")));
}

static TriggerData *
get_trigger(FunctionCallInfo fcinfo, const char *name)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function %s() can only be called as a trigger",
						name)));
	return (TriggerData *) fcinfo->context;
}

PG_FUNCTION_INFO_V1(homeo_check_rule);

/*
 * homeostasis.check_rule(): row trigger before a rule is inserted or updated.
 */
Datum
homeo_check_rule(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = get_trigger(fcinfo, "check_rule");
	TupleDesc	desc = RelationGetDescr(trigger->tg_relation);
	HeapTuple	row = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ?
	trigger->tg_newtuple : trigger->tg_trigtuple;
	char	   *id;

	/* The columns' own constraints are checked after this trigger. */
	id = get_text(row, desc, "id");
	if (id == NULL)
		id = pstrdup("");
	for (int i = 0; i < HOMEO_EXACT_COUNT; i++)
		check_exact(id, row, desc, i);
	for (int i = 0; i < HOMEO_PATTERN_COUNT; i++)
	{
		const char *column = homeo_rule_pattern_columns[i];
		HomeoSlice	pattern = {get_text(row, desc, column), 0};

		if (pattern.data == NULL)
			continue;
		pattern.len = strlen(pattern.data);
		homeo_validate_pattern(psprintf("rule \"%s\"", id), column, pattern);
	}
	check_sqlstates(id, row, desc);
	return PointerGetDatum(row);
}

PG_FUNCTION_INFO_V1(homeo_invalidate_rules);

/*
 * homeostasis.invalidate_rules(): statement trigger before and after any change
 * of the rules.  PostgreSQL tells this process after it, and every process at
 * commit.
 */
Datum
homeo_invalidate_rules(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = get_trigger(fcinfo, "invalidate_rules");
	Oid			relation = RelationGetRelid(trigger->tg_relation);

	if (TRIGGER_FIRED_BEFORE(trigger->tg_event))
	{
		homeo_rule_version_begin_write(relation);
		return PointerGetDatum(NULL);
	}
	if (TRIGGER_FIRED_BY_DELETE(trigger->tg_event) ||
		TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
		homeo_rule_version_advance(relation);
	CacheInvalidateRelcacheByRelid(relation);
	homeo_image_share_want_at_end();
	return PointerGetDatum(NULL);
}

/* Finds what a plan may not contain. */
static bool
find_offence(Node *node, void *context)
{
	const char **offence = context;

	if (node == NULL)
		return false;
	if (IsA(node, ParamRef))
	{
		int			number = ((ParamRef *) node)->number;

		if (number < 1 || number > PLAN_PARAMETERS)
			*offence = "it has parameters other than $1 and $2";
	}
	else if (IsA(node, SelectStmt))
	{
		SelectStmt *select = (SelectStmt *) node;

		if (select->intoClause != NULL)
			*offence = "SELECT INTO creates a table";
		else if (select->lockingClause != NIL)
			*offence = "it locks rows";
	}
	else if (IsA(node, InsertStmt) || IsA(node, UpdateStmt) ||
			 IsA(node, DeleteStmt) || IsA(node, MergeStmt))
		*offence = "it changes data";
	if (*offence != NULL)
		return true;
	return raw_expression_tree_walker(node, find_offence, context);
}

PG_FUNCTION_INFO_V1(homeo_check_plan);

/*
 * homeostasis.check_plan(plan text): null when the text is one query that only
 * reads and has no parameters but $1 and $2, else what is wrong with it.  It is
 * only parsed: names are looked up in the database that it will run in.
 * Raises what the parser raises for a syntax error.
 */
Datum
homeo_check_plan(PG_FUNCTION_ARGS)
{
	char	   *plan = text_to_cstring(PG_GETARG_TEXT_PP(0));
	List	   *statements = raw_parser(plan, RAW_PARSE_DEFAULT);
	Node	   *statement;
	const char *offence = NULL;

	if (list_length(statements) != 1)
		PG_RETURN_TEXT_P(cstring_to_text("it must be one query"));
	statement = linitial_node(RawStmt, statements)->stmt;
	if (!IsA(statement, SelectStmt))
		PG_RETURN_TEXT_P(cstring_to_text("it must be a query: SELECT, VALUES or WITH"));
	find_offence(statement, &offence);
	if (offence != NULL)
		PG_RETURN_TEXT_P(cstring_to_text(offence));
	PG_RETURN_NULL();
}
