/*
 * state.c
 *		The state file: what is known of each stream, between runs.
 *
 * A line for each stream, its numbers and its two paths separated by blanks;
 * a line before tells the version, one behind the number of streams and a
 * hash of all that.
 */
#include "agent/state.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/files.h"
#include "agent/hash.h"
#include "agent/json.h"
#include "agent/say.h"

#define TITLE	"homeostasis-agent state 1\n"

static void
path_of(const char *directory, char *path, size_t size)
{
	snprintf(path, size, "%s/state", directory);
}

/* Bytes as they are, so that any path comes back: %XX for the odd ones. */
static void
write_path(HomeoBuffer *out, const char *path)
{
	for (; *path != '\0'; path++)
	{
		if (*path > ' ' && *path < 0x7f && *path != '%')
			agent_buffer_add_char(out, *path);
		else
			agent_buffer_print(out, "%%%02X", (unsigned char) *path);
	}
}

static void
read_path(char *path)
{
	char	   *out = path;

	for (; *path != '\0'; path++)
	{
		unsigned	byte;

		if (*path == '%' && isxdigit((unsigned char) path[1]) &&
			isxdigit((unsigned char) path[2]))
		{
			(void) sscanf(path + 1, "%2X", &byte);
			*out++ = (char) byte;
			path += 2;
		}
		else
			*out++ = *path;
	}
	*out = '\0';
}

static void
write_stream(HomeoBuffer *out, const HomeoStream *s)
{
	/* It is read to its end when that was taken, too. */
	int64_t		gone = s->taken.offset < s->position ? 0 : s->gone;

	agent_buffer_print(out, "%" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIu32
					   " %" PRIx64 " %" PRIx64 " %" PRId64 " %" PRId64,
					   s->born_device, s->born_inode, s->first_line,
					   s->generation, s->device, s->inode, s->size,
					   s->changed);
	agent_buffer_print(out, " %" PRId64 " %" PRIu32 " %" PRIx64 " %" PRIu32
					   " %" PRIx64 " %" PRId64 " %" PRId64 " %" PRId64 " %s ",
					   s->taken.offset, s->taken.tail_len, s->taken.tail_hash,
					   s->head_len, s->head_hash, s->intent_end,
					   s->intent_time, gone,
					   s->format == NULL ? "auto" : s->format->name);
	write_path(out, s->path);
	agent_buffer_add_char(out, ' ');
	write_path(out, s->real);
	agent_buffer_add_char(out, '\n');
}

static HomeoStream *
read_stream(const char *line)
{
	HomeoStream n = {0};
	HomeoStream *s;
	char		format[20];
	char		path[3 * PATH_MAX];
	char		real[3 * PATH_MAX];

	if (sscanf(line, "%" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNu32
			   " %" SCNx64 " %" SCNx64 " %" SCNd64 " %" SCNd64
			   " %" SCNd64 " %" SCNu32 " %" SCNx64 " %" SCNu32
			   " %" SCNx64 " %" SCNd64 " %" SCNd64 " %" SCNd64
			   " %19s %12287s %12287s",
			   &n.born_device, &n.born_inode, &n.first_line, &n.generation,
			   &n.device, &n.inode, &n.size, &n.changed, &n.taken.offset,
			   &n.taken.tail_len, &n.taken.tail_hash, &n.head_len,
			   &n.head_hash, &n.intent_end, &n.intent_time, &n.gone, format,
			   path, real) != 19 ||
		n.taken.offset < 0 || n.taken.tail_len > AGENT_TAIL ||
		n.taken.tail_len > n.taken.offset || n.head_len > AGENT_HEAD)
		return NULL;
	read_path(path);
	read_path(real);
	s = agent_stream_new(path, real);
	s->born_device = n.born_device;
	s->born_inode = n.born_inode;
	s->first_line = n.first_line;
	s->generation = n.generation;
	s->device = n.device;
	s->inode = n.inode;
	s->size = n.size;
	s->changed = n.changed;
	s->taken = n.taken;
	s->position = n.taken.offset;
	s->head_len = n.head_len;
	s->head_hash = n.head_hash;
	s->intent_end = n.intent_end;
	s->intent_time = n.intent_time;
	s->gone = n.gone;
	s->format = agent_format_named(format);
	s->saved = true;
	return s;
}

/* The streams of a state; false: it is damaged. */
static bool
parse(HomeoSpan text, HomeoStream **streams)
{
	const char *last;
	HomeoSpan	body;
	uint64_t	hash;
	int			expected;
	int			count = 0;

	*streams = NULL;
	if (!agent_span_starts(text, TITLE) || text.data[text.len - 1] != '\n')
		return false;
	last = memrchr(text.data, '\n', text.len - 1);
	if (last == NULL)
		return false;
	body = agent_span(text.data, (size_t) (last - text.data) +1);
	if (sscanf(last + 1, "end %d %" SCNx64, &expected, &hash) != 2 ||
		hash != agent_hash(body.data, body.len))
		return false;

	body = agent_span_from(body, strlen(TITLE));
	while (body.len > 0)
	{
		HomeoStream *stream = read_stream(body.data);

		(void) agent_span_line(body, &body);
		if (stream == NULL)
			return false;
		stream->next = *streams;
		*streams = stream;
		count++;
	}
	return count == expected;
}

HomeoStream *
agent_state_load(const char *directory, bool *found)
{
	char		path[PATH_MAX];
	char		aside[PATH_MAX + 10];
	HomeoBuffer text = {0};
	HomeoStream *streams = NULL;

	path_of(directory, path, sizeof(path));
	*found = agent_read_file(path, &text);
	if (!*found && errno != ENOENT)
		agent_fail("could not read %s: %s", path, strerror(errno));
	if (*found && !parse(agent_buffer_span(&text), &streams))
	{
		snprintf(aside, sizeof(aside), "%s.damaged", path);
		(void) rename(path, aside);
		agent_warn("%s is damaged and was renamed to %s: all files are read from their beginning, and what was reported may be reported again",
				   path, aside);
		while (streams != NULL)
		{
			HomeoStream *next = streams->next;

			agent_stream_free(streams);
			streams = next;
		}
	}
	agent_buffer_free(&text);
	return streams;
}

bool
agent_state_save(const char *directory, HomeoStream *streams)
{
	char		path[PATH_MAX];
	HomeoBuffer text = {0};
	HomeoStream *s;
	int			count = 0;
	bool		done;

	agent_buffer_add_string(&text, TITLE);
	for (s = streams; s != NULL; s = s->next)
	{
		write_stream(&text, s);
		count++;
	}
	agent_buffer_print(&text, "end %d %" PRIx64 "\n", count,
					   agent_hash(text.data, text.len));
	path_of(directory, path, sizeof(path));
	done = agent_write_file(path, agent_buffer_span(&text));
	if (!done)
		agent_warn("could not write %s: %s; nothing more is reported until it can be written",
				   path, strerror(errno));
	for (s = streams; done && s != NULL; s = s->next)
		s->saved = true;
	agent_buffer_free(&text);
	return done;
}
