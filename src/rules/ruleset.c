/*
 * ruleset.c
 *		Reads homeostasis.rules into this process and knows when it must be
 *		read again.
 *
 * Called by match.c and rules.c.  There is one ruleset a process, in a memory
 * context of its own that is replaced as a whole; what was compiled for the
 * patterns is kept apart (pattern.c) and outlives it.
 *
 * A statement trigger on homeostasis.rules invalidates that table's relcache
 * entry.  PostgreSQL delivers the message to the writer's own process after
 * the statement and again when its transaction or subtransaction aborts, and
 * to all others after the commit; the callback here counts it.  A ruleset is
 * current while the count is what it was before the rules were read, so a
 * message that comes in between, or an error, means that it is built again.
 *
 * The rules are read with the latest snapshot, because a ruleset outlives
 * the transaction that reads it: under REPEATABLE READ, too, a transaction
 * sees the rules as they are now.
 */
#include "postgres.h"

#include "rules/ruleset.h"

#include "catalog/namespace.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "rules/condition.h"
#include "rules/prefilter.h"
#include "rules/rank.h"
#include "rules/subject.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/*
 * Rules are found by one of their conditions.  Kinds are HomeoExact and these.
 */
#define CONDITION_SQLSTATE	HOMEO_EXACT_COUNT
#define CONDITION_NONE		(HOMEO_EXACT_COUNT + 1)

/*
 * When more rules than this share a condition, those with a message pattern
 * are found by scanning the message instead.  For fewer it doesn't pay to
 * compile their patterns for the scan, which takes milliseconds each.
 */
#define MAX_SHARERS			16

typedef struct ConditionKey
{
	int			kind;
	HomeoSlice	value;
} ConditionKey;

typedef struct ConditionEntry
{
	ConditionKey key;
	int			nrules;
	int			room;
	HomeoRule **rules;
} ConditionEntry;

const char *const homeo_ruleset_exact_columns[HOMEO_EXACT_COUNT] = {
	[HOMEO_EXACT_CONSTRAINT] = "constraint_name",
	[HOMEO_EXACT_TABLE] = "table_name",
	[HOMEO_EXACT_COLUMN] = "column_name",
	[HOMEO_EXACT_DATATYPE] = "datatype_name",
	[HOMEO_EXACT_SCHEMA] = "schema_name",
	[HOMEO_EXACT_ERROR_TYPE] = "error_type",
	[HOMEO_EXACT_LANGUAGE] = "language",
};

const char *const homeo_ruleset_pattern_columns[HOMEO_PATTERN_COUNT] = {
	[HOMEO_PATTERN_MESSAGE] = "pattern",
	[HOMEO_PATTERN_DETAIL] = "detail_pattern",
	[HOMEO_PATTERN_CONTEXT] = "context_pattern",
	[HOMEO_PATTERN_STATEMENT] = "statement_pattern",
};

/* Columns of the query below, in its order. */
enum
{
	COLUMN_ID = 1,
	COLUMN_CONFIDENCE,
	COLUMN_PRIORITY,
	COLUMN_ROOT_CAUSE,
	COLUMN_SUGGESTION,
	COLUMN_TEMPLATE,
	COLUMN_SQLSTATES,
	COLUMN_FIRST_EXACT,
	COLUMN_FIRST_PATTERN = COLUMN_FIRST_EXACT + HOMEO_EXACT_COUNT
};

static const char *const read_query =
"select id, confidence::pg_catalog.float8, priority, root_cause,"
" suggestion, template, sqlstates,"
" constraint_name, table_name, column_name, datatype_name, schema_name,"
" error_type, language,"
" pattern, detail_pattern, context_pattern, statement_pattern"
" from homeostasis.rules where enabled";

static MemoryContext ruleset_memory = NULL;
static HomeoRuleset *ruleset = NULL;
static bool ruleset_complete = false;	/* no error while it was built */
static Oid	ruleset_relation = InvalidOid;
static uint64 ruleset_seen = 0; /* value of invalidations when it was read */
static uint32 generation = 0;	/* of patterns; a new one for each reading */

