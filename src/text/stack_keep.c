/*
 * stack_keep.c
 *		Keeps the errors of a text in order of rank, and as many of their
 *		frames as there is room for.
 *
 * Called by stacktrace.c only.  No locks; memory is the caller's.
 *
 * An error that is put into the order never changes its place relative to
 * others, and what comes into an error is put at one end of it.  So whatever
 * is behind the last place of the array once stays behind it, and can be
 * dropped at once: what is left is what would have been left of all.
 */
#include "text/stack_keep.h"

#include <string.h>

/* ----------------------------------------------------------------
 * Places of the array
 * ----------------------------------------------------------------
 */

/* The rank of an error. */
static uint32_t
rank_of(const HomeoStackParser *parser, uint32_t error)
{
	uint32_t	i;

	for (i = 0; i < parser->nopen && parser->order[i] != error; i++)
		;
	return i;
}

/* The last error that has a frame; HOMEO_STACK_NONE: there are no frames. */
static uint32_t
last_with_frames(const HomeoStackParser *parser)
{
	uint32_t	i;

	for (i = parser->nopen; i > 0; i--)
	{
		uint32_t	error = parser->order[i - 1];

		if (parser->open[error].error.nframes > 0)
			return error;
	}
	return HOMEO_STACK_NONE;
}

/* A place for a frame of this error, or HOMEO_STACK_NONE if it is left out. */
static uint32_t
take_place(HomeoStackParser *parser, uint32_t error)
{
	uint32_t	place = parser->free;
	uint32_t	last;
	HomeoStackOpen *from;

	if (place != HOMEO_STACK_NONE)
	{
		parser->free = parser->frames[place].error;
		return place;
	}
	if (parser->used < parser->maxframes)
		return parser->used++;
	last = last_with_frames(parser);
	if (last == HOMEO_STACK_NONE ||
		rank_of(parser, error) > rank_of(parser, last) ||
		(last == error && !parser->open[last].innermost_last))
		return HOMEO_STACK_NONE;
	from = &parser->open[last];
	place = from->outermost;
	from->outermost = parser->frames[place].error;
	if (--from->error.nframes == 0)
		from->innermost = HOMEO_STACK_NONE;
	from->error.ncut++;
	return place;
}

/* While the text is read, a frame's error is the next frame farther in. */
static void
link_frame(HomeoStackParser *parser, HomeoStackOpen *open, uint32_t place)
{
	HomeoFrame *frames = parser->frames;

	if (open->error.nframes++ == 0)
	{
		frames[place].error = HOMEO_STACK_NONE;
		open->outermost = open->innermost = place;
	}
	else if (open->innermost_last)
	{
		frames[place].error = HOMEO_STACK_NONE;
		frames[open->innermost].error = place;
		open->innermost = place;
	}
	else
	{
		frames[place].error = open->outermost;
		open->outermost = place;
	}
}

void
homeo_stack_keep_frame(HomeoStackParser *parser, HomeoStackReading *reading)
{
	HomeoFrame *frame = &reading->frame;
	HomeoStackOpen *open;
	uint32_t	place;

	frame->in_app = homeo_stack_in_app(parser->language, frame);
	parser->completes = frame->file.len == 0;
	parser->last = HOMEO_STACK_NONE;
	parser->found++;
	if (parser->dropping)
		return;

	open = &parser->open[parser->current];
	if (open->provisional && open->error.nframes == 1)
	{
		place = open->outermost;
		frame->error = parser->frames[place].error;
		parser->found--;
	}
	else
	{
		place = take_place(parser, parser->current);
		if (place == HOMEO_STACK_NONE)
		{
			open->error.ncut++;
			return;
		}
		link_frame(parser, open, place);
		frame->error = parser->frames[place].error;
	}
	open->provisional = reading->provisional;
	parser->frames[place] = *frame;
	parser->last = place;
}

void
homeo_stack_keep_place(HomeoStackParser *parser, const HomeoFrame *found)
{
	HomeoFrame *frame;

	if (parser->completes && parser->last != HOMEO_STACK_NONE)
	{
		frame = &parser->frames[parser->last];
		frame->file = found->file;
		frame->line = found->line;
		frame->column = found->column;
		frame->in_app = homeo_stack_in_app(parser->language, frame);
	}
	parser->completes = false;
}

/* ----------------------------------------------------------------
 * Errors, in order
 * ----------------------------------------------------------------
 */

/*
 * The error that one of this depth is about: the current one if it fits,
 * because a cause may be told after another one of the same error, else the
 * latest that does.
 */
