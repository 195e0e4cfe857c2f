/*
 * match.c
 *		Matches one event against the rules.
 *
 * Called by the SQL functions of rules.c and by whoever stores events.  What
 * was said of the same event before is taken from a cache.  Otherwise an index
 * of conditions and a scan of the texts give candidates; these are tried with
 * PCRE2 in the order in which they would win, over all parts of the ruleset,
 * and the first that matches has won.  No text and no pattern raises an error.
 *
 * Everything is allocated in CurrentMemoryContext.
 */
#include "postgres.h"

#include "rules/match.h"

#include "base/guc.h"
#include "port/pg_bitutils.h"
#include "portability/instr_time.h"
#include "rules/environment.h"
#include "rules/match_cache.h"
#include "rules/rank.h"
#include "rules/regex.h"
#include "rules/ruleset.h"
#include "rules/subject.h"
#include "rules/syntax.h"

/* One event on its way through the rules. */
typedef struct Matching
{
	const HomeoRuleset *ruleset;
	HomeoMatchInput input;
	HomeoSlice	subjects[HOMEO_PATTERN_COUNT];	/* UTF-8, once made */
	bool		made[HOMEO_PATTERN_COUNT];
	List	   *captures;		/* of Capture *, of the rule on trial */
	instr_time	clock;			/* when the last trial ended */
	bool		counted;		/* in the counters of the rules */
	bool		limited;		/* a pattern ran into a limit */
} Matching;

typedef struct Capture
{
	HomeoSlice	name;			/* in the database's encoding */
	HomeoSlice	value;
} Capture;

/* A rule of one of the parts; rule NULL: none. */
typedef struct RuleRef
{
	const HomeoRulePart *part;
	uint32		rank;			/* in that part */
	const HomeoImageRule *rule;
} RuleRef;

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
			homeo_subject_make(homeo_rule_text(&matching->input, kind),
							   homeo_guc_match_subject_limit);
		matching->made[kind] = true;
	}
	return matching->subjects[kind];
}

/*
 * The event as the rules look at it.  What none of them asks for isn't there,
 * so that it need not be read, and is no part of the key of the cache.
 */
static HomeoMatchInput
look_at(const HomeoRuleset *ruleset, const HomeoMatchInput *given)
{
	static const HomeoSlice none = {NULL, 0};
	HomeoMatchInput input = *given;
	bool		frameworks = homeo_ruleset_asks(ruleset, HOMEO_EXACT_FRAMEWORK);
	bool		platforms = homeo_ruleset_asks(ruleset, HOMEO_EXACT_PLATFORM);

	if (!homeo_ruleset_asks(ruleset, HOMEO_EXACT_SERVICE))
		input.service = none;
	input.frameworks = none;
	input.platforms = none;
	if (frameworks || platforms)
		homeo_environment_read(given->environment,
							   frameworks ? &input.frameworks : NULL,
							   platforms ? &input.platforms : NULL);
	return input;
}

/* What the callback of homeo_image_find() needs. */
typedef struct Considering
{
	const HomeoRulePart *part;
	const HomeoMatchInput *input;
} Considering;

/* Marks a rule whose conditions the event meets. */
static void
consider(uint32 rank, void *arg)
{
	const Considering *considering = arg;
	const HomeoRulePart *part = considering->part;

	if (homeo_ruleset_has_bit(part->alive, rank) &&
		!homeo_ruleset_has_bit(part->candidates, rank) &&
		homeo_image_failing_condition(part->image,
									  homeo_image_rule(part->image, rank),
									  considering->input) == NULL)
		homeo_ruleset_set_bit(part->candidates, rank);
}

/* Adds the rules whose parts are in the subjects. */
static void
add_candidates(Matching *matching, const HomeoImageSubjects *subjects)
{
	for (int p = 0; p < matching->ruleset->nparts; p++)
	{
		const HomeoRulePart *part = &matching->ruleset->parts[p];
		Considering considering = {part, &matching->input};

		homeo_image_find(part->image, &matching->input, subjects, consider,
						 &considering);
	}
}