/* Counted by the callback; compared, never reset. */
static uint64 invalidations = 0;

static void
count_invalidation(Datum arg, Oid relation)
{
	if (relation == InvalidOid || relation == ruleset_relation)
		invalidations++;
}

/* A column of the current row of SPI's result, or NULL; in current memory. */
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

static HomeoRule *
read_rule(HeapTuple row)
{
	HomeoRule  *rule = palloc0(sizeof(HomeoRule));
	TupleDesc	desc = SPI_tuptable->tupdesc;
	bool		isnull;

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
		rule->exact[i] = read_slice(row, COLUMN_FIRST_EXACT + i);
	for (int i = 0; i < HOMEO_PATTERN_COUNT; i++)
	{
		HomeoSlice	source = read_slice(row, COLUMN_FIRST_PATTERN + i);

		source = homeo_subject_make(source, SIZE_MAX);
		if (source.data != NULL)
			rule->patterns[i] = homeo_pattern_intern(source, generation);
	}
	rule->specificity = homeo_rank_specificity(rule);
	return rule;
}

/* Reads the enabled rules into the memory, unsorted. */
static HomeoRuleset *
read_rules(MemoryContext memory)
{
	HomeoRuleset *result = MemoryContextAllocZero(memory, sizeof(HomeoRuleset));
	MemoryContext outer;
	SPIPlanPtr	plan;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	plan = SPI_prepare(read_query, 0, NULL);
	if (plan == NULL)
		elog(ERROR, "could not prepare the query that reads the rules: %s",
			 SPI_result_code_string(SPI_result));
	if (SPI_execute_snapshot(plan, NULL, NULL, GetLatestSnapshot(),
							 InvalidSnapshot, true, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the rules");

	result->nrules = (int) SPI_processed;
	outer = MemoryContextSwitchTo(memory);
	result->rules = palloc(Max(result->nrules, 1) * sizeof(HomeoRule *));
	for (int i = 0; i < result->nrules; i++)
		result->rules[i] = read_rule(SPI_tuptable->vals[i]);
	MemoryContextSwitchTo(outer);
	SPI_finish();
	return result;
}

static uint32
hash_condition(const void *key, Size keysize)
{
	const ConditionKey *condition = key;

	return hash_combine(hash_bytes((const unsigned char *) condition->value.data,
								   (int) condition->value.len),
						(uint32) condition->kind);
}

static int
compare_conditions(const void *a, const void *b, Size keysize)
{
	const ConditionKey *left = a;
	const ConditionKey *right = b;

	if (left->kind != right->kind || left->value.len != right->value.len)
		return 1;
	return memcmp(left->value.data, right->value.data, left->value.len);
}

static void
index_rule(HomeoRuleset *rules, HomeoRule *rule, int kind, HomeoSlice value)
{
	ConditionKey key = {kind, value};
	bool		found;
	ConditionEntry *entry = hash_search(rules->conditions, &key, HASH_ENTER,
										&found);

	if (!found)
	{
		entry->nrules = 0;
		entry->room = 4;
		entry->rules = palloc(entry->room * sizeof(HomeoRule *));
	}
	if (entry->nrules == entry->room)
	{
		entry->room *= 2;
		entry->rules = repalloc(entry->rules,
								entry->room * sizeof(HomeoRule *));
	}
	entry->rules[entry->nrules++] = rule;
}

/* Enters a rule under the condition that fewest events meet. */
static void
index_by_condition(HomeoRuleset *rules, HomeoRule *rule)
{
	static const HomeoSlice none = {"", 0};

	for (int i = 0; i < HOMEO_EXACT_LANGUAGE; i++)
	{
		if (rule->exact[i].data != NULL)
		{
			index_rule(rules, rule, i, rule->exact[i]);
			return;
		}
	}
	for (int i = 0; i < rule->nsqlstates; i++)
	{
		HomeoSlice	value = {rule->sqlstates[i], strlen(rule->sqlstates[i])};

		index_rule(rules, rule, CONDITION_SQLSTATE, value);
	}
	if (rule->nsqlstates > 0)
		return;
	if (rule->exact[HOMEO_EXACT_LANGUAGE].data != NULL)
		index_rule(rules, rule, HOMEO_EXACT_LANGUAGE,
				   rule->exact[HOMEO_EXACT_LANGUAGE]);
	else
		index_rule(rules, rule, CONDITION_NONE, none);
}

/* Enters all rules. */
static void
index_conditions(HomeoRuleset *rules)
{
	HASHCTL		control = {
		.keysize = sizeof(ConditionKey),
		.entrysize = sizeof(ConditionEntry),
		.hash = hash_condition,
		.match = compare_conditions,
		.hcxt = CurrentMemoryContext
	};

	rules->conditions = hash_create("homeostasis conditions", 64, &control,
									HASH_ELEM | HASH_FUNCTION | HASH_COMPARE |
									HASH_CONTEXT);
	for (int i = 0; i < rules->nrules; i++)
		index_by_condition(rules, rules->rules[i]);
}

/* Marks the rules that the scan is to find. */
static void
choose_scanned(HomeoRuleset *rules)
{
	HASH_SEQ_STATUS status;
	ConditionEntry *entry;

	hash_seq_init(&status, rules->conditions);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		for (int i = 0; entry->nrules > MAX_SHARERS && i < entry->nrules; i++)
		{
			if (entry->rules[i]->patterns[HOMEO_PATTERN_MESSAGE] != NULL)
				entry->rules[i]->scanned = true;
		}
	}
}

/* Tells the patterns which of their rules the scan is to find. */
static void
list_scanned(HomeoRuleset *rules)
{
	for (int i = 0; i < rules->nrules; i++)
	{
		if (rules->rules[i]->scanned)
			rules->rules[i]->patterns[HOMEO_PATTERN_MESSAGE]->nrules++;
	}
	for (int i = 0; i < rules->nrules; i++)
	{
		HomeoPattern *pattern = rules->rules[i]->patterns[HOMEO_PATTERN_MESSAGE];

		if (!rules->rules[i]->scanned)
			continue;
		if (pattern->rules == NULL)
		{
			pattern->rules = palloc(pattern->nrules * sizeof(int));
			pattern->nrules = 0;
		}
		pattern->rules[pattern->nrules++] = i;
	}
}

/* Takes the rules out of the index that the scan finds. */
static void
thin_index(HomeoRuleset *rules)
{
	HASH_SEQ_STATUS status;
	ConditionEntry *entry;

	hash_seq_init(&status, rules->conditions);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		int			kept = 0;

		for (int i = 0; i < entry->nrules; i++)
		{
			HomeoRule  *rule = entry->rules[i];

			if (!rule->scanned ||
				rule->patterns[HOMEO_PATTERN_MESSAGE]->unfiltered)
				entry->rules[kept++] = rule;
		}
		entry->nrules = kept;
	}
}