static uint32_t
find_relative(const HomeoStackParser *parser, const HomeoStackOpen *open)
{
	bool		deeper = open->error.relation == HOMEO_STACK_MEMBER ||
	open->error.relation == HOMEO_STACK_SUPPRESSED;
	uint32_t	fits = HOMEO_STACK_NONE;
	uint32_t	latest = HOMEO_STACK_NONE;
	uint32_t	i;

	for (i = 0; i < parser->nopen; i++)
	{
		const HomeoStackOpen *other = &parser->open[i];

		if (other->error.relation == HOMEO_STACK_ASIDE)
			continue;
		if (latest == HOMEO_STACK_NONE ||
			other->serial > parser->open[latest].serial)
			latest = i;
		if (deeper ? other->depth >= open->depth : other->depth > open->depth)
			continue;
		if (i == parser->current && !parser->dropping)
			return i;
		if (fits == HOMEO_STACK_NONE ||
			other->serial > parser->open[fits].serial)
			fits = i;
	}
	return fits != HOMEO_STACK_NONE ? fits : latest;
}

static uint32_t
find_rank(const HomeoStackParser *parser, const HomeoStackOpen *open)
{
	uint32_t	rank = 0;

	switch (open->error.relation)
	{
		case HOMEO_STACK_CAUSE:
		case HOMEO_STACK_MEMBER:
			return rank_of(parser, open->error.of);
		case HOMEO_STACK_EFFECT:
			return rank_of(parser, open->error.of) + 1;
		case HOMEO_STACK_SUPPRESSED:
			rank = rank_of(parser, open->error.of);
			while (rank < parser->nopen &&
				   parser->open[parser->order[rank]].error.chain ==
				   open->error.chain)
				rank++;
			return rank;
		case HOMEO_STACK_ALONE:
			while (rank < parser->nopen &&
				   parser->open[parser->order[rank]].error.relation !=
				   HOMEO_STACK_ASIDE)
				rank++;
			return rank;
		default:
			return parser->nopen;
	}
}

/* Drops the last error, and returns its place. */
static uint32_t
drop_last_error(HomeoStackParser *parser)
{
	uint32_t	last = parser->order[--parser->nopen];
	HomeoStackOpen *open = &parser->open[last];
	uint32_t	i;

	if (open->error.nframes > 0)
	{
		parser->frames[open->innermost].error = parser->free;
		parser->free = open->outermost;
	}
	for (i = 0; i < HOMEO_STACK_ERRORS; i++)
	{
		if (parser->open[i].error.of == last)
			parser->open[i].error.of = HOMEO_STACK_NONE;
	}
	parser->nerrors_cut++;
	return last;
}

void
homeo_stack_keep_open(HomeoStackParser *parser)
{
	HomeoStackOpen open = parser->pending;
	uint32_t	rank;
	uint32_t	place = parser->nopen;
	uint32_t	i;

	parser->pending.error.relation = HOMEO_STACK_UNRELATED;
	open.error.of = HOMEO_STACK_NONE;
	open.error.chain = parser->chains;
	if (open.error.relation != HOMEO_STACK_ALONE &&
		open.error.relation != HOMEO_STACK_ASIDE)
		open.error.of = find_relative(parser, &open);
	if (open.error.of != HOMEO_STACK_NONE)
		open.error.chain = parser->open[open.error.of].error.chain;
	else
	{
		parser->chains++;
		if (open.error.relation != HOMEO_STACK_ASIDE)
			open.error.relation = HOMEO_STACK_ALONE;
	}
	open.serial = parser->serial++;
	open.innermost_last = open.order == HOMEO_STACK_AS_LANGUAGE ?
		parser->language != NULL && parser->language->innermost_last :
		open.order == HOMEO_STACK_INNERMOST_LAST;
	open.outermost = open.innermost = HOMEO_STACK_NONE;

	rank = find_rank(parser, &open);
	parser->dropping = rank == HOMEO_STACK_ERRORS;
	if (parser->dropping)
	{
		parser->nerrors_cut++;
		return;
	}
	if (place == HOMEO_STACK_ERRORS)
	{
		place = drop_last_error(parser);
		if (open.error.of == place)
			open.error.of = HOMEO_STACK_NONE;
	}
	for (i = parser->nopen++; i > rank; i--)
		parser->order[i] = parser->order[i - 1];
	parser->order[rank] = place;
	parser->open[place] = open;
	parser->current = place;
	parser->last = HOMEO_STACK_NONE;
}

