/*
 * miner.c
 *		Finds out which lines of a log the same statement of a program wrote.
 *
 * Anybody may call it, in any process, also without PostgreSQL: it includes
 * no postgres.h so that it can be built and fuzzed alone.  Locking is up to
 * the caller, as miner.h says; no memory but the block and 4 kB of the stack.
 *
 * In the manner of Drain (He, Zhu, Zheng, Lyu: "Drain: an online log parsing
 * approach with fixed depth tree", ICWS 2017): lines of one template have the
 * same number of tokens, a tree of that number and the first tokens leads to
 * few templates, and of these the most similar is chosen.  Two things differ.
 *
 * There is no threshold of similarity to be chosen for each log.  A value
 * (<n>, <ip>) may differ from another at once; a word may not.  "opened" and
 * "closed" are two templates.  Only when lines that are alike otherwise have
 * had four different words in a place is it taken for a place of values:
 * names of users, of hosts, of jobs.  Their templates become one then, and the
 * caller is told which.
 *
 * The evidence for that is nothing but the templates that are to become one,
 * so that there is nothing to remember but templates, and a miner into which
 * they were loaded goes on as the one would that learned them.
 */
#include "text/miner.h"

#include <string.h>

#include "text/miner_store.h"

/*
 * A place with so many different words is one of values: of texts that have
 * much in common, and of others, and if the place is the first.
 */
#define MIN_WORDS			4
#define MIN_WORDS_WEAK		8

/*
 * What tokens that are equal tell for two texts' being of one template, and
 * tokens that differ against it.  A value in place of a word is as likely
 * "none" in place of a number as it is another sentence.
 */
#define EQUAL_WORD			2
#define EQUAL_NUMBERED		1
#define VALUE_FOR_NAME		1
#define VALUE_FOR_WORD		3
#define OTHER_WORD			4
#define OTHER_WORD_WEAK		2

/* So many places at once turn out to be of values. */
#define MAX_PLACES			4

/* So many templates are looked at for the evidence, the newest. */
#define MAX_SIBLINGS		32

typedef enum Likeness
{
	UNLIKE, WEAKLY_ALIKE, ALIKE
} Likeness;

typedef struct Comparison
{
	Likeness	likeness;
	int			surplus;		/* what is for it less what is against it */
	uint64_t	changed;		/* tokens that differ, by their number */
	uint64_t	words;			/* those of them without a value */
} Comparison;

static bool
is_value(HomeoTokenKind kind)
{
	return kind == HOMEO_TOKEN_VALUE || kind == HOMEO_TOKEN_ANY;
}

static int
weight(uint32_t key)
{
	HomeoTokenKind kind = homeo_token_kind(key);

	return is_value(kind) ? 0 : kind == HOMEO_TOKEN_NUMBERED ?
		EQUAL_NUMBERED : EQUAL_WORD;
}

static bool
has_shape(const HomeoMinerTemplate *t, uint64_t scope, int ntokens)
{
	return t->scope == scope && t->ntokens == ntokens;
}

/* Compares a template with a line of as many tokens. */
static void
compare(const HomeoMinerTemplate *t, const HomeoLogLine *line, Comparison *c)
{
	int			equal = 0;
	int			values = 0;
	int			words = 0;
	bool		first = false;
	int			i;

	memset(c, 0, sizeof(*c));
	for (i = 0; i < line->ntokens; i++)
	{
		uint32_t	key = line->tokens[i].key;
		HomeoTokenKind a = homeo_token_kind(t->keys[i]);
		HomeoTokenKind b = homeo_token_kind(key);
		bool		word = a == HOMEO_TOKEN_WORD || b == HOMEO_TOKEN_WORD;

		if (t->keys[i] == key)
		{
			equal += weight(key);
			continue;
		}
		if (a == HOMEO_TOKEN_KEY || b == HOMEO_TOKEN_KEY)
			return;				/* the name of a value never varies */
		if (a == HOMEO_TOKEN_ANY)
			continue;
		c->changed |= UINT64_C(1) << i;
		if (is_value(a) || is_value(b))
		{
			if (i == 0 && word)
				return;
			values += word ? VALUE_FOR_WORD : VALUE_FOR_NAME;
		}
		else
		{
			c->words |= UINT64_C(1) << i;
			words++;
			first = first || (i == 0 && word);
		}
	}
	c->surplus = equal - values - words * OTHER_WORD;
	if (c->surplus >= 0 && !first)
		c->likeness = ALIKE;
	else if (equal >= values + words * OTHER_WORD_WEAK)
		c->likeness = WEAKLY_ALIKE;
}

