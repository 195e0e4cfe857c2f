/*
 * rules.c
 *		The SQL functions that match events against rules.
 *
 * Declared in sql/code/match.sql.
 */
#include "postgres.h"

#include "rules/rules.h"

#include <math.h>

#include "base/compat.h"
#include "base/errors.h"
#include "base/guc.h"
#include "base/hash128.h"
#include "base/shmem.h"
#include "funcapi.h"
#include "intake/event_json.h"
#include "intake/prepare.h"
#include "miscadmin.h"
#include "rules/backtrack.h"
#include "rules/cache_stat.h"
#include "rules/image_share.h"
#include "rules/match.h"
#include "rules/match_cache.h"
#include "rules/rank.h"
#include "rules/regex.h"
#include "rules/ruleset.h"
#include "rules/stat.h"
#include "rules/subject.h"
#include "rules/syntax.h"
#include "rules/validate.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

static const char *const verdicts[] = {
	[HOMEO_VERDICT_WON] = "won",
	[HOMEO_VERDICT_OUTRANKED] = "outranked",
	[HOMEO_VERDICT_REFUSED] = "refused",
	[HOMEO_VERDICT_LIMIT] = "limit",
	[HOMEO_VERDICT_EXCLUDED] = "excluded",
	[HOMEO_VERDICT_MISSED] = "missed",
};

/* Called once, from _PG_init. */
void
homeo_rules_init(void)
{
	homeo_stat_init();
	homeo_cache_stat_init();
	homeo_match_cache_init();
}

/* Reads an event as a reporter writes it; raises when it isn't one. */
static void
read_event(Jsonb *json, HomeoMatchInput *input)
{
	HomeoEvent	event;
	HomeoEventProblem problem;

	if (!homeo_event_json_read(&json->root, HOMEO_ORIGIN_INGEST, &event,
							   &problem))
		homeo_event_json_raise(&problem);

	input->language = event.text[HOMEO_FIELD_LANGUAGE];
	input->error_type = event.text[HOMEO_FIELD_ERROR_TYPE];
	input->sqlstate = event.text[HOMEO_FIELD_SQLSTATE];
	input->message = event.text[HOMEO_FIELD_MESSAGE];
	input->detail = event.text[HOMEO_FIELD_DETAIL];
	input->context = event.text[HOMEO_FIELD_CONTEXT];
	input->statement = event.text[HOMEO_FIELD_STATEMENT];
	input->stack = event.text[HOMEO_FIELD_STACK];
	input->schema_name = event.text[HOMEO_FIELD_SCHEMA];
	input->table_name = event.text[HOMEO_FIELD_TABLE];
	input->column_name = event.text[HOMEO_FIELD_COLUMN];
	input->constraint_name = event.text[HOMEO_FIELD_CONSTRAINT];
	input->datatype_name = event.text[HOMEO_FIELD_DATATYPE];
	input->service = event.text[HOMEO_FIELD_SERVICE];
	if (input->service.data == NULL)
		input->service = homeo_slice(HOMEO_DEFAULT_SERVICE,
									 strlen(HOMEO_DEFAULT_SERVICE));
	input->environment = event.text[HOMEO_FIELD_ENVIRONMENT];
}

/* A confidence as homeostasis.rules has it: numeric(4, 3). */
static Datum
confidence_datum(double confidence)
{
	return NumericGetDatum(int64_div_fast_to_numeric((int64) rint(confidence * 1000),
													 3));
}

PG_FUNCTION_INFO_V1(homeo_match);

