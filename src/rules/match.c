/*
 * match.c
 *		Matches one event against the rules.
 *
 * Called by the SQL functions of rules.c and by whoever stores events.  An
 * index of conditions and a scan of the message give candidates; these are
 * tried with PCRE2 in the order in which they would win, and the first that
 * matches has won.  No text and no pattern raises an error.
 *
 * Everything is allocated in CurrentMemoryContext.
 */
#include "postgres.h"

#include "rules/match.h"

#include "base/guc.h"
#include "port/pg_bitutils.h"
#include "portability/instr_time.h"
#include "rules/condition.h"
#include "rules/prefilter.h"
#include "rules/rank.h"
#include "rules/regex.h"
#include "rules/ruleset.h"
#include "rules/subject.h"

/* One event on its way through the rules. */
typedef struct Matching
{
	HomeoRuleset *ruleset;
	const HomeoMatchInput *input;
	HomeoSlice	subjects[HOMEO_PATTERN_COUNT];	/* UTF-8, once made */
	bool		made[HOMEO_PATTERN_COUNT];
	List	   *captures;		/* of Capture *, of the rule on trial */
} Matching;

typedef struct Capture
{
	HomeoSlice	name;			/* in the database's encoding */
	HomeoSlice	value;
} Capture;

/* How the trial of a rule ended. */
typedef struct Trial
{
	HomeoRegexOutcome outcome;
	HomeoPatternKind kind;		/* pattern that decided, unless all match */
	uint64		nanoseconds;
} Trial;

static HomeoSlice
subject_of(Matching *matching, HomeoPatternKind kind)
{
	if (!matching->made[kind])
	{
		matching->subjects[kind] =
			homeo_subject_make(homeo_ruleset_text(matching->input, kind),
							   homeo_guc_match_subject_limit);
		matching->made[kind] = true;
	}
	return matching->subjects[kind];
}

static bool
has_sqlstate(const HomeoRule *rule, HomeoSlice sqlstate)
{
	for (int i = 0; i < rule->nsqlstates; i++)
	{
		size_t		len = strlen(rule->sqlstates[i]);

		/* Two characters stand for the class. */
		if (sqlstate.data != NULL && len <= sqlstate.len &&
			(len == sqlstate.len || len == 2) &&
			memcmp(rule->sqlstates[i], sqlstate.data, len) == 0)
			return true;
	}
	return rule->nsqlstates == 0;
}

/*
 * The column of the first condition that the event doesn't meet, or NULL
 * when it meets all.  Of patterns only this is looked at: whether the event
 * has the text at all.
 */
static const char *
failing_condition(const HomeoRule *rule, const HomeoMatchInput *input)
{
	if (!has_sqlstate(rule, input->sqlstate))
		return "sqlstates";
	for (int i = 0; i < HOMEO_EXACT_COUNT; i++)
	{
		if (rule->exact[i].data != NULL &&
			!homeo_condition_holds(i, rule->exact[i],
								   homeo_ruleset_exact_value(input, i)))
			return homeo_ruleset_exact_columns[i];
	}
	for (int i = 0; i < HOMEO_PATTERN_COUNT; i++)
	{
		if (rule->patterns[i] != NULL &&
			homeo_ruleset_text(input, i).data == NULL)
			return homeo_ruleset_pattern_columns[i];
	}
	return NULL;
}

static bool
is_candidate(const HomeoRuleset *ruleset, const HomeoRule *rule)
{
	return (ruleset->candidates[rule->rank / 64] >> (rule->rank % 64)) & 1;
}

/* Marks a rule whose conditions the event meets. */
static void
consider(HomeoRule *rule, void *arg)
{
	Matching   *matching = arg;

	if (failing_condition(rule, matching->input) == NULL)
		matching->ruleset->candidates[rule->rank / 64] |=
			UINT64CONST(1) << (rule->rank % 64);
}

/* The scan reports a pattern: its rules are considered. */
static void
consider_reported(HomeoPattern *pattern, void *arg)
{
	Matching   *matching = arg;

	for (int i = 0; i < pattern->nrules; i++)
		consider(matching->ruleset->rules[pattern->rules[i]], arg);
}

static void
find_candidates(Matching *matching)
{
	HomeoRuleset *ruleset = matching->ruleset;
	HomeoSlice	message = subject_of(matching, HOMEO_PATTERN_MESSAGE);

	memset(ruleset->candidates, 0, ruleset->nwords * sizeof(uint64));
	if (message.data != NULL)
		homeo_prefilter_scan(message, consider_reported, matching);
	homeo_ruleset_find(ruleset, matching->input, consider, matching);
}

