/*
 * stream.h
 *		What was once written into one file, wherever it is now.
 *
 * A log keeps its identity when its file is renamed, copied or compressed,
 * and another one begins when a file is truncated.  So a stream is known by
 * what it holds: its first bytes, and those before the place up to which it
 * was read.  Where it was first seen gives the ids of its events.
 */
#ifndef HOMEO_AGENT_STREAM_H
#define HOMEO_AGENT_STREAM_H

#include "agent/format.h"
#include "agent/source.h"

#define AGENT_HEAD		1024	/* bytes that tell streams apart */
#define AGENT_TAIL		256		/* bytes that tell how far one was read */

/* A compressed file that breaks off may grow for so long: microseconds. */
#define AGENT_INCOMPLETE_TIME	INT64_C(60000000)

/* A place in a stream, and what stands before it. */
typedef struct HomeoPlace
{
	int64_t		offset;
	uint32_t	tail_len;
	uint64_t	tail_hash;
} HomeoPlace;

typedef struct HomeoStream
{
	/* In the state file. */
	char	   *path;			/* as it is watched */
	char	   *real;			/* without symbolic links */
	uint64_t	born_device;	/* these four are in the ids of events */
	uint64_t	born_inode;
	uint64_t	first_line;		/* hash */
	uint32_t	generation;		/* streams with the same three before it */
	uint64_t	device;			/* of the file that holds it now; 0: none */
	uint64_t	inode;
	int64_t		size;			/* of that file, when it was last looked at */
	int64_t		changed;		/* its modification, microseconds */
	HomeoPlace	taken;			/* what is before was taken by the database */
	uint32_t	head_len;		/* bytes, before that place */
	uint64_t	head_hash;
	int64_t		intent_end;		/* records before that place were, perhaps, */
	int64_t		intent_time;	/* reported as of that time */
	int64_t		gone;			/* seconds since 1970; 0: not read to its end */
	const HomeoFormat *format;	/* NULL: not known yet */

	/* Only here. */
	struct HomeoStream *next;
	bool		saved;			/* the state file knows it */
	bool		present;		/* a watched path leads to it */
	bool		ending;			/* nothing more will be written */
	bool		lost;			/* its file went away before its end */
	bool		found_said;		/* that it was found again */
	bool		trouble_said;	/* that it cannot be read */
	int64_t		rescue_until;	/* ticks: until then, it is looked for */
	int64_t		grown;			/* ticks, when it last got longer */
	HomeoSource source;
	char		head[AGENT_HEAD];
	size_t		head_known;
	char		tail[AGENT_TAIL];	/* before position */
	size_t		tail_known;
	int64_t		position;		/* of the first byte not made a record yet */
	HomeoBuffer bytes;			/* what was read; of it, start bytes are past */
	size_t		start;
	HomeoFrame	frame;
	bool		skipping;		/* a line is too long */
	int64_t		skipped;		/* bytes of it that were thrown away */
} HomeoStream;

extern HomeoStream *agent_stream_new(const char *path, const char *real);
extern void agent_stream_free(HomeoStream *stream);

/* Is it read to its end, as far as anybody knows? */
static inline bool
agent_stream_done(const HomeoStream *stream)
{
	return stream->gone != 0;
}

static inline bool
agent_stream_is_open(const HomeoStream *stream)
{
	return stream->source.fd >= 0;
}

/* Where the next byte is to be read. */
static inline int64_t
agent_stream_next(const HomeoStream *stream)
{
	return stream->position + stream->skipped +
		(int64_t) (stream->bytes.len - stream->start);
}

/* When a file was modified: microseconds since 1970. */
extern int64_t agent_stream_changed(const struct stat *st);

/* The hash of the first line of a file, or of its first AGENT_HEAD bytes. */
extern uint64_t agent_stream_first_line(const char *head, size_t len);

/* Has a file everything that was read of the stream? */
typedef enum HomeoPresence
{
	HOMEO_NOT_IN,
	HOMEO_MAY_BE_IN,			/* somebody is still writing the file */
	HOMEO_IS_IN
} HomeoPresence;

extern HomeoPresence agent_stream_in(const HomeoStream *stream,
									 HomeoSource *source);

/* Goes on reading, in a file that has what was read. */
extern void agent_stream_attach(HomeoStream *stream, HomeoSource *source,
								const struct stat *st);

/* Has the file that is being read been truncated or written anew? */
extern bool agent_stream_is_cut(HomeoStream *stream);

/* The place that has been reached, and that it is taken. */
extern HomeoPlace agent_stream_place(const HomeoStream *stream);
extern void agent_stream_take(HomeoStream *stream, const HomeoPlace *place);

/* Notes bytes, the last before the next position. */
extern void agent_stream_pass(HomeoStream *stream, const char *bytes,
							  size_t len);

/* The id of the record at offset; at most HOMEO_WIRE_ID_LIMIT bytes. */
extern void agent_stream_id(const HomeoStream *stream, const char *host,
							int64_t offset, char *id, size_t size);

#endif							/* HOMEO_AGENT_STREAM_H */
