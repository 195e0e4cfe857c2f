/*
 * pattern.c
 *		The table of the distinct patterns of the rules.
 *
 * Called by ruleset.c while it reads the rules, with patterns that PCRE2 has
 * accepted.  The table is private to the process and lives as long as it does;
 * homeo_pattern_sweep() takes out what no rule uses any more.
 */
#include "postgres.h"

#include "rules/pattern.h"

#include "common/hashfn.h"
#include "rules/prefilter.h"
#include "rules/regex.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

/* The key points into the pattern. */
typedef struct PatternEntry
{
	HomeoSlice text;
	HomeoPattern *pattern;
} PatternEntry;

static MemoryContext pattern_memory = NULL;
static HTAB *patterns = NULL;

MemoryContext
homeo_pattern_context(void)
{
	if (pattern_memory == NULL)
		pattern_memory = AllocSetContextCreate(TopMemoryContext,
											   "homeostasis patterns",
											   ALLOCSET_DEFAULT_SIZES);
	return pattern_memory;
}

static uint32
hash_text(const void *key, Size keysize)
{
	const HomeoSlice *slice = key;

	return hash_bytes((const unsigned char *) slice->data, (int) slice->len);
}

static int
compare_texts(const void *a, const void *b, Size keysize)
{
	const HomeoSlice *left = a;
	const HomeoSlice *right = b;

	if (left->len != right->len)
		return 1;
	return memcmp(left->data, right->data, left->len);
}

static HTAB *
create_table(void)
{
	HASHCTL		control = {
		.keysize = sizeof(HomeoSlice),
		.entrysize = sizeof(PatternEntry),
		.hash = hash_text,
		.match = compare_texts,
		.hcxt = homeo_pattern_context()
	};

	return hash_create("homeostasis patterns", 256, &control,
					   HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
}

/*
 * The pattern with this text, UTF-8 that PCRE2 accepts, marked as used by
 * the generation of rules.
 */
HomeoPattern *
homeo_pattern_intern(HomeoSlice source, uint32 generation)
{
	PatternEntry *entry;
	HomeoPattern *pattern;

	if (patterns == NULL)
		patterns = create_table();

	entry = hash_search(patterns, &source, HASH_FIND, NULL);
	if (entry != NULL)
		pattern = entry->pattern;
	else
	{
		/* In one piece, made before the table knows it. */
		char	   *copy;

		pattern = MemoryContextAllocZero(homeo_pattern_context(),
										 sizeof(HomeoPattern) + source.len + 1);
		copy = (char *) (pattern + 1);
		memcpy(copy, source.data, source.len);
		pattern->text.data = copy;
		pattern->text.len = source.len;
		pattern->syntax = homeo_syntax_read(pattern->text);
		entry = hash_search(patterns, &pattern->text, HASH_ENTER, NULL);
		entry->pattern = pattern;
	}
	if (pattern->generation != generation)
	{
		pattern->generation = generation;
		pattern->rules = NULL;
		pattern->nrules = 0;
	}
	return pattern;
}

void
homeo_pattern_each(HomeoPatternVisit visit, void *arg)
{
	HASH_SEQ_STATUS status;
	PatternEntry *entry;

	if (patterns == NULL)
		return;
	hash_seq_init(&status, patterns);
	while ((entry = hash_seq_search(&status)) != NULL)
		visit(entry->pattern, arg);
}

/* Frees the patterns that are not of this generation, and what is theirs. */
void
homeo_pattern_sweep(uint32 generation)
{
	HASH_SEQ_STATUS status;
	PatternEntry *entry;

	if (patterns == NULL)
		return;
	hash_seq_init(&status, patterns);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		HomeoPattern *pattern = entry->pattern;

		if (pattern->generation == generation)
			continue;
		homeo_regex_forget(pattern);
		homeo_prefilter_forget(pattern);
		hash_search(patterns, &entry->text, HASH_REMOVE, NULL);
		pfree(pattern);
	}
}
