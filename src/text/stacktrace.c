/*
 * stacktrace.c
 *		Turns stack traces, as text or as lines, into frames.
 *
 * Anybody may call it, in any process, also without PostgreSQL: it includes
 * no postgres.h so that it can be built and fuzzed alone.  No locks; memory
 * is the caller's.
 *
 * This is the machine: it cuts the text into lines, asks the readers of the
 * languages (stack_language.h) what each line is, and has errors and frames
 * kept in order of rank (stack_keep.h).
 *
 * The root of a chain, which frames[0] is about, is
 *	 Java, JavaScript, Elixir	what the last "Caused by:", "[cause]:" or
 *								"** (EXIT)" names
 *	 .NET						what the last "--->" names
 *	 Python, PHP, Ruby 2.5		what is printed first: the error in whose
 *								handling, or from which, the others were raised
 *	 Ruby						what is printed last
 *	 groups of errors			the first of the group's errors, and its root
 *	 others						the error; they have no chains in their traces
 * Frames are as the language prints them: a line of Perl, PHP and Xdebug
 * names a function and where it was called, so an error's own place comes
 * first, with no function.
 */
#include "text/stacktrace.h"

#include "base/ascii.h"
#include "text/stack_keep.h"
#include "text/stack_language.h"
#include "text/stack_scan.h"

/* How sure the parser is of a language; more beats less. */
enum
{
	IS_NOTHING,
	IS_GENERIC,
	IS_PERHAPS,
	IS_FOUND,
	IS_GIVEN					/* added for the language that was given */
};

/* Where a form is shared, the language that has it more often comes first. */
static const HomeoStackLanguage *const languages[] = {
	&homeo_stack_postgres,
	&homeo_stack_python,
	&homeo_stack_jvm,
	&homeo_stack_javascript,
	&homeo_stack_dotnet,
	&homeo_stack_go,
	&homeo_stack_ruby,
	&homeo_stack_php,
	&homeo_stack_dart,
	&homeo_stack_swift,
	&homeo_stack_native,
	&homeo_stack_rust,
	&homeo_stack_beam,
	&homeo_stack_lua,
	&homeo_stack_perl,
	&homeo_stack_r
};

#define LANGUAGES	(sizeof(languages) / sizeof(languages[0]))

/* ----------------------------------------------------------------
 * Lines
 * ----------------------------------------------------------------
 */
static const HomeoStackLanguage *
language_at(uint32_t i)
{
	return i < LANGUAGES ? languages[i] : &homeo_stack_generic;
}

/* How much a reading says about the language. */
static int
strength_of(const HomeoStackParser *parser,
			const HomeoStackLanguage *language, HomeoStackKind kind,
			const HomeoStackReading *reading)
{
	int			strength = IS_NOTHING;

	if (language == &homeo_stack_generic)
		return kind == HOMEO_STACK_NOTHING ? IS_NOTHING : IS_GENERIC;
	if (kind == HOMEO_STACK_FRAME)
		strength = IS_FOUND;
	else if (kind == HOMEO_STACK_PERHAPS || reading->begins > HOMEO_STACK_ALONE)
		strength = IS_PERHAPS;
	else if (kind != HOMEO_STACK_NOTHING && language == parser->language)
		strength = IS_PERHAPS;
	if (strength != IS_NOTHING && language == parser->given)
		strength += IS_GIVEN;
	return strength;
}

/*
 * As memset() does, which compilers turn into an instruction that takes longer
 * to begin than the whole of this.
 */
static inline void
clear_reading(HomeoStackReading *reading)
{
	const HomeoSlice absent = {NULL, 0};

	reading->frame.function = absent;
	reading->frame.file = absent;
	reading->frame.module = absent;
	reading->frame.line = 0;
	reading->frame.column = 0;
	reading->frame.error = 0;
	reading->frame.in_app = false;
	reading->begins = HOMEO_STACK_UNRELATED;
	reading->depth = 0;
	reading->order = HOMEO_STACK_AS_LANGUAGE;
	reading->provisional = false;
	reading->returns = false;
	reading->head = absent;
	reading->rest = absent;
}

/* Shows the line to one reader. */
static HomeoStackKind
ask(const HomeoStackLanguage *language, unsigned char *state, bool sure,
	HomeoStackLine *line, HomeoStackReading *reading)
{
	clear_reading(reading);
	line->state = state;
	line->sure = sure;
	return language->read(line, reading);
}

