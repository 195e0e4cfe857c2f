/*
 * syntax.c
 *		Fuzz target for homeo_syntax_read().
 *
 * The input is a pattern, a line end (the last one of the input), and a text.
 * PCRE2 judges: a text that it matches has at least as many characters as the
 * pattern is said to have literals, and Vectorscan finds the pattern in it,
 * unless it is said that it may not.
 */
#include "rules/syntax.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <hs.h>
#include <pcre2.h>

#include "check.h"

/* As src/rules/prefilter.c has them. */
#define SCAN_FLAGS		(HS_FLAG_UTF8 | HS_FLAG_ALLOWEMPTY | HS_FLAG_SINGLEMATCH)
#define MAX_UNROLLED	1000

static size_t
count_characters(const char *p, size_t len)
{
	size_t		n = 0;

	for (size_t i = 0; i < len; i++)
	{
		if ((p[i] & 0xc0) != 0x80)
			n++;
	}
	return n;
}

static bool
is_matched(const char *pattern, size_t len, const char *text, size_t textlen)
{
	pcre2_compile_context *compile = pcre2_compile_context_create(NULL);
	pcre2_match_context *limits = pcre2_match_context_create(NULL);
	pcre2_match_data *match = pcre2_match_data_create(1, NULL);
	pcre2_code *code;
	PCRE2_SIZE	offset;
	int			error;
	int			result = -1;

	pcre2_set_newline(compile, PCRE2_NEWLINE_LF);
	code = pcre2_compile((PCRE2_SPTR) pattern, len,
						 PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C,
						 &error, &offset, compile);
	pcre2_set_match_limit(limits, 10000);
	pcre2_set_depth_limit(limits, 10000);
	if (code != NULL)
		result = pcre2_match(code, (PCRE2_SPTR) text, textlen, 0, 0, match,
							 limits);
	pcre2_code_free(code);
	pcre2_match_data_free(match);
	pcre2_match_context_free(limits);
	pcre2_compile_context_free(compile);
	return result >= 0;
}

static int
note(unsigned int id, unsigned long long from, unsigned long long to,
	 unsigned int flags, void *arg)
{
	*(bool *) arg = true;
	return 0;
}

/* True also when Vectorscan doesn't take the pattern. */
static bool
is_found(const char *pattern, const char *text, size_t textlen)
{
	hs_compile_error_t *error = NULL;
	hs_database_t *database = NULL;
	hs_scratch_t *scratch = NULL;
	bool		found = false;

	if (hs_compile(pattern, SCAN_FLAGS, HS_MODE_BLOCK, NULL, &database,
				   &error) != HS_SUCCESS)
	{
		hs_free_compile_error(error);
		if (hs_compile(pattern, SCAN_FLAGS | HS_FLAG_PREFILTER, HS_MODE_BLOCK,
					   NULL, &database, &error) != HS_SUCCESS)
		{
			hs_free_compile_error(error);
			return true;
		}
	}
	CHECK(hs_alloc_scratch(database, &scratch) == HS_SUCCESS);
	CHECK(hs_scan(database, text, (unsigned int) textlen, 0, scratch, note,
				  &found) == HS_SUCCESS);
	hs_free_scratch(scratch);
	hs_free_database(database);
	return found;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t		len = size;
	size_t		from;
	char	   *exact;
	char	   *pattern;
	HomeoSyntax syntax;

	while (len > 0 && data[len - 1] != '\n')
		len--;
	from = len;
	len = len > 0 ? len - 1 : size;

	exact = exact_copy(data, len);
	syntax = homeo_syntax_read(homeo_slice(exact, len));
	CHECK(syntax.literals >= 0 && syntax.unrolled >= 0);
	free(exact);

	pattern = malloc(len + 1);
	CHECK(pattern != NULL);
	memcpy(pattern, data, len);
	pattern[len] = '\0';
	if (from > 0 && is_utf8((const char *) data, size) &&
		is_matched(pattern, len, (const char *) data + from, size - from))
	{
		CHECK(count_characters((const char *) data + from, size - from) >=
			  (size_t) syntax.literals);
		if (!syntax.foreign && syntax.unrolled <= MAX_UNROLLED &&
			memchr(pattern, '\0', len) == NULL)
			CHECK(is_found(pattern, (const char *) data + from, size - from));
	}
	free(pattern);
	return 0;
}
