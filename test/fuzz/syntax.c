/*
 * syntax.c
 *		Fuzz target for homeo_syntax_read().
 *
 * The input is a pattern, a line end (the last one of the input), and a text.
 * PCRE2 judges: a text that it matches has at least as many characters as the
 * pattern is said to have literals, and one of its parts.
 */
#include "rules/syntax.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "check.h"

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

static bool
has_part(HomeoSlice subject, const HomeoSyntax *syntax)
{
	char	   *folded = malloc(subject.len + 1);
	size_t		len = homeo_syntax_fold(subject, folded);
	bool		found = syntax->parts.n == 0;

	CHECK(len <= subject.len);
	for (int i = 0; i < syntax->parts.n && !found; i++)
		found = homeo_syntax_find_part(subject, syntax->parts.of[i],
									   syntax->caseless) ||
			(syntax->caseless && homeo_syntax_folds(subject) &&
			 homeo_syntax_find_part(homeo_slice(folded, len),
									syntax->parts.of[i], true));
	free(folded);
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
	CHECK(syntax.literals >= 0);

	pattern = malloc(len + 1);
	CHECK(pattern != NULL);
	memcpy(pattern, data, len);
	pattern[len] = '\0';
	if (from > 0 && is_utf8((const char *) data, size) &&
		is_matched(pattern, len, (const char *) data + from, size - from))
	{
		CHECK(count_characters((const char *) data + from, size - from) >=
			  (size_t) syntax.literals);
		CHECK(has_part(homeo_slice((const char *) data + from, size - from),
					   &syntax));
	}
	free(pattern);
	free(exact);
	return 0;
}
