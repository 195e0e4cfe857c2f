/*
 * syntax.c
 *		Tests of how patterns are weighed.
 *
 * Each pattern comes with a text that it matches, so that PCRE2 tells whether
 * the test has understood the pattern.
 */
#define _GNU_SOURCE
#include "rules/syntax.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

#include "tap.h"

typedef struct Case
{
	const char *pattern;
	const char *text;
	int			literals;
} Case;

static const Case cases[] = {
	/* characters and quantifiers */
	{"", "", 0},
	{"abc", "abc", 3},
	{"a.c\\dx", "abc1x", 3},
	{"ab*c?d+", "ad", 2},
	{"a+?b+?", "ab", 2},
	{"a++b", "ab", 2},
	{"a*?b??c?+d", "d", 1},
	{"a{2,}?b", "aab", 3},
	{"a{2,3}+b", "aab", 3},
	{"a{2}b{3}?", "aabbb", 5},
	{"(abc)+?", "abc", 3},
	{"[ab]+?c", "ac", 1},
	{".+?abc", "xabc", 3},
	{"a{0}b{0,3}", "", 0},
	{"a{,b", "a{,b", 4},
	{"a{x}{", "a{x}{", 5},
	{"a{1x}", "a{1x}", 5},
	{"(?:a{3}b){2}", "aaabaaab", 8},
	{"^ab$", "ab", 2},
	{"\xc3\xa9\xe2\x82\xac", "\xc3\xa9\xe2\x82\xac", 2},
	{"\xc3\xa9*", "", 0},

	/* escapes */
	{"\\.\\(\\$", ".($", 3},
	{"\\x41\\x{42}\\x7a\\t", "ABz\t", 4},
	{"\\x4g", "\x04g", 2},
	{"\\o{101}\\0123\\cA", "A\0123\001", 4},
	{"\\N{U+41}\\Nb", "Axb", 2},
	{"\\N{3}b", "xyzb", 1},
	{"\\pLx\\p{Lu}\\P{^Lu}", "axAA", 1},
	{"\\bfoo\\b\\Zx?", "foo", 3},
	{"\\R\\h\\Xa", "\n xa", 1},
	{"foo\\Kbar", "foobar", 6},
	{"(a)\\1\\g1\\g{1}\\g{-1}\\g-1b", "aaaaaab", 2},
	{"(?<n>a)\\k<n>\\k'n'\\k{n}(?P=n)\\g{n}", "aaaaaa", 1},
	{"(a)\\g<1>\\g'1'", "aaa", 1},
	{"\\\xc3\xa9", "\xc3\xa9", 1},

	/* quotations */
	{"\\Qa.b*\\Ec", "a.b*c", 5},
	{"\\Qab\\E*c", "ac", 2},
	{"\\Qab\\E+?c", "abc", 3},
	{"a\\Q\\E*b", "b", 1},
	{"a\\E*b", "b", 1},
	{"\\Q(|)[\\E|abcdef", "(|)[", 4},
	{"(\\Q)\\E)b", ")b", 2},
	{"\\Qa|b", "a|b", 3},
	{"(?x)\\Qa b#\\E c", "a b#c", 5},

	/* classes */
	{"[]a]b", "]b", 1},
	{"[^]a]b", "xb", 1},
	{"[[:alpha:]]b", "ab", 1},
	{"[[:alpha:]x]+?b", "xb", 1},
	{"[[:]b[a]]", ":ba]", 2},
	{"[[:x]y]", "xy]", 2},
	{"[[:^alpha:]]b", "1b", 1},
	{"[[:<:]]ab[[:>:]]", "ab", 2},
	{"[\\]a]b", "]b", 1},
	{"[\\Q]\\E]b", "]b", 1},
	{"[\\Qa]b\\E]c", "]c", 1},
	{"[\\E]a]b", "]b", 1},
	{"[\\x{5d}]b", "]b", 1},
	{"[a-z(|]b", "|b", 1},

	/* options */
	{"(?i)abc", "ABC", 3},
	{"(?i)\xc3\xa9", "\xc3\x89", 1},
	{"(?i)\\x41", "a", 1},
	{"(?i)\\xe9", "\xc3\x89", 1},
	{"(?i:\\x{e9})", "\xc3\x89", 1},
	{"(?-i)\xc3\xa9", "\xc3\xa9", 1},
	{"(?i:a)b", "Ab", 2},
	{"(?x) a b # comment *\n c", "abc", 3},
	{"(?x) a # comment", "a", 1},
	{"(?x) a + ? b", "ab", 2},
	{"(?x) a * b", "b", 1},
	{"(?x)a #)\n *b", "b", 1},
	{"(?x:a b)c d", "abc d", 5},
	{"(?x:)a b", "a b", 3},
	{"((?x)a b)c d", "abc d", 5},
	{"(?x)a (?-x: b) c", "a bc", 4},
	{"(?x)a(?^)b c", "ab c", 4},
	{"(?x)[ #]a", "#a", 1},
	{"(?xx)[ a]b", "ab", 1},
	{"(?x)a\xc2\x85*b", "b", 1},
	{"(?s-i:a.)b", "a\nb", 2},

	/* comments */
	{"a(?#b)c", "ac", 2},
	{"a(?#(*)*b", "b", 1},
	{"a(?#x\\)+b", "aab", 2},

	/* alternatives and groups */
	{"abc|de", "de", 2},
	{"a(bcd|e|fg)h", "aeh", 3},
	{"a(?:b|)c", "ac", 2},
	{"|abc", "", 0},
	{"(?<n>ab)(?'m'c)(?P<o>d)", "abcd", 4},
	{"(?>ab|c)d", "cd", 2},
	{"(?|(ab)|(c))d", "cd", 2},
	{"a(?=bcd)b(?!x)(?<=b)(?<!x)cd", "abcd", 4},
	{"(?*ab)(?<*)ab", "ab", 2},
	{"(?=a|b)?c", "c", 1},
	{"(a)?(?(1)bcd|ef)", "ef", 2},
	{"(a)?(?(1)bcd)e", "e", 1},
	{"(?<n>a)?(?(<n>)bcd|ef)", "ef", 2},
	{"(?(?=a)abc|de)", "de", 2},
	{"(?(?!a(b)c)de|abc)", "de", 2},
	{"(?(DEFINE)(?<n>abc))(?&n)d", "abcd", 1},
	{"(?(VERSION>=10.0)ab|c)", "ab", 1},
	{"(a|b(?R)c)", "bac", 1},
	{"(ab)(?1)(?-1)(?+1)(c)", "abababcc", 3},
	{"(?<n>a)(?P>n)", "aa", 1},
	{"(?C)a(?C1)b(?C\"x)y\"\")\")c(?C{)})", "abc", 3},

	/* verbs */
	{"(*UTF)(*UCP)ab", "ab", 2},
	{"a(*COMMIT)b(*MARK:x)c(*:y)", "abc", 3},
	{"a(*ACCEPT)bcd", "a", 0},
	{"a(?:b(*ACCEPT)c|d)efg", "ab", 0},
	{"(*CR)(?x)a#b\rcd*\ne", "ace", 0},
	{"(*atomic:ab)(*sr:c)", "abc", 3},
	{"(*pla:ab)(*negative_lookahead:x)ab", "ab", 2}
};

