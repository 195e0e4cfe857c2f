/*
 * scrub_filter.c
 *		Tells texts in which homeo_scrub() would find nothing.
 *
 * Called by prepare.c for each text, in any process.  Most texts hold nothing
 * that could begin a secret, and Vectorscan sees that at about a
 * byte a nanosecond.
 *
 * Each pattern matches wherever a part of the scrubber begins to look closer,
 * and may match elsewhere, too.  Whoever teaches the scrubber a new secret
 * adds its beginning here; test/fuzz/scrub.c holds one against the other.
 * Words that matter only behind others, like VALUES, need none.
 *
 * Like the scrubber it needs nothing from the server.
 */
#include "intake/scrub_filter.h"

#include <hs.h>
#include <stdint.h>

/*
 * Words of code and prose, at whose end a name of a secret ends: cart_token.
 * They don't matter before a dot, a parenthesis without a quote in it, or a
 * line that begins with a word of three letters: no value follows.  Behind AS
 * they name a value before them.
 */
#define WEAK		"(pass|sig|secret|token)"
#define MAY_JOIN	"[0-9]*([^0-9A-Za-z_.(\\n-]|\\([\"'`]|" \
	"\\n\\s*([^A-Za-z_\\s]|[A-Za-z_]{1,2}[^A-Za-z_])|$)"

static const struct
{
	const char *pattern;
	unsigned int flags;
}			beginnings[] =

{
	/* Names, see scrub_named.c. */
	{"passw(or)?d|passphrase|pwd|authorization|cookie|bearer|identified|curl",
	HS_FLAG_CASELESS},
	{"(api|access|account|secret|private|signing|encryption)[_-]?key",
	HS_FLAG_CASELESS},
	{"x[_-]amz[_-]signature", HS_FLAG_CASELESS},
	{WEAK MAY_JOIN, HS_FLAG_CASELESS},
	{"as[\\x00-\\x20\\x7f]+\"?[0-9A-Za-z_\\x80-\\xff-]*" WEAK, HS_FLAG_CASELESS},
	/* Functions, see takes_secrets(). */
	{"(crypt|crypt_iv|crypt_bytea|hmac)\\(", HS_FLAG_CASELESS},
	/* Forms, see scrub_form.c. */
	{"A[KS]IA|AIza|gh[pousr]_|github_pat_|glpat-|npm_|xox[abprs]-", 0},
	{"[rs]k_(live|test)_|SCRAM-SHA-256\\$|eyJ|-----BEGIN ", 0},
	{"(^|[^0-9A-Za-z])sk-", 0},
	/* A number of a card, at least its first groups; a colon in an authority. */
	{"[0-9]{4}([0-9]{9}|[ -][0-9]{3})", 0},
	{"://[^/?#@<> \\n]*:", 0}
};

#define NBEGINNINGS	(sizeof(beginnings) / sizeof(beginnings[0]))

static hs_database_t *database = NULL;
static hs_scratch_t *scratch = NULL;

bool
homeo_scrub_filter_init(void)
{
	const char *patterns[NBEGINNINGS];
	unsigned int flags[NBEGINNINGS];
	hs_compile_error_t *error = NULL;
	size_t		i;

	for (i = 0; i < NBEGINNINGS; i++)
	{
		patterns[i] = beginnings[i].pattern;
		flags[i] = beginnings[i].flags | HS_FLAG_SINGLEMATCH;
	}
	if (hs_compile_multi(patterns, flags, NULL, NBEGINNINGS, HS_MODE_BLOCK,
						 NULL, &database, &error) != HS_SUCCESS)
	{
		database = NULL;
		hs_free_compile_error(error);
	}
	return database != NULL;
}

/* The first match says enough. */
static int
stop(unsigned int id, unsigned long long from, unsigned long long to,
	 unsigned int flags, void *context)
{
	(void) id;
	(void) from;
	(void) to;
	(void) flags;
	(void) context;
	return 1;
}

bool
homeo_scrub_filter_clears(const char *text, size_t len)
{
	if (database == NULL || len > UINT32_MAX)
		return false;
	if (scratch == NULL && hs_alloc_scratch(database, &scratch) != HS_SUCCESS)
	{
		scratch = NULL;
		return false;
	}
	/* Anything else than success is a match, or an error. */
	return hs_scan(database, text, (unsigned int) len, 0, scratch, stop,
				   NULL) == HS_SUCCESS;
}
