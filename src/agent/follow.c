/*
 * follow.c
 *		The records of a stream, one after the other.
 *
 * Bytes are read in pieces and kept until they are a record.  Of a line that
 * is too long the beginning is kept, and the rest thrown away as it comes, so
 * that memory does not grow with the line; the stream's position moves only
 * when its end was found, so that a restart finds its beginning again.
 */
#include "agent/follow.h"

#include <errno.h>

#include "agent/say.h"

#define PIECE		((size_t) 64 * 1024)

/* Enough of a line to ask whether a record begins with it. */
#define LOOK_AHEAD	((size_t) 64)

static HomeoSpan
unread(const HomeoStream *stream)
{
	if (stream->bytes.len == 0)
		return agent_span("", 0);
	return agent_span(stream->bytes.data + stream->start,
					  stream->bytes.len - stream->start);
}

/* Nothing could be read, although the file has not ended; returns false. */
static bool
note_trouble(HomeoStream *stream, ssize_t got)
{
	int			problem = errno;
	struct stat st;

	if (got == AGENT_SOURCE_INCOMPLETE &&
		agent_source_stat(&stream->source, &st) &&
		agent_now() - agent_stream_changed(&st) < AGENT_INCOMPLETE_TIME)
	{
		/* It is being written: opened again by the next scan. */
		agent_source_close(&stream->source);
		return false;
	}
	if (!stream->trouble_said)
		agent_warn("could not read %s: %s", stream->path,
				   got == AGENT_SOURCE_INCOMPLETE ?
				   "the compressed file breaks off" :
				   stream->source.gz != NULL && problem == EIO ?
				   "the compressed file is damaged" : strerror(problem));
	stream->trouble_said = true;
	if (stream->source.gz != NULL)
		stream->ending = true;
	return false;
}

/* Reads another piece; false: there is none now. */
static bool
fill(HomeoStream *stream)
{
	int64_t		offset = agent_stream_next(stream);
	ssize_t		got;
	char	   *room;

	if (!agent_stream_is_open(stream))
		return false;
	if (stream->start > 0)
	{
		agent_buffer_drop(&stream->bytes, stream->start);
		stream->start = 0;
	}
	room = agent_buffer_room(&stream->bytes, PIECE);
	got = agent_source_read(&stream->source, offset, room, PIECE);
	if (got < 0)
		return note_trouble(stream, got);
	if (got == 0)
	{
		/* A compressed file has an end, and this is it. */
		if (stream->source.gz != NULL)
			stream->ending = true;
		return false;
	}

	/*
	 * The file may have been truncated and written anew since it was looked
	 * at; then these are not the stream's bytes.  The next scan sees to it.
	 */
	if (agent_stream_is_cut(stream))
		return false;
	if ((int64_t) stream->head_known == offset && offset < AGENT_HEAD)
	{
		size_t		n = AGENT_HEAD - stream->head_known;

		if (n > (size_t) got)
			n = (size_t) got;
		memcpy(stream->head + stream->head_known, room, n);
		stream->head_known += n;
	}
	stream->bytes.len += (size_t) got;
	stream->bytes.data[stream->bytes.len] = '\0';
	stream->grown = agent_ticks();
	return true;
}

/* Which format the stream has; needs a line. */
static bool
know_format(HomeoStream *stream, HomeoMore more)
{
	HomeoSpan text = unread(stream);

	if (stream->format != NULL)
		return true;
	if (more == HOMEO_MORE_COMES && text.len < PIECE &&
		memchr(text.data, '\n', text.len) == NULL)
		return false;
	if (text.len > PIECE)
		text.		len = PIECE;

	stream->format = agent_format_detect(text);
	return stream->format != NULL;
}

static bool
give(HomeoStream *stream, size_t len, HomeoRecord *record)
{
	record->offset = stream->position;
	record->text = agent_span(unread(stream).data, len);
	record->cut = false;
	record->used = len;
	record->length = (int64_t) len;
	return true;
}

