/*
 * sql_text.c
 *		Fuzz target for homeo_sql_text_normalize() and _innermost().
 *
 * The first byte chooses the capacity; the rest is the text.
 */
#include "text/sql_text.h"

#include "check.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t		choice = take_byte(&data, &size);
	size_t		cap = choice < 128 ? 2 * size + 16 : choice % 64;
	char	   *text = exact_copy(data, size);
	char	   *out = malloc(cap > 0 ? cap : 1);
	char	   *again = malloc(cap > 0 ? cap : 1);
	HomeoSlice	inside = homeo_sql_text_innermost(homeo_slice(text, size));
	size_t		n;

	CHECK(out != NULL && again != NULL);
	n = homeo_sql_text_normalize(text, size, out, cap);
	CHECK(n <= cap);
	/* Of literals and blanks nothing is left but in quoted names. */
	CHECK(memchr(out, '"', n) != NULL || memchr(out, '\'', n) == NULL);
	CHECK(memchr(out, '"', n) != NULL || memchr(out, '\n', n) == NULL);
	CHECK(homeo_sql_text_normalize(text, size, again, cap) == n);
	CHECK(memcmp(out, again, n) == 0);
	CHECK(inside.len <= size);
	(void) homeo_sql_text_normalize(inside.data, inside.len, out, cap);
	free(again);
	free(out);
	free(text);
	return 0;
}
