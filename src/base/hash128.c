/*
 * hash128.c
 *		MurmurHash3 x64-128 over bytes that arrive in pieces.
 *
 * Anybody may call it, in any process, also without PostgreSQL: it includes
 * no postgres.h so that the parsers above it can be built and fuzzed alone.
 * No locks; the state is the caller's.
 *
 * Written from the description of the algorithm by its author, Austin
 * Appleby, who placed it in the public domain (SMHasher, MurmurHash3).  The
 * unit test checks it against SMHasher's verification value for this variant,
 * 0x6384BA69.
 */
#include "base/hash128.h"

#include <string.h>

#include "base/bits64.h"

#define C1		UINT64_C(0x87c37b91114253d5)
#define C2		UINT64_C(0x4cf5ad432745937f)

static inline uint64_t
scramble1(uint64_t k)
{
	return homeo_bits64_rotate(k * C1, 31) * C2;
}

static inline uint64_t
scramble2(uint64_t k)
{
	return homeo_bits64_rotate(k * C2, 33) * C1;
}

/* Spreads every bit of x over all bits of the result. */
static inline uint64_t
avalanche(uint64_t x)
{
	x ^= x >> 33;
	x *= UINT64_C(0xff51afd7ed558ccd);
	x ^= x >> 33;
	x *= UINT64_C(0xc4ceb9fe1a85ec53);
	x ^= x >> 33;
	return x;
}

static inline void
mix_block(HomeoHash128 *hash, const uint8_t *block)
{
	hash->h1 ^= scramble1(homeo_bits64_load(block));
	hash->h1 = homeo_bits64_rotate(hash->h1, 27) + hash->h2;
	hash->h1 = hash->h1 * 5 + 0x52dce729;

	hash->h2 ^= scramble2(homeo_bits64_load(block + 8));
	hash->h2 = homeo_bits64_rotate(hash->h2, 31) + hash->h1;
	hash->h2 = hash->h2 * 5 + 0x38495ab5;
}

void
homeo_hash128_init(HomeoHash128 *hash, uint32_t seed)
{
	hash->h1 = seed;
	hash->h2 = seed;
	hash->total = 0;
	memset(hash->tail, 0, sizeof(hash->tail));
}

void
homeo_hash128_update(HomeoHash128 *hash, const void *data, size_t len)
{
	const uint8_t *p = data;
	size_t		held = hash->total % 16;

	if (len == 0)
		return;					/* data may be NULL then */
	hash->total += len;

	if (held > 0)
	{
		size_t		missing = 16 - held;

		if (len < missing)
		{
			memcpy(hash->tail + held, p, len);
			return;
		}
		memcpy(hash->tail + held, p, missing);
		mix_block(hash, hash->tail);
		p += missing;
		len -= missing;
	}

	for (; len >= 16; p += 16, len -= 16)
		mix_block(hash, p);

	memcpy(hash->tail, p, len);
}

void
homeo_hash128_final(const HomeoHash128 *hash, uint8_t out[16])
{
	uint64_t	h1 = hash->h1;
	uint64_t	h2 = hash->h2;
	size_t		held = hash->total % 16;
	uint8_t		block[16] = {0};

	/* Zero bytes after the end change nothing: 0 is scrambled to 0. */
	memcpy(block, hash->tail, held);
	h2 ^= scramble2(homeo_bits64_load(block + 8));
	h1 ^= scramble1(homeo_bits64_load(block));

	h1 ^= hash->total;
	h2 ^= hash->total;
	h1 += h2;
	h2 += h1;
	h1 = avalanche(h1);
	h2 = avalanche(h2);
	h1 += h2;
	h2 += h1;

	homeo_bits64_store(out, h1);
	homeo_bits64_store(out + 8, h2);
}

void
homeo_hash128(const void *data, size_t len, uint32_t seed, uint8_t out[16])
{
	HomeoHash128 hash;

	homeo_hash128_init(&hash, seed);
	homeo_hash128_update(&hash, data, len);
	homeo_hash128_final(&hash, out);
}