/* homeostasis.match(event jsonb): the winner, or no row. */
Datum
homeo_match(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	HomeoMatchInput input;
	HomeoDiagnosis *diagnosis;
	Datum		values[6];
	bool		nulls[6] = {false};

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	read_event(PG_GETARG_JSONB_P(0), &input);
	diagnosis = homeo_match_best(&input);
	if (diagnosis == NULL)
		return (Datum) 0;

	values[0] = CStringGetTextDatum(diagnosis->rule_id);
	values[1] = confidence_datum(diagnosis->confidence);
	values[2] = CStringGetTextDatum(diagnosis->root_cause);
	values[3] = CStringGetTextDatum(diagnosis->suggestion);
	nulls[4] = diagnosis->template_name == NULL;
	values[4] = nulls[4] ? (Datum) 0 :
		CStringGetTextDatum(diagnosis->template_name);
	values[5] = JsonbPGetDatum(diagnosis->captures);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(homeo_warm_match);

/* homeostasis.warm_match(event jsonb): true if a rule matches. */
Datum
homeo_warm_match(PG_FUNCTION_ARGS)
{
	HomeoMatchInput input;

	read_event(PG_GETARG_JSONB_P(0), &input);
	PG_RETURN_BOOL(homeo_match_warm(&input));
}

PG_FUNCTION_INFO_V1(homeo_explain_match);

/* homeostasis.explain_match(event jsonb, every_rule boolean, only_rule text) */
Datum
homeo_explain_match(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	HomeoMatchInput input;
	const char *only_rule;
	const char *cached;
	ListCell   *lc;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_HOMEO_INVALID_ARGUMENT),
				 errmsg("event and every_rule may not be null"),
				 errhint("Give an event as homeostasis.report() takes it, and true or false.")));
	only_rule = PG_ARGISNULL(2) ? NULL :
		text_to_cstring(PG_GETARG_TEXT_PP(2));

	InitMaterializedSRF(fcinfo, 0);
	read_event(PG_GETARG_JSONB_P(0), &input);
	cached = homeo_match_cached(&input);
	foreach(lc, homeo_match_explain(&input, only_rule, PG_GETARG_BOOL(1)))
	{
		HomeoExplanation *explanation = lfirst(lc);
		Datum		values[9];
		bool		nulls[9] = {false};

		values[0] = Int32GetDatum(explanation->rank);
		values[1] = CStringGetTextDatum(explanation->rule_id);
		values[2] = CStringGetTextDatum(verdicts[explanation->verdict]);
		values[3] = CStringGetTextDatum(explanation->reason);
		values[4] = Int32GetDatum(explanation->specificity);
		values[5] = confidence_datum(explanation->confidence);
		values[6] = Float8GetDatum(explanation->microseconds);
		values[7] = CStringGetTextDatum(homeo_rank_places[explanation->place]);
		nulls[8] = cached == NULL;
		values[8] = nulls[8] ? (Datum) 0 : CStringGetTextDatum(cached);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc,
							 values, nulls);
	}
	return (Datum) 0;
}

/* Adds a row of homeostasis.rule_counters(). */
static void
put_counters(const char *rule_id, HomeoRuleCounters *counters, void *arg)
{
	ReturnSetInfo *rsinfo = arg;
	Datum		values[6];
	bool		nulls[6] = {false};

	values[0] = CStringGetTextDatum(rule_id);
	values[1] = Int64GetDatum(pg_atomic_read_u64(&counters->candidates));
	values[2] = Int64GetDatum(pg_atomic_read_u64(&counters->trials));
	values[3] = Int64GetDatum(pg_atomic_read_u64(&counters->wins));
	values[4] = Int64GetDatum(pg_atomic_read_u64(&counters->limit_hits));
	values[5] = Float8GetDatum(pg_atomic_read_u64(&counters->nanoseconds) / 1000.0);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

PG_FUNCTION_INFO_V1(homeo_rule_counters);

/* homeostasis.rule_counters(): of this database, since the server started. */
Datum
homeo_rule_counters(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, 0);
	homeo_stat_each(put_counters, fcinfo->resultinfo);
	return (Datum) 0;
}

/* A column of homeostasis.cache_counters(), or null. */
static void
put_limit(Datum *value, bool *isnull, int64 limit)
{
	*isnull = limit == 0;
	*value = Int64GetDatum(limit);
}

