/*
 * image.c
 *		Finds rules in an image.
 *
 * Needs nothing but its arguments.  Images that come from a file were checked
 * as a whole before they get here (image_check.c).
 */
#include "postgres.h"

#include "rules/image.h"

#include "base/hash128.h"
#include "common/hashfn.h"
#include "port/pg_bitutils.h"
#include "rules/condition.h"
#include "rules/scan.h"
#include "rules/syntax.h"

uint32
homeo_image_condition_place(const HomeoImage *image,
							const HomeoImageCondition *places, uint32 nplaces,
							int32 kind, HomeoSlice value)
{
	uint32		place = hash_combine(hash_bytes((const unsigned char *) value.data,
												(int) value.len), (uint32) kind);

	for (place &= nplaces - 1; places[place].kind != -1;
		 place = (place + 1) & (nplaces - 1))
	{
		if (places[place].kind == kind &&
			homeo_slice_equals(homeo_image_text(image, places[place].value),
							   value))
			break;
	}
	return place;
}

/* What the visits of one search need. */
typedef struct Finding
{
	const HomeoImage *image;
	const HomeoImageSubjects *subjects;
	const HomeoImageScan *scan; /* that is going on */
	HomeoImageVisit visit;
	void	   *arg;
} Finding;

/* Does the rule's subject contain what it must? */
static bool
may_match(const Finding *finding, uint32 rank)
{
	const HomeoImage *image = finding->image;
	const HomeoImageRule *rule = homeo_image_rule(image, rank);
	int			lead = homeo_image_lead(rule);
	HomeoSlice	subject;
	const HomeoImagePattern *pattern;
	const HomeoImageText *parts;

	if (lead < 0)
		return true;
	subject = finding->subjects->of[lead];
	if (subject.data == NULL)
		return false;
	pattern = homeo_image_pattern(image, rule->patterns[lead]);
	parts = homeo_image_at(image, pattern->parts.offset);
	for (uint32 i = 0; i < pattern->parts.n; i++)
	{
		HomeoSlice	part = homeo_image_text(image, parts[i]);

		if (homeo_syntax_find_part(subject, part, pattern->caseless))
			return true;
	}
	return pattern->parts.n == 0;
}

static void
visit_condition(const Finding *finding, int32 kind, HomeoSlice value)
{
	const HomeoImage *image = finding->image;
	const HomeoImageCondition *places = homeo_image_at(image, image->conditions.offset);
	const HomeoImageCondition *found;

	found = &places[homeo_image_condition_place(image, places,
												image->conditions.n, kind,
												value)];
	if (found->kind == -1)
		return;
	for (uint32 i = 0; i < found->rules.n; i++)
	{
		uint32		rank = homeo_image_ranks(image, found->rules)[i];

		if (may_match(finding, rank))
			finding->visit(rank, finding->arg);
	}
}

static void
visit_conditions(const Finding *finding, const HomeoMatchInput *input)
{
	static const HomeoSlice none = {"", 0};
	HomeoSlice	value;

	visit_condition(finding, HOMEO_CONDITION_NONE, none);
	for (int i = 0; i < HOMEO_EXACT_COUNT; i++)
	{
		HomeoConditionValues values =
		homeo_condition_values(i, homeo_rule_exact_value(input, i));

		while (homeo_condition_next(&values, &value))
			visit_condition(finding, i, value);
	}
	value = input->sqlstate;
	if (value.data == NULL)
		return;
	visit_condition(finding, HOMEO_CONDITION_SQLSTATE, value);
	/* Two characters stand for the class. */
	if (value.len > 2)
	{
		value.len = 2;
		visit_condition(finding, HOMEO_CONDITION_SQLSTATE, value);
	}
}

static void
visit_reported(unsigned int expression, void *arg)
{
	const Finding *finding = arg;
	const HomeoImage *image = finding->image;
	const HomeoImageArray *parts = homeo_image_at(image, finding->scan->parts.offset);
	const uint32 *ranks;

	/* Only a database that was damaged has more. */
	if (expression >= finding->scan->parts.n)
		return;
	ranks = homeo_image_ranks(image, parts[expression]);
	for (uint32 i = 0; i < parts[expression].n; i++)
		finding->visit(ranks[i], finding->arg);
}

