/*
 * scan_compile.c
 *		Does a scan find each literal that is in a text, and no other?
 *
 * A rule whose literal is missed never matches.
 */
#include "rules/scan_compile.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <hs.h>

#include "rules/syntax.h"
#include "tap.h"

#define LITERALS	3000
#define TEXTS		300
#define ROOM		4096

static const char *const words[] = {
	"error", "Connection", "refused", "'", "time", "out", " file", ": ", "NOT ",
	"found", "module", "\xc3\xa4", "0x", "permission", "a", "\xe2\x84\xaa"
};

static bool reported[LITERALS];

/*
 * A random text of at most so many words, some in capitals, and numbers; returns
 * its length.
 */
static size_t
make_text(char *subject, int most)
{
	int			n = 1 + rand() % most;
	size_t		len = 0;

	for (int i = 0; i < n; i++)
	{
		size_t		start = len;

		if (rand() % 4 == 0)
			len += (size_t) sprintf(subject + len, "%d", rand() % 1000);
		else
			len += (size_t) sprintf(subject + len, "%s", words[rand() % 16]);
		for (bool capitals = rand() % 3 == 0; capitals && start < len; start++)
			subject[start] = (char) toupper((unsigned char) subject[start]);
	}
	return len;
}

static int
note(unsigned int id, unsigned long long from, unsigned long long to,
	 unsigned int flags, void *arg)
{
	reported[id] = true;
	return 0;
}

/* How many of the literals a scan of random texts misses or makes up. */
static int
count_wrong(const hs_database_t *database, const HomeoScanLiteral *literals)
{
	hs_scratch_t *scratch = NULL;
	char		subject[ROOM];
	int			wrong = 0;

	if (hs_alloc_scratch(database, &scratch) != HS_SUCCESS)
		return -1;
	for (int t = 0; t < TEXTS; t++)
	{
		size_t		len = make_text(subject, 60);

		memset(reported, 0, sizeof(reported));
		if (hs_scan(database, subject, (unsigned int) len, 0, scratch, note,
					NULL) != HS_SUCCESS)
			wrong++;
		for (int i = 0; i < LITERALS; i++)
			wrong += reported[i] !=
				homeo_syntax_find_part(homeo_slice(subject, len),
									   literals[i].bytes, literals[i].caseless);
	}
	hs_free_scratch(scratch);
	return wrong;
}

int
main(void)
{
	static HomeoScanLiteral literals[LITERALS];
	static char texts[LITERALS][128];
	hs_database_t *database = NULL;
	const char *problem = "nothing was said";
	size_t		len = 0;
	char	   *bytes;

	srand(1);
	for (int i = 0; i < LITERALS; i++)
	{
		size_t		length = make_text(texts[i], 5);

		literals[i].bytes = homeo_slice(texts[i], length);
		/* Those of syntax.c are ASCII, when they ignore case. */
		literals[i].caseless = rand() % 3 == 0 &&
			strpbrk(texts[i], "\xc3\xe2") == NULL;
	}
	bytes = homeo_scan_compile(literals, LITERALS, &len, &problem);
	tap_ok(bytes != NULL && problem == NULL, "literals are compiled");
	tap_ok(bytes != NULL &&
		   hs_deserialize_database(bytes, len, &database) == HS_SUCCESS,
		   "to what a scan can use");
	tap_ok(database != NULL && count_wrong(database, literals) == 0,
		   "which finds those that are in a text, and no others");
	hs_free_database(database);
	free(bytes);
	return tap_done();
}