PG_FUNCTION_INFO_V1(homeo_cache_counters);

/* homeostasis.cache_counters(): one row a cache, of all databases */
Datum
homeo_cache_counters(PG_FUNCTION_ARGS)
{
	static const char *const names[][2] = {
		[HOMEO_CACHE_MATCH_LOCAL] = {"match", "local"},
		[HOMEO_CACHE_MATCH_SHARED] = {"match", "shared"},
		[HOMEO_CACHE_PATTERNS] = {"patterns", "local"},
	};
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int cache = 0; cache < HOMEO_CACHE_COUNT; cache++)
	{
		int64		numbers[HOMEO_CACHE_NUMBERS];
		int64		most_entries = homeo_guc_rule_cache_size;
		int64		most_bytes = 0;
		Datum		values[HOMEO_CACHE_NUMBERS + 4];
		bool		nulls[HOMEO_CACHE_NUMBERS + 4] = {false};
		int			n = 0;

		if (cache != HOMEO_CACHE_PATTERNS)
			most_bytes = (int64) homeo_match_cache_room(cache == HOMEO_CACHE_MATCH_LOCAL,
														&most_entries);
		homeo_cache_stat_sum(cache, numbers);
		values[n++] = CStringGetTextDatum(names[cache][0]);
		values[n++] = CStringGetTextDatum(names[cache][1]);
		for (int i = 0; i < HOMEO_CACHE_NUMBERS; i++)
			values[n++] = Int64GetDatum(numbers[i]);
		put_limit(&values[n], &nulls[n], most_entries);
		n++;
		put_limit(&values[n], &nulls[n], most_bytes);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values,
							 nulls);
	}
	return (Datum) 0;
}

typedef struct HomeoHitsTaken
{
	ReturnSetInfo *rsinfo;
	uint64		most;
	TimestampTz now;
} HomeoHitsTaken;

/* Adds a row of homeostasis.take_limit_hits(), if the rule is due. */
static void
put_hits(const char *rule_id, HomeoRuleCounters *counters, void *arg)
{
	HomeoHitsTaken *taken = arg;
	uint64		hits = homeo_stat_take_hits(counters, taken->most, taken->now);
	Datum		values[2];
	bool		nulls[2] = {false};

	if (hits == 0)
		return;
	values[0] = CStringGetTextDatum(rule_id);
	values[1] = Int64GetDatum((int64) hits);
	tuplestore_putvalues(taken->rsinfo->setResult, taken->rsinfo->setDesc,
						 values, nulls);
}

PG_FUNCTION_INFO_V1(homeo_take_limit_hits);

/* homeostasis.take_limit_hits(most bigint) */
Datum
homeo_take_limit_hits(PG_FUNCTION_ARGS)
{
	HomeoHitsTaken taken;

	InitMaterializedSRF(fcinfo, 0);
	taken.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	taken.most = (uint64) Max(PG_GETARG_INT64(0), 1);
	taken.now = GetCurrentTimestamp();
	homeo_stat_each(put_hits, &taken);
	return (Datum) 0;
}

/* How often rules_ready() looks; what it waits for takes hundreds of them. */
#define READY_POLL_MS		10

PG_FUNCTION_INFO_V1(homeo_rules_ready);

/* homeostasis.rules_ready(timeout interval) */
Datum
homeo_rules_ready(PG_FUNCTION_ARGS)
{
	TimestampTz deadline =
	DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
											TimestampTzGetDatum(GetCurrentTimestamp()),
											PG_GETARG_DATUM(0)));
	uint64		generation;

	homeo_shmem_require();
	if (homeo_image_share_is_wanted_at_end())
		ereport(ERROR,
				(errcode(ERRCODE_HOMEO_NOT_NOW),
				 errmsg("rules_ready() waits for rules that are committed, and this transaction has changed some"),
				 errhint("Commit first.")));
	while ((generation = homeo_ruleset_shared()) == 0 ||
		   homeo_image_share_is_due())
	{
		if (GetCurrentTimestamp() >= deadline)
			PG_RETURN_NULL();
		if (!homeo_image_share_is_due())
			homeo_image_share_want();
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 READY_POLL_MS,
						 homeo_wait_event_compat("HomeostasisRulesReady"));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	PG_RETURN_INT64((int64) generation);
}

