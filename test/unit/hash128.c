/*
 * hash128.c
 *		Tests of the 128-bit hash against published values.
 */
#include "base/hash128.h"

#include "tap.h"

typedef struct Vector
{
	const char *text;
	uint32_t	seed;
	const char *hex;			/* h1 and h2, each most significant digit
								 * first */
} Vector;

/* From the test suites of independent public implementations. */
static const Vector vectors[] = {
	{"", 0, "00000000000000000000000000000000"},
	{"hello", 0, "cbd8a7b341bd9b025b1e906a48ae1d19"},
	{"hello, world", 0, "342fac623a5ebc8e4cdcbc079642414d"},
	{"19 Jan 2038 at 3:14:07 AM", 0, "b89e5988b737affc664fc2950231b2cb"},
	{"The quick brown fox jumps over the lazy dog.", 0,
	"cd99481f9ee902c9695da1a38987b6e7"},
};

static void
hash_whole(const void *data, size_t len, uint32_t seed, uint8_t out[16])
{
	HomeoHash128 hash;

	homeo_hash128_init(&hash, seed);
	homeo_hash128_update(&hash, data, len);
	homeo_hash128_final(&hash, out);
}

static void
test_vectors(void)
{
	size_t		i;

	for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
	{
		uint8_t		out[16];
		char		hex[33];
		int			b;

		hash_whole(vectors[i].text, strlen(vectors[i].text),
				   vectors[i].seed, out);
		for (b = 0; b < 16; b++)
			snprintf(hex + 2 * b, 3, "%02x",
					 (unsigned) out[b < 8 ? 7 - b : 23 - b]);
		tap_same(hex, 32, vectors[i].hex, vectors[i].text);
	}
}

/*
 * SMHasher's own check: hash the keys {}, {0}, {0,1} ... with falling seeds,
 * then the hashes; the first four bytes stand for the whole algorithm.
 */
static void
test_smhasher(void)
{
	uint8_t		key[256];
	uint8_t		hashes[256 * 16];
	uint8_t		out[16];
	uint32_t	value;
	int			i;

	for (i = 0; i < 256; i++)
	{
		key[i] = (uint8_t) i;
		hash_whole(key, (size_t) i, (uint32_t) (256 - i), hashes + i * 16);
	}
	hash_whole(hashes, sizeof(hashes), 0, out);
	value = (uint32_t) out[0] | (uint32_t) out[1] << 8 |
		(uint32_t) out[2] << 16 | (uint32_t) out[3] << 24;
	tap_ok(value == 0x6384BA69u, "SMHasher's verification value");
}

static void
test_pieces(void)
{
	char		bytes[100];
	uint8_t		whole[16];
	size_t		i;
	size_t		j;
	bool		same = true;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char) (i * 7 + 3);
	hash_whole(bytes, sizeof(bytes), 5, whole);
	for (i = 0; i <= sizeof(bytes); i++)
	{
		for (j = i; j <= sizeof(bytes); j++)
		{
			HomeoHash128 hash;
			uint8_t		out[16];

			homeo_hash128_init(&hash, 5);
			homeo_hash128_update(&hash, bytes, i);
			homeo_hash128_update(&hash, bytes + i, j - i);
			homeo_hash128_update(&hash, NULL, 0);
			homeo_hash128_update(&hash, bytes + j, sizeof(bytes) - j);
			homeo_hash128_final(&hash, out);
			same = same && memcmp(out, whole, 16) == 0;
		}
	}
	tap_ok(same, "the hash does not depend on how the bytes are cut");
}

int
main(void)
{
	test_vectors();
	test_smhasher();
	test_pieces();
	return tap_done();
}