static bool
is_matched(const char *pattern, const char *text)
{
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	pcre2_match_data *match = pcre2_match_data_create(1, NULL);
	pcre2_code *code;
	PCRE2_SIZE	offset;
	int			error;
	int			result = -1;

	pcre2_set_newline(context, PCRE2_NEWLINE_LF);
	code = pcre2_compile((PCRE2_SPTR) pattern, PCRE2_ZERO_TERMINATED,
						 PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED,
						 &error, &offset, context);
	if (code != NULL)
		result = pcre2_match(code, (PCRE2_SPTR) text, strlen(text), 0, 0,
							 match, NULL);
	pcre2_code_free(code);
	pcre2_match_data_free(match);
	pcre2_compile_context_free(context);
	return result >= 0;
}

/* Its parts are those of pattern. */
static HomeoSyntax
read_text(const char *pattern)
{
	/* In memory of exactly its size, so that reading beyond it is seen. */
	size_t		len = strlen(pattern);
	char	   *copy = malloc(len);
	HomeoSyntax syntax;

	memcpy(copy, pattern, len);
	syntax = homeo_syntax_read(homeo_slice(copy, len));
	for (int i = 0; i < syntax.parts.n; i++)
		syntax.parts.of[i].data = pattern + (syntax.parts.of[i].data - copy);
	free(copy);
	return syntax;
}

/* What every match contains one of, this one has to contain one of. */
static bool
has_part(const char *str, const HomeoSyntax *syntax)
{
	char	   *folded = malloc(strlen(str) + 1);
	size_t		len = homeo_syntax_fold(homeo_slice(str, strlen(str)), folded);
	bool		found = syntax->parts.n == 0;

	for (int i = 0; i < syntax->parts.n && !found; i++)
		found = homeo_syntax_find_part(homeo_slice(str, strlen(str)),
									   syntax->parts.of[i], syntax->caseless) ||
			(syntax->caseless &&
			 homeo_syntax_folds(homeo_slice(str, strlen(str))) &&
			 homeo_syntax_find_part(homeo_slice(folded, len),
									syntax->parts.of[i], true));
	free(folded);
	return found;
}

