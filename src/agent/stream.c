/*
 * stream.c
 *		What was once written into one file, wherever it is now.
 */
#include "agent/stream.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/hash.h"
#include "agent/say.h"

/* A copy that is being made grows at least so often. */
#define COPY_TIME		(2 * AGENT_SECOND)

int64_t
agent_stream_changed(const struct stat *st)
{
	return (int64_t) st->st_mtim.tv_sec * AGENT_SECOND +
		st->st_mtim.tv_nsec / 1000;
}

HomeoStream *
agent_stream_new(const char *path, const char *real)
{
	HomeoStream *stream = agent_allocate(sizeof(HomeoStream));

	stream->path = agent_copy_string(path);
	stream->real = agent_copy_string(real);
	stream->source.fd = -1;
	stream->grown = agent_ticks();
	return stream;
}

void
agent_stream_free(HomeoStream *stream)
{
	agent_source_close(&stream->source);
	agent_buffer_free(&stream->bytes);
	free(stream->path);
	free(stream->real);
	free(stream);
}

uint64_t
agent_stream_first_line(const char *head, size_t len)
{
	const char *end = len == 0 ? NULL : memchr(head, '\n', len);

	return agent_hash(head, end == NULL ? len : (size_t) (end - head) + 1);
}

/*
 * Compares len bytes at offset with their hash.  Where the file ends before,
 * it may yet grow, if it was written to a moment ago.
 */
static HomeoPresence
compare(HomeoSource *source, int64_t offset, size_t len, uint64_t hash)
{
	char		bytes[AGENT_HEAD];
	struct stat st;
	int64_t		age;

	if (len > sizeof(bytes))
		return HOMEO_NOT_IN;
	if (agent_source_read_all(source, offset, bytes, len))
		return agent_hash(bytes, len) == hash ? HOMEO_IS_IN : HOMEO_NOT_IN;
	if (!agent_source_stat(source, &st))
		return HOMEO_NOT_IN;
	age = agent_now() - agent_stream_changed(&st);
	if (source->gz != NULL)
		return age < AGENT_INCOMPLETE_TIME &&
			agent_source_read(source, offset, bytes, 1) ==
			AGENT_SOURCE_INCOMPLETE ? HOMEO_MAY_BE_IN : HOMEO_NOT_IN;
	return age < COPY_TIME ? HOMEO_MAY_BE_IN : HOMEO_NOT_IN;
}

HomeoPresence
agent_stream_in(const HomeoStream *stream, HomeoSource *source)
{
	HomeoPresence head;

	if (stream->taken.offset == 0)
	{
		char		bytes[AGENT_HEAD];
		ssize_t		got = agent_source_read(source, 0, bytes, sizeof(bytes));

		if (got <= 0)
			return got == AGENT_SOURCE_INCOMPLETE ? HOMEO_MAY_BE_IN :
				HOMEO_NOT_IN;
		return agent_stream_first_line(bytes, (size_t) got) ==
			stream->first_line ? HOMEO_IS_IN : HOMEO_NOT_IN;
	}
	head = compare(source, 0, stream->head_len, stream->head_hash);
	if (head != HOMEO_IS_IN)
		return head;
	return compare(source, stream->taken.offset - stream->taken.tail_len,
				   stream->taken.tail_len, stream->taken.tail_hash);
}

/*
 * A stream that was not being read starts at the place that was taken; one
 * that was goes on where it was.
 */
void
agent_stream_attach(HomeoStream *stream, HomeoSource *source,
					const struct stat *st)
{
	ssize_t		got;

	stream->source = *source;
	stream->device = st->st_dev;
	stream->inode = st->st_ino;
	stream->size = st->st_size;
	stream->changed = agent_stream_changed(st);
	stream->gone = 0;
	stream->ending = false;
	stream->lost = false;
	stream->grown = agent_ticks();
	if (stream->bytes.len == 0 && !stream->skipping &&
		stream->position < stream->taken.offset)
	{
		stream->position = stream->taken.offset;
		stream->tail_known = stream->taken.tail_len;
		if (!agent_source_read_all(&stream->source, stream->position -
								   (int64_t) stream->tail_known, stream->tail,
								   stream->tail_known))
			stream->tail_known = 0;
	}
	got = agent_source_read(&stream->source, 0, stream->head,
							sizeof(stream->head));
	stream->head_known = got > 0 ? (size_t) got : 0;
}

bool
agent_stream_is_cut(HomeoStream *stream)
{
	struct stat st;
	char		bytes[AGENT_HEAD];
	size_t		n = stream->head_known;
	int64_t		read_to = agent_stream_next(stream);

	if (stream->source.gz != NULL || !agent_source_stat(&stream->source, &st))
		return false;
	if (st.st_size < read_to || st.st_size < (int64_t) n)
		return true;
	if (st.st_size == stream->size &&
		agent_stream_changed(&st) == stream->changed)
		return false;
	if (st.st_size != stream->size)
		stream->grown = agent_ticks();

	/* It may have been truncated and be as long as it was, or longer. */
	if (!agent_source_read_all(&stream->source, 0, bytes, n) ||
		memcmp(bytes, stream->head, n) != 0)
		return true;
	if (!agent_source_read_all(&stream->source, stream->position -
							   (int64_t) stream->tail_known, bytes,
							   stream->tail_known) ||
		memcmp(bytes, stream->tail, stream->tail_known) != 0)
		return true;
	stream->size = st.st_size;
	stream->changed = agent_stream_changed(&st);
	return false;
}

HomeoPlace
agent_stream_place(const HomeoStream *stream)
{
	HomeoPlace	place;

	place.offset = stream->position;
	place.tail_len = (uint32_t) stream->tail_known;
	place.tail_hash = agent_hash(stream->tail, stream->tail_known);
	return place;
}

void
agent_stream_take(HomeoStream *stream, const HomeoPlace *place)
{
	size_t		n = stream->head_known;

	if (place->offset < stream->taken.offset)
		return;
	stream->taken = *place;
	if ((int64_t) n > place->offset)
		n = (size_t) place->offset;
	if (n >= stream->head_len)
	{
		stream->head_len = (uint32_t) n;
		stream->head_hash = agent_hash(stream->head, n);
	}
}

void
agent_stream_pass(HomeoStream *stream, const char *bytes, size_t len)
{
	size_t		keep;

	if (len >= AGENT_TAIL)
	{
		memcpy(stream->tail, bytes + len - AGENT_TAIL, AGENT_TAIL);
		stream->tail_known = AGENT_TAIL;
		return;
	}
	keep = stream->tail_known;
	if (keep + len > AGENT_TAIL)
		keep = AGENT_TAIL - len;
	memmove(stream->tail, stream->tail + stream->tail_known - keep, keep);
	memcpy(stream->tail + keep, bytes, len);
	stream->tail_known = keep + len;
}

void
agent_stream_id(const HomeoStream *stream, const char *host, int64_t offset,
				char *id, size_t size)
{
	snprintf(id, size, "log:%.64s:%llx:%llx:%016llx:%u:%lld", host,
			 (unsigned long long) stream->born_device,
			 (unsigned long long) stream->born_inode,
			 (unsigned long long) stream->first_line, stream->generation,
			 (long long) offset);
}
