/*
 * scrub.c
 *		Fuzz target for homeo_scrub().
 *
 * The first byte says where in the rest a password is planted, which must not
 * be found afterwards, whatever is around it.
 */
#include "intake/scrub.h"

#include "check.h"

#define CANARY	"S3CRETCANARY"
#define PLANTED	" password=" CANARY " "

static bool
holds(const char *text, size_t len, const char *needle)
{
	size_t		n = strlen(needle);
	size_t		i;

	for (i = 0; i + n <= len; i++)
	{
		if (memcmp(text +i, needle, n) == 0)
			return true;
	}
	return false;
}

static void
check_scrub(char *text, size_t size)
{
	bool		utf8 = is_utf8(text, size);
	size_t		n = homeo_scrub(text, size);

	CHECK(n <= size);
	CHECK(!utf8 || is_utf8(text, n));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t		place = take_byte(&data, &size) * size / 256;
	size_t		planted = strlen(PLANTED);
	char	   *text = exact_copy(data, size);
	size_t		n;

	check_scrub(text, size);
	free(text);

	/* What is there already cannot be told from what is left. */
	if (holds((const char *) data, size, CANARY))
		return 0;
	text = malloc(size + planted);

	CHECK(text !=NULL);
	if (size > 0)
	{
		memcpy(text, data, place);
		memcpy(text +place + planted, data + place, size - place);
	}
	memcpy(text +place, PLANTED, planted);
	n = homeo_scrub(text, size + planted);
	CHECK(n <= size + planted);
	CHECK(!holds(text, n, CANARY));
	free(text);
	return 0;
}
