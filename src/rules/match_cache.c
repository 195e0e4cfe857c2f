/*
 * match_cache.c
 *		What matching said of late, so that it need not be asked again.
 *
 * homeo_match_cache_init() runs from _PG_init; match.c calls the rest.  There
 * are two levels, both of which are tables as match_table.c has them: a small
 * one of the process, and one that all processes share, without locks, in
 * homeostasis.match_cache_size of shared memory.  Without the library preloaded
 * there is only the first.
 *
 * Nothing is ever taken out because it isn't true any more.  The key is a hash
 * of all that the outcome depends on: whatever rules can see of the event, the
 * settings that limit matching, and the identity of the ruleset.  When rules
 * change, other keys are looked for, and the old entries make room as all do
 * that are not asked for.
 *
 * Some who may report events may not decide what is done about those that the
 * server raises.  So the hash has a secret key, which is made when the server
 * starts: nobody can make up an event that has the key of another one.
 */
#include "postgres.h"

#include "rules/match_cache.h"

#include "base/guc.h"
#include "base/shmem.h"
#include "base/siphash.h"
#include "rules/cache_stat.h"
#include "rules/rule.h"
#include "storage/shmem.h"

/* 256 outcomes, in 130 kB that are used only by processes that match. */
#define LOCAL_SETS		32

typedef struct MatchCacheShared
{
	uint8		secret[HOMEO_SIPHASH_KEY_BYTES];
	HomeoMatchSet sets[FLEXIBLE_ARRAY_MEMBER] pg_attribute_aligned(64);
} MatchCacheShared;

static HomeoMatchSet local_sets[LOCAL_SETS] pg_attribute_aligned(64);
static HomeoMatchTable local = {local_sets, LOCAL_SETS};
static HomeoMatchTable shared = {NULL, 0};

/* NULL until there is one. */
static const uint8 *secret = NULL;

/* All that the key depends on, besides the texts; without padding. */
typedef struct KeyHead
{
	uint8		identity[16];
	int32		match_limit;
	int32		subject_limit;
	uint64		lengths[HOMEO_EXACT_COUNT + HOMEO_PATTERN_COUNT + 1];
} KeyHead;

static Size
sets_wanted(void)
{
	Size		bytes = (Size) homeo_guc_match_cache_size * 1024;

	if (bytes == 0)
		return 0;
	return Max(bytes / sizeof(HomeoMatchSet), 1);
}

static Size
cache_size(void)
{
	return add_size(offsetof(MatchCacheShared, sets),
					mul_size(sets_wanted(), sizeof(HomeoMatchSet)));
}

static void
cache_attach(void *memory, Size size, bool found)
{
	MatchCacheShared *cache = memory;

	if (!found)
	{
		memset(cache, 0, size);
		if (!pg_strong_random(cache->secret, sizeof(cache->secret)))
			elog(FATAL, "could not make the secret of the match cache");
	}
	secret = cache->secret;
	shared.sets = cache->sets;
	shared.nsets = (uint32) sets_wanted();
}

void
homeo_match_cache_init(void)
{
	static const HomeoShmemPiece piece = {
		"homeostasis match cache", cache_size, cache_attach
	};

	homeo_shmem_register(&piece);
}

/* Without shared memory a process has a secret of its own. */
static bool
have_secret(void)
{
	static uint8 own[HOMEO_SIPHASH_KEY_BYTES];

	if (secret == NULL && pg_strong_random(own, sizeof(own)))
		secret = own;
	return secret != NULL;
}

/*
 * That of the text, as far as matching sees it.  What is longer counts as
 * longer by one: a text that ends at the limit need not end with a character.
 */
static uint64
length_of(HomeoSlice slice, size_t limit)
{
	if (slice.data == NULL)
		return PG_UINT64_MAX;
	return slice.len > limit ? limit + 1 : slice.len;
}

/* What is printed is made of the type and the message, which are given. */
static HomeoSlice
text_given(const HomeoMatchInput *input, HomeoPatternKind kind)
{
	static const HomeoSlice none = {NULL, 0};

	return kind == HOMEO_PATTERN_TEXT ? none : homeo_rule_text(input, kind);
}

static void
add_text(HomeoSiphash *hash, HomeoSlice slice, size_t limit)
{
	if (slice.data != NULL)
		homeo_siphash_update(hash, slice.data, Min(slice.len, limit));
}