/* True, and the subject is the folded one, if that differs. */
static bool
fold(HomeoSlice *subject)
{
	char	   *folded;

	if (!homeo_syntax_folds(*subject))
		return false;
	folded = palloc(subject->len);
	*subject = homeo_slice(folded, homeo_syntax_fold(*subject, folded));
	return true;
}

static void
find_candidates(Matching *matching)
{
	HomeoImageSubjects subjects;
	bool		folded = false;

	for (int p = 0; p < matching->ruleset->nparts; p++)
	{
		const HomeoRulePart *part = &matching->ruleset->parts[p];

		memset(part->candidates, 0, part->nwords * sizeof(uint64));
	}
	for (int kind = 0; kind < HOMEO_PATTERN_LEADS; kind++)
		subjects.of[kind] = subject_of(matching, kind);
	add_candidates(matching, &subjects);
	for (int kind = 0; kind < HOMEO_PATTERN_LEADS; kind++)
		folded |= fold(&subjects.of[kind]);
	if (folded)
		add_candidates(matching, &subjects);
}

/* Goes through rules of all parts in the order in which they win. */
typedef struct Walk
{
	const HomeoRuleset *ruleset;
	bool		every_rule;		/* that is alive, else the candidates */
	int			rank;			/* of the rule that was given last, from 1 */
	uint32		next[HOMEO_RULE_PARTS]; /* in each part */
} Walk;

static void
begin_walk(Walk *walk, const HomeoRuleset *ruleset, bool every_rule)
{
	memset(walk, 0, sizeof(*walk));
	walk->ruleset = ruleset;
	walk->every_rule = every_rule;
}

/* The first rank from start on whose bit is set, or the number of rules. */
static uint32
next_bit(const uint64 *bits, uint32 start, uint32 nrules)
{
	while (start < nrules)
	{
		uint64		rest = bits[start / 64] >> (start % 64);

		if (rest != 0)
			return start + pg_rightmost_one_pos64(rest);
		start = (start / 64 + 1) * 64;
	}
	return nrules;
}

static bool
wins(const RuleRef *a, const RuleRef *b)
{
	HomeoRankKey x = homeo_image_rank_key(a->part->image, a->rule);
	HomeoRankKey y = homeo_image_rank_key(b->part->image, b->rule);

	return homeo_rank_compare(&x, &y) < 0;
}

/* The next rule; its rule is NULL at the end. */
static RuleRef
next_rule(Walk *walk)
{
	RuleRef		best = {NULL, 0, NULL};

	for (int p = 0; p < walk->ruleset->nparts; p++)
	{
		const HomeoRulePart *part = &walk->ruleset->parts[p];
		RuleRef		ref = {part, 0, NULL};

		walk->next[p] = next_bit(walk->every_rule ? part->alive : part->candidates,
								 walk->next[p], part->image->rules.n);
		if (walk->next[p] >= part->image->rules.n)
			continue;
		ref.rank = walk->next[p];
		ref.rule = homeo_image_rule(part->image, ref.rank);
		if (best.rule == NULL || wins(&ref, &best))
			best = ref;
	}
	if (best.rule != NULL)
		walk->next[best.part - walk->ruleset->parts]++;
	walk->rank++;
	return best;
}

static const char *
id_of(const RuleRef *ref)
{
	return homeo_image_string(ref->part->image, ref->rule->id);
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
		if (homeo_slice_equals(((Capture *) lfirst(lc))->name, capture->name))
			return;
	}
	capture->value = copy_to_database(value);
	matching->captures = lappend(matching->captures, capture);
}

/*
 * Tries the patterns of the rule; the captures are those of this trial.  To it
 * counts what was done since the last one, as to look at a clock takes as long
 * as a short trial does.
 */
