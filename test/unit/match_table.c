/*
 * match_table.c
 *		Tests of the table of the match cache: that it never gives a value that
 *		is not the key's, forgets what is used least, and has no more than its
 *		memory, also when threads share it.
 */
#include "rules/match_table.h"

#include <pthread.h>
#include <stdlib.h>

#include "tap.h"

#define THREADS			4
#define SHARED_KEYS		24
#define OPERATIONS		200000

/* A key of the number; with one set all are in it. */
static HomeoMatchKey
key_of(uint64_t number)
{
	HomeoMatchKey key;

	key.half[0] = number * UINT64_C(0x9e3779b97f4a7c15);
	key.half[1] = number << 1;
	return key;
}

/* Every byte and the length of a value tell whose it is. */
static size_t
value_of(uint64_t number, char *value)
{
	size_t		len = HOMEO_MATCH_VALUE_BYTES - number % 32;

	memset(value, (int) (number % 251), len);
	return len;
}

static bool
is_value_of(uint64_t number, const char *value, size_t len)
{
	char		expected[HOMEO_MATCH_VALUE_BYTES];

	return len == value_of(number, expected) &&
		memcmp(value, expected, len) == 0;
}

static HomeoMatchTable
make_table(uint32_t nsets)
{
	HomeoMatchTable table = {calloc(nsets, sizeof(HomeoMatchSet)), nsets};

	return table;
}

static HomeoMatchStored
store(const HomeoMatchTable *table, uint64_t number)
{
	char		value[HOMEO_MATCH_VALUE_BYTES];
	HomeoMatchKey key = key_of(number);

	return homeo_match_table_store(table, &key, value,
								   value_of(number, value));
}

/* -1: found with a wrong value; 0: not found; 1: found. */
static int
find(const HomeoMatchTable *table, uint64_t number)
{
	char		value[HOMEO_MATCH_VALUE_BYTES];
	HomeoMatchKey key = key_of(number);
	size_t		len;

	if (!homeo_match_table_find(table, &key, value, &len))
		return 0;
	return is_value_of(number, value, len) ? 1 : -1;
}

static void
test_layout(void)
{
	tap_ok(sizeof(HomeoMatchSlot) == 512 &&
		   offsetof(HomeoMatchSet, slots) == 64,
		   "slots and sets are whole cache lines");
}

static void
test_empty(void)
{
	HomeoMatchTable none = {NULL, 0};
	HomeoMatchTable table = make_table(1);
	HomeoMatchKey zero = {{0, 0}};
	char		value[HOMEO_MATCH_VALUE_BYTES + 1] = "";
	size_t		len = 1;

	tap_ok(!homeo_match_table_find(&table, &zero, value, &len),
		   "an empty table has no key, 0 included");
	tap_ok(find(&none, 1) == 0 && store(&none, 1) == HOMEO_MATCH_REFUSED,
		   "a table without memory keeps nothing");
	tap_ok(homeo_match_table_store(&table, &zero, value, sizeof(value)) ==
		   HOMEO_MATCH_REFUSED, "a value that is too long is refused");
	tap_ok(homeo_match_table_store(&table, &zero, value, 0) ==
		   HOMEO_MATCH_ADDED &&
		   homeo_match_table_find(&table, &zero, value, &len) && len == 0,
		   "an empty value is a value, and 0 a key");
	free(table.sets);
}

static void
test_eviction(void)
{
	HomeoMatchTable table = make_table(1);
	int			found = 0;
	uint64_t	n;

	for (n = 1; n <= HOMEO_MATCH_TABLE_WAYS; n++)
		found += store(&table, n) == HOMEO_MATCH_ADDED;
	tap_ok(found == HOMEO_MATCH_TABLE_WAYS, "a set has room for so many");
	tap_ok(store(&table, 3) == HOMEO_MATCH_KEPT, "a key is kept once");

	/* One is asked for again and again; a hundred others come by. */
	for (n = 101; n <= 200; n++)
	{
		found = find(&table, 5);
		if (found != 1 || store(&table, n) != HOMEO_MATCH_REPLACED)
			break;
	}
	tap_ok(n == 201, "what is used stays while others make room");
	tap_ok(find(&table, 200) == 1, "the last that came is there");
	for (n = 1, found = 0; n <= 200; n++)
		found += find(&table, n) != 0;
	tap_ok(found == HOMEO_MATCH_TABLE_WAYS, "and no more than there is room for");
	free(table.sets);
}

/* A process that ends while it writes leaves an odd version. */
static void
test_half_written(void)
{
	HomeoMatchTable table = make_table(1);
	int			found = 0;
	uint64_t	n;

	store(&table, 1);
	table.sets->slots[0].version++;
	tap_ok(find(&table, 1) == 0, "what is half written is not read");
	for (n = 2; n < 100; n++)
		(void) store(&table, n);
	tap_ok(table.sets->slots[0].version == 3 && table.sets->slots[0].key.half[1] == 2,
		   "nor is it written again");
	for (n = 2; n < 100; n++)
		found += find(&table, n) == 1;
	tap_ok(found == HOMEO_MATCH_TABLE_WAYS - 1, "the other slots go on");

	/* Whatever the slot holds, a reader stays within it. */
	for (int i = 0; i < HOMEO_MATCH_TABLE_WAYS; i++)
		table.sets->slots[i].len = UINT32_MAX;
	for (n = 1, found = 0; n < 100; n++)
		found += find(&table, n) != 0;
	tap_ok(found == 0, "a length that cannot be is not believed");
	free(table.sets);
}

static void
test_spread(void)
{
	HomeoMatchTable table = make_table(100);
	int			found = 0;

	for (uint64_t n = 0; n < 400; n++)
		(void) store(&table, n);
	for (uint64_t n = 0; n < 400; n++)
		found += find(&table, n) == 1;
	tap_ok(found > 380, "keys are spread over the sets");
	free(table.sets);
}

typedef struct Work
{
	HomeoMatchTable table;
	unsigned int seed;
	long		found;
	long		wrong;
}			Work;

/* The slots are copied while others write them, which is what is tested. */
__attribute__((no_sanitize("thread")))
static void *
work(void *arg)
{
	Work	   *mine = arg;

	for (int i = 0; i < OPERATIONS; i++)
	{
		uint64_t	number = 1 + (unsigned int) rand_r(&mine->seed) % SHARED_KEYS;
		int			found = find(&mine->table, number);

		mine->found += found == 1;
		mine->wrong += found == -1;
		if (found == 0)
			(void) store(&mine->table, number);
	}
	return NULL;
}

static void
test_threads(void)
{
	HomeoMatchTable table = make_table(1);
	pthread_t	threads[THREADS];
	Work		works[THREADS];
	long		found = 0;
	long		wrong = 0;

	for (int i = 0; i < THREADS; i++)
	{
		works[i] = (Work)
		{
			table, (unsigned int) i + 1, 0, 0
		};
		pthread_create(&threads[i], NULL, work, &works[i]);
	}
	for (int i = 0; i < THREADS; i++)
	{
		pthread_join(threads[i], NULL);
		found += works[i].found;
		wrong += works[i].wrong;
	}
	tap_ok(found > 0, "threads find what others stored");
	tap_ok(wrong == 0, "and never a value in pieces: %ld of %ld", wrong,
		   found + wrong);
	free(table.sets);
}

int
main(void)
{
	test_layout();
	test_empty();
	test_eviction();
	test_half_written();
	test_spread();
	test_threads();
	return tap_done();
}