static HomeoSlice
copy_to_database(HomeoSlice utf8)
{
	HomeoSlice	copy = homeo_subject_restore(utf8);

	copy.data = pnstrdup(copy.data, copy.len);
	return copy;
}

/* Keeps a named group, unless an earlier pattern of the rule had its name. */
static void
keep_capture(HomeoSlice name, HomeoSlice value, void *arg)
{
	Matching   *matching = arg;
	Capture    *capture = palloc(sizeof(Capture));
	ListCell   *lc;

	capture->name = copy_to_database(name);
	foreach(lc, matching->captures)
	{
		HomeoSlice	other = ((Capture *) lfirst(lc))->name;

		if (other.len == capture->name.len &&
			memcmp(other.data, capture->name.data, other.len) == 0)
			return;
	}
	capture->value = copy_to_database(value);
	matching->captures = lappend(matching->captures, capture);
}

/* Tries the patterns of the rule; the captures are those of this trial. */
static Trial
try_rule(Matching *matching, const HomeoRule *rule)
{
	Trial		trial = {HOMEO_REGEX_MATCHES, 0, 0};
	instr_time	began;
	instr_time	ended;

	matching->captures = NIL;
	INSTR_TIME_SET_CURRENT(began);
	for (int i = 0; i < HOMEO_PATTERN_COUNT; i++)
	{
		HomeoPattern *pattern = rule->patterns[i];
		HomeoSlice	subject;

		if (pattern == NULL)
			continue;
		subject = subject_of(matching, i);
		trial.kind = i;
		trial.outcome = homeo_regex_match(pattern, subject);
		if (trial.outcome != HOMEO_REGEX_MATCHES)
			break;
		homeo_regex_captures(pattern, subject, keep_capture, matching);
	}
	INSTR_TIME_SET_CURRENT(ended);
	INSTR_TIME_SUBTRACT(ended, began);
	trial.nanoseconds = (uint64) (INSTR_TIME_GET_DOUBLE(ended) * 1e9);
	return trial;
}

static HomeoRuleCounters *
counters_of(HomeoRule *rule)
{
	if (!rule->counted)
	{
		rule->counters = homeo_stat_find(rule->id);
		rule->counted = true;
	}
	return rule->counters;
}

static void
count_trial(HomeoRule *rule, const Trial *trial)
{
	HomeoRuleCounters *counters = counters_of(rule);

	if (counters == NULL)
		return;
	pg_atomic_fetch_add_u64(&counters->trials, 1);
	pg_atomic_fetch_add_u64(&counters->nanoseconds, trial->nanoseconds);
	if (trial->outcome == HOMEO_REGEX_MATCHES)
		pg_atomic_fetch_add_u64(&counters->wins, 1);
	else if (trial->outcome == HOMEO_REGEX_LIMIT)
		pg_atomic_fetch_add_u64(&counters->limit_hits, 1);
}

static void
count_candidate(HomeoRule *rule)
{
	HomeoRuleCounters *counters = counters_of(rule);

	if (counters != NULL)
		pg_atomic_fetch_add_u64(&counters->candidates, 1);
}

static Jsonb *
captures_to_jsonb(List *captures)
{
	JsonbParseState *state = NULL;
	JsonbValue *result;
	ListCell   *lc;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	foreach(lc, captures)
	{
		Capture    *capture = lfirst(lc);
		JsonbValue	part;

		part.type = jbvString;
		part.val.string.val = unconstify(char *, capture->name.data);
		part.val.string.len = (int) capture->name.len;
		pushJsonbValue(&state, WJB_KEY, &part);
		part.val.string.val = unconstify(char *, capture->value.data);
		part.val.string.len = (int) capture->value.len;
		pushJsonbValue(&state, WJB_VALUE, &part);
	}
	result = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(result);
}

static HomeoDiagnosis *
make_diagnosis(const HomeoRule *rule, List *captures)
{
	HomeoDiagnosis *diagnosis = palloc(sizeof(HomeoDiagnosis));

	diagnosis->rule_id = pstrdup(rule->id);
	diagnosis->confidence = rule->confidence;
	diagnosis->root_cause = pstrdup(rule->root_cause);
	diagnosis->suggestion = pstrdup(rule->suggestion);
	diagnosis->template_name =
		rule->template_name ? pstrdup(rule->template_name) : NULL;
	diagnosis->captures = captures_to_jsonb(captures);
	return diagnosis;
}