/*
 * Puts the rules in the order in which they win, and makes what finds them:
 * the index of conditions and the databases for the scan.
 */
static void
prepare_rules(HomeoRuleset *rules)
{
	qsort(rules->rules, rules->nrules, sizeof(HomeoRule *),
		  homeo_rank_compare);
	for (int i = 0; i < rules->nrules; i++)
		rules->rules[i]->rank = i;

	index_conditions(rules);
	choose_scanned(rules);
	list_scanned(rules);
	homeo_prefilter_update(generation);
	thin_index(rules);

	rules->nwords = (rules->nrules + 63) / 64;
	rules->candidates = palloc0(Max(rules->nwords, 1) * sizeof(uint64));
}

/* Forgets the ruleset; patterns stay until they are swept. */
static void
discard(void)
{
	if (ruleset_memory != NULL)
		MemoryContextDelete(ruleset_memory);
	ruleset_memory = NULL;
	ruleset = NULL;
	ruleset_complete = false;
}

static void
build(Oid relation)
{
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext,
												 "homeostasis ruleset",
												 ALLOCSET_DEFAULT_SIZES);
	MemoryContext outer;
	HomeoRuleset *fresh;
	uint64		seen;

	/*
	 * An error from here on leaves patterns half moved to the new rules, so
	 * the old ones can't be used any more.
	 */
	ruleset_complete = false;

	/* Before the rules are read, so that nothing after is missed. */
	ruleset_relation = relation;
	seen = invalidations;
	generation++;

	fresh = read_rules(memory);
	outer = MemoryContextSwitchTo(memory);
	prepare_rules(fresh);
	MemoryContextSwitchTo(outer);

	discard();
	MemoryContextSetParent(memory, TopMemoryContext);
	ruleset_memory = memory;
	ruleset = fresh;
	ruleset_seen = seen;
	ruleset_complete = true;
	homeo_pattern_sweep(generation);
}