void
homeo_stack_keep_begin(HomeoStackParser *parser,
					   const HomeoStackReading *reading, HomeoSlice line,
					   size_t begin, size_t end)
{
	HomeoStackOpen *pending = &parser->pending;
	HomeoStackRelation waiting = pending->error.relation;

	/* Of what begins with a word about the one before, the rest may follow. */
	if (reading->begins == HOMEO_STACK_ALONE &&
		waiting > HOMEO_STACK_ALONE && waiting != HOMEO_STACK_ASIDE)
	{
		if (reading->order != HOMEO_STACK_AS_LANGUAGE)
			pending->order = (int) reading->order;
		return;
	}
	if (reading->begins != HOMEO_STACK_ALONE &&
		reading->begins != HOMEO_STACK_ASIDE &&
		waiting != HOMEO_STACK_UNRELATED)
		homeo_stack_keep_open(parser);
	memset(pending, 0, sizeof(*pending));
	pending->error.relation = reading->begins;
	pending->error.head = line;
	pending->error.begin = begin;
	pending->error.end = end;
	pending->depth = reading->depth;
	pending->order = (int) reading->order;
}

void
homeo_stack_keep_order(HomeoStackParser *parser, HomeoStackOrder order)
{
	HomeoStackOpen *open;

	if (parser->pending.error.relation != HOMEO_STACK_UNRELATED)
		parser->pending.order = (int) order;
	else if (parser->current != HOMEO_STACK_NONE)
	{
		open = &parser->open[parser->current];
		if (open->error.nframes == 0 || open->provisional)
			open->innermost_last = order == HOMEO_STACK_INNERMOST_LAST;
	}
}

void
homeo_stack_keep_return(HomeoStackParser *parser)
{
	uint32_t	of = HOMEO_STACK_NONE;

	if (!parser->dropping && parser->current != HOMEO_STACK_NONE)
		of = parser->open[parser->current].error.of;
	if (of != HOMEO_STACK_NONE)
		parser->current = of;
}

void
homeo_stack_keep_reset(HomeoStackParser *parser)
{
	HomeoStackOpen *pending = &parser->pending;

	if (pending->error.relation == HOMEO_STACK_UNRELATED &&
		parser->current != HOMEO_STACK_NONE &&
		parser->open[parser->current].error.head.len > 0)
	{
		const HomeoStackError *error = &parser->open[parser->current].error;

		pending->error.relation = HOMEO_STACK_ALONE;
		pending->error.head = error->head;
		pending->error.begin = error->begin;
		pending->error.end = error->end;
	}
	parser->found = 0;
	parser->used = 0;
	parser->free = HOMEO_STACK_NONE;
	parser->last = HOMEO_STACK_NONE;
	parser->nopen = 0;
	parser->nerrors_cut = 0;
	parser->chains = 0;
	parser->dropping = false;
	parser->completes = false;
	parser->current = HOMEO_STACK_NONE;
}

/* ----------------------------------------------------------------
 * Results
 * ----------------------------------------------------------------
 */

/* Gives the frames of each error, and the free places, their new places. */
static void
number_places(HomeoStackParser *parser)
{
	uint32_t	first = 0;
	uint32_t	next;
	uint32_t	place;
	uint32_t	i;

	for (i = 0; i < parser->nopen; i++)
	{
		HomeoStackOpen *open = &parser->open[parser->order[i]];

		open->error.first = first;
		first += (uint32_t) open->error.nframes;
		next = first;
		for (place = open->outermost; next > open->error.first;)
		{
			uint32_t	inner = parser->frames[place].error;

			parser->frames[place].error = --next;
			place = inner;
		}
	}
	parser->nframes = first;
	for (place = parser->free; place != HOMEO_STACK_NONE;)
	{
		next = parser->frames[place].error;
		parser->frames[place].error = first++;
		place = next;
	}
}

/* Brings the frames to their new places. */
static void
move_frames(HomeoStackParser *parser)
{
	HomeoFrame *frames = parser->frames;
	uint32_t	i;

	for (i = 0; i < parser->used; i++)
	{
		while (frames[i].error != i)
		{
			uint32_t	to = frames[i].error;
			HomeoFrame	other = frames[to];

			frames[to] = frames[i];
			frames[i] = other;
		}
	}
}

void
homeo_stack_keep_end(HomeoStackParser *parser)
{
	uint32_t	i;
	size_t		n;

	number_places(parser);
	move_frames(parser);
	parser->nerrors = parser->nopen;
	parser->ncut = parser->found - parser->nframes;
	for (i = 0; i < parser->nopen; i++)
	{
		HomeoStackError *error = &parser->errors[i];

		*error = parser->open[parser->order[i]].error;
		if (error->of != HOMEO_STACK_NONE)
			error->of = rank_of(parser, error->of);
		for (n = error->first; n < error->first + error->nframes; n++)
			parser->frames[n].error = i;
	}
}