bool
homeo_match_cache_key(const HomeoRuleset *ruleset, const HomeoMatchInput *input,
					  HomeoMatchKey *key)
{
	size_t		limit = homeo_guc_match_subject_limit;
	KeyHead		head;
	HomeoSiphash hash;
	int			n = 0;

	if (homeo_guc_match_cache_size == 0 || !have_secret())
		return false;

	memcpy(head.identity, ruleset->identity, sizeof(head.identity));
	head.match_limit = homeo_guc_match_limit;
	head.subject_limit = homeo_guc_match_subject_limit;
	head.lengths[n++] = length_of(input->sqlstate, SIZE_MAX);
	for (int i = 0; i < HOMEO_EXACT_COUNT; i++)
		head.lengths[n++] = length_of(homeo_rule_exact_value(input, i),
									  SIZE_MAX);
	for (int i = 0; i < HOMEO_PATTERN_COUNT; i++)
		head.lengths[n++] = length_of(text_given(input, i), limit);

	homeo_siphash_init(&hash, secret);
	homeo_siphash_update(&hash, &head, sizeof(head));
	add_text(&hash, input->sqlstate, SIZE_MAX);
	for (int i = 0; i < HOMEO_EXACT_COUNT; i++)
		add_text(&hash, homeo_rule_exact_value(input, i), SIZE_MAX);
	for (int i = 0; i < HOMEO_PATTERN_COUNT; i++)
		add_text(&hash, text_given(input, i), limit);
	homeo_siphash_final(&hash, (uint8 *) key->half);
	return true;
}

/*
 * An outcome as a value of the tables: nothing if no rule matches, else the
 * winner's revision and its captures.  Returns its length, or more than there
 * is room for when it is too long.
 */
static size_t
encode(const HomeoMatchOutcome *outcome, char *value)
{
	size_t		len = 0;

	if (outcome->won)
	{
		len = sizeof(outcome->revision) + VARSIZE(outcome->captures);
		if (len > HOMEO_MATCH_VALUE_BYTES)
			return len;
		memcpy(value, &outcome->revision, sizeof(outcome->revision));
		memcpy(value + sizeof(outcome->revision), outcome->captures,
			   VARSIZE(outcome->captures));
	}
	return len;
}

static void
decode(const char *value, size_t len, HomeoMatchOutcome *outcome)
{
	size_t		head = sizeof(outcome->revision);

	outcome->won = len > head;
	if (!outcome->won)
		return;
	memcpy(&outcome->revision, value, head);
	outcome->captures = palloc(len - head);
	memcpy(outcome->captures, value + head, len - head);
}

/* Stores in one of the tables, and counts. */
static void
put(HomeoCache cache, const HomeoMatchTable *table, const HomeoMatchKey *key,
	const char *value, size_t len)
{
	if (table->nsets == 0)
		return;
	switch (homeo_match_table_store(table, key, value, len))
	{
		case HOMEO_MATCH_ADDED:
			homeo_cache_stat_hold(cache, 1, sizeof(HomeoMatchSlot));
			break;
		case HOMEO_MATCH_REPLACED:
			homeo_cache_stat_count(cache, HOMEO_CACHE_EVICTION);
			break;
		case HOMEO_MATCH_REFUSED:
			homeo_cache_stat_count(cache, HOMEO_CACHE_REFUSAL);
			break;
		case HOMEO_MATCH_KEPT:
			break;
	}
}

bool
homeo_match_cache_find(const HomeoMatchKey *key, HomeoMatchOutcome *outcome)
{
	char		value[HOMEO_MATCH_VALUE_BYTES];
	size_t		len;

	if (homeo_match_table_find(&local, key, value, &len))
		homeo_cache_stat_count(HOMEO_CACHE_MATCH_LOCAL, HOMEO_CACHE_HIT);
	else
	{
		homeo_cache_stat_count(HOMEO_CACHE_MATCH_LOCAL, HOMEO_CACHE_MISS);
		if (!homeo_match_table_find(&shared, key, value, &len))
		{
			homeo_cache_stat_count(HOMEO_CACHE_MATCH_SHARED, HOMEO_CACHE_MISS);
			return false;
		}
		homeo_cache_stat_count(HOMEO_CACHE_MATCH_SHARED, HOMEO_CACHE_HIT);
		put(HOMEO_CACHE_MATCH_LOCAL, &local, key, value, len);
	}
	decode(value, len, outcome);
	return true;
}

void
homeo_match_cache_store(const HomeoMatchKey *key,
						const HomeoMatchOutcome *outcome)
{
	char		value[HOMEO_MATCH_VALUE_BYTES];
	size_t		len = encode(outcome, value);

	put(HOMEO_CACHE_MATCH_SHARED, &shared, key, value, len);
	put(HOMEO_CACHE_MATCH_LOCAL, &local, key, value, len);
}

const char *
homeo_match_cache_level(const HomeoMatchKey *key)
{
	char		value[HOMEO_MATCH_VALUE_BYTES];
	size_t		len;

	if (homeo_match_table_find(&local, key, value, &len))
		return "local";
	if (homeo_match_table_find(&shared, key, value, &len))
		return "shared";
	return NULL;
}

Size
homeo_match_cache_room(bool of_process, int64 *entries)
{
	uint32		nsets = of_process ? local.nsets : shared.nsets;

	if (homeo_guc_match_cache_size == 0)
		nsets = 0;

	*entries = (int64) nsets * HOMEO_MATCH_TABLE_WAYS;
	return nsets * sizeof(HomeoMatchSet);
}
