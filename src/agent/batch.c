/*
 * batch.c
 *		Events that are reported together, and the places that then are taken.
 *
 * An event whose record has no time is reported as of the time when it was
 * read.  It must have the same one when it is reported again, after a crash
 * for instance, because then the database knows it again.  So that time is
 * saved with the stream before the batch leaves: its intent.
 */
#include "agent/batch.h"

#include "agent/say.h"

/* Between events, and nowhere else: strings have no line ends in JSON. */
#define SEPARATOR		",\n"

static HomeoMark *
mark_of(HomeoBatch *batch, const HomeoStream *stream)
{
	for (int i = 0; i < batch->nmarks; i++)
	{
		if (batch->marks[i].stream == stream)
			return &batch->marks[i];
	}
	return NULL;
}

static void
open_batch(HomeoBatch *batch)
{
	if (batch->opened != 0)
		return;
	batch->opened = agent_ticks();
	batch->asof = agent_now();
}

bool
agent_batch_asof(HomeoBatch *batch, const HomeoStream *stream, int64_t offset,
				 int64_t *asof)
{
	const HomeoMark *mark = mark_of(batch, stream);

	open_batch(batch);
	*asof = offset < stream->intent_end ? stream->intent_time : batch->asof;
	return mark == NULL || mark->asof == *asof;
}

HomeoBuffer *
agent_batch_event(HomeoBatch *batch)
{
	agent_buffer_add_string(&batch->json, batch->events == 0 ? "[" : SEPARATOR);
	batch->events++;
	return &batch->json;
}

void
agent_batch_mark(HomeoBatch *batch, HomeoStream *stream, int64_t asof,
				 bool used)
{
	HomeoMark  *mark = mark_of(batch, stream);

	open_batch(batch);
	if (mark == NULL)
	{
		if (batch->nmarks == batch->room)
		{
			batch->room = batch->room == 0 ? 8 : 2 * batch->room;
			batch->marks = agent_reallocate(batch->marks, sizeof(HomeoMark) *
											(size_t) batch->room);
		}
		mark = &batch->marks[batch->nmarks++];
		mark->stream = stream;
		mark->used = false;
	}
	mark->asof = asof;
	mark->used |= used;
	mark->place = agent_stream_place(stream);
}

HomeoSpan
agent_batch_close(HomeoBatch *batch)
{
	if (batch->events > 0 && batch->json.data[batch->json.len - 1] != ']')
		agent_buffer_add_char(&batch->json, ']');
	return agent_buffer_span(&batch->json);
}

/* Returns whether the state has to be saved before the batch leaves. */
bool
agent_batch_intend(HomeoBatch *batch)
{
	bool		needed = false;

	for (int i = 0; i < batch->nmarks; i++)
	{
		HomeoMark  *mark = &batch->marks[i];
		HomeoStream *s = mark->stream;

		/* The ids of its events depend on what the state says of others. */
		if (!s->saved)
			needed = true;
		if (!mark->used ||
			(s->intent_time == mark->asof &&
			 s->intent_end >= mark->place.offset))
			continue;
		s->intent_time = mark->asof;
		s->intent_end = mark->place.offset;
		needed = true;
	}
	return needed;
}

void
agent_batch_take(HomeoBatch *batch)
{
	for (int i = 0; i < batch->nmarks; i++)
		agent_stream_take(batch->marks[i].stream, &batch->marks[i].place);
	agent_buffer_clear(&batch->json);
	batch->events = 0;
	batch->nmarks = 0;
	batch->opened = 0;
}

void
agent_batch_part(HomeoSpan json, int first, int last, HomeoBuffer *out)
{
	HomeoSpan	rest = agent_span_from(json, 1);

	agent_buffer_add_char(out, '[');
	for (int i = 0; i < last && rest.len > 1; i++)
	{
		HomeoSpan	event = agent_span_line(rest, &rest);

		/* Behind the event is a comma or, at the end, the bracket. */
		event.len--;
		if (i < first)
			continue;
		if (i > first)
			agent_buffer_add_string(out, SEPARATOR);
		agent_buffer_add(out, event.data, event.len);
	}
	agent_buffer_add_char(out, ']');
}
