/*
 * log_line.c
 *		Tests of how lines of logs are taken apart.
 */
#include "text/log_line.h"

#include <stdlib.h>

#include "tap.h"

typedef struct Case
{
	const char *message;
	const char *text;			/* as it is kept */
	const char *tokens;			/* one letter each, for its kind */
} Case;

static const char kind_letters[] = {
	[HOMEO_TOKEN_VALUE] = 'v',
	[HOMEO_TOKEN_NUMBERED] = 'N',
	[HOMEO_TOKEN_NAME] = 'n',
	[HOMEO_TOKEN_WORD] = 'w',
	[HOMEO_TOKEN_KEY] = 'k',
	[HOMEO_TOKEN_ANY] = '*'
};

static const Case cases[] = {
	{"", "", ""},
	{" -- ... ** ", "-- ... **", ""},
	{"Accepted password for bob from 10.1.2.3 port 22 ssh2",
	"Accepted password for bob from <ip> port <n> ssh<n>", "wwwwwvwvN"},
	{"org.acme.Main: setUp of in_use failed.",
	"org.acme.Main: setUp of in_use failed.", "nnwnw"},
	{"r\xc3\xa9sum\xc3\xa9 HTTP McDonald", "r\xc3\xa9sum\xc3\xa9 HTTP McDonald",
	"wwn"},

	/* values in a row are one, whatever is between but a quote */
	{"sizes (1, 2) [3] 4 and 5", "sizes (<n> and <n>", "wvwv"},
	{"0 bytes (1.1 KB) sent", "<size> sent", "vw"},
	{"stack (@0x1 @0x2 @0x3)", "stack (@<hex>)", "wv"},
	{"\"1\" \"2\"", "\"<n>\" \"<n>\"", "vv"},
	{"1 2: 3x", "<n>", "v"},

	/* what belongs to a name */
	{"LOCAL(0) id[7] up", "LOCAL(<n>) id[<n>] up", "NNw"},
	{"to cache:8080, not 10.0.0.1:80", "to cache:<n>, not <ip>", "wNwv"},
	{"1 (2):3-a x", "<n> :<n>-a x", "vNw"},
	{"f(x) g (1)", "f(x) g (<n>)", "wwwv"},
	{"Rect(0, 0 - 5, 5)", "Rect(<n> - <n>)", "Nv"},

	/* what is behind an equals sign */
	{"uid=0 user=bob", "uid=<n> user=bob", "kvkw"},
	{"user= host= x", "user=<v> host= x", "kvkw"},
	{"a= 1, b = two", "a= <n>, b = two", "kvkw"},
	{"(a=) [b=], c=", "(a=<v>) [b=<v>], c=<v>", "kvkvkv"},
	{"a=\"\" b=\"x y\" c=\"never", "a=\"<v>\" b=\"x y\" c=\"never", "kvkwwkw"},
	{"a == b, c=>d, 5=6", "a == b, c=>d, <n>", "wwwwv"},

	/* ends of sentences and dots */
	{"done. --all -x- ready..5", "done. --all -x- ready..<n>", "wwwwv"},
	{"address space.......0", "address space.......<n>", "wwv"},
	/* a line can't say that anything may stand somewhere */
	{"<*> <n> a<*> <dear>", "<v> a<v> <dear>", "vNv"},
};

static void
kinds_of(const HomeoLogLine *line, char *kinds)
{
	int			i;

	for (i = 0; i < line->ntokens; i++)
		kinds[i] = kind_letters[homeo_token_kind(line->tokens[i].key)];
	kinds[i] = '\0';
}

static void
test_cases(void)
{
	size_t		i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		const Case *c = &cases[i];
		char	   *copy = strdup(c->message);
		char		kinds[HOMEO_LOG_LINE_TOKENS + 1];
		HomeoLogLine line;

		homeo_log_line_read(copy, strlen(copy), &line);
		free(copy);
		kinds_of(&line, kinds);
		tap_same(line.str, line.len, c->text, c->message);
		tap_same(kinds, strlen(kinds), c->tokens, c->message);
	}
}

static void
read_line(const char *message, HomeoLogLine *line)
{
	homeo_log_line_read(message, strlen(message), line);
}

static void
test_keys(void)
{
	HomeoLogLine a;
	HomeoLogLine b;

	read_line("blk_1 of 5 for 10.0.0.1", &a);
	read_line("blk_-27 of /x for bob@example.com", &b);
	tap_ok(a.tokens[0].key == b.tokens[0].key, "numbers in words do not count");
	tap_ok(a.tokens[2].key == b.tokens[2].key &&
		   a.tokens[2].key == HOMEO_TOKEN_KEY_VALUE,
		   "values are the same, of whatever kind");
	read_line("Up up user user=1", &a);
	tap_ok(a.tokens[0].key != a.tokens[1].key, "case counts");
	tap_ok(a.tokens[2].key != a.tokens[3].key,
		   "the name of a value is not the word");
}

/* However long a line is, what was kept of it is read as it was. */
static void
test_cut(void)
{
	char		message[20000];
	HomeoLogLine line;
	HomeoLogLine again;
	bool		good = true;
	size_t		n;
	int			step;

	for (step = 1; step < 40; step++)
	{
		for (n = 0; n < sizeof(message); n++)
			message[n] = n % step == step - 1 ? " =,("[n / 40 % 4] : 'a';
		homeo_log_line_read(message, sizeof(message), &line);
		homeo_log_line_widen(&line, UINT64_C(0x5555555555555555));
		homeo_log_line_parse(line.str, line.len, &again);
		good = good && line.len <= HOMEO_LOG_LINE_BYTES &&
			again.ntokens == line.ntokens && again.len == line.len;
	}
	tap_ok(good, "long lines are cut between tokens");

	for (n = 0; n < sizeof(message); n++)
		message[n] = n % 26 == 0 ? 'a' : ',';
	homeo_log_line_read(message, sizeof(message), &line);
	homeo_log_line_widen(&line, UINT64_MAX);
	homeo_log_line_parse(line.str, line.len, &again);
	tap_ok(again.ntokens == line.ntokens && line.len <= HOMEO_LOG_LINE_BYTES,
		   "so that there is room for <*> in place of all of them");

	for (n = 0; n + 2 <= sizeof(message); n += 2)
		memcpy(message + n, n / 2 % 2 ? "a " : "b ", 2);
	homeo_log_line_read(message, sizeof(message), &line);
	tap_ok(line.ntokens == HOMEO_LOG_LINE_TOKENS, "so are those of many words");
}

static void
test_widen(void)
{
	HomeoLogLine line;
	HomeoLogLine again;
	char		kinds[HOMEO_LOG_LINE_TOKENS + 1];

	read_line("a=\"b\" id[7] of x(5), -me- y:1", &line);
	homeo_log_line_widen(&line, ~UINT64_C(1));
	tap_same(line.str, line.len, "a=\"<*>\" <*> <*> <*>, -<*>- <*>",
			 "any tokens become <*>");
	homeo_log_line_parse(line.str, line.len, &again);
	kinds_of(&again, kinds);
	tap_same(kinds, strlen(kinds), "k******", "and are read as that");
}

int
main(void)
{
	test_cases();
	test_keys();
	test_cut();
	test_widen();
	return tap_done();
}
