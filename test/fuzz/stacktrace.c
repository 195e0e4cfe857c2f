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

/* The errors share the frames out, in order, and are inside of the text. */
static void
check_errors(const HomeoStackParser *parser, const HomeoFrame *frames,
			 size_t size)
{
	size_t		next = 0;
	size_t		ncut = 0;
	size_t		i;
	size_t		k;

	CHECK(parser->nerrors <= HOMEO_STACK_ERRORS);
	for (i = 0; i < parser->nerrors; i++)
	{
		const HomeoStackError *error = &parser->errors[i];

		CHECK(error->relation > HOMEO_STACK_UNRELATED &&
			  error->relation <= HOMEO_STACK_ASIDE);
		CHECK(error->of == HOMEO_STACK_NONE ||
			  (error->of < parser->nerrors && error->of != i));
		CHECK(error->begin <= error->end && error->end <= size);
		CHECK(error->first == next);
		next += error->nframes;
		ncut += error->ncut;
		for (k = error->first; k < next; k++)
			CHECK(frames[k].error == i);
	}
	CHECK(next == parser->nframes);
	CHECK(ncut <= parser->ncut);
	CHECK(parser->nerrors_cut > 0 || ncut == parser->ncut);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const languages[] = {
		"", "postgresql", "python", "javascript", "java", "other", "csharp",
		"go", "ruby", "php", "dart", "swift", "c", "rust", "elixir", "lua",
		"perl", "r"
	};
	const char *language = languages[take_byte(&data, &size) %
									 (sizeof(languages) /
									  sizeof(languages[0]))];
	size_t		maxframes = take_byte(&data, &size) % 32;
	char	   *copy = exact_copy(data, size);
	HomeoFrame *frames = malloc(maxframes * sizeof(HomeoFrame));
	HomeoStackParser parser;
	size_t		n;
	size_t		ncut;
	HomeoFrame *more;
	size_t		cut_more;
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
		CHECK(frames[i].function.len > 0 || frames[i].file.len > 0 ||
			  frames[i].module.len > 0);
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
	check_errors(&parser, frames, size);
	CHECK(parser.nframes >= n && parser.ncut >= ncut);
	CHECK(n == 0 || frames[n - 1].error < parser.nerrors);

	/* With room for all, the first frames are the same ones. */
	more = malloc((n + ncut + 1) * sizeof(HomeoFrame));
	CHECK(more != NULL);
	CHECK(homeo_stacktrace_parse(homeo_slice(language, strlen(language)),
								 homeo_slice(copy, size), more, n + ncut + 1,
								 &cut_more) >= n);
	for (i = 0; i < n; i++)
		CHECK(more[i].function.data == frames[i].function.data &&
			  more[i].file.data == frames[i].file.data &&
			  more[i].line == frames[i].line);
	free(more);
	free(frames);
	free(copy);
	return 0;
}