void
homeo_image_find(const HomeoImage *image, const HomeoMatchInput *input,
				 const HomeoImageSubjects *subjects, HomeoImageVisit visit,
				 void *arg)
{
	const HomeoImageScan *scans = homeo_image_at(image, image->scans.offset);
	Finding		finding = {image, subjects, NULL, visit, arg};

	for (uint32 i = 0; i < image->scans.n; i++)
	{
		HomeoSlice	subject = subjects->of[scans[i].kind];

		finding.scan = &scans[i];
		if (subject.data != NULL)
			homeo_scan_run(homeo_image_at(image, scans[i].database), subject,
						   visit_reported, &finding);
	}
	visit_conditions(&finding, input);
}

void
homeo_image_add_revision(uint64 sums[2], int64 revision)
{
	uint64		hash[2];

	homeo_hash128(&revision, sizeof(revision), 0, (uint8 *) hash);
	sums[0] += hash[0];
	sums[1] += hash[1];
}

void
homeo_image_subtract_revision(uint64 sums[2], int64 revision)
{
	uint64		hash[2];

	homeo_hash128(&revision, sizeof(revision), 0, (uint8 *) hash);
	sums[0] -= hash[0];
	sums[1] -= hash[1];
}

int64
homeo_image_find_revision(const HomeoImage *image, int64 revision)
{
	const HomeoImageRevision *revisions = homeo_image_at(image, image->revisions.offset);
	uint32		low = 0;
	uint32		high = image->revisions.n;

	while (low < high)
	{
		uint32		middle = low + (high - low) / 2;

		if (revisions[middle].revision < revision)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == image->revisions.n || revisions[low].revision != revision)
		return -1;
	return revisions[low].rank;
}

static bool
has_sqlstate(const HomeoImage *image, const HomeoImageRule *rule,
			 HomeoSlice sqlstate)
{
	const HomeoImageText *states = homeo_image_at(image, rule->sqlstates.offset);

	for (uint32 i = 0; i < rule->sqlstates.n; i++)
	{
		HomeoSlice	wanted = homeo_image_text(image, states[i]);

		/* Two characters stand for the class. */
		if (sqlstate.data != NULL && wanted.len <= sqlstate.len &&
			(wanted.len == sqlstate.len || wanted.len == 2) &&
			memcmp(wanted.data, sqlstate.data, wanted.len) == 0)
			return true;
	}
	return rule->sqlstates.n == 0;
}

/* Of patterns only this is looked at: whether the input has the text at all. */
const char *
homeo_image_failing_condition(const HomeoImage *image,
							  const HomeoImageRule *rule,
							  const HomeoMatchInput *input)
{
	if (!has_sqlstate(image, rule, input->sqlstate))
		return "sqlstates";
	for (uint32 bits = rule->has_exact; bits != 0; bits &= bits - 1)
	{
		int			i = pg_rightmost_one_pos32(bits);
		HomeoSlice	wanted = homeo_image_text(image, rule->exact[i]);

		if (!homeo_condition_holds(i, wanted, homeo_rule_exact_value(input, i)))
			return homeo_rule_exact_columns[i];
	}
	for (uint32 bits = rule->has_patterns; bits != 0; bits &= bits - 1)
	{
		int			i = pg_rightmost_one_pos32(bits);

		if (homeo_rule_text(input, i).data == NULL)
			return homeo_rule_pattern_columns[i];
	}
	return NULL;
}

HomeoRankKey
homeo_image_rank_key(const HomeoImage *image, const HomeoImageRule *rule)
{
	return (HomeoRankKey)
	{
		.specificity = rule->specificity,
			.place = rule->place,
			.confidence = rule->confidence,
			.priority = rule->priority,
			.id = homeo_image_string(image, rule->id)
	};
}