/*
 * Does a template with as many tokens cover the line as it is?  *equal gets
 * what is for it.
 */
static bool
covers(const HomeoMinerTemplate *t, const HomeoLogLine *line, int *equal)
{
	int			i;

	*equal = 0;
	for (i = 0; i < line->ntokens; i++)
	{
		uint32_t	key = line->tokens[i].key;

		if (t->keys[i] == key)
			*equal += weight(key);
		else if (t->keys[i] != HOMEO_TOKEN_KEY_ANY ||
				 homeo_token_kind(key) == HOMEO_TOKEN_KEY)
			return false;
	}
	return true;
}

/*
 * Finds the template that covers a line and has most in common with it, of
 * several the oldest.  Each of the first tokens may be ANY in a template.
 */
static uint32_t
find_cover(const HomeoMiner *miner, uint64_t scope, const HomeoLogLine *line)
{
	int			depth = line->ntokens < HOMEO_MINER_DEPTH ?
	line->ntokens : HOMEO_MINER_DEPTH;
	uint32_t	best = HOMEO_MINER_NIL;
	uint32_t	best_id = 0;
	int			best_equal = -1;
	int			path;

	for (path = 0; path < 1 << depth; path++)
	{
		uint32_t	keys[HOMEO_MINER_DEPTH];
		uint32_t	slot;
		int			i;

		for (i = 0; i < depth; i++)
			keys[i] = path & (1 << i) ? HOMEO_TOKEN_KEY_ANY :
				line->tokens[i].key;
		for (slot = homeo_miner_store_path(miner, scope, line->ntokens, keys);
			 slot != HOMEO_MINER_NIL;
			 slot = homeo_miner_store_slot(miner, slot)->by_path)
		{
			const HomeoMinerTemplate *t = homeo_miner_store_slot(miner, slot);
			int			equal;

			if (has_shape(t, scope, line->ntokens) &&
				covers(t, line, &equal) &&
				(equal > best_equal ||
				 (equal == best_equal && t->id < best_id)))
			{
				best = slot;
				best_id = t->id;
				best_equal = equal;
			}
		}
	}
	return best;
}

/* ----------------------------------------------------------------
 * Learning
 * ----------------------------------------------------------------
 */

/* Does a template cover all lines of another one? */
static bool
includes(const HomeoMinerTemplate *wide, const HomeoMinerTemplate *t)
{
	int			i;

	for (i = 0; i < t->ntokens; i++)
	{
		if (wide->keys[i] != t->keys[i] &&
			(wide->keys[i] != HOMEO_TOKEN_KEY_ANY ||
			 homeo_token_kind(t->keys[i]) == HOMEO_TOKEN_KEY))
			return false;
	}
	return true;
}

/*
 * Puts ANY in place of some tokens of a template, and makes it one with those
 * that it then includes.  The oldest goes on.
 */
static void
widen(HomeoMiner *miner, uint32_t slot, uint64_t places,
	  HomeoMinerResult *result)
{
	const HomeoMinerTemplate *wide = homeo_miner_store_slot(miner, slot);
	HomeoLogLine line;
	uint32_t	next;

	homeo_log_line_parse(wide->str, wide->len, &line);
	homeo_log_line_widen(&line, places);
	homeo_miner_store_change(miner, slot, &line);
	next = homeo_miner_store_count(miner, wide->scope, line.ntokens);
	while (next != HOMEO_MINER_NIL)
	{
		uint32_t	other = next;
		uint32_t	gone = other;
		const HomeoMinerTemplate *t = homeo_miner_store_slot(miner, other);

		next = t->by_count.next;
		if (other == slot || !has_shape(t, wide->scope, line.ntokens) ||
			!includes(wide, t) ||
			result->nmerged == HOMEO_MINER_MERGED)
			continue;
		if (t->id < wide->id)
		{
			homeo_miner_store_change(miner, other, &line);
			gone = slot;
			slot = other;
			wide = t;
		}
		result->merged[result->nmerged] =
			homeo_miner_store_slot(miner, gone)->id;
		result->merged_place[result->nmerged++] = gone;
		homeo_miner_store_remove(miner, gone);
	}
	homeo_miner_store_use(miner, slot);
	result->id = wide->id;
	result->place = slot;
	result->is_wider = true;
}

