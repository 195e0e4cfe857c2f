/*
 * rules_yardstick.c
 *		What matching costs with nothing around it.
 *
 * usage: rules_yardstick PATTERNS TEXTS
 *
 * Both are files with one string a line, in hexadecimal.  Prints the time in
 * nanoseconds that a text takes on average: "scan", one scan with Vectorscan
 * for all patterns, and one match with PCRE2 of a pattern that it reports;
 * "loop", a match of each pattern with PCRE2, of some of the texts.
 */
#define _GNU_SOURCE
#define PCRE2_CODE_UNIT_WIDTH 8
#include <hs.h>
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Texts that each pattern is matched against alone. */
#define LOOP_TEXTS	40

#define SCAN_FLAGS	(HS_FLAG_UTF8 | HS_FLAG_ALLOWEMPTY | HS_FLAG_SINGLEMATCH)

typedef struct Line
{
	char	   *bytes;			/* with a terminator */
	size_t		len;
}			Line;

typedef struct Lines
{
	Line	   *of;
	size_t		n;
}			Lines;

static void
die(const char *what)
{
	fprintf(stderr, "rules_yardstick: %s\n", what);
	exit(1);
}

static void *
allocate(size_t size)
{
	void	   *memory = malloc(size > 0 ? size : 1);

	if (memory == NULL)
		die("out of memory");
	return memory;
}

static Lines
read_lines(const char *path)
{
	FILE	   *file = fopen(path, "r");
	Lines		lines = {NULL, 0};
	char	   *line = NULL;
	size_t		room = 0;
	ssize_t		len;

	if (file == NULL)
		die(path);
	while ((len = getline(&line, &room, file)) > 0)
	{
		Line		made = {allocate((size_t) len / 2 + 1), (size_t) len / 2};

		for (size_t i = 0; i < made.len; i++)
		{
			unsigned int byte;

			if (sscanf(line + 2 * i, "%2x", &byte) != 1)
				die("a line is not in hexadecimal");
			made.bytes[i] = (char) byte;
		}
		made.bytes[made.len] = '\0';
		lines.of = realloc(lines.of, sizeof(Line) * (lines.n + 1));
		if (lines.of == NULL)
			die("out of memory");
		lines.of[lines.n++] = made;
	}
	free(line);
	fclose(file);
	return lines;
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec * 1e9 + (double) t.tv_nsec;
}

static unsigned int
choose_flags(const char *pattern)
{
	static const unsigned int choices[] = {SCAN_FLAGS, SCAN_FLAGS | HS_FLAG_PREFILTER};

	for (int i = 0; i < 2; i++)
	{
		hs_expr_info_t *info = NULL;
		hs_compile_error_t *error = NULL;
		hs_error_t	result = hs_expression_info(pattern, choices[i], &info, &error);

		free(info);
		hs_free_compile_error(error);
		if (result == HS_SUCCESS)
			return choices[i];
	}
	return 0;
}

static hs_database_t *
compile_scan(const Lines * patterns)
{
	const char **texts = allocate(sizeof(char *) * patterns->n);
	unsigned int *flags = allocate(sizeof(unsigned int) * patterns->n);
	unsigned int *ids = allocate(sizeof(unsigned int) * patterns->n);
	unsigned int n = 0;
	hs_database_t *database = NULL;
	hs_compile_error_t *error = NULL;

	for (size_t i = 0; i < patterns->n; i++)
	{
		texts[n] = patterns->of[i].bytes;
		ids[n] = (unsigned int) i;
		flags[n] = choose_flags(texts[n]);
		if (flags[n] != 0)
			n++;
	}
	if (hs_compile_multi(texts, flags, ids, n, HS_MODE_BLOCK, NULL, &database,
						 &error) != HS_SUCCESS)
		die(error != NULL ? error->message : "Vectorscan cannot compile");
	free(texts);
	free(flags);
	free(ids);
	return database;
}

static pcre2_code * *compile_all(const Lines * patterns)
{
	pcre2_code **codes = allocate(sizeof(*codes) * patterns->n);

	for (size_t i = 0; i < patterns->n; i++)
	{
		int			error;
		PCRE2_SIZE	offset;

		codes[i] = pcre2_compile((PCRE2_SPTR) patterns->of[i].bytes,
								 patterns->of[i].len, PCRE2_UTF, &error,
								 &offset, NULL);
		if (codes[i] != NULL)
			(void) pcre2_jit_compile(codes[i], PCRE2_JIT_COMPLETE);
	}
	return codes;
}

/* Keeps the first pattern that is reported. */
static int
keep_first(unsigned int id, unsigned long long from, unsigned long long to,
		   unsigned int flags, void *arg)
{
	int		   *first = arg;

	if (*first < 0)
		*first = (int) id;
	return 0;
}

static void
match_one(const pcre2_code * code, const Line * line, pcre2_match_data * data)
{
	if (code != NULL)
		(void) pcre2_match(code, (PCRE2_SPTR) line->bytes, line->len, 0,
						   PCRE2_NO_UTF_CHECK, data, NULL);
}

int
main(int argc, char **argv)
{
	Lines		patterns;
	Lines		lines;
	hs_database_t *database;
	hs_scratch_t *scratch = NULL;
	pcre2_code **codes;
	pcre2_match_data *data = pcre2_match_data_create(64, NULL);
	double		began;
	size_t		nloop;

	if (argc != 3)
		die("usage: rules_yardstick PATTERNS TEXTS");
	patterns = read_lines(argv[1]);
	lines = read_lines(argv[2]);
	database = compile_scan(&patterns);
	codes = compile_all(&patterns);
	if (hs_alloc_scratch(database, &scratch) != HS_SUCCESS)
		die("out of memory");

	/* Once to warm up. */
	for (int round = 0; round < 2; round++)
	{
		began = now();
		for (size_t i = 0; i < lines.n; i++)
		{
			int			first = -1;

			if (hs_scan(database, lines.of[i].bytes,
						(unsigned int) lines.of[i].len, 0, scratch, keep_first,
						&first) != HS_SUCCESS)
				die("Vectorscan cannot scan");
			if (first >= 0)
				match_one(codes[first], &lines.of[i], data);
		}
	}
	printf("scan %.0f\n", (now() - began) / (double) lines.n);

	nloop = lines.n < LOOP_TEXTS ? lines.n : LOOP_TEXTS;
	began = now();
	for (size_t i = 0; i < nloop; i++)
	{
		for (size_t p = 0; p < patterns.n; p++)
			match_one(codes[p], &lines.of[i * (lines.n / nloop)], data);
	}
	printf("loop %.0f\n", (now() - began) / (double) nloop);
	return 0;
}