/* Can the text turn out to be in another language yet? */
static bool
is_settled(const HomeoStackParser *parser)
{
	return parser->strength > IS_GIVEN ||
		(parser->strength >= IS_FOUND &&
		 (parser->given == NULL || parser->given == parser->language));
}

static bool
is_possible(const HomeoStackParser *parser, const HomeoStackLanguage *language)
{
	return parser->strength < IS_FOUND || language == parser->language ||
		language == parser->given;
}

/*
 * Asks the languages that the text may still be in, and fills in *reading and
 * *kind for the one that is surest; false if none has anything to say.
 */
static bool
recognise(HomeoStackParser *parser, HomeoStackLine *line,
		  HomeoStackReading *reading, HomeoStackKind *kind)
{
	uint32_t	best = LANGUAGES + 1;
	int			most = IS_NOTHING;
	uint32_t	n;

	/* The given one comes first; what it says of an error is enough. */
	for (n = 0; n <= LANGUAGES + 1 && most < IS_FOUND; n++)
	{
		uint32_t	i = n == 0 ? parser->given_number : n - 1;
		const HomeoStackLanguage *language = language_at(i);
		bool		now = language == parser->language;
		HomeoStackReading tried;
		HomeoStackKind what;
		int			strength;

		if (!is_possible(parser, language) ||
			(n == 0 ? parser->given == NULL : language == parser->given))
			continue;
		what = ask(language, &parser->states[i],
				   now || language == parser->given, line, &tried);
		strength = strength_of(parser, language, what, &tried);
		if (!now && strength <= parser->strength)
			strength = IS_NOTHING;
		if (strength > most ||
			(best > LANGUAGES && tried.begins == HOMEO_STACK_ALONE &&
			 (now || parser->strength < IS_PERHAPS)))
		{
			best = i;
			most = strength;
			*reading = tried;
			*kind = strength > IS_NOTHING ? what : HOMEO_STACK_NOTHING;
			if (n == 0)
				break;
		}
	}
	if (most > parser->strength)
	{
		if (parser->language != NULL && parser->language != language_at(best))
			homeo_stack_keep_reset(parser);
		parser->language = language_at(best);
		parser->state = &parser->states[best];
		parser->strength = most;
	}
	return best <= LANGUAGES;
}

/* Does what a reader has found about the line, which is at these bytes. */
static void
take_reading(HomeoStackParser *parser, const HomeoStackLine *line,
			 HomeoStackReading *reading, HomeoStackKind kind,
			 size_t begin, size_t end)
{
	static const HomeoStackReading alone = {
		.begins = HOMEO_STACK_ALONE
	};
	HomeoStackOpen *open;
	bool		frame;

	if (reading->begins != HOMEO_STACK_UNRELATED)
		homeo_stack_keep_begin(parser, reading, line->text, begin, end);
	if (kind == HOMEO_STACK_NOTHING)
		return;
	if (kind == HOMEO_STACK_PLACE && !parser->completes)
		kind = HOMEO_STACK_PERHAPS;
	frame = kind == HOMEO_STACK_FRAME || kind == HOMEO_STACK_PERHAPS;
	if (frame && parser->pending.error.relation == HOMEO_STACK_UNRELATED &&
		parser->current == HOMEO_STACK_NONE && !parser->dropping)
		homeo_stack_keep_begin(parser, &alone, homeo_slice(NULL, 0), begin,
							   end);
	if (reading->returns)
		homeo_stack_keep_return(parser);
	if (reading->order != HOMEO_STACK_AS_LANGUAGE)
		homeo_stack_keep_order(parser, reading->order);
	if (parser->pending.error.relation != HOMEO_STACK_UNRELATED)
		homeo_stack_keep_open(parser);
	if (frame)
		homeo_stack_keep_frame(parser, reading);
	else if (kind == HOMEO_STACK_PLACE)
		homeo_stack_keep_place(parser, &reading->frame);

	if (parser->dropping || parser->current == HOMEO_STACK_NONE)
		return;
	open = &parser->open[parser->current];
	open->error.end = end;
	if (kind == HOMEO_STACK_MESSAGE)
		open->error.head = reading->head.len > 0 ? reading->head : line->text;
	else if (kind == HOMEO_STACK_RETURN)
		homeo_stack_keep_return(parser);
}

