/*
 * scrub.c
 *		Fuzz target for homeo_scrub().
 *
 * The first byte says where in the rest a password is planted, and the second
 * in which form.  It must not be found afterwards, whatever is around it.  And
 * a text that the filter clears must be left as it is.
 */
#include "intake/scrub.h"

#include "intake/scrub_filter.h"

#include "check.h"

#define CANARY	"S3CRETCANARY"

static const char *const forms[] = {
	" password=" CANARY " ",
	" postgresql://bob:" CANARY "@host/db ",
	" redis://:" CANARY "@host "
};

static bool
holds(const char *bytes, size_t len, const char *needle)
{
	size_t		n = strlen(needle);
	size_t		i;

	for (i = 0; i + n <= len; i++)
	{
		if (memcmp(bytes + i, needle, n) == 0)
			return true;
	}
	return false;
}

static void
check_scrub(char *text, size_t size)
{
	bool		utf8 = is_utf8(text, size);
	bool		cleared = homeo_scrub_filter_clears(text, size);
	char	   *original = exact_copy((const uint8_t *) text, size);
	size_t		n = homeo_scrub(text, size);

	CHECK(n <= size);
	CHECK(!cleared || (n == size && memcmp(original, text, n) == 0));
	free(original);
	CHECK(!utf8 || is_utf8(text, n));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t		place = take_byte(&data, &size);
	const char *form = forms[take_byte(&data, &size) % 3];
	size_t		planted = strlen(form);
	static bool ready = false;
	char	   *copy = exact_copy(data, size);
	size_t		n;

	if (!ready)
		CHECK(ready = homeo_scrub_filter_init());
	place = place * size / 256;
	check_scrub(copy, size);
	free(copy);

	/* What is there already cannot be told from what is left. */
	if (holds((const char *) data, size, CANARY))
		return 0;
	copy = malloc(size + planted);

	CHECK(copy != NULL);
	if (size > 0)
	{
		memcpy(copy, data, place);
		memcpy(copy + place + planted, data + place, size - place);
	}
	memcpy(copy + place, form, planted);
	n = homeo_scrub(copy, size + planted);
	CHECK(n <= size + planted);
	CHECK(!holds(copy, n, CANARY));
	free(copy);
	return 0;
}
