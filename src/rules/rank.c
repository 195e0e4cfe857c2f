/*
 * rank.c
 *		The order in which rules win.
 *
 * Of the rules that match an event the one comes first that
 *
 *	1. is most specific: 10 points for each condition that it sets (language,
 *	   platform, framework, service, sqlstates, error_type, schema, table,
 *	   column, constraint and datatype name, and each of its patterns), 5
 *	   instead when sqlstates names a class and for frame_pattern, and 1 point
 *	   for each literal character that a match of its patterns can't do
 *	   without, that of a frame left out: where an error happened says less
 *	   than what it says;
 *	2. then looks at the better place: the error's type, code or the objects it
 *	   names, before its message, before both in one text, before the stack;
 *	3. then has the higher confidence;
 *	4. then the higher priority;
 *	5. then the id that comes first, byte by byte.
 *
 * The order doesn't depend on the event, so image_build.c sorts the rules once,
 * and the first that is found to match has won: those behind it needn't be
 * tried.
 *
 * Needs nothing but its arguments.
 */
#include "postgres.h"

#include "rules/rank.h"

#define CONDITION_POINTS		10
#define SQLSTATE_CLASS_POINTS	5
#define FRAME_POINTS			5

const char *const homeo_rank_places[HOMEO_PLACE_COUNT] = {
	[HOMEO_PLACE_ANYWHERE] = "no text",
	[HOMEO_PLACE_FRAME] = "the stack",
	[HOMEO_PLACE_TEXT] = "the printed text",
	[HOMEO_PLACE_MESSAGE] = "the message",
	[HOMEO_PLACE_TYPE] = "the type",
};

int
homeo_rank_specificity(const HomeoRule *rule,
					   const int literals[HOMEO_PATTERN_COUNT])
{
	int			points = 0;
	bool		has_class = false;

	for (int i = 0; i < HOMEO_EXACT_COUNT; i++)
	{
		if (rule->exact[i].data != NULL)
			points += CONDITION_POINTS;
	}
	for (int i = 0; i < rule->nsqlstates; i++)
	{
		if (strlen(rule->sqlstates[i]) == 2)
			has_class = true;
	}
	if (rule->nsqlstates > 0)
		points += has_class ? SQLSTATE_CLASS_POINTS : CONDITION_POINTS;
	for (int i = 0; i < HOMEO_PATTERN_COUNT; i++)
	{
		if (rule->patterns[i].data == NULL)
			continue;
		points += i == HOMEO_PATTERN_FRAME ?
			FRAME_POINTS : CONDITION_POINTS + literals[i];
	}
	return points;
}

HomeoRankPlace
homeo_rank_place(const HomeoRule *rule)
{
	if (rule->nsqlstates > 0)
		return HOMEO_PLACE_TYPE;
	for (int i = 0; i <= HOMEO_EXACT_ERROR_TYPE; i++)
	{
		if (rule->exact[i].data != NULL)
			return HOMEO_PLACE_TYPE;
	}
	for (int i = 0; i < HOMEO_PATTERN_COUNT; i++)
	{
		if (rule->patterns[i].data != NULL && i != HOMEO_PATTERN_TEXT &&
			i != HOMEO_PATTERN_FRAME)
			return HOMEO_PLACE_MESSAGE;
	}
	if (rule->patterns[HOMEO_PATTERN_TEXT].data != NULL)
		return HOMEO_PLACE_TEXT;
	if (rule->patterns[HOMEO_PATTERN_FRAME].data != NULL)
		return HOMEO_PLACE_FRAME;
	return HOMEO_PLACE_ANYWHERE;
}

int
homeo_rank_compare(const HomeoRankKey *a, const HomeoRankKey *b)
{
	if (a->specificity != b->specificity)
		return a->specificity > b->specificity ? -1 : 1;
	if (a->place != b->place)
		return a->place > b->place ? -1 : 1;
	if (a->confidence != b->confidence)
		return a->confidence > b->confidence ? -1 : 1;
	if (a->priority != b->priority)
		return a->priority > b->priority ? -1 : 1;
	return strcmp(a->id, b->id);
}

const char *
homeo_rank_reason(const HomeoRankKey *winner, const HomeoRankKey *loser)
{
	if (winner->specificity != loser->specificity)
		return psprintf("%s is more specific: %d to %d", winner->id,
						winner->specificity, loser->specificity);
	if (winner->place != loser->place)
		return psprintf("%s is as specific and looks at a better place: %s to %s",
						winner->id, homeo_rank_places[winner->place],
						homeo_rank_places[loser->place]);
	if (winner->confidence != loser->confidence)
		return psprintf("%s is as specific and has more confidence: %.3f to %.3f",
						winner->id, winner->confidence, loser->confidence);
	if (winner->priority != loser->priority)
		return psprintf("%s is as specific and confident and has the higher priority: %d to %d",
						winner->id, winner->priority, loser->priority);
	return psprintf("%s is as specific and confident, has the same priority, and its id comes first",
					winner->id);
}
