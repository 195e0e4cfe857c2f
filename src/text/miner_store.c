/*
 * miner_store.c
 *		Templates of log lines in one block of memory.
 *
 * Called by miner.c, in any process, also without PostgreSQL: it includes no
 * postgres.h so that it can be built and fuzzed alone.  Whoever may write to
 * the block at the same time must be kept away by the caller, who owns it.
 *
 * Each template is in four lists: of its id; of the path that leads to it
 * through the tree of scope, number of tokens and first tokens, of which only
 * the leaves exist, found by a hash of the path; of those of its scope with as
 * many tokens, found likewise; and of all by their last use.  All slots have the same size, which wastes some
 * memory, and neither splits nor moves anything.
 */
#include "text/miner_store.h"

#include <string.h>

/* What the block's layout and the tokens' keys are. */
#define STORE_VERSION	2

static uint32_t *
heads_by_id(const HomeoMiner *miner)
{
	return (uint32_t *) (miner + 1);
}

static uint32_t *
heads_by_path(const HomeoMiner *miner)
{
	return heads_by_id(miner) + miner->slots;
}

static uint32_t *
heads_by_count(const HomeoMiner *miner)
{
	return heads_by_path(miner) + miner->slots;
}

/* Bytes before the slots, which begin at a multiple of 8. */
static size_t
size_of_heads(size_t slots)
{
	return sizeof(HomeoMiner) + (3 * slots + (slots & 1)) * sizeof(uint32_t);
}

static size_t
size_of_block(size_t slots)
{
	return size_of_heads(slots) + slots * sizeof(HomeoMinerTemplate);
}

size_t
homeo_miner_store_size(uint32_t slots)
{
	return size_of_block(slots);
}

HomeoMinerTemplate *
homeo_miner_store_slot(const HomeoMiner *miner, uint32_t slot)
{
	return (HomeoMinerTemplate *) ((char *) miner +
								   size_of_heads(miner->slots)) + slot;
}

HomeoMiner *
homeo_miner_store_init(void *block, size_t size)
{
	HomeoMiner *miner = block;
	size_t		slots;
	uint32_t	i;

	if (size < size_of_block(1))
		return NULL;
	slots = (size - sizeof(HomeoMiner)) /
		(sizeof(HomeoMinerTemplate) + 3 * sizeof(uint32_t));
	if (slots > HOMEO_MINER_NIL - 1)
		slots = HOMEO_MINER_NIL - 1;
	if (size_of_block(slots) > size)
		slots--;

	memset(miner, 0, sizeof(HomeoMiner));
	miner->version = STORE_VERSION;
	miner->slots = (uint32_t) slots;
	miner->spare = HOMEO_MINER_NIL;
	miner->by_use.previous = miner->by_use.next = HOMEO_MINER_NIL;
	for (i = 0; i < 3 * miner->slots; i++)
		heads_by_id(miner)[i] = HOMEO_MINER_NIL;
	return miner;
}

static uint32_t *
head_by_id(const HomeoMiner *miner, uint32_t id)
{
	return &heads_by_id(miner)[id % miner->slots];
}

static uint64_t
combine(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 32;
}

static uint32_t *
head_by_path(const HomeoMiner *miner, uint64_t scope, int ntokens,
			 const uint32_t *keys)
{
	uint64_t	hash = combine(scope, (uint64_t) ntokens);
	int			i;

	for (i = 0; i < ntokens && i < HOMEO_MINER_DEPTH; i++)
		hash = combine(hash, keys[i]);
	return &heads_by_path(miner)[hash % miner->slots];
}

static uint32_t *
head_by_count(const HomeoMiner *miner, uint64_t scope, int ntokens)
{
	return &heads_by_count(miner)[combine(scope, (uint64_t) ntokens) %
								  miner->slots];
}

uint32_t
homeo_miner_store_find(const HomeoMiner *miner, uint32_t id)
{
	uint32_t	slot = *head_by_id(miner, id);

	while (slot != HOMEO_MINER_NIL &&
		   homeo_miner_store_slot(miner, slot)->id != id)
		slot = homeo_miner_store_slot(miner, slot)->by_id;
	return slot;
}

uint32_t
homeo_miner_store_path(const HomeoMiner *miner, uint64_t scope, int ntokens,
					   const uint32_t *keys)
{
	return *head_by_path(miner, scope, ntokens, keys);
}

uint32_t
homeo_miner_store_count(const HomeoMiner *miner, uint64_t scope, int ntokens)
{
	return *head_by_count(miner, scope, ntokens);
}

static void
link_path(HomeoMiner *miner, uint32_t slot)
{
	HomeoMinerTemplate *t = homeo_miner_store_slot(miner, slot);
	uint32_t   *head = head_by_path(miner, t->scope, t->ntokens, t->keys);

	t->by_path = *head;
	*head = slot;
}

