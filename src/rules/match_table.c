/*
 * match_table.c
 *		A table of short values by key, of fixed size, that processes may share
 *		without a lock.
 *
 * A key belongs into one set, in any of its slots.  Whoever wants to write a
 * slot makes its version odd by compare-and-swap, and gives up if another
 * process was faster: nothing that isn't kept is lost.  When the value is
 * written the version becomes the next even number.  A reader copies the slot
 * and looks at the version before and after: only if that was even and hasn't
 * changed has it got a whole value.  So a process that ends while it writes,
 * however it ends, leaves a slot that nobody reads or writes again; that can
 * only happen by a kill -9 or a crash, and then the server begins anew with
 * empty memory.  Between the two changes of the version there is nothing that
 * could wait, raise an error or serve an interrupt.
 *
 * Tags and marks of use are hints without any order: what they make a reader
 * believe is checked in the slot, and what they make it miss is only a miss.
 *
 * What makes room is chosen by a hand that goes around the set and passes over
 * slots that were found since it passed before (CLOCK).  A new value counts as
 * one that was not, so that values that nobody asks for again go first.
 */
#include "rules/match_table.h"

#include <string.h>

#define WAYS	HOMEO_MATCH_TABLE_WAYS

static HomeoMatchSet *
set_of(const HomeoMatchTable *table, const HomeoMatchKey *key)
{
	return &table->sets[((key->half[0] >> 32) * table->nsets) >> 32];
}

/* Never 0, which is that of an empty slot. */
static uint32_t
tag_of(const HomeoMatchKey *key)
{
	return (uint32_t) key->half[1] | 1;
}

static bool
same_key(const HomeoMatchKey *a, const HomeoMatchKey *b)
{
	return a->half[0] == b->half[0] && a->half[1] == b->half[1];
}

/*
 * Copies the slot's value if it is whole and the key's.  What is read before
 * the second look at the version may be anything, the length included.
 */
static bool
read_slot(const HomeoMatchSlot *slot, const HomeoMatchKey *key,
		  void *value, size_t *len)
{
	uint32_t	version = __atomic_load_n(&slot->version, __ATOMIC_ACQUIRE);
	HomeoMatchKey found;
	size_t		n;

	if (version % 2 != 0)
		return false;
	memcpy(&found, &slot->key, sizeof(found));
	n = __atomic_load_n(&slot->len, __ATOMIC_RELAXED);
	if (!same_key(&found, key) || n > HOMEO_MATCH_VALUE_BYTES)
		return false;
	memcpy(value, slot->value, n);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	*len = n;
	return __atomic_load_n(&slot->version, __ATOMIC_RELAXED) == version;
}

/* The number of the slot that has the key, or -1. */
static int
find_slot(HomeoMatchSet *set, const HomeoMatchKey *key, void *value,
		  size_t *len)
{
	uint32_t	tag = tag_of(key);

	for (int i = 0; i < WAYS; i++)
	{
		if (__atomic_load_n(&set->tags[i], __ATOMIC_RELAXED) == tag &&
			read_slot(&set->slots[i], key, value, len))
			return i;
	}
	return -1;
}

/* Written only when it changes, so that processes can share the cache line. */
static void
mark_used(HomeoMatchSet *set, int number)
{
	uint32_t	bit = UINT32_C(1) << number;

	if ((__atomic_load_n(&set->used, __ATOMIC_RELAXED) & bit) == 0)
		__atomic_fetch_or(&set->used, bit, __ATOMIC_RELAXED);
}

bool
homeo_match_table_find(const HomeoMatchTable *table, const HomeoMatchKey *key,
					   void *value, size_t *len)
{
	HomeoMatchSet *set;
	int			number;

	if (table->nsets == 0)
		return false;
	set = set_of(table, key);
	number = find_slot(set, key, value, len);
	if (number < 0)
		return false;
	mark_used(set, number);
	return true;
}

/* An empty slot, or the first that the hand comes to and wasn't used. */
static int
choose_slot(HomeoMatchSet *set)
{
	int			number = 0;

	for (int i = 0; i < WAYS; i++)
	{
		if (__atomic_load_n(&set->tags[i], __ATOMIC_RELAXED) == 0)
			return i;
	}

	/* Others may mark slots meanwhile, but not for ever. */
	for (int i = 0; i < 2 * WAYS; i++)
	{
		uint32_t	bit;

		number = (int) (__atomic_fetch_add(&set->hand, 1, __ATOMIC_RELAXED) % WAYS);
		bit = UINT32_C(1) << number;
		if ((__atomic_fetch_and(&set->used, ~bit, __ATOMIC_RELAXED) & bit) == 0)
			break;
	}
	return number;
}

HomeoMatchStored
homeo_match_table_store(const HomeoMatchTable *table, const HomeoMatchKey *key,
						const void *value, size_t len)
{
	char		present[HOMEO_MATCH_VALUE_BYTES];
	size_t		present_len;
	HomeoMatchSet *set;
	HomeoMatchSlot *slot;
	uint32_t	version;
	int			number;

	if (table->nsets == 0 || len > HOMEO_MATCH_VALUE_BYTES)
		return HOMEO_MATCH_REFUSED;
	set = set_of(table, key);
	if (find_slot(set, key, present, &present_len) >= 0)
		return HOMEO_MATCH_KEPT;
	number = choose_slot(set);
	slot = &set->slots[number];

	version = __atomic_load_n(&slot->version, __ATOMIC_RELAXED);
	if (version % 2 != 0 ||
		!__atomic_compare_exchange_n(&slot->version, &version, version + 1,
									 false, __ATOMIC_ACQUIRE,
									 __ATOMIC_RELAXED))
		return HOMEO_MATCH_REFUSED;
	/* The odd number must be seen before anything that is written now. */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	memcpy(&slot->key, key, sizeof(*key));
	__atomic_store_n(&slot->len, (uint32_t) len, __ATOMIC_RELAXED);
	memcpy(slot->value, value, len);
	__atomic_store_n(&set->tags[number], tag_of(key), __ATOMIC_RELAXED);
	__atomic_store_n(&slot->version, version + 2, __ATOMIC_RELEASE);
	return version == 0 ? HOMEO_MATCH_ADDED : HOMEO_MATCH_REPLACED;
}