/* A template that differs from a line in words. */
typedef struct Sibling
{
	uint32_t	slot;
	Comparison	comparison;
} Sibling;

typedef struct Siblings
{
	int			n;
	Sibling		of[MAX_SIBLINGS];
} Siblings;

/*
 * Finds the template with as many tokens as the line that differs only in
 * values, and least; of several, the oldest.  Sets *changed to what must vary
 * in it.  Else returns NIL, and those that differ in words, too.
 */
static uint32_t
find_fit(const HomeoMiner *miner, uint64_t scope, const HomeoLogLine *line,
		 uint64_t *changed, Siblings *siblings)
{
	uint32_t	best = HOMEO_MINER_NIL;
	int			surplus = 0;
	uint32_t	slot;

	siblings->n = 0;
	for (slot = homeo_miner_store_count(miner, scope, line->ntokens);
		 slot != HOMEO_MINER_NIL;
		 slot = homeo_miner_store_slot(miner, slot)->by_count.next)
	{
		const HomeoMinerTemplate *t = homeo_miner_store_slot(miner, slot);
		Sibling		sibling = {.slot = slot};
		Comparison *c = &sibling.comparison;

		if (!has_shape(t, scope, line->ntokens))
			continue;
		compare(t, line, c);
		if (c->words == 0 && c->likeness == ALIKE && c->surplus >= surplus)
		{
			surplus = c->surplus;
			best = slot;
			*changed = c->changed;
		}
		else if (c->words != 0 && c->likeness != UNLIKE &&
				 siblings->n < MAX_SIBLINGS)
			siblings->of[siblings->n++] = sibling;
	}
	return best;
}

/* How many different words a line and siblings have at a place, at most max. */
static int
count_words(const HomeoMiner *miner, const HomeoLogLine *line,
			const Siblings *siblings, uint64_t among, int place, int max)
{
	uint32_t	seen[MIN_WORDS_WEAK];
	int			n = 1;
	int			i;

	seen[0] = line->tokens[place].key;
	for (i = 0; i < siblings->n && n < max; i++)
	{
		uint32_t	key;
		int			k;

		if (!(among >> i & 1))
			continue;
		key = homeo_miner_store_slot(miner,
									 siblings->of[i].slot)->keys[place];
		for (k = 0; k < n && seen[k] != key; k++)
			;
		if (k == n)
			seen[n++] = key;
	}
	return n;
}

/*
 * Are these places of values?  They are if each has enough different words in
 * the siblings that differ from the line there and nowhere else.  Returns the
 * slot of the oldest of them, or NIL, and adds to *places what varies in
 * others of them.
 */
static uint32_t
find_evidence(const HomeoMiner *miner, const HomeoLogLine *line,
			  const Siblings *siblings, Likeness likeness, uint64_t *places)
{
	int			needed = likeness == ALIKE ? MIN_WORDS : MIN_WORDS_WEAK;
	uint64_t	words = *places;
	uint64_t	among = 0;
	uint32_t	oldest = HOMEO_MINER_NIL;
	int			i;

	for (i = 0; i < siblings->n; i++)
	{
		const Comparison *c = &siblings->of[i].comparison;

		if ((c->words & ~words) != 0 || c->likeness < likeness)
			continue;
		among |= UINT64_C(1) << i;
		*places |= c->changed;
		oldest = siblings->of[i].slot;	/* ids fall */
	}
	for (i = 0; i < line->ntokens; i++)
	{
		if ((words >> i & 1) != 0 &&
			count_words(miner, line, siblings, among, i, needed) < needed)
			return HOMEO_MINER_NIL;
	}
	return oldest;
}

/*
 * Looks for evidence that a line is of one template with some that differ from
 * it in words: more of it first, then at fewer places.
 */
static uint32_t
find_family(const HomeoMiner *miner, const HomeoLogLine *line,
			const Siblings *siblings, uint64_t *places)
{
	Likeness	likeness;
	int			nplaces;
	int			i;

	for (likeness = ALIKE; likeness >= WEAKLY_ALIKE; likeness--)
	{
		int			needed = likeness == ALIKE ? MIN_WORDS : MIN_WORDS_WEAK;

		if (siblings->n < needed - 1)
			continue;
		for (nplaces = 1; nplaces <= MAX_PLACES; nplaces++)
		{
			for (i = 0; i < siblings->n; i++)
			{
				const Comparison *c = &siblings->of[i].comparison;
				uint32_t	slot;

				if (c->likeness < likeness ||
					__builtin_popcountll(c->words) != nplaces)
					continue;
				*places = c->words;
				slot = find_evidence(miner, line, siblings, likeness, places);
				if (slot != HOMEO_MINER_NIL)
					return slot;
			}
		}
	}
	return HOMEO_MINER_NIL;
}