static void
unlink_path(HomeoMiner *miner, uint32_t slot)
{
	HomeoMinerTemplate *t = homeo_miner_store_slot(miner, slot);
	uint32_t   *place = head_by_path(miner, t->scope, t->ntokens, t->keys);

	while (*place != slot)
		place = &homeo_miner_store_slot(miner, *place)->by_path;
	*place = t->by_path;
}

static void
unlink_id(HomeoMiner *miner, uint32_t slot)
{
	HomeoMinerTemplate *t = homeo_miner_store_slot(miner, slot);
	uint32_t   *place = head_by_id(miner, t->id);

	while (*place != slot)
		place = &homeo_miner_store_slot(miner, *place)->by_id;
	*place = t->by_id;
}

/*
 * The order does not depend on that of loading, so that nothing else does.
 * New templates have the greatest id and come first at once.
 */
static void
link_count(HomeoMiner *miner, uint32_t slot)
{
	HomeoMinerTemplate *t = homeo_miner_store_slot(miner, slot);
	uint32_t	previous = HOMEO_MINER_NIL;
	uint32_t   *head = head_by_count(miner, t->scope, t->ntokens);
	uint32_t	next = *head;

	while (next != HOMEO_MINER_NIL &&
		   homeo_miner_store_slot(miner, next)->id > t->id)
	{
		previous = next;
		next = homeo_miner_store_slot(miner, next)->by_count.next;
	}
	t->by_count.previous = previous;
	t->by_count.next = next;
	if (next != HOMEO_MINER_NIL)
		homeo_miner_store_slot(miner, next)->by_count.previous = slot;
	if (previous != HOMEO_MINER_NIL)
		homeo_miner_store_slot(miner, previous)->by_count.next = slot;
	else
		*head = slot;
}

static void
unlink_count(HomeoMiner *miner, uint32_t slot)
{
	HomeoMinerTemplate *t = homeo_miner_store_slot(miner, slot);
	HomeoMinerLinks links = t->by_count;

	if (links.next != HOMEO_MINER_NIL)
		homeo_miner_store_slot(miner, links.next)->by_count.previous =
			links.previous;
	if (links.previous != HOMEO_MINER_NIL)
		homeo_miner_store_slot(miner, links.previous)->by_count.next =
			links.next;
	else
		*head_by_count(miner, t->scope, t->ntokens) = links.next;
}

/* The links of a template by use; of NIL those of the list itself. */
static HomeoMinerLinks *
use_links(HomeoMiner *miner, uint32_t slot)
{
	return slot == HOMEO_MINER_NIL ? &miner->by_use :
		&homeo_miner_store_slot(miner, slot)->by_use;
}

static void
link_use(HomeoMiner *miner, uint32_t slot)
{
	HomeoMinerLinks *links = use_links(miner, slot);

	links->previous = HOMEO_MINER_NIL;
	links->next = miner->by_use.next;
	use_links(miner, links->next)->previous = slot;
	miner->by_use.next = slot;
}

static void
unlink_use(HomeoMiner *miner, uint32_t slot)
{
	HomeoMinerLinks *links = use_links(miner, slot);

	use_links(miner, links->previous)->next = links->next;
	use_links(miner, links->next)->previous = links->previous;
}

static void
set_text(HomeoMinerTemplate *t, const HomeoLogLine *line)
{
	int			i;

	t->ntokens = (uint16_t) line->ntokens;
	for (i = 0; i < line->ntokens; i++)
		t->keys[i] = line->tokens[i].key;
	t->len = (uint16_t) line->len;
	memcpy(t->str, line->str, line->len);
}

uint32_t
homeo_miner_store_add(HomeoMiner *miner, uint64_t scope, uint32_t id,
					  const HomeoLogLine *line)
{
	uint32_t	slot = miner->spare;
	uint32_t   *head = head_by_id(miner, id);
	HomeoMinerTemplate *t;

	if (slot == HOMEO_MINER_NIL)
		slot = miner->fresh++;
	else
		miner->spare = homeo_miner_store_slot(miner, slot)->by_id;
	miner->used++;
	if (id > miner->last_id)
		miner->last_id = id;

	t = homeo_miner_store_slot(miner, slot);
	t->id = id;
	t->scope = scope;
	set_text(t, line);
	t->by_id = *head;
	*head = slot;
	link_path(miner, slot);
	link_count(miner, slot);
	link_use(miner, slot);
	return slot;
}

void
homeo_miner_store_change(HomeoMiner *miner, uint32_t slot,
						 const HomeoLogLine *line)
{
	unlink_path(miner, slot);
	set_text(homeo_miner_store_slot(miner, slot), line);
	link_path(miner, slot);
}

void
homeo_miner_store_remove(HomeoMiner *miner, uint32_t slot)
{
	unlink_id(miner, slot);
	unlink_path(miner, slot);
	unlink_count(miner, slot);
	unlink_use(miner, slot);
	homeo_miner_store_slot(miner, slot)->by_id = miner->spare;
	miner->spare = slot;
	miner->used--;
}

void
homeo_miner_store_use(HomeoMiner *miner, uint32_t slot)
{
	unlink_use(miner, slot);
	link_use(miner, slot);
}
