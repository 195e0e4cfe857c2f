/*
 * normalize.c
 *		Fuzz target for homeo_normalize().
 *
 * The first byte chooses the mode and the capacity; the rest is the text.
 */
#include "text/normalize.h"

#include "check.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t		choice = take_byte(&data, &size);
	HomeoNormalizeMode mode = choice % 2 == 0 ? HOMEO_NORMALIZE_ALL :
	choice % 4 == 1 ? HOMEO_NORMALIZE_KEEP_IDENTIFIERS : HOMEO_NORMALIZE_LOG;
	size_t		cap = choice < 128 ? 8 * size + 16 : (choice / 2) % 64;
	char	   *text = exact_copy(data, size);
	char	   *out = malloc(cap > 0 ? cap : 1);
	size_t		n;

	CHECK(out != NULL);
	n = homeo_normalize(text, size, mode, out, cap);
	CHECK(n <= cap);
	if (is_utf8(text, size))
		CHECK(is_utf8(out, n));
	if (n > 0 && mode != HOMEO_NORMALIZE_KEEP_IDENTIFIERS)
	{
		CHECK((unsigned char) out[0] > ' ');
		CHECK((unsigned char) out[n - 1] > ' ');
		CHECK(memchr(out, '\0', n) == NULL);
		CHECK(memchr(out, '\n', n) == NULL);
	}
	free(out);
	free(text);
	return 0;
}