static void
test_parts(void)
{
	static const struct
	{
		const char *pattern;
		const char *parts;
	}			known[] = {
		{"abc", "abc"},
		{"^ab c$", "ab c"},
		{"ab*cde?f", "cd"},
		{"abc|d", "abc | d"},
		{"abc|d*", ""},
		{"abc|", ""},
		{"(?:abc|d)efg[hi]jk", "efg"},
		{"(abc)d", "abc"},
		{"(abc)?d", "d"},
		{"(abc){2}d", "d"},
		{"(?=abc)d", "d"},
		{"(?!abc)d", "d"},
		{"(a)(?(1)bcd|efg)h", "a"},
		{"(?:ab|cd|ef)g", "ab | cd | ef"},
		{"(?:ab|cd|ef)ghi", "ghi"},
		{"(?:ab|(?:cde|fg)h)|ij", "ab | cde | fg | ij"},
		{"a|b|c|d|e|f|g|h|i", "a | b | c | d | e | f | g | h | i"},
		{"ab(?:cd|(?:efg|hi(?:jklm|no)))pq|r", "ab | r"},
		{"ab(?:cde|(?:fgh|ij(?:klm|nop)))q|r", "cde | fgh | klm | nop | r"},
		{"(?:ab|c*)|(?:de|fg)", ""},
		{"(?:abc|def)gh(?:ijkl|mnop)", "ijkl | mnop"},
		{"(ab|c)", "ab | c"},
		{"ab\\.cde\\dfg", "cde"},
		{"ab.cde(?#x)fgh", "fgh"},
		{"abc(?i)de", "abc"},
		{"ab(?i)cde", "cde"},
		{"(?i)ask for it", "ask for it"},
		{"(?i)a\xc3\xa4sk", "sk"},
		{"(?i:ab|ks)c", "ab | ks"},
		{"(?i)\xc3\xa4" "bc", "bc"},
		{"(?x)a b", ""},
		{"abc\\Qd.ef\\Eg", "ab"},
		{"a{2}bcd", "bcd"},
		{"abc{0,2}de", "ab"},
		{"ab\xc3\xa9\xc3\xa9*c", "ab\xc3\xa9"},
		{"abc(*ACCEPT)defg", ""},
		{"a]b}c", "a]b}c"},
		{"", ""}
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
	{
		HomeoSyntaxParts parts = read_text(known[i].pattern).parts;
		char		joined[256] = "";

		for (int p = 0; p < parts.n; p++)
		{
			strcat(joined, p > 0 ? " | " : "");
			strncat(joined, parts.of[p].data, parts.of[p].len);
		}
		if (!tap_ok(strcmp(joined, known[i].parts) == 0, "parts %d", (int) i))
			tap_show("parts: ", joined, strlen(joined));
	}
}

/* As many parts as there is room for, and one more; at any depth. */
static void
test_many_parts(void)
{
	for (int n = HOMEO_SYNTAX_PARTS - 1; n <= HOMEO_SYNTAX_PARTS + 1; n++)
	{
		char		pattern[4 * HOMEO_SYNTAX_PARTS];
		int			expected = n <= HOMEO_SYNTAX_PARTS ? n : 0;
		int			len = 0;

		for (int i = 0; i < n; i++)
			len += snprintf(pattern + len, sizeof(pattern) - (size_t) len,
							"%s%c%c", i > 0 ? "|" : "", 'a' + i / 26, 'a' + i % 26);
		tap_ok(read_text(pattern).parts.n == expected, "%d of %d parts",
			   expected, n);
	}
	for (int depth = 1; depth <= 200; depth *= 5)
	{
		char		pattern[2048];
		int			len = 0;

		for (int i = 0; i < depth; i++)
			len += snprintf(pattern + len, sizeof(pattern) - (size_t) len, "ab(");
		len += snprintf(pattern + len, sizeof(pattern) - (size_t) len, "cde|fgh");
		for (int i = 0; i < depth; i++)
			len += snprintf(pattern + len, sizeof(pattern) - (size_t) len, ")");
		tap_ok(read_text(pattern).parts.n == 2, "parts at depth %d", depth);
	}
}

static void
test_cases(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		const Case *c = &cases[i];
		HomeoSyntax syntax = read_text(c->pattern);

		if (!tap_ok(is_matched(c->pattern, c->text) &&
					syntax.literals == c->literals &&
					has_part(c->text, &syntax), "case %d", (int) i))
		{
			tap_show("pattern: ", c->pattern, strlen(c->pattern));
			printf("#   matched %d, literals %d\n",
				   is_matched(c->pattern, c->text), syntax.literals);
		}
	}
}

static void
test_rest(void)
{
	char		deep[2001];

	tap_ok(read_text("a\\Gb").starts_at_offset &&
		   !read_text("\\\\Gb\\Q\\G\\E").starts_at_offset, "\\G is seen");
	memset(deep, '(', 2000);
	deep[2000] = '\0';
	(void) read_text(deep);
	tap_ok(true, "parentheses too deep for PCRE2 are read to an end");
}

int
main(void)
{
	test_cases();
	test_parts();
	test_many_parts();
	test_rest();
	return tap_done();
}