/* Reads a line; false if it is not of a stack. */
static bool
read_line(HomeoStackParser *parser, HomeoStackLine *line, size_t begin,
		  size_t end)
{
	HomeoStackReading reading;
	HomeoStackKind kind = HOMEO_STACK_NOTHING;
	bool		found;

	if (is_settled(parser))
		kind = ask(parser->language, parser->state, true, line, &reading);
	else if (!recognise(parser, line, &reading, &kind))
		return false;
	take_reading(parser, line, &reading, kind, begin, end);
	found = kind != HOMEO_STACK_NOTHING;

	/* Only its own reader sees the rest, so that all of it is linear. */
	while (reading.rest.len > 0 && reading.rest.len < line->text.len)
	{
		line->text = reading.rest;
		kind = ask(parser->language, parser->state, true, line, &reading);
		take_reading(parser, line, &reading, kind, begin, end);
	}
	return found;
}

/* begin is where the line begins; raw is without its end. */
static void
add_line(HomeoStackParser *parser, HomeoSlice raw, size_t begin)
{
	HomeoStackLine line;
	HomeoSlice	body = raw;
	HomeoSlice text;

	if (raw.len > 0 && !homeo_ascii_is_space(raw.data[0]))
		body = homeo_stack_skip_prefix(raw);
	text = scan_trim(body);

	if (text.len == 0)
		return;
	line.text = text;

	line.indent = (uint32_t) (text.data - body.data);
	line.previous = parser->previous;
	line.after_frame = parser->after_frame;
	parser->after_frame = read_line(parser, &line, begin, begin + raw.len);
	parser->previous = text;
}

/* ----------------------------------------------------------------
 * The parser
 * ----------------------------------------------------------------
 */

/* Finds the language that has this name. */
static void
find_language(HomeoStackParser *parser, HomeoSlice name)
{
	uint32_t	i;
	size_t		n;

	if (name.len == 0)
		return;
	for (i = 0; i < LANGUAGES; i++)
	{
		for (n = 0; languages[i]->names[n] != NULL; n++)
		{
			if (homeo_ascii_equals_nocase(name.data, name.len,
										  languages[i]->names[n]))
			{
				parser->given = languages[i];
				parser->given_number = i;
				return;
			}
		}
	}
}

void
homeo_stacktrace_begin(HomeoStackParser *parser, HomeoSlice language,
					   HomeoFrame *frames, size_t maxframes)
{
	_Static_assert(LANGUAGES < HOMEO_STACK_LANGUAGES, "a byte for each");

	/* The rest is written before it is read. */
	memset(parser, 0, offsetof(HomeoStackParser, order));
	find_language(parser, language);
	parser->frames = frames;
	parser->maxframes = maxframes < HOMEO_STACK_NONE ? (uint32_t) maxframes :
		HOMEO_STACK_NONE - 1;
	parser->current = HOMEO_STACK_NONE;
	homeo_stack_keep_reset(parser);
}

void
homeo_stacktrace_add(HomeoStackParser *parser, HomeoSlice text)
{
	size_t		i = 0;

	while (i < text.len)
	{
		HomeoSlice	rest = scan_from(text, i);
		size_t		n = scan_find(rest, '\n');

		add_line(parser, scan_first(rest, n), parser->offset + i);
		i += n + 1;
	}
	parser->offset += text.len;
}

void
homeo_stacktrace_end(HomeoStackParser *parser)
{
	homeo_stack_keep_end(parser);
}

const char *
homeo_stacktrace_language(const HomeoStackParser *parser)
{
	return parser->strength >= IS_PERHAPS ? parser->language->names[0] : NULL;
}

size_t
homeo_stacktrace_parse(HomeoSlice language, HomeoSlice text,
					   HomeoFrame *frames, size_t maxframes, size_t *ncut)
{
	HomeoStackParser parser;
	size_t		nframes = 0;
	size_t		i;

	homeo_stacktrace_begin(&parser, language, frames, maxframes);
	homeo_stacktrace_add(&parser, text);
	homeo_stacktrace_end(&parser);
	*ncut = 0;
	for (i = 0; i < parser.nerrors &&
		 parser.errors[i].chain == parser.errors[0].chain; i++)
	{
		nframes += parser.errors[i].nframes;
		*ncut += parser.errors[i].ncut;
	}
	return nframes;
}