PG_FUNCTION_INFO_V1(homeo_pattern_matches);

/*
 * homeostasis.pattern_matches(pattern text, subject text): as a rule would
 * have it; null when the pattern runs into a limit.
 */
Datum
homeo_pattern_matches(PG_FUNCTION_ARGS)
{
	text	   *source = PG_GETARG_TEXT_PP(0);
	text	   *subject = PG_GETARG_TEXT_PP(1);
	HomeoSlice	source_slice = {VARDATA_ANY(source), VARSIZE_ANY_EXHDR(source)};
	HomeoSlice	whole = {VARDATA_ANY(subject), VARSIZE_ANY_EXHDR(subject)};
	HomeoSlice	start = homeo_subject_make(whole, homeo_guc_match_subject_limit);
	HomeoRegexSource regex;
	HomeoRegexOutcome outcome;
	uint8		key[16];

	source_slice = homeo_validate_pattern("the argument", "pattern",
										  source_slice);
	homeo_hash128(source_slice.data, source_slice.len, 0, key);
	regex.text = source_slice;
	regex.key = key;
	regex.starts_at_offset = homeo_syntax_read(source_slice).starts_at_offset;
	regex.multiline = false;
	outcome = homeo_regex_match(&regex, start);
	if (outcome == HOMEO_REGEX_LIMIT)
		PG_RETURN_NULL();
	PG_RETURN_BOOL(outcome == HOMEO_REGEX_MATCHES);
}

PG_FUNCTION_INFO_V1(homeo_pattern_problem);

/* homeostasis.pattern_problem(pattern text): why PCRE2 refuses it, or null */
Datum
homeo_pattern_problem(PG_FUNCTION_ARGS)
{
	text	   *source = PG_GETARG_TEXT_PP(0);
	HomeoSlice	given = {VARDATA_ANY(source), VARSIZE_ANY_EXHDR(source)};
	HomeoRegexProblem problem;

	if (given.len > HOMEO_PATTERN_MAX_BYTES)
		PG_RETURN_TEXT_P(cstring_to_text(psprintf("longer than %d bytes",
												  HOMEO_PATTERN_MAX_BYTES)));
	if (homeo_regex_check(homeo_subject_make(given, given.len), &problem))
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("%s at offset %d",
											  problem.message,
											  problem.offset)));
}

PG_FUNCTION_INFO_V1(homeo_pattern_risk);

/*
 * homeostasis.pattern_risk(pattern text): what may make PCRE2 try a time that
 * explodes with the text, or null; raises an error where PCRE2 refuses it
 */
Datum
homeo_pattern_risk(PG_FUNCTION_ARGS)
{
	static const char *const risks[] = {
		[HOMEO_BACKTRACK_NESTED] = "a repeat within a repeat can take the same characters",
		[HOMEO_BACKTRACK_CHOICE] = "alternatives that are repeated can take the same characters",
		[HOMEO_BACKTRACK_ADJACENT] = "a repeat and the next can take the same characters",
	};
	text	   *source = PG_GETARG_TEXT_PP(0);
	HomeoSlice	given = {VARDATA_ANY(source), VARSIZE_ANY_EXHDR(source)};
	HomeoBacktrack found;

	if (given.len == 0)
		PG_RETURN_NULL();
	found = homeo_backtrack_find(homeo_validate_pattern("the argument",
														"pattern", given));
	if (found.kind == HOMEO_BACKTRACK_NONE)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("%s, at offset %d",
											  risks[found.kind],
											  found.offset)));
}
