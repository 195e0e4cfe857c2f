/*
 * stacktrace.c
 *		Fuzz target for the stack parser.
 *
 * The first byte chooses the language, the second the number of frames there
 * is room for; the rest is the trace.
 */
#include "text/stacktrace.h"

#include "check.h"

static void
check_inside(HomeoSlice s, const char *text, size_t size)
{
	if (s.len == 0)
		CHECK(s.data == NULL);
	else
		CHECK(s.data >= text &&s.len <= size &&
			  s.data <= text +(size - s.len));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const languages[] = {
		"", "postgresql", "python", "javascript", "java", "other"
	};
	const char *language = languages[take_byte(&data, &size) % 6];
	size_t		maxframes = take_byte(&data, &size) % 32;
	char	   *copy = exact_copy(data, size);
	HomeoFrame *frames = malloc(maxframes * sizeof(HomeoFrame));
	HomeoStackParser parser;
	size_t		n;
	size_t		ncut;
	size_t		i;

	CHECK(frames != NULL || maxframes == 0);
	n = homeo_stacktrace_parse(homeo_slice(language, strlen(language)),
							   homeo_slice(copy, size),
							   frames, maxframes, &ncut);
	CHECK(n <= maxframes);
	CHECK(ncut == 0 || n == maxframes);
	for (i = 0; i < n; i++)
	{
		check_inside(frames[i].function, copy, size);
		check_inside(frames[i].file, copy, size);
		check_inside(frames[i].module, copy, size);
		CHECK(frames[i].function.len > 0 || frames[i].file.len > 0);
	}

	/* In two pieces, cut behind a line, it is the same trace. */
	for (i = size / 2; i < size && copy[i] != '\n'; i++)
		;
	i = i < size ? i + 1 : size;
	homeo_stacktrace_begin(&parser, homeo_slice(language, strlen(language)),
						   frames, maxframes);
	homeo_stacktrace_add(&parser, homeo_slice(copy, i));
	homeo_stacktrace_add(&parser, homeo_slice(copy + i, size - i));
	homeo_stacktrace_end(&parser);
	CHECK(parser.nframes == n && parser.ncut == ncut);
	free(frames);
	free(copy);
	return 0;
}