static Trial
try_rule(Matching *matching, const RuleRef *ref)
{
	const HomeoImage *image = ref->part->image;
	Trial		trial = {HOMEO_REGEX_MATCHES, 0, 0};
	instr_time	spent;
	instr_time	now;

	matching->captures = NIL;
	for (int i = 0; i < HOMEO_PATTERN_COUNT; i++)
	{
		const HomeoImagePattern *pattern;
		HomeoRegexSource source;
		HomeoSlice	subject;

		if (ref->rule->patterns[i] < 0)
			continue;
		pattern = homeo_image_pattern(image, ref->rule->patterns[i]);
		source.text = homeo_image_text(image, pattern->source);
		source.key = pattern->key;
		source.starts_at_offset = pattern->starts_at_offset;
		source.multiline = pattern->multiline;
		subject = subject_of(matching, i);
		trial.kind = i;
		trial.outcome = homeo_regex_match(&source, subject);
		if (trial.outcome != HOMEO_REGEX_MATCHES)
			break;
		homeo_regex_captures(subject, keep_capture, matching);
	}
	INSTR_TIME_SET_CURRENT(now);
	spent = now;
	INSTR_TIME_SUBTRACT(spent, matching->clock);
	trial.nanoseconds = (uint64) (INSTR_TIME_GET_DOUBLE(spent) * 1e9);
	matching->clock = now;
	return trial;
}

/* NULL: they are not counted, which it takes long to find out. */
static HomeoRuleCounters *
counters_of(const RuleRef *ref)
{
	static HomeoRuleCounters uncounted;
	HomeoRuleCounters **counters = &ref->part->counters[ref->rank];

	if (*counters == NULL)
		*counters = homeo_stat_find(id_of(ref));
	if (*counters == NULL)
		*counters = &uncounted;
	return *counters == &uncounted ? NULL : *counters;
}

static void
count_win(const RuleRef *ref)
{
	HomeoRuleCounters *counters = counters_of(ref);

	if (counters != NULL)
		pg_atomic_fetch_add_u64(&counters->wins, 1);
}

static void
count_trial(const RuleRef *ref, const Trial *trial)
{
	HomeoRuleCounters *counters = counters_of(ref);

	if (counters == NULL)
		return;
	pg_atomic_fetch_add_u64(&counters->trials, 1);
	pg_atomic_fetch_add_u64(&counters->nanoseconds, trial->nanoseconds);
	if (trial->outcome == HOMEO_REGEX_LIMIT)
		pg_atomic_fetch_add_u64(&counters->limit_hits, 1);
}

