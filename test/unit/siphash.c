/*
 * siphash.c
 *		Tests of the keyed hash against published values.
 */
#include "base/siphash.h"

#include "tap.h"

static void
hash_whole(const uint8_t *key, const void *data, size_t len, uint8_t out[16])
{
	HomeoSiphash hash;

	homeo_siphash_init(&hash, key);
	homeo_siphash_update(&hash, data, len);
	homeo_siphash_final(&hash, out);
}

/* The bytes 0, 1, 2 ... are both the key and what is hashed. */
static void
test_vectors(void)
{
	/* Of the first lengths, from the reference implementation. */
	static const char *const expected[] = {
		"a3817f04ba25a8e66df67214c7550293",
		"da87c1d86b99af44347659119b22fc45",
		"8177228da4a45dc7fca38bdef60affe4",
		"9c70b60c5267a94e5f33b6b02985ed51",
	};
	uint8_t		bytes[64];
	size_t		i;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t) i;
	for (i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
	{
		uint8_t		out[16];
		char		hex[33];
		int			b;

		hash_whole(bytes, bytes, i, out);
		for (b = 0; b < 16; b++)
			snprintf(hex + 2 * b, 3, "%02x", (unsigned) out[b]);
		tap_same(hex, 32, expected[i], "a published value");
	}
}

static void
test_pieces(void)
{
	uint8_t		bytes[60];
	uint8_t		whole[16];
	size_t		i;
	size_t		j;
	bool		same = true;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t) (i * 7 + 3);
	hash_whole(bytes, bytes, sizeof(bytes), whole);
	for (i = 0; i <= sizeof(bytes); i++)
	{
		for (j = i; j <= sizeof(bytes); j++)
		{
			HomeoSiphash hash;
			uint8_t		out[16];

			homeo_siphash_init(&hash, bytes);
			homeo_siphash_update(&hash, bytes, i);
			homeo_siphash_update(&hash, bytes + i, j - i);
			homeo_siphash_update(&hash, NULL, 0);
			homeo_siphash_update(&hash, bytes + j, sizeof(bytes) - j);
			homeo_siphash_final(&hash, out);
			same = same && memcmp(out, whole, 16) == 0;
		}
	}
	tap_ok(same, "the hash does not depend on how the bytes are cut");
}

static void
test_key(void)
{
	uint8_t		key[HOMEO_SIPHASH_KEY_BYTES] = {0};
	uint8_t		one[16];
	uint8_t		other[16];
	size_t		i;
	bool		differs = true;

	hash_whole(key, "text", 4, one);
	for (i = 0; i < sizeof(key); i++)
	{
		key[i] ^= 1;
		hash_whole(key, "text", 4, other);
		differs = differs && memcmp(one, other, 16) != 0;
		key[i] ^= 1;
	}
	tap_ok(differs, "each byte of the key matters");
}

int
main(void)
{
	test_vectors();
	test_pieces();
	test_key();
	return tap_done();
}