/*
 * Looks for the end of a line that is too long.  Its beginning stays in the
 * buffer; what is behind that goes.
 */
static bool
skip(HomeoStream *stream, bool last, HomeoRecord *record)
{
	bool		(*begins) (HomeoSpan) = stream->format->begins;
	HomeoSpan text = unread(stream);
	size_t		pos = AGENT_RECORD_LIMIT;
	size_t		keep;

	for (;;)
	{
		const char *end = pos >= text.len ? NULL :
		memchr(text.data + pos, '\n', text.len - pos);

		if (end == NULL)
		{
			pos = text. len;

			break;
		}
		keep = (size_t) (end - text.data) +1;
		if (begins == NULL || begins(agent_span_from(text, keep)))
		{
			pos = keep;
			goto found;
		}
		if (text.len - keep < LOOK_AHEAD && !last)
		{
			pos = keep - 1;
			break;
		}
		pos = keep;
	}
	if (!last)
	{
		memmove(stream->bytes.data + stream->start + AGENT_RECORD_LIMIT,
				text.data + pos, text.len - pos);
		stream->bytes.len -= pos - AGENT_RECORD_LIMIT;
		stream->skipped += (int64_t) (pos - AGENT_RECORD_LIMIT);
		return false;
	}

found:
	record->offset = stream->position;
	record->text = agent_span(text.data, AGENT_RECORD_LIMIT);
	record->cut = true;
	record->used = pos;
	record->length = (int64_t) pos + stream->skipped;
	return true;
}

/* A record in what was read already. */
static bool
find(HomeoStream *stream, HomeoMore more, HomeoRecord *record)
{
	HomeoSpan text = unread(stream);
	size_t		len;

	if (text.len == 0 || !know_format(stream, more))
		return false;
	if (stream->skipping)
		return skip(stream, more == HOMEO_MORE_NEVER, record);
	len = stream->format->frame(&stream->frame, text, more);
	if (len > 0)
		return give(stream, len, record);
	if (text.len < AGENT_RECORD_LIMIT)
		return false;

	/* Many lines are cut between two, one line within. */
	if (stream->format->begins == NULL && stream->frame.scanned > 0)
	{
		(void) give(stream, stream->frame.scanned, record);
		record->cut = true;
		return true;
	}
	stream->skipping = true;
	stream->skipped = 0;
	return skip(stream, more == HOMEO_MORE_NEVER, record);
}

bool
agent_follow_record(HomeoStream *stream, bool at_end, HomeoRecord *record)
{
	do
	{
		if (find(stream, HOMEO_MORE_COMES, record))
			return true;
	} while (fill(stream));

	if (stream->ending)
		return find(stream, HOMEO_MORE_NEVER, record);
	if (at_end || agent_ticks() - stream->grown >= AGENT_QUIET)
		return find(stream, HOMEO_MORE_LATER, record);
	return false;
}

void
agent_follow_pass(HomeoStream *stream, const HomeoRecord *record)
{
	const char *bytes = unread(stream).data;

	if (stream->skipping)
	{
		/* What was thrown away is no evidence. */
		stream->tail_known = 0;
		agent_stream_pass(stream, bytes + AGENT_RECORD_LIMIT,
						  record->used - AGENT_RECORD_LIMIT);
	}
	else
		agent_stream_pass(stream, bytes, record->used);
	stream->start += record->used;
	stream->position += record->length;
	stream->skipping = false;
	stream->skipped = 0;
	memset(&stream->frame, 0, sizeof(stream->frame));
	if (stream->start == stream->bytes.len)
	{
		stream->start = 0;
		agent_buffer_clear(&stream->bytes);
		/* A long line must not keep its memory. */
		if (stream->bytes.room > 4 * PIECE)
			agent_buffer_free(&stream->bytes);
	}
}
