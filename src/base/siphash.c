/*
 * siphash.c
 *		SipHash-2-4 with a result of 128 bits.
 *
 * Anybody may call it, in any process, also without PostgreSQL: it includes
 * no postgres.h so that it can be tested alone.  No locks; the state is the
 * caller's.
 *
 * Written from the description of the algorithm by its authors, Jean-Philippe
 * Aumasson and Daniel J. Bernstein ("SipHash: a fast short-input PRF", 2012),
 * and of its longer result in their reference implementation, which is in the
 * public domain.  The unit test checks it against values published there.
 */
#include "base/siphash.h"

#include <string.h>

#include "base/bits64.h"

#define ROUNDS_EACH_WORD	2
#define ROUNDS_AT_END		4

static inline void
run_rounds(uint64_t v[4], int n)
{
	while (n-- > 0)
	{
		v[0] += v[1];
		v[2] += v[3];
		v[1] = homeo_bits64_rotate(v[1], 13) ^ v[0];
		v[3] = homeo_bits64_rotate(v[3], 16) ^ v[2];
		v[0] = homeo_bits64_rotate(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = homeo_bits64_rotate(v[1], 17) ^ v[2];
		v[3] = homeo_bits64_rotate(v[3], 21) ^ v[0];
		v[2] = homeo_bits64_rotate(v[2], 32);
	}
}

static inline void
mix_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	run_rounds(v, ROUNDS_EACH_WORD);
	v[0] ^= word;
}

void
homeo_siphash_init(HomeoSiphash *hash,
				   const uint8_t key[HOMEO_SIPHASH_KEY_BYTES])
{
	uint64_t	k0 = homeo_bits64_load(key);
	uint64_t	k1 = homeo_bits64_load(key + 8);

	hash->v[0] = k0 ^ UINT64_C(0x736f6d6570736575);
	hash->v[1] = k1 ^ UINT64_C(0x646f72616e646f6d) ^ 0xee;
	hash->v[2] = k0 ^ UINT64_C(0x6c7967656e657261);
	hash->v[3] = k1 ^ UINT64_C(0x7465646279746573);
	hash->total = 0;
	memset(hash->tail, 0, sizeof(hash->tail));
}

void
homeo_siphash_update(HomeoSiphash *hash, const void *data, size_t len)
{
	const uint8_t *p = data;
	size_t		held = hash->total % 8;
	uint64_t	v[4];

	if (len == 0)
		return;					/* data may be NULL then */
	hash->total += len;

	/* A copy, so that the compiler keeps it in registers. */
	memcpy(v, hash->v, sizeof(v));
	if (held > 0)
	{
		size_t		missing = 8 - held;

		if (len < missing)
		{
			memcpy(hash->tail + held, p, len);
			return;
		}
		memcpy(hash->tail + held, p, missing);
		mix_word(v, homeo_bits64_load(hash->tail));
		p += missing;
		len -= missing;
	}

	for (; len >= 8; p += 8, len -= 8)
		mix_word(v, homeo_bits64_load(p));

	memcpy(hash->v, v, sizeof(v));
	memcpy(hash->tail, p, len);
}

void
homeo_siphash_final(HomeoSiphash *hash, uint8_t out[16])
{
	uint8_t		last[8] = {0};

	memcpy(last, hash->tail, hash->total % 8);
	last[7] = (uint8_t) hash->total;
	mix_word(hash->v, homeo_bits64_load(last));

	hash->v[2] ^= 0xee;
	run_rounds(hash->v, ROUNDS_AT_END);
	homeo_bits64_store(out, hash->v[0] ^ hash->v[1] ^ hash->v[2] ^ hash->v[3]);
	hash->v[1] ^= 0xdd;
	run_rounds(hash->v, ROUNDS_AT_END);
	homeo_bits64_store(out + 8, hash->v[0] ^ hash->v[1] ^ hash->v[2] ^ hash->v[3]);
}
