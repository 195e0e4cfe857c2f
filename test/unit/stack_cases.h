/*
 * stack_cases.h
 *		Compares what is found in stack traces with what was expected.
 *
 * A test program of one or more languages has an array of cases and returns
 * run_cases().  Not part of the module.
 */
#ifndef HOMEO_STACK_CASES_H
#define HOMEO_STACK_CASES_H

#include "text/stacktrace.h"

#include <stdlib.h>

#include "tap.h"

#define CASE_FRAMES	64

typedef struct Case
{
	const char *name;
	const char *text;

	/*
	 * The language; for each error "= ", what it is, of which other one, and
	 * its heading; for each of its frames a line with "A" or "-", function,
	 * file, module, line, column.
	 */
	const char *expected;
} Case;

static inline HomeoSlice
slice_of(const char *string)
{
	return homeo_slice(string, string != NULL ? strlen(string) : 0);
}

static inline void
print_frame(char *out, size_t cap, const HomeoFrame *frame)
{
	size_t		n = strlen(out);

	snprintf(out + n, cap - n, "%s|%.*s|%.*s|%.*s|%lu|%lu\n",
			 frame->in_app ? "A" : "-",
			 (int) frame->function.len,
			 frame->function.len ? frame->function.data : "",
			 (int) frame->file.len, frame->file.len ? frame->file.data : "",
			 (int) frame->module.len,
			 frame->module.len ? frame->module.data : "",
			 (unsigned long) frame->line, (unsigned long) frame->column);
}

static inline void
print_error(char *out, size_t cap, const HomeoStackError *error)
{
	static const char *const relations[] = {
		"?", "alone", "cause", "effect", "member", "suppressed", "aside"
	};
	size_t		n = strlen(out);

	n += (size_t) snprintf(out + n, cap - n, "= %s",
						   relations[error->relation]);
	if (error->of != HOMEO_STACK_NONE)
		n += (size_t) snprintf(out + n, cap - n, " of %lu",
							   (unsigned long) error->of);
	snprintf(out + n, cap - n, ": %.*s\n", (int) error->head.len,
			 error->head.len ? error->head.data : "");
}

/* Parses a copy of exactly the text's size, and prints all results. */
static inline void
print_trace(char *out, size_t cap, const char *language, const char *text)
{
	static HomeoFrame frames[CASE_FRAMES];
	static HomeoStackParser parser;
	HomeoSlice	given = slice_of(text);
	char	   *copy = malloc(given.len);
	const char *found;
	size_t		i;
	size_t		k;

	memcpy(copy, text, given.len);
	homeo_stacktrace_begin(&parser, slice_of(language), frames, CASE_FRAMES);
	homeo_stacktrace_add(&parser, homeo_slice(copy, given.len));
	homeo_stacktrace_end(&parser);
	found = homeo_stacktrace_language(&parser);
	snprintf(out, cap, "%s\n", found != NULL ? found : "-");
	for (i = 0; i < parser.nerrors; i++)
	{
		const HomeoStackError *error = &parser.errors[i];

		print_error(out, cap, error);
		for (k = error->first; k < error->first + error->nframes; k++)
			print_frame(out, cap, &frames[k]);
	}
	free(copy);
}

/* Each case without being told the language, and with it. */
static inline int
run_cases(const Case *cases, size_t ncases)
{
	static char got[20000];
	size_t		i;

	for (i = 0; i < ncases; i++)
	{
		const Case *c = &cases[i];
		size_t		n = strcspn(c->expected, "\n");
		char		language[32];

		print_trace(got, sizeof(got), NULL, c->text);
		tap_same(got, strlen(got), c->expected, c->name);
		if (c->expected[0] == '-')
			continue;
		snprintf(language, sizeof(language), "%.*s", (int) n, c->expected);
		print_trace(got, sizeof(got), language, c->text);
		tap_ok(strcmp(got, c->expected) == 0, "... told that it is %s",
			   language);
	}
	return tap_done();
}

#endif							/* HOMEO_STACK_CASES_H */
