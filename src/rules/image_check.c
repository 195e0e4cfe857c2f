/*
 * image_check.c
 *		Whether an image may be used.
 *
 * image_file.c asks for what it has read.  A checksum tells what a disk has
 * changed, but not what a library with another layout has written, which would
 * end every process that matches.  What is inside the databases of Vectorscan
 * is not looked at: they have a version and a length of their own.
 *
 * Raises an error when there is no memory to scan with a database.
 */
#include "postgres.h"

#include "rules/image_check.h"

#include "rules/scan.h"

/* An image that has so many bytes. */
typedef struct Check
{
	const HomeoImage *image;
	uint64		size;
} Check;

/* Do so many things of that size lie behind the header, aligned? */
static bool
is_inside(const Check *check, uint32 offset, uint64 n, size_t size,
		  size_t alignment)
{
	return offset >= sizeof(HomeoImage) && offset % alignment == 0 &&
		offset + n * size <= check->size;
}

static bool
is_array(const Check *check, HomeoImageArray array, size_t size)
{
	return is_inside(check, array.offset, array.n, size, MAXIMUM_ALIGNOF);
}

/* Bytes, which may be a part of a text. */
static bool
is_part(const Check *check, HomeoImageText found)
{
	return is_inside(check, found.offset, found.len, 1, 1);
}

static bool
is_text(const Check *check, HomeoImageText found)
{
	return is_inside(check, found.offset, (uint64) found.len + 1, 1, 1) &&
		homeo_image_string(check->image, found)[found.len] == '\0';
}

static bool
is_text_or_absent(const Check *check, HomeoImageText found)
{
	return found.offset == 0 || is_text(check, found);
}

/* Texts or parts, as is tells. */
static bool
are_texts(const Check *check, HomeoImageArray array,
		  bool (*is) (const Check *, HomeoImageText))
{
	const HomeoImageText *texts;

	if (!is_array(check, array, sizeof(*texts)))
		return false;
	texts = homeo_image_at(check->image, array.offset);
	for (uint32 i = 0; i < array.n; i++)
	{
		if (!is(check, texts[i]))
			return false;
	}
	return true;
}

static bool
are_ranks(const Check *check, HomeoImageArray array)
{
	const uint32 *ranks;

	if (!is_array(check, array, sizeof(*ranks)))
		return false;
	ranks = homeo_image_ranks(check->image, array);
	for (uint32 i = 0; i < array.n; i++)
	{
		if (ranks[i] >= check->image->rules.n)
			return false;
	}
	return true;
}

static bool
is_rule(const Check *check, const HomeoImageRule *rule)
{
	uint32		exact = 0;
	uint32		patterns = 0;

	if (!is_text(check, rule->id) || !is_text(check, rule->root_cause) ||
		!is_text(check, rule->suggestion) ||
		!is_text_or_absent(check, rule->template_name) ||
		!are_texts(check, rule->sqlstates, is_text) ||
		rule->place < 0 || rule->place >= HOMEO_PLACE_COUNT)
		return false;
	for (int i = 0; i < HOMEO_EXACT_COUNT; i++)
	{
		if (!is_text_or_absent(check, rule->exact[i]))
			return false;
		if (rule->exact[i].offset != 0)
			exact |= (uint32) 1 << i;
	}
	for (int i = 0; i < HOMEO_PATTERN_COUNT; i++)
	{
		if (rule->patterns[i] < -1 ||
			rule->patterns[i] >= (int64) check->image->patterns.n)
			return false;
		if (rule->patterns[i] >= 0)
			patterns |= (uint32) 1 << i;
	}
	return exact == rule->has_exact && patterns == rule->has_patterns;
}

static bool
are_rules(const Check *check)
{
	HomeoImageArray rules = check->image->rules;

	if (!is_array(check, rules, sizeof(HomeoImageRule)))
		return false;
	for (uint32 i = 0; i < rules.n; i++)
	{
		if (!is_rule(check, homeo_image_rule(check->image, i)))
			return false;
	}
	return true;
}

static bool
are_patterns(const Check *check)
{
	HomeoImageArray patterns = check->image->patterns;

	if (!is_array(check, patterns, sizeof(HomeoImagePattern)))
		return false;
	for (uint32 i = 0; i < patterns.n; i++)
	{
		const HomeoImagePattern *pattern = homeo_image_pattern(check->image,
															   (int32) i);

		if (!is_text(check, pattern->source) ||
			!are_texts(check, pattern->parts, is_part))
			return false;
	}
	return true;
}

/* There is an empty place, where looking for what isn't there ends. */
static bool
are_conditions(const Check *check)
{
	HomeoImageArray conditions = check->image->conditions;
	const HomeoImageCondition *places;
	bool		ends = false;

	if (!is_array(check, conditions, sizeof(*places)) ||
		(conditions.n & (conditions.n - 1)) != 0)
		return false;
	places = homeo_image_at(check->image, conditions.offset);
	for (uint32 i = 0; i < conditions.n; i++)
	{
		ends |= places[i].kind == -1;
		if (places[i].kind != -1 && (!is_text(check, places[i].value) ||
									 !are_ranks(check, places[i].rules)))
			return false;
	}
	return ends;
}

static bool
is_scan(const Check *check, const HomeoImageScan *scan)
{
	const HomeoImageArray *parts;

	if (scan->kind < 0 || scan->kind >= HOMEO_PATTERN_LEADS ||
		!is_inside(check, scan->database, 0, 1, HOMEO_IMAGE_ALIGNMENT) ||
		!homeo_scan_fits(homeo_image_at(check->image, scan->database),
						 check->size - scan->database) ||
		!homeo_scan_prepare(homeo_image_at(check->image, scan->database)) ||
		!is_array(check, scan->parts, sizeof(*parts)))
		return false;
	parts = homeo_image_at(check->image, scan->parts.offset);
	for (uint32 i = 0; i < scan->parts.n; i++)
	{
		if (!are_ranks(check, parts[i]))
			return false;
	}
	return true;
}

static bool
are_scans(const Check *check)
{
	HomeoImageArray array = check->image->scans;
	const HomeoImageScan *scans;

	if (!is_array(check, array, sizeof(*scans)))
		return false;
	scans = homeo_image_at(check->image, array.offset);
	for (uint32 i = 0; i < array.n; i++)
	{
		if (!is_scan(check, &scans[i]))
			return false;
	}
	return true;
}

static bool
are_revisions(const Check *check)
{
	HomeoImageArray array = check->image->revisions;
	const HomeoImageRevision *revisions;

	if (!is_array(check, array, sizeof(*revisions)))
		return false;
	revisions = homeo_image_at(check->image, array.offset);
	for (uint32 i = 0; i < array.n; i++)
	{
		if (revisions[i].rank >= check->image->rules.n)
			return false;
	}
	return true;
}

bool
homeo_image_check(const HomeoImage *image)
{
	Check		check = {image, image->size};

	return are_rules(&check) && are_patterns(&check) &&
		are_conditions(&check) && are_scans(&check) && are_revisions(&check);
}