/* Makes room for a template; *place is that of the one that was forgotten. */
static uint32_t
make_room(HomeoMiner *miner, uint32_t *place)
{
	uint32_t	oldest = miner->by_use.previous;
	uint32_t	id;

	*place = HOMEO_MINER_NOWHERE;
	if (miner->used < miner->slots)
		return HOMEO_MINER_NONE;
	id = homeo_miner_store_slot(miner, oldest)->id;
	homeo_miner_store_remove(miner, oldest);
	*place = oldest;
	return id;
}

void
homeo_miner_learn(HomeoMiner *miner, uint64_t scope, const HomeoLogLine *line,
				  HomeoMinerResult *result)
{
	uint32_t	slot = find_cover(miner, scope, line);
	Siblings	siblings;
	uint64_t	places = 0;

	memset(result, 0, sizeof(*result));
	if (slot != HOMEO_MINER_NIL)
	{
		homeo_miner_store_use(miner, slot);
		result->id = homeo_miner_store_slot(miner, slot)->id;
		result->place = slot;
		return;
	}
	slot = find_fit(miner, scope, line, &places, &siblings);
	if (slot == HOMEO_MINER_NIL)
		slot = find_family(miner, line, &siblings, &places);
	if (slot != HOMEO_MINER_NIL)
		widen(miner, slot, places, result);
	else if (miner->last_id < UINT32_MAX)
	{
		result->evicted = make_room(miner, &result->evicted_place);
		result->id = miner->last_id + 1;
		result->is_new = true;
		result->place = homeo_miner_store_add(miner, scope, result->id, line);
	}
}

/* ----------------------------------------------------------------
 * The rest
 * ----------------------------------------------------------------
 */
HomeoMiner *
homeo_miner_init(void *block, size_t size)
{
	return homeo_miner_store_init(block, size);
}

size_t
homeo_miner_size(uint32_t capacity)
{
	return homeo_miner_store_size(capacity);
}

bool
homeo_miner_load(HomeoMiner *miner, uint64_t scope, uint32_t id,
				 const char *text, size_t len)
{
	HomeoLogLine line;
	uint32_t	place;

	if (id == HOMEO_MINER_NONE)
		return false;
	homeo_miner_forget(miner, id);
	(void) make_room(miner, &place);
	homeo_log_line_parse(text, len, &line);
	(void) homeo_miner_store_add(miner, scope, id, &line);
	return true;
}

void
homeo_miner_reserve(HomeoMiner *miner, uint32_t id)
{
	if (id > miner->last_id)
		miner->last_id = id;
}

uint32_t
homeo_miner_match(const HomeoMiner *miner, uint64_t scope,
				  const HomeoLogLine *line)
{
	uint32_t	slot = find_cover(miner, scope, line);

	return slot == HOMEO_MINER_NIL ? HOMEO_MINER_NONE :
		homeo_miner_store_slot(miner, slot)->id;
}

void
homeo_miner_use(HomeoMiner *miner, uint32_t id)
{
	uint32_t	slot = homeo_miner_store_find(miner, id);

	if (slot != HOMEO_MINER_NIL)
		homeo_miner_store_use(miner, slot);
}

void
homeo_miner_forget(HomeoMiner *miner, uint32_t id)
{
	uint32_t	slot = homeo_miner_store_find(miner, id);

	if (slot != HOMEO_MINER_NIL)
		homeo_miner_store_remove(miner, slot);
}

bool
homeo_miner_text(const HomeoMiner *miner, uint32_t id, char *out, size_t *len)
{
	uint32_t	slot = homeo_miner_store_find(miner, id);
	const HomeoMinerTemplate *t;

	if (slot == HOMEO_MINER_NIL)
		return false;
	t = homeo_miner_store_slot(miner, slot);
	memcpy(out, t->str, t->len);
	*len = t->len;
	return true;
}

uint32_t
homeo_miner_place(const HomeoMiner *miner, uint32_t id)
{
	return homeo_miner_store_find(miner, id);
}

uint32_t
homeo_miner_count(const HomeoMiner *miner)
{
	return miner->used;
}

uint32_t
homeo_miner_capacity(const HomeoMiner *miner)
{
	return miner->slots;
}