/* Starts matching; false when there are no rules to match. */
static bool
begin(Matching *matching, const HomeoMatchInput *input)
{
	memset(matching, 0, sizeof(Matching));
	matching->input = input;
	matching->ruleset = homeo_ruleset_current();
	if (matching->ruleset == NULL)
		return false;
	find_candidates(matching);
	return true;
}

HomeoDiagnosis *
homeo_match_best(const HomeoMatchInput *input)
{
	Matching	matching;
	HomeoDiagnosis *diagnosis = NULL;

	if (!begin(&matching, input))
		return NULL;

	/* A bit's number is a rank, so the lowest bits are tried first. */
	for (int word = 0; word < matching.ruleset->nwords; word++)
	{
		uint64		bits = matching.ruleset->candidates[word];

		for (; bits != 0; bits &= bits - 1)
		{
			int			rank = word * 64 + pg_rightmost_one_pos64(bits);
			HomeoRule  *rule = matching.ruleset->rules[rank];
			Trial		trial;

			count_candidate(rule);
			if (diagnosis != NULL)
				continue;
			trial = try_rule(&matching, rule);
			count_trial(rule, &trial);
			if (trial.outcome == HOMEO_REGEX_MATCHES)
				diagnosis = make_diagnosis(rule, matching.captures);
		}
	}
	return diagnosis;
}

/* Fills in what became of a rule; winner is the first that matched, if any. */
static void
explain_rule(Matching *matching, const HomeoRule *rule,
			 const HomeoRule *winner, HomeoExplanation *explanation)
{
	const char *condition = failing_condition(rule, matching->input);
	Trial		trial;

	if (condition != NULL)
	{
		explanation->verdict = HOMEO_VERDICT_EXCLUDED;
		explanation->reason = psprintf("the event doesn't meet the condition in column %s",
									   condition);
		return;
	}

	trial = try_rule(matching, rule);
	explanation->microseconds = trial.nanoseconds / 1000.0;
	if (trial.outcome == HOMEO_REGEX_DIFFERS)
	{
		explanation->verdict = HOMEO_VERDICT_REFUSED;
		explanation->reason = psprintf("column %s doesn't match",
									   homeo_ruleset_pattern_columns[trial.kind]);
	}
	else if (trial.outcome == HOMEO_REGEX_LIMIT)
	{
		explanation->verdict = HOMEO_VERDICT_LIMIT;
		explanation->reason = psprintf("column %s ran into a limit",
									   homeo_ruleset_pattern_columns[trial.kind]);
	}
	else if (!is_candidate(matching->ruleset, rule))
	{
		explanation->verdict = HOMEO_VERDICT_MISSED;
		explanation->reason = "PCRE2 finds the pattern, Vectorscan doesn't: "
			"please report this pattern as a bug";
	}
	else if (winner == NULL)
	{
		explanation->verdict = HOMEO_VERDICT_WON;
		explanation->reason = "the first in rank that matches";
	}
	else
	{
		explanation->verdict = HOMEO_VERDICT_OUTRANKED;
		explanation->reason = homeo_rank_reason(winner, rule);
	}
}

List *
homeo_match_explain(const HomeoMatchInput *input, const char *rule_id,
					bool every_rule)
{
	Matching	matching;
	const HomeoRule *winner = NULL;
	List	   *result = NIL;

	if (!begin(&matching, input))
		return NIL;
	for (int i = 0; i < matching.ruleset->nrules; i++)
	{
		const HomeoRule *rule = matching.ruleset->rules[i];
		HomeoExplanation *explanation;

		if (rule_id != NULL && strcmp(rule_id, rule->id) != 0)
			continue;
		if (!every_rule && !is_candidate(matching.ruleset, rule))
			continue;
		explanation = palloc0(sizeof(HomeoExplanation));
		explanation->rule_id = rule->id;
		explanation->rank = rule->rank + 1;
		explanation->specificity = rule->specificity;
		explanation->confidence = rule->confidence;
		explain_rule(&matching, rule, winner, explanation);
		if (explanation->verdict == HOMEO_VERDICT_WON)
			winner = rule;
		result = lappend(result, explanation);
	}
	return result;
}