/*
 * The rules as they are now, or NULL when the extension isn't there.  Valid
 * until the next call; needs a transaction.
 */
HomeoRuleset *
homeo_ruleset_current(void)
{
	static bool registered = false;
	Oid			schema;
	Oid			relation = InvalidOid;

	if (!registered)
	{
		CacheRegisterRelcacheCallback(count_invalidation, (Datum) 0);
		registered = true;
	}
	AcceptInvalidationMessages();

	schema = get_namespace_oid("homeostasis", true);
	if (OidIsValid(schema))
		relation = get_relname_relid("rules", schema);
	if (!OidIsValid(relation))
	{
		if (ruleset != NULL)
		{
			discard();
			homeo_pattern_sweep(++generation);
		}
		return NULL;
	}
	if (!ruleset_complete || relation != ruleset_relation ||
		ruleset_seen != invalidations)
		build(relation);
	return ruleset;
}

HomeoSlice
homeo_ruleset_exact_value(const HomeoMatchInput *input, HomeoExact condition)
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
		default:
			return input->language;
	}
}

HomeoSlice
homeo_ruleset_text(const HomeoMatchInput *input, HomeoPatternKind kind)
{
	switch (kind)
	{
		case HOMEO_PATTERN_MESSAGE:
			return input->message;
		case HOMEO_PATTERN_DETAIL:
			return input->detail;
		case HOMEO_PATTERN_CONTEXT:
			return input->context;
		default:
			return input->statement;
	}
}

static void
visit_entry(const HomeoRuleset *rules, int kind, HomeoSlice value,
			HomeoRuleVisit visit, void *arg)
{
	ConditionKey key = {kind, value};
	ConditionEntry *entry;

	if (value.data == NULL)
		return;
	entry = hash_search(rules->conditions, &key, HASH_FIND, NULL);
	if (entry == NULL)
		return;
	for (int i = 0; i < entry->nrules; i++)
		visit(entry->rules[i], arg);
}

/*
 * Visits the rules that the scan is not to find and whose most selective
 * condition the input meets; a rule may be visited twice.
 */
void
homeo_ruleset_find(const HomeoRuleset *rules, const HomeoMatchInput *input,
				   HomeoRuleVisit visit, void *arg)
{
	HomeoSlice	value = {"", 0};

	visit_entry(rules, CONDITION_NONE, value, visit, arg);
	for (int i = 0; i < HOMEO_EXACT_COUNT; i++)
	{
		for (value = homeo_ruleset_exact_value(input, i); value.data != NULL;
			 value = homeo_condition_wider(i, value))
			visit_entry(rules, i, value, visit, arg);
	}

	value = input->sqlstate;
	visit_entry(rules, CONDITION_SQLSTATE, value, visit, arg);
	if (value.data != NULL && value.len > 2)
	{
		value.len = 2;
		visit_entry(rules, CONDITION_SQLSTATE, value, visit, arg);
	}
}