static void
count_candidate(const RuleRef *ref)
{
	HomeoRuleCounters *counters = counters_of(ref);

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

static char *
copy_string(const HomeoImage *image, HomeoImageText found)
{
	const char *string = homeo_image_string(image, found);

	return string != NULL ? pstrdup(string) : NULL;
}

static HomeoDiagnosis *
make_diagnosis(const RuleRef *ref, Jsonb *captures)
{
	const HomeoImage *image = ref->part->image;
	HomeoDiagnosis *diagnosis = palloc(sizeof(HomeoDiagnosis));

	diagnosis->rule_id = copy_string(image, ref->rule->id);
	diagnosis->confidence = ref->rule->confidence;
	diagnosis->root_cause = copy_string(image, ref->rule->root_cause);
	diagnosis->suggestion = copy_string(image, ref->rule->suggestion);
	diagnosis->template_name = copy_string(image, ref->rule->template_name);
	diagnosis->captures = captures;
	return diagnosis;
}

/* Starts matching. */
static void
begin(Matching *matching, const HomeoRuleset *ruleset,
	  const HomeoMatchInput *input)
{
	memset(matching, 0, sizeof(Matching));
	matching->input = *input;
	matching->input.printed = homeo_rule_printed(input->error_type,
												 input->message);
	matching->ruleset = ruleset;
	find_candidates(matching);
	INSTR_TIME_SET_CURRENT(matching->clock);
}

/* Tries the candidates; returns the winner and sets what it captures. */
static RuleRef
find_winner(Matching *matching, Jsonb **captures)
{
	RuleRef		winner = {NULL, 0, NULL};
	Walk		walk;
	RuleRef		ref;

	begin_walk(&walk, matching->ruleset, false);
	while ((ref = next_rule(&walk)).rule != NULL)
	{
		Trial		trial;

		if (matching->counted)
			count_candidate(&ref);
		if (winner.rule != NULL)
			continue;
		trial = try_rule(matching, &ref);
		if (matching->counted)
			count_trial(&ref, &trial);
		if (trial.outcome == HOMEO_REGEX_LIMIT)
			matching->limited = true;
		if (trial.outcome != HOMEO_REGEX_MATCHES)
			continue;
		winner = ref;
		*captures = captures_to_jsonb(matching->captures);
		if (!matching->counted)
			break;
	}
	return winner;
}

/*
 * Matches, whatever is known already, and keeps the outcome under the key,
 * unless that is NULL.
 */
static HomeoDiagnosis *
match(const HomeoRuleset *ruleset, const HomeoMatchInput *input,
	  const HomeoMatchKey *key, bool counted)
{
	Matching	matching;
	RuleRef		winner;
	HomeoMatchOutcome outcome = {false, 0, NULL};

	begin(&matching, ruleset, input);
	matching.counted = counted;
	winner = find_winner(&matching, &outcome.captures);
	if (winner.rule != NULL)
	{
		outcome.won = true;
		outcome.revision = winner.rule->revision;
	}
	/* A limit may depend on how busy the machine is. */
	if (key != NULL && !matching.limited)
		homeo_match_cache_store(key, &outcome);
	if (!outcome.won)
		return NULL;
	if (counted)
		count_win(&winner);
	return make_diagnosis(&winner, outcome.captures);
}

/* The rule of that revision, if it is there; else its rule is NULL. */
static RuleRef
rule_of_revision(const HomeoRuleset *ruleset, int64 revision)
{
	RuleRef		ref = {NULL, 0, NULL};

	for (int p = 0; p < ruleset->nparts; p++)
	{
		const HomeoRulePart *part = &ruleset->parts[p];
		int64		rank = homeo_image_find_revision(part->image, revision);

		if (rank < 0 || !homeo_ruleset_has_bit(part->alive, (uint32) rank))
			continue;
		ref.part = part;
		ref.rank = (uint32) rank;
		ref.rule = homeo_image_rule(part->image, ref.rank);
		break;
	}
	return ref;
}

/* What is known of the event; false if nothing is. */
static bool
recall(const HomeoRuleset *ruleset, const HomeoMatchKey *key,
	   HomeoDiagnosis **diagnosis)
{
	HomeoMatchOutcome outcome;
	RuleRef		winner;

	*diagnosis = NULL;
	if (!homeo_match_cache_find(key, &outcome))
		return false;
	if (!outcome.won)
		return true;
	winner = rule_of_revision(ruleset, outcome.revision);
	if (winner.rule == NULL)
		return false;
	count_win(&winner);
	*diagnosis = make_diagnosis(&winner, outcome.captures);
	return true;
}

HomeoDiagnosis *
homeo_match_best(const HomeoMatchInput *given)
{
	const HomeoRuleset *ruleset = homeo_ruleset_current();
	HomeoMatchInput input;
	HomeoMatchKey key;
	HomeoDiagnosis *diagnosis;

	if (ruleset == NULL)
		return NULL;
	input = look_at(ruleset, given);
	if (!homeo_match_cache_key(ruleset, &input, &key))
		return match(ruleset, &input, NULL, true);
	if (recall(ruleset, &key, &diagnosis))
		return diagnosis;
	return match(ruleset, &input, &key, true);
}

bool
homeo_match_warm(const HomeoMatchInput *given)
{
	const HomeoRuleset *ruleset = homeo_ruleset_current();
	HomeoMatchInput input;
	HomeoMatchKey key;

	if (ruleset == NULL)
		return false;
	input = look_at(ruleset, given);
	if (!homeo_match_cache_key(ruleset, &input, &key))
		return match(ruleset, &input, NULL, false) != NULL;
	return match(ruleset, &input, &key, false) != NULL;
}

bool
homeo_match_asks_service(void)
{
	const HomeoRuleset *ruleset = homeo_ruleset_current();

	return ruleset != NULL && homeo_ruleset_asks(ruleset, HOMEO_EXACT_SERVICE);
}

const char *
homeo_match_cached(const HomeoMatchInput *given)
{
	const HomeoRuleset *ruleset = homeo_ruleset_current();
	HomeoMatchInput input;
	HomeoMatchKey key;

	if (ruleset == NULL)
		return NULL;
	input = look_at(ruleset, given);
	if (!homeo_match_cache_key(ruleset, &input, &key))
		return NULL;
	return homeo_match_cache_level(&key);
}

/* Fills in what became of a rule; winner is the first that matched, if any. */
static void
explain_rule(Matching *matching, const RuleRef *ref, const RuleRef *winner,
			 HomeoExplanation *explanation)
{
	const char *condition = homeo_image_failing_condition(ref->part->image,
														  ref->rule,
														  &matching->input);
	Trial		trial;

	if (condition != NULL)
	{
		explanation->verdict = HOMEO_VERDICT_EXCLUDED;
		explanation->reason = psprintf("the event doesn't meet the condition in column %s",
									   condition);
		return;
	}

	INSTR_TIME_SET_CURRENT(matching->clock);
	trial = try_rule(matching, ref);
	explanation->microseconds = trial.nanoseconds / 1000.0;
	if (trial.outcome == HOMEO_REGEX_DIFFERS)
	{
		explanation->verdict = HOMEO_VERDICT_REFUSED;
		explanation->reason = psprintf("column %s doesn't match",
									   homeo_rule_pattern_columns[trial.kind]);
	}
	else if (trial.outcome == HOMEO_REGEX_LIMIT)
	{
		explanation->verdict = HOMEO_VERDICT_LIMIT;
		explanation->reason = psprintf("column %s ran into a limit",
									   homeo_rule_pattern_columns[trial.kind]);
	}
	else if (!homeo_ruleset_has_bit(ref->part->candidates, ref->rank))
	{
		explanation->verdict = HOMEO_VERDICT_MISSED;
		explanation->reason = "PCRE2 finds the pattern, Vectorscan doesn't: "
			"please report this pattern as a bug";
	}
	else if (winner->rule == NULL)
	{
		explanation->verdict = HOMEO_VERDICT_WON;
		explanation->reason = "the first in rank that matches";
	}
	else
	{
		HomeoRankKey first = homeo_image_rank_key(winner->part->image,
												  winner->rule);
		HomeoRankKey second = homeo_image_rank_key(ref->part->image, ref->rule);

		explanation->verdict = HOMEO_VERDICT_OUTRANKED;
		explanation->reason = homeo_rank_reason(&first, &second);
	}
}

List *
homeo_match_explain(const HomeoMatchInput *given, const char *rule_id,
					bool every_rule)
{
	const HomeoRuleset *ruleset = homeo_ruleset_current();
	HomeoMatchInput input;
	Matching	matching;
	RuleRef		winner = {NULL, 0, NULL};
	List	   *result = NIL;
	Walk		walk;
	RuleRef		ref;

	if (ruleset == NULL)
		return NIL;
	input = look_at(ruleset, given);
	begin(&matching, ruleset, &input);
	begin_walk(&walk, ruleset, true);
	while ((ref = next_rule(&walk)).rule != NULL)
	{
		HomeoExplanation *explanation;

		if (rule_id != NULL && strcmp(rule_id, id_of(&ref)) != 0)
			continue;
		if (!every_rule && !homeo_ruleset_has_bit(ref.part->candidates, ref.rank))
			continue;
		explanation = palloc0(sizeof(HomeoExplanation));
		explanation->rule_id = pstrdup(id_of(&ref));
		explanation->rank = walk.rank;
		explanation->specificity = ref.rule->specificity;
		explanation->place = ref.rule->place;
		explanation->confidence = ref.rule->confidence;
		explain_rule(&matching, &ref, &winner, explanation);
		if (explanation->verdict == HOMEO_VERDICT_WON)
			winner = ref;
		result = lappend(result, explanation);
	}
	return result;
}
